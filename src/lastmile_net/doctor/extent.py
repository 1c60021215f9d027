"""Places: layers and points that lie where the others do not, and coordinates that are no place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from lastmile_net.counts import agree, counted
from lastmile_net.doctor.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    import geopandas as gpd
    from numpy.typing import NDArray

    from lastmile_net.doctor.examine import Patient

MARGIN_M = 2000.0
"""A point this far outside the other layers' extent does not belong to them (exclusive)."""
_KEYS = {"streets": "street_id", "backbone": "backbone_id", "customers": "customer_id"}


def examine(patient: Patient) -> Iterator[Finding]:
    """Find layers and points that are where they cannot be."""
    layers = {name: frame for name in _KEYS if len(frame := getattr(patient, name))}
    for name, frame in layers.items():
        lonlat = _lonlat(frame)
        nowhere = np.asarray((np.abs(lonlat) < 1e-6).all(axis=1), dtype=bool)
        yield from _null_island(name, frame, nowhere)
        if name != "streets":
            yield from _coarse(name, frame, lonlat, nowhere)
        reference = next((other for other_name, other in layers.items() if other_name != name), None)
        if name != "streets" and reference is not None:
            yield from _outside(name, frame, reference, nowhere)


def _lonlat(frame: gpd.GeoDataFrame) -> NDArray[np.float64]:
    """First place of each row in degrees."""
    points = frame.geometry.representative_point() if (frame.geom_type != "Point").any() else frame.geometry
    return np.asarray(shapely.get_coordinates(points.to_crs("EPSG:4326").to_numpy()), dtype=np.float64)


def _ids(name: str, frame: gpd.GeoDataFrame, rows: NDArray[np.int64]) -> tuple[str, ...]:
    return tuple(frame[_KEYS[name]].to_numpy()[rows].tolist())


def _null_island(name: str, frame: gpd.GeoDataFrame, nowhere: NDArray[np.bool_]) -> Iterator[Finding]:
    rows = np.flatnonzero(nowhere)
    if len(rows):
        yield Finding(
            "null_island",
            name,
            _ids(name, frame, rows),
            f"{counted(len(rows), 'row')} of {name} {agree(len(rows), 'lies', 'lie')} at 0,0",
            "Their coordinates were empty once: look them up, or leave the rows out with --on-bad-rows quarantine.",
            shapely.Point(shapely.get_coordinates(frame.geometry.iloc[rows[0]])[0]),
            len(rows) if name == "customers" else 0,
        )


def _coarse(
    name: str, frame: gpd.GeoDataFrame, lonlat: NDArray[np.float64], nowhere: NDArray[np.bool_]
) -> Iterator[Finding]:
    points = (frame.geom_type == "Point").to_numpy()
    hundredths = lonlat * 100
    rows = np.flatnonzero((np.abs(hundredths - np.round(hundredths)) < 1e-5).all(axis=1) & points & ~nowhere)
    if len(rows):
        yield Finding(
            "coarse_coordinates",
            name,
            _ids(name, frame, rows),
            f"{counted(len(rows), 'row')} of {name} {agree(len(rows), 'has', 'have')} coordinates of two decimals or "
            "fewer: they may be a kilometre off",
            "Take the coordinates from the source again, with six decimals.",
            shapely.MultiPoint(frame.geometry.to_numpy()[rows].tolist()),
            len(rows) if name == "customers" else 0,
        )


def _outside(
    name: str, frame: gpd.GeoDataFrame, reference: gpd.GeoDataFrame, nowhere: NDArray[np.bool_]
) -> Iterator[Finding]:
    # by numbers: the box around a single straight street has no area that could be buffered
    west, south, east, north = reference.total_bounds
    box = shapely.box(west - MARGIN_M, south - MARGIN_M, east + MARGIN_M, north + MARGIN_M)
    inside = shapely.intersects(box, frame.geometry.to_numpy())
    rows = np.flatnonzero(~inside & ~nowhere)
    if not len(rows):
        return
    if not inside.any():
        yield Finding(
            "no_overlap",
            name,
            (),
            f"no row of {name} is within {MARGIN_M / 1000:g} km of the other layers",
            "Check its CRS, and whether longitude and latitude are swapped.",
            shapely.box(*frame.total_bounds),
            len(frame) if name == "customers" else 0,
        )
    else:
        yield Finding(
            "outside_extent",
            name,
            _ids(name, frame, rows),
            f"{counted(len(rows), 'row')} of {name} {agree(len(rows), 'lies', 'lie')} more than {MARGIN_M / 1000:g} km "
            "outside the other layers",
            "Correct their coordinates, or leave them out.",
            shapely.MultiPoint([(each.x, each.y) for each in shapely.centroid(frame.geometry.to_numpy()[rows])]),
            len(rows) if name == "customers" else 0,
        )
