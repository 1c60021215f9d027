"""The bound for who is served that sees the ports: cuts of the problem without ports first, then those of `cuts`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.solve.bound import Habit, ascend, record_of
from lastmile_net.solve.capacity.cuts import Need, ascend_demand
from lastmile_net.solve.fibre import drop_prices
from lastmile_net.solve.graph import LEAF, PLAIN, make_graph
from lastmile_net.solve.prepare import reachable, useful_drops, whole
from lastmile_net.solve.steiner.construct import span, spans

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.solve.graph import Graph
    from lastmile_net.solve.prepare import Part
    from lastmile_net.solve.problem import Problem, Solution

    Ints = NDArray[np.int64]
    Shorts = NDArray[np.int32]

SLACKS = (1.0, 1.25)
"""Slacks of the ascents of which the best counts."""
CAP = 20_000
"""Sets with more arcs into them are given up."""


def bound_within_ports(problem: Problem, relaxed: Solution, room: Ints) -> int:
    """
    Return a lower bound on the cost of serving all customers of a problem within the ports of its taps.

    Parameters
    ----------
    problem
        Streets, taps, and the customers who are served; each has a way to a tap.
    relaxed
        A solution of the problem without ports: it guides the ascent.
    room
        int64 (t,). Free ports of each tap.

    Notes
    -----
    Fibre counts with each customer's shortest way to any tap, full or not. Dual ascent as in Wong (1984), goes on over
    sets of nodes that hold taps, but too few ports.
    """
    price = drop_prices(problem)
    drops = useful_drops(problem, price, reachable(problem))
    customer = problem.drop_customer[drops]
    choices = np.bincount(customer, minlength=problem.customers)
    if not choices.all():
        return 0
    single, several = drops[choices[customer] == 1], drops[choices[customer] > 1]
    part = whole(problem, price, reachable(problem), single, several)
    graph = make_graph(part.kind, part.tail, part.head, part.cost)
    guide = _guide(problem, part, graph, relaxed)
    best = 0
    for slack in SLACKS:
        reduced = np.repeat(graph.cost, 2)
        bound = int(ascend(graph, 0, Habit(guide, slack, CAP), reduced, record_of(0, 0)))
        bound += _beyond(problem, part, reduced, single, room)
        best = max(best, bound + int(price[single].sum()))
    return best


def _guide(problem: Problem, part: Part, graph: Graph, relaxed: Solution) -> Shorts:
    """Return the relaxed solution as a tree of the graph; no tree at all where some of it is not there."""
    edges = len(problem.tail)
    used = np.zeros(edges + len(problem.drop_customer), bool)
    used[relaxed.edges] = True
    used[edges + relaxed.drop[relaxed.drop >= 0]] = True
    mine = used[part.origin]
    chosen = graph.kind != PLAIN
    chosen[part.tail[mine]] = True
    chosen[part.head[mine]] = True
    via = span(graph, chosen)
    return via if spans(graph, via) else np.full(len(graph.kind), -1, np.int32)


def _beyond(problem: Problem, part: Part, reduced: Ints, single: Ints, room: Ints) -> int:
    """Charge sets that hold taps, at what the ascent left of the prices: every tap is a node of its own again."""
    edges = len(problem.tail)
    street = part.origin < edges
    left = np.column_stack([problem.cost, problem.cost])
    left[part.origin[street]] = reduced.reshape(-1, 2)[street]
    drop = part.origin[~street] - edges
    leaves, leaf = np.unique(problem.drop_customer[drop], return_inverse=True)
    kind = np.full(problem.nodes + len(leaves), PLAIN, np.int8)
    kind[problem.nodes :] = LEAF
    tail = np.r_[problem.tail, problem.drop_node[drop]]
    head = np.r_[problem.head, problem.nodes + leaf]
    left = np.r_[left, reduced.reshape(-1, 2)[~street]]
    no_loop = tail != head
    tail, head, left = tail[no_loop], head[no_loop], left[no_loop].ravel()
    homes, ports = np.zeros(len(kind), np.int64), np.zeros(len(kind), np.int64)
    np.add.at(homes, problem.drop_node[single], problem.units[problem.drop_customer[single]])
    homes[problem.nodes :] = problem.units[leaves]
    np.add.at(ports, problem.tap_node, room)
    graph = make_graph(kind, tail, head, np.zeros(len(tail), np.int64))
    seeds = np.unique(problem.tap_node[room > 0])
    return int(ascend_demand(graph, Need(homes, ports), seeds, left, CAP))
