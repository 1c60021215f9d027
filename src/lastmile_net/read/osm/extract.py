"""Layers from an extract on disk, streamed: nothing but what is needed is ever held."""

from __future__ import annotations

import gc
import subprocess
import sys
import zlib
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
import shapely

from lastmile_net.counts import agree
from lastmile_net.errors import ConfigError, DataError, Fault, MissingFileError
from lastmile_net.read.osm.area import asked_area
from lastmile_net.read.osm.columns import Pool, Tags
from lastmile_net.read.osm.layers import KEPT, Customers, Found, OsmLayers, assemble, matters
from lastmile_net.read.osm.outlines import NO_OUTLINE, Shapes
from lastmile_net.read.osm.pbf import PbfFile, UnusualError
from lastmile_net.read.osm.places import DEGREE, Places, Runs, areas_inside, points_at
from lastmile_net.read.osm.tags import KEYS, is_line, is_street

if TYPE_CHECKING:
    from collections.abc import Iterator

    import geopandas as gpd
    from numpy.typing import NDArray

    from lastmile_net.read.osm.area import Area, BBox
    from lastmile_net.read.osm.pbf import Block, Kind, Objects

    Geometries = NDArray[np.object_]
    Ints = NDArray[np.int64]

SUFFIXES = (".osm.pbf", ".pbf", ".osm", ".osm.gz", ".osm.bz2")
_KEPT = {key: key in KEYS for key in sorted(KEPT | set(KEYS))}
_WAY = 1
AROUND_DEG = 0.01
"""So far around an area nodes are looked for, that ways are known by which cross it between two of their nodes."""


def layers_from_pbf(
    path: str | Path,
    *,
    bbox: BBox | None = None,
    polygon: Area | gpd.GeoDataFrame | None = None,
    customers: Customers = "addresses",
) -> OsmLayers:
    """
    Make planning layers from an OpenStreetMap extract.

    Parameters
    ----------
    path
        `.osm.pbf`, `.osm`, `.osm.gz` or `.osm.bz2`; its objects may come in any order.
    bbox
        West, south, east, north, in degrees: only what lies in this box, or reaches into it, whole.
    polygon
        The same for an area in EPSG:4326, or a layer of polygons in any CRS.
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
    ConfigError, CrsError
        If both a box and polygons are given, the box is none, or the polygons have no CRS.
    DataError
        If it cannot be read as OpenStreetMap data.

    Notes
    -----
    The file is streamed three times, for relations, ways and nodes, a block at a time. Only the places of those
    nodes are kept that the wanted ways need, so memory grows with what is wanted and not with the file; for an area it
    is streamed once more, for the nodes in and around it, so that memory grows with the area. XML, and PBF
    packed in an unusual way, is parsed once by pyosmium, into a temporary file. A way whose nodes are partly missing,
    because the extract was cut out of more, keeps the stretches that are known; none is bridged.
    """
    path = Path(path)
    _check(path)
    if bbox is not None and polygon is not None:
        raise ConfigError([Fault("the area is not clear", "Give a bbox or a polygon, not both.")])
    area = None if bbox is None and polygon is None else asked_area(bbox, polygon)
    with _uncollected():
        return _layers(path, customers, area)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep Python from looking for cycles among a hundred thousand new geometries: it took half of the time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _layers(path: Path, customers: Customers, area: Area | None) -> OsmLayers:
    try:
        try:
            found = _read(PbfFile(path), customers, area) if path.name.lower().endswith(".pbf") else None
        except UnusualError:
            found = None
        if found is None:
            with _written_anew(path) as plain:
                found = _read(PbfFile(plain), customers, area)
    except DataError:
        raise
    except (ValueError, IndexError, OverflowError, UnusualError, zlib.error) as error:
        raise DataError([_broken(path, str(error))]) from error
    return assemble(found, customers)


def _broken(path: Path, why: str) -> Fault:
    return Fault(f"cannot be read as OpenStreetMap data: {why}", "Download or export it again.", str(path))


def _check(path: Path) -> None:
    if not path.is_file():
        raise MissingFileError([Fault("no such file", "Check the path.", str(path))])
    if not path.name.lower().endswith(SUFFIXES):
        cure = f"Give a file that ends in one of {', '.join(SUFFIXES)}."
        raise DataError([Fault("is no OpenStreetMap extract by its name", cure, str(path))])


@contextmanager
def _written_anew(path: Path) -> Iterator[Path]:
    """Have a file unpacked and parsed once, into a PBF that can be read several times at little cost."""
    form = next(suffix for suffix in SUFFIXES if path.name.lower().endswith(suffix))
    with TemporaryDirectory(prefix="lastmile-") as folder:
        plain = Path(folder) / "extract.pbf"
        script = Path(__file__).with_name("anew.py")
        command = [sys.executable, "-I", str(script), str(path.absolute()), form.removeprefix("."), str(plain)]
        done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", check=False)
        if done.returncode:
            said = done.stderr.strip().splitlines()
            raise DataError([_broken(path, said[-1] if said else "the parser crashed")])
        yield plain


@dataclass
class _Taken:
    """
    Objects that were taken in, block after block.

    `owner` is the object, by its place among them, that refers to the way or node `refers`.
    """

    number: list[Ints] = field(default_factory=list)
    tags: list[Tags] = field(default_factory=list)
    owner: list[Ints] = field(default_factory=list)
    refers: list[Ints] = field(default_factory=list)
    count: int = 0

    def add(self, number: Ints, tags: Tags | None, owner: Ints, refers: Ints) -> None:
        """Take in objects of a block, with what they refer to."""
        self.number.append(number)
        self.tags += [tags] if tags is not None else []
        self.owner.append(owner + self.count)
        self.refers.append(refers)
        self.count += len(number)


def _read(file: PbfFile, customers: Customers, area: Area | None) -> Found:
    pool = Pool()
    near = None if area is None else _nodes_near(file, area)
    relations = _relations(file, customers, pool)
    outer = _joined(relations.refers)
    ways, walls = _ways(file, customers, pool, np.unique(outer), near)
    places = Places(_joined([*ways.refers, *walls.refers]))
    nodes, points = _nodes(file, customers, pool, places, near)
    sides = Runs.along(_joined(walls.owner), places.of(_joined(walls.refers)), walls.count)
    lines = sides.lines(np.ones(walls.count, dtype=bool))
    areas = areas_inside(_joined(relations.owner), _walls(outer, _joined(walls.number), lines), relations.count)
    runs = Runs.along(_joined(ways.owner), places.of(_joined(ways.refers)), ways.count)
    found = Found(
        np.repeat(["n", "w", "r"], [nodes.count, ways.count, relations.count]),
        _joined([*nodes.number, *ways.number, *relations.number]),
        Tags.joined([*nodes.tags, *ways.tags, *relations.tags], pool),
        _shapes(points, runs, Tags.joined(ways.tags, pool), areas),
    )
    if runs.cut:
        one = "1 way leads out of the extract: it ends where its known nodes end"
        many = f"{runs.cut:,} ways lead out of the extract: they end where their known nodes end"
        found.notes.append(agree(runs.cut, one, many))
    return found if area is None else _inside(found, area)


def _nodes_near(file: PbfFile, area: Area) -> Ints:
    """Return the ids of the nodes in and around an area; a way without any of them has no part in it."""
    west, south, east, north = area.bounds
    low, high = np.array([west, south]) - AROUND_DEG, np.array([east, north]) + AROUND_DEG
    near = []
    for block in file.blocks("n"):
        for objects in block.objects("n"):
            inside = (objects.place >= low * DEGREE) & (objects.place <= high * DEGREE)
            near.append(objects.number[inside.all(axis=1) & objects.here])
    return np.unique(_joined(near))


def _inside(found: Found, area: Area) -> Found:
    """Keep of what was found the objects that reach into an area."""
    shapely.prepare(area)
    rows = np.flatnonzero(found.shapes.placed)
    rows = rows[shapely.intersects(area, found.shapes.drawn(rows))]
    return replace(
        found,
        kind=found.kind[rows],
        number=found.number[rows],
        tags=found.tags.take(rows),
        shapes=found.shapes.take(rows),
    )


def _shapes(points: Geometries, runs: Runs, tags: Tags, areas: Geometries) -> Shapes:
    """Give nodes, ways and relations their shapes: a closed way that is neither street nor line is an area."""
    flat = runs.closed() & ~(is_street(tags) | is_line(tags))
    outline = np.full(len(points) + len(flat) + len(areas), NO_OUTLINE)
    outline[len(points) + np.flatnonzero(flat)] = np.arange(int(flat.sum()))
    return Shapes(np.concatenate([points, runs.lines(~flat), areas]), outline, runs.outlines(flat))


def _matching(
    file: PbfFile, kind: Kind, customers: Customers, pool: Pool
) -> Iterator[tuple[Block, Objects, Ints, Tags]]:
    """Return blocks with the rows and tags of their objects that matter."""
    for block in file.blocks(kind):
        for objects in block.objects(kind):
            rows, tags = block.select(objects, _KEPT, pool)
            keep = matters(kind, tags, customers)
            yield block, objects, rows[keep], tags.take(keep)


def _relations(file: PbfFile, customers: Customers, pool: Pool) -> _Taken:
    """Take in buildings that are mapped as relations, with their outer ways."""
    taken = _Taken()
    for block, objects, rows, tags in _matching(file, "r", customers, pool):
        owner, member, kind, role = objects.members(rows)
        outer = np.array([place for place in np.unique(role).tolist() if block.text(place) in ("outer", "")])
        keep = (kind == _WAY) & np.isin(role, outer)
        taken.add(objects.number[rows], tags, owner[keep], member[keep])
    return taken


def _ways(file: PbfFile, customers: Customers, pool: Pool, members: Ints, near: Ints | None) -> tuple[_Taken, _Taken]:
    """Take in ways that matter, and those that are walls of relations, with their nodes; all, or those near an area."""
    ways, walls = _Taken(), _Taken()
    for _, objects, rows, tags in _matching(file, "w", customers, pool):
        kept = _ways_along(objects, rows, near)
        ways.add(objects.number[rows[kept]], tags.take(kept), *objects.references(rows[kept]))
        sides = np.flatnonzero(np.isin(objects.number, members) & objects.here)
        sides = sides[_ways_along(objects, sides, near)]
        walls.add(objects.number[sides], None, *objects.references(sides))
    return ways, walls


def _ways_along(objects: Objects, rows: Ints, near: Ints | None) -> Ints:
    """Return the places in `rows` of the ways that lead along any of some nodes, or of all ways."""
    if near is None:
        return np.arange(len(rows))
    owner, node = objects.references(rows)
    return np.unique(owner[np.isin(node, near)])


def _nodes(
    file: PbfFile, customers: Customers, pool: Pool, places: Places, near: Ints | None
) -> tuple[_Taken, NDArray[np.object_]]:
    """Take in nodes that matter, as points, all or those near an area; note the places of all that are wanted."""
    taken, xy, none = _Taken(), [np.empty((0, 2), np.int64)], np.empty(0, np.int64)
    for _, objects, rows, tags in _matching(file, "n", customers, pool):
        place, here = objects.place, objects.here
        places.note(*((objects.number, place) if here.all() else (objects.number[here], place[here])))
        if near is not None:
            kept = np.isin(objects.number[rows], near)
            rows, tags = rows[kept], tags.take(kept)
        taken.add(objects.number[rows], tags, none, none)
        xy.append(place[rows])
    return taken, points_at(np.concatenate(xy))


def _walls(wanted: Ints, number: Ints, lines: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return the line of each wall; None for one that is missing or cut."""
    known = {way: line for way, line in zip(number.tolist(), lines, strict=True) if shapely.get_type_id(line) == 1}
    walls = np.full(len(wanted), None, dtype=object)
    walls[:] = [known.get(way) for way in wanted.tolist()]
    return walls


def _joined(parts: list[Ints]) -> Ints:
    return np.concatenate(parts) if parts else np.empty(0, np.int64)
