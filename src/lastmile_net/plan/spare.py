"""Keep existing lines within their spare capacity: close what would be too full, or leave out who does not fit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.solve.capacity import Limited
from lastmile_net.solve.capacity.search import restrict
from lastmile_net.solve.routes import part

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from lastmile_net.cost import EdgePrices
    from lastmile_net.plan.pose import Posed
    from lastmile_net.solve.problem import Problem, Solution

    Ints = NDArray[np.int64]
    Flags = NDArray[np.bool_]
    Solver = Callable[[Problem], Limited]
    Poser = Callable[[EdgePrices], Posed]
    Answer = tuple[Posed, Limited]

LINE_FULL = "line_full"
MOST_ROUNDS = 8
"""Rounds of closing lines; after the last one who does not fit is left out."""


@dataclass(frozen=True, eq=False)
class Spared:
    """
    A town's plans for everybody that keep the spare capacity of its existing lines, and one that need not.

    Parameters
    ----------
    prices, pose, solve
        As for `within_spare`.
    free
        The problem in which lines carry any number of homes, and its answer: what is proven there holds with spare
        capacities, too.
    answers
        Problems and their answers, none of which overloads a line, the better one for everybody first: `free` alone if
        that is one; else one that fills the lines that are too full, and one without them.
    """

    prices: EdgePrices
    pose: Poser
    solve: Solver
    free: Answer
    answers: tuple[Answer, ...]

    @property
    def fits(self) -> bool:
        """Whether the plan for everybody needs no more than the lines have."""
        return len(self.answers) == 1

    def around(self, closed: Flags) -> Answer:
        """Return the problem without some network edges, and its answer, which knows nothing of spare capacity."""
        posed = self.pose(replace(self.prices, build=np.where(closed, np.inf, self.prices.build)))
        limited = self.solve(posed.problem)
        cut_off = (self.free[1].solution.drop >= 0) & (limited.solution.drop < 0) & (limited.reason == "")
        return posed, replace(limited, reason=np.where(cut_off, LINE_FULL, limited.reason))


def within_spare(prices: EdgePrices, pose: Poser, solve: Solver) -> Spared:
    """
    Solve so that no existing line carries more new homes than its `units_free`.

    Parameters
    ----------
    prices
        Prices and spare capacity of the network's edges.
    pose
        Poses the problem for such prices; an edge of infinite price is left out.
    solve
        Solves a problem within all other limits.

    Returns
    -------
    spared
        Problems that were solved, and their answers.

    Notes
    -----
    Where a plan overloads a line, one that may not use it is tried, and one that leaves out as few homes as the line
    lacks room for; more homes count first, less money second. The bound stays that of the problem in which lines carry
    any number of homes, for the customers that are served.
    """
    posed = pose(prices)
    limited = solve(posed.problem)
    spared = Spared(prices, pose, solve, (posed, limited), ((posed, limited),))
    closed = overloaded(posed, limited.solution, prices.capacity)
    if not closed.any():
        return spared
    filled = posed, _trimmed(posed, limited, prices.capacity)
    for _ in range(MOST_ROUNDS):
        posed, limited = spared.around(closed)
        over = overloaded(posed, limited.solution, prices.capacity)
        if not over.any():
            break
        closed |= over
    answers = [filled, (posed, _trimmed(posed, limited, prices.capacity))]
    answers.sort(key=lambda answer: (-answer[1].units, answer[1].solution.cost))
    return replace(spared, answers=tuple((posed, _bounded(*spared.free, limited, solve)) for posed, limited in answers))


def overloaded(posed: Posed, solution: Solution, capacity: Ints) -> Flags:
    """Return which network edges carry more new homes than they have room for; `capacity` < 0 is any number."""
    count = np.diff(solution.route_start)
    homes = np.repeat(posed.problem.units, count)
    load = np.bincount(posed.edge[solution.route_edges], weights=homes, minlength=len(capacity))
    over: Flags = (capacity >= 0) & (load > capacity)
    return over


def _trimmed(posed: Posed, limited: Limited, capacity: Ints) -> Limited:
    """Leave out customers until no line is overloaded: of the fullest line the smallest customers first."""
    solution, units = limited.solution, posed.problem.units
    kept = solution.drop >= 0
    start = solution.route_start
    edge = posed.edge[solution.route_edges]
    who = np.repeat(np.arange(len(units)), np.diff(start))
    while True:
        load = np.bincount(edge, weights=(units * kept)[who], minlength=len(capacity)).astype(np.int64)
        excess = np.where(capacity >= 0, load - capacity, 0)
        worst = int(np.argmax(excess))
        if excess[worst] <= 0:
            break
        through = np.unique(who[(edge == worst) & kept[who]])
        kept[_least_to_leave(through, units, posed.problem.first, int(excess[worst]))] = False
    if kept[solution.drop >= 0].all():
        return limited
    left_out = (solution.drop >= 0) & ~kept
    reason = limited.reason.copy()
    reason[left_out] = LINE_FULL
    rest = replace(part(posed.problem, solution, kept), log=solution.log)
    return Limited(rest, reason, int(units[kept].sum()), limited.most_units)


def _least_to_leave(customers: Ints, units: Ints, first: NDArray[np.bool_], excess: int) -> Ints:
    """
    Return customers with at least `excess` homes together, as few homes as the order by size finds; ties by row.

    Those who go `first` are left out only where the others are not enough.
    """
    order = customers[np.lexsort((-customers, units[customers], first[customers]))]
    sums = np.cumsum(units[order])
    chosen = order[: int(np.searchsorted(sums, excess)) + 1]
    spare = int(units[chosen].sum()) - excess
    for each in chosen[::-1].tolist():
        if units[each] <= spare:
            spare -= int(units[each])
            chosen = chosen[chosen != each]
    return chosen


def _bounded(whole: Posed, free: Limited, limited: Limited, solve: Solver) -> Limited:
    """Give the answer the bound of the problem without spare capacities, for the customers it serves."""
    served = limited.solution.drop >= 0
    if np.array_equal(served, free.solution.drop >= 0):
        bound = free.solution.lower_bound
    elif served.any():
        part, _ = restrict(whole.problem, served, np.ones(len(whole.problem.tap_node), bool))
        bound = solve(part).solution.lower_bound
    else:
        bound = 0
    bound = min(bound, limited.solution.cost)
    return replace(limited, solution=replace(limited.solution, lower_bound=bound))
