"""What is crossed on the way, streets, railways and waters, and what that costs on top of the metres."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from lastmile_net.network.columns import lower_text
from lastmile_net.network.network import BACKBONE, CROSSING, HALF

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from lastmile_net.config.prices import CostModel
    from lastmile_net.network.network import StreetNetwork

    Floats = NDArray[np.float64]

CROSSED = ("street", "rail", "water")
"""What is crossed, as the prices name it: the columns of all counts."""
CROSSINGS = tuple(f"{kind}_crossings" for kind in CROSSED)
"""Columns of trenches that hold these counts."""
STREET, RAIL, WATER = range(len(CROSSED))


def count_crossings(
    lines: NDArray[np.object_],
    rail_water: gpd.GeoDataFrame | None,
    centre_lines: NDArray[np.object_] | None = None,
) -> Floats:
    """
    Count what each line crosses.

    Parameters
    ----------
    lines
        object (k,). Lines that are dug.
    rail_water
        Railways and waters in the same CRS; each one that a line meets is one crossing.
    centre_lines
        Centre lines of the streets that have two sides, each of which is a crossing; None where centre lines stand
        for both sides.

    Returns
    -------
    crossed
        float64 (k, 3). Crossings of each kind in `CROSSED`.
    """
    crossed = np.zeros((len(lines), len(CROSSED)))
    if rail_water is not None and not rail_water.empty:
        kind = np.where(lower_text(rail_water, "kind").to_numpy(object) == "rail", RAIL, WATER)
        line, obstacle = shapely.STRtree(rail_water.geometry.to_numpy()).query(lines, predicate="intersects")
        np.add.at(crossed, (line, kind[obstacle]), 1)
    if centre_lines is not None and len(centre_lines):
        line, _ = shapely.STRtree(centre_lines).query(lines, predicate="intersects")
        np.add.at(crossed, (line, STREET), 1)
    return crossed


def count_edge_crossings(network: StreetNetwork, rail_water: gpd.GeoDataFrame | None) -> Floats:
    """Count what each edge of a network crosses, as `count_crossings` does; what exists crosses nothing anew."""
    crossed = count_crossings(network.geometry, rail_water)
    crossed[:, STREET] = np.where(network.kind == CROSSING, np.where(network.side == HALF, 0.5, 1.0), 0.0)
    crossed[network.kind == BACKBONE] = 0.0
    return crossed


def price_crossings(crossed: Floats, model: CostModel, *, labour: bool = False) -> Floats:
    """Return what so many crossings of each kind cost, or the part of it that is labour, on top of the metres."""
    prices = [getattr(model.crossing, kind) for kind in CROSSED]
    fees = np.array([price.value * (price.labour if labour else 1.0) for price in prices])
    price: Floats = crossed @ fees
    return price
