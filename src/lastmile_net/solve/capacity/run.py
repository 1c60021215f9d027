"""One run within limits: from the first plan by way of better ones to a proof of how cheap the last one is."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.solve.capacity.pace import Pace
from lastmile_net.solve.capacity.proof import WHOLE, Task, bound_within_ports, prove_within_ports, shaken
from lastmile_net.solve.capacity.steps import Steps
from lastmile_net.solve.clock import Clock
from lastmile_net.solve.problem import ended

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from lastmile_net.config import SolveConfig
    from lastmile_net.solve.capacity.search.moves import Search, Served
    from lastmile_net.solve.problem import Problem, Report, Solution

    Flags = NDArray[np.bool_]
    Solver = Callable[[Problem, SolveConfig, Report | None], Solution]

SEARCH_SHARE = 0.75
"""Part of the time limit after which the search for who is served is over; the proof has a time limit of its own."""
MOST_PROOFS = 5
"""Rounds of solving for who is served and mending the answer."""


class Run:
    """
    One run: its steps, the best plan so far, and what has been proved of it.

    Parameters
    ----------
    search
        The moves on the problem.
    config, report
        When to stop; progress callback.
    solver
        What solves without limits.
    out
        Tap at which customers are left out at a price each; -1 where there is none.

    Attributes
    ----------
    best
        The best plan so far; at first the one that grows by the cheapest next home, as far as a price allows.
    """

    def __init__(
        self, search: Search, config: SolveConfig, report: Report | None, solver: Solver, out: int = -1
    ) -> None:
        self.problem, self.search, self.config = search.problem, search, config
        self.pace = Pace(config.time_limit_s, SEARCH_SHARE, report)
        self.steps = Steps(search, config, solver, self.pace, out)
        self._relaxed: Solution | None = None
        nobody = np.full(self.problem.customers, -1)
        self.best: Served = search.fill(np.zeros(len(self.problem.tail), bool), nobody, nobody.copy())
        self.pace.tell(self.best.cost, "grow")

    def search_plan(self) -> None:
        """Look for a good plan, from the one that grows and from the one without limits."""
        wanted = self.search.wanted
        if wanted.any():
            self._relaxed = self.steps.relax(wanted, quick=self.steps.most < self.problem.units[wanted].sum())
            self.pace.start_anew()
            grown = self.steps.fill(self.best)
            start = min(grown, self.steps.fill(self.steps.lifted(self._relaxed, wanted)), key=self.search.rank)
            self.best = self.steps.sweep(start)
            self.best = self.steps.climb(self.steps.rearrange(self.best))
            if not self.search.terms.apart:
                self.best = self.steps.choose(self.best)
                self._take(self.steps.climb(self.steps.choose(grown)))

    def begin_from(self, other: Solution) -> None:
        """Look for a better plan from another solution that keeps the limits, whoever is left out of it."""
        self.pace.late |= other.status == "time"
        built = np.zeros(len(self.problem.tail), bool)
        built[other.edges] = True
        self._begin(self.search.mend(built, other.drop))

    def begin_roundabout(self) -> None:
        """Look for a better plan from trenches that lead fibre around where that saves trench."""
        wanted = self.search.wanted
        self._begin(self.steps.lifted(self.steps.relax(wanted, quick=True, straight=False), wanted))

    def _begin(self, plan: Served) -> None:
        plan = self.steps.climb(self.steps.fill(plan))
        self._take(self.steps.climb(self.steps.choose(plan)))

    def prove_plan(self) -> None:
        """Prove how good the plan is, and mend what the proof shows."""
        if self._relaxed is not None:
            self._alternate(self._relaxed, self.search.wanted)

    def fill(self) -> None:
        """Serve more homes by moving others, if that goes; no search."""
        self.best = self.steps.fill(self.best)

    def search_worth(self) -> None:
        """Look for who is worth what leaving him out costs."""
        wanted = self.search.wanted
        if wanted.any():
            relaxed = self.steps.relax(wanted, quick=True)
            self.pace.bound = relaxed.lower_bound
            self.pace.start_anew()
            start = min(self.best, self.steps.lifted(relaxed, wanted), key=self.search.rank)
            self.best = self.steps.choose(self.steps.rearrange(start))
            self.best = self.steps.rearrange(self.steps.polish(self.best))
            # who must be served has no way out, and may find no port: there is nothing to prove then
            self._relaxed = relaxed if np.array_equal(self.best.customers, wanted) else None

    def _alternate(self, relaxed: Solution, solved: Flags) -> None:
        """Solve for who is served, mend the answer, and go on while that gains; ends with a bound for the best plan."""
        for _ in range(MOST_PROOFS):
            relaxed, solved = self._prove(relaxed, solved)
            other = self.best
            if self.pace.stopped is None:
                other = self.steps.climb(self.steps.lifted(relaxed, solved))
            if self.pace.stopped is not None or not self._take(other):
                break
        self.best = self.steps.rearrange(self.steps.polish(self.best))
        self._prove(relaxed, solved)

    def _prove(self, relaxed: Solution, solved: Flags) -> tuple[Solution, Flags]:
        """Make sure that the bound is for who is served now."""
        served = self.best.customers
        if not served.any():
            self.pace.bound = 0
            return relaxed, solved
        if not np.array_equal(served, solved):
            # where ports are short, cuts that see them prove more than the solution without them: it only guides
            short = self.best.units < self.problem.units[self.search.wanted].sum()
            late = short and self.pace.stopped is not None
            relaxed = self._as_guide(self.best, relaxed) if late else self.steps.relax(served, quick=short)
        ground, _ = self.steps.ground(served, tolls=True)
        self.pace.bound = max(relaxed.lower_bound, bound_within_ports(ground, relaxed))
        self._relaxed = relaxed
        self.pace.tell(self.best.cost, "prove")
        return relaxed, served

    def _as_guide(self, plan: Served, other: Solution) -> Solution:
        """Return a plan as if it were the solution without ports for its customers; it proves nothing."""
        _, drops = self.steps.ground(plan.customers, tolls=True)
        number = np.full(len(self.problem.drop_customer), -1)
        number[drops] = np.arange(len(drops))
        return replace(other, edges=np.flatnonzero(plan.built), drop=number[plan.drop[plan.customers]], lower_bound=0)

    def end(self, *, few: bool = False) -> None:
        """Prove how cheap serving those who are served can be, and shake the forest; perhaps on `few` streets only."""
        pace, gap, served = self.pace, self.config.target_gap, self.best.customers
        pace.go_on()
        if pace.stopped is not None or self._relaxed is None or self.best.cost <= pace.bound * (1 + gap):
            return
        ground, _ = self.steps.ground(served, tolls=True)
        if few and len(ground.graph.cost) > WHOLE:
            return
        built = self.steps.forest(self.best)
        clock = Clock(pace.deadline)
        task = Task(ground, self._relaxed, built, self.best.cost, gap, self.config.seed, clock)
        with ThreadPoolExecutor(2) as pool:
            # forests that are cheap by themselves lead much fibre around
            own = replace(task, built=None) if self.problem.fibre_cost.any() else task
            proving, shaking = pool.submit(prove_within_ports, task), pool.submit(shaken, own)
            pace.wait([proving, shaking], clock)
        bound, found = proving.result()
        pace.bound = max(pace.bound, bound)
        for forest in (shaking.result(), found):
            self._keep(forest, served)
        pace.stopped = "interrupted" if clock.stopped else None
        pace.late |= bool(clock.late)
        pace.tell(self.best.cost, "branch")

    def _keep(self, built: Flags | None, served: Flags) -> None:
        """Take a forest if it makes the plan better for the same customers."""
        other = self.steps.laid(self.best, built, same=True)
        if np.array_equal(other.customers, served):
            self.best = other

    def _take(self, other: Served) -> bool:
        if not self.steps.better(other, self.best):
            return False
        self.best = other
        return True

    def solution(self) -> Solution:
        """Return the best plan, and what is proved of it."""
        best, bound = self.best, self.pace.bound
        status = ended(best.cost, bound, self.config.target_gap)
        status = "time" if self.pace.late and status != "optimal" else status
        return best.solution(
            bound, "interrupted" if self.pace.stopped == "interrupted" else status, tuple(self.pace.log)
        )
