"""A networkx graph of one's own in; the cheapest tree that ties some of its nodes together, and its proof, out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lastmile_net.config import SolveConfig
from lastmile_net.errors import DataError, Fault
from lastmile_net.solve import solve
from lastmile_net.solve.problem import Problem, gap_over

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    import networkx as nx
    from numpy.typing import NDArray

    from lastmile_net.solve.problem import Status

    Floats = NDArray[np.float64]
    AnyGraph = nx.Graph[Any]

METHODS = (None, "kou", "mehlhorn")
FINE_BITS = 40
"""Weights that are no whole numbers are cut to multiples of a power of two, such that their sum has this many bits."""


@dataclass(frozen=True, eq=False)
class SteinerTree:
    """
    A tree and how near the cheapest it is proven to be.

    Parameters
    ----------
    tree
        The tree, as a view of the graph it is cut out of.
    cost
        Sum of its weights.
    lower_bound
        No tree over the same nodes costs less.
    status
        What ended the search; `optimal` where cost and bound meet.
    """

    tree: AnyGraph
    cost: float
    lower_bound: float
    status: Status

    @property
    def gap(self) -> float:
        """Cost over bound, less one; 0 is a proof of optimality, infinite means that nothing is proven."""
        return gap_over(self.cost, self.lower_bound)


def steiner_tree(
    G: AnyGraph,  # noqa: N803
    terminal_nodes: Iterable[Hashable],
    weight: str = "weight",
    method: str | None = None,
    *,
    config: SolveConfig | None = None,
) -> AnyGraph:
    """
    Return the cheapest tree found that ties `terminal_nodes` together: networkx's function, solved further.

    Parameters
    ----------
    G
        An undirected graph or multigraph.
    terminal_nodes
        Nodes to be tied together.
    weight
        Edge attribute with the price, 1 where an edge has none.
    method
        networkx's names are taken so that calls need not change; the same search answers to all of them.
    config
        When to stop; by default at a proven gap of 0.3 %, after 20 rounds or a minute.

    Returns
    -------
    tree
        A view of the graph with the tree's edges; of parallel edges the cheapest.

    Raises
    ------
    DataError
        If terminals are not in the graph or lie apart from each other, or weights are negative or no numbers.
    ValueError
        If networkx does not know the method either.
    networkx.NetworkXNotImplemented
        If the graph is directed.

    See Also
    --------
    cheapest_tree : the same with cost, bound and gap.

    Examples
    --------
    >>> import networkx as nx
    >>> square = nx.Graph()
    >>> square.add_weighted_edges_from([("a", "b", 3), ("b", "c", 3), ("c", "d", 3), ("d", "a", 4), ("a", "c", 5)])
    >>> sorted(steiner_tree(square, ["a", "b", "d"]).edges)
    [('a', 'b'), ('a', 'd')]
    """
    if method not in METHODS:
        message = f"{method} is not a valid choice for an algorithm."
        raise ValueError(message)
    return cheapest_tree(G, terminal_nodes, weight=weight, config=config).tree


def cheapest_tree(
    graph: AnyGraph, terminals: Iterable[Hashable], *, weight: str = "weight", config: SolveConfig | None = None
) -> SteinerTree:
    """
    Find the cheapest tree that ties some nodes of a graph together, and prove how near the cheapest it is.

    Parameters
    ----------
    graph
        An undirected graph or multigraph.
    terminals
        Nodes to be tied together; one alone is a tree without edges.
    weight
        Edge attribute with the price, 1 where an edge has none.
    config
        When to stop; by default at a proven gap of 0.3 %, after 20 rounds or a minute.

    Returns
    -------
    tree
        The tree with its cost, bound and gap.

    Raises
    ------
    DataError
        If terminals are not in the graph or lie apart from each other, or weights are negative or no numbers.
    networkx.NetworkXNotImplemented
        If the graph is directed.

    Notes
    -----
    Weights that are no whole numbers are rounded down to multiples of a power of two for the search; `cost` is
    the sum of the weights themselves, so the bound holds, and a gap of some 1e-10 may remain.

    Examples
    --------
    >>> import networkx as nx
    >>> found = cheapest_tree(nx.star_graph(4), [1, 2, 3])
    >>> found.cost, found.lower_bound, found.status
    (3.0, 3.0, 'optimal')
    """
    import networkx as nx  # who only plans need not wait for it

    if graph.is_directed():
        message = "not implemented for directed type"
        raise nx.NetworkXNotImplemented(message)
    wanted = list(dict.fromkeys(terminals))
    edges: list[Any] = list(graph.edges(keys=True)) if isinstance(graph, nx.MultiGraph) else list(graph.edges)
    price = [graph.edges[edge].get(weight, 1) for edge in edges]
    _refuse(graph, wanted, edges, price)
    if len(wanted) == 1:
        return SteinerTree(graph.subgraph(wanted), 0.0, 0.0, "optimal")
    number = {node: i for i, node in enumerate(graph)}
    prices = np.array(price, np.float64)
    grain = _grain(prices)
    tail = np.array([number[edge[0]] for edge in edges], np.int64)
    head = np.array([number[edge[1]] for edge in edges], np.int64)
    cost = np.floor(prices / grain).astype(np.int64)
    goals = np.array([number[node] for node in wanted], np.int64)
    solution = solve(Problem.of_terminals(len(number), tail, head, cost, goals), config or SolveConfig())
    tree = graph.edge_subgraph([edges[e] for e in solution.edges])
    return SteinerTree(tree, math.fsum(prices[solution.edges]), solution.lower_bound * grain, solution.status)


def _grain(prices: Floats) -> float:
    """Return the unit that prices are counted in: 1 for whole numbers that fit, else a power of two."""
    total = float(prices.sum())
    if total < 1 << FINE_BITS and bool((prices == np.floor(prices)).all()):
        return 1.0
    return math.ldexp(1.0, math.frexp(total)[1] - FINE_BITS)


def _refuse(graph: AnyGraph, wanted: list[Hashable], edges: list[Any], price: list[Any]) -> None:
    from networkx import node_connected_component

    missing = tuple(str(node) for node in wanted if node not in graph)
    bad = tuple(str(edge) for edge, value in zip(edges, price, strict=True) if not _is_price(value))
    faults = []
    if not wanted:
        faults.append(Fault("there are no terminals", "Name the nodes to be tied together."))
    if missing:
        faults.append(Fault("terminals are not in the graph", "Add these nodes, or leave them out.", rows=missing))
    if bad:
        faults.append(Fault("weights are negative or no numbers", "Correct these edges.", rows=bad))
    if not missing and len(wanted) > 1:
        near = node_connected_component(graph, wanted[0])
        apart = tuple(str(node) for node in wanted if node not in near)
        if apart:
            what = f"no way leads from {wanted[0]} to some terminals"
            faults.append(Fault(what, "Join the parts of the graph, or ask for each part.", rows=apart))
    if faults:
        raise DataError(faults)


def _is_price(value: object) -> bool:
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False
    return 0 <= number < math.inf
