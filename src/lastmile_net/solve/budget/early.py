"""
Choose a plan for everybody whose first parts connect many, for little more money than the cheapest.

The cheapest plan saves its metres where many share a trench, which does not pay before most of them are connected; its
first parts lose to the best small plans. Plans between the two are looked for by local search over both aims at once,
and by growing plans from what is best early; of those that keep to a limit of cost the one with the best first parts
counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.solve.budget.grow import grow
from lastmile_net.solve.budget.nest import UNIT, nest
from lastmile_net.solve.budget.order import build_order

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from lastmile_net.config import SolveConfig
    from lastmile_net.solve.budget.order import BuildOrder
    from lastmile_net.solve.prizes import Question, Solver
    from lastmile_net.solve.problem import Solution

    Ints = NDArray[np.int64]

LADDER = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0)
"""Per cent of the homes, in the mean over the stages, that one per cent of the cost is held to be worth."""
ENOUGH = 2
"""Plans within the limit of cost after which a climb ends."""


@dataclass(frozen=True, eq=False)
class Goal:
    """
    At what stages first parts count, and what the whole may cost.

    Parameters
    ----------
    price, gain
        int64 (s,), >= 1. Price of a unit of gain where each stage ends, and what has been gained by then.
    cost, most
        Cost of the cheapest plan, and what another one may cost at most, in thousandths.
    """

    price: Ints
    gain: Ints
    cost: int
    most: int

    @classmethod
    def of(cls, order: BuildOrder, prices: Sequence[int], budgets: Sequence[int], most: int) -> Goal:
        """Return the goal with stages that end at some budgets, of an order of the cheapest plan."""
        gain = [order.gain_within(each) for each in budgets]
        return cls(np.maximum(prices, 1), np.maximum(gain, 1), int(order.cost[-1]), most)

    def weight(self, rate: float) -> Ints:
        """Return the weight of each stage where so many per cent of homes are worth one per cent of the cost."""
        weight: Ints = np.round(UNIT * self.cost / (rate * len(self.price) * self.price * self.gain)).astype(np.int64)
        return weight

    def value(self, order: BuildOrder) -> float:
        """Return what the first parts of an order are worth at all stages, in parts of what each gains."""
        worth = [max(int((price * order.gain - order.cost).max()), 0) for price in self.price.tolist()]
        return float(np.mean(worth / (self.price * self.gain)))


@dataclass(frozen=True, eq=False)
class Start:
    """
    Another plan to begin with: grown in stages.

    Parameters
    ----------
    prices
        Price of a unit of gain at each stage, rising, in thousandths.
    regret
        How much what the best plan so far would not build costs on top at each stage, in parts of its price.
    """

    prices: tuple[int, ...]
    regret: tuple[float, ...]


def favour_early(
    question: Question, full: Solution, goal: Goal, starts: Sequence[Start], config: SolveConfig, solver: Solver
) -> Solution:
    """
    Return the plan for everybody with the best first parts that is found within a limit of cost.

    Parameters
    ----------
    question
        Streets, customers, gains.
    full
        The cheapest plan, at the prices of `question.posed`.
    goal
        Which first parts count, and the limit of cost.
    starts
        Plans to grow, besides; with some, more is tried without them, too.
    config
        When each search for them stops.
    solver
        What solves the plain problem.
    """
    best = _best(question, goal, [full, *_closing_in(question, full, goal)])
    if starts:
        best = _best(question, goal, [best, *_up(question, full, goal)])
    for start in starts:
        grown = grow(question, start.prices, config, solver, guide=best, regret=start.regret).solution
        best = _best(question, goal, [best, *_up(question, grown, goal)])
    return best


def _closing_in(question: Question, full: Solution, goal: Goal) -> Iterator[Solution]:
    """Close in on the rate at which the limit of cost is just kept."""
    low, high = 0, len(LADDER) - 1
    while low <= high:
        middle = (low + high) // 2
        plan = nest(question, full, goal.price, goal.weight(LADDER[middle]))
        if plan.cost <= goal.most:
            yield plan
            high = middle - 1
        else:
            low = middle + 1


def _up(question: Question, plan: Solution, goal: Goal) -> Iterator[Solution]:
    """Give much for the first parts, and less and less, until the limit of cost is kept."""
    kept = 0
    for rate in LADDER:
        plan = nest(question, plan, goal.price, goal.weight(rate))
        if plan.cost <= goal.most:
            yield plan
            kept += 1
        if kept == ENOUGH:
            break


def _best(question: Question, goal: Goal, plans: list[Solution]) -> Solution:
    """Return the plan with the best first parts, the first of equals."""
    values = [goal.value(build_order(question.posed, plan, gain=question.gain)) for plan in plans]
    return plans[int(np.argmax(values))]
