"""Solve within limits: as many homes as can be served first, then at least cost, with the bound for who is served."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.solve import solve
from lastmile_net.solve.capacity.limits import NO_FREE_PORT, Limits, Reach, find_reach
from lastmile_net.solve.capacity.run import Run
from lastmile_net.solve.capacity.search.growth import adjacency
from lastmile_net.solve.capacity.search.moves import Search
from lastmile_net.solve.capacity.worth import ask_within_limits
from lastmile_net.solve.prizes import Question

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from lastmile_net.config import SolveConfig
    from lastmile_net.solve.problem import Problem, Report, Solution

    Solver = Callable[[Problem, SolveConfig, Report | None], Solution]

WORTH = (2.0, 1.4)
"""Prices of a home, in parts of what the mean home costs, at which other plans are begun."""
SMALL_TOWN = 6_000
"""They are begun where there are no more customers than this: large towns need the time for the proof."""


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

    def instead(self, problem: Problem, solution: Solution) -> Limited:
        """Return another solution of the same problem; who is served only by this one finds no free port there."""
        served, reason = solution.drop >= 0, self.reason.copy()
        reason[(self.solution.drop >= 0) & ~served] = NO_FREE_PORT
        reason[served] = ""
        return Limited(solution, reason, int(problem.units[served].sum()), self.most_units)


def solve_with_limits(
    problem: Problem,
    limits: Limits | Reach,
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
        Limits on routes, or which tap reaches whom within them where that is known.
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
    nothing. Then each tap chooses anew whom it serves, by a prize-collecting tree around it (`search.quota`). All that
    is done again in small towns: from trenches that lead fibre around, and from plans that serve only who is worth a
    price.
    """
    from lastmile_net.solve.capacity.warm import warm_within_limits

    if isinstance(limits, Limits) and _unlimited(problem, limits):
        solution = solver(problem, config, report)
        units = int(problem.units[solution.drop >= 0].sum())
        return Limited(solution, np.full(problem.customers, "", object), units, units)
    warm_within_limits()
    reach = limits if isinstance(limits, Reach) else find_reach(problem, adjacency(problem), limits)
    run = Run(Search(problem, reach, apart=apart), config, report, solver)
    if not search:
        run.fill()
        return _limited(run, reach)
    run.search_plan()
    if not apart:
        _begin_elsewhere(run, reach, config, solver)
    run.prove_plan()
    if to_the_end:
        run.end()
    return _limited(run, reach)


def _begin_elsewhere(run: Run, reach: Reach, config: SolveConfig, solver: Solver) -> None:
    """
    Look for a better plan where customers are few: from trenches alone, and from who is worth a price.

    Trees that lead fibre around leave other branches to be trimmed than those that lead it straight.
    """
    question, can = Question.of(run.problem), reach.can()
    small = can.sum() <= SMALL_TOWN
    some_left = bool(np.any(can & ~run.best.customers))
    if small and some_left and run.pace.stopped is None and run.problem.fibre_cost.any():
        run.begin_roundabout()
    for part in WORTH if small else ():
        if run.pace.stopped is not None or not np.any(can & ~run.best.customers):
            return
        price = max(int(part * run.best.cost / max(run.best.units, 1)), 1)
        left = run.pace.left()
        hurry = config.model_copy(update={"time_limit_s": None if left is None else left / run.pace.share})
        run.begin_from(
            ask_within_limits(question, price, reach, hurry, lambda _: run.pace.heartbeat(), solver).solution
        )


def _limited(run: Run, reach: Reach) -> Limited:
    """Return a run's answer, and why customers are left out of it."""
    reason = reach.reason.copy()
    reason[reach.can() & ~run.best.customers] = NO_FREE_PORT
    return Limited(run.solution(), reason, run.best.units, run.steps.most)


def _unlimited(problem: Problem, limits: Limits) -> bool:
    """Whether nothing is limited: no route, and no tap that could not serve everybody by itself."""
    some = limits.on_routes or (limits.tap_unknown is not None and limits.tap_unknown.any())
    short = (problem.tap_capacity >= 0) & (problem.tap_capacity < problem.units.sum())
    return not some and not short.any()
