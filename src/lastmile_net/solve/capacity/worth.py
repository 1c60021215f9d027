"""Who is worth a price within limits: leaving somebody out is one more tap, with ports for all and a price for each."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.solve import solve
from lastmile_net.solve.capacity.limits import Reach, find_reach
from lastmile_net.solve.capacity.run import Run
from lastmile_net.solve.capacity.search.growth import FAR, Growth, adjacency, grow
from lastmile_net.solve.capacity.search.moves import Search
from lastmile_net.solve.prizes import Answer, renamed, with_ways_out

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.config import SolveConfig
    from lastmile_net.solve.capacity.limits import Limits
    from lastmile_net.solve.prizes import Question, Solver
    from lastmile_net.solve.problem import Problem, Report, Solution

    Ints = NDArray[np.int64]


def ask_within_limits(
    question: Question,
    price_each: int,
    limits: Limits | Reach,
    config: SolveConfig,
    report: Report | None = None,
    solver: Solver = solve,
    *,
    to_the_end: bool = False,
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
    to_the_end
        Branch to the end within ports, where streets are few enough and whoever must be served is: this has a time
        limit of its own.

    Returns
    -------
    answer
        Its solution keeps all limits; its bound leaves the ports out, unless it was proved `to_the_end`, counts whom no
        tap can serve as left out, and is for plans that serve all who must be served.

    Notes
    -----
    Growth by the cheapest next customer ends at the price; then each tap chooses anew (`search.quota`), up to it.
    """
    from lastmile_net.solve.capacity.warm import warm_within_limits

    warm_within_limits()
    problem = question.problem
    reach = limits if isinstance(limits, Reach) else find_reach(problem, adjacency(problem), limits)
    search, real = search_at(question, price_each, reach)
    run = Run(search, config, report, solver, out=len(problem.tap_node))
    run.search_worth()
    if to_the_end:
        run.end(few=True)
    found = run.solution()
    lost = price_each * int(question.gain[question.in_reach & ~reach.can()].sum())
    return Answer(price_each, renamed(question, found, real), found.lower_bound + lost)


def add_worth_within_limits(question: Question, solution: Solution, price_each: int, reach: Reach) -> Solution:
    """
    Connect whoever is worth a price on top of what is built and finds a port, cheapest first, until nobody does.

    Parameters
    ----------
    question
        What is asked.
    solution
        Who is connected already, within the limits; all of them stay, some perhaps at another port.
    price_each
        What a unit of gain is worth, in thousandths.
    reach
        Which tap reaches whom within the limits on routes.

    Returns
    -------
    solution
        The same one where nobody is worth it.

    Notes
    -----
    Customers of as many homes are looked at together: a tap that has room for smaller ones only hides no other tap.
    Of limits on routes the cheapest way is held against them, no other.
    """
    search, real = search_at(question, price_each, reach)
    problem, out, wanted = search.problem, len(question.problem.tap_node), question.gain > 0
    built = np.zeros(len(problem.tail), bool)
    built[solution.edges] = True
    name = np.full(len(question.problem.drop_customer) + 1, -1)
    name[real] = np.arange(len(real))
    drop, tap = np.where(solution.drop >= 0, name[solution.drop], -1), solution.tap.copy()
    served = -1
    while served < (tap >= 0).sum():
        served = (tap >= 0).sum()
        for units in np.unique(problem.units[wanted & (tap < 0)]):
            state = Growth(built, search.room_left(tap), drop, tap)
            grow(search.graph, search.leaves, search.terms, state, search.wanted & wanted & (problem.units == units), 0)
            drop[tap == out], tap[tap == out] = -1, -1
    if np.array_equal(tap >= 0, solution.drop >= 0):
        return solution
    return renamed(question, search.settle(built, drop, tap).solution(), real)


def search_at(question: Question, price_each: int, reach: Reach) -> tuple[Search, Ints]:
    """Return the moves on the problem with one tap more, for who is left out, and the question's drop of each drop."""
    problem = question.problem
    prized, real = with_ways_out(question, price_each, problem.nodes, reach.can())
    prized = replace(
        prized,
        nodes=problem.nodes + 1,
        tap_node=np.append(problem.tap_node, problem.nodes),
        tap_capacity=np.append(problem.tap_capacity, -1),
    )
    return Search(prized, _with_way_out(reach, prized)), real


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
