"""What it costs to use the lines that exist, and how many more homes they carry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lastmile_net.network.columns import lower_text
from lastmile_net.network.network import BACKBONE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.config.prices import CostModel, Price
    from lastmile_net.network.network import StreetNetwork

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

UNLIMITED = -1
"""Capacity of an edge that carries any number of homes."""


def price_reuse(network: StreetNetwork, model: CostModel) -> tuple[Floats, Ints]:
    """Return price per metre and spare homes of each existing edge; an infinite price where it is not reused."""
    lines = network.backbone
    role = lower_text(lines, "role").replace("", "distribution").to_numpy(object)
    free = (
        pd.to_numeric(lines["units_free"]).to_numpy(np.float64) if "units_free" in lines else np.full(len(role), np.nan)
    )
    per_role = {
        name: _value(getattr(model.reuse_cost_per_m, name)) for name in type(model.reuse_cost_per_m).model_fields
    }
    price = np.array([per_role.get(name, np.inf) for name in role], np.float64)
    price[(free < 1) | ((role == "feeder") & np.isnan(free))] = np.inf
    spare = np.where(np.isfinite(free), np.floor(np.nan_to_num(free)), UNLIMITED)
    capacity = np.nan_to_num(_of_line(network, spare), nan=UNLIMITED)
    return _of_line(network, price), capacity.astype(np.int64)


def labour_of_reuse(network: StreetNetwork, model: CostModel) -> Floats:
    """Return the part of the price of each existing edge that is labour, as a share; 0 elsewhere."""
    role = lower_text(network.backbone, "role").replace("", "distribution")
    prices = {name: getattr(model.reuse_cost_per_m, name) for name in type(model.reuse_cost_per_m).model_fields}
    share = role.map({name: price.labour for name, price in prices.items() if price is not None})
    return np.nan_to_num(_of_line(network, share.to_numpy(np.float64)))


def _value(price: Price | None) -> float:
    return np.inf if price is None else price.value


def _of_line(network: StreetNetwork, values: Floats) -> Floats:
    """Spread a value per backbone row over the edges that exist; nan elsewhere."""
    row = np.where(network.kind == BACKBONE, network.source, len(values))
    return np.append(values, np.nan)[row]
