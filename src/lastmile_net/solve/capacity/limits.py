"""What limits a plan: ports of taps, lengths of routes; and how many homes can be served within them at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, maximum_flow

from lastmile_net.solve.capacity.search.growth import FAR, lengths_from

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.solve.capacity.search.growth import Graph
    from lastmile_net.solve.problem import Problem

    Ints = NDArray[np.int64]
    Flags = NDArray[np.bool_]

NO_FREE_PORT = "no_free_port"
ROUTE_TOO_LONG = "route_too_long"
OPTICAL_BUDGET = "optical_budget"
OPTICAL_UNKNOWN = "optical_unknown"


@dataclass(frozen=True, eq=False)
class Limits:
    """
    Limits on routes; those on ports are `Problem.tap_capacity`.

    Parameters
    ----------
    max_route_mm
        Longest route from tap to premises (inclusive).
    max_stretch
        Longest route over the shortest one the customer could have from a tap with ports (inclusive).
    tap_route_mm
        int64 (t,). Longest route that the optics allow from each tap (inclusive); negative where none is.
    tap_unknown
        bool (t,). Taps whose optical loss is not known, and which are therefore not used.
    """

    max_route_mm: int | None = None
    max_stretch: float | None = None
    tap_route_mm: Ints | None = None
    tap_unknown: Flags | None = None

    @property
    def on_routes(self) -> bool:
        """Whether any limit depends on the length of a route."""
        return self.max_route_mm is not None or self.max_stretch is not None or self.tap_route_mm is not None


@dataclass(frozen=True, eq=False)
class Reach:
    """
    What each customer could be served by, each alone.

    Parameters
    ----------
    usable
        bool (t,). Taps with ports and with optics that allow a route.
    tap_mm
        int64 (t,). Longest route from each tap.
    customer_mm
        int64 (c,). Longest route to each customer.
    group
        int64 (c,). Row of `group_taps` for each customer.
    group_taps
        bool (g, t). Taps that the customers of a group can be served from.
    reason
        object (c,). Why no tap can serve the customer; empty where one can, or where there is no way at all.
    """

    usable: Flags
    tap_mm: Ints
    customer_mm: Ints
    group: Ints
    group_taps: Flags
    reason: NDArray[np.object_]

    @property
    def limited(self) -> bool:
        """Whether any customer or tap has a longest route."""
        return bool(self.customer_mm.min(initial=FAR) < FAR or self.tap_mm[self.usable].min(initial=FAR) < FAR)

    def can(self) -> Flags:
        """Return which customers have a tap."""
        some: Flags = np.asarray(self.group_taps.any(axis=1))
        return some[self.group]


def find_reach(problem: Problem, graph: Graph, limits: Limits) -> Reach:
    """
    Find which taps can serve which customers, each customer alone and whole.

    Parameters
    ----------
    problem, graph
        Streets, taps and customers; the same as adjacency.
    limits
        Limits on routes.

    Returns
    -------
    reach
        Taps by customer, and the reason where there is none.

    Notes
    -----
    A tap with fewer free ports than a building has homes does not reach it: bounds that let taps share customers would
    give it some of their ports. Without limits on routes O(m + c t); with them one search by length from each tap,
    O(t m log n).
    """
    taps = len(problem.tap_node)
    tap_mm = np.full(taps, FAR) if limits.tap_route_mm is None else np.minimum(limits.tap_route_mm, FAR)
    unknown = np.zeros(taps, bool) if limits.tap_unknown is None else limits.tap_unknown
    lit = (tap_mm >= 0) & ~unknown
    usable = lit & (problem.tap_capacity != 0)
    far = np.full(problem.customers, FAR)
    if not limits.on_routes:
        near = _connected(problem)
        free = _with_ports(problem, near & usable)
        group, rows = _groups(free)
        return Reach(usable, tap_mm, far, group, rows, _reasons(near, near, near, free))
    length = _lengths(problem, graph)
    customer_mm = _customer_limit(length[:, usable], limits)
    near = length < FAR
    short = near & (length <= customer_mm[:, None])
    bright = short & (length <= tap_mm[None, :])
    free = _with_ports(problem, bright & usable)
    group, rows = _groups(free)
    reason = _reasons(near, short, bright & lit, free)
    reason[(reason == OPTICAL_BUDGET) & ~(short & ~unknown).any(axis=1)] = OPTICAL_UNKNOWN
    return Reach(usable, tap_mm, customer_mm, group, rows, reason)


def most_units(problem: Problem, reach: Reach) -> int:
    """
    Return how many homes can be served at most: a maximum flow from taps to customers, which it may split.

    Parameters
    ----------
    problem
        Units and ports.
    reach
        Which taps can serve which customers.

    Notes
    -----
    Customers with the same taps are one node of the flow.
    """
    groups, taps = reach.group_taps.shape
    demand = np.bincount(reach.group, weights=problem.units, minlength=groups).astype(np.int64)
    total = int(demand.sum())
    ports = np.where(problem.tap_capacity < 0, total, np.minimum(problem.tap_capacity, total))
    group, tap = np.nonzero(reach.group_taps)
    source, sink = groups + taps, groups + taps + 1
    tail = np.r_[np.full(taps, source), groups + tap, np.arange(groups)]
    head = np.r_[groups + np.arange(taps), group, np.full(groups, sink)]
    flow = np.r_[ports, np.full(len(tap), total), demand].astype(np.int32)
    network = csr_array((flow, (tail.astype(np.int32), head.astype(np.int32))), shape=(sink + 1, sink + 1))
    return int(maximum_flow(network, source, sink).flow_value)


def _connected(problem: Problem) -> Flags:
    """Return which customers have any way to which taps, (c, t)."""
    ones = np.ones(len(problem.tail), np.int8)
    links = csr_array((ones, (problem.tail, problem.head)), shape=(problem.nodes, problem.nodes))
    count, label = connected_components(links, directed=False)
    taps = np.zeros((count, len(problem.tap_node)), bool)
    taps[label[problem.tap_node], np.arange(len(problem.tap_node))] = True
    near = np.zeros((problem.customers, len(problem.tap_node)), bool)
    np.logical_or.at(near, problem.drop_customer, taps[label[problem.drop_node]])
    return near


def _with_ports(problem: Problem, able: Flags) -> Flags:
    """Narrow (c, t) down, in place, to taps with a free port for each home: nobody is served by parts, or by two."""
    for tap in np.flatnonzero(problem.tap_capacity > 0).tolist():
        able[problem.units > problem.tap_capacity[tap], tap] = False
    return able


def _lengths(problem: Problem, graph: Graph) -> Ints:
    """Return the shortest route of each customer from each tap, (c, t)."""
    length = np.full((problem.customers, len(problem.tap_node)), FAR)
    for tap, node in enumerate(problem.tap_node.tolist()):
        along = lengths_from(graph, problem.length_mm, node)[problem.drop_node]
        route = np.where(along < FAR, along + problem.drop_length_mm, FAR)
        np.minimum.at(length[:, tap], problem.drop_customer, route)
    return length


def _customer_limit(length: Ints, limits: Limits) -> Ints:
    limit = np.full(len(length), FAR if limits.max_route_mm is None else limits.max_route_mm)
    if limits.max_stretch is not None and length.shape[1]:
        shortest = length.min(axis=1)
        stretched = np.floor(shortest * limits.max_stretch + 1e-6)
        limit = np.minimum(limit, np.where(shortest < FAR, stretched, FAR).astype(np.int64))
    return limit


def _reasons(near: Flags, short: Flags, bright: Flags, free: Flags) -> NDArray[np.object_]:
    """Return the first limit that leaves each customer without any tap; each step narrows (c, t) down."""
    steps = [near.any(axis=1), short.any(axis=1), bright.any(axis=1), free.any(axis=1)]
    codes = ["", ROUTE_TOO_LONG, OPTICAL_BUDGET, NO_FREE_PORT]
    reason: NDArray[np.object_] = np.full(len(near), "", object)
    for able, code in reversed(list(zip(steps, codes, strict=True))):
        reason[~able] = code
    return reason


def _groups(able: Flags) -> tuple[Ints, Flags]:
    if not able.size:
        return np.zeros(len(able), np.int64), np.zeros((1, able.shape[1]), bool)
    rows, group = np.unique(able, axis=0, return_inverse=True)
    return group.reshape(-1).astype(np.int64), rows
