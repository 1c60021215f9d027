"""The bound within ports, and the moves on forests, against trying everything in random small towns."""

from __future__ import annotations

from itertools import product

import networkx as nx
import numpy as np
import pytest

from lastmile_net.config import SolveConfig
from lastmile_net.solve import solve
from lastmile_net.solve.capacity.forest import improve_forest
from lastmile_net.solve.capacity.proof import bound_within_ports, prove_within_ports, rearranged
from lastmile_net.solve.capacity.search import restrict
from lastmile_net.solve.capacity.streets import Ground
from lastmile_net.solve.clock import Clock
from lastmile_net.solve.graph import LEAF
from lastmile_net.solve.problem import Problem


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


def least_cost(problem: Problem, *, split: bool) -> float:
    """Return the least cost of serving everybody, over all edges and drops; `split` lets a customer have two taps."""
    best = np.inf
    ports = problem.tap_capacity
    choices = [np.flatnonzero(problem.drop_customer == c) for c in range(problem.customers)]
    for mask in product((False, True), repeat=len(problem.tail)):
        graph = nx.Graph()
        graph.add_nodes_from(range(problem.nodes))
        graph.add_edges_from(zip(problem.tail[list(mask)], problem.head[list(mask)], strict=True))
        part = {v: number for number, nodes in enumerate(nx.connected_components(graph)) for v in nodes}
        dug = problem.cost[list(mask)].sum()
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
            bound, better = prove_within_ports(ground, relaxed, built, 0.0, 0, Clock())
            assert bound == least == ground.cost(built if better is None else better)


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
    union = nx.Graph()
    union.add_nodes_from(range(1, len(graph.kind)))
    union.add_edges_from(zip(streets.tail[built], streets.head[built], strict=True))
    for nodes in nx.connected_components(union):
        here = list(nodes)
        assert streets.homes[here].sum() <= streets.ports[here].sum()
    assert gain >= 0
    assert streets.constant + streets.cost[built].sum() >= least
