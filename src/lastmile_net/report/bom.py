"""The bill of materials, equal to the summary to the cent, with live formulas."""

from __future__ import annotations

import datetime as dt
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from lastmile_net.coverage import units_connected
from lastmile_net.report.spreadsheet import neutralise, write_csv

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from lastmile_net.plan.result import Plan

COLUMNS = ("part", "item", "quantity", "unit", "price", "amount")
PARTS = ("trench", "drop", "reuse", "fibre", "equipment", "overhead")
_STAMP = dt.datetime(2000, 1, 1)


def bill_of_materials(plan: Plan) -> pd.DataFrame:
    """
    Return what has to be built and bought.

    Prices of trenches, existing lines and fibre are averages: amount over quantity, with crossings and cost factors
    in them. What drops and equipment cost beyond their list prices is a row of its own.

    Parameters
    ----------
    plan
        A plan, or one that has been read back.

    Returns
    -------
    bill
        `part` of `summary["cost"]`, `item`, `quantity`, `unit`, `price` per unit, `amount`. The amounts of each part
        add up to it, to the cent; of the overhead the quantity is the sum it is taken of, the unit is `%`.
    """
    rows = [*_trenches(plan), *_drops(plan), *_reuse(plan), *_fibre(plan), *_equipment(plan), *_overhead(plan)]
    bill = pd.DataFrame(rows, columns=list(COLUMNS))
    numbers = {"quantity": "float64", "price": "float64", "amount": "float64"}
    return bill.astype(numbers)


def areas(plan: Plan) -> pd.DataFrame:
    """Return customers, homes, drops and shares of the cost by planning area."""
    table = pd.DataFrame(plan.customers.drop(columns="geometry"))
    table = table.assign(
        area=table["area_id"].astype(object).where(table["area_id"].notna(), "(none)"),
        new=np.where(table["outcome"] == "planned", new_homes(plan), 0),
        planned=(table["outcome"] == "planned").astype(np.int64),
        unserved=(table["outcome"] == "unserved").astype(np.int64),
        drop=pd.to_numeric(table["drop_m"]).where(table["outcome"] == "planned", 0.0),
        share=pd.to_numeric(table["cost_share"]),
    )
    by = table.groupby("area", sort=True)
    found = by.agg(
        customers=("units", "size"),
        homes=("units", "sum"),
        planned=("planned", "sum"),
        new_homes=("new", "sum"),
        unserved=("unserved", "sum"),
        drop_m=("drop", "sum"),
    )
    found["cost_share"] = by["share"].sum(min_count=1).round(2)
    return found.reset_index()


def new_homes(plan: Plan) -> NDArray[np.int64]:
    """Return the homes of each customer that are not served today."""
    table = plan.customers.assign(connected=plan.customers["status"] == "connected")
    if "units_connected" not in table:
        table = table.assign(units_connected=np.nan)
    left: NDArray[np.int64] = table["units"].to_numpy(np.int64) - units_connected(table)
    return left


def homes_passed(plan: Plan) -> int:
    """Count the homes, not served today, that the plan connects or passes within `passed_within_m` of a new trench."""
    new = plan.trenches[plan.trenches["kind"] != "drop"]
    passed = (plan.customers["outcome"] == "planned").to_numpy(copy=True)
    points = plan.customers.geometry.to_numpy()
    near = shapely.STRtree(new.geometry.to_numpy()).query(
        points, predicate="dwithin", distance=plan.config.passed_within_m
    )[0]
    passed[near] = True
    return int(new_homes(plan)[passed].sum())


def write_bom(plan: Plan, folder: Path) -> list[Path]:
    """
    Write `bom.csv` and, where openpyxl is installed, `bom.xlsx`.

    Parameters
    ----------
    plan
        A plan, or one that has been read back.
    folder
        Where to.

    Returns
    -------
    paths
        The files written.
    """
    bill = bill_of_materials(plan)
    paths = [folder / "bom.csv"]
    write_csv(bill, paths[0])
    if find_spec("openpyxl") is not None:
        paths.append(folder / "bom.xlsx")
        _write_workbook(plan, bill, paths[1])
    return paths


def _trenches(plan: Plan) -> Iterator[tuple[object, ...]]:
    dug = plan.trenches[plan.trenches["kind"] != "drop"]
    surface = dug["surface"].astype(object).where(dug["surface"].notna(), "")
    for (kind, ground), rows in dug.groupby([dug["kind"], surface], sort=True):
        label = f"{kind} trench, {ground}" if ground else f"{kind} trench"
        yield _averaged("trench", label, float(rows["length_m"].sum()), "m", float(rows["cost"].sum()))


def _drops(plan: Plan) -> Iterator[tuple[object, ...]]:
    drops, model = plan.drops, plan.config.cost
    if drops.empty:
        return
    fixed, total = round(model.drop_fixed.value, 2), round(float(drops["cost"].sum()), 2)
    length = drops["length_m"].to_numpy(np.float64)
    beyond = round(float(np.maximum(length - model.drop_included_m, 0).sum()), 3)
    rest = round(total - fixed * len(drops), 2)
    if rest < 0 or not beyond:
        yield _averaged("drop", "drop", len(drops), "drop", total)
        return
    yield "drop", "drop", len(drops), "drop", fixed, round(fixed * len(drops), 2)
    yield _averaged("drop", f"drop beyond {model.drop_included_m:g} m", beyond, "m", rest)


def _reuse(plan: Plan) -> Iterator[tuple[object, ...]]:
    lines = plan.backbone_lines.drop_duplicates("backbone_id").set_index("backbone_id")["role"]
    role = plan.reused["backbone_id"].map(lines).fillna("distribution")
    for name, rows in plan.reused.groupby(role, sort=True):
        yield _averaged("reuse", f"existing {name}", float(rows["length_m"].sum()), "m", float(rows["cost"].sum()))


def _fibre(plan: Plan) -> Iterator[tuple[object, ...]]:
    served = plan.customers[plan.customers["outcome"] == "planned"]
    if plan.summary["cost"]["fibre"]:
        length = float(pd.to_numeric(served["route_m"]).sum())
        yield _averaged("fibre", "fibre along the routes", length, "m", plan.summary["cost"]["fibre"])


def _equipment(plan: Plan) -> Iterator[tuple[object, ...]]:
    planned = (plan.customers["outcome"] == "planned").to_numpy()
    count = {"home": int(new_homes(plan)[planned].sum()), "customer": int(planned.sum())}
    left = round(plan.summary["cost"]["equipment"], 2)
    if not left:
        return
    for name, price in sorted(plan.config.cost.equipment.items()):
        each, number = round(price.value, 2), count["home" if price.unit == "home" else "customer"]
        left = round(left - each * number, 2)
        yield "equipment", name, number, price.unit, each, round(each * number, 2)
    if left:
        yield "equipment", "other equipment", 1, "piece", left, left


def _overhead(plan: Plan) -> Iterator[tuple[object, ...]]:
    cost = plan.summary["cost"]
    if cost["overhead"]:
        base = round(sum(cost[part] for part in PARTS if part != "overhead"), 2)
        yield "overhead", "overhead", base, "%", plan.config.cost.overhead_percent, cost["overhead"]


def _averaged(part: str, item: str, quantity: float, unit: str, amount: float) -> tuple[object, ...]:
    quantity, amount = round(quantity, 3), round(amount, 2)
    if not quantity:
        return part, item, 1, "piece", amount, amount
    return part, item, quantity, unit, amount / quantity, amount


def _write_workbook(plan: Plan, bill: pd.DataFrame, path: Path) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    book.properties.created = book.properties.modified = _STAMP
    book.properties.creator = "lastmile_net"
    items, totals, by_area = book.active, book.create_sheet("Summary"), book.create_sheet("Areas")
    items.title = "Items"
    _fill(items, [list(COLUMNS), *_item_rows(bill)])
    _fill(totals, _total_rows(plan, len(bill) + 1))
    found = areas(plan).astype(object)
    _fill(by_area, [list(found.columns), *found.where(found.notna(), None).to_numpy().tolist()])
    book.save(path)


def _item_rows(bill: pd.DataFrame) -> Iterator[list[object]]:
    """Yield the rows with formulas: quantity times price, of the overhead a share of all that stands above."""
    for number, row in enumerate(bill.itertuples(index=False), start=2):
        if row.part == "overhead":
            above = f"SUM(F2:F{number - 1})"
            yield [row.part, row.item, f"={above}", row.unit, row.price, f"=ROUND(C{number}*E{number}/100,2)"]
        else:
            item = neutralise(row.item)
            yield [row.part, item, row.quantity, row.unit, row.price, f"=ROUND(C{number}*E{number},2)"]


def _total_rows(plan: Plan, last: int) -> list[list[object]]:
    planned = (plan.customers["outcome"] == "planned").to_numpy()
    rows: list[list[object]] = [["part", f"amount {plan.summary.get('currency', '')}".strip()]]
    rows += [[part, f'=SUMIF(Items!A2:A{last},"{part}",Items!F2:F{last})'] for part in PARTS]
    rows += [["total", "=SUM(B2:B7)"], ["homes connected", int(new_homes(plan)[planned].sum())]]
    rows += [["homes passed", homes_passed(plan)]]
    rows += [["cost per home connected", '=IF(B9>0,B8/B9,"")'], ["cost per home passed", '=IF(B10>0,B8/B10,"")']]
    return rows


def _fill(sheet: object, rows: list[list[object]]) -> None:
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    for row in rows:
        sheet.append(row)  # type: ignore[attr-defined]
    for cell in sheet[1]:  # type: ignore[index]
        cell.font = Font(bold=True)
    for column in range(1, len(rows[0]) + 1):
        width = max((len(str(row[column - 1])) for row in rows if not str(row[column - 1]).startswith("=")), default=8)
        sheet.column_dimensions[get_column_letter(column)].width = min(max(width, 10) + 2, 60)  # type: ignore[attr-defined]
    sheet.freeze_panes = "A2"  # type: ignore[attr-defined]
