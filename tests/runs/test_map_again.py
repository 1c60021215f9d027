"""`lastmile map`: the map of a run, drawn again."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from typer.testing import CliRunner

from lastmile_net.cli import app
from lastmile_net.errors import DataError
from lastmile_net.maps import save_coverage, save_picture
from lastmile_net.verify import verify_run
from lastmile_net.write import redraw_map, write_run

if TYPE_CHECKING:
    from pathlib import Path

    from lastmile_net.plan.result import Plan


@pytest.fixture
def run(town: Plan, tmp_path: Path) -> Path:
    """Return the folder of a run."""
    return write_run(town, tmp_path / "run")


def test_drawing_again_keeps_the_run_sound(run: Path) -> None:
    """A map that was lost or spoilt comes back, byte for byte, and the run is still as it should be."""
    first = (run / "map.html").read_bytes()
    (run / "map.html").write_text("spoilt", encoding="utf-8")
    made = CliRunner().invoke(app, ["map", str(run)])
    assert made.exit_code == 0, made.output
    assert (run / "map.html").read_bytes() == first
    assert verify_run(run).passed


def test_the_map_is_headed_by_its_run(run: Path, town: Plan) -> None:
    """Maps of two plans side by side, or in two tabs, must be told apart; a title of one's own takes that place."""
    assert "<title>Gap map: run</title>" in (run / "map.html").read_text(encoding="utf-8")
    german = redraw_map(town, run, language="de").read_text(encoding="utf-8")
    assert "<title>Lückenkarte: run</title>" in german
    assert "<title>North bank</title>" in redraw_map(town, run, title="North bank").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("wishes", "told"), [({}, "Gap map: run"), ({"area": "A1"}, "Gap map: run · A1"), ({"title": "North"}, "North")]
)
def test_a_picture_is_headed_as_the_map_is(town: Plan, run: Path, wishes: dict[str, str], told: str) -> None:
    """A picture goes into a report by itself: it must say which plan it shows, and which part of it."""
    plan = dataclasses.replace(town, customers=town.customers.assign(area_id="A1"))
    picture = redraw_map(plan, run, run.parent / "map.svg", **wishes)
    assert f">{told}</text>" in picture.read_text(encoding="utf-8")


def test_a_long_heading_stays_clear_of_the_legend(town: Plan, run: Path) -> None:
    """A heading of three lines once ran into the first line of the legend."""
    title = "North bank of the river, from the old bridge to the harbour: first and second year"
    picture = redraw_map(town, run, run.parent / "map.svg", title=title).read_text(encoding="utf-8")
    heading = re.findall(r"font-weight: 700[^>]* transform=\"translate\([\d.]+ ([\d.]+)\)\"", picture)
    (first,) = re.findall(r" y=\"([\d.]+)\"[^>]*>Connected today", picture)
    assert len(heading) > 2
    assert float(first) - max(map(float, heading)) > 10


def test_wishes_go_to_a_file_of_their_own(run: Path) -> None:
    """A map of the gaps alone must not take the place of the whole one, nor make the run look tampered with."""
    first = (run / "map.html").read_bytes()
    made = CliRunner().invoke(app, ["map", str(run), "--only", "gaps", "--tiles", "osm", "--title", "../What?"])
    assert made.exit_code == 0, made.output
    page = run / "map.gaps.osm._What_.html"
    assert str(page) in made.output.replace("\n", "")
    html = page.read_text(encoding="utf-8")
    assert "https://tile.openstreetmap.org" in html
    assert (run / "map.html").read_bytes() == first
    assert verify_run(run).passed


@pytest.mark.parametrize("ending", [".png", ".svg", ".pdf", ".html"])
def test_pictures_are_drawn_by_their_ending(ending: str, town: Plan, run: Path, tmp_path: Path) -> None:
    """Reports want pictures: the ending of the file says which."""
    path = redraw_map(town, run, tmp_path / f"gaps{ending}", only="gaps", language="de")
    starts = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF", ".html": b"<!DOCTYPE html>"}
    assert path.read_bytes().startswith(starts[ending])


def test_pictures_show_where_one_connects(town: Plan, tmp_path: Path) -> None:
    """One looks for the cabinets first: each kind of access point is drawn, and the legend counts it."""
    points = town.access_points
    more = [
        points.assign(access_point_id="K2", ports_used=0),
        points.assign(access_point_id="D1@5", kind="duct"),
        points.assign(access_point_id="N1", status="proposed"),
    ]
    pop = town.backbone_points.assign(backbone_id="P", role="pop")
    plan = dataclasses.replace(
        town,
        access_points=pd.concat([points, *more], ignore_index=True),
        backbone_points=pd.concat([town.backbone_points, pop], ignore_index=True),
    )
    told = save_picture(plan, tmp_path / "map.svg").read_text("utf-8")
    for words in ("Access point in use: 1", "Access point not used: 1", "New access point: 1", "PoP: 1"):
        assert f">{words}<" in told
    assert ">Taps on existing lines: 1<" in told
    today = save_picture(plan, tmp_path / "today.svg", only="existing").read_text("utf-8")
    assert "New access point" not in today
    assert "Taps on" not in today


def test_the_coverage_chart_counts_homes_as_the_summary_does(town: Plan, tmp_path: Path) -> None:
    """Homes served today in a house that is not wholly connected stand in the bars as connected."""
    customers = town.customers.assign(units_connected=[None, 3, None, None, 2, None])
    picture = save_coverage(dataclasses.replace(town, customers=customers), tmp_path / "coverage.svg")
    shares = re.findall(r">(\d+) %<", picture.read_text("utf-8"))
    assert shares == ["50", "8", "42", "50", "33", "17"]


@pytest.mark.parametrize("wish", ["--out", "--coverage"])
def test_pictures_without_their_extra_say_what_to_install(
    monkeypatch: pytest.MonkeyPatch, run: Path, tmp_path: Path, wish: str
) -> None:
    """A plain install draws no pictures: it says so before anything is written, not with a traceback."""
    monkeypatch.setattr("lastmile_net.maps.static.find_spec", lambda _: None)
    before = sorted(path.name for path in run.iterdir())
    made = CliRunner().invoke(app, ["map", str(run), "--only", "gaps", wish, str(tmp_path / "picture.png")])
    assert isinstance(made.exception, DataError)
    assert str(made.exception) == "pictures need matplotlib. Install it: pip install 'lastmile-net[images]'."
    assert sorted(path.name for path in run.iterdir()) == before
    assert not list(tmp_path.glob("*.png"))


def test_unknown_wish_leaves_the_map(town: Plan, run: Path) -> None:
    """A misspelt wish is refused before anything is written."""
    before = sorted(path.name for path in run.iterdir())
    with pytest.raises(DataError, match="holes"):
        redraw_map(town, run, only="holes")  # type: ignore[typeddict-item]
    assert sorted(path.name for path in run.iterdir()) == before


def test_plan_shows_itself_in_a_notebook(town: Plan) -> None:
    """The last line of a cell is the plan: what shows must be the whole page, in a frame of its own."""
    shown = town._repr_html_()
    assert "<iframe" in shown
    assert "lastmile-plan" in shown


def test_a_plan_without_areas_says_how_to_get_them(run: Path) -> None:
    """Who asks for an area where there are none must learn which column makes them, not that they 'are none'."""
    command = [sys.executable, "-m", "lastmile_net", "map", str(run), "--area", "A3"]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    assert made.returncode == 3
    said = " ".join(made.stderr.split())
    assert "there is no area 'A3'" in said
    assert "[mapping.customers] area_id" in said
