"""The command line as scripts use it: exit codes, stdout, files."""

from __future__ import annotations

import json
import os
import platform
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
from shapely import LineString, Point

from lastmile_net.cli import app, planning
from lastmile_net.cli.console import EVERY_S, Log
from lastmile_net.cli.planning import Watch
from lastmile_net.config import SolveConfig
from lastmile_net.demo import demo_folder
from lastmile_net.solve.problem import Progress


def lastmile(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    command = [sys.executable, "-m", "lastmile_net", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)


def test_demo_plans_and_verifies(tmp_path: Path) -> None:
    """The first thing that a new user does works, and says where the map is."""
    made = lastmile("demo", "--out", "run", folder=tmp_path)
    assert made.returncode == 0, made.stderr
    assert str(tmp_path / "run" / "map.html") in made.stdout
    checked = lastmile("verify", "run", folder=tmp_path)
    assert checked.returncode == 0, checked.stdout
    reported = lastmile("report", "run", folder=tmp_path)
    assert reported.returncode == 0
    assert (tmp_path / "run" / "report.html").is_file()


def test_demo_replaces_no_run_of_a_planner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who tries the demo in a folder of work must not lose a run to it; its own folder is made anew each time."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "run.json").write_text("{}", encoding="utf-8")
    made = lastmile("demo", "--out", "mine", folder=tmp_path)
    assert made.returncode == 3
    assert "the folder exists" in made.stderr
    asked: list[bool] = []
    monkeypatch.setattr(
        planning, "_plan", lambda *_, overwrite: asked.append(overwrite) or SimpleNamespace(status="optimal")
    )
    planning.demo()
    planning.demo("mine")
    planning.demo("mine", overwrite=True)
    assert asked == [True, False, True]


@pytest.mark.parametrize("installed", [True, False])
def test_a_plain_install_says_that_the_workbook_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], installed: bool
) -> None:
    """Who looks for the bom.xlsx of the quick start learns why it is not there, and what to install."""
    if not installed:
        monkeypatch.setattr("lastmile_net.report.bom.find_spec", lambda _: None)
    planning.demo(str(tmp_path / "run"))
    assert (tmp_path / "run" / "bom.xlsx").exists() is installed
    why = "bom.xlsx: not written, it needs openpyxl: pip install 'lastmile-net[excel]'; bom.csv has the same items"
    assert (why in capsys.readouterr().out) is not installed


def test_help_and_docs_tell_how_long_a_search_may_take(capsys: pytest.CaptureFixture[str]) -> None:
    """Who waits for a plan wants to know when it ends: the limit is told where one looks for it."""
    with pytest.raises(SystemExit):
        app(["plan", "--help"])
    told = " ".join(capsys.readouterr().out.replace("│", " ").split())
    limit = SolveConfig().time_limit_s
    assert f"Seconds that each search may take, {limit:g} if not given" in told
    for name in ("README.md", "docs/quickstart.md", "docs/concepts.md"):
        text = (Path(__file__).parents[1] / name).read_text(encoding="utf-8")
        assert "--time-limit-s" in text, name
        assert f"{limit:g} s" in text, name


def test_missing_files_are_bad_input(tmp_path: Path) -> None:
    """All missing files are named at once with exit code 3, and nothing is left behind."""
    made = lastmile("plan", "--streets", "x", "--backbone", "y", "--customers", "z", "--out", "run", folder=tmp_path)
    assert made.returncode == 3
    assert made.stderr.count("no such file") == 3
    assert "Traceback" not in made.stderr
    assert not (tmp_path / "run").exists()


def test_wrong_encodings_are_bad_input(tmp_path: Path) -> None:
    """A name that is no encoding, and a layer that is none, end with the cure and exit code 3, before anything else."""
    layers = ("--streets", "x", "--backbone", "y", "--customers", "z")
    made = lastmile("check", *layers, "--encoding", "customers=cp1520", folder=tmp_path)
    assert made.returncode == 3
    assert "encoding.customers" in made.stderr
    told = " ".join(made.stderr.split())
    assert "there is no encoding 'cp1520'. Write one that Python knows, such as utf-8, cp1250" in told
    made = lastmile("check", *layers, "--encoding", "homes=cp1250", folder=tmp_path)
    assert made.returncode == 3
    assert "there is no layer 'homes'. Layers are: streets, backbone, customers" in " ".join(made.stderr.split())
    assert lastmile("check", *layers, "--encoding", "cp1250", folder=tmp_path).returncode == 2


def test_encodings_are_kept_for_verify(tmp_path: Path) -> None:
    """Who names the encoding of a register gets right ids in the run, and `verify` finds each of them in the file."""
    town = demo_folder()
    people = gpd.read_file(town / "customers.gpkg").head(40)
    places = people.geometry.to_crs(4326)
    ids = [f"Náměstí {number}" for number in range(len(people))]
    text = "customer_id;lon;lat\n" + "".join(
        f"{name};{x:.7f};{y:.7f}\n" for name, x, y in zip(ids, places.x, places.y, strict=True)
    )
    (tmp_path / "homes.csv").write_bytes(text.encode("cp1250"))
    (tmp_path / "lastmile.toml").write_text('[encoding]\ncustomers = "cp1250"\n', encoding="utf-8")
    streets, backbone = (str(town / f"{name}.gpkg") for name in ("streets", "backbone"))
    command = ["plan", "--streets", streets, "--backbone", backbone, "--customers", "homes.csv", "--out", "run"]
    made = lastmile(*command, "--config", "lastmile.toml", "--rounds", "1", folder=tmp_path)
    assert made.returncode == 0, made.stderr
    found = gpd.read_file(tmp_path / "run" / "plan.gpkg", layer="customers")["customer_id"]
    assert sorted(found) == sorted(ids)
    checked = lastmile("verify", "run", folder=tmp_path)
    assert checked.returncode == 0, checked.stdout
    assert "40 customers of the input, each in the run" in " ".join(checked.stdout.split())


STREET = """<osm version="0.6">
<node id="1" version="1" lat="50" lon="10"/><node id="2" version="1" lat="50" lon="10.1"/>
<way id="3" version="1"><nd ref="1"/><nd ref="2"/><tag k="highway" v="service"/></way></osm>"""


@pytest.mark.parametrize("out", ["town.osm", "town.osm/layers"])
def test_layers_need_a_folder(tmp_path: Path, out: str) -> None:
    """A file in the way of the folder is told before an extract of a gigabyte is read."""
    (tmp_path / "town.osm").write_text(STREET, encoding="utf-8")
    made = lastmile("osm", "--pbf", "town.osm", "--out", out, folder=tmp_path)
    assert made.returncode == 3
    assert "is a file, not a folder. Name another folder." in made.stderr


def test_layers_from_openstreetmap_carry_its_credit(tmp_path: Path) -> None:
    """Its licence asks that whoever gets the layers reads whose data they are, also where a layer is empty."""
    (tmp_path / "town.osm").write_text(STREET, encoding="utf-8")
    made = lastmile("osm", "--pbf", "town.osm", "--out", "layers", folder=tmp_path)
    assert made.returncode == 0, made.stderr
    for name in ("streets", "customers", "backbone"):
        told = pyogrio.read_info(tmp_path / "layers" / f"{name}.gpkg")["layer_metadata"]
        assert told["DESCRIPTION"] == "© OpenStreetMap contributors, ODbL"


@pytest.mark.skipif(os.name == "nt", reason="file sizes cannot be limited here")
def test_layers_on_a_full_disk(tmp_path: Path) -> None:
    """A disk that fills up ends in a sentence with exit code 3; the old layers stay, none of the new is left."""
    (tmp_path / "town.osm").write_text(STREET, encoding="utf-8")
    made = lastmile("osm", "--pbf", "town.osm", "--out", "layers", folder=tmp_path)
    assert made.returncode == 0, made.stderr
    before = {each.name: each.read_bytes() for each in (tmp_path / "layers").iterdir()}
    command = [sys.executable, "-m", "lastmile_net", "osm", "--pbf", "town.osm", "--out", "layers", "--overwrite"]
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (20480, 20480))"
    script = f"{limit}; import os; os.execv({command[0]!r}, {command!r})"
    full = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert full.returncode == 3, full.stderr
    assert "cannot be written" in full.stderr
    assert "Traceback" not in full.stderr
    assert {each.name: each.read_bytes() for each in (tmp_path / "layers").iterdir()} == before


def test_json_is_all_of_stdout(tmp_path: Path) -> None:
    """A script can parse what the plan prints; progress goes elsewhere."""
    town = demo_folder()
    layers = [f"--{name}={town / f'{name}.gpkg'}" for name in ("streets", "backbone", "customers")]
    made = lastmile("plan", *layers, "--out", "run", "--rounds", "1", "--json", "--strict", folder=tmp_path)
    assert made.returncode == 4, made.stderr
    assert json.loads(made.stdout)["summary"]["customers"]["unserved"] > 0
    again = lastmile("plan", *layers, "--out", "run", folder=tmp_path)
    assert again.returncode == 3
    assert "--overwrite" in again.stderr or "overwrite" in again.stderr


WITHOUT_RIGHTS = """
import os, sys
from lastmile_net.cli import main
may = os.access  # the tests may run as root, who may read everything
os.access = lambda path, mode: not str(path).endswith("secret.gpkg") and may(path, mode)
sys.argv = ["lastmile", *sys.argv[1:]]
main()
"""


@pytest.mark.parametrize("command", ["check", "plan"])
def test_files_that_cannot_be_read(command: str, tmp_path: Path) -> None:
    """A file one may not read, one that is none, a folder: exit code 3, one message for all, no traceback, no run."""
    for name in ("secret.gpkg", "text.gpkg"):
        (tmp_path / name).write_text("no map", encoding="utf-8")
    (tmp_path / "folder.gpkg").mkdir()
    layers = ["--streets", "text.gpkg", "--backbone", "folder.gpkg", "--customers", "secret.gpkg"]
    out = ["--out", "run"] if command == "plan" else []
    program = [sys.executable, "-c", WITHOUT_RIGHTS, command, *layers, *out]
    made = subprocess.run(program, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert made.returncode == 3, made.stderr
    assert made.stderr.count("cannot be read") == 2
    assert made.stderr.count("you may not read it") == 1
    assert "Traceback" not in made.stderr
    assert not (tmp_path / "run").exists()


def test_unknown_formats_are_refused_before_planning(tmp_path: Path) -> None:
    """A misspelt format must not be found out after an hour: here the layers would not even be read."""
    layers = ["--streets", "x", "--backbone", "y", "--customers", "z"]
    made = lastmile("plan", *layers, "--out", "run", "--formats", "gpkg,shp", folder=tmp_path)
    assert made.returncode == 3
    assert "'shp'" in made.stderr
    assert "no such file" not in made.stderr


def test_unknown_options_are_usage(tmp_path: Path) -> None:
    """Exit code 2 is kept for a wrong command line."""
    assert lastmile("plan", "--nonsense", folder=tmp_path).returncode == 2


@pytest.mark.parametrize("option", ["streets", "backbone", "customers", "rail-water"])
def test_a_layer_given_twice_is_usage(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The first of two files must not be dropped in silence: the option is named, and how one file holds both."""
    layers = [f"--{name}=x" for name in ("streets", "backbone", "customers", "rail-water")]
    with pytest.raises(SystemExit) as ended:
        app(["plan", *layers, f"--{option}", "y", "--out", "run"])
    assert ended.value.code == 2
    told = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert f"--{option} is given 2 times" in told
    assert "FILE.gpkg:lines,cabinets" in told
    assert "FOLDER:lines,cabinets" in told


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (["--pbf", "x.osm", "--place", "Burg"], "--pbf can be cut by --bbox or --polygon"),
        (["--bbox", "1,2,3,4", "--polygon", "x.shp"], "give one of --place, --bbox, --polygon"),
        ([], "the area to download: --place, --bbox or --polygon"),
    ],
)
def test_which_area_of_openstreetmap(asked: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever asks for too much or too little learns what goes together: an extract, and the part wanted of it."""
    with pytest.raises(SystemExit) as ended:
        app(["osm", *asked, "--out", "layers"])
    assert ended.value.code == 2
    assert told in " ".join(capsys.readouterr().err.replace("│", " ").split())


def test_a_box_cuts_an_extract(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Extracts come by the state, and plans by the village: what lies beside the box stays out."""
    (tmp_path / "town.osm").write_text(STREET, encoding="utf-8")
    for box, rows in (("-170,-80,170,80", 1), ("100,60,101,61", 0)):
        with pytest.raises(SystemExit) as ended:
            app(["osm", f"--pbf={tmp_path / 'town.osm'}", f"--bbox={box}", f"--out={tmp_path / str(rows)}"])
        assert ended.value.code == 0
        assert f"streets.gpkg: {rows} rows" in capsys.readouterr().out


def test_several_layers_of_one_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The cure for two files holds: lines and cabinets of one GeoPackage are one backbone."""
    demo = demo_folder()
    backbone = gpd.read_file(demo / "backbone.gpkg")
    points = backbone.geom_type == "Point"
    for name, rows in (("lines", backbone[~points]), ("cabinets", backbone[points]), ("old", backbone)):
        rows.to_file(tmp_path / "both.gpkg", layer=name)
    asked = [f"--{name}={demo / f'{name}.gpkg'}" for name in ("streets", "customers")]
    told = []
    for source in (demo / "backbone.gpkg", f"{tmp_path / 'both.gpkg'}:lines,cabinets"):
        with pytest.raises(SystemExit):
            app(["check", *asked, f"--backbone={source}", "--json"])
        told.append(json.loads(capsys.readouterr().out))
    assert told[0] == told[1]


def hard_town(folder: Path, *, side: int = 36, customers: int = 160) -> list[str]:
    """Write a town of equal blocks, where nearly every way is as good as another: its proof takes minutes."""
    crs, step = "EPSG:32632", 100.0
    at = [(500_000 + step * i, 5_400_000 + step * j) for i in range(side) for j in range(side)]
    across = [LineString([at[v], at[v + side]]) for v in range(side * (side - 1))]
    along = [LineString([at[v], at[v + 1]]) for v in range(side * side) if v % side < side - 1]
    spots = np.random.default_rng(4).choice(np.arange(1, side * side), customers, replace=False)
    layers = {
        "streets": gpd.GeoDataFrame(geometry=across + along, crs=crs),
        "backbone": gpd.GeoDataFrame({"role": ["pop"]}, geometry=[Point(at[0])], crs=crs),
        "customers": gpd.GeoDataFrame(
            {"customer_id": [f"c{v}" for v in spots]}, geometry=[Point(at[v]) for v in spots], crs=crs
        ),
    }
    for name, layer in layers.items():
        layer.to_file(folder / f"{name}.gpkg", layer=name)
    return [f"--{name}={folder / f'{name}.gpkg'}" for name in layers]


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="there are no terminals to pretend")
def test_ctrl_c_writes_the_best_plan_so_far(tmp_path: Path) -> None:
    """The display shows the gap; Ctrl-C ends the search, keeps the plan, marks it, and the exit code says partial."""
    stop = ["--target-gap", "0", "--rounds", "1000000", "--time-limit-s", "600", "--prices", "metres"]
    command = [sys.executable, "-m", "lastmile_net", "plan", *hard_town(tmp_path), "--out", "run", *stop]
    ours, theirs = os.openpty()
    env = dict(os.environ, TERM="xterm", COLUMNS="160")
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=theirs, env=env) as process:
        os.close(theirs)
        shown, began, asked = b"", time.monotonic(), False
        while process.poll() is None and time.monotonic() - began < 400:
            if select.select([ours], [], [], 0.2)[0]:
                try:
                    shown += os.read(ours, 65536)
                except OSError:
                    break
            if not asked and b"gap" in shown and b"%" in shown:
                process.send_signal(signal.SIGINT)
                asked = True
        assert process.wait(300) == 5, shown[-2000:]
    os.close(ours)
    assert all(word in shown for word in (b"cost", b"of at least", b"gap", b"stopping with the best plan"))
    assert json.loads((tmp_path / "run" / "run.json").read_text("utf-8"))["status"] == "interrupted"
    assert lastmile("verify", "run", folder=tmp_path).returncode == 0


def small_town(folder: Path, *, customers: tuple[tuple[float, float], ...] = ((100, 20), (300, 20))) -> list[str]:
    """Write a street of 400 m with a cabinet at its west end, and customers; return the options for them."""
    crs, x, y = "EPSG:32632", 500_000.0, 5_400_000.0
    layers = {
        "streets": gpd.GeoDataFrame(
            {"highway": ["residential"]}, geometry=[LineString([(x, y), (x + 400, y)])], crs=crs
        ),
        "backbone": gpd.GeoDataFrame({"role": ["cabinet"]}, geometry=[Point(x, y)], crs=crs),
        "customers": gpd.GeoDataFrame(
            {"customer_id": [f"c{number}" for number in range(len(customers))]},
            geometry=[Point(x + east, y + north) for east, north in customers],
            crs=crs,
        ),
    }
    for name, layer in layers.items():
        layer.to_file(folder / f"{name}.gpkg", layer=name)
    return [f"--{name}={folder / f'{name}.gpkg'}" for name in layers]


def test_check_says_each_cure_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Three houses far from any street have one cure: told three times it hides what differs."""
    with pytest.raises(SystemExit):
        app(["check", *small_town(tmp_path, customers=((100, 150), (200, 160), (300, 170)))])
    told = capsys.readouterr().out
    assert told.count("m from the nearest street") == 3
    assert told.count("Add the missing street, correct the point, or raise max_drop_m.") == 1


def test_check_tells_wrong_cells_and_wrong_places_at_once(tmp_path: Path) -> None:
    """A planner mends a file once: rows without a place are told with cells that nobody can read, not later."""
    layers = small_town(tmp_path)
    rows = ["customer_id,units,lon,lat", "a,two,9.0,48.76", "b,1,,48.76", "c,1,9.0,95"]
    (tmp_path / "bad.csv").write_text("\n".join(rows), encoding="utf-8")
    made = lastmile("check", *layers[:2], "--customers", "bad.csv", folder=tmp_path)
    assert made.returncode == 3
    for told in ("no whole number: 'two' (rows a)", "is missing or empty (rows b)", "is beyond the poles or the date"):
        assert told in made.stderr


def test_check_counts_one_as_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever reads "1 customers" doubts the rest."""
    with pytest.raises(SystemExit):
        app(["check", *small_town(tmp_path, customers=((100, 150),))])
    assert "far_from_street: 1 (1 customer, 150 m)" in capsys.readouterr().out


def test_findings_in_openstreetmap_carry_its_credit(tmp_path: Path) -> None:
    """Findings show its streets: whoever gets that layer alone reads whose data they are."""
    with pytest.raises(SystemExit):
        app(["check", *small_town(tmp_path, customers=((100, 150),)), f"--out={tmp_path / 'out'}"])
    told = pyogrio.read_info(tmp_path / "out" / "check.gpkg", layer="far_from_street")["layer_metadata"]
    assert told["DESCRIPTION"] == "© OpenStreetMap contributors, ODbL"


@pytest.mark.parametrize("quiet", [False, True])
def test_a_log_shows_progress(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], quiet: bool
) -> None:
    """Hours in a log file without a word look like a run that hangs; `--quiet` is for who wants none."""
    monkeypatch.setattr("lastmile_net.cli.console.EVERY_S", 0.0)
    with pytest.raises(SystemExit):
        app(["plan", *small_town(tmp_path), "--out", str(tmp_path / "run"), *["--quiet"] * quiet])
    told = capsys.readouterr()
    assert "lower bound" in told.out
    lines = told.err.splitlines()
    words = ("reading the layers", "cost", "before equipment, overhead", "gap", "writing the run")
    assert [any(word in line for line in lines) for word in words] == [not quiet] * 5
    assert "\x1b" not in told.err
    assert bool(lines) is not quiet


def test_progress_tells_what_is_known_in_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bound of 0, a gap not known and the cost of a search that is no plan's cost are read as results."""
    monkeypatch.setattr("lastmile_net.cli.console.EVERY_S", 0.0)
    watch = Watch()
    lines = [(0.1, 2000, 0, "grow"), (0.2, 1990, 1000, "rearrange"), (0.3, 1990, 1900, "prove 1")]
    lines += [(0.1, 9000, 8900, "search 1"), (0.5, 3000, 0, "afford"), (0.6, 3000, 0, "afford")]
    for seconds, cost, bound, stage in lines:
        assert watch(Progress(seconds, cost * 1000, bound * 1000, stage))
    assert [line.split(" s  ")[1] for line in capsys.readouterr().err.splitlines()] == [
        "plan for everybody: first plan  cost 2,000 before equipment, overhead",
        "plan for everybody: improving  gap 99.000 %  cost 1,990 of at least 1,000 before equipment, overhead",
        "plan for everybody: proving  gap 4.737 %  cost 1,990 of at least 1,900 before equipment, overhead",
        "search 2: improving  gap 1.124 %",
        "search 3: proving how many homes the money connects",
        "search 3: proving how many homes the money connects",
    ]


def test_a_log_is_not_filled_with_progress(capsys: pytest.CaptureFixture[str]) -> None:
    """A search tells its gap many times a second: of these one in ten seconds is written."""
    log = Log()
    for step in range(100):
        log.may_say(f"step {step}")
    assert capsys.readouterr().err == ""
    log.last -= EVERY_S
    log.may_say("later")
    assert "later" in capsys.readouterr().err


def test_a_log_lives_where_nothing_is_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Compiling, or placing access points, reports nothing for a minute: silence looks like a run that hangs."""
    monkeypatch.setattr("lastmile_net.cli.console.EVERY_S", 0.0)
    monkeypatch.setattr("lastmile_net.cli.console.BEAT_S", 0.001)
    told = ""
    with Watch():
        while "still at work, after: reading the layers" not in told:
            told += capsys.readouterr().err
    assert told.splitlines()[0].endswith(" s  reading the layers")


HOLDS = """
import sys
from lastmile_net.cli.memory import hold_little

def held():
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096

if sys.argv[1] == "little":
    hold_little()
bytearray(30 << 20)  # freed: from here on glibc keeps blocks of up to this size
before, pins, large = held(), [], []
for _ in range(50):
    large.append(b"x" * (4 << 20))
    pins.append(b"x" * (1 << 16))
del large
print(held() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps large blocks that are freed")
def test_freed_memory_goes_back_to_the_system() -> None:
    """A plan of a large town held 1.7 GB where it needed 1.1: blocks that were freed stayed in pieces."""
    held = {}
    for how in ("little", "all"):
        ran = subprocess.run([sys.executable, "-c", HOLDS, how], capture_output=True, text=True, check=True)
        held[how] = int(ran.stdout)
    assert held["little"] < 20 << 20
    assert held["all"] > 100 << 20
