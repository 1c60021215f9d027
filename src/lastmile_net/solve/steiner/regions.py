"""Regions around the nodes of a tree, the borders between them, and how both are mended where part of the tree goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lastmile_net.solve.compile import inner_kernel
from lastmile_net.solve.graph import FAR, LEAF
from lastmile_net.solve.paths import heap_pop, heap_up, spread
from lastmile_net.solve.steiner.layout import heavy_chains, meet, within
from lastmile_net.solve.steiner.mergeable import drop_first, meld

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.solve.graph import Graph
    from lastmile_net.solve.steiner.layout import Tree

    Ints = NDArray[np.int64]
    Shorts = NDArray[np.int32]


class Regions(NamedTuple):
    """Each node's nearest tree node, the way there, all nodes by that tree node, and a heap to mend them with."""

    far: Ints
    via: Shorts
    base: Shorts
    start: Shorts
    node: Shorts
    heap: Shorts
    place: Shorts


class Borders(NamedTuple):
    """Ways between tree nodes, one for each edge where two regions meet, in heaps and by where they part."""

    key: Ints
    child: Shorts
    sibling: Shorts
    top: Shorts
    parting: Shorts
    next: Shorts


@inner_kernel
def lay_regions(graph: Graph, tree: Tree) -> Regions:
    """Give each street node to its nearest street node of the tree."""
    nodes = len(graph.kind)
    source = tree.order[graph.kind[tree.order] != LEAF]
    far, via, base = spread(graph, graph.cost, source)
    start = np.zeros(nodes + 1, np.int32)
    for v in range(nodes):
        if graph.kind[v] != LEAF and base[v] >= 0:
            start[base[v] + 1] += 1
    for v in range(nodes):
        start[v + 1] += start[v]
    fill = start[:-1].copy()
    node = np.empty(start[-1], np.int32)
    for v in range(nodes):
        if graph.kind[v] != LEAF and base[v] >= 0:
            node[fill[base[v]]] = v
            fill[base[v]] += 1
    return Regions(far, via, base, start, node, np.empty(nodes, np.int32), np.full(nodes, -1, np.int32))


@inner_kernel
def lay_borders(graph: Graph, tree: Tree, regions: Regions) -> Borders:
    """Collect the ways between tree nodes where their regions meet."""
    nodes, edges = len(graph.kind), len(graph.cost)
    key = np.full(edges, FAR)
    child = np.full(2 * edges, -1, np.int32)
    sibling = np.full(2 * edges, -1, np.int32)
    top = np.full(nodes, -1, np.int32)
    parting = np.full(nodes, -1, np.int32)
    after = np.full(edges, -1, np.int32)
    chain = heavy_chains(graph, tree)
    for e in range(edges - 1, -1, -1):
        u, v = graph.end[2 * e + 1], graph.end[2 * e]
        a, b = regions.base[u], regions.base[v]
        if a == b or a < 0 or b < 0 or graph.kind[u] == LEAF or graph.kind[v] == LEAF:
            continue
        if tree.via[u] >> 1 == e or tree.via[v] >> 1 == e:
            continue
        key[e] = regions.far[u] + graph.cost[e] + regions.far[v]
        top[a] = meld(key, child, sibling, top[a], 2 * e)
        top[b] = meld(key, child, sibling, top[b], 2 * e + 1)
        w = meet(graph, tree, chain, a, b)
        if w not in (a, b):
            after[e] = parting[w]
            parting[w] = e
    return Borders(key, child, sibling, top, parting, after)


@inner_kernel
def best_border(tree: Tree, regions: Regions, borders: Borders, graph: Graph, k: int, top: int) -> int:
    """Return the cheapest way out of the branch of `top` that starts below k (item, -1: none)."""
    item = int(borders.top[k])
    while item >= 0:
        other = regions.base[graph.end[item]]
        if not within(tree, other, top):
            break
        item = drop_first(borders.key, borders.child, borders.sibling, item)
    borders.top[k] = item
    return item


@inner_kernel
def merge_up(graph: Graph, tree: Tree, borders: Borders, k: int, v: int) -> None:
    """Melt the heaps of the branch of k, and of the key path above it, into that of v."""
    borders.top[v] = meld(borders.key, borders.child, borders.sibling, borders.top[v], borders.top[k])
    u = k
    while u != tree.upper[k]:
        u = graph.end[tree.via[u] ^ 1]
        borders.top[v] = meld(borders.key, borders.child, borders.sibling, borders.top[v], borders.top[u])


@inner_kernel
def mend(graph: Graph, regions: Regions, gone: Shorts, limit: int, kept: Ints, kept_via: Shorts) -> Shorts:
    """
    Give the regions of nodes that go to the tree nodes that stay, as far as `limit` reaches.

    Returns the nodes concerned; `kept` and `kept_via` take what was there before, for `restore`.
    """
    count = 0
    for w in gone:
        count += regions.start[w + 1] - regions.start[w]
    lost = np.empty(count, np.int32)
    count = 0
    for w in gone:
        for i in range(regions.start[w], regions.start[w + 1]):
            lost[count] = regions.node[i]
            count += 1
    for i in range(count):
        v = lost[i]
        kept[i] = regions.far[v]
        kept_via[2 * i] = regions.via[v]
        kept_via[2 * i + 1] = regions.base[v]
        regions.far[v] = FAR
        regions.base[v] = -1
        regions.via[v] = -1
    size = 0
    for v in lost:
        for i in range(graph.start[v], graph.start[v + 1]):
            u = graph.nbr[i]
            if graph.kind[u] != LEAF and regions.base[u] >= 0:
                size = reach(graph, regions, int(u), int(v), int(graph.arc[i]) ^ 1, limit, size)
    while size > 0:
        v = heap_pop(regions.heap, regions.place, regions.far, size)
        size -= 1
        for i in range(graph.start[v], graph.start[v + 1]):
            u = graph.nbr[i]
            if graph.kind[u] != LEAF:
                size = reach(graph, regions, v, u, graph.arc[i], limit, size)
    return lost


@inner_kernel
def reach(graph: Graph, regions: Regions, u: int, v: int, a: int, limit: int, size: int) -> int:
    """Offer node v the way over u by arc a, if that is shorter and no longer than `limit`; return the heap's size."""
    d = regions.far[u] + graph.cost[a >> 1]
    if d >= regions.far[v] or d > limit:
        return size
    regions.far[v] = d
    regions.via[v] = a
    regions.base[v] = regions.base[u]
    return heap_up(regions.heap, regions.place, regions.far, size, v)


@inner_kernel
def restore(regions: Regions, lost: Shorts, kept: Ints, kept_via: Shorts) -> None:
    """Undo `mend`."""
    for i in range(len(lost)):
        v = lost[i]
        regions.far[v] = kept[i]
        regions.via[v] = kept_via[2 * i]
        regions.base[v] = kept_via[2 * i + 1]
