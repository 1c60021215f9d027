"""
From the planner's problem to graphs for the kernels, and back.

All taps become the root. A customer with one candidate is a constant and a node that must be reached; one with
several is a leaf. Customers that no tap can reach are left out. Parts that meet only at the root are
problems of their own; small ones are packed together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from lastmile_net.errors import Fault, SolveError
from lastmile_net.solve.graph import LEAF, PLAIN, TERMINAL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.solve.problem import Problem

    Ints = NDArray[np.int64]
    Flags = NDArray[np.bool_]

PART_EDGES = 20_000
"""Parts with fewer edges than this are packed together."""


@dataclass(frozen=True, eq=False)
class Part:
    """
    One piece of the problem that touches the rest at the root only.

    Parameters
    ----------
    kind
        int8 (n,). PLAIN, TERMINAL or LEAF; node 0 is the root.
    tail, head, cost
        int64 (m,). Edges; drops run from the street to the leaf.
    origin
        int64 (m,). Edge of the problem, or number of its edges + row of its drop.
    """

    kind: NDArray[np.int8]
    tail: Ints
    head: Ints
    cost: Ints
    origin: Ints


@dataclass(frozen=True, eq=False)
class Prepared:
    """
    The parts of a problem, and what is settled without search.

    Parameters
    ----------
    parts
        To be solved each by itself.
    fixed_drop
        int64 (c,). The drop of each customer that has no choice; -1 for the others.
    served
        bool (c,). Customers that a tap can reach.
    constant
        Cost of the fixed drops.
    """

    parts: tuple[Part, ...]
    fixed_drop: Ints
    served: Flags
    constant: int


def check(problem: Problem) -> None:
    """
    Refuse arrays that contradict each other.

    Raises
    ------
    SolveError
        With all that is wrong.
    """
    edges, drops = len(problem.tail), len(problem.drop_customer)
    wrong = [
        f"{name} has {len(values)} entries, {count} are needed"
        for name, values, count in (
            ("head", problem.head, edges),
            ("cost", problem.cost, edges),
            ("fibre_cost", problem.fibre_cost, edges),
            ("drop_node", problem.drop_node, drops),
            ("drop_cost", problem.drop_cost, drops),
            ("drop_fibre_cost", problem.drop_fibre_cost, drops),
            ("fibres", problem.fibres, problem.customers),
        )
        if len(values) != count
    ]
    money = ("cost", "fibre_cost", "drop_cost", "drop_fibre_cost", "fibres")
    wrong += [f"{name} must not be negative" for name in money if (getattr(problem, name) < 0).any()]
    for name, limit in (
        ("tail", problem.nodes),
        ("head", problem.nodes),
        ("tap_node", problem.nodes),
        ("drop_node", problem.nodes),
        ("drop_customer", problem.customers),
    ):
        values = getattr(problem, name)
        if len(values) and (values.min() < 0 or values.max() >= limit):
            wrong.append(f"{name} must lie in 0 .. {limit - 1}")
    if wrong:
        raise SolveError([Fault(what, "Pose the problem anew.", source="problem") for what in wrong])


def prepare(problem: Problem, drop_cost: Ints) -> Prepared:
    """
    Turn a problem into parts; `drop_cost` is the price of each drop as the search shall see it.

    Parameters
    ----------
    problem
        What the planner posed.
    drop_cost
        int64 (d,). Price of each candidate drop.
    """
    linked = reachable(problem)
    drops = useful_drops(problem, drop_cost, linked)
    customer = problem.drop_customer[drops]
    choices = np.bincount(customer, minlength=problem.customers)
    single = drops[choices[customer] == 1]
    several = drops[choices[customer] > 1]
    fixed = np.full(problem.customers, -1, np.int64)
    fixed[problem.drop_customer[single]] = single
    pieces = split(whole(problem, drop_cost, linked, single, several))
    return Prepared(tuple(pieces), fixed, choices > 0, int(drop_cost[single].sum()))


def reachable(problem: Problem) -> Flags:
    """Return which nodes of the problem some tap can reach."""
    hub = problem.nodes
    tail = np.concatenate([problem.tail, problem.tap_node])
    head = np.concatenate([problem.head, np.full(len(problem.tap_node), hub)])
    label = _components(hub + 1, tail, head)
    return np.asarray(label[:hub] == label[hub], bool)


def useful_drops(problem: Problem, drop_cost: Ints, linked: Flags) -> Ints:
    """Return the drops at reachable nodes, the cheapest of each customer at each node, sorted by customer."""
    drops = np.flatnonzero(linked[problem.drop_node])
    spot = problem.drop_node.copy()
    spot[np.isin(spot, problem.tap_node)] = -1
    order = np.lexsort((drops, drop_cost[drops], spot[drops], problem.drop_customer[drops]))
    drops = drops[order]
    first = np.ones(len(drops), bool)
    same = (problem.drop_customer[drops][1:] == problem.drop_customer[drops][:-1]) & (
        spot[drops][1:] == spot[drops][:-1]
    )
    first[1:] = ~same
    return np.sort(drops[first])


def whole(problem: Problem, drop_cost: Ints, linked: Flags, single: Ints, several: Ints) -> Part:
    """Return a problem as one graph: drops in `single` are settled, the customers of those in `several` are leaves."""
    node = np.full(problem.nodes, -1, np.int64)
    street = linked.copy()
    street[problem.tap_node] = False
    node[street] = 1 + np.arange(np.count_nonzero(street))
    node[problem.tap_node] = 0
    leaves, leaf = np.unique(problem.drop_customer[several], return_inverse=True)
    streets = 1 + np.count_nonzero(street)
    kind = np.full(streets + len(leaves), PLAIN, np.int8)
    kind[node[problem.drop_node[single]]] = TERMINAL
    kind[0] = TERMINAL
    kind[streets:] = LEAF
    tail, head = node[problem.tail], node[problem.head]
    edges = np.flatnonzero((tail >= 0) & (tail != head))
    return Part(
        kind,
        np.concatenate([tail[edges], node[problem.drop_node[several]]]),
        np.concatenate([head[edges], streets + leaf]),
        np.concatenate([problem.cost[edges], drop_cost[several]]),
        np.concatenate([edges, len(problem.tail) + several]),
    )


def split(whole: Part) -> list[Part]:
    """Cut a problem at its root into parts, small ones packed together, those without a terminal left out."""
    nodes = len(whole.kind)
    off_root = (whole.tail != 0) & (whole.head != 0)
    label = _components(nodes, whole.tail[off_root], whole.head[off_root])
    of_edge = label[np.maximum(whole.tail, whole.head)]
    wanted = np.zeros(label.max() + 1, bool)
    wanted[label[1:][whole.kind[1:] != PLAIN]] = True
    size = np.bincount(of_edge, minlength=len(wanted))
    pack = np.full(len(wanted), -1, np.int64)
    pack[wanted] = pack_sizes(size[wanted])
    return [
        _cut(whole, np.flatnonzero(pack[of_edge] == p), label, pack, p) for p in range(int(pack.max(initial=-1)) + 1)
    ]


def pack_sizes(size: Ints) -> Ints:
    """Return the pack of each part: those above the limit alone, the others filled up in their order."""
    pack = np.empty(len(size), np.int64)
    packs, room = 0, -1
    filled = 0
    for i, edges in enumerate(size):
        if edges >= PART_EDGES:
            pack[i] = packs
            packs += 1
            continue
        if room < 0 or filled + edges > PART_EDGES:
            room, filled = packs, 0
            packs += 1
        pack[i] = room
        filled += edges
    return pack


def _cut(whole: Part, edges: Ints, label: Ints, pack: Ints, number: int) -> Part:
    nodes = np.flatnonzero(pack[label] == number)
    nodes = np.concatenate([[0], nodes[nodes != 0]])
    renumber = np.full(len(whole.kind), -1, np.int64)
    renumber[nodes] = np.arange(len(nodes))
    return Part(
        whole.kind[nodes],
        renumber[whole.tail[edges]],
        renumber[whole.head[edges]],
        whole.cost[edges],
        whole.origin[edges],
    )


def _components(nodes: int, tail: Ints, head: Ints) -> Ints:
    links = coo_array((np.ones(len(tail)), (tail, head)), shape=(nodes, nodes))
    return np.asarray(connected_components(links.tocsr(), directed=False)[1], np.int64)
