"""Row generation: its bound is the linear programme's, its cuts are broken ones, its end is the optimum."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lastmile_net.solve.bound import Habit, record_of, turn_root, useful_arcs
from lastmile_net.solve.clock import Clock
from lastmile_net.solve.graph import LEAF, PLAIN, Graph
from lastmile_net.solve.rows.flow import least_cuts
from lastmile_net.solve.rows.generate import Generation
from lastmile_net.solve.rows.model import Relaxation
from lastmile_net.solve.rows.priced import PricedRows
from lastmile_net.solve.rows.windows import charge_all
from lastmile_net.solve.steiner.construct import grow, span, spans, tree_cost
from lastmile_net.solve.steiner.improve import improve
from lastmile_net.solve.windows import cut_windows

from .test_kernels import street_graph

SEEDS = st.integers(0, 10**6)


def flow_into(graph: Graph, use: np.ndarray, terminal: int) -> float:
    """Return the largest flow from the root into a terminal, by networkx; no arc leaves a leaf."""
    other = nx.DiGraph()
    other.add_nodes_from((0, terminal))
    for a in range(len(graph.end)):
        u, v = int(graph.end[a ^ 1]), int(graph.end[a])
        if graph.kind[u] != LEAF and use[a] > 0:
            before = other.get_edge_data(u, v, {"capacity": 0.0})["capacity"]
            other.add_edge(u, v, capacity=before + use[a])
    return float(nx.maximum_flow_value(other, 0, terminal))


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_cuts_are_broken_and_none_is_missed(seed: int) -> None:
    """A cut that is not broken adds nothing; one that is missed would end the programme below its bound."""
    graph = street_graph(seed)
    use = np.random.default_rng(seed).choice([0.0, 0.0, 0.25, 0.5, 1.0], len(graph.end))
    terminals = np.flatnonzero(graph.kind != PLAIN)[1:].astype(np.int32)
    record = record_of(500, 50_000)
    least_cuts(graph, use, terminals, 1e-4, record)
    count = int(record.fill[0])
    lacking = [t for t in terminals if flow_into(graph, use, int(t)) < 1 - 1e-3]
    assert (count > 0) == (len(lacking) > 0)
    for cut in range(count):
        arcs = record.arc[record.start[cut] : record.start[cut + 1]]
        assert use[arcs].sum() < 1
        without = use.copy()
        without[arcs] = 0
        assert any(flow_into(graph, without, int(t)) == 0 for t in terminals)


def relaxed(graph: Graph) -> tuple[Generation, int, np.ndarray]:
    """Return the programme after all rows are in, its bound and what that leaves of the costs."""
    via = span(graph, grow(graph, graph.cost, 0))
    rows = Generation(graph, np.repeat(graph.cost, 2), turn_root(graph, via), np.random.default_rng(0), Clock())
    while True:
        step = rows.step()
        assert step is not None
        if step.added == 0:
            return rows, step.bound, step.reduced


@pytest.mark.parametrize("seed", range(12))
def test_the_end_is_the_optimum(seed: int) -> None:
    """What is called optimal must be it: the bound meets a tree that the last solution gives."""
    graph = street_graph(seed, nodes=25, leaves=8)
    rows, bound, reduced = relaxed(graph)
    tree = improve(graph, span(graph, grow(graph, graph.cost, 0)), 20)
    keep = useful_arcs(graph, reduced, tree_cost(graph, tree) - bound)
    assert keep[tree[tree >= 0]].all()
    proven = rows.finish(keep, 1)
    built = span(graph, grow(graph, rows.length(), 0))
    assert spans(graph, built)
    assert bound <= proven == tree_cost(graph, improve(graph, built, 5)) <= tree_cost(graph, tree)


@pytest.mark.parametrize("seed", range(6))
def test_prices_of_rows_sum_up_to_the_programme(seed: int) -> None:
    """The bound is summed up in whole numbers; it may lose a rounding per row, and not more."""
    graph = street_graph(seed)
    model = Relaxation(graph, np.repeat(graph.cost * 1000, 2), Clock())
    assert model.solve()
    rows, reduced = model.charges()
    best = model.highs.getInfo().objective_function_value * model.unit
    assert best - model.count <= rows.bound <= best + model.count
    assert (reduced >= 0).all()
    assert (rows.charges(len(graph.end)) <= model.cost).all()


def test_no_time_is_no_step() -> None:
    """A programme that was not solved to the end proves nothing, and must say so."""
    graph = street_graph(1, nodes=400, leaves=100)
    via = span(graph, grow(graph, graph.cost, 0))
    rows = Generation(graph, np.repeat(graph.cost, 2), turn_root(graph, via), np.random.default_rng(0), Clock(0.0))
    assert rows.step() is None


@pytest.mark.parametrize("seed", range(8))
def test_windows_add_up_to_a_bound(seed: int) -> None:
    """Windows that shared an arc would charge it twice, and the bound could lie above the cheapest tree."""
    graph = street_graph(seed, nodes=120, leaves=30)
    via = improve(graph, span(graph, grow(graph, graph.cost, 0)), 20)
    windows, _ = cut_windows(graph, via, 40)
    entered = np.concatenate([window.arc[window.graph.end != 0] for window in windows])
    assert len(windows) > 1
    assert len(np.unique(entered)) == len(entered)
    charged = charge_all(graph, Habit(turn_root(graph, via), 1.1, 10_000), 40, Clock(), 2)
    assert (charged.reduced >= 0).all()
    for tree in (via, span(graph, np.ones(len(graph.kind), bool))):
        turned = turn_root(graph, tree)
        left = int(charged.reduced[turned[turned >= 0]].sum())
        assert 0 < charged.bound + left <= tree_cost(graph, tree)


@pytest.mark.parametrize("seed", range(12))
def test_other_windows_go_on_where_the_last_ones_ended(seed: int) -> None:
    """Rows that are charged anew must give back what they took, or arcs are paid for twice and bounds are too high."""
    graph = street_graph(seed, nodes=150, leaves=40)
    via = turn_root(graph, improve(graph, span(graph, grow(graph, graph.cost, 0)), 20))
    whole = relaxed(graph)[1]
    price, charged, bounds = np.repeat(graph.cost, 2), None, []
    for edges in (25, 40, 60, 35, 90):
        before, charged = charged, charge_all(graph, Habit(via, 1.1, 10_000), edges, Clock(), 1, charged)
        bounds.append(charged.bound)
        assert np.array_equal(charged.reduced, price - charged.rows.charges(len(price)))
        assert charged.bound == charged.rows.bound
        assert (charged.reduced >= 0).all()
        same = charge_all(graph, Habit(via, 1.1, 10_000), edges, Clock(), 2, before)
        assert same.bound == charged.bound
        assert np.array_equal(same.reduced, charged.reduced)
    assert bounds == sorted(bounds)
    assert 0.97 * whole <= bounds[-1] <= whole + len(charged.rows.price)


def test_windows_without_time_stay_as_they_were() -> None:
    """A pass that time cuts short must lose nothing of what is proven."""
    graph = street_graph(3, nodes=150, leaves=40)
    habit = Habit(turn_root(graph, span(graph, grow(graph, graph.cost, 0))), 1.1, 10_000)
    charged = charge_all(graph, habit, 30, Clock(), 1)
    after = charge_all(graph, habit, 45, Clock(0.0), 1, charged)
    assert after.bound == charged.bound
    assert np.array_equal(after.reduced, charged.reduced)


def test_rows_of_a_part_keep_what_the_part_has() -> None:
    """An arc that a window lacks must not stand for another one: its charge would be taken for that one's price."""
    start, arc = np.array([0, 3, 5]), np.array([4, 1, 7, 7, 2])
    rows = PricedRows(start, arc, np.array([1, 1, 1, 1, -1]), np.array([1, 0]), np.array([5, 3]), np.ones(2, bool))
    name = np.array([-1, 2, 0, -1, 1, -1, -1, -1])
    part = rows.renamed(name)
    assert part.start.tolist() == [0, 2, 3]
    assert part.arc.tolist() == [1, 2, 0]
    assert part.charges(3).tolist() == [-3, 5, 5]
    assert part.bound == rows.bound
