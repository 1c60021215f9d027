"""
What ports cost: a toll for each home on each tap, so that the shortest fibre knows that near taps may be full.

Whatever the tolls are, no plan's fibre costs less than each customer's shortest fibre with the toll at its end, less
what all free ports together could take in (Lagrangian relaxation of the ports). The best tolls are the prices of the
ports in the transportation problem of homes and taps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array

from lastmile_net.solve.capacity.growth import FAR, adjacency, lengths_from

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.solve.problem import Problem

    Ints = NDArray[np.int64]

NEAREST = 8
"""So many taps of each customer are looked at for the tolls."""


def toll_prices(problem: Problem, room: Ints) -> tuple[Ints, int]:
    """
    Return the price of each drop with its own fibre, the cheapest way from a tap and the toll there; and the tolls.

    Parameters
    ----------
    problem
        All its customers are to be served.
    room
        int64 (t,). Free ports of each tap.

    Returns
    -------
    price
        int64 (d,). For each drop; without a way to a tap, that of the drop alone.
    tolls
        What all free ports together could take in.

    Notes
    -----
    One search for each tap, and a linear programme of customers by their nearest taps.
    """
    fibres = problem.fibres[problem.drop_customer]
    price = problem.drop_cost + fibres * problem.drop_fibre_cost
    taps = np.flatnonzero(room > 0)
    if not problem.fibre_cost.any() or len(taps) == 0:
        return price, 0
    graph = adjacency(problem)
    far = np.empty((len(price), len(taps)), np.int64)
    for place, tap in enumerate(taps.tolist()):
        far[:, place] = lengths_from(graph, problem.fibre_cost, int(problem.tap_node[tap]))[problem.drop_node]
    way = np.where(far < FAR, far * fibres[:, None], FAR)
    toll = _tolls(problem, way, room[taps])
    units = problem.units[problem.drop_customer]
    best = np.where(way < FAR, way + units[:, None] * toll, FAR).min(axis=1)
    return price + np.where(best < FAR, best, 0), int(toll @ room[taps])


def _tolls(problem: Problem, way: Ints, room: Ints) -> Ints:
    """Return the price of a port of each tap in the transportation problem; `way` is (d, t). None where that fails."""
    from scipy.optimize import linprog

    cost = np.full((problem.customers, len(room)), FAR)
    np.minimum.at(cost, problem.drop_customer, way)
    near = np.argsort(cost, axis=1, kind="stable")[:, :NEAREST]
    who = np.repeat(np.arange(problem.customers), near.shape[1])
    tap = near.ravel()
    fits = cost[who, tap] < FAR
    who, tap = who[fits], tap[fits]
    count, ones, column = len(who), np.ones(len(who)), np.arange(len(who))
    # whoever finds no port among the nearest may stay without one, at a price beyond any way
    spare = problem.customers
    dear = 2.0 * float(cost[who, tap].max(initial=0)) + 1
    each = np.concatenate([cost[who, tap] / problem.units[who], np.full(spare, dear)])
    ports = csr_array((ones, (tap, column)), shape=(len(room), count + spare))
    rows, columns = np.concatenate([who, np.arange(spare)]), np.arange(count + spare)
    homes = csr_array((np.ones(count + spare), (rows, columns)), shape=(spare, count + spare))
    answer = linprog(each, A_ub=ports, b_ub=room, A_eq=homes, b_eq=problem.units, method="highs")
    if answer.status != 0:
        return np.zeros(len(room), np.int64)
    tolls: Ints = np.maximum(np.rint(-answer.ineqlin.marginals), 0).astype(np.int64)
    return tolls
