"""What the verdict on unserved customers is made from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.network.network import components

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from lastmile_net.config import PlanConfig
    from lastmile_net.cost import EdgePrices
    from lastmile_net.network.network import StreetNetwork
    from lastmile_net.network.taps import Taps
    from lastmile_net.read.layers import Layers

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]
    Texts = NDArray[np.object_]


@dataclass(frozen=True, eq=False)
class Question:
    """
    A plan and what it was made of: all that the verdict on the unserved needs.

    Parameters
    ----------
    layers, config, network, taps, prices
        The town, the settings, the network with its taps and the prices of its edges.
    drops, drop_cost
        Candidate drops, and the price of each.
    edge_price, edge_fibre
        float64 (m,). What each edge, and each fibre through it, costs a plan; infinite where it may not be used.
    homes_through
        int64 (m,). Homes that the plan serves through each edge.
    built
        bool (m,). Edges that the plan uses or digs.
    eligible
        bool (m,). Edges that a drop may meet.
    centre_lines
        Centre lines of streets with two sides, which drops cross at a price; None where trenches run in the middle.
    outcome
        object (c,). `existing`, `planned` or `unserved`.
    limit
        object (c,). Code of the limit that the solver names for each customer; empty where it names none.
    units
        int64 (c,). Homes to be connected.
    ports_used, ports_kept
        int64 (t,). Homes that the plan connects to each tap, and those that it would connect if there were more money.
    money_left
        What the plan leaves of its budget; 0 where it has none.
    """

    layers: Layers
    config: PlanConfig
    network: StreetNetwork
    taps: Taps
    prices: EdgePrices
    drops: gpd.GeoDataFrame
    drop_cost: Floats
    edge_price: Floats
    edge_fibre: Floats
    homes_through: Ints
    built: Flags
    eligible: Flags
    centre_lines: Texts | None
    outcome: Texts
    limit: Texts
    units: Ints
    ports_used: Ints
    ports_kept: Ints
    money_left: float
    part: Ints = field(init=False)
    tied: Flags = field(init=False)

    def __post_init__(self) -> None:
        """Label what hangs together over usable edges, and which nodes hang together with a tap."""
        usable = np.isfinite(self.edge_price)
        part = components(len(self.network.x), self.network.tail[usable], self.network.head[usable])
        object.__setattr__(self, "part", part)
        object.__setattr__(self, "tied", np.isin(part, part[self.taps.node]))

    @property
    def room(self) -> Floats:
        """Homes that each tap can still take; infinite is unlimited, as where new access points can be placed."""
        if self.config.new_access_points:
            return np.full(len(self.ports_used), np.inf)
        room: Floats = self.taps.ports_free - self.ports_used
        return room

    @property
    def room_left(self) -> Floats:
        """Homes that each tap can still take when whoever only lacks the money has a port."""
        left: Floats = np.maximum(self.room - self.ports_kept, 0)
        return left

    def room_for(self, customer: Ints, tap: Ints) -> Floats:
        """Homes that each tap can still take of a customer's."""
        lacks_money = self.limit[customer] == "over_budget"
        return np.where(lacks_money, self.room[tap], self.room_left[tap])

    @property
    def points(self) -> Texts:
        """Places of the customers."""
        points: Texts = self.layers.customers.geometry.to_numpy()
        return points
