"""Taps: the nodes of the network where one may connect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from lastmile_net.network.network import BACKBONE, CONNECTOR
from lastmile_net.schema import LINE_ROLES, POINT_ROLES, TAP_POINT_ROLES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lastmile_net.network.network import StreetNetwork


@dataclass(frozen=True, eq=False)
class Taps:
    """
    Where one may connect.

    Parameters
    ----------
    access_point_id, kind
        object (t,). Names, and roles of the point or line.
    node
        int64 (t,). Node of the network.
    ports_free
        float64 (t,). Homes that still fit; infinite is unlimited.
    loss_db
        float64 (t,). Optical loss from the OLT to the place where it is known: the tap itself, or a point of the
        backbone `back_m` up the existing lines; nan is unknown.
    back_m
        float64 (t,). Metres of existing lines from there to the tap; 0 at a point.
    is_point
        bool (t,). It is a point of the backbone, not a place on a line.
    """

    access_point_id: NDArray[np.object_]
    kind: NDArray[np.object_]
    node: NDArray[np.int64]
    ports_free: NDArray[np.float64]
    loss_db: NDArray[np.float64]
    is_point: NDArray[np.bool_]
    back_m: NDArray[np.float64]


def find_taps(network: StreetNetwork, *, tap: str = "auto", tap_roles: Sequence[str]) -> Taps:
    """
    Find the taps of a network.

    Parameters
    ----------
    network
        Streets and existing lines, with the points tied in.
    tap
        `points`: only points; `anywhere`: places on lines, and points; `auto`: points if there are any.
    tap_roles
        Roles of points and lines that may be tapped.

    Returns
    -------
    taps
        Points first, in the backbone's order; then one place per node of the lines, by line and offset.

    Notes
    -----
    A place on a line without a `loss_db` of its own is followed back along the existing lines to the points where one
    may connect; no way leads past such a point, and of several known ones the least loss counts: what comes after
    the tap has lost more. The loss of a line's own `loss_db` holds for every place on it.
    """
    backbone = network.backbone
    role = backbone["role"].to_numpy(object)
    points = np.flatnonzero((network.point_node >= 0) & np.isin(role.astype(str), _of(tap_roles, POINT_ROLES)))
    ports = pd.to_numeric(backbone["ports_free"]).to_numpy(np.float64)
    loss = pd.to_numeric(backbone["loss_db"]).to_numpy(np.float64)
    names = backbone["backbone_id"].to_numpy(object)
    lines = tapped_lines(len(points), tap=tap, tap_roles=tap_roles)
    line, node, offset_m = _on_lines(network, lines) if lines else _none()
    taken = ~np.isin(node, network.point_node[points])
    line, node, offset_m = line[taken], node[taken], offset_m[taken]
    back_loss, back_m = _followed_back(network, loss, node)
    own = ~np.isnan(loss[line])
    on_line = np.array([f"{names[row]}@{at:.2f}" for row, at in zip(line, offset_m, strict=True)], object)
    return Taps(
        access_point_id=np.r_[names[points], on_line],
        kind=np.r_[role[points], role[line]],
        node=np.r_[network.point_node[points], node].astype(np.int64),
        ports_free=np.r_[np.where(np.isnan(ports[points]), np.inf, ports[points]), np.full(len(line), np.inf)],
        loss_db=np.r_[loss[points], np.where(own, loss[line], back_loss)],
        is_point=np.r_[np.ones(len(points), bool), np.zeros(len(line), bool)],
        back_m=np.r_[np.zeros(len(points)), np.where(own, 0.0, back_m)],
    )


def tapped_lines(points: int, *, tap: str, tap_roles: Sequence[str]) -> list[str]:
    """Return the roles of lines that are tapped all along, where there are so many points to tap."""
    on_lines = tap == "anywhere" or (tap == "auto" and points == 0)
    return _of(tap_roles, LINE_ROLES) if on_lines else []


def _of(roles: Sequence[str], allowed: Sequence[str]) -> list[str]:
    return [role for role in roles if role in allowed]


def _none() -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)


def _on_lines(
    network: StreetNetwork, roles: Sequence[str]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return row of the line, node and offset of each node of tappable lines; of several lines the first counts."""
    edge = np.flatnonzero(network.kind == BACKBONE)
    edge = edge[np.isin(network.backbone["role"].to_numpy(object)[network.source[edge]].astype(str), roles)]
    source = network.source[edge]
    begins = np.r_[True, source[1:] != source[:-1]][: len(source)]
    run = np.cumsum(network.length_m[edge])
    before = run - network.length_m[edge]
    start = before - np.repeat(before[begins], np.diff(np.r_[np.flatnonzero(begins), len(source)]))
    node = np.r_[network.tail[edge], network.head[edge]]
    row, offset_m = np.r_[source, source], np.r_[start, start + network.length_m[edge]]
    order = np.lexsort((offset_m, row, node))
    first = order[np.r_[True, node[order][1:] != node[order][:-1]][: len(order)]]
    first = first[np.lexsort((offset_m[first], row[first]))]
    return row[first], node[first], offset_m[first]


def _followed_back(
    network: StreetNetwork, loss: NDArray[np.float64], node: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return, for nodes of existing lines, the loss at the point that their line comes from, and the metres to it."""
    points = np.flatnonzero((network.point_node >= 0) & network.backbone["role"].isin(TAP_POINT_ROLES).to_numpy(bool))
    ends = network.point_node[points]
    spliced = (network.kind == CONNECTOR) & (np.isin(network.tail, ends) | np.isin(network.head, ends))
    edge = np.flatnonzero((network.kind == BACKBONE) | spliced)
    best, metres = np.full(len(node), np.nan), np.zeros(len(node))
    if len(node) == 0 or len(edge) == 0:
        return best, metres
    known = points[~np.isnan(loss[points])]
    for value in np.unique(loss[known])[::-1]:
        start = network.point_node[known[loss[known] == value]]
        far = _along_lines(network, edge, start, ends)[node]
        found = np.isfinite(far)
        best[found], metres[found] = value, far[found]
    return best, metres


def _along_lines(
    network: StreetNetwork, edge: NDArray[np.int64], start: NDArray[np.int64], ends: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return metres along existing lines from the nearest start to each node; ways end at `ends`."""
    # each line leaves a start, and enters other ends without going on
    tail, head = np.r_[network.tail[edge], network.head[edge]], np.r_[network.head[edge], network.tail[edge]]
    length = np.r_[network.length_m[edge], network.length_m[edge]]
    leaves = ~np.isin(tail, ends) | np.isin(tail, start)
    tail, head, length = tail[leaves], head[leaves], length[leaves]
    order = np.lexsort((length, head, tail))
    first = order[np.r_[True, (np.diff(tail[order]) != 0) | (np.diff(head[order]) != 0)]]
    size = len(network.x)
    graph = csr_array((np.maximum(length[first], 1e-9), (tail[first], head[first])), shape=(size, size))
    far: NDArray[np.float64] = dijkstra(graph, directed=True, indices=np.unique(start), min_only=True)
    return far
