"""A tree laid out: its nodes in order, its key vertices and key paths, and where two of its nodes meet."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lastmile_net.solve.compile import inner_kernel, kernel
from lastmile_net.solve.graph import PLAIN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.solve.graph import Graph

    Shorts = NDArray[np.int32]


class Tree(NamedTuple):
    """A tree's nodes in order (parents first), each node's place in it, the size of its branch, and its key paths."""

    via: Shorts
    order: Shorts
    pre: Shorts
    size: Shorts
    upper: Shorts
    below: Shorts
    beside: Shorts


@inner_kernel
def is_key(graph: Graph, kids: Shorts, v: int) -> bool:
    """Say whether a tree node is the root, a terminal, or has two or more children."""
    return v == 0 or graph.kind[v] != PLAIN or kids[v] >= 2


@inner_kernel
def lay_out(graph: Graph, via: Shorts) -> Tree:
    """Order a tree's nodes and find its key paths."""
    nodes = len(via)
    first = np.full(nodes, -1, np.int32)
    after = np.full(nodes, -1, np.int32)
    kids = np.zeros(nodes, np.int32)
    for v in range(nodes - 1, -1, -1):
        if via[v] >= 0:
            p = graph.end[via[v] ^ 1]
            after[v] = first[p]
            first[p] = v
            kids[p] += 1
    order = np.empty(nodes, np.int32)
    pre = np.full(nodes, -1, np.int32)
    stack = np.empty(nodes, np.int32)
    stack[0] = 0
    waiting, count = 1, 0
    while waiting > 0:
        waiting -= 1
        v = stack[waiting]
        pre[v] = count
        order[count] = v
        count += 1
        u = first[v]
        while u >= 0:
            stack[waiting] = u
            waiting += 1
            u = after[u]
    order = order[:count].copy()
    size = np.zeros(nodes, np.int32)
    upper = np.full(nodes, -1, np.int32)
    below = np.full(nodes, -1, np.int32)
    beside = np.full(nodes, -1, np.int32)
    for i in range(count - 1, -1, -1):
        v = order[i]
        size[v] += 1
        if i > 0:
            size[graph.end[via[v] ^ 1]] += size[v]
        if i > 0 and is_key(graph, kids, v):
            u = v
            w = graph.end[via[v] ^ 1]
            while not is_key(graph, kids, w):
                u = w
                w = graph.end[via[w] ^ 1]
            upper[v] = u
            beside[v] = below[w]
            below[w] = v
    return Tree(via, order, pre, size, upper, below, beside)


@inner_kernel
def heavy_chains(graph: Graph, tree: Tree) -> Shorts:
    """Return the upper end of the chain of largest branches that each tree node lies on."""
    chain = np.full(len(tree.via), -1, np.int32)
    chain[0] = 0
    heavy = np.full(len(tree.via), -1, np.int32)
    for v in tree.order[1:]:
        p = graph.end[tree.via[v] ^ 1]
        if heavy[p] < 0 or tree.size[v] > tree.size[heavy[p]]:
            heavy[p] = v
    for v in tree.order[1:]:
        p = graph.end[tree.via[v] ^ 1]
        chain[v] = chain[p] if heavy[p] == v else v
    return chain


@kernel
def meet(graph: Graph, tree: Tree, chain: Shorts, a: int, b: int) -> int:
    """Return the lowest common ancestor of two tree nodes."""
    while chain[a] != chain[b]:
        if tree.pre[chain[a]] > tree.pre[chain[b]]:
            a = int(graph.end[tree.via[chain[a]] ^ 1])
        else:
            b = int(graph.end[tree.via[chain[b]] ^ 1])
    return a if tree.pre[a] < tree.pre[b] else b


@inner_kernel
def within(tree: Tree, v: int, top: int) -> bool:
    """Say whether tree node v lies in the branch of `top`."""
    return bool(tree.pre[top] <= tree.pre[v] < tree.pre[top] + tree.size[top])
