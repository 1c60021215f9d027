"""Choose the CRS to measure in, project into it, refuse what cannot be measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyproj
import shapely
from pyproj.exceptions import CRSError as UnknownCrs
from pyproj.exceptions import ProjError

from lastmile_net.counts import percent
from lastmile_net.errors import CrsError, Fault

if TYPE_CHECKING:
    from collections.abc import Sequence

    import geopandas as gpd
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LONLAT = pyproj.CRS("EPSG:4326")
MAX_STRETCH = 0.01
"""A CRS whose lengths are further off than this somewhere in the extent is not measured in."""
MAX_UTM_STRETCH = 0.002
"""A UTM zone is taken only while its lengths are nearer to the truth than this; else a CRS of our own."""
OUTLIERS = 0.005
"""Share of rows at each end of each axis that has no say in where a layer lies."""
FAR_DEG = 6.0
"""Degrees that a layer may lie outside the area of use of its CRS (inclusive): a zone beside the own is common."""
UTM_SOUTH, UTM_NORTH = -80.0, 84.0
METRIC_CURE = "Give a projected CRS in metres with --crs, for example the UTM zone, or leave it out to have one chosen."
WIDE_CURE = (
    "Check the CRS of each layer, and whether longitude and latitude are swapped; plan what really is so wide in parts."
)

_WORLD_METHODS = ("mercator", "cylindrical", "plate carr", "equirectangular", "gall", "miller")


def read_crs(text: object, source: str = "") -> pyproj.CRS:
    """
    Read a CRS as somebody wrote it: `EPSG:25832`, `25832`, WKT, PROJ text, or a CRS object.

    Raises
    ------
    CrsError
        If it is no CRS that is known here.
    """
    if isinstance(text, str) and text.strip().isdecimal():
        text = int(text)
    try:
        return pyproj.CRS.from_user_input(text)
    except (UnknownCrs, ProjError, TypeError, ValueError) as error:
        cure = "Give it as EPSG:number, for example EPSG:25832; https://epsg.org lists them."
        raise CrsError([Fault(f"'{text}' is not a known CRS", cure, source=source)]) from error


def require_metric(crs: object) -> pyproj.CRS:
    """
    Return the CRS if one can measure metres in it.

    Parameters
    ----------
    crs
        Anything that `read_crs` understands.

    Returns
    -------
    crs
        The same, as a CRS object.

    Raises
    ------
    CrsError
        If it counts in degrees or feet, or is a map of the whole world such as EPSG:3857, whose
        lengths are 41 to 86 % too long in Europe.

    Examples
    --------
    >>> require_metric("EPSG:25832").name
    'ETRS89 / UTM zone 32N'
    >>> require_metric(3857)
    Traceback (most recent call last):
        ...
    lastmile_net.errors.CrsError: WGS 84 / Pseudo-Mercator is a map of the world: its metres grow towards the poles...
    """
    found = read_crs(crs)
    what = _unfit(found)
    if what:
        raise CrsError([Fault(f"{found.name} {what}", METRIC_CURE)])
    return found


def _unfit(crs: pyproj.CRS) -> str:
    """Say why one cannot measure in a CRS; empty if one can."""
    flat = crs.sub_crs_list[0] if crs.is_compound else crs
    if flat.is_geographic:
        return "counts in degrees, not in metres"
    if not flat.is_projected:
        return "is not a projected CRS"
    units = {axis.unit_name for axis in flat.axis_info}
    if not units <= {"metre", "meter"}:
        return f"counts in {' and '.join(sorted(units))}, not in metres"
    base = flat.source_crs if flat.is_bound else flat
    operation = base.coordinate_operation if base is not None else None
    method = operation.method_name.casefold() if operation is not None else ""
    if any(word in method for word in _WORLD_METHODS) and not any(word in method for word in ("transverse", "oblique")):
        return "is a map of the world: its metres grow towards the poles"
    return ""


def choose_metric_crs(*layers: gpd.GeoDataFrame, given: str | None = None) -> pyproj.CRS:
    """
    Choose one CRS in which all layers can be measured.

    A projected metric CRS that all projected layers share is kept where it fits; else it is the UTM
    zone of the middle of the extent, north or south; else, across several zones and at the poles, an
    equal-area projection around the middle. A few rows far away from all others have no say.

    Parameters
    ----------
    layers
        Layers with a CRS; empty ones have no say.
    given
        CRS to be used whatever the layers are in.

    Returns
    -------
    crs
        Metric CRS whose lengths are within 1 % of the truth in the whole extent.

    Raises
    ------
    CrsError
        If a layer has no CRS, no layer has a place on earth, the given CRS does not fit, or none fits an extent of
        thousands of kilometres.

    Notes
    -----
    O(n). The result depends on the extent, not on the order of rows or layers.
    """
    _require_crs(layers)
    extent = _extent(layers)
    if given is not None:
        crs = require_metric(given)
        _require_fit(crs, extent)
        return crs
    shared = {frame.crs for frame in layers if len(frame) and frame.crs.is_projected}
    if len(shared) == 1:
        crs = pyproj.CRS(shared.pop())
        if not _unfit(crs) and stretch(crs, extent) <= MAX_STRETCH:
            return crs
    if not np.isfinite(extent).all():
        what = "no layer has a row with a place on earth: there is no extent to choose a CRS from"
        raise CrsError([Fault(what, "Check that the coordinates and the CRS of the layers belong together.")])
    zone = utm_zone(extent)
    if zone is not None and stretch(zone, extent) <= MAX_UTM_STRETCH:
        return zone
    crs = _own(extent)
    _require_fit(crs, extent)
    return crs


def utm_zone(extent: Floats) -> pyproj.CRS | None:
    """Return the UTM zone of the middle of an extent in degrees; None near the poles."""
    lon, lat = _middle(extent)
    if not UTM_SOUTH <= lat <= UTM_NORTH:
        return None
    number = min(int((lon + 180) // 6) + 1, 60)
    return pyproj.CRS.from_epsg((32600 if lat >= 0 else 32700) + number)


def stretch(crs: pyproj.CRS, extent: Floats) -> float:
    """
    Return how far lengths in a CRS are from the truth, at worst in an extent: 0.01 is one per cent.

    Parameters
    ----------
    crs
        Projected CRS.
    extent
        West, south, east, north in degrees; east may be beyond 180.
    """
    if not np.isfinite(extent).all():
        return 0.0
    grid = np.meshgrid(np.linspace(extent[0], extent[2], 5), np.linspace(extent[1], extent[3], 5))
    lon, lat = ((grid[0].ravel() + 180) % 360 - 180, grid[1].ravel())
    try:
        factors = pyproj.Proj(crs).get_factors(lon, np.clip(lat, -89.999, 89.999))
    except ProjError:
        return float("inf")
    scales = np.r_[factors.tissot_semimajor, factors.tissot_semiminor]
    return float(np.abs(scales - 1).max()) if np.isfinite(scales).all() else float("inf")


def project(layer: gpd.GeoDataFrame, crs: pyproj.CRS) -> gpd.GeoDataFrame:
    """
    Project a layer into a CRS.

    Parameters
    ----------
    layer
        Layer with a CRS. It is not changed.
    crs
        CRS to project into.

    Returns
    -------
    projected
        A new layer. A geometry with a place that the CRS cannot show is None.

    Raises
    ------
    CrsError
        If the layer has no CRS.
    """
    _require_crs((layer,))
    moved = layer.to_crs(crs)
    shapes = np.asarray(moved.geometry.to_numpy(), dtype=object)
    lost = ~_finite(shapes) & ~shapely.is_missing(shapes) & ~shapely.is_empty(shapes)
    if lost.any():
        shapes = shapes.copy()
        shapes[lost] = None
        moved = moved.set_geometry(shapes, crs=crs)
    return moved


def extent_of(layer: gpd.GeoDataFrame) -> Floats:
    """
    Return west, south, east, north of a layer in degrees, without its outliers.

    East is beyond 180 where the layer lies across the antimeridian; all are NaN where nothing has a place.
    """
    return _extent((layer,))


def to_degrees(places: Floats, crs: pyproj.CRS) -> Floats:
    """Return longitude and latitude of places in a CRS; infinite where the CRS has no such place on earth."""
    if crs == LONLAT or not len(places):
        return places
    return np.column_stack(pyproj.Transformer.from_crs(crs, LONLAT, always_xy=True).transform(*places.T))


def beyond_area_of_use(layer: gpd.GeoDataFrame) -> str:
    """
    Say where a layer lies if that is far outside the area that its CRS is made for; empty if it is not.

    Its middle counts: half of its rows, or more, would have to be wrong to move that.
    """
    crs = pyproj.CRS(layer.crs)
    corners = shapely.bounds(np.asarray(layer.geometry.to_numpy(), dtype=object)).reshape(-1, 2)
    corners = corners[np.isfinite(corners).all(axis=1)]
    if crs.area_of_use is None or not len(corners):
        return ""
    lon, lat = to_degrees(np.median(corners, axis=0)[None], crs)[0]
    west, south, east, north = crs.area_of_use.bounds
    width = east - west if east > west else east - west + 360
    beside = (lon - west + FAR_DEG) % 360 > width + 2 * FAR_DEG
    if not np.isfinite(lon) or (not beside and south - FAR_DEG <= lat <= north + FAR_DEG):
        return ""
    made_for = f"longitude {west:g} to {east:g}, latitude {south:g} to {north:g}"
    return f"it lies at longitude {lon:.1f}, latitude {lat:.1f}, but {crs.name} is made for {made_for}"


def _require_crs(layers: Sequence[gpd.GeoDataFrame]) -> None:
    if any(frame.crs is None for frame in layers):
        raise CrsError([Fault("a layer has no CRS", "Say which one it is in with --crs.")])


def _finite(shapes: NDArray[np.object_]) -> NDArray[np.bool_]:
    return np.asarray(np.isfinite(shapely.bounds(shapes)).all(axis=1), dtype=bool)


def _places(layer: gpd.GeoDataFrame) -> Floats:
    """Corners of the boxes of all rows, in degrees, those on earth and not at 0,0."""
    corners: Floats = shapely.bounds(np.asarray(layer.geometry.to_numpy(), dtype=object)).reshape(-1, 2)
    lon, lat = to_degrees(corners[np.isfinite(corners).all(axis=1)], layer.crs).T
    on_earth = np.isfinite(lon) & np.isfinite(lat) & (np.abs(lon) <= 360) & (np.abs(lat) <= 90)
    somewhere = on_earth & ((np.abs(lon) > 1e-6) | (np.abs(lat) > 1e-6))
    return np.column_stack((lon[somewhere], lat[somewhere]))


def _extent(layers: Sequence[gpd.GeoDataFrame]) -> Floats:
    """Joint west, south, east, north of the layers, each without its outliers."""
    boxes = [_box(places) for frame in layers if len(frame) and len(places := _places(frame))]
    if not boxes:
        return np.full(4, np.nan)
    west, south, east, north = np.array(boxes).T
    start, end = _arc(np.r_[west, east])
    return np.array([start, south.min(), end, north.max()])


def _box(places: Floats) -> Floats:
    south, north = np.quantile(places[:, 1], (OUTLIERS, 1 - OUTLIERS))
    start, end = _arc(places[:, 0])
    spare = (360 - (end - start)) / 2  # what rounding puts just west of the start must not go right round the globe
    turned = (places[:, 0] - start + spare) % 360 - spare
    west, east = start + np.quantile(turned, (OUTLIERS, 1 - OUTLIERS))
    return np.array([west, south, east, north])


def _arc(lon: Floats) -> tuple[float, float]:
    """Shortest arc of the globe that holds all longitudes: where it starts, and where it ends."""
    ring = np.unique(lon % 360)
    gaps = np.diff(np.r_[ring, ring[0] + 360])
    start = float(ring[(int(gaps.argmax()) + 1) % len(ring)])
    length = 360 - float(gaps.max())
    start = start - 360 if start >= 180 else start
    return start, start + length


def _middle(extent: Floats) -> tuple[float, float]:
    lon = ((extent[0] + extent[2]) / 2 + 180) % 360 - 180
    return float(lon), float((extent[1] + extent[3]) / 2)


def _own(extent: Floats) -> pyproj.CRS:
    """Lambert's azimuthal equal-area projection around the middle, to the tenth of a degree."""
    lon, lat = (round(value, 1) for value in _middle(extent))
    text = f"+proj=laea +lat_0={lat} +lon_0={lon} +x_0=0 +y_0=0 +datum=WGS84 +units=m +no_defs +type=crs"
    return pyproj.CRS.from_proj4(text)


def _require_fit(crs: pyproj.CRS, extent: Floats) -> None:
    """Refuse a CRS that was given, or the one of our own, in which lengths are too far off."""
    off = stretch(crs, extent)
    if off <= MAX_STRETCH:
        return
    much, name, where, cure = percent(off) if np.isfinite(off) else "beyond measure", crs.name, "", METRIC_CURE
    if crs == _own(extent):
        west, south, east, north = (f"{value:.1f}" for value in extent)
        where = f", longitude {west} to {east}, latitude {south} to {north}"
        name, cure = "a projection around the middle", WIDE_CURE
    raise CrsError([Fault(f"lengths in {name} are off by {much} where the layers lie{where}", cure)])
