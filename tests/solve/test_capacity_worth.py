"""Who is worth a price within limits: small towns worked out by hand, and an oracle that tries everything."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lastmile_net.config import SolveConfig, read_config
from lastmile_net.plan.favour import favour_within_limits
from lastmile_net.solve import solve
from lastmile_net.solve.budget import Question, Study
from lastmile_net.solve.budget.proving import prove_at
from lastmile_net.solve.budget.within import WithinLimits
from lastmile_net.solve.capacity import Limited, Limits, ask_within_limits, solve_with_limits
from lastmile_net.solve.problem import Problem

from .small_towns import distances, small_town
from .test_capacity import CONFIG, check, town
from .test_capacity_bound import _fits, every_digging, random_town
from .test_capacity_quota import with_cluster

if TYPE_CHECKING:
    from lastmile_net.solve.problem import Progress, Report, Solution

LINE = [(0, 1, 50), (1, 2, 50), (2, 3, 200)]
"""A street with houses 50, 100 and 300 m from the cabinet at its beginning."""
ONE_ROUND = SolveConfig(rounds=1, time_limit_s=None)
HOUSES = [(0, 1, 10), (1, 2, 10), (2, 3, 10)]


def least_value(problem: Problem, price: int) -> float:
    """Return the least cost with a price for every home that is left out, over all edges, drops and taps."""
    best = np.inf
    choices = [[*np.flatnonzero(problem.drop_customer == c), None] for c in range(problem.customers)]
    for dug, part in every_digging(problem):
        for chosen in product(*choices):
            drops = tuple(int(d) for d in chosen if d is not None)
            served = np.array([d is not None for d in chosen])
            value = dug + problem.drop_cost[list(drops)].sum() + price * problem.units[~served].sum()
            if value < best:
                few = replace(problem, units=problem.units[served])
                best = value if _fits(few, part, drops, problem.tap_capacity, split=False) else best
    return float(best)


def test_answers_keep_the_ports_and_their_bounds_hold_against_trying_everything() -> None:
    """40 towns by chance with too few ports: never above the best value there is, ports kept, and hardly dearer."""
    over, rooms = [], []
    for seed in range(40):
        problem = random_town(seed)
        problem = replace(problem, tap_capacity=problem.tap_capacity // 2 + seed % 2)
        price = int(np.random.default_rng(seed).integers(2, 25)) * 1000
        best = least_value(problem, price)
        question = Question.of(problem)
        answer = ask_within_limits(question, price, Limits(), CONFIG)
        solution = replace(answer.solution, lower_bound=0)
        units = int(problem.units[solution.drop >= 0].sum())
        check(problem, Limited(solution, np.full(problem.customers, "", object), units, units), Limits())
        value = solution.cost + price * int(problem.units[(solution.drop < 0) & question.in_reach].sum())
        lost = price * int(problem.units[~question.in_reach].sum())
        assert answer.bound + lost <= best <= value + lost
        over.append((value + lost) / max(best, 1) - 1)
        proved = ask_within_limits(question, price, Limits(), CONFIG, to_the_end=True)
        assert proved.bound + lost <= best
        rooms.append([(best - bound - lost) / max(best, 1) for bound in (answer.bound, proved.bound)])
    assert np.mean(over) <= 0.01
    seen, branched = np.mean(rooms, axis=0)
    assert 10 * branched < seen, "branching sees the ports; what is left are buildings that cannot be split"


@pytest.mark.parametrize(("price", "served"), [(59, 0), (61, 2), (209, 2), (1000, 2)])
@pytest.mark.parametrize("limits", [Limits(), Limits(max_stretch=1.1), Limits(max_route_mm=400_000)])
def test_ports_end_what_a_price_buys(price: int, served: int, limits: Limits) -> None:
    """Two ports: at 60 a home the first two come together; leaving out is no shorter way that others are held to."""
    question = Question.of(town(LINE, [(0, 2)], HOUSES, [1, 1, 1]))
    solution = ask_within_limits(question, 1000 * price, limits, CONFIG).solution
    assert np.flatnonzero(solution.drop >= 0).tolist() == list(range(served))


def test_who_must_be_served_has_no_way_out() -> None:
    """One port goes to the last house at any price, if it must have one."""
    problem = replace(town(LINE, [(0, 1)], HOUSES, [1, 1, 1]), must=np.array([False, False, True]))
    solution = ask_within_limits(Question.of(problem), 1, Limits(), CONFIG).solution
    assert np.flatnonzero(solution.drop >= 0).tolist() == [2]


def test_whom_limits_leave_without_a_tap_counts_as_left_out() -> None:
    """The last house is too far: its 500 are in the bound, whatever is built; the first two cost 120."""
    question = Question.of(town(LINE, [(0, 9)], HOUSES, [1, 1, 1]))
    answer = ask_within_limits(question, 500_000, Limits(max_route_mm=200_000), CONFIG)
    assert (answer.solution.cost, answer.bound) == (120_000, 620_000)


def test_a_coverage_within_ports_is_reached_at_least_cost() -> None:
    """Of a street and a cluster behind 20 m, six homes cost least in the cluster; two are cheaper on the street."""
    edges = [(i, i + 1, 10) for i in range(12)] + [(0, 13, 20)]
    drops = [(c, c + 1, 1) for c in range(12)] + [(12 + i, 13, 1) for i in range(6)]
    problem = town(edges, [(0, 8)], drops, [1] * 18)
    full = solve_with_limits(problem, Limits(), CONFIG).solution
    costs = [Study(Question.of(problem), full, CONFIG, limits=Limits()).gaining(gain).solution.cost for gain in (1, 6)]
    assert costs == [11_000, 26_000]


def town_within_ports(seed: int, limits: Limits) -> tuple[Question, Study]:
    """Return a town by chance whose fibre, homes, ports and customers' own costs count, and what is asked of it."""
    rng = np.random.default_rng(seed)
    problem = small_town(seed, customers=24, nodes=16, fibre=1000)
    units, ports = rng.integers(1, 4, problem.customers), rng.integers(0, 9, len(problem.tap_node))
    problem = replace(problem, units=units, tap_capacity=ports, fibres=np.ones_like(units))
    question = Question.of(problem, rng.integers(0, 10, len(units)) * 1000)
    full = solve_with_limits(problem, limits, ONE_ROUND).solution
    return question, Study(question, full, ONE_ROUND, limits=limits)


def on_top(question: Question, solution: Solution) -> np.ndarray:
    """Return the least that each drop costs on top of a plan that leaves its customer out, at a tap with ports."""
    problem, served = question.problem, solution.tap >= 0
    drop_units = problem.units[problem.drop_customer]
    cost = problem.cost.copy()
    cost[solution.edges] = 0
    load = np.bincount(solution.tap[served], problem.units[served], minlength=len(problem.tap_node))
    least = np.full(len(drop_units), np.inf)
    for t, room in enumerate(problem.tap_capacity - load):
        alone = replace(problem, cost=cost + problem.fibre_cost, tap_node=problem.tap_node[t : t + 1])
        far = distances(alone)[alone.tap_node[0], problem.drop_node]
        least = np.minimum(least, np.where(drop_units <= room, far, np.inf))
    least[served[problem.drop_customer]] = np.inf
    return least + question.posed.drop_cost + problem.drop_fibre_cost


def check_limits(question: Question, solution: Solution, limits: Limits) -> None:
    """Check that a plan keeps all limits, customers' own costs in its cost."""
    units = question.problem.units
    homes = int(units[solution.drop >= 0].sum())
    check(question.posed, Limited(solution, np.full(len(units), "", object), homes, homes), limits)


@pytest.mark.parametrize("limits", [Limits(), Limits(max_route_mm=60_000)])
def test_nobody_who_finds_a_port_is_left_out_though_worth_the_price(limits: Limits) -> None:
    """
    20 towns by chance: who costs less on top of the plan than the price, at a tap with ports enough, must be in it.

    Each customer is held against each tap. With a limit on routes only that it is kept is asked.
    """
    for seed in range(70, 90):
        question, study = town_within_ports(seed, limits)
        price = int(np.random.default_rng(seed).integers(1, 25)) * 1000
        solution = study.at_price(price).solution
        check_limits(question, solution, limits)
        if not limits.on_routes:
            worth = price * question.problem.units[question.problem.drop_customer]
            assert (on_top(question, solution) > worth).all(), seed


@pytest.mark.parametrize("limits", [Limits(), Limits(max_route_mm=60_000)])
def test_nobody_who_finds_a_port_is_left_out_for_money_that_is_left(
    limits: Limits, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Ten towns by chance, two budgets each: whom a budget leaves out costs more on top of the plan than it leaves.

    Plans were parts of others, and whom none of these had a port for stayed out beside free ports and unspent money.
    As in large towns, nothing is branched on.
    """
    monkeypatch.setattr(Study, "affords", lambda *_: None)
    for seed in range(80, 90):
        question, study = town_within_ports(seed, limits)
        for share in (0.5, 0.9):
            budget = int(share * study.plans[0][0].cost)
            choice = study.within(budget)
            check_limits(question, choice.solution, limits)
            assert choice.solution.cost <= budget
            assert choice.gain <= choice.most_gain
            if not limits.on_routes:
                assert (on_top(question, choice.solution) > budget - choice.solution.cost).all(), (seed, share)


def test_without_money_no_price_is_asked() -> None:
    """Nobody can be had for nothing: that is plain at once, and took as long as any budget."""
    problem = town(LINE, [(0, 2)], HOUSES, [1, 1, 1])
    study = Study(Question.of(problem), solve_with_limits(problem, Limits(), CONFIG).solution, CONFIG, limits=Limits())
    choice = study.within(0)
    assert (choice.gain, choice.most_gain, choice.solution.cost) == (0, 0, 0)
    assert not study.answers
    assert study.kept is not None
    assert len(study.kept.plans) == 1


def test_a_stop_is_heard_while_prices_are_asked() -> None:
    """Whoever stops gets the best plan so far, and no further price is asked."""
    problem = town([(i, i + 1, 10) for i in range(12)], [(0, 6)], [(c, c + 1, 1) for c in range(12)], [1] * 12)
    full = solve_with_limits(problem, Limits(), CONFIG).solution
    heard: list[Progress] = []

    def stop(progress: Progress) -> bool:
        heard.append(progress)
        return False

    study = Study(Question.of(problem), full, CONFIG, limits=Limits(), report=stop)
    choice = study.within(40_000)
    assert choice.gain == 3
    assert study.stopped
    assert len(heard) <= 2, "one question about the bound, one within limits"


def test_plans_grown_within_limits_connect_as_many() -> None:
    """What is worth a low price comes first, and stays; afterwards all ports are taken."""
    rng = np.random.default_rng(3)
    for _ in range(10):
        edges = [(i, i + 1, int(rng.integers(1, 30))) for i in range(20)]
        drops = [(c, int(rng.integers(0, 21)), int(rng.integers(0, 9))) for c in range(30)]
        problem = town(edges, [(0, 7), (20, 5)], drops, [1] * 30)
        limited = solve_with_limits(problem, Limits(), CONFIG)
        question = Question.of(problem)
        study = Study(question, limited.solution, CONFIG, limits=Limits())
        kept = study.kept
        assert isinstance(kept, WithinLimits)
        grown = kept.grown([12_000, 20_000])
        assert grown is not None
        plan, order = grown
        units = int(problem.units[plan.drop >= 0].sum())
        assert units == limited.units == 12
        check(problem, Limited(plan, np.full(30, "", object), units, units), Limits())
        first = ask_within_limits(question, 12_000, Limits(), SolveConfig(time_limit_s=None)).solution
        gained = int((first.drop >= 0).sum())
        assert order.within(first.cost) >= gained


def far_house(limits: Limits) -> tuple[Problem, Limited]:
    """
    Return a town in which house 0 has a short dear way (10 m) and a cheap longer one (20 m) that shares with house 1.

    Its route may be 15 m long. A third access point's house is far from everything.
    """
    nothing, ones = np.zeros(5, np.int64), np.ones(3, np.int64)
    problem = Problem(
        nodes=7,
        tail=np.array([0, 1, 0, 0, 5]),
        head=np.array([2, 2, 3, 4, 6]),
        cost=np.array([15, 20, 90, 50, 3000]) * 1000,
        fibre_cost=nothing,
        tap_node=np.array([0, 1, 5]),
        tap_capacity=ones,
        drop_customer=np.array([0, 0, 1, 2]),
        drop_node=np.array([3, 2, 4, 6]),
        drop_cost=nothing[:4],
        drop_fibre_cost=nothing[:4],
        units=ones,
        fibres=ones,
        length_mm=np.array([15, 20, 10, 50, 30]) * 1000,
        drop_length_mm=nothing[:4],
    )
    return problem, solve_with_limits(problem, limits, CONFIG)


def test_plans_that_are_grown_keep_the_stretch_of_the_whole() -> None:
    """Who is connected keeps one drop; what is the shortest way is still a question for all of them."""
    limits = Limits(max_stretch=1.5)
    problem, limited = far_house(limits)
    kept = Study(Question.of(problem), limited.solution, CONFIG, limits=limits).kept
    assert kept is not None
    grown = kept.grown([20_000, 60_000])
    assert grown is not None
    plan = grown[0]
    units = int(problem.units[plan.drop >= 0].sum())
    assert units <= limited.most_units
    check(problem, Limited(plan, np.full(3, "", object), units, limited.most_units), Limits(max_route_mm=30_000))
    assert plan.tap[0] != 1, "20 m are more than 1.5 times 10 m"


def test_a_plan_favoured_within_limits_tells_its_own_gap() -> None:
    """A plan that is dearer than another for the same houses must not be called optimal because that one is."""
    config = read_config(prices="metres", phases={"budgets": [33]}, time_limit_s=None)
    problem = with_cluster(59, [(0, 6)])
    full = solve_with_limits(problem, Limits(), CONFIG).solution
    study = Study(Question.of(problem), full, CONFIG, limits=Limits())
    found = favour_within_limits(study, full, config, (33_000,))
    assert (found.cost, full.cost) == (66_000, 65_000)
    assert (found.status == "optimal") == (found.cost == found.lower_bound)


def test_nothing_is_favoured_after_a_stop() -> None:
    """Whoever stops wants the plan so far, not another one, and no proof that takes a minute."""
    problem = with_cluster(59, [(0, 6)])
    full = solve_with_limits(problem, Limits(), CONFIG).solution
    study = Study(Question.of(problem), full, CONFIG, limits=Limits(), report=lambda _: False)
    config = read_config(prices="metres", phases={"budgets": [33]}, time_limit_s=None)
    assert favour_within_limits(study, full, config, (33_000,)) is full


def musts_out_of_reach(*, ports: int) -> Problem:
    """Return a street with three houses at a cabinet, and two that must be connected where one with no port stands."""
    edges = [(0, 1, 10), (1, 2, 10), (2, 3, 10), (4, 5, 5)]
    problem = town(edges, [(0, ports), (4, 0)], [(c, (1, 2, 3, 5, 5)[c], 0) for c in range(5)], [1] * 5)
    return replace(problem, must=np.array([False, False, False, True, True]))


def test_who_must_be_served_but_cannot_costs_others_nothing() -> None:
    """One home is asked for: the nearest, for 10. The two without a port change neither the plan nor its bounds."""
    problem = musts_out_of_reach(ports=3)
    full = solve_with_limits(problem, Limits(), CONFIG).solution
    study = Study(Question.of(problem), full, CONFIG, limits=Limits())
    choice = study.gaining(1)
    assert (choice.gain, choice.solution.cost) == (1, 10_000)
    assert choice.least_cost <= 10_000
    study.ask(20_000)
    money = np.array([10_000, 20_000])
    assert (study.most_gains(money) >= study.found_gains(money)).all()
    assert study.least_cost(1) <= 10_000


@pytest.mark.parametrize("limits", [None, Limits()])
def test_who_gains_nothing_is_in_no_bound(limits: Limits | None) -> None:
    """The last house counts for nothing: all there is to gain costs 120, though everybody costs 330."""
    problem = town(LINE, [(0, 3 if limits else -1)], HOUSES, [1, 1, 1])
    full = solve_with_limits(problem, Limits(), CONFIG).solution
    study = Study(Question.of(problem, gain=np.array([1, 1, 0])), full, CONFIG, limits=limits)
    choice = study.within(200_000)
    assert (choice.gain, choice.most_gain, choice.solution.cost) == (2, 2, 120_000)
    assert study.least_cost(2) <= 120_000


def test_who_must_be_served_gets_the_port_by_a_dear_short_way() -> None:
    """The cheap way to it is 200 m long, the limit 30 m: by the dear one it must still go before the other house."""
    problem = town([(0, 1, 20), (0, 2, 5), (2, 1, 5), (0, 3, 5)], [(0, 1)], [(0, 1, 0), (1, 3, 0)], [1, 1])
    lengths = np.array([20_000, 100_000, 100_000, 5_000])
    problem = replace(problem, length_mm=lengths, must=np.array([True, False]))
    limited = solve_with_limits(problem, Limits(max_route_mm=30_000), CONFIG)
    assert limited.solution.tap.tolist() == [0, -1]


def test_a_drop_at_a_tap_with_ports_for_all_is_told_alike_with_tolls_and_without() -> None:
    """One tap for all beside one with a port, and fibre that costs: proof and search must see the same streets."""
    none, first, second = np.zeros(4, np.int64), np.array([0]), np.array([1])
    problem = Problem(
        nodes=2,
        tail=first,
        head=second,
        cost=np.array([6000]),
        fibre_cost=np.array([2000]),
        tap_node=np.array([0, 1]),
        tap_capacity=np.array([-1, 1]),
        drop_customer=np.array([0, 1, 2, 2]),
        drop_node=np.array([1, 1, 1, 0]),
        drop_cost=np.array([3000, 3000, 0, 1000]),
        drop_fibre_cost=none,
        units=np.ones(3, np.int64),
        fibres=np.ones(3, np.int64),
        length_mm=second,
        drop_length_mm=none,
    )
    solution = solve_with_limits(problem, Limits(), CONFIG).solution
    assert (solution.cost, solution.lower_bound) == (15_000, 15_000)


def test_who_must_be_served_and_finds_no_port_ends_no_proof() -> None:
    """Two must be served at one port: one of them is left out, and what is proved stays below what is paid."""
    problem = town([(0, 1, 0)], [(0, 1)], [(0, 1, 5), (1, 1, 3), (2, 0, 3)], [1, 1, 1])
    problem = replace(problem, must=np.array([False, True, True]))
    answer = ask_within_limits(Question.of(problem), 20_000, Limits(), CONFIG, to_the_end=True)
    assert (answer.solution.drop >= 0).sum() == 1
    assert answer.bound <= answer.solution.cost + 40_000


@pytest.mark.parametrize("must", [None, np.zeros(3, bool)])
def test_what_branching_finds_is_a_plan(must: np.ndarray | None) -> None:
    """Whether nobody must be served is said with an array or without: the plan is looked at by later budgets."""
    problem = replace(town(LINE, [(0, 2)], HOUSES, [1, 1, 1]), must=must)
    question = Question.of(problem)
    kept = Study(question, solve_with_limits(problem, Limits(), CONFIG).solution, CONFIG, limits=Limits()).kept
    assert kept is not None
    kept.plans.clear()
    kept.branch(61_000, 0.0)
    assert [int((plan.drop >= 0).sum()) for plan, _ in kept.plans] == [2]


def test_nothing_is_asked_once_branching_was_stopped() -> None:
    """Somebody stops the run while it branches: the plain problem is not asked at that price any more."""
    problem = town(LINE, [(0, 2)], HOUSES, [1, 1, 1])
    full = solve_with_limits(problem, Limits(), CONFIG).solution
    asked = []

    def solver(problem: Problem, config: SolveConfig, report: Report | None) -> Solution:
        asked.append(problem)
        return solve(problem, config, report)

    study = Study(Question.of(problem), full, CONFIG, solver, limits=Limits(), report=lambda _: False)
    prove_at(study, 61_000)
    assert study.stopped
    assert asked == []
