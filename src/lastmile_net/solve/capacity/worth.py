"""Who is worth a price within limits: leaving somebody out is one more tap, with ports for all and a price for each."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.solve import solve
from lastmile_net.solve.capacity.growth import FAR, adjacency
from lastmile_net.solve.capacity.limits import Reach, find_reach
from lastmile_net.solve.capacity.run import Run
from lastmile_net.solve.capacity.search import Search
from lastmile_net.solve.prizes import Answer, renamed, with_ways_out

if TYPE_CHECKING:
    from lastmile_net.config import SolveConfig
    from lastmile_net.solve.capacity.limits import Limits
    from lastmile_net.solve.prizes import Question, Solver
    from lastmile_net.solve.problem import Problem, Report


def ask_within_limits(
    question: Question,
    price_each: int,
    limits: Limits | Reach,
    config: SolveConfig,
    report: Report | None = None,
    solver: Solver = solve,
) -> Answer:
    """
    Find who is worth a price within ports and limits on routes.

    Parameters
    ----------
    question
        What is asked.
    price_each
        What leaving out one unit of gain costs, in thousandths.
    limits
        Limits on routes, or which tap reaches whom within them where that is known; ports are the problem's.
    config, report
        When to stop; progress callback.
    solver
        What solves the plain problem.

    Returns
    -------
    answer
        Its solution keeps all limits; its bound leaves the ports out, counts whom no tap can serve as left out, and is
        for plans that serve all who must be served.

    Notes
    -----
    Growth by the cheapest next customer ends at the price; then each access point chooses anew (`quota`), up to it.
    """
    from lastmile_net.solve.capacity.warm import warm_within_limits

    warm_within_limits()
    problem = question.problem
    reach = limits if isinstance(limits, Reach) else find_reach(problem, adjacency(problem), limits)
    prized, real = with_ways_out(question, price_each, problem.nodes, reach.can())
    prized = replace(
        prized,
        nodes=problem.nodes + 1,
        tap_node=np.append(problem.tap_node, problem.nodes),
        tap_capacity=np.append(problem.tap_capacity, -1),
    )
    run = Run(Search(prized, _with_way_out(reach, prized)), config, report, solver, out=len(problem.tap_node))
    run.search_worth()
    found = run.solution()
    lost = price_each * int(question.gain[question.in_reach & ~reach.can()].sum())
    return Answer(price_each, renamed(question, found, real), found.lower_bound + lost)


def _with_way_out(reach: Reach, prized: Problem) -> Reach:
    """Return the reach with one tap more, for whoever has a tap and need not be served."""
    free = np.zeros(prized.customers, bool)
    free[prized.drop_customer[prized.drop_node == prized.nodes - 1]] = True
    groups = len(reach.group_taps)
    ways = np.vstack([np.column_stack([reach.group_taps, np.full(groups, out)]) for out in (False, True)])
    return replace(
        reach,
        usable=np.append(reach.usable, True),
        tap_mm=np.append(reach.tap_mm, FAR),
        group=reach.group + groups * free,
        group_taps=ways,
    )
