"""Status of each customer today."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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


def new_homes(customers: gpd.GeoDataFrame) -> NDArray[np.int64]:
    """
    Count the homes that are not served today.

    Parameters
    ----------
    customers
        Customers of a plan, with `status`.

    Returns
    -------
    homes
        int64, one per row.
    """
    table = customers.assign(connected=customers["status"] == "connected")
    if "units_connected" not in table:
        table = table.assign(units_connected=np.nan)
    left: NDArray[np.int64] = table["units"].to_numpy(np.int64) - units_connected(table)
    return left


def homes_by(customers: gpd.GeoDataFrame, column: str, served: str = "") -> dict[Any, int]:
    """
    Count the homes that are not served today by the values of a column.

    Parameters
    ----------
    customers
        Customers of a plan, with `status`.
    column
        What to count by; rows without a value are left out.
    served
        The value under which all homes are counted that are served today, whatever their rows have; left out if empty.
    """
    left = new_homes(customers)
    values = customers[column].astype(object)
    counted = {value: int(homes) for value, homes in pd.Series(left, customers.index).groupby(values).sum().items()}
    if served:
        counted[served] = counted.get(served, 0) + int(customers["units"].sum() - left.sum())
    return counted


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
