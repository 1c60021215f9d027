"""`StreetNetwork`: streets and existing lines as one graph; arrays inside, networkx outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import geopandas as gpd
    import numpy as np
    import pyproj
    from numpy.typing import NDArray

STREET, CROSSING, BACKBONE, CONNECTOR, DROP = range(5)
"""Codes of `StreetNetwork.kind`: positions in `schema.EDGE_KINDS`."""


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
