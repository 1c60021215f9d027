"""Open what a planner names: a file of any format, a layer in it, an archive; and nothing that reaches elsewhere."""

from __future__ import annotations

import gzip
import io
import lzma
import os
import re
import warnings
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

import geopandas as gpd
import pandas as pd
import pyogrio
import pyogrio.errors

from lastmile_net.errors import DataError, Fault, MissingFileError
from lastmile_net.read import geojson, tables

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from lastmile_net.schema import Layer

MAX_UNPACKED = 4_000_000_000
"""Bytes that an archive may hold unpacked."""
MAX_RATIO = 1000
"""An archive that shrinks its content by more than this is no map."""
UNPACKING = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError)
"""What goes wrong with an archive that is damaged, locked or packed in a way that is not known."""
MAX_TOGETHER = 4
"""So many layers of one file may be parts of one layer of the plan."""
SNIFFED, MAX_PROLOG = 65_536, 4_000_000
_COMMENT = re.compile(rb"<!--.*?-->|<!--.*|<\?.*?\?>", re.DOTALL)
_ELEMENT = re.compile(rb"<[A-Za-z_]")
SHAPEFILE, LATIN_1 = "ESRI Shapefile", "ISO-8859-1"
"""What GDAL takes a shapefile for that does not tell its encoding."""
PARQUET = frozenset({".parquet", ".geoparquet", ".pq"})
_OUTWARD = re.compile(
    rb"<\s*OGR\w*(DataSource|Layer)|<\s*VRTDataset|<\s*GDAL_W|<\s*!\s*(DOCTYPE|ENTITY)|gdal_streamed_alg"
    rb"|<\s*(WFS|CSW)\w*Capabilities",
    re.IGNORECASE,
)
"""Content that makes a reader open other files, run commands, or expand entities."""


@dataclass(frozen=True)
class Place:
    """A file, and the layer of it that is wanted and the encoding of its text, where they are named."""

    path: Path
    layer: str | None = None
    encoding: str | None = None

    def __str__(self) -> str:
        return f"{self.path}:{self.layer}" if self.layer else str(self.path)


def locate(source: str | Path, layer: str | None = None, encoding: str | None = None) -> Place:
    """
    Find the file that a source names: a path, or a path and a layer such as `town.gpkg:homes`.

    Raises
    ------
    MissingFileError
        If there is no such file.
    DataError
        If the source is an address on a network, or in a virtual file system.
    """
    text = str(source)
    if "://" in text or text.startswith(("/vsi", "\\vsi", "PG:", "WFS:", "MYSQL:", "ODBC:", "OAPIF:")):
        cure = "Download it, and name the file; for a database write postgresql://user@host/name with a table."
        raise DataError([Fault("only files on disk and PostgreSQL databases are read", cure, text)])
    if _exists(text):
        return Place(Path(text), layer, encoding)
    head, colon, tail = text.rpartition(":")
    if colon and tail and _exists(head):
        return Place(Path(head), layer or tail, encoding)
    raise MissingFileError([Fault("no such file", "Check the path.", text or "(an empty name)")])


def _exists(text: str) -> bool:
    try:
        return bool(text) and Path(text).exists()
    except (OSError, ValueError):  # too long for a path, or with a NUL inside
        return False


def no_encoding(source: str) -> Fault:
    """Return that an encoding was given for what is not read as text of any encoding."""
    what = "an encoding is given for it, but only tables of text and shapefiles may have any"
    return Fault(what, "Leave the encoding out.", source)


def open_place(place: Place, layer: Layer | None = None, names: Sequence[str] = ()) -> pd.DataFrame:
    """
    Read a file into a table, with a geometry where the format has one.

    Parameters
    ----------
    place
        File and layer.
    layer
        Layer of the schema it is to become: it says which of several layers in the file is meant.
    names
        Names of the columns, where the file is a table of text without a line of them.

    Returns
    -------
    table
        GeoDataFrame, or DataFrame where the format has no geometry (CSV, spreadsheets).

    Raises
    ------
    DataError
        If the file cannot be read, or it is not clear which layer of it is meant.
    """
    path, suffix = place.path, place.path.suffix.lower()
    if not os.access(path, os.R_OK):
        raise DataError([Fault("you may not read it", "Ask for the right to, or copy it.", str(place))])
    if not (path.is_file() or path.is_dir()):  # a pipe or a device may never end
        raise DataError([Fault("is neither a file nor a folder", "Save its content in a file.", str(place))])
    if path.is_dir() and suffix in (*PARQUET, ".gz", *tables.SUFFIXES):
        raise DataError([Fault("is a folder, not a file", "Name a file in it.", str(place))])
    if path.is_file() and path.stat().st_size == 0:
        raise DataError([Fault("the file is empty", "Check that it is the right one.", str(place))])
    if suffix in PARQUET:
        if place.encoding is not None:
            raise DataError([no_encoding(str(place))])
        return _read_parquet(place)
    if suffix == ".gz":
        return _read_gzip(place, layer, names)
    if suffix in tables.SUFFIXES:
        return tables.read_table(path.read_bytes(), str(place), names, encoding=place.encoding)
    if suffix in (".zip", ".kmz") and zipfile.is_zipfile(path):
        return _read_archive(place, layer, names)
    if path.is_file():
        with path.open("rb") as file:
            _check_content(_head(file, str(place)), str(place))
        if suffix in geojson.SUFFIXES:
            geojson.check_features(path.read_bytes(), str(place))
    return _read_gdal(place, str(path.resolve()), layer)


def _read_parquet(place: Place) -> pd.DataFrame:
    try:
        import pyarrow  # noqa: F401 - an extra that may be missing
    except ImportError as error:
        cure = "Install it: pip install 'lastmile-net[parquet]'."
        raise DataError([Fault("reading Parquet needs pyarrow", cure, str(place))]) from error
    try:
        try:
            table: pd.DataFrame = gpd.read_parquet(place.path)
            return table
        except ValueError:  # no geometry declared: a plain table
            return pd.read_parquet(place.path)
    except (OSError, ValueError) as error:
        raise DataError([_unreadable(place, error)]) from error


def _read_gzip(place: Place, layer: Layer | None, names: Sequence[str]) -> pd.DataFrame:
    """Unpack in memory, up to a limit; what is inside is told by the name without `.gz`."""
    try:
        with gzip.open(place.path) as file:
            data = file.read(MAX_UNPACKED // 4 + 1)
    except UNPACKING as error:
        raise DataError([_unreadable(place, error)]) from error
    if len(data) > min(MAX_UNPACKED // 4, MAX_RATIO * place.path.stat().st_size):
        raise DataError([_too_big(place)])
    if place.path.with_suffix("").suffix.lower() in tables.SUFFIXES:
        return tables.read_table(data, str(place), names, encoding=place.encoding)
    _check_content(_head(io.BytesIO(data), str(place)), str(place))
    if place.path.with_suffix("").suffix.lower() in geojson.SUFFIXES:
        geojson.check_features(data, str(place))
    return _read_gdal(place, data, layer)


def _read_archive(place: Place, layer: Layer | None, names: Sequence[str]) -> pd.DataFrame:
    """Read the only table, KML or GeoJSON of an archive out of it; leave all other formats to GDAL."""
    inside = _check_archive(place)
    is_table = len(inside) == 1 and PurePosixPath(inside[0]).suffix.lower() in tables.SUFFIXES
    wanted = inside if is_table else [name for name in inside if name.lower().endswith((".kml", ".geojson"))]
    if len(wanted) != 1:
        return _read_gdal(place, f"/vsizip/{place.path.resolve()}", layer)
    try:
        with zipfile.ZipFile(place.path) as archive:
            data = archive.read(wanted[0])
    except UNPACKING as error:
        raise DataError([_unreadable(place, error)]) from error
    if is_table:
        return tables.read_table(data, str(place), names, encoding=place.encoding)
    if wanted[0].lower().endswith(".geojson"):
        geojson.check_features(data, str(place))
    return _read_gdal(place, data, layer)


def _check_archive(place: Place) -> list[str]:
    """Names of the files in an archive, none of which may lead elsewhere or be too big."""
    try:
        with zipfile.ZipFile(place.path) as archive:
            members = [each for each in archive.infolist() if not each.is_dir()]
            size, packed = sum(each.file_size for each in members), sum(each.compress_size for each in members)
            if size > MAX_UNPACKED or size > MAX_RATIO * max(packed, 1):
                raise DataError([_too_big(place)])
            for member in members:
                _check_member(archive, member, place)
            return [member.filename for member in members]
    except UNPACKING as error:
        raise DataError([_unreadable(place, error)]) from error


def _check_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, place: Place) -> None:
    name = PurePosixPath(member.filename.replace("\\", "/"))
    if name.is_absolute() or ".." in name.parts:
        fault = Fault(f"the archive holds a path out of itself: {member.filename}", "Do not use it.", str(place))
        raise DataError([fault])
    with archive.open(member) as file:
        _check_content(_head(file, f"{place}/{member.filename}"), f"{place}/{member.filename}")


def _head(file: IO[bytes], source: str) -> bytes:
    """Return the start of a file; of XML all that stands before its first element, where entities are declared."""
    head = file.read(SNIFFED)
    if not head.lstrip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n").startswith(b"<"):
        return head
    while len(head) < MAX_PROLOG:
        if _ELEMENT.search(_COMMENT.sub(b"", head.replace(b"\x00", b""))):
            return head
        more = file.read(SNIFFED)
        if not more:
            return head
        head += more
    raise DataError([Fault("has no content in its first megabytes", "Check that it is the right file.", source)])


def _check_content(head: bytes, source: str) -> None:
    """Refuse content that would make a reader reach out of the file."""
    plain = head.replace(b"\x00", b"") if head[:2] in (b"\xff\xfe", b"\xfe\xff", b"<\x00", b"\x00<") else head
    found = _OUTWARD.search(plain)
    if found is not None:
        shown = found[0].decode("latin-1")
        cure = "Convert it to a GeoPackage with a tool you trust, and name that."
        fault = Fault(f"the file points to something outside of itself ({shown}): it is not opened", cure, source)
        raise DataError([fault])


def _too_big(place: Place) -> Fault:
    return Fault("unpacked it would be too big to be a map", "Unpack it by hand, and look what it is.", str(place))


def _unreadable(place: Place, error: Exception) -> Fault:
    reason = str(error).partition("\n")[0].partition("; It might help")[0] or type(error).__name__
    cure = "Check that the file is whole, and that its ending tells its format."
    return Fault(f"cannot be read: {reason.rstrip('.')}", cure, str(place))


def _read_gdal(place: Place, opened: str | bytes, layer: Layer | None) -> pd.DataFrame:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of single features; what cannot be used is found by its geometry
        try:
            names = _choose(place, pyogrio.list_layers(opened), layer)
            parts = [_read_layer(place, opened, name) for name in names]
        except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, ValueError, OSError) as error:
            if isinstance(error, DataError):
                raise
            raise DataError([_unreadable(place, error)]) from error
    if len(parts) == 1:
        return parts[0]
    placed = [part for part in parts if isinstance(part, gpd.GeoDataFrame)]
    moved = [part.to_crs(placed[0].crs) if part.crs != placed[0].crs else part for part in placed]
    joined: pd.DataFrame = gpd.GeoDataFrame(pd.concat(moved, ignore_index=True), crs=placed[0].crs)
    return joined


def _read_layer(place: Place, opened: str | bytes, name: str) -> pd.DataFrame:
    about = pyogrio.read_info(_stream(opened), layer=name)
    if place.encoding is not None:
        if about["driver"] != SHAPEFILE:
            raise DataError([no_encoding(str(place))])
        try:
            return _read_as(opened, name, place.encoding)
        except UnicodeDecodeError as error:
            raise DataError([tables.wrong_encoding(str(place), place.encoding)]) from error
    if about["encoding"] != LATIN_1:
        return _read_as(opened, name, None)
    try:
        return _read_as(opened, name, "utf-8")
    except UnicodeDecodeError:
        found = _read_as(opened, name, tables.FALLBACK)
        found.attrs[tables.GUESSED] = tables.FALLBACK
        return found


def _read_as(opened: str | bytes, name: str, encoding: str | None) -> pd.DataFrame:
    on_invalid = "ignore"  # a line of one place is none
    found = pyogrio.read_dataframe(_stream(opened), layer=name, on_invalid=on_invalid, encoding=encoding)
    return found if isinstance(found, gpd.GeoDataFrame) else pd.DataFrame(found)


def _stream(opened: str | bytes) -> str | io.BytesIO:
    return io.BytesIO(opened) if isinstance(opened, bytes) else opened


def _choose(place: Place, listed: Sequence[Sequence[str | None]], layer: Layer | None) -> list[str]:
    """Names of the layers of a file to be read: the one that is named, else the one that can be meant."""
    kinds = {str(name): kind for name, kind in listed if name != "layer_styles"}
    if place.layer is not None:
        wanted = [place.layer] if place.layer in kinds else [part.strip() for part in place.layer.split(",")]
        if set(wanted) <= set(kinds):
            return wanted
        what = f"has no layer '{place.layer}'"
        raise DataError([Fault(what, f"It has: {', '.join(sorted(kinds)) or 'none'}.", str(place.path))])
    if len(kinds) == 1:
        return list(kinds)
    if layer is None:
        what = f"holds {len(kinds)} layers, and it is not clear which one is meant"
        raise DataError([Fault(what, _name_it(place, kinds), str(place))])
    own = [name for name in kinds if name.casefold() == layer.name]
    split = [name for name in kinds if name.casefold() in (f"{layer.name}_lines", f"{layer.name}_points")]
    fitting = [name for name, kind in kinds.items() if _may_fit(kind, layer)]
    for found in (own, sorted(split), fitting if len(fitting) == 1 else []):
        if found:
            return found
    what = f"holds {len(kinds)} layers, and it is not clear which one is the {layer.name}"
    raise DataError([Fault(what, _name_it(place, fitting or kinds), str(place))])


def _name_it(place: Place, names: Collection[str]) -> str:
    """Return how one layer is named, or all those that belong together."""
    known = sorted(names)
    if not known:
        return "It has none."
    may_be_parts = 1 < len(known) <= MAX_TOGETHER
    together = f", or as {place.path}:{','.join(known)} if they belong together" if may_be_parts else ""
    return f"Name it as {place.path}:{known[0]}{together}; it has: {', '.join(known)}."


def _may_fit(kind: str | None, layer: Layer) -> bool:
    return kind is not None and kind.partition(" ")[0] in (*layer.geometry, "Unknown", "GeometryCollection")
