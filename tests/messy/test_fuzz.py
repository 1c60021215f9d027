"""Files broken at random: they end in layers that hold everybody, or in an error that names the cure."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import geopandas as gpd
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lastmile_net as lm
from lastmile_net.config import PlanConfig
from lastmile_net.doctor import check_layers
from lastmile_net.errors import LastMileError
from lastmile_net.read.files import Reading, ReadOptions
from lastmile_net.read.files import read as read_file
from lastmile_net.read.layers import load_layers
from lastmile_net.schema import CUSTOMERS, Layer
from lastmile_net.schema import STREETS as STREET_LAYER

from .town import CROSS, HOMES, LONG, SOUTH, WEST, features, point

if TYPE_CHECKING:
    from lastmile_net.read.shapes import BadRows

EXAMPLES = int(os.environ.get("LASTMILE_FUZZ", "60"))
"""Of each test; 1000 take some minutes."""
Edit = tuple[float, str, str, int]
NASTY = [
    *("", " ", '"', "'", ",", ";", "\t", "\n", "\r\n", "\\", "\x00", "\ufeff", "|", "{", "}", "[", "]", ":", "null"),
    *(
        "nan",
        "inf",
        "-inf",
        "1e400",
        "-0",
        "0",
        "180",
        "-90.0000001",
        "1,5",
        "1.234,5",
        "=cmd()",
        "<b>",
        "é",
        "🏠",
    ),
    *("POINT (1 2)", "POINT EMPTY", "true", "NaN", "1.23E+15", "-1", "99999999999999999999", "lon", "customer_id"),
    *('{"type":"Point","coordinates":[]}', '"geometry":null', '"coordinates":[[1,2],[3]]', "%s", "../../etc", "h1"),
]
HOMES_JSON = features(
    *((point(1 + 2 * n, 0.2), {"customer_id": f"h{n}", "units": n + 1, "street": "Long Street"}) for n in range(4))
)
STREETS_JSON = features(LONG, CROSS)
CABINET = gpd.GeoDataFrame({"role": ["cabinet"]}, geometry=[shapely.Point(WEST, SOUTH)], crs=4326)
STREETS = gpd.GeoDataFrame(
    {"street_id": ["long"]}, geometry=[shapely.LineString([(WEST, SOUTH), (WEST + 0.009, SOUTH)])], crs=4326
)
PLACES = gpd.GeoDataFrame({"customer_id": ["a"]}, geometry=[shapely.Point(WEST + 0.001, SOUTH + 0.0002)], crs=4326)

WAYS = ["cut", "put", "swap", "byte", "end"]
edit = st.tuples(st.floats(0, 1), st.sampled_from(WAYS), st.sampled_from(NASTY), st.integers(0, 255))
edits = st.lists(edit, min_size=1, max_size=4)


def broken(text: str, changes: list[Edit]) -> bytes:
    """Return a file with some changes made to it, one after the other."""
    data = text.encode()
    for where, how, token, number in changes:
        at = int(where * len(data))
        if how == "cut":
            data = data[:at] + data[at + number % 40 :]
        elif how == "put":
            data = data[:at] + token.encode() + data[at:]
        elif how == "swap":
            data = data[:at] + token.encode() + data[at + number % 12 :]
        elif how == "byte":
            data = data[:at] + bytes([number]) + data[at + 1 :]
        else:
            data = data[: max(at, 1)]
    return data


def read(layer: Layer, name: str, data: bytes, bad_rows: BadRows, *, whole: bool) -> Reading | None:
    """Read a file, now and then with a whole town around it; None if that ends in an error, as it may."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        try:
            reading = examine_file(path, layer, bad_rows)
            if whole:
                examine_town(path, layer, bad_rows)
        except LastMileError as error:
            assert error.faults
            assert all(fault.what and fault.cure for fault in error.faults)
            return None
        assert set(layer.names) <= set(reading.frame.columns)
        return reading


def examine_file(path: Path, layer: Layer, bad_rows: BadRows) -> Reading:
    """Read one file."""
    return read_file(path, layer, ReadOptions(on_bad_rows=bad_rows, must_say_crs=False))


def examine_town(path: Path, layer: Layer, bad_rows: BadRows) -> None:
    """Read a town in which one layer is this file, and let the doctor examine it."""
    given = {"streets": STREETS, "backbone": CABINET, "customers": PLACES, layer.name: str(path)}
    config = PlanConfig.read({"on_bad_rows": bad_rows})
    findings = check_layers(load_layers(config=config, **given), config)
    assert all(each.message and each.cure for each in findings)


def table_rows(data: bytes) -> set[int]:
    """Count the rows of a table in all ways in which it can be cut, without our reader."""
    counts = set()
    for encoding in ("utf-8-sig", "cp1252", "utf-16"):
        text = data.decode(encoding, errors="replace")
        for delimiter in ",;\t|":
            rows = csv.reader(io.StringIO(text.replace("\x00", ""), newline=""), delimiter=delimiter)
            counts.add(sum(any(row) for row in rows) - 1)
    return counts


@settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(edits, st.sampled_from(["error", "quarantine"]), st.integers(0, 19))
def test_tables(changes: list[Edit], bad_rows: BadRows, turn: int) -> None:
    """A table that can be read gives a customer for each of its rows; one that cannot is refused with all faults."""
    data = broken(HOMES, changes)
    reading = read(CUSTOMERS, "homes.csv", data, bad_rows, whole=turn == 0)
    if reading is not None:
        assert len(reading.frame) in table_rows(data)
        assert reading.frame["customer_id"].is_unique


@settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(edits, st.sampled_from(["error", "quarantine"]), st.sampled_from([CUSTOMERS, STREET_LAYER]), st.integers(0, 19))
def test_geojson(changes: list[Edit], bad_rows: BadRows, layer: Layer, turn: int) -> None:
    """No feature of a GeoJSON file vanishes: a customer stays, a street stays or is among the rejected."""
    data = broken(HOMES_JSON if layer is CUSTOMERS else STREETS_JSON, changes)
    reading = read(layer, f"{layer.name}.geojson", data, bad_rows, whole=turn == 0)
    if reading is None:
        return
    try:
        parsed = json.loads(data)
    except ValueError:
        return  # GDAL reads more than the standard allows
    count = sum(isinstance(each, dict) for each in parsed["features"]) if "features" in parsed else 1
    assert len(reading.frame) + (len(reading.rejected) if layer is STREET_LAYER else 0) == count


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(edits)
def test_plans(changes: list[Edit]) -> None:
    """What can be read can be planned: every customer comes out once, with an outcome."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "homes.csv"
        path.write_bytes(broken(HOMES, changes))
        config = lm.read_config(on_bad_rows="quarantine", prices="metres", rounds=1)
        try:
            layers = load_layers(STREETS, CABINET, str(path), config=config)
            plan = lm.plan(STREETS, CABINET, str(path), config=config)
        except LastMileError:
            return
        assert plan.customers["customer_id"].tolist() == layers.customers["customer_id"].tolist()
        assert plan.customers["outcome"].notna().all()
