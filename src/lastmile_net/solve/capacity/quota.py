"""
Choose anew whom one tap serves: the cheapest tree around it that fills its ports, while the other taps' plan stands.

A knapsack on a tree that has grown by the cheapest next customer keeps what is near. Which part of town is worth its
trenches at all is a question for the prize-collecting tree: at a price for each home it takes or leaves whole streets.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.solve.budget.prizes import Question, ask
from lastmile_net.solve.capacity.growth import FAR, lengths_from
from lastmile_net.solve.capacity.limits import Reach
from lastmile_net.solve.capacity.search import Search
from lastmile_net.solve.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from lastmile_net.config import SolveConfig
    from lastmile_net.solve.capacity.search import Served
    from lastmile_net.solve.problem import Problem, Progress, Report, Solution

    Flags = NDArray[np.bool_]
    Ints = NDArray[np.int64]
    Solver = Callable[[Problem, SolveConfig, Report | None], Solution]

REACH = 10
"""A tap looks for customers where there are so many times as many homes as it has ports."""
QUESTIONS = 6
"""Prices per home that are tried, at most,"""
STEP, STEP_NEAR = 1.6, 1.2
"""this far apart until one is too low and one too high; nearer where it is known about where to look,"""
CLOSE = 1.05
"""and until they are so near each other."""
GAP = 0.02
"""Gap at which the answer at one price is good enough."""


@dataclass(frozen=True, eq=False)
class Choice:
    """
    What one tap would rather do.

    Parameters
    ----------
    edges
        Edges of its routes, those that others use for it, too.
    customers, drop
        Whom it serves, by which drops.
    price
        What a home may cost so that about its ports are filled.
    better
        Whether it serves more homes, or costs less, than what the plan has now.
    """

    edges: Ints
    customers: Ints
    drop: Ints
    price: int
    better: bool


class Quota:
    """Whom each tap of a plan would choose, if the others' customers and trenches stay."""

    def __init__(self, search: Search, config: SolveConfig, solver: Solver) -> None:
        self.search = search
        changes = {"rounds": 1, "target_gap": max(config.target_gap, GAP), "workers": 1}
        self.config = config.model_copy(update=changes)
        self.solver = lambda problem, config, _: solver(problem, config, _once)
        self._near: dict[int, Ints] = {}
        self._price: dict[int, int] = {}

    def choose(self, plan: Served, left_s: float | None, tap: int) -> Choice:
        """Return what a tap would rather do, in the seconds left; whoever is unserved, or its own, may be chosen."""
        clock = Clock(None if left_s is None else time.perf_counter() + left_s)
        part = self._part(plan, tap)
        best = now = part.now(plan)
        question, low, high = Question.of(part.search.problem), 0, 0
        room = int(self.search.room[tap])
        known, streets = self._price.get(tap), int(part.search.problem.cost.sum())
        price = known or max(plan.cost // plan.units if plan.units else streets // max(room, 1), 1)
        for _ in range(QUESTIONS if len(part.customer) else 0):
            config = self.config.model_copy(update={"time_limit_s": None if left_s is None else clock.left()})
            answer = ask(question, price, config, self.solver).solution
            built = np.zeros(len(part.edge), bool)
            built[answer.edges] = True
            other = part.search.mend(built, answer.drop)
            best = min(best, other, key=part.search.rank)
            if part.search.problem.units[answer.drop >= 0].sum() >= room:
                high = price
            else:
                low = price
            if clock.over() or (low and high and high <= low * CLOSE):
                break
            step = STEP_NEAR if known else STEP
            price = int(np.sqrt(low * high)) if low and high else int(low * step) + 1 if low else int(high / step)
            if price < 1:
                break
        return part.back(best, price=max(low, high, 1), better=best is not now)

    def take(self, plan: Served, tap: int, choice: Choice) -> Served:
        """Return the plan in which a tap does what it has chosen; who has been taken meanwhile stays where he is."""
        self._price[tap] = choice.price
        if not choice.better:
            return plan
        built = plan.built.copy()
        built[choice.edges] = True
        mine, free = plan.tap == tap, plan.tap[choice.customers]
        free = (free < 0) | (free == tap)
        drop, to = np.where(mine, -1, plan.drop), np.where(mine, -1, plan.tap)
        drop[choice.customers[free]], to[choice.customers[free]] = choice.drop[free], tap
        other = self.search.settle(built, drop, to)
        if not free.all():
            other = self.search.fill(other.built, np.where(other.customers, other.drop, -1), other.tap)
        return min(plan, other, key=self.search.rank)

    def _nodes(self, tap: int) -> Ints:
        """Return the nodes among which a tap looks for customers."""
        if tap not in self._near:
            search, problem = self.search, self.search.problem
            far = lengths_from(search.graph, problem.cost + problem.fibre_cost, int(problem.tap_node[tap]))
            least = np.full(problem.customers, FAR)
            np.minimum.at(least, problem.drop_customer, far[problem.drop_node])
            who = np.flatnonzero(self._can(tap) & (least < FAR))
            who = who[np.argsort(least[who], kind="stable")]
            count = int(np.searchsorted(np.cumsum(problem.units[who]), REACH * search.room[tap]))
            radius = least[who[min(count, len(who) - 1)]] if len(who) else 0
            self._near[tap] = np.flatnonzero(far <= radius)
        return self._near[tap]

    def _can(self, tap: int) -> Flags:
        """Return which customers a tap could serve, each alone."""
        reach = self.search.reach
        can: Flags = reach.group_taps[reach.group, tap]
        return can

    def _part(self, plan: Served, tap: int) -> _Part:
        """Pose the problem of one tap: others' trenches cost nothing, and others' customers are not there."""
        problem, search = self.search.problem, self.search
        mine = plan.tap == tap
        by_mine = np.repeat(mine, np.diff(plan.route_start))
        others = np.zeros(len(problem.tail), bool)
        others[plan.route_edges[~by_mine]] = True
        inside = np.zeros(problem.nodes, bool)
        inside[self._nodes(tap)] = True
        for ends in (problem.tail, problem.head):
            inside[ends[plan.route_edges[by_mine]]] = True
        inside[problem.tap_node[tap]] = True
        inside[problem.drop_node[plan.drop[mine]]] = True
        edge = np.flatnonzero(inside[problem.tail] & inside[problem.head])
        can = self._can(tap) & ((plan.tap < 0) | mine)
        drop = np.flatnonzero(can[problem.drop_customer] & inside[problem.drop_node])
        customer = np.unique(problem.drop_customer[drop])
        node = np.cumsum(inside) - 1
        small = replace(
            problem,
            nodes=int(inside.sum()),
            tail=node[problem.tail[edge]],
            head=node[problem.head[edge]],
            cost=np.where(others[edge], 0, problem.cost[edge]),
            fibre_cost=problem.fibre_cost[edge],
            tap_node=node[problem.tap_node[tap : tap + 1]],
            tap_capacity=search.room[tap : tap + 1],
            drop_customer=np.searchsorted(customer, problem.drop_customer[drop]),
            drop_node=node[problem.drop_node[drop]],
            drop_cost=problem.drop_cost[drop],
            drop_fibre_cost=problem.drop_fibre_cost[drop],
            units=problem.units[customer],
            fibres=problem.fibres[customer],
            length_mm=problem.length_mm[edge],
            drop_length_mm=problem.drop_length_mm[drop],
            must=(problem.first & mine)[customer],
        )
        reach = Reach(
            usable=np.ones(1, bool),
            tap_mm=search.reach.tap_mm[tap : tap + 1],
            customer_mm=search.reach.customer_mm[customer],
            group=np.zeros(len(customer), np.int64),
            group_taps=np.ones((1, 1), bool),
            reason=np.full(len(customer), "", object),
        )
        return _Part(tap, Search(small, reach), edge, drop, customer)


def _once(progress: Progress) -> bool:
    """Stop after the first ascent and the trees in what it leaves: more rounds prove much and change little."""
    return progress.stage == "construct"


@dataclass(frozen=True, eq=False)
class _Part:
    """The problem of one tap, and the numbers of its edges, drops and customers in the whole one."""

    tap: int
    search: Search
    edge: Ints
    drop: Ints
    customer: Ints

    def now(self, plan: Served) -> Served:
        """Return what the plan has now."""
        mine = plan.tap[self.customer] == self.tap
        drop = np.full(len(self.customer), -1)
        drop[mine] = np.searchsorted(self.drop, plan.drop[self.customer[mine]])
        return self.search.settle(plan.built[self.edge], drop, np.where(mine, 0, -1))

    def back(self, served: Served, *, price: int, better: bool) -> Choice:
        """Return an answer in the numbers of the whole problem."""
        mine = served.customers
        return Choice(
            self.edge[served.built], self.customer[mine], self.drop[served.drop[mine]], price=price, better=better
        )
