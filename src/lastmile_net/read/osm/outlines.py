"""Where objects lie. The outlines of buildings stay arrays for as long as that will do."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]
    Geometries = NDArray[np.object_]

POINT, LINES, AREAS = 0, (1, 5), (3, 6)
NO_OUTLINE = -1
CELL_DEGREES = 0.001
"""Places are looked for near a building in cells of this size: few buildings are larger."""
_AT_ONCE = 4096
"""So many outlines, and what is reckoned from them, lie in a processor's cache."""
_SURE_DEGREES = 1e-12
"""A centre that lies nearer than this to a wall, or in line with one, is looked at by shapely."""


class Outlines:
    """
    Outlines of areas, one after another.

    Parameters
    ----------
    xy
        Corners in degrees; the first one of an outline comes again as its last.
    begin
        Where each outline begins, and where the last one ends.
    """

    def __init__(self, xy: Floats, begin: Ints) -> None:
        self._xy, self._begin = xy, begin

    @classmethod
    def none(cls) -> Outlines:
        """Return no outlines."""
        return cls(np.empty((0, 2)), np.zeros(1, np.int64))

    def __len__(self) -> int:
        """Return the number of outlines."""
        return len(self._begin) - 1

    def polygons(self, rows: Ints) -> Geometries:
        """Draw some of the areas."""
        if not len(rows):
            return np.empty(0, dtype=object)
        count = np.diff(self._begin)[rows]
        before = np.cumsum(count) - count
        which = np.repeat(np.arange(len(rows)), count)
        at = np.arange(len(which)) + (self._begin[rows] - before)[which]
        return np.asarray(shapely.polygons(shapely.linearrings(self._xy[at], indices=which)), dtype=object)

    def boxes(self) -> Floats:
        """Return west, south, east and north of each."""
        if not len(self):
            return np.empty((0, 4))
        columns = [np.ascontiguousarray(column) for column in self._xy.T]
        ends = [edge.reduceat(column, self._begin[:-1]) for edge in (np.minimum, np.maximum) for column in columns]
        return np.column_stack(ends)

    def centres(self) -> Floats:
        """
        Return a place inside of each area: its centre of mass where that is inside.

        Notes
        -----
        Centres are those of GEOS to the last bit: triangles from the first corner, added up in their order. Whether
        one is inside is told by the number of walls east of it.
        """
        ends = np.append(np.arange(0, len(self), _AT_ONCE), len(self)).tolist()
        return np.concatenate([np.empty((0, 2)), *(self._part(*each)._centres() for each in pairwise(ends))])

    def _part(self, first: int, past: int) -> Outlines:
        begin = self._begin[first : past + 1]
        return Outlines(self._xy[begin[0] : begin[-1]], begin - begin[0])

    def _centres(self) -> Floats:
        start = np.ones(len(self._xy), dtype=bool)
        start[self._begin[1:] - 1] = False
        at, whose = np.flatnonzero(start), np.repeat(np.arange(len(self)), np.diff(self._begin) - 1)
        walls = tuple(np.ascontiguousarray(column)[ends] for ends in (at, at + 1) for column in self._xy.T)
        base = self._xy[self._begin[:-1]]
        with np.errstate(divide="ignore", invalid="ignore"):  # an area may be none
            centre = _centroids(walls, base, whose)
            doubtful = np.flatnonzero(~_surely_inside(walls, centre, whose))
        centre[doubtful] = shapely.get_coordinates(_points_in(self.polygons(doubtful)))
        return centre


def _centroids(walls: tuple[Floats, ...], base: Floats, whose: Ints) -> Floats:
    """Centres of areas, each told by its walls (x and y of both ends) and a base for triangles."""
    x1, y1, x2, y2 = walls
    base_x, base_y = base[:, 0][whose], base[:, 1][whose]
    twice = (x1 - base_x) * (y2 - base_y) - (x2 - base_x) * (y1 - base_y)
    area = np.bincount(whose, twice, len(base))
    x = np.bincount(whose, twice * (base_x + x1 + x2), len(base))
    y = np.bincount(whose, twice * (base_y + y1 + y2), len(base))
    return np.column_stack([x / 3 / area, y / 3 / area])


def _surely_inside(walls: tuple[Floats, ...], centre: Floats, whose: Ints) -> Mask:
    """Whether each place is inside: beyond doubt, as none of the walls leads through it or towards it."""
    x, y = centre[:, 0][whose], centre[:, 1][whose]
    x1, y1, x2, y2 = walls[0] - x, walls[1] - y, walls[2] - x, walls[3] - y
    turn = x1 * y2 - x2 * y1
    sure = np.abs(turn) > _SURE_DEGREES * (np.abs(x2 - x1) + np.abs(y2 - y1))
    east = ((y1 > 0) != (y2 > 0)) & ((turn > 0) == (y2 > y1))
    inside = np.bincount(whose, east, len(centre)) % 2 == 1
    inside[whose[~sure]] = False
    return np.asarray(inside)


@dataclass(frozen=True, eq=False)
class Shapes:
    """
    The shape of each object.

    Parameters
    ----------
    geometry
        Point, line or area; None for one that has none, or an outline.
    outline
        Row of its outline among `outlines`; -1 for an object that has none.
    outlines
        Outlines of areas.
    """

    geometry: Geometries
    outline: Ints
    outlines: Outlines

    @classmethod
    def of(cls, geometry: Geometries) -> Shapes:
        """Take geometries as they are."""
        return cls(geometry, np.full(len(geometry), NO_OUTLINE), Outlines.none())

    def take(self, rows: NDArray[Any]) -> Shapes:
        """Return the shapes of some objects, by place or mask."""
        return Shapes(self.geometry[rows], self.outline[rows], self.outlines)

    @property
    def outlined(self) -> Mask:
        """Which objects have an outline."""
        return np.asarray(self.outline != NO_OUTLINE)

    @property
    def placed(self) -> Mask:
        """Which objects lie anywhere."""
        return self.outlined | ~(shapely.is_missing(self.geometry) | shapely.is_empty(self.geometry))

    @property
    def areas(self) -> Mask:
        """Which objects are areas."""
        return self.outlined | np.isin(shapely.get_type_id(self.geometry), AREAS)

    def drawn(self, rows: Ints) -> Geometries:
        """Return the geometry of some objects, outlines among them."""
        geometry = self.geometry[rows]
        outlined = self.outlined[rows]
        geometry[outlined] = self.outlines.polygons(self.outline[rows][outlined])
        return geometry

    def points(self) -> Geometries:
        """Return a point for each: of an area its centre, or a place inside it where the centre is outside."""
        points = self.geometry.copy()
        points[self.outlined] = shapely.points(self.outlines.centres()[self.outline[self.outlined]])
        wide = np.flatnonzero(~self.outlined & (shapely.get_type_id(self.geometry) != POINT))
        points[wide] = shapely.centroid(self.geometry[wide])
        areas = np.flatnonzero(self.areas & ~self.outlined)
        points[areas] = _points_in(self.geometry[areas])
        return points

    def near(self, lonlat: Floats, rows: Ints) -> Ints:
        """Return those of some areas around which any of these places may lie; a few that have none are among them."""
        box = np.full((len(self.geometry), 4), np.nan)
        box[self.outlined] = self.outlines.boxes()[self.outline[self.outlined]]
        others = rows[~self.outlined[rows]]
        box[others] = shapely.bounds(self.geometry[others])
        west, south, east, north = np.floor(box[rows] / CELL_DEGREES).astype(np.int64).T
        taken = np.unique(_cells(*np.floor(lonlat / CELL_DEGREES).astype(np.int64).T))
        near = (east > west + 1) | (north > south + 1)
        for x, y in ((west, south), (west, north), (east, south), (east, north)):
            near |= np.isin(_cells(x, y), taken)
        return np.asarray(rows[near])


def _cells(x: Ints, y: Ints) -> Ints:
    return x * 1_000_000 + y


def _points_in(areas: Geometries) -> Geometries:
    """Centres of areas; where the centre is outside, or the walls enclose nothing around it, a place inside."""
    points = np.asarray(shapely.centroid(areas), dtype=object)
    sound = shapely.make_valid(areas)  # of a wall that goes there and back, GEOS finds an inside otherwise
    outside = ~shapely.contains_xy(sound, *shapely.get_coordinates(points).T)
    points[outside] = shapely.point_on_surface(sound[outside])
    return points
