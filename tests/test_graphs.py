"""Trees in a planner's own networkx graph."""

from __future__ import annotations

import itertools

import networkx as nx
import numpy as np
import pytest
from networkx.algorithms.approximation import steiner_tree as steiner_tree_of_networkx

import lastmile_net as lm
from lastmile_net.config import SolveConfig

EXACT = SolveConfig(target_gap=0)


def made_up(seed: int, kind: type[nx.Graph] = nx.Graph) -> nx.Graph:
    """Return a small connected graph with weights that are no whole numbers, and names that are no numbers."""
    rng = np.random.default_rng(seed)
    graph = kind()
    for v in range(1, 9):
        graph.add_edge(f"n{rng.integers(0, v)}", f"n{v}", weight=float(rng.uniform(0.1, 9)))
    for _ in range(8):
        u, v = rng.integers(0, 9, 2)
        graph.add_edge(f"n{u}", f"n{v}", weight=float(rng.uniform(0.1, 9)))
    return graph


def cheapest_by_trying(graph: nx.Graph, terminals: list[str]) -> float:
    """Return the least cost: the best spanning tree over the terminals and any choice of other nodes."""
    best = float("inf")
    others = [node for node in graph if node not in terminals]
    for size in range(len(others) + 1):
        for more in itertools.combinations(others, size):
            part = graph.subgraph([*terminals, *more])
            if nx.is_connected(part):
                best = min(best, nx.minimum_spanning_tree(part).size("weight"))
    return best


@pytest.mark.parametrize("seed", range(12))
def test_tree_is_the_cheapest(seed: int) -> None:
    """The tree must cost what trying all choices gives, and the bound must not lie above it."""
    graph, terminals = made_up(seed), ["n0", "n3", "n5", "n8"]
    found = lm.cheapest_tree(graph, terminals, config=EXACT)
    optimum = cheapest_by_trying(graph, terminals)
    assert found.cost == pytest.approx(optimum, rel=1e-9)
    assert found.lower_bound <= optimum * (1 + 1e-12)
    assert found.gap < 1e-8
    assert nx.is_tree(found.tree)
    assert found.cost == pytest.approx(found.tree.size("weight"))


@pytest.mark.parametrize("kind", [nx.Graph, nx.MultiGraph])
def test_takes_the_place_of_networkx(kind: type[nx.Graph]) -> None:
    """Who changes the import only must get a tree of the same kind, with all attributes, and never a dearer one."""
    graph = made_up(3, kind)
    ours = lm.steiner_tree(graph, ["n1", "n4", "n7"], "weight", "mehlhorn")
    theirs = steiner_tree_of_networkx(graph, ["n1", "n4", "n7"], "weight", "mehlhorn")
    assert ours.is_multigraph() == theirs.is_multigraph()
    assert ours.size("weight") <= theirs.size("weight") + 1e-9
    assert all(graph.has_edge(*edge) for edge in ours.edges)


def test_of_parallels_the_cheapest_edge_counts() -> None:
    """A multigraph of streets often has two ways between the same corners."""
    graph = nx.MultiGraph()
    graph.add_edge(1, 2, key="long", weight=9)
    graph.add_edge(1, 2, key="short", weight=2)
    assert list(lm.steiner_tree(graph, [1, 2]).edges(keys=True)) == [(1, 2, "short")]


def test_a_missing_weight_is_one() -> None:
    """As with networkx: a graph without weights counts its edges."""
    found = lm.cheapest_tree(nx.path_graph(5), [0, 4], weight="length")
    assert (found.cost, found.status) == (4.0, "optimal")


def test_one_terminal_is_a_tree() -> None:
    """A single node is tied together without an edge; its node must not get lost."""
    assert list(lm.steiner_tree(nx.path_graph(3), [1, 1])) == [1]


def test_names_all_terminals_that_lie_apart() -> None:
    """An empty tree, without a word, is what networkx returns here."""
    graph = nx.union(nx.path_graph(3), nx.path_graph(3), rename=("a", "b"))
    with pytest.raises(lm.DataError, match="from a0 to some terminals") as caught:
        lm.steiner_tree(graph, ["a0", "a2", "b0", "b2"])
    assert caught.value.faults[0].rows == ("b0", "b2")


def test_says_all_that_is_wrong() -> None:
    """Three mistakes must not take three runs to find."""
    graph = nx.path_graph(4)
    nx.set_edge_attributes(graph, {(0, 1): -1.0, (1, 2): float("nan"), (2, 3): "3 m"}, "weight")
    with pytest.raises(lm.DataError) as caught:
        lm.steiner_tree(graph, [0, 3, 77])
    assert [len(fault.rows) for fault in caught.value.faults] == [1, 3]
    with pytest.raises(lm.DataError, match="no terminals"):
        lm.steiner_tree(graph, [])


def test_refuses_as_networkx_does() -> None:
    """Scripts catch these two by networkx's own types."""
    with pytest.raises(nx.NetworkXNotImplemented):
        lm.steiner_tree(nx.DiGraph([(0, 1)]), [0, 1])
    with pytest.raises(ValueError, match="not a valid choice"):
        lm.steiner_tree(nx.path_graph(2), [0, 1], method="magic")
