"""How sure a plan is: its routes priced anew where prices and take rates are not what was thought."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lastmile_net.cost import price_equipment
from lastmile_net.plan.aim import gross, net_of
from lastmile_net.solve.budget import Doubt, look_out
from lastmile_net.solve.problem import MILLI

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from lastmile_net.plan.outcome import Posing
    from lastmile_net.plan.tables import Built
    from lastmile_net.solve.budget import Outlook

    Floats = NDArray[np.float64]

PARTS = {"p10": 10, "median": 50, "p90": 90}


def outlook(posing: Posing, built: Built) -> Outlook | None:
    """Return what came of the scenarios that the config asks for; None where it asks for none."""
    asked = posing.config.uncertainty
    if asked is None:
        return None
    config = posing.config
    _, ground = np.unique(posing.prices.surface[posing.posed.edge].astype(str), return_inverse=True)
    equipment = price_equipment(np.maximum(built.units, 0), config.cost)
    price = None if config.max_cost_per_home is None else net_of(config.max_cost_per_home, config.cost)
    doubt = Doubt(
        take_rate=_take_rate(posing.layers.customers, asked.take_rate),
        price_spread=asked.price_percent / 100,
        ground=ground.astype(np.int64),
        scenarios=asked.scenarios,
        seed=config.seed,
        budget=None if config.budget is None else net_of(config.budget, config.cost) - posing.money.locked,
        price=price,
    )
    own = np.round(equipment * MILLI).astype(np.int64)
    return look_out(posing.posed.problem, built.solution, own, doubt)


def stability(built: Built, found: Outlook, trench_id: pd.Series) -> Floats:
    """Return for each trench the share of the scenarios in which it is built: all, where it is built in any case."""
    edge = built.posed.edge
    share = np.where(np.isin(edge, built.posed.locked), 1.0, found.edge)
    shares = dict(zip([f"t{each}" for each in edge.tolist()], share.tolist(), strict=True))
    names = built.customer_id[built.planned]
    shares |= dict(zip([f"d-{name}" for name in names], found.customer[built.planned].tolist(), strict=True))
    return trench_id.map(shares).to_numpy(np.float64)


def ranges(found: Outlook, posing: Posing) -> dict[str, Any]:
    """Return how far cost, homes and cost per home spread, as the summary tells it."""
    cost = np.array([gross(each + posing.money.locked, posing.config.cost) for each in found.cost.tolist()])
    each = cost[found.homes > 0] / found.homes[found.homes > 0]
    return {
        "scenarios": len(cost),
        "cost": _spread(cost),
        "homes": _spread(found.homes.astype(np.float64)),
        "cost_per_unit": _spread(each),
    }


def _spread(values: Floats) -> dict[str, float | None]:
    return {name: round(float(np.percentile(values, at)), 2) if len(values) else None for name, at in PARTS.items()}


def _take_rate(customers: gpd.GeoDataFrame, otherwise: float) -> Floats:
    given = pd.Series(np.nan, customers.index)
    if "take_rate" in customers:
        given = pd.to_numeric(customers["take_rate"], errors="coerce")
    return np.asarray(given.fillna(otherwise), np.float64)
