"""One GeoPackage with all layers, styled for QGIS, the same bytes for the same tables."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pyogrio
import shapely

from lastmile_net.errors import RunError
from lastmile_net.schema import POINT
from lastmile_net.write.styles import qml

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import geopandas as gpd

    from lastmile_net.schema import Layer

STAMP = "2000-01-01T00:00:00.000Z"
"""Written wherever the format wants a time: the tables do not depend on the clock."""

_STYLES = """
CREATE TABLE layer_styles (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    f_table_catalog TEXT(256), f_table_schema TEXT(256), f_table_name TEXT(256), f_geometry_column TEXT(256),
    styleName TEXT(30), styleQML TEXT, styleSLD TEXT, useAsDefault BOOLEAN,
    description TEXT, owner TEXT(30), ui TEXT(30), update_time DATETIME DEFAULT CURRENT_TIMESTAMP
)
"""
_REGISTER = (
    "INSERT INTO gpkg_contents (table_name, data_type, identifier, description, last_change) "
    "VALUES ('layer_styles', 'attributes', 'layer_styles', 'Styles of the layers', ?)"
)
_STYLE = (
    "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, f_geometry_column, styleName, styleQML, "
    "useAsDefault, description, owner, update_time) VALUES ('', '', ?, ?, ?, ?, 1, ?, '', ?)"
)


def write_geopackage(path: Path, tables: Iterable[tuple[Layer, gpd.GeoDataFrame]], *, credit: str = "") -> None:
    """
    Write layers into a new GeoPackage, with a default style each.

    Parameters
    ----------
    path
        File to make; it must not exist.
    tables
        Layers and their tables; an empty table becomes an empty layer with all its columns.
    credit
        Whose data it is made from: stands in the description of each layer.

    Raises
    ------
    RunError
        If not all rows arrived in the file.
    """
    written = {}
    for layer, table in tables:
        written[layer] = (len(table), _write_layer(path, layer, table, credit))
    with closing(sqlite3.connect(path)) as database, database:
        for layer, (rows, _) in written.items():
            _check_rows(database, path, layer.name, rows)
        _add_styles(database, {layer: geometry for layer, (_, geometry) in written.items()})
        database.execute("UPDATE gpkg_contents SET last_change = ?", (STAMP,))


def content_hash(path: Path) -> str:
    """
    Return a sha256 of what the tables hold.

    A program that opens a GeoPackage may change its bytes without changing a cell; this hash stays then.
    """
    found = hashlib.sha256()
    with closing(sqlite3.connect(path)) as database:
        names = [name for (name,) in database.execute("SELECT table_name FROM gpkg_contents ORDER BY table_name")]
        for name in names:
            found.update(f"{name}\n".encode())
            for row in database.execute(f'SELECT * FROM "{name}" ORDER BY rowid'):
                found.update(f"{row!r}\n".encode())
    return found.hexdigest()


def geometry_type(layer: Layer, table: gpd.GeoDataFrame) -> str:
    """Return the one geometry type that holds all of a layer: multi lines only where there are any."""
    if layer.geometry == POINT:
        return "Point"
    return "MultiLineString" if "MultiLineString" in set(table.geom_type.dropna()) else "LineString"


def described(layer: Layer, credit: str) -> str:
    """Return what a layer holds, and whose data it is made from."""
    return f"{layer.meaning} {credit}".rstrip()


def free_name(wanted: str, taken: Iterable[str]) -> str:
    """Return `wanted`, with underscores behind it until no column is called so, whatever its case."""
    names = {name.lower() for name in taken}
    while wanted in names:
        wanted += "_"
    return wanted


def distinct_names(names: Iterable[str]) -> list[str]:
    """Return the names with underscores behind those that differ from an earlier one in case alone."""
    found: list[str] = []
    for name in names:
        found.append(name if name.lower() not in {each.lower() for each in found} else free_name(name.lower(), found))
    return found


def _write_layer(path: Path, layer: Layer, table: gpd.GeoDataFrame, credit: str) -> str:
    """Write one layer; return the name of its geometry column."""
    columns = table.columns.drop(table.geometry.name)
    names = distinct_names(columns)
    renamed = table.rename(columns=dict(zip(columns, names, strict=True)))
    if table.geometry.has_z.any():
        renamed = renamed.set_geometry(shapely.force_2d(table.geometry.to_numpy()), crs=table.crs)
    kind, geometry = geometry_type(layer, table), free_name("geom", names)
    pyogrio.write_dataframe(
        renamed,
        path,
        layer=layer.name,
        driver="GPKG",
        geometry_type=kind,
        promote_to_multi=kind == "MultiLineString",
        layer_options={
            "FID": free_name("fid", names),
            "GEOMETRY_NAME": geometry,
            "IDENTIFIER": layer.name,
            "DESCRIPTION": described(layer, credit),
        },
    )
    return geometry


def _check_rows(database: sqlite3.Connection, path: Path, name: str, rows: int) -> None:
    (found,) = database.execute(f'SELECT count(*) FROM "{name}"').fetchone()
    if found != rows:
        message = f"{path}: only {found} of {rows} rows of '{name}' could be written. Is the disk full?"
        raise RunError(message)


def _add_styles(database: sqlite3.Connection, layers: dict[Layer, str]) -> None:
    database.execute(_STYLES)
    database.execute(_REGISTER, (STAMP,))
    for layer, geometry in layers.items():
        row = (layer.name, geometry, layer.name, qml(layer.name), layer.meaning, STAMP)
        database.execute(_STYLE, row)
