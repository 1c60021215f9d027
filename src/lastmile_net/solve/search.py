"""Solve a problem: hunt on all its parts, round by round, until the result is good enough, and check what comes out."""

from __future__ import annotations

import logging
import os
import time
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.errors import SolveError
from lastmile_net.solve.clock import Clock
from lastmile_net.solve.fibre import drop_prices
from lastmile_net.solve.hunt import Hunt
from lastmile_net.solve.prepare import Prepared, check, prepare
from lastmile_net.solve.problem import Progress, Solution
from lastmile_net.solve.reroute import Reroute
from lastmile_net.solve.routes import follow, price
from lastmile_net.solve.shrink import Shrunk
from lastmile_net.solve.warm import warm

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from lastmile_net.config import SolveConfig
    from lastmile_net.solve.problem import Problem, Report, Status

    Ints = NDArray[np.int64]

logger = logging.getLogger(__name__)
RESTARTS = 4
"""Starts at perturbed prices in each round."""
TICK_S = 0.5
"""Seconds between two reports while a step goes on."""
FINEST_BITS = 39
"""Within the search all costs of a part together are numbers of this many bits."""


def solve(problem: Problem, config: SolveConfig, report: Report | None = None) -> Solution:
    """
    Find the cheapest trenches that tie every customer in reach to a tap, and prove how near the cheapest they are.

    Parameters
    ----------
    problem
        What is to be tied together. Free ports of the taps are not looked at here.
    config
        When to stop: gap, rounds or time; the seed; the number of threads.
    report
        Takes a line of progress after each step; returning False stops the search.

    Returns
    -------
    solution
        The best that was found. Customers that no tap can reach have the drop -1. `status` says what ended
        the search: `interrupted` on Ctrl-C or by `report`, with the best so far.

    Raises
    ------
    SolveError
        If the problem's arrays contradict each other, or the result fails its own check.

    Notes
    -----
    Ended by gap or rounds, the result depends on the problem and the seed only, on any number of threads.
    """
    check(problem)
    warm()
    return _Run(problem, config, report).solution()


def finer(cost: Ints) -> int:
    """Return a power of two by which all costs can be multiplied, so that charges can be split finely."""
    return 1 << max(0, FINEST_BITS - int(cost.sum()).bit_length())


@dataclass(eq=False)
class _Run:
    """One call of `solve`."""

    problem: Problem
    config: SolveConfig
    report: Report | None
    began: float = field(default_factory=time.perf_counter)
    log: list[Progress] = field(default_factory=list)
    clock: Clock = field(init=False)
    ready: Prepared = field(init=False)
    fine: list[int] = field(init=False)
    hunts: list[Hunt] = field(default_factory=list)
    kept: tuple[int, Ints, Ints] | None = None
    """With fibre in the price: cost, edges and drops of the best that was put together and rerouted."""
    seen: tuple[Ints, ...] = ()
    """Edges and drops that were rerouted last."""

    @cached_property
    def reroute(self) -> Reroute:
        """Streets and drops as one graph, for fibre."""
        return Reroute.of(self.problem)

    @property
    def workers(self) -> int:
        """Threads, for parts and for windows of a part."""
        return self.config.workers or os.cpu_count() or 1

    def solution(self) -> Solution:
        limit = self.config.time_limit_s
        self.clock = Clock(None if limit is None else self.began + limit)
        self.ready = prepare(self.problem, drop_prices(self.problem))
        self.fine = [finer(part.cost) for part in self.ready.parts]
        with ThreadPoolExecutor(self.workers) as pool:
            try:
                status = self._go(pool)
            except KeyboardInterrupt:
                self.clock.stopped.append("keyboard")
                status = "interrupted"
        return self._finish(status)

    def _go(self, pool: ThreadPoolExecutor) -> Status:
        """Hunt on all parts until something ends it, and say what did."""
        self.hunts = list(pool.map(self._start, range(len(self.ready.parts))))
        status = self._state("construct", 0)
        rounds = 0
        while status is None:
            rounds += 1
            self._all(pool, Hunt.prove)
            status = self._state(f"prove {rounds}", rounds - 1)
            while status is None and any(hunt.can_recharge for hunt in self.hunts):
                self._all(pool, Hunt.recharge)
                status = self._state(f"charge {rounds}", rounds - 1)
            while status is None and any(hunt.can_relax for hunt in self.hunts):
                self._all(pool, Hunt.relax)
                status = self._state(f"rows {rounds}", rounds - 1)
            if status is None:
                self._all(pool, lambda hunt: hunt.search(RESTARTS))
                status = self._state(f"search {rounds}", rounds)
        return status

    def _start(self, number: int) -> Hunt:
        part = self.ready.parts[number]
        shrunk = Shrunk.of(part.kind, part.tail, part.head, part.cost * self.fine[number])
        grain = int(np.gcd.reduce(part.cost)) * self.fine[number]
        hunt = Hunt(shrunk, np.random.default_rng([self.config.seed, number]), self.clock, max(grain, 1), self.workers)
        hunt.begin()
        return hunt

    def _all(self, pool: ThreadPoolExecutor, step: Callable[[Hunt], None]) -> None:
        open_hunts = [hunt for hunt in self.hunts if not hunt.done]
        steps = [pool.submit(step, hunt) for hunt in sorted(open_hunts, key=lambda hunt: -len(hunt.shrunk.tail))]
        while wait(steps, TICK_S).not_done:
            self._tick()
        for each in steps:
            each.result()

    def _tick(self) -> None:
        """Report the last state again while a step goes on, so that a display lives and a stop is heard at once."""
        if self.report is None or self.clock.stopped or not self.log:
            return
        now = replace(self.log[-1], seconds=time.perf_counter() - self.began)
        if self.report(now) is False:
            self.clock.stopped.append("report")

    def _state(self, stage: str, rounds: int) -> Status | None:
        """Log where the search stands; return what ends it, if anything does."""
        cost, bound = self._cost(), self._bound()
        progress = Progress(time.perf_counter() - self.began, cost, bound, stage, self._searched_cost())
        self.log.append(progress)
        logger.debug("%s: cost %d, bound %d", stage, cost, bound)
        if self.report is not None and not self.clock.stopped and self.report(progress) is False:
            self.clock.stopped.append("report")
        if self.clock.stopped:
            return "interrupted"
        if not self.hunts:
            return "optimal" if self.ready.served.any() else "trivial"
        if cost == bound:
            return "optimal"
        if progress.gap <= self.config.target_gap:
            return "gap"
        if all(hunt.done for hunt in self.hunts):
            return "rounds"
        if self.clock.over():
            return "time"
        return "rounds" if rounds >= self.config.rounds else None

    def _bound(self) -> int:
        """Return the sum of the parts' bounds, in whole thousandths, each rounded up."""
        return self.ready.constant + sum(
            -(-hunt.bound // fine) for hunt, fine in zip(self.hunts, self.fine, strict=False)
        )

    def _searched_cost(self) -> int:
        trees = zip(self.hunts, self.fine, strict=False)
        return self.ready.constant + sum(hunt.cost // fine for hunt, fine in trees)

    def _cost(self) -> int:
        if not self.problem.fibre_cost.any():
            return self._searched_cost()
        edges, drop = self._assemble()
        if self.kept is None or not all(map(np.array_equal, (edges, drop), self.seen)):
            better, chosen = self.reroute.better(edges, drop)
            cost = price(self.problem, better, chosen, follow(self.problem, better, chosen))
            if self.kept is None or cost < self.kept[0]:
                self.kept = (cost, better, chosen)
            self.seen = edges, drop
        return self.kept[0]

    def _assemble(self) -> tuple[Ints, Ints]:
        """Return the built edges and each customer's drop of the best trees of all parts."""
        drop = self.ready.fixed_drop.copy()
        names = [part.origin[hunt.best] for part, hunt in zip(self.ready.parts, self.hunts, strict=True)]
        chosen = np.concatenate([np.zeros(0, np.int64), *names])
        streets = len(self.problem.tail)
        used = chosen[chosen >= streets] - streets
        drop[self.problem.drop_customer[used]] = used
        return np.sort(chosen[chosen < streets]), drop

    def _finish(self, status: Status) -> Solution:
        """Put the best trees together, follow every route, and check the sums."""
        for number in range(len(self.hunts), len(self.ready.parts)):
            self.hunts.append(self._start(number))
        claimed = self._cost()
        edges, drop = self.kept[1:] if self.kept else self._assemble()
        routes = follow(self.problem, edges, drop)
        cost, bound = price(self.problem, edges, drop, routes), self._bound()
        if cost != claimed or bound > cost or not np.array_equal(drop >= 0, self.ready.served):
            message = f"the result fails its own check: it costs {cost}, {claimed} was claimed, the bound is {bound}"
            raise SolveError(message)
        self.log.append(Progress(time.perf_counter() - self.began, cost, bound, "finish"))
        status = "optimal" if cost == bound and status in ("gap", "rounds") else status
        return Solution(edges, drop, routes.tap, routes.start, routes.edges, cost, bound, status, tuple(self.log))
