"""
Proofs within ports for towns too large for one programme: window by window.

A window is the part of town around some taps. What lies outside is one tap more, with ports for
everybody, at the window's rim. Each arc belongs to the window it leads into; what any plan digs within a window serves
its customers there, so the bounds of all windows add up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.solve.capacity.cuts import Need
from lastmile_net.solve.graph import FAR, PLAIN, TERMINAL, make_graph
from lastmile_net.solve.paths import spread

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.solve.graph import Graph

    Ints = NDArray[np.int64]
    Flags = NDArray[np.bool_]

ALONG = 8
"""The way along the best forest counts by so much less where the town is shared out among its taps."""


@dataclass(frozen=True, eq=False)
class Window:
    """
    One window as streets of their own.

    Parameters
    ----------
    graph, need
        Node 0 feeds the taps, node 1 is all that lies outside.
    built
        bool (m,). The best forest, as far as it leads into the window.
    """

    graph: Graph
    need: Need
    built: Flags

    @property
    def cost(self) -> int:
        """What the forest costs here."""
        return int(self.graph.cost[self.built].sum())


def cut_windows(graph: Graph, need: Need, built: Flags, edges: int) -> list[Window]:
    """
    Cut streets into windows.

    Parameters
    ----------
    graph, need
        The whole; node 0 feeds the taps.
    built
        bool (m,). The best forest.
    edges
        About so many edges per window, at least.
    """
    head, tail = graph.end[0::2].astype(np.int64), graph.end[1::2].astype(np.int64)
    feeds = (tail == 0) | (head == 0)
    length = np.where(feeds, FAR >> 2, np.where(built, graph.cost // ALONG, graph.cost))
    taps = np.flatnonzero(need.ports > 0).astype(np.int32)
    _, _, base = spread(graph, length, taps)
    place = np.full(len(graph.kind), -1)
    place[taps] = np.arange(len(taps))
    part = np.where(base >= 0, place[base], 0)
    part[0] = -1
    number = _group(part[tail[~feeds]], part[head[~feeds]], len(taps), edges)
    label = np.where(part >= 0, number[part], -1)
    return [_window(graph, need, built, label == each) for each in range(int(number.max(initial=-1)) + 1)]


def _group(one: Ints, other: Ints, parts: int, edges: int) -> Ints:
    """Put parts that lie beside each other into windows; the ends of all edges are given by their parts."""
    beside = np.zeros((parts, parts), np.int64)
    np.add.at(beside, (one, other), 1)
    beside += beside.T
    size = np.diag(beside) // 2
    number = np.full(parts, -1)
    windows = 0
    while (number < 0).any():
        first = int(np.flatnonzero(number < 0)[0])
        number[first] = windows
        while size[number == windows].sum() < edges:
            near = np.where(number < 0, beside[number == windows].sum(axis=0), 0)
            if not near.any():
                break
            number[int(near.argmax())] = windows
        small = size[number == windows].sum() < edges // 2
        near = np.bincount(number[number >= 0], weights=beside[number == windows].sum(axis=0)[number >= 0])
        if small and windows and near[:windows].any():
            number[number == windows] = int(near[:windows].argmax())
        else:
            windows += 1
    return number


def _window(graph: Graph, need: Need, built: Flags, inside: Flags) -> Window:
    head, tail = graph.end[0::2].astype(np.int64), graph.end[1::2].astype(np.int64)
    node = np.ones(len(inside), np.int64)
    node[inside] = 2 + np.arange(np.count_nonzero(inside))
    node[0] = 0
    edge = np.flatnonzero(inside[tail] | inside[head])
    kind = np.concatenate([np.array([TERMINAL, PLAIN], np.int8), graph.kind[inside]])
    ends = np.concatenate([[0], node[tail[edge]]]), np.concatenate([[1], node[head[edge]]])
    small = make_graph(kind, *ends, np.concatenate([[0], graph.cost[edge]]))
    homes = np.concatenate([[0, 0], need.homes[inside]])
    ports = np.concatenate([[0, homes.sum()], need.ports[inside]])
    return Window(small, Need(homes, ports), np.concatenate([[False], built[edge]]))
