"""The backbone: ports that cannot be, and lines and points that lie on no street."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from lastmile_net.counts import counted
from lastmile_net.crs import LONLAT
from lastmile_net.doctor.findings import Finding
from lastmile_net.doctor.ties import tap_points
from lastmile_net.network.tie import is_line, point_reach_m

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from lastmile_net.doctor.examine import Patient

OFF_SHARE = 0.05
"""A line may leave the streets for this share of its length before it is told (inclusive)."""


def examine(patient: Patient) -> Iterator[Finding]:
    """Find what is wrong with the backbone."""
    if not len(patient.backbone):
        return
    yield from _negative(patient)
    yield from _taps(patient)
    if len(patient.streets):
        yield from _off_street(patient)
        yield from _pop_off_street(patient)


def _negative(patient: Patient) -> Iterator[Finding]:
    ids, shapes = patient.backbone["backbone_id"].to_numpy(), patient.backbone.geometry.to_numpy()
    for name in ("ports_free", "units_free", "loss_db"):
        if name not in patient.backbone:
            continue
        values = pd.to_numeric(patient.backbone[name], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
        for row in np.flatnonzero(values < 0):
            yield Finding(
                "ports_negative",
                "backbone",
                (str(ids[row]),),
                f"{name} of {ids[row]} is {values[row]:g}",
                "Give 0 where nothing is free, or leave it empty where it is not known.",
                shapes[row],
            )


def _taps(patient: Patient) -> Iterator[Finding]:
    """Tell where there is no access point, or none that says how many ports are free."""
    points = patient.backbone[tap_points(patient.backbone, patient.config.tap_roles)]
    if not len(points) and patient.config.tap == "auto":
        what = "there is no point where one may connect, only lines: everybody connects anywhere along them"
        cure = "Name the layer of cabinets, too, if there is one, as in --backbone FOLDER:lines,cabinets."
        yield Finding("no_access_point", "backbone", (), what, cure)
    is_start = len(points) == 1 and patient.config.pop is not None
    if len(points) and not is_start and ("ports_free" not in points or points["ports_free"].isna().all()):
        what = f"{counted(len(points), 'access point')}, and not one with `ports_free`: no limit of ports is kept"
        cure = 'Name the column that tells it: [mapping.backbone] ports_free = "YOUR_COLUMN".'
        yield Finding("ports_unknown", "backbone", (), what, cure)


def _off_street(patient: Patient) -> Iterator[Finding]:
    ids, shapes = patient.backbone["backbone_id"].to_numpy(), patient.backbone.geometry.to_numpy()
    point = ~is_line(patient.backbone)
    reach_m = np.where(point, point_reach_m(patient.config.connector_m), patient.config.connector_m)
    dense = shapely.segmentize(shapes, np.maximum(reach_m, 1.0))
    xy, row = shapely.get_coordinates(dense, return_index=True)
    near = np.zeros(len(xy), bool)
    near[patient.street_tree.query(shapely.points(xy), predicate="dwithin", distance=reach_m[row])[0]] = True
    near |= (point & _on_lines(patient, shapes))[row]
    share = np.bincount(row[~near], minlength=len(shapes)) / np.maximum(np.bincount(row, minlength=len(shapes)), 1)
    for each in np.flatnonzero(share > OFF_SHARE):
        off_m = float(share[each] * shapely.length(shapes[each]))
        what = f"for about {off_m:,.0f} m" if off_m else "at all"
        yield Finding(
            "off_street",
            "backbone",
            (str(ids[each]),),
            f"{ids[each]} is not within {reach_m[each]:g} m of any street {what}",
            "Add the street it follows, or raise connector_m; no street leads to it there.",
            shapes[each],
            0,
            off_m,
        )


def _pop_off_street(patient: Patient) -> Iterator[Finding]:
    """Tell a place of --pop from which neither a street nor an existing line can be reached."""
    if patient.config.pop is None:
        return
    lon, lat = patient.config.pop
    place = gpd.GeoSeries([shapely.Point(lon, lat)], crs=LONLAT).to_crs(patient.crs).iloc[0]
    away_m = float(shapely.distance(place, patient.street_lines).min())
    reach_m = point_reach_m(patient.config.connector_m)
    if away_m > reach_m and not _on_lines(patient, np.array([place])).any():
        yield Finding(
            "pop_off_street",
            "backbone",
            (),
            f"--pop {lon:g},{lat:g} is {away_m:,.0f} m from the nearest street; it may be {reach_m:g} m",
            "Give longitude first, then latitude: swap them if they stand the other way round, else correct the place.",
            place,
        )


def _on_lines(patient: Patient, shapes: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Return which points are tied to a line that new customers can use."""
    lines = shapely.STRtree(patient.backbone.geometry.to_numpy()[patient.ties.usable])
    near = lines.query(shapes, predicate="dwithin", distance=patient.config.connector_m)[0]
    return np.isin(np.arange(len(shapes)), near)
