"""
Build a tree that ties every terminal to the root.

A tree is an int32 array `via`: the arc that enters each node from its parent, -1 at the root and at
nodes outside the tree.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.solve.compile import inner_kernel, kernel
from lastmile_net.solve.graph import FAR, LEAF, PLAIN
from lastmile_net.solve.paths import heap_pop, heap_up

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.solve.graph import Graph

    Ints = NDArray[np.int64]
    Shorts = NDArray[np.int32]
    Flags = NDArray[np.bool_]


@kernel
def grow(graph: Graph, length: Ints, first: int) -> Flags:
    """
    Choose nodes by the shortest-path heuristic, grown from `first` and the root.

    Parameters
    ----------
    graph
        The graph.
    length
        Length of each edge as the heuristic shall see it.
    first
        Node the tree starts at, not a leaf.

    Returns
    -------
    chosen
        Nodes of the tree, all terminals among them where they can be reached.

    Notes
    -----
    Takahashi & Matsuyama (1980) with one heap kept across insertions: at most twice the optimum
    for plain terminals.
    """
    nodes = len(graph.kind)
    far = np.full(nodes, FAR)
    via = np.full(nodes, -1, np.int32)
    chosen = np.zeros(nodes, np.bool_)
    heap = np.empty(nodes, np.int32)
    place = np.full(nodes, -1, np.int32)
    far[first] = 0
    chosen[first] = True
    size = heap_up(heap, place, far, 0, first)
    while size > 0:
        v = heap_pop(heap, place, far, size)
        size -= 1
        if graph.kind[v] != PLAIN and not chosen[v]:
            u = v
            while not chosen[u]:
                chosen[u] = True
                far[u] = 0
                if u != v and graph.kind[u] != LEAF:
                    size = heap_up(heap, place, far, size, u)
                u = graph.end[via[u] ^ 1]
        if graph.kind[v] == LEAF:
            continue
        for i in range(graph.start[v], graph.start[v + 1]):
            u = graph.nbr[i]
            d = far[v] + length[graph.arc[i] >> 1]
            if d < far[u] and not chosen[u]:
                far[u] = d
                via[u] = graph.arc[i]
                size = heap_up(heap, place, far, size, u)
    return chosen


@kernel
def span(graph: Graph, chosen: Flags) -> Shorts:
    """Return the cheapest tree over the chosen nodes that the root reaches, with useless ends cut off."""
    nodes = len(graph.kind)
    key = np.full(nodes, FAR)
    via = np.full(nodes, -1, np.int32)
    done = np.zeros(nodes, np.bool_)
    order = np.empty(nodes, np.int32)
    heap = np.empty(nodes, np.int32)
    place = np.full(nodes, -1, np.int32)
    key[0] = 0
    size = heap_up(heap, place, key, 0, 0)
    count = 0
    while size > 0:
        v = heap_pop(heap, place, key, size)
        size -= 1
        done[v] = True
        order[count] = v
        count += 1
        for i in range(graph.start[v], graph.start[v + 1]):
            u = graph.nbr[i]
            c = graph.cost[graph.arc[i] >> 1]
            if not chosen[u] or done[u] or c >= key[u]:
                continue
            key[u] = c
            via[u] = graph.arc[i]
            if graph.kind[u] != LEAF:
                size = heap_up(heap, place, key, size, u)
    prune(graph, via, order[:count])
    return via


@inner_kernel
def prune(graph: Graph, via: Shorts, order: Shorts) -> None:
    """Cut off, in place, the ends of a tree that serve no terminal; `order` has its street nodes, parents first."""
    children = np.zeros(len(via), np.int32)
    for v in range(len(via)):
        if via[v] >= 0:
            children[graph.end[via[v] ^ 1]] += 1
    for i in range(len(order) - 1, 0, -1):
        v = order[i]
        if children[v] == 0 and graph.kind[v] == PLAIN and via[v] >= 0:
            children[graph.end[via[v] ^ 1]] -= 1
            via[v] = -1


@kernel
def tree_cost(graph: Graph, via: Shorts) -> int:
    """Return the cost of a tree's edges."""
    total = 0
    for v in range(len(via)):
        if via[v] >= 0:
            total += int(graph.cost[via[v] >> 1])
    return total


@kernel
def spans(graph: Graph, via: Shorts) -> bool:
    """Say whether a tree is one: every terminal climbs to the root, through no leaf."""
    nodes = len(via)
    good = np.zeros(nodes, np.bool_)
    good[0] = True
    for t in range(nodes):
        if graph.kind[t] == PLAIN and via[t] < 0:
            continue
        v = t
        steps = 0
        while not good[v]:
            if via[v] < 0 or graph.end[via[v]] != v or steps > nodes:
                return False
            v = graph.end[via[v] ^ 1]
            if graph.kind[v] == LEAF:
                return False
            steps += 1
        v = t
        while not good[v]:
            good[v] = True
            v = graph.end[via[v] ^ 1]
    return True
