"""
Change a plan so that it nests well: what it costs, and what its first parts are worth, in one sum.

On a tree of streets each price of a home has its best first part: a branch is in it if its homes are worth more than it
costs. The sum is the cost of the plan less so much of what each of these first parts is worth. Customers change drops,
and streets of the tree are exchanged for others, as long as the sum falls. What a step does to the cost is exact, fibre
on the way included; what first parts are worth counts fibre as it was led before the pass.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lastmile_net.solve.compile import inner_kernel, kernel
from lastmile_net.solve.graph import FAR, ZERO, make_graph
from lastmile_net.solve.paths import spread
from lastmile_net.solve.prizes import settle

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.solve.prizes import Question
    from lastmile_net.solve.problem import Solution

    Ints = NDArray[np.int64]

UNIT = 1000
"""The sum counts in thousandths of the problem's money."""
PASSES = 3
"""Times that all customers and spare streets are looked at, at most."""
LONGEST = 150
"""Streets above a node that are tried for one that comes in instead, at most."""


class Tree(NamedTuple):
    """
    Streets as a forest whose tops are taps, and drops as its leaves.

    Parameters
    ----------
    parent, edge, cost, fibre
        int64 (n,). Node above each node (-1 at taps), the street between, its price and that of one fibre on it.
    node, price
        int64 (d,). Where each drop meets the streets (-1: none that is in reach), and what it costs with its fibre.
    fibres
        int64 (d,). Fibres on each drop.
    worth
        int64 (d, s). What the customer is worth on this drop at each stage's price: never below 0.
    weight
        int64 (s,). Weight of each stage in the sum; that of the cost is `UNIT`.
    """

    parent: Ints
    edge: Ints
    cost: Ints
    fibre: Ints
    node: Ints
    price: Ints
    fibres: Ints
    worth: Ints
    weight: Ints


class Spare(NamedTuple):
    """Streets that may come into the tree: their numbers, ends, prices and those of one fibre, int64 (k,)."""

    edge: Ints
    tail: Ints
    head: Ints
    cost: Ints
    fibre: Ints


class Way(NamedTuple):
    """Room for a way up the tree: its nodes, what is above each of them, and what cutting there saves, int64 (k,)."""

    node: Ints
    parent: Ints
    edge: Ints
    cost: Ints
    fibre: Ints
    flow: Ints
    saved: Ints


class State(NamedTuple):
    """
    Who uses which drop, and what follows.

    Parameters
    ----------
    drop
        int64 (c,). Drop of each customer, -1 for none.
    uses
        int64 (n,). Customers and built streets at each node that need the street above it.
    flow
        int64 (n,). Fibres of all customers at and below each node.
    inside, branch
        int64 (n, s). What is worth having at and below each node, without and with the street above it: never below 0.
    """

    drop: Ints
    uses: Ints
    flow: Ints
    inside: Ints
    branch: Ints


@kernel
def _climb(tree: Tree, state: State, s: int, v: int, step: int) -> int:
    """Add to what a stage has at a node, and above it as far as that is felt; return by how much the sum changes."""
    while step != 0:
        state.inside[v, s] += step
        if tree.parent[v] < 0:
            return int(-tree.weight[s] * step)
        now = max(0, state.inside[v, s] - tree.cost[v])
        step = now - state.branch[v, s]
        state.branch[v, s] = now
        v = tree.parent[v]
    return 0


@inner_kernel
def _put(tree: Tree, state: State, d: int, sign: int) -> int:
    """Add a drop to the plan (or, with sign -1, take it out), and return by how much that changes the sum."""
    change = UNIT * sign * tree.price[d]
    v = tree.node[d]
    while True:
        state.uses[v] += sign
        if state.uses[v] != (1 if sign > 0 else 0) or tree.parent[v] < 0:
            break
        change += UNIT * sign * tree.cost[v]
        v = tree.parent[v]
    for s in range(len(tree.weight)):
        change += _climb(tree, state, s, tree.node[d], sign * tree.worth[d, s])
    return int(change)


@inner_kernel
def _shift(tree: Tree, state: State, c: int, d: int) -> int:
    """Move a customer to another drop, and return by how much that changes the sum."""
    change = 0
    if state.drop[c] >= 0:
        change += _put(tree, state, state.drop[c], -1)
    state.drop[c] = d
    if d >= 0:
        change += _put(tree, state, d, 1)
    return int(change)


@inner_kernel
def _best_other(tree: Tree, state: State, own: Ints, c: int) -> int:
    """Move a customer to the best of its drops, and return the change; it stays where it is if none is better."""
    best, least, total = state.drop[c], 0, 0
    for d in range(own[c], own[c + 1]):
        if d != state.drop[c] and tree.node[d] >= 0:
            total += _shift(tree, state, c, d)
            if total < least:
                best, least = d, total
    if state.drop[c] != best:
        total += _shift(tree, state, c, best)
    return int(total)


@inner_kernel
def _lead(tree: Tree, state: State, v: int, fibres: int) -> None:
    """Let so many fibres more end at or below a node."""
    while v >= 0:
        state.flow[v] += fibres
        v = tree.parent[v]


@kernel
def _cut(tree: Tree, state: State, v: int) -> int:
    """Cut the street above a node, as if the node were a tap then, and return by how much that changes the sum."""
    change = 0
    if state.uses[v] > 0:
        change -= UNIT * tree.cost[v]
        u = tree.parent[v]
        while True:
            state.uses[u] -= 1
            if state.uses[u] > 0 or tree.parent[u] < 0:
                break
            change -= UNIT * tree.cost[u]
            u = tree.parent[u]
    for s in range(len(tree.weight)):
        change -= tree.weight[s] * state.inside[v, s]
        change += _climb(tree, state, s, tree.parent[v], -state.branch[v, s])
        state.branch[v, s] = 0
    tree.parent[v] = -1
    return int(change)


@inner_kernel
def _tie(tree: Tree, state: State, v: int, u: int, e: int, cost: int, fibre: int) -> int:
    """Hang a node that has been cut off below another one, and return how much that changes the sum without fibre."""
    change = 0
    tree.parent[v], tree.edge[v], tree.cost[v], tree.fibre[v] = u, e, cost, fibre
    if state.uses[v] > 0:
        change += UNIT * cost
        while True:
            state.uses[u] += 1
            if state.uses[u] > 1 or tree.parent[u] < 0:
                break
            change += UNIT * tree.cost[u]
            u = tree.parent[u]
    for s in range(len(tree.weight)):
        change += tree.weight[s] * state.inside[v, s]
        state.branch[v, s] = max(0, state.inside[v, s] - cost)
        change += _climb(tree, state, s, tree.parent[v], state.branch[v, s])
    return int(change)


@inner_kernel
def _far(tree: Tree, v: int) -> int:
    """Return what one fibre costs from a tap to a node."""
    far = 0
    while tree.parent[v] >= 0:
        far += tree.fibre[v]
        v = tree.parent[v]
    return far


@inner_kernel
def _way_up(tree: Tree, state: State, way: Way, a: int, b: int, fibre: int) -> int:
    """
    Write down the way from b up to where it meets the one from a; return how many streets it has.

    What is cut off above one of its nodes hangs on a then: the way up to there is turned round, and its fibre goes over
    the new street, one of which costs `fibre`, and down from a.
    """
    count, v = 0, b
    while count < len(way.node) and tree.parent[v] >= 0:
        way.node[count], way.parent[count] = v, tree.parent[v]
        way.edge[count], way.cost[count] = tree.edge[v], tree.cost[v]
        way.fibre[count], way.flow[count] = tree.fibre[v], state.flow[v]
        count += 1
        v = tree.parent[v]
    u = a
    while u >= 0:
        for i in range(count):
            if way.node[i] == u:
                count = i
                break
        u = tree.parent[u]
    old, new, turned = _far(tree, b), _far(tree, a) + fibre, 0
    for i in range(count):
        # below the cut each street carried flow[k], and carries flow[i] - flow[k] the other way
        way.saved[i] = way.flow[i] * (old - new) + 2 * turned
        old -= way.fibre[i]
        new += way.fibre[i]
        turned += way.fibre[i] * way.flow[i]
    return count


@inner_kernel
def _rehang(tree: Tree, state: State, way: Way, a: int, b: int, spare: Spare, s: int) -> int:
    """Let a spare street tie b to a, try for it each street above b, and leave out the best of them if that gains."""
    e, cost, fibre = spare.edge[s], spare.cost[s], spare.fibre[s]
    count = _way_up(tree, state, way, a, b, fibre)
    if count == 0 or (state.uses[way.node[count - 1]] == 0 and not state.inside[way.node[count - 1]].any()):
        return 0
    change, least, best = 0, 0, 0
    for i in range(count):
        change += _cut(tree, state, way.node[i])
        if i == 0:
            change += _tie(tree, state, b, a, e, cost, fibre)
        else:
            j = i - 1
            change += _tie(tree, state, way.node[i], way.node[j], way.edge[j], way.cost[j], way.fibre[j])
        if change - UNIT * way.saved[i] < least:
            least, best = change - UNIT * way.saved[i], i + 1
    for i in range(count - 1, best - 1, -1):
        change += _cut(tree, state, way.node[i])
        change += _tie(tree, state, way.node[i], way.parent[i], way.edge[i], way.cost[i], way.fibre[i])
    if best > 0:
        moved = way.flow[best - 1]
        for i in range(best - 1, 0, -1):
            state.flow[way.node[i]] = moved - way.flow[i - 1]
        state.flow[b] = moved
        _lead(tree, state, way.parent[best - 1], -moved)
        _lead(tree, state, a, moved)
    return int(least)


@kernel
def descend(tree: Tree, own: Ints, drop: Ints, spare: Spare, search: bool) -> tuple[Ints, int, int]:
    """
    Look at all customers, then at all spare streets, and change drops and streets wherever the sum falls.

    Parameters
    ----------
    tree
        Streets and drops; drops that hang on none of them have the node -1. It is changed in place.
    own
        int64 (c + 1,). Rows of each customer's drops.
    drop
        int64 (c,). Where to begin; -1 stays -1.
    spare
        Streets that the tree does not have.
    search
        Whether to change anything, or only to sum up.

    Returns
    -------
    drop, total, change
        The drop of each customer, the sum at the start, and by how much it has changed since.
    """
    nodes, stages = len(tree.parent), len(tree.weight)
    state = State(
        np.full(len(drop), -1, np.int64),
        np.zeros(nodes, np.int64),
        np.zeros(nodes, np.int64),
        np.zeros((nodes, stages), np.int64),
        np.zeros((nodes, stages), np.int64),
    )
    total = change = 0
    for c in range(len(drop)):
        if drop[c] >= 0:
            total += _shift(tree, state, c, drop[c])
    if not search:
        return state.drop, int(total), ZERO
    for c in range(len(drop)):
        if drop[c] >= 0:
            if own[c + 1] - own[c] > 1:
                change += _best_other(tree, state, own, c)
            d = state.drop[c]
            _lead(tree, state, tree.node[d], tree.fibres[d])
    room = np.empty((7, LONGEST), np.int64)
    way = Way(room[0], room[1], room[2], room[3], room[4], room[5], room[6])
    for i in range(len(spare.edge)):
        a, b = spare.tail[i], spare.head[i]
        gain = _rehang(tree, state, way, a, b, spare, i)
        if gain == 0:
            gain = _rehang(tree, state, way, b, a, spare, i)
        change += gain
    return state.drop, int(total), int(change)


@kernel
def _sum_down(parent: Ints, value: Ints) -> Ints:
    """Return the sum of a value from the top to each node."""
    total = np.full(len(parent), -1, np.int64)
    for v in range(len(parent)):
        way = [v]
        while total[way[-1]] < 0 and parent[way[-1]] >= 0:
            way.append(parent[way[-1]])
        u = way.pop()
        total[u] = total[u] if total[u] >= 0 else np.int64(0)
        while way:
            u = way.pop()
            total[u] = total[parent[u]] + value[u]
    return total


def nest(question: Question, solution: Solution, prices: Ints, weight: Ints) -> Solution:
    """
    Change drops and streets of a plan so that it costs little and its first parts are worth much.

    Parameters
    ----------
    question
        Streets, customers, gains.
    solution
        The plan to start from; everybody whom it serves stays served, and nobody else is.
    prices
        int64 (s,). Price of a unit of gain at each stage, in thousandths.
    weight
        int64 (s,), >= 0. What a thousandth of a stage's worth counts, in parts of `UNIT`.

    Returns
    -------
    nested
        The plan, led and priced from scratch; the one to start from where no step gains.

    Notes
    -----
    Local search: a customer takes another of its drops; a street comes in and another on the cycle goes (as in key-path
    exchange, Uchoa & Werneck 2012). Each step costs O(s) for each street between it and the tap. Before each pass all
    is laid out anew, with the fibre as it is led by then.
    """
    problem = question.posed
    if len(problem.tail) == 0:
        return solution
    own = np.searchsorted(problem.drop_customer, np.arange(problem.customers + 1))
    best, least, plan = solution, int(FAR), solution
    for left in range(PASSES, -1, -1):
        tree, spare = _lay(question, plan, prices, weight)
        drop, total, change = descend(tree, own, plan.drop, spare, left > 0)
        if total >= least:
            break
        best, least = plan, total
        if change == 0:
            break
        plan = settle(question, _needed(tree, drop), drop)
    return best


def _lay(question: Question, solution: Solution, prices: Ints, weight: Ints) -> tuple[Tree, Spare]:
    """Return the tree of a plan, led on along the cheapest ways to all drops, and the streets that are not in it."""
    problem = question.posed
    built = np.zeros(len(problem.tail), bool)
    built[solution.edges] = True
    graph = make_graph(np.zeros(problem.nodes, np.int8), problem.tail, problem.head, problem.cost)
    length = np.where(built, 0, problem.cost + problem.fibre_cost + 1)
    far, via, _ = spread(graph, length, np.unique(problem.tap_node).astype(np.int32))
    top = via < 0
    edge = np.where(top, -1, via.astype(np.int64) >> 1)
    parent = np.where(top, -1, graph.end[np.where(top, 0, via ^ 1)]).astype(np.int64)
    fibre = np.where(top, 0, problem.fibre_cost[edge])
    far_fibre = _sum_down(parent, fibre)
    node = np.where(far[problem.drop_node] < FAR, problem.drop_node, -1)
    along = problem.drop_fibre_cost + np.where(node >= 0, far_fibre[node], 0)
    fibres = problem.fibres[problem.drop_customer]
    price = problem.drop_cost + fibres * along
    worth = np.maximum(question.gain[problem.drop_customer][:, None] * prices[None, :] - price[:, None], 0)
    cost = np.where(top, 0, problem.cost[edge])
    idle = (far[problem.tail] < FAR) & (far[problem.head] < FAR) & (problem.tail != problem.head)
    idle[edge[~top]] = False
    more = np.flatnonzero(idle)
    spare = Spare(more, problem.tail[more], problem.head[more], problem.cost[more], problem.fibre_cost[more])
    return Tree(parent, edge, cost, fibre, node, price, fibres, worth, weight), spare


def _needed(tree: Tree, drop: Ints) -> Ints:
    """Return the edges on the ways to all used drops."""
    used = np.zeros(len(tree.parent), bool)
    at = np.unique(tree.node[drop[drop >= 0]])
    while len(at):
        at = at[~used[at]]
        used[at] = True
        at = np.unique(tree.parent[at])
        at = at[at >= 0]
    return np.unique(tree.edge[used & (tree.parent >= 0)])
