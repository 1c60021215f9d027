"""
What a detour makes useless: edges with a shorter way around, forks that a tree can do without, links that are sure.

How far two nodes are apart by their bottleneck Steiner distance is the longest stretch without a terminal on the best
way between them: every tree ties the terminals on it together in any case (Duin & Volgenant, Networks 19, 1989).
It is bounded here by the nearest terminals of both ends, with the spanning tree of all terminals between, and by a
short search around them (Polzin & Vahdati Daneshmand, Discrete Appl. Math. 112, 2001). Leaves are terminals that
nothing runs through: they end ways, and never stand on one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lastmile_net.solve.compile import inner_kernel, kernel
from lastmile_net.solve.graph import FAR, LEAF, NONE, PLAIN, TERMINAL
from lastmile_net.solve.paths import heap_pop, heap_up

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.solve.graph import Graph

    Ints = NDArray[np.int64]
    Shorts = NDArray[np.int32]
    Flags = NDArray[np.bool_]

NEAR = 3
"""Terminals that are looked at around each node."""
STEPS = 40
"""Nodes that a search for a way around takes in at most."""


class Near(NamedTuple):
    """
    The nearest terminals of each node, and the spanning tree that ties them.

    Parameters
    ----------
    far, base
        int64 and int32 (NEAR, n). Distance and terminal, nearest first (FAR and -1 where there are fewer).
    above, link
        int32 and int64 (n,). For each terminal the one above it in the tree of unions (itself at the top), and how
        long the link was that joined both (FAR at the top); links grow longer upwards.
    """

    far: Ints
    base: Shorts
    above: Shorts
    link: Ints


class Around(NamedTuple):
    """Working memory of a short search: distance and place in the heap of each node, the heap, nodes touched."""

    far: Ints
    place: Shorts
    heap: Shorts
    touched: Shorts


def look_around(graph: Graph) -> Near:
    """Return the nearest terminals of each node, and how they hang together."""
    nodes = len(graph.kind)
    near = Near(
        np.full((NEAR, nodes), FAR),
        np.full((NEAR, nodes), -1, np.int32),
        np.arange(nodes, dtype=np.int32),
        np.full(nodes, FAR),
    )
    for k in range(NEAR):
        find_nearest(graph, near, k)
    tail, head = graph.end[1::2], graph.end[0::2]
    one, other = near.base[0, tail], near.base[0, head]
    open_way = (graph.kind[tail] != LEAF) & (graph.kind[head] != LEAF) & (one != other) & (one >= 0) & (other >= 0)
    edge = np.flatnonzero(open_way)
    length = near.far[0, tail[edge]] + graph.cost[edge] + near.far[0, head[edge]]
    order = np.argsort(length, kind="stable")
    tie(near, one[edge[order]], other[edge[order]], length[order])
    return near


def working_memory(graph: Graph) -> Around:
    """Return memory for short searches."""
    nodes = len(graph.kind)
    return Around(
        np.full(nodes, FAR), np.full(nodes, -1, np.int32), np.empty(nodes, np.int32), np.empty(nodes, np.int32)
    )


@kernel
def find_nearest(graph: Graph, near: Near, k: int) -> None:
    """Fill row k of the nearest terminals: the one that is nearest but for those of the rows before."""
    nodes = len(graph.kind)
    heap = np.empty(nodes, np.int32)
    place = np.full(nodes, -1, np.int32)
    far = near.far[k]
    size = 0
    for v in range(nodes):
        if k == 0 and graph.kind[v] == TERMINAL:
            far[v] = 0
            near.base[0, v] = v
            size = heap_up(heap, place, far, size, v)
        if k == 0 or (graph.kind[v] == LEAF and k > 0):
            continue
        for i in range(graph.start[v], graph.start[v + 1]):  # what the rows before offer a neighbour
            u = graph.nbr[i]
            for j in range(k):
                b = near.base[j, v]
                d = near.far[j, v] + graph.cost[graph.arc[i] >> 1]
                if b >= 0 and d < far[u] and is_new(near, k, u, b):
                    far[u] = d
                    near.base[k, u] = b
                    size = heap_up(heap, place, far, size, u)
    while size > 0:
        v = heap_pop(heap, place, far, size)
        size -= 1
        if graph.kind[v] == LEAF:
            continue
        for i in range(graph.start[v], graph.start[v + 1]):
            u = graph.nbr[i]
            d = far[v] + graph.cost[graph.arc[i] >> 1]
            if d < far[u] and is_new(near, k, u, near.base[k, v]):
                far[u] = d
                near.base[k, u] = near.base[k, v]
                size = heap_up(heap, place, far, size, u)


@kernel
def is_new(near: Near, k: int, v: int, b: int) -> bool:
    """Say whether terminal b is in none of the first k rows of node v."""
    known = False
    for j in range(k):
        known = known or near.base[j, v] == b
    return not known


@kernel
def tie(near: Near, one: Shorts, other: Shorts, length: Ints) -> None:
    """Join terminals by links in ascending order (Kruskal 1956), the smaller tree of unions below the larger."""
    size = np.ones(len(near.above), np.int32)
    for i in range(len(one)):
        a, b = one[i], other[i]
        while near.above[a] != a:
            a = near.above[a]
        while near.above[b] != b:
            b = near.above[b]
        if a == b:
            continue
        if size[a] > size[b]:
            a, b = b, a
        near.above[a] = b
        near.link[a] = length[i]
        size[b] += size[a]


@inner_kernel
def longest_link(near: Near, a: int, b: int) -> int:
    """Return the longest link between two terminals in their spanning tree."""
    longest = 0
    while a != b:
        if near.link[b] < near.link[a]:
            a, b = b, a
        longest = max(longest, int(near.link[a]))
        if longest >= FAR:
            break
        a = near.above[a]
    return longest


@kernel
def apart(near: Near, u: int, v: int, most: int) -> int:
    """Return a bound on the bottleneck Steiner distance of two nodes by their nearest terminals, `most` or less."""
    best = most
    for i in range(NEAR):
        if near.base[i, u] < 0 or near.far[i, u] >= best:
            break
        for j in range(NEAR):
            if near.base[j, v] < 0 or near.far[j, v] >= best:
                break
            d = max(near.far[i, u], near.far[j, v])
            if near.base[i, u] != near.base[j, v]:
                d = max(d, longest_link(near, near.base[i, u], near.base[j, v]))
            best = min(best, d)
    return best


@inner_kernel
def search_around(graph: Graph, around: Around, dead: Flags, source: int, without: int, most: int) -> int:
    """Find ways of at most `most` from a node, around edge `without`; return the number of nodes touched."""
    around.far[source] = 0
    around.touched[0] = source
    count, steps = 1, 0
    size = heap_up(around.heap, around.place, around.far, 0, source)
    while size > 0 and steps < STEPS:
        v = heap_pop(around.heap, around.place, around.far, size)
        size -= 1
        steps += 1
        if graph.kind[v] == LEAF and v != source:
            continue
        for i in range(graph.start[v], graph.start[v + 1]):
            e = graph.arc[i] >> 1
            u = graph.nbr[i]
            d = around.far[v] + graph.cost[e]
            if e == without or dead[e] or d > most or d >= around.far[u]:
                continue
            if around.far[u] == FAR:
                around.touched[count] = u
                count += 1
            around.far[u] = d
            size = heap_up(around.heap, around.place, around.far, size, u)
    for i in range(size):
        around.place[around.heap[i]] = -1
    return count


@inner_kernel
def forget(around: Around, count: int) -> None:
    """Make the memory of a search ready for the next one."""
    for i in range(count):
        around.far[around.touched[i]] = FAR


@kernel
def bypassed_edges(graph: Graph, near: Near, around: Around) -> Flags:
    """
    Return edges that some cheapest tree does without.

    Notes
    -----
    An edge that is longer than the bottleneck Steiner distance of its ends is in no cheapest tree, so all of these go
    at once; one with a way around it that is no longer goes as long as that way is there. Neither makes any two nodes
    farther apart.
    """
    edges = len(graph.cost)
    dead = np.zeros(edges, np.bool_)
    for e in range(edges):
        dead[e] = apart(near, graph.end[2 * e + 1], graph.end[2 * e], graph.cost[e]) < graph.cost[e]
    for e in range(edges):
        if dead[e]:
            continue
        u, v = graph.end[2 * e + 1], graph.end[2 * e]
        if graph.kind[v] == LEAF:
            u, v = v, u
        count = search_around(graph, around, dead, u, e, graph.cost[e])
        dead[e] = around.far[v] <= graph.cost[e]
        forget(around, count)
    return dead


@kernel
def needless_forks(graph: Graph, near: Near, around: Around) -> Flags:
    """
    Return plain nodes with three edges at which some cheapest tree does not fork, no two of them neighbours.

    Notes
    -----
    If the three neighbours can be tied by two ways whose bottleneck Steiner distances are together no longer than the
    three edges, the tree needs at most two of the edges (the test NTD3 of Duin & Volgenant).
    """
    nodes = len(graph.kind)
    chosen = np.zeros(nodes, np.bool_)
    beside = np.zeros(nodes, np.bool_)
    dead = np.zeros(len(graph.cost), np.bool_)
    for v in range(nodes):
        first = graph.start[v]
        if graph.kind[v] != PLAIN or graph.start[v + 1] - first != 3 or beside[v]:
            continue
        a, b, c = graph.nbr[first], graph.nbr[first + 1], graph.nbr[first + 2]
        if a in (b, c) or b == c or chosen[a] or chosen[b] or chosen[c]:
            continue
        if graph.kind[a] == LEAF or graph.kind[b] == LEAF or graph.kind[c] == LEAF:
            continue
        most = graph.cost[graph.arc[first] >> 1] + graph.cost[graph.arc[first + 1] >> 1]
        most += graph.cost[graph.arc[first + 2] >> 1]
        ab, ac, bc = apart(near, a, b, most), apart(near, a, c, most), apart(near, b, c, most)
        if min(ab + ac, ab + bc, ac + bc) > most:
            count = search_around(graph, around, dead, a, NONE, most)
            ab, ac = min(ab, around.far[b]), min(ac, around.far[c])
            forget(around, count)
            count = search_around(graph, around, dead, b, NONE, most)
            bc = min(bc, around.far[c])
            forget(around, count)
        if min(ab + ac, ab + bc, ac + bc) <= most:
            chosen[v] = True
            beside[a] = True
            beside[b] = True
            beside[c] = True
    return chosen


@kernel
def around_forks(graph: Graph, chosen: Flags) -> tuple[Ints, Ints, Ints]:
    """Return three new edges around each chosen node: the neighbours they join, and the two edges each is made of."""
    forks = 0
    for v in range(len(chosen)):
        forks += chosen[v]
    tail = np.empty(3 * forks, np.int64)
    head = np.empty(3 * forks, np.int64)
    parts = np.empty((3 * forks, 2), np.int64)
    count = 0
    for v in range(len(chosen)):
        if not chosen[v]:
            continue
        first = graph.start[v]
        for i in range(3):
            one, other = first + i, first + (i + 1) % 3
            tail[count], head[count] = graph.nbr[one], graph.nbr[other]
            parts[count, 0], parts[count, 1] = graph.arc[one] >> 1, graph.arc[other] >> 1
            count += 1
    return tail, head, parts


@kernel
def sure_links(graph: Graph, near: Near) -> tuple[Flags, Flags]:
    """
    Return edges that some cheapest tree holds, no two of them about the same terminals, and drops these make useless.

    Notes
    -----
    The shortest edge of a terminal or leaf is one if the way over it to another terminal is no longer than the second
    shortest edge (the nearest-vertex test of Duin & Volgenant).
    """
    nodes = len(graph.kind)
    sure = np.zeros(len(graph.cost), np.bool_)
    spare = np.zeros(len(graph.cost), np.bool_)
    taken = np.zeros(nodes, np.bool_)
    for t in range(nodes):
        if graph.kind[t] == PLAIN or taken[t]:
            continue
        shortest, second, way = FAR, FAR, -1
        for i in range(graph.start[t], graph.start[t + 1]):
            cost = graph.cost[graph.arc[i] >> 1]
            if cost < shortest:
                shortest, second, way = cost, shortest, i
            else:
                second = min(second, cost)
        if way < 0 or second >= FAR:
            continue
        v = graph.nbr[way]
        if graph.kind[v] == LEAF or taken[v]:
            continue
        for j in range(NEAR):
            b = near.base[j, v]
            if b >= 0 and b != t:
                if not taken[b] and shortest + near.far[j, v] <= second:
                    if graph.kind[t] == LEAF:
                        for i in range(graph.start[t], graph.start[t + 1]):
                            spare[graph.arc[i] >> 1] = i != way
                    sure[graph.arc[way] >> 1] = True
                    taken[t] = True
                    taken[v] = True
                    taken[b] = True
                break
    return sure, spare
