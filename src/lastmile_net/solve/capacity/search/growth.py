"""Growth: customers served one by one, the cheapest next, from taps with room; compiled."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lastmile_net.solve.compile import inner_kernel, kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.solve.problem import Problem

    Ints = NDArray[np.int64]
    Flags = NDArray[np.bool_]

FAR = np.int64(1) << 60
"""Stands for no limit and for no way inside the kernels; larger than any sum of costs or lengths."""


class Graph(NamedTuple):
    """Adjacency: `node[start[v]:start[v + 1]]` are the neighbours of v, over the edges `edge[...]`."""

    start: Ints
    node: Ints
    edge: Ints


class Leaves(NamedTuple):
    """Candidate drops by node: `drop[start[v]:start[v + 1]]`, with node, customer, price and length of each drop."""

    start: Ints
    drop: Ints
    node: Ints
    customer: Ints
    price: Ints
    length_mm: Ints


def adjacency(problem: Problem) -> Graph:
    """Return the neighbours of each node, both ways along each edge; loops left out."""
    edge = np.flatnonzero(problem.tail != problem.head)
    tail = np.r_[problem.tail[edge], problem.head[edge]]
    head = np.r_[problem.head[edge], problem.tail[edge]]
    order = np.argsort(tail, kind="stable")
    start = np.zeros(problem.nodes + 1, np.int64)
    np.cumsum(np.bincount(tail, minlength=problem.nodes), out=start[1:])
    return Graph(start, head[order].astype(np.int64), np.r_[edge, edge][order].astype(np.int64))


def leaves(problem: Problem) -> Leaves:
    """Return the candidate drops of each node; the price includes the drop's own fibre."""
    order = np.argsort(problem.drop_node, kind="stable")
    start = np.zeros(problem.nodes + 1, np.int64)
    np.cumsum(np.bincount(problem.drop_node, minlength=problem.nodes), out=start[1:])
    return Leaves(
        start,
        order.astype(np.int64),
        problem.drop_node,
        problem.drop_customer,
        problem.drop_price,
        problem.drop_length_mm,
    )


@kernel
def lengths_from(graph: Graph, length: Ints, source: int) -> Ints:
    """Return the least sum of `length` from `source` to each node."""
    start, node, edge = graph
    best = np.full(len(start) - 1, FAR)
    best[source] = 0
    heap = [(np.int64(0), np.int64(source))]
    while heap:
        far, v = heapq.heappop(heap)
        if far > best[v]:
            continue
        for k in range(start[v], start[v + 1]):
            w, there = node[k], far + length[edge[k]]
            if there < best[w]:
                best[w] = there
                heapq.heappush(heap, (there, w))
    return best


class Growth(NamedTuple):
    """State that growth changes: built edges, room of each tap, drop and tap of each customer (-1: not served)."""

    built: Flags
    room: Ints
    drop: Ints
    tap: Ints


class Terms(NamedTuple):
    """
    What growth goes by: prices and lengths of edges, ends, and what customers and taps ask and allow.

    With `apart`, each tap keeps to the part of town that is nearest to it, even when it is full.
    """

    tail: Ints
    head: Ints
    cost: Ints
    fibre: Ints
    length_mm: Ints
    tap_node: Ints
    tap_mm: Ints
    customer_mm: Ints
    units: Ints
    fibres: Ints
    apart: bool


class Labels(NamedTuple):
    """What a search has found for each node: money from its tap, edge it is reached by, tap, length of the way."""

    best: Ints
    via: Ints
    origin: Ints
    run: Ints


@kernel
def _spread(
    graph: Graph,
    terms: Terms,
    built: Flags,
    pull: int,
    labels: Labels,
    heap: list[tuple[np.int64, np.int64]],
    until: float,
) -> list[np.int64]:
    """Settle what lies in the heap and is no farther than `until`; return the nodes whose labels changed."""
    start, node, edge = graph
    best, via, origin, run = labels
    changed = [np.int64(0)]
    changed.clear()
    while heap and heap[0][0] <= until:
        far, v = heapq.heappop(heap)
        if far != best[v]:
            continue
        changed.append(v)
        for k in range(start[v], start[v + 1]):
            e, w = edge[k], node[k]
            there = far + terms.fibre[e] + pull * terms.length_mm[e]
            if not built[e]:
                there += terms.cost[e]
            if there < best[w]:
                best[w], via[w], origin[w] = there, e, origin[v]
                run[w] = run[v] + terms.length_mm[e]
                heapq.heappush(heap, (there, w))
    return changed


@kernel
def _offer(
    v: np.int64, hung: Leaves, terms: Terms, left: Flags, labels: Labels, offers: list[tuple[float, np.int64, np.int64]]
) -> None:
    """Offer the drops at a node that keep the limits: price per unit first, then the drop's number."""
    t = labels.origin[v]
    for k in range(hung.start[v], hung.start[v + 1]):
        d = hung.drop[k]
        c = hung.customer[d]
        reach = labels.run[v] + hung.length_mm[d]
        if left[c] and reach <= terms.customer_mm[c] and reach <= terms.tap_mm[t]:
            heapq.heappush(offers, ((labels.best[v] + hung.price[d]) / terms.units[c], d, labels.best[v]))


@kernel
def _join(v: int, terms: Terms, built: Flags, pull: int, labels: Labels, heap: list[tuple[np.int64, np.int64]]) -> None:
    """Build the way to a node and bring the labels along it down to what they cost now."""
    best, via, _, run = labels
    path = [np.int64(v)]
    while via[path[-1]] >= 0:
        e = via[path[-1]]
        path.append(terms.tail[e] + terms.head[e] - path[-1])
    for i in range(len(path) - 2, -1, -1):
        u, w = path[i + 1], path[i]
        e = via[w]
        built[e] = True
        there = best[u] + terms.fibre[e] + pull * terms.length_mm[e]
        if there < best[w]:
            best[w] = there
            run[w] = run[u] + terms.length_mm[e]
            heapq.heappush(heap, (there, w))


@inner_kernel
def _plant(terms: Terms, room: Ints, least: np.int64, labels: Labels, heap: list[tuple[np.int64, np.int64]]) -> None:
    """Start the search from every tap that has room for the smallest customer and whose node nobody holds."""
    for t in range(len(terms.tap_node)):
        v = terms.tap_node[t]
        if (room[t] >= least or (terms.apart and terms.tap_mm[t] >= 0)) and labels.best[v] > 0:
            labels.best[v], labels.via[v], labels.origin[v], labels.run[v] = 0, -1, t, 0
            heapq.heappush(heap, (np.int64(0), v))


@inner_kernel
def _retire(
    graph: Graph, terms: Terms, room: Ints, least: np.int64, labels: Labels, heap: list[tuple[np.int64, np.int64]]
) -> None:
    """Wipe the labels of taps without room and let the others search what becomes free."""
    best, via, origin, _ = labels
    wiped = np.flatnonzero(origin >= 0)
    wiped = wiped[room[origin[wiped]] < least]
    best[wiped] = FAR
    via[wiped] = -1
    origin[wiped] = -1
    _plant(terms, room, least, labels, heap)
    for v in wiped:
        for k in range(graph.start[v], graph.start[v + 1]):
            w = graph.node[k]
            if origin[w] >= 0:
                heapq.heappush(heap, (best[w], w))


@inner_kernel
def _least_units(units: Ints, wanted: Flags) -> np.int64:
    least = FAR
    for c in range(len(units)):
        if wanted[c] and units[c] < least:
            least = units[c]
    return least


@inner_kernel
def _count_units(units: Ints, left: Flags) -> Ints:
    """Return how many customers are left, by their units."""
    most = 0
    for c in range(len(units)):
        most = max(most, units[c])
    count = np.zeros(most + 1, np.int64)
    for c in range(len(units)):
        if left[c]:
            count[units[c]] += 1
    return count


@inner_kernel
def _most_units(count: Ints, room: Ints) -> np.int64:
    """Return the most units of any customer that is left and for whom some tap has room; 1 where there is none."""
    most = np.int64(1)
    for t in range(len(room)):
        most = max(most, min(room[t], np.int64(len(count) - 1)))
    while most > 1 and count[most] == 0:
        most -= 1
    return most


@kernel
def grow(graph: Graph, hung: Leaves, terms: Terms, state: Growth, wanted: Flags, pull: int) -> None:
    """
    Serve wanted customers one by one, each time the one that adds least money per unit, while taps have room.

    Built edges are free for every tap: cables of several taps share a trench. `pull` is the money a millimetre of
    route counts for: none gives the cheapest ways, much of it the shortest. Changes `state`.

    Notes
    -----
    Labels come from one search from all taps with room, as far as the next offer can lie; an insertion lowers some of
    them, and where a tap is full, the others search its part anew. O(m log m) for the search, and what is lowered and
    searched anew.
    """
    count = len(graph.start) - 1
    labels = Labels(np.full(count, FAR), np.full(count, -1), np.full(count, -1), np.zeros(count, np.int64))
    heap = [(np.int64(0), np.int64(0))]
    heap.clear()
    offers = [(0.0, np.int64(0), np.int64(0))]
    offers.clear()
    left = wanted & (state.tap < 0)
    least, count_left = _least_units(terms.units, left), _count_units(terms.units, left)
    most = _most_units(count_left, state.room)
    _plant(terms, state.room, least, labels, heap)
    while heap or offers:
        # a node that is farther has no offer that costs less per unit than the best one at hand
        until = offers[0][0] * most if offers else 2.0 * heap[0][0] + 1
        if heap and heap[0][0] <= until:
            for w in _spread(graph, terms, state.built, pull, labels, heap, until):
                _offer(w, hung, terms, left, labels, offers)
            continue
        if not offers:
            continue
        _, d, then = heapq.heappop(offers)
        c, v = hung.customer[d], hung.node[d]
        t = labels.origin[v]
        if not left[c] or then != labels.best[v] or terms.units[c] > state.room[t]:
            continue
        # another tap than the one that made the offer may hold the node by now, at the same price, from farther away
        reach = labels.run[v] + hung.length_mm[d]
        if reach > terms.customer_mm[c] or reach > terms.tap_mm[t]:
            continue
        _join(v, terms, state.built, pull, labels, heap)
        state.tap[c], state.drop[c], left[c] = t, d, False
        state.room[t] -= terms.units[c]
        count_left[terms.units[c]] -= 1
        most = _most_units(count_left, state.room)
        if state.room[t] < least and not terms.apart:
            least = _least_units(terms.units, left)
            _retire(graph, terms, state.room, least, labels, heap)
