"""What budgets can buy within ports at most: small towns worked out by hand, and an oracle that tries everything."""

from __future__ import annotations

import threading
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lastmile_net.solve import solve
from lastmile_net.solve.budget import Question, Study
from lastmile_net.solve.budget.beside import ask_beside, prove_beside
from lastmile_net.solve.capacity import Affordable, Limits, adjacency, ask_within_limits, find_reach, solve_with_limits
from lastmile_net.solve.capacity.bound.cuts import Need
from lastmile_net.solve.capacity.money import afford, zones
from lastmile_net.solve.capacity.money.rows import FlowRows
from lastmile_net.solve.capacity.money.whole import Prices, solve_whole
from lastmile_net.solve.clock import Clock
from lastmile_net.solve.graph import LEAF, PLAIN, TERMINAL, make_graph
from lastmile_net.solve.prizes import Floor
from lastmile_net.solve.rows import model
from lastmile_net.solve.rows.priced import PricedRows
from lastmile_net.solve.rows.windows import RowCharges

from .test_capacity import CONFIG, town
from .test_capacity_bound import _fits, every_digging, random_town
from .test_capacity_worth import HOUSES, LINE

if TYPE_CHECKING:
    from lastmile_net.solve.capacity.money.layers import Layers
    from lastmile_net.solve.graph import Graph
    from lastmile_net.solve.problem import Progress

RING = [(0, 2, 100), (1, 2, 100), (0, 1, 1000)]
"""Two cabinets, each by a trench of its own near ten houses, and a way round."""
CLUSTER = [(c, 2, 10) for c in range(10)]
DEAR, MANY, DEAREST_DROP = 1_000_000, 99, 10_000
ROUNDED = 100
"""Prices of rows are whole thousandths: a bound is off by as many as there are rows in a tiny town, about."""


@pytest.fixture(params=[MANY, 0], ids=["few", "many"], autouse=True)
def _branching(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take each town for a small one, and for one that is branched on by chunks from inside, a zone for each tap."""
    monkeypatch.setattr(afford, "FEW_EDGES", request.param)
    monkeypatch.setattr(zones, "NODES", request.param)
    monkeypatch.setattr(model, "FEW_ROWS", 100 * request.param)


def affordable(question: Question, price: int, limits: Limits | None = None, **changes: float) -> Affordable:
    """Return what proves budgets on a small town."""
    reach = find_reach(question.problem, adjacency(question.problem), limits or Limits())
    return Affordable(question, price, reach, CONFIG.model_copy(update=changes))


def everything(question: Question, must: np.ndarray | None = None) -> dict[int, int]:
    """Return the least cost of each gain, over all edges, drops and taps; perhaps with some served in any case."""
    problem, first = question.problem, np.zeros(question.problem.customers, bool) if must is None else must
    least = {} if first.any() else {0: 0}
    out = [[] if served else [None] for served in first]
    choices = [[*np.flatnonzero(problem.drop_customer == c), *out[c]] for c in range(problem.customers)]
    for dug, part in every_digging(problem):
        for chosen in product(*choices):
            drops = tuple(int(d) for d in chosen if d is not None)
            served = np.array([d is not None for d in chosen])
            cost = dug + int(problem.drop_cost[list(drops)].sum() + question.own_cost[served].sum())
            gain = int(question.gain[served].sum())
            few = replace(problem, units=problem.units[served])
            if cost < least.get(gain, DEAR) and _fits(few, part, drops, problem.tap_capacity, split=False):
                least[gain] = cost
    return least


@pytest.mark.parametrize("limit_s", [None, 1e-3])
def test_no_bound_beside_some_customers_is_below_what_trying_everything_finds(limit_s: float | None) -> None:
    """Whoever is served in any case shares trenches and ports with the others: no plan with him gains more."""
    rooms = []
    for seed in range(40):
        problem, rng = random_town(seed), np.random.default_rng(seed)
        problem = replace(problem, tap_capacity=np.maximum(problem.tap_capacity // 2, 1))
        gain = problem.units if seed % 2 else rng.integers(0, 6, problem.customers)
        own_cost = 1000 * rng.integers(0, 3, problem.customers)
        must = np.arange(problem.customers) < rng.integers(1, 3)
        question = Question.of(problem, own_cost, gain)
        least = everything(question, must)
        for budget in {max(least.values(), default=0), min(least.values(), default=0)} if least else ():
            best = max(each for each, cost in least.items() if cost <= budget)
            free = affordable(question, int(rng.integers(1, 60)) * 1000, time_limit_s=limit_s)
            proven = prove_beside(free, must, budget, 0, 0)
            posed = replace(question, problem=replace(problem, must=must))
            assert ask_beside(posed, free.price, budget, CONFIG, solve, lambda: False) >= best
            assert proven >= best
            rooms.append(proven - best)
    assert len(rooms) >= 30
    if limit_s is None:
        assert np.mean(rooms) <= 0.25, "what is left are buildings that cannot be split"


@pytest.mark.parametrize("limit_s", [None, 1e-3])
def test_zones_that_lack_something_are_joined(monkeypatch: pytest.MonkeyPatch, limit_s: float | None) -> None:
    """Ports beyond a rim are for everybody: joined zones prove more, and never more than is paid."""
    lacks = []
    for seed in range(60):
        problem, rng = random_town(seed), np.random.default_rng(seed)
        ports = np.maximum(problem.tap_capacity // 2, 1)
        question = Question.of(replace(problem, tap_capacity=ports), 1000 * rng.integers(0, 3, problem.customers))
        price = DEAREST_DROP + int(rng.integers(1, 60)) * 1000
        asked = affordable(question, price, time_limit_s=limit_s)
        plan = ask_within_limits(question, price, asked.reach, CONFIG).solution
        paid = min(cost - price * gain for gain, cost in everything(question).items()) + price * question.most
        bounds = []
        for most_nodes, known in ((0, plan), (zones.MOST_NODES, None), (zones.MOST_NODES, plan)):
            monkeypatch.setattr(zones, "MOST_NODES", most_nodes)
            bounds.append(asked.floor_by_zones(limit_s, known).bound)
        assert max(bounds) <= paid
        lacks.append((paid - np.array(bounds)) / price)
    if limit_s is None:
        apart, *joined = np.mean(lacks, axis=0)
        assert max(joined) <= 0.25, "what is left are buildings that cannot be split"
        assert max(joined) < apart or zones.NODES, "each tap has a zone of its own"


@pytest.mark.parametrize("limit_s", [None, 1e-3])
def test_no_bound_is_below_what_trying_everything_finds(limit_s: float | None) -> None:
    """Towns with too few ports, other gains than homes, taps without a limit, low prices, however early time is up."""
    rooms = []
    for seed in range(40):
        problem, rng = random_town(seed), np.random.default_rng(seed)
        ports = problem.tap_capacity // 2 + seed % 2
        unlimited = (np.arange(len(ports)) == 0) & (seed % 4 == 0)
        gain = problem.units if seed % 2 else rng.integers(0, 6, problem.customers)
        own_cost = 1000 * rng.integers(0, 3, problem.customers)
        least = everything(Question.of(replace(problem, tap_capacity=np.where(unlimited, MANY, ports)), own_cost, gain))
        question = Question.of(replace(problem, tap_capacity=np.where(unlimited, -1, ports)), own_cost, gain)
        price = int(rng.integers(1, 60)) * 1000
        asked = affordable(question, price, time_limit_s=limit_s)
        total = max(least.values())
        floors = [asked.floor_by_zones(limit_s)]
        for budget in (3 * total // 4, total // 4, total // 2):
            best = max(each for each, cost in least.items() if cost <= budget)
            floors += asked.floors(budget, 0, limit_s)
            proven = [floor.most_gain(question.most, budget) for floor in floors]
            branched, plan = asked.most_gain(budget, 0)
            assert min(proven, default=best) >= best
            seen = min(proven, default=question.most)
            assert branched >= best
            if plan is not None:
                assert least[int(question.gain[plan.drop >= 0].sum())] <= plan.cost
            saved, plan = asked.least_cost(best, DEAR)
            proven = [floor.least_cost(question.most, best) for floor in asked.floors_for(best, DEAR, limit_s)]
            cheapest = min(cost for each, cost in least.items() if each >= best)
            assert max([saved, *proven]) <= cheapest
            if price > DEAREST_DROP:
                rooms.append([seen - best, branched - best, (cheapest - saved) / max(cheapest, 1)])
    if limit_s is None:
        seen, whole, dearer = np.mean(rooms, axis=0)
        assert seen <= 1
        assert whole <= 0.25, "what is left are buildings that cannot be split"
        assert dearer <= 0.02, "as above"


def test_a_trench_for_one_port_is_built_whole() -> None:
    """Ten houses behind 100 m, for one port: 60 would buy half of that trench and a drop, but nobody."""
    question = Question.of(town(RING, [(0, 1), (1, 1)], CLUSTER, [1] * 10))
    asked = affordable(question, DEAR)
    most = {
        budget: int(min(floor.most_gain(10, 1000 * budget) for floor in asked.floors(1000 * budget, 0)))
        for budget in (60, 109, 110, 219)
    }
    assert most == {60: 0, 109: 0, 110: 1, 219: 1}


def test_whoever_lies_at_a_cabinet_without_limit_can_be_left_out() -> None:
    """A drop of 50 there is cheaper than being left out at the highest price: for 10 the other house is connected."""
    question = Question.of(town([(0, 1, 1000)], [(0, -1), (1, 1)], [(0, 0, 50), (1, 1, 10)], [1, 1]))
    asked = affordable(question, 100_000)
    assert all(floor.most_gain(2, 10_000) >= 1 for floor in asked.floors(10_000, 0))
    assert asked.most_gain(10_000, 0)[0] == 1


def test_a_price_below_every_drop_rules_nobody_out() -> None:
    """Nobody is worth it then, and no programme is left: both houses can be bought all the same."""
    question = Question.of(town([(0, 1, 10)], [(0, 1), (1, 1)], [(0, 0, 5), (1, 1, 5)], [1, 1]))
    asked = affordable(question, 1)
    assert asked.most_gain(10_000, 0)[0] == 2
    assert asked.least_cost(2, DEAR)[0] <= 10_000


def test_gains_in_the_millions_leave_the_bound_right() -> None:
    """What all together are worth is 10 million times a trench then: HiGHS rounds the trench, not the bound."""
    question = Question.of(town(RING, [(0, 3), (1, 2)], CLUSTER, [1] * 10), gain=np.arange(1, 11) * 1_000_000)
    for price in (10**8, 10**9):
        asked = affordable(question, price)
        assert asked.least_cost(10_000_000, 10**8)[0] <= 110_000
        assert asked.least_cost(19_000_000, 130_000)[0] <= 120_000


def test_cables_lead_beyond_the_surroundings_of_their_cabinet() -> None:
    """Five houses near by have dear drops; the one port is for a shop behind them, which gains ten times as much."""
    edges, drops = [(0, 1, 70)], [*((c, 0, 60) for c in range(5)), (5, 1, 1), (6, 1, 1)]
    question = Question.of(town(edges, [(0, 1)], drops, [1] * 7), gain=np.array([1, 1, 1, 1, 1, 10, 10]))
    asked = affordable(question, DEAR)
    assert all(floor.most_gain(25, 71_000) >= 10 for floor in asked.floors(71_000, 0))
    assert asked.most_gain(71_000, 0)[0] == 10


def test_whom_limits_leave_without_a_tap_is_not_bought() -> None:
    """The last house is too far at any price: 120 buy the first two, and nothing buys the third."""
    question = Question.of(town(LINE, [(0, 9)], HOUSES, [1, 1, 1]))
    asked = affordable(question, DEAR, Limits(max_route_mm=200_000))
    assert min(floor.most_gain(3, 120_000) for floor in asked.floors(120_000, 0)) == 2


def test_a_budget_within_ports_is_proven() -> None:
    """Of ten houses behind 100 m 110 buy one, and no plan buys two."""
    problem = town(RING, [(0, 1), (1, 1)], CLUSTER, [1] * 10)
    study = study_of(Question.of(problem))
    choice = study.within(111_000)
    assert (choice.gain, choice.most_gain) == (1, 1)
    assert study.most_gain(60_000) == 0, "what proves one budget proves others"


def test_who_must_be_served_is_in_the_cheapest_plan() -> None:
    """The house next door costs 11, but the one for 101 must be served: branching knows nothing of that."""
    problem = town([(0, 1, 10), (0, 2, 100)], [(0, 2)], [(0, 1, 1), (1, 2, 1), (2, 2, 1)], [1, 1, 1])
    problem = replace(problem, must=np.array([False, True, False]))
    study = study_of(Question.of(problem))
    choice = study.gaining(1)
    assert choice.solution.drop[1] >= 0
    assert choice.least_cost <= choice.solution.cost == 101_000


@pytest.mark.parametrize("ports", [9, -1])
@pytest.mark.parametrize("musts", [1, 2])
def test_the_bound_of_a_budget_is_for_plans_that_serve_the_same_who_must_be(ports: int, musts: int) -> None:
    """House 0 for 101 comes first and leaves 13 of 114 for three; without it money buys ten, or ports nine."""
    edges = [(0, 1, 10), (0, 2, 100), (0, 3, 900)]
    drops = [(0, 2, 1), (1, 3, 1), *((c, 1, 1) for c in range(2, 12))]
    problem = town(edges, [(0, ports)], drops, [1] * 12)
    problem = replace(problem, must=np.arange(12) < musts)
    choice = study_of(Question.of(problem)).within(114_000)
    assert choice.solution.drop[0] >= 0
    assert (choice.gain, choice.most_gain) == (4, 4)


@pytest.mark.parametrize("ports", [9, -1])
def test_in_large_towns_too_the_bound_is_for_plans_that_serve_the_same(
    ports: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a programme prices tell that much: 13 of 114 are left beside who must be served, for three or four."""
    monkeypatch.setattr(afford, "MOST_EDGES", 0)
    edges = [(0, 1, 10), (0, 2, 100), (0, 3, 900)]
    drops = [(0, 2, 1), (1, 3, 1), *((c, 1, 1) for c in range(2, 12))]
    problem = replace(town(edges, [(0, ports)], drops, [1] * 12), must=np.arange(12) < 2)
    choice = study_of(Question.of(problem)).within(114_000)
    assert choice.gain == 4
    assert choice.most_gain <= 8


def test_a_building_that_no_cabinet_can_hold_opens_no_choice_of_homes() -> None:
    """Ten ports, fifteen houses behind 100 m, and a near building of eleven homes that would be cheap in parts."""
    drops = [(0, 0, 10), *((c, 1, 10) for c in range(1, 16))]
    question = Question.of(town([(0, 1, 100)], [(0, 10)], drops, [11] + [1] * 15))
    asked = affordable(question, DEAR)
    assert asked.least_cost(10, DEAR)[0] == pytest.approx(200_000, rel=0.003)
    assert asked.most_gain(199_000, 0)[0] == 9


def test_streets_too_many_for_one_programme_are_proven_zone_by_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever plans a large town is told, too, that a trench for one port serves one."""
    monkeypatch.setattr(afford, "MOST_EDGES", 0)
    problem = town(RING, [(0, 1), (1, 1)], CLUSTER, [1] * 10)
    study = study_of(Question.of(problem))
    assert study.within(115_000).gain == 1
    without = min(answer.floor.most_gain(study.reach_gain, 115_000) for answer in study.answers.values())
    assert 1 <= study.most_gain(115_000) < without
    assert study.gaining(1).least_cost <= 110_000


def test_a_programme_that_was_stopped_goes_on() -> None:
    """HiGHS remembers that it was interrupted: what is asked later must be answered all the same."""
    problem = random_town(9)
    asked = affordable(Question.of(replace(problem, tap_capacity=problem.tap_capacity // 2)), 40_000)
    rows = asked._begin(Clock())
    rows.spend(DEAR)
    rows.model.clock = Clock(stopped=["keyboard"])
    assert not rows.model.solve()
    rows.model.clock = Clock()
    assert rows.model.solve()


def test_a_stop_ends_the_proof() -> None:
    """Whoever has pressed Ctrl-C gets what is proven so far, and nothing more is begun."""
    question = Question.of(town(RING, [(0, 1), (1, 1)], CLUSTER, [1] * 10))
    reach = find_reach(question.problem, adjacency(question.problem), Limits())
    heard: list[Progress] = []

    def report(progress: Progress) -> bool:
        heard.append(progress)
        return False

    asked = Affordable(question, DEAR, reach, CONFIG, report)
    assert all(floor.most_gain(10, 110_000) >= 1 for floor in asked.floors(110_000, 0))
    assert heard


BLOCKS = 40
"""Houses of each of two blocks, so many that the town is none of the smallest, which are solved otherwise."""


def two_blocks(tap_capacity: int) -> Question:
    """Return ten houses at 30 each at the network, forty behind 1,000 m at 10, and forty behind 1,300 m at 1 each."""
    edges = [(0, 1, 1000), (0, 2, 1300), *((2 + k, 3 + k, 0) for k in range(BLOCKS))]
    drops = [
        *((c, 0, 30) for c in range(10)),
        *((10 + c, 1, 10) for c in range(BLOCKS)),
        *((10 + BLOCKS + c, 2, 1) for c in range(BLOCKS)),
    ]
    return Question.of(town(edges, [(0, tap_capacity)], drops, [1] * (10 + 2 * BLOCKS)))


def study_of(question: Question) -> Study:
    """Return a study that begins with the plan for everybody, within ports where they are limited."""
    full = solve_with_limits(question.problem, Limits(), CONFIG)
    limits = Limits() if (question.problem.tap_capacity >= 0).any() else None
    return Study(question, full.solution, CONFIG, limits=limits, ceiling=full.most_units)


@pytest.mark.parametrize("ports", [-1, 50])
def test_a_budget_buys_what_no_price_leads_to(ports: int) -> None:
    """For 1,340 the second block, 40 homes; at no price it is taken without the houses near by, at 30 each."""
    choice = study_of(two_blocks(ports)).within(1_340_000)
    assert (choice.gain, choice.most_gain) == (40, 40)


@pytest.mark.parametrize("ports", [-1, 50])
def test_a_coverage_costs_what_no_price_leads_to(ports: int) -> None:
    """Eleven homes are cheapest with eleven of the first block, for 1,110; ten near by and one more cost 1,310."""
    choice = study_of(two_blocks(ports)).gaining(11)
    assert choice.gain >= 11
    assert choice.solution.cost == 1_110_000
    assert choice.least_cost == pytest.approx(1_110_000, rel=0.003)


def test_whoever_watches_is_told_in_his_own_thread() -> None:
    """A progress bar is not made for two threads: three buildings of two homes, split at first, are solved anew."""
    question = Question.of(town([(0, 1, 10)], [(0, 3), (1, 3)], [(0, 0, 1), (1, 1, 1), (2, 0, 1)], [2, 2, 2]))
    reach = find_reach(question.problem, adjacency(question.problem), Limits())
    threads = set()

    def report(_: Progress) -> None:
        threads.add(threading.get_ident())

    _, plan = Affordable(question, DEAR, reach, CONFIG, report).most_gain(100_000, 0)
    assert plan is not None
    assert question.gain[plan.drop >= 0].sum() == 4
    assert threads == {threading.get_ident()}


def test_money_for_everybody_buys_what_gains_most() -> None:
    """One port: for everybody it goes to the near house, which gains 1; the far one costs 100 more, and gains 10."""
    question = Question.of(town([(0, 1, 100)], [(0, 1)], [(0, 0, 5), (1, 1, 5)], [1, 1]), gain=np.array([1, 10]))
    full = solve_with_limits(question.problem, Limits(), CONFIG)
    assert full.solution.cost == 5_000
    study = Study(question, full.solution, CONFIG, limits=Limits())
    choice = study.within(200_000)
    assert (choice.gain, choice.solution.cost) == (10, 105_000)
    assert choice.most_gain >= 10


def test_a_coverage_of_nobody_is_for_nothing() -> None:
    """No home is wanted, and none is paid for; the town is none of the smallest, which are solved otherwise."""
    choice = study_of(two_blocks(-1)).gaining(0)
    assert (choice.gain, choice.solution.cost, choice.least_cost) == (0, 0, 0)


def test_zones_that_end_in_time_are_not_hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A round that takes all the time there is leaves nothing out."""
    monkeypatch.setattr(zones, "LAST_S", 1e9)
    asked = affordable(two_blocks(-1), 20_000)
    assert asked.floor_by_zones(600.0).bound > 0
    assert not asked.hurried


def test_zones_apart_prove_what_the_whole_town_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Homes pay at a rim what the whole programme says that they are worth: nothing is lost by looking at parts."""
    proven = []

    def spy(
        graph: Graph,
        need: Need,
        guide: np.ndarray,
        layers: Layers,
        charged: RowCharges,
        price: int,
        seed: int,
        clock: Clock,
    ) -> Prices | None:
        prices = solve_whole(graph, need, guide, layers, charged, price, seed, clock)
        if prices is not None:
            costs, rng = np.repeat(graph.cost, 2), np.random.default_rng(seed)
            rows = FlowRows(price, graph, need, costs, guide, rng, clock, charged.rows.cuts())
            rows.let_flow(layers)
            rows.buy()
            proven.append((rows.floor.bound, prices.charged.bound + int(prices.share.sum())))
        return prices

    for name, instead in (("solve_whole", spy), ("NODES", 0), ("MOST_NODES", 0)):
        monkeypatch.setattr(zones, name, instead)
    monkeypatch.setattr(model, "FEW_ROWS", 10_000)
    for seed in range(40):
        problem = random_town(seed)
        question = Question.of(replace(problem, tap_capacity=np.maximum(problem.tap_capacity // 2, 1)))
        asked = affordable(question, DEAREST_DROP + 1_000 * (seed + 1))
        before = len(proven)
        floor = asked.floor_by_zones(None).bound
        beside = asked._with_all(Floor(asked.price, 0)).bound
        for whole, shares in proven[before:]:
            assert shares >= whole - ROUNDED
            assert floor - beside >= whole - ROUNDED
    assert len(proven) > 30


@pytest.mark.parametrize("dearest", [1e5, 1e20])
def test_no_prices_of_the_whole_town_prove_too_much(monkeypatch: pytest.MonkeyPatch, dearest: float) -> None:
    """Whatever a solution from inside says that rows are worth, and were it more than a whole number holds."""

    def spoiled(rows: FlowRows) -> np.ndarray:
        rng = np.random.default_rng(rows.model.count)
        return rng.uniform(0, dearest, rows.model.count) * (rng.random(rows.model.count) < 0.1)

    for seed in range(20):
        problem = random_town(seed)
        question = Question.of(replace(problem, tap_capacity=np.maximum(problem.tap_capacity // 2, 1)))
        asked = affordable(question, DEAREST_DROP + 1_000 * (seed + 1))
        paid = min(cost - asked.price * gain for gain, cost in everything(question).items())
        with monkeypatch.context() as patch:
            patch.setattr(FlowRows, "prices", spoiled)
            assert asked.floor_by_zones(None).bound <= paid + asked.price * question.most


def test_a_zone_out_of_time_proves_nothing() -> None:
    """Own rows may pay for an arc more than it costs: where nothing is solved, that is not won back for nothing."""
    paid, kinds = 5_000, np.array([TERMINAL, PLAIN, PLAIN, LEAF], np.int8)
    tail, head, cost = np.array([[0, 0, 1, 2], [1, 2, 3, 3], [0, paid, 0, 0]])
    graph = make_graph(kinds, tail, head, cost)
    need = Need(np.array([0, 0, 0, 1]), np.array([0, 1, 1, 0]))
    # the home is at the tap for nothing; a cut across the rim charges its drop all the same, which another row pays
    cut_then_once = np.array([0, 2, 3]), np.array([2, 4, 4]), np.array([1, 1, -1])
    rows = PricedRows(*cut_then_once, np.array([1, -1]), np.array([paid, paid]), np.array([True, False]))
    charged = RowCharges(rows.bound, np.repeat(cost, 2) - rows.charges(8), rows, np.zeros(8))
    assert charged.bound == 0
    for clock in (Clock(0.0), Clock(None)):
        assert zones.least_by_zones(graph, need, np.full(4, -1, np.int32), charged, 1_000, None, 0, clock) <= 0
