"""What each phase costs, connects and digs, on the street of `test_aims`: 60 for a, 60 for b, 210 for c."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pandas as pd
import pytest
from shapely import LineString, Point, box

import lastmile_net as lm
from lastmile_net.report import failure_report, html, markdown, summary_text

from .test_aims import HERE, WAYS, planned
from .test_plan import CRS, E0, N0, cabinet, customers, streets

if TYPE_CHECKING:
    from pathlib import Path

YEARS = {"budgets": [70, 60]}


def told(plan: lm.Plan, *names: str) -> list[tuple[object, ...]]:
    """Return some fields of each phase."""
    return [tuple(phase[name] for name in names) for phase in plan.summary["phases"]]


def test_phases_stand_in_the_summary() -> None:
    """A planner who gives 70 for each of two years reads what each connects, digs and costs, and what comes later."""
    plan = planned(phases=YEARS)
    assert told(plan, "phase", "budget", "cost", "cost_so_far") == [
        (1, 70.0, 60.0, 60.0),
        (2, 60.0, 60.0, 120.0),
        (3, None, 210.0, 330.0),
    ]
    assert told(plan, "customers", "units", "units_so_far", "trench_m") == [
        (1, 1, 1, 60.0),
        (1, 1, 2, 60.0),
        (1, 1, 3, 210.0),
    ]


def test_a_phase_that_buys_nothing_is_told_too() -> None:
    """A budget that is too small for anybody leaves its money to the next year: the row says so by its zeros."""
    plan = planned(phases={"budgets": [10, 50]})
    assert told(plan, "budget", "cost", "units", "trench_m") == [(10, 0, 0, 0), (50, 60, 1, 60), (None, 270, 2, 270)]


def test_a_phase_spends_its_money_on_whoever_it_still_suffices_for(tmp_path: Path) -> None:
    """
    Three homes far off are the best buy after a (600 for 3), but too dear for the rest of the first year: b is not.

    a costs 20; c 480 m of Main more and a drop of 40, for 3 homes; b 250 m of Side and a drop of 10.
    """
    ways = streets(Main=LineString([(E0, N0), (E0 + 500, N0)]), Side=LineString([(E0, N0), (E0, N0 + 300)]))
    places = {"a": Point(E0 + 10, N0 - 10), "b": Point(E0 + 10, N0 + 250), "c": Point(E0 + 490, N0 + 40)}
    here = customers(**places).assign(units=[1, 1, 3])
    config = lm.read_config(prices="metres", phases={"budgets": [300, 600], "grown": False})
    plan = lm.plan(ways, cabinet(), here, config=config)
    assert plan.customers["phase"].tolist() == [1, 1, 2]
    assert told(plan, "cost", "units") == [(280, 2), (520, 3)]
    assert lm.verify_run(lm.write_run(plan, tmp_path / "run")).passed


def test_areas_name_their_phases() -> None:
    """Phases by area have no budget; each is called after its area, and who is in none comes last."""
    here = HERE.assign(area_id=["near", "near", "far"])
    config = lm.read_config(prices="metres", phases={"areas": ["far"]})
    plan = lm.plan(WAYS, cabinet(), here, config=config)
    assert told(plan, "area", "budget", "cost", "units_so_far") == [("far", None, 310, 1), (None, None, 20, 3)]
    assert "far" in markdown(failure_report(plan))


def test_polygons_name_their_phases(tmp_path: Path) -> None:
    """Whoever draws areas gives them names: the table has them, and not numbers that nobody can find in the file."""
    areas = [box(E0 + 200, N0 - 50, E0 + 400, N0 + 50), box(E0, N0 - 50, E0 + 200, N0 + 50)]
    gpd.GeoDataFrame({"name": ["Far End", None]}, geometry=areas, crs=CRS).to_file(tmp_path / "areas.gpkg")
    config = lm.read_config(prices="metres", phases={"polygons": str(tmp_path / "areas.gpkg")})
    plan = lm.plan(WAYS, cabinet(), HERE, config=config)
    assert told(plan, "area", "cost", "units_so_far") == [("Far End", 310, 1), (None, 20, 3)]
    assert "Far End" in summary_text(plan)
    assert lm.verify_run(lm.write_run(plan, tmp_path / "run")).passed


def test_a_last_polygon_that_connects_nobody_has_its_row(tmp_path: Path) -> None:
    """Whoever lies in the last area is out of reach: its row says so by zeros, in the summary and in the report."""
    here = pd.concat([HERE, customers(z=Point(E0 + 300, N0 + 900))], ignore_index=True)
    areas = [box(E0, N0 - 50, E0 + 400, N0 + 50), box(E0, N0 + 800, E0 + 400, N0 + 1_000)]
    gpd.GeoDataFrame(geometry=areas, crs=CRS).to_file(tmp_path / "areas.gpkg")
    config = lm.read_config(prices="metres", phases={"polygons": str(tmp_path / "areas.gpkg")})
    plan = lm.plan(WAYS, cabinet(), here, config=config)
    assert told(plan, "phase", "cost", "cost_so_far", "customers", "units", "trench_m") == [
        (1, 330.0, 330.0, 3, 3, 330.0),
        (2, 0.0, 330.0, 0, 0, 0.0),
    ]
    assert "| 2 | 0.00 | 330.00 | 0 | 3 | 0.0 |" in markdown(failure_report(plan))
    verdict = lm.verify_run(lm.write_run(plan, tmp_path / "run"))
    assert verdict.passed, str(verdict)


def test_a_phase_that_is_left_out_is_found(tmp_path: Path) -> None:
    """The last of the years buys nothing; a run that forgets it tells less than was asked for."""
    folder = lm.write_run(planned(phases={"budgets": [400, 10]}), tmp_path / "run")
    forge(folder, lambda phases: phases.pop())
    assert "phases_agree" in failed(folder)


def test_without_phases_nothing_is_said_of_them() -> None:
    """Who plans in one go must not be shown an empty table."""
    plan = planned()
    assert "phases" not in plan.summary
    assert "Phases" not in summary_text(plan)
    assert "Phases" not in markdown(failure_report(plan))


def test_the_phases_are_printed_and_reported(tmp_path: Path) -> None:
    """Terminal, Markdown and HTML show the same numbers, also of a run that is read back."""
    plan = lm.read_run(lm.write_run(planned(phases=YEARS), tmp_path / "run"))
    text = summary_text(plan)
    lines = text[text.index("Phases") :].splitlines()
    assert [line.split() for line in lines[2:5]] == [
        ["1", "70.00", "60.00", "60.00", "1", "1", "60", "m"],
        ["2", "60.00", "60.00", "120.00", "1", "2", "60", "m"],
        ["3", "-", "210.00", "330.00", "1", "3", "210", "m"],
    ]
    assert max(map(len, text.splitlines())) <= 110, "a terminal breaks longer lines"
    report = failure_report(plan)
    assert "| 2 | 60.00 | 60.00 | 120.00 | 1 | 2 | 60.0 |" in markdown(report)
    assert "<h2>Phases</h2>" in html(report)


def test_the_list_of_steps_goes_phase_by_phase() -> None:
    """Who hands the list to a builder needs to know in which year a street is due; who is left out has no year."""
    here = HERE.assign(street=["Main", "Main", "Far"], exclude=[False, False, True])
    config = lm.read_config(prices="metres", phases={"budgets": [70, 60]})
    report = failure_report(lm.plan(WAYS, cabinet(), here, config=config))
    steps = next(each for each in report if each.title.startswith("What to do"))
    assert steps.text.startswith("3 steps to the last customer, phase by phase, least money per home first; ")
    assert steps.table["phase"].fillna(0).tolist() == [1, 2, 0]
    assert steps.table["where"].tolist() == ["Main", "Main", "Far"]
    assert "| what | where | phase | homes |" in markdown(report)
    plain = markdown(failure_report(lm.plan(WAYS, cabinet(), here, config=lm.read_config(prices="metres"))))
    assert "| what | where | homes |" in plain
    assert "2 steps to the last customer, least money per home first; " in plain


PRICED: dict[str, Any] = {"prices": "example-eur", "tap": "points"}


@pytest.mark.parametrize(
    ("settings", "ports"),
    [
        ({"prices": "metres", "phases": YEARS}, 99),
        (PRICED | {"phases": {"budgets": [9_000.5, 8_000.01]}}, 99),
        (PRICED | {"phases": {"areas": ["far"]}}, 99),
        (PRICED | {"phases": {"budgets": [9_000, 9_000]}, "new_access_points": True}, 3),
        (PRICED | {"phases": {"budgets": [9_000, 9_000]}, "routes": False}, 99),
        (PRICED | {"phases": {"budgets": [9_000]}, "budget": 20_000}, 99),
    ],
)
def test_runs_with_phases_pass_verification(tmp_path: Path, settings: dict[str, Any], ports: int) -> None:
    """Whatever the prices and the rule of the phases, their sums are found again in the files."""
    here = HERE.assign(area_id=["near", "near", "far"], units=[1, 3, 8])
    plan = lm.plan(WAYS, cabinet(ports=ports), here, config=lm.read_config(**settings))
    assert plan.summary["phases"][-1]["cost_so_far"] == plan.cost
    verdict = lm.verify_run(lm.write_run(plan, tmp_path / "run"))
    assert verdict.passed, str(verdict)
    assert "phases_agree" in {check.name for check in verdict.checks}


def test_what_is_built_in_any_case_belongs_to_the_first_phase(tmp_path: Path) -> None:
    """A street with `include` costs its 400 in the first year, and is dug then, whoever needs it later."""
    config = lm.read_config(prices="metres", phases={"budgets": [410, 10]})
    plan = lm.plan(WAYS.assign(include=True), cabinet(), HERE, config=config)
    assert told(plan, "cost", "trench_m") == [(410, 410.0), (10, 10.0), (10, 10.0)]
    verdict = lm.verify_run(lm.write_run(plan, tmp_path / "run"))
    assert verdict.passed, str(verdict)


@pytest.mark.parametrize("years", [[60], [60, 60]])
def test_nobody_goes_before_those_who_must_be_served(years: list[float]) -> None:
    """Who must be served takes 310: the first years' money must not go to others, it is saved for that."""
    here = HERE.assign(include=[False, False, True])
    config = lm.read_config(prices="metres", phases={"budgets": years, "grown": False})
    order = lm.plan(WAYS, cabinet(), here, config=config).customers.set_index("customer_id")["build_order"]
    assert order["c"] == 1


@pytest.mark.parametrize(
    ("phase", "field", "value"),
    [
        (0, "cost", 61.0),
        (1, "cost_so_far", 121.0),
        (1, "units", 2),
        (2, "units_so_far", 2),
        (0, "customers", 3),
        (1, "trench_m", 61.0),
        (0, "budget", 50.0),
        (2, "phase", 4),
    ],
)
def test_forged_phases_are_found(tmp_path: Path, phase: int, field: str, value: float) -> None:
    """A check that cannot fail checks nothing: each number is held against the files."""
    folder = lm.write_run(planned(phases=YEARS), tmp_path / "run")
    forge(folder, lambda phases: phases[phase].update({field: value}))
    assert "phases_agree" in failed(folder)


def test_money_moved_between_phases_is_found(tmp_path: Path) -> None:
    """Costs that still add up, but are not those of what each phase builds, are found by the pieces."""
    folder = lm.write_run(planned(phases={"budgets": [100, 60]}), tmp_path / "run")

    def move(phases: list[dict[str, Any]]) -> None:
        phases[0] |= {"cost": 80.0, "cost_so_far": 80.0}
        phases[1] |= {"cost": 40.0}

    forge(folder, move)
    path = folder / "curve.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("1,a,60.0,", "1,a,80.0,"), encoding="utf-8")
    assert "by its pieces" in " ".join(row for check in lm.verify_run(folder).faults for row in check.rows)


def forge(folder: Path, change: Any) -> None:  # noqa: ANN401
    """Change the phases in `summary.json`."""
    path = folder / "summary.json"
    summary = json.loads(path.read_text(encoding="utf-8"))
    change(summary["phases"])
    path.write_text(json.dumps(summary), encoding="utf-8")


def failed(folder: Path) -> set[str]:
    """Return the checks that a run fails, but for the hashes of its files."""
    return {check.name for check in lm.verify_run(folder).faults}


def test_verify_words_one_as_one(tmp_path: Path) -> None:
    """A run of one customer, with one phase, one drop and one route: nothing in it is told in the plural."""
    config = lm.read_config(prices="metres", phases={"budgets": [60]})
    verdict = lm.verify_run(lm.write_run(lm.plan(WAYS, cabinet(), HERE.iloc[:1], config=config), tmp_path / "run"))
    assert verdict.passed, str(verdict)
    assert "1 phase: in all 60.00 for 1 home" in str(verdict)
    assert not re.search(r"\b1 ([\w-]+ )?\w+[^s\W]s\b", str(verdict)), str(verdict)
