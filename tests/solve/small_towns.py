"""Random small towns, and the exact cost of serving them, found by a recursion that shares nothing with the solver."""

from __future__ import annotations

import numpy as np

from lastmile_net.solve.problem import Problem


def small_town(seed: int, *, customers: int = 9, nodes: int = 12, fibre: int = 0) -> Problem:
    """Return a random town with parallel streets, loops, streets that cost nothing, and perhaps islands."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, nodes + 1))
    edges = int(rng.integers(0, 3 * n))
    c = int(rng.integers(1, customers + 1))
    taps = rng.integers(0, n, rng.integers(1, 4))
    drops = rng.integers(0, 4 if rng.random() < 0.3 else 3, c) + (rng.random() < 0.7)
    d = int(np.minimum(drops, 3).sum())
    cost = rng.integers(0, rng.choice([3, 30, 1000]), edges) * 1000
    return Problem(
        nodes=n,
        tail=rng.integers(0, n, edges),
        head=rng.integers(0, n, edges),
        cost=cost,
        fibre_cost=rng.integers(0, 5, edges) * fibre,
        tap_node=taps,
        tap_capacity=np.full(len(taps), -1),
        drop_customer=np.repeat(np.arange(c), np.minimum(drops, 3)),
        drop_node=rng.integers(0, n, d),
        drop_cost=rng.integers(0, 40, d) * 1000,
        drop_fibre_cost=rng.integers(0, 5, d) * fibre,
        units=np.ones(c, np.int64),
        fibres=rng.integers(1, 4, c),
        length_mm=cost.copy(),
        drop_length_mm=np.zeros(d, np.int64),
    )


def distances(problem: Problem) -> np.ndarray:
    """Return all street distances, taps tied together, by Floyd and Warshall."""
    far = np.full((problem.nodes, problem.nodes), np.inf)
    np.fill_diagonal(far, 0)
    for u, v, price in zip(problem.tail, problem.head, problem.cost, strict=True):
        far[u, v] = far[v, u] = min(far[u, v], price)
    far[np.ix_(problem.tap_node, problem.tap_node)] = 0
    for k in range(problem.nodes):
        far = np.minimum(far, far[:, k : k + 1] + far[k : k + 1, :])
    return far


def cheapest(problem: Problem) -> tuple[int, np.ndarray]:
    """Return the least cost of serving all customers in reach, and who they are (Dreyfus & Wagner 1971)."""
    far = distances(problem)
    linked = np.isfinite(far[problem.tap_node[0]])
    served = np.zeros(problem.customers, bool)
    for d, c in enumerate(problem.drop_customer):
        served[c] |= linked[problem.drop_node[d]]
    who = np.flatnonzero(served)
    best = np.full((1 << len(who), problem.nodes), np.inf)
    for i, c in enumerate(who):
        for d in np.flatnonzero(problem.drop_customer == c):
            v = problem.drop_node[d]
            best[1 << i] = np.minimum(best[1 << i], far[v] + problem.drop_cost[d])
    for mask in range(1, 1 << len(who)):
        part = (mask - 1) & mask
        while part:
            best[mask] = np.minimum(best[mask], best[part] + best[mask ^ part])
            part = (part - 1) & mask
        best[mask] = np.min(best[mask][:, None] + far, axis=0)
    cost = best[-1][problem.tap_node[0]] if len(who) else 0
    return int(cost), served
