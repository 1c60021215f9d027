"""
Let customers go for a price each, and solve for who is worth it.

A customer may be left out at `price` for each home: one more drop, at a tap, that costs as much. What was a question of
whom to connect (a prize-collecting Steiner tree whose customers are leaves) is the plain problem then, and everything
that shrinks, builds, improves and proves the one does so for the other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from lastmile_net.solve import solve
from lastmile_net.solve.prepare import reachable
from lastmile_net.solve.problem import Solution
from lastmile_net.solve.routes import follow, part

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from lastmile_net.config import SolveConfig
    from lastmile_net.solve.problem import Problem, Report

    Ints = NDArray[np.int64]
    Flags = NDArray[np.bool_]
    Solver = Callable[[Problem, SolveConfig, Report | None], Solution]

Number = TypeVar("Number", int, "NDArray[np.int64]")

STEP = 1.25
"""Prices that are asked are this far apart until one is too low and one too high,"""
CLOSE = 1.02
"""and then until they are so near each other."""


@dataclass(frozen=True, eq=False)
class Question:
    """
    A problem, and what connecting its customers costs besides and gains.

    Parameters
    ----------
    problem
        Streets, taps, customers with their drops.
    own_cost
        int64 (c,), >= 0. What each customer costs besides edges, drop and fibre, in thousandths.
    gain
        int64 (c,), >= 0. What connecting each customer is worth, such as its homes.
    """

    problem: Problem
    own_cost: Ints
    gain: Ints

    @classmethod
    def of(cls, problem: Problem, own_cost: Ints | None = None, gain: Ints | None = None) -> Question:
        """Return the question about a problem; without more, customers cost nothing besides, and homes count."""
        own = np.zeros(problem.customers, np.int64) if own_cost is None else own_cost
        return cls(problem, own, problem.units if gain is None else gain)

    @property
    def in_reach(self) -> Flags:
        """Which customers some tap can reach."""
        drops = reachable(self.problem)[self.problem.drop_node]
        reach = np.zeros(self.problem.customers, bool)
        reach[self.problem.drop_customer[drops]] = True
        return reach

    @property
    def most(self) -> int:
        """What connecting everybody in reach would gain."""
        return int(self.gain[self.in_reach].sum())

    @property
    def posed(self) -> Problem:
        """The problem with what each customer costs besides on its drops."""
        problem = self.problem
        return replace(problem, drop_cost=problem.drop_cost + self.own_cost[problem.drop_customer])


class Floor(NamedTuple):
    """No choice of customers costs less than `bound` where leaving out a unit of gain costs `price`, in thousandths."""

    price: int
    bound: int

    def most_gain(self, reach_gain: int, budget: Number) -> Number:
        """Return what no plan within a budget, or each of some, gains more than; `reach_gain` is that of everybody."""
        return (self.price * reach_gain - self.bound + budget) // self.price

    def gain_at(self, reach_gain: int, budget: int) -> float:
        """Return the same before it is rounded down."""
        return reach_gain - (self.bound - budget) / self.price

    def least_cost(self, reach_gain: int, gain: int) -> int:
        """Return what no plan that gains as much costs less than."""
        return self.bound - self.price * (reach_gain - gain)


@dataclass(frozen=True, eq=False)
class Answer:
    """
    Who is worth a price, and a proof.

    Parameters
    ----------
    price
        What leaving out one unit of gain costs, in thousandths.
    solution
        The tree for those who are worth it, in the numbers of the problem; its cost has their own costs in it.
    bound
        No choice of customers costs less than this, with `price` paid for every unit of gain that it leaves out.
    """

    price: int
    solution: Solution
    bound: int

    @property
    def floor(self) -> Floor:
        """What it proves."""
        return Floor(self.price, self.bound)


def ask(question: Question, price_each: int, config: SolveConfig, solver: Solver = solve) -> Answer:
    """
    Find who is worth a price, and prove how near the best the answer is.

    Parameters
    ----------
    question
        What is asked.
    price_each
        What leaving out one unit of gain costs, in thousandths.
    config
        When to stop.
    solver
        What solves the plain problem.

    Notes
    -----
    Who must be served has no way out: the bound is for plans that serve them all.
    """
    node = question.problem.tap_node[0] if len(question.problem.tap_node) else 0
    prized, real = with_ways_out(question, price_each, node, question.in_reach)
    found = solver(prized, config, None)
    return Answer(price_each, renamed(question, found, real), found.lower_bound)


def close_in(price: int, too_low: Callable[[int], bool | None], most: int) -> None:
    """
    Ask at prices that close in on the one that fits.

    Parameters
    ----------
    price
        Where to begin.
    too_low
        Asks at a price, and returns whether it is too low; None ends the search.
    most
        At most so many prices.
    """
    low, high = 0, 0
    for _ in range(most):
        answer = too_low(price)
        if answer is None:
            break
        low, high = (price, high) if answer else (low, price)
        if low and high and high <= low * CLOSE:
            break
        price = int(np.sqrt(low * high)) if low and high else (int(low * STEP) + 1 if low else int(high / STEP))
        if price < 1:
            break


def with_ways_out(question: Question, price_each: int, node: int, customers: Flags) -> tuple[Problem, Ints]:
    """
    Give customers one drop more, at a node that costs nothing: who takes it is left out, at a price.

    Parameters
    ----------
    question
        What is asked.
    price_each
        What leaving out one unit of gain costs, in thousandths.
    node
        Where the drops hang.
    customers
        Who gets one; not those who must be served.

    Returns
    -------
    prized
        The problem, its drops with what customers cost besides.
    real
        int64. Drop of the question for each one of the problem; -1 for those that leave customers out.
    """
    posed = question.posed
    free = np.flatnonzero(customers & ~posed.first)
    customer = np.concatenate([posed.drop_customer, free])
    order = np.argsort(customer, kind="stable")

    def more(values: Ints, added: Ints) -> Ints:
        return np.concatenate([values, added])[order]

    nothing = np.zeros(len(free), np.int64)
    prized = replace(
        posed,
        drop_customer=customer[order],
        drop_node=more(posed.drop_node, np.full(len(free), node)),
        drop_cost=more(posed.drop_cost, price_each * question.gain[free]),
        drop_fibre_cost=more(posed.drop_fibre_cost, nothing),
        drop_length_mm=more(posed.drop_length_mm, nothing),
    )
    return prized, np.where(order < len(posed.drop_customer), order, -1)


def settle(question: Question, edges: Ints, drop: Ints) -> Solution:
    """Return the solution that uses some drops over some edges, led anew and priced from scratch; spare edges go."""
    routes = follow(question.posed, edges, drop)
    found = Solution(edges, drop, routes.tap, routes.start, routes.edges, 0, 0, "rounds")
    return part(question.posed, found, drop >= 0)


def only(question: Question, customers: Flags, config: SolveConfig, solver: Solver = solve) -> Solution:
    """Return the cheapest trenches that are found for some customers, all of them and nobody else."""
    posed = question.posed
    kept = np.flatnonzero(customers[posed.drop_customer])
    columns = ("drop_customer", "drop_node", "drop_cost", "drop_fibre_cost", "drop_length_mm")
    found = solver(replace(posed, **{name: getattr(posed, name)[kept] for name in columns}), config, None)
    return replace(renamed(question, found, kept), log=found.log)


def renamed(question: Question, found: Solution, name: Ints) -> Solution:
    """Return a solution in the drops of the question; `name` is -1 for a drop that leaves its customer out."""
    drop = np.where(found.drop >= 0, name[found.drop], -1) if len(name) else np.full(len(found.drop), -1)
    return replace(part(question.posed, replace(found, drop=drop), drop >= 0), lower_bound=found.lower_bound)
