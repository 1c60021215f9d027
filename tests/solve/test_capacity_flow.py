"""The most homes that each trench can serve: what the programme's flows are held to."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from lastmile_net.solve.capacity.bound.cuts import Need
from lastmile_net.solve.capacity.bound.flow import most_flow
from lastmile_net.solve.graph import LEAF, PLAIN, TERMINAL, make_graph

MOST = 99


def random_streets(seed: int) -> tuple[int, list[tuple[int, int]], Need]:
    """Return the number of street nodes, edges (taps from node 0, streets, drops to leaves) and needs."""
    rng = np.random.default_rng(seed)
    streets, leaves, links = int(rng.integers(3, 12)), int(rng.integers(1, 5)), int(rng.integers(2, 16))
    homes, ports = np.zeros(1 + streets + leaves, np.int64), np.zeros(1 + streets + leaves, np.int64)
    homes[1 : 1 + streets] = rng.integers(0, 3, streets)
    homes[1 + streets :] = rng.integers(1, 5, leaves)
    taps = rng.choice(streets, size=2, replace=False) + 1
    ports[taps] = rng.integers(1, 9, 2)
    edges = [(0, int(tap)) for tap in taps]
    pairs = rng.integers(1, 1 + streets, (links, 2)).tolist()
    edges += [(a, b) for a, b in pairs if a != b]
    for leaf in range(1 + streets, 1 + streets + leaves):
        edges += [(node, leaf) for node in sorted(set(rng.integers(1, 1 + streets, 2).tolist()))]
    return streets, edges, Need(homes, ports)


@pytest.mark.parametrize("seed", range(150))
def test_flow_through_bridges_is_held_to_homes_behind_and_ports_before(seed: int) -> None:
    """Too small a number would forbid plans and prove too much; networkx says which streets hang on one trench."""
    streets, edges, need = random_streets(seed)
    kind = np.full(len(need.homes), PLAIN, np.int8)
    kind[0], kind[1 + streets :] = TERMINAL, LEAF
    tail, head = np.array(edges).T
    flow = most_flow(make_graph(kind, tail, head, np.zeros(len(tail), np.int64)), need, MOST)
    for e, (a, b) in enumerate(edges):
        if a == 0 or b > streets:
            assert flow[2 * e] == (need.ports[b] if a == 0 else need.homes[b])
            continue
        rest = nx.MultiGraph()
        rest.add_nodes_from(range(1, 1 + streets))
        rest.add_edges_from(pair for i, pair in enumerate(edges) if i != e and pair[0] > 0 and pair[1] <= streets)
        before, behind = nx.node_connected_component(rest, a), nx.node_connected_component(rest, b)
        if b in before:
            assert flow[2 * e] == flow[2 * e + 1] == MOST
            continue
        held = []
        for arc, (near, far) in ((2 * e, (before, behind)), (2 * e + 1, (behind, before))):
            leaves = {v for u, v in edges if v > streets and u in far}
            homes = sum(int(need.homes[v]) for v in far | leaves)
            ports = sum(int(need.ports[v]) for v in near)
            assert min(homes, ports) <= flow[arc] <= ports
            held.append(flow[arc] == min(homes, ports))
        assert any(held)
