"""Read one layer from any file, table or database into the shape that the schema declares."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from lastmile_net.crs import LONLAT, read_crs
from lastmile_net.errors import DataError, Fault
from lastmile_net.read import fit, ofds, postgis, shapes, sources, tables, values
from lastmile_net.read.backbone import fit_roles
from lastmile_net.read.complaints import Complaints, raise_all
from lastmile_net.read.conform import Conformed, conform
from lastmile_net.read.flats import FLAT, fold_flats
from lastmile_net.read.presets import ColumnPreset, column_preset
from lastmile_net.schema import BACKBONE

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyproj
    from numpy.typing import NDArray

    from lastmile_net.read.complaints import Note
    from lastmile_net.read.shapes import BadRows
    from lastmile_net.schema import Layer

Source: TypeAlias = str | Path | pd.DataFrame
"""A path, `file.gpkg:layer`, the address of a database, or a table."""
MAX_LON, MAX_LAT = 360.0, 90.0


@dataclass(frozen=True)
class ReadOptions:
    """
    How one source is to be read.

    Parameters
    ----------
    crs
        CRS of the layer where the source does not say.
    mapping
        Name in the source of each column of the schema that has another one there.
    layer_name
        Layer, table or SQL inside the source, where it has several.
    preset
        Column preset, or its name or path.
    tables
        Second files that the preset asks for, by name.
    on_bad_rows
        Whether rows without a usable geometry are faults, or quarantined.
    must_say_crs
        Whether a CRS that nobody tells is a fault; else it is left open.
    may_be_empty
        Whether a layer without rows is fine.
    encodings
        Encoding of the text of the layer, by its name, and of second files, by theirs, where they do not tell it.
    """

    crs: str | None = None
    mapping: Mapping[str, str] | None = None
    layer_name: str | None = None
    preset: ColumnPreset | str | None = None
    tables: Mapping[str, str] | None = None
    on_bad_rows: BadRows = "error"
    must_say_crs: bool = True
    may_be_empty: bool = False
    encodings: Mapping[str, str] | None = None

    def encoding(self, name: str) -> str | None:
        """Return the encoding that is given for a layer or a second file."""
        return (self.encodings or {}).get(name)


@dataclass(frozen=True, eq=False)
class Reading:
    """
    A layer that meets the schema but for its faults, in the CRS it came in, and what one should know about it.

    `rejected` holds the rows that cannot be used as they came, with `code`, `reason` and `row`, which names them:
    customers among them are in `frame` all the same, without a location. `says_crs` is false where the source does not.
    """

    frame: gpd.GeoDataFrame
    source: str
    notes: tuple[Note, ...]
    rejected: pd.DataFrame
    faults: tuple[Fault, ...] = ()
    says_crs: bool = True


def read_layer(
    source: Source,
    layer: Layer,
    *,
    crs: str | None = None,
    mapping: Mapping[str, str] | None = None,
    layer_name: str | None = None,
    preset: ColumnPreset | str | None = None,
    tables: Mapping[str, str] | None = None,
    on_bad_rows: BadRows = "error",
) -> gpd.GeoDataFrame:
    """
    Read a layer.

    Parameters
    ----------
    source
        Path of any file that GDAL reads, of a CSV or a Parquet file; `file.gpkg:layer`; `postgresql://...`; or
        a table in memory, with a geometry or with columns of coordinates, which is not changed.
    layer
        Layer of the schema that it is to become.
    crs
        CRS where the source does not say.
    mapping
        Name in the source of each column of the schema that has another one there.
    layer_name
        Layer, table or SQL inside the source.
    preset
        Column preset, or its name or path.
    tables
        Second files that the preset asks for, by name.
    on_bad_rows
        `error` makes a row without a usable geometry a fault; with `quarantine` a customer stays, without a
        location, and any other row is left out.

    Returns
    -------
    frame
        All columns of the layer, typed, with their defaults, then those of the source; sorted by id.

    Raises
    ------
    MissingFileError
        If there is no such file or table.
    DataError
        If it cannot be planned on; all faults at once, with column, rows and cure.
    """
    return read(source, layer, ReadOptions(crs, mapping, layer_name, preset, tables, on_bad_rows)).frame


def read(source: Source, layer: Layer, options: ReadOptions | None = None) -> Reading:
    """
    Read a layer, and return it with the notes on it; else as `read_layer`.

    Raises
    ------
    MissingFileError, DataError
        As `read_layer`.
    """
    reading = examine(source, layer, options)
    raise_all(reading.faults)
    return reading


def examine(source: Source, layer: Layer, options: ReadOptions | None = None) -> Reading:
    """
    Read a layer, and return it with its faults, so that more can be found by setting it against others.

    Raises
    ------
    MissingFileError, DataError
        As `read_layer`, where it cannot even be looked at.
    """
    options = options or ReadOptions()
    told = Complaints(layer.name)
    raw, frame = _placed(source, layer, options, told)
    says_crs = frame.crs is not None
    frame = _settle_crs(frame, options, told)
    _refuse_empty(frame, layer, options, told)
    columns = fit.fit_columns(_cells(frame), layer, raw, told)
    fitted = gpd.GeoDataFrame(columns, geometry=np.asarray(frame.geometry.to_numpy(), dtype=object), crs=frame.crs)
    _check_degrees(fitted, told)
    fitted = shapes.fit_shapes(fitted, layer, options.on_bad_rows, told)
    if layer is BACKBONE:
        fitted = fit_roles(fitted, told)
    if not len(fitted) and len(frame) and not told.faults and not options.may_be_empty:
        told.fault("has no row with a usable geometry", "Check that it is the right file and layer.")
    fitted = shapes.fill_ids(fitted, layer, told)
    if FLAT in fitted:
        fitted = fold_flats(fitted, told)
    rejected = rejected_rows(raw, told.rejected, fitted.crs)
    return Reading(fitted, told.source, tuple(told.notes), rejected, tuple(told.faults), says_crs)


def rejected_rows(raw: pd.DataFrame, why: Mapping[int, tuple[str, str, str]], crs: pyproj.CRS | None) -> pd.DataFrame:
    """Return the rows of a source that cannot be used, as they came, behind their code, reason and name."""
    rows = raw.loc[sorted(why)]
    told = pd.DataFrame([why[row] for row in rows.index.tolist()], columns=["code", "reason", "row"], index=rows.index)
    cells = {str(name): values.plain(rows[name]) for name in rows.columns if str(rows[name].dtype) != "geometry"}
    for name in told:
        cells.pop(str(name), None)
    table = pd.concat([told, pd.DataFrame(cells, index=rows.index)], axis=1)
    if not isinstance(raw, gpd.GeoDataFrame):
        return table.reset_index(drop=True)
    shapes = np.asarray(rows.geometry.to_numpy(), dtype=object).copy()
    shapes[~np.isfinite(shapely.bounds(shapes)).all(axis=1)] = None
    placed: pd.DataFrame = gpd.GeoDataFrame(table.reset_index(drop=True), geometry=shapes, crs=raw.crs or crs)
    return placed


def _placed(
    source: Source, layer: Layer, options: ReadOptions, told: Complaints
) -> tuple[pd.DataFrame, gpd.GeoDataFrame]:
    """Open a source, conform it to its preset, give its columns the names of the schema and its rows a place."""
    preset = column_preset(options.preset) if isinstance(options.preset, str) else options.preset
    opened = _open(source, layer, options, preset, told)
    _refuse_empty(opened, layer, options, told)
    tables.note_guessed_encoding(opened, layer.name, told)
    made = Conformed(opened, "", ())
    if preset is not None:
        made = conform(opened, preset, _second_tables(preset, options), told)
    table = fit.rename(made.table, layer, options.mapping or {}, told)
    fit.name_rows(table, layer, told)
    if isinstance(table, gpd.GeoDataFrame):
        return opened, table
    quarantine = options.on_bad_rows == "quarantine"
    header = [str(name) for name in opened]
    frame = tables.place(table, told, quarantine=quarantine, columns=made.location, header=header)
    if frame is None:
        raise DataError(told.faults)
    if made.crs and frame.crs is None:
        frame = frame.set_crs(read_crs(made.crs, told.source))
    return opened, frame


def _refuse_empty(table: pd.DataFrame, layer: Layer, options: ReadOptions, told: Complaints) -> None:
    """Refuse a layer without rows, before anything is missed in it."""
    if not len(table) and not options.may_be_empty:
        start = " Or give the place to start from with --pop LON,LAT." if layer is BACKBONE else ""
        told.fault("has no rows", f"Check that it is the right file and layer.{start}")
        raise_all(told.faults)


def _second_tables(preset: ColumnPreset, options: ReadOptions) -> dict[str, pd.DataFrame]:
    given = options.tables or {}
    return {
        name: sources.open_place(sources.locate(given[name], encoding=options.encoding(name)))
        for name in preset.tables
        if name in given
    }


def _open(
    source: Source, layer: Layer, options: ReadOptions, preset: ColumnPreset | None, told: Complaints
) -> pd.DataFrame:
    encoding = options.encoding(layer.name)
    is_ofds = preset is not None and preset.format == "ofds"
    if encoding is not None and (isinstance(source, pd.DataFrame) or postgis.is_database(source) or is_ofds):
        raise DataError([sources.no_encoding(told.source)])
    if isinstance(source, gpd.GeoDataFrame):
        try:
            source.geometry  # noqa: B018 - raises where there is none
        except AttributeError as error:
            fault = Fault("the table has no geometry", "Set one with set_geometry().", told.source)
            raise DataError([fault]) from error
        table: pd.DataFrame = source.reset_index(drop=True)
        return table
    if isinstance(source, pd.DataFrame):
        return source.reset_index(drop=True)
    if postgis.is_database(source):
        address = str(source)
        told.source = str(postgis.read_address(address, options.layer_name))
        return postgis.read_postgis(address, options.layer_name)
    place = sources.locate(source, options.layer_name, encoding)
    told.source = str(place)
    if is_ofds:
        network: pd.DataFrame = ofds.read_ofds(place)
        return network
    return sources.open_place(place, layer, preset.header if preset else ())


def _settle_crs(frame: gpd.GeoDataFrame, options: ReadOptions, told: Complaints) -> gpd.GeoDataFrame:
    """Give the layer the CRS it says, else the given one, else the one that its values show."""
    given = None if options.crs is None else read_crs(options.crs, told.source)
    degrees = _look_like_degrees(frame)
    if frame.crs is not None:
        if given is not None and frame.crs == LONLAT and not given.is_geographic and degrees is False:
            told.note(f"says EPSG:4326, but its values are no degrees: read as {given.name}, as given", "crs_guessed")
            return frame.set_crs(given, allow_override=True)
        return frame
    if given is not None and not (degrees and given.is_projected):
        return frame.set_crs(given)
    if degrees:
        told.note("says no CRS; its values look like degrees: read as EPSG:4326", "crs_guessed")
        return frame.set_crs(LONLAT)
    if options.must_say_crs:
        what = "has no CRS, and its values are not degrees"
        told.fault(what, "Say which one it is in, for example --crs EPSG:25832.")
    return frame


def _look_like_degrees(frame: gpd.GeoDataFrame) -> bool | None:
    """Whether the coordinates can be degrees; None where there are none."""
    middle = _middles(frame)
    if not len(middle):
        return None
    return bool(np.median(np.abs(middle[:, 0])) <= MAX_LON and np.median(np.abs(middle[:, 1])) <= MAX_LON / 2)


def _middles(frame: gpd.GeoDataFrame) -> NDArray[np.float64]:
    box = shapely.bounds(np.asarray(frame.geometry.to_numpy(), dtype=object))
    box = box[np.isfinite(box).all(axis=1)]
    return np.asarray((box[:, :2] + box[:, 2:]) / 2, dtype=np.float64)


def _check_degrees(frame: gpd.GeoDataFrame, told: Complaints) -> None:
    """Refuse a layer whose values do not belong to its CRS; single rows are judged with their geometry."""
    middle = _middles(frame)
    if frame.crs is None or not len(middle):
        return
    crs, size = frame.crs, np.abs(middle)
    fine = np.abs(middle - np.round(middle, 3)).max() > 0  # a drawn example in metres has round numbers
    if crs.is_projected and fine and (size <= (MAX_LON / 2, MAX_LAT)).all():
        told.fault(
            f"its values are degrees, but its CRS is said to be {crs.name}",
            "Say EPSG:4326 where the file says its CRS, or give the true one.",
        )
    elif crs.is_geographic and np.median(size[:, 1]) > MAX_LAT:
        told.spoilt = np.ones(len(frame), dtype=bool)
        if np.median(size[:, 1]) <= MAX_LON / 2 and np.median(size[:, 0]) <= MAX_LAT:
            told.fault("latitude and longitude are swapped", "Swap them: x is longitude, y is latitude.")
        else:
            cure = "Give the CRS that it is in with --crs, for example EPSG:25832."
            told.fault(f"its values are no degrees, but its CRS is said to be {crs.name}", cure)


def _cells(frame: gpd.GeoDataFrame) -> pd.DataFrame:
    """Everything but geometry, of which a table may hold several."""
    cells = pd.DataFrame(frame).drop(columns=frame.geometry.name)
    held = [name for name in cells.columns if str(cells[name].dtype) == "geometry"]
    plain: pd.DataFrame = cells.drop(columns=held)
    return plain
