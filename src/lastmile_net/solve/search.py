"""Search for the cheapest tree and prove how near it is, part by part, round by round, until it is good enough."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.errors import SolveError
from lastmile_net.solve.bound import ascend
from lastmile_net.solve.compile import announce
from lastmile_net.solve.graph import make_graph
from lastmile_net.solve.prepare import prepare
from lastmile_net.solve.problem import Progress, Solution
from lastmile_net.solve.routes import follow, price
from lastmile_net.solve.steiner.construct import grow, span, tree_cost

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.config import SolveConfig
    from lastmile_net.solve.prepare import Part
    from lastmile_net.solve.problem import Problem, Report

    Ints = NDArray[np.int64]


def solve(problem: Problem, config: SolveConfig, report: Report | None = None) -> Solution:
    """First version."""
    announce()
    began = time.perf_counter()
    ready = prepare(problem, problem.drop_cost)
    bound = ready.constant
    cost = ready.constant
    drop = ready.fixed_drop.copy()
    chosen = []
    for part in ready.parts:
        origin, part_cost, part_bound = _solve_part(part)
        chosen.append(origin)
        cost += part_cost
        bound += part_bound
    all_chosen = np.concatenate([np.zeros(0, np.int64), *chosen])
    edges = np.sort(all_chosen[all_chosen < len(problem.tail)])
    used = all_chosen[all_chosen >= len(problem.tail)] - len(problem.tail)
    drop[problem.drop_customer[used]] = used
    routes = follow(problem, edges, drop)
    if price(problem, edges, drop, routes) < cost:
        message = "cost does not add up"
        raise SolveError(message)
    cost = price(problem, edges, drop, routes)
    log = (Progress(time.perf_counter() - began, cost, bound, "round 1"),)
    return Solution(edges, drop, routes.tap, routes.start, routes.edges, cost, bound, "rounds", log)


def _solve_part(part: Part) -> tuple[Ints, int, int]:
    graph = make_graph(part.kind, part.tail, part.head, part.cost)
    via = span(graph, grow(graph, graph.cost, 0))
    bound, _ = ascend(graph, 0, via, 1.25, 1 << 40)
    return part.origin[via[via >= 0] >> 1], int(tree_cost(graph, via)), int(bound)
