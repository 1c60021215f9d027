"""The reader of PBF against pyosmium, which shares no code with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import osmium
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from osmium.osm.mutable import Node, Relation, Way

from lastmile_net.errors import DataError
from lastmile_net.read.osm import layers_from_pbf
from lastmile_net.read.osm.columns import Pool
from lastmile_net.read.osm.pbf import PbfFile
from lastmile_net.read.osm.protobuf import UnreadableError, varint, varints

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lastmile_net.read.osm.pbf import Kind

TEXT = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=40)
TAGS = st.dictionaries(st.sampled_from(["highway", "name", "building", "x"]), TEXT.filter(bool), max_size=4)
IDS = st.integers(-(2**40), 2**40)
LON, LAT = st.integers(-1_800_000_000, 1_800_000_000), st.integers(-900_000_000, 900_000_000)
NODES = st.lists(st.tuples(IDS, LON, LAT, TAGS), max_size=8)
WAYS = st.lists(st.tuples(IDS, st.lists(IDS, max_size=5), TAGS), max_size=6)
MEMBERS = st.lists(st.tuples(st.sampled_from("nwr"), IDS, st.sampled_from(["outer", "inner", ""])), max_size=4)
RELATIONS = st.lists(st.tuples(IDS, MEMBERS, TAGS), max_size=4)
KEPT = {"highway": True, "name": True, "building": True, "x": True}


def write(path: Path, form: str, nodes: Sequence[Any], ways: Sequence[Any] = (), relations: Sequence[Any] = ()) -> None:
    """Let pyosmium write a file."""
    path.unlink(missing_ok=True)
    with osmium.SimpleWriter(osmium.io.File(str(path), form)) as writer:
        for ident, lon, lat, tags in nodes:
            writer.add_node(Node(id=ident, location=(lon / 1e7, lat / 1e7), tags=tags, version=1))
        for ident, refs, tags in ways:
            writer.add_way(Way(id=ident, nodes=refs, tags=tags, version=1))
        for ident, members, tags in relations:
            writer.add_relation(Relation(id=ident, members=members, tags=tags, version=1))


def read(path: Path, kind: Kind) -> list[tuple[Any, ...]]:
    """Return id, what it consists of, and tags of each tagged object."""
    found: list[tuple[Any, ...]] = []
    for block in PbfFile(path).blocks(kind):
        for objects in block.objects(kind):
            rows, tags = block.select(objects, KEPT, Pool())
            owner, refs = objects.references(rows)
            whose, number, types, roles = objects.members(rows) if kind == "r" else [np.empty(0, np.int64)] * 4
            for at, row in enumerate(rows.tolist()):
                told = {key: tags.texts(key)[at] for key in tags.columns if tags.texts(key)[at] is not None}
                mine = np.flatnonzero(whose == at)
                members = [("nwr"[types[i]], int(number[i]), block.text(int(roles[i]))) for i in mine]
                body = {"n": objects.place[row].tolist() if kind == "n" else None, "w": refs[owner == at].tolist()}
                found.append((int(objects.number[row]), body.get(kind, members), told))
    return found


@pytest.mark.parametrize("form", ["pbf", "pbf,pbf_dense_nodes=false", "pbf,pbf_compression=none", "osh.pbf"])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(nodes=NODES, ways=WAYS, relations=RELATIONS)
def test_everything_comes_back(
    tmp_path: Path, form: str, nodes: list[Any], ways: list[Any], relations: list[Any]
) -> None:
    """Ids of any size, places on both halves of the globe, texts in any script: as pyosmium wrote them."""
    path = tmp_path / "written.pbf"
    write(path, form, nodes, ways, relations)
    assert read(path, "n") == [(i, [lon, lat], tags) for i, lon, lat, tags in nodes if tags]
    assert read(path, "w") == [each for each in ways if each[2]]
    assert read(path, "r") == [each for each in relations if each[2]]


def test_many_blocks(tmp_path: Path) -> None:
    """A file has a block for every few thousand objects; none may be left out, and texts must not get mixed up."""
    nodes = [(i, 10 * i, -7 * i, {"name": f"n{i % 977}", "x": "y"} if i % 3 else {}) for i in range(1, 20_000)]
    write(tmp_path / "many.pbf", "pbf", nodes)
    assert read(tmp_path / "many.pbf", "n") == [(i, [x, y], tags) for i, x, y, tags in nodes if tags]


def test_packed_in_another_way(tmp_path: Path) -> None:
    """What this reader does not unpack, pyosmium does; the layers are the same."""
    nodes = [(1, 100_000_000, 500_000_000, {"addr:housenumber": "1"}), (2, 100_010_000, 500_000_000, {})]
    ways = [(7, [1, 2], {"highway": "service"})]
    write(tmp_path / "plain.osm.pbf", "pbf", nodes, ways)
    write(tmp_path / "other.osm.pbf", "pbf,pbf_compression=lz4", nodes, ways)
    plain, other = (layers_from_pbf(tmp_path / f"{name}.osm.pbf") for name in ("plain", "other"))
    assert len(plain.streets) == len(plain.customers) == 1
    assert other.streets.equals(plain.streets)
    assert other.customers.equals(plain.customers)


def test_an_object_that_comes_twice_counts_once(tmp_path: Path) -> None:
    """Extracts put together overlap; a customer id that comes twice would stop every plan."""
    nodes = [(1, 100_000_000, 500_000_000, {"addr:housenumber": n}) for n in ("1", "2")]
    write(tmp_path / "twice.osm.pbf", "pbf", nodes)
    assert layers_from_pbf(tmp_path / "twice.osm.pbf").customers["housenumber"].tolist() == ["2"]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=4), cut=st.booleans())
def test_spoilt_files_end_in_layers_or_an_error(tmp_path: Path, at: list[tuple[int, int]], cut: bool) -> None:
    """A broken download must end in a sentence, never in a traceback, whichever byte is wrong."""
    path = tmp_path / "spoilt.osm.pbf"
    nodes = [(i, 100_000_000 + 1000 * i, 500_000_000, {"addr:housenumber": str(i)}) for i in range(1, 6)]
    relations = [(8, [("w", 7, "outer")], {"building": "house"})]
    write(path, "pbf,pbf_compression=none", nodes, [(7, [1, 2, 3], {"highway": "service"})], relations)
    data = bytearray(path.read_bytes())
    for place, byte in at:
        data[place % len(data)] = byte
    path.write_bytes(data[: at[0][0] % len(data)] if cut else data)
    try:
        layers_from_pbf(path)
    except DataError as error:
        assert "spoilt.osm.pbf" in str(error)


def test_numbers_of_every_length() -> None:
    """One to ten bytes, up to the last bit: a lost one moves a node to another place."""
    numbers = [0, 1, 127, 128, 300, 2**21, 2**35 - 1, 2**42, 2**56, 2**62 + 5, 2**63 - 1]
    data = bytearray()
    for number in numbers:
        left = number
        while left >= 128:
            data.append(left & 127 | 128)
            left >>= 7
        data.append(left)
    assert varints(np.frombuffer(bytes(data), np.uint8))[0].tolist() == numbers


def test_a_number_without_an_end_is_refused() -> None:
    """Megabytes of a number that never ends would keep the reader busy for hours."""
    assert varint(b"\xff" * 9 + b"\x01", 0) == (2**64 - 1, 10)
    with pytest.raises(UnreadableError, match="too long"):
        varint(b"\xff" * 1_000_000, 0)
