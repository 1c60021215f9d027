"""Budgets on small towns, against an enumeration of everybody who could be connected."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lastmile_net.config import SolveConfig
from lastmile_net.solve import solve
from lastmile_net.solve.budget import Choice, Question, Study, exact
from lastmile_net.solve.budget.along import MOST_ALONG, NARROW, WIDE, ask_along
from lastmile_net.solve.capacity import Limits
from lastmile_net.solve.problem import Progress
from lastmile_net.solve.routes import part

from .small_towns import distances, small_town

if TYPE_CHECKING:
    from lastmile_net.solve.problem import Problem, Report, Solution

CONFIG = SolveConfig(rounds=1, time_limit_s=None, workers=1)
SHARES = (0.1, 0.3, 0.5, 0.8)


def every_cost(question: Question) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return who is in reach, the least cost of serving each set of them, and its gain (Dreyfus & Wagner 1971)."""
    town = question.problem
    far = distances(town)
    linked = np.isfinite(far[town.tap_node[0]])
    who = np.unique(town.drop_customer[linked[town.drop_node]])
    best = np.full((1 << len(who), town.nodes), np.inf)
    best[0] = 0
    for i, c in enumerate(who):
        for d in np.flatnonzero(town.drop_customer == c):
            one = far[town.drop_node[d]] + town.drop_cost[d] + question.own_cost[c]
            best[1 << i] = np.minimum(best[1 << i], one)
    for mask in range(1, 1 << len(who)):
        part = (mask - 1) & mask
        while part:
            best[mask] = np.minimum(best[mask], best[part] + best[mask ^ part])
            part = (part - 1) & mask
        best[mask] = np.min(best[mask][:, None] + far, axis=0)
    gains = np.array(
        [sum(int(question.gain[c]) for i, c in enumerate(who) if m >> i & 1) for m in range(1 << len(who))]
    )
    return who, best[:, town.tap_node[0]], gains


def asked(seed: int) -> tuple[Question, Study, np.ndarray, np.ndarray]:
    """Return a small town with gains, what is found out about it, and all costs and gains there are."""
    rng = np.random.default_rng(seed)
    town = small_town(seed, customers=7, nodes=10)
    town.units[:] = rng.integers(1, 6, town.customers)
    question = Question.of(town, rng.integers(0, 10, town.customers) * 1000)
    _, costs, gains = every_cost(question)
    return question, Study(question, solve(town, CONFIG), CONFIG), costs, gains


def price_of(question: Question, choice: Choice) -> int:
    """Price a plan from scratch: each edge once."""
    town, solution = question.problem, choice.solution
    served = np.flatnonzero(solution.drop >= 0)
    edges = np.unique(
        np.concatenate(
            [
                np.empty(0, np.int64),
                *[solution.route_edges[solution.route_start[c] : solution.route_start[c + 1]] for c in served],
            ]
        ).astype(np.int64)
    )
    return int(town.cost[edges].sum() + town.drop_cost[solution.drop[served]].sum() + question.own_cost[served].sum())


@pytest.fixture(params=[True, False], ids=["to the end", "by prices"])
def ended(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether small towns are solved to the end, as they are, or as if they were large."""
    if not request.param:
        monkeypatch.setattr(exact, "MOST_FLOWS", 0)
    return bool(request.param)


def test_budgets_against_every_set_of_customers(ended: bool) -> None:
    """200 towns: plans keep their budget, bounds are never below the optimum, plans are next to it."""
    gaps, misses = [], []
    for seed in range(200 if ended else 100):
        question, study, costs, gains = asked(seed)
        everybody = int(costs[-1])
        for share in SHARES[seed % 2 :: 2]:
            budget = int(share * everybody)
            optimum = int(gains[costs <= budget].max())
            choice = study.within(budget)
            assert price_of(question, choice) == choice.solution.cost <= budget
            assert choice.gain <= optimum <= choice.most_gain
            gaps.append(choice.most_gain / choice.gain - 1 if choice.gain else float(choice.most_gain > 0))
            misses.append((optimum - choice.gain) / max(optimum, 1))
    if ended:
        assert max(gaps) == 0
    assert np.mean(misses) <= 0.02


def test_coverage_against_every_set_of_customers(ended: bool) -> None:
    """The cheapest way to as many homes, and a bound on what that costs."""
    over = []
    for seed in range(60):
        question, study, costs, gains = asked(seed)
        wanted = int(np.ceil(0.6 * gains.max()))
        optimum = int(costs[gains >= wanted].min())
        choice = study.gaining(wanted)
        assert choice.gain >= wanted
        assert choice.least_cost <= optimum <= price_of(question, choice) == choice.solution.cost
        over.append(choice.solution.cost / max(optimum, 1) - 1)
    assert np.mean(over) <= (0 if ended else 0.02)


def test_at_a_price_no_branch_is_too_dear() -> None:
    """At a price for each home nothing is worth more than the plan: its cost, and the price for who is left out."""
    for seed in range(60):
        _, study, costs, gains = asked(seed)
        for price in (5_000, 20_000):
            choice = study.at_price(price)
            value = choice.solution.cost + price * (gains.max() - choice.gain)
            assert value == pytest.approx((costs + price * (gains.max() - gains)).min(), rel=0.01)
            assert study.answers[price].bound <= (costs + price * (gains.max() - gains)).min()


def test_nobody_is_left_out_who_is_worth_the_price_by_himself() -> None:
    """200 towns: a home that costs less on top of the plan than the price must not be told that it is too dear."""
    for seed in range(200):
        town = small_town(seed, customers=12, nodes=14)
        rng = np.random.default_rng(seed)
        question = Question.of(town, rng.integers(0, 10, town.customers) * 1000, rng.integers(0, 4, town.customers))
        study = Study(question, solve(town, CONFIG), CONFIG)
        price = int(rng.integers(1, 40)) * 1000
        solution = study.at_price(price).solution
        cost = town.cost.copy()
        cost[solution.edges] = 0
        on_top = distances(replace(town, cost=cost))[town.tap_node[0], town.drop_node] + town.drop_cost
        on_top += question.own_cost[town.drop_customer]
        out = (solution.drop < 0)[town.drop_customer] & (question.gain > 0)[town.drop_customer]
        assert (on_top > price * question.gain[town.drop_customer])[out].all(), seed


def test_more_money_never_connects_fewer() -> None:
    """A planner who asks for more gets no less, whatever has been asked before."""
    for seed in range(30):
        question, study, costs, _ = asked(seed)
        found = [study.within(int(share * costs[-1])) for share in (0, 0.2, 0.4, 0.6, 1.0)]
        gains = [choice.gain for choice in found]
        assert gains == sorted(gains)
        assert found[-1].gain == question.most


def test_the_curve_takes_no_longer_than_the_plan() -> None:
    """Five prices with a limit each of their own would make a planner wait five times; and cut answers are told."""
    town = small_town(4, customers=7, nodes=10)
    question, limits = Question.of(town, town.units * 1000), []

    def hurried(problem: Problem, config: SolveConfig, report: Report | None) -> Solution:
        limits.append(config.time_limit_s)
        return replace(solve(problem, CONFIG, report), status="time")

    study = Study(question, solve(town, CONFIG), CONFIG.model_copy(update={"time_limit_s": 60.0}), hurried)
    ask_along(study, (0.1, 0.3, 0.9))
    assert limits
    assert set(limits) == {20.0}
    assert study.hurried


def test_the_curve_is_asked_on_where_its_bound_is_wide() -> None:
    """One price says little of other budgets: more are asked while the bound is wide, and it comes nearer."""
    rooms = []
    for seed in range(6):
        town = small_town(seed, customers=40, nodes=40)
        one, more = (Study(Question.of(town), solve(town, CONFIG), CONFIG) for _ in range(2))
        if len(one.nested.cost) == 0:
            continue
        one.ask(one.nested.price_at(int(0.9 * one.nested.cost[-1])))
        ask_along(more, (0.9,))
        assert set(one.answers) <= set(more.answers)
        assert len(more.answers) <= MOST_ALONG
        money = np.array([int(share * one.nested.cost[-1]) for share in WIDE])
        found = np.maximum(more.found_gains(money), 1)
        rooms.append([(study.most_gains(money) / found - 1).mean() for study in (one, more)])
    before, after = np.mean(rooms, axis=0)
    assert after < before - NARROW


def test_a_price_is_asked_until_search_can_close_no_more() -> None:
    """Fibre on long ways keeps the gap open for ever: only what the search can close is worth its time."""
    town = small_town(4, customers=7, nodes=10)
    question, heard = Question.of(town, town.units * 1000), []

    def talking(problem: Problem, config: SolveConfig, report: Report | None) -> Solution:
        assert report is not None
        heard.extend(report(Progress(0.0, 120, 100, "prove", searched)) for searched in (110, 100))
        return replace(solve(problem, config), status="interrupted")

    study = Study(question, solve(town, CONFIG), CONFIG, talking)
    ask_along(study, (0.9,))
    assert heard == [True, False]
    assert not study.stopped
    assert study.plans[-1][0].status != "interrupted"


def test_under_limits_only_plans_that_keep_them_count() -> None:
    """Short ports end the curve: what is found without them is no plan, and no money gets more homes than ports."""
    town = small_town(4, customers=7, nodes=10)
    question = Question.of(town)
    everybody = solve(town, CONFIG)
    few = part(town, everybody, np.arange(town.customers) < 3)
    ports = int(town.units[few.drop >= 0].sum())
    study = Study(question, few, CONFIG, limits=Limits(), ceiling=ports)
    study.ask(10 * everybody.cost)
    money = np.array([0, few.cost, 2 * everybody.cost])
    assert study.plans[-1][1].gain[-1] > ports
    assert study.found_gains(money).tolist() == [0, ports, ports]
    assert study.most_gains(money).max() == ports
