"""Follow what is built from the taps to every customer, price it afresh, and refuse a result that does not add up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.errors import SolveError
from lastmile_net.solve.compile import kernel
from lastmile_net.solve.graph import lay_rows, pick_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.solve.problem import Problem, Solution

    Ints = NDArray[np.int64]
    Shorts = NDArray[np.int32]
    Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Routes:
    """
    The way of each customer over the built edges.

    Parameters
    ----------
    tap
        int64 (c,). Position of the serving tap, -1 where the customer is not served.
    start, edges
        CSR: the edges from the tap to the node of the drop.
    """

    tap: Ints
    start: Ints
    edges: Ints


def follow(problem: Problem, built: Ints, drop: Ints) -> Routes:
    """
    Lead every served customer from a tap over the built edges.

    Parameters
    ----------
    problem
        What was solved.
    built
        Edges that are built; they form a forest with a tap in each tree.
    drop
        Drop of each customer, -1 where there is none.

    Raises
    ------
    SolveError
        If a served customer is not tied to a tap.
    """
    end = np.empty(2 * len(built), np.int32)
    end[0::2] = problem.head[built]
    end[1::2] = problem.tail[built]
    start, nbr, arc = lay_rows(problem.nodes, end)
    via, tap_of = flood(start, nbr, arc, problem.tap_node)
    served = np.flatnonzero(drop >= 0)
    node = np.full(len(drop), -1, np.int64)
    node[served] = problem.drop_node[drop[served]]
    lost = served[tap_of[node[served]] < 0]
    if len(lost):
        message = f"the tree does not reach {len(lost)} customers, the first is number {lost[0]}"
        raise SolveError(message)
    tap = np.where(node >= 0, tap_of[node], -1)
    route_start, route_edges = climb(end, via, node, built)
    return Routes(tap, route_start, route_edges)


@kernel
def flood(start: Shorts, nbr: Shorts, arc: Shorts, source: Ints) -> tuple[Shorts, Ints]:
    """Return the arc that enters each node on the way from its source, and the position of that source (-1: none)."""
    nodes = len(start) - 1
    via = np.full(nodes, -1, np.int32)
    owner = np.full(nodes, -1, np.int64)
    queue = np.empty(nodes, np.int32)
    count = 0
    for i in range(len(source)):
        if owner[source[i]] < 0:
            owner[source[i]] = i
            queue[count] = source[i]
            count += 1
    done = 0
    while done < count:
        v = queue[done]
        done += 1
        for i in range(start[v], start[v + 1]):
            u = nbr[i]
            if owner[u] < 0:
                owner[u] = owner[v]
                via[u] = arc[i]
                queue[count] = u
                count += 1
    return via, owner


@kernel
def climb(end: Shorts, via: Shorts, node: Ints, name: Ints) -> tuple[Ints, Ints]:
    """Return, row by row, the names of the edges from the top down to each node; an empty row for -1."""
    start = np.zeros(len(node) + 1, np.int64)
    for c in range(len(node)):
        v = node[c]
        hops = 0
        while v >= 0 and via[v] >= 0:
            v = end[via[v] ^ 1]
            hops += 1
        start[c + 1] = start[c] + hops
    edges = np.empty(start[-1], np.int64)
    for c in range(len(node)):
        v = node[c]
        i = start[c + 1]
        while v >= 0 and via[v] >= 0:
            i -= 1
            edges[i] = name[via[v] >> 1]
            v = end[via[v] ^ 1]
    return start, edges


@kernel
def lay_routes(group: Ints, start: Ints, edges: Ints, names: int) -> tuple[Ints, Ints, Ints]:
    """
    Lay routes over one another, those of each group into trees of their own.

    Parameters
    ----------
    group
        int64 (r,). Group of each route, ascending.
    start, edges
        CSR: the edges of each route, from its source on.
    names
        Number of edges there are.

    Returns
    -------
    parent, edge, last
        Of each node of the forest, parents first: its parent (-1 at the top) and the edge it stands for; and of each
        route the node it ends at (-1 for a route without an edge).
    """
    parent = np.empty(len(edges), np.int64)
    edge = np.empty(len(edges), np.int64)
    last = np.full(len(group), -1, np.int64)
    seen = np.full(names, -1, np.int64)
    node = np.full(names, -1, np.int64)
    count = 0
    for r in range(len(group)):
        at = -1
        for i in range(start[r], start[r + 1]):
            e = edges[i]
            if seen[e] != group[r]:
                seen[e] = group[r]
                node[e] = count
                parent[count] = at
                edge[count] = e
                count += 1
            at = node[e]
        last[r] = at
    return parent[:count].copy(), edge[:count].copy(), last


def rows(solution: Solution, customers: Ints) -> tuple[Ints, Ints]:
    """Return the routes of some customers, in their order, as rows of their own: start and edges."""
    start, place = pick_rows(solution.route_start, customers)
    return start, solution.route_edges[place]


def part(problem: Problem, solution: Solution, customers: Flags) -> Solution:
    """Return what some customers of a solution need: their routes as they are, priced from scratch, without a bound."""
    count = np.diff(solution.route_start)
    edges = solution.route_edges[np.repeat(customers, count)]
    start = np.concatenate([[0], np.cumsum(np.where(customers, count, 0))])
    routes = Routes(np.where(customers, solution.tap, -1), start, edges)
    drop, used = np.where(customers, solution.drop, -1), np.flatnonzero(np.bincount(edges))
    return replace(
        solution,
        edges=used,
        drop=drop,
        tap=routes.tap,
        route_start=start,
        route_edges=edges,
        cost=price(problem, used, drop, routes),
        lower_bound=0,
        log=(),
    )


def price(problem: Problem, built: Ints, drop: Ints, routes: Routes) -> int:
    """Return the cost of built edges, drops, and the fibre of every served customer along its route."""
    served = np.flatnonzero(drop >= 0)
    used = drop[served]
    trench = int(problem.cost[built].sum()) + int(problem.drop_cost[used].sum())
    in_drop = problem.fibres[served] * problem.drop_fibre_cost[used]
    if not problem.fibre_cost.any():
        return trench + int(in_drop.sum())
    per_edge = np.concatenate([[0], np.cumsum(problem.fibre_cost[routes.edges])])
    on_way = per_edge[routes.start[1:]] - per_edge[routes.start[:-1]]
    return trench + int(in_drop.sum()) + int((problem.fibres * on_way).sum())
