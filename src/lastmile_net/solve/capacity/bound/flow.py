"""How many homes the cables through each trench can serve at most, where streets hang on one trench alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lastmile_net.solve.compile import inner_kernel, kernel
from lastmile_net.solve.graph import LEAF

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.solve.capacity.bound.cuts import Need
    from lastmile_net.solve.graph import Graph

    Ints = NDArray[np.int64]


class Walk(NamedTuple):
    """
    A walk through all streets, depth first.

    `order` lists the nodes; `entered` is the turn of each one, `above` the arc that it was entered by (-1: none), `low`
    the first turn that can be reached from below it by one arc more, `top` the first node of its part of town.
    """

    order: Ints
    entered: Ints
    above: Ints
    low: Ints
    top: Ints


@kernel
def most_flow(graph: Graph, need: Need, most: int) -> Ints:
    """
    Return the most homes that can be served through each arc.

    Parameters
    ----------
    graph
        Streets with every tap a node of its own; node 0 feeds the taps.
    need
        Homes and ports of each node.
    most
        No plan serves more homes through streets.

    Returns
    -------
    flow
        int64 (2m,). Into a tap from node 0 its ports, into a leaf its homes. Through a bridge (Tarjan 1974) not more
        than the homes that can be reached behind it, nor than the ports before it.
    """
    flow = np.full(len(graph.end), most, np.int64)
    for a in range(len(flow)):
        tail, head = graph.end[a ^ 1], graph.end[a]
        if tail == 0:
            flow[a] = need.ports[head]
        elif graph.kind[head] == LEAF:
            flow[a] = need.homes[head]
    walk = _walk(graph)
    homes, ports = _sums(graph, need, walk)
    for v in walk.order:
        a = walk.above[v]
        if a >= 0 and walk.low[v] > walk.entered[graph.end[a ^ 1]]:
            flow[a] = min(most, homes[v], ports[walk.top[v]] - ports[v])
            flow[a ^ 1] = min(most, ports[v])
    return flow


@inner_kernel
def _walk(graph: Graph) -> Walk:
    """Walk through all streets; not through node 0, and not into leaves."""
    nodes = len(graph.kind)
    walk = Walk(
        np.empty(nodes, np.int64),
        np.full(nodes, -1, np.int64),
        np.full(nodes, -1, np.int64),
        np.zeros(nodes, np.int64),
        np.full(nodes, -1, np.int64),
    )
    place, count = graph.start[:-1].astype(np.int64), 0
    for top in range(1, nodes):
        if graph.kind[top] == LEAF or walk.entered[top] >= 0:
            continue
        v, a = np.int64(top), np.int64(-1)
        while v >= 0:
            if walk.entered[v] < 0:
                walk.entered[v] = walk.low[v] = count
                walk.above[v], walk.top[v], walk.order[count] = a, top, v
                count += 1
            if place[v] < graph.start[v + 1]:
                u, a = np.int64(graph.nbr[place[v]]), np.int64(graph.arc[place[v]])
                place[v] += 1
                if u == 0 or graph.kind[u] == LEAF or (walk.above[v] >= 0 and a == walk.above[v] ^ 1):
                    continue
                if walk.entered[u] >= 0:
                    walk.low[v] = min(walk.low[v], walk.entered[u])
                else:
                    v = u
            elif walk.above[v] >= 0:
                u = np.int64(graph.end[walk.above[v] ^ 1])
                walk.low[u] = min(walk.low[u], walk.low[v])
                v = u
            else:
                v = np.int64(-1)
    return Walk(walk.order[:count], walk.entered, walk.above, walk.low, walk.top)


@inner_kernel
def _sums(graph: Graph, need: Need, walk: Walk) -> tuple[Ints, Ints]:
    """Return homes and ports at and below each node of the walk; a leaf counts once wherever it can be entered."""
    nodes = len(graph.kind)
    homes, ports, seen = need.homes.copy(), need.ports.copy(), np.full(nodes, -1, np.int64)
    for i in range(len(walk.order) - 1, -1, -1):
        v = walk.order[i]
        if walk.above[v] >= 0:
            u = graph.end[walk.above[v] ^ 1]
            homes[u] += homes[v]
            ports[u] += ports[v]
    for leaf in range(nodes):
        if graph.kind[leaf] != LEAF:
            continue
        for i in range(graph.start[leaf], graph.start[leaf + 1]):
            v = np.int64(graph.nbr[i])
            while seen[v] != leaf:
                seen[v] = leaf
                homes[v] += need.homes[leaf]
                if walk.above[v] >= 0:
                    v = np.int64(graph.end[walk.above[v] ^ 1])
    return homes, ports
