"""What it costs to cross a street, a railway or a water, on top of the metres."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from lastmile_net.cost.columns import lower_text
from lastmile_net.network.network import CROSSING, HALF

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from lastmile_net.config.prices import CostModel
    from lastmile_net.network.network import StreetNetwork

    Floats = NDArray[np.float64]


def price_crossings(
    lines: NDArray[np.object_], model: CostModel, rail_water: gpd.GeoDataFrame | None, *, labour: bool = False
) -> Floats:
    """
    Return what each line pays for the railways and waters it meets, on top of its metres.

    Parameters
    ----------
    lines
        object (k,). Lines that are dug.
    model
        Prices.
    rail_water
        Railways and waters in the same CRS; each one that a line meets is one crossing.
    labour
        Return the part that is labour.
    """
    price = np.zeros(len(lines))
    if rail_water is None or rail_water.empty:
        return price
    kind = lower_text(rail_water, "kind").to_numpy(object)
    rail, water = (
        each.value * (each.labour if labour else 1.0) for each in (model.crossing.rail, model.crossing.water)
    )
    each = np.where(kind == "rail", rail, water)
    line, obstacle = shapely.STRtree(rail_water.geometry.to_numpy()).query(lines, predicate="intersects")
    np.add.at(price, line, each[obstacle])
    return price


def price_drop_crossings(
    drops: NDArray[np.object_],
    model: CostModel,
    rail_water: gpd.GeoDataFrame | None,
    centre_lines: NDArray[np.object_] | None,
    *,
    labour: bool = False,
) -> Floats:
    """
    Return what each drop pays for what it crosses.

    Parameters
    ----------
    drops
        object (k,). Lines of the drops.
    model, rail_water, labour
        As for `price_crossings`.
    centre_lines
        Centre lines of the streets that have two sides, each of which is crossed at the price of a street; None where
        centre lines stand for both sides.
    """
    price = price_crossings(drops, model, rail_water, labour=labour)
    if centre_lines is not None and len(centre_lines):
        fee = model.crossing.street.value * (model.crossing.street.labour if labour else 1.0)
        drop, _ = shapely.STRtree(centre_lines).query(drops, predicate="intersects")
        np.add.at(price, drop, fee)
    return price


def street_crossings(network: StreetNetwork, model: CostModel) -> Floats:
    """Return the price of crossing the street itself, on top of the metres."""
    share = np.where(network.side == HALF, 0.5, 1.0)
    return np.where(network.kind == CROSSING, model.crossing.street.value * share, 0.0)
