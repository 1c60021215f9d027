"""Taps: the nodes of the network where one may connect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lastmile_net.network.network import BACKBONE
from lastmile_net.schema import LINE_ROLES, POINT_ROLES

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
        float64 (t,). Optical loss from the OLT to here; nan is unknown.
    is_point
        bool (t,). It is a point of the backbone, not a place on a line.
    """

    access_point_id: NDArray[np.object_]
    kind: NDArray[np.object_]
    node: NDArray[np.int64]
    ports_free: NDArray[np.float64]
    loss_db: NDArray[np.float64]
    is_point: NDArray[np.bool_]


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
    """
    backbone = network.backbone
    role = backbone["role"].to_numpy(object)
    points = np.flatnonzero((network.point_node >= 0) & np.isin(role.astype(str), _of(tap_roles, POINT_ROLES)))
    ports = pd.to_numeric(backbone["ports_free"]).to_numpy(np.float64)
    loss = pd.to_numeric(backbone["loss_db"]).to_numpy(np.float64)
    names = backbone["backbone_id"].to_numpy(object)
    on_lines = tap == "anywhere" or (tap == "auto" and len(points) == 0)
    line, node, offset_m = _on_lines(network, _of(tap_roles, LINE_ROLES)) if on_lines else _none()
    taken = ~np.isin(node, network.point_node[points])
    line, node, offset_m = line[taken], node[taken], offset_m[taken]
    on_line = np.array([f"{names[row]}@{at:.2f}" for row, at in zip(line, offset_m, strict=True)], object)
    return Taps(
        access_point_id=np.r_[names[points], on_line],
        kind=np.r_[role[points], role[line]],
        node=np.r_[network.point_node[points], node].astype(np.int64),
        ports_free=np.r_[np.where(np.isnan(ports[points]), np.inf, ports[points]), np.full(len(line), np.inf)],
        loss_db=np.r_[loss[points], loss[line]],
        is_point=np.r_[np.ones(len(points), bool), np.zeros(len(line), bool)],
    )


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
