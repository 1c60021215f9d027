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

from lastmile_net.solve.capacity.limits import Reach
from lastmile_net.solve.capacity.search.growth import FAR, lengths_from
from lastmile_net.solve.capacity.search.moves import Search
from lastmile_net.solve.clock import Clock
from lastmile_net.solve.prizes import Question, ask

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from lastmile_net.config import SolveConfig
    from lastmile_net.solve.capacity.search.moves import Served
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
    """
    Whom each tap of a plan would choose, if the others' customers and trenches stay.

    Parameters
    ----------
    search
        The moves on the whole problem.
    config, solver
        When each answer at a price is good enough; what solves without limits.
    out
        Tap at which customers are left out at a price each: nobody is chosen who costs more than that. -1 where there
        is none, and taps fill their ports.

    Attributes
    ----------
    late
        Whether time cut some choice short.
    """

    def __init__(self, search: Search, config: SolveConfig, solver: Solver, out: int = -1) -> None:
        self.search, self.out = search, out
        changes = {"rounds": 1, "target_gap": max(config.target_gap, GAP), "workers": 1}
        self.config = config.model_copy(update=changes)
        self.solver = lambda problem, config, _: solver(problem, config, _once)
        self.late = False
        self._near: dict[int, Ints] = {}
        self._price: dict[int, int] = {}

    def choose(self, plan: Served, left_s: float | None, tap: int) -> Choice:
        """Return what a tap would rather do, in the seconds left; whoever is unserved, or its own, may be chosen."""
        clock = Clock(None if left_s is None else time.perf_counter() + left_s)
        part = self._part(plan, tap)
        best = now = part.now(plan)
        low, high = 0, 0
        room, most = int(self.search.room[tap]), part.most_worth
        known, streets = self._price.get(tap), int(part.search.problem.cost.sum())
        price = known or most or max(plan.cost // plan.units if plan.units else streets // max(room, 1), 1)
        for _ in range(QUESTIONS if len(part.customer) else 0):
            config = self.config.model_copy(update={"time_limit_s": None if left_s is None else clock.left()})
            answer = ask(part.question(price), 1, config, self.solver).solution
            self.late |= clock.over()
            built = np.zeros(len(part.edge), bool)
            built[answer.edges] = True
            drop = np.append(part.real, -1)[answer.drop]
            other = part.search.mend(built, drop)
            best = min(best, other, key=part.search.rank)
            if part.search.problem.units[drop >= 0].sum() >= room:
                high = price
            else:
                low = price
            if clock.over() or (low and high and high <= low * CLOSE) or low == most:
                break
            step = STEP_NEAR if known else STEP
            price = int(np.sqrt(low * high)) if low and high else int(low * step) + 1 if low else int(high / step)
            price = min(price, most or price)
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
        again = (plan.tap == tap) | left_out(plan, self.out)
        free = again[choice.customers]
        drop, to = np.where(again, -1, plan.drop), np.where(again, -1, plan.tap)
        drop[choice.customers[free]], to[choice.customers[free]] = choice.drop[free], tap
        other = self.search.settle(built, drop, to)
        if not free.all() or self.out >= 0:
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
        taps = np.array([tap] if self.out < 0 else [tap, self.out])
        inside[problem.tap_node[taps]] = True
        inside[problem.drop_node[plan.drop[mine]]] = True
        edge = np.flatnonzero(inside[problem.tail] & inside[problem.head])
        can = self._can(tap) & (left_out(plan, self.out) | mine)
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
            tap_node=node[problem.tap_node[taps]],
            tap_capacity=search.room[taps],
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
            usable=np.ones(len(taps), bool),
            tap_mm=search.reach.tap_mm[taps],
            customer_mm=search.reach.customer_mm[customer],
            group=np.zeros(len(customer), np.int64),
            group_taps=np.ones((1, len(taps)), bool),
            reason=np.full(len(customer), "", object),
        )
        return _Part(tap, Search(small, reach), edge, drop, customer)


def left_out(plan: Served, out: int) -> Flags:
    """Return who is not served, or left out at a price at the tap `out` (-1: there is none)."""
    nobody: Flags = (plan.tap < 0) | (plan.tap == out)
    return nobody


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

    @property
    def _to_out(self) -> Flags:
        """Which drops leave their customer out, at a price."""
        problem = self.search.problem
        ways_out: Flags = problem.drop_node == (problem.tap_node[1] if len(problem.tap_node) > 1 else -1)
        return ways_out

    @property
    def real(self) -> Ints:
        """Drops by which the tap can serve somebody."""
        return np.flatnonzero(~self._to_out)

    @property
    def most_worth(self) -> int:
        """What leaving out one home costs at most; 0 where nobody can be left out at a price."""
        out, problem = self._to_out, self.search.problem
        return int(np.max(-(-problem.drop_cost[out] // problem.units[problem.drop_customer[out]]), initial=0))

    def question(self, price: int) -> Question:
        """Ask whom the tap would serve at a price per home, or for so much less than leaving him out costs."""
        problem, out, real = self.search.problem, self._to_out, self.real
        worth = price * problem.units
        who = problem.drop_customer[out]
        worth[who] = np.maximum(problem.drop_cost[out] - (self.most_worth - price) * problem.units[who], 0)
        columns = ("drop_customer", "drop_node", "drop_cost", "drop_fibre_cost", "drop_length_mm")
        alone = replace(
            problem,
            tap_node=problem.tap_node[:1],
            tap_capacity=problem.tap_capacity[:1],
            **{name: getattr(problem, name)[real] for name in columns},
        )
        return Question.of(alone, gain=worth)

    def now(self, plan: Served) -> Served:
        """Return what the plan has now."""
        mine, served = plan.tap[self.customer] == self.tap, plan.tap[self.customer] >= 0
        drop = np.full(len(self.customer), -1)
        drop[served] = np.searchsorted(self.drop, plan.drop[self.customer[served]])
        return self.search.settle(plan.built[self.edge], drop, np.where(mine, 0, np.where(served, 1, -1)))

    def back(self, served: Served, *, price: int, better: bool) -> Choice:
        """Return an answer in the numbers of the whole problem."""
        mine = served.tap == 0
        return Choice(
            self.edge[served.built], self.customer[mine], self.drop[served.drop[mine]], price=price, better=better
        )
