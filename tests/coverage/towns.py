"""Towns one can draw: metres from a corner, streets of asphalt, one customer a home."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
from shapely import LineString, Point, Polygon

CRS = 25832
E0, N0 = 500_000.0, 5_400_000.0


def line(*places: tuple[float, float]) -> LineString:
    """Return a line over places in metres."""
    return LineString([(E0 + x, N0 + y) for x, y in places])


def point(x: float, y: float) -> Point:
    """Return a place in metres."""
    return Point(E0 + x, N0 + y)


def area(west: float, south: float, east: float, north: float) -> gpd.GeoDataFrame:
    """Return a layer of one rectangle."""
    corners = [(west, south), (east, south), (east, north), (west, north)]
    return gpd.GeoDataFrame(geometry=[Polygon([(E0 + x, N0 + y) for x, y in corners])], crs=CRS)


def lines(*ways: LineString, **columns: list[Any]) -> gpd.GeoDataFrame:
    """Return a layer of lines."""
    return gpd.GeoDataFrame(columns, geometry=list(ways), crs=CRS)


def streets(columns: dict[str, list[Any]] | None = None, **ways: LineString) -> gpd.GeoDataFrame:
    """Return ways by name."""
    table = {"street_id": list(ways), "name": list(ways)} | (columns or {})
    return gpd.GeoDataFrame(table, geometry=list(ways.values()), crs=CRS)


def customers(columns: dict[str, list[Any]] | None = None, **places: Point | None) -> gpd.GeoDataFrame:
    """Return customers by id."""
    table = {"customer_id": list(places)} | (columns or {})
    return gpd.GeoDataFrame(table, geometry=list(places.values()), crs=CRS)


def cabinet(x: float = 0, y: float = 0, ports: float = np.nan, loss: float = np.nan) -> gpd.GeoDataFrame:
    """Return a backbone of one cabinet."""
    table = {"backbone_id": ["K"], "role": ["cabinet"], "ports_free": [ports], "loss_db": [loss]}
    return gpd.GeoDataFrame(table, geometry=[point(x, y)], crs=CRS)
