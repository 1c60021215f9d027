"""Layers straight from OpenStreetMap's servers, through osmnx and its cache."""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import osmnx
import requests
import shapely
from osmnx._errors import InsufficientResponseError, ResponseStatusCodeError

from lastmile_net.errors import ConfigError, DataError, Fault
from lastmile_net.read.osm.area import asked_area, polygonal
from lastmile_net.read.osm.columns import Pool, Tags
from lastmile_net.read.osm.layers import KEPT, Customers, Found, OsmLayers, assemble, matters
from lastmile_net.read.osm.outlines import Shapes
from lastmile_net.read.osm.tags import is_line, is_street, query_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import geopandas as gpd
    from numpy.typing import NDArray

    from lastmile_net.read.osm.area import Area, BBox

T = TypeVar("T")

_log = logging.getLogger(__name__)
_BUSY = {
    429: "has had too many requests from here",
    500: "has failed",
    502: "cannot be reached behind its gateway",
    503: "is out of service for now",
    504: "is too busy",
}
_ELSEWHERE = (
    "Wait some minutes, ask for a smaller area or another server (overpass_url), "
    "or download an extract and read it with --pbf."
)


@dataclass(frozen=True)
class Retry:
    """How often a busy server is asked again, and how long one waits: the pause doubles each time, up to a cap."""

    attempts: int = 5
    pause_s: float = 5.0
    longest_s: float = 120.0

    def pause(self, attempt: int, asked_for_s: float) -> float:
        """Seconds to wait after this attempt (from 1); at least what the server asks for, within the cap."""
        doubled_s: float = self.pause_s * 2.0 ** (attempt - 1)
        return min(self.longest_s, max(doubled_s, asked_for_s))


class _BusyError(Exception):
    """The server may do better later."""

    def __init__(self, why: str, asked_for_s: float = 0.0) -> None:
        super().__init__(why)
        self.asked_for_s = asked_for_s


class _RefusedError(Exception):
    """The server will say the same again."""


def layers_from_osmnx(
    *,
    place: str | None = None,
    bbox: BBox | None = None,
    polygon: Area | gpd.GeoDataFrame | None = None,
    customers: Customers = "addresses",
    retry: Retry | None = None,
    overpass_url: str | None = None,
    cache_folder: str | Path | None = None,
) -> OsmLayers:
    """
    Make planning layers from OpenStreetMap as it is now.

    Every street is kept, whatever component it belongs to and whoever may use it: gap customers live
    on service roads, tracks and private ways.

    Parameters
    ----------
    place
        Name that the geocoder knows as an area.
    bbox
        West, south, east, north, in degrees.
    polygon
        Area in EPSG:4326, or a layer of polygons in any CRS.
    customers
        What stands for a customer: an address, a residential building, or both.
    retry
        How to meet a busy server.
    overpass_url, cache_folder
        Instead of those in `osmnx.settings`.

    Raises
    ------
    ConfigError
        If not exactly one of `place`, `bbox` and `polygon` is given, or the box is none.
    CrsError
        If the polygons have no CRS.
    DataError
        If the place is not known as an area, or the server stays busy or cannot be reached.
    """
    if sum(each is not None for each in (place, bbox, polygon)) != 1:
        raise ConfigError([Fault("the area is not clear", "Give one of a place, a bbox and a polygon.")])
    retry, judge = retry or Retry(), _Judge()
    with _settings(judge, overpass_url, cache_folder):
        area = _geocode(place, retry, judge) if place is not None else asked_area(bbox, polygon)
        try:
            features = _ask(lambda: osmnx.features_from_polygon(area, query_for(customers)), retry, judge)
        except InsufficientResponseError:
            return assemble(Found(notes=["OpenStreetMap holds nothing of interest in this area"]), customers)
    return assemble(_found(features, customers), customers)


@contextmanager
def _settings(judge: _Judge, overpass_url: str | None, cache_folder: str | Path | None) -> Iterator[None]:
    """
    Lay our settings over osmnx's, and put the old ones back.

    The cache is on, so that a second try asks only for what is missing. osmnx's own rate limiter is off: it
    waits a minute for a server that is not there; a server without a free slot says so itself.
    """
    names = ("overpass_url", "cache_folder", "requests_kwargs", "use_cache", "overpass_rate_limit")
    old = {name: getattr(osmnx.settings, name) for name in names}
    hooks = dict(old["requests_kwargs"].get("hooks") or {})
    theirs = hooks.get("response") or []
    hooks["response"] = [judge, *(theirs if isinstance(theirs, (list, tuple)) else [theirs])]
    try:
        osmnx.settings.requests_kwargs = {**old["requests_kwargs"], "hooks": hooks}
        osmnx.settings.overpass_url = overpass_url or old["overpass_url"]
        osmnx.settings.cache_folder = cache_folder or old["cache_folder"]
        osmnx.settings.use_cache, osmnx.settings.overpass_rate_limit = True, False
        yield
    finally:
        for name, value in old.items():
            setattr(osmnx.settings, name, value)


class _Judge:
    """Stops a bad answer before osmnx sees it: it would wait and ask for ever, or take half an answer for all."""

    def __init__(self) -> None:
        self.answered = 0

    def __call__(self, response: requests.Response, *_: object, **__: object) -> None:
        host = str(response.url).split("/")[2]
        if response.status_code in _BUSY:
            asked = response.headers.get("Retry-After", "")
            why = f"{host} {_BUSY[response.status_code]} (it answered {response.status_code})"
            raise _BusyError(why, float(asked) if asked.isdecimal() else 0.0)
        if not response.ok:
            why = f"{host} refused the request (it answered {response.status_code} {response.reason})"
            raise _RefusedError(why)
        try:
            answer = response.json()
        except requests.exceptions.JSONDecodeError as error:
            why = f"{host} did not answer in JSON"
            raise _BusyError(why) from error
        remark = str(answer.get("remark", "")) if isinstance(answer, dict) else ""
        if "error" in remark.casefold():
            why = f"{host} gave up halfway ({remark})"
            raise _BusyError(why)
        self.answered += 1


def _ask(question: Callable[[], T], retry: Retry, judge: _Judge) -> T:
    """Ask until there is an answer, or `retry.attempts` times without any progress."""
    attempt = 1
    while True:
        before = judge.answered
        try:
            return question()
        except _BusyError as error:
            why, asked_for_s = str(error), error.asked_for_s
        except requests.exceptions.Timeout:
            why, asked_for_s = f"no answer within {osmnx.settings.requests_timeout} s", 0.0
        except (requests.exceptions.ConnectionError, requests.exceptions.ChunkedEncodingError) as error:
            if not _was_cut(error):
                raise _unreachable(error) from error
            why, asked_for_s = "the connection was cut", 0.0
        except (_RefusedError, ResponseStatusCodeError) as error:
            raise DataError([Fault(str(error), _ELSEWHERE)]) from error
        attempt = 1 if judge.answered > before else attempt
        if attempt >= retry.attempts:
            raise DataError([Fault(f"{why}; asked {attempt} times", _ELSEWHERE)])
        pause_s = retry.pause(attempt, asked_for_s)
        _log.warning("%s; asking again in %g s (%d of %d)", why, pause_s, attempt, retry.attempts)
        time.sleep(pause_s)
        attempt += 1


def _was_cut(error: Exception) -> bool:
    """Whether a connection stood and broke, so that it may stand again."""
    return isinstance(error, requests.exceptions.ChunkedEncodingError) or "Connection aborted" in str(error)


def _unreachable(error: Exception) -> DataError:
    what = f"the server cannot be reached: {error}"
    return DataError([Fault(what, "Check the network and the server's address, or read an extract with --pbf.")])


def _geocode(place: str, retry: Retry, judge: _Judge) -> Area:
    try:
        return polygonal(_ask(lambda: osmnx.geocode_to_gdf(place), retry, judge).union_all())
    except (InsufficientResponseError, TypeError) as error:
        what = f"OpenStreetMap knows no area by the name of '{place}'"
        raise DataError([Fault(what, "Spell it as openstreetmap.org finds it, or give a bbox.", "place")]) from error


def _found(features: gpd.GeoDataFrame, customers: Customers) -> Found:
    """Return what the server gave as if it had been read from an extract; what lies on a seam comes twice."""
    features = features[~features.index.duplicated()]
    pool = Pool()
    columns = {}
    for name in [name for name in features.columns if name in KEPT]:
        cells = features[name].astype(object).where(features[name].notna(), "")
        columns[name] = np.array([pool.code(str(cell)) for cell in cells.tolist()], np.int32)
    tags = Tags(len(features), columns, pool)
    kind = np.array([str(element)[0] for element in features.index.get_level_values(0)], "U1")
    number = features.index.get_level_values(1).to_numpy(np.int64)
    keep = np.flatnonzero(matters(kind, tags, customers))
    geometry = np.asarray(features.geometry.to_numpy()[keep], dtype=object)
    return Found(kind[keep], number[keep], tags.take(keep), Shapes.of(_closed(geometry, tags.take(keep))))


def _closed(geometry: NDArray[np.object_], tags: Tags) -> NDArray[np.object_]:
    """Make areas of closed ways that are neither street nor line, where osmnx took them for lines."""
    line = (shapely.get_type_id(geometry) == 1) & ~is_street(tags) & ~is_line(tags)
    closed = line & shapely.is_closed(geometry) & (shapely.get_num_points(geometry) > 3)
    corners, ring = shapely.get_coordinates(geometry[closed], return_index=True)
    areas = geometry.copy()
    if closed.any():
        areas[closed] = shapely.polygons(shapely.linearrings(corners, indices=ring))
    return areas
