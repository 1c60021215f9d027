"""Charging anew: the bound only grows, every charge is accounted for, and no tree costs less."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lastmile_net.solve.bound import Habit, Record, ascend, record_of, turn_root
from lastmile_net.solve.graph import LEAF, PLAIN, TERMINAL, Graph, make_graph
from lastmile_net.solve.recharge import recharge, recharge_windows
from lastmile_net.solve.steiner.construct import grow, span, tree_cost
from lastmile_net.solve.steiner.improve import improve

from .test_kernels import street_graph


def charged(graph: Graph, *, cuts: int = 20_000) -> tuple[np.ndarray, np.ndarray, Record, int]:
    """Return a good tree, what an ascent leaves of the costs, its charges and their sum."""
    via = turn_root(graph, improve(graph, span(graph, grow(graph, graph.cost, 0)), 20))
    reduced, record = np.repeat(graph.cost, 2), record_of(cuts, 20 * cuts)
    return via, reduced, record, int(ascend(graph, Habit(via, 1.1, 1 << 40), reduced, record))


def assert_accounts(graph: Graph, reduced: np.ndarray, record: Record, bound: int) -> None:
    """Check that the charges add up to the bound and leave what they should, and that each is on a cut."""
    left = np.repeat(graph.cost, 2)
    total = 0
    for cut in range(int(record.fill[0])):
        arcs = record.arc[record.start[cut] : record.start[cut + 1]]
        left[arcs] -= record.charge[cut]
        total += int(record.charge[cut])
        assert graph.kind[record.owner[cut]] != PLAIN
        others = nx.DiGraph([(0, 0), (int(record.owner[cut]), int(record.owner[cut]))])
        for a in set(range(len(graph.end))) - set(arcs.tolist()):
            if graph.kind[graph.end[a ^ 1]] != LEAF:
                others.add_edge(int(graph.end[a ^ 1]), int(graph.end[a]))
        assert not nx.has_path(others, 0, int(record.owner[cut]))
    assert total == bound
    assert np.array_equal(left, reduced)
    assert (reduced >= 0).all()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_every_charge_is_on_a_cut_and_accounted_for(seed: int) -> None:
    """A charge that were lost, or taken back twice, would leave a bound that proves nothing."""
    graph = street_graph(seed)
    via, reduced, record, bound = charged(graph)
    chance = np.array([seed], np.int64)
    gain = recharge(graph, Habit(via, 2.0, 1 << 40, 20.0, chance), reduced, record, 50)
    assert gain >= 0
    assert_accounts(graph, reduced, record, bound + gain)
    assert bound + gain <= tree_cost(graph, via)


@pytest.mark.parametrize("seed", range(6))
def test_windows_keep_the_accounts(seed: int) -> None:
    """Windows hold parts of the charges: put together, they must be what they were before, and more."""
    graph = street_graph(seed, nodes=120, leaves=30)
    via, reduced, record, bound = charged(graph)
    alone, same = reduced.copy(), record._replace(fill=record.fill.copy())
    for turn in range(3):
        gain, record = recharge_windows(graph, via, reduced, record, 30 + 20 * turn, turn, workers=2)
        other, same = recharge_windows(graph, via, alone, same, 30 + 20 * turn, turn, workers=1)
        assert gain == other >= 0
        bound += gain
    assert np.array_equal(alone, reduced)
    assert_accounts(graph, reduced, record, bound)
    assert bound <= tree_cost(graph, via)


def test_a_charge_stays_as_it_is_where_its_customer_lies_in_another_window() -> None:
    """A set can reach beyond the window that all its arcs lead into: its customer has no number there."""
    nodes = 400
    kind = np.full(nodes, PLAIN, np.int8)
    kind[0] = kind[-1] = TERMINAL
    graph = make_graph(kind, np.arange(nodes - 1), np.arange(1, nodes), np.full(nodes - 1, 7))
    via, reduced, record, bound = charged(graph)
    gain, record = recharge_windows(graph, via, reduced, record, 30, 0, workers=1)
    assert gain == 0
    assert_accounts(graph, reduced, record, bound)


def test_a_record_without_room_changes_nothing() -> None:
    """Charges that cannot be written down could never be taken back: such a step must be undone as a whole."""
    graph = street_graph(3)
    via, reduced, record, bound = charged(graph)
    cuts = int(record.fill[0])
    tight = Record(
        record.start[: cuts + 1],
        record.arc[: record.start[cuts]],
        record.owner[:cuts],
        record.charge[:cuts],
        record.fill,
    )
    before = reduced.copy()
    gain = recharge(graph, Habit(via, 2.0, 1 << 40, 20.0, np.array([1], np.int64)), reduced, tight, 40)
    assert gain == 0
    assert np.array_equal(before, reduced)
    assert_accounts(graph, reduced, tight, bound)


def grid(seed: int, side: int = 16, terminals: int = 30) -> Graph:
    """Return a grid of streets, where an ascent leaves much open."""
    rng = np.random.default_rng(seed)
    node = np.arange(side * side).reshape(side, side)
    tail = np.concatenate([node[:, :-1].ravel(), node[:-1].ravel()])
    head = np.concatenate([node[:, 1:].ravel(), node[1:].ravel()])
    kind = np.full(side * side, PLAIN, np.int8)
    kind[rng.choice(side * side, terminals, replace=False)] = TERMINAL
    kind[0] = TERMINAL
    return make_graph(kind, tail, head, rng.integers(50, 100, len(tail)))


def test_charging_anew_closes_half_of_what_an_ascent_leaves_open() -> None:
    """Over ten grids it gains half of what an ascent lacks to a good tree: what it is for."""
    lacking, gained = 0, 0
    for seed in range(10):
        graph = grid(seed)
        via, reduced, record, bound = charged(graph)
        lacking += tree_cost(graph, via) - bound
        gained += recharge(graph, Habit(via, 2.0, 1 << 40, 20.0, np.array([seed], np.int64)), reduced, record, 300)
    assert gained > 0.5 * lacking > 0
