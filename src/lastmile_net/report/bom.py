"""The bill of materials, equal to the summary to the cent, with live formulas."""

from __future__ import annotations

import datetime as dt
from importlib.util import find_spec
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from lastmile_net.cost import CROSSED, CROSSINGS, price_crossings
from lastmile_net.coverage import new_homes
from lastmile_net.report.spreadsheet import neutralise, write_csv
from lastmile_net.schema import BILL

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from lastmile_net.config.prices import Price
    from lastmile_net.plan.result import Plan

    Item = tuple[str, str, float, str, float, float, float]
    """Part, item, quantity, unit, price, amount, share of labour."""

COLUMNS = BILL.names
PARTS = ("trench", "drop", "reuse", "fibre", "equipment", "overhead")
CENTS_PER_PIECE = 0.0051
"""Each piece is rounded to a cent: that much it may be off its list price."""
CROSSED_NAMES = {"street": "street", "rail": "railway", "water": "water"}
ROUNDING = "rounding of pieces and unit prices"
AVERAGE_OFF = 1e-4
"""Part of an amount by which a rounded average may miss it: it has as few digits as that allows, four at most."""
MONEY = {"labour amount", "cost_share", "home_cost", "crossings", "cost", "cost_per_m"}
"""Headings of columns of the workbook that hold money."""
_STAMP = dt.datetime(2000, 1, 1)


def bill_of_materials(plan: Plan) -> pd.DataFrame:
    """
    Return what has to be built and bought.

    Trenches are told by kind, method and ground, each at its list price where all of its pieces have that, else at the
    average: amount over quantity, cost factors in it. Crossings are items of their own by what is crossed, those of
    drops, too; half a crossing leads to the middle of a street. What drops and equipment cost beyond their list prices
    is a row of its own. Each piece of a trench is priced in whole cents, and averages are rounded: what that makes of
    quantities times prices is one row of each part, a few cents.

    Parameters
    ----------
    plan
        A plan, or one that has been read back.

    Returns
    -------
    bill
        Columns as in `schema.BILL`. Each amount is quantity times price, and the amounts of each part add up to that of
        `summary["cost"]`, both to the cent.
    """
    rows = [*_trenches(plan), *_drops(plan), *_reuse(plan), *_fibre(plan), *_equipment(plan)]
    bill = pd.DataFrame([*_multiplied(rows), *_overhead(plan)], columns=list(COLUMNS))
    return bill.astype(dict.fromkeys(("quantity", "price", "amount", "labour"), "float64"))


def areas(plan: Plan) -> pd.DataFrame:
    """Return customers, homes, drops and shares of the cost by planning area."""
    table = pd.DataFrame(plan.customers.drop(columns="geometry"))
    table = table.assign(
        area=table["area_id"].astype(object).where(table["area_id"].notna(), "(none)"),
        new=np.where(table["outcome"] == "planned", new_homes(plan.customers), 0),
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


def homes_passed(plan: Plan) -> int:
    """Count the homes, not served today, that the plan connects or passes within `passed_within_m` of a new trench."""
    new = plan.trenches[plan.trenches["kind"] != "drop"]
    passed = (plan.customers["outcome"] == "planned").to_numpy(copy=True)
    points = plan.customers.geometry.to_numpy()
    near = shapely.STRtree(new.geometry.to_numpy()).query(
        points, predicate="dwithin", distance=plan.config.passed_within_m
    )[0]
    passed[near] = True
    return int(new_homes(plan.customers)[passed].sum())


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


def _multiplied(rows: list[Item]) -> Iterator[Item]:
    """Yield the items with amounts that are quantity times price, and for each part what that leaves, as a row."""
    for part, items in groupby(rows, key=itemgetter(0)):
        rest = labour = known = 0.0
        for _, item, quantity, unit, price, amount, share in items:
            listed = _times(quantity, price)
            rest = round(rest + amount - listed, 2)
            if np.isfinite(share):
                labour, known = labour + share * listed, known + listed
            yield part, item, quantity, unit, price, listed, share
        if rest:
            yield part, ROUNDING, 1, "piece", rest, rest, _share(labour, known)


def _times(quantity: float, price: float) -> float:
    """Return quantity times price in whole cents, half a cent up, as a spreadsheet has it."""
    return round(quantity * price + 1e-9, 2)


def _trenches(plan: Plan) -> Iterator[Item]:
    dug = plan.trenches[plan.trenches["kind"] != "drop"].reset_index(drop=True)
    if dug.empty:
        return
    crossing = _column(dug, "crossing_cost", 0.0)
    kind, method, ground = (_texts(dug, name) for name in ("kind", "method", "surface"))
    metres = dug.assign(cost=(dug["cost"] - crossing).round(2), labour=_metres_labour(plan, dug))
    for label, rows in metres.groupby([kind, method, ground], sort=True):
        yield _at_list_price(plan, label, rows)
    yield from _crossings(plan, "trench", dug)


def _dig_price(plan: Plan, method: str, ground: str) -> Price | None:
    return plan.config.cost.dig.by(method).on(ground) if method and ground else None  # type: ignore[arg-type]


def _at_list_price(plan: Plan, label: tuple[str, str, str], rows: pd.DataFrame) -> Item:
    """Return metres at the list price; at the average where whole cents per piece do not explain the difference."""
    kind, method, ground = label
    item = ", ".join(part for part in (f"{kind} trench", method.replace("_", " "), ground) if part)
    length, amount = round(float(rows["length_m"].sum()), 3), round(float(rows["cost"].sum()), 2)
    share = _share(float(rows["labour"].sum()), float(rows["cost"].sum()))
    price = _dig_price(plan, method, ground)
    if price is None or abs(amount - _times(length, price.value)) > CENTS_PER_PIECE * len(rows):
        return _averaged("trench", item, length, "m", amount, share)
    return "trench", item, length, "m", price.value, amount, share


def _crossings(plan: Plan, part: str, dug: pd.DataFrame, suffix: str = "") -> Iterator[Item]:
    """Yield what is crossed at its list prices, halves counted as such; the last one takes what rounding leaves."""
    counts = dict(zip(CROSSED, _crossed(dug).sum(axis=0).tolist(), strict=True))
    priced = {
        kind: price for kind in CROSSED if (price := getattr(plan.config.cost.crossing, kind)).value and counts[kind]
    }
    left = round(float(_column(dug, "crossing_cost", 0.0).sum()), 2)
    for number, (kind, price) in enumerate(priced.items(), 1):
        amount = left if number == len(priced) else _times(counts[kind], price.value)
        left = round(left - amount, 2)
        item = f"crossing of a {CROSSED_NAMES[kind]}{suffix}"
        yield part, item, counts[kind], "crossing", price.value, amount, price.labour


def _crossed(dug: pd.DataFrame) -> NDArray[np.float64]:
    """Return what each piece crosses, as `count_crossings` does."""
    return np.stack([_column(dug, name, 0.0).to_numpy(np.float64) for name in CROSSINGS], axis=1)


def _metres_labour(plan: Plan, dug: pd.DataFrame) -> pd.Series[float]:
    """Return the labour of each piece without that of its crossings."""
    return _column(dug, "labour_cost", np.nan) - price_crossings(_crossed(dug), plan.config.cost, labour=True)


def trench_classes(plan: Plan) -> pd.DataFrame:
    """Return pieces, metres and money of what is dug, drops among it, by kind, method and ground."""
    dug = plan.trenches.reset_index(drop=True)
    table = pd.DataFrame(
        {
            "kind": _texts(dug, "kind"),
            "method": _texts(dug, "method"),
            "ground": _texts(dug, "surface"),
            "length_m": dug["length_m"].astype("float64"),
            "crossings": _column(dug, "crossing_cost", 0.0),
            "labour": _column(dug, "labour_cost", np.nan),
            "cost": dug["cost"].astype("float64"),
        }
    )
    by = table.groupby(["kind", "method", "ground"], sort=True)
    found = by[["length_m", "crossings", "labour", "cost"]].sum(min_count=1)
    found.insert(0, "pieces", by.size())
    return found.round({"length_m": 3, "crossings": 2, "labour": 2, "cost": 2}).reset_index()


def _texts(table: pd.DataFrame, name: str) -> pd.Series[str]:
    if name not in table:
        return pd.Series("", index=table.index, dtype=object)
    return table[name].astype(object).where(table[name].notna(), "").astype(str)


def _column(table: pd.DataFrame, name: str, otherwise: float) -> pd.Series[float]:
    if name not in table:
        return pd.Series(otherwise, index=table.index, dtype="float64")
    return pd.to_numeric(table[name]).astype("float64").fillna(otherwise)


def _share(labour: float, cost: float) -> float:
    return round(labour / cost, 4) if cost and np.isfinite(labour) else np.nan


def _drops(plan: Plan) -> Iterator[Item]:
    drops, model = plan.drops, plan.config.cost
    if drops.empty:
        return
    fixed, total = round(model.drop_fixed.value, 2), round(float(drops["cost"].sum()), 2)
    length = drops["length_m"].to_numpy(np.float64)
    beyond = round(float(np.maximum(length - model.drop_included_m, 0).sum()), 3)
    rest = round(total - fixed * len(drops), 2)
    if rest < 0 or not rest:
        yield _averaged("drop", "drop", len(drops), "drop", total)
        return
    yield "drop", "drop", len(drops), "drop", fixed, round(fixed * len(drops), 2), model.drop_fixed.labour
    crossings = round(float(_column(drops, "crossing_cost", 0.0).sum()), 2)
    metres = round(rest - crossings, 2)
    if metres:
        item = f"drop beyond {model.drop_included_m:g} m"
        yield _averaged("drop", item, beyond, "m", metres, model.drop_per_m.labour)
    yield from _crossings(plan, "drop", drops, " on the way of drops")


def _reuse(plan: Plan) -> Iterator[Item]:
    lines = plan.backbone_lines.drop_duplicates("backbone_id").set_index("backbone_id")["role"]
    role = plan.reused["backbone_id"].map(lines).fillna("distribution")
    for name, rows in plan.reused.groupby(role, sort=True):
        length, cost = float(rows["length_m"].sum()), float(rows["cost"].sum())
        share = _share(float(_column(rows, "labour_cost", np.nan).sum()), cost)
        yield _averaged("reuse", f"existing {name}", length, "m", cost, share)


def _fibre(plan: Plan) -> Iterator[Item]:
    served = plan.customers[plan.customers["outcome"] == "planned"]
    if plan.summary["cost"]["fibre"]:
        points = plan.access_points.drop_duplicates("access_point_id").set_index("access_point_id")
        feed_m = _column(points, "feed_m", 0.0)
        length = float((pd.to_numeric(served["route_m"]) - served["access_point_id"].map(feed_m).fillna(0.0)).sum())
        length += float((feed_m * _column(points, "feed_fibres", 0.0)).sum())
        share = plan.config.cost.fibre_cost_per_m.labour
        yield _averaged("fibre", "fibre along the routes", length, "m", plan.summary["cost"]["fibre"], share)


def _equipment(plan: Plan) -> Iterator[Item]:
    planned = (plan.customers["outcome"] == "planned").to_numpy()
    count = {"home": int(new_homes(plan.customers)[planned].sum()), "customer": int(planned.sum())}
    left = round(plan.summary["cost"]["equipment"], 2)
    if not left:
        return
    for name, price in sorted(plan.config.cost.equipment.items()):
        each, number = round(price.value, 2), count["home" if price.unit == "home" else "customer"]
        left = round(left - each * number, 2)
        yield "equipment", name, number, price.unit, each, round(each * number, 2), price.labour
    for name, kind in sorted(plan.config.cost.access_points.items()):
        each, number = round(kind.price.value, 2), int((_texts(plan.access_points, "type") == name).sum())
        left = round(left - each * number, 2)
        if number:
            yield "equipment", name, number, "piece", each, round(each * number, 2), kind.price.labour
    if left:
        yield "equipment", "other equipment", 1, "piece", left, left, np.nan


def _overhead(plan: Plan) -> Iterator[Item]:
    cost = plan.summary["cost"]
    if cost["overhead"]:
        base = round(sum(cost[part] for part in PARTS if part != "overhead"), 2)
        yield "overhead", "overhead", base, "%", plan.config.cost.overhead_percent, cost["overhead"], np.nan


def _averaged(part: str, item: str, quantity: float, unit: str, amount: float, share: float = np.nan) -> Item:
    """Return an item at its average price, with as few digits as leave the amount about what it is."""
    quantity, amount = round(quantity, 3), round(amount, 2)
    if not quantity:
        return part, item, 1, "piece", amount, amount, share
    prices = [round(amount / quantity, digits) for digits in (2, 3, 4)]
    near = [price for price in prices if abs(_times(quantity, price) - amount) <= max(0.0101, AVERAGE_OFF * amount)]
    return part, item, quantity, unit, [*near, prices[-1]][0], amount, share


def _write_workbook(plan: Plan, bill: pd.DataFrame, path: Path) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    book.properties.created = book.properties.modified = _STAMP
    book.properties.creator = "lastmile_net"
    items = book.active
    items.title = "Items"
    totals, by_area, by_class = (book.create_sheet(name) for name in ("Summary", "Areas", "Trench classes"))
    _fill(items, [[*COLUMNS, "labour amount"], *_item_rows(bill)])
    _explain(items)
    _fill(totals, _total_rows(plan, len(bill) + 1))
    _fill(by_area, _with_totals(areas(plan), {"cost_share": "home_cost"}, "new_homes"))
    _fill(by_class, _with_totals(trench_classes(plan), {"cost": "cost_per_m"}, "length_m"))
    book.save(path)


def _item_rows(bill: pd.DataFrame) -> Iterator[list[object]]:
    """Yield the rows with formulas: quantity times price, of the overhead a share of all that stands above."""
    shares = bill["labour"].astype(object).where(bill["labour"].notna(), None).tolist()
    for number, row in enumerate(bill.itertuples(index=False), start=2):
        share = shares[number - 2]
        labour = f'=IF(G{number}="","",F{number}*G{number})'
        if row.part == "overhead":
            above = f"SUM(F2:F{number - 1})"
            yield [
                row.part,
                row.item,
                f"={above}",
                row.unit,
                row.price,
                f"=ROUND(C{number}*E{number}/100,2)",
                None,
                None,
            ]
        else:
            item, amount = neutralise(row.item), f"=ROUND(C{number}*E{number},2)"
            yield [row.part, item, row.quantity, row.unit, row.price, amount, share, labour]


def _with_totals(table: pd.DataFrame, each: dict[str, str], per: str) -> list[list[object]]:
    """Return rows with a column of formulas, money over quantity, and a row of sums over all number columns."""
    money, label = next(iter(each.items()))
    names = [str(name) for name in table.columns]
    letters = {name: chr(ord("A") + place) for place, name in enumerate(names)}
    plain = table.astype(object).where(table.notna(), None).to_numpy().tolist()
    rows: list[list[object]] = [[*names, label]]
    for number, row in enumerate(plain, start=2):
        over = f"{letters[per]}{number}"
        rows.append([*map(neutralise, row), f'=IF({over}>0,{letters[money]}{number}/{over},"")'])
    last = len(rows)
    sums = [
        f"=SUM({letters[name]}2:{letters[name]}{last})" if pd.api.types.is_numeric_dtype(table[name]) else None
        for name in names
    ]
    sums[0] = "total"
    over = f"{letters[per]}{last + 1}"
    return [*rows, [*sums, f'=IF({over}>0,{letters[money]}{last + 1}/{over},"")']]


def _total_rows(plan: Plan, last: int) -> list[list[object]]:
    planned = (plan.customers["outcome"] == "planned").to_numpy()
    rows: list[list[object]] = [["part", f"amount {plan.summary.get('currency', '')}".strip()]]
    rows += [[part, f'=SUMIF(Items!A2:A{last},"{part}",Items!F2:F{last})'] for part in PARTS]
    rows += [["total", "=SUM(B2:B7)"], ["homes connected", int(new_homes(plan.customers)[planned].sum())]]
    rows += [["homes passed", homes_passed(plan)]]
    rows += [["cost per home connected", '=IF(B9>0,B8/B9,"")'], ["cost per home passed", '=IF(B10>0,B8/B10,"")']]
    rows += [["labour, overhead aside", f"=SUM(Items!H2:H{last})"], ["material, overhead aside", "=B8-B7-B13"]]
    return rows


def _explain(sheet: object) -> None:
    """Attach to each heading of the items a note that says what the column holds."""
    from openpyxl.comments import Comment

    told = [*(column.meaning for column in BILL.columns), "amount times labour"]
    for cell, text in zip(sheet[1], told, strict=True):  # type: ignore[index]
        cell.comment = Comment(text.replace("`", ""), "lastmile_net", height=110, width=320)


def _fill(sheet: object, rows: list[list[object]]) -> None:
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    for row in rows:
        sheet.append(row)  # type: ignore[attr-defined]
    for cell in sheet[1]:  # type: ignore[index]
        cell.font = Font(bold=True)
    for column in range(1, len(rows[0]) + 1):
        width = max((len(str(row[column - 1])) for row in rows if not str(row[column - 1]).startswith("=")), default=8)
        letter, form = get_column_letter(column), _number_format(str(rows[0][column - 1]))
        sheet.column_dimensions[letter].width = min(max(width, 10) + 2, 60)  # type: ignore[attr-defined]
        for cell in sheet[letter][1:]:  # type: ignore[index]
            cell.number_format = "General" if isinstance(cell.value, int) else form
    sheet.freeze_panes = "A2"  # type: ignore[attr-defined]


def _number_format(heading: str) -> str:
    """Return how a column is shown: money to the cent, unit prices with the digits they have, else as it is."""
    if heading == "price":
        return "#,##0.00##"
    return "#,##0.00" if heading in MONEY or heading.startswith("amount") else "General"
