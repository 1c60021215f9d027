"""Make the tables of a plan from the solver's answer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from lastmile_net.cost import CROSSINGS, price_crossings, to_cents
from lastmile_net.network.network import BACKBONE, CENTRE, STREET
from lastmile_net.schema import ACCESS_POINTS, EDGE_KINDS
from lastmile_net.solve.problem import MILLI
from lastmile_net.solve.routes import rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.config import CostModel
    from lastmile_net.cost import EdgePrices
    from lastmile_net.network.network import StreetNetwork
    from lastmile_net.network.taps import Taps
    from lastmile_net.plan.placed import Placed
    from lastmile_net.plan.pose import Posed
    from lastmile_net.solve.budget import BuildOrder
    from lastmile_net.solve.problem import Solution

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

POINT_NUMBERS = ("ports_free", "loss_db", "back_m", "cost", "feed_m", "feed_cost")
SIDES = np.array([None, "left", "right", None], object)
"""Names of `StreetNetwork.side` in tables."""


@dataclass(frozen=True, eq=False)
class Built:
    """
    What a solution means on the ground.

    Parameters
    ----------
    network, taps, prices, drops, model, posed, solution
        What was solved, and the answer.
    planned
        int64. Customers (rows) that are served.
    customer_id
        object (c,). Names of all customers.
    units
        int64 (c,). Homes to be connected at each customer.
    drop_cost, drop_labour
        float64. Price of each row of `drops`; the part that is labour.
    drop_crossed
        float64 (k, 3). What each row of `drops` crosses, as `count_crossings` returns it.
    order
        In which order the planned customers are connected.
    placed
        New access points; None where none are asked for.
    phase
        int64. Phase of each customer of the order, from 1; None without phases.
    """

    network: StreetNetwork
    taps: Taps
    prices: EdgePrices
    drops: gpd.GeoDataFrame
    model: CostModel
    posed: Posed
    solution: Solution
    planned: Ints
    customer_id: NDArray[np.object_]
    units: Ints
    drop_cost: Floats
    drop_labour: Floats
    drop_crossed: Floats
    order: BuildOrder
    placed: Placed | None = None
    phase: Ints | None = None

    def phase_at(self, rank: pd.Series[int]) -> pd.Series[int]:
        """Return the phase of each rank in the order of building; empty without phases."""
        if self.phase is None:
            return pd.Series(pd.NA, rank.index, dtype="Int64")
        return rank.map({0: 1} | dict(enumerate(self.phase.tolist(), start=1))).astype("Int64")

    @property
    def rank(self) -> Ints:
        """Rank of each planned customer in the order of building, from 1."""
        rank = np.zeros(len(self.customer_id), np.int64)
        rank[self.order.customers] = 1 + np.arange(len(self.order.customers))
        return rank[self.planned]

    @property
    def edge_rank(self) -> Ints:
        """Rank of the first customer who needs each network edge; 0 where nobody does, and where it is locked in."""
        rank = np.zeros(len(self.network.tail), np.int64)
        rank[self.posed.edge] = 1 + self.order.edge_rank
        rank[self.posed.locked] = 0
        return rank

    @property
    def drop_row(self) -> Ints:
        """Row of `drops` of each planned customer."""
        return self.posed.drop[self.solution.drop[self.planned]]

    @property
    def tap(self) -> Ints:
        """Tap of each planned customer: where its route begins."""
        return self.solution.tap[self.planned]

    @property
    def new_point(self) -> Ints:
        """New access point of each planned customer; -1 where it hangs on its tap."""
        if self.placed is None:
            return np.full(len(self.planned), -1)
        return self.placed.site[self.planned]

    @property
    def point_id(self) -> NDArray[np.object_]:
        """Name of the access point of each planned customer."""
        names = self.taps.access_point_id[self.tap]
        if self.placed is not None:
            names = np.where(self.new_point >= 0, np.append(self.placed.access_point_id, "")[self.new_point], names)
        return names

    @property
    def ports_used(self) -> Ints:
        """Homes that the plan connects to each tap itself."""
        homes = np.where(self.new_point < 0, self.units[self.planned], 0)
        used: Ints = np.bincount(self.tap, weights=homes, minlength=len(self.taps.node)).astype(np.int64)
        return used

    @property
    def own(self) -> Floats:
        """What each planned customer pays of fibre and of new access points, where there are any."""
        if self.placed is None:
            return np.zeros(len(self.planned))
        own: Floats = self.placed.own_milli[self.planned] / MILLI
        return own

    @property
    def saved(self) -> Floats:
        """What of that would be saved without each of them."""
        if self.placed is None:
            return np.zeros(len(self.planned))
        saved: Floats = self.placed.saved_milli[self.planned] / MILLI
        return saved

    @property
    def price(self) -> Floats:
        """What each edge costs the plan: a line that is tapped all along costs nothing."""
        price = self.prices.build.copy()
        price[self.posed.edge] = self.posed.problem.cost / MILLI
        price[self.posed.locked] = self.prices.build[self.posed.locked]
        return price

    @property
    def fibre(self) -> Floats:
        """What each fibre through each edge costs the plan."""
        price = self.prices.fibre.copy()
        price[self.posed.edge] = self.posed.problem.fibre_cost / MILLI
        return price

    @property
    def drop_fibre(self) -> Floats:
        """What the fibre in each planned customer's drop costs."""
        fibre: Floats = self.posed.problem.drop_fibre_cost[self.solution.drop[self.planned]] / MILLI
        return fibre

    @cached_property
    def steps(self) -> tuple[Ints, Ints]:
        """Return, for each edge of each route in its order, position of the planned customer, and network edge."""
        start, edges = rows(self.solution, self.planned)
        return np.repeat(np.arange(len(self.planned)), np.diff(start)), self.posed.edge[edges]

    @cached_property
    def loads(self) -> tuple[Ints, Ints, Ints]:
        """Return the edges that routes run over or that are locked in, ascending, with customers and homes behind."""
        who, edge = self.steps
        size = len(self.network.tail)
        customers = np.bincount(edge, minlength=size)
        homes = np.bincount(edge, weights=self.units[self.planned][who], minlength=size).astype(np.int64)
        wanted = customers > 0
        wanted[self.posed.locked] = True
        used = np.flatnonzero(wanted)
        return used, customers[used], homes[used]


def node_names(nodes: Ints) -> NDArray[np.object_]:
    """Return the names of nodes in tables."""
    return np.array([f"n{node}" for node in nodes.tolist()], object)


def trenches_and_reused(built: Built) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Return what is dug, drops among it, and what exists and is used."""
    network = built.network
    edge, customers, homes = built.loads
    common = {
        "from_node": node_names(network.tail[edge]),
        "to_node": node_names(network.head[edge]),
        "length_m": network.length_m[edge],
        "cost": built.price[edge],
        "labour_cost": np.where(built.price[edge] > 0, built.prices.labour[edge], 0.0),
        "units": homes,
    }
    existing = network.kind[edge] == BACKBONE
    table = gpd.GeoDataFrame(common, geometry=network.geometry[edge], crs=network.crs)
    reused = table[existing].assign(backbone_id=network.street_id[edge[existing]])
    dug = table[~existing].assign(
        trench_id=[f"t{each}" for each in edge[~existing].tolist()],
        kind=np.array(EDGE_KINDS, object)[network.kind[edge[~existing]]],
        side=SIDES[np.where(network.kind[edge[~existing]] == STREET, network.side[edge[~existing]], CENTRE)],
        surface=built.prices.surface[edge[~existing]],
        method=built.prices.method[edge[~existing]],
        crossing_cost=built.prices.crossing[edge[~existing]],
        **_crossings(built.prices.crossed[edge[~existing]]),
        customers=customers[~existing],
        build_order=built.edge_rank[edge[~existing]],
    )
    dug = pd.concat([dug, _drops(built)], ignore_index=True)
    dug["build_order"], dug["stability"] = dug["build_order"].astype("Int64"), np.nan
    dug["phase"] = built.phase_at(dug["build_order"])
    order = ["trench_id", "kind", "side", "surface", "method", "from_node", "to_node", "length_m", "cost"]
    order += ["labour_cost", "crossing_cost", *CROSSINGS]
    order += ["customers", "units", "build_order", "phase", "stability", "geometry"]
    reuse = ["backbone_id", "from_node", "to_node", "length_m", "cost", "labour_cost", "units", "geometry"]
    return (
        gpd.GeoDataFrame(dug[order], geometry="geometry", crs=network.crs),
        gpd.GeoDataFrame(reused[reuse].reset_index(drop=True), geometry="geometry", crs=network.crs),
    )


def _drops(built: Built) -> gpd.GeoDataFrame:
    row, names = built.drop_row, built.customer_id[built.planned]
    drops = built.drops.iloc[row]
    table = {
        "trench_id": np.array([f"d-{name}" for name in names], object),
        "kind": "drop",
        "side": None,
        "surface": None,
        "method": None,
        "labour_cost": built.drop_labour[row],
        "crossing_cost": to_cents(price_crossings(built.drop_crossed[row], built.model)),
        **_crossings(built.drop_crossed[row]),
        "from_node": node_names(drops["node"].to_numpy()),
        "to_node": names,
        "length_m": drops["drop_m"].to_numpy(),
        "cost": built.drop_cost[row],
        "customers": 1,
        "units": built.units[built.planned],
        "build_order": built.rank,
    }
    return gpd.GeoDataFrame(table, geometry=drops.geometry.to_numpy(), crs=built.network.crs)


def _crossings(crossed: Floats) -> dict[str, Floats]:
    """Return the columns that tell what is crossed."""
    return dict(zip(CROSSINGS, crossed.T, strict=True))


def route_lengths(built: Built) -> Floats:
    """Return the length of each planned customer's route, tap to premises."""
    who, edge = built.steps
    along = np.bincount(who, weights=built.network.length_m[edge], minlength=len(built.planned))
    length: Floats = along + built.drops["drop_m"].to_numpy(np.float64)[built.drop_row]
    return length


def access_points(built: Built) -> gpd.GeoDataFrame:
    """Return every tap point, the places on lines that are used, and what is placed anew."""
    taps, used = built.taps, built.ports_used
    start = np.bincount(built.tap, minlength=len(taps.node))
    shown = np.flatnonzero(taps.is_point | (start > 0))
    node = taps.node[shown]
    table = {
        "access_point_id": taps.access_point_id[shown],
        "kind": taps.kind[shown],
        "status": "existing",
        "type": None,
        "node": node_names(node),
        "ports_used": used[shown],
        "ports_free": np.where(np.isfinite(taps.ports_free[shown]), taps.ports_free[shown], np.nan),
        "loss_db": taps.loss_db[shown],
        "back_m": taps.back_m[shown],
        **dict.fromkeys(("cost", "feed_m", "feed_fibres", "feed_cost"), np.nan),
        "fed_from": None,
    }
    both = pd.DataFrame(table)
    if built.placed is not None and len(built.placed.kinds):
        both = pd.concat([both.astype(object), _new_points(built, built.placed).astype(object)], ignore_index=True)
        node = np.r_[node, built.placed.sited.node]
    both = both.astype(dict.fromkeys(POINT_NUMBERS, "float64") | {"ports_used": "int64", "feed_fibres": "Int64"})
    where = shapely.points(built.network.x[node], built.network.y[node])
    names = [column for column in ACCESS_POINTS.names if column in both]
    return gpd.GeoDataFrame(both[names], geometry=np.asarray(where, object), crs=built.network.crs)


def _new_points(built: Built, placed: Placed) -> pd.DataFrame:
    """Return the rows of what is placed anew; the light comes over the access point that feeds it."""
    sited, taps = placed.sited, built.taps
    return pd.DataFrame(
        {
            "access_point_id": placed.access_point_id,
            "kind": [kind.role for kind in placed.kinds],
            "status": "proposed",
            "type": placed.name,
            "node": node_names(sited.node),
            "ports_used": placed.homes,
            "ports_free": [float(kind.ports) for kind in placed.kinds],
            "loss_db": taps.loss_db[sited.feed_tap],
            "back_m": taps.back_m[sited.feed_tap],
            "cost": placed.price,
            "fed_from": taps.access_point_id[sited.feed_tap],
            "feed_m": _feed_m(built, placed),
            "feed_fibres": [kind.feeders for kind in placed.kinds],
            "feed_cost": sited.feed_cost / MILLI,
        }
    )


def _feed_m(built: Built, placed: Placed) -> Floats:
    """Return the way from the tap to each new access point: the first edges of any of its customers' routes."""
    who, edge = built.steps
    first = np.searchsorted(who, np.arange(len(built.planned)))
    ahead = np.arange(len(who)) - first[who] < placed.sited.feed_edges[built.planned][who]
    along = np.bincount(who[ahead], weights=built.network.length_m[edge[ahead]], minlength=len(built.planned))
    feed = np.zeros(len(placed.kinds))
    feed[built.new_point[built.new_point >= 0]] = along[built.new_point >= 0]
    return feed


def shortest(built: Built, weight: Floats, drop_weight: Floats) -> Floats:
    """Return each customer's least sum of weights, over its own ways and drops from any tap; infinite without a way."""
    network, edge = built.network, built.posed.edge
    reach = distances(len(network.x), network.tail[edge], network.head[edge], weight[edge], built.taps.node)
    drop = built.posed.drop
    node = built.drops["node"].to_numpy()[drop]
    best = np.full(len(built.customer_id), np.inf)
    np.minimum.at(best, built.drops["customer"].to_numpy()[drop], reach[node] + drop_weight[drop])
    return best


def distances(nodes: int, tail: Ints, head: Ints, weight: Floats, sources: Ints) -> Floats:
    """Return the least sum of weights from any source to each node; parallels and free edges are kept."""
    if len(sources) == 0 or len(tail) == 0:
        reach = np.full(nodes, np.inf)
        reach[sources] = 0.0
        return reach
    # a sparse matrix adds up parallels and loses zeros: keep the cheapest, and count zero as next to nothing
    low, high = np.minimum(tail, head), np.maximum(tail, head)
    order = np.lexsort((weight, high, low))
    first = order[np.r_[True, (np.diff(low[order]) != 0) | (np.diff(high[order]) != 0)]]
    tiny = np.maximum(weight[first], 1e-9)
    graph = csr_array((tiny, (low[first], high[first])), shape=(nodes, nodes))
    found: Floats = dijkstra(graph, directed=False, indices=np.unique(sources), min_only=True)
    return np.round(found, 6)


def shares(built: Built, equipment: Floats, total: float) -> Floats:
    """
    Split the cost of each piece over the homes behind it; the shares add up to `total` to the cent.

    Parameters
    ----------
    built
        The solution on the ground.
    equipment
        float64. What else each planned customer costs by itself.
    total
        What the shares add up to, overhead included.
    """
    who, edge = built.steps
    homes = built.units[built.planned].astype(np.float64)
    through = np.bincount(edge, weights=homes[who], minlength=len(built.network.tail))
    part = built.price[edge] * homes[who] / through[edge] + built.fibre[edge]
    own: Floats = np.bincount(who, weights=part, minlength=len(homes)).astype(np.float64)
    own = own + built.drop_cost[built.drop_row] + built.drop_fibre + equipment
    if len(own) == 0:
        return own
    exact = own * (total / own.sum() if own.sum() > 0 else 0.0) * 100
    cents = np.floor(exact + 1e-7)
    missing = round(total * 100) - int(cents.sum())
    cents[np.argsort(-(exact - cents), kind="stable")[:missing]] += 1
    return cents / 100


def marginal(built: Built, equipment: Floats) -> Floats:
    """Return what the plan would save without each planned customer, less its overhead."""
    who, edge = built.steps
    customers = np.bincount(edge, minlength=len(built.network.tail))
    saved_with_it = np.where(customers == 1, built.price, 0.0)
    saved_with_it[built.posed.locked] = 0.0
    alone = saved_with_it[edge] + built.fibre[edge]
    own = np.bincount(who, weights=alone, minlength=len(built.planned))
    saved: Floats = own + built.drop_cost[built.drop_row] + built.drop_fibre + equipment
    return saved
