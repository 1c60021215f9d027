"""Keep existing lines within their spare capacity: close what would be too full, or leave out who does not fit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.plan.proof import CENT_MILLI, below
from lastmile_net.solve.capacity import Limited
from lastmile_net.solve.capacity.search.moves import restrict
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
"""Rounds of closing lines, and of filling them up; after the last one who does not fit is left out."""


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

    def filled_up(self, answer: Answer) -> Answer:
        """Return an answer with whoever lines keep out and still finds room in them, or a way past the full ones."""
        if not (answer[1].reason == LINE_FULL).any():
            return answer
        whole, limited = self.free[0], _in_numbers_of(self.free[0], *answer)
        for _ in range(MOST_ROUNDS):
            if not (limited.reason == LINE_FULL).any():
                break
            load = _load(whole, limited.solution, self.prices.capacity)
            left = np.where(self.prices.capacity < 0, -1, self.prices.capacity - load)
            more = self._beside(limited, left)
            if more.units == 0:
                break
            limited = _together(whole.problem, limited, more)
        return whole, limited

    def _beside(self, limited: Limited, left: Ints) -> Limited:
        """Return what can be done beside a plan for those whom lines keep out, in the whole problem's numbers."""
        whole, solution = self.free[0], limited.solution
        out, ports = limited.reason == LINE_FULL, whole.problem.tap_capacity
        build = self.prices.build.copy()
        build[whole.edge[solution.edges]] = 0
        build[(left >= 0) & (left < whole.problem.units[out].min())] = np.inf
        posed = self.pose(replace(self.prices, build=build))
        problem, drops = restrict(posed.problem, out, np.ones(len(ports), bool))
        served = solution.drop >= 0
        used = np.bincount(solution.tap[served], posed.problem.units[served], len(ports)).astype(np.int64)
        posed = replace(posed, problem=replace(problem, tap_capacity=np.where(ports < 0, -1, ports - used)))
        found = _in_numbers_of(whole, posed, _trimmed(posed, self.solve(posed.problem), left))
        return _lifted(found, out, drops)


def within_spare(prices: EdgePrices, pose: Poser, solve: Solver, *, can_fill_up: bool) -> Spared:
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
    can_fill_up
        Whether a way that is allowed where some lines are closed is allowed at all: not where it must not be much
        longer than the shortest.

    Returns
    -------
    spared
        Problems that were solved, and their answers.

    Notes
    -----
    Where a plan overloads a line, one that may not use it is tried, and one that leaves out as few homes as the line
    lacks room for; both then take in whoever still finds room, or a way past the full lines. More homes count first,
    less money second. The bound stays that of the problem in which lines carry any number of homes, for the customers
    that are served.
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
    if can_fill_up:
        answers = [spared.filled_up(answer) for answer in answers]
    answers.sort(key=lambda answer: (-answer[1].units, answer[1].solution.cost))
    return replace(spared, answers=tuple((posed, _bounded(*spared.free, limited, solve)) for posed, limited in answers))


def overloaded(posed: Posed, solution: Solution, capacity: Ints) -> Flags:
    """Return which network edges carry more new homes than they have room for; `capacity` < 0 is any number."""
    over: Flags = (capacity >= 0) & (_load(posed, solution, capacity) > capacity)
    return over


def _load(posed: Posed, solution: Solution, capacity: Ints) -> Ints:
    """Return the new homes that each network edge carries."""
    homes = np.repeat(posed.problem.units, np.diff(solution.route_start))
    return np.bincount(posed.edge[solution.route_edges], homes, len(capacity)).astype(np.int64)


def _in_numbers_of(whole: Posed, posed: Posed, limited: Limited) -> Limited:
    """Return an answer with the edges' numbers of a problem that has all of them."""
    place, solution = np.searchsorted(whole.edge, posed.edge), limited.solution
    edges, route_edges = place[solution.edges], place[solution.route_edges]
    return replace(limited, solution=replace(solution, edges=edges, route_edges=route_edges))


def _lifted(limited: Limited, customers: Flags, drops: Ints) -> Limited:
    """Return an answer for some customers in the numbers of all."""
    solution, size = limited.solution, len(customers)
    drop, tap, count = np.full(size, -1), np.full(size, -1), np.zeros(size, np.int64)
    drop[customers] = np.where(solution.drop >= 0, drops[solution.drop], -1)
    tap[customers], count[customers] = solution.tap, np.diff(solution.route_start)
    start = np.concatenate([[0], np.cumsum(count)])
    reason = np.full(size, "", object)
    reason[customers] = limited.reason
    return replace(limited, solution=replace(solution, drop=drop, tap=tap, route_start=start), reason=reason)


def _together(problem: Problem, one: Limited, other: Limited) -> Limited:
    """Return two plans for different customers as one."""
    served, more = one.solution.drop >= 0, other.solution.drop >= 0
    start = [each.solution.route_start for each in (one, other)]
    who = np.concatenate([np.repeat(np.arange(len(served)), np.diff(each)) for each in start])
    edges = np.concatenate([each.solution.route_edges for each in (one, other)])
    both = replace(
        one.solution,
        drop=np.where(more, other.solution.drop, one.solution.drop),
        tap=np.where(more, other.solution.tap, one.solution.tap),
        route_start=start[0] + start[1],
        route_edges=edges[np.argsort(who, kind="stable")],
    )
    solution = replace(part(problem, both, served | more), log=one.solution.log)
    return Limited(solution, np.where(more, "", one.reason), one.units + other.units, one.most_units)


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
    bound = below(bound, limited.solution.cost, cent=CENT_MILLI)
    return replace(limited, solution=replace(limited.solution, lower_bound=bound))
