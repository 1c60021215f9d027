"""Compiled loops that place access points along what is built: a greedy choice, and moves that make it cheaper."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lastmile_net.solve.capacity.growth import FAR
from lastmile_net.solve.compile import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Flags = NDArray[np.bool_]


CLOSED = -2
"""Kind of a site that is given up; -1 is one that exists."""


class Ground(NamedTuple):
    """
    Where access points may stand and customers hang.

    Adjacency as in `Graph`, with length and price of a single fibre of each edge; customers by node
    (`customer[first[v]:first[v + 1]]`), their nodes, homes, fibres and the lengths of their drops; `feed`, the price of
    one fibre from the existing network to each node (`FAR` where nothing may stand).
    """

    start: Ints
    node: Ints
    edge: Ints
    length_mm: Ints
    fibre: Ints
    first: Ints
    customer: Ints
    where: Ints
    units: Ints
    fibres: Ints
    drop_mm: Ints
    feed: Ints


class Kinds(NamedTuple):
    """What can be placed: homes served, price, longest way to a customer, fibres that feed it."""

    ports: Ints
    price: Ints
    max_mm: Ints
    feeders: Ints


class Sites(NamedTuple):
    """
    Access points and who hangs on them.

    Node, kind (-1: it exists) and free ports of each one, and the number of them; access point of each customer (-1:
    none), and the price of its fibre from there.
    """

    node: Ints
    kind: Ints
    room: Ints
    number: Ints
    site: Ints
    paid: Ints


class Search(NamedTuple):
    """
    What a search has found, by node: length, price of one fibre, edge it is reached by.

    Valid where `stamp` is `turn`, the number of the search.
    """

    length: Ints
    money: Ints
    via: Ints
    stamp: Ints
    turn: Ints


@kernel
def make_search(nodes: int) -> Search:
    """Return working memory for searches."""
    return Search(
        np.zeros(nodes, np.int64),
        np.zeros(nodes, np.int64),
        np.full(nodes, -1),
        np.full(nodes, -1),
        np.zeros(1, np.int64),
    )


@kernel
def _begin(search: Search, v: int) -> list[tuple[np.int64, np.int64]]:
    search.turn[0] += 1
    search.stamp[v], search.length[v], search.money[v], search.via[v] = search.turn[0], 0, 0, -1
    return [(np.int64(0), np.int64(v))]


@kernel
def _step(ground: Ground, search: Search, heap: list[tuple[np.int64, np.int64]]) -> np.int64:
    """Return the next nearest node and look beyond it; -1 if there is none."""
    while heap:
        far, v = heapq.heappop(heap)
        if far > search.length[v]:
            continue
        for i in range(ground.start[v], ground.start[v + 1]):
            u, e = ground.node[i], ground.edge[i]
            there = far + ground.length_mm[e]
            if search.stamp[u] != search.turn[0] or there < search.length[u]:
                search.stamp[u], search.length[u] = search.turn[0], there
                search.money[u], search.via[u] = search.money[v] + ground.fibre[e], e
                heapq.heappush(heap, (there, np.int64(u)))
        return v
    return np.int64(-1)


@kernel
def offer(ground: Ground, kinds: Kinds, search: Search, v: int, site: Ints) -> tuple[float, int, np.int64]:
    """
    Return the least price per home of a new access point at v, its kind, and how far away its customers are.

    It serves the nearest customers who have no site yet and fit. O(k) for each customer looked at.
    """
    best, which, reach = np.inf, -1, np.int64(0)
    if ground.feed[v] >= FAR:
        return best, which, reach
    homes = np.zeros(len(kinds.ports), np.int64)
    money = kinds.price + kinds.feeders * ground.feed[v]
    farthest = kinds.max_mm.max()
    heap = _begin(search, v)
    u = _step(ground, search, heap)
    while u >= 0 and search.length[u] <= farthest and search.money[u] <= best * 64:
        open_kind = False
        for i in range(ground.first[u], ground.first[u + 1]):
            c = ground.customer[i]
            if site[c] >= 0:
                continue
            way = search.length[u] + ground.drop_mm[c]
            for k in range(len(homes)):
                if homes[k] + ground.units[c] <= kinds.ports[k] and way <= kinds.max_mm[k]:
                    homes[k] += ground.units[c]
                    money[k] += search.money[u] * ground.fibres[c]
                    if money[k] < best * homes[k]:
                        best, which, reach = money[k] / homes[k], k, search.length[u]
        for k in range(len(homes)):
            # a home farther away than the price per home makes nothing cheaper; a block of several may, and is left
            open_kind |= homes[k] < kinds.ports[k] and search.money[u] <= best
        if not open_kind:
            break
        u = _step(ground, search, heap)
    return best, which, reach


@kernel
def _open(ground: Ground, kinds: Kinds, search: Search, sites: Sites, v: int, kind: int, reach: np.int64) -> bool:
    """Place an access point, and hang the customers on it that its offer counted; none is placed for nobody."""
    s = sites.number[0]
    sites.number[0] += 1
    sites.node[s], sites.kind[s], sites.room[s] = v, kind, kinds.ports[kind]
    taken = _take(ground, search, sites, s, kinds.max_mm[kind], reach, FAR)
    if not taken:
        sites.number[0] -= 1
    return taken


@kernel
def _take(
    ground: Ground, search: Search, sites: Sites, s: int, max_mm: np.int64, reach: np.int64, most: np.int64
) -> bool:
    """
    Hang the nearest customers on site s, those who gain by it; say whether any does.

    Only within `reach`, within `max_mm` with the drop, and where a home's fibre costs at most `most`.
    """
    moved = False
    dearest = FAR if np.any((sites.site < 0) & (ground.where >= 0)) else sites.paid.max()
    heap = _begin(search, sites.node[s])
    u = _step(ground, search, heap)
    while u >= 0 and search.length[u] <= reach and search.money[u] <= dearest and sites.room[s] > 0:
        for i in range(ground.first[u], ground.first[u + 1]):
            c = ground.customer[i]
            money, old = search.money[u] * ground.fibres[c], sites.site[c]
            gains = old < 0 or money < sites.paid[c]
            fits = ground.units[c] <= sites.room[s] and search.length[u] + ground.drop_mm[c] <= max_mm
            if gains and fits and money // ground.units[c] <= most:
                if old >= 0:
                    sites.room[old] += ground.units[c]
                sites.site[c], sites.paid[c] = s, money
                sites.room[s] -= ground.units[c]
                moved = True
        u = _step(ground, search, heap)
    return moved


@kernel
def place(ground: Ground, kinds: Kinds, sites: Sites) -> None:
    """
    Give every customer a site: existing ones where that costs less than any new port, then the cheapest new ones.

    Notes
    -----
    The greedy choice of least price per home (Hochbaum 1982), lazily evaluated: an offer only ever gets dearer as
    customers are served.
    """
    search = make_search(len(ground.feed))
    cheapest = (kinds.price // kinds.ports).min()
    for s in range(sites.number[0]):
        _take(ground, search, sites, s, FAR, FAR - 1, cheapest)
    heap = [(0.0, np.int64(0))]
    heap.clear()
    for node in range(len(ground.feed)):
        price, _, _ = offer(ground, kinds, search, node, sites.site)
        if price < np.inf:
            heapq.heappush(heap, (price, np.int64(node)))
    while heap:
        _, v = heapq.heappop(heap)
        price, kind, reach = offer(ground, kinds, search, int(v), sites.site)
        if price == np.inf:
            continue
        if not heap or price <= heap[0][0]:
            if not _open(ground, kinds, search, sites, int(v), kind, reach):
                continue
            price, kind, reach = offer(ground, kinds, search, int(v), sites.site)
            if price == np.inf:
                continue
        heapq.heappush(heap, (price, np.int64(v)))


@kernel
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


@kernel
def _bill(
    ground: Ground, kinds: Kinds, search: Search, sites: Sites, s: int, v: int, kind: int, most: np.int64
) -> np.int64:
    """Return what site s costs at v with its feed and the fibre of its customers; FAR if that is over `most`."""
    if ground.feed[v] >= FAR:
        return FAR
    money = kinds.price[kind] + kinds.feeders[kind] * ground.feed[v]
    left = kinds.ports[sites.kind[s]] - sites.room[s]
    heap = _begin(search, v)
    u = _step(ground, search, heap)
    while u >= 0 and left > 0 and money < most:
        for i in range(ground.first[u], ground.first[u + 1]):
            c = ground.customer[i]
            if sites.site[c] == s:
                if search.length[u] + ground.drop_mm[c] > kinds.max_mm[kind]:
                    return FAR
                money += search.money[u] * ground.fibres[c]
                left -= ground.units[c]
        u = _step(ground, search, heap)
    return money if left == 0 else FAR


@kernel
def _shift(ground: Ground, kinds: Kinds, search: Search, sites: Sites, s: int) -> bool:
    """Move a site from neighbour to neighbour, and choose its kind anew, while that is cheaper."""
    homes = kinds.ports[sites.kind[s]] - sites.room[s]
    best = _bill(ground, kinds, search, sites, s, sites.node[s], sites.kind[s], FAR)
    moved, on = False, True
    while on:
        on = False
        v, kind = sites.node[s], sites.kind[s]
        to, to_kind = v, kind
        for i in range(ground.start[v], ground.start[v + 1] + 1):
            u = v if i == ground.start[v + 1] else ground.node[i]
            for k in range(len(kinds.ports)):
                if kinds.ports[k] >= homes and (u != v or k != kind):
                    money = _bill(ground, kinds, search, sites, s, u, k, best)
                    if money < best:
                        best, to, to_kind, on, moved = money, u, k, True, True
        sites.node[s], sites.kind[s], sites.room[s] = to, to_kind, kinds.ports[to_kind] - homes
    return moved


@kernel
def _close(ground: Ground, kinds: Kinds, search: Search, sites: Sites, s: int, mine: Ints, at: Ints) -> bool:
    """Hang all customers of an access point on others with room, if that is cheaper than keeping it."""
    budget = kinds.price[sites.kind[s]] + kinds.feeders[sites.kind[s]] * ground.feed[sites.node[s]]
    goal = np.empty(len(mine), np.int64)
    price = np.empty(len(mine), np.int64)
    done = 0
    for j in range(len(mine)):
        c = mine[j]
        heap = _begin(search, ground.where[c])
        u = _step(ground, search, heap)
        goal[j] = -1
        while u >= 0 and search.money[u] * ground.fibres[c] - sites.paid[c] < budget:
            b = at[u]
            if b >= 0 and b != s and sites.room[b] >= ground.units[c]:
                kind = sites.kind[b]
                if kind < 0 or search.length[u] + ground.drop_mm[c] <= kinds.max_mm[kind]:
                    goal[j], price[j] = b, search.money[u] * ground.fibres[c]
                    break
            u = _step(ground, search, heap)
        if goal[j] < 0:
            break
        sites.room[goal[j]] -= ground.units[c]
        budget -= price[j] - sites.paid[c]
        done += 1
    if done == len(mine) and budget > 0:
        for j in range(len(mine)):
            sites.site[mine[j]], sites.paid[mine[j]] = goal[j], price[j]
        sites.room[s] = 0
        sites.kind[s] = CLOSED
        return True
    for j in range(done):
        sites.room[goal[j]] += ground.units[mine[j]]
    return False


@kernel
def refine(ground: Ground, kinds: Kinds, sites: Sites, rounds: int) -> None:
    """
    Make a choice of sites cheaper: hang customers on nearer ones, shift, shrink and close sites.

    Each move only ever lowers the cost; every customer keeps a site with a port
    and within its reach.
    """
    search = make_search(len(ground.feed))
    moved = True
    while moved and rounds > 0:
        rounds -= 1
        moved = False
        for s in range(sites.number[0]):
            if sites.kind[s] != CLOSED and sites.room[s] > 0:
                limit = FAR if sites.kind[s] < 0 else kinds.max_mm[sites.kind[s]]
                moved |= _take(ground, search, sites, s, limit, limit, FAR)
        first, mine = _hung(sites)
        for s in range(sites.number[0]):
            if sites.kind[s] < 0:
                continue
            if first[s] == first[s + 1]:
                sites.kind[s], sites.room[s] = CLOSED, 0
            else:
                moved |= _shift(ground, kinds, search, sites, s)
        at = np.full(len(ground.feed), -1)
        for s in range(sites.number[0]):
            if sites.kind[s] != CLOSED:
                at[sites.node[s]] = s
        for s in range(sites.number[0]):
            if sites.kind[s] < 0:
                continue
            first, mine = _hung(sites)
            if first[s] < first[s + 1]:
                moved |= _close(ground, kinds, search, sites, s, mine[first[s] : first[s + 1]], at)
    _settle(ground, search, sites)


@kernel
def _settle(ground: Ground, search: Search, sites: Sites) -> None:
    """Set the price of each customer's fibre to that from where its site stands now."""
    first, _ = _hung(sites)
    for s in range(sites.number[0]):
        left = first[s + 1] - first[s]
        heap = _begin(search, sites.node[s])
        u = _step(ground, search, heap)
        while u >= 0 and left > 0:
            for i in range(ground.first[u], ground.first[u + 1]):
                c = ground.customer[i]
                if sites.site[c] == s:
                    sites.paid[c] = search.money[u] * ground.fibres[c]
                    left -= 1
            u = _step(ground, search, heap)


@kernel
def lead(ground: Ground, tail: Ints, head: Ints, sites: Sites) -> tuple[Ints, Ints]:
    """Return the edges from each customer's site to its node, in rows; none where it has no site."""
    search = make_search(len(ground.feed))
    first, _ = _hung(sites)
    start = np.zeros(len(sites.site) + 1, np.int64)
    edges = np.empty(0, np.int64)
    for write in (False, True):
        for s in range(sites.number[0]):
            left = first[s + 1] - first[s]
            heap = _begin(search, sites.node[s])
            u = _step(ground, search, heap)
            while u >= 0 and left > 0:
                for i in range(ground.first[u], ground.first[u + 1]):
                    c = ground.customer[i]
                    if sites.site[c] != s:
                        continue
                    left -= 1
                    v, hops = u, np.int64(0)
                    while v != sites.node[s]:
                        hops += 1
                        if write:
                            edges[start[c + 1] - hops] = search.via[v]
                        v = tail[search.via[v]] + head[search.via[v]] - v
                    if not write:
                        start[c + 1] = hops
                u = _step(ground, search, heap)
        if not write:
            start = np.cumsum(start)
            edges = np.empty(start[-1], np.int64)
    return start, edges


@kernel
def feed_from(ground: Ground, tap_node: Ints, usable: Flags) -> tuple[Ints, Ints, Ints, Ints]:
    """
    Search from all usable taps at once.

    Returns, by node, the price of one fibre from the nearest tap (`FAR` where there is no way), the edge it comes by
    (-1 at a tap), the tap, and the length.
    """
    nodes = len(ground.feed)
    search = make_search(nodes)
    money, length = np.full(nodes, FAR), np.full(nodes, FAR)
    via, origin = np.full(nodes, -1), np.full(nodes, -1)
    heap = [(np.int64(0), np.int64(0))]
    heap.clear()
    for t in range(len(tap_node)):
        v = tap_node[t]
        if usable[t] and origin[v] < 0:
            origin[v] = t
            search.stamp[v], search.length[v], search.money[v], search.via[v] = search.turn[0], 0, 0, -1
            heapq.heappush(heap, (np.int64(0), np.int64(v)))
    u = _step(ground, search, heap)
    while u >= 0:
        money[u], length[u], via[u] = search.money[u], search.length[u], search.via[u]
        for i in range(ground.start[u], ground.start[u + 1]):
            w = ground.node[i]
            if (
                search.via[w] == ground.edge[i]
                and search.stamp[w] == search.turn[0]
                and via[w] < 0
                and length[w] == FAR
            ):
                origin[w] = origin[u]
        u = _step(ground, search, heap)
    return money, via, origin, length
