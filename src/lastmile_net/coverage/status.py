"""Status of each customer today."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

if TYPE_CHECKING:
    from collections.abc import Sequence

    import geopandas as gpd
    from numpy.typing import NDArray

PASSING_ROLES = ("distribution", "duct", "drop", "aerial", "pop", "cabinet", "splitter", "closure", "handhole")
"""Existing things from which a home can be connected without building in the street."""


def units_connected(customers: gpd.GeoDataFrame) -> NDArray[np.int64]:
    """
    Count the homes that are served today.

    Parameters
    ----------
    customers
        The customers layer, as conformed to the schema.

    Returns
    -------
    units
        int64, one per row: all units where `connected`, else `units_connected` up to `units`.
    """
    units = customers["units"].to_numpy(np.int64)
    given = pd.to_numeric(customers["units_connected"]).fillna(0).to_numpy(np.float64)
    partly = np.clip(given, 0, units).astype(np.int64)
    connected = customers["connected"].to_numpy(bool)
    served: NDArray[np.int64] = np.where(connected, units, partly)
    return served


def status_today(
    customers: gpd.GeoDataFrame,
    backbone: gpd.GeoDataFrame,
    *,
    passed_within_m: float,
    roles: Sequence[str] = PASSING_ROLES,
) -> NDArray[np.object_]:
    """
    Say of each customer whether it is connected, passed or unconnected before anything is built.

    Parameters
    ----------
    customers, backbone
        Conformed layers in one metric CRS.
    passed_within_m
        A customer counts as passed up to this distance (inclusive) from what exists.
    roles
        Roles of the backbone that count.

    Returns
    -------
    status
        Text, one per customer.
    """
    status = np.full(len(customers), "unconnected", dtype=object)
    points = customers.geometry.to_numpy()
    usable = ~(shapely.is_missing(points) | shapely.is_empty(points))
    existing = backbone.geometry.to_numpy()[backbone["role"].isin(roles).to_numpy()]
    if len(existing) and usable.any():
        rows = np.flatnonzero(usable)
        near, _ = shapely.STRtree(existing).query(points[rows], predicate="dwithin", distance=passed_within_m)
        status[rows[np.unique(near)]] = "passed"
    status[units_connected(customers) >= customers["units"].to_numpy(np.int64)] = "connected"
    return status
