"""What a planner reads must be what the plan holds, to the cent, and nothing from the data may run."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import openpyxl
import pandas as pd
import pytest

from lastmile_net.config import read_config
from lastmile_net.coverage import homes_by, new_homes
from lastmile_net.coverage.remedy import REMEDY_UNITS
from lastmile_net.report import (
    bill_of_materials,
    failure_report,
    html,
    markdown,
    plan_table,
    summary_text,
    write_bom,
    write_failure_report,
)
from lastmile_net.report.bom import areas, homes_passed
from lastmile_net.report.curve import curve_svg
from lastmile_net.report.words import CHANGES, REASONS_IN_SHORT
from lastmile_net.report.words import OUTCOMES as OUTCOMES_IN_WORDS
from lastmile_net.schema import BILL, OUTCOMES, REASONS
from lastmile_net.solve.problem import Progress

if TYPE_CHECKING:
    from pathlib import Path

    from lastmile_net.plan.result import Plan
    from lastmile_net.solve.problem import Status


def test_table_tells_the_summary(town: Plan) -> None:
    """The first thing a planner reads: who is served, who is not and why, metres, money, proof."""
    rows = {(row.section, row.label): (row.first.split(), row.second.split()) for row in plan_table(town)}
    assert rows["Today", "connected"] == (["1", "16.7", "%"], ["1", "8.3", "%"])
    assert rows["With this plan", "planned"] == (["3", "50.0", "%"], ["7", "58.3", "%"])
    assert rows["With this plan", "unserved"] == (["2", "33.3", "%"], ["4", "33.3", "%"])
    assert rows["With this plan", "all"] == (["6", "100.0", "%"], ["12", "100.0", "%"])
    assert rows["Why unserved", "street_island"] == (["1", "16.7", "%"], ["3", "25.0", "%"])
    assert rows["Digging", "drops"] == (["45", "m"], [])
    assert rows["Digging", "trench metres, drops included"] == (["345", "m"], [])
    assert rows["Cost", "total"] == (["35,103.05", "EUR"], [])
    assert rows["Cost", "per home"] == (["5,014.72", "EUR"], [])
    assert rows["Proof", "lower bound"] == (["33,000.00", "EUR"], [])
    assert rows["Proof", "gap"] == (["6.37", "%"], [])


def test_homes_served_today_have_no_reason(town: Plan) -> None:
    """Of a house partly connected only the other homes are unserved: the reasons add up to the line above them."""
    customers = town.customers.assign(units_connected=[None, 1, None, None, 2, None])
    rows = {
        (row.section, row.label): row.second.split()
        for row in plan_table(dataclasses.replace(town, customers=customers))
    }
    assert rows["Why unserved", "street_island"] == ["1", "8.3", "%"]
    assert homes_by(customers, "reason") == {"street_island": 1, "invalid_location": 1}
    assert homes_by(customers, "outcome", served="existing") == {"existing": 4, "planned": 6, "unserved": 2}


@pytest.mark.parametrize(
    ("settings", "role", "hint"),
    [
        ({}, "distribution", "; try --tap anywhere or --new-access-points"),
        ({}, "duct", "; try --new-access-points"),
        ({"tap": "anywhere"}, "distribution", "; try --new-access-points"),
        ({"budget": 9_000.0}, "distribution", "; try --tap anywhere"),
        ({"prices": "metres"}, "distribution", "; try --tap anywhere"),
        ({"new_access_points": True}, "duct", ""),
        ({"phases": {"budgets": [9_000.0], "grown": True}}, "duct", ""),
    ],
)
def test_who_finds_no_port_is_told_what_helps(town: Plan, settings: dict[str, Any], role: str, hint: str) -> None:
    """The hint names what this plan could still do: no tap where no line is, no catalogue where there is none."""
    plan = dataclasses.replace(
        town,
        config=read_config(**settings),
        customers=town.customers.replace({"reason": {"street_island": "no_free_port"}}),
        backbone_lines=town.backbone_lines.assign(role=role),
        summary=town.summary | {"reasons": {"no_free_port": 1, "invalid_location": 1}},
    )
    told = {row.label: row.meaning for row in plan_table(plan) if row.section == "Why unserved"}
    assert told["no_free_port"] == f"the access points it can reach have too few free ports{hint}"
    assert "; try" not in told["invalid_location"]


def test_text_holds_every_row(town: Plan) -> None:
    """`str(plan)` must leave nothing of the table out, and its columns must stand under each other."""
    text = str(town)
    assert text == summary_text(town)
    for row in plan_table(town):
        assert all(part in text for part in row)
    rows = [line for line in text.splitlines() if re.match(r"  (planned|unserved|all|street_island) ", line)]
    assert len({len(line) for line in rows}) == 1
    assert max(map(len, text.splitlines())) <= 110, "a terminal breaks longer lines"


@pytest.mark.parametrize(
    ("search_gap", "new_points", "told"),
    [
        (0.01, False, "nothing was left to try for a better plan or a closer bound; neither `rounds` nor"),
        (0.002, False, "the search for trenches was within it, and ended; a smaller `target_gap` makes it go on"),
        (0.002, True, "no closer bound is known on where new access points are best; neither `rounds` nor"),
    ],
)
def test_an_end_above_the_gap_says_what_helps(town: Plan, search_gap: float, new_points: bool, told: str) -> None:
    """Whoever asked for a gap and does not get it tries more rounds and more time, even where they are in vain."""
    log = (Progress(1.0, 1_000_000 + int(1_000_000 * search_gap), 1_000_000, "prove"),)
    config = town.config.model_copy(update={"new_access_points": new_points})
    summary = town.summary | {"gap": 0.02}
    plan = dataclasses.replace(town, status="rounds", log=log, summary=summary, config=config)
    end = [row for row in plan_table(plan) if row.section == "Proof"][-1]
    assert end.label == "ended above the gap asked for (0.30 %)"
    assert end.meaning.startswith(told)
    assert max(map(len, summary_text(plan).splitlines())) <= 110


def test_one_long_line_leaves_the_columns_where_they_are(town: Plan) -> None:
    """A line without figures that is longer than the others had pushed all figures out of a narrow terminal."""
    log = (Progress(1.0, 10, 9, "search 20"),)
    plan = dataclasses.replace(town, status="rounds", log=log, summary=town.summary | {"gap": 0.01})
    long, short = summary_text(plan), summary_text(dataclasses.replace(plan, status="optimal"))
    assert "ended after all 20 rounds, above the gap asked for" in long
    assert long.splitlines()[0] == short.splitlines()[0]


@pytest.mark.parametrize("bound", [{"lower_bound": 0.0, "gap": float("inf")}, {"lower_bound": None, "gap": None}])
def test_table_without_a_bound(bound: dict[str, float | None], town: Plan) -> None:
    """A plan without a proof is still a plan, and says so."""
    text = summary_text(dataclasses.replace(town, summary=town.summary | bound))
    assert "inf" not in text
    assert "gap" not in text


@pytest.mark.parametrize(
    ("status", "gap", "stage", "told"),
    [
        ("gap", 0.002, "search 3", "ended within the gap asked for"),
        ("rounds", 0.01, "search 20", "ended after all 20 rounds, above the gap asked for (0.30 %): raise `rounds`"),
        ("rounds", 0.01, "search 7", "ended above the gap asked for (0.30 %)"),
        ("rounds", 0.002, "prove", "ended within the gap asked for"),
        ("gap", 0.0044, "prove", "ended above the gap asked for (0.30 %)"),
        ("time", 0.0044, "prove", "ended by the time limit, `time_limit_s`: another machine may end elsewhere"),
        ("optimal", 0.0, "prove", "ended proven the cheapest"),
    ],
)
def test_the_end_of_the_search_is_that_of_the_gap_told(
    town: Plan, status: Status, gap: float, stage: str, told: str
) -> None:
    """The line above has the gap of the whole cost: the end must fit it, and name the setting that leads further."""
    log = (Progress(1.0, 10, 9, stage), Progress(1.1, 10, 9, "finish"))
    plan = dataclasses.replace(town, status=status, log=log, summary=town.summary | {"gap": gap})
    assert [row.label for row in plan_table(plan) if row.section == "Proof"][-1] == told


def test_bill_adds_up(town: Plan) -> None:
    """Each part of the bill is that of the summary, and each amount is quantity times price, to the cent."""
    bill = bill_of_materials(town)
    for part, rows in bill.groupby("part"):
        assert round(rows["amount"].sum(), 2) == town.summary["cost"][part]
    assert set(bill["part"]) == {part for part, amount in town.summary["cost"].items() if amount} - {"total"}
    factor = np.where(bill["unit"] == "%", 0.01, 1.0)
    assert np.allclose((bill["quantity"] * bill["price"] * factor).round(2), bill["amount"], atol=0.0101)
    trench = bill[bill["part"] == "trench"].iloc[0]
    assert (trench["item"], trench["quantity"], trench["price"]) == ("street trench, open trench, sealed", 300.0, 100.0)


def test_bill_tells_rounding_once_and_by_its_name(town: Plan) -> None:
    """Pieces are in whole cents, their sum times the price is not: one row says so, in words a buyer knows."""
    dug = town.trenches["kind"] != "drop"
    trenches = town.trenches.copy()
    trenches.loc[dug, "cost"] = [5_000.01, 10_000.0, 15_000.0]
    trenches.loc[trenches["trench_id"] == "t3", "surface"] = "unsealed"
    config = read_config(cost={"dig": {"open_trench": {"sealed": 100, "unsealed": 100}}})
    bill = bill_of_materials(dataclasses.replace(town, trenches=trenches, config=config))
    rows = bill[bill["part"] == "trench"]
    assert rows["item"].tolist() == [
        "street trench, open trench, sealed",
        "street trench, open trench, unsealed",
        "rounding of pieces and unit prices",
    ]
    assert rows[["quantity", "price", "amount"]].to_numpy().tolist()[2] == [1, 0.01, 0.01]
    assert round(rows["amount"].sum(), 2) == 30_000.01


def odd_prices(town: Plan) -> Plan:
    """Return the plan with trenches at cost factors of their own, and fibre at a price that is no number of cents."""
    trenches = town.trenches.copy()
    trenches.loc[trenches["kind"] != "drop", "cost"] = [4_321.09, 9_876.54, 12_345.67]
    cost = town.summary["cost"] | {"trench": 26_543.30, "fibre": 500.4921}
    cost |= {"fibre": 500.49, "overhead": 1_498.74, "total": 31_473.53}
    return dataclasses.replace(town, trenches=trenches, summary=town.summary | {"cost": cost})


def test_unit_prices_have_few_digits(town: Plan) -> None:
    """A buyer types prices into an order: 88.48 and 0.7201 can be typed, 88.47766666666666 cannot."""
    plan = odd_prices(town)
    bill = bill_of_materials(plan)
    prices = bill.set_index("item")["price"]
    assert prices["street trench, open trench, sealed"] == 88.48
    assert prices["fibre along the routes"] == 0.7201
    assert all(len(f"{price!r}".partition(".")[2]) <= 4 for price in bill["price"].tolist())
    for part, rows in bill.groupby("part"):
        assert round(rows["amount"].sum(), 2) == plan.summary["cost"][part]
    listed = bill[bill["unit"] != "%"]
    assert ((listed["quantity"] * listed["price"] + 1e-9).round(2) == listed["amount"]).all()
    rounding = bill[bill["item"] == "rounding of pieces and unit prices"]
    assert rounding[["part", "amount"]].to_numpy().tolist() == [["trench", -0.7], ["fibre", 0.02]]


def test_headings_of_the_workbook_explain_themselves(town: Plan, tmp_path: Path) -> None:
    """Who opens the bill learns from the heading what `labour` is a share of; the words are those of the documents."""
    write_bom(town, tmp_path)
    heads = openpyxl.load_workbook(tmp_path / "bom.xlsx")["Items"][1]
    notes = {cell.value: cell.comment.text for cell in heads}
    assert list(notes) == [*BILL.names, "labour amount"]
    assert notes["labour"].startswith("share of amount that is labour, 0 to 1")


def test_bill_splits_drops_by_their_price_list(town: Plan) -> None:
    """A drop costs a fixed price and metres beyond those included: 500, and 49 for each of 3 metres beyond 20."""
    trenches = town.trenches.copy()
    trenches.loc[trenches["kind"] == "drop", "length_m"] = [23.0, 15.0, 10.0]
    trenches.loc[trenches["kind"] == "drop", "cost"] = [647.0, 500.0, 500.0]
    bill = bill_of_materials(dataclasses.replace(town, trenches=trenches))
    drops = bill[bill["part"] == "drop"]
    assert drops[["quantity", "price", "amount"]].to_numpy().tolist() == [[3, 500, 1500], [3, 49, 147]]


def test_bill_of_an_empty_plan(town: Plan) -> None:
    """Where nothing is built nothing is bought, and nothing breaks."""
    nothing = dataclasses.replace(
        town,
        trenches=town.trenches.iloc[:0],
        reused=town.reused.iloc[:0],
        routes=town.routes.iloc[:0],
        customers=town.customers.assign(outcome="unserved", reason="over_budget"),
        summary=town.summary | {"cost": dict.fromkeys(town.summary["cost"], 0.0)},
    )
    assert bill_of_materials(nothing).empty
    assert homes_passed(nothing) == 0


def test_workbook_formulas_give_the_totals(town: Plan, tmp_path: Path) -> None:
    """The workbook is alive: worked out, its formulas give the summary to the cent."""
    write_bom(town, tmp_path)
    book = openpyxl.load_workbook(tmp_path / "bom.xlsx")
    items = {cell.coordinate: cell.value for row in book["Items"] for cell in row}
    amounts = {}
    for row in range(2, book["Items"].max_row + 1):
        amounts[row] = worked_out(str(items[f"F{row}"]), items, amounts)
    told = {row[0].value: row[1].value for row in book["Summary"]}
    for part in ("trench", "drop", "reuse", "fibre", "equipment", "overhead"):
        assert told[part] == f'=SUMIF(Items!A2:A{len(amounts) + 1},"{part}",Items!F2:F{len(amounts) + 1})'
        mine = sum(amount for row, amount in amounts.items() if items[f"A{row}"] == part)
        assert round(mine, 2) == town.summary["cost"][part]
    assert (told["total"], book["Summary"]["A8"].value, book["Summary"]["A2"].value) == (
        "=SUM(B2:B7)",
        "total",
        "trench",
    )
    assert (told["homes connected"], told["homes passed"]) == (7, 7)
    assert book["Summary"]["A9"].value == "homes connected"


def worked_out(formula: str, cells: dict[str, object], amounts: dict[int, float]) -> float:
    """Work out `=ROUND(C2*E2,2)`, and `=ROUND(C9*E9/100,2)` where C9 is `=SUM(F2:F8)`."""
    found = re.fullmatch(r"=ROUND\(C(\d+)\*E\1(/100)?,2\)", formula)
    assert found, formula
    row = int(found[1])
    quantity = cells[f"C{row}"]
    if isinstance(quantity, str):
        assert quantity == f"=SUM(F2:F{row - 1})"
        quantity = sum(amounts.values())
    return round(float(quantity) * float(cells[f"E{row}"]) / (100 if found[2] else 1), 2)


def test_areas_add_up(town: Plan) -> None:
    """Per area the same customers, homes and money are told as in the whole."""
    split = dataclasses.replace(town, customers=town.customers.assign(area_id=["n", "s", "n", None, "s", "n"]))
    found = areas(split)
    assert found["area"].tolist() == ["(none)", "n", "s"]
    assert found[["customers", "homes", "new_homes", "unserved"]].sum().tolist() == [6, 12, 7, 2]
    assert round(found["cost_share"].sum(), 2) == town.cost


def test_homes_passed_count_neighbours_of_the_trench(town: Plan) -> None:
    """A home within 20 m of a new trench is passed by it, connected or not; the limit is inclusive."""
    customers = town.customers.copy()
    place = customers.geometry.iloc[1]
    for distance, expected in ((20.0, 10), (20.01, 7)):
        customers.loc[4, "geometry"] = type(place)(place.x - 50, 5_400_000 + distance)
        assert homes_passed(dataclasses.replace(town, customers=customers)) == expected
    assert new_homes(town.customers).tolist() == [1, 4, 2, 0, 3, 1]


@pytest.fixture
def signed(town: Plan) -> Plan:
    """Return the plan with contracts, payers, prices of going alone, an idle cabinet and an idle line."""
    customers = town.customers.assign(
        signed=[True, False, False, True, True, False],
        active=[False] * 3 + [True, False, False],
        cost_alone=[4000.0, 9000.0, 8000.0, None, None, None],
        marginal_cost=[600.0, 1000.0, 700.0, None, None, None],
        remedy_cost=[None, None, None, None, 60.0, None],
    )
    idle = town.access_points.assign(access_point_id="K2", ports_used=0, ports_free=24)
    line = town.backbone_lines.assign(backbone_id="D2", geometry=town.backbone_lines.translate(0, 5_000))
    return dataclasses.replace(
        town,
        customers=customers,
        access_points=pd.concat([town.access_points, idle], ignore_index=True),
        backbone_lines=pd.concat([town.backbone_lines, line], ignore_index=True),
    )


def test_failure_report_finds_what_serves_nobody(signed: Plan) -> None:
    """Worked out by hand: who is lost where, what lies idle, who waits, whom to ask, what to do first."""
    sections = {section.title: section for section in failure_report(signed)}
    funnel = sections["From all homes to connected ones"].table
    assert dict(zip(funnel["step"], funnel["homes"], strict=True)) == {
        "all": 12, "in reach of a street or line": 8, "passed": 2, "connected": 1, "active": 1
    }  # fmt: skip
    assert sections["Access points that serve nobody new"].table["access_point_id"].tolist() == ["K2"]
    assert sections["Lines that serve nobody"].table["backbone_id"].tolist() == ["D2"]
    assert sections["Near misses"].table["customer_id"].tolist() == ["a"]
    assert sections["Contracts without a line"].table["customer_id"].tolist() == ["e", "a"]
    asked = sections["Whom to ask while the trench is open"].table
    assert asked[["customer_id", "saved"]].to_numpy().tolist() == [["b", 8000.0], ["c", 7300.0]]
    to_do = sections["What to do, in this order"].table
    assert to_do["cost_per_home"].round(2).tolist()[:2] == [20.0, 5014.72]
    assert to_do["what"].iloc[0] == "link the street to the network"
    assert to_do["homes"].sum() == 11


def test_prices_of_contracts_are_not_added_up(signed: Plan) -> None:
    """What each costs alone holds the trenches that many share: the sum was seven times what connecting all costs."""
    left_out = signed.customers["customer_id"].isin(["b", "e"])
    customers = signed.customers.assign(
        signed=True,
        outcome=signed.customers["outcome"].mask(left_out, "unserved"),
        remedy_code=signed.customers["remedy_code"].mask(left_out, "raise_budget"),
        remedy_cost=signed.customers["remedy_cost"].mask(left_out, 9_000.0),
    )
    plan = dataclasses.replace(signed, customers=customers)
    waiting = next(each for each in failure_report(plan) if each.title == "Contracts without a line")
    assert "5 customers have signed and wait. The plan connects 2 of them: 21,603.05 EUR" in waiting.text
    assert "do not add up" in waiting.text
    assert "18,000.00" not in waiting.text


def test_report_tells_of_each_planning_area(town: Plan) -> None:
    """Whoever plans by areas must not add them up from the rows, and homes and costs of the areas are those above."""
    customers = town.customers.assign(area_id=["north", "north", "south", None, None, "south"])
    sections = failure_report(dataclasses.replace(town, customers=customers))
    areas = next(each for each in sections if each.title == "Planning areas").table.set_index("area")
    assert areas.loc["north"].tolist() == [2, 5, 0, 5, 0, 16_700.0, 3_340.0]
    assert areas["homes"].sum() == 12
    assert areas["connected by the plan"].sum() == 7
    assert areas["left without"].sum() == 4
    assert areas["cost"].sum() == pytest.approx(town.summary["cost"]["total"])
    assert "Planning areas" not in {each.title for each in failure_report(town)}


def test_now_and_alone_are_on_one_base(signed: Plan) -> None:
    """What is saved is the difference of two prices with everything in them, whether the plan connects it or not."""
    left_out = signed.customers["customer_id"] == "b"
    customers = signed.customers.assign(
        outcome=signed.customers["outcome"].mask(left_out, "unserved"),
        reason=signed.customers["reason"].mask(left_out, "over_budget"),
        remedy_code=signed.customers["remedy_code"].mask(left_out, "raise_budget"),
        remedy_cost=signed.customers["remedy_cost"].mask(left_out, 1_050.0),
    )
    sections = failure_report(dataclasses.replace(signed, customers=customers))
    asked = next(each for each in sections if each.title == "Whom to ask while the trench is open")
    assert asked.table[["customer_id", "now", "later", "saved"]].to_numpy().tolist() == [
        ["b", 1_050.0, 9_000.0, 7_950.0],
        ["c", 700.0, 8_000.0, 7_300.0],
    ]
    assert "equipment and overhead included" in asked.text


def test_sentence_and_table_count_the_same(town: Plan) -> None:
    """A row is a customer, so the sentence above counts customers, and says how many homes they are."""
    status = town.customers["status"].mask(town.customers["customer_id"].isin(["b", "e"]), "passed")
    plan = dataclasses.replace(town, customers=town.customers.assign(status=status))
    passed = next(each for each in failure_report(plan) if each.title == "Customers passed and not connected")
    assert len(passed.table) == 3
    assert passed.table["homes"].sum() == 8
    assert passed.text == (
        "3 customers with 8 homes are passed and not connected; the plan connects 2 of these customers, with 5 homes."
    )


def test_report_words_nothing_and_one(town: Plan) -> None:
    """Nothing is told as nothing, one as one: no "0 customers have", no table after it."""
    sections = {section.title: section for section in failure_report(town)}
    assert sections["Near misses"].text == "1 customer without a line is within 50 m of the existing network."
    passed = "1 customer with 1 home is passed and not connected; the plan connects it."
    assert sections["Customers passed and not connected"].text == passed
    none = sections["Access points that serve nobody new"]
    assert none.text == "There is no access point with free ports to which the plan connects nobody."
    assert none.table.empty


def test_report_of_a_plan_that_leaves_nobody(town: Plan) -> None:
    """Where everybody is connected each sentence says so, in words; no number 0, no plural of one."""
    everybody = town.customers.assign(
        status="connected", outcome="existing", reason=None, remedy=None, cost_share=None, signed=True
    )
    plan = dataclasses.replace(town, customers=everybody, trenches=town.trenches.iloc[:0])
    for section in failure_report(plan):
        assert not re.search(r"\b0 |\b1 \w+s\b", section.text), section.text
        assert section.table.empty or section.title.startswith(("In short", "From all", "Lines", "Access", "Notes"))


def test_funnel_only_narrows(signed: Plan) -> None:
    """No step of the funnel may hold more homes than the one before."""
    funnel = next(each for each in failure_report(signed) if each.title == "From all homes to connected ones")
    homes = funnel.table["homes"]
    assert homes.is_monotonic_decreasing


def test_report_runs_nothing_from_the_data(town: Plan, tmp_path: Path) -> None:
    """An address may hold markup; neither page nor text may take it for such."""
    evil = "<script>alert(1)</script>|x"
    plan = dataclasses.replace(town, customers=town.customers.assign(street=evil, remedy=evil))
    page, text = write_failure_report(plan, tmp_path)
    assert "<script" not in page.read_text(encoding="utf-8")
    told = text.read_text(encoding="utf-8")
    assert "<script" not in re.sub(r"\\.", "", told)
    for block in re.findall(r"(?:^\|.*\n)+", told, re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1


def test_report_is_worded_for_readers(signed: Plan) -> None:
    """Shares are percent, money has cents and its currency, columns have words: one hands it to a customer."""
    told = markdown(failure_report(signed))
    assert "| in reach of a street or line | 8 | 66.7 % | 4 |" in told
    assert "| what | where | homes | cost, EUR | cost per home, EUR |" in told
    assert "| 20.00 |" in told
    assert "customer_id" not in told


def test_report_begins_with_what_a_manager_asks(town: Plan, tmp_path: Path) -> None:
    """Which plan, of when, what it costs, whom it connects and leaves out, how near the cheapest: all first."""
    folder = tmp_path / "north_bank"
    folder.mkdir()
    page, text = write_failure_report(town, folder, date=dt.date(2026, 3, 7))
    told = text.read_text("utf-8")
    head = told[: told.index("## Who stays")]
    below = "Report of 2026-03-07 · © OpenStreetMap contributors, ODbL"
    assert told.startswith(f"# Last-mile failure report: north\\_bank\n\n{below}\n\n## In short\n\n")
    assert "The plan connects 7 of 11 homes without a line today, for 35,103.05 EUR; 4 homes are left without." in head
    assert "| cost of the plan | 35,103.05 EUR | 5,014.72 EUR per home that the plan connects |" in head
    assert "| homes left unconnected | 4 of 11 | street not tied to the network: 3; location not usable: 1 |" in head
    proven = "proven: no plan for the same homes costs less than 33,000.00 EUR"
    assert f"| against the cheapest plan | at most 6.37 % dearer | {proven} |" in head
    looks = page.read_text("utf-8")
    assert f"<h1>Last-mile failure report: north_bank</h1><p>{below}</p>" in looks
    assert looks.index("In short") < looks.index("Who stays")


def test_only_what_is_made_from_openstreetmap_names_it(town: Plan, tmp_path: Path) -> None:
    """Its licence asks for the credit; a planner's own streets must not be said to be somebody else's."""
    own = dataclasses.replace(town, streets=town.streets.assign(highway=None))
    for plan, named in ((town, True), (own, False)):
        for path in write_failure_report(plan, tmp_path):
            assert ("© OpenStreetMap contributors, ODbL" in path.read_text("utf-8")) is named


@pytest.mark.parametrize(
    ("aim", "row"),
    [
        ({"aim": "budget", "asked": 40_000.0}, "| asked for | budget of 40,000.00 EUR |  |"),
        ({"aim": "price", "asked": 6_000.0}, "| asked for | at most 6,000.00 EUR per home |  |"),
        (
            {"aim": "coverage", "asked": 0.9, "wanted_gain": 10, "cost": 35_103.05, "least_cost": 35_103.05},
            "| asked for | 90.0 % of all homes | the coverage asked for is missed: 10 homes more than today are",
        ),
    ],
)
def test_headline_names_the_aim(town: Plan, aim: dict[str, Any], row: str) -> None:
    """A manager who gave a budget, or asked for a coverage, sees it beside what it brought, and that it is missed."""
    told = {"prize": "units", "gain": 7, "most_gain": 9} | aim
    plan = dataclasses.replace(town, summary=town.summary | {"aim": told})
    assert row in markdown(failure_report(plan))


@pytest.mark.parametrize(("gap", "told"), [(0.0, "the cheapest"), (None, "not known"), (float("inf"), "not known")])
def test_headline_claims_no_more_than_is_proven(town: Plan, gap: float | None, told: str) -> None:
    """Without a bound nothing is said of the cheapest plan; at its bound the plan is the cheapest."""
    facts = failure_report(dataclasses.replace(town, summary=town.summary | {"gap": gap}))[0].table
    assert facts.set_index("fact").loc["against the cheapest plan", "figure"] == told


def test_codes_stand_beside_words_only(signed: Plan) -> None:
    """Nobody should have to look up `street_island`: words everywhere, the code once, in a column that says so."""
    told = markdown(failure_report(signed)).replace("\\", "")
    assert not re.search(r"link_island|fix_location|\| (unserved|planned) \|", told)
    assert told.count("street_island") == told.count("| code in gaps.csv |") == 1


def test_columns_that_say_nothing_are_left_out(signed: Plan) -> None:
    """A register without house numbers must not make a blank column in each table."""
    blank = signed.customers.assign(street=["Main Street"] * 6, housenumber=["", None] * 3)
    for told, head in ((markdown, "| {} |"), (html, "<th>{}</th>")):
        page = told(failure_report(dataclasses.replace(signed, customers=blank)))
        assert head.format("street") in page
        assert head.format("number") not in page


def test_every_code_has_words() -> None:
    """A code that is added to the schema must not come out of a report as it is."""
    assert list(REASONS_IN_SHORT) == list(REASONS)
    assert list(CHANGES) == list(REMEDY_UNITS)
    assert list(OUTCOMES_IN_WORDS) == list(OUTCOMES)


def steps_of(town: Plan, street: str | None, proposals: pd.DataFrame) -> pd.DataFrame:
    """Return the steps of a plan that leaves two customers with 6 homes on an island, alone at 60 and at 80."""
    customers = town.customers.assign(
        street=street, remedy_at=None, remedy_also="add_ports=3@K1", remedy_cost=[None, None, None, None, 60.0, None]
    )
    twin = customers[customers["customer_id"] == "e"].assign(customer_id="e2", remedy_cost=80.0)
    both = pd.concat([customers[customers["customer_id"] != "f"], twin], ignore_index=True)
    plan = dataclasses.replace(town, customers=both, proposals=proposals)
    steps = next(each for each in failure_report(plan) if each.title == "What to do, in this order").table
    return steps[steps["what"] == "link the street to the network and add ports"].reset_index(drop=True)


PROPOSALS = pd.DataFrame(
    {"scope": ["change", "street"], "name": ["K1", "Far Road"], "change": "link_island+add_ports", "cost": [99.0, 90.0]}
)


@pytest.mark.parametrize(("street", "where", "cost"), [("Far Road", "Far Road", 90.0), (None, "K1", 99.0)])
def test_a_step_costs_what_its_homes_cost_together(town: Plan, street: str | None, where: str, cost: float) -> None:
    """Homes of a step share a trench: the sum of what each would cost alone was up to fourteen times too much."""
    steps = steps_of(town, street, PROPOSALS)
    assert steps.loc[0, ["where", "homes", "cost", "cost_per_home"]].tolist() == [where, 6, cost, round(cost / 6, 2)]


def test_a_step_without_a_common_price_claims_none(town: Plan) -> None:
    """Where nobody has worked out what the homes cost together, no sum is told."""
    assert steps_of(town, "Far Road", pd.DataFrame())["cost"].isna().all()


def test_a_step_of_ports_names_how_many_and_where(town: Plan) -> None:
    """Who is told to "add ports" in a street must look up nowhere else at which cabinet, how many and of what kind."""
    customers = town.customers.assign(street="Far Road", remedy_code="add_ports", remedy_also=None)
    told = {"scope": "street", "name": "Far Road", "change": "add_ports", "cost": [90.0, 9.0], "value": [2.0, 1.0]}
    proposals = pd.DataFrame(told | {"at": ["K1", "POP"], "devices": ["1 x closure-12", None]})
    plan = dataclasses.replace(town, customers=customers, proposals=proposals)
    steps = next(each for each in failure_report(plan) if each.title == "What to do, in this order").table
    assert "add 2 ports at K1 (1 x closure-12), 1 port at POP" in steps["what"].tolist()


def test_long_tables_are_cut_and_counted(town: Plan) -> None:
    """A report on 35,000 customers must stay readable and say what it leaves out."""
    many = pd.concat([town.customers.iloc[[4]].assign(customer_id=f"e{k}", street=f"s{k}") for k in range(60)])
    sections = failure_report(dataclasses.replace(town, customers=pd.concat([town.customers, many], ignore_index=True)))
    assert "and 13 more" in markdown(sections)
    assert "and 13 more" in html(sections)


def test_the_curve_counts_one_home_as_one() -> None:
    """A small town's curve ends with one home: a picture that says "1 homes" is not handed on."""
    curve = pd.DataFrame({"cost": [0.0, 10.0, 30.0], "units": [0, 1, 2], "upper_bound": [0, 1, 2]})
    told = curve_svg(curve, "EUR")
    assert "knee: 1 home for 10 EUR" in told
    assert "the last home costs 20 EUR" in told


def test_no_curve_strikes_through_what_the_dots_mean() -> None:
    """Where many are left out the curves are flat at their end, and ran through the words beneath it."""
    cost = np.linspace(0.0, 100.0, 50)
    homes = np.minimum(50, 10 * np.sqrt(cost)).round()
    curve = pd.DataFrame({"cost": cost, "units": homes, "upper_bound": homes + 2, "best_units": homes + 1})
    told = curve_svg(curve, "EUR")
    words = re.search(r'<text x="([\d.]+)" y="([\d.]+)"[^>]*>dotted: each budget', told)
    assert words is not None
    right, low = float(words[1]), float(words[2])
    lines = [np.array(d.replace("L", " ").split(), float).reshape(-1, 2) for d in re.findall(r'd="M([\d. L]+)"', told)]
    below = [line[(line[:, 0] > right - 200) & (line[:, 0] <= right), 1] for line in lines]
    assert len(below) == 3
    assert all((part < low - 20).all() for part in below)


def test_a_curve_without_a_bend_has_no_knee(town: Plan) -> None:
    """One customer is a straight line: "connects 0 homes; from there on homes get dear" is no advice."""
    curve = pd.DataFrame({"cost": [0.0, 10.0], "units": [0, 1], "upper_bound": [0, 1], "best_units": [0.0, 1.0]})
    assert "knee" not in curve_svg(curve, "EUR")
    assert "knee" not in summary_text(dataclasses.replace(town, curve=curve))
