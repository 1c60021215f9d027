"""Lay each planned customer's route as one line: over the vertices of the pieces beneath it, from tap to premises."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import shapely

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.plan.tables import Built

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

AT_ONCE = 4096
"""Routes whose geometry is built at once."""


@dataclass(frozen=True, eq=False)
class _Vertices:
    """Vertices of pieces, one piece after the other: places, and first vertex and number of vertices of each piece."""

    xy: Floats
    first: Ints
    count: Ints

    @classmethod
    def of(cls, lines: NDArray[np.object_]) -> _Vertices:
        count = shapely.get_num_coordinates(lines).astype(np.int64)
        return cls(shapely.get_coordinates(lines), np.cumsum(count) - count, count)


@dataclass(frozen=True, eq=False)
class _Path:
    """Pieces of routes in their order: which route, which piece of the pool, whether from its first vertex on."""

    route: Ints
    piece: Ints
    forward: Flags


def lay_routes(built: Built) -> gpd.GeoDataFrame:
    """Return one row per planned customer: names, `length_m`, and a line from the tap to the premises."""
    path, pool = _path(built)
    bounds = np.searchsorted(path.route, np.arange(len(built.planned) + 1))
    lines = [
        _lines(_part(path, bounds[first], bounds[min(first + AT_ONCE, len(built.planned))]), pool)
        for first in range(0, len(built.planned), AT_ONCE)
    ]
    geometry = np.concatenate(lines) if lines else np.empty(0, object)
    table = {
        "customer_id": built.customer_id[built.planned],
        "access_point_id": built.point_id,
        "length_m": shapely.length(geometry) if len(geometry) else np.empty(0),
    }
    return gpd.GeoDataFrame(table, geometry=geometry, crs=built.network.crs)


def no_routes(built: Built) -> gpd.GeoDataFrame:
    """Return the table of routes without a row."""
    nothing = np.empty(0, object)
    table = {"customer_id": nothing, "access_point_id": nothing, "length_m": np.empty(0)}
    return gpd.GeoDataFrame(table, geometry=nothing, crs=built.network.crs)


def _path(built: Built) -> tuple[_Path, _Vertices]:
    """Return the pieces of all routes, each customer's drop last, and the vertices of network and drops."""
    who, edge = built.steps
    forward = _directions(built, who, edge)
    customers = np.arange(len(built.planned))
    used, of_step = np.unique(edge, return_inverse=True)
    pool = _Vertices.of(np.concatenate([built.network.geometry[used], built.drops.geometry.to_numpy()[built.drop_row]]))
    route = np.concatenate([who, customers])
    order = np.argsort(route, kind="stable")
    piece = np.concatenate([of_step, len(used) + customers])[order]
    return _Path(route[order], piece, np.concatenate([forward, np.ones(len(customers), bool)])[order]), pool


def _part(path: _Path, low: int, high: int) -> _Path:
    return _Path(path.route[low:high], path.piece[low:high], path.forward[low:high])


def _directions(built: Built, who: Ints, edge: Ints) -> Flags:
    """Return whether each step runs from tail to head: step after step of all routes at once."""
    tail, head = built.network.tail[edge], built.network.head[edge]
    forward = np.ones(len(edge), bool)
    first = np.r_[True, who[1:] != who[:-1]][: len(who)]
    step = np.arange(len(who)) - np.repeat(np.flatnonzero(first), np.diff(np.r_[np.flatnonzero(first), len(who)]))
    at = built.taps.node[built.tap].copy()
    order = np.argsort(step, kind="stable")
    ends = np.searchsorted(step[order], np.arange(step.max(initial=-1) + 2))
    for begin, end in pairwise(ends.tolist()):
        now = order[begin:end]
        forward[now] = tail[now] == at[who[now]]
        at[who[now]] = np.where(forward[now], head[now], tail[now])
    return forward


def _lines(path: _Path, pool: _Vertices) -> NDArray[np.object_]:
    """Return the lines of some routes: all vertices of the first piece, of each other one all but the first."""
    begins = np.r_[True, path.route[1:] != path.route[:-1]]
    skip = np.where(begins, 0, 1)
    first, count = pool.first[path.piece], pool.count[path.piece]
    # a drop without any length would repeat the last vertex
    ends = np.r_[begins[1:], True]
    still = ends & ~begins & (pool.xy[first] == pool.xy[first + count - 1]).all(axis=1) & (count == 2)
    number = np.where(still, 0, count - skip)
    step = np.arange(number.sum()) - np.repeat(np.cumsum(number) - number, number)
    start = np.where(path.forward, first + skip, first + count - 1 - skip)
    vertex = np.repeat(start, number) + np.repeat(np.where(path.forward, 1, -1), number) * step
    line = np.repeat(path.route - path.route[0], number)
    return np.asarray(shapely.linestrings(pool.xy[vertex], indices=line), object)
