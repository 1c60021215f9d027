"""`StreetNetwork`: streets and existing lines as one graph; arrays inside, networkx outside."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

if TYPE_CHECKING:
    import geopandas as gpd
    import networkx as nx
    import pyproj
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

STREET, CROSSING, BACKBONE, CONNECTOR, DROP = range(5)
"""Codes of `StreetNetwork.kind`: positions in `schema.EDGE_KINDS`."""
CENTRE, LEFT, RIGHT, HALF = range(4)
"""Codes of `StreetNetwork.side`."""
TINY_M = 0.01
"""A connector that is no longer joins two nodes at one place."""


@dataclass(frozen=True, eq=False)
class StreetNetwork:
    """
    An undirected multigraph with geometry, in one metric CRS.

    Parameters
    ----------
    crs
        Metric CRS of everything here.
    x, y
        float64 (n,), metres. Nodes, in an order that depends on the coordinates alone.
    component
        int64 (n,). Label of each node's connected component; 0 is the largest by nodes.
    tail, head
        int64 (m,). Ends of each edge.
    length_m
        float64 (m,). Length of the geometry.
    kind
        int8 (m,). Position in `schema.EDGE_KINDS`.
    street_id
        object (m,). Text: `street_id` of a street piece, `backbone_id` of a backbone piece, empty for a connector.
    source
        int64 (m,). Row of `streets` or `backbone` that the edge is a piece of; -1 for a connector.
    geometry
        object (m,). shapely LineStrings, from tail to head.
    streets, backbone
        The layers the network was built from, in canonical order.
    point_node
        int64, one per row of `backbone`. Node at which a point stands; -1 for lines and points that are not tied in.
    side
        int8 (m,). `CENTRE`, or the side of the street a piece runs on, seen from tail to head; of a crossing, `HALF`
        where it ends in the middle of the road. Not given: all on the centre line.
    """

    crs: pyproj.CRS
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    component: NDArray[np.int64]
    tail: NDArray[np.int64]
    head: NDArray[np.int64]
    length_m: NDArray[np.float64]
    kind: NDArray[np.int8]
    street_id: NDArray[np.object_]
    source: NDArray[np.int64]
    geometry: NDArray[np.object_]
    streets: gpd.GeoDataFrame
    backbone: gpd.GeoDataFrame
    point_node: NDArray[np.int64]
    side: NDArray[np.int8] = field(default_factory=lambda: np.empty(0, np.int8))

    def __post_init__(self) -> None:
        """Put all edges on the centre line where no sides are given."""
        if len(self.side) == 0:
            object.__setattr__(self, "side", np.full(len(self.tail), CENTRE, np.int8))

    def to_networkx(self) -> nx.MultiGraph[int]:
        """
        Return the network as an undirected multigraph with the attribute names that osmnx uses.

        Returns
        -------
        graph
            Nodes have `x`, `y`, `component`; edges `length` (metres), `kind`, `osmid`, `name`, `highway`, `geometry`.
        """
        from lastmile_net.network.convert import to_networkx

        return to_networkx(self)


def tidy(network: StreetNetwork) -> tuple[StreetNetwork, Ints]:
    """
    Sort nodes by place, unite those that only a connector of no length parts, and label components by size.

    Returns
    -------
    network
        The same network with other numbers.
    number
        int64 (n,). New number of each old node.
    """
    size = len(network.x)
    tiny = (network.kind == CONNECTOR) & (network.length_m <= TINY_M)
    order = np.lexsort((np.arange(size), network.y, network.x))
    place = np.empty(size, np.int64)
    place[order] = np.arange(size)
    group = components(size, place[network.tail[tiny]], place[network.head[tiny]])
    first = np.full(size, size)
    np.minimum.at(first, group, np.arange(size))
    kept = np.flatnonzero(first[group] == np.arange(size))
    number = np.searchsorted(kept, first[group])[place]
    tail, head = number[network.tail[~tiny]], number[network.head[~tiny]]
    tied = network.point_node >= 0
    point_node = network.point_node.copy()
    point_node[tied] = number[point_node[tied]]
    x, y = network.x[order[kept]], network.y[order[kept]]
    geometry = _moved_ends(network.geometry[~tiny], np.column_stack([x, y]), tail, head)
    tidied = replace(
        network,
        x=x,
        y=y,
        tail=tail,
        head=head,
        length_m=shapely.length(geometry),
        kind=network.kind[~tiny],
        side=network.side[~tiny],
        street_id=network.street_id[~tiny],
        source=network.source[~tiny],
        geometry=geometry,
        point_node=point_node,
        component=components(len(kept), tail, head),
    )
    return tidied, number


def _moved_ends(lines: NDArray[np.object_], where: NDArray[np.float64], tail: Ints, head: Ints) -> NDArray[np.object_]:
    """Let lines start and end right at their nodes, also where nodes a few millimetres apart became one."""
    begins, ends = (shapely.get_coordinates(shapely.get_point(lines, corner)).reshape(-1, 2) for corner in (0, -1))
    off = np.flatnonzero((begins != where[tail]).any(axis=1) | (ends != where[head]).any(axis=1))
    if len(off) == 0:
        return lines
    xy, line = shapely.get_coordinates(lines[off], return_index=True)
    first = np.r_[True, line[1:] != line[:-1]]
    last = np.r_[first[1:], True]
    xy[first], xy[last] = where[tail[off]], where[head[off]]
    moved = lines.copy()
    moved[off] = shapely.linestrings(xy, indices=line)
    return moved


def components(nodes: int, tail: Ints, head: Ints) -> Ints:
    """
    Label connected components: 0 is the one with most nodes, ties go to the one with the lowest node.

    Parameters
    ----------
    nodes
        Number of nodes.
    tail, head
        int64 (m,). Ends of the edges that count.

    Returns
    -------
    component
        int64 (nodes,).
    """
    graph = coo_array((np.ones(len(tail), np.int8), (tail, head)), shape=(nodes, nodes))
    count, label = connected_components(graph.tocsr(), directed=False)
    size = np.bincount(label, minlength=count)
    first = np.full(count, nodes)
    np.minimum.at(first, label, np.arange(nodes))
    rank = np.empty(count, np.int64)
    rank[np.lexsort((first, -size))] = np.arange(count)
    component: Ints = rank[label]
    return component
