"""
Flows of homes from each tap through the trenches around it, as columns of a linear programme.

A trench that leads the cables of few homes is built whole all the same: a flow from a tap through it is at most its
ports times how much of it is used. With one flow for all taps together that is the ports of all of them, and says
little; with a layer for each tap it says that a trench for a tap's last homes is there from its first one on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.solve.capacity.bound.flow import most_flow
from lastmile_net.solve.graph import FAR, LEAF
from lastmile_net.solve.paths import spread

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.solve.capacity.bound.cuts import Need
    from lastmile_net.solve.graph import Graph
    from lastmile_net.solve.rows.model import Relaxation

    Ints = NDArray[np.int64]
    Flags = NDArray[np.bool_]

REACH = 4
"""A tap has a layer where there are so many times as many homes as it has ports, nearest first."""


class Entries:
    """Entries of rows of one kind, gathered part by part; rows are numbered in any way."""

    def __init__(self) -> None:
        self.parts: list[tuple[Ints, Ints, Ints]] = []

    def add(self, row: Ints, column: Ints, weight: Ints | int) -> None:
        """Add a part; one weight may be that of all its entries."""
        self.parts.append((row, column, np.broadcast_to(np.asarray(weight, np.int64), row.shape)))

    def give_to(self, model: Relaxation, least: Ints) -> None:
        """Add the rows that have entries to a programme: `sum(weight * use) >= least`, by their numbers."""
        row, column, weight = (np.concatenate(each) for each in zip(*self.parts, strict=True))
        used, row = np.unique(row, return_inverse=True)
        model.add_lasting(row, column, weight, least[used])


def add_layers(model: Relaxation, graph: Graph, need: Need, most: int, out: int) -> None:
    """
    Add flows of homes, in a layer for each tap around it, and one for all of them together beyond.

    Taps with ports for all have no layer of their own.

    Parameters
    ----------
    model
        The programme of the graph: flows go through what it uses of each arc.
    graph, need
        Streets with every tap a node of its own; node 0 feeds the taps.
    most
        No plan serves more homes through streets.
    out
        The tap at which customers are left out, which no cable leads from.
    """
    head, tail, is_leaf, nodes = model.head, model.tail, graph.kind == LEAF, len(graph.kind)
    known = (model.column >= 0) & (tail != 0) & (tail != out)
    arcs, drops = np.flatnonzero(known & ~is_leaf[head]), np.flatnonzero(known & is_leaf[head])
    own = np.where(is_leaf, 0, need.homes)
    own[[0, out]] = 0  # where all are left out for sure, they have moved to the root with their tap
    asks = own > 0
    asks[tail[drops]] = True
    taps = np.flatnonzero(need.ports > 0)
    taps = taps[taps != out]
    ample = need.ports[taps] >= most
    ample, taps = taps[ample], taps[~ample]
    layers = [(_around(graph, need, int(tap)), int(need.ports[tap])) for tap in taps]
    if len(ample) or any((here[tail[arcs]] & ~here[head[arcs]]).any() for here, _ in layers):
        layers.append((np.ones(nodes, bool), most))
    whole = most_flow(graph, need, most)
    widths, feed = np.zeros(len(head), np.int64), np.zeros(len(layers) * nodes, np.int64)
    feed[np.arange(len(taps)) * nodes + taps] = -need.ports[taps]
    feed[(len(layers) - 1) * nodes + ample] = -need.ports[ample]
    flows: list[tuple[Ints, Ints]] = []
    wide, joint, balance, demand = Entries(), Entries(), Entries(), Entries()
    demand.add(tail[drops], model.column[drops], -need.homes[head[drops]])
    for k, (here, ports) in enumerate(layers):
        mine, ends = arcs[here[tail[arcs]]], np.flatnonzero(here & asks)
        width = np.minimum(whole[mine], ports)
        flow, leaving = model.add_columns(width), model.add_columns(np.full(len(ends), ports))
        wide.add(k * len(head) + mine, model.column[mine], width)
        wide.add(k * len(head) + mine, flow, -1)
        widths[mine] += width
        flows.append((mine, flow))
        # beyond the tap's surroundings its flow goes on in the last layer
        balance.add(np.where(here[head[mine]], k, len(layers) - 1) * nodes + head[mine], flow, 1)
        balance.add(k * nodes + tail[mine], flow, -1)
        balance.add(k * nodes + ends, leaving, -1)
        demand.add(ends, leaving, 1)
    narrow = widths > whole
    joint.add(np.flatnonzero(narrow), model.column[narrow], whole[narrow])
    for mine, flow in flows:
        joint.add(mine[narrow[mine]], flow[narrow[mine]], -1)
    if layers:
        wide.give_to(model, np.zeros(len(layers) * len(head), np.int64))
        balance.give_to(model, feed)
        joint.give_to(model, np.zeros(len(head), np.int64))
    demand.give_to(model, own)


def _around(graph: Graph, need: Need, tap: int) -> Flags:
    """Return the nodes around a tap among which there are several times as many homes as it has ports."""
    kind = graph.kind.copy()
    kind[0] = LEAF  # by way of it every tap is next to every other
    far, _, _ = spread(graph._replace(kind=kind), graph.cost, np.array([tap], np.int32))
    order = np.argsort(far, kind="stable")
    order = order[far[order] < FAR]
    homes = np.cumsum(need.homes[order])
    last = int(np.searchsorted(homes, REACH * need.ports[tap]))
    here = np.zeros(len(far), bool)
    here[order[: last + 1]] = True
    here[graph.kind == LEAF] = False
    return here
