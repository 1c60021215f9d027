"""Homes over money: the curve that the order of building draws."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lastmile_net.cost import with_overheads
from lastmile_net.solve.problem import MILLI

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.config import PlanConfig
    from lastmile_net.plan.aim import Money

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]


def curve_table(
    money: Money,
    customer_id: NDArray[np.object_],
    homes: Ints,
    config: PlanConfig,
    coverage: tuple[int, int],
) -> pd.DataFrame:
    """
    Return what has been spent and who is connected after each customer.

    Parameters
    ----------
    money
        The order of building, and what bounds have been proven.
    customer_id
        Names of all customers.
    homes
        Homes to be connected at each customer.
    config
        Prices, whose overhead is on every cost; the prize: the bound is on homes, so it is told for these only.
    coverage
        Homes connected today, and all homes.

    Returns
    -------
    curve
        One row per customer and one for the start: `build_order`, `customer_id`, `cost` so far, `units` connected by
        the plan so far, `coverage` (homes connected, today's among them, of all), `marginal_cost` (what a home costs in
        the block of building the row belongs to), `best_units` (what the best plan found for this cost connects if
        nothing has to be kept: the order loses the difference; empty where no other plan has been looked at) and
        `upper_bound` (no plan of this cost connects more); both are empty where nothing has been searched for.
    """
    order = money.order
    today, everybody = coverage
    milli = np.concatenate([[0], order.cost]) + money.locked
    cost = with_overheads(np.round(milli / (MILLI / 100)) / 100, config.cost)
    units = np.concatenate([[0], np.cumsum(homes[order.customers])])
    most, best = np.full(len(cost), np.nan), np.full(len(cost), np.nan)
    if config.prize == "units" and config.bounds_curve:
        spent = np.concatenate([[0], order.cost])
        found = np.maximum(money.study.found_gains(spent), units)
        most = np.maximum(money.study.told.most_gains(spent), found).astype(np.float64)
        best = found.astype(np.float64) if money.study.has_compared else best
    return pd.DataFrame(
        {
            "build_order": np.arange(len(cost)),
            "customer_id": np.concatenate([[None], customer_id[order.customers]]),
            "cost": cost,
            "units": units,
            "coverage": np.round((today + units) / max(everybody, 1), 6),
            "marginal_cost": _per_home(order.block, cost, units),
            "best_units": best,
            "upper_bound": most,
        }
    )


def _per_home(block: Ints, cost: Floats, units: Ints) -> Floats:
    """Return, for each row of the curve, what a home costs in its block; the start has the first block's."""
    if len(block) == 0:
        return np.full(1, np.nan)
    last = np.flatnonzero(np.append(block[1:] != block[:-1], [True])) + 1
    spent, gained = np.diff(cost[last], prepend=cost[0]), np.diff(units[last], prepend=0)
    each: Floats = np.round(np.divide(spent, gained, out=np.full(len(spent), np.nan), where=gained > 0), 2)
    of_row: Floats = each[np.concatenate([block[:1], block])]
    return of_row
