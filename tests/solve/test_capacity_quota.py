"""Each tap chooses anew whom it serves: towns where growing by the next cheapest house misses what is cheapest."""

from __future__ import annotations

import numpy as np
import pytest

from lastmile_net.solve import solve
from lastmile_net.solve.budget import Question, Study
from lastmile_net.solve.capacity import Limited, Limits, solve_with_limits
from lastmile_net.solve.capacity.limits import find_reach
from lastmile_net.solve.capacity.search.growth import adjacency
from lastmile_net.solve.capacity.search.moves import Search, Served
from lastmile_net.solve.capacity.search.quota import Quota
from lastmile_net.solve.problem import Problem, Solution

from .test_capacity import CONFIG, check, town

LINE = [(i, i + 1, 10) for i in range(12)]
"""A street of 12 houses, 10 m apart."""


def search_of(problem: Problem, limits: Limits | None = None) -> Search:
    """Return the moves on a problem."""
    return Search(problem, find_reach(problem, adjacency(problem), limits or Limits()))


def grown(search: Search) -> Served:
    """Return the plan that serves the cheapest next customer, one by one."""
    nobody = np.full(search.problem.customers, -1)
    return search.fill(np.zeros(len(search.problem.tail), bool), nobody, nobody.copy())


def checked(search: Search, plan: Served) -> Served:
    """Re-check a plan from its routes alone."""
    problem = search.problem
    solution = Solution(
        np.flatnonzero(plan.built), plan.drop, plan.tap, plan.route_start, plan.route_edges, plan.cost, 0, "rounds"
    )
    limited = Limited(solution, np.full(problem.customers, "", object), plan.units, int(problem.units.sum()))
    check(problem, limited, Limits())
    return plan


def with_cluster(far: int, taps: list[tuple[int, int]], *, inner: int = 6) -> Problem:
    """Hang houses along the street from node 0 on, and `inner` houses at the end of another, `far` metres long."""
    drops = [(c, c + 1, 1) for c in range(12)] + [(12 + i, 13, 1) for i in range(inner)]
    return town([*LINE, (0, 13, far)], taps, drops, [1] * (12 + inner))


@pytest.mark.parametrize(("far", "cost"), [(59, 65_000), (61, 66_000)])
def test_a_cluster_behind_a_long_street_is_chosen_where_it_is_cheaper(far: int, cost: int) -> None:
    """Six ports: six houses along the street cost 66; six behind 59 m 65, behind 61 m 67. Growth sees only the next."""
    search = search_of(with_cluster(far, [(0, 6)]))
    plan = grown(search)
    assert plan.cost == 66_000
    quota = Quota(search, CONFIG, solve)
    plan = checked(search, quota.take(plan, 0, quota.choose(plan, None, 0)))
    assert (plan.units, plan.cost) == (6, cost)


def test_others_trenches_cost_nothing() -> None:
    """A second tap with 6 ports at the tap: where the first digs to the cluster, the others there cost 1 m each."""
    search = search_of(with_cluster(61, [(0, 6), (0, 6)], inner=12))
    quota, plan = Quota(search, CONFIG, solve), grown(search)
    assert plan.cost == 132_000
    for _ in range(2):
        for tap in (0, 1):
            plan = checked(search, quota.take(plan, tap, quota.choose(plan, None, tap)))
    assert plan.units == 12
    assert plan.cost <= 132_000


def test_who_has_been_taken_meanwhile_stays_where_he_is() -> None:
    """Two taps choose from the same plan and both want the cluster of six: the second one must not take it away."""
    search = search_of(with_cluster(20, [(0, 6), (0, 6)]))
    quota = Quota(search, CONFIG, solve)
    nobody = np.full(search.problem.customers, -1)
    plan = search.settle(np.zeros(len(search.problem.tail), bool), nobody, nobody.copy())
    choices = [quota.choose(plan, None, tap) for tap in (0, 1)]
    assert choices[0].customers.tolist() == choices[1].customers.tolist() == list(range(12, 18))
    for tap, choice in enumerate(choices):
        plan = checked(search, quota.take(plan, tap, choice))
    assert plan.tap[12:].tolist() == [0] * 6
    assert plan.units == 12, "the second tap serves others instead"


def test_choices_keep_every_limit_and_never_make_a_plan_worse() -> None:
    """Towns by chance, with fibre, blocks, some who come first and a longest route: only better plans are taken."""
    rng = np.random.default_rng(11)
    gained = 0
    for _ in range(30):
        edges = [(i, i + 1, int(rng.integers(1, 30))) for i in range(20)]
        edges += [(int(a), int(b), int(rng.integers(5, 40))) for a, b in rng.integers(0, 21, (10, 2))]
        drops = [(c, int(rng.integers(0, 21)), int(rng.integers(0, 9))) for c in range(30)]
        units = rng.integers(1, 6, 30).tolist()
        taps = [(int(v), int(rng.integers(3, 15))) for v in rng.integers(0, 21, 3)]
        problem = town(edges, taps, drops, units, fibre_per_m=int(rng.integers(0, 2)))
        problem = Problem(**(vars(problem) | {"must": rng.random(30) < 0.1}))
        limits = Limits(max_route_mm=int(rng.choice([40_000, 10**9])))
        search = search_of(problem, limits)
        quota, plan = Quota(search, CONFIG, solve), grown(search)
        for tap in np.flatnonzero(search.room > 0).tolist():
            other = checked(search, quota.take(plan, tap, quota.choose(plan, None, tap)))
            assert search.rank(other) <= search.rank(plan)
            assert search.keeps(other.built, other.drop, other.tap)
            gained += plan.cost - other.cost if plan.units == other.units else 0
            plan = other
    assert gained > 0


def test_a_budget_is_not_spent_on_the_beginning_of_a_plan_that_pays_late() -> None:
    """
    34 buy one house at the full cabinet and three along the other's street; its cheapest six lie behind a trench of 59.

    Ten houses at the cabinet with one port, for 1 each, are what money alone would buy: nine of them get no port.
    """
    drops = [(c, c + 1, 1) for c in range(12)] + [(12 + i, 13, 1) for i in range(6)]
    problem = town([*LINE, (0, 13, 59)], [(0, 6), (14, 1)], drops + [(18 + i, 14, 1) for i in range(10)], [1] * 28)
    full = solve_with_limits(problem, Limits(), CONFIG).solution
    assert full.cost == 66_000

    choice = Study(Question.of(problem), full, CONFIG, limits=Limits()).within(34_000)
    assert (choice.gain, choice.solution.cost) == (4, 34_000)
