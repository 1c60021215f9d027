"""
Grow a plan in stages: what the first money builds stays, and each stage adds the best to it.

The cheapest plan for everybody saves its metres where many share a trench, which does not pay before most of them are
connected. A plan that is grown is next to the best for its first budgets, and somewhat dearer in the end.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.solve.budget.prizes import Question, ask, only, settle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lastmile_net.config import SolveConfig
    from lastmile_net.solve.budget.prizes import Solver
    from lastmile_net.solve.problem import Solution

    Ints = NDArray[np.int64]
    Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Grown:
    """A plan for everybody, and the stage in which each customer is connected (-1: never)."""

    solution: Solution
    stage: Ints


def grow(question: Question, prices: Sequence[int], config: SolveConfig, solver: Solver) -> Grown:
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

    Returns
    -------
    grown
        The whole; its first stage is what `ask` finds at the first price.
    """
    built = np.zeros(len(question.problem.tail), bool)
    drop = np.full(question.problem.customers, -1, np.int64)
    stage = drop.copy()
    for number, price in enumerate([*prices, None]):
        rest, names = _what_is_left(question, built, drop)
        found = (
            only(rest, rest.in_reach, config, solver) if price is None else ask(rest, price, config, solver).solution
        )
        built[found.edges] = True
        new = (found.drop >= 0) & (drop < 0)
        drop[new] = names[found.drop[new]]
        stage[new] = number
    return Grown(settle(question, np.flatnonzero(built), drop), stage)


def _what_is_left(question: Question, built: Flags, drop: Ints) -> tuple[Question, Ints]:
    """Return the question with what is built for nothing and the connected on their drops; and names of its drops."""
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
