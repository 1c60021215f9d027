"""The bill of materials as another program works it out."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import openpyxl
import pytest

import lastmile_net as lm
from lastmile_net.report import bill_of_materials, write_bom

from .test_report import odd_prices

if TYPE_CHECKING:
    from pathlib import Path

    from lastmile_net.plan.result import Plan


def recalculated(path: Path, folder: Path) -> openpyxl.Workbook:
    """Return a workbook with the values that LibreOffice works out of its formulas; skip where it is not installed."""
    office = shutil.which("soffice") or shutil.which("libreoffice")
    if office is None:
        pytest.skip("LibreOffice is not installed (apt-get install libreoffice-calc): formulas are not recalculated")
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    command = [office, profile, "--headless", "--convert-to", "xlsx:Calc MS Excel 2007 XML", "--outdir"]
    subprocess.run([*command, str(folder / "out"), str(path)], check=True, capture_output=True, timeout=300)
    return openpyxl.load_workbook(folder / "out" / path.name, data_only=True)


def test_libreoffice_works_out_the_summary(drawn: Plan, tmp_path: Path) -> None:
    """A planner who opens the workbook sees the money of `summary.json`, to the cent, on every sheet."""
    write_bom(drawn, tmp_path)
    book = recalculated(tmp_path / "bom.xlsx", tmp_path)
    told = {row[0].value: row[1].value for row in book["Summary"]}
    cost = drawn.summary["cost"]
    for part, amount in cost.items():
        assert round(told[part], 2) == amount, part
    homes = drawn.summary["units"]["planned"]
    assert told["cost per home connected"] == pytest.approx(cost["total"] / homes)
    assert told["cost per home passed"] == pytest.approx(cost["total"] / told["homes passed"])
    assert round(told["labour, overhead aside"], 1) == round(drawn.summary["labour"]["labour"], 1)
    areas, classes = book["Areas"], book["Trench classes"]
    head = [cell.value for cell in areas[1]]
    assert round(areas.cell(areas.max_row, head.index("cost_share") + 1).value, 2) == cost["total"]
    head = [cell.value for cell in classes[1]]
    both = round(cost["trench"] + cost["drop"], 2)
    assert round(classes.cell(classes.max_row, head.index("cost") + 1).value, 2) == both
    assert all("#" not in str(cell.value) for sheet in book for row in sheet for cell in row)


def test_libreoffice_rounds_as_the_bill_does(town: Plan, tmp_path: Path) -> None:
    """A spreadsheet works every amount out of averages of few digits, and of the row for what they leave."""
    plan = odd_prices(town)
    write_bom(plan, tmp_path)
    book = recalculated(tmp_path / "bom.xlsx", tmp_path)
    told = {row[0].value: row[1].value for row in book["Summary"]}
    for part, amount in plan.summary["cost"].items():
        assert round(told[part], 2) == amount, part
    amounts = [row[5].value for row in book["Items"].iter_rows(min_row=2)]
    assert [round(amount, 2) for amount in amounts] == bill_of_materials(plan)["amount"].tolist()


def test_trenches_stand_at_their_list_prices(drawn: Plan) -> None:
    """100 m of asphalt at 150, 100 m of gravel at 60, as in the price list; the river is crossed once, at 5,000."""
    bill = bill_of_materials(drawn).set_index("item")
    assert bill.loc["street trench, open trench, sealed", ["quantity", "price", "amount"]].tolist() == [100, 150, 15000]
    assert bill.loc["street trench, open trench, unsealed", ["quantity", "price", "amount"]].tolist() == [100, 60, 6000]
    assert bill.loc["crossing of a water", ["quantity", "price", "amount"]].tolist() == [1, 5000, 5000]
    # two drops of 10 m and one of 30 m: 3 x 850, and 10 m at 49
    assert bill.loc["drop", ["quantity", "price", "amount"]].tolist() == [3, 850, 2550]
    assert bill.loc["drop beyond 20 m", ["quantity", "price", "amount"]].tolist() == [10, 49, 490]
    # 90 + 60 + 3 for each of 4 homes, 20 for each of 3 customers
    assert bill.loc[["ont", "activation", "splitter_share", "closure_share"], "amount"].sum() == 4 * 153 + 3 * 20
    # routes of 60, 110 and 230 m at 0.25
    assert bill.loc["fibre along the routes", "amount"] == pytest.approx(0.25 * (60 + 110 + 230), abs=0.02)
    parts = 15000 + 6000 + 5000 + 2550 + 490 + 4 * 153 + 60 + 100
    assert bill.loc["overhead", "amount"] == pytest.approx(parts * 0.1, abs=0.01)
    assert drawn.cost == pytest.approx(parts * 1.1, abs=0.02)


@pytest.fixture(scope="module")
def drawn() -> Plan:
    """Return the plan of a street of asphalt that goes on as gravel, with a river across it."""
    import geopandas as gpd
    from shapely import LineString, Point

    crs, e, n = 25832, 500_000, 5_400_000
    ways = {"Main": LineString([(e, n), (e + 100, n)]), "Field": LineString([(e + 100, n), (e + 300, n)])}
    table = {"street_id": list(ways), "surface": ["asphalt", "gravel"], "highway": ["residential"] * 2}
    streets = gpd.GeoDataFrame(table, geometry=list(ways.values()), crs=crs)
    places = [Point(e + 50, n + 10), Point(e + 100, n + 10), Point(e + 200, n + 30)]
    people = {"customer_id": ["a", "b", "c"], "units": [1, 2, 1], "area_id": ["north", None, "=1+1"]}
    customers = gpd.GeoDataFrame(people, geometry=places, crs=crs)
    cabinet = {"backbone_id": ["K"], "role": ["cabinet"]}
    backbone = gpd.GeoDataFrame(cabinet, geometry=[Point(e, n)], crs=crs)
    river = gpd.GeoDataFrame({"kind": ["water"]}, geometry=[LineString([(e + 70, n - 50), (e + 70, n + 5)])], crs=crs)
    return lm.plan(streets, backbone, customers, config=lm.read_config(), rail_water=river)


def test_what_drops_cross_stands_at_its_list_prices() -> None:
    """A planner orders a bore under a railway and one under a brook, not "crossings, 1 piece"; the sum is the same."""
    import geopandas as gpd
    from shapely import LineString, Point

    crs, e, n = 25832, 500_000, 5_400_000
    ways = {"Main": LineString([(e, n), (e + 300, n)])}
    streets = gpd.GeoDataFrame({"street_id": list(ways)}, geometry=list(ways.values()), crs=crs)
    people = {"customer_id": ["a", "b", "c"]}
    places = [Point(e + 50, n + 40), Point(e + 150, n + 40), Point(e + 250, n + 10)]
    customers = gpd.GeoDataFrame(people, geometry=places, crs=crs)
    backbone = gpd.GeoDataFrame({"backbone_id": ["K"], "role": ["cabinet"]}, geometry=[Point(e, n)], crs=crs)
    kinds, heights = ["water", "rail", "water"], [15, 20, 25]
    ends = [(40, 160), (140, 160), (140, 160)]
    across = [LineString([(e + x0, n + y), (e + x1, n + y)]) for (x0, x1), y in zip(ends, heights, strict=True)]
    rail_water = gpd.GeoDataFrame({"kind": kinds}, geometry=across, crs=crs)
    rail = {"value": 8_000.005, "unit": "crossing", "labour": 0.5}
    config = lm.read_config(cost={"crossing": {"rail": rail}})
    plan = lm.plan(streets, backbone, customers, config=config, rail_water=rail_water)
    bill = bill_of_materials(plan)
    rows = bill.set_index("item").filter(like="on the way of drops", axis="index")
    assert rows[["quantity", "price", "amount"]].to_numpy().tolist() == [[1, 8_000.005, 8_000.01], [3, 5_000, 15_000]]
    assert rows["labour"].tolist() == [0.5, config.cost.crossing.water.labour]
    assert round(bill["amount"][bill["part"] == "drop"].sum(), 2) == plan.summary["cost"]["drop"]
    assert plan.drops["water_crossings"].tolist() == [1, 2, 0]
    assert plan.drops["rail_crossings"].tolist() == [0, 1, 0]
