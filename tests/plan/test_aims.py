"""What the money buys, on a street one can draw: dear customers wait, and are told what they would cost."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely import LineString, Point, box

import lastmile_net as lm
from lastmile_net.report import failure_report, markdown, plan_table, summary_text
from lastmile_net.solve.budget import Study

from .test_plan import CRS, E0, N0, cabinet, customers, streets

if TYPE_CHECKING:
    from pathlib import Path

# The cabinet stands at 0; a (at 50) costs 60 m alone, b (at 100) 50 m more and its drop of 10, c (at 300) 210 m more.
WAYS = streets(Main=LineString([(E0, N0), (E0 + 400, N0)]))
HERE = customers(a=Point(E0 + 50, N0 + 10), b=Point(E0 + 100, N0 + 10), c=Point(E0 + 300, N0 + 10))

AIMS: list[dict[str, Any]] = [{"budget": 60}, {"budget": 320}, {"target_coverage": 0.8}]


def planned(**aim: object) -> lm.Plan:
    """Plan the street at 1 a metre with an aim."""
    return lm.plan(WAYS, cabinet(), HERE, config=lm.read_config(prices="metres", **aim))


def outcomes(plan: lm.Plan) -> str:
    """Return the ids of the planned customers."""
    table = plan.customers
    return "".join(table["customer_id"][table["outcome"] == "planned"])


def test_without_an_aim_everybody_is_connected_in_order() -> None:
    """The nearest first: 60 m, 60 m more, 210 m more; the curve tells so."""
    plan = planned()
    assert plan.customers["build_order"].tolist() == [1, 2, 3]
    assert plan.curve["cost"].round(2).tolist() == [0, 60, 120, 330]
    assert plan.curve["units"].tolist() == [0, 1, 2, 3]
    assert plan.curve["marginal_cost"].tolist() == [60, 60, 60, 210]
    assert (plan.curve["upper_bound"] >= plan.curve["units"]).all()


@pytest.mark.parametrize(
    ("budget", "who"), [(59, ""), (60, "a"), (119.99, "a"), (120, "ab"), (329, "ab"), (330, "abc")]
)
def test_a_budget_is_kept_to_the_cent(budget: float, who: str) -> None:
    """A budget of exactly what the first customers cost connects them."""
    plan = planned(budget=budget)
    assert outcomes(plan) == who
    assert plan.cost <= budget
    assert plan.lower_bound <= plan.cost
    assert plan.summary["aim"]["gain"] == plan.summary["aim"]["most_gain"] == len(who)


@pytest.mark.parametrize("ports", [np.nan, 2])
def test_no_money_connects_whom_it_costs_nothing(tmp_path: Path, ports: float) -> None:
    """The house at the cabinet needs no trench and no money; all others are told what they would cost."""
    here = pd.concat([HERE, customers(z=Point(E0, N0))], ignore_index=True)
    plan = lm.plan(WAYS, cabinet(ports=ports), here, config=lm.read_config(prices="metres", budget=0))
    assert (outcomes(plan), plan.cost) == ("z", 0)
    lacking = ["over_budget"] * 3 if np.isnan(ports) else ["over_budget", "no_free_port", "no_free_port"]
    assert plan.customers["reason"].dropna().tolist() == lacking
    assert lm.verify_run(lm.write_run(plan, tmp_path / "run")).passed


@pytest.mark.parametrize("ports", [np.nan, 2])
def test_a_budget_ends_with_what_is_left_being_spent(monkeypatch: pytest.MonkeyPatch, ports: float) -> None:
    """Trenches laid anew cost less than what was chosen by: b fits in then, beside a, at a port that stays free."""
    within = Study.within
    monkeypatch.setattr(Study, "within", lambda study, budget: within(study, min(budget, 60_000)))
    plan = lm.plan(WAYS, cabinet(ports=ports), HERE, config=lm.read_config(prices="metres", budget=125))
    assert (outcomes(plan), plan.cost) == ("ab", pytest.approx(120))
    assert plan.summary["aim"]["gain"] == plan.summary["aim"]["most_gain"] == 2


@pytest.mark.parametrize("ports", [np.nan, 2, 3])
@pytest.mark.parametrize("budget", range(0, 360, 45))
def test_a_budget_lacks_what_is_not_left_of_it(ports: float, budget: int) -> None:
    """Whoever is told to raise the budget is told what lacks beside the money that is left, and something does."""
    plan = lm.plan(WAYS, cabinet(ports=ports), HERE, config=lm.read_config(prices="metres", budget=budget))
    told = plan.customers[plan.customers["remedy_code"] == "raise_budget"]
    assert (told["remedy_value"] > 0).all()
    assert told["remedy_value"].tolist() == pytest.approx(
        (told["remedy_cost"] - (budget - plan.cost)).tolist(), abs=0.02
    )


def test_who_is_over_budget_is_told_what_it_costs() -> None:
    """C would cost 210 m more than the plan for a and b, 80 m of which are left over, and nothing else keeps it out."""
    plan = planned(budget=200)
    last = plan.customers.set_index("customer_id").loc["c"]
    assert (last["outcome"], last["reason"], last["remedy_code"]) == ("unserved", "over_budget", "raise_budget")
    assert last["remedy_cost"] == pytest.approx(210, abs=0.01)
    assert last["remedy_value"] == pytest.approx(130, abs=0.01)
    assert last["remedy_unit"] == "currency"
    assert pd.isna(last["build_order"])


@pytest.mark.parametrize(("short", "who"), [(0.0, "abc"), (0.02, "ab")])
def test_raising_the_budget_as_told_is_enough_and_no_more(short: float, who: str) -> None:
    """Whoever raises the budget by the amount of the remedy connects the customer; with less, nobody more."""
    more = planned(budget=200).customers.set_index("customer_id").loc["c", "remedy_value"]
    assert outcomes(planned(budget=200 + more - short)) == who


def test_more_money_is_proposed_for_as_many_as_have_ports() -> None:
    """
    One port is left, which money would give to b, for 60 m; c, for 260 m, needs a port besides.

    With ports for all three, both together cost 250 m of trench and 2 x 10 m of drops.
    """
    plan = lm.plan(WAYS, cabinet(ports=2), HERE, config=lm.read_config(prices="metres", budget=60))
    found = plan.proposals[plan.proposals["scope"] == "change"].set_index("change")
    assert found.loc["raise_budget", ["customers", "value", "cost"]].tolist() == pytest.approx([1, 60, 60], abs=0.02)
    assert found.loc["add_ports+raise_budget", ["customers", "value", "cost"]].tolist() == pytest.approx(
        [1, 1, 260], abs=0.02
    )
    enough = planned(budget=60).proposals
    both = enough[enough["scope"] == "change"].iloc[0]
    assert (both["customers"], both["cost"]) == (2, pytest.approx(270, abs=0.02))
    assert "port" not in both["proposal"]


@pytest.mark.parametrize(
    ("aim", "also", "cure"),
    [
        ({"budget": 60}, "raise_budget=260", "raise the budget by 260.00 m"),
        ({"budget": 100}, "raise_budget=220", "raise the budget by 220.00 m"),
        ({"target_coverage": 0.2}, "raise_budget=260", "ask for a higher coverage, or set `include` on it"),
        ({"max_cost_per_home": 61}, "raise_budget=210", "raise `max_cost_per_home`, or set `include`"),
    ],
)
def test_no_money_is_asked_for_where_ports_lack(aim: dict[str, Any], also: str, cure: str) -> None:
    """No budget connects c with two ports for three houses: it needs a port first, and then the money, too."""
    plan = lm.plan(WAYS, cabinet(ports=2), HERE, config=lm.read_config(prices="metres", **aim))
    told = plan.customers.set_index("customer_id").loc["c"]
    assert (told["reason"], told["remedy_code"], told["remedy_at"]) == ("no_free_port", "add_ports", "K")
    assert (told["remedy_value"], told["remedy_also"]) == (1, also)
    assert told["remedy"].endswith(cure)
    when = "there is more money" if "budget" in aim else "more homes are asked for"
    left = f"1 free port left, for homes that come first when {when}" if outcomes(plan) == "a" else "no free port left"
    assert told["remedy"].startswith(f"{left}: add 1 port at access point K; and ")


def test_whom_ports_keep_out_lacks_every_port_that_is_asked_for() -> None:
    """
    Three cabinets and a dozen houses by chance, eight times: what is left for nobody else, and what is added, fits.

    "70 free ports left, 55 of them for homes that come first: add 1 port" left 15 for nobody.
    """
    told = re.compile(r"(?:(\d+) free ports?|no free port) left(?:, (?:(\d+) of them )?(for homes))?")
    ways = streets(Main=LineString([(E0, N0), (E0 + 1000, N0)]))
    seen = 0
    for seed in range(10, 18):
        rng = np.random.default_rng(seed)
        doors = {
            f"c{i:02}": Point(E0 + x, N0 + y) for i, (x, y) in enumerate(rng.integers((0, 1), (1000, 90), (12, 2)))
        }
        ports = {"backbone_id": ["K", "L", "M"], "role": "cabinet", "ports_free": rng.integers(1, 6, 3).astype(float)}
        taps = gpd.GeoDataFrame(ports, geometry=[Point(E0 + x, N0) for x in (0, 400, 900)], crs=CRS)
        here = customers(**doors).assign(units=rng.choice([1, 1, 2, 4], 12))
        config = lm.read_config(prices="metres", budget=float(rng.integers(100, 500)))
        table = lm.plan(ways, taps, here, config=config).customers
        for row in table[table["reason"] == "no_free_port"].itertuples():
            found = told.match(row.remedy)
            assert found is not None, row.remedy
            left = int(found[1] or 0)
            kept = int(found[2] or left) if found[3] else 0
            assert left - kept + row.remedy_value == row.units, (seed, row.remedy, row.units)
            seen += kept > 0
    assert seen > 0


@pytest.mark.parametrize(
    ("aim", "meaning", "remedy"),
    [
        ({"budget": 200}, "the budget of 200.00 m does not reach this far", "raise the budget by 130.00 m"),
        (
            {"target_coverage": 0.6},
            "left out: the coverage asked for is reached without it",
            "connecting it costs 210.00 m on top: ask for a higher coverage, or set `include` on it",
        ),
        (
            {"max_cost_per_home": 100},
            "left out: connecting it costs more than 100.00 m per home",
            "connecting it costs 210.00 m on top, 210.00 m per home, the aim is 100.00 m: raise `max_cost_per_home`, "
            "or set `include`",
        ),
    ],
)
def test_who_is_left_out_is_told_by_which_aim(aim: dict[str, Any], meaning: str, remedy: str) -> None:
    """No budget has been given where a coverage or a price leaves somebody out: sentence and cure name what was."""
    plan = planned(**aim)
    last = plan.customers.set_index("customer_id").loc["c"]
    assert (last["reason"], last["remedy_code"], last["remedy_unit"]) == ("over_budget", "raise_budget", "currency")
    assert last["remedy"] == remedy
    assert f"\n    {meaning}\n" in summary_text(plan)
    assert meaning in markdown(failure_report(plan))


@pytest.mark.parametrize(("target", "who"), [(0.3, "a"), (0.34, "ab"), (0.6, "ab"), (0.95, "abc"), (1, "abc")])
def test_a_coverage_is_reached_at_least_cost(target: float, who: str) -> None:
    """A third of three homes is one of them."""
    assert outcomes(planned(target_coverage=target)) == who


@pytest.mark.parametrize(("price", "who"), [(59, ""), (60.01, "ab"), (209, "ab"), (210.01, "abc")])
def test_a_price_for_each_home_is_marginal(price: float, who: str) -> None:
    """C costs 110 m on average with all others, but 210 m more than without: that counts."""
    assert outcomes(planned(max_cost_per_home=price)) == who


def test_revenue_may_decide() -> None:
    """With what customers pay as the prize, the far one that pays most goes first."""
    here = HERE.assign(revenue=[10.0, 10.0, 500.0])
    config = lm.read_config(prices="metres", budget=310, prize="revenue")
    assert outcomes(lm.plan(WAYS, cabinet(), here, config=config)) == "c"


def test_a_prize_that_is_no_column_is_refused() -> None:
    """A misspelt column must not plan for nothing."""
    with pytest.raises(lm.DataError, match="names no column"):
        planned(budget=100, prize="revenues")


def test_two_aims_are_refused() -> None:
    """A budget and a coverage cannot both be what counts."""
    with pytest.raises(lm.ConfigError, match="one aim"):
        lm.read_config(budget=100, target_coverage=0.5)


def proof(plan: lm.Plan) -> dict[str, tuple[str, str]]:
    """Return value and sentence of each line of the proof."""
    return {row.label: (row.first, row.meaning) for row in plan_table(plan) if row.section == "Proof"}


def test_the_choice_of_homes_is_told_beside_the_gap() -> None:
    """A gap of 0 % is for the homes chosen; whether others would be more for the money is a line of its own."""
    plan = planned(budget=200)
    told = proof(plan)
    assert told["gap in cost, same homes"][0] == "0.00 %"
    assert told["choice of homes"] == ("proven", "no other choice connects more homes within the budget")
    aim = plan.summary["aim"] | {"most_gain": 3}
    open_ = dataclasses.replace(plan, summary=plan.summary | {"aim": aim})
    assert proof(open_)["choice of homes"] == (
        "not proven",
        "another choice might connect up to 1 home more (50.0 %) within the budget",
    )
    assert "ended proven the cheapest (same homes)" in proof(plan)


def test_the_choice_for_a_coverage_is_told_in_money() -> None:
    """There the homes are given and the money is sought."""
    plan = planned(target_coverage=0.6)
    assert proof(plan)["choice of homes"] == ("proven", "no other choice reaches as many for less")
    aim = plan.summary["aim"] | {"least_cost": 90.0}
    open_ = dataclasses.replace(plan, summary=plan.summary | {"aim": aim})
    assert proof(open_)["choice of homes"][1].startswith(
        "another choice might reach as many for up to 30.00 m (25.0 %) less"
    )


def test_building_in_order_loses_nothing_known_where_no_other_plan_was_looked_at(tmp_path: Path) -> None:
    """A coverage that only the plan for everybody reaches looks at no other: "0.0 %" was no finding of any search."""
    ports = cabinet(ports=2)
    told = [lm.plan(WAYS, ports, HERE, config=lm.read_config(prices="metres", **aim)) for aim in ({}, AIMS[2])]
    again = [lm.read_run(lm.write_run(plan, tmp_path / str(number))) for number, plan in enumerate(told)]
    said = [{row.label for row in plan_table(plan)} for plan in again]
    assert ["building in order loses" in labels for labels in said] == [True, False]
    assert told[1].curve["best_units"].isna().all()
    assert told[1].curve["upper_bound"].notna().all()


@pytest.mark.parametrize(
    ("aim", "told"),
    [
        ({}, "the access points it can reach have too few free ports"),
        (
            {"max_cost_per_home": 59},
            "the access points it can reach have no port left for it once all others who come first",
        ),
    ],
)
def test_ports_that_stay_free_are_said_to_be_for_others(aim: dict[str, float], told: str) -> None:
    """Both ports stay free at 59 a home, and c finds none once a and b are connected: "too few free" was not true."""
    plan = lm.plan(WAYS, cabinet(ports=2), HERE, config=lm.read_config(prices="metres", **aim))
    assert plan.customers["reason"].tolist()[2] == "no_free_port"
    assert f"\n    {told}" in summary_text(plan)
    assert told in markdown(failure_report(plan))


def money(plan: lm.Plan) -> str:
    """Return what the summary says of what the money buys."""
    return next(row.meaning for row in plan_table(plan) if row.label == "what it buys")


def test_a_coverage_beyond_the_ports_is_said_to_be_out_of_reach(tmp_path: Path) -> None:
    """Two ports for three houses: whoever asked for more must not be told that another choice might reach it."""
    plan = lm.plan(WAYS, cabinet(ports=2), HERE, config=lm.read_config(prices="metres", target_coverage=0.9))
    told = "the coverage asked for cannot be reached: 3 homes more than today are needed, the ports serve at most 2"
    assert plan.notes[0] == told
    assert money(plan) == told
    known = "no plan connects more homes; the same number of others may be cheaper"
    assert proof(plan)["choice of homes"] == ("not proven", known)
    again = lm.read_run(lm.write_run(plan, tmp_path / "run"))
    assert told in summary_text(again)
    assert lm.verify_run(tmp_path / "run").passed


def test_a_coverage_beyond_the_routes_is_said_to_be_out_of_reach() -> None:
    """Ports are not to blame where the third house is too far: both who are in reach are connected."""
    plan = planned(target_coverage=0.9, max_route_m=120.0)
    told = "the coverage asked for cannot be reached: 3 homes more than today are needed, at most 2 are in reach"
    assert plan.notes[0] == money(plan) == told
    assert proof(plan)["choice of homes"] == ("proven", "everybody in reach is connected")


def test_a_coverage_that_is_missed_by_the_search_may_be_reached() -> None:
    """Where no bound forbids it, only the search failed: that is said, and how many more there might be."""
    plan = lm.plan(WAYS, cabinet(ports=2), HERE, config=lm.read_config(prices="metres", target_coverage=0.9))
    aim = plan.summary["aim"] | {"reachable_gain": 3}
    open_ = dataclasses.replace(plan, summary=plan.summary | {"aim": aim})
    assert money(open_) == (
        "the coverage asked for is missed: 3 homes more than today are needed, no plan was found that connects "
        "more than 2"
    )
    assert proof(open_)["choice of homes"] == ("not proven", "another choice might connect up to 1 home more")


def test_a_coverage_that_is_reached_needs_no_note() -> None:
    """A note is for what a planner has to know."""
    plan = planned(target_coverage=0.6)
    assert not [note for note in plan.notes if "coverage asked for" in note]
    assert plan.summary["aim"]["missed"] is False


def test_verification_says_that_a_coverage_is_not_reached(tmp_path: Path) -> None:
    """An aim that is missed is no fault where the summary says so, but must not read as if it were met."""
    plan = lm.plan(WAYS, cabinet(ports=2), HERE, config=lm.read_config(prices="metres", target_coverage=0.9))
    open_ = plan.summary | {"aim": plan.summary["aim"] | {"reachable_gain": 3}}
    silent = plan.summary | {"aim": plan.summary["aim"] | {"missed": False}}
    told = []
    for number, summary in enumerate((plan.summary, open_, silent)):
        each = dataclasses.replace(plan, summary=summary, notes=())
        checks = lm.verify_run(lm.write_run(each, tmp_path / str(number))).checks
        told.append(next((check.passed, check.detail) for check in checks if check.name == "aim_is_met"))
    assert (told[0][0], told[1][0], told[2][0]) == (True, True, False)
    assert told[0][1].endswith("; the 3 asked for cannot be reached, as the run says")
    assert told[1][1].endswith("; the 3 asked for are not reached, as the run says")


def test_the_choice_of_who_gets_a_port_is_proven(tmp_path: Path) -> None:
    """With two ports for three houses no two others are cheaper; without a shortage nothing is chosen."""
    config = lm.read_config(prices="metres")
    plan = lm.plan(WAYS, cabinet(ports=2), HERE, config=config)
    assert proof(plan)["choice of homes"] == (
        "proven",
        "no plan can serve more homes with these ports, or as many for less",
    )
    assert (plan.summary["most_units"], plan.summary["least_cost_as_many"]) == (2, plan.summary["cost"]["total"])
    unbound = lm.plan(WAYS, cabinet(ports=2), HERE, config=lm.read_config(prices="metres", curve_bound=False))
    told = "no plan can serve more homes with these ports; the same number of others may be cheaper"
    assert proof(unbound)["choice of homes"] == ("not proven", told)
    less = dataclasses.replace(plan, summary=plan.summary | {"least_cost_as_many": 100.0})
    assert proof(less)["choice of homes"] == ("not proven", f"{told}, by up to 20.00 m (16.7 %)")
    verdict = lm.verify_run(lm.write_run(plan, tmp_path / "run"))
    assert verdict.passed, str(verdict)
    assert "choice of homes" not in proof(planned())
    assert "gap" in proof(planned())


def test_ports_are_kept_within_a_budget() -> None:
    """Where ports are short, a smaller budget builds a part of a plan that keeps them."""
    config = lm.read_config(prices="metres", budget=125)
    plan = lm.plan(WAYS, cabinet(ports=2), HERE, config=config)
    assert outcomes(plan) == "ab"
    assert plan.customers["reason"].tolist()[2] == "no_free_port"


@pytest.mark.parametrize("limit", ["ports", "route"])
@pytest.mark.parametrize(
    ("aim", "who"),
    [
        ({"max_cost_per_home": 59}, ""),
        ({"max_cost_per_home": 60.01}, "ab"),
        ({"max_cost_per_home": 1000}, "ab"),
        ({"target_coverage": 0.3}, "a"),
        ({"target_coverage": 0.6}, "ab"),
        ({"budget": 119}, "a"),
        ({"budget": 1000}, "ab"),
    ],
)
def test_every_aim_keeps_every_limit(tmp_path: Path, limit: str, aim: dict[str, float], who: str) -> None:
    """Two ports, or no route beyond 120 m: c cannot be had at any price, and the run says what is true of it."""
    settings = {"max_route_m": 120.0} if limit == "route" else {}
    backbone = cabinet(ports=2) if limit == "ports" else cabinet()
    plan = lm.plan(WAYS, backbone, HERE, config=lm.read_config(prices="metres", **settings, **aim))
    assert outcomes(plan) == who
    verdict = lm.verify_run(lm.write_run(plan, tmp_path / "run"))
    assert verdict.passed, str(verdict)


def test_a_free_port_is_no_reason_and_a_full_one_is_not_the_money(tmp_path: Path) -> None:
    """
    Two ports for a, b and c: for 60 only a is connected, b lacks 60 for the other port, c a port and 260.

    For 320 both ports go to a and b, and c is told that it lacks a port. Four fifths of all homes cannot be had.
    """
    plans = [lm.plan(WAYS, cabinet(ports=2), HERE, config=lm.read_config(prices="metres", **aim)) for aim in AIMS]
    told = [plan.customers["reason"].fillna("").tolist() for plan in plans]
    assert told == [["", "over_budget", "no_free_port"], ["", "", "no_free_port"], ["", "", "no_free_port"]]
    assert plans[0].customers["remedy_cost"].tolist()[1:] == pytest.approx([60, 260], abs=0.02)
    for number, plan in enumerate(plans):
        verdict = lm.verify_run(lm.write_run(plan, tmp_path / str(number)))
        assert verdict.passed, str(verdict)
    assert "3 homes more than today are needed, the ports serve at most 2" in summary_text(plans[2])


def test_a_run_with_a_budget_passes_verification(tmp_path: Path) -> None:
    """What was promised of the money holds when it is read again from the files."""
    plan = planned(budget=200)
    verdict = lm.verify_run(lm.write_run(plan, tmp_path / "run"))
    assert verdict.passed, str(verdict)
    assert {"aim_is_met", "curve_agrees", "building_order_is_nested"} <= {check.name for check in verdict.checks}
    assert (tmp_path / "run" / "curve.svg").read_text(encoding="utf-8").startswith("<svg")


@pytest.mark.parametrize(
    ("find", "put", "name"),
    [("\n2,", "\n7,", ""), ("120.0,2,", "121.0,2,", "curve_agrees"), (",1,", ",9,", "curve_agrees")],
)
def test_a_forged_curve_is_found(tmp_path: Path, find: str, put: str, name: str) -> None:
    """A check that cannot fail checks nothing."""
    folder = lm.write_run(planned(budget=200), tmp_path / "run")
    path = folder / "curve.csv"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(find, put), encoding="utf-8")
    failed = {check.name for check in lm.verify_run(folder).checks if not check.passed}
    assert (name in failed) if name else failed


def test_phases_are_ranges_of_the_order() -> None:
    """With 60 for the first year and 60 for the second, c comes later; trenches lie in their customers' phases."""
    plan = planned(phases={"budgets": [60, 60]})
    assert plan.customers["phase"].tolist() == [1, 2, 3]
    assert set(zip(plan.trenches["build_order"], plan.trenches["phase"], strict=True)) == {(1, 1), (2, 2), (3, 3)}


def test_areas_are_built_one_after_the_other(tmp_path: Path) -> None:
    """The far area first, if the planner says so; as names or as polygons."""
    here = HERE.assign(area_id=["near", "near", "far"])
    config = lm.read_config(prices="metres", phases={"areas": ["far"]})
    assert lm.plan(WAYS, cabinet(), here, config=config).customers["phase"].tolist() == [2, 2, 1]
    far = gpd.GeoDataFrame(geometry=[box(E0 + 200, N0 - 50, E0 + 400, N0 + 50)], crs=CRS)
    far.to_crs(4326).to_file(tmp_path / "areas.gpkg")
    plan = planned(phases={"polygons": str(tmp_path / "areas.gpkg")})
    assert plan.customers["phase"].tolist() == [2, 2, 1]
    assert plan.customers["build_order"].tolist()[2] == 1
    assert plan.curve["cost"].round(2).tolist() == [0, 310, 320, 330]


@pytest.mark.parametrize("phases", [{"areas": ["nowhere"]}, {"polygons": "missing.gpkg"}])
def test_phases_without_customers_are_refused(phases: dict[str, object]) -> None:
    """A phase in which nothing is built is a mistake in the settings."""
    with pytest.raises(lm.DataError):
        lm.plan(WAYS, cabinet(), HERE.assign(area_id="here"), config=lm.read_config(prices="metres", phases=phases))


def test_a_grown_plan_serves_everybody_within_its_bound() -> None:
    """Grown for the first budgets, the plan still connects all, and says how far from the cheapest it is."""
    plan = planned(phases={"budgets": [60, 60], "grown": True})
    assert outcomes(plan) == "abc"
    assert plan.lower_bound <= plan.cost == pytest.approx(330)


@pytest.mark.parametrize(
    ("settings", "grown"),
    [
        ({}, False),
        ({"phases": {"budgets": [60]}}, True),
        ({"phases": {"budgets": [60], "grown": False}}, False),
        ({"phases": {"areas": ["north"]}}, False),
        ({"phases": {"areas": ["north"], "grown": True}}, True),
        ({"phases": {"budgets": [60]}, "new_access_points": True, "prices": "example-eur"}, False),
    ],
)
def test_plans_for_yearly_budgets_are_grown(settings: dict[str, object], grown: bool) -> None:
    """Who says what each year may cost cares what the first years connect; nobody else pays 0.6 % for it unasked."""
    assert lm.read_config(**{"prices": "metres", **settings}).is_grown is grown


@pytest.mark.parametrize(("grown", "first", "cost"), [(None, 3, 66.0), (False, 0, 65.0)])
def test_budgets_within_ports_connect_many_first(tmp_path: Path, grown: bool | None, first: int, cost: float) -> None:
    """
    Six ports: six houses along the street cost 11 each, six behind 59 m together 65. 33 buy three of the first.

    The cheapest plan has nobody for 33. The run says whom it leaves out, what that costs more, and is verified.
    """
    turn = np.deg2rad(np.linspace(-70, 70, 6))
    points = {f"s{i}": Point(E0 + 10 * (i + 1), N0 + 1) for i in range(12)}
    points |= {f"f{i}": Point(E0 - 59 - np.cos(a), N0 + np.sin(a)) for i, a in enumerate(turn)}
    ways = streets(Main=LineString([(E0, N0), (E0 + 130, N0)]), Side=LineString([(E0, N0), (E0 - 59, N0)]))
    config = lm.read_config(prices="metres", max_drop_m=5, phases={"budgets": [33], "grown": grown})
    plan = lm.plan(ways, cabinet(ports=6), customers(**points), config=config)
    assert plan.cost == pytest.approx(cost)
    assert any("1.00 m more than the cheapest plan" in note for note in plan.notes) == (grown is None)
    assert (plan.customers["phase"] == 1).sum() == first
    assert plan.customers["reason"].value_counts().to_dict() == {"no_free_port": 12}
    verdict = lm.verify_run(lm.write_run(plan, tmp_path / "run"))
    assert verdict.passed, str(verdict)


def test_stability_falls_towards_the_ends(tmp_path: Path) -> None:
    """When homes sign by chance, the trench that all share is built most often; the run says so and verifies."""
    plan = planned(uncertainty={"take_rate": 0.5, "price_percent": 20, "scenarios": 100})
    share = plan.trenches.set_index("trench_id")["stability"]
    street = plan.trenches[plan.trenches["kind"] == "street"].sort_values("build_order")["stability"].tolist()
    assert street == sorted(street, reverse=True)
    assert 0.7 < street[0] < 1
    assert share["d-a"] == pytest.approx(0.5, abs=0.2)
    told = plan.summary["uncertainty"]
    assert told["scenarios"] == 100
    assert told["cost"]["p10"] <= told["cost"]["median"] <= told["cost"]["p90"] <= 1.2 * 330
    assert f"{told['cost']['p10']:,.2f} m to {told['cost']['p90']:,.2f} m in eight of ten" in str(plan)
    verdict = lm.verify_run(lm.write_run(plan, tmp_path / "run"))
    assert verdict.passed, str(verdict)


def test_streets_that_are_included_are_in_every_scenario() -> None:
    """They are dug in any case, whoever signs: 0 said that no scenario builds them."""
    ways = WAYS.assign(include=True)
    config = lm.read_config(prices="metres", uncertainty={"take_rate": 0.5, "scenarios": 20})
    trenches = lm.plan(ways, cabinet(), HERE, config=config).trenches
    assert (trenches.loc[trenches["kind"] == "street", "stability"] == 1).all()
    assert (trenches.loc[trenches["kind"] == "drop", "stability"] < 1).all()


def test_take_rates_of_customers_win() -> None:
    """A customer who surely signs is in every scenario, one who never does in none."""
    config = lm.read_config(prices="metres", uncertainty={"take_rate": 0.5, "scenarios": 20})
    plan = lm.plan(WAYS, cabinet(), HERE.assign(take_rate=[1.0, 0.0, np.nan]), config=config)
    share = plan.trenches.set_index("trench_id")["stability"]
    assert (share["d-a"], share["d-b"]) == (1, 0)
    assert 0 < share["d-c"] < 1


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(units=st.lists(st.integers(1, 40), min_size=3, max_size=3), overhead=st.sampled_from([0.0, 7.0, 12.5]))
def test_shares_add_up_to_the_cent(units: list[int], overhead: float) -> None:
    """Whoever pays its share, the plan is paid; nobody's part is below nothing, nor above its way alone."""
    config = lm.read_config(prices="metres", cost={"overhead_percent": overhead}, routes=False, curve_bound=False)
    table = lm.plan(WAYS, cabinet(), HERE.assign(units=units), config=config)
    share = table.customers["cost_share"]
    assert round(share.sum() * 100) == round(table.cost * 100)
    assert (share >= 0).all()
    assert (share <= table.customers["cost_alone"] + 0.01).all()
    assert (table.customers["marginal_cost"] <= table.customers["cost_alone"] + 0.01).all()


def test_a_customer_alone_costs_the_same_in_every_column() -> None:
    """The report sets them side by side: 60 to dig, 5 of equipment and 10 % overhead, whichever column one reads."""
    cost = {"overhead_percent": 10, "equipment": {"ont": {"value": 5, "unit": "home"}}}
    plan = lm.plan(WAYS, cabinet(), HERE.iloc[:1], config=lm.read_config(prices="metres", cost=cost))
    assert plan.customers.loc[0, ["cost_share", "cost_alone", "marginal_cost"]].tolist() == [71.5, 71.5, 71.5]


def test_the_fibre_in_the_drop_counts_in_every_column() -> None:
    """Alone one pays for the fibre to one's door, too: 60 to dig and 60 m of fibre at 2 a metre."""
    plan = lm.plan(WAYS, cabinet(), HERE.iloc[:1], config=lm.read_config(prices="metres", cost={"fibre_cost_per_m": 2}))
    assert plan.customers.loc[0, ["cost_share", "cost_alone", "marginal_cost"]].tolist() == [180, 180, 180]


def test_streets_that_are_built_in_any_case_come_out_of_the_budget(tmp_path: Path) -> None:
    """Of 200, a side street of 90 that the planner wants takes its part; a drops onto it over 50, b no longer fits."""
    side = LineString([(E0, N0), (E0, N0 + 90)])
    ways = pd.concat([WAYS, streets(Side=side).assign(include=True)], ignore_index=True)
    plan = lm.plan(ways, cabinet(), HERE, config=lm.read_config(prices="metres", budget=200))
    assert outcomes(plan) == "a"
    assert plan.cost == pytest.approx(140)
    assert plan.summary["aim"]["cost"] == plan.cost
    assert plan.curve["cost"].tolist() == [90, 140]
    verdict = lm.verify_run(lm.write_run(plan, tmp_path / "run"))
    assert verdict.passed, str(verdict)


@pytest.mark.parametrize("aim", [{"budget": 500}, {"target_coverage": 0.5}, {"max_cost_per_home": 100}, {}])
def test_spare_capacity_of_lines_is_kept_within_every_aim(tmp_path: Path, aim: dict[str, float]) -> None:
    """A duct with room for one home carries one, whatever the money is for, and the bounds stay above what is built."""
    duct = LineString([(E0, N0), (E0 + 400, N0)])
    table = {"backbone_id": ["D"], "role": ["duct"], "units_free": [1.0]}
    backbone = pd.concat([cabinet(), gpd.GeoDataFrame(table, geometry=[duct], crs=CRS)], ignore_index=True)
    plan = lm.plan(WAYS, backbone, HERE, config=lm.read_config(prices="metres", **aim))
    assert plan.lower_bound <= plan.cost
    assert (plan.curve["upper_bound"] >= plan.curve["units"]).all()
    verdict = lm.verify_run(lm.write_run(plan, tmp_path / "run"))
    assert verdict.passed, str(verdict)


def beyond_a_duct(homes: int, spare: float | None) -> lm.Plan:
    """Return what 260 buy in a side street 400 m away, with a duct to its corner; homes lie 40 m apart there."""
    ways = streets(Main=LineString([(E0, N0), (E0 + 400, N0)]), Side=LineString([(E0 + 400, N0), (E0 + 400, N0 + 400)]))
    duct = {"backbone_id": ["D"], "role": ["duct"], "units_free": [spare]}
    line = gpd.GeoDataFrame(duct, geometry=[LineString([(E0, N0), (E0 + 400, N0)])], crs=CRS)
    doors = customers(**{f"c{i}": Point(E0 + 410, N0 + 40 * (i + 1)) for i in range(homes)})
    config = lm.read_config(prices="metres", budget=260)
    return lm.plan(ways, pd.concat([cabinet(), line], ignore_index=True), doors, config=config)


def test_a_duct_that_is_too_small_for_all_is_used_within_a_budget() -> None:
    """Everybody together needs a trench beside the duct, 400 m: no reason to buy nothing where the duct has room."""
    few, all_of_them = beyond_a_duct(3, 3.0), beyond_a_duct(6, 3.0)
    assert few.summary["units"]["planned"] == all_of_them.summary["units"]["planned"] == 3
    assert few.cost == all_of_them.cost


def test_who_is_included_comes_first_beside_a_duct_that_is_too_small() -> None:
    """D, of 4 homes, needs the trench beside a duct for 3: 450, and 20 more for e, 7 homes; e and w were 8 for 170."""
    ways = streets(
        Main=LineString([(E0, N0), (E0 + 400, N0)]),
        Side=LineString([(E0 + 400, N0), (E0 + 400, N0 + 400)]),
        West=LineString([(E0, N0), (E0 - 100, N0)]),
    )
    duct = {"backbone_id": ["D"], "role": ["duct"], "units_free": [3.0]}
    line = gpd.GeoDataFrame(duct, geometry=[LineString([(E0, N0), (E0 + 400, N0)])], crs=CRS)
    doors = customers(d=Point(E0 + 410, N0 + 40), e=Point(E0 + 410, N0 + 50), w=Point(E0 - 100, N0 + 10))
    doors = doors.assign(units=[4, 3, 5], include=[True, False, False])
    backbone = pd.concat([cabinet(), line], ignore_index=True)
    plan = lm.plan(ways, backbone, doors, config=lm.read_config(prices="metres", budget=500))
    assert (outcomes(plan), plan.cost) == ("de", pytest.approx(470))


def test_a_duct_with_room_for_all_leaves_the_proof_as_it_is() -> None:
    """Spare capacity that no plan comes near must not cost choice or proof: both are as with a duct without limit."""
    ample, endless = beyond_a_duct(6, 100.0), beyond_a_duct(6, None)
    told = ("gain", "most_gain", "cost")
    assert [ample.summary["aim"][name] for name in told] == [endless.summary["aim"][name] for name in told]
    assert ample.gap == endless.gap


@pytest.mark.parametrize(
    ("aim", "who"),
    [
        ({"budget": 309.0}, "ab"),
        ({"budget": 310.0}, "c"),
        ({"budget": 320.0}, "ac bc"),
        ({"target_coverage": 0.3}, "c"),
        ({"target_coverage": 0.34}, "ac bc"),
        ({"max_cost_per_home": 5.0}, "c"),
        ({"max_cost_per_home": 11.0}, "abc"),
    ],
)
def test_who_is_included_comes_before_all_others(aim: dict[str, float], who: str) -> None:
    """
    C must be part of the plan: 310 m for it alone, a and b 10 m more each, whichever.

    For 309 it cannot be had, and the money goes to the others; a price of 5 a home is for those who need not be there.
    """
    config = lm.read_config(prices="metres", **aim)
    plan = lm.plan(WAYS, cabinet(), HERE.assign(include=[False, False, True]), config=config)
    assert outcomes(plan) in who.split()
    assert plan.lower_bound <= plan.cost
    assert plan.customers["reason"].fillna("").tolist()[2] == ("" if "c" in who else "over_budget")


def test_who_is_included_and_not_served_is_noted() -> None:
    """Whom the planner wants connected in any case must not be missed among hundreds that the budget leaves out."""
    config = lm.read_config(prices="metres", budget=309.0)
    flags = {"include": [False, True, True], "exclude": [False, True, False]}
    plan = lm.plan(WAYS, cabinet(), HERE.assign(**flags), config=config)
    assert plan.notes[0] == "2 customers with `include` stay unserved: b (excluded), c (over_budget)"
    served = lm.plan(WAYS, cabinet(), HERE.assign(include=[True, False, False]), config=config)
    assert not any("`include`" in note for note in served.notes)


def test_the_bound_is_told_for_plans_with_the_same_who_are_included() -> None:
    """C alone is all that 310 m buy; that without it they buy a and b is no bound for this plan."""
    config = lm.read_config(prices="metres", budget=310.0)
    plan = lm.plan(WAYS, cabinet(ports=3), HERE.assign(include=[False, False, True]), config=config)
    aim = plan.summary["aim"]
    assert (aim["gain"], aim["most_gain"], aim["included"]) == (1, 1, 1)
    assert "no other choice connects more homes within the budget, with the same customers of `include`" in str(plan)
    free = lm.plan(WAYS, cabinet(ports=3), HERE, config=config)
    assert "`include`" not in str(free)


def test_who_is_included_gets_the_port() -> None:
    """One port goes to c, though a is nearer; a is told that it has none. Excluded and included is excluded."""
    flags = {"include": [False, False, True]}
    config = lm.read_config(prices="metres")
    assert outcomes(lm.plan(WAYS, cabinet(ports=1), HERE.assign(**flags), config=config)) == "c"
    both = HERE.assign(**flags, exclude=[False, False, True])
    assert outcomes(lm.plan(WAYS, cabinet(ports=1), both, config=config)) == "a"


def test_the_proof_of_an_aim_knows_of_ports() -> None:
    """
    One port is left at 0, one at 400 and one at 1000: b, at 100, costs 310 from the second.

    A solution that sees no ports proves 120 for a and b: the gap would be 208 %, of what is the cheapest there is.
    """
    ways = streets(Main=LineString([(E0, N0), (E0 + 2000, N0)]))
    places = [Point(E0 + x, N0) for x in (0, 400, 1000)]
    taps = {"backbone_id": ["K", "L", "M"], "role": "cabinet", "ports_free": 1.0}
    ports = gpd.GeoDataFrame(taps, geometry=places, crs=CRS)
    here = pd.concat([HERE.iloc[:2], customers(far=Point(E0 + 1990, N0 + 10))], ignore_index=True)
    plan = lm.plan(ways, ports, here, config=lm.read_config(prices="metres", budget=500))
    assert (outcomes(plan), plan.cost, plan.lower_bound) == ("ab", pytest.approx(370), pytest.approx(370))
    assert plan.status == "optimal"
    assert plan.log[-1].gap == 0


@pytest.mark.parametrize("aim", [{"budget": 1000}, {"target_coverage": 0.9}, {"max_cost_per_home": 500}])
def test_an_aim_that_connects_everybody_keeps_what_is_proven_of_that(aim: dict[str, float]) -> None:
    """Money enough for all must not unlearn what the plan for all knew: b has to go to the port at 400, for 310."""
    places = [Point(E0 + x, N0) for x in (0, 400)]
    taps = {"backbone_id": ["K", "L"], "role": "cabinet", "ports_free": 1.0}
    ports = gpd.GeoDataFrame(taps, geometry=places, crs=CRS)
    plan = lm.plan(WAYS, ports, HERE.iloc[:2], config=lm.read_config(prices="metres", **aim))
    assert (plan.cost, plan.lower_bound) == (pytest.approx(370), pytest.approx(370))
    assert plan.status == "optimal"
