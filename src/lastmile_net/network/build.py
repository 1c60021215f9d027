"""Build a `StreetNetwork`: streets and existing lines noded, tied together, one edge per physical piece."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from lastmile_net.crs import require_metric
from lastmile_net.errors import CrsError, Fault
from lastmile_net.network.network import BACKBONE, STREET, StreetNetwork, tidy
from lastmile_net.network.noding import node_lines
from lastmile_net.network.tie import is_line, tie_line_ends, tie_nodes, tie_points
from lastmile_net.schema import TAP_POINT_ROLES

if TYPE_CHECKING:
    from collections.abc import Sequence

    import geopandas as gpd
    import pyproj
    from numpy.typing import NDArray

USABLE_ROLES = ("distribution", "duct", "aerial", "feeder")
"""Roles of existing lines that can carry new customers."""


def build_network(
    streets: gpd.GeoDataFrame,
    backbone: gpd.GeoDataFrame,
    *,
    connector_m: float = 15.0,
    usable_roles: Sequence[str] = USABLE_ROLES,
    point_roles: Sequence[str] = TAP_POINT_ROLES,
) -> StreetNetwork:
    """
    Make one network of the streets and of what exists.

    Parameters
    ----------
    streets, backbone
        Layers that meet the schema, in one metric CRS.
    connector_m
        Up to this distance (inclusive) an existing line can be reached from a street by a connector.
    usable_roles
        Roles of lines that are tied in like that.
    point_roles
        Roles of points that are tied in.

    Returns
    -------
    network
        All streets, islands included.

    Raises
    ------
    CrsError
        If the layers have no CRS, different ones, or one that is not metric.
    """
    crs = _common_crs(streets, backbone)
    existing = is_line(backbone)
    rows = np.flatnonzero(existing)
    pieces = node_lines(streets, backbone.iloc[rows])
    source = pieces.row.copy()
    source[pieces.existing] = rows[pieces.row[pieces.existing]]
    network = StreetNetwork(
        crs=crs,
        x=pieces.x,
        y=pieces.y,
        component=np.zeros(len(pieces.x), np.int64),
        tail=pieces.tail,
        head=pieces.head,
        length_m=shapely.length(pieces.geometry),
        kind=np.where(pieces.existing, BACKBONE, STREET).astype(np.int8),
        street_id=_names(streets, backbone, pieces.existing, source),
        source=source,
        geometry=pieces.geometry,
        streets=streets,
        backbone=backbone,
        point_node=np.full(len(backbone), -1, np.int64),
    )
    points = np.flatnonzero(backbone["role"].isin(point_roles).to_numpy(bool) & ~existing)
    on_street = np.unique(np.r_[network.tail[network.kind == STREET], network.head[network.kind == STREET]])
    network = tie_nodes(network, on_street, connector_m=connector_m, roles=usable_roles)
    network = tie_line_ends(network, connector_m=connector_m, roles=usable_roles)
    return tidy(tie_points(network, points, connector_m=connector_m, roles=usable_roles))[0]


def _common_crs(streets: gpd.GeoDataFrame, backbone: gpd.GeoDataFrame) -> pyproj.CRS:
    crs = streets.crs
    if crs is None or backbone.crs is None or backbone.crs != crs:
        raise CrsError([Fault("streets and backbone are not in one CRS", "Project both to one metric CRS.")])
    return require_metric(crs)


def _names(
    streets: gpd.GeoDataFrame, backbone: gpd.GeoDataFrame, existing: NDArray[np.bool_], source: NDArray[np.int64]
) -> NDArray[np.object_]:
    names = np.empty(len(source), object)
    names[~existing] = streets["street_id"].to_numpy(object)[source[~existing]]
    names[existing] = backbone["backbone_id"].to_numpy(object)[source[existing]]
    return names
