"""Tables of a PostgreSQL database with PostGIS, read and written; names are quoted, reading cannot change a thing."""

from __future__ import annotations

import datetime
import decimal
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from pyproj.exceptions import CRSError as UnknownCrs

from lastmile_net.crs import LONLAT
from lastmile_net.errors import DataError, Fault, MissingFileError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import sqlalchemy as sa

SCHEMES = ("postgresql://", "postgres://", "postgresql+psycopg://", "postgis://")
CONNECT_S = 10
_NAME = re.compile(r'(?:(?P<schema>"(?:[^"]|"")+"|[^".][^.]*)\.)?(?P<table>"(?:[^"]|"")+"|[^".][^.]*)')
_HELD = (str, int, float, bool, bytes, list, dict, datetime.date, type(None))


@dataclass(frozen=True)
class Database:
    """
    A database, and what is wanted of it.

    Parameters
    ----------
    url
        Address without the table.
    table
        Table, or `schema.table`; parts with a dot or in another case than they look stand in `"`.
    sql
        Query instead of a table.
    """

    url: str
    table: str | None = None
    sql: str | None = None

    def __str__(self) -> str:
        parts = urlsplit(self.url)
        host = parts.netloc.rpartition("@")
        user = host[0].partition(":")[0]
        shown = urlunsplit(("postgresql", f"{user}@{host[2]}" if user else host[2], parts.path, "", ""))
        return f"{shown}#{self.table}" if self.table else shown


def is_database(source: object) -> bool:
    """Whether a source is the address of a database."""
    return isinstance(source, str) and source.startswith(SCHEMES)


def read_address(address: str, table: str | None = None) -> Database:
    """
    Take an address apart.

    The table stands behind `#`, or as `?table=`; a query as `?sql=`; other parameters go to the database.

    Examples
    --------
    >>> read_address("postgresql://me:secret@localhost/town?sslmode=require#public.homes").table
    'public.homes'
    >>> print(read_address("postgresql://me:secret@localhost/town", "homes"))
    postgresql://me@localhost/town#homes
    """
    parts = urlsplit(address)
    asked = dict(parse_qsl(parts.query, keep_blank_values=True))
    in_query, sql = asked.pop("table", None), asked.pop("sql", None)
    url = urlunsplit(("postgresql+psycopg", parts.netloc, parts.path, urlencode(asked), ""))
    return Database(url, table or in_query or unquote(parts.fragment) or None, sql)


def read_postgis(address: str, table: str | None = None, *, sql: str | None = None) -> pd.DataFrame:
    """
    Read a table, a view, or the rows of a query.

    The transaction is read-only, so that a query cannot change anything; a name of a table is quoted, and
    never run.

    Parameters
    ----------
    address
        `postgresql://user:password@host:port/database`, with the table behind `#` if it is not in `table`.
    table
        Table or view, `schema.table` where the schema is not on the search path.
    sql
        Query instead of a table.

    Returns
    -------
    rows
        GeoDataFrame, or DataFrame where there is no column of type geometry or geography.

    Raises
    ------
    MissingFileError
        If there is no such table.
    DataError
        If the database cannot be reached, or does not answer the query.
    """
    found = read_address(address, table)
    query = sql or found.sql
    if not (query or found.table):
        raise DataError([Fault("no table is named", "Name it behind the address: #schema.table.", str(found))])
    engine = _engine(found)
    import psycopg
    import sqlalchemy as sa

    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("SET TRANSACTION READ ONLY")
            answer = _ask(connection, query or _select(connection, found))
            return _as_layer(connection, answer, str(found))
    except (sa.exc.SQLAlchemyError, psycopg.Error) as error:
        raise DataError([_broken(found, error)]) from error
    finally:
        engine.dispose()


def write_postgis(frame: gpd.GeoDataFrame, address: str, table: str | None = None, *, replace: bool = False) -> None:
    """
    Write a layer into a table, all of it or nothing.

    Parameters
    ----------
    frame
        Layer with a CRS; one that has no EPSG number is written in EPSG:4326.
    address, table
        As for `read_postgis`.
    replace
        Whether a table of that name may be replaced.

    Raises
    ------
    DataError
        If the table exists, no table is named, or the database does not take it.
    """
    found = read_address(address, table)
    if not found.table:
        raise DataError([Fault("no table is named", "Name it behind the address: #schema.table.", str(found))])
    schema, name = _parts(found)
    _write(found, {name: frame}, schema, replace=replace)


def publish(
    layers: Mapping[str, gpd.GeoDataFrame], address: str, schema: str | None = None, *, replace: bool = False
) -> None:
    """
    Write layers into the tables of one schema, which is made if it is not there: all of them or nothing.

    Parameters
    ----------
    layers
        Layers with a CRS, by the names of their tables; without an EPSG number they are written in EPSG:4326.
    address
        `postgresql://user:password@host:port/database`.
    schema
        Name of the schema, as it is; else it stands behind `#` in the address.
    replace
        Whether tables of these names may be replaced.

    Raises
    ------
    DataError
        If a table exists, no schema is named, or the database does not take them.
    """
    found = read_address(address)
    schema = schema or found.table
    if not schema:
        raise DataError([Fault("no schema is named", "Name it behind the address: #schema.", str(found))])
    _write(found, layers, schema, replace=replace, make=True)


def _write(
    found: Database, layers: Mapping[str, gpd.GeoDataFrame], schema: str | None, *, replace: bool, make: bool = False
) -> None:
    engine = _engine(found)
    import sqlalchemy as sa

    try:
        with engine.begin() as connection:
            if make:
                connection.execute(sa.schema.CreateSchema(str(schema), if_not_exists=True))
            for name, frame in layers.items():
                projected = frame if frame.crs is None or frame.crs.to_epsg() else frame.to_crs(LONLAT)
                projected.to_postgis(name, connection, schema=schema, if_exists="replace" if replace else "fail")
    except ValueError as error:
        fault = Fault(f"cannot be written: {error}", "Choose another name, or say that it may be replaced.", str(found))
        raise DataError([fault]) from error
    except sa.exc.SQLAlchemyError as error:
        raise DataError([_broken(found, error)]) from error
    finally:
        engine.dispose()


def _engine(found: Database) -> sa.Engine:
    try:
        import geoalchemy2  # noqa: F401 - writing needs it
        import psycopg  # noqa: F401
        import sqlalchemy as sa
    except ImportError as error:
        cure = "Install them: pip install 'lastmile-net[postgis]'."
        raise DataError([Fault(f"databases need {error.name}", cure, str(found))]) from error
    try:
        return sa.create_engine(found.url, poolclass=sa.pool.NullPool, connect_args={"connect_timeout": CONNECT_S})
    except (sa.exc.ArgumentError, ValueError) as error:
        cure = "Write it as postgresql://user:password@host:port/database#schema.table."
        raise DataError([Fault("is no address of a database", cure, str(found))]) from error


def _broken(found: Database, error: Exception) -> Fault:
    reason = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
    cure = "Check address, user, password and query; psql with the same address shows more."
    return Fault(f"the database says: {reason}", cure, str(found))


def _parts(found: Database) -> tuple[str | None, str]:
    """Split a name as it was written into schema and table."""
    told = _NAME.fullmatch(found.table or "")
    if told is None:
        cure = 'Write it as schema.table, with " around a part that holds a dot.'
        raise DataError([Fault(f"'{found.table}' is no name of a table", cure, str(found))])
    plain = [
        None if part is None else part[1:-1].replace('""', '"') if part.startswith('"') else part
        for part in (told["schema"], told["table"])
    ]
    return plain[0], str(plain[1])


def _select(connection: sa.Connection, found: Database) -> str:
    schema, table = _parts(found)
    quote = connection.dialect.identifier_preparer.quote_identifier
    name = ".".join(quote(part) for part in (schema, table) if part is not None)
    if _one(connection, "SELECT to_regclass(:name)::text", name=name) is None:
        listed = "SELECT string_agg(f_table_schema || '.' || f_table_name, ', ' ORDER BY 1) FROM geometry_columns"
        there = _one(connection, listed) if _one(connection, "SELECT to_regclass('geometry_columns')::text") else None
        what = f"the database has no table {table}"
        raise MissingFileError([Fault(what, f"With geometry it has: {there or 'none'}.", str(found))])
    return f"SELECT * FROM {name}"


def _one(connection: sa.Connection, text: str, **values: object) -> str | None:
    import sqlalchemy as sa

    found = connection.execute(sa.text(text.replace("::", r"\:\:")), values).scalar()
    return None if found is None else str(found)


def _ask(connection: sa.Connection, query: str) -> tuple[pd.DataFrame, list[int]]:
    """Run one statement, never two; return its rows, and the type of each column."""
    raw = connection.connection.driver_connection
    if raw is None:
        return pd.DataFrame(), []
    with raw.cursor() as cursor:
        cursor.execute(query, prepare=True)  # a prepared statement cannot hold a second one behind a semicolon
        described = cursor.description or []
        rows = cursor.fetchall() if described else []
    cells = list(zip(*rows, strict=True)) if rows else [()] * len(described)
    columns = {column.name: _held(values) for column, values in zip(described, cells, strict=True)}
    frame = pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in columns.items()})
    return frame.infer_objects(), [column.type_code for column in described]


def _as_layer(connection: sa.Connection, answer: tuple[pd.DataFrame, list[int]], source: str) -> pd.DataFrame:
    import sqlalchemy as sa

    frame, types = answer
    if len(types) != frame.shape[1]:
        raise DataError([Fault("two columns have one name", "Name each column of the query with AS.", source)])
    ours = "SELECT oid FROM pg_type WHERE typname IN ('geometry', 'geography')"
    spatial = set(connection.execute(sa.text(ours)).scalars())
    shapes = [name for name, code in zip(frame.columns, types, strict=True) if code in spatial]
    if not shapes:
        return frame
    chosen = next((name for name in ("geometry", "geom", "the_geom") if name in shapes), shapes[0])
    cells = [value if isinstance(value, str | bytes) else None for value in frame[chosen]]
    geometry = shapely.from_wkb(np.array(cells, dtype=object), on_invalid="ignore")
    codes = np.unique(shapely.get_srid(geometry[~shapely.is_missing(geometry)]))
    if len(codes) > 1:
        what = f"holds geometries of {len(codes)} CRS"
        raise DataError([Fault(what, "Use ST_Transform in a query.", source, chosen)])
    crs = _crs(connection, int(codes[0])) if len(codes) else None
    plain = frame.drop(columns=shapes)
    layer: pd.DataFrame = gpd.GeoDataFrame(plain, geometry=shapely.set_srid(geometry, 0), crs=crs)
    return layer


def _held(values: Sequence[object]) -> list[object]:
    """Cells that any format can hold: decimals become numbers, other strange types text."""
    return [
        value if isinstance(value, _HELD) else float(value) if isinstance(value, decimal.Decimal) else str(value)
        for value in values
    ]


def _crs(connection: sa.Connection, code: int) -> pyproj.CRS | None:
    if code <= 0:
        return None
    try:
        return pyproj.CRS.from_epsg(code)
    except UnknownCrs:
        text = _one(connection, "SELECT srtext FROM spatial_ref_sys WHERE srid = :code", code=code)
        return pyproj.CRS.from_wkt(text) if text else None
