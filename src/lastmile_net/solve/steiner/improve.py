"""
Exchange key paths and eliminate key vertices of a tree as long as that pays.

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

from lastmile_net.solve.compile import kernel
from lastmile_net.solve.graph import FAR, LEAF, PLAIN, TERMINAL
from lastmile_net.solve.paths import heap_pop, heap_up, spread
from lastmile_net.solve.steiner.construct import span, spans, tree_cost
from lastmile_net.solve.steiner.mergeable import drop_first, meld

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.solve.graph import Graph

    Ints = NDArray[np.int64]
    Shorts = NDArray[np.int32]
    Flags = NDArray[np.bool_]

MOST_BRANCH = 60
"""A branch with more nodes than this is not taken away as a whole."""
MOST_TRIES = 48
"""A batch of moves that fail together is halved, and its halves, until this many were tried."""
MOST_PARTS = 24
"""A key vertex with more key paths than this is left in peace."""


class Tree(NamedTuple):
    """A tree's nodes in order (parents first), each node's place in it, the size of its branch, and its key paths."""

    via: Shorts
    order: Shorts
    pre: Shorts
    size: Shorts
    upper: Shorts
    below: Shorts
    beside: Shorts


class Regions(NamedTuple):
    """Each node's nearest tree node, the way there, all nodes by that tree node, and a heap to mend them with."""

    far: Ints
    via: Shorts
    base: Shorts
    start: Shorts
    node: Shorts
    heap: Shorts
    place: Shorts


class Borders(NamedTuple):
    """Ways between tree nodes, one for each edge where two regions meet, in heaps and by where they part."""

    key: Ints
    child: Shorts
    sibling: Shorts
    top: Shorts
    parting: Shorts
    next: Shorts


class Moves(NamedTuple):
    """What could be done: the gain, the nodes that go, the nodes that come. `fill` is (moves, gone, come)."""

    gain: Ints
    gone_start: Ints
    gone: Shorts
    come_start: Ints
    come: Shorts
    fill: Ints


@kernel
def is_key(graph: Graph, kids: Shorts, v: int) -> bool:
    """Say whether a tree node is the root, a terminal, or has two or more children."""
    return v == 0 or graph.kind[v] != PLAIN or kids[v] >= 2


@kernel
def lay_out(graph: Graph, via: Shorts) -> Tree:
    """Order a tree's nodes and find its key paths."""
    nodes = len(via)
    first = np.full(nodes, -1, np.int32)
    after = np.full(nodes, -1, np.int32)
    kids = np.zeros(nodes, np.int32)
    for v in range(nodes - 1, -1, -1):
        if via[v] >= 0:
            p = graph.end[via[v] ^ 1]
            after[v] = first[p]
            first[p] = v
            kids[p] += 1
    order = np.empty(nodes, np.int32)
    pre = np.full(nodes, -1, np.int32)
    stack = np.empty(nodes, np.int32)
    stack[0] = 0
    waiting, count = 1, 0
    while waiting > 0:
        waiting -= 1
        v = stack[waiting]
        pre[v] = count
        order[count] = v
        count += 1
        u = first[v]
        while u >= 0:
            stack[waiting] = u
            waiting += 1
            u = after[u]
    order = order[:count].copy()
    size = np.zeros(nodes, np.int32)
    upper = np.full(nodes, -1, np.int32)
    below = np.full(nodes, -1, np.int32)
    beside = np.full(nodes, -1, np.int32)
    for i in range(count - 1, -1, -1):
        v = order[i]
        size[v] += 1
        if i > 0:
            size[graph.end[via[v] ^ 1]] += size[v]
        if i > 0 and is_key(graph, kids, v):
            u = v
            w = graph.end[via[v] ^ 1]
            while not is_key(graph, kids, w):
                u = w
                w = graph.end[via[w] ^ 1]
            upper[v] = u
            beside[v] = below[w]
            below[w] = v
    return Tree(via, order, pre, size, upper, below, beside)


@kernel
def lay_regions(graph: Graph, tree: Tree) -> Regions:
    """Give each street node to its nearest street node of the tree."""
    nodes = len(graph.kind)
    source = tree.order[graph.kind[tree.order] != LEAF]
    far, via, base = spread(graph, graph.cost, source)
    start = np.zeros(nodes + 1, np.int32)
    for v in range(nodes):
        if graph.kind[v] != LEAF and base[v] >= 0:
            start[base[v] + 1] += 1
    for v in range(nodes):
        start[v + 1] += start[v]
    fill = start[:-1].copy()
    node = np.empty(start[-1], np.int32)
    for v in range(nodes):
        if graph.kind[v] != LEAF and base[v] >= 0:
            node[fill[base[v]]] = v
            fill[base[v]] += 1
    return Regions(far, via, base, start, node, np.empty(nodes, np.int32), np.full(nodes, -1, np.int32))


@kernel
def lay_borders(graph: Graph, tree: Tree, regions: Regions) -> Borders:
    """Collect the ways between tree nodes where their regions meet."""
    nodes, edges = len(graph.kind), len(graph.cost)
    key = np.full(edges, FAR)
    child = np.full(2 * edges, -1, np.int32)
    sibling = np.full(2 * edges, -1, np.int32)
    top = np.full(nodes, -1, np.int32)
    parting = np.full(nodes, -1, np.int32)
    after = np.full(edges, -1, np.int32)
    chain = heavy_chains(graph, tree)
    for e in range(edges - 1, -1, -1):
        u, v = graph.end[2 * e + 1], graph.end[2 * e]
        a, b = regions.base[u], regions.base[v]
        if a == b or a < 0 or b < 0 or graph.kind[u] == LEAF or graph.kind[v] == LEAF:
            continue
        if tree.via[u] >> 1 == e or tree.via[v] >> 1 == e:
            continue
        key[e] = regions.far[u] + graph.cost[e] + regions.far[v]
        top[a] = meld(key, child, sibling, top[a], 2 * e)
        top[b] = meld(key, child, sibling, top[b], 2 * e + 1)
        w = meet(graph, tree, chain, a, b)
        if w not in (a, b):
            after[e] = parting[w]
            parting[w] = e
    return Borders(key, child, sibling, top, parting, after)


@kernel
def heavy_chains(graph: Graph, tree: Tree) -> Shorts:
    """Return the upper end of the chain of largest branches that each tree node lies on."""
    chain = np.full(len(tree.via), -1, np.int32)
    chain[0] = 0
    heavy = np.full(len(tree.via), -1, np.int32)
    for v in tree.order[1:]:
        p = graph.end[tree.via[v] ^ 1]
        if heavy[p] < 0 or tree.size[v] > tree.size[heavy[p]]:
            heavy[p] = v
    for v in tree.order[1:]:
        p = graph.end[tree.via[v] ^ 1]
        chain[v] = chain[p] if heavy[p] == v else v
    return chain


@kernel
def meet(graph: Graph, tree: Tree, chain: Shorts, a: int, b: int) -> int:
    """Return the lowest common ancestor of two tree nodes."""
    while chain[a] != chain[b]:
        if tree.pre[chain[a]] > tree.pre[chain[b]]:
            a = int(graph.end[tree.via[chain[a]] ^ 1])
        else:
            b = int(graph.end[tree.via[chain[b]] ^ 1])
    return a if tree.pre[a] < tree.pre[b] else b


@kernel
def within(tree: Tree, v: int, top: int) -> bool:
    """Say whether tree node v lies in the branch of `top`."""
    return bool(tree.pre[top] <= tree.pre[v] < tree.pre[top] + tree.size[top])


@kernel
def best_border(tree: Tree, regions: Regions, borders: Borders, graph: Graph, k: int, top: int) -> int:
    """Return the cheapest way out of the branch of `top` that starts below k (item, -1: none)."""
    item = int(borders.top[k])
    while item >= 0:
        other = regions.base[graph.end[item]]
        if not within(tree, other, top):
            break
        item = drop_first(borders.key, borders.child, borders.sibling, item)
    borders.top[k] = item
    return item


@kernel
def mend(graph: Graph, regions: Regions, gone: Shorts, limit: int, kept: Ints, kept_via: Shorts) -> Shorts:
    """
    Give the regions of nodes that go to the tree nodes that stay, as far as `limit` reaches.

    Returns the nodes concerned; `kept` and `kept_via` take what was there before, for `restore`.
    """
    count = 0
    for w in gone:
        count += regions.start[w + 1] - regions.start[w]
    lost = np.empty(count, np.int32)
    count = 0
    for w in gone:
        for i in range(regions.start[w], regions.start[w + 1]):
            lost[count] = regions.node[i]
            count += 1
    for i in range(count):
        v = lost[i]
        kept[i] = regions.far[v]
        kept_via[2 * i] = regions.via[v]
        kept_via[2 * i + 1] = regions.base[v]
        regions.far[v] = FAR
        regions.base[v] = -1
        regions.via[v] = -1
    size = 0
    for v in lost:
        for i in range(graph.start[v], graph.start[v + 1]):
            u = graph.nbr[i]
            if graph.kind[u] != LEAF and regions.base[u] >= 0:
                size = reach(graph, regions, int(u), int(v), int(graph.arc[i]) ^ 1, limit, size)
    while size > 0:
        v = heap_pop(regions.heap, regions.place, regions.far, size)
        size -= 1
        for i in range(graph.start[v], graph.start[v + 1]):
            u = graph.nbr[i]
            if graph.kind[u] != LEAF:
                size = reach(graph, regions, v, u, graph.arc[i], limit, size)
    return lost


@kernel
def reach(graph: Graph, regions: Regions, u: int, v: int, a: int, limit: int, size: int) -> int:
    """Offer node v the way over u by arc a, if that is shorter and no longer than `limit`; return the heap's size."""
    d = regions.far[u] + graph.cost[a >> 1]
    if d >= regions.far[v] or d > limit:
        return size
    regions.far[v] = d
    regions.via[v] = a
    regions.base[v] = regions.base[u]
    return heap_up(regions.heap, regions.place, regions.far, size, v)


@kernel
def restore(regions: Regions, lost: Shorts, kept: Ints, kept_via: Shorts) -> None:
    """Undo `mend`."""
    for i in range(len(lost)):
        v = lost[i]
        regions.far[v] = kept[i]
        regions.via[v] = kept_via[2 * i]
        regions.base[v] = kept_via[2 * i + 1]


@kernel
def come(graph: Graph, regions: Regions, moves: Moves, v: int) -> None:
    """Note the nodes from v to the tree as such that come."""
    while v >= 0 and regions.via[v] >= 0:
        if moves.fill[2] < len(moves.come):
            moves.come[moves.fill[2]] = v
            moves.fill[2] += 1
        v = int(graph.end[regions.via[v] ^ 1])


@kernel
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


@kernel
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


@kernel
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


@kernel
def part_of(tree: Tree, parts: Shorts, v: int) -> int:
    """Return which of the branches `parts` tree node v lies in, or their number for the rest of the tree."""
    for j in range(len(parts)):
        if within(tree, v, parts[j]):
            return j
    return len(parts)


@kernel
def offer(price: Ints, link: Shorts, i: int, j: int, d: int, ends: tuple[int, int]) -> None:
    """Note a way of length d between parts i and j, if it is the cheapest."""
    if i != j and d < price[i, j]:
        price[i, j] = d
        price[j, i] = d
        for x, y in ((i, j), (j, i)):
            link[x, y, 0] = ends[0]
            link[x, y, 1] = ends[1]


@kernel
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


@kernel
def offer_between(
    tree: Tree, regions: Regions, parts: Shorts, price: Ints, link: Shorts, d: int, ends: tuple[int, int]
) -> None:
    """Note a way of length d between the parts that the regions of its two ends belong to."""
    if regions.base[ends[0]] >= 0 and regions.base[ends[1]] >= 0:
        i = part_of(tree, parts, regions.base[ends[0]])
        j = part_of(tree, parts, regions.base[ends[1]])
        offer(price, link, i, j, d, ends)


@kernel
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


@kernel
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


@kernel
def merge_up(graph: Graph, tree: Tree, borders: Borders, k: int, v: int) -> None:
    """Melt the heaps of the branch of k, and of the key path above it, into that of v."""
    borders.top[v] = meld(borders.key, borders.child, borders.sibling, borders.top[v], borders.top[k])
    u = k
    while u != tree.upper[k]:
        u = graph.end[tree.via[u] ^ 1]
        borders.top[v] = meld(borders.key, borders.child, borders.sibling, borders.top[v], borders.top[u])


@kernel
def apply_moves(graph: Graph, via: Shorts, moves: Moves, chosen: Shorts) -> Shorts:
    """Return the tree after some moves at once; it may fail to span."""
    inside = via >= 0
    inside[0] = True
    for i in chosen:
        for j in range(moves.gone_start[i], moves.gone_start[i + 1]):
            inside[moves.gone[j]] = False
    for i in chosen:
        for j in range(moves.come_start[i], moves.come_start[i + 1]):
            inside[moves.come[j]] = True
    return span(graph, inside)


@kernel
def compatible(moves: Moves, graph: Graph, nodes: int) -> Shorts:
    """Choose moves, the best first, such that none takes away a node that another one touched."""
    order = np.argsort(-moves.gain[: moves.fill[0]], kind="mergesort")
    touched = np.zeros(nodes, np.bool_)
    chosen = np.empty(len(order), np.int32)
    count = 0
    for i in order:
        free = True
        for j in range(moves.gone_start[i], moves.gone_start[i + 1]):
            free = free and not touched[moves.gone[j]]
        if not free:
            continue
        for j in range(moves.gone_start[i], moves.gone_start[i + 1]):
            v = moves.gone[j]
            touched[v] = True
            for h in range(graph.start[v], graph.start[v + 1]):
                touched[graph.nbr[h]] = True
        for j in range(moves.come_start[i], moves.come_start[i + 1]):
            v = moves.come[j]
            for h in range(graph.start[v], graph.start[v + 1]):
                touched[graph.nbr[h]] = True
        chosen[count] = i
        count += 1
    return chosen[:count].copy()


@kernel
def improve(graph: Graph, via: Shorts, passes: int) -> Shorts:
    """
    Improve a tree by exchanges until none gains or the passes are over.

    Parameters
    ----------
    graph
        The graph.
    via
        A tree that spans.
    passes
        At most this many times all moves are looked for.

    Returns
    -------
    better
        A tree that spans and costs no more.

    Notes
    -----
    A pass is O(m log n). Moves are judged each by itself and done together; where they
    get in each other's way, they are done by halves.
    """
    for _ in range(passes):
        moves = find_moves(graph, via)
        better = do_moves(graph, via, moves, compatible(moves, graph, len(via)))
        if tree_cost(graph, better) == tree_cost(graph, via):
            break
        via = better
    return via


@kernel
def do_moves(graph: Graph, via: Shorts, moves: Moves, chosen: Shorts) -> Shorts:
    """Do as many of the chosen moves as possible, all at once or by halves, and return the tree."""
    cost = tree_cost(graph, via)
    first = np.zeros(MOST_TRIES, np.int64)
    last = np.zeros(MOST_TRIES, np.int64)
    last[0] = len(chosen)
    waiting = 1 if len(chosen) > 0 else 0
    for _ in range(MOST_TRIES):
        if waiting == 0:
            break
        waiting -= 1
        low, high = first[waiting], last[waiting]
        better = apply_moves(graph, via, moves, chosen[low:high])
        if spans(graph, better) and tree_cost(graph, better) < cost:
            via = better
            cost = tree_cost(graph, via)
        elif high - low > 1 and waiting + 2 <= MOST_TRIES:
            half = (low + high) // 2
            first[waiting], last[waiting] = half, high
            first[waiting + 1], last[waiting + 1] = low, half
            waiting += 2
    return via
