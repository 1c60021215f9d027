"""
The programme of a whole town at a price, solved from inside: what homes are worth wherever parts of the town meet.

One linear programme of all streets takes the simplex method minutes where an interior point method takes half of one
(Mehrotra 1992; HiGHS's IPX, Schork & Gondzio 2020). It ends between many solutions and not at one, but prices are all
that is asked of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lastmile_net.solve.capacity.money.rows import FlowRows
from lastmile_net.solve.rows.windows import RowCharges

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.solve.capacity.bound.cuts import Need
    from lastmile_net.solve.capacity.money.layers import Layers, Worth
    from lastmile_net.solve.clock import Clock
    from lastmile_net.solve.graph import Graph

    Ints = NDArray[np.int64]
    Shorts = NDArray[np.int32]

TOLERANCE = 1e-3
"""Part of what is paid up to which the programme is solved: parts of the town find the rest sooner."""
DEAREST = 1e12
"""A row with a higher price than this, in thousandths, has none: whole numbers would run over."""
ROWS_PER_ARC, ROWS_PER_S = 1, 2_500
"""Rows of trenches alone for each arc, and rows in all that take a second; without time for all it is not begun."""


class Prices(NamedTuple):
    """
    What is charged in a whole town, so that parts of it can be looked at alone.

    Parameters
    ----------
    charged
        What rows of trenches charge: more than they cost in places, which homes pay for (`share`).
    worth
        What a home is worth wherever it is led; None where nothing is known of that, and homes may come from outside
        for nothing.
    share
        int64 (n,). What is paid at least besides for arcs to each node, and for homes there.
    """

    charged: RowCharges
    worth: Worth | None
    share: Ints


def seconds_for(layers: Layers) -> float:
    """Return about how many seconds the programme takes: rows for each arc and node in each layer, and for each arc."""
    flows = layers.here[:, layers.tail] & (layers.whole > 0)
    return (np.count_nonzero(flows) + np.count_nonzero(layers.here) + ROWS_PER_ARC * len(layers.tail)) / ROWS_PER_S


def solve_whole(
    graph: Graph, need: Need, guide: Shorts, layers: Layers, charged: RowCharges, price: int, seed: int, clock: Clock
) -> Prices | None:
    """
    Solve the programme of a whole town at a price of those left out; return None without time, or where that fails.

    Parameters
    ----------
    graph, need, guide, charged, price, seed, clock
        As in `least_by_zones`; the cuts among the charges are the first ones, and all there are.
    layers
        Where homes can flow.
    """
    if not clock.has(seconds_for(layers)):
        return None
    rng = np.random.default_rng(seed)
    rows = FlowRows(price, graph, need, np.repeat(graph.cost, 2), guide, rng, clock, charged.rows.cuts())
    first = rows.model.count
    rows.let_flow(layers)
    if not rows.model.solve_inside(TOLERANCE):
        return None
    dual = rows.prices()
    if dual is None or dual.max(initial=0) > DEAREST:
        return None
    priced, reduced = rows.model.charges_of(first)
    prices = Prices(RowCharges(priced.bound, reduced, priced, np.zeros(len(reduced))), *rows.worth(reduced))
    # from inside prices may come out that prove next to nothing
    return prices if priced.bound + prices.share.sum() >= charged.bound * (1 - TOLERANCE) else None
