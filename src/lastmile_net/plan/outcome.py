"""Tell each customer's outcome and put the `Plan` together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.spatial import cKDTree

from lastmile_net import coverage, schema
from lastmile_net.cost import from_cents, price_drops, price_equipment, total_cost, with_overhead
from lastmile_net.network.network import STREET, components
from lastmile_net.plan import tables
from lastmile_net.plan.curve import curve_table
from lastmile_net.plan.result import Plan
from lastmile_net.solve.problem import MILLI

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.config import PlanConfig
    from lastmile_net.cost import CostBreakdown, EdgePrices
    from lastmile_net.network import StreetNetwork, Taps
    from lastmile_net.plan.aim import Money
    from lastmile_net.plan.pose import Posed
    from lastmile_net.read.layers import Layers
    from lastmile_net.solve.capacity import Limited

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Texts = NDArray[np.object_]

BOUND_COVERS = "trenches, drops, reuse of existing lines, fibre, equipment and overhead, for the customers planned"


@dataclass(frozen=True, eq=False)
class Posing:
    """Everything that has been found out of a town, ready to be told."""

    layers: Layers
    config: PlanConfig
    network: StreetNetwork
    taps: Taps
    prices: EdgePrices
    drops: gpd.GeoDataFrame
    drop_cost: Floats
    posed: Posed
    money: Money
    served_now: Ints
    wanted: NDArray[np.bool_]
    reached: NDArray[np.bool_]

    @property
    def limited(self) -> Limited:
        """The plan within all limits and within the money."""
        return self.money.limited


def assemble(posing: Posing) -> Plan:
    """Return the plan: its tables, its summary, its proof."""
    built = _built(posing)
    dug, reused = tables.trenches_and_reused(built)
    equipment = price_equipment(built.units[built.planned], posing.config.cost)
    breakdown = _cost(posing, built, dug, reused, equipment)
    customers = _customers(posing, built, equipment, breakdown.total)
    backbone = posing.layers.backbone
    line = np.isin(shapely.get_type_id(backbone.geometry.to_numpy()), (1, 5))
    routes = tables.routes(built)
    return Plan(
        customers=customers,
        trenches=dug,
        reused=reused,
        routes=routes if posing.config.routes else routes.iloc[:0],
        access_points=tables.access_points(built),
        backbone_lines=backbone[line].reset_index(drop=True),
        backbone_points=backbone[~line].reset_index(drop=True),
        streets=posing.layers.streets,
        summary=_summary(posing, customers, dug, breakdown, float(equipment.sum())),
        config=posing.config,
        curve=curve_table(posing.money, built.customer_id, built.units, posing.config, _homes(posing)),
        status=posing.limited.solution.status,
        log=posing.limited.solution.log,
        notes=posing.layers.notes,
    )


def _built(posing: Posing) -> tables.Built:
    solution = posing.limited.solution
    left = posing.layers.customers["units"].to_numpy(np.int64) - posing.served_now
    return tables.Built(
        network=posing.network,
        taps=posing.taps,
        prices=posing.prices,
        drops=posing.drops,
        posed=posing.posed,
        solution=solution,
        planned=np.flatnonzero(solution.drop >= 0),
        customer_id=posing.layers.customers["customer_id"].to_numpy(object),
        units=left,
        drop_cost=posing.drop_cost,
        order=posing.money.order,
    )


def _homes(posing: Posing) -> tuple[int, int]:
    """Return the homes that are connected today, and all."""
    return int(posing.served_now.sum()), int(posing.layers.customers["units"].sum())


def _cost(
    posing: Posing, built: tables.Built, dug: gpd.GeoDataFrame, reused: gpd.GeoDataFrame, equipment: Floats
) -> CostBreakdown:
    _, edge = built.steps()
    is_drop = (dug["kind"] == "drop").to_numpy()
    return total_cost(
        posing.config.cost,
        trench=float(dug["cost"][~is_drop].sum()),
        drop=float(dug["cost"][is_drop].sum()),
        reuse=float(reused["cost"].sum()),
        fibre=float(built.fibre[edge].sum() + built.drop_fibre.sum()),
        equipment=float(equipment.sum()),
    )


def _customers(posing: Posing, built: tables.Built, equipment: Floats, total: float) -> gpd.GeoDataFrame:
    given = posing.layers.customers
    table = given.copy()
    size, rows = len(table), built.planned
    outcome = np.full(size, "unserved", object)
    outcome[posing.served_now >= given["units"].to_numpy(np.int64)] = "existing"
    outcome[rows] = "planned"
    table["status"] = coverage.status_today(
        given, posing.layers.backbone, passed_within_m=posing.config.passed_within_m
    )
    table["outcome"] = outcome
    reason, remedies = _reasons(posing, outcome)
    table["reason"] = reason
    _tell_remedies(table, remedies)
    everywhere = built.prices.fibre
    numbers = {
        "drop_m": built.drops["drop_m"].to_numpy()[built.drop_row],
        "route_m": tables.route_lengths(built),
        "shortest_m": tables.shortest(built, posing.network.length_m, posing.drops["drop_m"].to_numpy(np.float64)),
        "cost_share": tables.shares(built, equipment, total),
        "cost_alone": tables.shortest(built, built.price + everywhere, posing.drop_cost) + equipment,
        "marginal_cost": tables.marginal(built, equipment),
    }
    for name, values in numbers.items():
        column = np.full(size, np.nan)
        column[rows] = values
        table[name] = column
    point = np.full(size, None, object)
    point[rows] = built.taps.access_point_id[built.tap]
    table["access_point_id"] = point
    rank = np.zeros(size, np.int64)
    rank[rows] = built.rank
    table["build_order"] = pd.Series(rank, table.index, dtype="Int64").mask(rank == 0)
    return gpd.GeoDataFrame(table, geometry="geometry", crs=posing.network.crs)


def _reasons(posing: Posing, outcome: Texts) -> tuple[Texts, dict[int, coverage.Remedy]]:
    """Say why each customer stays unserved, and what would change that."""
    given = posing.layers.customers
    reason = np.full(len(given), None, object)
    remedies: dict[int, coverage.Remedy] = {}
    unserved = np.flatnonzero(outcome == "unserved")
    place = ~given.geometry.isna().to_numpy()
    excluded = given["exclude"].to_numpy(bool)
    offered = np.zeros(len(given), bool)
    offered[posing.drops["customer"].to_numpy()] = True
    near, edge = _nearest_street(posing, unserved[place[unserved]])
    link = _links(posing, unserved)
    for row in unserved.tolist():
        if not place[row]:
            reason[row], remedies[row] = "invalid_location", coverage.FIX_LOCATION
        elif excluded[row]:
            reason[row], remedies[row] = "excluded", coverage.INCLUDE
        elif not offered[row]:
            reason[row], remedies[row] = _out_of_reach(posing, near.get(row, np.inf), edge.get(row, -1))
        elif not posing.reached[row]:
            reason[row] = "street_island"
            remedies[row] = coverage.link_island(*link.get(row, (np.inf, 0, np.nan)))
        elif np.isfinite(posing.money.left_out[row]):
            reason[row] = "over_budget"
            remedies[row] = _money_remedy(posing, row)
        else:
            reason[row] = posing.limited.reason[row] or "no_free_port"
            remedies[row] = _limit_remedy(posing, str(reason[row]), row)
    return reason, remedies


def _out_of_reach(posing: Posing, near_m: float, edge: int) -> tuple[str, coverage.Remedy]:
    limit = posing.config.max_drop_m
    if near_m <= limit and edge >= 0 and not np.isfinite(posing.prices.build[edge]):
        return "excluded", coverage.INCLUDE_WAY
    if near_m <= limit:
        return "no_street_in_reach", coverage.blocked_drop(near_m)
    extra = float(price_drops(np.array([near_m]), posing.config.cost)[0]) if np.isfinite(near_m) else np.nan
    return "no_street_in_reach", coverage.drop_too_long(near_m, limit, extra)


def _nearest_street(posing: Posing, rows: Ints) -> tuple[dict[int, float], dict[int, int]]:
    """Return distance to, and edge of, the nearest street of customers."""
    streets = np.flatnonzero(posing.network.kind == STREET)
    if len(rows) == 0 or len(streets) == 0:
        return {}, {}
    points = posing.layers.customers.geometry.to_numpy()[rows]
    (at, edge), distance = shapely.STRtree(posing.network.geometry[streets]).query_nearest(
        points, return_distance=True, all_matches=False
    )
    return (
        dict(zip(rows[at].tolist(), distance.tolist(), strict=True)),
        dict(zip(rows[at].tolist(), streets[edge].tolist(), strict=True)),
    )


def _links(posing: Posing, unserved: Ints) -> dict[int, tuple[float, int, float]]:
    """Return, for each customer on an island: metres to the tied network, homes of the island, price of the link."""
    network, drops = posing.network, posing.drops
    lost = unserved[~posing.reached[unserved]]
    mine = drops[drops["customer"].isin(lost)].drop_duplicates("customer")
    if mine.empty:
        return {}
    usable = np.isfinite(posing.prices.build)
    part = components(len(network.x), network.tail[usable], network.head[usable])
    tied = np.flatnonzero(np.isin(part, part[posing.taps.node]))
    island = part[mine["node"].to_numpy()]
    units = posing.layers.customers["units"].to_numpy(np.int64) - posing.served_now
    homes = pd.Series(units[mine["customer"].to_numpy()]).groupby(island).sum()
    dearest = posing.config.cost.dig_price(posing.config.cost.surface_otherwise, "")
    per_m = dearest.value if dearest is not None else np.nan
    found = {}
    tree = cKDTree(np.column_stack([network.x[tied], network.y[tied]])) if len(tied) else None
    for each in np.unique(island).tolist():
        nodes = np.flatnonzero(part == each)
        far = tree.query(np.column_stack([network.x[nodes], network.y[nodes]]))[0].min() if tree is not None else np.inf
        found[each] = (float(far), int(homes[each]), float(far * per_m))
    return {int(row): found[each] for row, each in zip(mine["customer"], island.tolist(), strict=True)}


def _money_remedy(posing: Posing, row: int) -> coverage.Remedy:
    more = float(posing.money.left_out[row])
    units = int(posing.layers.customers["units"].to_numpy()[row] - posing.served_now[row])
    return coverage.raise_budget(more, units, posing.config.cost.currency)


def _limit_remedy(posing: Posing, reason: str, row: int) -> coverage.Remedy:
    units = int(posing.layers.customers["units"].to_numpy()[row] - posing.served_now[row])
    if reason == "no_free_port":
        return coverage.add_ports(units, "nearest to it")
    if reason == "route_too_long":
        return coverage.Remedy("raise_max_route_m", "its shortest route is over the limit: raise the limit on routes")
    if reason == "optical_budget":
        return coverage.Remedy("reduce_loss", "its loss is over the budget: use stronger optics or a lower split")
    return coverage.Remedy("state_loss", "the loss up to its access points is not known: state `loss_db`")


def _tell_remedies(table: gpd.GeoDataFrame, remedies: dict[int, coverage.Remedy]) -> None:
    size = len(table)
    columns: dict[str, Texts] = {name: np.full(size, None, object) for name in ("remedy_code", "remedy_unit", "remedy")}
    value, cost = np.full(size, np.nan), np.full(size, np.nan)
    for row, remedy in remedies.items():
        columns["remedy_code"][row], columns["remedy"][row] = remedy.code, remedy.text
        columns["remedy_unit"][row] = coverage.REMEDY_UNITS[remedy.code] or None
        value[row], cost[row] = remedy.value, np.round(remedy.cost, 2)
    for name, values in columns.items():
        table[name] = values
    table["remedy_value"], table["remedy_cost"] = value, cost


def _summary(
    posing: Posing, customers: gpd.GeoDataFrame, dug: gpd.GeoDataFrame, cost: CostBreakdown, equipment: float
) -> dict[str, Any]:
    model = posing.config.cost
    bound = posing.limited.solution.lower_bound / MILLI
    lower = min(with_overhead(from_cents(int(np.floor((bound + equipment) * 100 + 1e-6))), model), cost.total)
    planned = (customers["outcome"] == "planned").to_numpy()
    units = customers["units"].to_numpy(np.int64)
    homes = int((units - posing.served_now)[planned].sum())
    stretch = (customers["route_m"] / customers["shortest_m"].where(customers["shortest_m"] > 0))[planned].dropna()
    reasons = customers["reason"].dropna().value_counts()
    return {
        "customers": _counts(customers, np.ones(len(customers), np.int64), None),
        "units": _counts(customers, units, posing.served_now),
        "reasons": {code: int(reasons[code]) for code in schema.REASONS if code in reasons},
        "trench_m": round(float(dug["length_m"].sum()), 3),
        "cost": vars(cost),
        "currency": model.currency,
        "lower_bound": lower,
        "gap": cost.total / lower - 1 if lower > 0 else (0.0 if cost.total == 0 else None),
        "bound_covers": BOUND_COVERS,
        **({"aim": posing.money.about} if posing.money.about else {}),
        "cost_per_unit": round(cost.total / homes, 2) if homes else None,
        "stretch": {
            "median": round(float(stretch.median()), 6) if len(stretch) else None,
            "p95": round(float(stretch.quantile(0.95)), 6) if len(stretch) else None,
            "max": round(float(stretch.max()), 6) if len(stretch) else None,
        },
    }


def _counts(table: gpd.GeoDataFrame, weight: Ints, served: Ints | None) -> dict[str, int]:
    """Count by status and outcome; homes that are served already in a building not wholly served are connected."""
    status, outcome = table["status"].to_numpy(object), table["outcome"].to_numpy(object)
    now = np.where(status == "connected", weight, 0) if served is None else served
    left = weight - now
    counts = {"total": weight.sum(), "connected": now.sum()}
    counts |= {name: left[status == name].sum() for name in ("passed", "unconnected")}
    counts |= {"existing": now.sum()}
    counts |= {name: left[outcome == name].sum() for name in ("planned", "unserved")}
    return {name: int(number) for name, number in counts.items()}
