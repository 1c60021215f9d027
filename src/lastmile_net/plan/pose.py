"""Pose the planner's question as a `Problem`: which edges, drops and taps the solver sees, at what price."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.network.network import BACKBONE
from lastmile_net.solve.problem import MILLI, MM_PER_M, Problem

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from lastmile_net.cost import EdgePrices
    from lastmile_net.network.network import StreetNetwork
    from lastmile_net.network.taps import Taps

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Posed:
    """
    A problem, and the way back from its numbers to the network's.

    Parameters
    ----------
    problem
        What is solved.
    edge
        int64. Network edge of each problem edge.
    drop
        int64. Row of the drops table of each problem drop.
    locked
        int64. Network edges that are dug in any case: for the solver they cost nothing.
    """

    problem: Problem
    edge: Ints
    drop: Ints
    locked: Ints


def pose(
    network: StreetNetwork,
    taps: Taps,
    drops: gpd.GeoDataFrame,
    units: Ints,
    prices: EdgePrices,
    drop_cost: Floats,
    *,
    drop_fibre: Floats,
    must: NDArray[np.bool_] | None = None,
) -> Posed:
    """
    Turn a priced network with candidate drops into arrays for the solver.

    Edges that may not be used (an infinite price) are left out; those that are built in any case cost nothing more.

    Parameters
    ----------
    network, taps
        Streets and existing lines, and where one may connect.
    drops
        Candidate drops, sorted by customer and preference.
    units
        Homes to be connected at each customer.
    prices
        Price of each network edge.
    drop_cost
        Price of each candidate drop; infinite where it may not be dug.
    drop_fibre
        Price of the fibre in each candidate drop.
    must
        Customers who come before all others where not everybody can be served.

    Returns
    -------
    posed
        The problem and its maps back.
    """
    edge = np.flatnonzero(np.isfinite(prices.build))
    drop = np.flatnonzero(np.isfinite(drop_cost))
    cost = _milli(prices.build[edge])
    free = _between_line_taps(network, taps, edge)
    cost[free | prices.locked[edge]] = 0
    fibre = _milli(prices.fibre[edge])
    fibre[free] = 0
    drop_m = drops["drop_m"].to_numpy(np.float64)[drop]
    ports = taps.ports_free
    problem = Problem(
        nodes=len(network.x),
        tail=network.tail[edge],
        head=network.head[edge],
        cost=cost,
        fibre_cost=fibre,
        tap_node=taps.node,
        tap_capacity=np.where(np.isfinite(ports), np.nan_to_num(ports, posinf=-1), -1).astype(np.int64),
        drop_customer=drops["customer"].to_numpy(np.int64)[drop],
        drop_node=drops["node"].to_numpy(np.int64)[drop],
        drop_cost=_milli(drop_cost[drop]),
        drop_fibre_cost=_milli(drop_fibre[drop]),
        units=units,
        fibres=np.ones(len(units), np.int64),
        length_mm=np.round(network.length_m[edge] * MM_PER_M).astype(np.int64),
        drop_length_mm=np.round(drop_m * MM_PER_M).astype(np.int64),
        must=must,
    )
    return Posed(problem, edge, drop, np.flatnonzero(prices.locked))


def _between_line_taps(network: StreetNetwork, taps: Taps, edge: Ints) -> NDArray[np.bool_]:
    """Return which edges run along a line that is tapped all the way: their use costs nothing."""
    on_line = np.zeros(len(network.x), bool)
    on_line[taps.node[~taps.is_point]] = True
    whole = on_line[network.tail[edge]] & on_line[network.head[edge]]
    free: NDArray[np.bool_] = whole & (network.kind[edge] == BACKBONE)
    return free


def _milli(money: Floats) -> Ints:
    return np.round(money * MILLI).astype(np.int64)
