"""Compiled loops of the search under limits: labels inside built edges, growth, and the knapsack on a tree."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lastmile_net.solve.compile import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.solve.problem import Problem

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

FAR = np.int64(1) << 60
"""Stands for no limit and for no way inside the kernels; larger than any sum of costs or lengths."""
SWAP_UNITS = 32
"""Customers with more homes than this are not swapped."""


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
    price = problem.drop_cost + problem.drop_fibre_cost * problem.fibres[problem.drop_customer]
    return Leaves(
        start, order.astype(np.int64), problem.drop_node, problem.drop_customer, price, problem.drop_length_mm
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


@kernel
def within_built(graph: Graph, built: Flags, length: Ints, fibre: Ints, source: int) -> tuple[Ints, Ints, Ints]:
    """
    Search from `source` through built edges only, by length.

    Returns for each node the length, the sum of `fibre` along it, and the edge it is reached by (-1 at the source);
    length and fibre are `FAR` where nothing built leads.
    """
    start, node, edge = graph
    best = np.full(len(start) - 1, FAR)
    paid = np.full(len(start) - 1, FAR)
    via = np.full(len(start) - 1, -1)
    best[source] = 0
    paid[source] = 0
    heap = [(np.int64(0), np.int64(source))]
    while heap:
        far, v = heapq.heappop(heap)
        if far > best[v]:
            continue
        for k in range(start[v], start[v + 1]):
            if not built[edge[k]]:
                continue
            w, there = node[k], far + length[edge[k]]
            if there < best[w]:
                best[w], paid[w], via[w] = there, paid[v] + fibre[edge[k]], edge[k]
                heapq.heappush(heap, (there, w))
    return best, paid, via


@kernel
def knapsack_on_tree(size: Ints, price: Ints, units: Ints, room: int) -> Flags:
    """
    Choose the cheapest part of a rooted forest that holds as many units as fit into `room`.

    The nodes come in preorder; `size` counts each node's subtree with itself. A node is taken only with its parent.
    Exact, O(n room): row i is the best that nodes i, i + 1, ... can do, and skipping a node skips its subtree.
    """
    count = len(size)
    best = np.full((count + 1, room + 1), FAR)
    best[count, 0] = 0
    for i in range(count - 1, -1, -1):
        skip, take, gain = best[i + size[i]], best[i + 1], units[i]
        for k in range(room + 1):
            best[i, k] = skip[k]
            if k >= gain and take[k - gain] < FAR and take[k - gain] + price[i] < skip[k]:
                best[i, k] = take[k - gain] + price[i]
    k = room
    while best[0, k] >= FAR:
        k -= 1
    taken = np.zeros(count, np.bool_)
    i = 0
    while i < count:
        if best[i, k] == best[i + size[i], k]:
            i += size[i]
        else:
            taken[i] = True
            k -= units[i]
            i += 1
    return taken


class Growth(NamedTuple):
    """State that growth changes: built edges, room of each tap, drop and tap of each customer (-1: not served)."""

    built: Flags
    room: Ints
    drop: Ints
    tap: Ints


class Terms(NamedTuple):
    """What growth goes by: prices and lengths of edges, ends, and what customers and taps ask and allow."""

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


class Labels(NamedTuple):
    """What a search has found for each node: money from its tap, edge it is reached by, tap, length of the way."""

    best: Ints
    via: Ints
    origin: Ints
    run: Ints


@kernel
def _spread(
    graph: Graph, terms: Terms, built: Flags, pull: int, labels: Labels, heap: list[tuple[np.int64, np.int64]]
) -> list[np.int64]:
    """Settle what lies in the heap; return the nodes whose labels changed."""
    start, node, edge = graph
    best, via, origin, run = labels
    changed = [np.int64(0)]
    changed.clear()
    while heap:
        far, v = heapq.heappop(heap)
        if far > best[v]:
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
    v: np.int64, hung: Leaves, terms: Terms, wanted: Flags, labels: Labels, offers: list[tuple[float, np.int64, np.int64]]
) -> None:
    """Offer the drops at a node that keep the limits: price per unit first, then the drop's number."""
    t = labels.origin[v]
    for k in range(hung.start[v], hung.start[v + 1]):
        d = hung.drop[k]
        c = hung.customer[d]
        reach = labels.run[v] + hung.length_mm[d]
        if wanted[c] and reach <= terms.customer_mm[c] and reach <= terms.tap_mm[t]:
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


@kernel
def _plant(nodes: int, terms: Terms, room: Ints, least: np.int64, heap: list[tuple[np.int64, np.int64]]) -> Labels:
    """Start a search from every tap that has room for the smallest customer."""
    labels = Labels(np.full(nodes, FAR), np.full(nodes, -1), np.full(nodes, -1), np.zeros(nodes, np.int64))
    heap.clear()
    for t in range(len(terms.tap_node)):
        v = terms.tap_node[t]
        if room[t] >= least and labels.best[v] > 0:
            labels.best[v] = 0
            labels.origin[v] = t
            heapq.heappush(heap, (np.int64(0), v))
    return labels


@kernel
def _least_units(units: Ints, wanted: Flags) -> np.int64:
    least = FAR
    for c in range(len(units)):
        if wanted[c]:
            least = min(least, units[c])
    return least


@kernel
def grow(graph: Graph, hung: Leaves, terms: Terms, state: Growth, wanted: Flags, pull: int) -> None:
    """
    Serve wanted customers one by one, each time the one that adds least money per unit, while taps have room.

    Built edges are free for every tap: cables of several taps share a trench. `pull` is the money a millimetre of
    route counts for: none gives the cheapest ways, much of it the shortest. Changes `state`.

    Notes
    -----
    Labels come from one search from all taps with room; an insertion lowers some of them, a full tap starts the
    search anew. O((taps + 1) m log m) and what the insertions lower.
    """
    heap = [(np.int64(0), np.int64(0))]
    offers = [(0.0, np.int64(0), np.int64(0))]
    left = wanted & (state.tap < 0)
    full = True
    while full:
        full = False
        least = _least_units(terms.units, left)
        labels = _plant(len(graph.start) - 1, terms, state.room, least, heap)
        offers.clear()
        for w in _spread(graph, terms, state.built, pull, labels, heap):
            _offer(w, hung, terms, left, labels, offers)
        while offers and not full:
            _, d, then = heapq.heappop(offers)
            c, v = hung.customer[d], hung.node[d]
            t = labels.origin[v]
            if not left[c] or then != labels.best[v] or terms.units[c] > state.room[t]:
                continue
            _join(v, terms, state.built, pull, labels, heap)
            state.tap[c], state.drop[c], left[c] = t, d, False
            state.room[t] -= terms.units[c]
            full = state.room[t] < least
            for w in _spread(graph, terms, state.built, pull, labels, heap):
                _offer(w, hung, terms, left, labels, offers)


@kernel
def _links(price: Ints, units: Ints, tap: Ints, taps: int, largest: np.int64) -> tuple[Floats, Ints]:
    """Return, from each tap to each other, the least extra price per unit of moving a customer, and which one."""
    step = np.full((taps, taps), np.inf)
    who = np.full((taps, taps), -1)
    for c in range(len(tap)):
        a = tap[c]
        if a < 0 or units[c] > largest:
            continue
        for b in range(taps):
            if b != a and price[c, b] < FAR:
                extra = (price[c, b] - price[c, a]) / units[c]
                if extra < step[a, b]:
                    step[a, b], who[a, b] = extra, c
    return step, who


@kernel
def _chain(step: Floats, load: Ints, room: Ints) -> tuple[int, Ints]:
    """Return the tap with room (-1: none) that a chain from an overloaded tap reaches at least price, and the chain."""
    taps = len(room)
    far = np.where(load > room, 0.0, np.inf)
    back = np.full(taps, -1)
    for _ in range(taps):
        for a in range(taps):
            for b in range(taps):
                if load[b] <= room[b] and far[a] + step[a, b] < far[b] - 1e-9:
                    far[b], back[b] = far[a] + step[a, b], a
    goal = -1
    for t in range(taps):
        if load[t] < room[t] and back[t] >= 0 and (goal < 0 or far[t] < far[goal]):
            goal = t
    return goal, back


@kernel
def _shift(goal: int, back: Ints, who: Ints, units: Ints, load: Ints, room: Ints, tap: Ints) -> bool:
    """Move one customer along each link of a chain, if fewer homes are over the ports afterwards."""
    after = load.copy()
    b = goal
    steps = 0
    while back[b] >= 0 and steps <= len(load):
        c = who[back[b], b]
        after[b] += units[c]
        after[back[b]] -= units[c]
        b = back[b]
        steps += 1
    gains = np.maximum(after - room, 0).sum() < np.maximum(load - room, 0).sum()
    if gains and steps <= len(load):
        load[:] = after
        b = goal
        while back[b] >= 0:
            tap[who[back[b], b]] = b
            b = back[b]
    return gains and steps <= len(load)


@kernel
def _loads(units: Ints, tap: Ints, taps: int) -> Ints:
    load = np.zeros(taps, np.int64)
    for c in range(len(tap)):
        if tap[c] >= 0:
            load[tap[c]] += units[c]
    return load


@kernel
def balance(price: Ints, units: Ints, room: Ints, tap: Ints) -> None:
    """
    Move customers between taps until none is overloaded, or no chain of moves helps.

    `price` is (c, t), `FAR` where the customer cannot be served from the tap. Each step moves one customer along each
    link of the chain, from an overloaded tap to one with room, that costs least per unit. Changes `tap`.
    """
    load = _loads(units, tap, len(room))
    for largest in (FAR, np.int64(1)):
        moved = True
        while moved and np.any(load > room):
            step, who = _links(price, units, tap, len(room), largest)
            goal, back = _chain(step, load, room)
            moved = goal >= 0 and _shift(goal, back, who, units, load, room, tap)


@kernel
def improve(price: Ints, units: Ints, room: Ints, tap: Ints) -> None:
    """
    Make an assignment within ports cheaper: move customers to taps with room, swap customers with as many homes.

    `price` is (c, t). Only ever lowers the sum of prices, and never overloads a tap. Changes `tap`.
    """
    load = _loads(units, tap, len(room))
    moved = True
    while moved:
        moved = _move(price, units, room, load, tap)
        moved |= _swap(price, units, len(room), tap)


@kernel
def _move(price: Ints, units: Ints, room: Ints, load: Ints, tap: Ints) -> bool:
    moved = False
    for c in range(len(tap)):
        for b in range(len(room)):
            if price[c, b] < price[c, tap[c]] and load[b] + units[c] <= room[b]:
                load[tap[c]] -= units[c]
                load[b] += units[c]
                tap[c] = b
                moved = True
    return moved


@kernel
def _swap(price: Ints, units: Ints, taps: int, tap: Ints) -> bool:
    """Swap the two customers of each pair of taps and number of homes that gain most by it."""
    step = np.full((taps, taps, SWAP_UNITS + 1), FAR)
    who = np.full((taps, taps, SWAP_UNITS + 1), -1)
    for c in range(len(tap)):
        a, u = tap[c], units[c]
        for b in range(taps):
            if u <= SWAP_UNITS and price[c, b] - price[c, a] < step[a, b, u]:
                step[a, b, u], who[a, b, u] = price[c, b] - price[c, a], c
    swapped = False
    for a in range(taps):
        for b in range(a):
            for u in range(1, SWAP_UNITS + 1):
                if step[a, b, u] + step[b, a, u] < 0:
                    tap[who[a, b, u]], tap[who[b, a, u]] = b, a
                    swapped = True
    return swapped


@kernel
def preorder(via: Ints, tail: Ints, head: Ints, keep: Flags, root: int) -> tuple[Ints, Ints]:
    """Return the kept nodes below `root`, parents first and subtrees together, and the size of each one's subtree."""
    first = np.full(len(via), -1)
    after = np.full(len(via), -1)
    for v in range(len(via) - 1, -1, -1):
        if keep[v] and via[v] >= 0:
            u = tail[via[v]] + head[via[v]] - v
            after[v] = first[u]
            first[u] = v
    order = np.empty(keep.sum(), np.int64)
    place = np.full(len(via), -1)
    stack = [np.int64(root)]
    n = 0
    while stack:
        top = stack.pop()
        order[n], place[top] = top, n
        n += 1
        w = first[top]
        while w >= 0:
            stack.append(w)
            w = after[w]
    size = np.ones(n, np.int64)
    for i in range(n - 1, 0, -1):
        v = order[i]
        size[place[tail[via[v]] + head[via[v]] - v]] += size[i]
    return order[:n], size
