"""Plans whose first parts connect many: the sum that is searched, its limit of cost, and who is served."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lastmile_net.config import SolveConfig, read_config
from lastmile_net.plan.favour import favour_first
from lastmile_net.solve import solve
from lastmile_net.solve.budget import Goal, Question, Start, Study, build_order, favour_early
from lastmile_net.solve.budget.early import LADDER
from lastmile_net.solve.budget.nest import UNIT, nest
from lastmile_net.solve.prizes import settle

from .small_towns import small_town

if TYPE_CHECKING:
    from lastmile_net.solve.problem import Problem, Solution, Status

SEEDS = range(80)
CONFIG = SolveConfig(rounds=1, time_limit_s=None, workers=1)
PRICES = np.array([4_000, 9_000])


def question_of(seed: int, *, fibre: int = 0) -> Question:
    """Return a small town with homes of many sizes."""
    town = small_town(seed, customers=6, nodes=14, fibre=fibre)
    town.units[:] = np.random.default_rng(seed).integers(1, 6, town.customers)
    return Question.of(town)


def first_worth(question: Question, solution: Solution, price: int) -> int:
    """Price every subset of a plan's customers, each trench once, and return what the best is worth."""
    town: Problem = question.posed
    who = np.flatnonzero(solution.drop >= 0)
    best = 0
    for mask in range(1 << len(who)):
        some = who[[bool(mask >> i & 1) for i in range(len(who))]]
        routes = [solution.route_edges[solution.route_start[c] : solution.route_start[c + 1]] for c in some]
        built = np.unique(np.concatenate([np.zeros(0, np.int64), *routes]).astype(np.int64))
        spent = town.cost[built].sum() + town.drop_cost[solution.drop[some]].sum()
        spent += sum(
            town.fibres[c] * (town.fibre_cost[route].sum() + town.drop_fibre_cost[solution.drop[c]])
            for c, route in zip(some, routes, strict=True)
        )
        best = max(best, int(price * question.gain[some].sum() - spent))
    return best


def whole_sum(question: Question, solution: Solution, weight: np.ndarray) -> int:
    """Return the sum from scratch: cost less the weighted worth of the best first parts."""
    worth = [first_worth(question, solution, int(price)) for price in PRICES]
    return int(UNIT * solution.cost - (weight * worth).sum())


@pytest.mark.parametrize("fibre", [0, 3])
@pytest.mark.parametrize("weight", [(0, 0), (200, 50), (3_000, 1_000)])
def test_the_sum_never_rises_and_everybody_stays(weight: tuple[int, int], fibre: int) -> None:
    """What the kernel adds up step by step agrees with an enumeration: no plan comes out worse than it went in."""
    changed = 0
    for seed in SEEDS:
        question, weights = question_of(seed, fibre=fibre), np.array(weight)
        full = solve(question.posed, CONFIG)
        nested = nest(question, full, PRICES, weights)
        assert ((nested.drop >= 0) == (full.drop >= 0)).all()
        before, after = whole_sum(question, full, weights), whole_sum(question, nested, weights)
        assert after <= before
        changed += after < before
    assert changed > 0 or not any(weight)


@pytest.mark.parametrize("fibre", [0, 3])
def test_a_bad_plan_is_mended(fibre: int) -> None:
    """From a plan for streets that all cost the same, exchanges bring back most of what it costs too much."""
    over = []
    for seed in SEEDS:
        question = question_of(seed, fibre=fibre)
        town = question.posed
        bound = solve(town, CONFIG).lower_bound
        level = solve(replace(town, cost=np.full(len(town.tail), 1_000)), CONFIG)
        dear = settle(question, level.edges, level.drop)
        mended = nest(question, dear, PRICES, np.zeros(2, np.int64))
        assert bound <= mended.cost <= dear.cost
        over.append((dear.cost - bound, mended.cost - bound))
    before, after = np.sum(over, axis=0)
    assert after <= before / 3


@pytest.mark.parametrize("slack", [0.0, 0.05, 0.5])
@pytest.mark.parametrize("fibre", [0, 1])
def test_the_limit_of_cost_is_kept_and_first_parts_get_no_worse(slack: float, fibre: int) -> None:
    """A planner who allows so much on top gets no dearer plan, and first parts worth at least as much."""
    better = 0
    for seed in SEEDS:
        question = question_of(seed, fibre=fibre)
        full = solve(question.posed, CONFIG)
        order = build_order(question.posed, full, gain=question.gain)
        if len(order.cost) == 0:
            continue
        stages = [int(share * full.cost) for share in (0.3, 0.6)]
        goal = Goal.of(order, PRICES.tolist(), stages, int(full.cost * (1 + slack)))
        starts = [Start((4_000, 9_000), (1.0, 2.0))]
        plan = favour_early(question, full, goal, starts, CONFIG, solve)
        assert ((plan.drop >= 0) == (full.drop >= 0)).all()
        assert plan.cost <= goal.most
        early = build_order(question.posed, plan, gain=question.gain)
        assert early.cost[-1] == plan.cost
        assert goal.value(early) >= goal.value(order)
        better += goal.value(early) > goal.value(order)
    assert better > 0 or slack < 0.5


def test_the_same_question_has_the_same_answer() -> None:
    """Search without chance: once more gives the same drops and streets."""
    question = question_of(7)
    full = solve(question.posed, CONFIG)
    order = build_order(question.posed, full)
    goal = Goal.of(order, [4_000], [full.cost // 2], 2 * full.cost)
    one, other = (favour_early(question, full, goal, [], CONFIG, solve) for _ in range(2))
    assert one.drop.tolist() == other.drop.tolist()
    assert one.edges.tolist() == other.edges.tolist()


def test_the_more_one_per_cent_of_cost_is_worth_the_less_first_parts_count() -> None:
    """Weights fall along the ladder."""
    goal = Goal(np.array([2_000, 5_000]), np.array([10, 20]), 100_000, 100_000)
    weights = np.array([goal.weight(rate) for rate in LADDER])
    assert (np.diff(weights, axis=0) < 0).all()


@pytest.mark.parametrize("status", ["time", "interrupted"])
def test_a_plan_is_grown_though_time_was_short(status: Status) -> None:
    """In large towns time always runs out, and there the first years lose most; but who stops gets what there is."""
    config = read_config(prices="metres", phases={"grown": True}, order_slack=0.5)
    better = 0
    for seed in SEEDS:
        question = question_of(seed, fibre=1)
        full = replace(solve(question.posed, CONFIG), status=status)
        found = favour_first(Study(question, full, CONFIG), full, config, (full.cost // 3,))
        if status == "interrupted":
            assert found is full
            continue
        early, order = (build_order(question.posed, each, gain=question.gain) for each in (found, full))
        better += early.gain_within(full.cost // 3) > order.gain_within(full.cost // 3)
        assert found.status == "time" or found.cost == full.lower_bound
    assert better > 0 or status == "interrupted"
