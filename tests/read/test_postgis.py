"""Layers from a real PostGIS and back: quoted names, a query that cannot write, errors without the password."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING
from urllib.parse import quote

import geopandas as gpd
import pandas as pd
import psycopg
import pytest
import shapely

import lastmile_net as lm
from lastmile_net.errors import DataError, MissingFileError
from lastmile_net.read.files import read_layer
from lastmile_net.read.layers import load_layers
from lastmile_net.read.postgis import publish, read_address, read_postgis, write_postgis
from lastmile_net.schema import CUSTOMERS, PLAN_LAYERS

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.database
NASTY = 'homes"; DROP TABLE safe; --'


def homes(crs: int = 4326) -> gpd.GeoDataFrame:
    """Return three customers."""
    places = [shapely.Point(11.28 + number / 1000, 49.51) for number in range(3)]
    columns = {"customer_id": ["007", "01", "x"], "units": [1, 2, 3], "connected": [True, False, False]}
    return gpd.GeoDataFrame(columns, geometry=places, crs=4326).to_crs(crs)


def run(address: str, *statements: str) -> None:
    """Change the database, past the package."""
    with psycopg.connect(address, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


@pytest.mark.parametrize("table", ["homes", "Homes of Lauf", 'a"b', "select", NASTY])
@pytest.mark.parametrize("crs", [4326, 25832])
def test_there_and_back(database: str, table: str, crs: int) -> None:
    """What was written is read again, whatever the table is called."""
    run(database, "DROP TABLE IF EXISTS safe", "CREATE TABLE safe (a int)")
    write_postgis(homes(crs), database, table, replace=True)
    frame = read_layer(database, CUSTOMERS, layer_name=table)
    assert frame.crs == crs
    assert frame["customer_id"].tolist() == ["007", "01", "x"]
    assert frame["connected"].tolist() == [True, False, False]
    assert shapely.equals_exact(frame.geometry.to_numpy(), homes(crs).geometry.to_numpy(), 1e-6).all()
    run(database, "SELECT * FROM safe")


def test_schema_and_address(database: str) -> None:
    """The table may stand in the address, with its schema, the way a command line gives it."""
    run(database, 'DROP SCHEMA IF EXISTS "my.town" CASCADE', 'CREATE SCHEMA "my.town"')
    write_postgis(homes(), database, '"my.town".homes')
    assert len(read_layer(f'{database}#"my.town".homes', CUSTOMERS)) == 3
    assert len(read_layer(f"{database}?table=%22my.town%22.homes", CUSTOMERS)) == 3


def test_nothing_is_overwritten_unasked(database: str) -> None:
    """A planner's table of the same name stays, whole."""
    write_postgis(homes(), database, "kept", replace=True)
    with pytest.raises(DataError, match="exists"):
        write_postgis(homes()[:1], database, "kept")
    assert len(read_postgis(database, "kept")) == 3


def test_query(database: str) -> None:
    """A query joins and filters on the server; `%` and `:` in it are its own."""
    write_postgis(homes(), database, "q", replace=True)
    query = "SELECT *, ':a' AS note FROM q WHERE customer_id LIKE '0%' AND units::text <> '9'"
    assert len(read_postgis(database, sql=query)) == 2
    assert len(read_layer(f"{database}?sql=SELECT%20*%20FROM%20q", CUSTOMERS)) == 3


@pytest.mark.parametrize(
    "query",
    ["DROP TABLE q2", "SELECT 1; DROP TABLE q2", "COMMIT; DROP TABLE q2", "UPDATE q2 SET units = 0", "nonsense"],
)
def test_query_cannot_write(database: str, query: str) -> None:
    """Reading changes nothing, whatever the query says."""
    write_postgis(homes(), database, "q2", replace=True)
    with pytest.raises(DataError, match="the database says"):
        read_postgis(database, sql=query)
    assert read_postgis(database, "q2")["units"].sum() == 6


def test_types_of_the_database(database: str) -> None:
    """Decimals, arrays, json, uuid, geography and empty cells come through as values that a plan can hold."""
    run(
        database,
        "DROP TABLE IF EXISTS odd",
        "CREATE TABLE odd (customer_id uuid, units numeric, revenue numeric(9,2), tags text[], doc jsonb, "
        "since date, spot geography(Point, 4326), other geometry)",
        "INSERT INTO odd VALUES ('00000000-0000-0000-0000-000000000001', 2.0, 1.5, '{a,b}', '{\"k\": 1}', "
        "'2020-01-01', 'POINT(11 49)', NULL), ('00000000-0000-0000-0000-000000000002', NULL, NULL, NULL, NULL, "
        "NULL, 'POINT(11 49.1)', NULL)",
    )
    frame = read_layer(f"{database}#odd", CUSTOMERS)
    assert frame["customer_id"].str.len().tolist() == [36, 36]
    assert frame["units"].tolist() == [2, 1]
    assert frame["revenue"].iloc[0] == 1.5
    assert frame["tags"].iloc[0] == "a;b"
    assert frame["doc"].iloc[0] == '{"k": 1}'


def test_tables_without_geometry_or_rows(database: str) -> None:
    """A table with columns of coordinates is placed; an empty one says so."""
    run(
        database,
        "DROP TABLE IF EXISTS plain, bare",
        "CREATE TABLE plain (customer_id text, lon float, lat float)",
        "INSERT INTO plain VALUES ('1', 11, 49)",
        "CREATE TABLE bare (customer_id text, geom geometry(Point, 4326))",
    )
    assert read_layer(f"{database}#plain", CUSTOMERS).crs == 4326
    with pytest.raises(DataError, match="has no rows"):
        read_layer(f"{database}#bare", CUSTOMERS)


def test_errors_keep_the_password(database: str) -> None:
    """Each thing that can go wrong is a message of ours, and none shows the password."""
    cases = [
        (f"{database}#nope", MissingFileError, "has no table nope"),
        (database, DataError, "no table is named"),
        ("postgresql://me:secret@127.0.0.1:1/town#homes", DataError, "the database says"),
        ("postgresql://me:secret@127.0.0.1:port/town#homes", DataError, "no address of a database"),
        (f'{database}#a"b.c.d', DataError, "no name of a table"),
    ]
    for address, kind, word in cases:
        with pytest.raises(kind, match=word) as caught:
            read_layer(address, CUSTOMERS)
        assert "secret" not in str(caught.value)


def test_address() -> None:
    """Parameters for the database stay with it; the table does not."""
    found = read_address("postgres://u:p@h:1/d?sslmode=require&table=a.b")
    assert found.url == "postgresql+psycopg://u:p@h:1/d?sslmode=require"
    assert found.table == "a.b"
    assert str(found) == "postgresql://u@h:1/d#a.b"


def test_a_plan_from_the_database(database: str) -> None:
    """All layers of a plan may lie in the database."""
    street = gpd.GeoDataFrame(
        {"street_id": ["a"]}, geometry=[shapely.LineString([(11.28, 49.51), (11.29, 49.51)])], crs=4326
    )
    cabinet = gpd.GeoDataFrame({"backbone_id": ["k"]}, geometry=[shapely.Point(11.28, 49.51)], crs=4326)
    for name, frame in (("s", street), ("b", cabinet), ("c", homes())):
        write_postgis(frame, database, name, replace=True)
    layers = load_layers(f"{database}#s", f"{database}#b", f"{database}#c")
    assert len(layers.customers) == 3


def tables(address: str, schema: str) -> list[str]:
    """Return the tables of a schema."""
    with psycopg.connect(address) as connection:
        asked = "SELECT table_name FROM information_schema.tables WHERE table_schema = %s ORDER BY 1"
        return [name for (name,) in connection.execute(asked, [schema])]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a run with two customers, one of them without a place."""
    street = gpd.GeoDataFrame(
        {"street_id": ["a"]}, geometry=[shapely.LineString([(11.28, 49.51), (11.29, 49.51)])], crs=4326
    )
    cabinet = gpd.GeoDataFrame(
        {"backbone_id": ["k"], "role": ["pop"]}, geometry=[shapely.Point(11.28, 49.51)], crs=4326
    )
    nowhere = gpd.GeoDataFrame({"customer_id": ["="]}, geometry=[None], crs=4326)
    plan = lm.plan(
        street, cabinet, pd.concat([homes(), nowhere]), config=lm.read_config(prices="metres", on_bad_rows="quarantine")
    )
    folder = tmp_path_factory.mktemp("run") / "run"
    lm.write_run(plan, folder)
    return folder


@pytest.mark.parametrize("schema", ["town", 'a"; DROP SCHEMA public; --', "Select.1"])
def test_a_run_goes_into_the_database(database: str, finished: Path, schema: str) -> None:
    """What was planned is in tables of one schema, row for row, whatever it is called; a second time only if asked."""
    address = f"{database}#{quote(schema)}"
    command = [sys.executable, "-m", "lastmile_net", "export", str(finished), "--postgis", address]
    first = subprocess.run(command, capture_output=True, text=True, check=False)
    assert first.returncode == 0, first.stderr
    assert "customers: 4 rows" in first.stdout
    assert "secret" not in first.stdout + first.stderr
    plan = lm.read_run(finished)
    assert tables(database, schema) == sorted(layer.name for layer in PLAN_LAYERS)
    for layer in PLAN_LAYERS:
        name = '"' + schema.replace('"', '""') + f'".{layer.name}'
        rows, made = read_postgis(database, name), getattr(plan, layer.name)
        assert len(rows) == len(made)
        if len(made):
            key = made.columns[0]
            assert sorted(rows[key].astype(str)) == sorted(made[key].astype(str))
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode == 3
    assert "exists" in again.stderr
    assert subprocess.run([*command, "--overwrite"], capture_output=True, check=False).returncode == 0


def test_a_run_is_published_whole_or_not_at_all(database: str, finished: Path) -> None:
    """Half a plan in a database that others draw from is worse than none."""
    run(database, 'DROP SCHEMA IF EXISTS "half" CASCADE', 'CREATE SCHEMA "half"', 'CREATE TABLE "half".routes (a int)')
    plan = lm.read_run(finished)
    with pytest.raises(DataError, match="exists"):
        publish({"customers": plan.customers, "routes": plan.routes}, f"{database}#half")
    assert tables(database, "half") == ["routes"]
    with pytest.raises(DataError, match="no schema is named"):
        publish({"customers": plan.customers}, database)
