"""Set layers against each other: a CRS that nobody tells, and swapped axes, show by where the others lie."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from pyproj.exceptions import ProjError

from lastmile_net.counts import agree
from lastmile_net.crs import LONLAT, extent_of, utm_zone
from lastmile_net.errors import CrsError, DataError, Fault, LastMileError
from lastmile_net.read.complaints import NULL_ISLAND, QUARANTINE, SWAPPED, Note
from lastmile_net.schema import CUSTOMERS, INPUT_LAYERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from lastmile_net.read.files import Reading
    from lastmile_net.read.shapes import BadRows

    Floats = NDArray[np.float64]

NEAR_DEG = 0.2
"""A layer this near to the others' extent, in degrees, is taken to belong to them."""
ETRS89_UTM_NORTH = 25800
ETRS89_ZONES = range(28, 39)
WEB_MERCATOR = 3857


def agree_on_crs(readings: Mapping[str, Reading], notes: list[Note]) -> tuple[list[LastMileError], dict[str, Reading]]:
    """
    Find the CRS of layers that do not say it: the one of the others in which they lie among them.

    Parameters
    ----------
    readings
        Layers by name, some perhaps without CRS.
    notes
        Takes a sentence for each guess.

    Returns
    -------
    errors, readings
        What could not be found, and the layers with what was found.
    """
    known = [reading.frame for reading in readings.values() if reading.frame.crs is not None]
    reference = _joint([extent_of(frame) for frame in known])
    errors: list[LastMileError] = []
    settled = dict(readings)
    for name, reading in readings.items():
        if reading.frame.crs is not None:
            continue
        guess = _guess(reading.frame, known, reference)
        if guess is None:
            errors.append(CrsError([_not_guessed(reading, _guess(_swap(reading.frame), known, reference))]))
            continue
        settled[name] = replace(reading, frame=reading.frame.set_crs(guess))
        told = f"{reading.source}: says no CRS; in {guess.name} it lies where the other layers do: read so"
        notes.append(Note(told, "crs_guessed"))
    return errors, settled


def _not_guessed(reading: Reading, turned: pyproj.CRS | None) -> Fault:
    """Return that no CRS fits a layer; `turned` is the one that does once x and y are exchanged."""
    if turned is not None:
        what, cure = _swapped(turned)
        return Fault(f"{what}, in {turned.name}", cure, reading.source)
    cure = "Say which one it is in, for example --crs EPSG:25832."
    what = "has no CRS, its values are not degrees, and no CRS puts it where the other layers lie"
    return Fault(what, cure, reading.source)


def _swapped(crs: pyproj.CRS) -> tuple[str, str]:
    """Return what is wrong with a layer whose axes are swapped, and the cure, in the words of its CRS."""
    first, second = ("easting", "northing") if crs.is_projected else ("longitude", "latitude")
    both = f"{first} and {second}" if crs.is_projected else f"{second} and {first}"
    what = f"{both} are swapped: with x and y exchanged it lies where the other layers do"
    return what, f"Swap them: x is {first}, y is {second}."


def find_mislabelled(readings: Mapping[str, Reading]) -> list[LastMileError]:
    """
    Find layers that lie apart, and together once both are read in the CRS of one of them: the other says a wrong one.

    Parameters
    ----------
    readings
        Layers by name, each with a CRS.
    """
    boxes = {name: extent_of(reading.frame) for name, reading in readings.items()}
    told = [name for name, reading in readings.items() if reading.says_crs and np.isfinite(boxes[name]).all()]
    faults = []
    for one, other in combinations(told, 2):
        frames = readings[one].frame, readings[other].frame
        if frames[0].crs == frames[1].crs or _overlaps(boxes[one], boxes[other]):
            continue
        if _meet_in(*frames):
            first, second = readings[one], readings[other]
            what = f"says {first.frame.crs.name}, and {second.source} says {second.frame.crs.name}: they lie apart so, "
            what += "and together where both are in the same one"
            faults.append(Fault(what, "Correct the CRS of the one that is wrong.", first.source))
    return [CrsError(faults)] if faults else []


def _meet_in(one: gpd.GeoDataFrame, other: gpd.GeoDataFrame) -> bool:
    """Whether two layers lie together when one is said to be in the CRS of the other."""
    if not (one.crs.is_projected and other.crs.is_projected):
        return False
    try:
        return _overlaps(extent_of(one.set_crs(other.crs, allow_override=True)), extent_of(other))
    except ProjError:
        return False


def find_swapped(
    readings: Mapping[str, Reading], bad_rows: BadRows, notes: list[Note]
) -> tuple[list[LastMileError], dict[str, Reading]]:
    """
    Find layers, and customers, that lie among the others once their two axes are swapped.

    Parameters
    ----------
    readings
        Layers by name, each with a CRS.
    bad_rows
        Whether single swapped customers are a fault, or lose their location.
    notes
        Takes a sentence on those that lost it.

    Returns
    -------
    errors, readings
        Faults, and the layers as they are to be used.
    """
    errors: list[LastMileError] = []
    boxes = {name: extent_of(reading.frame) for name, reading in readings.items()}
    settled = dict(readings)
    for name, reading in readings.items():
        reference = _joint([box for other, box in boxes.items() if other != name and np.isfinite(box).all()])
        if reference is None or not np.isfinite(boxes[name]).all() or not len(reading.frame):
            continue
        if not _overlaps(boxes[name], reference):
            if _overlaps(extent_of(_swap(reading.frame)), reference) and _others_agree(name, boxes):
                errors.append(DataError([Fault(*_swapped(reading.frame.crs), reading.source)]))
        elif name == "customers":
            fault, settled[name] = _swapped_rows(reading, boxes[name], reference, bad_rows, notes)
            errors += fault
    return errors, settled


def _others_agree(name: str, boxes: Mapping[str, Floats]) -> bool:
    """Whether the other layers lie together; where they do not, one of them may be the swapped one."""
    others = [box for other, box in boxes.items() if other != name and np.isfinite(box).all()]
    return all(_overlaps(others[0], box) for box in others[1:])


def _swapped_rows(
    reading: Reading, own: Floats, reference: Floats, bad_rows: BadRows, notes: list[Note]
) -> tuple[list[LastMileError], Reading]:
    rows = _outside(reading.frame, reference)
    swapped = _swap(reading.frame[rows])
    rows[rows] = ~_outside(swapped, reference)
    if not rows.any():
        return [], reading
    names = tuple(reading.frame.loc[rows, "customer_id"])
    what = "latitude and longitude are swapped in some rows"
    if bad_rows == "error":
        return [DataError([Fault(what, f"Swap them there, {QUARANTINE}.", reading.source, rows=names)])], reading
    shown = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
    which = agree(len(names), "1 row stays", f"{len(names):,} rows stay")
    notes.append(Note(f"{reading.source}: {what}, {which} without a location: {shown}", SWAPPED))
    return [], _without_location(reading, rows, SWAPPED, what)


def quarantine_null_island(readings: Mapping[str, Reading], notes: list[Note]) -> dict[str, Reading]:
    """
    Take the location from customers that lie at 0,0, where there is only sea; leave other such rows out.

    Parameters
    ----------
    readings
        Layers by name, each with a CRS.
    notes
        Takes a sentence on each layer that has such rows.
    """
    settled, keys = dict(readings), {layer.name: layer.key for layer in INPUT_LAYERS}
    for name, reading in readings.items():
        rows = _at_null_island(reading.frame)
        if rows.any():
            which = agree(rows.sum(), "1 row lies", f"{rows.sum():,} rows lie")
            notes.append(Note(f"{reading.source}: {which} at 0,0: in quarantine", NULL_ISLAND))
            kept = name == CUSTOMERS.name
            settled[name] = _without_location(reading, rows, NULL_ISLAND, "lies at 0,0", key=keys[name], keep=kept)
    return settled


def _at_null_island(frame: gpd.GeoDataFrame) -> NDArray[np.bool_]:
    box = shapely.bounds(np.asarray(frame.geometry.to_numpy(), dtype=object))
    rows: NDArray[np.bool_] = np.asarray(np.isfinite(box).all(axis=1), dtype=bool)
    near = _outside(frame[rows], np.array([-1e-6, -1e-6, 1e-6, 1e-6]), margin_deg=0.0)
    rows[rows] = ~near
    return rows


def _without_location(
    reading: Reading, rows: NDArray[np.bool_], code: str, reason: str, *, key: str = CUSTOMERS.key, keep: bool = True
) -> Reading:
    """Put rows among the rejected; they stay in the layer without a location, or leave it."""
    gone = reading.frame[rows]
    name = gone[key] if key else (gone.index + 1).astype(str)
    told = pd.DataFrame(gone.assign(code=code, reason=reason, row=name))
    joined = pd.concat([reading.rejected, told], ignore_index=True) if len(reading.rejected) else told
    rejected = gpd.GeoDataFrame(joined, geometry=gone.geometry.name, crs=gone.crs)
    if not keep:
        return replace(reading, frame=reading.frame[~rows].reset_index(drop=True), rejected=rejected)
    shapes = np.asarray(reading.frame.geometry.to_numpy(), dtype=object).copy()
    shapes[rows] = None
    return replace(reading, frame=reading.frame.set_geometry(shapes, crs=reading.frame.crs), rejected=rejected)


def _swap(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    shapes = np.asarray(frame.geometry.to_numpy(), dtype=object)
    swapped = shapely.transform(shapes, lambda xy: xy[:, ::-1])
    return frame.set_geometry(swapped, crs=frame.crs)


def _outside(frame: gpd.GeoDataFrame, box: Floats, margin_deg: float = NEAR_DEG) -> NDArray[np.bool_]:
    """Mark rows that lie off a box in degrees; those without a place do not."""
    points = shapely.centroid(np.asarray(frame.geometry.to_numpy(), dtype=object))
    lon, lat = shapely.get_x(points), shapely.get_y(points)
    if frame.crs != LONLAT and len(lon):
        lon, lat = pyproj.Transformer.from_crs(frame.crs, LONLAT, always_xy=True).transform(lon, lat)
    placed = ~(shapely.is_missing(points) | shapely.is_empty(points))
    east = (lon - box[0] + margin_deg) % 360 <= box[2] - box[0] + 2 * margin_deg
    inside = east & (lat >= box[1] - margin_deg) & (lat <= box[3] + margin_deg)
    return np.asarray(placed & ~inside, dtype=bool)


def _guess(frame: gpd.GeoDataFrame, known: list[gpd.GeoDataFrame], reference: Floats | None) -> pyproj.CRS | None:
    """Return the first CRS that puts a layer among the others: theirs, then the UTM zones, then the web map's."""
    if reference is None:
        return None
    candidates = [pyproj.CRS(other.crs) for other in known if other.crs.is_projected]
    zone = utm_zone(reference)
    if zone is not None:
        number = int(zone.to_epsg() or 0) % 100
        candidates += [pyproj.CRS.from_epsg(ETRS89_UTM_NORTH + number)] if number in ETRS89_ZONES else []
        candidates.append(zone)
    candidates += [LONLAT, pyproj.CRS.from_epsg(WEB_MERCATOR)]
    for crs in candidates:
        try:
            if _overlaps(extent_of(frame.set_crs(crs)), reference):
                return crs
        except ProjError:
            continue
    return None


def _joint(boxes: list[Floats]) -> Floats | None:
    """Return the box of several boxes in degrees; None where there is none."""
    boxes = [box for box in boxes if np.isfinite(box).all()]
    if not boxes:
        return None
    west, south, east, north = np.array(boxes).T
    west = west[0] + (west - west[0] + 180) % 360 - 180  # beside the first, across the date line too
    return np.array([west.min(), south.min(), (west + (east - np.array(boxes)[:, 0])).max(), north.max()])


def _overlaps(one: Floats, other: Floats) -> bool:
    if not (np.isfinite(one).all() and np.isfinite(other).all()):
        return False
    gap_west = (one[0] - other[0] + NEAR_DEG) % 360 <= other[2] - other[0] + 2 * NEAR_DEG
    gap_east = (other[0] - one[0] + NEAR_DEG) % 360 <= one[2] - one[0] + 2 * NEAR_DEG
    return bool((gap_west or gap_east) and one[1] <= other[3] + NEAR_DEG and other[1] <= one[3] + NEAR_DEG)
