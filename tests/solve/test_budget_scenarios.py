"""Scenarios: the same routes priced anew; and plans that are grown in stages."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lastmile_net.config import SolveConfig
from lastmile_net.solve import solve
from lastmile_net.solve.budget import Doubt, Question, build_order, grow, look_out
from lastmile_net.solve.prizes import ask

from .small_towns import small_town

CONFIG = SolveConfig(rounds=1, time_limit_s=None, workers=1)
SEEDS = range(40)


def sure(customers: int, edges: int) -> Doubt:
    """Return no doubt at all."""
    return Doubt(np.ones(customers), 0.0, np.zeros(edges, np.int64), scenarios=3, seed=0)


def test_without_doubt_every_scenario_is_the_plan() -> None:
    """At the prices that were planned with, and when everybody signs, all is built and costs what it costs."""
    for seed in SEEDS:
        town = small_town(seed)
        solution = solve(town, CONFIG)
        found = look_out(town, solution, np.zeros(town.customers, np.int64), sure(town.customers, len(town.tail)))
        assert (found.edge[solution.edges] == 1).all()
        assert found.edge.sum() == len(solution.edges)
        assert (found.customer == (solution.drop >= 0)).all()
        assert set(found.cost.tolist()) == {solution.cost}


def test_nobody_signs_nothing_is_built() -> None:
    """A trench that leads to nobody is not dug."""
    town = small_town(3)
    doubt = replace(sure(town.customers, len(town.tail)), take_rate=np.zeros(town.customers))
    found = look_out(town, solve(town, CONFIG), np.zeros(town.customers, np.int64), doubt)
    assert found.edge.sum() == found.customer.sum() == found.cost.sum() == found.homes.sum() == 0


def test_a_trench_is_at_least_as_sure_as_who_it_leads_to() -> None:
    """No customer is connected in a scenario in which the way to it is not built."""
    for seed in SEEDS:
        town = small_town(seed)
        solution = solve(town, CONFIG)
        doubt = Doubt(np.full(town.customers, 0.5), 0.3, np.arange(len(town.tail)) % 3, 50, seed, price=15_000)
        found = look_out(town, solution, np.full(town.customers, 500), doubt)
        for c in np.flatnonzero(solution.drop >= 0).tolist():
            way = solution.route_edges[solution.route_start[c] : solution.route_start[c + 1]]
            assert (found.edge[way] >= found.customer[c]).all()


def test_a_budget_is_kept_in_every_scenario() -> None:
    """What gets dearer is not built beyond the money."""
    for seed in SEEDS:
        town = small_town(seed)
        solution = solve(town, CONFIG)
        doubt = Doubt(np.full(town.customers, 0.7), 0.5, np.zeros(len(town.tail), np.int64), 20, 1, budget=40_000)
        assert look_out(town, solution, np.zeros(town.customers, np.int64), doubt).cost.max() <= 40_000


def test_the_same_seed_draws_the_same() -> None:
    """A run can be repeated."""
    town = small_town(5)
    doubt = Doubt(np.full(town.customers, 0.5), 0.3, np.zeros(len(town.tail), np.int64), 20, 7)
    one, other = (look_out(town, solve(town, CONFIG), np.zeros(town.customers, np.int64), doubt) for _ in range(2))
    assert one.cost.tolist() == other.cost.tolist()
    assert one.edge.tolist() == other.edge.tolist()


@pytest.mark.parametrize("prices", [(5_000,), (3_000, 12_000)])
def test_what_is_grown_begins_with_the_best_and_serves_everybody(prices: tuple[int, ...]) -> None:
    """The first stage is the plan for its price, nothing of it is lost, and all in reach come in the end."""
    for seed in SEEDS:
        question = Question.of(small_town(seed))
        first = ask(question, prices[0], CONFIG).solution
        grown = grow(question, prices, CONFIG, solve)
        assert ((grown.solution.drop >= 0) == question.in_reach).all()
        assert ((grown.stage == 0) == (first.drop >= 0)).all()
        order = build_order(question.posed, grown.solution, phase=np.maximum(grown.stage, 0))
        count = int((grown.stage == 0).sum())
        assert (order.cost[count - 1] if count else 0) == first.cost
        assert len(order.cost) == 0 or order.cost[-1] == grown.solution.cost
