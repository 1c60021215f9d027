"""Where nodes are, and the lines and areas that lead along them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

DEGREE = 10_000_000
UNKNOWN = np.iinfo(np.int32).max


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
        self._xy = np.full((len(self._number), 2), UNKNOWN, np.int32)

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
        there = there[_on_earth(xy[at[there]])]
        self._xy[low + there] = xy[at[there]]

    def of(self, number: Ints) -> NDArray[np.int32]:
        """Return the place of each node; `UNKNOWN` where nothing told it."""
        return np.asarray(self._xy[np.searchsorted(self._number, number)])


def points_at(xy: Ints) -> NDArray[np.object_]:
    """Draw points; None where there is no such place on Earth."""
    points = np.full(len(xy), None, dtype=object)
    real = _on_earth(xy)
    points[real] = shapely.points(xy[real] / DEGREE)
    return points


def _on_earth(xy: Ints) -> NDArray[np.bool_]:
    return np.asarray((np.abs(xy) <= np.array([180, 90]) * DEGREE).all(axis=1))


def lines_along(owner: Ints, xy: NDArray[np.int32], ways: int) -> tuple[NDArray[np.object_], int]:
    """
    Draw ways.

    Parameters
    ----------
    owner
        Way of each node, ascending.
    xy
        Places of the nodes.
    ways
        Number of ways.

    Returns
    -------
    lines
        Of each way the stretches between its unknown nodes that have two places or more; None if it has none.
    cut
        Number of ways with nodes that are not known.
    """
    known = xy[:, 0] != UNKNOWN
    cut = len(np.unique(owner[~known]))
    fresh = ~known
    fresh[1:] |= owner[1:] != owner[:-1]
    run = np.cumsum(fresh)
    run, owner, xy = run[known], owner[known], xy[known]
    moved = np.ones(len(run), dtype=bool)
    moved[1:] = (run[1:] != run[:-1]) | (xy[1:] != xy[:-1]).any(axis=1)
    moved &= np.bincount(run[moved], minlength=int(run.max(initial=0)) + 1)[run] > 1
    run, owner, xy = run[moved], owner[moved], xy[moved]
    first = np.ones(len(run), dtype=bool)
    first[1:] = run[1:] != run[:-1]
    pieces = np.asarray(shapely.linestrings(xy / DEGREE, indices=np.cumsum(first) - 1), dtype=object)
    whose = owner[first]
    lines = np.full(ways, None, dtype=object)
    lines[whose] = pieces
    several = np.bincount(whose, minlength=ways) > 1
    for way in np.flatnonzero(several).tolist():
        lines[way] = shapely.multilinestrings(pieces[np.searchsorted(whose, way) : np.searchsorted(whose, way + 1)])
    return lines, cut


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
