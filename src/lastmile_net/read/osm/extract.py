"""Layers from an extract on disk, streamed: nothing but what is needed is ever held."""

from __future__ import annotations

from collections import defaultdict
from contextlib import contextmanager
from functools import lru_cache
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import osmium
import shapely
from osmium.filter import IdFilter, KeyFilter
from osmium.geom import WKBFactory
from osmium.io import File
from osmium.osm import NODE, RELATION, WAY, Node, Relation, Way

from lastmile_net.errors import DataError, Fault, MissingFileError
from lastmile_net.read.osm.layers import KEPT, Customers, Found, OsmLayers, assemble, matters
from lastmile_net.read.osm.tags import KEYS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


Mapped = Node | Way | Relation
SUFFIXES = (".osm.pbf", ".pbf", ".osm", ".osm.gz", ".osm.bz2")
CHUNK = 50_000
SMALL_BYTES = 64_000_000
"""Up to this size it is quicker to note where all nodes are (about 150 MB) than to ask which are needed."""


def layers_from_pbf(path: str | Path, *, customers: Customers = "addresses") -> OsmLayers:
    """
    Make planning layers from an OpenStreetMap extract.

    Parameters
    ----------
    path
        `.osm.pbf`, `.osm`, `.osm.gz` or `.osm.bz2`; its objects may come in any order.
    customers
        What stands for a customer: an address, a residential building, or both.

    Returns
    -------
    layers
        Streets, customers, backbone, and notes.

    Raises
    ------
    MissingFileError
        If there is no such file.
    DataError
        If it cannot be read as OpenStreetMap data.

    Notes
    -----
    The file is streamed a few times, and XML is parsed once, into a temporary PBF. Of a large file only
    the places of those nodes are kept that the wanted ways need, so memory grows with what is wanted and
    not with the file. A way whose nodes are partly missing,
    because the extract was cut out of more, keeps the stretches that are known; none is bridged.
    """
    path = Path(path)
    _check(path)
    try:
        with _quick_to_read(path) as quick:
            found = _read(quick, customers, all_nodes=path.stat().st_size <= SMALL_BYTES)
    except (RuntimeError, UnicodeDecodeError) as error:
        fault = Fault(f"cannot be read as OpenStreetMap data: {error}", "Download or export it again.", str(path))
        raise DataError([fault]) from error
    return assemble(found, customers)


def _check(path: Path) -> None:
    if not path.is_file():
        raise MissingFileError([Fault("no such file", "Check the path.", str(path))])
    if not path.name.lower().endswith(SUFFIXES):
        cure = f"Give a file that ends in one of {', '.join(SUFFIXES)}."
        raise DataError([Fault("is no OpenStreetMap extract by its name", cure, str(path))])


@contextmanager
def _quick_to_read(path: Path) -> Iterator[File]:
    """Unpack and parse XML once, into a file that can be read several times at little cost."""
    form = next(suffix for suffix in SUFFIXES if path.name.lower().endswith(suffix))
    given = File(str(path), form.removeprefix("."))
    if form.endswith(".pbf"):
        yield given
        return
    with TemporaryDirectory(prefix="lastmile-") as folder:
        quick = File(str(Path(folder) / "extract"), "osh.pbf,pbf_compression=none")  # osh: deleted stays deleted
        with osmium.io.Reader(given, NODE | WAY | RELATION) as reader, osmium.SimpleWriter(quick) as writer:
            osmium.apply(reader, writer)
        yield quick


def _read(path: File, customers: Customers, *, all_nodes: bool) -> Found:
    outlines = _outlines(path, customers)
    members = {way for ways in outlines.values() for way in ways}
    locate = _locate(path, customers, members, all_nodes=all_nodes)
    found = Found()
    shapes = _Shapes(found)
    for each in chain(_objects(path, NODE), _objects(path, WAY, locate)):
        tags = _tags(each)
        if matters(each.type_str(), tags, customers):
            shapes.add(each, tags)
    shapes.flush()
    if members:
        _add_relations(path, outlines, _member_lines(path, members, locate), found)
    if shapes.cut:
        found.notes.append(f"{shapes.cut} ways lead out of the extract: they end where their known nodes end")
    return found


def _objects(path: File, entities: osmium.osm.osm_entity_bits, *handlers: object) -> Iterator[Mapped]:
    """Tagged objects that may matter, past filters that run in C++."""
    processor = osmium.FileProcessor(path, entities).with_filter(KeyFilter(*KEYS))
    for handler in handlers:
        processor = processor.with_filter(handler)
    for each in processor:
        if isinstance(each, (Node, Way, Relation)) and not each.deleted and each.visible:
            yield each


def _tags(each: Mapped) -> Mapping[str, str]:
    tags = each.tags
    if len(tags) == 1:
        tag = next(iter(tags))
        return _lone(tag.k, tag.v)
    if len(tags) > len(KEPT) / 2:  # registers leave their own tags by the dozen: asking beats listing
        return {key: value for key in KEPT if (value := tags.get(key)) is not None}
    return {tag.k: tag.v for tag in tags if tag.k in KEPT}


@lru_cache(maxsize=1000)
def _lone(key: str, value: str) -> Mapping[str, str]:
    """Let all objects with this one tag share it: most buildings say no more than that they are one."""
    return {key: value}


def _outlines(path: File, customers: Customers) -> dict[int, list[int]]:
    """Outer ways of each wanted building that is mapped as a relation."""
    outlines: dict[int, list[int]] = {}
    for each in _objects(path, RELATION):
        if isinstance(each, Relation) and matters("r", _tags(each), customers):
            outlines[each.id] = [m.ref for m in each.members if m.type == "w" and m.role in ("outer", "")]
    return outlines


def _locate(path: File, customers: Customers, members: set[int], *, all_nodes: bool) -> osmium.NodeLocationsForWays:
    """Return a handler that knows where the nodes of the wanted ways are; in a small file, where all nodes are."""
    locate = osmium.NodeLocationsForWays(osmium.index.create_map("flex_mem"))
    locate.ignore_errors()  # a way may lead out of the extract
    with osmium.io.Reader(path, NODE) as reader:
        if all_nodes:
            osmium.apply(reader, locate)
        else:
            osmium.apply(reader, _needed(path, customers, members).id_filter(), locate)
    return locate


def _needed(path: File, customers: Customers, members: set[int]) -> osmium.IdTracker:
    """Note the nodes that the wanted ways need."""
    tracker = osmium.IdTracker()
    for each in _objects(path, WAY):
        if matters("w", _tags(each), customers):
            tracker.add_references(each)
    if members:
        for way in osmium.FileProcessor(path, WAY).with_filter(IdFilter(members)):
            tracker.add_references(way)
    return tracker


class _Shapes:
    """Turns ways and nodes into geometries, many at a time, and counts the ways that are cut."""

    def __init__(self, found: Found) -> None:
        self.found = found
        self.cut = 0
        self._wkb = WKBFactory()
        self._waiting: list[str | shapely.Geometry | None] = []

    def add(self, each: Mapped, tags: Mapping[str, str]) -> None:
        """Take in one object that matters."""
        geometry: str | shapely.Geometry | None = None
        if isinstance(each, Way):
            geometry = self._way(each)
        elif isinstance(each, Node) and each.location.valid():
            geometry = str(self._wkb.create_point(each.location))
        self.found.add(each.type_str(), each.id, tags, None)
        self._waiting.append(geometry)
        if len(self._waiting) >= CHUNK:
            self.flush()

    def _way(self, way: Way) -> str | shapely.Geometry | None:
        try:
            return str(self._wkb.create_linestring(way))
        except (osmium.InvalidLocationError, RuntimeError):
            runs = known_runs(way)
            self.cut += any(not node.location.valid() for node in way.nodes)
            return shapely.MultiLineString(runs) if len(runs) > 1 else shapely.linestrings(runs[0]) if runs else None

    def flush(self) -> None:
        """Make geometries of what waits."""
        if not self._waiting:
            return
        start = len(self.found.geometry) - len(self._waiting)
        made = [g if g is None or isinstance(g, str) else shapely.to_wkb(g, hex=True) for g in self._waiting]
        self.found.geometry[start:] = shapely.from_wkb(made).tolist()
        self._waiting.clear()


def known_runs(way: Way) -> list[list[tuple[float, float]]]:
    """Stretches of a way between its missing nodes, each of two places or more."""
    runs: list[list[tuple[float, float]]] = [[]]
    for node in way.nodes:
        if not node.location.valid():
            runs.append([])
            continue
        place = (node.lon, node.lat)
        if not runs[-1] or runs[-1][-1] != place:
            runs[-1].append(place)
    return [run for run in runs if len(run) > 1]


def _member_lines(path: File, members: set[int], locate: osmium.NodeLocationsForWays) -> dict[int, shapely.Geometry]:
    processor = osmium.FileProcessor(path, WAY).with_filter(IdFilter(members)).with_filter(locate)
    runs = {way.id: known_runs(way) for way in processor if isinstance(way, Way)}
    return {ident: shapely.linestrings(each[0]) for ident, each in runs.items() if len(each) == 1}


def _add_relations(
    path: File, outlines: dict[int, list[int]], lines: dict[int, shapely.Geometry], found: Found
) -> None:
    """Take in buildings mapped as relations: the area inside their outer ways."""
    known = defaultdict(list, {ident: [lines[w] for w in ways if w in lines] for ident, ways in outlines.items()})
    for each in _objects(path, RELATION):
        if each.id not in outlines:
            continue
        rings = shapely.get_parts(shapely.polygonize(known[each.id]))
        area = shapely.union_all(rings) if len(rings) else shapely.union_all(known[each.id])
        found.add("r", each.id, _tags(each), area)
