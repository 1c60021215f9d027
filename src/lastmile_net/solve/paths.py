"""Shortest ways on the solver's graph, by one heap that ties break by node number."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.solve.compile import inner_kernel, kernel
from lastmile_net.solve.graph import FAR, LEAF

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.solve.graph import Graph

    Ints = NDArray[np.int64]
    Shorts = NDArray[np.int32]


@inner_kernel
def heap_up(heap: Shorts, place: Shorts, key: Ints, size: int, v: int) -> int:
    """Put node v into a binary heap by `key`, or lift it after its key fell; return the heap's size."""
    i = place[v]
    if i < 0:
        i = size
        size += 1
    k = key[v]
    while i > 0:
        p = (i - 1) >> 1
        u = heap[p]
        if key[u] < k or (key[u] == k and u < v):
            break
        heap[i] = u
        place[u] = i
        i = p
    heap[i] = v
    place[v] = i
    return size


@inner_kernel
def heap_pop(heap: Shorts, place: Shorts, key: Ints, size: int) -> int:
    """Take the first node out of a heap of `size` nodes and return it; the caller lowers the size."""
    top = int(heap[0])
    place[top] = -1
    size -= 1
    if size == 0:
        return top
    v = heap[size]
    k = key[v]
    i = 0
    while True:
        c = 2 * i + 1
        if c >= size:
            break
        u = heap[c]
        if c + 1 < size:
            w = heap[c + 1]
            if key[w] < key[u] or (key[w] == key[u] and w < u):
                c += 1
                u = w
        if k < key[u] or (k == key[u] and v < u):
            break
        heap[i] = u
        place[u] = i
        i = c
    heap[i] = v
    place[v] = i
    return top


@kernel
def spread(graph: Graph, length: Ints, source: Shorts) -> tuple[Ints, Shorts, Shorts]:
    """
    Find each node's nearest source and the way to it.

    Parameters
    ----------
    graph
        Leaves are reached, never passed, except that a source may be one.
    length
        Length of each edge.
    source
        Nodes at distance 0.

    Returns
    -------
    far, via, base
        Distance of each node (FAR where there is no way), the arc that enters it on the way (-1 at
        sources), and its source (-1 where there is none).
    """
    nodes = len(graph.kind)
    far = np.full(nodes, FAR)
    via = np.full(nodes, -1, np.int32)
    base = np.full(nodes, -1, np.int32)
    heap = np.empty(nodes, np.int32)
    place = np.full(nodes, -1, np.int32)
    size = 0
    for v in source:
        far[v] = 0
        base[v] = v
        size = heap_up(heap, place, far, size, v)
    while size > 0:
        v = heap_pop(heap, place, far, size)
        size -= 1
        if graph.kind[v] == LEAF and via[v] >= 0:
            continue
        for i in range(graph.start[v], graph.start[v + 1]):
            u = graph.nbr[i]
            d = far[v] + length[graph.arc[i] >> 1]
            if d < far[u]:
                far[u] = d
                via[u] = graph.arc[i]
                base[u] = base[v]
                size = heap_up(heap, place, far, size, u)
    return far, via, base
