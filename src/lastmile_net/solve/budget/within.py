"""What money can buy where ports or routes are limited: first parts of plans that keep the limits."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.solve.budget.grow import what_is_left
from lastmile_net.solve.budget.order import Plan, buy, cut, in_turn
from lastmile_net.solve.budget.rest import spend_rest_within_limits
from lastmile_net.solve.capacity import adjacency, ask_within_limits, find_reach, solve_with_limits
from lastmile_net.solve.prizes import close_in, only, renamed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from lastmile_net.config import SolveConfig
    from lastmile_net.solve.capacity import Limits
    from lastmile_net.solve.prizes import Answer, Question
    from lastmile_net.solve.problem import Problem, Progress, Report, Solution

    Flags = NDArray[np.bool_]

MOST_QUESTIONS = 6
"""Prices that are tried for one aim, at most."""
PROMISING = 0.98
"""First parts that gain less than this share of the best one are not filled up."""


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
        # limits may leave out who must be served: bounds are for all plans
        self.free = replace(question, problem=replace(question.problem, must=None))
        self.reach = find_reach(question.problem, adjacency(question.problem), limits)
        self.plans = [full]
        self.stopped = self.hurried = self.has_compared = False
        self._asked: set[int] = set()

    @cached_property
    def growing(self) -> Plan:
        """The plan that grows by the cheapest next customer: dear in the end, but cheap to begin with."""
        found = solve_with_limits(self.question.posed, self.reach, self.config, self.heard, search=False)
        return self.keep(found.solution)

    def look_within(self, budget: int) -> None:
        """Look for plans of which a first part gains much within a budget."""
        order = self.growing[1]
        self._close_in(order.price_at(budget), lambda plan: plan[0].cost <= budget)
        if not self.stopped:
            # whoever is worth half of it keeps his port: plans that only look at the whole of it give it to others
            self.grown([order.price_at(budget // 2) + 1, order.price_at(budget) + 1])

    def best_within(self, budget: int) -> Solution:
        """
        Return the part of a plan so far that gains most within a budget, once what it leaves is spent.

        Before all, it serves those who must be.
        """
        parts = [buy(self.question, *plan, budget) for plan in self.plans]
        best = max(parts, key=self._merit)
        good = [part for part in parts if self._merit(part) >= (self._merit(best)[0], PROMISING * self._gain(best))]
        filled = (spend_rest_within_limits(self.question, part, budget, self.reach) for part in good)
        return max(filled, key=self._merit)

    def look_for(self, gain: int) -> None:
        """Look for plans of which a first part gains as much for little."""
        order = self.growing[1]
        last = min(int(np.searchsorted(order.gain, gain)), len(order.cost) - 1)
        self._close_in(order.price_at(int(order.cost[last])), lambda plan: self._gain(plan[0]) < gain)

    def cheapest_for(self, gain: int) -> Solution:
        """Return the cheapest part of a plan so far that gains as much; the plan for everybody where none does."""
        reaching = [plan for plan in self.plans if plan[1].gain_within(plan[0].cost) >= gain]
        parts = [self._first(plan, int(np.searchsorted(plan[1].gain, gain)) + 1 if gain else 0) for plan in reaching]
        return min(parts, key=lambda part: part.cost, default=self.plans[0][0])

    def worth(self, price: int) -> Solution:
        """Return who is worth a price for each unit of gain."""
        if price not in self._asked and not self.stopped:
            self._ask(price)
        return self.known_worth(price)

    def known_worth(self, price: int) -> Solution:
        """Return the part of a plan so far that pays least at a price for each unit of gain left out."""
        parts = [self._first(plan, plan[1].worth(price)) for plan in self.plans]
        return min(parts, key=lambda part: part.cost - price * self._gain(part))

    def branch(self, price: int, gap: float) -> Answer:
        """
        Prove within ports who is worth a price, where streets are few enough; what is found counts as a plan, too.

        Parameters
        ----------
        price
            For each unit of gain, in thousandths.
        gap
            Gap in all that is paid at which to stop.
        """
        config = self.config.model_copy(update={"target_gap": gap})
        answer = ask_within_limits(self.free, price, self.reach, config, self.heard, to_the_end=True)
        self._noted(answer.solution)
        if not self.question.problem.first.any():
            self._asked.add(price)
            self.keep(answer.solution)
        return answer

    def anew(self, customers: Flags, config: SolveConfig) -> Solution:
        """Lay trenches for some customers anew within the limits; the bound, for whom that serves, knows of them."""

        def solve(problem: Problem, settings: SolveConfig, _: Report | None) -> Solution:
            return solve_with_limits(problem, self.limits, settings, self.heard).solution

        return only(self.question, customers, config, solve)

    def grown(self, prices: Sequence[int]) -> Plan | None:
        """
        Return a plan for everybody whom the limits let in that connects first who is worth the first price.

        Then come those who are worth the next price, and all others last. What is built costs nothing from then on, and
        whoever is connected stays on his drop, or gives way to more homes. None if a stop was asked for.

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
            found = self._noted(ask_within_limits(rest, price, self.reach, self.config, self.heard).solution)
            built[found.edges] = True
            drop = np.where(found.drop >= 0, names[found.drop], -1)
            if self.stopped:
                return None
        rest, names = what_is_left(question, built, drop)
        limited = solve_with_limits(rest.posed, self.reach, self.config, self.heard, to_the_end=False)
        last = self._noted(limited.solution)
        return None if self.stopped else self.keep(renamed(question, last, names))

    def keep(self, solution: Solution) -> Plan:
        """Let a plan that keeps all limits count among those that are cut; return it with its order."""
        self.has_compared = True
        plan = solution, in_turn(self.question, solution)
        if not any(solution.cost == old.cost and np.array_equal(solution.drop, old.drop) for old, _ in self.plans):
            self.plans.append(plan)
        return plan

    def heard(self, progress: Progress) -> bool:
        """Report, and return whether to go on."""
        self.stopped |= self.report(progress) is False
        return not self.stopped

    def _close_in(self, price: int, too_low: Callable[[Plan], bool]) -> None:
        """Ask at prices that close in on the one that fits."""

        def low(price: int) -> bool | None:
            return None if price in self._asked or self.stopped else too_low(self._ask(price))

        close_in(price, low, MOST_QUESTIONS)

    def _ask(self, price: int) -> Plan:
        self._asked.add(price)
        found = ask_within_limits(self.question, price, self.reach, self.config, self.heard).solution
        return self.keep(self._noted(found))

    def _noted(self, solution: Solution) -> Solution:
        """Return a solution, and know whether time cut its search short."""
        self.hurried |= solution.status == "time"
        return solution

    def _first(self, plan: Plan, count: int) -> Solution:
        """Return the first customers of a plan, and whoever must be served and is."""
        must = int((self.question.problem.first & (plan[0].drop >= 0)).sum())
        return cut(self.question, *plan, max(count, must))

    def _merit(self, part: Solution) -> tuple[int, int, int]:
        """Return what parts are chosen by: those served who must be, what is gained, money that is left."""
        return int((self.question.problem.first & (part.drop >= 0)).sum()), self._gain(part), -part.cost

    def _gain(self, solution: Solution) -> int:
        return int(self.question.gain[solution.drop >= 0].sum())
