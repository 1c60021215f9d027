"""
Flows of homes from each tap through the trenches around it, as columns of a linear programme.

A trench that leads the cables of few homes is built whole all the same: a flow from a tap through it is at most its
ports times how much of it is used. With one flow for all taps together that is the ports of all of them, and says
little; with a layer for each tap it says that a trench for a tap's last homes is there from its first one on.

A part of a town can have a programme of its own: each home whose cable crosses its rim is paid for there, by what a
home is worth just before (`Worth`), and as much is earned on the other side. So what all parts pay at least adds up to
what the town pays at least, whatever the homes are said to be worth (Lagrangian decomposition: Guignard & Kim 1987).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

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
    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

REACH = 4
"""A tap has a layer where there are so many times as many homes as it has ports, nearest first."""


@dataclass(frozen=True, eq=False)
class Layers:
    """
    Where the flows of a town can be: in a layer for each tap around it, and one for all of them together beyond.

    Taps with ports for all have no layer of their own.

    Parameters
    ----------
    here
        bool (k, n). Nodes that each layer can lead to; the last one leads everywhere.
    feed
        int64 (k, n). Ports that each node gives into each layer.
    most
        int64 (k,). No arc leads more homes of a layer.
    whole
        int64 (2m,). No arc leads more homes of all layers together; 0 for arcs that lead none.
    homes, asks
        int64 (n,), bool (n,). Homes that streets must lead to at each node itself, and whether it needs any.
    tail, head
        int64 (2m,). The nodes of each arc.
    is_drop
        bool (2m,). Whether an arc leads from a street into a leaf.
    """

    here: Flags
    feed: Ints
    most: Ints
    whole: Ints
    homes: Ints
    asks: Flags
    tail: Ints
    head: Ints
    is_drop: Flags


class Flows(NamedTuple):
    """
    Rows of a programme that say where homes flow.

    Parameters
    ----------
    shape
        How many layers there are, and nodes.
    first, node
        The first of all these rows, which are the last ones; and the node that each of their columns leads to, or
        leaves the streets at.
    balance, balanced
        The first row that says that no more of a layer leaves a node than comes there, and `layer * nodes + node` of
        all of them.
    demand, demanded
        The first row that says that a node gets the homes it needs, and the nodes of all of them.
    """

    shape: tuple[int, int]
    first: int
    node: Ints
    balance: int
    balanced: Ints
    demand: int
    demanded: Ints


class Worth(NamedTuple):
    """
    What a home is worth in each place, in thousandths.

    Parameters
    ----------
    flow
        int64 (k, n). For each home that flows on from a node in a layer.
    served
        int64 (n,). For each home that leaves the streets at a node.
    """

    flow: Ints
    served: Ints

    @classmethod
    def of(cls, flows: Flows, price: Ints) -> Worth:
        """Return what flows are worth where rows have some prices."""
        flow, served = np.zeros(flows.shape, np.int64), np.zeros(flows.shape[1], np.int64)
        flow.ravel()[flows.balanced] = price[flows.balance :][: len(flows.balanced)]
        served[flows.demanded] = price[flows.demand :][: len(flows.demanded)]
        return cls(flow, served)


class Part(NamedTuple):
    """
    A part of a town, as a graph of its own.

    Parameters
    ----------
    node
        int64. Node of the town for each one of the part; -1 for those that stand for all outside, or for no streets.
    arc
        int64. Arc of the town for each one of the part; -1 for those that lead no homes.
    place
        int64 (n,). Node of the part for each one of the town; -1 for those outside.
    """

    node: Ints
    arc: Ints
    place: Ints

    @classmethod
    def whole(cls, nodes: int, arcs: int) -> Part:
        """Return all of a town."""
        return cls(np.arange(nodes), np.arange(arcs), np.arange(nodes))


class Entries:
    """Entries of rows of one kind, gathered part by part; rows are numbered in any way."""

    def __init__(self) -> None:
        self.parts: list[tuple[Ints, Ints, Ints]] = []

    def add(self, row: Ints, column: Ints, weight: Ints | int) -> None:
        """Add a part; one weight may be that of all its entries."""
        self.parts.append((row, column, np.broadcast_to(np.asarray(weight, np.int64), row.shape)))

    def give_to(self, model: Relaxation, least: Ints) -> tuple[int, Ints]:
        """Add those that have entries, `sum(weight * use) >= least`; return the first one's number, and whose."""
        first = model.count
        if not self.parts:
            return first, np.zeros(0, np.int64)
        row, column, weight = (np.concatenate(each) for each in zip(*self.parts, strict=True))
        used, row = np.unique(row, return_inverse=True)
        model.add_lasting(row, column, weight, least[used])
        return first, used


def lay_layers(graph: Graph, need: Need, most: int, out: int) -> Layers:
    """
    Find out where the flows of each tap can be.

    Parameters
    ----------
    graph, need
        Streets with every tap a node of its own; node 0 feeds the taps.
    most
        No plan serves more homes through streets.
    out
        The tap at which customers are left out, which no cable leads from; -1 where there is none.
    """
    is_leaf = graph.kind == LEAF
    head = graph.end.astype(np.int64)
    tail = head.reshape(-1, 2)[:, ::-1].ravel()
    leads = ~is_leaf[tail] & (head != 0) & (tail != 0) & (tail != out)
    is_drop = leads & is_leaf[head]
    homes = np.where(is_leaf, 0, need.homes)
    homes[[0, out] if out >= 0 else [0]] = 0  # where all are left out for sure, they have moved to the root
    asks = homes > 0
    asks[tail[is_drop]] = True
    taps = np.flatnonzero(need.ports > 0)
    taps = taps[taps != out]
    ample = need.ports[taps] >= most
    ample, taps = taps[ample], taps[~ample]
    here, widest = [_around(graph, need, int(tap)) for tap in taps], need.ports[taps]
    streets = np.flatnonzero(leads & ~is_leaf[head])
    if len(ample) or any((around[tail[streets]] & ~around[head[streets]]).any() for around in here):
        here, widest = [*here, np.ones(len(is_leaf), bool)], np.append(widest, most)
    feed = np.zeros((len(here), len(is_leaf)), np.int64)
    feed[np.arange(len(taps)), taps] = need.ports[taps]
    feed[-1:, ample] = need.ports[ample]
    whole = np.where(leads, most_flow(graph, need, most), 0)
    return Layers(np.array(here, bool).reshape(feed.shape), feed, widest, whole, homes, asks, tail, head, is_drop)


def add_flows(model: Relaxation, layers: Layers, part: Part, worth: Worth | None = None) -> Flows:
    """
    Add the flows of a part of a town, through what its programme uses of each arc.

    Parameters
    ----------
    model
        The programme of the part.
    layers
        Those of the town.
    part
        Which part it is. Arcs that lead to its nodes are its own, and those that lead away from them are there, too.
    worth
        What a home is worth that crosses the rim; nothing where there is none. Drops that lead in from outside pay for
        theirs in the costs of the part.
    """
    sizes, outside = (len(layers.most), len(part.node)), part.node < 0
    leading = np.flatnonzero((part.arc >= 0) & (model.column >= 0))
    leading = leading[layers.whole[part.arc[leading]] > 0]
    is_drop = layers.is_drop[part.arc[leading]]
    drops, arcs = leading[is_drop & ~outside[model.tail[leading]]], leading[~is_drop]
    inside = np.flatnonzero(~outside)
    wide, joint, balance, demand = Entries(), Entries(), Entries(), Entries()
    demand.add(model.tail[drops], model.column[drops], -layers.whole[part.arc[drops]])
    widths, flows, tail, nodes = np.zeros(len(part.arc), np.int64), [], layers.tail[part.arc], [inside[:0]]
    for k, most in enumerate(layers.most.tolist()):
        mine = arcs[layers.here[k, tail[arcs]]]
        ends = inside[layers.here[k, part.node[inside]] & layers.asks[part.node[inside]]]
        town, comes, goes = part.arc[mine], outside[model.tail[mine]], outside[model.head[mine]]
        width = np.minimum(layers.whole[town], most)
        price = 0 if worth is None else worth.flow[k, tail[mine]] * (comes.astype(np.int64) - goes)
        flow, leaving = model.add_columns(width, price), model.add_columns(np.full(len(ends), most))
        nodes += [model.head[mine], ends]
        balance.add(k * sizes[1] + model.tail[mine[~comes]], flow[~comes], -1)
        balance.add(k * sizes[1] + ends, leaving, -1)
        demand.add(ends, leaving, 1)
        # whoever leads homes out pays for no trench beyond the rim
        mine, flow, width = mine[~goes], flow[~goes], width[~goes]
        wide.add(k * len(part.arc) + mine, model.column[mine], width)
        wide.add(k * len(part.arc) + mine, flow, -1)
        widths[mine] += width
        flows.append((mine, flow))
        # beyond the tap's surroundings its flow goes on in the last layer
        goes_on = np.where(layers.here[k, layers.head[part.arc[mine]]], k, sizes[0] - 1)
        balance.add(goes_on * sizes[1] + model.head[mine], flow, 1)
    narrow = widths > layers.whole[part.arc]
    joint.add(np.flatnonzero(narrow), model.column[narrow], layers.whole[part.arc[narrow]])
    for mine, flow in flows:
        joint.add(mine[narrow[mine]], flow[narrow[mine]], -1)
    lent = np.flatnonzero(layers.is_drop & (part.place[layers.tail] >= 0) & (part.place[layers.head] < 0))
    at = layers.tail[lent]
    demand.add(part.place[at], model.add_columns(layers.whole[lent], 0 if worth is None else -worth.served[at]), -1)
    first, node = model.count, np.concatenate([*nodes, part.place[at]])
    wide.give_to(model, np.zeros(sizes[0] * len(part.arc), np.int64))
    balanced = balance.give_to(model, -np.where(outside, 0, layers.feed[:, part.node]).ravel())
    joint.give_to(model, np.zeros(len(part.arc), np.int64))
    return Flows(sizes, first, node, *balanced, *demand.give_to(model, np.where(outside, 0, layers.homes[part.node])))


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
