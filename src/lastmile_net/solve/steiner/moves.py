"""
Moves that make a tree cheaper.

A *key vertex* is a terminal or has three or more tree edges; a *key path* joins two of them. Taking a key path out
leaves two parts, which the cheapest way between them joins again: so a customer changes its drop, or a street branch
its parent. Taking a key vertex out with all its key paths leaves several parts.

References
----------
Uchoa & Werneck (2012), Fast local search for the Steiner problem in graphs, doi 10.1145/2133803.2184448.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lastmile_net.solve.compile import inner_kernel, kernel
from lastmile_net.solve.graph import FAR, LEAF, PLAIN, TERMINAL
from lastmile_net.solve.steiner.layout import lay_out, within
from lastmile_net.solve.steiner.regions import best_border, lay_borders, lay_regions, mend, merge_up, restore

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.solve.graph import Graph
    from lastmile_net.solve.steiner.layout import Tree
    from lastmile_net.solve.steiner.regions import Borders, Regions

    Ints = NDArray[np.int64]
    Shorts = NDArray[np.int32]

MOST_BRANCH = 60
"""A branch with more nodes than this is not taken away as a whole."""
MOST_PARTS = 24
"""A key vertex with more key paths than this is left in peace."""


class Moves(NamedTuple):
    """What could be done: the gain, the nodes that go, the nodes that come. `fill` is (moves, gone, come)."""

    gain: Ints
    gone_start: Ints
    gone: Shorts
    come_start: Ints
    come: Shorts
    fill: Ints


@inner_kernel
def come(graph: Graph, regions: Regions, moves: Moves, v: int) -> None:
    """Note the nodes from v to the tree as such that come; the tree's own node, where they end, must stay."""
    while v >= 0:
        if moves.fill[2] < len(moves.come):
            moves.come[moves.fill[2]] = v
            moves.fill[2] += 1
        v = int(graph.end[regions.via[v] ^ 1]) if regions.via[v] >= 0 else -1


@inner_kernel
def path_up(graph: Graph, tree: Tree, k: int, moves: Moves) -> int:
    """Note the inner nodes of the key path above k as such that go, and return the path's cost."""
    total = int(graph.cost[tree.via[k] >> 1])
    v = k
    while v != tree.upper[k]:
        v = graph.end[tree.via[v] ^ 1]
        total += int(graph.cost[tree.via[v] >> 1])
        moves.gone[moves.fill[1]] = v
        moves.fill[1] += 1
    return total


@inner_kernel
def close_move(moves: Moves, gain: int) -> None:
    """Keep the move noted last if it gains, else forget it."""
    i = moves.fill[0]
    if gain > 0 and i + 1 < len(moves.gain) and moves.fill[2] < len(moves.come):
        moves.gain[i] = gain
        moves.fill[0] = i + 1
        moves.gone_start[i + 1] = moves.fill[1]
        moves.come_start[i + 1] = moves.fill[2]
    else:
        moves.fill[1] = moves.gone_start[i]
        moves.fill[2] = moves.come_start[i]


@inner_kernel
def try_path(  # noqa: C901
    graph: Graph, tree: Tree, regions: Regions, borders: Borders, k: int, moves: Moves
) -> None:
    """Look for a cheaper way than the key path above k."""
    top = tree.upper[k]
    item = -1
    if graph.kind[k] != LEAF:
        item = best_border(tree, regions, borders, graph, k, top)
    total = path_up(graph, tree, k, moves)
    gone = moves.gone[moves.gone_start[moves.fill[0]] : moves.fill[1]]
    room = np.int64(0)
    for w in gone:
        room += regions.start[w + 1] - regions.start[w]
    kept = np.empty(room, np.int64)
    kept_via = np.empty(2 * room, np.int32)
    best = total
    one, two = -1, -1
    if item >= 0 and borders.key[item >> 1] < best:
        best = borders.key[item >> 1]
        one, two = graph.end[item], graph.end[item ^ 1]
    lost = mend(graph, regions, gone, total, kept, kept_via)
    if graph.kind[k] == LEAF:
        for i in range(graph.start[k], graph.start[k + 1]):
            u = graph.nbr[i]
            d = regions.far[u] + graph.cost[graph.arc[i] >> 1]
            if regions.base[u] >= 0 and d < best:
                best = d
                one = u
    else:
        for v in lost:
            if regions.base[v] < 0:
                continue
            side = within(tree, regions.base[v], k)
            for i in range(graph.start[v], graph.start[v + 1]):
                u = graph.nbr[i]
                if graph.kind[u] == LEAF or regions.base[u] < 0 or within(tree, regions.base[u], k) == side:
                    continue
                d = regions.far[v] + graph.cost[graph.arc[i] >> 1] + regions.far[u]
                if d < best:
                    best = d
                    one, two = v, u
    if best < total:
        come(graph, regions, moves, one)
        come(graph, regions, moves, two)
    restore(regions, lost, kept, kept_via)
    close_move(moves, total - best)


@inner_kernel
def part_of(tree: Tree, parts: Shorts, v: int) -> int:
    """Return which of the branches `parts` tree node v lies in, or their number for the rest of the tree."""
    for j in range(len(parts)):
        if within(tree, v, parts[j]):
            return j
    return len(parts)


@inner_kernel
def offer(price: Ints, link: Shorts, i: int, j: int, d: int, ends: tuple[int, int]) -> None:
    """Note a way of length d between parts i and j, if it is the cheapest."""
    if i != j and d < price[i, j]:
        price[i, j] = d
        price[j, i] = d
        for x, y in ((i, j), (j, i)):
            link[x, y, 0] = ends[0]
            link[x, y, 1] = ends[1]


@inner_kernel
def try_vertex(  # noqa: C901
    graph: Graph, tree: Tree, regions: Regions, borders: Borders, v: int, moves: Moves
) -> None:
    """Look for a cheaper way to join what key vertex v with its key paths joins."""
    count = 0
    k = tree.below[v]
    while k >= 0:
        count += 1
        k = tree.beside[k]
    if count < 2 or count + 1 > MOST_PARTS:
        return
    parts = np.empty(count, np.int32)
    total = path_up(graph, tree, v, moves)
    price = np.full((count + 1, count + 1), FAR)
    link = np.full((count + 1, count + 1, 2), -1, np.int32)
    k = tree.below[v]
    for j in range(count):
        parts[j] = k
        total += path_up(graph, tree, k, moves)
        if graph.kind[k] != LEAF:
            item = best_border(tree, regions, borders, graph, k, tree.upper[v])
            if item >= 0:
                offer(price, link, j, count, borders.key[item >> 1], (graph.end[item], graph.end[item ^ 1]))
        k = tree.beside[k]
    moves.gone[moves.fill[1]] = v
    moves.fill[1] += 1
    gone = moves.gone[moves.gone_start[moves.fill[0]] : moves.fill[1]]
    room = np.int64(0)
    for w in gone:
        room += regions.start[w + 1] - regions.start[w]
    kept = np.empty(room, np.int64)
    kept_via = np.empty(2 * room, np.int32)
    lost = mend(graph, regions, gone, total, kept, kept_via)
    e = borders.parting[v]
    while e >= 0:
        a, b = graph.end[2 * e], graph.end[2 * e + 1]
        if borders.key[e] == regions.far[a] + graph.cost[e] + regions.far[b]:
            offer_between(tree, regions, parts, price, link, borders.key[e], (a, b))
        e = borders.next[e]
    for a in lost:
        if regions.base[a] >= 0:
            for i in range(graph.start[a], graph.start[a + 1]):
                b = graph.nbr[i]
                if graph.kind[b] != LEAF and regions.base[b] >= 0:
                    d = regions.far[a] + graph.cost[graph.arc[i] >> 1] + regions.far[b]
                    offer_between(tree, regions, parts, price, link, d, (a, b))
    for j in range(count):
        k = parts[j]
        if graph.kind[k] == LEAF:
            for i in range(graph.start[k], graph.start[k + 1]):
                u = graph.nbr[i]
                if regions.base[u] >= 0:
                    d = regions.far[u] + graph.cost[graph.arc[i] >> 1]
                    offer(price, link, j, part_of(tree, parts, regions.base[u]), d, (u, -1))
    best = join(graph, regions, moves, parts, price, link, total)
    restore(regions, lost, kept, kept_via)
    close_move(moves, total - best)


@inner_kernel
def offer_between(
    tree: Tree, regions: Regions, parts: Shorts, price: Ints, link: Shorts, d: int, ends: tuple[int, int]
) -> None:
    """Note a way of length d between the parts that the regions of its two ends belong to."""
    if regions.base[ends[0]] >= 0 and regions.base[ends[1]] >= 0:
        i = part_of(tree, parts, regions.base[ends[0]])
        j = part_of(tree, parts, regions.base[ends[1]])
        offer(price, link, i, j, d, ends)


@inner_kernel
def join(graph: Graph, regions: Regions, moves: Moves, parts: Shorts, price: Ints, link: Shorts, total: int) -> int:
    """Join all parts by the cheapest ways, note what comes, and return the cost (`total` if that is not below it)."""
    count = len(parts) + 1
    streets = 0
    for k in parts:
        streets += graph.kind[k] != LEAF
    inside = np.zeros(count, np.bool_)
    partner = np.full(count, count - 1, np.int64)
    inside[count - 1] = True
    cost = 0
    for turn in range(count - 1):
        nearest = -1
        for j in range(count - 1):
            if inside[j] or (turn < streets and graph.kind[parts[j]] == LEAF):
                continue
            if nearest < 0 or price[j, partner[j]] < price[nearest, partner[nearest]]:
                nearest = j
        d = int(price[nearest, partner[nearest]])
        if d >= total or cost + d >= total:
            return total
        cost += d
        inside[nearest] = True
        if graph.kind[parts[nearest]] == LEAF:
            continue
        for j in range(count):
            if not inside[j] and price[j, nearest] < price[j, partner[j]]:
                partner[j] = nearest
    for j in range(count - 1):
        come(graph, regions, moves, link[j, partner[j], 0])
        come(graph, regions, moves, link[j, partner[j], 1])
    return cost


@inner_kernel
def try_branch(graph: Graph, tree: Tree, regions: Regions, v: int, moves: Moves) -> None:
    """Look for a cheaper way to serve the leaves of the branch of v, each by itself, from the rest of the tree."""
    top = tree.upper[v]
    total = path_up(graph, tree, v, moves)
    low = tree.pre[v]
    high = low + tree.size[v]
    for i in range(low + 1, high):
        u = tree.order[i]
        total += int(graph.cost[tree.via[u] >> 1])
        if graph.kind[u] == TERMINAL:
            close_move(moves, 0)
            return
    cost = 0
    for i in range(low, high):
        c = tree.order[i]
        if graph.kind[c] != LEAF:
            moves.gone[moves.fill[1]] = c
            moves.fill[1] += 1
            continue
        best, spot = total, -1
        for j in range(graph.start[c], graph.start[c + 1]):
            u = graph.nbr[j]
            d = int(regions.far[u] + graph.cost[graph.arc[j] >> 1])
            if d < best and not within(tree, regions.base[u], top):
                best, spot = d, u
        cost += best
        if cost >= total:
            break
        come(graph, regions, moves, spot)
    close_move(moves, total - cost)


@kernel
def find_moves(graph: Graph, via: Shorts) -> Moves:
    """Find all exchanges of a key path and eliminations of a key vertex that gain, each as if it were done alone."""
    nodes = len(via)
    tree = lay_out(graph, via)
    regions = lay_regions(graph, tree)
    borders = lay_borders(graph, tree, regions)
    most = len(tree.order) + 2
    moves = Moves(
        np.zeros(3 * most, np.int64),
        np.zeros(3 * most + 1, np.int64),
        np.empty((4 + MOST_BRANCH) * most, np.int32),
        np.zeros(3 * most + 1, np.int64),
        np.empty(4 * nodes, np.int32),
        np.zeros(3, np.int64),
    )
    for i in range(len(tree.order) - 1, 0, -1):
        v = tree.order[i]
        if tree.upper[v] < 0:
            continue
        if graph.kind[v] == PLAIN:
            try_vertex(graph, tree, regions, borders, v, moves)
            if tree.size[v] <= MOST_BRANCH:
                try_branch(graph, tree, regions, v, moves)
        k = tree.below[v]
        while k >= 0:
            merge_up(graph, tree, borders, k, v)
            k = tree.beside[k]
        try_path(graph, tree, regions, borders, v, moves)
    return moves
