"""Tables of text: CSV and TSV with any delimiter and encoding, and rows placed by their coordinates."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.errors import GEOSException

from lastmile_net.counts import agree
from lastmile_net.crs import LONLAT
from lastmile_net.errors import DataError, Fault
from lastmile_net.read import values
from lastmile_net.read.complaints import INVALID

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from lastmile_net.read.complaints import Complaints

DELIMITERS = (",", ";", "\t", "|")
DELIMITER = "lastmile_net.delimiter"
"""Attribute of a table of text: what stands between its cells."""
GUESSED = "lastmile_net.guessed_encoding"
"""Attribute of a table that does not tell its encoding and is no UTF-8: what it was read as."""
FALLBACK = "cp1252"
"""What text is read as that does not tell its encoding and is no UTF-8."""
SUFFIXES = frozenset({".csv", ".tsv", ".txt", ".psv"})
SNIFFED_LINES, SNIFFED_BYTES = 50, 4096
MAX_CELL = 50_000_000
MAX_SHOWN = 40


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


LONGITUDE = _words(
    "lon longitude lng long laenge länge längengrad laengengrad geolaenge geolänge longitud longitudine "
    "lengdegrad lengtegraad längd pituusaste długość dlugosc долгота 経度 geolon geolng xlon loncoord "
    "xlongitude x4326 lon4326"
)
LATITUDE = _words(
    "lat latitude lati breite breitengrad geobreite latitud latitudine breddegrad breedtegraad bredd "
    "leveysaste szerokość szerokosc широта 緯度 geolat ylat latcoord ylatitude y4326 lat4326"
)
EASTING = _words(
    "x easting east eastings ostwert rechtswert xcoord xcoordinate xkoordinate xkoord coordx koordx ost "
    "este est utmx etrse xwgs84 coordonneex coordenadax coordinatax gkx posx e itä"
)
NORTHING = _words(
    "y northing north northings nordwert hochwert ycoord ycoordinate ykoordinate ykoord coordy koordy "
    "nord norte utmy etrsn ywgs84 coordonneey coordenaday coordinatay gky posy n pohjoinen"
)
SHAPES = _words("wkt geom geometry thegeom wkbgeometry geometrie geometria wktgeom shape geowkt ewkt wkb geojson")
_TOLD_DELIMITER = re.compile(r"sep=([^\r\n])\r?\n", re.IGNORECASE)
"""First line by which a spreadsheet tells the delimiter."""
_EWKT = re.compile(r"\s*SRID\s*=\s*(\d+)\s*;", re.IGNORECASE)


def read_table(data: bytes, source: str, names: Sequence[str] = (), *, encoding: str | None = None) -> pd.DataFrame:
    """
    Read a table of text whose delimiter is not known.

    Parameters
    ----------
    data
        Content of the file.
    source
        Name of the file in messages.
    names
        Names of the columns, where the file has no line of them; if it has one all the same, that is left out.
    encoding
        Encoding of the text; told by its bytes if not given, see `encoding_of`.

    Returns
    -------
    table
        All cells as text; `""` for an empty one.

    Raises
    ------
    DataError
        If there is no header, a name occurs twice in it, rows have more cells than it has names, or the text does not
        have the given encoding.
    """
    guessed = encoding_of(data) if encoding is None else None
    text = data.decode(guessed, errors="replace") if guessed else _decoded(data, source, str(encoding))
    told = _TOLD_DELIMITER.match(text)
    delimiter = told[1] if told else sniff(text)
    rows = _split(text[told.end() :] if told else text, delimiter, source)
    if not rows:
        raise DataError([Fault("the file is empty", "Check that it is the right one.", source)])
    first = [name.strip().lstrip("\ufeff") for name in rows[0]]
    if not names or [name.casefold() for name in first] == [name.casefold() for name in names]:
        rows.pop(0)
    header = list(names) or first
    while header and not header[-1] and all(len(row) < len(header) or not row[len(header) - 1] for row in rows):
        header.pop()
    _check_table(header, rows, source)
    width = len(header)
    padded = [(row + [""] * (width - len(row)))[:width] for row in rows]
    columns = [list(column) for column in zip(*padded, strict=True)] if padded else [[] for _ in header]
    table = pd.DataFrame({name: pd.Series(cells, dtype=object) for name, cells in zip(header, columns, strict=True)})
    table.attrs[DELIMITER] = delimiter
    if guessed == FALLBACK:
        table.attrs[GUESSED] = guessed
    return table


def _decoded(data: bytes, source: str, encoding: str) -> str:
    try:
        return data.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise DataError([wrong_encoding(source, encoding)]) from error


def wrong_encoding(source: str, encoding: str) -> Fault:
    """Return that a text does not have the encoding that it is said to have."""
    return Fault(f"its text is not in {encoding}, the encoding given for it", "Name the one that it has.", source)


def is_cut_by_commas(table: pd.DataFrame) -> bool:
    """Return whether a table was read from a text whose cells end at commas."""
    return bool(table.attrs.get(DELIMITER) == ",")


def _split(text: str, delimiter: str, source: str) -> list[list[str]]:
    """Cut a text into rows of cells; a quotation mark that is never closed would swallow the rest of the file."""
    csv.field_size_limit(MAX_CELL)
    for strict in (True, False):
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=strict)
        begun = 0
        try:
            rows = []
            for row in reader:
                begun = reader.line_num
                if any(row):
                    rows.append(row)
        except csv.Error as error:
            if strict and "end of data" not in str(error):
                continue  # a stray quotation mark inside of a cell
            cure = "Mend the line; a quotation mark that is never closed is the usual cause."
            raise DataError([Fault(f"line {begun + 1} is no table row: {error}", cure, source)]) from error
        return rows
    return []


def _check_table(header: Sequence[str], rows: Sequence[Sequence[str]], source: str) -> None:
    faults = []
    if not all(header):
        faults.append(Fault("a column has no name", "Give each column a name in the first line.", source))
    twice = sorted({name for name in header if name and header.count(name) > 1})
    faults += [Fault("the name occurs twice in the header", "Rename one of them.", source, name) for name in twice]
    long = [str(number) for number, row in enumerate(rows, 1) if any(row[len(header) :])]
    if long:
        what = agree(len(long), "1 row has", f"{len(long):,} rows have")
        what += f" more cells than the header has names ({len(header)})"
        cure = "Put cells that hold the delimiter in quotation marks."
        faults.append(Fault(what, cure, source, rows=tuple(long)))
    if faults:
        raise DataError(faults)


def encoding_of(data: bytes) -> str:
    """
    Return the encoding of a text: by its byte order mark, else UTF-8 where it fits, else Windows-1252.

    UTF-16 without a mark is told by its zeros: every other byte of a table is one.

    Examples
    --------
    >>> encoding_of("Straße".encode("cp1252")), encoding_of("Straße".encode("utf-8")), encoding_of("ß".encode("utf-16"))
    ('cp1252', 'utf-8-sig', 'utf-16')
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    for first, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        every_other = data[first:SNIFFED_BYTES:2]
        if every_other.count(0) > len(every_other) / 2:
            return encoding
    try:
        data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return FALLBACK
    return "utf-8-sig"


def note_guessed_encoding(table: pd.DataFrame, layer: str, told: Complaints) -> None:
    """Show how a text came out whose encoding had to be guessed: wrong letters are seen at once, and only by people."""
    if table.attrs.get(GUESSED) is None:
        return
    columns = [table.columns, *(table[name] for name in table.columns if pd.api.types.is_string_dtype(table[name]))]
    foreign = (text for column in columns for text in column if isinstance(text, str) and not text.isascii())
    seen = next(foreign, None)
    if seen is not None:
        shown = " ".join(seen.split())[:MAX_SHOWN]
        told.note(
            f"its text is no UTF-8: read as Windows-1252, as in '{shown}'; if letters are wrong, name its encoding, "
            f"for example --encoding {layer}=cp1250"
        )


def sniff(text: str) -> str:
    r"""
    Find the delimiter: the one that cuts the first lines into most columns, equally many in each.

    Examples
    --------
    >>> sniff("a;b\n1,5;2"), sniff("a|b,c|d\n1|2|3"), sniff("only\n1")
    (';', '|', ',')
    """
    head = io.StringIO(text[:200_000], newline="")
    lines = [line for line, _ in zip(head, range(SNIFFED_LINES), strict=False) if line.strip()]
    return max(DELIMITERS, key=lambda delimiter: (_agreement(lines, delimiter), -DELIMITERS.index(delimiter)))


def _agreement(lines: Sequence[str], delimiter: str) -> tuple[float, int]:
    try:
        widths = [len(row) for row in csv.reader(lines, delimiter=delimiter) if row]
    except csv.Error:
        return (0.0, 0)
    if not widths or widths[0] < 2:
        return (0.0, 0)
    return (round(sum(width == widths[0] for width in widths) / len(widths), 1), widths[0])


def place(
    table: pd.DataFrame,
    told: Complaints,
    *,
    quarantine: bool = False,
    columns: Sequence[str] = (),
    header: Sequence[str] = (),
) -> gpd.GeoDataFrame | None:
    """
    Give a table without geometry one, from its columns of coordinates or shapes.

    Parameters
    ----------
    table
        Cells as texts or numbers.
    told
        Takes the faults and notes.
    quarantine
        Whether a cell that is no coordinate is noted, and no fault.
    columns
        Column of x and column of y, or column of shapes, where they are known: then no CRS is guessed.
    header
        Names of the columns as the source has them, for messages; those of the table if not given.

    Returns
    -------
    placed
        With the CRS EPSG:4326 where the columns are called longitude and latitude in any of several
        languages, that of the shapes where they tell, else none; None if no such columns are found.
    """
    if len(columns) == 1:
        return _place_shapes(table, columns[0], told, quarantine=quarantine)
    if columns:
        return _place_points(table, (columns[0], columns[1]), None, told, quarantine=quarantine)
    folded = {_folded(name): str(name) for name in reversed(table.columns)}
    shape = next((folded[name] for name in SHAPES if name in folded and _holds_shapes(table[folded[name]])), None)
    if shape is not None:
        return _place_shapes(table, shape, told, quarantine=quarantine)
    for west_east, south_north, crs in ((LONGITUDE, LATITUDE, LONLAT), (EASTING, NORTHING, None)):
        x = next((folded[name] for name in west_east if name in folded), None)
        y = next((folded[name] for name in south_north if name in folded), None)
        if x is not None and y is not None:
            return _place_points(table, (x, y), crs, told, quarantine=quarantine)
    told.fault(
        "has no geometry and no columns of coordinates",
        f"Call them lon and lat, x and y, or wkt; there are: {', '.join(map(str, list(header or table)[:30]))}.",
    )
    return None


def _folded(name: object) -> str:
    return re.sub(r"[\W_]+", "", str(name).casefold())


def _place_points(
    table: pd.DataFrame, names: tuple[str, str], crs: object, told: Complaints, *, quarantine: bool
) -> gpd.GeoDataFrame:
    found = []
    for name in names:
        column, wrong = values.numbers(table[name])
        if wrong.any():
            shown = ", ".join(sorted({repr(str(cell)) for cell in table[name][wrong]})[:3])
            told.spoil(f"is no coordinate: {shown}", "Write plain numbers", name, wrong, quarantine=quarantine)
            told.reject(table.index, wrong, INVALID, f"{name} is no coordinate")
        found.append(column)
    points = np.full(len(table), None, dtype=object)
    whole = ~(np.isnan(found[0]) | np.isnan(found[1]))
    points[whole] = shapely.points(found[0][whole], found[1][whole])
    in_degrees = _in_degrees(found[0][whole], found[1][whole])
    if crs is not None and not in_degrees and whole.any():
        crs = None if np.median(np.abs(found[0][whole])) > 180 or np.median(np.abs(found[1][whole])) > 180 else crs
    return gpd.GeoDataFrame(table.drop(columns=list(names)), geometry=points, crs=crs)


def _in_degrees(x: NDArray[np.float64], y: NDArray[np.float64]) -> bool:
    return bool((np.abs(x) <= 180).all() and (np.abs(y) <= 90).all())


def _holds_shapes(cells: pd.Series) -> bool:
    return any(_shape(cell)[0] is not None for cell in _filled(cells, 20))


def _filled(cells: pd.Series, count: int) -> Iterator[object]:
    filled = (cell for cell in cells if cell is not None and str(cell).strip())
    return (cell for cell, _ in zip(filled, range(count), strict=False))


def _place_shapes(table: pd.DataFrame, name: str, told: Complaints, *, quarantine: bool) -> gpd.GeoDataFrame:
    shapes = np.full(len(table), None, dtype=object)
    wrong = np.zeros(len(table), dtype=bool)
    codes = set()
    for row, cell in enumerate(table[name]):
        if cell is None or not str(cell).strip():
            continue
        shapes[row], code = _shape(cell)
        wrong[row] = shapes[row] is None
        codes.add(code)
    if wrong.any():
        what = "is no WKT, WKB or GeoJSON geometry"
        told.spoil(what, "Correct these cells", name, wrong, quarantine=quarantine)
        told.reject(table.index, wrong, INVALID, f"{name} {what}")
    codes.discard(0)
    if len(codes) > 1:
        told.fault(f"geometries of {len(codes)} CRS in one column", "Project them to one CRS first.", name)
    crs = codes.pop() if len(codes) == 1 else None
    return gpd.GeoDataFrame(table.drop(columns=name), geometry=shapes, crs=crs)


def _shape(cell: object) -> tuple[shapely.Geometry | None, int]:
    """Read one geometry from WKT, EWKT, WKB or GeoJSON; and its EPSG code, 0 where it does not say."""
    text = cell if isinstance(cell, bytes) else str(cell).strip()
    try:
        if isinstance(text, bytes) or re.fullmatch(r"(0x)?[0-9a-fA-F]{10,}", text):
            shape = shapely.from_wkb(text.removeprefix("0x") if isinstance(text, str) else text)
            return shape, int(shapely.get_srid(shape))
        if text.startswith("{"):
            return shapely.from_geojson(json.dumps(json.loads(text))), 0
        told = _EWKT.match(text)
        return shapely.from_wkt(text[told.end() :] if told else text), int(told[1]) if told else 0
    except (GEOSException, ValueError, TypeError, RecursionError):
        return None, 0
