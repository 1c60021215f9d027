"""Node lines: find where they share a vertex or cross at grade, and cut them there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from lastmile_net.network.columns import lower_text

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

WELD_M = 0.01
"""Places nearer than this are one place."""
DECIMALS = 3
"""Coordinates are kept to the millimetre."""
TOUCH_M = 0.001
"""What is this near touches: coordinates tell no less apart."""
GROUND = 0
_NO = ("", "no", "0", "false", "none", "nan", "<na>")


@dataclass(frozen=True, eq=False)
class Lines:
    """
    Lines as flat arrays.

    Parameters
    ----------
    xy
        float64 (v, 2). Vertices, line after line.
    line
        int64 (v,). Line of each vertex.
    row
        int64 (l,). Row of its layer that each line is a part of.
    level
        int64 (l,). Level each line lies on; `GROUND` at grade.
    existing
        bool (l,). It is a line of the backbone, not a street.
    """

    xy: Floats
    line: Ints
    row: Ints
    level: Ints
    existing: Flags


@dataclass(frozen=True, eq=False)
class Pieces:
    """
    Noded lines: `line[k]` is cut into pieces between nodes.

    Parameters
    ----------
    x, y
        float64 (n,). Nodes, sorted by place.
    tail, head
        int64 (p,). Nodes of each piece.
    row
        int64 (p,). Row of the layer that it is a piece of.
    existing
        bool (p,). It is a piece of the backbone.
    geometry
        object (p,). LineStrings from tail to head.
    """

    x: Floats
    y: Floats
    tail: Ints
    head: Ints
    row: Ints
    existing: Flags
    geometry: NDArray[np.object_]


@dataclass(frozen=True, eq=False)
class Joints:
    """
    How lines hang together once they are noded.

    Parameters
    ----------
    component
        int64 (s,). Label of the connected component of each line.
    loose
        bool (s, 2). Whether nothing meets a line where it begins, where it ends; false for one of several parts.
    """

    component: Ints
    loose: Flags


def joints(streets: gpd.GeoDataFrame, lines: gpd.GeoDataFrame | None = None) -> Joints:
    """
    Say which streets hang together, and which ends meet nothing, by the rules of `node_lines`.

    Parameters
    ----------
    streets, lines
        Streets, and existing lines if there are any, in one metric CRS.

    Returns
    -------
    joints
        In the order of the rows, streets first; a line without any length is a component of its own.
    """
    lines = streets.iloc[:0] if lines is None else lines
    size = len(streets) + len(lines)
    flat = _weld(_flatten(streets, lines))
    flat, _ = _insert(flat, *_meetings(flat))
    where, _, stop = _stops(flat)
    row = (flat.row + np.where(flat.existing, len(streets), 0))[flat.line]
    graph = coo_array((np.ones(len(row), np.int8), (row, size + stop)), shape=2 * (size + len(where),))
    component = connected_components(graph.tocsr(), directed=False)[1][:size]
    loose = np.zeros((size, 2), bool)
    alone = np.bincount(stop, minlength=len(where))[stop] == 1
    for side, at in enumerate(np.flatnonzero(_ends(flat)).reshape(-1, 2).T):
        loose[row[at], side] = alone[at]
    loose[shapely.get_num_geometries(np.r_[streets.geometry.to_numpy(), lines.geometry.to_numpy()]) != 1] = False
    return Joints(component.astype(np.int64), loose)


def node_lines(streets: gpd.GeoDataFrame, lines: gpd.GeoDataFrame) -> Pieces:
    """
    Cut streets and existing lines where they meet.

    Streets meet where they share a vertex or cross, but only on one level of `bridge`, `tunnel` and `layer`; an end
    of a way joins whatever passes through its place. Existing lines meet at their ends and at shared vertices, and
    with streets at grade wherever they cross; where one runs along a street, both share the nodes.

    Parameters
    ----------
    streets, lines
        Lines in one metric CRS, in canonical order. `row` of the result counts in them.

    Returns
    -------
    pieces
        One for each physical piece: a way that is given twice counts once. Parallels and loops are kept.

    Notes
    -----
    Places nearer than `WELD_M` are one. O(v log v) for v vertices, with an R-tree over the segments.
    """
    flat = _weld(_flatten(streets, lines))
    flat, forced = _insert(flat, *_meetings(flat))
    return _cut(flat, forced)


def _flatten(streets: gpd.GeoDataFrame, lines: gpd.GeoDataFrame) -> Lines:
    shapes = np.concatenate([streets.geometry.to_numpy(), lines.geometry.to_numpy()])
    of_row = np.r_[np.arange(len(streets)), np.arange(len(lines))]
    existing = np.r_[np.zeros(len(streets), bool), np.ones(len(lines), bool)]
    level = np.r_[levels(streets), np.full(len(lines), GROUND)]
    part, of = shapely.get_parts(shapely.force_2d(shapes), return_index=True)
    xy, line = shapely.get_coordinates(part, return_index=True)
    flat = Lines(np.round(xy, DECIMALS), line.astype(np.int64), of_row[of], level[of], existing[of])
    return _without_repeats(flat)


def levels(streets: gpd.GeoDataFrame) -> Ints:
    """Return a number for each combination of bridge, tunnel and layer; `GROUND` for none of them."""
    label = pd.Series("", index=streets.index, dtype=object)
    for name in ("bridge", "tunnel", "layer"):
        if name in streets:
            value = lower_text(streets, name).str.replace(r"\.0+$", "", regex=True)
            # what matters is whether it is a bridge, not which kind
            value = value.where(~value.isin(_NO), "") if name == "layer" else (~value.isin(_NO)).map({True: "1"})
            label = label + "|" + value.fillna("")
    ground = label.str.strip("|") == ""
    codes = pd.factorize(label, sort=True)[0] + 1
    return np.where(ground, GROUND, codes).astype(np.int64)


def _without_repeats(flat: Lines) -> Lines:
    """Drop vertices that repeat the one before, and lines that have no length."""
    keep = np.ones(len(flat.line), bool)
    keep[1:] = (flat.line[1:] != flat.line[:-1]) | (flat.xy[1:] != flat.xy[:-1]).any(axis=1)
    keep &= np.isfinite(flat.xy).all(axis=1)
    line = flat.line[keep]
    long = np.bincount(line, minlength=len(flat.row)) >= 2
    keep[keep] = long[line]
    number = np.cumsum(long) - 1
    return Lines(flat.xy[keep], number[flat.line[keep]], flat.row[long], flat.level[long], flat.existing[long])


def _places(xy: Floats) -> tuple[Floats, Ints]:
    """Return the distinct places, sorted, and the place of each vertex."""
    mm = np.rint(xy * 10**DECIMALS).astype(np.int64)
    order = np.lexsort((mm[:, 1], mm[:, 0]))
    new = np.ones(len(order), bool)
    new[1:] = (mm[order[1:]] != mm[order[:-1]]).any(axis=1)
    place = np.empty(len(order), np.int64)
    place[order] = np.cumsum(new) - 1
    return xy[order[new]], place


def _weld(flat: Lines) -> Lines:
    """Move places that are nearer than `WELD_M` onto the first of them."""
    places, place = _places(flat.xy)
    if len(places) == 0:
        return flat
    points = np.asarray(shapely.points(places), object)
    one, other = shapely.STRtree(points).query(points, predicate="dwithin", distance=WELD_M)
    size = len(places)
    if len(one) == size:  # each place is near itself alone
        return flat
    graph = coo_array((np.ones(len(one)), (one, other)), shape=(size, size))
    _, group = connected_components(graph.tocsr(), directed=False)
    first = np.full(group.max() + 1, size)
    np.minimum.at(first, group, np.arange(size))
    return _without_repeats(Lines(places[first[group[place]]], flat.line, flat.row, flat.level, flat.existing))


def _meetings(flat: Lines) -> tuple[Ints, Floats, Floats, Flags]:
    """Return segment, share along it, place, and whether it must be a node, of each vertex to be put in."""
    first = np.flatnonzero(flat.line[1:] == flat.line[:-1])
    if len(first) == 0:
        return np.empty(0, np.int64), np.empty(0), np.empty((0, 2)), np.empty(0, bool)
    segments = np.asarray(shapely.linestrings(np.stack([flat.xy[first], flat.xy[first + 1]], axis=1)), object)
    tree = shapely.STRtree(segments)
    crossing = _crossings(flat, first, tree)
    touching = _touches(flat, first, tree)
    segment, share, xy, forced = (np.concatenate(both) for both in zip(crossing, touching, strict=True))
    return first[segment], share, xy, forced


def _crossings(flat: Lines, first: Ints, tree: shapely.STRtree) -> tuple[Ints, Floats, Floats, Flags]:
    """Find segments that cross in their interiors, on one level."""
    a, b = tree.query(tree.geometries)
    a, b = a[a < b], b[a < b]
    line_a, line_b = flat.line[first[a]], flat.line[first[b]]
    old_a, old_b = flat.existing[line_a], flat.existing[line_b]
    allowed = (flat.level[line_a] == flat.level[line_b]) & ~(old_a & old_b)
    a, b = a[allowed], b[allowed]
    p, r = flat.xy[first[a]], flat.xy[first[a] + 1] - flat.xy[first[a]]
    q, s = flat.xy[first[b]], flat.xy[first[b] + 1] - flat.xy[first[b]]
    cross = r[:, 0] * s[:, 1] - r[:, 1] * s[:, 0]
    d = q - p
    with np.errstate(divide="ignore", invalid="ignore"):
        t = (d[:, 0] * s[:, 1] - d[:, 1] * s[:, 0]) / cross
        u = (d[:, 0] * r[:, 1] - d[:, 1] * r[:, 0]) / cross
        # nearer to an end than the welding distance it is a touch, not a crossing
        margin_t, margin_u = WELD_M / np.hypot(*r.T), WELD_M / np.hypot(*s.T)
        inside = (t > margin_t) & (t < 1 - margin_t) & (u > margin_u) & (u < 1 - margin_u)
    xy = np.round(p[inside] + t[inside, None] * r[inside], DECIMALS)
    forced = np.ones(2 * int(inside.sum()), bool)
    return np.r_[a[inside], b[inside]], np.r_[t[inside], u[inside]], np.r_[xy, xy], forced


def _touches(flat: Lines, first: Ints, tree: shapely.STRtree) -> tuple[Ints, Floats, Floats, Flags]:
    """Find vertices of other lines that lie on the interior of a segment."""
    vertex, segment = tree.query(shapely.points(flat.xy), predicate="dwithin", distance=WELD_M)
    line_v, line_s = flat.line[vertex], flat.line[first[segment]]
    end = _ends(flat)
    allowed = end[vertex] | (flat.level[line_v] == flat.level[line_s])
    start, along = flat.xy[first[segment]], flat.xy[first[segment] + 1] - flat.xy[first[segment]]
    at = flat.xy[vertex]
    share = ((at - start) * along).sum(axis=1) / (along**2).sum(axis=1)
    margin = WELD_M / np.hypot(*along.T)
    apart = (at != start).any(axis=1) & (at != start + along).any(axis=1)
    found = allowed & apart & (share > margin) & (share < 1 - margin) & (share > 0) & (share < 1)
    pairs = np.unique(np.column_stack([segment[found], np.rint(at[found] * 10**DECIMALS)]).astype(np.int64), axis=0)
    segment, xy = pairs[:, 0], pairs[:, 1:] / 10**DECIMALS
    start, along = flat.xy[first[segment]], flat.xy[first[segment] + 1] - flat.xy[first[segment]]
    share = ((xy - start) * along).sum(axis=1) / (along**2).sum(axis=1)
    return segment, share, xy, np.zeros(len(segment), bool)


def _insert(flat: Lines, after: Ints, share: Floats, xy: Floats, forced: Flags) -> tuple[Lines, Floats]:
    """Put vertices into lines, each after a given vertex at a share of the way to the next."""
    position = np.r_[np.arange(len(flat.line), dtype=np.float64), after + np.clip(share, 1e-9, 1 - 1e-9)]
    order = np.argsort(position, kind="stable")
    line = np.r_[flat.line, flat.line[after]][order]
    merged = Lines(np.r_[flat.xy, xy][order], line, flat.row, flat.level, flat.existing)
    merged = _weld(_without_repeats(merged))
    return merged, xy[forced]


def _cut(flat: Lines, forced: Floats) -> Pieces:
    """Cut lines at their nodes, and drop pieces that repeat another one."""
    if len(flat.line) == 0:
        none = np.empty(0, np.int64)
        empty = np.empty(0)
        return Pieces(empty, empty, none, none, none, np.empty(0, bool), np.empty(0, object))
    where, place, vertex = _stops(flat)
    existing = flat.existing[flat.line]
    is_node = np.zeros(len(where), bool)
    is_node[vertex[_ends(flat)]] = True
    for family in (existing, ~existing):
        is_node |= np.bincount(vertex[family], minlength=len(where)) >= 2
    if len(forced):
        near = shapely.STRtree(np.asarray(shapely.points(where), object)).nearest(shapely.points(forced))
        is_node |= np.isin(place, place[near])
    cut = is_node[vertex]
    node = np.cumsum(is_node) - 1
    return _unique_pieces(flat, cut, node[vertex], where[is_node])


def _stops(flat: Lines) -> tuple[Floats, Ints, Ints]:
    """Return where lines may meet, the number of the place of each of these stops, and the stop of each vertex."""
    places, place = _places(flat.xy)
    level = flat.level[flat.line]
    group = _groups(place, level, _ends(flat), flat.existing[flat.line], len(places))
    stop = place * (level.max(initial=GROUND) + 2) + group
    _, first, vertex = np.unique(stop, return_index=True, return_inverse=True)
    return places[place[first]], place[first], vertex


def _ends(flat: Lines) -> Flags:
    """Return which vertices are the first or the last of their line."""
    end = np.ones(len(flat.line), bool)
    end[1:-1] = (flat.line[1:-1] != flat.line[:-2]) | (flat.line[1:-1] != flat.line[2:])
    return end


def _groups(place: Ints, level: Ints, end: Flags, existing: Flags, size: int) -> Ints:
    """
    Return which of the nodes at its place each vertex belongs to: 0, or one per level where levels pass without an end.

    An end joins all that passes its place; existing lines join the lowest level there.
    """
    open_end = np.zeros(size, bool)
    open_end[place[end & ~existing]] = True
    low = np.full(size, np.iinfo(np.int64).max)
    np.minimum.at(low, place[~existing], level[~existing])
    high = np.full(size, -1)
    np.maximum.at(high, place[~existing], level[~existing])
    apart = ~open_end & (low < high)
    own = np.where(existing, low[place], level)
    return np.where(apart[place], own + 1, 0)


def _unique_pieces(flat: Lines, cut: Flags, node: Ints, where: Floats) -> Pieces:
    """Build the pieces between cut vertices; of those that run along the same vertices the first one stays."""
    stop = np.flatnonzero(cut)
    same = flat.line[stop[1:]] == flat.line[stop[:-1]]
    begin, end = stop[:-1][same], stop[1:][same]
    size = end - begin + 1
    vertex = np.repeat(begin - np.r_[0, np.cumsum(size)[:-1]], size) + np.arange(size.sum())
    piece = np.repeat(np.arange(len(size)), size)
    tail, head = node[begin], node[end]
    line = flat.line[begin]
    table = _signature(flat.xy[vertex], piece, size)
    table["low"], table["high"] = np.minimum(tail, head), np.maximum(tail, head)
    table["kind"] = np.where(flat.existing[line], flat.row[line] + 1, 0)
    table["level"] = flat.level[line]
    keep = ~pd.DataFrame(table).duplicated().to_numpy()
    geometry = shapely.linestrings(flat.xy[vertex], indices=piece)
    return Pieces(
        x=where[:, 0],
        y=where[:, 1],
        tail=tail[keep],
        head=head[keep],
        row=flat.row[line][keep],
        existing=flat.existing[line][keep],
        geometry=np.asarray(geometry, object)[keep],
    )


def _signature(xy: Floats, piece: Ints, size: Ints) -> dict[str, Ints]:
    """Return numbers per piece that are the same for the same set of vertices, whatever the direction."""
    mm = np.rint((xy - xy.min(axis=0)) * 10**DECIMALS).astype(np.int64)
    start = np.r_[0, np.cumsum(size)[:-1]]
    sums = {"size": size}
    for name, values in (
        ("x", mm[:, 0]),
        ("y", mm[:, 1]),
        ("mixed", mm[:, 0] * 3 % 1_000_003 * (mm[:, 1] % 1_000_003)),
    ):
        sums[name] = np.add.reduceat(values, start)
    return sums
