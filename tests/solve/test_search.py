"""The solver as a whole: right on small towns, honest about its bound, reproducible, and able to be stopped."""

from __future__ import annotations

from dataclasses import fields, replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lastmile_net.config import SolveConfig
from lastmile_net.errors import SolveError
from lastmile_net.solve import solve
from lastmile_net.solve.problem import Problem, Progress, Solution

from .small_towns import cheapest, small_town

EXACT = SolveConfig(target_gap=0, rounds=6, time_limit_s=None, workers=1)


def grid(side: int, seed: int = 0) -> Problem:
    """Return a grid of streets where each customer has three drops to nearby junctions."""
    rng = np.random.default_rng(seed)
    node = np.arange(side * side).reshape(side, side)
    tail = np.concatenate([node[:, :-1].ravel(), node[:-1].ravel()])
    head = np.concatenate([node[:, 1:].ravel(), node[1:].ravel()])
    cost = rng.integers(20, 90, len(tail)) * 1000
    customers = side * side // 2
    x, y = rng.integers(0, side - 1, customers), rng.integers(0, side - 1, customers)
    drop_node = np.stack([node[y, x], node[y + 1, x], node[y, x + 1]], 1).ravel()
    drops = len(drop_node)
    return Problem(
        nodes=side * side,
        tail=tail,
        head=head,
        cost=cost,
        fibre_cost=np.zeros(len(tail), np.int64),
        tap_node=np.array([0]),
        tap_capacity=np.array([-1]),
        drop_customer=np.repeat(np.arange(customers), 3),
        drop_node=drop_node,
        drop_cost=rng.integers(1, 60, drops) * 1000,
        drop_fibre_cost=np.zeros(drops, np.int64),
        units=np.ones(customers, np.int64),
        fibres=np.ones(customers, np.int64),
        length_mm=cost.copy(),
        drop_length_mm=np.zeros(drops, np.int64),
    )


def same(one: Solution, two: Solution) -> bool:
    """Compare all but the log, whose seconds differ."""
    return all(np.array_equal(getattr(one, f.name), getattr(two, f.name)) for f in fields(Solution) if f.name != "log")


def walk(problem: Problem, solution: Solution) -> None:
    """Walk every route over the input's own edges; nothing but edges is passed, so no house is."""
    built = set(solution.edges.tolist())
    for c, d in enumerate(solution.drop):
        if d < 0:
            continue
        assert problem.drop_customer[d] == c
        v = problem.tap_node[solution.tap[c]]
        for e in solution.route_edges[solution.route_start[c] : solution.route_start[c + 1]]:
            assert e in built
            assert v in (problem.tail[e], problem.head[e])
            v = problem.tail[e] + problem.head[e] - v
        assert v == problem.drop_node[d]


@pytest.mark.parametrize("block", range(5))
def test_agrees_with_the_exact_recursion(block: int) -> None:
    """Five hundred small towns with an exact answer are the surest proof that cost and bound mean what they say."""
    for seed in range(100 * block, 100 * block + 100):
        problem = small_town(seed)
        optimum, served = cheapest(problem)
        solution = solve(problem, EXACT)
        assert np.array_equal(solution.drop >= 0, served), seed
        assert solution.lower_bound <= optimum <= solution.cost, seed
        assert solution.cost == optimum, seed
        walk(problem, solution)


@settings(max_examples=60, deadline=None)
@given(st.integers(10_000, 10_000_000), st.integers(0, 400))
def test_bound_and_cost_enclose_the_optimum_with_fibre(seed: int, fibre: int) -> None:
    """With fibre in the price the trench optimum is no more than a floor, but the order must hold."""
    problem = small_town(seed, customers=5, fibre=fibre)
    optimum, _ = cheapest(problem)
    solution = solve(problem, EXACT)
    assert solution.lower_bound <= solution.cost
    assert optimum <= solution.cost
    walk(problem, solution)


def test_prices_scale() -> None:
    """Prices in another currency must not change the plan."""
    problem = grid(8)
    dearer = replace(problem, cost=problem.cost * 7, drop_cost=problem.drop_cost * 7)
    config = SolveConfig(target_gap=0.001, rounds=3, time_limit_s=None)
    assert abs(solve(dearer, config).cost / solve(problem, config).cost / 7 - 1) < 0.01


def test_same_seed_same_result_on_any_number_of_workers() -> None:
    """A planner who runs a plan again, or elsewhere, must get it again."""
    config = SolveConfig(target_gap=0, rounds=2, time_limit_s=None, workers=1)
    problem = grid(14)
    one = solve(problem, config)
    assert same(one, solve(problem, config))
    assert same(one, solve(problem, config.model_copy(update={"workers": 4})))


def test_stops_at_the_gap() -> None:
    """The default stop is the gap, and the status says so."""
    solution = solve(grid(10), SolveConfig(target_gap=0.5, rounds=50))
    assert solution.status in ("gap", "optimal")
    assert solution.gap <= 0.5


def test_stops_when_the_report_says_so() -> None:
    """A window that is closed stops the search but keeps the best plan so far."""
    seen: list[Progress] = []

    def report(progress: Progress) -> bool:
        seen.append(progress)
        return len(seen) < 2

    solution = solve(grid(10), SolveConfig(target_gap=0, rounds=50, time_limit_s=None), report)
    assert solution.status == "interrupted"
    assert len(seen) == 2
    assert (solution.drop >= 0).all()


def test_keyboard_keeps_the_best_so_far() -> None:
    """Ctrl-C in the middle must not throw away the work of an hour."""

    def report(progress: Progress) -> None:
        if progress.stage.startswith("prove"):
            raise KeyboardInterrupt

    solution = solve(grid(10), SolveConfig(target_gap=0, rounds=50, time_limit_s=None), report)
    assert solution.status == "interrupted"
    assert 0 < solution.lower_bound <= solution.cost


def test_log_never_gets_worse() -> None:
    """The live display shows cost falling and bound rising; a line that goes back would be a lie."""
    log = solve(grid(12), SolveConfig(target_gap=0, rounds=3, time_limit_s=None)).log
    assert all(a.cost >= b.cost and a.lower_bound <= b.lower_bound for a, b in pairwise(log))


def test_fibre_is_in_cost_and_bound() -> None:
    """On one street without a choice the cost is trench plus each customer's fibre, and the bound sees all."""
    one = np.ones(2, np.int64)
    line = np.array([1000, 2000])
    problem = Problem(
        nodes=3,
        tail=np.array([0, 1]),
        head=np.array([1, 2]),
        cost=np.array([50_000, 60_000]),
        fibre_cost=line,
        tap_node=np.array([0]),
        tap_capacity=np.array([-1]),
        drop_customer=np.array([0, 1]),
        drop_node=np.array([1, 2]),
        drop_cost=np.array([7_000, 8_000]),
        drop_fibre_cost=np.array([100, 200]),
        units=one,
        fibres=np.array([1, 4]),
        length_mm=line,
        drop_length_mm=one,
    )
    solution = solve(problem, SolveConfig())
    assert solution.cost == 110_000 + 15_000 + (1000 + 100) + 4 * (3000 + 200)
    assert solution.lower_bound == solution.cost


def test_nobody_in_reach_is_no_error() -> None:
    """Customers on an island are an answer, not a failure."""
    problem = replace(grid(4), tap_node=np.zeros(0, np.int64), tap_capacity=np.zeros(0, np.int64))
    solution = solve(problem, SolveConfig())
    assert solution.status == "trivial"
    assert (solution.drop == -1).all()
    assert (solution.cost, solution.lower_bound) == (0, 0)


def test_says_all_that_is_wrong_with_a_problem() -> None:
    """Arrays that contradict each other would crash a compiled kernel without a word."""
    problem = grid(4)
    with pytest.raises(SolveError) as caught:
        solve(replace(problem, cost=problem.cost - 10**9, drop_node=problem.drop_node + 10**6), SolveConfig())
    assert len(caught.value.faults) == 2
