"""
What stays true when prices and take rates are not what was thought: the same routes, priced anew many times.

Nothing is searched for again. In each scenario chance decides which homes sign and what each kind of ground costs; of
the plan's routes, what then pays is built: all that leads to somebody, or what the aim allows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.solve.budget.blocks import best_first
from lastmile_net.solve.budget.order import lay_forest, of_their_own

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.solve.budget.order import Forest
    from lastmile_net.solve.problem import Problem, Solution

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Doubt:
    """
    What is not certain.

    Parameters
    ----------
    take_rate
        float64 (c,), 0..1. Chance that each home of a customer signs.
    price_spread
        Prices lie within this part above or below what they are, evenly.
    ground
        int64 (m,), >= 0. Kind of ground of each edge; all edges of a kind get dearer together.
    scenarios
        How many are drawn.
    seed
        Where chance comes from.
    budget
        What may be spent, in thousandths; None for no limit.
    price
        What a home may cost, in thousandths; None for no limit.
    """

    take_rate: Floats
    price_spread: float
    ground: Ints
    scenarios: int
    seed: int
    budget: int | None = None
    price: int | None = None


@dataclass(frozen=True, eq=False)
class Outlook:
    """
    What came of the scenarios.

    Parameters
    ----------
    edge, customer
        float64 (m,) and (c,). Share of the scenarios in which each edge, and each customer's drop, is built.
    cost, homes
        int64 (s,). Thousandths spent, and homes connected, in each scenario.
    """

    edge: Floats
    customer: Floats
    cost: Ints
    homes: Ints


def look_out(problem: Problem, solution: Solution, own_cost: Ints, doubt: Doubt) -> Outlook:
    """
    Build a solution again in many scenarios.

    Parameters
    ----------
    problem, solution
        What was solved, and the answer; its routes stay as they are.
    own_cost
        int64 (c,). What each customer with all its homes costs besides edges, drop and fibre; fewer homes cost less.
    doubt
        What is not certain.

    Notes
    -----
    O(s n log n) for s scenarios and n pieces of routes.
    """
    rng = np.random.default_rng(doubt.seed)
    served = np.flatnonzero(solution.drop >= 0)
    forest = lay_forest(problem, solution, served)
    who = forest.customers
    fixed, each = of_their_own(problem, solution)[who], own_cost[who]
    kinds = int(doubt.ground.max(initial=0)) + 1
    edge, customer = np.zeros(len(problem.tail)), np.zeros(problem.customers)
    cost, homes = np.zeros(doubt.scenarios, np.int64), np.zeros(doubt.scenarios, np.int64)
    for s in range(doubt.scenarios):
        factor = 1 + doubt.price_spread * rng.uniform(-1, 1, kinds + 1)
        taken = np.zeros(problem.customers, np.int64)
        taken[served] = rng.binomial(problem.units[served], doubt.take_rate[served])
        price = np.round(forest.price * factor[doubt.ground[forest.edge]]).astype(np.int64)
        own = np.round(fixed * factor[-1]).astype(np.int64) + each * taken[who] // problem.units[who]
        built, spent = _built(forest, price, np.where(taken[who] > 0, own, 0), taken[who], doubt)
        on, signed = built[: len(price)], built[len(price) :] & (taken[who] > 0)
        edge[np.unique(forest.edge[on])] += 1
        customer[who[signed]] += 1
        cost[s], homes[s] = spent, taken[who[signed]].sum()
    return Outlook(edge / max(doubt.scenarios, 1), customer / max(doubt.scenarios, 1), cost, homes)


def _built(forest: Forest, price: Ints, own: Ints, taken: Ints, doubt: Doubt) -> tuple[Flags, int]:
    """Return which pieces and customers are built in a scenario, and what that costs."""
    parent = np.concatenate([forest.parent, forest.last])
    each = np.concatenate([price, own])
    gain = np.concatenate([np.zeros(len(price), np.int64), taken])
    order, of_node = best_first(parent, each, gain)
    block = of_node[order]
    ends = np.append(block[1:] != block[:-1], [True])[: len(block)]
    spent, gained = np.cumsum(each[order]), np.cumsum(gain[order])
    step_cost = np.diff(spent[ends], prepend=0)
    step_gain = np.diff(gained[ends], prepend=0)
    worth = step_gain > 0
    if doubt.price is not None:
        worth &= step_cost <= doubt.price * step_gain
    taken_in = worth[block]
    if doubt.budget is not None:
        taken_in &= spent <= doubt.budget
        last = np.flatnonzero(taken_in & (gain[order] > 0))
        taken_in &= np.arange(len(order)) <= (last[-1] if len(last) else -1)
    built = np.zeros(len(parent), bool)
    built[order[taken_in]] = True
    return built, int(each[built].sum())
