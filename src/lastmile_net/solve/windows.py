"""
Cut a graph that is too large for one piece of work into windows.

A window is a stretch of streets that hang together, without the root, and the customers that the best tree serves
there. What lies outside counts as tied to the root already, so each window is a problem of its own, and each arc
belongs to the window it leads into: the bounds of all windows add up, and what they leave can be charged further.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.solve.compile import kernel
from lastmile_net.solve.graph import LEAF, PLAIN, TERMINAL, Graph, make_graph

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Shorts = NDArray[np.int32]
    Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Window:
    """
    One window as a graph of its own.

    Parameters
    ----------
    graph
        Node 0 is all that lies outside, the root among it.
    node
        int64. Node of the whole graph for each of the window's but the first.
    arc
        int64. Arc of the whole graph for each of the window's.
    guide
        The best tree, as far as it lies here.
    rim
        Plain nodes with an edge to the outside.
    """

    graph: Graph
    node: Ints
    arc: Ints
    guide: Shorts
    rim: Flags


def cut_windows(graph: Graph, via: Shorts, edges: int) -> tuple[list[Window], Shorts]:
    """
    Cut a graph into windows; return them, and the number of each node's window (-1 at the root).

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
    windows = int(label.max(initial=-1)) + 1
    head, tail = label[graph.end[0::2]], label[graph.end[1::2]]
    inner = np.flatnonzero(tail >= 0)
    crossing = np.flatnonzero((head >= 0) & (head != tail))
    nodes = _rows(np.flatnonzero(label >= 0), label[label >= 0], windows)
    edge = _rows(np.concatenate([inner, crossing]), np.concatenate([tail[inner], head[crossing]]), windows)
    place = np.zeros(len(label), np.int64)
    found = []
    for node, mine in zip(nodes, edge, strict=True):
        place[node] = 1 + np.arange(len(node))
        found.append(_window(graph, via, node, np.sort(mine), place))
        place[node] = 0
    return found, label


def rows_by_window(
    graph: Graph, start: Ints, arc: Ints | Shorts, label: Shorts, windows: int, *, node: Shorts | None = None
) -> list[Ints]:
    """
    Sort rows by the window into which all their arcs lead.

    Parameters
    ----------
    graph
        The whole graph.
    start, arc
        The arcs of each row, in CSR form; no row is empty.
    label, windows
        Window of each node, and their number.
    node
        A node of each row that must lie in the same window, too.

    Returns
    -------
    rows
        Numbers of the rows that lie in several windows, or in none; then of those in each window.
    """
    home = np.full(len(start) - 1, -1)
    if len(home):
        into = label[graph.end[arc]].astype(np.int64)
        lowest, highest = (each.reduceat(into, start[:-1]) for each in (np.minimum, np.maximum))
        here = lowest == (highest if node is None else np.where(label[node] == highest, highest, -2))
        home[here] = lowest[here]
    return _rows(np.arange(len(home)), home + 1, windows + 1)


def _rows(values: Ints, row: Ints | Shorts, rows: int) -> list[Ints]:
    """Return the values of each row."""
    order = np.argsort(row, kind="stable")
    return np.split(values[order], np.searchsorted(row[order], np.arange(1, rows)))


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


def _window(graph: Graph, via: Shorts, node: Ints, edge: Ints, place: Ints) -> Window:
    """Make a window of some nodes and the edges that touch them; `place` holds their numbers in it, and 0 elsewhere."""
    kind = np.concatenate([np.full(1, TERMINAL, np.int8), graph.kind[node]])
    tail, head = place[graph.end[2 * edge + 1]], place[graph.end[2 * edge]]
    small = make_graph(kind, tail, head, graph.cost[edge])
    arc = np.repeat(2 * edge, 2)
    arc[1::2] += 1
    parent = via[node].astype(np.int64)
    at = np.searchsorted(edge, parent >> 1)
    guide = np.full(len(kind), -1, np.int32)
    guide[1:] = np.where(parent >= 0, 2 * at + (parent & 1), -1)
    outward = (small.end == 0) & (graph.end[arc] != 0)
    rim = np.zeros(len(kind), bool)
    rim[small.end[np.flatnonzero(outward) ^ 1]] = True
    return Window(small, node, arc, guide, rim & (kind == PLAIN))
