"""Status of each customer today; reason and remedy for each one that stays unserved."""

from __future__ import annotations

from dataclasses import dataclass
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

REMEDY_UNITS = {
    "fix_location": "",
    "raise_max_drop_m": "m",
    "extend_streets": "",
    "link_island": "m",
    "raise_max_route_m": "m",
    "raise_max_stretch": "",
    "add_ports": "homes",
    "reduce_loss": "dB",
    "state_loss": "",
    "raise_budget": "currency",
    "include": "",
}
"""Kinds of remedy, and the unit in which `remedy_value` counts."""


@dataclass(frozen=True)
class Remedy:
    """
    The smallest change that would serve a customer.

    Parameters
    ----------
    code
        A key of `REMEDY_UNITS`.
    text
        The change as a sentence.
    value
        Size of the change in the unit of its code; nan where there is no number to it.
    cost
        What the change costs, in the currency of the prices; nan where the prices do not tell.
    """

    code: str
    text: str
    value: float = np.nan
    cost: float = np.nan


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


def drop_too_long(nearest_m: float, max_drop_m: float, extra_cost: float) -> Remedy:
    """Return the remedy of a customer whose nearest street is `nearest_m` away; infinite where there is none."""
    if not np.isfinite(nearest_m):
        return Remedy("extend_streets", "there is no street to drop onto: add the missing street to the streets layer")
    short = np.ceil((nearest_m - max_drop_m) * 10) / 10
    text = (
        f"drop is {nearest_m:.1f} m, limit {max_drop_m:g} m: raise the limit by {short:.1f} m "
        f"or bring the network {short:.1f} m closer"
    )
    return Remedy("raise_max_drop_m", text, short, extra_cost)


def blocked_drop(distance_m: float) -> Remedy:
    """Return the remedy of a customer who is near a street that no allowed drop reaches."""
    text = (
        f"the nearest street is {distance_m:.1f} m away, but a barrier or an excluded area lies between: "
        "open a passage or allow the crossing"
    )
    return Remedy("include", text)


def link_island(link_m: float, homes: int, link_cost: float) -> Remedy:
    """Return the remedy of a customer on a street island that is `link_m` away from the tied network."""
    if not np.isfinite(link_m):
        return Remedy("extend_streets", "its street leads nowhere: add the street or line that ties it to the network")
    text = (
        f"its street is not tied to the network: a link of {link_m:.1f} m would tie in the {homes} "
        f"unserved {'home' if homes == 1 else 'homes'} of this island"
    )
    return Remedy("link_island", text, float(np.ceil(link_m * 10) / 10), link_cost)


def add_ports(short: int, access_point_id: str) -> Remedy:
    """Return the remedy of a customer whose best access point lacks `short` ports."""
    text = f"access point {access_point_id} lacks {short} {'port' if short == 1 else 'ports'} for it: add them there"
    return Remedy("add_ports", text, float(short))


def raise_budget(more: float, homes: int, currency: str) -> Remedy:
    """Return the remedy of a customer whom only the money leaves out; `more` ties it to what is built."""
    text = (
        f"{more:,.2f} {currency} more would tie {'this home' if homes == 1 else f'these {homes} homes'} "
        "to what the plan builds"
    )
    return Remedy("raise_budget", text, round(more, 2), round(more, 2))


FIX_LOCATION = Remedy("fix_location", "its location is missing or not usable: give its coordinates")
INCLUDE = Remedy("include", "it is excluded: take `exclude` off the customer")
INCLUDE_WAY = Remedy("include", "all its ways are excluded or forbidden: take the exclusion off one of them")
