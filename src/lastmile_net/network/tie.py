"""Tie existing lines and points to the streets beside them, by short connectors that are dug."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import shapely

from lastmile_net.network.network import BACKBONE, CENTRE, CONNECTOR, STREET
from lastmile_net.network.noding import WELD_M
from lastmile_net.network.split import NEW, split
from lastmile_net.schema import TAP_LINE_ROLES

if TYPE_CHECKING:
    from collections.abc import Sequence

    import geopandas as gpd
    from numpy.typing import NDArray

    from lastmile_net.network.network import StreetNetwork

    Ints = NDArray[np.int64]
    Flags = NDArray[np.bool_]

POINT_REACH_M = 100.0
"""A point with no street within `connector_m` is tied to the nearest one up to here."""


def usable_roles(priced: Sequence[str], *, tap: str, tap_roles: Sequence[str]) -> tuple[str, ...]:
    """Return the roles of lines that new customers can use: those with a price, and those that are tapped."""
    tapped = [role for role in TAP_LINE_ROLES if role in tap_roles and tap != "points"]
    return tuple(dict.fromkeys([*priced, *tapped]))


def is_line(backbone: gpd.GeoDataFrame) -> Flags:
    """Return which rows of the backbone are lines."""
    return np.isin(shapely.get_type_id(backbone.geometry.to_numpy()), (1, 5))


def usable_lines(network: StreetNetwork, roles: Sequence[str]) -> Flags:
    """Return which edges are existing lines of these roles; a feeder only where its `units_free` is given."""
    wanted = usable_rows(network.backbone, roles)
    row = np.where(network.kind == BACKBONE, network.source, len(wanted))
    usable: Flags = (network.kind == BACKBONE) & np.append(wanted, np.array([False]))[row]
    return usable


def usable_rows(backbone: gpd.GeoDataFrame, roles: Sequence[str]) -> Flags:
    """Return which rows of the backbone are of these roles; a feeder only where its `units_free` is given."""
    closed = (backbone["role"] == "feeder").to_numpy(bool) & backbone["units_free"].isna().to_numpy(bool)
    usable: Flags = backbone["role"].isin(roles).to_numpy(bool) & ~closed
    return usable


def point_reach_m(connector_m: float) -> float:
    """Return how far from a street a point may be (inclusive) that is tied to it."""
    return max(connector_m, POINT_REACH_M)


def tie_nodes(network: StreetNetwork, nodes: Ints, *, connector_m: float, roles: Sequence[str]) -> StreetNetwork:
    """
    Tie street nodes to the existing lines that run beside them.

    Parameters
    ----------
    network
        Streets and existing lines.
    nodes
        int64. Nodes on streets.
    connector_m
        Farthest line (inclusive).
    roles
        Roles of the lines that new customers can use. Of each role the nearest line is tied.

    Returns
    -------
    network
        Lines are split where a connector meets them; where a node lies on a line, they share it.
    """
    lines = np.flatnonzero(usable_lines(network, roles))
    if len(lines) == 0 or len(nodes) == 0:
        return network
    points = np.asarray(shapely.points(network.x[nodes], network.y[nodes]), object)
    at, line = shapely.STRtree(network.geometry[lines]).query(points, predicate="dwithin", distance=connector_m)
    node, line = nodes[at], lines[line]
    role = network.backbone["role"].to_numpy(object)[network.source[line]].astype(str)
    distance = np.asarray(shapely.distance(points[at], network.geometry[line]), np.float64)
    on_it = (network.tail[line] == node) | (network.head[line] == node)
    distance[on_it] = -1.0
    order = np.lexsort((line, np.round(distance, 6), role, node))
    node, line, role, distance = node[order], line[order], role[order], distance[order]
    best = np.ones(len(node), bool)
    best[1:] = (node[1:] != node[:-1]) | (role[1:] != role[:-1])
    # a node that is on a line of that role needs no connector to another one
    best &= distance >= 0
    return connect(network, node[best], line[best])


def connect(network: StreetNetwork, node: Ints, edge: Ints) -> StreetNetwork:
    """Join each node to the nearest place on an edge: by a connector, or by sharing it where it lies there."""
    points = shapely.points(network.x[node], network.y[node])
    offset = shapely.line_locate_point(network.geometry[edge], points)
    here = shapely.distance(points, network.geometry[edge]) <= WELD_M
    network, other = split(network, edge, offset, np.where(here, node, NEW))
    apart = (other != node) & ~_joined(network, node, other)
    return add_connectors(network, node[apart], other[apart])


def add_connectors(network: StreetNetwork, tail: Ints, head: Ints) -> StreetNetwork:
    """Return the network with straight connectors between nodes."""
    pairs = np.unique(np.sort(np.column_stack([tail, head]), axis=1), axis=0)
    if len(pairs) == 0:
        return network
    tail, head = pairs[:, 0], pairs[:, 1]
    ends = np.stack([np.column_stack([network.x[end], network.y[end]]) for end in (tail, head)], axis=1)
    geometry = np.asarray(shapely.linestrings(ends), object)
    count = len(pairs)
    return replace(
        network,
        tail=np.r_[network.tail, tail],
        head=np.r_[network.head, head],
        length_m=np.r_[network.length_m, shapely.length(geometry)],
        kind=np.r_[network.kind, np.full(count, CONNECTOR, np.int8)],
        side=np.r_[network.side, np.full(count, CENTRE, np.int8)],
        street_id=np.r_[network.street_id, np.full(count, "", object)],
        source=np.r_[network.source, np.full(count, -1)],
        geometry=np.r_[network.geometry, geometry],
    )


def tie_line_ends(network: StreetNetwork, *, connector_m: float, roles: Sequence[str]) -> StreetNetwork:
    """Tie ends of existing lines, that are on no street, to the nearest street within `connector_m`."""
    lines = usable_lines(network, roles)
    degree = np.bincount(np.r_[network.tail[lines], network.head[lines]], minlength=len(network.x))
    others = ~lines
    degree[np.r_[network.tail[others], network.head[others]]] = 0
    return _tie_to_street(network, np.flatnonzero(degree == 1), reach_m=connector_m)


def tie_points(network: StreetNetwork, rows: Ints, *, connector_m: float, roles: Sequence[str]) -> StreetNetwork:
    """
    Give backbone points a node each, and tie them to what is near.

    A point on a node or an edge takes its place; else it is tied to the nearest street (up to `POINT_REACH_M`) and,
    within `connector_m`, to the nearest line of each role that new customers can use.

    Parameters
    ----------
    network
        Streets and existing lines.
    rows
        int64. Rows of the backbone layer to be tied in.
    connector_m
        Farthest line (inclusive).
    roles
        Roles of the lines that new customers can use.
    """
    shapes = network.backbone.geometry.to_numpy()[rows]
    xy = np.round(shapely.get_coordinates(shapes), 3)
    first = len(network.x)
    nodes = np.arange(first, first + len(rows))
    point_node = network.point_node.copy()
    point_node[rows] = nodes
    network = replace(network, x=np.r_[network.x, xy[:, 0]], y=np.r_[network.y, xy[:, 1]], point_node=point_node)
    network = _tie_to_street(network, nodes, reach_m=point_reach_m(connector_m))
    return tie_nodes(network, nodes, connector_m=connector_m, roles=roles)


def _tie_to_street(network: StreetNetwork, nodes: Ints, *, reach_m: float) -> StreetNetwork:
    streets = np.flatnonzero(network.kind == STREET)
    if len(streets) == 0 or len(nodes) == 0:
        return network
    points = shapely.points(network.x[nodes], network.y[nodes])
    at, street = shapely.STRtree(network.geometry[streets]).query_nearest(points, max_distance=reach_m)
    # ties: the first edge, which is the lowest id
    _, first = np.unique(at, return_index=True)
    order = np.lexsort((street, at))
    at, street = at[order], street[order]
    _, first = np.unique(at, return_index=True)
    return connect(network, nodes[at[first]], streets[street[first]])


def _joined(network: StreetNetwork, one: Ints, other: Ints) -> Flags:
    """Return which pairs of nodes have a connector between them already."""
    old = network.kind == CONNECTOR
    size = len(network.x)
    known = np.minimum(network.tail[old], network.head[old]) * size + np.maximum(network.tail[old], network.head[old])
    return np.isin(np.minimum(one, other) * size + np.maximum(one, other), known)
