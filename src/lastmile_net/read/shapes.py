"""Geometries as they come, made into those of a layer; ids for rows that have none."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from lastmile_net.counts import agree
from lastmile_net.crs import to_degrees
from lastmile_net.read.complaints import INVALID, NO_LENGTH
from lastmile_net.schema import LINE, POINT, POLYGON

if TYPE_CHECKING:
    import pyproj
    from numpy.typing import NDArray

    from lastmile_net.read.complaints import Complaints
    from lastmile_net.schema import Layer

    Shapes = NDArray[np.object_]
    Mask = NDArray[np.bool_]

BadRows = Literal["error", "quarantine"]
MAX_LON, MAX_LAT = 360.0, 90.0
ANOTHER_ID = "Give each row its own id, or name another column in the mapping."
_LINE_TYPES, _AREA_TYPES, _RING, _COLLECTION = (1, 5), (3, 6), 2, 7


def fit_shapes(frame: gpd.GeoDataFrame, layer: Layer, bad_rows: BadRows, told: Complaints) -> gpd.GeoDataFrame:
    """
    Give a table the geometry types of its layer.

    Heights go; a multi-geometry or collection of one part becomes that part; an area becomes a point
    inside it where the layer wants points. A customer without a usable location stays, with None
    for a geometry; any other such row is left out. With `error` both are faults.

    Parameters
    ----------
    frame
        Table with a geometry.
    layer
        Layer it is to become.
    bad_rows
        What to do with rows that have no usable geometry.
    told
        Takes the faults and notes.
    """
    shapes = shapely.force_2d(np.asarray(frame.geometry.to_numpy(), dtype=object))
    shapes = _unwrap(shapes)
    if POINT[0] in layer.geometry and set(POLYGON) & set(layer.geometry):
        shapes = _points_of_areas(shapes)
    usable = np.ones(len(shapes), dtype=bool)
    said = np.zeros(len(shapes), dtype=bool) if told.spoilt is None else told.spoilt
    for rows, what, cure in _troubles(shapes, layer, frame.crs):
        if (rows & ~said).any():
            told.spoil(what, cure, "geometry", rows & ~said, quarantine=bad_rows == "quarantine")
        told.reject(frame.index, rows, INVALID, f"geometry {what}")
        usable &= ~rows
    shapes[~usable] = None
    short = usable & np.isin(shapely.get_type_id(shapes), _LINE_TYPES) & (shapely.length(shapes) == 0)
    if short.any():
        many = f"{short.sum():,} lines have no length and are left out"
        told.note(agree(short.sum(), "1 line has no length and is left out", many), NO_LENGTH)
        told.reject(frame.index, short, NO_LENGTH, "has no length")
    fitted = frame.set_geometry(gpd.GeoSeries(shapes, index=frame.index, crs=frame.crs))
    keep = (usable & ~short) | (POINT[0] in layer.geometry and not set(LINE) & set(layer.geometry))
    told.names, told.spoilt = told.names[keep], None
    return fitted[keep].reset_index(drop=True)


def _troubles(shapes: Shapes, layer: Layer, crs: pyproj.CRS | None) -> list[tuple[Mask, str, str]]:
    """Rows whose geometry cannot be used, why, and the cure; each row once."""
    empty = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    coordinates, row = shapely.get_coordinates(shapes, return_index=True)
    endless = np.zeros(len(shapes), dtype=bool)
    endless[row[~np.isfinite(coordinates).all(axis=1)]] = True
    kinds = np.array([*layer.geometry, "LinearRing"], dtype=object)
    other = ~empty & ~endless & ~np.isin(_type_names(shapes), kinds)
    beyond = np.zeros(len(shapes), dtype=bool)
    if crs is not None and crs.is_geographic:
        beyond[row[(np.abs(coordinates) > (MAX_LON, MAX_LAT)).any(axis=1)]] = True
        beyond &= ~endless & ~other
    nowhere = np.zeros(len(shapes), dtype=bool)
    if crs is not None and crs.is_projected:
        corners = shapely.bounds(shapes).reshape(-1, 2)
        known = np.isfinite(corners).all(axis=1)
        off = ~np.isfinite(to_degrees(corners[known], crs)).all(axis=1)
        nowhere[np.flatnonzero(known)[off] // 2] = True
        nowhere &= ~endless & ~other
    where = crs.name if crs is not None else ""
    found = ", ".join(sorted(set(_type_names(shapes)[other])))
    wanted = " or ".join(kind for kind in layer.geometry if not kind.startswith("Multi"))
    return [
        (empty & ~endless, "is missing or empty", "Give these rows a location"),
        (endless, "has a coordinate that is not a number", "Correct these rows"),
        (beyond, "is beyond the poles or the date line", "Correct these rows"),
        (nowhere, f"is no place on earth in {where}", "Correct these rows, or the CRS of the layer"),
        (other, f"is {found}, not {wanted}", "Check that this is the right layer, take these rows out"),
    ]


def _type_names(shapes: Shapes) -> Shapes:
    names = np.array([kind.name.title() for kind in shapely.GeometryType], dtype=object)
    proper = {name.casefold(): name for name in (*LINE, *POINT, *POLYGON, "MultiPoint", "GeometryCollection")}
    proper |= {"linearring": "LinearRing", "missing": "nothing"}
    names = np.array([proper[name.casefold()] for name in names], dtype=object)
    return np.asarray(names[shapely.get_type_id(shapes) + 1], dtype=object)


def _unwrap(shapes: Shapes) -> Shapes:
    """Replace points, and collections, of a single part by that part."""
    result = shapes.copy()
    for _ in range(2):  # a collection may hold a multi-point
        single = np.isin(shapely.get_type_id(result), (4, _COLLECTION)) & (shapely.get_num_geometries(result) == 1)
        result[single] = shapely.get_geometry(result[single], 0)
    ring = shapely.get_type_id(result) == _RING
    if ring.any():
        result[ring] = [shapely.LineString(each.coords) for each in result[ring]]
    return result


def _points_of_areas(shapes: Shapes) -> Shapes:
    result = shapes.copy()
    areas = np.isin(shapely.get_type_id(result), _AREA_TYPES) & ~shapely.is_empty(result)
    areas &= np.isfinite(shapely.bounds(result)).all(axis=1)
    flat = result[areas]
    crossed = ~shapely.is_valid(flat)
    flat[crossed] = shapely.make_valid(flat[crossed])
    result[areas] = shapely.point_on_surface(flat)
    return result


def fill_ids(frame: gpd.GeoDataFrame, layer: Layer, told: Complaints) -> gpd.GeoDataFrame:
    """
    Name rows without an id after their geometry, and sort all rows by their ids.

    The name depends on the normalised geometry alone: not on the order of rows, nor on the direction of
    a line. Rows with one geometry are numbered in the order of what else they hold. Ids of streets that
    occur more than once (one way in several pieces) are numbered like that, too; elsewhere they are faults.

    Parameters
    ----------
    frame
        Table with all columns of the layer.
    layer
        Layer it is to become.
    told
        Takes the faults and notes.
    """
    if not layer.key:
        return frame.iloc[np.lexsort((_contents(frame), _marks(frame)))].reset_index(drop=True)
    ids = frame[layer.key].to_numpy(dtype=object).copy()
    missing = np.array([each is None for each in ids], dtype=bool)
    if missing.any():
        ids[missing] = np.array([f"{layer.name[0]}-{mark}" for mark in _marks(frame[missing])], dtype=object)
        many = f"{missing.sum():,} rows without a {layer.key} are named after their geometry"
        told.note(agree(missing.sum(), f"1 row without a {layer.key} is named after its geometry", many))
    again = pd.Series(ids).duplicated(keep=False).to_numpy()
    if layer.name == "streets" and (again & ~missing).any():
        told.note(f"{int((again & ~missing).sum())} rows share their {layer.key} with others: numbered -2, -3, ...")
        missing |= again
    elif (again & ~missing).any():
        twice = again & ~missing
        what, cure = f"{_counted(len(set(ids[twice])))} more than once", ANOTHER_ID
        if _alike(frame[twice], ids[twice]):
            what, cure = f"{what}, in rows that are alike in everything", "Keep one row of each."
        told.fault(what, cure, layer.key, twice)
    ids = _number(ids, again & missing, frame)
    named = frame.assign(**{layer.key: pd.Series(ids, index=frame.index, dtype=object)})
    return named.iloc[np.argsort(ids.astype(str), kind="stable")].reset_index(drop=True)


def _alike(frame: gpd.GeoDataFrame, ids: Shapes) -> bool:
    """Return whether the rows of each id differ in nothing."""
    rows = pd.DataFrame({"id": ids, "cells": _contents(frame), "place": _marks(frame)})
    return len(rows.drop_duplicates()) == rows["id"].nunique()


def _counted(ids: int) -> str:
    return "one id occurs" if ids == 1 else f"{ids} ids occur"


def _marks(frame: gpd.GeoDataFrame) -> Shapes:
    """Short hash of each normalised geometry."""
    shapes = shapely.normalize(np.asarray(frame.geometry.to_numpy(), dtype=object))
    wkb = [each or b"" for each in shapely.to_wkb(shapes, byte_order=1)]
    return np.array([hashlib.sha256(each).hexdigest()[:12] for each in wkb], dtype=object)


def _contents(frame: gpd.GeoDataFrame) -> Shapes:
    """Everything that a row holds, as one text."""
    cells = pd.DataFrame(frame).drop(columns=frame.geometry.name)
    cells = cells[sorted(cells.columns)].astype(object)
    return np.array([repr(tuple(row)) for row in cells.itertuples(index=False, name=None)], dtype=object)


def _number(ids: Shapes, rows: Mask, frame: gpd.GeoDataFrame) -> Shapes:
    """Give the marked rows that share a name numbers from 2 on, in an order that no order of rows changes."""
    numbered, taken = ids.copy(), set(ids.tolist())
    where = np.flatnonzero(rows)
    if not len(where):
        return numbered
    order = where[np.lexsort((_contents(frame.iloc[where]), _marks(frame.iloc[where]), ids[where].astype(str)))]
    last: dict[str, int] = {}
    for row in order:
        number = last.get(ids[row], 0) + 1
        while number > 1 and f"{ids[row]}-{number}" in taken:
            number += 1
        last[ids[row]] = number
        if number > 1:
            numbered[row] = f"{ids[row]}-{number}"
    return numbered
