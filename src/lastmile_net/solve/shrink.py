"""
Make a graph smaller without losing the cheapest tree, and find the way back to its real edges.

Dead ends go, chains become one edge, of parallel edges the cheapest stays, what every cheapest tree can be
assumed to hold is fixed and contracted, and what a detour makes useless goes, too.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.solve.compile import kernel
from lastmile_net.solve.detours import (
    around_forks,
    bypassed_edges,
    look_around,
    needless_forks,
    sure_links,
    working_memory,
)
from lastmile_net.solve.graph import FAR, LEAF, PLAIN, TERMINAL, Graph, lay_rows, make_graph

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Shorts = NDArray[np.int32]
    Kinds = NDArray[np.int8]
    Flags = NDArray[np.bool_]

WORTH = 0.9
"""Tests for detours are repeated while they leave less than this share of the edges,"""
LARGE = 150_000
"""and there are fewer of them than this."""


@dataclass(eq=False)
class Shrunk:
    """
    A graph that shrinks, and what its edges are made of.

    Parameters
    ----------
    kind
        PLAIN, TERMINAL or LEAF; node 0 is the root.
    tail, head, cost
        Edges.
    name
        What each edge is: the number of a real edge, or `real` + the row of two parts in `pairs`.
    price
        Cost of each real edge.
    pairs
        int64 (k, 2). Names that follow one another in a chain.
    fixed
        Names that are in the tree for sure.
    constant
        Their cost.
    """

    kind: Kinds
    tail: Ints
    head: Ints
    cost: Ints
    name: Ints
    price: Ints
    pairs: list[Ints] = field(default_factory=list)
    fixed: list[Ints] = field(default_factory=list)
    constant: int = 0

    @classmethod
    def of(cls, kind: Kinds, tail: Ints, head: Ints, cost: Ints) -> Shrunk:
        """Return a graph, shrunk as far as it goes."""
        whole = cls(kind, tail, head, cost, np.arange(len(tail)), cost)
        whole.shrink()
        return whole

    @property
    def real(self) -> int:
        """Number of real edges."""
        return len(self.price)

    def within_edges(self, edges: Flags) -> Shrunk:
        """Return a copy that has only some of the edges, shrunk."""
        less = replace(self, pairs=list(self.pairs), fixed=list(self.fixed))
        less.keep(edges)
        return less

    def keep(self, edges: Flags) -> None:
        """Drop all edges but these, and shrink."""
        self._take(np.flatnonzero(edges))
        self.shrink()

    def shrink(self) -> None:
        """
        Apply all tests until little changes.

        Detours are looked for unless most of what is to be tied are leaves: they lead through terminals, and where
        nothing runs through them hardly one edge in a hundred goes.
        """
        self._simplify()
        repeat = bool(np.count_nonzero(self.kind == LEAF) <= np.count_nonzero(self.kind == TERMINAL))
        while repeat:
            before = len(self.tail)
            self._go_around()
            self._simplify()
            repeat = len(self.tail) < WORTH * before < WORTH * LARGE

    def _simplify(self) -> None:
        """Apply the tests that look at a node and its neighbours until none changes anything."""
        before = -1
        while before != len(self.tail):
            before = len(self.tail)
            self._contract()
            self._join_chains()
            self._drop_parallels()

    def expand(self, names: Ints) -> Ints:
        """Return the real edges of some names and of all that is fixed, ascending."""
        todo = np.concatenate([names, *self.fixed])
        pairs = np.concatenate([np.empty((0, 2), np.int64), *self.pairs])
        real = [todo[todo < self.real]]
        while len(todo := todo[todo >= self.real]):
            todo = pairs[todo - self.real].ravel()
            real.append(todo[todo < self.real])
        return np.unique(np.concatenate(real))

    def within(self, edges: Ints) -> Flags:
        """Say which edges consist of the given real edges only."""
        flags = np.zeros(self.real, bool)
        flags[edges] = True
        for pair in self.pairs:
            flags = np.concatenate([flags, whole_pairs(flags, pair, len(flags))])
        return np.asarray(flags[self.name], bool)

    def _take(self, edges: Ints) -> None:
        self.tail, self.head = self.tail[edges], self.head[edges]
        self.cost, self.name = self.cost[edges], self.name[edges]

    def _relabel(self, label: Ints, kind: Kinds) -> None:
        """Give nodes new labels (0 stays the root), drop loops, and number anew what is left."""
        tail, head = label[self.tail], label[self.head]
        self._take(np.flatnonzero(tail != head))
        used = np.zeros(len(kind), bool)
        used[label[kind != PLAIN]] = True
        used[0] = True
        kept = tail != head
        tail, head = tail[kept], head[kept]
        used[tail] = True
        used[head] = True
        number = np.cumsum(used) - 1
        self.kind = kind[used]
        self.tail, self.head = number[tail], number[head]

    def _contract(self) -> None:
        label, kind, fixed, dead = sure_edges(self.kind, self.tail, self.head, self.cost)
        self._fix(fixed)
        self._take(np.flatnonzero(~dead[~fixed]))
        self._relabel(label, kind)

    def _graph(self) -> Graph:
        return make_graph(self.kind, self.tail, self.head, self.cost)

    def _go_around(self) -> None:
        """Drop edges that have a detour, fix links that are sure, and lay edges around forks that no tree needs."""
        graph = self._graph()
        near, around = look_around(graph), working_memory(graph)
        sure, spare = sure_links(graph, near)
        kept = sure | ~(bypassed_edges(graph, near, around) | spare)
        sure = sure[kept]
        self._take(np.flatnonzero(kept))
        if sure.any():
            label, kind = np.arange(len(self.kind)), self.kind.copy()
            contract(kind, label, self.tail[sure], self.head[sure])
            self._fix(sure)
            self._relabel(label, kind)
            self._drop_parallels()
            near = look_around(self._graph())
        graph = self._graph()
        self._avoid(graph, needless_forks(graph, near, around))

    def _fix(self, fixed: Flags) -> None:
        self.fixed.append(self.name[fixed])
        self.constant += int(self.cost[fixed].sum())
        self._take(np.flatnonzero(~fixed))

    def _avoid(self, graph: Graph, forks: Flags) -> None:
        """Put edges around some forks in the place of those that meet there."""
        tail, head, parts = around_forks(graph, forks)
        first = self.real + sum(len(pair) for pair in self.pairs)
        self.pairs.append(self.name[parts])
        cost, name = self.cost[parts].sum(axis=1), first + np.arange(len(parts))
        self._take(np.flatnonzero(~(forks[self.tail] | forks[self.head])))
        self.tail, self.head = np.concatenate([self.tail, tail]), np.concatenate([self.head, head])
        self.cost, self.name = np.concatenate([self.cost, cost]), np.concatenate([self.name, name])
        self._relabel(np.arange(len(self.kind)), self.kind)
        self._drop_parallels()

    def _join_chains(self) -> None:
        first = self.real + sum(len(pair) for pair in self.pairs)
        tail, head, cost, name, pairs = chains(self.kind, self.tail, self.head, self.cost, self.name, first)
        self.tail, self.head, self.cost, self.name = tail, head, cost, name
        if len(pairs):
            self.pairs.append(pairs)
        self._relabel(np.arange(len(self.kind)), self.kind)

    def _drop_parallels(self) -> None:
        low, high = np.minimum(self.tail, self.head), np.maximum(self.tail, self.head)
        order = np.lexsort((self.name, self.cost, high, low))
        low, high = low[order], high[order]
        new = np.ones(len(order), bool)
        new[1:] = (low[1:] != low[:-1]) | (high[1:] != high[:-1])
        self._take(order[new])


@kernel
def whole_pairs(flags: Flags, pairs: Ints, first: int) -> Flags:
    """Say which pairs have both parts flagged; parts may be earlier pairs of the same block."""
    whole = np.zeros(len(pairs), np.bool_)
    for i in range(len(pairs)):
        good = True
        for j in range(2):
            part = pairs[i, j]
            good = good and (flags[part] if part < first else whole[part - first])
        whole[i] = good
    return whole


@kernel
def find(label: Ints, v: int) -> int:
    """Return the label of a node, with paths halved on the way."""
    while label[v] != v:
        label[v] = label[label[v]]
        v = label[v]
    return v


@kernel
def sure_edges(  # noqa: C901
    kind: Kinds, tail: Ints, head: Ints, cost: Ints
) -> tuple[Ints, Kinds, Flags, Flags]:
    """
    Find edges that some cheapest tree holds, and such that none needs.

    Returns
    -------
    label, kind
        The node that each node becomes one with, and what that is then.
    fixed, dead
        Edges that are in for sure, and edges that are useless.

    Notes
    -----
    Fixed: the cheapest edge of a terminal, if it leads to a terminal or is the only one; a leaf's cheapest
    drop, if it leads to a terminal or is the only one. Dead: dead ends, and drops of a leaf that cost as
    much as one at a terminal.
    """
    nodes, edges = len(kind), len(tail)
    kind = kind.copy()
    label = np.arange(nodes)
    fixed = np.zeros(edges, np.bool_)
    dead = np.zeros(edges, np.bool_)
    strip(kind, tail, head, cost, fixed, dead, label)
    best = np.full(nodes, -1, np.int64)
    price = np.full(nodes, FAR)
    for e in range(edges):
        if dead[e] or fixed[e]:
            continue
        leaf = kind[tail[e]] == LEAF or kind[head[e]] == LEAF
        for v, u in ((tail[e], head[e]), (head[e], tail[e])):
            if leaf and kind[v] != LEAF:
                continue
            if cost[e] < price[v] or (
                cost[e] == price[v] and kind[u] == TERMINAL and not tied(kind, tail, head, best[v], v)
            ):
                price[v] = cost[e]
                best[v] = e
    for v in range(nodes):
        if kind[v] == PLAIN or best[v] < 0 or (find(label, v) != v and kind[v] == LEAF):
            continue
        if tied(kind, tail, head, best[v], v):
            a, b = find(label, tail[best[v]]), find(label, head[best[v]])
            if a != b:
                fixed[best[v]] = True
                merge(kind, label, a, b)
    cheapest = np.full(nodes, FAR)
    for e in range(edges):
        for v, u in ((tail[e], head[e]), (head[e], tail[e])):
            if kind[v] == LEAF and kind[u] == TERMINAL and not dead[e]:
                cheapest[v] = min(cheapest[v], cost[e])
    for e in range(edges):
        for v, u in ((tail[e], head[e]), (head[e], tail[e])):
            if kind[v] != LEAF or fixed[e]:
                continue
            over = cost[e] - cheapest[v]
            if find(label, v) != v or over > 0 or (over == 0 and kind[u] == PLAIN):
                dead[e] = True
    for v in range(nodes):
        label[v] = find(label, v)
    return label, kind, fixed, dead


@kernel
def tied(kind: Kinds, tail: Ints, head: Ints, e: int, v: int) -> bool:
    """Say whether the other end of edge e is a terminal."""
    return e >= 0 and kind[tail[e] + head[e] - v] == TERMINAL


@kernel
def merge(kind: Kinds, label: Ints, a: int, b: int) -> None:
    """Make two labelled nodes one terminal; the root stays the root, a leaf takes the other's label."""
    if kind[a] == LEAF or (b < a and kind[b] != LEAF):
        a, b = b, a
    label[b] = a
    kind[a] = TERMINAL


@kernel
def contract(kind: Kinds, label: Ints, tail: Ints, head: Ints) -> None:
    """Label the two ends of each edge as one."""
    for e in range(len(tail)):
        a, b = find(label, tail[e]), find(label, head[e])
        if a != b:
            merge(kind, label, a, b)
    for v in range(len(label)):
        label[v] = find(label, v)


@kernel
def strip(kind: Kinds, tail: Ints, head: Ints, cost: Ints, fixed: Flags, dead: Flags, label: Ints) -> None:
    """Take off nodes with a single edge, one after the other: fix it for a terminal, drop it otherwise."""
    nodes, edges = len(kind), len(tail)
    degree = np.zeros(nodes, np.int32)
    edge = np.zeros(nodes, np.int64)
    for e in range(edges):
        for v in (tail[e], head[e]):
            degree[v] += 1
            edge[v] ^= e
    stack = np.empty(nodes, np.int64)
    count = 0
    for v in range(nodes):
        if degree[v] == 1 and v != 0:
            stack[count] = v
            count += 1
    while count > 0:
        count -= 1
        v = stack[count]
        if degree[v] != 1:
            continue
        e = edge[v]
        u = tail[e] + head[e] - v
        if kind[v] == PLAIN:
            dead[e] = True
        else:
            fixed[e] = True
            merge(kind, label, find(label, u), find(label, v))
            kind[u] = TERMINAL
        degree[v] = 0
        degree[u] -= 1
        edge[u] ^= e
        if degree[u] == 1 and u != 0:
            stack[count] = u
            count += 1


@kernel
def chains(
    kind: Kinds, tail: Ints, head: Ints, cost: Ints, name: Ints, first: int
) -> tuple[Ints, Ints, Ints, Ints, Ints]:
    """Return the edges with chains through plain nodes of degree two joined, and the pairs of names they consist of."""
    nodes, edges = len(kind), len(tail)
    end = np.empty(2 * edges, np.int32)
    for e in range(edges):
        end[2 * e] = head[e]
        end[2 * e + 1] = tail[e]
    start, _, arc = lay_rows(nodes, end)
    out_tail = np.empty(edges, np.int64)
    out_head = np.empty(edges, np.int64)
    out_cost = np.empty(edges, np.int64)
    out_name = np.empty(edges, np.int64)
    pairs = np.empty((edges, 2), np.int64)
    done = np.zeros(edges, np.bool_)
    count, joined = 0, 0
    for v in range(nodes):
        if v != 0 and kind[v] == PLAIN and start[v + 1] - start[v] == 2:
            continue
        for i in range(start[v], start[v + 1]):
            a = arc[i]
            if done[a >> 1]:
                continue
            done[a >> 1] = True
            total, label = cost[a >> 1], name[a >> 1]
            u = end[a]
            while u != 0 and kind[u] == PLAIN and start[u + 1] - start[u] == 2:
                b = arc[start[u]] if arc[start[u]] >> 1 != a >> 1 else arc[start[u] + 1]
                done[b >> 1] = True
                total += cost[b >> 1]
                pairs[joined, 0] = label
                pairs[joined, 1] = name[b >> 1]
                label = first + joined
                joined += 1
                a = b
                u = end[a]
            if u != v and not (kind[u] == LEAF and kind[v] == LEAF):
                out_tail[count], out_head[count], out_cost[count], out_name[count] = v, u, total, label
                count += 1
    return (
        out_tail[:count].copy(),
        out_head[:count].copy(),
        out_cost[:count].copy(),
        out_name[:count].copy(),
        pairs[:joined].copy(),
    )
