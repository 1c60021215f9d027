"""Plans within limits: small towns worked out by hand, and an oracle that tries everything."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lastmile_net.config import SolveConfig
from lastmile_net.solve import solve
from lastmile_net.solve.capacity import (
    NO_FREE_PORT,
    OPTICAL_BUDGET,
    OPTICAL_UNKNOWN,
    ROUTE_TOO_LONG,
    Limited,
    Limits,
    adjacency,
    find_reach,
    solve_with_limits,
)
from lastmile_net.solve.capacity.pace import Pace
from lastmile_net.solve.capacity.run import Run
from lastmile_net.solve.capacity.search.assign import improve
from lastmile_net.solve.capacity.warm import warm_within_limits
from lastmile_net.solve.problem import Problem, Solution

from .small_towns import small_town

if TYPE_CHECKING:
    from lastmile_net.solve.problem import Report

CONFIG = SolveConfig(time_limit_s=None)
Edge = tuple[int, int, int]
"""Tail, head, metres; a metre costs 1."""
Drop = tuple[int, int, int]
"""Customer, node, metres."""


def town(
    edges: list[Edge],
    taps: list[tuple[int, int]],
    drops: list[Drop],
    units: list[int],
    *,
    fibre_per_m: int = 0,
) -> Problem:
    """Make a problem of numbers that one can add up in the head; taps are node and ports."""

    def column(rows: list[tuple[int, ...]], index: int, factor: int = 1) -> np.ndarray:
        return np.array([row[index] * factor for row in rows], np.int64)

    drops = sorted(drops, key=lambda drop: drop[0])
    nodes = 1 + max([0, *(node for edge in edges for node in edge[:2]), *(node for node, _ in taps)])
    return Problem(
        nodes=max(nodes, 1 + max((node for _, node, _ in drops), default=0)),
        tail=column(edges, 0),
        head=column(edges, 1),
        cost=column(edges, 2, 1000),
        fibre_cost=column(edges, 2, 1000 * fibre_per_m),
        tap_node=column(taps, 0),
        tap_capacity=column(taps, 1),
        drop_customer=column(drops, 0),
        drop_node=column(drops, 1),
        drop_cost=column(drops, 2, 1000),
        drop_fibre_cost=column(drops, 2, 1000 * fibre_per_m),
        units=np.array(units, np.int64),
        fibres=np.ones(len(units), np.int64),
        length_mm=column(edges, 2, 1000),
        drop_length_mm=column(drops, 2, 1000),
    )


def check(problem: Problem, limited: Limited, limits: Limits) -> None:
    """Re-check every limit and the money from the answer alone."""
    solution = limited.solution
    built = set(solution.edges.tolist())
    load = dict.fromkeys(range(len(problem.tap_node)), 0)
    used: set[int] = set()
    money = 0
    for c in range(problem.customers):
        route = solution.route_edges[solution.route_start[c] : solution.route_start[c + 1]].tolist()
        tap, drop = int(solution.tap[c]), int(solution.drop[c])
        assert (tap < 0) == (drop < 0)
        if tap < 0:
            assert route == []
            continue
        assert limited.reason[c] == ""
        assert problem.drop_customer[drop] == c
        node = int(problem.tap_node[tap])
        for e in route:
            ends = {int(problem.tail[e]), int(problem.head[e])}
            assert node in ends
            node = (ends - {node} or {node}).pop()
        assert node == problem.drop_node[drop]
        assert set(route) <= built
        used |= set(route)
        load[tap] += int(problem.units[c])
        length = int(problem.length_mm[route].sum()) + int(problem.drop_length_mm[drop])
        if limits.max_route_mm is not None:
            assert length <= limits.max_route_mm
        if limits.tap_route_mm is not None:
            assert length <= limits.tap_route_mm[tap]
        fibre = int(problem.fibre_cost[route].sum()) + int(problem.drop_fibre_cost[drop])
        money += int(problem.drop_cost[drop]) + fibre * int(problem.fibres[c])
    for tap, homes in load.items():
        assert problem.tap_capacity[tap] < 0 or homes <= problem.tap_capacity[tap]
    assert used == built
    assert solution.cost == money + int(problem.cost[sorted(built)].sum())
    assert solution.lower_bound <= solution.cost
    assert limited.units == sum(load.values()) <= limited.most_units


def answer(problem: Problem, limits: Limits | None = None) -> Limited:
    """Solve and re-check."""
    limits = limits or Limits()
    limited = solve_with_limits(problem, limits, CONFIG)
    check(problem, limited, limits)
    return limited


STREET: list[Edge] = [(0, 1, 10), (1, 2, 10), (2, 3, 10)]


def test_ports_go_to_the_customers_that_cost_least() -> None:
    """Two ports on a street with houses at 10, 20 and 30 m: the first two are served for 20 m of street and 2 drops."""
    problem = town(STREET, [(0, 2)], [(0, 1, 1), (1, 2, 1), (2, 3, 1)], [1, 1, 1])
    limited = answer(problem)
    assert limited.reason.tolist() == ["", "", NO_FREE_PORT]
    assert (limited.units, limited.most_units) == (2, 2)
    assert limited.solution.cost == 22_000
    assert limited.solution.lower_bound == 22_000


def test_homes_come_before_money() -> None:
    """Three ports: the block of three far away is served for 31, not the near house for 11."""
    problem = town(STREET, [(0, 3)], [(0, 1, 1), (1, 3, 1)], [1, 3])
    limited = answer(problem)
    assert limited.reason.tolist() == [NO_FREE_PORT, ""]
    assert limited.solution.cost == 31_000


def test_a_block_is_served_whole_or_not_at_all() -> None:
    """A block of three does not fit two ports, though a flow that splits it would fill them."""
    limited = answer(town(STREET, [(0, 2)], [(0, 1, 1)], [3]))
    assert limited.reason.tolist() == [NO_FREE_PORT]
    assert (limited.units, limited.most_units, limited.solution.cost) == (0, 0, 0)


def test_a_building_that_no_tap_can_hold_takes_no_ports_in_the_bound() -> None:
    """Of ten ports the building of eleven can have none: no plan serves more than the five houses beside it."""
    problem = town(STREET, [(0, 10)], [(0, 1, 1), *((c, 3, 1) for c in range(1, 6))], [11] + [1] * 5)
    limited = answer(problem)
    assert limited.reason.tolist() == [NO_FREE_PORT, *[""] * 5]
    assert (limited.units, limited.most_units) == (5, 5)


@pytest.mark.parametrize(("ports", "limit_mm", "tap"), [(4, None, 1), (-1, None, 1), (5, 31_000, 0), (4, 31_000, -1)])
def test_only_taps_with_a_port_for_each_home_reach_a_building(ports: int, limit_mm: int | None, tap: int) -> None:
    """Five homes at the left tap: the right one serves them if theirs are too few, and its route of 41 m may be."""
    problem = town([*STREET, (3, 4, 10)], [(0, ports), (4, 5)], [(0, 0, 1)], [5])
    if ports < 0:
        problem = replace(problem, tap_capacity=np.array([0, -1]))
    limits = Limits(max_route_mm=limit_mm)
    reach = find_reach(problem, adjacency(problem), limits)
    limited = answer(problem, limits)
    assert limited.solution.tap.tolist() == [tap]
    assert reach.group_taps[reach.group[0]].nonzero()[0].tolist() == [tap] * (tap >= 0)
    assert limited.reason.tolist() == ["" if tap >= 0 else NO_FREE_PORT]


def test_cables_of_two_taps_share_a_trench() -> None:
    """Taps with one port each at both ends of a street, both houses next to the left one: the street is dug once."""
    problem = town(STREET, [(0, 1), (3, 1)], [(0, 0, 1), (1, 0, 1)], [1, 1])
    limited = answer(problem)
    assert sorted(limited.solution.tap.tolist()) == [0, 1]
    assert limited.solution.cost == 32_000
    assert limited.solution.lower_bound == 32_000


def test_a_chain_of_moves_frees_a_port() -> None:
    """House 0 is only served from the left within 15 m; house 1, nearer to the left, has to go to the right tap."""
    edges = [(0, 1, 5), (1, 2, 5), (1, 3, 8)]
    problem = town(edges, [(0, 1), (2, 1)], [(0, 0, 9), (1, 1, 1)], [1, 1])
    limited = answer(problem, Limits(max_route_mm=15_000))
    assert limited.solution.tap.tolist() == [0, 1]


@pytest.mark.parametrize(("limit_mm", "reason"), [(11_000, ""), (10_999, ROUTE_TOO_LONG)])
def test_a_route_may_be_as_long_as_its_limit(limit_mm: int, reason: str) -> None:
    """10 m of street and 1 m of drop are 11 m: allowed at 11 m, a millimetre less is too little."""
    problem = town(STREET, [(0, -1)], [(0, 1, 1)], [1])
    assert answer(problem, Limits(max_route_mm=limit_mm)).reason.tolist() == [reason]


def test_a_short_route_is_dug_where_the_cheap_one_is_too_long() -> None:
    """The cheap way is 60 m for 6, the straight one 20 m for 20: a limit of 30 m makes the plan dig straight."""
    problem = town([(0, 1, 60), (0, 1, 20)], [(0, -1)], [(0, 1, 0)], [1])
    cheap = Problem(**(vars(problem) | {"cost": np.array([6_000, 20_000])}))
    assert answer(cheap).solution.cost == 6_000
    assert answer(cheap, Limits(max_route_mm=30_000)).solution.cost == 20_000


@pytest.mark.parametrize(("stretch", "cost"), [(3.0, 6_000), (2.99, 20_000)])
def test_stretch_is_inclusive(stretch: float, cost: int) -> None:
    """60 m is 3 times the shortest 20 m: allowed at 3, not below."""
    problem = town([(0, 1, 60), (0, 1, 20)], [(0, -1)], [(0, 1, 0)], [1])
    cheap = Problem(**(vars(problem) | {"cost": np.array([6_000, 20_000])}))
    assert answer(cheap, Limits(max_stretch=stretch)).solution.cost == cost


def test_optics_limit_each_tap_by_itself() -> None:
    """The near tap's light reaches 5 m, the far one's 100 m: the house is served from the far one."""
    problem = town(STREET, [(1, -1), (0, -1)], [(0, 3, 1)], [1])
    limits = Limits(tap_route_mm=np.array([5_000, 100_000]))
    assert answer(problem, limits).solution.tap.tolist() == [1]
    dark = answer(problem, Limits(tap_route_mm=np.array([5_000, 6_000])))
    assert dark.reason.tolist() == [OPTICAL_BUDGET]
    unknown = Limits(tap_route_mm=np.array([-1, -1]), tap_unknown=np.array([True, True]))
    assert answer(problem, unknown).reason.tolist() == [OPTICAL_UNKNOWN]


def test_who_has_no_way_at_all_has_no_reason_here() -> None:
    """An island is no matter of limits: coverage names it, this must not call it a full port."""
    problem = town([(0, 1, 10), (2, 3, 10)], [(0, 5)], [(0, 1, 1), (1, 3, 1)], [1, 1])
    limited = answer(problem)
    assert limited.reason.tolist() == ["", ""]
    assert limited.solution.tap.tolist() == [0, -1]


@pytest.mark.parametrize("taps", [[], [(0, 0)]])
def test_without_any_port_nobody_is_served(taps: list[tuple[int, int]]) -> None:
    """No tap, or none with a port, is an answer and no crash."""
    limited = answer(town(STREET, taps, [(0, 1, 1)], [1]))
    assert limited.units == limited.most_units == 0
    assert limited.reason.tolist() == [NO_FREE_PORT if taps else ""]


def test_a_caller_can_stop_it() -> None:
    """Returning False from the callback ends the search with a plan that still keeps every limit."""
    problem = town(STREET, [(0, 2)], [(0, 1, 1), (1, 2, 1), (2, 3, 1)], [1, 1, 1])
    limited = solve_with_limits(problem, Limits(), CONFIG, lambda _: False)
    check(problem, limited, Limits())
    assert limited.solution.status == "interrupted"


def test_a_run_says_when_time_cut_a_part_of_it_short() -> None:
    """Whatever the gap it ends at, a plan that another machine may not find again must say so."""

    def hasty(problem: Problem, config: SolveConfig, report: Report | None) -> Solution:
        return replace(solve(problem, config, report), status="time", lower_bound=0)

    said = set()
    for seed in range(20):
        problem = small_town(seed, fibre=1)
        problem.tap_capacity[:] = 2
        calm = solve_with_limits(problem, Limits(), CONFIG).solution
        hurried = solve_with_limits(problem, Limits(), CONFIG, solver=hasty).solution
        assert calm.status != "time"
        assert hurried.status == "time" or hurried.cost == hurried.lower_bound
        said.add(hurried.status)
    assert said == {"optimal", "time"}


@st.composite
def small_towns(draw: st.DrawFn) -> Problem:
    """Draw at most 6 nodes, 7 streets, 2 taps and 4 houses."""
    nodes = draw(st.integers(2, 6))
    node = st.integers(0, nodes - 1)
    edges = draw(st.lists(st.tuples(node, node, st.integers(0, 20)), min_size=1, max_size=7))
    taps = draw(st.lists(st.tuples(node, st.integers(-1, 4)), min_size=1, max_size=2))
    units = draw(st.lists(st.integers(1, 3), min_size=1, max_size=4))
    drops = [
        (customer, at, metres)
        for customer in range(len(units))
        for at, metres in draw(st.lists(st.tuples(node, st.integers(0, 9)), min_size=0, max_size=2))
    ]
    return town(edges, taps, drops, units, fibre_per_m=draw(st.integers(0, 1)))


def best_of_all(problem: Problem, limit_mm: int | None) -> tuple[int, int]:
    """Try every set of edges, every drop and every tap: most homes, then least cost."""
    best = (0, 0)
    choices = [
        [(-1, -1)] + [(d, t) for d in np.flatnonzero(problem.drop_customer == c) for t in range(len(problem.tap_node))]
        for c in range(problem.customers)
    ]
    for mask in product((False, True), repeat=len(problem.tail)):
        graph = nx.MultiGraph()
        graph.add_nodes_from(range(problem.nodes))
        for e in np.flatnonzero(mask):
            graph.add_edge(problem.tail[e], problem.head[e], mm=problem.length_mm[e])
        far = {t: nx.single_source_dijkstra_path_length(graph, v, weight="mm") for t, v in enumerate(problem.tap_node)}
        dug = int(problem.cost[list(mask)].sum())
        per_mm = 1 if problem.fibre_cost.any() or problem.drop_fibre_cost.any() else 0
        for choice in product(*choices):
            load = [0] * len(problem.tap_node)
            cost, fits = dug, True
            for c, (d, t) in enumerate(choice):
                if d < 0:
                    continue
                length = far[t].get(problem.drop_node[d])
                if length is None or (limit_mm is not None and length + problem.drop_length_mm[d] > limit_mm):
                    fits = False
                    break
                load[t] += int(problem.units[c])
                cost += int(problem.drop_cost[d] + per_mm * (length + problem.drop_length_mm[d]))
            over = any(0 <= room < homes for homes, room in zip(load, problem.tap_capacity, strict=True))
            if fits and not over:
                best = min(best, (-sum(load), cost))
    return -best[0], best[1]


@settings(max_examples=60, deadline=None)
@given(small_towns(), st.sampled_from([None, 12_000, 25_000]))
def test_no_answer_beats_trying_everything(problem: Problem, limit_mm: int | None) -> None:
    """Limits kept, bounds below, and with houses of one home each as many served as anyone could serve."""
    if len(problem.tail) * problem.customers > 21:
        problem = Problem(**(vars(problem) | {"units": np.ones_like(problem.units)}))
    limited = answer(problem, Limits(max_route_mm=limit_mm))
    units, cost = best_of_all(problem, limit_mm)
    assert limited.units <= units <= limited.most_units
    if limited.units == units:
        assert limited.solution.cost >= cost
    if problem.units.max() == 1:
        assert limited.units == units


def test_the_same_answer_twice() -> None:
    """A planner who runs it again must get the same plan."""
    rng = np.random.default_rng(3)
    edges = [(i, i + 1, int(rng.integers(1, 30))) for i in range(40)] + [(i, i + 7, 25) for i in range(0, 33, 3)]
    drops = [(c, int(rng.integers(0, 41)), int(rng.integers(1, 9))) for c in range(60)]
    problem = town(edges, [(0, 9), (20, 7), (40, 11)], drops, rng.integers(1, 4, 60).tolist(), fibre_per_m=1)
    first, second = answer(problem), answer(problem)
    assert first.units == first.most_units == 27
    assert np.array_equal(first.solution.edges, second.solution.edges)
    assert np.array_equal(first.solution.tap, second.solution.tap)


def test_taps_may_be_kept_apart() -> None:
    """Left tap full: the right one serves the next house past it, or, kept apart, a dearer one on its own side."""
    edges = [(0, 1, 10), (1, 2, 10), (2, 3, 10), (3, 4, 35)]
    drops = [(0, 0, 1), (1, 0, 1), (2, 4, 1)]
    problem = town(edges, [(0, 1), (3, 1)], drops, [1, 1, 1])
    past = solve_with_limits(problem, Limits(), CONFIG)
    apart = solve_with_limits(problem, Limits(), CONFIG, apart=True)
    check(problem, past, Limits())
    check(problem, apart, Limits())
    assert (past.solution.cost, past.solution.lower_bound) == (32_000, 32_000)
    assert (apart.solution.cost, apart.solution.lower_bound) == (37_000, 37_000)


def test_a_route_stays_within_its_limit_where_a_tap_takes_over_from_a_full_one() -> None:
    """What a full tap had offered was taken up by another, over trenches there for nothing, however long the way."""
    side = 9
    for seed in range(12):
        rng = np.random.default_rng(seed)
        edges = [(v, v + 1, int(rng.integers(20, 90))) for v in range(side * side) if v % side < side - 1]
        edges += [(v, v + side, int(rng.integers(20, 90))) for v in range(side * (side - 1))]
        drops = [(c, int(v), int(rng.integers(1, 9))) for c, v in enumerate(rng.integers(0, side * side, 70))]
        taps = [(int(v), int(rng.integers(5, 25))) for v in rng.integers(0, side * side, 5)]
        problem = town(edges, taps, drops, rng.integers(1, 4, 70).tolist())
        limited = answer(problem, Limits(max_route_mm=int(rng.integers(120, 400)) * 1000))
        assert limited.units > 0, "`answer` measures every route"


def test_nobody_within_a_limit_is_an_answer() -> None:
    """A town without customers was an error as soon as routes had a limit."""
    assert answer(town(STREET, [(0, 2)], [], []), Limits(max_route_mm=1)).units == 0


def test_a_tap_without_streets_serves_as_many_as_it_has_ports() -> None:
    """Two houses at the tap's own node, one port, no street at all: the search looked up an edge that is not there."""
    assert answer(town([], [(0, 1)], [(0, 0, 2), (1, 0, 1)], [1, 1])).solution.cost == 1_000


def test_improving_an_assignment_never_overloads_a_tap() -> None:
    """A customer that is the best swap of two pairs of taps at once was moved twice, and ports were exceeded."""
    rng = np.random.default_rng(5)
    for _ in range(20):
        units = rng.integers(1, 5, 200)
        tap = rng.integers(0, 8, 200)
        room = np.bincount(tap, weights=units, minlength=8).astype(np.int64)
        price = rng.integers(0, 1000, (200, 8))
        before = price[np.arange(200), tap].sum()
        improve(price, units, room, tap)
        assert np.all(np.bincount(tap, weights=units, minlength=8) <= room)
        assert price[np.arange(200), tap].sum() <= before


def test_without_limits_the_solver_is_asked_once() -> None:
    """Where one may connect anywhere there are thousands of taps: looking at each of them took minutes, for nothing."""
    asked = []

    def solver(problem: Problem, config: SolveConfig, report: object) -> Solution:
        asked.append(problem)
        return solve(problem, config)

    here = town([(0, 1, 100), (1, 2, 50)], [(0, -1), (1, 9)], [(0, 2, 5), (1, 1, 7)], [4, 5])
    found = solve_with_limits(here, Limits(), CONFIG, solver=solver)
    assert asked == [here]
    assert (found.units, found.most_units, found.solution.cost) == (9, 9, 62_000)
    assert found.reason.tolist() == ["", ""]
    solve_with_limits(here, Limits(max_route_mm=200_000), CONFIG, solver=solver)
    assert len(asked) > 2, "a limit on routes is a limit"


def test_the_bound_sees_that_a_full_tap_needs_a_way_to_another() -> None:
    """Two houses at a tap with one port: the street to the other tap must be dug, and the bound must know it."""
    limited = answer(town(STREET, [(0, 1), (3, 1)], [(0, 0, 1), (1, 0, 1)], [1, 1]))
    assert limited.solution.lower_bound == limited.solution.cost == 32_000


def test_the_bound_counts_ports_within_reach_of_nothing() -> None:
    """Three taps in a row, the outer ones full: either way to the middle costs 10, both must be dug; drops are 4."""
    edges = [(0, 1, 10), (1, 2, 10)]
    drops = [(0, 0, 1), (1, 0, 1), (2, 2, 1), (3, 2, 1)]
    limited = answer(town(edges, [(0, 1), (1, 2), (2, 1)], drops, [1, 1, 1, 1]))
    assert limited.solution.lower_bound == limited.solution.cost == 24_000


@settings(max_examples=40, deadline=None)
@given(small_towns())
def test_no_plan_for_the_same_customers_is_below_the_bound(problem: Problem) -> None:
    """The bound sees ports; so the cheapest of all plans within the ports for just these customers must not beat it."""
    if len(problem.tail) * problem.customers > 21:
        problem = Problem(**(vars(problem) | {"units": np.ones_like(problem.units)}))
    limited = answer(problem)
    served = np.flatnonzero(limited.solution.drop >= 0)
    mine = np.isin(problem.drop_customer, served)
    of_drops = ("drop_node", "drop_cost", "drop_fibre_cost", "drop_length_mm")
    part = {name: getattr(problem, name)[mine] for name in of_drops}
    part["drop_customer"] = np.searchsorted(served, problem.drop_customer[mine])
    part |= {"units": problem.units[served], "fibres": problem.fibres[served]}
    units, cost = best_of_all(Problem(**(vars(problem) | part)), None)
    assert units == limited.units
    assert limited.solution.lower_bound <= cost


def must(problem: Problem, *who: int) -> Problem:
    """Return the problem with customers who must be served."""
    return Problem(**(vars(problem) | {"must": np.isin(np.arange(problem.customers), who)}))


def test_who_must_be_served_comes_before_money() -> None:
    """
    Two ports on a street with houses at 10, 20 and 30 m: the last one must be served.

    The first one goes with it, at 30 m of street and 2 drops (as the second would: 32; ties go to the lower number).
    """
    limited = answer(must(town(STREET, [(0, 2)], [(0, 1, 1), (1, 2, 2), (2, 3, 1)], [1, 1, 1]), 2))
    assert limited.reason.tolist() == ["", NO_FREE_PORT, ""]
    assert limited.solution.cost == 32_000


def test_who_must_be_served_comes_before_homes() -> None:
    """Three ports, a block of three and a single house that must be served: the house is, two ports stay free."""
    limited = answer(must(town(STREET, [(0, 3)], [(0, 1, 1), (1, 3, 3)], [1, 3]), 0))
    assert limited.reason.tolist() == ["", NO_FREE_PORT]
    assert limited.units == 1


def test_who_must_be_served_but_cannot_is_told_so() -> None:
    """A block of three does not fit two ports, however much it must: the others are served."""
    limited = answer(must(town(STREET, [(0, 2)], [(0, 1, 1), (1, 3, 1)], [3, 2]), 0))
    assert limited.reason.tolist() == [NO_FREE_PORT, ""]


@pytest.mark.parametrize("seed", range(4))
def test_all_who_must_be_served_are_where_ports_suffice_for_them(seed: int) -> None:
    """Random towns with ports for half of the homes: a random third that must be served is, wholly."""
    rng = np.random.default_rng(seed)
    edges: list[Edge] = [(i, i + 1, int(rng.integers(1, 30))) for i in range(40)]
    drops: list[Drop] = [(c, int(rng.integers(0, 41)), int(rng.integers(1, 9))) for c in range(60)]
    problem = must(town(edges, [(0, 20), (40, 12)], drops, [1] * 60), *rng.permutation(60)[:20].tolist())
    limited = answer(problem)
    assert (limited.solution.drop[problem.first] >= 0).all()
    assert limited.units == 32


def test_a_stop_asked_for_stays_asked_for() -> None:
    """Who presses Ctrl-C must not wait for a proof with a time limit of its own."""
    answers = iter([False, True])
    pace = Pace(1e-9, 1.0, lambda _: next(answers))
    pace.tell(1, "grow")
    pace.tell(1, "select")
    pace.go_on()
    assert pace.stopped == "interrupted"


def test_nothing_begins_anew_after_a_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small towns are searched from other starts, too: not once somebody has pressed Ctrl-C."""
    warm_within_limits()  # solves a town, too
    began = []
    monkeypatch.setattr(Run, "begin_roundabout", lambda _: began.append(1))
    town = small_town(0, customers=9, fibre=100)
    town = replace(town, tap_capacity=np.ones(len(town.tap_node), np.int64))
    solve_with_limits(town, Limits(), SolveConfig())
    assert began == [1]
    solve_with_limits(town, Limits(), SolveConfig(), lambda _: False)
    assert began == [1]
