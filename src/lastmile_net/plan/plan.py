"""`plan()`: layers in, the whole chain of stages, a `Plan` out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from lastmile_net import coverage
from lastmile_net.config import PlanConfig, read_config
from lastmile_net.config.optics import longest_route_m
from lastmile_net.cost import (
    price_drop_crossings,
    price_drops,
    price_edges,
    price_fibre,
    to_cents,
)
from lastmile_net.doctor import check
from lastmile_net.errors import DataError
from lastmile_net.network import DropRules, SideRules, attach, both_sides, build_network, find_taps
from lastmile_net.network.network import STREET, components
from lastmile_net.network.tie import usable_lines
from lastmile_net.plan.aim import spend
from lastmile_net.plan.outcome import Posing, assemble
from lastmile_net.plan.pose import MM_PER_M, pose
from lastmile_net.plan.spare import within_spare
from lastmile_net.read.complaints import Note
from lastmile_net.read.layers import Layers, Source, load_layers
from lastmile_net.schema import TAP_LINE_ROLES
from lastmile_net.solve.capacity import Limits, solve_with_limits
from lastmile_net.solve.problem import MILLI

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from lastmile_net.cost import EdgePrices
    from lastmile_net.network import StreetNetwork, Taps
    from lastmile_net.plan.result import Plan
    from lastmile_net.solve.problem import Report

FARTHEST_MM = 10**12


def plan(
    streets: Source,
    backbone: Source | None,
    customers: Source,
    *,
    config: PlanConfig | None = None,
    report: Report | None = None,
    barriers: Source | None = None,
    excluded: Source | None = None,
    rail_water: Source | None = None,
) -> Plan:
    """
    Find who is left unconnected, why, and the cheapest trenches that connect everyone in reach.

    Parameters
    ----------
    streets, backbone, customers
        Files that GDAL reads, or GeoDataFrames; columns as `schema.py` declares them. The backbone may be None
        where the config gives a `pop`.
    config
        All settings; the defaults if not given.
    report
        Called with the solver's progress; returning False stops it with the best plan so far.
    barriers, excluded, rail_water
        What no drop crosses, where nothing is built, and what is crossed at a price: as the other layers, or None.

    Returns
    -------
    plan
        Every customer with its outcome, all that is built, and the proof of how near the cheapest it is.

    Raises
    ------
    DataError
        If the layers cannot be planned on; it lists all problems with rows and cure.
    MissingFileError
        If a file is not there.
    """
    config = config or read_config()
    layers = load_layers(
        streets,
        backbone,
        customers,
        config=config,
        barriers=barriers,
        excluded=excluded,
        rail_water=rail_water,
    )
    return assemble(_solved(_examined(layers, config), config, report))


def _examined(layers: Layers, config: PlanConfig) -> Layers:
    """Let the data doctor look at the layers: errors stop the plan, what else it finds is noted."""
    findings = check(layers.streets, layers.backbone, layers.customers, crs=layers.crs, config=config)
    if findings.errors:
        raise DataError(findings.faults())
    return replace(layers, notes=(*layers.notes, *map(Note, findings.notes())))


def _solved(layers: Layers, config: PlanConfig, report: Report | None) -> Posing:
    now = coverage.units_connected(layers.customers)
    left = layers.customers["units"].to_numpy(np.int64) - now
    wanted = (left > 0) & ~layers.customers["exclude"].to_numpy(bool)
    roles = tuple(role for role in _usable_roles(config))
    network = build_network(
        layers.streets,
        layers.backbone,
        connector_m=config.connector_m,
        usable_roles=roles,
        point_roles=config.tap_roles,
    )
    sides = _sides(layers.streets, config) if config.street_sides == "both" else None
    network = network if sides is None else both_sides(network, sides)
    prices = _prices(network, layers, config)
    taps = find_taps(network, tap=config.tap, tap_roles=config.tap_roles)
    allowed = np.isfinite(prices.build)
    rules = DropRules(config.max_drop_m, config.candidate_drops, config.connector_m, roles, sides)
    network, drops = attach(
        network,
        layers.customers,
        rules=rules,
        allowed=allowed,
        tied=_tied(network, prices, taps),
        wanted=wanted,
        barriers=layers.barriers,
        excluded=layers.excluded,
    )
    prices = _prices(network, layers, config)
    taps = find_taps(network, tap=config.tap, tap_roles=config.tap_roles)
    drop_m = drops["drop_m"].to_numpy(np.float64)
    centre = None if sides is None else layers.streets.geometry.to_numpy()[sides.half_m > 0]
    crossing = price_drop_crossings(drops.geometry.to_numpy(), config.cost, layers.rail_water, centre)
    drop_cost = to_cents(price_drops(drop_m, config.cost) + to_cents(crossing))
    units = np.maximum(left, 1)
    limits = _limits(config, taps)
    posed, limited = within_spare(
        prices,
        lambda prices: pose(
            network, taps, drops, units, prices, drop_cost, drop_fibre=price_fibre(drop_m, config.cost)
        ),
        lambda problem: solve_with_limits(problem, limits, config.solve, report),
    )
    money = spend(
        posed.problem,
        limited,
        None if (prices.capacity >= 0).any() else limits,
        layers.customers,
        left=left,
        locked=round(float(prices.build[prices.locked].sum()) * MILLI),
        config=config,
        report=report,
    )
    eligible = np.isfinite(prices.build) & ((network.kind == STREET) | usable_lines(network, roles))
    return Posing(
        layers=layers,
        config=config,
        network=network,
        taps=taps,
        prices=prices,
        drops=drops,
        drop_cost=drop_cost,
        drop_crossing=to_cents(crossing),
        posed=posed,
        money=money,
        served_now=now,
        eligible=eligible,
        centre_lines=centre,
    )


def _sides(streets: gpd.GeoDataFrame, config: PlanConfig) -> SideRules:
    """Return widths of streets by their class; what is underground or unknown to the table has the default."""
    highway = (
        streets["highway"].astype(object).where(streets["highway"].notna(), "").astype(str).str.strip().str.lower()
    )
    highway = highway.str.removesuffix("_link")
    width = highway.map(config.street_width_m).fillna(config.street_width_otherwise_m).to_numpy(np.float64)
    return SideRules(half_m=width / 2, wide=highway.isin(config.wide_streets).to_numpy(bool))


def _prices(network: StreetNetwork, layers: Layers, config: PlanConfig) -> EdgePrices:
    return price_edges(
        network, config.cost, rail_water=layers.rail_water, excluded=layers.excluded, barriers=layers.barriers
    )


def _usable_roles(config: PlanConfig) -> tuple[str, ...]:
    """Return the roles of lines that new customers can use: those with a price, and those that are tapped."""
    reuse = config.cost.reuse_cost_per_m
    priced = [role for role in type(reuse).model_fields if getattr(reuse, role) is not None]
    tapped = [role for role in TAP_LINE_ROLES if role in config.tap_roles and config.tap != "points"]
    return tuple(dict.fromkeys(priced + tapped))


def _tied(network: StreetNetwork, prices: EdgePrices, taps: Taps) -> NDArray[np.bool_]:
    """Return which edges hang together with a tap over what may be used."""
    usable = np.isfinite(prices.build)
    part = components(len(network.x), network.tail[usable], network.head[usable])
    tied: NDArray[np.bool_] = np.isin(part, part[taps.node])[network.tail]
    return tied


def _limits(config: PlanConfig, taps: Taps) -> Limits:
    route = None if config.max_route_m is None else int(np.floor(config.max_route_m * MM_PER_M + 0.5))
    if config.optical is None:
        return Limits(max_route_mm=route, max_stretch=config.max_stretch)
    metres = longest_route_m(config.optical, taps.loss_db) - taps.back_m
    longest = np.where(np.isfinite(metres), metres * MM_PER_M, FARTHEST_MM)
    unknown = np.isnan(taps.loss_db)
    return Limits(
        max_route_mm=route,
        max_stretch=config.max_stretch,
        tap_route_mm=np.floor(np.nan_to_num(longest, nan=-1.0) + 1e-6).astype(np.int64),
        tap_unknown=unknown & (config.optical.unknown != "ignore"),
    )
