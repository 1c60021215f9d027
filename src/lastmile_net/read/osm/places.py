"""Where nodes are, and the lines and areas that lead along them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from lastmile_net.read.osm.outlines import Outlines

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

DEGREE = 10_000_000
UNKNOWN = np.iinfo(np.int32).max
_CORNERS = 3


class Places:
    """
    Places of those nodes that are wanted, in ten millionths of a degree.

    Parameters
    ----------
    wanted
        Ids of nodes, each as often as one likes.
    """

    def __init__(self, wanted: Ints) -> None:
        self._number = np.sort(pd.unique(wanted))
        self._place = _packed(np.full((len(self._number), 2), UNKNOWN, np.int32))

    def note(self, number: Ints, xy: Ints) -> None:
        """Take in where some nodes are; what is told last holds."""
        if not len(number):
            return
        if (number[1:] <= number[:-1]).any():
            order = np.argsort(number, kind="stable")
            number, xy = number[order], xy[order]
        low, high = np.searchsorted(self._number, [number[0], number[-1] + 1])
        wanted = self._number[low:high]
        at = np.searchsorted(number, wanted, side="right") - 1
        there = np.flatnonzero(number[at] == wanted)
        found = xy[at[there]]
        real = _on_earth(found)
        self._place[low + there[real]] = _packed(found[real].astype(np.int32))

    def of(self, number: Ints) -> NDArray[np.int32]:
        """Return the place of each node; `UNKNOWN` where nothing told it."""
        return _unpacked(self._place[np.searchsorted(self._number, number)])


def _packed(xy: NDArray[np.int32]) -> Ints:
    """Take pairs of coordinates as one number each: whole pairs are picked in a quarter of the time."""
    return np.ascontiguousarray(xy).view(np.int64).ravel()


def _unpacked(place: Ints) -> NDArray[np.int32]:
    return place.view(np.int32).reshape(-1, 2)


def points_at(xy: Ints) -> NDArray[np.object_]:
    """Draw points; None where there is no such place on Earth."""
    points = np.full(len(xy), None, dtype=object)
    real = _on_earth(xy)
    points[real] = shapely.points(xy[real] / DEGREE)
    return points


def _on_earth(xy: Ints) -> NDArray[np.bool_]:
    return np.asarray((np.abs(xy[:, 0]) <= 180 * DEGREE) & (np.abs(xy[:, 1]) <= 90 * DEGREE))


@dataclass(frozen=True, eq=False)
class Runs:
    """
    The stretches of ways between their unknown nodes that have two places or more; none has a place twice in a row.

    Parameters
    ----------
    way
        Way of each stretch, ascending.
    begin
        Where each stretch begins, and where the last one ends.
    xy
        Their places, in ten millionths of a degree.
    ways
        Number of ways.
    cut
        Number of ways with nodes that are not known.
    """

    way: Ints
    begin: Ints
    xy: NDArray[np.int32]
    ways: int
    cut: int

    @classmethod
    def along(cls, owner: Ints, xy: NDArray[np.int32], ways: int) -> Runs:
        """
        Follow ways.

        Parameters
        ----------
        owner
            Way of each node, ascending.
        xy
            Places of the nodes.
        ways
            Number of ways.
        """
        unknown = xy[:, 0] == UNKNOWN
        fresh = unknown.copy()
        fresh[1:] |= owner[1:] != owner[:-1]
        run = np.cumsum(fresh)
        keep = ~unknown
        place = _packed(xy)
        keep[1:] &= fresh[1:] | (place[1:] != place[:-1])
        keep &= np.bincount(run[keep], minlength=int(run.max(initial=0)) + 1)[run] > 1
        kept = np.flatnonzero(keep)
        first = np.flatnonzero(np.diff(run[kept], prepend=-1))
        begin, cut = np.append(first, len(kept)), len(np.unique(owner[unknown]))
        return cls(owner[kept[first]], begin, _unpacked(place[kept]), ways, cut)

    def closed(self) -> NDArray[np.bool_]:
        """Whether each way leads back to where it began, in one stretch with corners."""
        first, last = self.begin[:-1], self.begin[1:] - 1
        back = (self.xy[first] == self.xy[last]).all(axis=1) & (last - first >= _CORNERS)
        closed = np.zeros(self.ways, dtype=bool)
        closed[self.way[back]] = True
        return np.asarray(closed & (np.bincount(self.way, minlength=self.ways) == 1))

    def lines(self, ways: NDArray[np.bool_]) -> NDArray[np.object_]:
        """Draw some ways; None for the others, and for a way without any stretch."""
        ours = ways[self.way]
        count = np.diff(self.begin)
        piece = np.repeat(np.arange(int(ours.sum())), count[ours])
        pieces = np.asarray(shapely.linestrings(self._degrees(ours), indices=piece), dtype=object)
        whose = self.way[ours]
        lines = np.full(self.ways, None, dtype=object)
        lines[whose] = pieces
        for way in np.flatnonzero(np.bincount(whose, minlength=self.ways) > 1).tolist():
            first, past = np.searchsorted(whose, [way, way + 1])
            lines[way] = shapely.multilinestrings(pieces[first:past])
        return lines

    def outlines(self, ways: NDArray[np.bool_]) -> Outlines:
        """Take some ways, each of a single stretch that is closed, as outlines, in the order of the ways."""
        ours = ways[self.way]
        count = np.diff(self.begin)
        return Outlines(self._degrees(ours), np.append(0, np.cumsum(count[ours])))

    def _degrees(self, stretches: NDArray[np.bool_]) -> NDArray[np.float64]:
        place = _packed(self.xy)[np.flatnonzero(np.repeat(stretches, np.diff(self.begin)))]
        return np.asarray(_unpacked(place) / DEGREE)


def areas_inside(owner: Ints, walls: NDArray[np.object_], areas: int) -> NDArray[np.object_]:
    """
    Draw areas.

    Parameters
    ----------
    owner
        Area of each wall, ascending.
    walls
        Lines; None where one is not known.
    areas
        Number of areas.

    Returns
    -------
    areas
        What the walls of each enclose; the walls themselves where they are not closed.
    """
    known = ~shapely.is_missing(walls)
    parts = np.split(walls[known], np.searchsorted(owner[known], np.arange(1, max(areas, 1))))[:areas]
    drawn = np.full(areas, None, dtype=object)
    for row, lines in enumerate(parts):
        rings = shapely.get_parts(shapely.polygonize(lines))
        drawn[row] = shapely.union_all(rings) if len(rings) else shapely.union_all(lines)
    return drawn
