"""Compiled loops that pack the customers of a rooted forest into access points of a catalogue, from its leaves up."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lastmile_net.solve.compile import inner_kernel, kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Shorts = NDArray[np.int32]
    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]


class Forest(NamedTuple):
    """
    The trees of routes of all existing taps; a tap is the top of its tree.

    Nodes with parents before children: parent (-1 at a top), price of one fibre and length of the way from the tap, and
    whether an access point may stand there; children in rows; place of each node in a preorder, and the place after the
    last one of its subtree.
    """

    parent: Ints
    fibre: Ints
    length_mm: Ints
    stands: Flags
    first: Ints
    child: Ints
    enter: Ints
    leave: Ints


class Demand(NamedTuple):
    """
    Customers: node of the forest (-1: not in it), homes, fibres, length of the route.

    `sorted` has those in the forest by the preorder of their nodes, `begin` their numbers there by place of the node.
    """

    where: Ints
    homes: Ints
    fibres: Ints
    route_mm: Ints
    sorted: Ints
    begin: Ints


class Kinds(NamedTuple):
    """What can be placed: homes served, price, longest way to a customer, fibres that feed it."""

    ports: Ints
    price: Ints
    max_mm: Ints
    feeders: Ints


@kernel
def children(parent: Ints) -> tuple[Ints, Ints]:
    """Return the children of each node, in rows."""
    first = np.zeros(len(parent) + 1, np.int64)
    for v in range(len(parent)):
        if parent[v] >= 0:
            first[parent[v] + 1] += 1
    first = np.cumsum(first)
    fill = first[:-1].copy()
    child = np.empty(first[-1], np.int64)
    for v in range(len(parent)):
        if parent[v] >= 0:
            child[fill[parent[v]]] = v
            fill[parent[v]] += 1
    return first, child


@kernel
def number_preorder(parent: Ints, first: Ints, child: Ints) -> tuple[Ints, Ints]:
    """Return the place of each node in a preorder, and the place after the last one of its subtree."""
    size = np.ones(len(parent), np.int64)
    for v in range(len(parent) - 1, -1, -1):
        if parent[v] >= 0:
            size[parent[v]] += size[v]
    enter = np.zeros(len(parent), np.int64)
    tops = np.int64(0)
    for v in range(len(parent)):
        if parent[v] < 0:
            enter[v] = tops
            tops += size[v]
        place = enter[v] + 1
        for i in range(first[v], first[v + 1]):
            enter[child[i]] = place
            place += size[child[i]]
    return enter, enter + size


@inner_kernel
def within_reach(forest: Forest, demand: Demand, open_: Flags, max_mm: Ints) -> Ints:
    """Return, by kind and node, the homes of open customers below the node who are within the reach of the kind."""
    count = np.zeros((len(max_mm), len(forest.parent)), np.int64)
    for c in range(len(demand.where)):
        v = demand.where[c]
        while open_[c] and v >= 0:
            on = False
            for k in range(len(max_mm)):
                if demand.route_mm[c] - forest.length_mm[v] <= max_mm[k]:
                    count[k, v] += demand.homes[c]
                    on = True
            v = forest.parent[v] if on else -1
    return count


@kernel
def _merge(one: Floats, other: Floats, extra: float, most: int) -> Floats:
    """Return the least cost of each sum of two numbers; each one of the other also costs `extra`."""
    both = np.full(min(len(one) + len(other) - 2, most) + 1, np.inf)
    for i in range(len(one)):
        if one[i] < np.inf:
            for j in range(min(len(other), len(both) - i)):
                money = one[i] + other[j] + extra * j
                if money < both[i + j]:
                    both[i + j] = money
    return both


@kernel
def _open(value: Floats, money: Ints, most: Ints) -> tuple[Floats, Ints, Ints]:
    """
    Let access points take some of what is left over, as many of each kind as is worth it.

    Returns the least cost of leaving each number over, the kind that is placed last (-1: none), and the number before.
    """
    best = value.copy()
    kind, before = np.full(len(value), -1), np.full(len(value), -1)
    for h in range(len(value) - 1, -1, -1):
        for k in range(len(money)):
            for a in range(h + 1, min(h + most[k], len(value) - 1) + 1):
                if best[a] + money[k] < best[h]:
                    best[h], kind[h], before[h] = best[a] + money[k], k, a
    return best, kind, before


@inner_kernel
def _open_at(
    forest: Forest, kinds: Kinds, reach: Ints, demand_at: int, v: int, value: Floats
) -> tuple[Floats, Ints, Ints]:
    """Place access points at a node; none where none may stand, nor where nothing joins what could be placed below."""
    single = forest.first[v + 1] - forest.first[v] == 1 and demand_at == 0
    if not forest.stands[v] or (single and forest.stands[forest.child[forest.first[v]]]):
        return value, np.full(len(value), -1), np.full(len(value), -1)
    money = kinds.price + kinds.feeders * forest.fibre[v]
    return _open(value, money, np.minimum(kinds.ports, reach[:, v]))


@kernel
def pack(forest: Forest, demand: Demand, open_: Flags, kinds: Kinds, room: Ints, most: int) -> tuple[Ints, Ints]:
    """
    Choose where access points stand so that all open customers get a port at least cost.

    Parameters
    ----------
    forest, demand, kinds
        The forest, its customers, the catalogue.
    open_
        bool (c,). Customers who need a port.
    room
        Free ports at each top, and 0 at all other nodes.
    most
        At most so many homes are handed from a node to its parent.

    Returns
    -------
    node, kind
        Access points, parents before children; of one node the one that is filled last comes first.

    Notes
    -----
    Dynamic programming on the number of homes that a subtree leaves over for access points above it (tree partition by
    capacity, after Kundu & Misra 1977): exact where homes may be split, all have as many fibres, and none is out of
    reach. O(n most) merges, O(n most ports) for what is placed.
    """
    nodes = len(forest.parent)
    reach = within_reach(forest, demand, open_, kinds.max_mm)
    homes, fibres = np.zeros(nodes, np.int64), np.zeros(nodes, np.int64)
    own = np.zeros(nodes, np.int64)
    for c in range(len(open_)):
        if open_[c] and demand.where[c] >= 0:
            homes[demand.where[c]] += demand.homes[c]
            own[demand.where[c]] += demand.homes[c]
            fibres[demand.where[c]] += demand.fibres[c]
    for v in range(nodes - 1, -1, -1):
        if forest.parent[v] >= 0:
            homes[forest.parent[v]] += homes[v]
            fibres[forest.parent[v]] += fibres[v]
    size = np.minimum(homes, np.maximum(most, own)) + 1
    start = np.zeros(nodes + 1, np.int64)
    start[1:] = np.cumsum(size)
    best, kind, before = np.full(start[-1], np.inf), np.full(start[-1], -1), np.full(start[-1], -1)
    for v in range(nodes - 1, -1, -1):
        value = np.full(own[v] + 1, np.inf)
        value[own[v]] = 0.0
        for i in range(forest.first[v], forest.first[v + 1]):
            c = forest.child[i]
            value = _merge(value, best[start[c] : start[c + 1]], _extra(forest, homes, fibres, c), size[v] - 1)
        full = np.full(size[v], np.inf)
        full[: len(value)] = value
        opened, which, old = _open_at(forest, kinds, reach, own[v], v, full)
        best[start[v] : start[v + 1]], kind[start[v] : start[v + 1]] = opened, which
        before[start[v] : start[v + 1]] = old
    return _trace(forest, homes, fibres, own, room, (start, best, kind, before))


@inner_kernel
def _extra(forest: Forest, homes: Ints, fibres: Ints, child: int) -> float:
    """Return what handing one home on from a node to its parent costs: its part of a fibre."""
    if homes[child] == 0:
        return 0.0
    step = forest.fibre[child] - forest.fibre[forest.parent[child]]
    return float(step * fibres[child] / homes[child])


@inner_kernel
def _trace(
    forest: Forest,
    homes: Ints,
    fibres: Ints,
    own: Ints,
    room: Ints,
    table: tuple[Ints, Floats, Ints, Ints],
) -> tuple[Ints, Ints]:
    """Follow the choices from the tops down; return what is placed."""
    start, best, kind, before = table
    goal = np.zeros(len(forest.parent), np.int64)
    node, which = [np.int64(0)], [np.int64(0)]
    node.clear()
    which.clear()
    for v in range(len(forest.parent)):
        mine = best[start[v] : start[v + 1]]
        if forest.parent[v] < 0:
            left = mine[: room[v] + 1]
            goal[v] = np.argmin(left) if left.min() < np.inf else np.argmax(mine < np.inf)
        h = goal[v]
        while kind[start[v] + h] >= 0:
            node.append(np.int64(v))
            which.append(kind[start[v] + h])
            h = before[start[v] + h]
        _share_out(forest, homes, fibres, own, v, int(h), goal, (start, best))
    return np.array(node), np.array(which)


@inner_kernel
def _share_out(
    forest: Forest, homes: Ints, fibres: Ints, own: Ints, v: int, left: int, goal: Ints, table: tuple[Ints, Floats]
) -> None:
    """Say how many homes each child leaves over, so that together with the node's own they are `left`."""
    start, best = table
    low, high = forest.first[v], forest.first[v + 1]
    if high - low == 1:
        goal[forest.child[low]] = left - own[v]
        return
    value = np.full(own[v] + 1, np.inf)
    value[own[v]] = 0.0
    parts = [value]
    for i in range(low, high):
        c = forest.child[i]
        parts.append(_merge(parts[-1], best[start[c] : start[c + 1]], _extra(forest, homes, fibres, c), left))
    for i in range(high - 1, low - 1, -1):
        c = forest.child[i]
        other, extra, before = best[start[c] : start[c + 1]], _extra(forest, homes, fibres, c), parts[i - low]
        chosen, least = 0, np.inf
        for j in range(min(len(other), left + 1)):
            if left - j < len(before) and before[left - j] + other[j] + extra * j < least:
                chosen, least = j, before[left - j] + other[j] + extra * j
        goal[c] = chosen
        left -= chosen


@kernel
def measure(
    parent: Ints, edge: Ints, tops: Ints, ends: tuple[Ints, Ints], price: Ints, length_mm: Ints
) -> tuple[Ints, Ints, Ints, Ints]:
    """
    Follow the trees from their tops, whose nodes of the graph are `tops`, down.

    Returns, for each node of the forest, its node of the graph, price and length of the way from the top, and the
    number of its edges.
    """
    nodes = len(parent)
    spot, fibre = np.zeros(nodes, np.int64), np.zeros(nodes, np.int64)
    length, hops = np.zeros(nodes, np.int64), np.zeros(nodes, np.int64)
    for v in range(nodes):
        if parent[v] < 0:
            spot[v] = tops[v]
            continue
        p, e = parent[v], edge[v]
        spot[v] = ends[0][e] + ends[1][e] - spot[p]
        fibre[v], length[v], hops[v] = fibre[p] + price[e], length[p] + length_mm[e], hops[p] + 1
    return spot, fibre, length, hops


@kernel
def hand_up(parent: Ints, label: Ints) -> None:
    """Give each node without a label (-1) that of a node below it; changes `label`."""
    for v in range(len(parent) - 1, -1, -1):
        if parent[v] >= 0 and label[parent[v]] < 0:
            label[parent[v]] = label[v]
