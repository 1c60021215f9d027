"""The backbone: roles that fit the geometry, and a start where nothing lies yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from lastmile_net.crs import LONLAT
from lastmile_net.errors import ConfigError, Fault
from lastmile_net.schema import BACKBONE, LINE_ROLES, POINT_ROLES

if TYPE_CHECKING:
    from lastmile_net.read.complaints import Complaints

DEFAULT_LINE_ROLE, DEFAULT_POINT_ROLE = "distribution", "cabinet"
POP_ID = "pop"


def fit_roles(frame: gpd.GeoDataFrame, told: Complaints) -> gpd.GeoDataFrame:
    """
    Give rows without a role the usual one, and refuse roles that do not fit the geometry.

    Parameters
    ----------
    frame
        Backbone with all columns of the schema.
    told
        Takes the faults and notes.
    """
    point = shapely.get_type_id(np.asarray(frame.geometry.to_numpy(), dtype=object)) == 0
    role = frame["role"].to_numpy(dtype=object).copy()
    empty = np.array([each is None for each in role], dtype=bool)
    for rows, usual, kind in ((~point, DEFAULT_LINE_ROLE, "lines"), (point, DEFAULT_POINT_ROLE, "points")):
        if (rows & empty).any():
            role[rows & empty] = usual
            told.note(f"{int((rows & empty).sum())} {kind} without a role are taken for {usual}")
    known = ~np.array([each is None for each in frame["role"]], dtype=bool)
    located = np.asarray(frame.geometry.notna(), dtype=bool)
    for rows, roles, kind in ((~point, LINE_ROLES, "line"), (point, POINT_ROLES, "point")):
        wrong = rows & known & located & ~np.isin(role.astype(str), roles)
        if wrong.any():
            shown = ", ".join(sorted(set(role[wrong])))
            told.fault(f"a {kind} cannot be: {shown}", f"A {kind} is one of: {', '.join(roles)}.", "role", wrong)
    return frame.assign(role=pd.Series(role, index=frame.index, dtype=object))


def pop_point(lonlat: tuple[float, float]) -> gpd.GeoDataFrame:
    """
    Return a backbone of one point of presence, the start of a network where nothing lies yet.

    Parameters
    ----------
    lonlat
        Longitude and latitude in degrees.

    Raises
    ------
    ConfigError
        If that is no place on earth.
    """
    lon, lat = lonlat
    if not (abs(lon) <= 180 and abs(lat) <= 90):
        cure = "Give longitude first, then latitude, in degrees: --pop 11.28,49.51."
        raise ConfigError([Fault(f"{lon},{lat} is no place on earth", cure, "--pop")])
    cells = {column.name: [None] for column in BACKBONE.columns} | {"backbone_id": [POP_ID], "role": ["pop"]}
    frame = pd.DataFrame(cells, dtype=object)
    for column in BACKBONE.columns:
        if column.kind == "number":
            frame[column.name] = np.array([np.nan])
    return gpd.GeoDataFrame(frame, geometry=[shapely.Point(lon, lat)], crs=LONLAT)


def with_pop(backbone: gpd.GeoDataFrame | None, lonlat: tuple[float, float]) -> gpd.GeoDataFrame:
    """
    Add a point of presence to a backbone, in the backbone's CRS.

    Parameters
    ----------
    backbone
        Backbone that meets the schema, or none. It is not changed.
    lonlat
        Longitude and latitude of the point in degrees.
    """
    pop = pop_point(lonlat)
    if backbone is None or not len(backbone):
        return pop
    taken = set(backbone[BACKBONE.key])
    name = next(each for each in (POP_ID, *(f"{POP_ID}-{n}" for n in range(2, len(taken) + 3))) if each not in taken)
    pop = pop.to_crs(backbone.crs).assign(**{BACKBONE.key: name})
    for column in backbone.columns.difference(pop.columns):
        pop[column] = pd.Series([None], dtype=object)
    joined = {
        str(column): pd.Series([*backbone[column], *pop[column]], dtype=backbone[column].dtype)
        for column in backbone.columns
        if column != backbone.geometry.name and not pd.api.types.is_integer_dtype(backbone[column])
    }
    for column in backbone.columns.difference([*joined, backbone.geometry.name]):
        joined[str(column)] = pd.Series([*backbone[column], None], dtype="Int64")
    geometry = np.r_[backbone.geometry.to_numpy(), pop.geometry.to_numpy()]
    frame = gpd.GeoDataFrame(joined, geometry=geometry, crs=backbone.crs)
    columns = [column for column in backbone.columns if column != backbone.geometry.name]
    return frame[[*columns, "geometry"]].sort_values(BACKBONE.key, kind="stable").reset_index(drop=True)
