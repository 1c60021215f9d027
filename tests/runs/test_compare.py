"""Two runs: what changed for whom, what is dug instead, what it costs."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import TYPE_CHECKING

import geopandas as gpd
import pandas as pd
import pyogrio
import pytest

from lastmile_net.cli import app
from lastmile_net.compare import compare
from lastmile_net.errors import RunError
from lastmile_net.write import write_run

if TYPE_CHECKING:
    from pathlib import Path

    from lastmile_net.plan.result import Plan


def test_same_plan_differs_in_nothing(town: Plan) -> None:
    """Row order, direction of lines and names of trenches are no differences."""
    turned = town.trenches.iloc[::-1].reset_index(drop=True)
    turned = turned.assign(trench_id="x", geometry=turned.geometry.reverse())
    found = compare(town, dataclasses.replace(town, trenches=turned, customers=town.customers.iloc[::-1]))
    assert found.customers.empty
    assert found.trenches.empty
    assert (found.cost["difference"] == 0).all()
    assert (found.counts["trenches_kept"], found.counts["metres_kept"]) == (6, 345.0)


def test_two_towns_are_told_as_such(town: Plan) -> None:
    """Every customer gone and as many new ones is no change of a plan: it is said before any number."""
    other = dataclasses.replace(
        town, customers=town.customers.assign(customer_id=[f"z{n}" for n in range(len(town.customers))])
    )
    found = compare(town, other)
    assert str(found).startswith("note: no customer is in both runs")
    assert next(iter(found.numbers())) == "notes"
    assert len(found.numbers()["notes"]) == 1
    same = compare(town, town)
    assert same.counts["customers_kept"] == len(town.customers)
    assert same.notes == []
    assert "note:" not in str(same)


def test_changes_are_named(town: Plan) -> None:
    """Worked out by hand: one lost, one won, one served from elsewhere, one new, one gone, one with a new reason."""
    changed = town.customers.set_index("customer_id")
    changed.loc["a", ["outcome", "reason"]] = ["unserved", "over_budget"]
    changed.loc["b", "access_point_id"] = "K2"
    changed.loc["e", ["outcome", "reason"]] = ["planned", None]
    changed.loc["f", "reason"] = "excluded"
    changed = changed.drop(index="d").reset_index()
    new = town.customers.iloc[[0]].assign(customer_id="z")
    trenches = town.trenches[town.trenches["trench_id"] != "d-a"]
    after = dataclasses.replace(
        town,
        customers=pd.concat([changed, new], ignore_index=True),
        trenches=trenches,
        summary=town.summary | {"trench_m": 325.0},
    )
    found = compare(town, after)
    told = dict(zip(found.customers["customer_id"], found.customers["change"], strict=True))
    assert told == {"a": "lost", "b": "rerouted", "d": "removed", "e": "gained", "f": "reason", "z": "added"}
    assert found.trenches[["change", "kind", "length_m"]].to_numpy().tolist() == [["removed", "drop", 20.0]]
    assert found.counts["metres_removed"] == 20.0
    assert found.cost.set_index("what").loc["trench_m", "difference"] == -20.0
    told = str(found).splitlines()
    assert told[told.index("6 customers changed") + 1 :] == [
        "  1 customer, 1 home: connected by the plan -> left unconnected: beyond the budget or aim",
        "      a",
        "  1 customer, 4 homes: connected by the plan -> the same, from another access point",
        "      b",
        "  1 customer, 1 home: connected today -> not in this run",
        "      d",
        "  1 customer, 3 homes: left unconnected: street not tied to the network -> connected by the plan",
        "      e",
        "  1 customer, 1 home: left unconnected: location not usable -> left unconnected: excluded by the planner",
        "      f",
        "  1 customer, 1 home: not in this run -> connected by the plan",
        "      z",
    ]
    assert "trenches gone: 20.0 m in 1 piece" in told


def test_another_number_of_homes_is_a_change(town: Plan) -> None:
    """Homes that were added to a building change what a port serves, though its verdict may be the same."""
    changed = town.customers.set_index("customer_id")
    changed.loc[["a", "f"], "units"] += 2
    changed.loc["f", "reason"] = "excluded"
    found = compare(town, dataclasses.replace(town, customers=changed.reset_index()))
    columns = ["customer_id", "change", "units_before", "units_after"]
    assert found.customers[columns].to_numpy().tolist() == [["a", "units", 1, 3], ["f", "reason", 1, 3]]
    assert found.counts["customers_units"] == 1
    told = str(found)
    assert "  1 customer, 3 homes: connected by the plan -> the same, with another number of homes\n      a" in told
    assert told.endswith("2 customers with another number of homes: 2 -> 6 homes")
    assert found.numbers()["customers"][0]["units_before"] == 1


def test_money_homes_and_gaps_are_told_with_their_units(town: Plan) -> None:
    """Who decides between two plans reads what each costs, in which currency, whom it connects, how well proven."""
    cost = town.summary["cost"] | {"total": 34_103.05, "trench": 29_000.0}
    units = town.summary["units"] | {"planned": 6, "unserved": 5}
    after = dataclasses.replace(town, summary=town.summary | {"cost": cost, "units": units, "gap": None})
    rows = [re.split(r"  +", line.strip()) for line in str(compare(town, after)).splitlines()]
    assert rows[0] == ["before", "after", "difference"]
    assert ["cost, EUR", "35,103.05", "34,103.05", "-1,000.00"] in rows
    assert ["drop", "1,500.00", "1,500.00", "0.00"] in rows
    assert ["homes connected by the plan", "7", "6", "-1"] in rows
    assert ["homes left unconnected", "4", "5", "+1"] in rows
    assert ["trench to dig, m", "345.0", "345.0", "0.0"] in rows
    assert ["proven gap to the cheapest plan, same homes", "6.37 %", "not known"] in rows


def test_two_currencies_have_no_difference(town: Plan) -> None:
    """35,103 EUR less 35,103 GBP is no money at all."""
    found = compare(town, dataclasses.replace(town, summary=town.summary | {"currency": "GBP"}))
    assert found.cost.set_index("what").loc[["total", "trench"], "difference"].isna().all()
    assert "cost, EUR and GBP  35,103.05  35,103.05\n" in re.sub("   +", "  ", str(found))


def test_long_lists_are_cut_and_counted(town: Plan) -> None:
    """Thousands of ids in a terminal hide what is above them: some are named, all are counted."""
    many = pd.concat([town.customers.iloc[[0]].assign(customer_id=f"x{k}") for k in range(9)], ignore_index=True)
    more = dataclasses.replace(town, customers=pd.concat([town.customers, many], ignore_index=True))
    told = str(compare(town, more))
    assert "9 customers, 9 homes: not in this run -> connected by the plan\n      x0, x1, x2, x3, x4, …" in told


def test_the_command_names_all_of_them_on_demand(
    town: Plan, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Scripts get every changed customer as JSON, planners as layers; a file that is there is not written over."""
    lost = town.customers["customer_id"] == "a"
    customers = town.customers.assign(
        outcome=town.customers["outcome"].mask(lost, "unserved"), reason=town.customers["reason"].mask(lost, "excluded")
    )
    runs = [str(write_run(town, tmp_path / "one"))]
    runs += [str(write_run(dataclasses.replace(town, customers=customers), tmp_path / "two"))]
    file = str(tmp_path / "changes.gpkg")
    run_command("compare", *runs, "--json", "--out", file)
    told = json.loads(capsys.readouterr().out)
    assert [(row["customer_id"], row["change"]) for row in told["customers"]] == [("a", "lost")]
    assert told["gap"] == [pytest.approx(town.gap)] * 2
    assert gpd.read_file(file, layer="customers")["reason_after"].tolist() == ["excluded"]
    credit = pyogrio.read_info(file, layer="customers")["layer_metadata"]["DESCRIPTION"]
    assert credit == "© OpenStreetMap contributors, ODbL"
    with pytest.raises(RunError, match="the file exists"):
        app(["compare", *runs, "--out", file])
    run_command("compare", *runs)
    assert "all of them: --out FILE.gpkg, or --json" in capsys.readouterr().out


def run_command(*arguments: str) -> None:
    """Run the command line, which must end well."""
    with pytest.raises(SystemExit) as end:
        app(list(arguments))
    assert end.value.code == 0


def test_other_crs_is_projected(town: Plan) -> None:
    """Two runs in neighbouring UTM zones are the same town."""
    layers = {name: getattr(town, name).to_crs(25833) for name in ("customers", "trenches")}
    found = compare(town, dataclasses.replace(town, **layers))
    assert found.customers.empty
    assert found.customers.crs == town.customers.crs
