"""What a plan's money adds up to, with the overhead on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.cost.money import from_cents, in_cents, to_cents, whole_cents

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.config.prices import CostModel

    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class CostBreakdown:
    """Where the money goes; `total` is the sum of the others, to the cent."""

    total: float
    trench: float
    drop: float
    reuse: float
    fibre: float
    equipment: float
    overhead: float


def total_cost(
    model: CostModel, *, trench: float, drop: float, reuse: float = 0.0, fibre: float = 0.0, equipment: float = 0.0
) -> CostBreakdown:
    """
    Add up a plan's money.

    Parameters
    ----------
    model
        Prices; its overhead goes on top.
    trench, drop, reuse, fibre, equipment
        Sums of the plan's parts, each made of amounts in whole cents.

    Returns
    -------
    breakdown
        The parts, the overhead and their sum.

    Examples
    --------
    >>> from lastmile_net.config import CostModel
    >>> total_cost(CostModel.preset("example-eur"), trench=1000.05, drop=850).total
    2035.06
    """
    net = from_cents(sum(map(in_cents, (trench, drop, reuse, fibre, equipment))))
    return CostBreakdown(
        total=with_overhead(net, model),
        trench=from_cents(in_cents(trench)),
        drop=from_cents(in_cents(drop)),
        reuse=from_cents(in_cents(reuse)),
        fibre=from_cents(in_cents(fibre)),
        equipment=from_cents(in_cents(equipment)),
        overhead=overhead_on(net, model),
    )


def overhead_on(amount: float, model: CostModel) -> float:
    """
    Return the overhead on an amount, in whole cents.

    It never falls where the amount grows, so a bound on the amount with its overhead is a bound on the whole.
    """
    return whole_cents(amount * model.overhead_percent / 100)


def with_overhead(amount: float, model: CostModel) -> float:
    """Return an amount and the overhead on it: turns a lower bound on the parts into one on the total."""
    return from_cents(in_cents(amount) + in_cents(overhead_on(amount, model)))


def with_overheads(amounts: Floats, model: CostModel) -> Floats:
    """Return amounts, each with the overhead on it, in whole cents; what is not finite stays so."""
    net = to_cents(amounts)
    total: Floats = np.round(net * 100 + to_cents(net * model.overhead_percent / 100) * 100) / 100
    return total
