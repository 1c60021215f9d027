"""Compiled loops that hang customers on access points along their routes, and moves that make that cheaper."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lastmile_net.solve.capacity.search.growth import FAR
from lastmile_net.solve.compile import inner_kernel, kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.solve.capacity.siting.packing import Demand, Forest, Kinds

    Ints = NDArray[np.int64]
    Flags = NDArray[np.bool_]

CLOSED = -2
"""Kind of a site that is given up; -1 is one that exists."""
MOST_ROUNDS = 20
"""Rounds of moves at most; they end before, as soon as none gains."""


class Sites(NamedTuple):
    """
    Access points and who hangs on them: those that exist first, one at the top of each tree.

    Node, kind (-1: it exists) and free ports of each one, and the number of them; access point of each customer (-1:
    none).
    """

    node: Ints
    kind: Ints
    room: Ints
    number: Ints
    site: Ints


@inner_kernel
def _reaches(forest: Forest, demand: Demand, kinds: Kinds, kind: int, v: int, c: int) -> bool:
    """Say whether a customer below a node is within the reach of a kind that stands there."""
    return bool(kind < 0 or demand.route_mm[c] - forest.length_mm[v] <= kinds.max_mm[kind])


@kernel
def hang(forest: Forest, demand: Demand, kinds: Kinds, sites: Sites, node: Ints, kind: Ints) -> None:
    """
    Place access points, and fill each with customers below it who have none yet, those with the longest routes first.

    `node` and `kind` as `pack` returns them. Those that nobody needs are not placed. Who is left then takes a port of
    the existing access point, as far as they go.
    """
    for i in range(len(node) - 1, -1, -1):
        s = sites.number[0]
        sites.number[0] += 1
        sites.node[s], sites.kind[s], sites.room[s] = node[i], kind[i], kinds.ports[kind[i]]
        if not _take(forest, demand, kinds, sites, s):
            sites.kind[s] = CLOSED
    for s in range(len(forest.parent)):
        if forest.parent[s] >= 0:
            break
        _take(forest, demand, kinds, sites, s)


@kernel
def _take(forest: Forest, demand: Demand, kinds: Kinds, sites: Sites, s: int) -> bool:
    v = sites.node[s]
    low, high = demand.begin[forest.enter[v]], demand.begin[forest.leave[v]]
    below = demand.sorted[low:high]
    below = below[sites.site[below] < 0]
    taken = False
    for c in below[np.argsort(-demand.route_mm[below], kind="mergesort")]:
        if demand.homes[c] <= sites.room[s] and _reaches(forest, demand, kinds, sites.kind[s], v, c):
            sites.site[c] = s
            sites.room[s] -= demand.homes[c]
            taken = True
    return taken


@kernel
def hang_alone(forest: Forest, demand: Demand, kinds: Kinds, sites: Sites) -> None:
    """Give each customer who still has no port one on its way, or else an access point as near as one may stand."""
    here = _by_node(forest, sites)
    for c in demand.sorted:
        if sites.site[c] >= 0:
            continue
        s = _deepest(forest, demand, kinds, sites, here, c, -1)
        v = demand.where[c]
        while s < 0 and v >= 0:
            best = -1
            for k in range(len(kinds.ports)):
                fits = demand.homes[c] <= kinds.ports[k] and _reaches(forest, demand, kinds, k, v, c)
                if fits and forest.stands[v] and (best < 0 or kinds.price[k] < kinds.price[best]):
                    best = k
            if best >= 0:
                s = int(sites.number[0])
                sites.number[0] += 1
                sites.node[s], sites.kind[s], sites.room[s] = v, best, kinds.ports[best]
                here = _by_node(forest, sites)
            v = forest.parent[v]
        if s >= 0:
            sites.site[c] = s
            sites.room[s] -= demand.homes[c]


@inner_kernel
def _by_node(forest: Forest, sites: Sites) -> tuple[Ints, Ints]:
    """Return the first open site of each node (-1: none), and the next one of the same node after each site."""
    first, after = np.full(len(forest.parent), -1), np.full(len(sites.node), -1)
    for s in range(sites.number[0] - 1, -1, -1):
        if sites.kind[s] != CLOSED:
            after[s], first[sites.node[s]] = first[sites.node[s]], s
    return first, after


@inner_kernel
def _deepest(
    forest: Forest, demand: Demand, kinds: Kinds, sites: Sites, here: tuple[Ints, Ints], c: int, but: int
) -> int:
    """Return the site with room that is nearest to a customer along its route, except `but`; -1 if there is none."""
    first, after = here
    v = demand.where[c]
    while v >= 0:
        s = first[v]
        while s >= 0:
            if s != but and demand.homes[c] <= sites.room[s] and _reaches(forest, demand, kinds, sites.kind[s], v, c):
                return int(s)
            s = after[s]
        v = forest.parent[v]
    return -1


@inner_kernel
def _hung(sites: Sites) -> tuple[Ints, Ints]:
    """Return the customers of each site, in rows."""
    first = np.zeros(sites.number[0] + 1, np.int64)
    for c in range(len(sites.site)):
        if sites.site[c] >= 0:
            first[sites.site[c] + 1] += 1
    first = np.cumsum(first)
    fill = first[:-1].copy()
    mine = np.empty(first[-1], np.int64)
    for c in range(len(sites.site)):
        if sites.site[c] >= 0:
            mine[fill[sites.site[c]]] = c
            fill[sites.site[c]] += 1
    return first, mine


@inner_kernel
def _bill(forest: Forest, demand: Demand, kinds: Kinds, mine: Ints, v: int, k: int) -> np.int64:
    """Return what an access point costs at a node above all of its customers, with all fibre to and from it."""
    money = kinds.price[k] + kinds.feeders[k] * forest.fibre[v]
    homes = np.int64(0)
    for c in mine:
        if demand.route_mm[c] - forest.length_mm[v] > kinds.max_mm[k]:
            return FAR
        money += demand.fibres[c] * (forest.fibre[demand.where[c]] - forest.fibre[v])
        homes += demand.homes[c]
    return money if forest.stands[v] and homes <= kinds.ports[k] else FAR


@inner_kernel
def _meeting(forest: Forest, demand: Demand, mine: Ints) -> int:
    """Return the lowest node above all of some customers of one tree, -1 if they are none."""
    if len(mine) == 0:
        return -1
    low, high = forest.enter[demand.where[mine[0]]], forest.enter[demand.where[mine[0]]]
    for c in mine:
        low, high = min(low, forest.enter[demand.where[c]]), max(high, forest.enter[demand.where[c]])
    v = demand.where[mine[0]]
    while forest.enter[v] > low or forest.leave[v] <= high:
        v = forest.parent[v]
    return int(v)


@inner_kernel
def _best_place(forest: Forest, demand: Demand, kinds: Kinds, mine: Ints) -> tuple[np.int64, int, int]:
    """Return the least cost of one access point for some customers of one tree, its node, and its kind."""
    least, node, kind = FAR, -1, -1
    v = _meeting(forest, demand, mine)
    while v >= 0:
        for k in range(len(kinds.ports)):
            money = _bill(forest, demand, kinds, mine, v, k)
            if money < least:
                least, node, kind = money, v, k
        # farther up only kinds with more feeding fibres than customers get cheaper
        v = -1 if least < FAR else forest.parent[v]
    return least, node, kind


@inner_kernel
def _shift(forest: Forest, demand: Demand, kinds: Kinds, sites: Sites, s: int, mine: Ints) -> bool:
    """Move a site to where it is cheapest for its customers, in the cheapest kind."""
    money, v, k = _best_place(forest, demand, kinds, mine)
    if k < 0 or money >= _bill(forest, demand, kinds, mine, sites.node[s], sites.kind[s]):
        return False
    homes = kinds.ports[sites.kind[s]] - sites.room[s]
    sites.node[s], sites.kind[s], sites.room[s] = v, k, kinds.ports[k] - homes
    return True


@inner_kernel
def _paid(forest: Forest, demand: Demand, sites: Sites, c: int, s: int) -> np.int64:
    """Return the price of the fibre from a site to a customer below it."""
    return np.int64(demand.fibres[c] * (forest.fibre[demand.where[c]] - forest.fibre[sites.node[s]]))


@inner_kernel
def _close(
    forest: Forest, demand: Demand, kinds: Kinds, sites: Sites, s: int, mine: Ints, here: tuple[Ints, Ints]
) -> bool:
    """Hang all customers of an access point on others with room, if that is cheaper than keeping it."""
    gain = kinds.price[sites.kind[s]] + kinds.feeders[sites.kind[s]] * forest.fibre[sites.node[s]]
    goal = np.full(len(mine), -1)
    for j in range(len(mine)):
        c = mine[j]
        goal[j] = _deepest(forest, demand, kinds, sites, here, c, s)
        if goal[j] >= 0:
            gain -= _paid(forest, demand, sites, c, goal[j]) - _paid(forest, demand, sites, c, s)
            sites.room[goal[j]] -= demand.homes[c]
        if goal[j] < 0 or gain <= 0:
            break
    done = len(mine) == 0 or (goal[-1] >= 0 and gain > 0)
    for j in range(len(mine)):
        if done:
            sites.site[mine[j]] = goal[j]
        elif goal[j] >= 0:
            sites.room[goal[j]] += demand.homes[mine[j]]
    if done:
        sites.kind[s], sites.room[s] = CLOSED, 0
    return done


@kernel
def _join(
    forest: Forest, demand: Demand, kinds: Kinds, sites: Sites, pair: tuple[int, int], rows: tuple[Ints, Ints]
) -> bool:
    """Replace two access points by one for the customers of both, if that is cheaper."""
    a, b = pair
    mine = np.concatenate((rows[0], rows[1]))
    money, v, k = _best_place(forest, demand, kinds, mine)
    now = _bill(forest, demand, kinds, rows[0], sites.node[a], sites.kind[a])
    now += _bill(forest, demand, kinds, rows[1], sites.node[b], sites.kind[b])
    if k < 0 or money >= now:
        return False
    sites.node[a], sites.kind[a], sites.room[a] = v, k, kinds.ports[k] - demand.homes[mine].sum()
    sites.site[mine] = a
    sites.kind[b], sites.room[b] = CLOSED, 0
    return True


@inner_kernel
def _nearest_beside(forest: Forest, sites: Sites, here: tuple[Ints, Ints], top: Ints, s: int) -> int:
    """Return a new site at or above a node, or the first one below a node above it; -1 if there is none."""
    v, below = sites.node[s], -1
    while v >= 0:
        b = here[0][v]
        while b >= 0:
            if b != s and sites.kind[b] >= 0:
                return int(b)
            b = here[1][b]
        for i in range(forest.first[v], forest.first[v + 1]):
            u = forest.child[i]
            if u != below and below >= 0 and top[u] >= 0 and top[u] != s:
                return int(top[u])
        below = v
        v = forest.parent[v]
    return -1


@inner_kernel
def _topmost(forest: Forest, sites: Sites, here: tuple[Ints, Ints]) -> Ints:
    """Return, for each node, a new site in its subtree that none is above of; -1 if there is none."""
    top = np.full(len(forest.parent), -1)
    for v in range(len(forest.parent) - 1, -1, -1):
        s = here[0][v]
        while s >= 0 and sites.kind[s] < 0:
            s = here[1][s]
        if s >= 0:
            top[v] = s
        if top[v] >= 0 and forest.parent[v] >= 0:
            top[forest.parent[v]] = top[v]
    return top


@inner_kernel
def _hang_nearer(forest: Forest, demand: Demand, kinds: Kinds, sites: Sites) -> bool:
    """Hang customers on sites that are nearer to them along their routes; say whether any gains."""
    moved = False
    here = _by_node(forest, sites)
    for c in demand.sorted:
        s = sites.site[c]
        to = -1 if s < 0 else _deepest(forest, demand, kinds, sites, here, c, s)
        if to >= 0 and _paid(forest, demand, sites, c, to) < _paid(forest, demand, sites, c, s):
            sites.room[s] += demand.homes[c]
            sites.room[to] -= demand.homes[c]
            sites.site[c] = to
            moved = True
    return moved


@inner_kernel
def _close_or_shift(forest: Forest, demand: Demand, kinds: Kinds, sites: Sites) -> bool:
    """Close new sites, or shift them; say whether that gains."""
    moved = False
    here = _by_node(forest, sites)
    for s in range(sites.number[0]):
        if sites.kind[s] >= 0:
            first, mine = _hung(sites)
            row = mine[first[s] : first[s + 1]]
            if _close(forest, demand, kinds, sites, s, row, here) or _shift(forest, demand, kinds, sites, s, row):
                here = _by_node(forest, sites)
                moved = True
    return moved


@inner_kernel
def _join_pairs(forest: Forest, demand: Demand, kinds: Kinds, sites: Sites) -> bool:
    """Join new sites that are near each other; say whether that gains."""
    moved = False
    here = _by_node(forest, sites)
    for s in range(sites.number[0]):
        b = _nearest_beside(forest, sites, here, _topmost(forest, sites, here), s) if sites.kind[s] >= 0 else -1
        if b >= 0:
            first, mine = _hung(sites)
            rows = (mine[first[s] : first[s + 1]], mine[first[b] : first[b + 1]])
            if _join(forest, demand, kinds, sites, (s, b), rows):
                here = _by_node(forest, sites)
                moved = True
    return moved


@kernel
def refine(forest: Forest, demand: Demand, kinds: Kinds, sites: Sites) -> None:
    """
    Make a choice of sites cheaper: hang customers on nearer ones, shift, close and join sites.

    Each move only ever lowers the cost; every customer keeps a site with a port and within its reach.
    """
    for _ in range(MOST_ROUNDS):
        moved = _hang_nearer(forest, demand, kinds, sites)
        moved |= _close_or_shift(forest, demand, kinds, sites)
        moved |= _join_pairs(forest, demand, kinds, sites)
        if not moved:
            return
