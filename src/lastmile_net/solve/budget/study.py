"""
What money can buy: the best plan for a budget, for a number of homes, or at a price for each, with a proof.

One question is asked at several prices P for each unit of gain. With K units in reach and LB(P) what no choice of
customers undercuts (its cost, and P for every unit left out), no plan within a budget B gains more than
K - (LB(P) - B) / P, and none that gains U costs less than LB(P) - P (K - U). The best of these over all prices counts,
and for very small budgets what could be gained if every trench were there already, and only drops had to be paid.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.solve import solve
from lastmile_net.solve.budget.beside import Beside, ask_beside, prove_beside
from lastmile_net.solve.budget.choice import Choice
from lastmile_net.solve.budget.drops import DropsOnly
from lastmile_net.solve.budget.exact import cheapest_for, is_small, most_within
from lastmile_net.solve.budget.fill import add_worth, spend_rest
from lastmile_net.solve.budget.means import Means
from lastmile_net.solve.budget.order import BuildOrder, buy, cut, in_turn
from lastmile_net.solve.budget.proving import ENOUGH, prove_at, prove_for, prove_within
from lastmile_net.solve.budget.rest import spend_rest_within_limits
from lastmile_net.solve.budget.within import PROMISING, WithinLimits
from lastmile_net.solve.capacity import Limits, add_worth_within_limits, adjacency, find_reach
from lastmile_net.solve.prizes import Answer, ask, close_in, only
from lastmile_net.solve.routes import part

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from lastmile_net.config import SolveConfig
    from lastmile_net.solve.capacity import Affordable, Reach
    from lastmile_net.solve.prizes import Floor, Question, Solver
    from lastmile_net.solve.problem import Problem, Progress, Report, Solution

    Ints = NDArray[np.int64]

MOST_QUESTIONS = 8
"""Prices that are tried for one aim, at most."""
POLISHES = 3


@dataclass(eq=False)
class Study:
    """
    All that has been found out about one question.

    Parameters
    ----------
    question
        Streets, customers, their gains.
    full
        The plan for everybody in reach.
    config
        When each search stops.
    solver
        What solves the plain problem.
    limits
        Limits on routes, where routes or ports are limited. Plans are then looked for among those that keep them; the
        bounds at prices leave the limits out, but for what is proven within ports of an aim, or zone by zone.
    parts_only
        Whether only first parts of the plan for everybody are sure to keep all limits, such as spare capacity of lines.
        Nothing is asked then, and the bounds are those of the drops alone.
    wider
        Study of the same customers with more streets and lines, or fewer limits. What it proves is told here, too; its
        plans do not count. None where this study is the widest itself.
    ceiling
        What limits let no plan gain more than, whatever it costs; None where nothing is known of that.
    report
        Progress callback; once it returns False, nothing more is asked.
    stopped, hurried
        Whether the callback has asked to stop; whether a time limit cut an answer short.
    """

    question: Question
    full: Solution
    config: SolveConfig
    solver: Solver = solve
    limits: Limits | None = None
    parts_only: bool = False
    wider: Study | None = None
    ceiling: int | None = None
    report: Report | None = None
    stopped: bool = False
    hurried: bool = False
    proven: list[tuple[int, int]] = field(default_factory=list)
    floors: list[Floor] = field(default_factory=list)
    beside: list[Beside] = field(default_factory=list)
    answers: dict[int, Answer] = field(default_factory=dict)
    plans: list[tuple[Solution, BuildOrder]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin with the plan for everybody."""
        self.hurried |= self.wider is not None and self.wider.hurried
        everybody = part(self.question.posed, self.full, self.full.drop >= 0)
        self.must = int((self.question.problem.first & (self.full.drop >= 0)).sum())
        self.nested = self.remember(everybody)
        served = self.full.drop >= 0
        own = int(self.question.own_cost[served].sum())
        self.all_gain = int(self.question.gain[served].sum())
        # whoever gains nothing may be left out of a plan that gains as much
        self.all_cost = self.full.lower_bound + own if (self.question.gain[served] > 0).all() else 0
        self.reach_gain = self.question.most
        self._drops_only = DropsOnly.of(self.question, everywhere=self.parts_only)
        self.kept: WithinLimits | None = None
        if self.limits is not None:
            self.kept = WithinLimits(self.question, self.limits, self.config, self.plans[0], self.heard)
        self._asked = self.question if self.kept is None else self.kept.free
        self.means = Means(self.question, self._reach, self.usual, self.config, self.heard)

    @property
    def told(self) -> Study:
        """The study whose bounds hold for all plans that there are: the widest."""
        return self if self.wider is None else self.wider

    def ask(self, price: int, config: SolveConfig | None = None) -> Answer:
        """Find who is worth a price, once."""
        if price not in self.answers:
            answer = ask(self._asked, price, config or self.config, self._solve)
            self.answers[price] = answer
            self.remember(answer.solution)
        return self.answers[price]

    def most_gain(self, budget: int) -> int:
        """Return what no plan within a budget can gain more than."""
        return int(self.most_gains(np.array([budget]))[0])

    def most_gains(self, budgets: Ints) -> Ints:
        """Return what no plan within each budget can gain more than."""
        if self.parts_only:
            return self._drops_only.most_gains(budgets)
        most = np.full(len(budgets), self.reach_gain if self.ceiling is None else min(self.ceiling, self.reach_gain))
        if self.all_gain == self.reach_gain > 0:
            least = int(self.question.gain[self.question.in_reach & (self.question.gain > 0)].min())
            most[budgets < self.all_cost] -= least
        for money, bound in self.proven:
            most[budgets <= money] = np.minimum(most[budgets <= money], bound)
        for floor in self.all_floors():
            most = np.minimum(most, floor.most_gain(self.reach_gain, budgets))
        by_drops = self._drops_only.most_gains(budgets)
        return np.asarray(np.maximum(np.minimum(most, by_drops), 0), np.int64)

    @property
    def has_compared(self) -> bool:
        """Whether any plan besides the one for everybody has been looked for."""
        return len(self.plans) > 1 if self.kept is None else self.kept.has_compared

    def found_gains(self, budgets: Ints) -> Ints:
        """Return what the best first part of any plan found so far, that keeps all limits, gains within each budget."""
        found = np.zeros(len(budgets), np.int64)
        for _, order in self.plans if self.kept is None else self.kept.plans:
            gains = np.concatenate([[0], order.gain])
            found = np.maximum(found, gains[np.searchsorted(order.cost, budgets, side="right")])
        return found

    def least_cost(self, gain: int) -> int:
        """Return what no plan that gains as much can cost less than, in thousandths."""
        least = self._drops_only.least_cost(gain)
        if self.parts_only:
            return least
        least = max(least, self.all_cost if gain == self.reach_gain == self.all_gain else 0)
        least = max([least, *(money + 1 for money, most in self.proven if most < gain)])
        return max([least, *(floor.least_cost(self.reach_gain, gain) for floor in self.all_floors())])

    def within(self, budget: int) -> Choice:
        """Return the best plan that costs no more than a budget."""
        if budget >= self.plans[0][0].cost and (self.parts_only or not self._may_gain_more()):
            return self._choice(self.plans[0][0])
        if self.parts_only:
            return self._choice(buy(self.question, *self.plans[0], budget), budget)
        if not self.must and self.nested.gain_within(budget) >= self.most_gain(budget):
            return self._first(self.nested.within(budget), budget)
        if self.kept is not None:
            self._close_in(budget, lambda answer: answer.solution.cost <= budget)
            self.kept.look_within(budget)
            best = self.kept.best_within(budget)
            self.kept.keep(best)  # its first parts tell at what price a proof is worth its time
            if prove_within(self, budget, self.gain_of(best)):
                best = self.kept.best_within(budget)
            return self._beside_first(self._heard_of(best), budget)
        if is_small(self.question) and not self.must:
            proof = most_within(self.question, budget)
            self.proven.append((budget, proof.bound))
            if proof.solution is not None:
                self.remember(proof.solution)
        if not self._is_proven(budget):
            self._close_in(budget, lambda answer: answer.solution.cost <= budget)
        best = self._best_within(budget)
        if not self.must and prove_within(self, budget, self.gain_of(best)):
            best = max(best, self._best_within(budget), key=self.gain_of)
        return self._beside_first(best, budget)

    def gaining(self, gain: int) -> Choice:
        """Return the cheapest plan found that gains as much; everybody in reach where that is too much."""
        if gain >= self.all_gain:
            return self._choice(self.plans[0][0])
        last = max(int(np.searchsorted(self.nested.gain, gain)), self.must - 1)
        if self.parts_only:
            return self._first(last + 1)
        budget = int(self.nested.cost[last])
        if self.kept is not None:
            self._close_in(budget, lambda answer: self.gain_of(answer.solution) < gain)
            self.kept.look_for(gain)
            prove_for(self, gain, self.kept.cheapest_for(gain).cost)
            return self._choice(self._heard_of(self.kept.cheapest_for(gain)), wanted=gain)
        if is_small(self.question) and not self.must:
            return self._small_gaining(gain)
        self._close_in(budget, lambda answer: self.gain_of(answer.solution) < gain)
        best = self._cheapest_for(gain)
        if not self.must and prove_for(self, gain, best.cost):
            best = min(best, self._cheapest_for(gain), key=lambda solution: solution.cost)
        return self._choice(best, wanted=gain)

    def least_for_as_many(self, solution: Solution) -> int:
        """
        Return what no plan that gains as much as one costs less than, in thousandths; whichever homes it serves.

        That is what has been proven on the way; where streets are few it is proven to the end.
        """
        gain, cost = self.gain_of(solution), solution.cost + int(self.question.own_cost[solution.drop >= 0].sum())
        affordable = None if self.kept is None else self.affords(cost)
        if affordable is not None and affordable.is_tiny:
            prove_for(self, gain, cost)
        return min(self.least_cost(gain), cost)

    def at_price(self, price: int) -> Choice:
        """Return who is worth a price for each unit of gain, and the way to them."""
        if self.parts_only:
            return self._first(max(self.nested.worth(price), self.must))
        answer = self.ask(price)
        prove_at(self, price)
        found = answer.solution if self.kept is None else self._heard_of(self.kept.worth(price))
        return self.with_worth(found, price)

    def with_worth(self, solution: Solution, price: int) -> Choice:
        """Return a plan with whoever, on top of it and by himself, is worth a price for each unit of gain."""
        if self.parts_only:
            return self._choice(solution)
        if self.kept is None:
            return self._choice(add_worth(self.question, solution, price))
        return self._choice(add_worth_within_limits(self.question, solution, price, self.kept.reach))

    def with_rest(self, solution: Solution, budget: int) -> Choice:
        """Return a plan with whoever can be connected, each on top of it, for what it leaves of a budget."""
        priced = part(self.question.posed, solution, solution.drop >= 0)
        if self.parts_only:
            return self._choice(priced, budget)
        if self.kept is None:
            return self._choice(spend_rest(self.question, priced, budget), budget)
        return self._choice(spend_rest_within_limits(self.question, priced, budget, self.kept.reach), budget)

    def heard(self, progress: Progress) -> bool:
        """Report, and return whether to go on."""
        if self.report is not None and self.report(progress) is False:
            self.stopped = True
        return not self.stopped

    def _beside_first(self, solution: Solution, budget: int) -> Choice:
        """Return a plan with what no other gains that serves the same customers who must be, for as much money."""
        choice, must = self._choice(solution, budget), self.question.problem.first & (solution.drop >= 0)
        enough = choice.gain / (1 - max(ENOUGH, self.config.target_gap))
        if not must.any() or choice.most_gain <= enough or self.stopped or self.wider is not None:
            return choice
        free = self.affords(budget)
        if free is not None:
            most = prove_beside(free, must, budget, choice.gain, enough)
            self.hurried |= free.hurried
        else:
            posed = replace(self.question, problem=replace(self.question.problem, must=must))
            price = in_turn(self.question, solution).price_at(budget)
            most = ask_beside(posed, price, budget, self.config, self._solve, lambda: self.stopped)
        self.beside.append(Beside(must, budget, most))
        return self._choice(solution, budget)

    def _first(self, count: int, budget: int | None = None) -> Choice:
        return self._choice(cut(self.question, *self.plans[0], count), budget)

    def open_at(self, price: int, share: float) -> float:
        """Return which gap in all that is paid at a price makes up for a share of the homes that are worth it."""
        count = self.nested.worth(price)
        spent, gained = (int(each[count - 1]) if count else 0 for each in (self.nested.cost, self.nested.gain))
        return share * price * gained / max(spent + price * (self.reach_gain - gained), 1)

    def _small_gaining(self, gain: int) -> Choice:
        proof = cheapest_for(self.question, gain)
        plans = [
            cut(self.question, *plan, int(np.searchsorted(plan[1].gain, gain)) + 1) for plan in self._reaching(gain)
        ]
        plans += [] if proof.solution is None else [proof.solution]
        self.proven.append((proof.bound - 1, gain - 1))
        return self._choice(min(plans, key=lambda solution: solution.cost), wanted=gain)

    def affords(self, cost: int) -> Affordable | None:
        """Return the programme for aims that cost about so much; None where there is none, or nothing may be asked."""
        if self.stopped or not len(self.usual().cost):
            return None
        return self.means.programme(cost)

    def usual(self) -> BuildOrder:
        """Return the order that tells which prices matter."""
        return self.nested if self.kept is None else self.kept.growing[1]

    def _reach(self) -> Reach:
        """Return which tap reaches whom."""
        if self.kept is not None:
            return self.kept.reach
        return find_reach(self.question.problem, adjacency(self.question.problem), Limits())

    def all_floors(self) -> list[Floor]:
        """Return what has been proven at some price: by answers, and within ports."""
        return [*(answer.floor for answer in self.answers.values()), *self.floors]

    def _is_proven(self, budget: int) -> bool:
        return max(order.gain_within(budget) for _, order in self.plans) >= self.most_gain(budget)

    def _solve(self, problem: Problem, config: SolveConfig, _: Report | None) -> Solution:
        """Solve the plain problem until search can close no more of the gap, and listen for a stop."""

        def told(progress: Progress) -> bool:
            return self.heard(progress) and progress.searched_gap > config.target_gap

        found = self.solver(problem, config, told)
        self.hurried |= found.status == "time"
        return found if self.stopped or found.status != "interrupted" else replace(found, status="rounds")

    def _heard_of(self, solution: Solution) -> Solution:
        """Return a plan within limits, and know whether time cut its search short."""
        self.hurried |= self.kept is not None and self.kept.hurried
        return solution

    def remember(self, solution: Solution) -> BuildOrder:
        """Let a plan count; return its order."""
        order = in_turn(self.question, solution)
        self.plans.append((solution, order))
        return order

    def _may_gain_more(self) -> bool:
        """Return whether ports that went to as many homes as can be might have gained more with others."""
        return self.all_gain < self.reach_gain and not np.array_equal(self.question.gain, self.question.problem.units)

    def serves_first(self, solution: Solution) -> bool:
        """Return whether as many who must be served are as in the plan for everybody."""
        return int((self.question.problem.first & (solution.drop >= 0)).sum()) >= self.must

    def gain_of(self, solution: Solution) -> int:
        """Return what a plan gains."""
        return int(self.question.gain[solution.drop >= 0].sum())

    def _reaching(self, gain: int) -> list[tuple[Solution, BuildOrder]]:
        return [plan for plan in self.plans if len(plan[1].gain) and plan[1].gain[-1] >= gain]

    def _close_in(self, budget: int, too_low: Callable[[Answer], bool]) -> None:
        """Ask at prices that close in on the one that fits."""

        def low(price: int) -> bool | None:
            asked = price in self.answers and price != first
            return None if asked or self.stopped else too_low(self.ask(price))

        first = self.nested.price_at(budget)
        close_in(first, low, MOST_QUESTIONS)

    def _best_within(self, budget: int) -> Solution:
        """Return the best first part of any plan so far, filled up, and its trenches laid anew while that gains."""
        gains = [order.gain_within(budget) for _, order in self.plans]
        good = [plan for plan, gain in zip(self.plans, gains, strict=True) if gain >= PROMISING * max(gains)]
        parts = [cut(self.question, *plan, plan[1].within(budget)) for plan in good]
        best = max((spend_rest(self.question, part, budget) for part in parts), key=self.gain_of)
        for _ in range(POLISHES):
            if self.stopped or self.gain_of(best) >= self.most_gain(budget):
                break
            better = self._polished(best, budget)
            if self.gain_of(better) <= self.gain_of(best):
                break
            best = better
        return best

    def _cheapest_for(self, gain: int) -> Solution:
        """Return the cheapest first part of any plan so far that gains as much, its trenches laid anew."""
        parts = [
            cut(self.question, *plan, max(int(np.searchsorted(plan[1].gain, gain)) + 1 if gain else 0, self.must))
            for plan in self._reaching(gain)
        ]
        best = min(parts, key=lambda solution: solution.cost)
        again = only(self.question, best.drop >= 0, self.config, self._solve)
        return min(best, again, key=lambda solution: solution.cost)

    def _polished(self, solution: Solution, budget: int) -> Solution:
        """Lay the trenches for the same customers anew, and spend what that saves."""
        served = solution.drop >= 0
        if not served.any():
            return solution
        again = only(self.question, served, self.config, self._solve)
        return spend_rest(self.question, min(solution, again, key=lambda each: each.cost), budget)

    def _choice(self, solution: Solution, budget: int | None = None, wanted: int | None = None) -> Choice:
        gain, money = self.gain_of(solution), solution.cost if budget is None else budget
        told, least_gain = self.told, gain if wanted is None else min(gain, wanted)
        most, least = told.most_gain(money), told.least_cost(least_gain)
        if told.kept is None and not told.serves_first(solution):
            # what has been asked is for plans that serve all who must be served: money, or a line, is too little
            drops = told._drops_only
            most, least = int(drops.most_gains(np.array([money]))[0]), drops.least_cost(least_gain)
        most = min([most, *(each.most for each in told.beside if each.holds_for(solution, money))])
        return Choice(solution, gain, max(most, gain), min(least, solution.cost))
