"""Compiled loops on what is built: ways from a tap, and the knapsack on the tree they form."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.solve.capacity.search.growth import FAR
from lastmile_net.solve.compile import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.solve.capacity.search.growth import Graph

    Ints = NDArray[np.int64]
    Shorts = NDArray[np.int32]
    Flags = NDArray[np.bool_]


WORTH = np.int64(1) << 40
"""Money that a customer who comes before all others is worth in the knapsack: more than any plan costs."""


@kernel
def within_built(graph: Graph, built: Flags, length: Ints, fibre: Ints, source: int) -> tuple[Ints, Ints, Shorts]:
    """
    Search from `source` through built edges only, by length.

    Returns for each node the length, the sum of `fibre` along it, and the edge it is reached by (-1 at the source);
    length and fibre are `FAR` where nothing built leads.
    """
    start, node, edge = graph
    best = np.full(len(start) - 1, FAR)
    paid = np.full(len(start) - 1, FAR)
    via = np.full(len(start) - 1, -1, np.int32)
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

    A leaf that is priced `WORTH` below its cost goes before any number of units of others.

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
    k = -1
    for j in range(room + 1):
        # units count as long as they cost none of those who go first
        if best[0, j] < FAR and (k < 0 or best[0, j] // WORTH <= best[0, k] // WORTH):
            k = j
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


@kernel
def preorder(via: Shorts, tail: Ints, head: Ints, keep: Flags, root: int) -> tuple[Ints, Ints]:
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


@kernel
def mark_ways(via: Shorts, tail: Ints, head: Ints, ends: Ints, root: int) -> Flags:
    """Return which nodes lie on the ways from the root to `ends`; the root always does."""
    marked = np.zeros(len(via), np.bool_)
    marked[root] = True
    for i in range(len(ends)):
        v = ends[i]
        while not marked[v]:
            marked[v] = True
            v = tail[via[v]] + head[via[v]] - v
    return marked


@kernel
def sum_along(via: Shorts, tail: Ints, head: Ints, order: Ints, price: Ints) -> Ints:
    """Return the sum of `price` on the way from the root to each node of a preorder; 0 for nodes not in it."""
    paid = np.zeros(len(via), np.int64)
    for i in range(1, len(order)):
        v = order[i]
        paid[v] = paid[tail[via[v]] + head[via[v]] - v] + price[via[v]]
    return paid


@kernel
def trace(via: Shorts, tail: Ints, head: Ints, ends: Ints, tap: Ints) -> tuple[Ints, Ints]:
    """Return, in rows, the edges from each one's tap to its end; an empty row where the tap is -1. `via` is (t, n)."""
    start = np.zeros(len(ends) + 1, np.int64)
    for c in range(len(ends)):
        v, hops = ends[c], 0
        while tap[c] >= 0 and via[tap[c], v] >= 0:
            e = via[tap[c], v]
            v = tail[e] + head[e] - v
            hops += 1
        start[c + 1] = start[c] + hops
    edges = np.empty(start[-1], np.int64)
    for c in range(len(ends)):
        v = ends[c]
        for i in range(start[c + 1] - 1, start[c] - 1, -1):
            e = via[tap[c], v]
            edges[i] = e
            v = tail[e] + head[e] - v
    return start, edges
