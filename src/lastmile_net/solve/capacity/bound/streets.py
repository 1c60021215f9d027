"""The streets of a problem whose taps have few ports: a graph in which every tap is a node of its own, shrunk."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.solve.capacity.bound.cuts import Need
from lastmile_net.solve.capacity.bound.tolls import toll_prices
from lastmile_net.solve.fibre import drop_prices
from lastmile_net.solve.graph import LEAF, PLAIN, TERMINAL, make_graph
from lastmile_net.solve.prepare import reachable
from lastmile_net.solve.shrink import Shrunk, chains, contract, strip

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.solve.graph import Graph
    from lastmile_net.solve.problem import Problem

    Ints = NDArray[np.int64]
    Kinds = NDArray[np.int8]
    Flags = NDArray[np.bool_]


@dataclass(eq=False)
class Streets(Shrunk):
    """
    A graph that shrinks, with homes and ports at its nodes.

    Node 0 feeds every tap that has ports, for nothing; what is done to the graph holds whichever tap serves whom.
    Customers may be served from a forest, so of the tests of `Shrunk` only those are left that need no tree: dead ends,
    chains and parallels.

    Parameters
    ----------
    homes, ports
        int64 (n,). Homes of the customers at each node, free ports of the taps there.
    """

    homes: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    ports: Ints = field(default_factory=lambda: np.zeros(0, np.int64))

    @property
    def need(self) -> Need:
        """Homes and ports by node."""
        return Need(self.homes, self.ports)

    def shrink(self) -> None:
        """Apply all tests until nothing changes."""
        self._simplify()

    def _relabel(self, label: Ints, kind: Kinds) -> None:
        tail, head = label[self.tail], label[self.head]
        used = np.zeros(len(kind), bool)
        used[label[kind != PLAIN]] = True
        used[0] = True
        used[tail[tail != head]] = True
        used[head[tail != head]] = True
        self.homes = np.bincount(label, weights=self.homes, minlength=len(kind)).astype(np.int64)[used]
        self.ports = np.bincount(label, weights=self.ports, minlength=len(kind)).astype(np.int64)[used]
        super()._relabel(label, kind)

    def _contract(self) -> None:
        """Take off dead ends."""
        kind, label = self.kind.copy(), np.arange(len(self.kind))
        fixed, dead = np.zeros(len(self.tail), bool), np.zeros(len(self.tail), bool)
        strip(kind, self.tail, self.head, self.cost, fixed, dead, label)
        contract(kind, label, self.tail[:0], self.head[:0])
        self._fix(fixed)
        self._take(np.flatnonzero(~dead[~fixed]))
        self._relabel(label, kind)

    def _join_chains(self) -> None:
        """Join chains, but for those with a tap between."""
        kind = self.kind
        self.kind = np.where(self.ports > 0, TERMINAL, kind).astype(np.int8)
        first = self.real + sum(len(pair) for pair in self.pairs)
        tail, head, cost, name, pairs = chains(self.kind, self.tail, self.head, self.cost, self.name, first)
        self.tail, self.head, self.cost, self.name, self.kind = tail, head, cost, name, kind
        if len(pairs):
            self.pairs.append(pairs)
        self._relabel(np.arange(len(kind)), kind)


@dataclass(frozen=True, eq=False)
class Ground:
    """
    What a problem within ports looks like to the search, and the way back.

    Parameters
    ----------
    problem
        All its customers are to be served.
    streets, graph
        Its streets, shrunk.
    origin
        int64. Edge of the problem, number of its edges + row of its drop, or -1 for the way into a tap, of each real
        edge.
    settled
        int64 (c,). The drop of each customer who has no choice; -1 for the others.
    fed
        int64. Node of the problem that each way into a tap leads to; these are the first real edges.
    """

    problem: Problem
    streets: Streets
    graph: Graph
    origin: Ints
    settled: Ints
    fed: Ints

    @classmethod
    def of(cls, problem: Problem, room: Ints, *, tolls: bool = True, way_out: int = -1) -> Ground:
        """
        Return the ground of a problem whose taps have `room`, int64 (t,); without `tolls` all ports are free.

        Drops at the node `way_out` stay even where others are cheaper: they may cost less than they are priced at here.
        """
        streets, origin, settled = lay_streets(problem, room, tolls=tolls, way_out=way_out)
        fed = streets.head[origin < 0] - 1
        streets.shrink()
        graph = make_graph(streets.kind, streets.tail, streets.head, streets.cost)
        return cls(problem, streets, graph, origin, settled, fed)

    def cost(self, built: Flags) -> int:
        """Return what a forest costs."""
        return self.streets.constant + int(self.streets.cost[built].sum())

    def within(self, edges: Ints, drop: Ints, taps: Ints | None = None) -> Flags:
        """Return which edges of the graph consist of edges and drops of the problem, and of ways into some taps."""
        count = len(self.problem.tail)
        used = np.zeros(count + len(self.problem.drop_customer), bool)
        used[edges] = True
        used[count + drop[drop >= 0]] = True
        mine = used[self.origin] & (self.origin >= 0)
        if taps is not None:
            mine[: len(self.fed)] = np.isin(self.fed, self.problem.tap_node[taps])
        return self.streets.within(np.flatnonzero(mine))

    def back(self, built: Flags) -> tuple[Flags, Ints]:
        """Return the edges and drops of the problem that a forest consists of."""
        count = len(self.problem.tail)
        names = self.origin[self.streets.expand(self.streets.name[built])]
        edges, drop = np.zeros(count, bool), self.settled.copy()
        edges[names[(names >= 0) & (names < count)]] = True
        drops = names[names >= count] - count
        drop[self.problem.drop_customer[drops]] = drops
        return edges, drop


def lay_streets(problem: Problem, room: Ints, *, tolls: bool = True, way_out: int = -1) -> tuple[Streets, Ints, Ints]:
    """
    Return the streets of a problem, not shrunk yet, and what each edge is.

    Parameters
    ----------
    problem
        All its customers are to be served.
    room
        int64 (t,). Free ports of each tap.
    tolls
        Whether drops bear the price of a port, too, and not just of the fibre from the nearest tap.
    way_out
        Node whose drops all stay; -1 for none.

    Returns
    -------
    streets
        Its constant is what the drops of customers without a choice cost, less the tolls (`toll_prices`).
    origin
        int64 (m,). Edge of the problem, number of its edges + row of its drop, or -1 for the way into a tap.
    settled
        int64 (c,). The drop of each customer who has no choice; -1 for the others.
    """
    price, paid = toll_prices(problem, room) if tolls else (drop_prices(problem), 0)
    drops = _drops(problem, price, room, way_out)
    choices = np.bincount(problem.drop_customer[drops], minlength=problem.customers)[problem.drop_customer[drops]]
    single, several = drops[choices == 1], drops[choices > 1]
    leaves, leaf = np.unique(problem.drop_customer[several], return_inverse=True)
    nodes = 1 + problem.nodes + len(leaves)
    homes, ports = np.zeros(nodes, np.int64), np.zeros(nodes, np.int64)
    np.add.at(homes, 1 + problem.drop_node[single], problem.units[problem.drop_customer[single]])
    homes[1 + problem.nodes :] = problem.units[leaves]
    np.add.at(ports, 1 + problem.tap_node, room)
    taps = np.flatnonzero(ports > 0)
    kind = np.full(nodes, PLAIN, np.int8)
    kind[homes > 0] = TERMINAL
    kind[0] = TERMINAL
    kind[1 + problem.nodes :] = LEAF
    way = np.flatnonzero(problem.tail != problem.head)
    tail = np.concatenate([np.zeros(len(taps), np.int64), 1 + problem.tail[way], 1 + problem.drop_node[several]])
    head = np.concatenate([taps, 1 + problem.head[way], 1 + problem.nodes + leaf])
    cost = np.concatenate([np.zeros(len(taps), np.int64), problem.cost[way], price[several]])
    origin = np.concatenate([np.full(len(taps), -1), way, len(problem.tail) + several])
    streets = Streets(kind, tail, head, cost, np.arange(len(tail)), cost, homes=homes, ports=ports)
    streets.constant = int(price[single].sum()) - paid
    settled = np.full(problem.customers, -1)
    settled[problem.drop_customer[single]] = single
    return streets, origin, settled


def _drops(problem: Problem, price: Ints, room: Ints, way_out: int) -> Ints:
    """
    Return the drops at nodes that a tap can reach, the cheapest of each customer at each node, by customer.

    None of them is dearer than one at a tap with ports for all: that one needs no trench, no way of fibre, no toll.
    """
    there = np.isin(problem.drop_node, problem.tap_node[room >= problem.units.sum()])
    alone = problem.drop_price
    least = np.full(problem.customers, np.iinfo(np.int64).max)
    np.minimum.at(least, problem.drop_customer[there], alone[there])
    cheap = (alone <= least[problem.drop_customer]) | (problem.drop_node == way_out)
    drops = np.flatnonzero(reachable(problem)[problem.drop_node] & cheap)
    node, customer = problem.drop_node[drops], problem.drop_customer[drops]
    order = np.lexsort((drops, price[drops], node, customer))
    node, customer = node[order], customer[order]
    first = np.ones(len(order), bool)
    first[1:] = (node[1:] != node[:-1]) | (customer[1:] != customer[:-1])
    return np.sort(drops[order][first])
