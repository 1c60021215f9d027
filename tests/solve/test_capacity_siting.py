"""New access points: small towns worked out by hand, and an oracle that checks routes, ports and money."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
import pytest

from lastmile_net.config import SolveConfig
from lastmile_net.solve.capacity import (
    NO_FREE_PORT,
    Catalogue,
    Limited,
    Limits,
    Sited,
    place_access_points,
    solve_with_limits,
    without_ports,
)

from .test_capacity import STREET, Drop, Edge, town

if TYPE_CHECKING:
    from lastmile_net.solve.problem import Problem

CONFIG = SolveConfig(time_limit_s=None)


def catalogue(*rows: tuple[int, int, int, int]) -> Catalogue:
    """Make a catalogue of ports, price, metres and feeders."""
    columns = np.array(rows, np.int64).reshape(-1, 4) * np.array([1, 1000, 1000, 1])
    return Catalogue(*(column.copy() for column in columns.T))


def check(problem: Problem, kinds: Catalogue, sited: Sited) -> None:
    """Walk every route over its access point, count ports, add the money up anew."""
    solution = sited.limited.solution
    at_tap, at_site = np.zeros(len(problem.tap_node), np.int64), np.zeros(len(sited.node), np.int64)
    money = int(problem.cost[solution.edges].sum() + kinds.price[sited.kind].sum())
    feeds: dict[int, int] = {}
    for c in np.flatnonzero(solution.tap >= 0).tolist():
        tap, site, drop, first = (int(each[c]) for each in (solution.tap, sited.site, solution.drop, sited.feed_edges))
        route = solution.route_edges[solution.route_start[c] : solution.route_start[c + 1]].tolist()
        node = int(problem.tap_node[tap])
        passed = [node]
        for edge in route:
            assert edge in solution.edges
            node = int({int(problem.tail[edge]), int(problem.head[edge])}.difference({node}).pop())
            passed.append(node)
        assert passed[-1] == problem.drop_node[drop]
        way = int(problem.length_mm[route[first:]].sum() + problem.drop_length_mm[drop])
        if site >= 0:
            assert passed[first] == sited.node[site]
            kind = sited.kind[site]
            assert way <= kinds.max_mm[kind]
            feeds[site] = int(problem.fibre_cost[route[:first]].sum() * kinds.feeders[kind])
            assert (feeds[site], tap) == (sited.feed_cost[site], sited.feed_tap[site])
            assert problem.length_mm[route[:first]].sum() == sited.feed_mm[site]
            at_site[site] += problem.units[c]
        else:
            assert first == 0
            at_tap[tap] += problem.units[c]
        assert problem.fibre_cost[route[first:]].sum() == sited.fibre_cost[c]
        money += int(problem.drop_cost[drop] + problem.drop_fibre_cost[drop] + sited.fibre_cost[c])
    assert np.all((problem.tap_capacity < 0) | (at_tap <= problem.tap_capacity))
    assert np.all((at_site > 0) & (at_site <= kinds.ports[sited.kind]))
    assert solution.cost == money + sum(feeds.values())
    assert solution.lower_bound <= solution.cost


def answer(problem: Problem, kinds: Catalogue, limits: Limits | None = None) -> Sited:
    """Solve and re-check."""

    def within(posed: Problem) -> Limited:
        return solve_with_limits(posed, limits or Limits(), CONFIG)

    base = within(without_ports(problem, kinds))
    sited = place_access_points(problem, base, kinds, np.ones(problem.nodes, bool), within)
    check(problem, kinds, sited)
    return sited


def test_whoever_has_no_port_gets_a_new_access_point() -> None:
    """
    One port for two houses at 10 and 30 m; a new access point costs 5.

    30 m of street, 2 m of drops with 2 m of fibre make 34. Placed at the near house, it costs 5, 10 m of feeding fibre
    and 20 m to the far one: 35 for both. With the near house on the old port (10) and it at the far one (5 + 30): 45.
    """
    problem = town(STREET, [(0, 1)], [(0, 1, 1), (1, 3, 1)], [1, 1], fibre_per_m=1)
    sited = answer(problem, catalogue((4, 5, 100, 1)))
    assert sited.limited.units == 2
    assert sited.node.tolist() == [1]
    assert sited.limited.solution.cost == 34_000 + 35_000


def test_nothing_is_placed_where_ports_are_enough() -> None:
    """Two ports for two houses, without a price for fibre: no new access point pays."""
    problem = town(STREET, [(0, 2)], [(0, 1, 1), (1, 3, 1)], [1, 1])
    sited = answer(problem, catalogue((4, 5, 100, 1)))
    assert len(sited.kind) == 0
    assert sited.limited.solution.cost == sited.limited.solution.lower_bound == 32_000


@pytest.mark.parametrize(("metres", "served"), [(1, 1), (0, 0)])
def test_an_access_point_reaches_as_far_as_its_kind(metres: int, served: int) -> None:
    """A drop of 1 m is in the reach of a kind that reaches 1 m, and out of that of one that reaches less."""
    problem = town(STREET, [(0, 0)], [(0, 3, 1)], [1])
    sited = answer(problem, catalogue((4, 5, metres, 1)))
    assert sited.limited.units == served
    assert sited.limited.reason.tolist() == ["" if served else NO_FREE_PORT]


def test_a_block_that_no_kind_can_hold_stays_unserved() -> None:
    """Five homes fit no access point of four ports; the house beside them does."""
    problem = town(STREET, [(0, 0)], [(0, 1, 1), (1, 3, 1)], [5, 1])
    sited = answer(problem, catalogue((4, 5, 100, 1)))
    assert sited.limited.reason.tolist() == [NO_FREE_PORT, ""]


def test_a_large_block_gets_its_ports() -> None:
    """Twenty homes in one block once overflowed a product, and access points were placed for nobody without end."""
    problem = town(STREET, [(0, 1)], [(0, 1, 1), (1, 3, 1)], [20, 1])
    sited = answer(problem, catalogue((48, 5, 100, 1)))
    assert sited.limited.units == 21
    assert sited.limited.solution.cost == 32_000 + 5_000


@pytest.mark.parametrize("limit_mm", [None, 40_000])
def test_a_block_too_large_for_the_taps_gets_a_new_access_point(limit_mm: int | None) -> None:
    """Twenty homes are more than either tap has ports, and fewer than the new one: whoever reaches it is no matter."""
    problem = town(STREET, [(0, 1), (3, 19)], [(0, 1, 1), (1, 3, 1)], [20, 1])
    sited = answer(problem, catalogue((20, 5, 100, 1)), Limits(max_route_mm=limit_mm))
    assert sited.limited.units == 21
    assert sited.site.tolist() == [0, -1]


def test_routes_keep_their_limit_over_a_new_access_point() -> None:
    """A route of 31 m is allowed at 31 m: the access point must lie on the way, with no detour."""
    problem = town([*STREET, (1, 4, 10)], [(0, 0)], [(0, 3, 1), (1, 4, 1)], [1, 1], fibre_per_m=1)
    sited = answer(problem, catalogue((4, 5, 100, 1)), Limits(max_route_mm=31_000))
    solution = sited.limited.solution
    assert sited.limited.units == 2
    for c in range(2):
        route = solution.route_edges[solution.route_start[c] : solution.route_start[c + 1]]
        assert problem.length_mm[route].sum() + 1_000 <= 31_000


@pytest.mark.parametrize("seed", range(6))
def test_everyone_in_reach_is_served(seed: int) -> None:
    """Random towns with few ports: every house has a port in the end, all limits of kinds kept."""
    rng = np.random.default_rng(seed)
    edges: list[Edge] = [(i, i + 1, int(rng.integers(1, 30))) for i in range(40)]
    edges += [(i, i + 7, 25) for i in range(0, 33, 3)]
    drops: list[Drop] = [
        (c, int(rng.integers(0, 41)), int(rng.integers(1, 9))) for c in range(60) for _ in range(1 + c % 2)
    ]
    problem = town(edges, [(0, 9), (20, 0), (40, 11)], drops, rng.integers(1, 4, 60).tolist(), fibre_per_m=1)
    kinds = catalogue((4, 40, 50, 1), (12, 90, 120, 1), (48, 200, 500, 2))
    sited = answer(problem, kinds)
    assert sited.limited.units == problem.units.sum()
    again = answer(problem, kinds)
    assert np.array_equal(sited.node, again.node)
    assert np.array_equal(sited.site, again.site)


def cheapest_of_all(problem: Problem, kinds: Catalogue, ports: int) -> int:
    """Try every access point for every customer on a tree with the tap at node 0; ways lead over the tree."""
    tree = nx.Graph()
    for tail, head, cost in zip(problem.tail.tolist(), problem.head.tolist(), problem.cost.tolist(), strict=True):
        tree.add_edge(tail, head, cost=cost)
    far = dict(nx.all_pairs_dijkstra_path_length(tree, weight="cost"))
    spots = problem.drop_node.tolist()
    used = sorted({node for spot in spots for node in nx.shortest_path(tree, 0, spot)})
    dug = sum(cost for a, b, cost in tree.edges(data="cost") if a in used and b in used)
    group = {
        (node, number): min(
            (int(kinds.price[k] + kinds.feeders[k] * far[0][node]) for k in range(2) if kinds.ports[k] >= number),
            default=10**12,
        )
        for node in used
        for number in range(1, len(spots) + 1)
    }
    best = 10**12
    for choice in product([-1, *used], repeat=len(spots)):
        if choice.count(-1) <= ports:
            fibre = sum(far[max(node, 0)][spot] for node, spot in zip(choice, spots, strict=True))
            best = min(best, fibre + sum(group[node, choice.count(node)] for node in set(choice) - {-1}))
    return best + dug + int(problem.drop_cost.sum() + problem.drop_fibre_cost.sum())


@pytest.mark.parametrize("seed", range(12))
def test_no_choice_of_access_points_is_cheaper(seed: int) -> None:
    """On small trees, where trenches leave no choice, all access points for all customers are tried."""
    rng = np.random.default_rng(seed)
    edges: list[Edge] = [(int(rng.integers(0, node)), node, int(rng.integers(1, 40))) for node in range(1, 7)]
    ports = int(rng.integers(0, 3))
    drops: list[Drop] = [(c, int(rng.integers(0, 7)), 1) for c in range(5)]
    problem = town(edges, [(0, ports)], drops, [1] * 5, fibre_per_m=1)
    kinds = catalogue((2, int(rng.integers(1, 40)), 1000, 1), (5, int(rng.integers(20, 90)), 1000, 1))
    solution = answer(problem, kinds).limited.solution
    best = cheapest_of_all(problem, kinds, ports)
    assert solution.lower_bound <= best == solution.cost
