"""`verify` must be content with a sound run, and must name the fault in each doctored one."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import json
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from shapely import LineString

from lastmile_net.cli import app
from lastmile_net.errors import MissingFileError, RunError
from lastmile_net.read.files import read_layer
from lastmile_net.read.presets import column_preset, column_preset_names
from lastmile_net.read.run import read_run
from lastmile_net.schema import CUSTOMERS
from lastmile_net.verify import CHECKS, verify_run
from lastmile_net.verify.given import held_ids, read_given
from lastmile_net.write import Inputs, write_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from lastmile_net.plan.result import Plan
    from lastmile_net.verify import Verdict

    Doctor = Callable[[Plan], Plan]

NOT_ASKED = {
    "inputs_are_all_there",
    "labour_and_material_add_up",
    "locked_streets_are_built",
    "sides_are_where_they_say",
    "drops_keep_out",
    "optical_budget_is_kept",
    "aim_is_met",
    "new_points_are_of_the_catalogue",
    "new_points_stand_on_streets",
    "new_points_are_on_the_way",
    "included_come_first",
    "curve_agrees",
    "phases_agree",
}
"""Checks of what the plan drawn by hand does not have."""


@pytest.fixture(autouse=True)
def _without_map(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the map: it is not verified, and takes the longest to write."""
    monkeypatch.setattr("lastmile_net.write.run._draw_map", lambda *_: None)


def cells(plan: Plan, layer: str, key: str, name: str, **values: object) -> Plan:
    """Return the plan with cells of one row changed."""
    table = getattr(plan, layer).copy()
    row = table.index[table[key] == name][0]
    for column, value in values.items():
        table[column] = table[column].astype(object)
        table.loc[row, column] = value
    return dataclasses.replace(plan, **{layer: table.set_geometry("geometry")})


def customer(name: str, **values: object) -> Doctor:
    """Return a change of one customer."""
    return lambda plan: cells(plan, "customers", "customer_id", name, **values)


def trench(name: str, **values: object) -> Doctor:
    """Return a change of one trench."""
    return lambda plan: cells(plan, "trenches", "trench_id", name, **values)


def summary(**values: object) -> Doctor:
    """Return a change of the summary; `cost__total` is a part of `cost`."""

    def change(plan: Plan) -> Plan:
        new = json.loads(json.dumps(plan.summary))
        for key, value in values.items():
            outer, _, inner = key.partition("__")
            if inner:
                new[outer][inner] = value
            else:
                new[outer] = value
        return dataclasses.replace(plan, summary=new)

    return change


def settings(**values: object) -> Doctor:
    """Return a change of the settings that the plan claims to keep."""
    return lambda plan: dataclasses.replace(plan, config=plan.config.model_copy(update=values))


def without(layer: str, key: str, name: str) -> Doctor:
    """Return the removal of one row."""
    return lambda plan: dataclasses.replace(
        plan, **{layer: getattr(plan, layer)[lambda table: table[key] != name].reset_index(drop=True)}
    )


def twice(layer: str, key: str, name: str, **values: object) -> Doctor:
    """Return the addition of a copy of one row, changed."""

    def change(plan: Plan) -> Plan:
        table = getattr(plan, layer)
        row = table[table[key] == name].assign(**{column: [value] for column, value in values.items()})
        return dataclasses.replace(plan, **{layer: pd.concat([table, row.set_crs(table.crs)], ignore_index=True)})

    return change


def moved(layer: str, key: str, name: str, dx: float, dy: float) -> Doctor:
    """Return the shift of one row's geometry."""

    def change(plan: Plan) -> Plan:
        table = getattr(plan, layer)
        shape = table.geometry[table[key] == name].iloc[0]
        return cells(plan, layer, key, name, geometry=shapely.transform(shape, lambda xy: xy + np.array([dx, dy])))

    return change


def both(*doctors: Doctor) -> Doctor:
    """Return several changes, one after the other."""

    def change(plan: Plan) -> Plan:
        for doctor in doctors:
            plan = doctor(plan)
        return plan

    return change


def detour(plan: Plan) -> Plan:
    """Lead the route of `a` aside of the street, at the same length."""
    route = plan.routes.geometry[plan.routes["customer_id"] == "a"].iloc[0]
    xy = shapely.get_coordinates(route)
    bent = LineString([xy[0], xy[1] + [0, 5], *xy[2:]])
    change = both(
        lambda plan: cells(plan, "routes", "customer_id", "a", geometry=bent, length_m=bent.length),
        customer("a", route_m=bent.length),
    )
    return change(plan)


def through_neighbour(plan: Plan) -> Plan:
    """Lead the route of `c` over the drop of `a` and back."""
    xy = shapely.get_coordinates(plan.routes.geometry[plan.routes["customer_id"] == "c"].iloc[0])
    drop = shapely.get_coordinates(plan.trenches.geometry[plan.trenches["trench_id"] == "d-a"].iloc[0])
    way = LineString([*xy[:2], drop[0], drop[1], drop[0], *xy[1:]])
    change = both(
        lambda plan: cells(plan, "routes", "customer_id", "c", geometry=way, length_m=way.length),
        customer("c", route_m=way.length),
        settings(max_route_m=None, max_stretch=None),
        trench("t1", customers=3, units=7),
        trench("t1", build_order=1),
    )
    return change(plan)


def in_web_mercator(plan: Plan) -> Plan:
    """Say of all layers that they are in Web Mercator, where a metre of theirs is less than one on earth."""
    layers = {name: table for name, table in vars(plan).items() if isinstance(table, gpd.GeoDataFrame)}
    return dataclasses.replace(plan, **{k: each.set_crs(3857, allow_override=True) for k, each in layers.items()})


DOCTORED: dict[str, tuple[Doctor, set[str]]] = {
    "customer twice": (twice("customers", "customer_id", "e"), {"customers_are_unique", "summary_counts"}),
    "planned customer twice": (
        twice("customers", "customer_id", "a"),
        {"customers_are_unique", "summary_counts", "ports_suffice", "shares_add_up"},
    ),
    "no homes": (customer("e", units=0), {"customers_are_unique", "summary_counts"}),
    "unknown reason": (
        both(customer("e", reason="weather"), summary(reasons={"invalid_location": 1, "weather": 1})),
        {"values_are_known"},
    ),
    "connected yet unserved": (
        both(
            customer("d", outcome="unserved", reason="excluded", remedy_code="include", remedy="take it in"),
            summary(reasons={"excluded": 1, "invalid_location": 1, "street_island": 1}),
        ),
        {"values_are_known"},
    ),
    "miscounted customers": (summary(customers__planned=4), {"summary_counts"}),
    "miscounted homes": (summary(units__unserved=5), {"summary_counts"}),
    "miscounted reasons": (summary(reasons={"street_island": 2}), {"summary_counts"}),
    "most homes": (summary(most_units=6), {"summary_counts"}),
    "least cost": (summary(least_cost_as_many=1e9), {"summary_counts"}),
    "cost per home": (summary(cost_per_unit=12.0), {"summary_counts"}),
    "no remedy": (customer("e", remedy=None), {"unserved_have_reason_and_remedy"}),
    "no reason": (
        both(customer("e", reason=None), summary(reasons={"invalid_location": 1})),
        {"unserved_have_reason_and_remedy"},
    ),
    "reason of a planned one": (customer("a", reason="over_budget"), {"unserved_have_reason_and_remedy"}),
    "drop to nobody": (
        trench("d-a", to_node="zz"),
        {"planned_have_one_drop", "trenches_carry_their_customers", "routes_lie_on_what_is_built"},
    ),
    "served from nowhere": (
        customer("a", access_point_id="K9"),
        {"planned_have_one_drop", "ports_suffice", "routes_lie_on_what_is_built"},
    ),
    "premises elsewhere": (
        moved("customers", "customer_id", "a", 1.0, 0.0),
        {"drops_meet_premises", "routes_lie_on_what_is_built"},
    ),
    "gap in the trench": (trench("t2", from_node="n7"), {"planned_are_connected"}),
    "node in two places": (both(moved("trenches", "trench_id", "t2", 0.5, 0.0)), {"nodes_are_places"}),
    "through a customer": (
        both(
            trench("t2", from_node="a"),
            moved("customers", "customer_id", "a", 0.0, -20.0),
            trench("d-a", geometry=LineString([(500_150, 5_400_000), (500_150, 5_400_000)]), length_m=0.0),
            customer("a", drop_m=0.0),
        ),
        {
            "no_customer_is_passed_through",
            "planned_are_connected",
            "routes_lie_on_what_is_built",
            "lengths_are_those_of_the_lines",
        },
    ),
    "route missing": (
        without("routes", "customer_id", "a"),
        {"routes_lie_on_what_is_built", "trenches_carry_their_customers"},
    ),
    "route beside the street": (
        detour,
        {"routes_lie_on_what_is_built", "trenches_carry_their_customers", "fibre_costs_its_price"},
    ),
    "route over another's drop": (through_neighbour, {"routes_lie_on_what_is_built", "fibre_costs_its_price"}),
    "homes of a trench": (trench("t1", units=6), {"trenches_carry_their_customers"}),
    "customers of a trench": (trench("t1", customers=3), {"trenches_carry_their_customers"}),
    "homes of a duct": (
        lambda plan: cells(plan, "reused", "backbone_id", "D1", units=6),
        {"trenches_carry_their_customers"},
    ),
    "dug twice": (
        both(
            twice("trenches", "trench_id", "t1", trench_id="t9", customers=0, units=0),
            summary(trench_m=395.0, cost__trench=35_000.0),
        ),
        {"metres_are_dug_once", "trenches_carry_their_customers", "costs_add_up", "bill_agrees"},
    ),
    "wrong length": (
        both(trench("t1", length_m=51.0), summary(trench_m=346.0)),
        {"lengths_are_those_of_the_lines", "lengths_are_those_on_earth"},
    ),
    "lengths of no metric CRS": (in_web_mercator, {"lengths_are_those_on_earth"}),
    "wrong sum of metres": (summary(trench_m=300.0), {"lengths_are_those_of_the_lines"}),
    "wrong drop_m": (customer("a", drop_m=19.0), {"lengths_are_those_of_the_lines"}),
    "wrong route_m": (customer("a", route_m=171.0), {"lengths_are_those_of_the_lines", "fibre_costs_its_price"}),
    "a cent too much": (trench("t1", cost=5_000.01), {"costs_add_up", "bill_agrees"}),
    "drop for nothing": (trench("d-a", cost=0.0), {"costs_add_up", "bill_agrees", "pieces_cost_their_price"}),
    "dear duct": (
        lambda plan: cells(plan, "reused", "backbone_id", "D1", cost=301.0),
        {"costs_add_up", "bill_agrees", "pieces_cost_their_price"},
    ),
    "overhead": (summary(cost__overhead=1_671.56, cost__fibre=500.49), {"costs_add_up", "bill_agrees"}),
    "equipment": (summary(cost__equipment=1_130.0, cost__fibre=501.48), {"costs_add_up", "fibre_costs_its_price"}),
    "fibre": (summary(cost__fibre=499.48, cost__reuse=301.0), {"costs_add_up", "bill_agrees", "fibre_costs_its_price"}),
    "bound above cost": (summary(lower_bound=36_000.0), {"bound_is_below_cost"}),
    "gap": (summary(gap=0.0), {"bound_is_below_cost"}),
    "no gap": (summary(gap=None), {"bound_is_below_cost"}),
    "street taken away": (without("streets", "street_id", "s2"), {"new_lies_on_streets", "pieces_cost_their_price"}),
    "duct elsewhere": (moved("backbone_lines", "backbone_id", "D1", 0.0, 3.0), {"reused_lies_on_backbone"}),
    "duct unknown": (
        lambda plan: cells(plan, "reused", "backbone_id", "D1", backbone_id="D2"),
        {"reused_lies_on_backbone", "pieces_cost_their_price"},
    ),
    "duct full": (
        lambda plan: cells(plan, "backbone_lines", "backbone_id", "D1", units_free=6),
        {"spare_capacity_suffices"},
    ),
    "ports exceeded": (
        lambda plan: cells(plan, "access_points", "access_point_id", "K1", ports_free=6),
        {"ports_suffice"},
    ),
    "ports miscounted": (
        lambda plan: cells(plan, "access_points", "access_point_id", "K1", ports_used=6),
        {"ports_suffice"},
    ),
    "cabinet in the air": (
        both(
            moved("backbone_points", "backbone_id", "K1", 9.0, 9.0),
            moved("backbone_lines", "backbone_id", "D1", 0.1, 0.0),
        ),
        {"access_points_exist"},
    ),
    "drop too long": (settings(max_drop_m=19.9), {"drops_are_short_enough"}),
    "route too long": (settings(max_route_m=264.9), {"routes_are_short_enough"}),
    "stretched": (customer("c", shortest_m=100.0), {"routes_are_short_enough"}),
    "shorter than the shortest": (customer("c", shortest_m=261.0), {"routes_are_short_enough"}),
    "dug too late": (both(trench("t1", build_order=9)), {"building_order_is_nested"}),
    "no rank": (trench("t1", build_order=None), {"building_order_is_nested"}),
    "unranked customer": (customer("a", build_order=None), {"building_order_is_nested"}),
    "shares": (customer("a", cost_share=3_200.01), {"shares_add_up"}),
    "share missing": (customer("a", cost_share=None), {"shares_add_up"}),
}


@pytest.mark.parametrize("case", DOCTORED)
def test_each_fault_is_found_and_no_other(case: str, town: Plan, tmp_path: Path) -> None:
    """A check that cannot fail is none, and one that fails for something else misleads."""
    doctor, expected = DOCTORED[case]
    verdict = verify_run(write_run(doctor(town), tmp_path / "run"))
    assert failed(verdict) == expected, str(verdict)
    assert not verdict.passed


def included(value: float = 1.0, who: str = "e", but: str = "", **cells: object) -> Doctor:
    """
    Return a plan in which e only lacks `value` ports at K1, which serves 7 homes of others.

    `who` must be served, `but` is excluded all the same.
    """
    told = {"reason": "no_free_port", "remedy_code": "add_ports", "remedy_value": value, "remedy_at": "K1"} | cells

    def flagged(plan: Plan) -> Plan:
        table = plan.customers
        flags = {"include": table["customer_id"].isin([*who]), "exclude": table["customer_id"].isin([*but])}
        return dataclasses.replace(plan, customers=table.assign(**flags, remedy_at=None, remedy_also=None))

    return both(
        flagged,
        customer("e", **told),
        summary(reasons={"invalid_location": 1, str(told["reason"]): 1}),
    )


FIRST: dict[str, tuple[Doctor, bool]] = {
    "others have its ports": (included(7.0), False),
    "others have fewer ports than it needs": (included(8.0), True),
    "others must be served, too": (included(4.0, who="be"), True),
    "excluded, too": (included(but="e"), True),
    "its street is closed": (included(reason="street_island", remedy_code="link_island"), True),
    "something else is needed besides": (included(remedy_also="raise_max_route_m=3"), True),
    "left out for a price": (included(reason="over_budget", remedy_code="raise_budget"), False),
    "money is left": (
        both(included(reason="over_budget", remedy_cost=90.0), settings(budget=35_193.05)),
        False,
    ),
    "money is short": (
        both(included(reason="over_budget", remedy_cost=90.0), settings(budget=35_193.04)),
        True,
    ),
}


@pytest.mark.parametrize("case", FIRST)
def test_who_must_be_served_goes_before_others(case: str, town: Plan, tmp_path: Path) -> None:
    """`include` is a promise: whoever could be served in the place of others, and is not, breaks it."""
    doctor, holds = FIRST[case]
    verdict = verify_run(write_run(doctor(town), tmp_path / "run"))
    assert failed(verdict) - {"aim_is_met"} == (set() if holds else {"included_come_first"}), str(verdict)


def test_sound_run_passes(town: Plan, tmp_path: Path) -> None:
    """Whoever plans well must not be told otherwise."""
    verdict = verify_run(write_run(town, tmp_path / "run"))
    assert verdict.passed, str(verdict)
    assert {check.__name__ for check in CHECKS} - {check.name for check in verdict.checks} == NOT_ASKED


def test_run_that_builds_nothing_passes(town: Plan, tmp_path: Path) -> None:
    """Where money reaches nobody, or all are connected, there is nothing built, and nothing wrong with that."""
    customers = town.customers.copy()
    planned = customers["outcome"] == "planned"
    told = {"outcome": "unserved", "reason": "over_budget", "remedy_code": "raise_budget", "remedy": "more money"}
    for name, value in told.items():
        customers[name] = customers[name].astype(object).mask(planned, value)
    empty = ["access_point_id", "drop_m", "route_m", "shortest_m", "cost_share", "build_order"]
    customers = customers.assign(**dict.fromkeys(empty))
    change = summary(
        customers__planned=0,
        customers__unserved=5,
        units__planned=0,
        units__unserved=11,
        reasons={"invalid_location": 1, "street_island": 1, "over_budget": 3},
        cost=dict.fromkeys(town.summary["cost"], 0.0),
        trench_m=0.0,
        lower_bound=0.0,
        gap=0.0,
        cost_per_unit=None,
    )
    tables = {name: getattr(town, name).iloc[:0] for name in ("trenches", "reused", "routes", "access_points")}
    nothing = change(dataclasses.replace(town, customers=customers, **tables))
    verdict = verify_run(write_run(nothing, tmp_path / "run"))
    assert verdict.passed, str(verdict)


def test_every_check_is_seen_to_fail(town: Plan, tmp_path: Path) -> None:
    """A new check needs a doctored run of its own."""
    names = {check.name for check in verify_run(write_run(town, tmp_path / "run")).checks}
    elsewhere = {"files_are_unchanged", "gaps_agree", "inputs_are_all_there"}
    assert names - elsewhere <= set().union(*(expected for _, expected in DOCTORED.values()))


def test_limits_hold_at_their_boundary(town: Plan, tmp_path: Path) -> None:
    """A limit is inclusive: a drop of 20 m keeps a limit of 20 m, a route of 265 m one of 265 m."""
    exact = settings(max_drop_m=20.0, max_route_m=265.0, max_stretch=1.0)(town)
    assert verify_run(write_run(exact, tmp_path / "run")).passed


def test_changed_file_is_found(town: Plan, tmp_path: Path) -> None:
    """Whoever edits a file after the run must be told by its hash."""
    run = write_run(town, tmp_path / "run")
    path = run / "summary.json"
    path.write_text(path.read_text(encoding="utf-8") + " ", encoding="utf-8")
    verdict = verify_run(run)
    assert failed(verdict) == {"files_are_unchanged"}
    assert verdict.faults[0].rows == ("summary.json (changed)",)


def test_opening_a_geopackage_is_no_change(town: Plan, tmp_path: Path) -> None:
    """A GIS that opens the file changes its header; only a changed cell is a fault."""
    run = write_run(town, tmp_path / "run")
    before = (run / "plan.gpkg").read_bytes()
    with closing(sqlite3.connect(run / "plan.gpkg")) as database:
        database.execute("PRAGMA journal_mode = WAL")
    assert (run / "plan.gpkg").read_bytes() != before
    assert verify_run(run).passed
    with closing(sqlite3.connect(run / "plan.gpkg")) as database, database:
        database.execute("UPDATE layer_styles SET description = 'mine' WHERE id = 1")
    assert failed(verify_run(run)) == {"files_are_unchanged"}


def test_changed_bill_is_found(town: Plan, tmp_path: Path) -> None:
    """The bill is what is ordered from, so it must add up to what the plan costs."""
    run = write_run(town, tmp_path / "run")
    path = run / "bom.csv"
    path.write_text(path.read_text(encoding="utf-8").replace(",30000.0", ",30000.01"), encoding="utf-8")
    assert failed(verify_run(run)) == {"files_are_unchanged", "bill_agrees"}


def test_changed_gaps_are_found(town: Plan, tmp_path: Path) -> None:
    """`gaps.csv` is what planners send around, so it must tell what the plan holds."""
    run = write_run(town, tmp_path / "run")
    path = run / "gaps.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("street_island", "over_budget"), encoding="utf-8")
    assert failed(verify_run(run)) == {"files_are_unchanged", "gaps_agree"}


def test_changed_homes_of_the_gaps_are_found(town: Plan, tmp_path: Path) -> None:
    """Who is asked how many homes wait adds up this column, so it must be what the summary says."""
    run = write_run(town, tmp_path / "run")
    table = pd.read_csv(run / "gaps.csv", dtype=str)
    table["units_without_line"] = "9"
    table.to_csv(run / "gaps.csv", index=False)
    assert failed(verify_run(run)) == {"files_are_unchanged", "gaps_agree"}


def test_lost_customer_is_found_by_the_input(town: Plan, tmp_path: Path) -> None:
    """Only the input can tell that somebody was dropped in silence."""
    given = tmp_path / "customers.csv"
    given.write_text("customer_id,lon,lat\n" + "".join(f"{name},9,48\n" for name in "abcdefg"), encoding="utf-8")
    verdict = verify_run(write_run(town, tmp_path / "run", inputs=Inputs.of(customers=given)))
    assert failed(verdict) == {"inputs_are_all_there"}
    assert verdict.faults[0].rows == ("g (lost)",)
    given.write_text("customer_id,lon,lat\n" + "".join(f"{name},9,48\n" for name in "abcdef"), encoding="utf-8")
    verdict = verify_run(write_run(town, tmp_path / "second", inputs=Inputs.of(customers=given)))
    assert verdict.passed
    assert "inputs_are_all_there" in {check.name for check in verdict.checks}


def test_layers_named_behind_a_colon_are_read_again(town: Plan, tmp_path: Path) -> None:
    """One file of all layers is what planners keep: its path with `:layer` was no file, and two checks were dropped."""
    file = tmp_path / "town.gpkg"
    wall = LineString([(500_140, 5_400_010), (500_160, 5_400_010)])
    gpd.GeoDataFrame(geometry=[wall], crs=town.customers.crs).to_file(file, layer="walls")
    town.customers[["customer_id", "geometry"]].iloc[1:].to_file(file, layer="homes")
    inputs = Inputs.of(customers=f"{file}:homes", barriers=f"{file}:walls")
    assert inputs.files["customers"].layer == "homes"
    assert inputs.files["customers"].sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    verdict = verify_run(write_run(town, tmp_path / "run", inputs=inputs))
    assert {fault.name: fault.rows for fault in verdict.faults} == {
        "inputs_are_all_there": ("a (new)",),
        "nothing_built_against_barriers": ("d-a",),
    }


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_tables_are_read_in_every_encoding(encoding: str, town: Plan, tmp_path: Path) -> None:
    """A table that can be planned with can be checked against: offices write Latin-1 and semicolons."""
    given = tmp_path / "customers.csv"
    text = "customer_id;Straße\n" + "".join(f"{name};Längengasse\n" for name in "abcdefg")
    given.write_bytes(text.encode(encoding))
    verdict = verify_run(write_run(town, tmp_path / "run", inputs=Inputs.of(customers=given)))
    assert [(fault.name, fault.rows) for fault in verdict.faults] == [("inputs_are_all_there", ("g (lost)",))]


REGISTER = """
title = "Homes"
source = "made up"
layer = "customers"
where = [{ column = "state", differs = ["gone"] }]
flats = { named = ["flat"] }

[columns]
customer_id = "NR"
street = "way"
housenumber = "no"
"""


@pytest.mark.parametrize(
    ("rows", "faults"),
    [
        ("", []),
        ("h,gone,\n", []),
        ("h, GONE ,\n\n,,\n", []),
        ("h,built,\n", [("inputs_are_all_there", ("h (lost)",))]),
        ("f,built,\n", [("inputs_are_all_there", ("8 of the input, 7 in the run",))]),
    ],
)
def test_rows_of_a_register_are_kept_left_out_or_folded(
    rows: str, faults: list[object], town: Plan, tmp_path: Path
) -> None:
    """The reader of a register leaves rows out and makes one customer of flats: one that it loses besides must show."""
    preset, given = tmp_path / "homes.toml", tmp_path / "homes.csv"
    preset.write_text(REGISTER, encoding="utf-8")
    given.write_text("nr,State,flat\n" + "".join(f"{name},built,\n" for name in "abcdefg") + rows, encoding="utf-8")
    flats = town.customers["customer_id"].map({"a": "a;g"}).astype(object)
    folded = dataclasses.replace(
        town,
        customers=town.customers.assign(flat_ids=flats.where(flats.notna(), None)),
        config=town.config.model_copy(update={"presets": (str(preset),)}),
    )
    verdict = verify_run(write_run(folded, tmp_path / "run", inputs=Inputs.of(customers=given)))
    assert "inputs_are_all_there" in {check.name for check in verdict.checks}, str(verdict)
    assert [(fault.name, fault.rows) for fault in verdict.faults] == faults


@pytest.mark.parametrize("suffix", [".gz", ".zip"])
def test_packed_tables_are_checked_too(suffix: str, town: Plan, tmp_path: Path) -> None:
    """Registers come packed, and are planned with as they come."""
    text = "customer_id\n" + "".join(f"{name}\n" for name in "abcdefg")
    given = tmp_path / f"homes.csv{suffix}"
    if suffix == ".gz":
        given.write_bytes(gzip.compress(text.encode()))
    else:
        with zipfile.ZipFile(given, "w") as archive:
            archive.writestr("homes.csv", text)
    verdict = verify_run(write_run(town, tmp_path / "run", inputs=Inputs.of(customers=given)))
    assert [(fault.name, fault.rows) for fault in verdict.faults] == [("inputs_are_all_there", ("g (lost)",))]


def test_a_file_without_a_known_column_of_ids_is_counted(town: Plan, tmp_path: Path) -> None:
    """Where nobody says what the ids are called, that a row is lost shows by their number alone."""
    given = tmp_path / "customers.csv"
    given.write_text("id,lon,lat\n" + "".join(f"{name},9,48\n" for name in "abcdefg"), encoding="utf-8")
    verdict = verify_run(write_run(town, tmp_path / "run", inputs=Inputs.of(customers=given)))
    assert [fault.rows for fault in verdict.faults] == [("7 of the input, 6 in the run",)]


REGISTERS = Path(__file__).parents[1] / "read" / "registers"
OF_CUSTOMERS = {name for name in column_preset_names() if column_preset(name).layer == "customers"}


@pytest.mark.parametrize("name", sorted(each.name for each in REGISTERS.glob("*.*") if each.stem in OF_CUSTOMERS))
def test_each_register_is_read_alike(name: str) -> None:
    """Two readers that share nothing name the same rows of every register, or one of them is wrong."""
    preset = Path(name).stem
    run = SimpleNamespace(
        customers=read_layer(REGISTERS / name, CUSTOMERS, preset=preset, crs="EPSG:4326", on_bad_rows="quarantine"),
        setting={"presets": (preset,)}.get,
    )
    given = read_given(run, {"path": str(REGISTERS / name)})
    assert given.rows == len(given.ids)
    assert sorted(given.ids) == sorted(held_ids(run))


def test_numbers_as_ids_and_mapped_columns(town: Plan, tmp_path: Path) -> None:
    """Ids that are numbers in the file, and columns called otherwise, are still the same customers."""
    numbers = dict(zip("abcdef", map(str, range(1, 7)), strict=True))
    renamed = dataclasses.replace(
        town,
        customers=town.customers.replace({"customer_id": numbers}),
        routes=town.routes.replace({"customer_id": numbers}),
        trenches=town.trenches.replace({"to_node": numbers}),
        config=town.config.model_copy(update={"mapping": {"customers": {"customer_id": "NR"}}}),
    )
    given = tmp_path / "customers.gpkg"
    points = gpd.points_from_xy(range(6), range(6), crs=25832)
    gpd.GeoDataFrame({"NR": [float(number) for number in range(1, 7)]}, geometry=points).to_file(given)
    verdict = verify_run(write_run(renamed, tmp_path / "run", inputs=Inputs.of(customers=given)))
    assert verdict.passed, str(verdict)
    assert "inputs_are_all_there" in {check.name for check in verdict.checks}


@pytest.mark.parametrize("change", ["gone", "changed"])
def test_inputs_that_are_not_there_are_said(change: str, town: Plan, tmp_path: Path) -> None:
    """What could not be checked must be said, not passed over."""
    given = tmp_path / "customers.csv"
    given.write_text("customer_id\na\n", encoding="utf-8")
    run = write_run(town, tmp_path / "run", inputs=Inputs.of(customers=given))
    given.unlink() if change == "gone" else given.write_text("customer_id\nb\n", encoding="utf-8")
    verdict = verify_run(run)
    assert verdict.passed
    assert any("customers.csv" in why for why in verdict.unchecked)


def test_json_lists_what_was_not_checked(town: Plan, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A script that reads only `passed` must be able to see that a check was left out."""
    run = write_run(settings(routes=False)(town), tmp_path / "run")
    capsys.readouterr()
    with pytest.raises(SystemExit) as end:
        app(["verify", str(run), "--json"])
    assert end.value.code == 0
    assert json.loads(capsys.readouterr().out)["unchecked"] == list(verify_run(run).unchecked) != []


def test_run_without_routes_says_so(town: Plan, tmp_path: Path) -> None:
    """Without routes a part cannot be judged; the rest can."""
    bare = settings(routes=False)(town)
    verdict = verify_run(write_run(bare, tmp_path / "run"))
    assert verdict.passed
    assert any("routes" in why for why in verdict.unchecked)


def test_partly_connected_building_counts_by_homes(town: Plan, tmp_path: Path) -> None:
    """A building with homes served today brings its other homes only."""
    change = both(
        customer("b", units_connected=1),
        summary(
            units={
                "total": 12,
                "connected": 2,
                "passed": 1,
                "unconnected": 9,
                "existing": 2,
                "planned": 6,
                "unserved": 4,
            }
        ),
        summary(cost_per_unit=35_103.05 / 6, cost__equipment=town.summary["cost"]["equipment"]),
    )
    verdict = verify_run(write_run(change(town), tmp_path / "run"))
    assert "summary_counts" not in failed(verdict), str(verdict)
    assert "ports_suffice" in failed(verdict)


def test_no_run_is_refused(town: Plan, tmp_path: Path) -> None:
    """A folder that is no run must be told from a faulty one."""
    with pytest.raises(MissingFileError):
        verify_run(tmp_path / "nowhere")
    with pytest.raises(RunError, match="no run"):
        verify_run(tmp_path)
    run = write_run(town, tmp_path / "run")
    (run / "plan.gpkg").write_bytes(b"no database")
    with pytest.raises(RunError, match="cannot be read"):
        verify_run(run)


def test_a_run_of_another_version_is_told_from_no_run(town: Plan, tmp_path: Path) -> None:
    """Whoever opens an old run should learn that it is old, not that it is none; nor see a traceback."""
    run = write_run(town, tmp_path / "run")
    seal = json.loads((run / "run.json").read_text(encoding="utf-8"))
    seal["log"] = [{"seconds": 1.0, "mood": "good"}]
    (run / "run.json").write_text(json.dumps(seal), encoding="utf-8")
    with pytest.raises(RunError, match="another version"):
        read_run(run)
    with closing(sqlite3.connect(run / "plan.gpkg")) as database, database:
        database.execute("ALTER TABLE access_points DROP COLUMN fed_from")
    with pytest.raises(RunError, match=r"lacks fed_from.*another version"):
        verify_run(run)


def failed(verdict: Verdict) -> set[str]:
    """Return the names of the checks that failed."""
    return {check.name for check in verdict.faults}


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ({}, "3 routes within 400 m and 1.5 times the shortest"),
        ({"max_stretch": None}, "3 routes within 400 m"),
        ({"max_stretch": None, "max_route_m": None}, "3 routes without a limit, none shorter than the shortest"),
    ],
)
def test_limits_that_were_not_set_are_not_told(town: Plan, tmp_path: Path, limits: dict[str, None], told: str) -> None:
    """Who hands a verdict on need not explain what "within inf m" is."""
    verdict = verify_run(write_run(settings(**limits)(town), tmp_path / "run"))
    assert {check.name: check.detail for check in verdict.checks}["routes_are_short_enough"] == told
