"""What a customer costs beyond the trench: the drop, the fibre, the equipment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.cost.crossings import price_crossings
from lastmile_net.cost.money import to_cents, whole_cents

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.config.prices import CostModel

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]


def price_drops(drop_m: Floats, model: CostModel, crossed: Floats | None = None) -> Floats:
    """
    Return the price of each drop: fixed, per metre beyond the included length, and for what it crosses.

    Parameters
    ----------
    drop_m
        Lengths in metres.
    model
        Prices.
    crossed
        What each drop crosses, as `count_crossings` returns it; None where nothing is.
    """
    beyond = np.maximum(np.asarray(drop_m, np.float64) - model.drop_included_m, 0.0)
    own = to_cents(model.drop_fixed.value + beyond * model.drop_per_m.value)
    return own if crossed is None else to_cents(own + to_cents(price_crossings(crossed, model)))


def labour_of_drops(drop_m: Floats, model: CostModel) -> Floats:
    """Return the part of the price of each drop that is labour."""
    beyond = np.maximum(np.asarray(drop_m, np.float64) - model.drop_included_m, 0.0)
    fixed, metres = model.drop_fixed, model.drop_per_m
    return to_cents(fixed.value * fixed.labour + beyond * metres.value * metres.labour)


def price_fibre(length_m: Floats, model: CostModel) -> Floats:
    """Return the price of one fibre over each of the given lengths."""
    return to_cents(np.asarray(length_m, np.float64) * model.fibre_cost_per_m.value)


def price_equipment(units: Ints, model: CostModel) -> Floats:
    """Return what equipment costs for each customer with that many homes to be connected."""
    total = np.zeros(len(units))
    for price in model.equipment.values():
        each = whole_cents(price.value)
        total += each * units if price.unit == "home" else each
    return to_cents(total)


def labour_of_equipment(units: Ints, model: CostModel) -> float:
    """Return the part of the price of all equipment that is labour."""
    number = {"home": int(np.sum(units)), "customer": len(units)}
    parts = [whole_cents(price.value) * price.labour * number[price.unit] for price in model.equipment.values()]
    return whole_cents(sum(parts))
