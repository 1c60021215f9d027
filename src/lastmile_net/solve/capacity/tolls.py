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
    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

NEAREST = 8
"""So many taps more of each customer are looked at in each round."""
ROUNDS = 6
WORTH = 1e-4
"""A round that proves less than this part more is the last."""


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
    """
    Return the price of a port of each tap in the transportation problem; `way` is (d, t).

    Customers look at their nearest taps first, then at those that the tolls so far make cheaper (column generation).
    """
    cost = np.full((problem.customers, len(room)), FAR)
    np.minimum.at(cost, problem.drop_customer, way)
    price = np.where(cost < FAR, cost / problem.units[:, None], np.inf)
    # whoever finds no port may stay without one, at a price beyond any way
    dear = 2.0 * float(price[price < np.inf].max(initial=0)) + 1
    most = min(NEAREST, len(room))
    open_ = np.zeros(price.shape, bool)
    toll = best = np.zeros(len(room), np.int64)
    value = _value(price, problem.units, toll, room)
    for _ in range(ROUNDS):
        near = np.argpartition(price + toll, most - 1, axis=1)[:, :most]
        before = int(open_.sum())
        open_[np.arange(len(price))[:, None], near] = True
        open_ &= price < np.inf
        found = _ports_prices(price, open_, problem.units, room, dear) if open_.sum() > before else None
        if found is None:
            break
        toll = found
        now = _value(price, problem.units, toll, room)
        gain, best, value = now - value, toll if now > value else best, max(now, value)
        if 0 <= gain < WORTH * abs(value):
            break
    return best


def _value(price: Floats, units: Ints, toll: Ints, room: Ints) -> float:
    """Return what the tolls prove of the fibre."""
    least = (price + toll).min(axis=1)
    return float(np.where(least < np.inf, least, 0) @ units - toll @ room)


def _ports_prices(price: Floats, open_: Flags, units: Ints, room: Ints, dear: float) -> Ints | None:
    """Return the prices of the ports in the transportation problem over some customers' taps; None where that fails."""
    from scipy.optimize import linprog

    who, tap = np.nonzero(open_)
    count, spare = len(who), len(units)
    each = np.concatenate([price[who, tap], np.full(spare, dear)])
    ports = csr_array((np.ones(count), (tap, np.arange(count))), shape=(len(room), count + spare))
    rows, columns = np.concatenate([who, np.arange(spare)]), np.arange(count + spare)
    homes = csr_array((np.ones(count + spare), (rows, columns)), shape=(spare, count + spare))
    answer = linprog(each, A_ub=ports, b_ub=room, A_eq=homes, b_eq=units, method="highs")
    if answer.status != 0:
        return None
    tolls: Ints = np.maximum(np.rint(-answer.ineqlin.marginals), 0).astype(np.int64)
    return tolls
