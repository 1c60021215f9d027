"""Who is worth a price within limits: small towns worked out by hand, and an oracle that tries everything."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
import pytest

from lastmile_net.config import SolveConfig
from lastmile_net.solve.budget import Question, Study
from lastmile_net.solve.budget.within import WithinLimits
from lastmile_net.solve.capacity import Limited, Limits, ask_within_limits, solve_with_limits

from .test_capacity import CONFIG, check, town
from .test_capacity_bound import _fits, random_town

if TYPE_CHECKING:
    from lastmile_net.solve.problem import Problem, Progress

LINE = [(0, 1, 50), (1, 2, 50), (2, 3, 200)]
"""A street with houses 50, 100 and 300 m from the cabinet at its beginning."""
HOUSES = [(0, 1, 10), (1, 2, 10), (2, 3, 10)]


def least_value(problem: Problem, price: int) -> float:
    """Return the least cost with a price for every home that is left out, over all edges, drops and taps."""
    best = np.inf
    choices = [[*np.flatnonzero(problem.drop_customer == c), None] for c in range(problem.customers)]
    for mask in product((False, True), repeat=len(problem.tail)):
        graph = nx.Graph()
        graph.add_nodes_from(range(problem.nodes))
        graph.add_edges_from(zip(problem.tail[list(mask)], problem.head[list(mask)], strict=True))
        part = {v: number for number, nodes in enumerate(nx.connected_components(graph)) for v in nodes}
        dug = problem.cost[list(mask)].sum()
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
    over = []
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
    assert np.mean(over) <= 0.01


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
    assert heard


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
        plan = kept.grown([12_000, 20_000])
        units = int(problem.units[plan.drop >= 0].sum())
        assert units == limited.units == 12
        check(problem, Limited(plan, np.full(30, "", object), units, units), Limits())
        first = ask_within_limits(question, 12_000, Limits(), SolveConfig(time_limit_s=None)).solution
        order = kept.plans[-1][1]
        gained = int((first.drop >= 0).sum())
        assert order.within(first.cost) >= gained
