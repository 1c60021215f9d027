"""Columns and coordinates as small binary streams that a browser unpacks in milliseconds."""

from __future__ import annotations

import base64
import gzip
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely
from pyproj import Transformer

from lastmile_net.errors import CrsError, Fault

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

WORLD_BITS = 29
"""The world's width is 2^29 units in Web Mercator: 7 cm at the equator, and a sum of two still fits 32 bits."""
HALF_WORLD_M = 20037508.342789244
LEVEL = 6
LARGEST = 2**32 - 2
MAX_WORDS = 65_000


@dataclass(frozen=True)
class Stream:
    """
    Integers, one after the other, ready to be put into a page.

    Parameters
    ----------
    text
        Base64 of the gzipped bytes.
    size
        How many integers.
    width
        Bytes of each; all lowest bytes come first, then all second ones, and so on.
    delta
        Whether each one is the zigzag-coded step from the one before.
    """

    text: str
    size: int
    width: int
    delta: bool

    @property
    def header(self) -> dict[str, int | bool]:
        """What the browser must know to unpack it."""
        return {"size": self.size, "width": self.width, "delta": self.delta}


@dataclass(frozen=True)
class Shapes:
    """
    Geometry in world units, in the order in which it is stored.

    Parameters
    ----------
    rows
        Row of the table each shape comes from; a multi-part geometry has several.
    counts
        Vertices of each shape.
    x, y
        Vertices of all shapes, one after the other.
    """

    rows: Ints
    counts: Ints
    x: Ints
    y: Ints


def pack_integers(values: Ints, *, delta: bool = False) -> Stream:
    """
    Pack integers into as few bytes as their range needs.

    Parameters
    ----------
    values
        Integers; not negative unless `delta`.
    delta
        Store steps instead of values: better where neighbours are alike.

    Returns
    -------
    stream
        The same input gives the same text.
    """
    stored = np.asarray(values, np.int64)
    if delta:
        steps = np.diff(stored, prepend=0)
        stored = (steps << 1) ^ (steps >> 63)
    top = int(stored.max(initial=0))
    width = 1 if top < 2**8 else 2 if top < 2**16 else 4
    raw = stored.astype(f"<u{width}").view(np.uint8).reshape(-1, width).T
    return Stream(pack_bytes(raw.tobytes()), len(stored), width, delta)


def pack_bytes(raw: bytes) -> str:
    """Return `raw`, gzipped without a time stamp, as base64."""
    return base64.b64encode(gzip.compress(raw, LEVEL, mtime=0)).decode("ascii")


def pack_numbers(values: pd.Series, decimals: int) -> tuple[Stream, float] | None:
    """
    Pack numbers, rounded to `decimals`; 0 stands for an empty one.

    Returns
    -------
    packed
        The stream and the least value, which is stored as 1. None if the numbers range too far for 32 bits.
    """
    given = pd.to_numeric(values, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    known = np.isfinite(given)
    scaled = np.round(np.where(known, given, 0.0) * 10**decimals)
    least = float(scaled[known].min()) if known.any() else 0.0
    if known.any() and float(scaled[known].max()) - least > LARGEST - 1:
        return None
    stored = np.where(known, scaled - least + 1, 0).astype(np.int64)
    return pack_integers(stored), least


def pack_texts(values: pd.Series) -> tuple[str, Stream | None]:
    """
    Pack texts as lines; where they repeat, as a list of words and the number of each row's word.

    Returns
    -------
    lines
        Base64 of the gzipped lines: one per row, or one per word.
    numbers
        Word of each row; None if there is a line per row.
    """
    texts = clean_texts(values)
    numbers, words = pd.factorize(np.asarray(texts, object), sort=False)
    if len(words) > MAX_WORDS or len(words) * 4 > len(texts) + 64:
        return _pack_lines(texts), None
    return _pack_lines(words.tolist()), pack_integers(numbers.astype(np.int64))


def _pack_lines(lines: list[str]) -> str:
    return pack_bytes("\n".join(lines).encode("utf-8", "replace"))


def clean_texts(values: pd.Series) -> list[str]:
    """Return each value as one line of text, empty where it is missing."""
    missing = values.isna().to_numpy()
    texts = values.astype(object).where(~missing, "").astype(str).tolist()
    if "\n".join(texts).count("\n") == len(texts) - 1:
        return texts
    return [text.replace("\n", " ") for text in texts]


def shapes_in_world_units(data: gpd.GeoDataFrame) -> Shapes:
    """
    Project points or lines to world units and put neighbours next to each other.

    Missing and empty geometries are left out; polygons give a point inside them.

    Raises
    ------
    CrsError
        If the layer has no CRS.
    """
    if data.crs is None:
        raise CrsError([Fault("the layer has no CRS", "Set it with set_crs().")])
    geometry = np.asarray(data.geometry.to_numpy(), object)
    usable = np.flatnonzero(~(shapely.is_missing(geometry) | shapely.is_empty(geometry)))
    area = shapely.get_dimensions(geometry[usable]) == 2
    geometry = geometry[usable]
    geometry[area] = shapely.point_on_surface(geometry[area])
    parts, owner = shapely.get_parts(geometry, return_index=True)
    coords, shape = shapely.get_coordinates(parts, return_index=True)
    x, y = _to_world(coords, data.crs)
    counts = np.bincount(shape, minlength=len(parts)).astype(np.int64)
    order = np.argsort(_middle_morton(x, y, counts), kind="stable")
    vertex = _vertices_in_order(counts, order)
    return Shapes(usable[owner][order].astype(np.int64), counts[order], x[vertex], y[vertex])


def _to_world(coords: NDArray[np.float64], crs: object) -> tuple[Ints, Ints]:
    transformer = Transformer.from_crs(crs, 3857, always_xy=True)
    east, north = transformer.transform(coords[:, 0], coords[:, 1])
    last = 2**WORLD_BITS - 1
    per_m = 2**WORLD_BITS / (2 * HALF_WORLD_M)
    x = np.clip(np.floor((np.asarray(east) + HALF_WORLD_M) * per_m), 0, last)
    y = np.clip(np.floor((HALF_WORLD_M - np.asarray(north)) * per_m), 0, last)
    return x.astype(np.int64), y.astype(np.int64)


def _middle_morton(x: Ints, y: Ints, counts: Ints) -> NDArray[np.uint64]:
    if len(counts) == 0:
        return np.zeros(0, np.uint64)
    starts = np.cumsum(counts) - counts
    middle_x = (np.minimum.reduceat(x, starts) + np.maximum.reduceat(x, starts)) // 2
    middle_y = (np.minimum.reduceat(y, starts) + np.maximum.reduceat(y, starts)) // 2
    return morton(middle_x, middle_y)


def morton(x: Ints, y: Ints) -> NDArray[np.uint64]:
    """Return the place of each point along the Z-order curve: the bits of `x` and `y` by turns."""
    return _spread(x) | (_spread(y) << np.uint64(1))


def _spread(values: Ints) -> NDArray[np.uint64]:
    bits = values.astype(np.uint64)
    for shift, mask in (
        (16, 0x0000FFFF0000FFFF),
        (8, 0x00FF00FF00FF00FF),
        (4, 0x0F0F0F0F0F0F0F0F),
        (2, 0x3333333333333333),
        (1, 0x5555555555555555),
    ):
        bits = (bits | (bits << np.uint64(shift))) & np.uint64(mask)
    return bits


def _vertices_in_order(counts: Ints, order: Ints) -> Ints:
    starts = np.cumsum(counts) - counts
    sizes = counts[order]
    ends = np.cumsum(sizes)
    total = int(ends[-1]) if len(ends) else 0
    return np.arange(total) - np.repeat(ends - sizes, sizes) + np.repeat(starts[order], sizes)
