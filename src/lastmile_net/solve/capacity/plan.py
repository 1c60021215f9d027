"""Solve within limits: as many homes as can be served first, then at least cost, with the bound for who is served."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from lastmile_net.solve import solve
from lastmile_net.solve.capacity.growth import adjacency
from lastmile_net.solve.capacity.limits import NO_FREE_PORT, find_reach, most_units
from lastmile_net.solve.capacity.proof import (
    Task,
    bound_within_ports,
    prove_within_ports,
    rearranged,
    shaken,
)
from lastmile_net.solve.capacity.quota import Quota
from lastmile_net.solve.capacity.search import Search, lift, restrict
from lastmile_net.solve.capacity.streets import Ground
from lastmile_net.solve.clock import Clock
from lastmile_net.solve.problem import Progress, Solution
from lastmile_net.solve.search import TICK_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from lastmile_net.config import SolveConfig
    from lastmile_net.solve.capacity.limits import Limits, Reach
    from lastmile_net.solve.capacity.search import Served
    from lastmile_net.solve.problem import Problem, Report, Status

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
"""Part of the time limit at least for each solution without limits,"""
QUICK_SHARE, QUICK_GAP = 0.05, 0.01
"""and at most for one that is only a place to start from, and the gap at which it ends."""
SEARCH_SHARE = 0.45
"""Part of the time limit after which the search for who is served is over."""
MOST_PROOFS = 5
"""Rounds of solving for who is served and mending the answer."""


@dataclass(frozen=True, eq=False)
class Limited:
    """
    A solution within limits.

    Parameters
    ----------
    solution
        The plan; its `lower_bound` is for the customers it serves, whatever the limits on routes.
    reason
        object (c,). Code of the limit that leaves a customer unserved; empty where it is served, or where there is no
        way to it from any tap at all.
    units, most_units
        Homes served, and a bound on how many could be.
    """

    solution: Solution
    reason: NDArray[np.object_]
    units: int
    most_units: int


def solve_with_limits(
    problem: Problem,
    limits: Limits,
    config: SolveConfig,
    report: Report | None = None,
    *,
    apart: bool = False,
    to_the_end: bool = True,
    search: bool = True,
    solver: Solver = solve,
) -> Limited:
    """
    Serve as many homes as ports and limits on routes allow, at least cost.

    Parameters
    ----------
    problem
        Streets, taps with their free ports, customers.
    limits
        Limits on routes.
    config
        When to stop.
    report
        Progress callback; False stops with the best so far.
    apart
        Let each tap fill its ports in the part of town that is nearest to it first. Such plans tend to be nearer to
        their bound, and dearer: where ports are short, it is cheaper to lead cables past a full tap.
    to_the_end
        Branch to the end for who is served, where streets are few enough and ports few.
    search
        Look for a cheap plan. The one that grows by the cheapest next home, without search and proof, is dearer, but
        its beginning is better for somebody who cannot pay for all of it.
    solver
        What solves without limits.

    Returns
    -------
    limited
        The plan, and why customers are left out of it.

    Notes
    -----
    Every limit is kept. Who must be served (`Problem.must`) goes before all others. Both aims are heuristic: homes
    served are compared with a maximum flow that may split customers; the cost with a bound for the same customers that
    leaves limits on routes out, and sees of the ports that trenches must lead out of every part of town that has too
    few (`bound_within_ports`).

    Growth from the taps, a customer at a time, or the trimmed solution without limits is the start, whichever is
    better. It then serves more than the ports allow and keeps the cheapest part of each tap's tree that fills them, a
    knapsack on the tree (as in budgeted prize-collecting trees, Johnson, Minkoff & Phillips 2000), until that gains
    nothing. Last each tap chooses anew whom it serves, by a prize-collecting tree around it (`quota`).
    """
    from lastmile_net.solve.capacity.warm import warm_within_limits

    if _unlimited(problem, limits):
        solution = solver(problem, config, report)
        units = int(problem.units[solution.drop >= 0].sum())
        return Limited(solution, np.full(problem.customers, "", object), units, units)
    warm_within_limits()
    run = _Run(problem, limits, config, report, solver, apart=apart)
    if not search:
        run.best = run.filled(run.best)
        return run.result()
    run.search_plan()
    if to_the_end:
        run.end()
    return run.result()


def _unlimited(problem: Problem, limits: Limits) -> bool:
    """Whether nothing is limited: no route, and no tap that could not serve everybody by itself."""
    some = limits.on_routes or (limits.tap_unknown is not None and limits.tap_unknown.any())
    short = (problem.tap_capacity >= 0) & (problem.tap_capacity < problem.units.sum())
    return not some and not short.any()


class _Run:
    """One run: the clock, the best plan so far, and what has been proved of it."""

    def __init__(
        self,
        problem: Problem,
        limits: Limits,
        config: SolveConfig,
        report: Report | None,
        solver: Solver,
        *,
        apart: bool,
    ) -> None:
        self.began = time.perf_counter()
        self.problem, self.config, self.report, self.solver = problem, config, report, solver
        self.reach: Reach = find_reach(problem, adjacency(problem), limits)
        self.most = most_units(problem, self.reach)
        self.search = Search(problem, self.reach, apart=apart)
        self.quota = Quota(self.search, config, solver)
        self.log: list[Progress] = []
        self.bound = 0
        self.stopped: Status | None = None
        self.unlimited_s = 0.0
        self.share = SEARCH_SHARE
        self.fails = dict.fromkeys(FACTORS, 0)
        self.relaxed: Solution | None = None
        self._last: dict[bool, tuple[Flags, Ground, Ints]] = {}
        nobody = np.full(problem.customers, -1)
        self.best: Served = self.search.fill(np.zeros(len(problem.tail), bool), nobody, nobody.copy())

    def result(self) -> Limited:
        """Put the answer together."""
        return Limited(self._solution(), self._reasons(), self.best.units, self.most)

    def search_plan(self) -> None:
        """Look for a good plan, and prove how good it is."""
        wanted = self.search.wanted
        if wanted.any():
            relaxed = self._relaxed(wanted, quick=self.most < self.problem.units[wanted].sum())
            self.unlimited_s = time.perf_counter() - self.began
            grown = self.filled(self.best)
            start = min(grown, self.filled(self._lifted(relaxed, wanted)), key=self.search.rank)
            self.best = self._sweep(start)
            self.best = self._climb(self._rearranged(self.best))
            if not self.search.terms.apart:
                self.best = self._chosen(self.best)
                self._take(self._climb(self._chosen(grown)))
            self._alternate(relaxed, wanted)

    def _sweep(self, plan: Served) -> Served:
        """Grow beyond the ports and keep the best part, once for each factor."""
        if plan.customers.sum() == self.search.wanted.sum():
            return plan
        todo, failed = sorted(FACTORS, key=self.fails.__getitem__), 0
        with ThreadPoolExecutor(AT_ONCE) as pool:
            while todo and failed < MOST_FAILS and self.stopped is None:
                # what the later ones find counts only where the first gains nothing: else they begin anew
                for other in pool.map(partial(self.search.reselect, plan), todo[:AT_ONCE]):
                    factor, better = todo.pop(0), self._better(other, plan)
                    plan, failed = (other, 0) if better else (plan, failed + 1)
                    self.fails[factor] = 0 if better else self.fails[factor] + 1
                    self._tell(plan, "select")
                    if better:
                        break
        return plan

    def _climb(self, plan: Served) -> Served:
        """Sweep, and exchange trenches, while it is worthwhile."""
        while True:
            other = self._rearranged(self._sweep(plan))
            worthwhile = other.units > plan.units or other.cost < plan.cost * (1 - WORTHWHILE)
            plan = other if self._better(other, plan) else plan
            if not worthwhile:
                return plan

    def _chosen(self, plan: Served) -> Served:
        """Let each tap choose anew whom it serves, two far apart at a time, while that is worthwhile."""
        taps, worthwhile = np.flatnonzero(self.search.room > 0), True
        half = -(-len(taps) // 2)
        while worthwhile and self.stopped is None and plan.customers.sum() < self.search.wanted.sum():
            before = plan
            for pair in (taps[k::half].tolist() for k in range(half)):
                with ThreadPoolExecutor(AT_ONCE) as pool:
                    choices = list(pool.map(partial(self.quota.choose, plan, self._left()), pair))
                for tap, choice in zip(pair, choices, strict=True):
                    plan = self.quota.take(plan, tap, choice)
                self._tell(plan, "choose")
                if self.stopped is not None:
                    break
            plan = self._rearranged(plan)
            worthwhile = plan.units > before.units or plan.cost < before.cost * (1 - WORTHWHILE)
        return plan

    def filled(self, plan: Served) -> Served:
        """Serve more homes by moving others along chains to taps with room, if that goes."""
        if plan.units == self.most and not np.any(self.problem.first & self.search.wanted & ~plan.customers):
            return plan
        other = self.search.augment(plan)
        return other if self._better(other, plan) else plan

    def _alternate(self, relaxed: Solution, solved: Flags) -> None:
        """Solve for who is served, mend the answer, and go on while that gains; ends with a bound for the best plan."""
        for _ in range(MOST_PROOFS):
            relaxed, solved = self._proved(relaxed, solved)
            other = self.best if self.stopped is not None else self._climb(self._lifted(relaxed, solved))
            if self.stopped is not None or not self._take(other):
                break
        self.best = self._rearranged(self._polish(self.best))
        self._proved(relaxed, solved)

    def _proved(self, relaxed: Solution, solved: Flags) -> tuple[Solution, Flags]:
        """Make sure that the bound is for who is served now."""
        served = self.best.customers
        if not served.any():
            self.bound = 0
            return relaxed, solved
        if not np.array_equal(served, solved):
            # where ports are short, cuts that see them prove more than the solution without them: it only guides
            short = self.best.units < self.problem.units[self.search.wanted].sum()
            late = short and self.stopped is not None
            relaxed = self._as_guide(self.best, relaxed) if late else self._relaxed(served, quick=short)
        self.bound = max(relaxed.lower_bound, bound_within_ports(self._ground(served, tolls=True)[0], relaxed))
        self.relaxed = relaxed
        self._tell(self.best, "prove")
        return relaxed, served

    def _as_guide(self, plan: Served, other: Solution) -> Solution:
        """Return a plan as if it were the solution without ports for its customers; it proves nothing."""
        _, drops = self._ground(plan.customers, tolls=True)
        number = np.full(len(self.problem.drop_customer), -1)
        number[drops] = np.arange(len(drops))
        return replace(other, edges=np.flatnonzero(plan.built), drop=number[plan.drop[plan.customers]], lower_bound=0)

    def _ground(self, customers: Flags, *, tolls: bool = False) -> tuple[Ground, Ints]:
        """Return the ground for some customers, and their drops' numbers in the whole problem."""
        last = self._last.get(tolls)
        if last is None or not np.array_equal(last[0], customers):
            part, drops = restrict(self.problem, customers, self.reach.usable)
            ground = Ground.of(part, self.search.room[self.reach.usable], tolls=tolls)
            last = self._last[tolls] = customers, ground, drops
        return last[1:]

    def _forest(self, plan: Served) -> Flags | None:
        """Return a forest for the customers of a plan, whichever tap serves whom, that starts from its trenches."""
        ground, drops = self._ground(plan.customers)
        number = np.full(len(self.problem.drop_customer), -1)
        number[drops] = np.arange(len(drops))
        return rearranged(ground, np.flatnonzero(plan.built), number[plan.drop[plan.customers]])

    def _laid(self, plan: Served, built: Flags | None, *, same: bool = False) -> Served:
        """Return the plan whose trenches are a forest for the same customers, if that is better."""
        if built is None:
            return plan
        ground, drops = self._ground(plan.customers)
        edges, own = ground.back(built)
        drop = np.full(self.problem.customers, -1)
        drop[plan.customers] = drops[own]
        other = self.search.mend(edges, drop, same=same)
        return other if self._better(other, plan) else plan

    def _rearranged(self, plan: Served) -> Served:
        """Exchange trenches of a plan, for the same customers."""
        if self.stopped is not None or not plan.customers.any():
            return plan
        plan = self._laid(plan, self._forest(plan))
        self._tell(plan, "rearrange")
        return plan

    def end(self) -> None:
        """Prove how cheap serving those who are served can be, while the forest is shaken."""
        limit, self.share = self.config.time_limit_s, 1.0
        if self.stopped == "time" and limit is not None and self._seconds() < limit:
            self.stopped = None  # only the search's part of the time was up
        gap, served = self.config.target_gap, self.best.customers
        if self.stopped is not None or self.relaxed is None or self.best.cost <= self.bound * (1 + gap):
            return
        ground, _ = self._ground(served, tolls=True)
        built = self._forest(self.best)
        clock = Clock(None if limit is None else self.began + self.unlimited_s + limit)
        task = Task(ground, self.relaxed, built, self.best.cost, gap, self.config.seed, clock)
        with ThreadPoolExecutor(2) as pool:
            # forests that are cheap by themselves lead much fibre around
            own = replace(task, built=None) if self.problem.fibre_cost.any() else task
            proving, shaking = pool.submit(prove_within_ports, task), pool.submit(shaken, own)
            self._wait([proving, shaking], clock)
        bound, found = proving.result()
        self.bound = max(self.bound, bound)
        for forest in (shaking.result(), found):
            self._keep(forest, served)
        self.stopped = "interrupted" if clock.stopped else None
        self._tell(self.best, "branch")

    def _keep(self, built: Flags | None, served: Flags) -> None:
        """Take a forest if it makes the plan better for the same customers."""
        other = self._laid(self.best, built, same=True)
        if np.array_equal(other.customers, served):
            self.best = other

    def _wait(self, steps: list[Future[Any]], clock: Clock) -> None:
        """Wait for steps in other threads, and listen meanwhile."""
        try:
            while wait(steps, TICK_S).not_done:
                self._listen(clock)
        except KeyboardInterrupt:
            clock.stopped.append("keyboard")

    def _seconds(self) -> float:
        """Return the seconds since the solution without limits."""
        return time.perf_counter() - self.began - self.unlimited_s

    def _listen(self, clock: Clock) -> None:
        """Report the last state again while a step goes on, so that a stop is heard at once."""
        now = replace(self.log[-1], seconds=time.perf_counter() - self.began)
        if self.report is not None and not clock.stopped and self.report(now) is False:
            clock.stopped.append("report")

    def _left(self) -> float | None:
        """Return the seconds that are left for the search."""
        limit = self.config.time_limit_s
        return None if limit is None else max(limit * self.share - self._seconds(), 0.0)

    def _relaxed(self, customers: Flags, *, quick: bool = False) -> Solution:
        """Solve for some customers without limits; `quick` where the answer is only a place to start from."""
        part, _ = restrict(self.problem, customers, self.reach.usable)
        changes: dict[str, float] = {}
        if quick:
            changes = {"rounds": 1, "target_gap": max(self.config.target_gap, QUICK_GAP)}
        limit = self.config.time_limit_s
        if limit is not None:
            changes["time_limit_s"] = limit * QUICK_SHARE if quick else max(self._left() or 0, limit * SOLVE_SHARE)
        config = self.config.model_copy(update=changes)
        return self.solver(part, config, None)

    def _polish(self, plan: Served) -> Served:
        """Lay each tap's tree anew for its customers, with the others' trenches there for nothing."""
        for t in np.unique(plan.tap[plan.customers]).tolist():
            if self.stopped is not None:
                break
            others = np.zeros(len(self.problem.tail), bool)
            for c in np.flatnonzero(plan.customers & (plan.tap != t)).tolist():
                others[plan.route_edges[plan.route_start[c] : plan.route_start[c + 1]]] = True
            free = replace(self.problem, cost=np.where(others, 0, self.problem.cost))
            mine = plan.tap == t
            part, drops = restrict(free, mine, np.arange(len(self.search.room)) == t)
            built, drop = lift(free, self.solver(part, self.config.model_copy(update={"rounds": 1}), None), mine, drops)
            built, drop = built | others, np.where(mine, drop, plan.drop)
            if self.search.keeps(built, drop, plan.tap):
                other = self.search.settle(built, drop, plan.tap)
                plan = other if self._better(other, plan) else plan
        self._tell(plan, "polish")
        return plan

    def _lifted(self, relaxed: Solution, customers: Flags) -> Served:
        _, drops = restrict(self.problem, customers, self.reach.usable)
        built, drop = lift(self.problem, relaxed, customers, drops)
        return self.search.mend(built, drop)

    def _take(self, other: Served) -> bool:
        if not self._better(other, self.best):
            return False
        self.best = other
        return True

    def _tell(self, plan: Served, stage: str) -> None:
        """Log the state, and see whether anything asks to stop."""
        now = time.perf_counter() - self.began
        line = Progress(now, plan.cost, self.bound, stage)
        self.log.append(line)
        if self.report is not None and self.report(line) is False:
            self.stopped = "interrupted"
        elif self.config.time_limit_s is not None and self._seconds() > self.config.time_limit_s * self.share:
            self.stopped = "time"

    def _solution(self) -> Solution:
        best, bound = self.best, min(self.bound, self.best.cost)
        status: Status = "optimal" if best.cost == bound else "rounds"
        if best.cost <= bound * (1 + self.config.target_gap) and status != "optimal":
            status = "gap"
        return Solution(
            edges=np.flatnonzero(best.built),
            drop=best.drop,
            tap=best.tap,
            route_start=best.route_start,
            route_edges=best.route_edges,
            cost=best.cost,
            lower_bound=bound,
            status=self.stopped or status,
            log=tuple(self.log),
        )

    def _reasons(self) -> NDArray[np.object_]:
        reason = self.reach.reason.copy()
        reason[self.search.wanted & ~self.best.customers] = NO_FREE_PORT
        return reason

    def _better(self, one: Served, other: Served) -> bool:
        return self.search.rank(one) < self.search.rank(other)
