"""Columns and coordinates as small binary streams that a browser unpacks in milliseconds."""

from __future__ import annotations

import base64
import os
import re
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely
from pyproj import CRS, Transformer

from lastmile_net.errors import CrsError, Fault

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import geopandas as gpd
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

WORLD_BITS = 29
"""The world's width is 2^29 units in Web Mercator: 7 cm at the equator, and a sum of two still fits 32 bits."""
DATE_LINE_DEG = 6
"""A CRS for places on both sides of the 180th meridian has its centre nearer to it than that."""
HALF_WORLD_M = 20037508.342789244
LEVEL = 6
WIDTHS = (1, 2, 4, 6)
LARGEST = 2**46
MOST_DIGITS = 14
LINE_FEED, ZERO = b"\n0"
MAX_WORDS = 65_000
FIRST_MULTI = 4
"""Shapely's type of a MultiPoint; the types above it have parts, too."""


@dataclass(frozen=True)
class Stream:
    """
    Integers, one after the other, ready to be put into a page.

    Parameters
    ----------
    raw
        All lowest bytes come first, then all second ones, and so on.
    size
        How many integers.
    width
        Bytes of each.
    delta
        Whether each one is the zigzag-coded step from the one before.
    """

    raw: bytes
    size: int
    width: int
    delta: bool

    @property
    def header(self) -> dict[str, int | bool]:
        """What the browser must know to unpack it."""
        return {"size": self.size, "width": self.width, "delta": self.delta}


@dataclass(frozen=True)
class Numbers:
    """
    Numbers as integers.

    Parameters
    ----------
    stream
        The numbers that are known, times ten to the power of the decimals, less the least.
    least
        What to add to each.
    known
        One bit per row, lowest first: whether its number is known. None if all are.
    """

    stream: Stream
    least: int
    known: bytes | None


@dataclass(frozen=True)
class Texts:
    """
    Texts as lines; where they repeat, as words and the number of each row's word.

    Parameters
    ----------
    lines
        One line per row, or one per word.
    words
        Word of each row; None if there is a line per row.
    """

    lines: bytes
    words: Stream | None


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
    Lay out integers in as few bytes as their range needs.

    Parameters
    ----------
    values
        Integers; not negative unless `delta`.
    delta
        Store steps instead of values: better where neighbours are alike.

    Returns
    -------
    stream
        The same input gives the same bytes.
    """
    stored = np.asarray(values, np.int64)
    if delta:
        steps = np.diff(stored, prepend=0)
        stored = (steps << 1) ^ (steps >> 63)
    top = int(stored.max(initial=0))
    width = next(width for width in WIDTHS if top < 2 ** (8 * width))
    raw = stored.astype("<u8").view(np.uint8).reshape(-1, 8)[:, :width].T
    return Stream(raw.tobytes(), len(stored), width, delta)


def squeeze(parts: Mapping[str, bytes], *, text: bool) -> dict[str, str]:
    """Return each part, deflated, as base64; the processors share the work."""
    strategy = zlib.Z_DEFAULT_STRATEGY if text else zlib.Z_RLE
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(parts, pool.map(_base64_deflate, parts.values(), repeat(strategy)), strict=True))


def _base64_deflate(raw: bytes, strategy: int) -> str:
    """Bytes of integers hold runs but hardly a phrase twice: to look for runs alone is faster, and no larger."""
    packer = zlib.compressobj(LEVEL, strategy=strategy)
    return base64.b64encode(packer.compress(raw) + packer.flush()).decode("ascii")


def pack_numbers(values: pd.Series, rows: Ints, decimals: int) -> Numbers | None:
    """
    Pack numbers, rounded to `decimals`.

    Parameters
    ----------
    values
        The numbers; what is not finite is unknown.
    rows
        Rows to take, in this order.
    decimals
        How many are kept.

    Returns
    -------
    packed
        None if the numbers are too large, or too many different ones, to be told apart in the browser.
    """
    given = pd.to_numeric(values, errors="coerce").to_numpy(np.float64, na_value=np.nan)[rows]
    known = np.isfinite(given)
    scaled = np.round(given[known] * 10**decimals)
    if len(scaled) and np.abs(scaled).max() > LARGEST:
        return None
    return _numbers(scaled.astype(np.int64), known)


def _numbers(values: Ints, known: NDArray[np.bool_]) -> Numbers:
    least = int(values.min(initial=0)) if len(values) == 0 else int(values.min())
    stored = values - least
    steps = np.abs(np.diff(stored, prepend=0)) * 2
    close = len(stored) > 0 and int(steps.max()) < 2**31 and _bits(steps) < _bits(stored)
    bits = None if known.all() else np.packbits(known, bitorder="little").tobytes()
    return Numbers(pack_integers(stored, delta=close), least, bits)


def _bits(values: Ints) -> float:
    """Return the bits that one of these integers takes on average."""
    return float(np.log2(values + 1.0).mean())


def pack_ids(values: pd.Series, rows: Ints) -> tuple[str, Numbers] | None:
    """
    Pack texts that are one prefix and a number of its own each, such as ids often are.

    Parameters
    ----------
    values
        The texts.
    rows
        Rows to take, in this order.

    Returns
    -------
    packed
        The prefix and the numbers; None if some text is not so, or two are alike.
    """
    first = values.iloc[rows[0]] if len(rows) else None
    match = re.fullmatch(r"(.*?)(0|[1-9]\d{0,13})", first) if isinstance(first, str) else None
    if match is None:
        return None
    lines = values.to_numpy(object)[rows].tolist()
    try:
        text = "\n" + "\n".join(lines)
    except TypeError:
        return None
    start = f"\n{match[1]}"
    if text.count("\n") != len(lines) or text.count(start) != len(lines):
        return None
    numbers = _whole_numbers(text.replace(start, "\n"))
    if numbers is None or len(pd.unique(numbers)) < len(numbers):
        return None
    return match[1], _numbers(numbers, np.ones(len(numbers), bool))


def _whole_numbers(text: str) -> Ints | None:
    """Return the numbers that follow the line feeds of a text; None if they are written in any but the usual way."""
    raw = np.frombuffer(text.encode("utf-8", "replace"), np.uint8)
    starts = np.flatnonzero(raw == LINE_FEED)
    digits = np.diff(starts, append=len(raw)) - 1
    usual = (raw == LINE_FEED) | ((raw >= ZERO) & (raw < ZERO + 10))
    if not usual.all() or digits.min() < 1 or digits.max() > MOST_DIGITS:
        return None
    if ((raw[starts + 1] == ZERO) & (digits > 1)).any():
        return None
    numbers = np.fromstring(text[1:], np.int64, sep="\n")
    return numbers if numbers.max() <= LARGEST else None


def pack_texts(lines: Sequence[str], codes: Ints) -> Texts:
    """
    Pack texts.

    Parameters
    ----------
    lines
        All different texts.
    codes
        Number of each row's text.
    """
    if len(lines) > MAX_WORDS or len(lines) * 4 > len(codes) + 64:
        return Texts(_join(np.array(lines, object)[codes].tolist()), None)
    return Texts(_join(lines), pack_integers(codes))


def _join(lines: Sequence[str]) -> bytes:
    return "\n".join(lines).encode("utf-8", "replace")


def distinct_texts(values: pd.Series, rows: Ints) -> tuple[list[str], Ints]:
    """
    Return the different texts among some rows of a column, each as one line, and which of them each row has.

    Parameters
    ----------
    values
        The column; what is missing is an empty text.
    rows
        Rows to take, in this order.

    Returns
    -------
    texts
        In order of their first row.
    codes
        Number of each row's text.
    """
    numbers, found = pd.factorize(values)
    if isinstance(found, pd.DatetimeIndex):
        found = found.astype(str)
    texts = _one_line_each([*map(str, found.tolist()), ""])
    codes, used = pd.factorize(np.where(numbers < 0, len(texts) - 1, numbers)[rows])
    return [texts[number] for number in used.tolist()], codes.astype(np.int64)


def _one_line_each(texts: list[str]) -> list[str]:
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
    parts, owner = geometry, np.arange(len(geometry))
    if (shapely.get_type_id(geometry) >= FIRST_MULTI).any():
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
    x = np.clip(np.floor((np.asarray(east) + HALF_WORLD_M) * per_m), 0, last).astype(np.int64)
    y = np.clip(np.floor((HALF_WORLD_M - np.asarray(north)) * per_m), 0, last).astype(np.int64)
    if _is_around_date_line(CRS(crs)):
        x = np.where(x < 2 ** (WORLD_BITS - 1), x + 2**WORLD_BITS, x)
    return x, y


def _is_around_date_line(crs: CRS) -> bool:
    """Whether a CRS has its centre near the 180th meridian: what lies beyond it is drawn on, not at the other end."""
    params = crs.coordinate_operation.params if crs.coordinate_operation is not None else ()
    centres = [float(param.value) for param in params if param.name.startswith("Longitude of")]
    return any(180 - abs(centre) < DATE_LINE_DEG for centre in centres)


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
