"""
Raise the bound of streets too large for one linear programme: window by window.

Each arc belongs to the window it leads into, and each window has a programme of its own over its arcs: what the charges
have left of their prices, and the charges that lie in it. The rows of all programmes hold for every plan, so their
bounds add up.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.solve.capacity.bound.cuts import Need
from lastmile_net.solve.capacity.bound.rows import PortRows
from lastmile_net.solve.graph import LEAF, TERMINAL, make_graph
from lastmile_net.solve.recharge import by_window
from lastmile_net.solve.rows.priced import PricedRows
from lastmile_net.solve.windows import label_stretches

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.solve.bound import Record
    from lastmile_net.solve.capacity.bound.recharge import GroundCharges
    from lastmile_net.solve.clock import Clock
    from lastmile_net.solve.graph import Graph

    Ints = NDArray[np.int64]
    Shorts = NDArray[np.int32]


EDGES = 9_000
"""About so many edges per window."""
WORKERS = 2
"""Threads."""


@dataclass(frozen=True, eq=False)
class PortWindow:
    """
    A window as a graph of its own.

    Parameters
    ----------
    graph, need, back
        Node 0 feeds the taps, node 1 is all that lies outside: it has ports for everybody, and homes for all ports.
        So has node 2 where customers may be left out: it is the tap for that.
    arc
        int64. Arc of the whole graph for each of the window's; -1 for those that belong to another window or to none.
    """

    graph: Graph
    need: Need
    back: Need
    arc: Ints

    def left_of(self, reduced: Ints) -> Ints:
        """Return what charges leave of the window's arcs, by what they leave of each one of the whole graph."""
        return np.where(self.arc >= 0, reduced[self.arc], 0)

    def take_back(self, reduced: Ints, own: PricedRows) -> tuple[Ints, Record]:
        """
        Take back what a window's own rows have charged.

        Parameters
        ----------
        reduced
            int64. What all charges leave of each arc of the whole graph.
        own
            Rows of the whole graph all of whose arcs lead into the window.

        Returns
        -------
        cost, cuts
            What the window's arcs cost then, and the cuts among the rows, in its arcs. Arcs that leave a leaf elsewhere
            and lead into the window are not among these: no plan uses them.
        """
        mine = np.flatnonzero(self.arc >= 0)
        place = np.full(len(reduced), -1)
        place[self.arc[mine]] = mine
        own = own.renamed(place)
        cuts = own.cuts()
        return self.left_of(reduced) + own.charges(len(self.arc)), cuts._replace(
            owner=np.ones(len(cuts.owner), np.int32)
        )


def cut_port_window(graph: Graph, need: Need, label: Shorts, number: int, out: int = -1) -> PortWindow:
    """Return the window of the nodes with a label; node 0 has none, nor has `out`, the tap for whom is left out."""
    inside = label == number
    node = np.flatnonzero(inside)
    fed = np.arange(1, 2 if out < 0 else 3)
    place = np.ones(len(graph.kind), np.int64)
    place[0] = 0
    if out >= 0:
        place[out] = 2
    place[node] = 1 + len(fed) + np.arange(len(node))
    tail, head = graph.end[1::2].astype(np.int64), graph.end[0::2].astype(np.int64)
    leaf = (graph.kind == LEAF) & ~inside
    edge = np.flatnonzero((inside[tail] | inside[head]) & ~leaf[tail] & ~leaf[head])
    kind = np.concatenate([np.full(1 + len(fed), TERMINAL, np.int8), graph.kind[node]])
    ends = np.concatenate([0 * fed, place[tail[edge]]]), np.concatenate([fed, place[head[edge]]])
    small = make_graph(kind, *ends, np.concatenate([0 * fed, graph.cost[edge]]))
    arc = np.full(2 * (len(fed) + len(edge)), -1)
    arc[2 * len(fed) :: 2] = np.where(inside[head[edge]], 2 * edge, -1)
    arc[2 * len(fed) + 1 :: 2] = np.where(inside[tail[edge]], 2 * edge + 1, -1)
    homes, ports, none = need.homes[node], need.ports[node], np.zeros(1, np.int64)
    own = Need(np.concatenate([none, 0 * fed, homes]), np.concatenate([none, 0 * fed + homes.sum(), ports]))
    lacking = np.concatenate([none, 0 * fed + ports.sum(), homes])
    back = Need(np.concatenate([none, 0 * fed, ports]), lacking, need.turned().slack)
    return PortWindow(small, own, back, arc)


def charge_port_windows(graph: Graph, need: Need, via: Shorts, charged: GroundCharges, seed: int, clock: Clock) -> int:
    """
    Charge all windows of a graph by linear programmes, in two threads.

    Parameters
    ----------
    graph, need
        The whole.
    via
        A tree that spans; it says where customers belong.
    charged
        Charges so far.
    seed, clock
        Where chance comes from, and when to stop.

    Returns
    -------
    gain
        By how much the bound is higher than the sum of the charges.
    """
    label = label_stretches(graph, via, EDGES)
    label[0] = -1
    windows = [cut_port_window(graph, need, label, number) for number in range(int(label.max(initial=-1)) + 1)]
    _, own = by_window(graph, charged.record, label, len(windows))
    left = len(windows)

    def charge(number: int) -> int:
        nonlocal left
        mine = clock.part(min(WORKERS / left, 1))
        left -= 1
        return charge_port_window(
            windows[number], charged.reduced, own[number], np.random.default_rng([seed, number]), mine
        )

    # small windows end early: what they leave of their share goes to the large ones
    order = sorted(range(len(windows)), key=lambda number: len(windows[number].arc))
    with ThreadPoolExecutor(WORKERS) as pool:
        return sum(pool.map(charge, order))


def charge_port_window(window: PortWindow, reduced: Ints, own: Record, rng: np.random.Generator, clock: Clock) -> int:
    """Return by how much the bound of a window is higher than the sum of its `own` charges."""
    rows = PricedRows.of(own)
    cost, cuts = window.take_back(reduced, rows)
    guide = np.full(len(window.graph.kind), -1, np.int32)
    port_rows = PortRows(window.graph, window.need, window.back, cost, guide, rng, clock, cuts)
    return port_rows.raise_bound(rows.bound, window.left_of(reduced))[0] - rows.bound
