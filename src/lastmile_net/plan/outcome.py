"""Tell each customer's outcome and put the `Plan` together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd

from lastmile_net import coverage, schema
from lastmile_net.cost import (
    from_cents,
    labour_of_drops,
    labour_of_equipment,
    price_crossings,
    price_equipment,
    price_fibre,
    to_cents,
    total_cost,
    with_overhead,
    with_overheads,
)
from lastmile_net.network.tie import is_line
from lastmile_net.plan import tables
from lastmile_net.plan.aim import ports_left
from lastmile_net.plan.curve import curve_table
from lastmile_net.plan.notes import plan_notes
from lastmile_net.plan.outlook import outlook, ranges, stability
from lastmile_net.plan.phases import account
from lastmile_net.plan.proof import below
from lastmile_net.plan.result import Plan
from lastmile_net.plan.routes import lay_routes, no_routes
from lastmile_net.solve.problem import MILLI, ended

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.config import PlanConfig
    from lastmile_net.cost import CostBreakdown, EdgePrices
    from lastmile_net.doctor import Findings
    from lastmile_net.network import StreetNetwork, Taps
    from lastmile_net.plan.aim import Money
    from lastmile_net.plan.placed import Placed
    from lastmile_net.plan.pose import Posed
    from lastmile_net.read.layers import Layers
    from lastmile_net.solve.capacity import Limited
    from lastmile_net.solve.problem import Status

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Texts = NDArray[np.object_]

BOUND_COVERS = "trenches, drops, reuse of existing lines, fibre, equipment and overhead, for the customers planned"
BOUND_COVERS_NEW = (
    "trenches, drops, reuse of existing lines, fibre, new access points, other equipment and overhead, for the "
    "customers planned"
)

NO_GAP = 5e-7
"""A gap below this is cents that were rounded."""


@dataclass(frozen=True, eq=False)
class Posing:
    """Everything that has been found out of a town, ready to be told."""

    layers: Layers
    findings: Findings
    config: PlanConfig
    network: StreetNetwork
    taps: Taps
    prices: EdgePrices
    drops: gpd.GeoDataFrame
    drop_cost: Floats
    drop_crossed: Floats
    posed: Posed
    money: Money
    placed: Placed | None
    served_now: Ints
    eligible: NDArray[np.bool_]
    centre_lines: NDArray[np.object_] | None

    @property
    def limited(self) -> Limited:
        """The plan within all limits and within the money."""
        return self.money.limited


def assemble(posing: Posing) -> Plan:
    """Return the plan: its tables, its summary, its proof."""
    built = _built(posing)
    dug, reused = tables.trenches_and_reused(built)
    equipment = price_equipment(built.units[built.planned], posing.config.cost)
    scenarios = outlook(posing, built)
    if scenarios is not None:
        dug["stability"] = stability(built, scenarios, dug["trench_id"])
    breakdown = _cost(posing, built, dug, reused, equipment)
    customers, proposals = _customers(posing, built, equipment, breakdown.total)
    points = tables.access_points(built)
    curve = curve_table(posing.money, built.customer_id, built.units, posing.config, _homes(posing))
    phases = account(posing.config.phases, built.phase, curve, dug, areas=posing.money.areas)
    summary = _summary(posing, customers, dug, breakdown, float(equipment.sum()))
    backbone = posing.layers.backbone
    line = is_line(backbone)
    return Plan(
        customers=customers,
        trenches=dug,
        reused=reused,
        routes=lay_routes(built) if posing.config.routes else no_routes(built),
        access_points=points,
        backbone_lines=backbone[line].reset_index(drop=True),
        backbone_points=backbone[~line].reset_index(drop=True),
        streets=posing.layers.streets,
        summary=summary
        | {"labour": _labour(built, dug, reused, breakdown)}
        | ({"phases": phases} if phases else {})
        | ({"uncertainty": ranges(scenarios, posing)} if scenarios is not None else {}),
        config=posing.config,
        proposals=proposals,
        curve=curve,
        status=_status(posing, summary),
        log=posing.limited.solution.log,
        notes=tuple(plan_notes(posing, customers, dug, points)),
        rejected=posing.layers.rejected,
        examined=posing.findings,
    )


def _status(posing: Posing, summary: dict[str, Any]) -> Status:
    """Return what ended the solve; new access points and spare capacities can leave a gap where the search has none."""
    status, gap = posing.limited.solution.status, summary["gap"]
    if status != "optimal" or (gap is not None and gap < NO_GAP):
        return status
    return ended(summary["cost"]["total"], summary["lower_bound"], posing.config.target_gap)


def _built(posing: Posing) -> tables.Built:
    solution = posing.limited.solution
    left = posing.layers.customers["units"].to_numpy(np.int64) - posing.served_now
    return tables.Built(
        network=posing.network,
        taps=posing.taps,
        prices=posing.prices,
        drops=posing.drops,
        model=posing.config.cost,
        posed=posing.posed,
        solution=solution,
        planned=np.flatnonzero(solution.drop >= 0),
        customer_id=posing.layers.customers["customer_id"].to_numpy(object),
        units=left,
        drop_cost=posing.drop_cost,
        drop_labour=_drop_labour(posing),
        drop_crossed=posing.drop_crossed,
        order=posing.money.order,
        placed=posing.placed,
        phase=posing.money.phase,
    )


def _homes(posing: Posing) -> tuple[int, int]:
    """Return the homes that are connected today, and all."""
    return int(posing.served_now.sum()), int(posing.layers.customers["units"].sum())


def _drop_labour(posing: Posing) -> Floats:
    model = posing.config.cost
    crossing = price_crossings(posing.drop_crossed, model, labour=True)
    return to_cents(labour_of_drops(posing.drops["drop_m"].to_numpy(np.float64), model) + crossing)


def _cost(
    posing: Posing, built: tables.Built, dug: gpd.GeoDataFrame, reused: gpd.GeoDataFrame, equipment: Floats
) -> CostBreakdown:
    _, edge = built.steps
    is_drop = (dug["kind"] == "drop").to_numpy()
    placed = built.placed
    return total_cost(
        posing.config.cost,
        trench=float(dug["cost"][~is_drop].sum()),
        drop=float(dug["cost"][is_drop].sum()),
        reuse=float(reused["cost"].sum()),
        fibre=float(built.fibre[edge].sum() + built.drop_fibre.sum()) + (placed.fibre if placed else 0.0),
        equipment=float(equipment.sum()) + (float(placed.price.sum()) if placed else 0.0),
    )


def _labour(
    built: tables.Built, dug: gpd.GeoDataFrame, reused: gpd.GeoDataFrame, cost: CostBreakdown
) -> dict[str, float]:
    """Return labour and material of all but the overhead; both add up to the rest of the total."""
    model = built.model
    labour = float(dug["labour_cost"].sum() + reused["labour_cost"].sum() + cost.fibre * model.fibre_cost_per_m.labour)
    labour += labour_of_equipment(built.units[built.planned], model) + (built.placed.labour if built.placed else 0.0)
    labour = round(labour, 2)
    return {"labour": labour, "material": round(cost.total - cost.overhead - labour, 2)}


def _customers(
    posing: Posing, built: tables.Built, equipment: Floats, total: float
) -> tuple[gpd.GeoDataFrame, pd.DataFrame]:
    """Return all customers with what the plan does for them, and which changes would win most of the others."""
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
    asked = question(posing, built, outcome, total)
    verdict = coverage.judge(asked)
    table["reason"] = verdict.reason
    _tell_remedies(table, verdict.remedies)
    drop_m = posing.drops["drop_m"].to_numpy(np.float64)
    numbers = {
        "drop_m": built.drops["drop_m"].to_numpy()[built.drop_row],
        "route_m": tables.route_lengths(built),
        "shortest_m": tables.shortest(built, posing.network.length_m, drop_m)[rows],
        "cost_share": tables.shares(built, equipment + built.own, total),
        "marginal_cost": with_overheads(tables.marginal(built, equipment + built.saved), posing.config.cost),
    }
    for name, values in numbers.items():
        column = np.full(size, np.nan)
        column[rows] = values
        table[name] = column
    own = price_equipment(np.maximum(built.units, 0), posing.config.cost)
    whole_drop = posing.drop_cost + price_fibre(drop_m, posing.config.cost)
    alone = tables.shortest(built, built.price + built.prices.fibre, whole_drop) + own
    table["cost_alone"] = with_overheads(np.where(np.isfinite(alone), alone, np.nan), posing.config.cost)
    point = np.full(size, None, object)
    point[rows] = built.point_id
    table["access_point_id"] = point
    rank = np.zeros(size, np.int64)
    rank[rows] = built.rank
    table["build_order"] = pd.Series(rank, table.index, dtype="Int64").mask(rank == 0)
    table["phase"] = built.phase_at(table["build_order"])
    told = gpd.GeoDataFrame(table, geometry="geometry", crs=posing.network.crs)
    return told, coverage.proposals(asked, verdict)


def question(posing: Posing, built: tables.Built, outcome: Texts, total: float) -> coverage.Question:
    """Return what the verdict on the unserved is made from."""
    network = posing.network
    edge, _, homes = built.loads
    through, is_built = np.zeros(len(network.tail), np.int64), np.zeros(len(network.tail), bool)
    through[edge], is_built[edge] = homes, True
    return coverage.Question(
        layers=posing.layers,
        config=posing.config,
        network=network,
        taps=posing.taps,
        prices=posing.prices,
        drops=posing.drops,
        drop_cost=posing.drop_cost,
        edge_price=built.price,
        edge_fibre=built.fibre if posing.placed is None else posing.prices.fibre,
        homes_through=through,
        built=is_built,
        eligible=posing.eligible,
        centre_lines=posing.centre_lines,
        outcome=outcome,
        limit=_limit(posing),
        units=built.units,
        ports_used=built.ports_used,
        ports_kept=_kept(posing, built.units),
        money_left=0.0 if posing.config.budget is None else max(posing.config.budget - total, 0.0),
    )


def _kept(posing: Posing, units: Ints) -> Ints:
    """
    Return the ports of each tap that are for whoever only lacks the money.

    That is where the plan for everybody has them. Where this plan has given those to others, it is whatever other tap
    in reach has most left.
    """
    study = posing.money.study
    whole = study.full
    out = np.flatnonzero(np.isfinite(posing.money.left_out) & (whole.drop >= 0))
    kept = np.zeros(len(posing.taps.node), np.int64)
    if study.kept is None:
        np.add.at(kept, whole.tap[out], units[out])
        return kept
    reach, left = study.kept.reach, ports_left(study.question.problem, posing.limited.solution)
    for c in out[np.argsort(-units[out], kind="stable")].tolist():
        room = np.where(reach.group_taps[reach.group[c]], left - kept, -1)
        own = int(whole.tap[c])
        tap = own if room[own] >= units[c] else int(room.argmax())
        kept[tap] += units[c] * (room[tap] >= units[c])
    return kept


def _limit(posing: Posing) -> Texts:
    """Return what keeps each customer out by the solver: a limit, or only the money."""
    money = np.isfinite(posing.money.left_out)
    limit: Texts = np.where(money, "over_budget", posing.limited.reason)
    return limit


def _tell_remedies(table: gpd.GeoDataFrame, remedies: dict[int, coverage.Remedy]) -> None:
    size = len(table)
    texts = ("code", "unit", "at", "also", "text")
    columns: dict[str, Texts] = {name: np.full(size, None, object) for name in texts}
    value, cost = np.full(size, np.nan), np.full(size, np.nan)
    for row, remedy in remedies.items():
        told = (remedy.code, coverage.REMEDY_UNITS[remedy.code], remedy.at, remedy.also, remedy.text)
        for name, text in zip(texts, told, strict=True):
            columns[name][row] = text or None
        value[row], cost[row] = remedy.value, np.round(remedy.cost, 2)
    for name, values in columns.items():
        table["remedy" if name == "text" else f"remedy_{name}"] = values
    table["remedy_value"], table["remedy_cost"] = value, cost


def _summary(
    posing: Posing, customers: gpd.GeoDataFrame, dug: gpd.GeoDataFrame, cost: CostBreakdown, equipment: float
) -> dict[str, Any]:
    model = posing.config.cost
    locked = float(posing.prices.build[posing.posed.locked].sum())
    bound = posing.limited.solution.lower_bound / MILLI + locked
    lower = below(with_overhead(from_cents(int(np.floor((bound + equipment) * 100 + 1e-6))), model), cost.total)
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
        "bound_covers": BOUND_COVERS if posing.placed is None else BOUND_COVERS_NEW,
        **({} if posing.placed is None else {"new_access_points": posing.placed.counts}),
        **({"aim": posing.money.about} if posing.money.about else {}),
        **_choice(posing, reasons, cost.total),
        "cost_per_unit": round(cost.total / homes, 2) if homes else None,
        "stretch": {
            "median": round(float(stretch.median()), 6) if len(stretch) else None,
            "p95": round(float(stretch.quantile(0.95)), 6) if len(stretch) else None,
            "max": round(float(stretch.max()), 6) if len(stretch) else None,
        },
    }


def _choice(posing: Posing, reasons: pd.Series[int], total: float) -> dict[str, float]:
    """Return how many homes any plan could serve, and for how much, where ports decide who is, and not an aim."""
    money = posing.money
    if "no_free_port" not in reasons or money.about:
        return {}
    known: dict[str, float] = {"most_units": posing.limited.most_units}
    return known if money.least is None else {**known, "least_cost_as_many": below(money.least, total)}


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
