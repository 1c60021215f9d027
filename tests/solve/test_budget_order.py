"""The nested order of building: any first part stands alone, and no other part of the same plan is worth more."""

from __future__ import annotations

import numpy as np
import pytest

from lastmile_net.config import SolveConfig
from lastmile_net.solve import solve
from lastmile_net.solve.budget import BuildOrder, build_order
from lastmile_net.solve.problem import Problem, Solution

from .small_towns import small_town

SEEDS = range(120)
CONFIG = SolveConfig(rounds=2, time_limit_s=None, workers=1)


def solved(seed: int, *, fibre: int = 0) -> tuple[Problem, Solution, np.ndarray]:
    """Return a small town with homes of many sizes, its solution, and what each customer costs besides."""
    rng = np.random.default_rng(seed)
    town = small_town(seed, fibre=fibre)
    town.units[:] = rng.integers(1, 6, town.customers)
    return town, solve(town, CONFIG), rng.integers(0, 20, town.customers) * 1000


def needs(town: Problem, solution: Solution) -> list[set[int]]:
    """Return the edges that each customer's route runs over."""
    start, edges = solution.route_start, solution.route_edges
    return [set(edges[start[c] : start[c + 1]].tolist()) for c in range(town.customers)]


def money(town: Problem, solution: Solution, own: np.ndarray, who: list[int]) -> int:
    """Price some customers of a solution from scratch: each edge once, each one's own things."""
    routes = needs(town, solution)
    total = sum(int(town.cost[e]) for e in set().union(*(routes[c] for c in who)))
    for c in who:
        d = int(solution.drop[c])
        fibre = sum(int(town.fibre_cost[e]) for e in routes[c]) + int(town.drop_fibre_cost[d])
        total += int(town.drop_cost[d]) + int(own[c]) + int(town.fibres[c]) * fibre
    return total


@pytest.mark.parametrize("fibre", [0, 1])
def test_every_first_part_is_priced_as_a_plan_of_its_own(fibre: int) -> None:
    """A planner stops anywhere: what has been spent by then is the price of exactly those customers."""
    for seed in SEEDS:
        town, solution, own = solved(seed, fibre=fibre)
        order = build_order(town, solution, own_cost=own)
        assert sorted(order.customers.tolist()) == np.flatnonzero(solution.drop >= 0).tolist()
        for k in range(len(order.customers)):
            who = order.customers[: k + 1].tolist()
            assert order.cost[k] == money(town, solution, own, who)
            assert order.gain[k] == town.units[who].sum()


def test_edges_are_dug_for_the_first_who_needs_them() -> None:
    """Streets are opened once, and never later than somebody connected needs them."""
    for seed in SEEDS:
        town, solution, own = solved(seed)
        order = build_order(town, solution, own_cost=own)
        routes = needs(town, solution)
        for e in range(len(town.tail)):
            users = [k for k, c in enumerate(order.customers.tolist()) if e in routes[c]]
            assert order.edge_rank[e] == (users[0] if users else -1)


def test_after_each_block_nothing_else_gains_more_for_the_money() -> None:
    """All subsets of a plan's customers, priced one by one, are the oracle of the order."""
    for seed in SEEDS:
        town, solution, own = solved(seed)
        order = build_order(town, solution, own_cost=own)
        served = order.customers.tolist()
        every = [[c for i, c in enumerate(served) if mask >> i & 1] for mask in range(1 << len(served))]
        prices = np.array([money(town, solution, own, who) for who in every])
        homes = np.array([town.units[who].sum() for who in every])
        for k in np.flatnonzero(np.append(order.block[1:] != order.block[:-1], [True])[: len(served)]):
            assert homes[prices <= order.cost[k]].max() == order.gain[k]


def test_blocks_get_worse() -> None:
    """The next home never costs less than the one before, from block to block."""
    for seed in SEEDS:
        town, solution, own = solved(seed)
        order = build_order(town, solution, own_cost=own)
        last = np.flatnonzero(np.append(order.block[1:] != order.block[:-1], [True]))[: len(order.block)]
        spent, gained = np.diff(order.cost[last], prepend=0), np.diff(order.gain[last], prepend=0)
        assert (spent[:-1] * gained[1:] <= spent[1:] * gained[:-1]).all()


def test_phases_come_one_after_the_other() -> None:
    """What is planned for the first year is built before what is planned for the second."""
    for seed in SEEDS:
        town, solution, own = solved(seed)
        phase = np.random.default_rng(seed).integers(0, 3, town.customers)
        order = build_order(town, solution, own_cost=own, phase=phase)
        assert (np.diff(phase[order.customers]) >= 0).all()
        assert order.cost[-1:].sum() == money(town, solution, own, order.customers.tolist())


def shared_trench() -> tuple[Problem, Solution]:
    """Return two taps whose cables share a trench, as where ports are short: tap 0 is full, its trench leads on."""
    town = Problem(
        nodes=3,
        tail=np.array([0, 1]),
        head=np.array([1, 2]),
        cost=np.array([100, 50]),
        fibre_cost=np.zeros(2, np.int64),
        tap_node=np.array([0, 2]),
        tap_capacity=np.array([1, 1]),
        drop_customer=np.array([0, 1]),
        drop_node=np.array([2, 1]),
        drop_cost=np.array([10, 10]),
        drop_fibre_cost=np.zeros(2, np.int64),
        units=np.array([1, 1]),
        fibres=np.array([1, 1]),
        length_mm=np.array([100, 50]),
        drop_length_mm=np.zeros(2, np.int64),
    )
    routes = {"route_start": np.array([0, 2, 3]), "route_edges": np.array([0, 1, 1])}
    return town, Solution(
        np.array([0, 1]), np.array([0, 1]), np.array([0, 1]), **routes, cost=170, lower_bound=0, status="rounds"
    )


def test_a_trench_of_two_taps_is_paid_once() -> None:
    """Under short ports a trench may carry cables of several access points; its price counts once."""
    order: BuildOrder = build_order(*shared_trench())
    assert order.customers.tolist() == [1, 0]
    assert order.cost.tolist() == [60, 170]
    assert order.edge_rank.tolist() == [1, 0]


def test_within_counts_inclusively() -> None:
    """A budget of exactly what the first customer costs connects the first customer."""
    order = build_order(*shared_trench())
    assert [order.within(money) for money in (0, 59, 60, 169, 170)] == [0, 0, 1, 1, 2]
