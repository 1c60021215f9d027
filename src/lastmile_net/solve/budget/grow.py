"""
Grow a plan in stages: what the first money builds stays, and each stage adds the best to it.

The cheapest plan for everybody saves its metres where many share a trench, which does not pay before most of them are
connected. A plan that is grown is next to the best for its first budgets, and somewhat dearer in the end.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.solve.prizes import Question, ask, only, settle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lastmile_net.config import SolveConfig
    from lastmile_net.solve.prizes import Solver
    from lastmile_net.solve.problem import Solution

    Ints = NDArray[np.int64]
    Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Grown:
    """A plan for everybody, and the stage in which each customer is connected (-1: never)."""

    solution: Solution
    stage: Ints


def grow(
    question: Question,
    prices: Sequence[int],
    config: SolveConfig,
    solver: Solver,
    *,
    guide: Solution | None = None,
    regret: Sequence[float] = (),
) -> Grown:
    """
    Connect first who is worth the first price for each unit of gain, then who is worth the next, and all others last.

    Parameters
    ----------
    question
        Streets, customers, gains.
    prices
        Rising, in thousandths.
    config
        When each search stops.
    solver
        What solves the plain problem.
    guide
        A plan for everybody that is cheap as a whole.
    regret
        What each stage pays on top for streets and drops that the guide does not have: for streets in parts of their
        price, for drops of what they cost more than the guide's. So early stages leave the guide only where that gains
        much. Nothing if not given.

    Returns
    -------
    grown
        The whole; without a guide its first stage is what `ask` finds at the first price.
    """
    built = np.zeros(len(question.problem.tail), bool)
    drop = np.full(question.problem.customers, -1, np.int64)
    stage = drop.copy()
    for number, price in enumerate([*prices, None]):
        dearer = question
        if guide is not None and number < len(regret):
            dearer = _regretting(question, guide, regret[number])
        rest, names = what_is_left(dearer, built, drop)
        found = (
            only(rest, rest.in_reach, config, solver) if price is None else ask(rest, price, config, solver).solution
        )
        built[found.edges] = True
        new = (found.drop >= 0) & (drop < 0)
        drop[new] = names[found.drop[new]]
        stage[new] = number
    return Grown(settle(question, np.flatnonzero(built), drop), stage)


def _regretting(question: Question, guide: Solution, part: float) -> Question:
    """Return the question with a part of the price of what a guide does not have on top of it."""
    problem = question.problem
    spare = np.ones(len(problem.tail), bool)
    spare[guide.edges] = False
    price = problem.drop_price
    used = guide.drop[problem.drop_customer]
    more = np.where(used >= 0, np.maximum(price - price[used], 0), 0)
    dearer = replace(
        problem,
        cost=problem.cost + np.where(spare, np.round(part * problem.cost), 0).astype(np.int64),
        drop_cost=problem.drop_cost + np.round(part * more).astype(np.int64),
    )
    return replace(question, problem=dearer)


def what_is_left(question: Question, built: Flags, drop: Ints) -> tuple[Question, Ints]:
    """
    Return what is left to ask: what is built costs nothing, and the connected stay on their drops.

    Also returns the drop of the question for each of its drops.
    """
    problem = question.problem
    used = np.zeros(len(problem.drop_customer), bool)
    used[drop[drop >= 0]] = True
    kept = np.flatnonzero(used | (drop < 0)[problem.drop_customer])
    rest = replace(
        problem,
        cost=np.where(built, 0, problem.cost),
        drop_customer=problem.drop_customer[kept],
        drop_node=problem.drop_node[kept],
        drop_cost=np.where(used, 0, problem.drop_cost)[kept],
        drop_fibre_cost=problem.drop_fibre_cost[kept],
        drop_length_mm=problem.drop_length_mm[kept],
    )
    return Question(rest, np.where(drop >= 0, 0, question.own_cost), question.gain), kept
