"""`plan()`: layers in, the whole chain of stages, a `Plan` out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from lastmile_net import coverage
from lastmile_net.config import PlanConfig, read_config
from lastmile_net.config.optics import longest_route_m
from lastmile_net.doctor import check
from lastmile_net.errors import ConfigError, DataError, Fault
from lastmile_net.plan.aim import aim_of, spend, spend_within_spare
from lastmile_net.plan.ground import lay_ground
from lastmile_net.plan.outcome import Posing, assemble
from lastmile_net.plan.placed import solve_posed
from lastmile_net.plan.pose import pose
from lastmile_net.read.complaints import Note
from lastmile_net.read.layers import Layers, Source, load_layers
from lastmile_net.solve.capacity import Limits
from lastmile_net.solve.problem import MILLI, MM_PER_M

if TYPE_CHECKING:
    from lastmile_net.doctor import Findings
    from lastmile_net.network import Taps
    from lastmile_net.plan.aim import Money
    from lastmile_net.plan.result import Plan
    from lastmile_net.plan.spare import Answer
    from lastmile_net.solve.budget import Study
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
        Files that GDAL reads, GeoDataFrames, or DataFrames with columns of coordinates; columns as `schema.py`
        declares them. The backbone may be None where the config gives a `pop`.
    config
        All settings, as `read_config` makes them; the defaults if not given.
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
    ConfigError
        If the config is none.
    """
    config = read_config() if config is None else config
    if not isinstance(config, PlanConfig):
        cure = "Make it with read_config(max_drop_m=80), or read_config('lastmile.toml')."
        raise ConfigError([Fault(f"is no PlanConfig, but a {type(config).__name__}", cure, setting="config")])
    layers = load_layers(
        streets,
        backbone,
        customers,
        config=config,
        barriers=barriers,
        excluded=excluded,
        rail_water=rail_water,
    )
    return assemble(_solved(*_examined(layers, config), config, report))


def _examined(layers: Layers, config: PlanConfig) -> tuple[Layers, Findings]:
    """Let the data doctor look at the layers: errors stop the plan, what else it finds is noted."""
    findings = check(layers.streets, layers.backbone, layers.customers, crs=layers.crs, config=config)
    if findings.errors:
        raise DataError(findings.faults())
    return replace(layers, notes=(*layers.notes, *map(Note, findings.notes()))), findings


def _solved(layers: Layers, findings: Findings, config: PlanConfig, report: Report | None) -> Posing:
    now = coverage.units_connected(layers.customers)
    left = layers.customers["units"].to_numpy(np.int64) - now
    wanted = (left > 0) & ~layers.customers["exclude"].to_numpy(bool)
    ground = lay_ground(layers, config, wanted)
    limits = _limits(config, ground.taps)
    must = wanted & layers.customers["include"].to_numpy(bool)
    spared, placed = solve_posed(
        lambda prices: pose(
            ground.network,
            ground.taps,
            ground.drops,
            np.maximum(left, 1),
            prices,
            ground.drop_cost,
            drop_fibre=ground.drop_fibre,
            must=must,
        ),
        ground.prices,
        ground.network,
        limits,
        config,
        report,
    )

    def spent(answer: Answer, within: Limits | None, wider: Study | None) -> Money:
        return spend(
            answer,
            within,
            layers.customers,
            wider=wider,
            left=left,
            locked=round(float(ground.prices.build[ground.prices.locked].sum()) * MILLI),
            config=config,
            report=report,
        )

    has_aim = aim_of(config) is not None
    posed, money = spend_within_spare(spared, spent, limits, sure=placed is None, several=has_aim)
    return Posing(
        layers=layers,
        findings=findings,
        config=config,
        network=ground.network,
        taps=ground.taps,
        prices=ground.prices,
        drops=ground.drops,
        drop_cost=ground.drop_cost,
        drop_crossed=ground.drop_crossed,
        posed=posed,
        money=money,
        placed=placed,
        served_now=now,
        eligible=ground.eligible,
        centre_lines=ground.centre_lines,
    )


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
