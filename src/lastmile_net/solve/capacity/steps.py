"""Steps from one plan within limits to a better one: sweep, choose, exchange trenches, lay anew."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.solve.capacity.bound.streets import Ground
from lastmile_net.solve.capacity.limits import most_units
from lastmile_net.solve.capacity.proof import rearranged
from lastmile_net.solve.capacity.search.moves import lift, restrict
from lastmile_net.solve.capacity.search.quota import Quota, left_out
from lastmile_net.solve.fibre import drop_prices

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from lastmile_net.config import SolveConfig
    from lastmile_net.solve.capacity.pace import Pace
    from lastmile_net.solve.capacity.search.moves import Search, Served
    from lastmile_net.solve.problem import Problem, Report, Solution

    Flags = NDArray[np.bool_]
    Ints = NDArray[np.int64]
    Solver = Callable[[Problem, SolveConfig, Report | None], Solution]

FACTORS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7)
"""How far beyond its ports each tap's tree grows before the best part of it is kept, one after the other."""
AT_ONCE = 2
"""So many at once."""
MOST_FAILS = 3
"""So many that gain nothing in turn end a sweep; those that have failed least come first in the next one."""
WORTHWHILE = 0.001
"""A sweep over the factors that gains less than this part of the cost is the last."""
SOLVE_SHARE = 0.25
"""Part of the time limit at least for each solution without limits."""
FEW, QUICK_GAP = 3_000, 0.01
"""One that is only a place to start from ends, for so few customers, after a round or at this gap; else with trees."""


class Steps:
    """
    The steps of one run.

    Parameters
    ----------
    search
        The moves on the problem.
    config, solver
        When each solution without limits stops, and what solves.
    pace
        The run's time; no step goes on once it has stopped.
    out
        Tap at which customers are left out at a price each; -1 where there is none.

    Attributes
    ----------
    most
        No plan serves more homes.
    """

    def __init__(self, search: Search, config: SolveConfig, solver: Solver, pace: Pace, out: int = -1) -> None:
        self.problem, self.search = search.problem, search
        self.config, self.solver, self.pace = config, solver, pace
        self.most = most_units(self.problem, search.reach)
        self.quota = Quota(search, config, solver, out)
        self._out = out
        self._fails = dict.fromkeys(FACTORS, 0)
        self._last: dict[bool, tuple[Flags, Ground, Ints]] = {}

    def sweep(self, plan: Served) -> Served:
        """Grow beyond the ports and keep the best part, once for each factor."""
        if plan.customers.sum() == self.search.wanted.sum():
            return plan
        todo, failed = sorted(FACTORS, key=self._fails.__getitem__), 0
        with ThreadPoolExecutor(AT_ONCE) as pool:
            while todo and failed < MOST_FAILS and self.pace.stopped is None:
                # what the later ones find counts only where the first gains nothing: else they begin anew
                for other in pool.map(partial(self.search.reselect, plan), todo[:AT_ONCE]):
                    factor, better = todo.pop(0), self.better(other, plan)
                    plan, failed = (other, 0) if better else (plan, failed + 1)
                    self._fails[factor] = 0 if better else self._fails[factor] + 1
                    self.pace.tell(plan.cost, "select")
                    if better:
                        break
        return plan

    def climb(self, plan: Served) -> Served:
        """Sweep, and exchange trenches, while it is worthwhile."""
        while True:
            other = self.rearrange(self.sweep(plan))
            worthwhile = other.units > plan.units or other.cost < plan.cost * (1 - WORTHWHILE)
            plan = other if self.better(other, plan) else plan
            if not worthwhile:
                return plan

    def choose(self, plan: Served) -> Served:
        """Let each tap choose anew whom it serves, two far apart at a time, while that is worthwhile."""
        taps, worthwhile = np.flatnonzero(self.search.room > 0), True
        taps = taps[taps != self._out]
        half = -(-len(taps) // 2)
        while worthwhile and self.pace.stopped is None and np.any(self.search.wanted & left_out(plan, self._out)):
            before = plan
            for pair in (taps[k::half].tolist() for k in range(half)):
                with ThreadPoolExecutor(AT_ONCE) as pool:
                    choices = list(pool.map(partial(self.quota.choose, plan, self.pace.left()), pair))
                for tap, choice in zip(pair, choices, strict=True):
                    plan = self.quota.take(plan, tap, choice)
                self.pace.late |= self.quota.late
                self.pace.tell(plan.cost, "choose")
                if self.pace.stopped is not None:
                    break
            plan = self.rearrange(plan)
            worthwhile = plan.units > before.units or plan.cost < before.cost * (1 - WORTHWHILE)
        return plan

    def fill(self, plan: Served) -> Served:
        """Serve more homes by moving others along chains to taps with room, if that goes."""
        if plan.units == self.most and not np.any(self.problem.first & self.search.wanted & ~plan.customers):
            return plan
        other = self.search.augment(plan)
        return other if self.better(other, plan) else plan

    def polish(self, plan: Served) -> Served:
        """Lay each tap's tree anew for its customers, with the others' trenches there for nothing."""
        for t in np.unique(plan.tap[~left_out(plan, self._out)]).tolist():
            if self.pace.stopped is not None:
                break
            others = np.zeros(len(self.problem.tail), bool)
            for c in np.flatnonzero(plan.customers & (plan.tap != t)).tolist():
                others[plan.route_edges[plan.route_start[c] : plan.route_start[c + 1]]] = True
            free = replace(self.problem, cost=np.where(others, 0, self.problem.cost))
            mine = plan.tap == t
            part, drops = restrict(free, mine, np.arange(len(self.search.room)) == t)
            found = self.solver(part, self.config.model_copy(update={"rounds": 1}), None)
            self.pace.late |= found.status == "time"
            built, drop = lift(free, found, mine, drops)
            built, drop = built | others, np.where(mine, drop, plan.drop)
            if self.search.keeps(built, drop, plan.tap):
                other = self.search.settle(built, drop, plan.tap)
                plan = other if self.better(other, plan) else plan
        self.pace.tell(plan.cost, "polish")
        return plan

    def rearrange(self, plan: Served) -> Served:
        """Exchange trenches of a plan, for the same customers."""
        if self.pace.stopped is not None or not plan.customers.any():
            return plan
        plan = self.laid(plan, self.forest(plan))
        self.pace.tell(plan.cost, "rearrange")
        return plan

    def laid(self, plan: Served, built: Flags | None, *, same: bool = False) -> Served:
        """Return the plan whose trenches are a forest for the same customers, if that is better."""
        if built is None:
            return plan
        ground, drops = self.ground(plan.customers)
        edges, own = ground.back(built)
        drop = np.full(self.problem.customers, -1)
        drop[plan.customers] = drops[own]
        other = self.search.mend(edges, drop, same=same)
        return other if self.better(other, plan) else plan

    def forest(self, plan: Served) -> Flags | None:
        """Return a forest for the customers of a plan, whichever tap serves whom, that starts from its trenches."""
        ground, drops = self.ground(plan.customers)
        number = np.full(len(self.problem.drop_customer), -1)
        number[drops] = np.arange(len(drops))
        return rearranged(ground, np.flatnonzero(plan.built), number[plan.drop[plan.customers]])

    def ground(self, customers: Flags, *, tolls: bool = False) -> tuple[Ground, Ints]:
        """Return the ground for some customers, and their drops' numbers in the whole problem."""
        last = self._last.get(tolls)
        if last is None or not np.array_equal(last[0], customers):
            part, drops = restrict(self.problem, customers, self.search.reach.usable)
            ground = Ground.of(part, self.search.room[self.search.reach.usable], tolls=tolls)
            last = self._last[tolls] = customers, ground, drops
        return last[1:]

    def relax(self, customers: Flags, *, quick: bool = False, straight: bool = True) -> Solution:
        """
        Solve for some customers without limits; `quick` where the answer is only a place to start from.

        Where it is not `straight`, each drop bears the fibre of the shortest way to it, and routes may lead around.
        """
        part, _ = restrict(self.problem, customers, self.search.reach.usable)
        if not straight:
            none, in_drops = np.zeros_like(part.fibre_cost), np.zeros_like(part.drop_fibre_cost)
            part = replace(part, drop_cost=drop_prices(part), fibre_cost=none, drop_fibre_cost=in_drops)
        config, limit = self.config, self.config.time_limit_s
        if quick:
            config = config.model_copy(update={"rounds": 1, "target_gap": max(config.target_gap, QUICK_GAP)})
        if limit is not None:
            config = config.model_copy(update={"time_limit_s": max(self.pace.left() or 0, limit * SOLVE_SHARE)})
        at_once = quick and part.customers > FEW
        found = self.solver(part, config, lambda _: self.pace.heartbeat() and not at_once)
        self.pace.late |= found.status == "time"
        return found

    def lifted(self, relaxed: Solution, customers: Flags) -> Served:
        """Return the plan within limits that a solution without them for some customers leads to."""
        _, drops = restrict(self.problem, customers, self.search.reach.usable)
        built, drop = lift(self.problem, relaxed, customers, drops)
        return self.search.mend(built, drop)

    def better(self, one: Served, other: Served) -> bool:
        """Return whether a plan is better than another."""
        return self.search.rank(one) < self.search.rank(other)
