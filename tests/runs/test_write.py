"""A run's folder: all of it or nothing, styled, safe to open, the same for the same plan."""

from __future__ import annotations

import csv
import dataclasses
import errno
import hashlib
import json
import os
import random
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
from geopandas.testing import assert_geodataframe_equal

from lastmile_net.errors import MissingFileError, RunError
from lastmile_net.read.run import read_run
from lastmile_net.report.spreadsheet import neutralise
from lastmile_net.schema import PLAN_LAYERS
from lastmile_net.verify import verify_run
from lastmile_net.write import FORMATS, Inputs, atomic, write_run
from lastmile_net.write.tables import layer_table

if TYPE_CHECKING:
    from lastmile_net.plan.result import Plan

FILES = {"bom.csv", "bom.xlsx", "plan.gpkg", "gaps.csv", "summary.json", "map.html", "run.json"}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the map, which takes the longest to write."""
    monkeypatch.setattr("lastmile_net.write.run._draw_map", lambda *_: None)


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_run_has_all_its_files(town: Plan, tmp_path: Path) -> None:
    """Scripts hang on these names, and each but the seal must be hashed in it."""
    given = tmp_path / "customers.csv"
    given.write_text("customer_id\na\n", encoding="utf-8")
    run = write_run(
        town, tmp_path / "a" / "run", inputs=Inputs.of(customers=given, streets=None), seconds=1.5, peak_memory_mb=200.0
    )
    assert set(contents(run)) == FILES
    seal = json.loads((run / "run.json").read_text(encoding="utf-8"))
    assert {name: entry["sha256"] for name, entry in seal["files"].items()} == {
        name: hashlib.sha256(data).hexdigest() for name, data in contents(run).items() if name != "run.json"
    }
    assert seal["inputs"]["customers"]["sha256"] == hashlib.sha256(given.read_bytes()).hexdigest()
    assert Path(seal["inputs"]["customers"]["path"]) == given
    assert (seal["status"], seal["seed"], seal["seconds"], seal["peak_memory_mb"]) == ("optimal", 0, 1.5, 200.0)
    assert seal["config"]["max_route_m"] == 400.0
    assert [path.name for path in run.parent.iterdir()] == ["run"], "a draft was left behind"


def test_password_of_a_database_stays_out() -> None:
    """`run.json` is passed around; a password in it would be, too."""
    source = Inputs.of(streets="postgresql://me:secret@host:5432/gis").files["streets"]
    assert source.path == "postgresql://me@host:5432/gis"


@pytest.mark.usefixtures("quick")
def test_every_layer_is_there_with_its_columns(town: Plan, tmp_path: Path) -> None:
    """A GIS project hangs on layers and columns, empty ones, too; ids must stay text."""
    bare = dataclasses.replace(town, reused=town.reused.iloc[:0], routes=town.routes.iloc[:0])
    run = write_run(bare, tmp_path / "run")
    kinds = {"text": {"OFTString"}, "number": {"OFTReal"}, "integer": {"OFTInteger64"}, "boolean": {"OFTInteger"}}
    for layer in PLAN_LAYERS:
        info = pyogrio.read_info(run / "plan.gpkg", layer=layer.name)
        found = dict(zip(info["fields"], info["ogr_types"], strict=True))
        assert list(found)[: len(layer.names)] == list(layer.names), layer.name
        assert {name for name in layer.names if found[name] not in kinds[layer[name].kind]} == set(), layer.name
        assert info["geometry_type"] == layer.geometry[0]
        assert info["crs"] == "EPSG:25832"
    assert pyogrio.read_info(run / "plan.gpkg", layer="reused")["features"] == 0


def test_plan_survives_the_way_through_the_files(town: Plan, tmp_path: Path) -> None:
    """`map`, `report` and `compare` draw from a run what they would have drawn from the plan."""
    back = read_run(write_run(town, tmp_path / "run"))
    for layer in PLAN_LAYERS:
        told = layer_table(getattr(town, layer.name), layer)
        found = layer_table(getattr(back, layer.name), layer)
        assert_geodataframe_equal(found[told.columns], told, check_dtype=False, check_crs=True)
    assert back.summary == json.loads(json.dumps(town.summary))
    assert (back.config, back.status, back.notes) == (town.config, town.status, town.notes)
    again = write_run(back, tmp_path / "again")
    assert verify_run(again).passed


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("names", [["17", "007"], ["-12", "=Yard 3"], ["None", "@home"]])
def test_proposals_keep_their_names(town: Plan, tmp_path: Path, names: list[str]) -> None:
    """The report looks prices up by the name of an access point; `17` came back as a number, `=Yard 3` quoted."""
    texts = {"scope": "change", "name": names, "change": "add_ports", "unit": "ports", "at": names, "devices": ""}
    proposals = pd.DataFrame(
        texts | {"value": [3.0, np.nan], "homes": 2, "cost": 60.5, "best": True, "proposal": "add"}
    )
    town = dataclasses.replace(town, proposals=proposals)
    found = read_run(write_run(town, tmp_path / "run")).proposals
    pd.testing.assert_frame_equal(found, proposals, check_dtype=False)


@pytest.mark.usefixtures("quick")
def test_row_order_and_time_do_not_show(town: Plan, tmp_path: Path) -> None:
    """The same plan makes the same bytes, whatever the order of its rows."""
    shuffled = {layer.name: getattr(town, layer.name).iloc[::-1].reset_index(drop=True) for layer in PLAN_LAYERS}
    first = contents(write_run(town, tmp_path / "a", formats=FORMATS))
    time.sleep(1.1)
    second = contents(write_run(dataclasses.replace(town, **shuffled), tmp_path / "b", formats=FORMATS))
    assert first.keys() == second.keys()
    assert {name for name in first if first[name] != second[name]} <= {"bom.xlsx", "run.json"}, (
        "a workbook has its time"
    )


@pytest.mark.usefixtures("quick")
def test_styles_are_registered_for_qgis(town: Plan, tmp_path: Path) -> None:
    """QGIS loads a layer styled if `layer_styles` names table and geometry column and is registered."""
    run = write_run(town, tmp_path / "run")
    with closing(sqlite3.connect(run / "plan.gpkg")) as database:
        styles = database.execute(
            "SELECT f_table_name, f_geometry_column, styleQML FROM layer_styles WHERE useAsDefault"
        ).fetchall()
        columns = dict(database.execute("SELECT table_name, column_name FROM gpkg_geometry_columns"))
        kinds = dict(database.execute("SELECT table_name, data_type FROM gpkg_contents"))
    assert {(name, geometry) for name, geometry, _ in styles} == set(columns.items())
    assert kinds["layer_styles"] == "attributes"
    for name, _, text in styles:
        root = ET.fromstring(text.split("\n", 1)[1])
        rules = [rule.attrib for rule in root.iter("rule")]
        symbols = {symbol.attrib["name"] for symbol in root.iter("symbol")}
        assert {rule["symbol"] for rule in rules} == symbols, name
        assert rules, name


@pytest.mark.usefixtures("quick")
def test_style_rules_divide_the_rows(town: Plan, tmp_path: Path) -> None:
    """Each row must meet one rule: none would hide it, two would draw it twice."""
    run = write_run(town, tmp_path / "run")
    with closing(sqlite3.connect(run / "plan.gpkg")) as database:
        for name, text in database.execute("SELECT f_table_name, styleQML FROM layer_styles").fetchall():
            filters = [rule.get("filter") for rule in ET.fromstring(text.split("\n", 1)[1]).iter("rule")]
            plain = [each for each in filters if each and each != "ELSE"]
            if not plain:
                continue
            met = " + ".join(f"coalesce({each}, 0)" for each in plain)
            counts = {count for (count,) in database.execute(f'SELECT {met} FROM "{name}"')}
            assert counts <= ({0, 1} if "ELSE" in filters else {1}), name


@pytest.mark.usefixtures("quick")
def test_homes_of_the_gaps_add_up_to_the_summary(town: Plan, tmp_path: Path) -> None:
    """Of a house partly connected only the other homes wait: whoever adds up `units` counts homes that are served."""
    customers = town.customers.assign(units_connected=[None, None, None, None, 2, None])
    run = write_run(dataclasses.replace(town, customers=customers), tmp_path / "run")
    table = pd.read_csv(run / "gaps.csv").set_index("customer_id")
    assert table["units_without_line"].to_dict() == {"a": 1, "b": 4, "c": 2, "e": 1, "f": 1}


@pytest.mark.usefixtures("quick")
def test_gaps_hold_no_formula(town: Plan, tmp_path: Path) -> None:
    """A spreadsheet runs a cell that starts with `=`; an address must not do that."""
    run = write_run(town, tmp_path / "run", formats=["csv"])
    with (run / "gaps.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["customer_id"] for row in rows} == {"a", "b", "c", "e", "f"}
    assert next(row for row in rows if row["customer_id"] == "e")["street"] == "'=cmd()|' /C calc'!A0"
    assert not any(cell.startswith(("=", "+", "@")) for row in rows for cell in row.values())
    found = pd.read_csv(run / "csv" / "customers.csv")
    assert found["street"].str.startswith("'=cmd()").sum() == 1


@pytest.mark.parametrize("cell", ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", " =1", "-", "+x"])
def test_cells_that_would_run_are_neutralised(cell: str) -> None:
    """All the ways into a formula are closed."""
    assert neutralise(cell) == "'" + cell


@pytest.mark.parametrize("cell", ["-12", "+49", "-1.5", "Main Street 1", "", None, 5, -3.5])
def test_other_cells_stay(cell: object) -> None:
    """Numbers and names must arrive as they are."""
    assert neutralise(cell) == cell


@pytest.mark.usefixtures("quick")
def test_other_formats_hold_the_same(town: Plan, tmp_path: Path) -> None:
    """Whoever asks for another format gets every layer, where it is on earth."""
    run = write_run(town, tmp_path / "run", formats=FORMATS)
    for layer in PLAN_LAYERS:
        rows = len(getattr(town, layer.name))
        parquet = gpd.read_parquet(run / "geoparquet" / f"{layer.name}.parquet")
        assert len(parquet) == rows
        assert parquet.crs == "EPSG:25832"
        assert len(gpd.read_file(run / "geojson" / f"{layer.name}.geojson")) == rows
        assert len(pd.read_csv(run / "csv" / f"{layer.name}.csv")) == rows
    degrees = gpd.read_file(run / "geojson" / "customers.geojson").set_index("customer_id").geometry["a"]
    expected = town.customers.geometry.to_crs(4326).iloc[0]
    assert degrees.distance(expected) < 1e-6
    assert verify_run(run).passed


@pytest.mark.usefixtures("quick")
def test_odd_columns_are_carried_through(town: Plan, tmp_path: Path) -> None:
    """Columns of the input may be called as they like and hold lists: a run is written all the same."""
    odd = town.customers.assign(fid=["x"] * 6, geom="y", UNITS=3, tags=[["a", "b"]] * 6, Fid=1)
    run = write_run(dataclasses.replace(town, customers=odd), tmp_path / "run", formats=FORMATS)
    found = read_run(run).customers
    assert found["tags"].tolist() == ["a;b"] * 6
    assert found["fid"].tolist() == ["x"] * 6
    assert found["units_"].tolist() == [3] * 6
    assert found["units"].tolist() == town.customers["units"].tolist()


@pytest.mark.usefixtures("quick")
def test_layers_made_from_openstreetmap_carry_its_credit(town: Plan, tmp_path: Path) -> None:
    """A layer that is handed on without the report still names whose data it is; a planner's own streets do not."""
    own = dataclasses.replace(town, streets=town.streets.assign(highway=None))
    for plan, named in ((town, True), (own, False)):
        rejected = {"streets": town.streets.assign(code="no_length")}
        plan = dataclasses.replace(plan, rejected=rejected)
        run = write_run(plan, tmp_path / f"run-{named}", formats=["geojson"])
        for source in (run / "plan.gpkg", run / "geojson" / "trenches.geojson"):
            told = pyogrio.read_info(source, layer="trenches")["layer_metadata"]["DESCRIPTION"]
            assert told.startswith("Every dug piece")
            assert told.endswith(" © OpenStreetMap contributors, ODbL") is named
        told = pyogrio.read_info(run / "rejected.gpkg")["layer_metadata"]
        assert ((told or {}).get("DESCRIPTION") == "© OpenStreetMap contributors, ODbL") is named


def test_unknown_format_is_refused(town: Plan, tmp_path: Path) -> None:
    """A misspelt format must not be found out after an hour."""
    with pytest.raises(RunError, match=r"'shp'.*Known are gpkg"):
        write_run(town, tmp_path / "run", formats=["gpkg", "shp"])


@pytest.mark.usefixtures("quick")
def test_existing_folder_is_refused(town: Plan, tmp_path: Path) -> None:
    """Nothing of the planner's is replaced unasked."""
    run = write_run(town, tmp_path / "run")
    before = contents(run)
    with pytest.raises(RunError, match="--overwrite"):
        write_run(town, run)
    assert contents(run) == before


@pytest.mark.usefixtures("quick")
def test_folder_that_is_no_run_is_never_replaced(town: Plan, tmp_path: Path) -> None:
    """`--out ~ --overwrite` must not cost anybody his home."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.txt").write_text("years", encoding="utf-8")
    with pytest.raises(RunError, match="no run"):
        write_run(town, tmp_path / "home", overwrite=True)
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(RunError, match="is a file"):
        write_run(town, tmp_path / "file", overwrite=True)
    assert contents(tmp_path) == {"home/thesis.txt": b"years", "file": b"x"}


def test_place_is_judged_before_a_long_computation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing can be written one must hear of it before an hour of planning, not after."""
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(RunError, match="is a file, not a folder"):
        atomic.check_way(tmp_path / "file" / "deep" / "run", overwrite=True)
    atomic.check_way(tmp_path / "deep" / "run", overwrite=False)
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(RunError, match="may not write"):
        atomic.check_way(tmp_path / "deep" / "run", overwrite=False)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("system_call", [True, False])
def test_overwrite_swaps(system_call: bool, town: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways of swapping must end with the new run, the planner's own files, and nothing beside."""
    if not system_call:
        monkeypatch.setattr(atomic, "_rename", lambda source, target, flag: False)
    run = write_run(town, tmp_path / "run")
    (run / "mine.qgz").write_text("project", encoding="utf-8")
    (run / "report.html").write_text("of the old run", encoding="utf-8")
    write_run(dataclasses.replace(town, notes=("new",)), run, overwrite=True)
    assert read_run(run).notes == ("new",)
    assert (run / "mine.qgz").read_text(encoding="utf-8") == "project"
    assert not (run / "report.html").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert verify_run(run).passed


@pytest.mark.usefixtures("quick")
def test_killed_between_two_renames_is_mended(town: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where folders cannot be exchanged, the next start must put the old run back."""
    run = write_run(town, tmp_path / "run")
    before = contents(run)
    run.rename(tmp_path / ".run.old")
    atomic.recover(run)
    assert contents(run) == before
    (tmp_path / ".run.old").mkdir()
    (tmp_path / ".run.draft-dead").mkdir()
    atomic.recover(run)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.usefixtures("quick")
def test_draft_of_a_living_writer_is_left_alone(town: Plan, tmp_path: Path) -> None:
    """Two writers at once must not clear each other's drafts away."""
    with atomic.new_folder(tmp_path / "run") as draft:
        (draft / "half").write_text("x", encoding="utf-8")
        atomic.recover(tmp_path / "run")
        assert (draft / "half").exists()
        write_run(town, tmp_path / "run")
        (draft / "run.json").write_text("{}", encoding="utf-8")
        with pytest.raises(RunError, match=r"exists. .*--overwrite, in Python with overwrite=True"):
            atomic._put_in_place(draft, tmp_path / "run", overwrite=False)
        (tmp_path / "run").rename(tmp_path / "first")
    assert (tmp_path / "run" / "half").exists()


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EROFS])
def test_system_refuses(code: int, town: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk or a missing right is a sentence with a cure, and the old run stays."""
    run = write_run(town, tmp_path / "run")
    before = contents(run)

    def refuse(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("lastmile_net.write.run._write_json", refuse)
    with pytest.raises(RunError, match=os.strerror(code)):
        write_run(town, run, overwrite=True)
    assert contents(run) == before
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("largest", [4_000, 60_000, 110_000, 150_000])
def test_file_cannot_grow(largest: int, town: Plan, tmp_path: Path) -> None:
    """When the system stops a file from growing, at whatever moment, one hears of it and the old run stays."""
    run = write_run(town, tmp_path / "run")
    before = contents(run)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, hard))
    try:
        with pytest.raises(RunError, match=r"cannot be written|could be written"):
            write_run(town, run, overwrite=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, old)
    assert contents(run) == before
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.usefixtures("quick")
def test_interrupt_leaves_nothing_behind(town: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while writing must not leave half a folder, nor a draft."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("lastmile_net.write.run._write_json", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_run(town, tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("quick")
def test_geopackage_that_is_held_open(town: Plan, tmp_path: Path) -> None:
    """A GIS holds the file open, and locks it, while we plan anew: that must disturb neither."""
    run = write_run(town, tmp_path / "run")
    with closing(sqlite3.connect(run / "plan.gpkg")) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("BEGIN")
        before = database.execute("SELECT count(*) FROM customers").fetchone()
        write_run(town, run, overwrite=True)
        assert database.execute("SELECT count(*) FROM customers").fetchone() == before
        assert verify_run(run).passed
    assert not list(run.glob("plan.gpkg-*"))


WRITERS = """
import dataclasses, os, runpy, signal, sys, time
from pathlib import Path
from lastmile_net.write import run, write_run

run._draw_map = lambda *_: None
plan = runpy.run_path(sys.argv[1])["tiny_plan"]()
write_run(plan, Path(sys.argv[2]))
began = time.monotonic()
write_run(plan, Path(sys.argv[2]), overwrite=True)
print(time.monotonic() - began, flush=True)
for seed in range(20):
    print("ready", flush=True)
    pid = os.fork()
    if not pid:
        number = 0
        while True:
            number += 1
            write_run(dataclasses.replace(plan, notes=(f"{seed} {number}",)), Path(sys.argv[2]), overwrite=True)
    sys.stdin.readline()
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    print("dead", flush=True)
    sys.stdin.readline()
"""


def test_killed_at_any_moment_leaves_a_run(tmp_path: Path) -> None:
    """SIGKILL at 20 random moments: afterwards there is the old run or the new one, never less."""
    moments, run = random.Random(7), tmp_path / "run"
    command = [sys.executable, "-c", WRITERS, str(Path(__file__).with_name("conftest.py")), str(run)]
    seen = set()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as writers:
        assert writers.stdin is not None
        assert writers.stdout is not None
        one_write_s = float(writers.stdout.readline())
        for _ in range(20):
            assert writers.stdout.readline() == "ready\n"
            time.sleep(moments.uniform(0.02, 4 * one_write_s))
            writers.stdin.write("kill\n")
            assert writers.stdout.readline() == "dead\n"
            atomic.recover(run)
            assert verify_run(run).passed
            assert [path.name for path in tmp_path.iterdir()] == ["run"]
            seen.add(read_run(run).notes)
            writers.stdin.write("next\n")
    assert len(seen) > 5, "the writers did not get to write"


def test_reading_what_is_no_run(town: Plan, tmp_path: Path) -> None:
    """A folder without its seal is no run, and a broken one is said to be so."""
    with pytest.raises(MissingFileError):
        read_run(tmp_path / "nowhere")
    with pytest.raises(RunError, match=r"no run\.json"):
        read_run(tmp_path)
    run = write_run(town, tmp_path / "run")
    (run / "run.json").write_text("{", encoding="utf-8")
    with pytest.raises(RunError, match="not valid JSON"):
        read_run(run)


@pytest.mark.usefixtures("quick")
def test_not_a_number_is_null(town: Plan, tmp_path: Path) -> None:
    """JSON knows neither NaN nor infinity; other languages refuse files that hold them."""
    odd = dataclasses.replace(town, summary=town.summary | {"gap": float("inf"), "lower_bound": 0.0})
    run = write_run(odd, tmp_path / "run")
    text = (run / "summary.json").read_text(encoding="utf-8")
    assert json.loads(text, parse_constant=pytest.fail)["gap"] is None
