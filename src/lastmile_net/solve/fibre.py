"""
Fibre beside trench: each customer's own fibre has its price along the whole route.

A drop can only be used with at least the cheapest fibre from a tap to its node, so that price is put onto the drop:
the bound stays valid and sees it. What a route is longer than that is the tree's affair.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.solve.graph import FAR, make_graph
from lastmile_net.solve.paths import spread

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.solve.problem import Problem

    Ints = NDArray[np.int64]


def drop_prices(problem: Problem) -> Ints:
    """Return the price of each drop with its own fibre and the cheapest fibre on the way to it."""
    if not problem.fibre_cost.any():
        return problem.drop_price
    far = fibre_to_node(problem)[problem.drop_node]
    return problem.drop_price + np.where(far < FAR, problem.fibres[problem.drop_customer] * far, 0)


def fibre_to_node(problem: Problem) -> Ints:
    """Return the price of the cheapest single fibre from any tap to each node (FAR where there is no way)."""
    kind = np.zeros(problem.nodes, np.int8)
    graph = make_graph(kind, problem.tail, problem.head, problem.fibre_cost)
    far, _, _ = spread(graph, graph.cost, np.unique(problem.tap_node).astype(np.int32))
    return np.asarray(far, np.int64)
