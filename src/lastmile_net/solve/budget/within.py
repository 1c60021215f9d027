"""What money can buy where ports or routes are limited: first parts of plans that keep the limits."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.solve.budget.grow import what_is_left
from lastmile_net.solve.budget.order import BuildOrder, cut, in_turn, spend
from lastmile_net.solve.capacity import ask_within_limits, solve_with_limits
from lastmile_net.solve.prizes import renamed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lastmile_net.config import SolveConfig
    from lastmile_net.solve.capacity import Limits
    from lastmile_net.solve.prizes import Question
    from lastmile_net.solve.problem import Report, Solution

    Plan = tuple[Solution, BuildOrder]

MOST_QUESTIONS = 6
"""Prices that are tried for one aim, at most,"""
STEP = 1.25
"""this far apart until one is too low and one too high,"""
CLOSE = 1.02
"""and until they are so near each other."""


class WithinLimits:
    """
    Plans that keep all limits, and what their first parts gain.

    Parameters
    ----------
    question
        Streets, customers, their gains.
    limits
        Limits on routes; those on ports are the problem's.
    config
        When each search stops.
    full
        The plan for everybody whom the limits let in, and its order.
    report
        Progress callback; False stops the search at hand, and nothing more is asked.
    """

    def __init__(self, question: Question, limits: Limits, config: SolveConfig, full: Plan, report: Report) -> None:
        self.question, self.limits, self.config, self.report = question, limits, config, report
        self.plans = [full]
        self._asked: set[int] = set()

    @cached_property
    def growing(self) -> Plan:
        """The plan that grows by the cheapest next customer: dear in the end, but cheap to begin with."""
        found = solve_with_limits(self.question.posed, self.limits, self.config, search=False).solution
        return self._keep(found)

    def most_within(self, budget: int) -> Solution:
        """Return the plan that gains most within a budget."""
        self._close_in(self.growing[1].price_at(budget), lambda plan: plan[0].cost <= budget)
        return max((spend(self.question, *plan, budget) for plan in self.plans), key=self._gain)

    def cheapest_for(self, gain: int) -> Solution:
        """Return the cheapest plan that gains as much; the plan for everybody where none does."""
        order = self.growing[1]
        first = int(np.searchsorted(order.gain, gain))
        price = order.price_at(int(order.cost[min(first, len(order.cost) - 1)])) if len(order.cost) else 1
        self._close_in(price, lambda plan: self._gain(plan[0]) < gain)
        must = int(self.question.problem.first.sum())
        parts = [
            cut(self.question, *plan, max(int(np.searchsorted(plan[1].gain, gain)) + 1, must))
            for plan in self.plans
            if len(plan[1].gain) and plan[1].gain[-1] >= gain
        ]
        return min(parts, key=lambda part: part.cost, default=self.plans[0][0])

    def worth(self, price: int) -> Solution:
        """Return who is worth a price for each unit of gain."""
        self._ask(price)
        must = int(self.question.problem.first.sum())
        parts = [cut(self.question, *plan, max(plan[1].worth(price), must)) for plan in self.plans]
        return min(parts, key=lambda part: part.cost - price * self._gain(part))

    def grown(self, prices: Sequence[int]) -> Solution:
        """
        Return a plan for everybody whom the limits let in that connects first who is worth the first price.

        Then come those who are worth the next price, and all others last; what is built stays.

        Parameters
        ----------
        prices
            Rising, in thousandths for each unit of gain.
        """
        question = self.question
        built = np.zeros(len(question.problem.tail), bool)
        drop = np.full(question.problem.customers, -1, np.int64)
        for price in prices:
            rest, names = what_is_left(question, built, drop)
            found = ask_within_limits(rest, price, self.limits, self.config, self.report).solution
            built[found.edges] = True
            drop = np.where(found.drop >= 0, names[found.drop], -1)
        rest, names = what_is_left(question, built, drop)
        last = solve_with_limits(rest.posed, self.limits, self.config, self.report, to_the_end=False).solution
        return self._keep(renamed(question, last, names))[0]

    def _close_in(self, price: int, too_low: Callable[[Plan], bool]) -> None:
        """Ask at prices that close in on the one that fits."""
        low, high = 0, 0
        for _ in range(MOST_QUESTIONS):
            plan = None if price < 1 or price in self._asked else self._ask(price)
            if plan is None:
                break
            low, high = (price, high) if too_low(plan) else (low, price)
            if low and high and high <= low * CLOSE:
                break
            price = int(np.sqrt(low * high)) if low and high else (int(low * STEP) + 1 if low else int(high / STEP))

    def _ask(self, price: int) -> Plan:
        self._asked.add(price)
        return self._keep(ask_within_limits(self.question, price, self.limits, self.config, self.report).solution)

    def _keep(self, solution: Solution) -> Plan:
        plan = solution, in_turn(self.question, solution)
        self.plans.append(plan)
        return plan

    def _gain(self, solution: Solution) -> int:
        return int(self.question.gain[solution.drop >= 0].sum())
