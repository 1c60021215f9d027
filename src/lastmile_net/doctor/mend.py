"""`mend`: what can be mended without asking, into new layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from lastmile_net.config import PlanConfig
from lastmile_net.counts import homes, money
from lastmile_net.doctor.customers import spots_of
from lastmile_net.doctor.examine import Patient, metric_crs, ready
from lastmile_net.doctor.streets import near_misses
from lastmile_net.network.noding import TOUCH_M
from lastmile_net.schema import CUSTOMERS, STREETS

if TYPE_CHECKING:
    from numpy.typing import NDArray

SUMMED = ("units", "units_connected", "revenue")


@dataclass(frozen=True, eq=False)
class Mended:
    """New layers, in the CRS they came in, and a sentence for each thing that was done to them."""

    streets: gpd.GeoDataFrame
    customers: gpd.GeoDataFrame
    done: tuple[str, ...]


def mend(streets: gpd.GeoDataFrame, customers: gpd.GeoDataFrame) -> Mended:
    """
    Snap street ends that stop just short of another street, and merge exact duplicates of customers.

    A snapped end and the street it meets share a vertex afterwards, to the last digit. Customers that
    differ in nothing but their id, not in their homes either, become one, with the sum of their homes and of their
    revenue; the lowest id stays.

    Parameters
    ----------
    streets, customers
        Layers that meet the schema, in any known CRS. None is changed.

    Returns
    -------
    mended
        New layers, and what was done.
    """
    snapped, ends = _snap(streets, customers)
    merged, pairs = _merge(customers)
    return Mended(snapped, merged, (*ends, *pairs))


def _snap(streets: gpd.GeoDataFrame, customers: gpd.GeoDataFrame) -> tuple[gpd.GeoDataFrame, list[str]]:
    if streets.empty:
        return streets.copy(), []
    crs = metric_crs(streets, customers)
    ordered = streets.sort_values(STREETS.key, kind="stable") if STREETS.key in streets else streets
    ordered = ordered[~(ordered.geometry.isna() | ordered.geometry.is_empty)]
    empty = gpd.GeoDataFrame(geometry=[], crs=crs)
    patient = Patient(ready(ordered, STREETS.key, crs), empty, empty, PlanConfig(), crs)
    given, metric = ordered.geometry.to_numpy().copy(), patient.street_lines.copy()
    ids = patient.streets[STREETS.key].to_numpy()
    done = []
    for gap in near_misses(patient):
        away_m = float(shapely.distance(gap.end, metric[gap.other]))
        if away_m <= TOUCH_M:
            continue  # the other end has come to meet this one
        last = bool(shapely.equals(shapely.get_point(metric[gap.street], -1), gap.end))
        place, spot = _make_room(given, metric, gap.other, gap.end)
        given[gap.street] = _move_end(given[gap.street], place, last=last)
        metric[gap.street] = _move_end(metric[gap.street], spot, last=last)
        done.append(f"moved an end of street {ids[gap.street]} by {away_m:.2f} m onto street {ids[gap.other]}")
    result = streets.copy()
    result.loc[ordered.index, result.geometry.name] = gpd.GeoSeries(given, index=ordered.index, crs=streets.crs)
    return result, done


def _make_room(
    given: NDArray[np.object_], metric: NDArray[np.object_], row: int, end: shapely.Point
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give a street a vertex where it is nearest to `end`; return the vertex in both CRS."""
    xy, part = shapely.get_coordinates(shapely.get_parts(metric[row]), return_index=True)
    lonlat = shapely.get_coordinates(given[row])
    along = np.asarray(shapely.linestrings(np.stack([xy[:-1], xy[1:]], axis=1)), dtype=object)
    away_m = np.where(part[1:] == part[:-1], shapely.distance(along, end), np.inf)
    piece = int(away_m.argmin())
    length_m = float(shapely.length(along[piece]))
    at_m = float(shapely.line_locate_point(along[piece], end))
    if at_m <= TOUCH_M:
        return lonlat[piece], xy[piece]
    if at_m >= length_m - TOUCH_M:
        return lonlat[piece + 1], xy[piece + 1]
    share = at_m / length_m
    place = lonlat[piece] + share * (lonlat[piece + 1] - lonlat[piece])
    spot = xy[piece] + share * (xy[piece + 1] - xy[piece])
    given[row] = _with_vertex(lonlat, part, piece, place)
    metric[row] = _with_vertex(xy, part, piece, spot)
    return place, spot


def _with_vertex(
    xy: NDArray[np.float64], part: NDArray[np.int64], piece: int, place: NDArray[np.float64]
) -> shapely.Geometry:
    xy, part = np.insert(xy, piece + 1, place, axis=0), np.insert(part, piece + 1, part[piece])
    lines = np.asarray(shapely.linestrings(xy, indices=part), dtype=object)
    return lines[0] if len(lines) == 1 else shapely.MultiLineString(lines.tolist())


def _move_end(line: shapely.LineString, place: NDArray[np.float64], *, last: bool) -> shapely.LineString:
    xy = shapely.get_coordinates(line)
    xy[-1 if last else 0] = place
    return shapely.LineString(xy)


def _merge(customers: gpd.GeoDataFrame) -> tuple[gpd.GeoDataFrame, list[str]]:
    summed = [name for name in SUMMED if name in customers]
    told = [name for name in customers.columns if name not in (CUSTOMERS.key, customers.geometry.name, *SUMMED)]
    points = (customers.geom_type == "Point").to_numpy() & ~customers.geometry.is_empty.to_numpy()
    if not points.any() or not len(told):
        return customers.copy(), []
    some = customers[points].sort_values(CUSTOMERS.key, kind="stable")
    cells = some[[*told, *summed]].fillna({"units": 1}).astype("string").fillna("")
    same = pd.util.hash_pandas_object(cells, index=False).to_numpy()
    group = pd.Series(pd.factorize(pd.MultiIndex.from_arrays([_spots(some), same]))[0], index=some.index)
    first = group.drop_duplicates()
    result = customers.copy()
    done = []
    for code in group[group.duplicated()].unique():
        rows = group.index[group == code]
        keep = rows[0]
        ids = ", ".join(str(each) for each in customers.loc[rows, CUSTOMERS.key])
        for name in summed:
            value = 1 if name == "units" and pd.isna(customers.loc[keep, name]) else customers.loc[keep, name]
            result.loc[keep, name] = len(rows) * value
        if "units" not in summed:
            result.loc[keep, "units"] = len(rows)
        added = [homes(result.loc[keep, "units"])]
        if "revenue" in summed and pd.notna(result.loc[keep, "revenue"]):
            added.append(f"a revenue of {money(result.loc[keep, 'revenue'])}")
        done.append(f"merged customers {ids} into one, with {' and '.join(added)}")
    if done and "units" not in summed:
        result["units"] = result["units"].fillna(1).astype(int)
    kept = result.index.isin(first.index) | ~points
    return result[kept], done


def _spots(frame: gpd.GeoDataFrame) -> NDArray[np.int64]:
    """Spots of points in their own CRS: an exact duplicate has the same coordinates."""
    scale = 1.0 if frame.crs is not None and frame.crs.is_projected else 1e5
    points = shapely.points(shapely.get_coordinates(frame.geometry.to_numpy()) * scale)
    return spots_of(np.asarray(points, dtype=object))
