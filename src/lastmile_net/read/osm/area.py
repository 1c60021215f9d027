"""The area of which OpenStreetMap is asked: a box, or polygons, in degrees."""

from __future__ import annotations

import geopandas as gpd
import shapely

from lastmile_net.errors import ConfigError, CrsError, DataError, Fault

BBox = tuple[float, float, float, float]
Area = shapely.Polygon | shapely.MultiPolygon


def asked_area(bbox: BBox | None, polygon: Area | gpd.GeoDataFrame | None) -> Area:
    """
    Return the area that is asked for, in degrees.

    Raises
    ------
    ConfigError, CrsError, DataError
        If the box is none, or there are no polygons in it, or they have no CRS.
    """
    if bbox is not None:
        return _box(bbox)
    if isinstance(polygon, gpd.GeoDataFrame):
        if polygon.crs is None:
            raise CrsError([Fault("the polygons have no CRS", "Say which one they are in.", source="polygon")])
        polygon = polygon.to_crs("EPSG:4326").union_all()
    return polygonal(polygon)


def polygonal(geometry: shapely.Geometry | None) -> Area:
    """Return the polygons of a geometry, which must be in degrees."""
    valid = shapely.make_valid(geometry if geometry is not None else shapely.Polygon())
    polygons = [part for part in shapely.get_parts(valid).tolist() if isinstance(part, Area)]
    area = shapely.union_all(polygons)
    west, south, east, north = area.bounds
    if not isinstance(area, Area) or not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
        what = "there is no polygon in degrees of longitude and latitude"
        raise DataError([Fault(what, "Give polygons with their CRS.", source="polygon")])
    return area


def _box(bbox: BBox) -> Area:
    west, south, east, north = bbox
    if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
        what = f"{bbox} is no box: west < east within 180, south < north within 90 are needed"
        raise ConfigError([Fault(what, "Give west, south, east, north in degrees.", source="bbox")])
    return shapely.box(west, south, east, north)
