"""
What the solvers see, and what they answer: arrays only, no geography.

Money is int64 thousandths of the currency, so that sums are exact and ties are real ties.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

MILLI = 1000
"""Solver money per unit of currency."""
MM_PER_M = 1000
"""Solver length per metre."""

Status = Literal["optimal", "gap", "rounds", "time", "interrupted", "trivial"]


@dataclass(frozen=True, eq=False)
class Problem:
    """
    A street graph, the taps of the existing network, and customers as leaves.

    A customer is not a node: it has one or more *candidate drops*, each from a node of the graph,
    and a solution uses exactly one of them. So no route can pass through a customer.

    Parameters
    ----------
    nodes
        Number of graph nodes, numbered from 0.
    tail, head
        int64 (m,). Ends of each undirected edge; parallels and loops are allowed.
    cost
        int64 (m,), >= 0. Price of building (or reusing) the edge once, in thousandths.
    fibre_cost
        int64 (m,), >= 0. Price of the fibre on the edge for each fibre that runs through it.
    tap_node
        int64 (t,). Nodes where one may connect; all of them together are the root.
    tap_capacity
        int64 (t,). Homes each tap can still take; -1 is unlimited.
    drop_customer, drop_node, drop_cost, drop_fibre_cost
        int64 (d,). The candidate drops, sorted by customer, then by preference.
    units
        int64 (c,), >= 1. Homes of each customer; a customer is served whole or not at all.
    fibres
        int64 (c,), >= 1. Fibres laid to each customer.
    length_mm, drop_length_mm
        int64 (m,) and (d,). Lengths, for limits on routes.
    must
        bool (c,). Customers who come before all others where not everybody can be served; None where nobody does.
    """

    nodes: int
    tail: Ints
    head: Ints
    cost: Ints
    fibre_cost: Ints
    tap_node: Ints
    tap_capacity: Ints
    drop_customer: Ints
    drop_node: Ints
    drop_cost: Ints
    drop_fibre_cost: Ints
    units: Ints
    fibres: Ints
    length_mm: Ints
    drop_length_mm: Ints
    must: NDArray[np.bool_] | None = None

    @classmethod
    def of_terminals(cls, nodes: int, tail: Ints, head: Ints, cost: Ints, terminals: Ints) -> Problem:
        """
        Pose the plain Steiner tree problem: the first terminal is the tap, each other one a customer with a free drop.

        Parameters
        ----------
        nodes
            Number of nodes.
        tail, head, cost
            int64 (m,). Edges.
        terminals
            int64 (t,), t >= 1. Nodes to be tied together, each once.
        """
        customers = len(terminals) - 1
        none, one = np.zeros(customers, np.int64), np.ones(customers, np.int64)
        return cls(
            nodes=nodes,
            tail=tail,
            head=head,
            cost=cost,
            fibre_cost=np.zeros(len(tail), np.int64),
            tap_node=terminals[:1],
            tap_capacity=np.full(1, -1, np.int64),
            drop_customer=np.arange(customers),
            drop_node=terminals[1:],
            drop_cost=none,
            drop_fibre_cost=none,
            units=one,
            fibres=one,
            length_mm=cost,
            drop_length_mm=none,
        )

    @property
    def customers(self) -> int:
        """Number of customers."""
        return len(self.units)

    @property
    def drop_price(self) -> Ints:
        """int64 (d,). Price of each candidate drop with its customer's own fibre in it, in thousandths."""
        return self.drop_cost + self.fibres[self.drop_customer] * self.drop_fibre_cost

    @property
    def first(self) -> NDArray[np.bool_]:
        """Which customers come before all others."""
        return np.zeros(len(self.units), bool) if self.must is None else self.must


@dataclass(frozen=True)
class Progress:
    """
    One line of the solver's log.

    Parameters
    ----------
    seconds
        Since the start.
    cost, lower_bound
        Best so far, in thousandths.
    stage
        What was done last.
    searched_cost
        What the best trees cost at the prices that the search sees: less than `cost` where fibre has a price.
    """

    seconds: float
    cost: int
    lower_bound: int
    stage: str
    searched_cost: int | None = None

    @property
    def gap(self) -> float:
        """Cost over bound, less one; infinite while the bound is zero and the cost is not."""
        return gap_over(self.cost, self.lower_bound)

    @property
    def searched_gap(self) -> float:
        """The part of the gap that more search can close; the rest is fibre on long ways."""
        return self.gap if self.searched_cost is None else gap_over(self.searched_cost, self.lower_bound)


def gap_over(cost: float, bound: float) -> float:
    """Return cost over bound, less one; 0 is a proof of optimality, infinite means that nothing is proven."""
    if bound > 0:
        return cost / bound - 1
    return 0.0 if cost == 0 else float("inf")


def ended(cost: float, bound: float, target_gap: float) -> Status:
    """Return how far a search came that nobody and no time limit has stopped."""
    if cost == bound:
        return "optimal"
    return "gap" if cost <= bound * (1 + target_gap) else "rounds"


class Report(Protocol):
    """A progress callback. Returning False asks the solver to stop with the best it has."""

    def __call__(self, progress: Progress) -> bool | None:
        """Take one line of progress."""


@dataclass(frozen=True, eq=False)
class Solution:
    """
    Which edges are built, and how each customer is reached.

    Parameters
    ----------
    edges
        int64, ascending. Edges of the problem that are built or reused, each once.
    drop
        int64 (c,). The candidate drop each customer uses; -1 where it is not served.
    tap
        int64 (c,). The tap (position in `Problem.tap_node`) that serves each customer; -1 where none does.
    route_start, route_edges
        CSR: `route_edges[route_start[c]:route_start[c + 1]]` leads from the tap to the node of the drop.
    cost
        Thousandths: edges, drops, and fibre along the routes of all served customers.
    lower_bound
        Thousandths: no solution that serves the same customers costs less.
    status
        What ended the search.
    log
        Cost and bound over time.
    """

    edges: Ints
    drop: Ints
    tap: Ints
    route_start: Ints
    route_edges: Ints
    cost: int
    lower_bound: int
    status: Status
    log: tuple[Progress, ...] = ()

    @property
    def gap(self) -> float:
        """Cost over bound, less one; 0 is a proof of optimality."""
        return gap_over(self.cost, self.lower_bound)
