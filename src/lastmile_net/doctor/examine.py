"""`check`: all examinations of one set of layers, in one metric CRS."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from lastmile_net import schema
from lastmile_net.config import PlanConfig
from lastmile_net.counts import counted
from lastmile_net.crs import beyond_area_of_use, choose_metric_crs
from lastmile_net.doctor import backbone as backbone_findings
from lastmile_net.doctor import customers as customer_findings
from lastmile_net.doctor import extent as extent_findings
from lastmile_net.doctor import ports as port_findings
from lastmile_net.doctor import streets as street_findings
from lastmile_net.doctor.findings import Finding, Findings, in_order
from lastmile_net.doctor.ties import tie
from lastmile_net.errors import CrsError, Fault
from lastmile_net.network.candidates import longest_drop_m
from lastmile_net.network.noding import joints, levels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from lastmile_net.doctor.ties import Ties
    from lastmile_net.network.noding import Joints
    from lastmile_net.read.layers import Layers

AREAS_SHOWN = 20
"""Areas that a cure names."""
CURES = {
    "not_read": "Nothing, if they are no columns of the layer by another name; else name them in its [mapping].",
    "read_as": "Nothing, if that is what you meant.",
    "crs_guessed": "Let the file say its CRS, or give it with --crs.",
    "beyond_crs": "Correct the CRS that the file says, or its coordinates: a digit may be too many.",
}
"""What to do about what reading notes."""


@dataclass(frozen=True, eq=False)
class Patient:
    """The layers under examination, in one metric CRS, without rows that have no geometry."""

    streets: gpd.GeoDataFrame
    backbone: gpd.GeoDataFrame
    customers: gpd.GeoDataFrame
    config: PlanConfig
    crs: pyproj.CRS

    @cached_property
    def street_lines(self) -> NDArray[np.object_]:
        """Geometries of the streets."""
        return np.asarray(self.streets.geometry.to_numpy(), dtype=object)

    @cached_property
    def street_tree(self) -> shapely.STRtree:
        """Index of the streets."""
        return shapely.STRtree(self.street_lines)

    @cached_property
    def points(self) -> NDArray[np.object_]:
        """Points of the customers."""
        return np.asarray(self.customers.geometry.to_numpy(), dtype=object)

    @cached_property
    def customer_ids(self) -> NDArray[np.object_]:
        """Ids of the customers."""
        return np.asarray(self.customers[schema.CUSTOMERS.key], dtype=object)

    @property
    def reach_m(self) -> float:
        """How far to look for a street."""
        return longest_drop_m(self.config.max_drop_m)

    @cached_property
    def level(self) -> NDArray[np.int64]:
        """Code of each street's level: streets on different ones do not meet where they cross."""
        return levels(self.streets)

    @cached_property
    def joints(self) -> Joints:
        """How the streets hang together: as a plan joins them."""
        return joints(self.streets)

    @cached_property
    def ties(self) -> Ties:
        """What hangs together with a place where one may connect."""
        return tie(self)

    @property
    def component(self) -> NDArray[np.int64]:
        """Label of the connected component of each street."""
        return self.joints.component


def check(
    streets: gpd.GeoDataFrame,
    backbone: gpd.GeoDataFrame,
    customers: gpd.GeoDataFrame,
    *,
    crs: pyproj.CRS | None = None,
    config: PlanConfig | None = None,
) -> Findings:
    """
    Examine three layers, each by itself and against the others.

    Parameters
    ----------
    streets, backbone, customers
        Layers that meet the schema, in any known CRS. None is changed.
    crs
        Metric CRS to examine them in; chosen from their extent if not given.
    config
        Settings of the plan: the longest drop, the reach of connectors, the roles of taps.

    Returns
    -------
    findings
        Worst first; the same for any order of rows.

    Raises
    ------
    CrsError
        If a layer has no CRS.

    Notes
    -----
    O((n + m) log m) with R-trees over m streets for n customers.
    """
    config = config or PlanConfig()
    layers = {"streets": streets, "backbone": backbone, "customers": customers}
    faults = [
        Fault("has no CRS", "Say which one it is in.", name) for name, frame in layers.items() if frame.crs is None
    ]
    if faults:
        raise CrsError(faults)
    crs = metric_crs(streets, customers) if crs is None else crs
    patient = Patient(
        ready(streets, schema.STREETS.key, crs),
        ready(backbone, schema.BACKBONE.key, crs),
        ready(customers, schema.CUSTOMERS.key, crs),
        config,
        crs,
    )
    examinations = (extent_findings, street_findings, customer_findings, backbone_findings, port_findings)
    found = [each for room in examinations for each in room.examine(patient)]
    return Findings(in_order([*_beyond_crs(layers), *_unknown_areas(customers, config), *found]), crs)


def check_layers(layers: Layers, config: PlanConfig | None = None) -> Findings:
    """
    Examine the layers of a plan: what `check` finds, and what reading them had to guess or to reject.

    Parameters
    ----------
    layers
        Layers as they were read.
    config
        Settings of the plan.

    Returns
    -------
    findings
        Worst first.
    """
    found = check(layers.streets, layers.backbone, layers.customers, crs=layers.crs, config=config)
    return Findings(in_order([*found, *_rejected(layers), *_noted(layers)]), found.crs)


def _beyond_crs(layers: dict[str, gpd.GeoDataFrame]) -> Iterator[Finding]:
    for name, frame in layers.items():
        if where := beyond_area_of_use(frame):
            yield Finding("beyond_crs", name, (), f"{name}: {where}", CURES["beyond_crs"])


def _unknown_areas(customers: gpd.GeoDataFrame, config: PlanConfig) -> Iterator[Finding]:
    """Tell areas that are phases, and in which nobody lies; customers without a place count, too."""
    wanted = config.phases.areas if config.phases is not None else ()
    known = sorted(customers["area_id"].dropna().astype(str).unique()) if "area_id" in customers else []
    cure = f"Areas are {', '.join(known[:AREAS_SHOWN])}." if known else "Nobody has an `area_id`: name its column."
    for area in wanted:
        if area not in known:
            yield Finding("no_such_area", "customers", (), f"no customer lies in '{area}' ([phases] areas)", cure)


def _rejected(layers: Layers) -> Iterator[Finding]:
    for name, table in layers.rejected.items():
        for (code, reason), rows in table.groupby(["code", "reason"], sort=True):
            shapes = []
            if isinstance(rows, gpd.GeoDataFrame) and rows.crs is not None:
                shapes = rows.to_crs(layers.crs).geometry.dropna().tolist()
            yield Finding(
                str(code),
                name,
                tuple(sorted(rows["row"])),
                f"{counted(len(rows), 'row')} of {name}: {reason}",
                "Correct them at their source; with --on-bad-rows quarantine they stay out of the plan, and are told.",
                shapely.GeometryCollection(shapes) if shapes else None,
                len(rows) if name == "customers" else 0,
            )


def _noted(layers: Layers) -> Iterator[Finding]:
    """Tell what reading has noted, but for the rejected rows, which have findings of their own."""
    for note in layers.notes:
        if note.code in CURES:
            yield Finding(note.code, "", (), str(note), CURES[note.code])


def metric_crs(streets: gpd.GeoDataFrame, customers: gpd.GeoDataFrame) -> pyproj.CRS:
    """Choose the CRS to measure in; layers without any place are not measured, and keep theirs."""
    if not any(np.isfinite(frame.total_bounds).all() for frame in (streets, customers)):
        return pyproj.CRS(streets.crs)
    return choose_metric_crs(streets, customers)


def ready(frame: gpd.GeoDataFrame, key: str, crs: pyproj.CRS) -> gpd.GeoDataFrame:
    """Project a layer and sort it by its ids, without rows that have no geometry; customers become points."""
    frame = frame[~(frame.geometry.isna() | frame.geometry.is_empty)]
    frame = frame.to_crs(crs)
    ids = frame[key] if key in frame else pd.Series(np.arange(1, len(frame) + 1), index=frame.index)
    frame = frame.assign(**{key: ids.astype(str)}).sort_values(key, kind="stable").reset_index(drop=True)
    areas = frame.geom_type.isin(("Polygon", "MultiPolygon"))
    if key == schema.CUSTOMERS.key and areas.any():
        frame = frame.set_geometry(frame.geometry.where(~areas, frame.representative_point()))
    return frame
