"""Each kernel by itself, against an oracle that shares nothing with it."""

from __future__ import annotations

import heapq
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lastmile_net.solve.bound import Habit, ascend, reach_from, record_of, turn_root, useful
from lastmile_net.solve.compile import source_hash, with_imports
from lastmile_net.solve.graph import FAR, LEAF, PLAIN, TERMINAL, Graph, make_graph
from lastmile_net.solve.paths import spread
from lastmile_net.solve.prepare import pack_sizes, prepare
from lastmile_net.solve.shrink import Shrunk
from lastmile_net.solve.steiner.construct import grow, span, spans, tree_cost
from lastmile_net.solve.steiner.improve import apply_moves, compatible, improve
from lastmile_net.solve.steiner.mergeable import drop_first, meld
from lastmile_net.solve.steiner.moves import find_moves
from lastmile_net.solve.warm import compiling

from .small_towns import cheapest, small_town

if TYPE_CHECKING:
    from pathlib import Path

SEEDS = st.integers(0, 10**6)


def street_graph(seed: int, *, nodes: int = 40, leaves: int = 12) -> Graph:
    """Return a connected graph with terminals and leaves."""
    rng = np.random.default_rng(seed)
    kind = np.full(nodes + leaves, PLAIN, np.int8)
    kind[rng.integers(0, nodes, 6)] = TERMINAL
    kind[0] = TERMINAL
    kind[nodes:] = LEAF
    tree = [int(rng.integers(0, v)) for v in range(1, nodes)]
    more = rng.integers(0, nodes, (nodes, 2))
    more = more[more[:, 0] != more[:, 1]]
    drops = rng.integers(0, nodes, (leaves, 3))
    tail = np.concatenate([np.arange(1, nodes), more[:, 0], drops.ravel()])
    head = np.concatenate([tree, more[:, 1], np.repeat(nodes + np.arange(leaves), 3)])
    return make_graph(kind, tail, head, rng.integers(0, 60, len(tail)))


def blocks(seed: int, *, side: int, leaves: int) -> Graph:
    """Return a grid of streets with some terminals, and leaves that have drops to three corners near by."""
    rng = np.random.default_rng(seed)
    streets = side * side
    kind = np.full(streets + leaves, PLAIN, np.int8)
    kind[rng.integers(0, streets, side)] = TERMINAL
    kind[0] = TERMINAL
    kind[streets:] = LEAF
    node = np.arange(streets).reshape(side, side)
    corner = rng.integers(0, streets - side - 1, leaves)
    spots = corner[:, None] + np.array([0, 1, side])
    tail = np.concatenate([node[:, 1:].ravel(), node[1:].ravel(), spots.ravel()])
    head = np.concatenate([node[:, :-1].ravel(), node[:-1].ravel(), np.repeat(streets + np.arange(leaves), 3)])
    return make_graph(kind, tail, head, rng.integers(1, 60, len(tail)))


def networkx_of(graph: Graph) -> nx.MultiDiGraph:
    """Return the same graph for networkx, without the arcs that leave a leaf."""
    other = nx.MultiDiGraph()
    other.add_nodes_from(range(len(graph.kind)))
    for a in range(len(graph.end)):
        if graph.kind[graph.end[a ^ 1]] != LEAF:
            other.add_edge(int(graph.end[a ^ 1]), int(graph.end[a]), weight=int(graph.cost[a >> 1]))
    return other


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_spread_finds_the_nearest_source(seed: int) -> None:
    """Regions and drops both rest on these distances; leaves must not shorten any."""
    graph = street_graph(seed)
    source = np.array([1, 7, 20], np.int32)
    far, via, base = spread(graph, graph.cost, source)
    want = nx.multi_source_dijkstra_path_length(networkx_of(graph), {1, 7, 20})
    assert {v: int(far[v]) for v in range(len(far)) if far[v] < FAR} == want
    assert all(base[v] in source for v in want)
    assert all(via[v] < 0 or far[v] == far[graph.end[via[v] ^ 1]] + graph.cost[via[v] >> 1] for v in want)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.integers(0, 9), max_size=8), min_size=2, max_size=6))
def test_melted_heaps_give_all_items_in_order(lists: list[list[int]]) -> None:
    """A lost item would be a move that nobody ever tries."""
    values = [v for values in lists for v in values]
    key = np.array([*values, 0], np.int64)
    child, sibling = np.full(2 * len(key), -1, np.int32), np.full(2 * len(key), -1, np.int32)
    top = -1
    item = 0
    for part in lists:
        one = -1
        for _ in part:
            one = meld(key, child, sibling, one, 2 * item)
            item += 1
        top = meld(key, child, sibling, top, one)
    out = []
    while top >= 0:
        out.append(int(key[top >> 1]))
        top = drop_first(key, child, sibling, top)
    heapq.heapify(values)
    assert out == [heapq.heappop(values) for _ in range(len(values))]


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_tree_over_chosen_nodes_is_the_cheapest(seed: int) -> None:
    """Street nodes form a minimum spanning tree, and each leaf hangs on its cheapest drop."""
    graph = street_graph(seed)
    chosen = np.ones(len(graph.kind), bool)
    kept = Graph(*graph[:5], np.where(graph.kind == PLAIN, TERMINAL, graph.kind).astype(np.int8))
    via = span(kept, chosen)
    assert spans(kept, via)
    streets = nx.Graph()
    drops: dict[int, int] = {}
    for e in range(len(graph.cost)):
        u, v, c = int(graph.end[2 * e + 1]), int(graph.end[2 * e]), int(graph.cost[e])
        if graph.kind[v] == LEAF:
            drops[v] = min(c, drops.get(v, c))
        elif c < streets.get_edge_data(u, v, {"weight": c + 1})["weight"]:
            streets.add_edge(u, v, weight=c)
    assert tree_cost(kept, via) == nx.minimum_spanning_tree(streets).size("weight") + sum(drops.values())


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_every_move_gains_at_least_what_it_claims(seed: int) -> None:
    """A move that claims too much would end the improvement early: its batch fails and is thrown away."""
    graph = street_graph(seed)
    via = span(graph, grow(graph, graph.cost, 0))
    moves = find_moves(graph, via)
    for i in range(moves.fill[0]):
        after = apply_moves(graph, via, moves, np.array([i], np.int32))
        assert spans(graph, after)
        assert tree_cost(graph, via) - tree_cost(graph, after) >= moves.gain[i] > 0


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.integers(0, 300))
def test_moves_done_together_cut_nobody_off(seed: int, leaves: int) -> None:
    """Two branches that hang themselves on each other, or on a customer between them, would float in the air."""
    graph = blocks(seed, side=25, leaves=leaves)
    via = span(graph, grow(graph, graph.cost, 0))
    moves = find_moves(graph, via)
    order = np.argsort(-moves.gain[: moves.fill[0]], kind="stable")
    assert spans(graph, apply_moves(graph, via, moves, compatible(graph, moves, order)))
    assert spans(graph, apply_moves(graph, via, moves, order.astype(np.int32)))


@settings(max_examples=100, deadline=None)
@given(SEEDS)
def test_bound_never_exceeds_a_tree_and_keeps_it(seed: int) -> None:
    """What the ascent calls useless must not be part of a tree within the spare cost."""
    graph = street_graph(seed)
    via = improve(graph, span(graph, grow(graph, graph.cost, 0)), 20)
    cost = tree_cost(graph, via)
    guide = turn_root(graph, via)
    reduced = np.repeat(graph.cost, 2)
    bound = ascend(graph, Habit(guide, 1.0, 1 << 40), reduced, record_of(0, 0))
    assert 0 <= bound <= cost
    assert (reduced >= 0).all()
    assert (reach_from(graph, reduced)[graph.kind != PLAIN] == 0).all()
    keep = useful(graph, reduced, cost - bound)
    assert keep[via[via >= 0] >> 1].all()


def test_capped_ascent_is_still_a_bound() -> None:
    """On a country the cap keeps the time linear; it may weaken the bound, never break it."""
    graph = street_graph(5)
    none = np.full(len(graph.kind), -1, np.int32)
    full = ascend(graph, Habit(none, 1.1, 1 << 40), np.repeat(graph.cost, 2), record_of(0, 0))
    capped = ascend(graph, Habit(none, 1.1, 6), np.repeat(graph.cost, 2), record_of(0, 0))
    assert 0 < capped <= full


@pytest.mark.parametrize("seed", range(60))
def test_shrinking_keeps_the_optimum(seed: int) -> None:
    """If shrinking alone settles a town, its cost is the exact one; and the way back gives real edges of that cost."""
    problem = small_town(seed, customers=5)
    ready = prepare(problem, problem.drop_cost + problem.fibres[problem.drop_customer] * problem.drop_fibre_cost)
    total = ready.constant
    for part in ready.parts:
        shrunk = Shrunk.of(part.kind, part.tail, part.head, part.cost)
        graph = make_graph(shrunk.kind, shrunk.tail, shrunk.head, shrunk.cost)
        via = span(graph, grow(graph, graph.cost, 0))
        assert spans(graph, via)
        edges = shrunk.expand(shrunk.name[via[via >= 0] >> 1])
        assert part.cost[edges].sum() == tree_cost(graph, via) + shrunk.constant
        assert shrunk.within(edges)[via[via >= 0] >> 1].all()
        if len(shrunk.tail) > 0:
            return
        total += shrunk.constant
    assert total == cheapest(problem)[0]


def test_small_parts_are_packed_in_order() -> None:
    """Thousands of islands must not become thousands of tasks; large ones stay alone."""
    assert pack_sizes(np.array([5, 30_000, 7, 19_990, 3])).tolist() == [0, 1, 0, 2, 2]


def test_hash_follows_a_module_and_what_it_imports(tmp_path: Path) -> None:
    """A stale cache would run old code after an update; numba does not see a change in another file."""
    (tmp_path / "deep.py").write_text("x = 1\n")
    (tmp_path / "near.py").write_text("from lastmile_net.solve.deep import x\n")
    (tmp_path / "top.py").write_text("from lastmile_net.solve.near import x\n")
    (tmp_path / "other.py").write_text("x = 2\n")
    names = {path.name for path in with_imports(tmp_path / "top.py", tmp_path)}
    assert names == {"top.py", "near.py", "deep.py"}
    before = source_hash(tmp_path / "top.py")
    (tmp_path / "top.py").write_text("from lastmile_net.solve.near import x, y\n")
    source_hash.cache_clear()
    assert source_hash(tmp_path / "top.py") != before


def test_cache_moves_to_the_users_folder(tmp_path: Path) -> None:
    """Where the package is installed by root, kernels must not be compiled at every start."""
    code = (
        "from pathlib import Path; import lastmile_net.solve.compile as c; "
        "c.cache_folder.cache_clear(); c.SOURCES = Path('/proc/none'); print(c.cache_folder(Path(c.__file__)))"
    )
    env = dict(os.environ, XDG_CACHE_HOME=str(tmp_path))
    out = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True).stdout
    assert out.startswith(str(tmp_path))


def test_compiling_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Half a minute without a word at the first step of a kind looks like a run that hangs; later there is no wait."""
    monkeypatch.setattr("lastmile_net.solve.warm.cache_folder", lambda _: tmp_path)
    for _ in range(2):
        with caplog.at_level("INFO"), compiling("siting.py", "new access points"):
            pass
    (said,) = caplog.messages
    assert said.startswith("compiling the solver for new access points, once after installing or updating")


def test_graph_rows_name_both_ends() -> None:
    """All kernels rely on arc a and a ^ 1 being the two ways along one edge."""
    graph = street_graph(1)
    for v in range(len(graph.kind)):
        for i in range(graph.start[v], graph.start[v + 1]):
            assert graph.end[graph.arc[i]] == graph.nbr[i]
            assert graph.end[graph.arc[i] ^ 1] == v
