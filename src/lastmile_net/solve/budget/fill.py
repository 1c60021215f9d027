"""Tie in more customers: whoever gains most for what is left of a budget, or whoever is worth a price by himself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.solve.graph import FAR, make_graph
from lastmile_net.solve.paths import spread
from lastmile_net.solve.prizes import settle

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.solve.prizes import Question
    from lastmile_net.solve.problem import Problem, Solution

    Ints = NDArray[np.int64]
    Shorts = NDArray[np.int32]
    Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Reach:
    """
    What it takes to tie in each customer who is left out.

    Parameters
    ----------
    cost
        int64 (c,). Edges, drop, fibre and own cost along the cheapest way; FAR for those served and out of reach.
    drop
        int64 (c,). The drop of that way; -1 for those.
    via
        int32 (n,). Edge that enters each node on the way from what is built; -1 where the way begins.
    """

    cost: Ints
    drop: Ints
    via: Shorts


def reach_more(question: Question, built: Flags, served: Flags) -> Reach:
    """Return the cheapest way to each customer who is left out, from the taps and what is built."""
    problem = question.posed
    graph = make_graph(np.zeros(problem.nodes, np.int8), problem.tail, problem.head, problem.cost)
    source = problem.tap_node
    if not problem.fibre_cost.any():  # else the fibre to what is built counts, too
        source = np.concatenate([source, problem.tail[built], problem.head[built]])
    far, via, _ = spread(graph, np.where(built, 0, graph.cost) + problem.fibre_cost, np.unique(source).astype(np.int32))
    at = far[problem.drop_node]
    price = np.where((at < FAR) & ~served[problem.drop_customer], at + problem.drop_price, FAR)
    order = np.lexsort((np.arange(len(price)), price, problem.drop_customer))
    first = order[np.flatnonzero(np.diff(problem.drop_customer[order], prepend=-1))]
    cost, drop = np.full(problem.customers, FAR), np.full(problem.customers, -1, np.int64)
    cost[problem.drop_customer[first]] = price[first]
    drop[problem.drop_customer[first]] = np.where(price[first] < FAR, first, -1)
    return Reach(cost, drop, via >> 1)


def spend_rest(question: Question, solution: Solution, budget: int) -> Solution:
    """
    Connect more customers, best gain for the money first, until nobody fits into the budget any more.

    Parameters
    ----------
    question
        Streets, customers, gains.
    solution
        Who is connected already, for at most `budget`; all of that stays.
    budget
        What may be spent in all, in thousandths.
    """
    problem = question.posed
    built = np.zeros(len(problem.tail), bool)
    built[solution.edges] = True
    drop = solution.drop.copy()
    left, before = budget - solution.cost, budget + 1
    while left < before:
        before = left
        reach = reach_more(question, built, drop >= 0)
        worth = np.flatnonzero((reach.cost < FAR) & (reach.cost <= left) & (question.gain > 0))
        if len(worth) == 0:
            break
        ratio = question.gain[worth] / np.maximum(reach.cost[worth], 1)
        for c in worth[np.lexsort((worth, -ratio))].tolist():
            way, price = way_to(problem, reach.via, built, int(reach.drop[c]))
            if price <= left:
                left -= price
                built[way] = True
                drop[c] = reach.drop[c]
    found = settle(question, np.flatnonzero(built), drop)
    return found if found.cost <= budget else solution


def add_worth(question: Question, solution: Solution, price: int) -> Solution:
    """
    Connect whoever is worth a price on top of what is built, cheapest first, until nobody is any more.

    Parameters
    ----------
    question
        Streets, customers, gains.
    solution
        Who is connected already; all of them stay.
    price
        What a unit of gain is worth, in thousandths.

    Returns
    -------
    solution
        The same one where nobody is worth it.
    """
    problem = question.posed
    built = np.zeros(len(problem.tail), bool)
    built[solution.edges] = True
    drop = solution.drop.copy()
    while True:
        reach = reach_more(question, built, drop >= 0)
        worth = np.flatnonzero((reach.cost < FAR) & (reach.cost <= price * question.gain) & (question.gain > 0))
        if len(worth) == 0:
            break
        for c in worth[np.lexsort((worth, reach.cost[worth] / question.gain[worth]))].tolist():
            way, _ = way_to(problem, reach.via, built, int(reach.drop[c]))
            built[way] = True
            drop[c] = reach.drop[c]
    return solution if np.array_equal(drop, solution.drop) else settle(question, np.flatnonzero(built), drop)


def way_to(problem: Problem, via: Ints | Shorts, built: Flags, d: int) -> tuple[list[int], int]:
    """
    Return the edges that are still missing to a drop, and what they, the drop and the fibre cost.

    Parameters
    ----------
    problem
        Edges and drops, with their prices.
    via
        (n,). Edge that enters each node on the way; -1 where the way begins.
    built
        bool (m,). Edges that are paid for.
    d
        The drop.
    """
    v = int(problem.drop_node[d])
    fibres = int(problem.fibres[problem.drop_customer[d]])
    way: list[int] = []
    price = int(problem.drop_cost[d]) + fibres * int(problem.drop_fibre_cost[d])
    while via[v] >= 0:
        e = int(via[v])
        if not built[e]:
            way.append(e)
            price += int(problem.cost[e])
        price += fibres * int(problem.fibre_cost[e])
        v = int(problem.tail[e] + problem.head[e]) - v
    return way, price
