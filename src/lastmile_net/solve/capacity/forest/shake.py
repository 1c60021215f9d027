"""Make a forest cheaper that no single exchange of paths improves: shake it in one window after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from lastmile_net.solve.capacity.bound.cuts import Need
from lastmile_net.solve.capacity.forest.moves import gather_near, improve_forest, shake_forest
from lastmile_net.solve.graph import LEAF, PLAIN, TERMINAL, make_graph

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.solve.clock import Clock
    from lastmile_net.solve.graph import Graph

    Ints = NDArray[np.int64]
    Flags = NDArray[np.bool_]

WIDE = 600
"""Nodes of a window, customers not counted."""
SHAKES = 500
"""Steps in each window."""


@dataclass(frozen=True, eq=False)
class Pane:
    """
    A window of a graph in which a forest may change, as a graph of its own; what is built outside stays.

    Parameters
    ----------
    graph
        Node 0 is nothing. All that hangs together outside is one node, with all its homes and ports.
    need
        Homes and ports of each node.
    edge
        int64. Edge of the whole graph for each of the window's.
    """

    graph: Graph
    need: Need
    edge: Ints


def cut_pane(graph: Graph, need: Need, price: Ints, built: Flags, nodes: Ints) -> Pane:
    """
    Return the window of some nodes.

    Parameters
    ----------
    graph, need
        The whole; node 0 only feeds the taps.
    price
        Price of each edge.
    built
        bool (m,). A forest.
    nodes
        int64. Nodes of the window; customers with a drop from elsewhere are left out of it.
    """
    tail, head = graph.end[1::2].astype(np.int64), graph.end[0::2].astype(np.int64)
    within = np.zeros(len(graph.kind), bool)
    within[nodes] = True
    within[0] = False
    leaf = graph.kind == LEAF
    within[head[leaf[head] & ~within[tail]]] = False
    within[tail[leaf[tail] & ~within[head]]] = False
    edge = np.flatnonzero(within[tail] & within[head])
    fixed = built.copy()
    fixed[edge] = False
    fixed &= (tail != 0) & (head != 0)
    size = len(graph.kind)
    hangs = coo_array((np.ones(fixed.sum(), np.int8), (tail[fixed], head[fixed])), shape=(size, size))
    _, part = connected_components(hangs, directed=False)
    parts = np.unique(part[within])
    number = np.zeros(part.max() + 1, np.int64)
    number[parts] = 1 + np.arange(len(parts))
    number = number[part]
    homes, ports = (
        np.bincount(number, weights=each, minlength=len(parts) + 1).astype(np.int64)
        for each in (need.homes, need.ports)
    )
    homes[0] = ports[0] = 0
    kind = np.where(homes > 0, TERMINAL, PLAIN).astype(np.int8)
    kind[number[np.flatnonzero(within & leaf)]] = LEAF
    edge = edge[number[tail[edge]] != number[head[edge]]]
    own = make_graph(kind, number[tail[edge]], number[head[edge]], price[edge])
    return Pane(own, Need(homes, ports), edge)


def shake(graph: Graph, need: Need, price: Ints, built: Flags, seed: list[int], windows: int, clock: Clock) -> int:
    """
    Shake a forest in windows drawn at random, and let it settle; changes `built`.

    Parameters
    ----------
    graph, need, price, built
        As in `improve_forest`.
    seed
        Where chance comes from.
    windows
        How many.
    clock
        When to stop.

    Returns
    -------
    gain
        By how much it is cheaper now.
    """
    rng = np.random.default_rng(seed)
    size = len(graph.kind)
    near, seen = np.empty(size, np.int64), np.full(size, -1)
    within = np.unique(graph.end.reshape(-1, 2)[built])
    if len(within) == 0:
        return 0
    before = int(price[built].sum())
    for turn, first in enumerate(rng.choice(within, windows).tolist()):
        if clock.over():
            break
        count = gather_near(graph, near, seen, first, WIDE, turn)
        pane = cut_pane(graph, need, price, built, near[:count])
        mine = built[pane.edge]
        shake_forest(pane.graph, pane.need, pane.graph.cost, mine, rng.integers(1 << 62, size=1), SHAKES)
        built[pane.edge] = mine
    improve_forest(graph, need, price, built)
    return before - int(price[built].sum())
