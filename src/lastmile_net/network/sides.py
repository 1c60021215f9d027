"""Both sides of the street: a trench runs on one of them, and changing sides is a crossing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import shapely

from lastmile_net.network.network import CENTRE, CROSSING, HALF, LEFT, RIGHT, STREET, tidy
from lastmile_net.network.noding import DECIMALS
from lastmile_net.network.split import split

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.network.network import StreetNetwork

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

MOST_MITRE = 2.0
"""A corner lies at most so many half widths from the middle of its junction."""
JUNCTION = 3
"""Streets that meet at a junction."""


@dataclass(frozen=True, eq=False)
class SideRules:
    """
    Which streets have two sides, and where one may change them.

    Parameters
    ----------
    half_m
        float64, one per row of `streets`. Distance of either side from the centre line; 0 where the centre line
        stands for both.
    wide
        bool, one per row of `streets`. The street is crossed at its junctions and ends only.
    """

    half_m: Floats
    wide: Flags


@dataclass(frozen=True, eq=False)
class _Arms:
    """
    Ends of two-sided streets, around each node against the clock; arm k has its own corner k on its left.

    `right` is the corner on its right: that of the arm before it, or one of its own at a dead end. Looking from the
    node along the arm.
    """

    edge: Ints
    at_head: Flags
    node: Ints
    right: Ints
    degree: Ints
    x: Floats
    y: Floats


def both_sides(network: StreetNetwork, rules: SideRules) -> StreetNetwork:
    """
    Replace each street by its two sides, joined around corners, with crossings where streets meet or end.

    Parameters
    ----------
    network
        Streets and existing lines, streets on their centre lines.
    rules
        Widths.

    Returns
    -------
    network
        Where something other than a street of two sides meets a node, the node stays in the middle of the road, and
        half a crossing leads to each corner.

    Notes
    -----
    Between two streets that follow each other around a node lies one corner, so that a trench goes around it without a
    crossing. O(m log m).
    """
    half = np.where(network.kind == STREET, np.append(rules.half_m, 0.0)[network.source], 0.0)
    two = np.flatnonzero(half > 0)
    if len(two) == 0:
        return network
    arms = _arms(network, two, half)
    first = len(network.x)
    sides = _side_lines(network, arms, two, half, first)
    crossings = _crossings(network, arms, rules, first)
    hubs = _half_crossings(network, arms, two, first)
    keep = np.setdiff1d(np.arange(len(network.tail)), two)
    parts = [_Part.of(network, keep), *sides, crossings, hubs]
    whole = replace(
        network,
        x=np.r_[network.x, arms.x],
        y=np.r_[network.y, arms.y],
        tail=np.concatenate([part.tail for part in parts]),
        head=np.concatenate([part.head for part in parts]),
        length_m=np.concatenate([shapely.length(part.geometry) for part in parts]),
        kind=np.concatenate([part.kind for part in parts]),
        side=np.concatenate([part.side for part in parts]),
        street_id=np.concatenate([part.street_id for part in parts]),
        source=np.concatenate([part.source for part in parts]),
        geometry=np.concatenate([part.geometry for part in parts]),
    )
    return tidy(_without_lone_nodes(whole))[0]


def cross(network: StreetNetwork, nodes: Ints, rules: SideRules) -> StreetNetwork:
    """Let one cross, at nodes on the sides of streets that are not wide, to the other side."""
    side = (network.kind == STREET) & (network.side != CENTRE) & ~rules.wide[np.maximum(network.source, 0)]
    edge = np.flatnonzero(side)
    at = np.flatnonzero(np.isin(network.tail[edge], nodes))
    # each node once, as the start of a piece on its side
    node, first = np.unique(network.tail[edge[at]], return_index=True)
    own = edge[at[first]]
    if len(own) == 0:
        return network
    points = np.asarray(shapely.points(network.x[node], network.y[node]), object)
    reach = 3 * rules.half_m[network.source[own]]
    which, other = shapely.STRtree(network.geometry[edge]).query(points, predicate="dwithin", distance=reach)
    other = edge[other]
    over = (network.source[other] == network.source[own[which]]) & (network.side[other] != network.side[own[which]])
    which, other = which[over], other[over]
    distance = shapely.distance(points[which], network.geometry[other])
    order = np.lexsort((other, np.round(distance, 6), which))
    which, other = which[order], other[order]
    nearest = np.r_[True, which[1:] != which[:-1]][: len(which)]
    which, other = which[nearest], other[nearest]
    row = network.source[own[which]]
    offset = shapely.line_locate_point(network.geometry[other], points[which])
    network, far = split(network, other, offset)
    return _add_crossings(network, node[which], far, row)


def _add_crossings(network: StreetNetwork, tail: Ints, head: Ints, row: Ints) -> StreetNetwork:
    pairs = np.column_stack([np.minimum(tail, head), np.maximum(tail, head)])
    old = network.kind == CROSSING
    size = len(network.x)
    low, high = (np.sort(np.column_stack([network.tail[old], network.head[old]]), axis=1)[:, k] for k in (0, 1))
    _, first = np.unique(pairs[:, 0] * size + pairs[:, 1], return_index=True)
    first = first[~np.isin(pairs[first, 0] * size + pairs[first, 1], low * size + high)]
    first = first[pairs[first, 0] != pairs[first, 1]]
    ends = [np.column_stack([network.x[pairs[first, k]], network.y[pairs[first, k]]]) for k in (0, 1)]
    geometry = np.asarray(shapely.linestrings(np.stack(ends, axis=1)), object)
    count = len(first)
    return replace(
        network,
        tail=np.r_[network.tail, pairs[first, 0]],
        head=np.r_[network.head, pairs[first, 1]],
        length_m=np.r_[network.length_m, shapely.length(geometry)],
        kind=np.r_[network.kind, np.full(count, CROSSING, np.int8)],
        side=np.r_[network.side, np.full(count, CENTRE, np.int8)],
        street_id=np.r_[network.street_id, network.streets["street_id"].to_numpy(object)[row[first]]],
        source=np.r_[network.source, row[first]],
        geometry=np.r_[network.geometry, geometry],
    )


def _arms(network: StreetNetwork, two: Ints, half: Floats) -> _Arms:
    """Sort the ends of two-sided streets around their nodes, and place the corners between them."""
    lines = network.geometry[two]
    count = shapely.get_num_coordinates(lines)
    xy = shapely.get_coordinates(lines)
    last = np.cumsum(count) - 1
    begin = last - count + 1
    out = np.r_[xy[begin + 1] - xy[begin], xy[last - 1] - xy[last]]
    edge, at_head = np.r_[two, two], np.r_[np.zeros(len(two), bool), np.ones(len(two), bool)]
    node = np.where(at_head, network.head[edge], network.tail[edge])
    angle = np.arctan2(out[:, 1], out[:, 0])
    order = np.lexsort((at_head, edge, angle, node))
    edge, at_head, node, angle = edge[order], at_head[order], node[order], angle[order]
    start = np.flatnonzero(np.r_[True, node[1:] != node[:-1]])
    degree = np.repeat(np.diff(np.r_[start, len(node)]), np.diff(np.r_[start, len(node)]))
    first = np.repeat(start, np.diff(np.r_[start, len(node)]))
    place = np.arange(len(node)) - first
    before, after = first + (place - 1) % degree, first + (place + 1) % degree
    dead = np.flatnonzero(degree == 1)
    right = before.copy()
    right[dead] = len(node) + np.arange(len(dead))
    away = _corner(angle, half[edge], angle[after], half[edge[after]])
    lone = np.column_stack([-np.sin(angle[dead]), np.cos(angle[dead])]) * half[edge[dead]][:, None]
    away[dead] = lone
    centre = np.column_stack([network.x[np.r_[node, node[dead]]], network.y[np.r_[node, node[dead]]]])
    where = np.round(centre + np.vstack([away, -lone]), DECIMALS)
    return _Arms(edge, at_head, node, right, degree, where[:, 0], where[:, 1])


def _corner(angle: Floats, half: Floats, next_angle: Floats, next_half: Floats) -> Floats:
    """Return where the left side of an arm meets the right side of the next one, seen from the node."""
    left = np.column_stack([-np.sin(angle), np.cos(angle)])
    right = np.column_stack([np.sin(next_angle), -np.cos(next_angle)])
    det = left[:, 0] * right[:, 1] - left[:, 1] * right[:, 0]
    straight = np.abs(det) < 1e-3
    safe = np.where(straight, 1.0, det)
    x = (half * right[:, 1] - next_half * left[:, 1]) / safe
    y = (left[:, 0] * next_half - right[:, 0] * half) / safe
    met = np.column_stack([x, y])
    middle = (left * half[:, None] + right * next_half[:, None]) / 2
    found = np.where(straight[:, None], middle, met)
    most = MOST_MITRE * np.maximum(half, next_half)
    far = np.hypot(*found.T)
    corner: Floats = found * np.minimum(1.0, most / np.maximum(far, 1e-9))[:, None]
    return corner


@dataclass(frozen=True, eq=False)
class _Part:
    """Edges of one sort."""

    tail: Ints
    head: Ints
    kind: NDArray[np.int8]
    side: NDArray[np.int8]
    street_id: NDArray[np.object_]
    source: Ints
    geometry: NDArray[np.object_]

    @classmethod
    def of(cls, network: StreetNetwork, edge: Ints) -> _Part:
        """Return edges as they are."""
        return cls(
            network.tail[edge],
            network.head[edge],
            network.kind[edge],
            network.side[edge],
            network.street_id[edge],
            network.source[edge],
            network.geometry[edge],
        )

    @classmethod
    def along(
        cls,
        network: StreetNetwork,
        edge: Ints,
        ends: tuple[Ints, Ints],
        geometry: NDArray[np.object_],
        kind: int,
        side: int,
    ) -> _Part:
        """Return new edges that belong to the streets of old ones."""
        count = len(edge)
        return cls(
            ends[0],
            ends[1],
            np.full(count, kind, np.int8),
            np.full(count, side, np.int8),
            network.street_id[edge],
            network.source[edge],
            geometry,
        )


def _side_lines(network: StreetNetwork, arms: _Arms, two: Ints, half: Floats, first: int) -> list[_Part]:
    """Return the left and the right sides, from corner to corner."""
    arm = np.empty((2, len(network.tail)), np.int64)
    arm[arms.at_head.astype(np.int64), arms.edge] = np.arange(len(arms.edge))
    begin, end = arm[0, two], arm[1, two]
    corners = {LEFT: (begin, arms.right[end]), RIGHT: (arms.right[begin], end)}
    parts = []
    for side, (tail, head) in corners.items():
        places = [np.column_stack([arms.x[corner], arms.y[corner]]) for corner in (tail, head)]
        shift = half[two] if side == LEFT else -half[two]
        lines = _shifted(network.geometry[two], shift, places[0], places[1])
        parts.append(_Part.along(network, two, (tail + first, head + first), lines, STREET, side))
    return parts


def _shifted(lines: NDArray[np.object_], shift: Floats, begin: Floats, end: Floats) -> NDArray[np.object_]:
    """Return lines beside others: their inner vertices moved to the left by `shift`, between given ends."""
    xy, line = shapely.get_coordinates(lines, return_index=True)
    step = np.diff(xy, axis=0)
    length = np.hypot(*step.T)
    unit = step / np.maximum(length, 1e-9)[:, None]
    inner = np.flatnonzero((line[1:-1] == line[:-2]) & (line[1:-1] == line[2:])) + 1
    normal = unit[inner - 1] + unit[inner]
    normal = np.column_stack([-normal[:, 1], normal[:, 0]])
    # the mitre is as far out as both sides are, within reason
    scale = np.maximum((normal**2).sum(axis=1) / 2, 0.5)
    moved = xy[inner] + normal / scale[:, None] * shift[line[inner]][:, None]
    run = np.r_[0.0, np.cumsum(np.where(line[1:] == line[:-1], length, 0.0))]
    start = run[np.r_[True, line[1:] != line[:-1]]]
    measure, whole = run[inner] - start[line[inner]], shapely.length(lines)[line[inner]]
    near = np.abs(shift)[line[inner]]
    kept = (measure > near) & (measure < whole - near)
    owner = np.r_[np.arange(len(lines)), line[inner][kept], np.arange(len(lines))]
    rank = np.r_[np.full(len(lines), -1.0), measure[kept], np.full(len(lines), np.inf)]
    order = np.lexsort((rank, owner))
    places = np.round(np.vstack([begin, moved[kept], end])[order], DECIMALS)
    return np.asarray(shapely.linestrings(places, indices=owner[order]), object)


def _crossings(network: StreetNetwork, arms: _Arms, rules: SideRules, first: int) -> _Part:
    """Return a crossing of each arm at its node; of wide streets only where streets meet or end."""
    source = network.source[arms.edge]
    arm = np.flatnonzero((arms.degree != JUNCTION - 1) | ~rules.wide[source])
    tail, head = arm, arms.right[arm]
    order = np.lexsort((arms.edge[arm], rules.half_m[source[arm]], np.maximum(tail, head), np.minimum(tail, head)))
    tail, head, arm = tail[order], head[order], arm[order]
    low, high = np.minimum(tail, head), np.maximum(tail, head)
    new = np.r_[True, (low[1:] != low[:-1]) | (high[1:] != high[:-1])][: len(low)] & (low != high)
    tail, head, arm = tail[new], head[new], arm[new]
    lines = _straight(arms.x[tail], arms.y[tail], arms.x[head], arms.y[head])
    return _Part.along(network, arms.edge[arm], (tail + first, head + first), lines, CROSSING, CENTRE)


def _half_crossings(network: StreetNetwork, arms: _Arms, two: Ints, first: int) -> _Part:
    """Return the ways from the middle of the road to the corners, where more than streets of two sides meet."""
    rest = np.ones(len(network.tail), bool)
    rest[two] = False
    hub = np.zeros(len(network.x), bool)
    hub[network.tail[rest]] = hub[network.head[rest]] = True
    hub[network.point_node[network.point_node >= 0]] = True
    arm = np.flatnonzero(hub[arms.node])
    dead = arm[arms.degree[arm] == 1]
    arm, corner = np.r_[arm, dead], np.r_[arm, arms.right[dead]]
    node = arms.node[arm]
    lines = _straight(network.x[node], network.y[node], arms.x[corner], arms.y[corner])
    return _Part.along(network, arms.edge[arm], (node, corner + first), lines, CROSSING, HALF)


def _straight(x: Floats, y: Floats, other_x: Floats, other_y: Floats) -> NDArray[np.object_]:
    ends = np.stack([np.column_stack([x, y]), np.column_stack([other_x, other_y])], axis=1)
    return np.asarray(shapely.linestrings(ends), object)


def _without_lone_nodes(network: StreetNetwork) -> StreetNetwork:
    """Leave out nodes that no edge and no point needs any more."""
    needed = np.zeros(len(network.x), bool)
    needed[network.tail] = needed[network.head] = True
    needed[network.point_node[network.point_node >= 0]] = True
    number = np.cumsum(needed) - 1
    point_node = np.where(network.point_node >= 0, number[network.point_node], -1)
    return replace(
        network,
        x=network.x[needed],
        y=network.y[needed],
        component=network.component[:0],
        tail=number[network.tail],
        head=number[network.head],
        point_node=point_node,
    )
