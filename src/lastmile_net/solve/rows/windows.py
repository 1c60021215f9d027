"""
Row generation on a graph too large for one linear programme: window by window.

A window is a stretch of streets that hang together, without the root, and the customers that the best tree serves
there. What lies outside counts as tied to the root already, so each window is a problem of its own, and each arc
belongs to the window it leads into: the bounds of all windows add up, and what they leave can be charged further.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.solve.compile import kernel
from lastmile_net.solve.graph import LEAF, PLAIN, TERMINAL, Graph, make_graph
from lastmile_net.solve.rows.generate import Generation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.solve.clock import Clock

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Shorts = NDArray[np.int32]
    Flags = NDArray[np.bool_]

MOST_STEPS = 6
"""So often the programme of a window is solved at most."""
WORTH = 1e-4
"""A step that raises a window's bound by less than this part of it is the last."""


@dataclass(frozen=True, eq=False)
class Window:
    """
    One window as a graph of its own.

    Parameters
    ----------
    graph
        Node 0 is all that lies outside, the root among it.
    arc
        int64. Arc of the whole graph for each of the window's.
    guide
        The best tree, as far as it lies here.
    rim
        Plain nodes with an edge to the outside.
    """

    graph: Graph
    arc: Ints
    guide: Shorts
    rim: Flags


@dataclass(frozen=True, eq=False)
class Charged:
    """The bound that a window proves, what is left of the costs of its arcs, and how much its solution uses them."""

    bound: int
    reduced: Ints
    use: Floats


def charge_all(graph: Graph, via: Shorts, edges: int, clock: Clock, workers: int) -> tuple[int, Ints, Floats]:
    """
    Generate rows in all windows of a graph.

    Parameters
    ----------
    graph, via, edges
        As in `cut_windows`.
    clock
        When to stop.
    workers
        Threads; the result does not depend on their number.

    Returns
    -------
    bound, reduced, use
        The sum of all windows' bounds, what it leaves of each arc's cost, and how much the solutions use each arc.
    """
    windows = cut_windows(graph, via, edges)
    reduced, use = np.repeat(graph.cost, 2), np.zeros(len(graph.end))

    def charge(number: int) -> Charged:
        return charge_window(windows[number], np.random.default_rng(number), clock)

    order = sorted(range(len(windows)), key=lambda number: -len(windows[number].arc))
    with ThreadPoolExecutor(workers) as pool:
        found = dict(zip(order, pool.map(charge, order), strict=True))
    for number, window in enumerate(windows):
        into = window.graph.end != 0
        reduced[window.arc[into]] = found[number].reduced[into]
        use[window.arc[into]] = found[number].use[into]
    return sum(charged.bound for charged in found.values()), reduced, use


def cut_windows(graph: Graph, via: Shorts, edges: int) -> list[Window]:
    """
    Cut a graph into windows.

    Parameters
    ----------
    graph
        The whole.
    via
        A tree that spans; it says where customers belong, and guides the cuts.
    edges
        About so many edges per window.
    """
    label = label_stretches(graph, via, edges)
    return [_window(graph, via, label == number) for number in range(int(label.max(initial=-1)) + 1)]


@kernel
def label_stretches(graph: Graph, via: Shorts, edges: int) -> Shorts:
    """Return the window of each node (-1 at the root): stretches grow breadth first, remnants join a neighbour."""
    nodes = len(via)
    label = np.full(nodes, -1, np.int32)
    queue = np.empty(nodes, np.int32)
    windows = 0
    for first in range(1, nodes):
        if label[first] >= 0 or graph.kind[first] == LEAF:
            continue
        label[first] = windows
        queue[0] = first
        count, done, size, beside = 1, 0, 0, -1
        while done < count:
            v = queue[done]
            done += 1
            size += graph.start[v + 1] - graph.start[v]
            for i in range(graph.start[v], graph.start[v + 1]):
                u = graph.nbr[i]
                if u == 0 or graph.kind[u] == LEAF:
                    continue
                if label[u] < 0 and size + count - done < 2 * edges:
                    label[u] = windows
                    queue[count] = u
                    count += 1
                elif 0 <= label[u] < windows:
                    beside = label[u]
        if size < edges // 2 and (beside >= 0 or windows > 0):
            for i in range(count):
                label[queue[i]] = beside if beside >= 0 else windows - 1
        else:
            windows += 1
    for v in range(1, nodes):
        if graph.kind[v] == LEAF:
            label[v] = max(label[graph.end[via[v] ^ 1]], 0)
    return label


def _window(graph: Graph, via: Shorts, inside: Flags) -> Window:
    node = np.zeros(len(inside), np.int64)
    node[inside] = 1 + np.arange(np.count_nonzero(inside))
    head, tail = graph.end[0::2], graph.end[1::2]
    edge = np.flatnonzero(inside[tail] | inside[head])
    kind = np.concatenate([np.full(1, TERMINAL, np.int8), graph.kind[inside]])
    small = make_graph(kind, node[tail[edge]], node[head[edge]], graph.cost[edge])
    arc = np.repeat(2 * edge, 2)
    arc[1::2] += 1
    place = np.full(len(graph.end), -1, np.int32)
    place[arc] = np.arange(len(arc))
    guide = np.full(len(kind), -1, np.int32)
    parent = via[inside]
    guide[1:] = np.where(parent >= 0, place[parent], -1)
    outward = inside[graph.end[arc ^ 1]] & ~inside[graph.end[arc]] & (graph.end[arc] != 0)
    rim = np.zeros(len(kind), bool)
    rim[node[graph.end[arc ^ 1][outward]]] = True
    return Window(small, arc, guide, rim & (kind == PLAIN))


def charge_window(window: Window, rng: np.random.Generator, clock: Clock) -> Charged:
    """Generate rows in a window until little is gained, and return what that proves (nothing, if time runs out)."""
    cost = np.repeat(window.graph.cost, 2)
    rows = Generation(window.graph, cost, window.guide, rng, clock, rim=window.rim)
    found = Charged(0, cost, np.zeros(len(cost)))
    for _ in range(MOST_STEPS):
        step = None if clock.over() else rows.step()
        if step is None:
            break
        gain = step.bound - found.bound
        if gain > 0:
            found = Charged(step.bound, step.reduced, rows.model.use.copy())
        if step.added == 0 or gain < WORTH * step.bound:
            break
    return found
