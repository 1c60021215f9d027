"""What money can buy at most beside customers who are served in any case, for plans that serve the same ones."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lastmile_net.solve.budget.climb import climb
from lastmile_net.solve.capacity import Affordable
from lastmile_net.solve.clock import Clock
from lastmile_net.solve.prizes import ask

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from lastmile_net.config import SolveConfig
    from lastmile_net.solve.prizes import Question, Solver
    from lastmile_net.solve.problem import Solution

    Flags = NDArray[np.bool_]


DEARER = 10
"""What is left of the budget buys first homes, up to so many times as dear as in the order of building."""

MOST_QUESTIONS = 8
"""Prices that are asked at where streets are too many for a programme, at most."""


@dataclass(frozen=True, eq=False)
class Beside:
    """
    No plan within `budget`, in thousandths, that serves all customers of `must` gains more than `most`.

    Parameters
    ----------
    must
        bool (c,). Customers.
    budget, most
        In thousandths; in units of gain.
    """

    must: Flags
    budget: int
    most: int

    def holds_for(self, solution: Solution, budget: int) -> bool:
        """Return whether a plan within a budget is one of those: it serves the same customers, or more."""
        return budget <= self.budget and not (self.must & (solution.drop < 0)).any()


def ask_beside(
    question: Question, price: int, budget: int, config: SolveConfig, solver: Solver, is_over: Callable[[], bool]
) -> int:
    """
    Bound what a budget can buy at most, with limits left out, by asking at a few prices.

    Parameters
    ----------
    question
        What is asked; bounds are for plans that serve all who must be.
    price
        Where to begin, in thousandths for each unit of gain.
    budget
        In thousandths.
    config, solver
        When each search stops, and no more prices are asked; what solves the plain problem.
    is_over
        Whether somebody has asked for a stop.

    Notes
    -----
    As in `prove_beside`: who must be served has no way out, and LB(P) is what serving them and paying P for each unit
    of gain that is left out costs at least; a plan within the budget B gains K - (LB(P) - B) / P at most.
    """
    most, floors, limit_s = question.most, [], config.time_limit_s
    clock = Clock(None if limit_s is None else time.perf_counter() + limit_s)

    def tell(price: int) -> float | None:
        if is_over() or clock.over():
            return None
        floor = ask(question, price, config, solver).floor
        floors.append(floor)
        return -floor.gain_at(most, budget)

    climb(max(price, 1), tell, MOST_QUESTIONS)
    return min([most, *(int(floor.most_gain(most, budget)) for floor in floors)])


def prove_beside(free: Affordable, must: Flags, budget: int, gain: int, enough: float) -> int:
    """
    Prove what a budget can buy at most in plans that serve some customers in any case.

    Parameters
    ----------
    free
        The programme of the same question in which nobody must be served.
    must
        bool (c,). Who is served in any case; some plan within the budget serves them all.
    budget, gain
        In thousandths, and what the best known plan of these gains.
    enough
        Up to which gain a bound is near enough.

    Notes
    -----
    It is the programme of `free`, but for the ways out of those customers, which are not there. A plan that serves
    them all takes none of these: it is in the programme still, at the same cost and with the same gain left out. So a
    floor F at a price P holds for each of them: cost + P * (gain of all - its gain) >= F. Trenches to those customers
    are shared with the others' there, as in the plan: nothing is taken off the budget for them beforehand.
    """
    question = free.question
    posed = replace(question, problem=replace(question.problem, must=must))
    asked = Affordable(posed, DEARER * free.price, free.reach, free.config, free.report, free.solver)
    floors = asked.floors(budget, gain, free.config.time_limit_s)
    most = min((int(floor.most_gain(asked.reach_gain, budget)) for floor in floors), default=asked.reach_gain)
    if most > enough:
        most = min(most, asked.most_gain(budget, gain)[0])
    free.hurried |= asked.hurried
    return most
