"""What a planner should read beside the figures: what was noted on the way, and what is unusual in the plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from lastmile_net.cost import guessed_surfaces
from lastmile_net.counts import agree, counted, homes
from lastmile_net.coverage.missed import missed
from lastmile_net.errors import MAX_ROWS_SHOWN
from lastmile_net.plan.ground import centre_lines
from lastmile_net.schema import TAP_LINE_ROLES

if TYPE_CHECKING:
    from collections.abc import Iterator

    import geopandas as gpd
    import pandas as pd
    from numpy.typing import NDArray

    from lastmile_net.config import CostModel
    from lastmile_net.plan.outcome import Posing

HURRIED = "the time limit cut a search or bound of the curve short: another machine may end elsewhere"
FOR_THE_FIRST = "so that its first parts connect more (`phases.grown = false`, `order_slack = 0`: the cheapest)"
LONG_DROP_M = 200.0
"""Planned drops beyond this are noted: few operators build them."""
USUAL_DROPS = "usual are 50 to 75 m"
END_M = 0.01
"""A drop that meets a street this near to one of its own ends begins or ends there, and does not cross it."""


def plan_notes(posing: Posing, customers: pd.DataFrame, dug: gpd.GeoDataFrame, points: pd.DataFrame) -> Iterator[str]:
    """
    Yield what a planner should read.

    Parameters
    ----------
    posing
        Everything that has been found out of a town.
    customers
        All customers, with what the plan does for them.
    dug
        All trenches, drops among them.
    points
        Access points.
    """
    if said := missed(posing.money.about, set(customers["reason"].dropna())):
        yield said
    yield from _wanted_in_vain(customers)
    yield from map(str, posing.layers.notes)
    if posing.money.study.hurried:
        yield HURRIED
    if posing.money.dearer > 0:
        dearer = f"{posing.money.dearer:,.2f} {posing.config.cost.currency}"
        yield f"it costs {dearer} more than the cheapest plan found, {FOR_THE_FIRST}"
    yield from _guessed_ground(posing.layers.streets, posing.config.cost)
    yield from _unlimited_ports(points)
    yield from _long_drops(customers["drop_m"], posing.config.max_drop_m)
    if posing.centre_lines is None:
        streets = centre_lines(posing.layers.streets, posing.config)
        yield from _free_crossings(dug.geometry.to_numpy()[dug["kind"] == "drop"], streets, posing.config.cost)


def _wanted_in_vain(customers: pd.DataFrame) -> Iterator[str]:
    """Name the customers that must be part of the plan and are not, each with its reason."""
    left = customers[customers["include"].astype(bool) & (customers["outcome"] == "unserved")]
    if len(left):
        named = [f"{name} ({reason})" for name, reason in zip(left["customer_id"], left["reason"], strict=True)]
        more = f" and {len(named) - MAX_ROWS_SHOWN:,} more" if len(named) > MAX_ROWS_SHOWN else ""
        who = f"{counted(len(left), 'customer')} with `include` {agree(len(left), 'stays', 'stay')} unserved"
        yield f"{who}: {', '.join(named[:MAX_ROWS_SHOWN])}{more}"


def _guessed_ground(streets: pd.DataFrame, prices: CostModel) -> Iterator[str]:
    count = guessed_surfaces(streets, prices)
    if count:
        which = f"the ground of {counted(count, 'street')} is told neither by `surface` nor by the class in `highway`"
        yield f"{which}: priced as {prices.surface_otherwise} (`cost.surface_otherwise`)"


def _unlimited_ports(points: pd.DataFrame) -> Iterator[str]:
    used = points[points["ports_free"].isna() & ~points["kind"].isin(TAP_LINE_ROLES) & (points["ports_used"] > 0)]
    if len(used):
        which = f"{counted(len(used), 'access point')} in use {agree(len(used), 'has', 'have')} no `ports_free`"
        who_gets = agree(len(used), "it gets", "they get")
        yield f"{which}: no limit is kept, and {who_gets} {homes(used['ports_used'].sum())}"


def _long_drops(drop_m: pd.Series[float], limit_m: float) -> Iterator[str]:
    long = drop_m[drop_m > LONG_DROP_M]
    if len(long):
        what = f"1 planned drop is longer than {LONG_DROP_M:g} m: {long.max():,.0f} m"
        if len(long) > 1:
            what = f"{len(long):,} planned drops are longer than {LONG_DROP_M:g} m, the longest {long.max():,.0f} m"
        yield f"{what}; {USUAL_DROPS}: lower max_drop_m (it is {limit_m:g}), or add the streets that are missing"


def _free_crossings(drops: NDArray[np.object_], streets: NDArray[np.object_], prices: CostModel) -> Iterator[str]:
    """Count the drops that cross a street between their ends, where centre lines stand for both sides of streets."""
    fee = prices.crossing.street.value
    drop, street = shapely.STRtree(streets).query(drops, predicate="intersects")
    xy, meeting = shapely.get_coordinates(shapely.intersection(drops[drop], streets[street]), return_index=True)
    ends = shapely.get_point(drops[drop[meeting]], [[0], [-1]])
    between = (shapely.distance(ends, shapely.points(xy)) > END_M).all(axis=0)
    count = len(np.unique(drop[meeting[between]]))
    if count and fee:
        cross = f"{counted(count, 'planned drop')} {agree(count, 'crosses', 'cross')} a street at no price"
        yield f'{cross}; with `street_sides = "both"` a crossing costs {fee:,.2f} {prices.currency}'
