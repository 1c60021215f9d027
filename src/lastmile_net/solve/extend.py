"""What it takes to serve one customer more: the cheapest and the shortest way from taps over what is built."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lastmile_net.solve.compile import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

FAR = np.int64(1) << 60
"""Weight of a way that is not there."""


class Web(NamedTuple):
    """Adjacency: `node[start[v]:start[v + 1]]` are the neighbours of v, over the edges `edge[...]`."""

    start: Ints
    node: Ints
    edge: Ints


class Ways(NamedTuple):
    """
    The best way to each node.

    Parameters
    ----------
    weight
        int64 (n,). Sum of weights, the source's own included; `FAR` where no way leads.
    along
        int64 (n,). Sum of the other measure along that way, the source's own not included.
    via
        int64 (n,). Edge by which the node is reached; -1 at sources and where no way leads.
    origin
        int64 (n,). Position of the source; -1 where no way leads.
    """

    weight: Ints
    along: Ints
    via: Ints
    origin: Ints


def make_web(nodes: int, tail: Ints, head: Ints, usable: NDArray[np.bool_]) -> Web:
    """Return the neighbours of each node over the usable edges, both ways; loops are left out."""
    edge = np.flatnonzero(usable & (tail != head))
    ends = np.r_[tail[edge], head[edge]]
    order = np.argsort(ends, kind="stable")
    start = np.zeros(nodes + 1, np.int64)
    np.cumsum(np.bincount(ends, minlength=nodes), out=start[1:])
    others = np.r_[head[edge], tail[edge]][order].astype(np.int64)
    return Web(start, others, np.r_[edge, edge][order].astype(np.int64))


@kernel
def best_ways(web: Web, weight: Ints, other: Ints, source: Ints, ahead: Ints) -> Ways:
    """
    Find the way of least weight from any source to each node.

    Parameters
    ----------
    web
        The graph.
    weight, other
        int64 (m,). What is minimised, and what is only summed up along the way.
    source
        int64 (s,). Nodes to start from; of equal ways the one from the first source counts.
    ahead
        int64 (s,). Weight that each source starts with.

    Returns
    -------
    ways
        One entry per node.

    Notes
    -----
    Dijkstra's algorithm, O(m log n).
    """
    start, node, edge = web
    nodes = len(start) - 1
    best, along = np.full(nodes, FAR), np.zeros(nodes, np.int64)
    via, origin = np.full(nodes, -1), np.full(nodes, -1)
    heap = [(np.int64(0), np.int64(0))]
    heap.clear()
    for s in range(len(source)):
        v = source[s]
        if ahead[s] < best[v]:
            best[v], origin[v] = ahead[s], s
            heapq.heappush(heap, (ahead[s], v))
    while heap:
        far, v = heapq.heappop(heap)
        if far > best[v]:
            continue
        for k in range(start[v], start[v + 1]):
            e, w = edge[k], node[k]
            there = far + weight[e]
            if there < best[w]:
                best[w], along[w] = there, along[v] + other[e]
                via[w], origin[w] = e, origin[v]
                heapq.heappush(heap, (there, w))
    return Ways(best, along, via, origin)


@kernel
def least_along(ways: Ways, tail: Ints, head: Ints, value: Ints, node: Ints) -> tuple[Ints, Ints]:
    """Return the least value of an edge on the way to each of the nodes, and that edge; `FAR` and -1 at sources."""
    least, which = np.full(len(node), FAR), np.full(len(node), -1)
    for k in range(len(node)):
        v = node[k]
        while ways.via[v] >= 0:
            e = ways.via[v]
            if value[e] < least[k]:
                least[k], which[k] = value[e], e
            v = tail[e] + head[e] - v
    return least, which


@kernel
def names_along(ways: Ways, tail: Ints, head: Ints, name: Ints, node: Ints, names: int) -> NDArray[np.bool_]:
    """Return which names the edges on the way to each of the nodes bear, (k, names)."""
    found = np.zeros((len(node), names), np.bool_)
    for k in range(len(node)):
        v = node[k]
        while ways.via[v] >= 0:
            e = ways.via[v]
            found[k, name[e]] = True
            v = tail[e] + head[e] - v
    return found


@kernel
def count_along(ways: Ways, tail: Ints, head: Ints, node: Ints) -> Ints:
    """Return how many of the nodes' ways lead over each edge, (m,)."""
    count = np.zeros(len(tail), np.int64)
    for k in range(len(node)):
        v = node[k]
        while ways.via[v] >= 0:
            e = ways.via[v]
            count[e] += 1
            v = tail[e] + head[e] - v
    return count
