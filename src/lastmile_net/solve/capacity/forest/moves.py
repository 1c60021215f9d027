"""
Compiled moves that make a forest cheaper in which every tree has ports for all its homes, whoever is served by whom.

A tree may hold several taps: what counts is that its homes need no more ports than its taps have together. Where fibre
has no price and routes no limit, the forest's cost is all that there is to say of a plan.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lastmile_net.solve.bound import draw
from lastmile_net.solve.capacity.forest.survey import Survey, is_key, survey, survey_of
from lastmile_net.solve.compile import inner_kernel, kernel
from lastmile_net.solve.graph import FAR, LEAF, copy_into
from lastmile_net.solve.paths import heap_pop, heap_up

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.solve.capacity.bound.cuts import Need
    from lastmile_net.solve.graph import Graph

    Ints = NDArray[np.int64]
    Shorts = NDArray[np.int32]
    Flags = NDArray[np.bool_]


FEWEST_NEAR, MOST_NEAR = 5, 40
"""So many nodes next to one another are shaken at a time;"""
NOISE = 0.8
"""prices differ by up to this part."""


class Way(NamedTuple):
    """Working memory of a search for a way: money, arc it came by, homes still without a port, heap and places."""

    far: Ints
    arc: Shorts
    short: Ints
    heap: Shorts
    place: Shorts
    touched: Shorts


@inner_kernel
def _way_of(nodes: int) -> Way:
    """Return room for searches among so many nodes."""
    return Way(
        np.full(nodes, FAR),
        np.full(nodes, -1, np.int32),
        np.zeros(nodes, np.int64),
        np.empty(nodes, np.int32),
        np.full(nodes, -1, np.int32),
        np.zeros(nodes + 1, np.int32),
    )


@kernel
def complete_forest(graph: Graph, need: Need, price: Ints, built: Flags) -> bool:
    """Tie each tree that lacks ports by the cheapest way to trees that have them; return whether all have enough."""
    found, way = survey_of(len(graph.kind)), _way_of(len(graph.kind))
    while not survey(graph, need, built, found):
        worst = int(np.argmax(found.lacks[: found.number[1]]))
        goal = _tie(graph, price, found, way, built, (-1, worst, 0, 0), int(FAR))
        _dig(graph, way, built, goal)
        if goal < 0:
            return False
    return True


@kernel
def improve_forest(graph: Graph, need: Need, price: Ints, built: Flags) -> int:
    """
    Exchange paths of a forest while that makes it cheaper; changes `built`.

    Parameters
    ----------
    graph
        The graph; node 0 only feeds the taps.
    need
        Homes and ports of each node.
    price
        Price of each edge as the moves shall see it.
    built
        bool (m,). The forest; every tree of it has ports enough.

    Returns
    -------
    gain
        By how much it is cheaper now.

    Notes
    -----
    Key-path exchange (Uchoa & Werneck), but what is cut off is tied again to any tree that has the ports it lacks, over
    any others on the way; a path between two parts that need no ports from each other goes.
    """
    nodes = len(graph.kind)
    found, spare, way = survey_of(nodes), built.copy(), _way_of(nodes)
    if not survey(graph, need, built, found):
        return 0
    return _exchange_all(graph, need, price, found, way, spare, built, np.arange(nodes))


@kernel
def shake_forest(graph: Graph, need: Need, price: Ints, built: Flags, chance: Ints, steps: int) -> int:
    """
    Shake a forest here and there, and let it settle; changes `built`.

    Parameters
    ----------
    graph, need, price, built
        As in `improve_forest`.
    chance
        int64 (1,). State of the random numbers; changed.
    steps
        How often.

    Returns
    -------
    gain
        By how much it is cheaper now.

    Notes
    -----
    Around a node of chance the prices are made to differ, paths are exchanged as if they were true, and then as they
    are. What is not dearer than before stays (iterated local search, Lourenço, Martin & Stützle 2003).
    """
    nodes = len(graph.kind)
    found, spare, way = survey_of(nodes), built.copy(), _way_of(nodes)
    if not survey(graph, need, built, found):
        return 0
    before, noisy = built.copy(), price.copy()
    near, seen = np.empty(nodes, np.int64), np.full(nodes, -1, np.int64)
    total = 0
    for step in range(steps):
        first = found.order[int(draw(chance) * found.number[0])]
        wanted = FEWEST_NEAR + int(draw(chance) * (MOST_NEAR - FEWEST_NEAR))
        count = gather_near(graph, near, seen, first, wanted, step)
        for i in range(count):
            for j in range(graph.start[near[i]], graph.start[near[i] + 1]):
                e = graph.arc[j] >> 1
                noisy[e] = int(price[e] * (1 + NOISE * (2 * draw(chance) - 1)))
        copy_into(before, built)
        _exchange_all(graph, need, noisy, found, way, spare, built, near[:count])
        for i in range(count):
            for j in range(graph.start[near[i]], graph.start[near[i] + 1]):
                noisy[graph.arc[j] >> 1] = price[graph.arc[j] >> 1]
        _exchange_all(graph, need, price, found, way, spare, built, near[:count])
        gain = 0
        for e in range(len(built)):
            if built[e] != before[e]:
                gain += price[e] if before[e] else -price[e]
        if gain < 0:
            copy_into(built, before)
            survey(graph, need, built, found)
        else:
            total += gain
    return total


@kernel
def gather_near(graph: Graph, near: Ints, seen: Ints, first: int, wanted: int, turn: int) -> int:
    """
    List the nodes nearest to one, by the number of edges between; return how many there are.

    `near` takes them, `seen` holds the turn in which each node was listed last.
    """
    near[0] = first
    seen[first] = turn
    count, done = 1, 0
    while done < count:
        v = near[done]
        done += 1
        for i in range(graph.start[v], graph.start[v + 1]):
            u = graph.nbr[i]
            if u != 0 and seen[u] != turn and count < wanted:
                seen[u] = turn
                near[count] = u
                count += 1
    return count


@inner_kernel
def _exchange_all(
    graph: Graph, need: Need, price: Ints, found: Survey, way: Way, spare: Flags, built: Flags, nodes: Ints
) -> int:
    """Exchange the paths above some nodes while that gains; `spare` is as long as `built`."""
    total = 0
    moved = True
    while moved:
        moved = False
        for v in nodes:
            while found.tree[v] >= 0 and found.via[v] >= 0 and is_key(graph, need, found, v):
                gain = _exchange(graph, need, price, found, way, spare, built, v)
                if gain <= 0:
                    break
                if not survey(graph, need, built, found):
                    copy_into(built, spare)
                    survey(graph, need, built, found)
                    break
                total += gain
                moved = True
    return total


@inner_kernel
def _exchange(
    graph: Graph, need: Need, price: Ints, found: Survey, way: Way, spare: Flags, built: Flags, v: int
) -> int:
    """
    Take out the path above v, and tie again what then lacks ports; return the gain, 0 where nothing is changed.

    Where something is, `spare` holds the forest as it was.
    """
    cost = 0
    w = v
    while True:
        a = found.via[w]
        cost += int(price[a >> 1])
        built[a >> 1] = False
        w = graph.end[a ^ 1]
        if found.via[w] < 0 or is_key(graph, need, found, w):
            break
    below, goal = found.short[v], -1
    enough = below <= 0 and found.lacks[found.tree[v]] <= below
    if not enough:
        # nodes of the path between v and w belong to neither side: they come just before v in the preorder, in a chain
        goal = _tie(graph, price, found, way, built, (v, w, found.enter[v], found.leave[v]), cost)
    gain = cost if enough else (cost - int(way.far[goal]) if goal >= 0 else 0)
    if gain > 0:
        copy_into(spare, built)
    last = w
    w = v
    while w != last:
        if gain > 0:
            spare[found.via[w] >> 1] = True
        else:
            built[found.via[w] >> 1] = True
        w = graph.end[found.via[w] ^ 1]
    _dig(graph, way, built, goal if gain > 0 else -1)
    return gain


@kernel
def _dig(graph: Graph, way: Way, built: Flags, goal: int) -> None:
    """Build the way that leads to its end, if there is any, and wipe the search."""
    while goal >= 0 and way.arc[goal] >= 0:
        built[way.arc[goal] >> 1] = True
        goal = graph.end[way.arc[goal] ^ 1]
    for i in range(way.touched[0]):
        u = way.touched[i + 1]
        way.far[u] = FAR
        way.arc[u] = -1
        way.place[u] = -1
    way.touched[0] = 0


@inner_kernel
def _side(found: Survey, cut: tuple[int, int, int, int], u: int) -> int:
    """
    Say where a node lies: 1 below the cut path, 2 above it in the same tree, 0 in another tree, -1 in none.

    `cut` is the lower and the upper end of the path, and the places of the part below; -1 and a tree for all of that.
    """
    v, w, low, high = cut
    if found.tree[u] < 0:
        return -1
    if v < 0:
        return 2 if found.tree[u] == w else 0
    if found.tree[u] != found.tree[v]:
        return 0
    if low <= found.enter[u] < high:
        return 1
    # a node strictly between v and w has v in its subtree and lies in that of w
    if found.enter[w] < found.enter[u] < low and found.leave[u] >= high and u != w:
        return -1
    return 2


@inner_kernel
def _begin(graph: Graph, found: Survey, way: Way, cut: tuple[int, int, int, int], mine: int, lacks: int) -> int:
    """Mark the nodes of one side as those a way may begin at, in `way.touched`; return their number."""
    count = 0
    first, last = (cut[2], cut[3]) if mine == 1 else (0, int(found.number[0]))
    alone = mine == 1 and graph.kind[cut[0]] == LEAF
    for i in range(first, last):
        u = found.order[i]
        if (alone or graph.kind[u] != LEAF) and (mine == 1 or _side(found, cut, u) == mine):
            way.far[u] = 0
            way.short[u] = lacks
            count += 1
            way.touched[count] = u
    way.touched[0] = count
    return count


@inner_kernel
def _short_there(found: Survey, short: int, x: int, side: int, upwards: bool, above: int, built: bool) -> int:
    """Return the ports that a way still lacks at x, where the end before lacked `short`."""
    if upwards:
        return 0 if side == 2 else short
    if side < 0 or built:
        return short
    return short + (found.lacks[found.tree[x]] if side == 0 else above)


@inner_kernel
def _tie(
    graph: Graph,
    price: Ints,
    found: Survey,
    way: Way,
    built: Flags,
    cut: tuple[int, int, int, int],
    limit: int,
) -> int:
    """
    Search for the cheapest way, below `limit`, that mends a cut; return its end.

    It begins below the cut: if that side lacks ports, it goes on until it has met trees with so many, else until it
    meets the side above, which is short of what is left over below. Where a whole tree lacks ports and no way leads to
    all of them, the nearest tree that has some will do.
    """
    whole = cut[0] < 0
    below = 0 if whole else found.short[cut[0]]
    above = found.lacks[cut[1] if whole else found.tree[cut[0]]] - below
    mine = 2 if whole else 1
    lacks = above if whole or below <= 0 else below
    upwards = not whole and below <= 0
    sources = _begin(graph, found, way, cut, mine, lacks)
    touched, done = sources, 0
    size = 0
    goal = -1
    while done < sources or size > 0:
        if done < sources:
            done += 1
            u = way.touched[done]
        else:
            u = heap_pop(way.heap, way.place, way.far, size)
            size -= 1
        if way.short[u] <= 0:
            goal = u
            break
        if goal < 0 and whole and way.short[u] < lacks:
            goal = u
        for i in range(graph.start[u], graph.start[u + 1]):
            x, a = graph.nbr[i], graph.arc[i]
            if x == 0 or graph.kind[x] == LEAF:
                continue
            far = way.far[u] + (0 if built[a >> 1] else price[a >> 1])
            if far >= limit or far >= way.far[x]:
                continue
            side = _side(found, cut, x)
            if side == mine:
                continue
            if way.far[x] == FAR:
                touched += 1
                way.touched[touched] = x
            way.far[x] = far
            way.arc[x] = a
            way.short[x] = _short_there(found, way.short[u], x, side, upwards, above, built[a >> 1])
            size = heap_up(way.heap, way.place, way.far, size, x)
    for i in range(size):
        way.place[way.heap[i]] = -1
    way.touched[0] = touched
    return goal
