"""Detours, each test against distances or optima found by other means."""

from __future__ import annotations

from itertools import pairwise

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lastmile_net.solve.detours import (
    apart,
    bypassed_edges,
    look_around,
    needless_forks,
    sure_links,
    working_memory,
)
from lastmile_net.solve.graph import FAR, LEAF, PLAIN, TERMINAL, Graph, make_graph
from lastmile_net.solve.problem import Problem
from lastmile_net.solve.shrink import Shrunk

from .small_towns import cheapest
from .test_kernels import street_graph

SEEDS = st.integers(0, 10**6)


def bottleneck(graph: Graph, u: int, v: int) -> float:
    """Return the bottleneck Steiner distance of two nodes that are no leaves, by trying every stretch length."""
    streets = nx.Graph()
    streets.add_nodes_from(int(x) for x in np.flatnonzero(graph.kind != LEAF))
    for e, cost in enumerate(graph.cost.tolist()):
        a, b = int(graph.end[2 * e + 1]), int(graph.end[2 * e])
        if graph.kind[a] != LEAF and graph.kind[b] != LEAF and cost < streets.get_edge_data(a, b, {"w": FAR})["w"]:
            streets.add_edge(a, b, w=cost)
    stops = sorted({int(x) for x in np.flatnonzero(graph.kind == TERMINAL)} | {u, v})
    far = dict(nx.all_pairs_dijkstra_path_length(streets, weight="w"))
    links = nx.Graph()
    links.add_nodes_from(stops)
    links.add_edges_from((a, b, {"w": far[a][b]}) for a in stops for b in stops if a < b and b in far[a])
    tree = nx.minimum_spanning_tree(links, weight="w")
    way = nx.shortest_path(tree, u, v)
    return max((tree.edges[pair]["w"] for pair in pairwise(way)), default=0)


@settings(max_examples=60, deadline=None)
@given(SEEDS)
def test_no_two_nodes_are_called_nearer_than_they_are(seed: int) -> None:
    """An estimate below the true bottleneck distance would delete edges that the cheapest tree needs."""
    graph = street_graph(seed, nodes=20, leaves=6)
    near = look_around(graph)
    for u, v in np.random.default_rng(seed).integers(0, 20, (20, 2)).tolist():
        assert apart(near, u, v, FAR) >= bottleneck(graph, u, v)


def optimum_of(kind: np.ndarray, tail: np.ndarray, head: np.ndarray, cost: np.ndarray) -> int:
    """Return what the cheapest tree costs, by the exact recursion on the same graph posed as a town."""
    found, served = cheapest(posed(kind, tail, head, cost))
    assert served.all()
    return found


def posed(kind: np.ndarray, tail: np.ndarray, head: np.ndarray, cost: np.ndarray) -> Problem:
    """Return a town with the root as its tap, and a customer at each other terminal and for each leaf."""
    leaf = kind[head] == LEAF
    spots = np.flatnonzero((kind == TERMINAL) & (np.arange(len(kind)) > 0))
    leaves = np.flatnonzero(kind == LEAF)
    number = np.full(len(kind), -1)
    number[leaves] = len(spots) + np.arange(len(leaves))
    streets = np.flatnonzero(~leaf)
    customer = np.concatenate([np.arange(len(spots)), number[head[leaf]]])
    order = np.argsort(customer, kind="stable")
    price = np.concatenate([np.zeros(len(spots), np.int64), cost[leaf]])
    return Problem(
        nodes=len(kind),
        tail=tail[streets],
        head=head[streets],
        cost=cost[streets],
        fibre_cost=np.zeros(len(streets), np.int64),
        tap_node=np.zeros(1, np.int64),
        tap_capacity=np.full(1, -1),
        drop_customer=customer[order],
        drop_node=np.concatenate([spots, tail[leaf]])[order],
        drop_cost=price[order],
        drop_fibre_cost=np.zeros(len(customer), np.int64),
        units=np.ones(len(spots) + len(leaves), np.int64),
        fibres=np.ones(len(spots) + len(leaves), np.int64),
        length_mm=cost[streets],
        drop_length_mm=np.zeros(len(customer), np.int64),
    )


def arrays(graph: Graph) -> tuple[np.ndarray, ...]:
    """Return kind, tail, head and cost of a graph."""
    return graph.kind, graph.end[1::2].astype(np.int64), graph.end[0::2].astype(np.int64), graph.cost


@pytest.mark.parametrize("block", range(3))
def test_what_goes_costs_nothing(block: int) -> None:
    """Each test by itself must leave a tree as cheap as before: the bound of the whole search rests on it."""
    for seed in range(40 * block, 40 * block + 40):
        graph = street_graph(seed, nodes=14, leaves=3)
        kind, tail, head, cost = arrays(graph)
        before = optimum_of(kind, tail, head, cost)
        near, around = look_around(graph), working_memory(graph)
        kept = ~bypassed_edges(graph, near, around)
        assert optimum_of(kind, tail[kept], head[kept], cost[kept]) == before, seed
        sure, spare = sure_links(graph, near)
        free = np.where(sure, 0, cost)
        assert optimum_of(kind, tail[~spare], head[~spare], free[~spare]) + cost[sure].sum() == before, seed
        small = Shrunk.of(kind, tail, head, cost)
        rest = 0 if len(small.kind) == 1 else optimum_of(small.kind, small.tail, small.head, small.cost)
        assert rest + small.constant == before, seed


def test_finds_what_is_there_to_be_found() -> None:
    """A test that finds nothing would pass all others: a long edge, a fork and a sure link, each worked out by hand."""
    # terminals 0, 1, 2 in a row, 10 apart; a way of 11 from 0 to 1 is longer than the longest stretch between them
    row = make_graph(np.array([1, 1, 1], np.int8), np.array([0, 1, 0]), np.array([1, 2, 2]), np.array([10, 10, 11]))
    assert bypassed_edges(row, look_around(row), working_memory(row)).tolist() == [False, False, True]
    # a plain node 3 is 6 from each of three terminals that lie 7 apart: two sides (14) are shorter than the star (18)
    ends = [(0, 3), (1, 3), (2, 3), (0, 1), (1, 2), (0, 2)]
    star = make_graph(
        np.array([TERMINAL] * 3 + [PLAIN], np.int8),
        np.array([a for a, _ in ends]),
        np.array([b for _, b in ends]),
        np.array([6, 6, 6, 7, 7, 7]),
    )
    assert needless_forks(star, look_around(star), working_memory(star)).tolist() == [False, False, False, True]
    # terminals 0 and 1 are 2 + 3 apart over node 2, and their other edge costs 6: one of both is sure, then the rest
    link = make_graph(
        np.array([TERMINAL, TERMINAL, PLAIN], np.int8), np.array([0, 2, 1]), np.array([2, 1, 0]), np.array([2, 3, 6])
    )
    assert sure_links(link, look_around(link))[0].tolist() == [True, False, False]
