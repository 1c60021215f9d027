"""
What ports cost: a toll for each home on each tap, so that the shortest fibre knows that near taps may be full.

Whatever the tolls are, no plan's fibre costs less than each customer's shortest fibre with the toll at its end, less
what all free ports together could take in (Lagrangian relaxation of the ports). The best tolls are the prices of the
ports in the transportation problem of homes and taps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.solve.capacity.search.growth import FAR, adjacency, lengths_from
from lastmile_net.solve.capacity.search.transport import transport

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.solve.problem import Problem

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

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
    price = problem.drop_price
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
    most = min(NEAREST, len(room))
    open_ = np.zeros(price.shape, bool)
    toll = best = np.zeros(len(room), np.int64)
    value = _value(price, problem.units, toll, room)
    for _ in range(ROUNDS):
        near = np.argpartition(price + toll, most - 1, axis=1)[:, :most]
        before = int(open_.sum())
        open_[np.arange(len(price))[:, None], near] = True
        open_ &= price < np.inf
        found = transport(price, open_, problem.units, room) if open_.sum() > before else None
        if found is None:
            break
        toll = found[1]
        now = _value(price, problem.units, toll, room)
        gain, best, value = now - value, toll if now > value else best, max(now, value)
        if 0 <= gain < WORTH * abs(value):
            break
    return best


def _value(price: Floats, units: Ints, toll: Ints, room: Ints) -> float:
    """Return what the tolls prove of the fibre."""
    least = (price + toll).min(axis=1)
    return float(np.where(least < np.inf, least, 0) @ units - toll @ room)
