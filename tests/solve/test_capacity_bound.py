"""The bound within ports, and the moves on forests, against trying everything in random small towns."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
import pytest

from lastmile_net.config import SolveConfig
from lastmile_net.solve import solve
from lastmile_net.solve.bound import record_of
from lastmile_net.solve.capacity import proof
from lastmile_net.solve.capacity.bound import windows
from lastmile_net.solve.capacity.bound.cuts import Need
from lastmile_net.solve.capacity.bound.lacking import lacking_cuts, sparing_cuts
from lastmile_net.solve.capacity.bound.streets import Ground
from lastmile_net.solve.capacity.bound.tolls import toll_prices
from lastmile_net.solve.capacity.forest.moves import improve_forest
from lastmile_net.solve.capacity.proof import (
    Task,
    bound_within_ports,
    charge_within_ports,
    prove_within_ports,
    rearranged,
    shaken,
)
from lastmile_net.solve.capacity.search.assign import fit, over
from lastmile_net.solve.capacity.search.growth import FAR
from lastmile_net.solve.capacity.search.moves import restrict
from lastmile_net.solve.clock import Clock
from lastmile_net.solve.graph import LEAF, PLAIN, TERMINAL, make_graph
from lastmile_net.solve.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator


def random_town(seed: int) -> Problem:
    """Return a town of a few streets with two or three taps whose ports are just enough, or hardly."""
    rng = np.random.default_rng(seed)
    nodes, edges, customers = int(rng.integers(3, 8)), int(rng.integers(3, 9)), int(rng.integers(2, 5))
    taps = rng.integers(0, nodes, int(rng.integers(2, 4)))
    units = rng.integers(1, 3, customers)
    spare = int(rng.integers(0, 2))
    ports = rng.multinomial(units.sum() + spare, np.ones(len(taps)) / len(taps))
    count = rng.integers(1, 3, customers)
    drops = int(count.sum())
    cost = rng.integers(0, 20, edges) * 1000
    return Problem(
        nodes=nodes,
        tail=rng.integers(0, nodes, edges),
        head=rng.integers(0, nodes, edges),
        cost=cost,
        fibre_cost=np.zeros(edges, np.int64),
        tap_node=taps,
        tap_capacity=ports.astype(np.int64),
        drop_customer=np.repeat(np.arange(customers), count),
        drop_node=rng.integers(0, nodes, drops),
        drop_cost=rng.integers(0, 9, drops) * 1000,
        drop_fibre_cost=np.zeros(drops, np.int64),
        units=units.astype(np.int64),
        fibres=np.ones(customers, np.int64),
        length_mm=cost,
        drop_length_mm=np.zeros(drops, np.int64),
    )


def every_digging(problem: Problem) -> Iterator[tuple[int, dict[int, int]]]:
    """Yield what each choice of edges costs, and which nodes hang together then."""
    for mask in product((False, True), repeat=len(problem.tail)):
        graph = nx.Graph()
        graph.add_nodes_from(range(problem.nodes))
        graph.add_edges_from(zip(problem.tail[list(mask)], problem.head[list(mask)], strict=True))
        part = {v: number for number, nodes in enumerate(nx.connected_components(graph)) for v in nodes}
        yield int(problem.cost[list(mask)].sum()), part


def least_cost(problem: Problem, *, split: bool) -> float:
    """Return the least cost of serving everybody, over all edges and drops; `split` lets a customer have two taps."""
    best = np.inf
    ports = problem.tap_capacity
    choices = [np.flatnonzero(problem.drop_customer == c) for c in range(problem.customers)]
    for dug, part in every_digging(problem):
        for drops in product(*choices):
            cost = dug + problem.drop_cost[list(drops)].sum()
            if cost < best and _fits(problem, part, drops, ports, split=split):
                best = cost
    return float(best)


def _fits(problem: Problem, part: dict[int, int], drops: tuple[int, ...], ports: np.ndarray, *, split: bool) -> bool:
    where = [part[int(problem.drop_node[d])] for d in drops]
    of_tap = [part[int(v)] for v in problem.tap_node]
    if split:
        return all(
            sum(u for u, p in zip(problem.units, where, strict=True) if p == here)
            <= sum(r for r, p in zip(ports, of_tap, strict=True) if p == here)
            for here in set(where)
        )
    options = [[t for t, p in enumerate(of_tap) if p == here] for here in where]
    return any(
        (np.bincount(taps, weights=problem.units, minlength=len(ports)) <= ports).all() for taps in product(*options)
    )


def assert_within_ports(ground: Ground, built: np.ndarray) -> None:
    """Check that whatever hangs together has ports for its homes, and that every customer hangs on something."""
    streets, graph = ground.streets, ground.graph
    used = built & (streets.tail != 0) & (streets.head != 0)
    union = nx.Graph()
    union.add_nodes_from(range(1, len(graph.kind)))
    union.add_edges_from(zip(streets.tail[used], streets.head[used], strict=True))
    for nodes in nx.connected_components(union):
        here = list(nodes)
        assert streets.homes[here].sum() <= streets.ports[here].sum()


def unlimited(problem: Problem) -> Problem:
    """Return the problem with taps that take everybody."""
    everyone, every = np.ones(problem.customers, bool), np.ones(len(problem.tap_node), bool)
    return restrict(problem, everyone, every)[0]


@pytest.mark.parametrize("seed", range(150))
def test_no_plan_is_below_the_bound(seed: int) -> None:
    """The bound is for plans within ports; it must hold even for those that split a block of homes."""
    problem = random_town(seed)
    relaxed = solve(unlimited(problem), SolveConfig(time_limit_s=None))
    if (relaxed.drop < 0).any():
        return
    ground = Ground.of(problem, problem.tap_capacity)
    least = least_cost(problem, split=True)
    assert bound_within_ports(ground, relaxed) <= least <= least_cost(problem, split=False)
    if least < np.inf:
        built = rearranged(ground, np.arange(len(problem.tail)), np.unique(problem.drop_customer, return_index=True)[1])
        if built is not None:
            task = Task(ground, relaxed, built, ground.cost(built), 0.0, seed, Clock())
            other = shaken(task)
            assert other is not None
            assert_within_ports(ground, other)
            assert charge_within_ports(task).bound <= least <= ground.cost(other) <= ground.cost(built)
            bound, better = prove_within_ports(task)
            assert bound == least == ground.cost(built if better is None else better)


@pytest.mark.parametrize("seed", range(150))
def test_the_bounds_of_windows_add_up_to_one(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However streets are cut into windows, no plan costs less than what all of them prove together."""
    problem = random_town(seed)
    relaxed = solve(unlimited(problem), SolveConfig(time_limit_s=None))
    least = least_cost(problem, split=True)
    if (relaxed.drop < 0).any() or np.isinf(least):
        return
    monkeypatch.setattr(windows, "EDGES", 2)
    monkeypatch.setattr(proof, "WHOLE", 0)
    ground = Ground.of(problem, problem.tap_capacity)
    task = Task(ground, relaxed, None, 2 * int(least), 0.0, seed, Clock())
    bound, better = prove_within_ports(task)
    assert charge_within_ports(task).bound <= bound <= least
    assert better is None


@pytest.mark.parametrize("around", ["homes", "ports"])
@pytest.mark.parametrize("seed", range(150))
def test_every_cut_that_is_found_must_be_crossed(seed: int, around: str) -> None:
    """Without the arcs of a cut the taps' ports no longer suffice (by networkx); and it was broken, as it says."""
    rng = np.random.default_rng(seed)
    ground = Ground.of(random_town(seed), random_town(seed).tap_capacity)
    graph, need = ground.graph, ground.streets.need
    if need.homes.sum() == 0:
        return
    use = np.where(rng.random(len(graph.end)) < 0.5, 0, rng.random(len(graph.end)).round(1))
    record, seeds, chance = record_of(200, 2000), np.arange(1, len(graph.kind)), np.array([seed])
    if around == "homes":
        lacking_cuts(graph, need, use, seeds, chance, 1e-4, record)
    else:
        sparing_cuts(graph, need.turned(), use, seeds, chance, 1e-4, record)
    for cut in range(int(record.fill[0])):
        arcs = record.arc[record.start[cut] : record.start[cut + 1]]
        assert use[arcs].sum() < 1
        flow = nx.DiGraph()
        flow.add_nodes_from(["taps", "homes"])
        for v in range(1, len(graph.kind)):
            flow.add_edge("taps", v, capacity=int(need.ports[v]))
            flow.add_edge(v, "homes", capacity=int(need.homes[v]))
        for a in set(range(len(graph.end))) - set(arcs.tolist()):
            tail, head = int(graph.end[a ^ 1]), int(graph.end[a])
            if 0 not in (tail, head) and graph.kind[tail] != LEAF:
                flow.add_edge(tail, head)
        assert nx.maximum_flow_value(flow, "taps", "homes") < need.homes.sum()


def test_cuts_around_sets_that_lack_ports_are_found() -> None:
    """Two homes, one port here and one beyond two streets, each half used: one whole street must lead in."""
    kind = np.array([TERMINAL, TERMINAL, PLAIN, PLAIN, PLAIN], np.int8)
    graph = make_graph(kind, np.array([0, 0, 4, 4, 2, 3]), np.array([1, 4, 2, 3, 1, 1]), np.full(6, 10))
    need = Need(np.array([0, 2, 0, 0, 0]), np.array([0, 1, 0, 0, 1]))
    use = np.zeros(12)
    use[[0, 2]] = 1
    use[[4, 6, 8, 10]] = 0.4
    record = record_of(50, 500)
    lacking_cuts(graph, need, use, np.array([1]), np.array([1]), 1e-4, record)
    assert record.fill[0] > 0
    assert {8, 10} in [set(record.arc[record.start[c] : record.start[c + 1]]) for c in range(record.fill[0])]


def test_cuts_around_sets_with_ports_to_spare_are_found() -> None:
    """Three ports and one home here, two homes beyond two streets, each half used: one whole street must lead out."""
    kind = np.array([TERMINAL, TERMINAL, PLAIN, PLAIN, TERMINAL], np.int8)
    graph = make_graph(kind, np.array([0, 1, 1, 2, 3]), np.array([1, 2, 3, 4, 4]), np.full(5, 10))
    need = Need(np.array([0, 1, 0, 0, 2]), np.array([0, 3, 0, 0, 0]))
    use = np.zeros(10)
    use[0] = 1
    use[[2, 4, 6, 8]] = 0.4
    found = {}
    for slack in (0, 2):
        record = record_of(50, 500)
        sparing_cuts(graph, need.turned()._replace(slack=slack), use, np.array([1]), np.array([1]), 1e-4, record)
        found[slack] = [set(record.arc[record.start[c] : record.start[c + 1]]) for c in range(record.fill[0])]
    assert {2, 4} in found[0]
    assert not found[2]  # two ports more may stay free: nothing has to lead out


@pytest.mark.parametrize("seed", range(60))
def test_single_homes_fill_all_ports_there_are(seed: int) -> None:
    """First fit leaves nobody beyond the ports where homes come one by one; whole blocks go where they fit."""
    rng = np.random.default_rng(seed)
    taps, customers = int(rng.integers(1, 5)), int(rng.integers(1, 20))
    units = np.ones(customers, np.int64) if seed % 2 else rng.integers(1, 5, customers)
    room = rng.multinomial(units.sum() + (0 if seed % 2 else 4 * taps), np.ones(taps) / taps)
    price = rng.integers(1, 100, (customers, taps))
    tap = fit(price, units, room, np.argsort(-units, kind="stable"))
    assert over(units, tap, room) == 0
    assert (tap >= 0).all()
    price[0] = FAR
    assert fit(price, units, room, np.arange(customers))[0] == -1


@pytest.mark.parametrize("seed", range(40))
def test_tolls_never_ask_for_more_than_the_cheapest_fibre(seed: int) -> None:
    """What drops with tolls cost at least, less the tolls, is no more than the cheapest fibre within ports."""
    town = random_town(seed)
    rng = np.random.default_rng(seed)
    problem = replace(town, fibre_cost=rng.integers(0, 9, len(town.tail)), tap_node=town.tap_node)
    price, tolls = toll_prices(problem, problem.tap_capacity)
    street = nx.MultiGraph()
    street.add_nodes_from(range(problem.nodes))
    street.add_weighted_edges_from(zip(problem.tail, problem.head, problem.fibre_cost, strict=True))
    far = [nx.single_source_dijkstra_path_length(street, int(v)) for v in problem.tap_node]
    ports = problem.tap_capacity
    least = np.inf
    for drops in product(*(np.flatnonzero(problem.drop_customer == c) for c in range(problem.customers))):
        for taps in product(range(len(ports)), repeat=problem.customers):
            fibre = [far[t].get(int(problem.drop_node[d]), np.inf) for d, t in zip(drops, taps, strict=True)]
            if (np.bincount(taps, weights=problem.units, minlength=len(ports)) <= ports).all():
                least = min(least, sum(fibre) + problem.drop_cost[list(drops)].sum())
    cheapest = np.full(problem.customers, np.iinfo(np.int64).max)
    np.minimum.at(cheapest, problem.drop_customer, price)
    assert cheapest.sum() - tolls <= least


def test_a_drop_at_a_full_tap_is_not_the_only_one() -> None:
    """Both taps' nodes offer a drop to b; the cheaper one's only port is a's, so b takes the other, for 6, not 5."""
    none, one = np.zeros(1, np.int64), np.ones(2, np.int64)
    problem = Problem(
        nodes=2,
        tail=np.array([0]),
        head=np.array([1]),
        cost=np.array([100_000]),
        fibre_cost=none,
        tap_node=np.array([0, 1]),
        tap_capacity=np.array([1, 1]),
        drop_customer=np.array([0, 1, 1]),
        drop_node=np.array([0, 0, 1]),
        drop_cost=np.array([1_000, 5_000, 6_000]),
        drop_fibre_cost=np.zeros(3, np.int64),
        units=one,
        fibres=one,
        length_mm=none,
        drop_length_mm=np.zeros(3, np.int64),
    )
    relaxed = solve(unlimited(problem), SolveConfig(time_limit_s=None))
    assert bound_within_ports(Ground.of(problem, problem.tap_capacity), relaxed) <= 7_000


@pytest.mark.parametrize("seed", range(150))
def test_moves_keep_ports_and_never_lose(seed: int) -> None:
    """From everything built the moves end at a forest within ports, at what they say it costs, never below the best."""
    problem = random_town(seed)
    ground = Ground.of(problem, problem.tap_capacity)
    streets, graph = ground.streets, ground.graph
    built = (streets.tail != 0) & (streets.head != 0)
    leaf = np.where(graph.kind[streets.tail] == LEAF, streets.tail, streets.head)
    first = np.isin(np.arange(len(leaf)), np.unique(leaf, return_index=True)[1])
    built &= first | (graph.kind[leaf] != LEAF)
    least = least_cost(problem, split=True)
    before = built.copy()
    gain = improve_forest(graph, streets.need, streets.cost, built)
    if (built == before).all() or np.isinf(least):
        return
    assert_within_ports(ground, built)
    assert gain >= 0
    assert streets.constant + streets.cost[built].sum() >= least
