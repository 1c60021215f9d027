"""
Lead the routes of a plan otherwise where the fibre on them costs more than the trench: exchange one link at a time.

The trees of the search are cheap in trench, and may lead the fibre of hundreds of homes around. A link is a way between
two nodes of the tree that lies outside of it; with it the tree has one stretch too many, anywhere on the circle. What
is cut off is hung up the other way round, from the link on. Money and fibre of each exchange are counted exactly, so
each one that is done makes the plan cheaper (edge exchange for cable trees: Esau & Williams 1966; here over ways).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lastmile_net.solve.compile import inner_kernel, kernel
from lastmile_net.solve.graph import LEAF, PLAIN, TERMINAL, ZERO, lay_rows, make_graph
from lastmile_net.solve.paths import spread
from lastmile_net.solve.routes import flood

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.solve.graph import Graph
    from lastmile_net.solve.problem import Problem

    Ints = NDArray[np.int64]
    Shorts = NDArray[np.int32]
    Flags = NDArray[np.bool_]

WORTH = 1e-4
"""A pass over all links that gains less than this part of what the trenches cost is the last."""


class Load(NamedTuple):
    """
    What fibre costs, and where it goes.

    Parameters
    ----------
    price
        int64 (m,). Price of one fibre on each edge.
    need
        int64 (n,). Fibres that end at each node.
    """

    price: Ints
    need: Ints


class Hang(NamedTuple):
    """
    A tree: the arc into each node (-1: outside, or the root), fibres below, a fibre's price from the root, kids.

    `longest` is what the dearest stretch without forks and needs costs at first: it only ends searches early.
    """

    via: Shorts
    flow: Ints
    far: Ints
    kids: Shorts
    longest: int


class Link(NamedTuple):
    """A way outside of a tree between two of its nodes: the one whose fibre it turns, the other, and its prices."""

    below: int
    above: int
    cost: int
    price: int


class Cut(NamedTuple):
    """Where to cut a tree for a link: what that gains, the lower and upper end of the stretch, and the link's ends."""

    gain: int
    low: int
    high: int
    below: int
    above: int


@dataclass(frozen=True, eq=False)
class Reroute:
    """
    The streets and drops of a problem as one graph; node 0 is the root, and every customer is a leaf.

    Parameters
    ----------
    problem
        The problem.
    graph
        A zero-price edge for each tap, then the problem's edges, then its drops with their own fibre.
    load
        Fibre prices and needs.
    """

    problem: Problem
    graph: Graph
    load: Load

    @classmethod
    def of(cls, problem: Problem) -> Reroute:
        """Lay out a problem."""
        taps, drops = len(problem.tap_node), len(problem.drop_customer)
        leaves = 1 + problem.nodes
        kind = np.full(leaves + problem.customers, PLAIN, np.int8)
        kind[0] = TERMINAL
        kind[leaves:] = LEAF
        nothing = np.zeros(taps, np.int64)
        tail = np.concatenate([nothing, 1 + problem.tail, 1 + problem.drop_node])
        head = np.concatenate([1 + problem.tap_node, 1 + problem.head, leaves + problem.drop_customer])
        own = problem.fibres[problem.drop_customer] * problem.drop_fibre_cost
        cost = np.concatenate([nothing, problem.cost, problem.drop_cost + own])
        price = np.concatenate([nothing, problem.fibre_cost, np.zeros(drops, np.int64)])
        need = np.concatenate([np.zeros(leaves, np.int64), problem.fibres])
        return cls(problem, make_graph(kind, tail, head, cost), Load(price, need))

    def better(self, edges: Ints, drop: Ints) -> tuple[Ints, Ints]:
        """
        Return edges and drops that serve the same customers and cost no more, fibre along the routes included.

        Parameters
        ----------
        edges, drop
            As in `Solution`; each customer with a drop is tied to a tap.
        """
        taps, streets = len(self.problem.tap_node), len(self.problem.tail)
        used = np.zeros(len(self.graph.cost), bool)
        used[:taps] = True
        used[taps + edges] = True
        used[taps + streets + drop[drop >= 0]] = True
        via = tree_of(self.graph, used)
        paid, gain = int(self.problem.cost[edges].sum()), None
        while gain is None or gain > WORTH * paid:
            inside = np.flatnonzero((via >= 0) & (self.graph.kind != LEAF)).astype(np.int32)
            _, way, base = spread(self.graph, self.graph.cost, np.concatenate([np.zeros(1, np.int32), inside]))
            gain = exchange(self.graph, self.load, via, way, base)
        names = np.sort(via[via >= 0] >> 1) - taps
        chosen = drop.copy()
        used_drops = names[names >= streets] - streets
        chosen[self.problem.drop_customer[used_drops]] = used_drops
        return names[(names >= 0) & (names < streets)].astype(np.int64), chosen


def tree_of(graph: Graph, used: Flags) -> Shorts:
    """Return the arc into each node on its way from the root over used edges, or -1; a leaf has one used edge."""
    edges = np.flatnonzero(used)
    start, nbr, arc = lay_rows(len(graph.kind), graph.end.reshape(-1, 2)[edges].ravel())
    via, _ = flood(start, nbr, arc, np.zeros(1, np.int64))
    reached = via >= 0
    via[reached] = 2 * edges[via[reached] >> 1] + (via[reached] & 1)
    return via


@kernel
def exchange(graph: Graph, load: Load, via: Shorts, way: Shorts, base: Shorts) -> int:
    """
    Do all exchanges that gain, the best first.

    Parameters
    ----------
    graph, load
        Node 0 is the root.
    via
        int32 (n,). The arc into each node of the tree; changed.
    way, base
        int32 (n,). The arc into each node on the cheapest way from the tree, and the tree's node there.

    Returns
    -------
    gain
        By how much less the tree and its fibre cost.
    """
    hang = _lay(graph, load, via)
    stamp = np.full(len(via), -1, np.int64)
    edges = len(graph.cost)
    link = np.empty(edges, np.int64)
    worth = np.empty(edges, np.int64)
    count, turn = 0, 0
    for e in range(edges):
        turn += 1
        gain = _judge(graph, load, hang, way, base, stamp, turn, e).gain
        if gain > 0:
            link[count] = e
            worth[count] = -gain
            count += 1
    total = 0
    for i in np.argsort(worth[:count], kind="mergesort"):
        turn += 1
        cut = _judge(graph, load, hang, way, base, stamp, turn, link[i])
        if cut.gain > 0:
            _do(graph, load, hang, way, base, cut, link[i])
            total += cut.gain
    return total


@inner_kernel
def _lay(graph: Graph, load: Load, via: Shorts) -> Hang:
    """Sum up a tree, and take off what serves nobody."""
    nodes = len(via)
    flow, far, kids = load.need.copy(), np.zeros(nodes, np.int64), np.zeros(nodes, np.int32)
    order = np.empty(nodes, np.int32)
    order[0] = 0
    count, done = 1, 0
    while done < count:
        v = order[done]
        done += 1
        for i in range(graph.start[v], graph.start[v + 1]):
            u = graph.nbr[i]
            if via[u] == graph.arc[i]:
                far[u] = far[v] + load.price[via[u] >> 1]
                kids[v] += 1
                order[count] = u
                count += 1
    for i in range(count - 1, 0, -1):
        v = order[i]
        p = graph.end[via[v] ^ 1]
        if kids[v] == 0 and load.need[v] == 0:
            via[v] = -1
            kids[p] -= 1
        else:
            flow[p] += flow[v]
    stretch = np.zeros(nodes, np.int64)
    longest = ZERO
    for v in order[1:count]:
        if via[v] >= 0:
            p = graph.end[via[v] ^ 1]
            passed = load.need[p] == 0 and kids[p] == 1
            stretch[v] = graph.cost[via[v] >> 1] + (stretch[p] if passed else 0)
            longest = max(longest, stretch[v])
    return Hang(via, flow, far, kids, longest)


@inner_kernel
def _inside(hang: Hang, v: int) -> bool:
    return bool(v == 0 or hang.via[v] >= 0)


@inner_kernel
def _end(graph: Graph, base: Shorts, v: int) -> int:
    """Return the tree's node that a link begins at which comes to `v`."""
    return ZERO + v if graph.kind[v] == LEAF else ZERO + int(base[v])


@inner_kernel
def _way_to(graph: Graph, load: Load, hang: Hang, way: Shorts, v: int, end: int) -> tuple[int, int]:
    """Return cost and fibre of the way from the tree to `v`; -1 where it has become part of the tree."""
    cost, price = 0, 0
    while v != end:
        if _inside(hang, v) or way[v] < 0:
            return -1, -1
        cost += graph.cost[way[v] >> 1]
        price += load.price[way[v] >> 1]
        v = graph.end[way[v] ^ 1]
    return cost, price


@inner_kernel
def _judge(graph: Graph, load: Load, hang: Hang, way: Shorts, base: Shorts, stamp: Ints, turn: int, e: int) -> Cut:
    """Return the best cut for the link over an edge outside of the tree; one that gains nothing where there is none."""
    nothing = Cut(0, -1, -1, -1, -1)
    u, v = graph.end[2 * e + 1], graph.end[2 * e]
    if hang.via[u] >> 1 == e or hang.via[v] >> 1 == e or base[u] < 0 or base[v] < 0:
        return nothing
    x, y = _end(graph, base, u), _end(graph, base, v)
    if x == y or not _inside(hang, x) or not _inside(hang, y):
        return nothing
    cost_x, price_x = _way_to(graph, load, hang, way, u, x)
    cost_y, price_y = _way_to(graph, load, hang, way, v, y)
    if cost_x < 0 or cost_y < 0:
        return nothing
    cost, price = cost_x + graph.cost[e] + cost_y, price_x + load.price[e] + price_y
    top = _meet(graph, hang, stamp, turn, x, y)
    best = nothing
    if graph.kind[y] != LEAF:
        best = _cut_above(graph, load, hang, Link(x, y, cost, price), top, best)
    if graph.kind[x] != LEAF:
        best = _cut_above(graph, load, hang, Link(y, x, cost, price), top, best)
    return best


@inner_kernel
def _meet(graph: Graph, hang: Hang, stamp: Ints, turn: int, x: int, y: int) -> int:
    """Return where the ways from two nodes to the root meet."""
    stamp[x] = stamp[y] = turn
    while True:
        x, y = y, x
        if x == 0:
            continue
        x = int(graph.end[hang.via[x] ^ 1])
        if stamp[x] == turn:
            return x
        stamp[x] = turn


@inner_kernel
def _cut_above(graph: Graph, load: Load, hang: Hang, link: Link, top: int, best: Cut) -> Cut:
    """Return the best cut between the node below a link and `top`, where the ways of both ends meet, or `best`."""
    v = x = link.below
    far, turned, more = hang.far[link.above] + link.price + hang.far[x], 0, link.cost
    while v != top:
        # what hangs on v turns round: by way of x it is as far as from x up to v, and the link
        more += (hang.flow[v] - turned) * (far - 2 * hang.far[v])
        turned = hang.flow[v]
        if more > hang.longest and far > 2 * hang.far[v]:
            break
        saved, u = 0, v
        while True:
            saved += graph.cost[hang.via[u] >> 1]
            u = ZERO + int(graph.end[hang.via[u] ^ 1])
            if u == top or load.need[u] > 0 or hang.kids[u] > 1:
                break
        if saved - more > best.gain:
            best = Cut(saved - more, v, u, x, link.above)
        if graph.kind[x] == LEAF:
            break
        v = u
    return best


@inner_kernel
def _do(graph: Graph, load: Load, hang: Hang, way: Shorts, base: Shorts, cut: Cut, e: int) -> None:
    """Add a link, take out the stretch between the cut's ends, and hang up what was below the other way round."""
    x, y, moved = cut.below, cut.above, hang.flow[cut.low]
    u = cut.high
    hang.kids[u] -= 1
    while u != 0:
        hang.flow[u] -= moved
        u = int(graph.end[hang.via[u] ^ 1])
    u = int(graph.end[hang.via[cut.low] ^ 1])
    while u != cut.high:
        above = int(graph.end[hang.via[u] ^ 1])
        hang.via[u] = -1
        hang.flow[u] = 0
        hang.kids[u] = 0
        u = above
    v, arc, below = x, np.int32(-1), 0
    while True:
        # the arc into v so far, turned round, leads on to the one above
        up, flow = hang.via[v], hang.flow[v]
        hang.via[v] = arc
        hang.flow[v] = moved - below
        below = flow
        hang.kids[v] += int(v != cut.low) - int(v != x)
        if v == cut.low:
            break
        arc = up ^ 1
        v = int(graph.end[arc])
    tail, head = graph.end[2 * e + 1], graph.end[2 * e]
    near, beside = (tail, head) if _end(graph, base, tail) == x else (head, tail)
    # from y out to the edge, then on to x: the ways lead from the tree to their ends, so one of them is turned round
    v = beside
    while v != y:
        hang.via[v] = way[v]
        v = int(graph.end[way[v] ^ 1])
    arc = np.int32(2 * e if near == head else 2 * e + 1)
    v = near
    while v != x:
        back = way[v] ^ 1
        hang.via[v] = arc
        arc = back
        v = int(graph.end[back])
    hang.via[x] = arc
    v = x
    while v != y:
        v = int(graph.end[hang.via[v] ^ 1])
        hang.kids[v] += 1
        if v != y:
            hang.flow[v] = moved
    while v != 0:
        hang.flow[v] += moved
        v = int(graph.end[hang.via[v] ^ 1])
    _measure(graph, load, hang, y, x)


@inner_kernel
def _measure(graph: Graph, load: Load, hang: Hang, y: int, x: int) -> None:
    """Measure the price of a fibre anew for all that hangs on `y` by way of `x`."""
    v = x
    while graph.end[hang.via[v] ^ 1] != y:
        v = int(graph.end[hang.via[v] ^ 1])
    queue = np.empty(len(hang.via), np.int32)
    queue[0] = v
    count = 1
    while count > 0:
        count -= 1
        v = queue[count]
        hang.far[v] = hang.far[graph.end[hang.via[v] ^ 1]] + load.price[hang.via[v] >> 1]
        for i in range(graph.start[v], graph.start[v + 1]):
            if hang.via[graph.nbr[i]] == graph.arc[i]:
                queue[count] = graph.nbr[i]
                count += 1
