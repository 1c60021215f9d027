"""By street, area and access point: the changes that would win most customers, and what they cost together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lastmile_net.cost import price_equipment, with_overhead
from lastmile_net.counts import counted, homes
from lastmile_net.coverage.options import devices, ports_price
from lastmile_net.coverage.remedy import NO_PRICE, REMEDY_UNITS
from lastmile_net.solve.extend import count_along
from lastmile_net.solve.problem import MILLI

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lastmile_net.coverage.question import Question
    from lastmile_net.coverage.remedy import Remedy
    from lastmile_net.coverage.verdict import Verdict

COLUMNS = (
    "scope",
    "name",
    "change",
    "value",
    "unit",
    "at",
    "devices",
    "customers",
    "homes",
    "cost",
    "cost_per_home",
    "best",
    "proposal",
)


def proposals(question: Question, verdict: Verdict) -> pd.DataFrame:
    """
    Return what one change would win, for each street, area and access point.

    Parameters
    ----------
    question, verdict
        The plan, and the remedies of those it leaves unserved.

    Returns
    -------
    proposals
        One row per scope, name and kind of change, most homes first within its scope: `value` is what serves them all
        (the highest limit, the ports that lack for all of them, the money for them together), `devices` the cheapest
        access points with so many ports, `cost` what connecting them together costs on top of the plan, trenches that
        they share once. `best` marks the change that wins most homes at its name. Customers who need several changes
        count under all of them together, as `one+other`.
    """
    if verdict.options is None or verdict.beyond is None or verdict.options.table.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    rows = pd.DataFrame(list(_rows(question, verdict)), columns=["scope", "name", "change", "at", "customer"])
    found = [
        _proposal(question, verdict, tuple(map(str, key)), group["customer"].to_numpy(np.int64))
        for key, group in rows.groupby(["scope", "name", "change", "at"], sort=True)
    ]
    table = pd.DataFrame(found, columns=[name for name in COLUMNS if name != "best"])
    order = ["scope", "homes", "cost", "name", "change", "at"]
    table = table.sort_values(order, ascending=[True, False, True, True, True, True], kind="stable")
    table["best"] = ~table.duplicated(["scope", "name"])
    return table[list(COLUMNS)].reset_index(drop=True)


def _rows(question: Question, verdict: Verdict) -> Iterator[tuple[str, str, str, str, int]]:
    """Yield each customer once for its street, its area and what its remedy changes."""
    assert verdict.options is not None
    customers = question.layers.customers
    street, area = (customers[name].fillna("").astype(str).tolist() for name in ("street", "area_id"))
    own = set(verdict.options.table["customer"].tolist())
    for row, remedy in verdict.remedies.items():
        if row not in own or any(change.code == "include" for change in remedy.changes):
            continue
        change, at = "+".join(change.code for change in remedy.changes), _places(remedy)
        yield "change", at or "settings", change, at, row
        if street[row]:
            yield "street", street[row], change, at, row
        if area[row]:
            yield "area", area[row], change, at, row


def _places(remedy: Remedy) -> str:
    return "; ".join(change.at for change in remedy.changes if change.at)


def _proposal(question: Question, verdict: Verdict, key: tuple[str, ...], rows: np.ndarray) -> tuple[object, ...]:
    """Return one proposal: its numbers for all of its customers together."""
    scope, name, change, at = key
    model, units = question.config.cost, question.units[rows]
    code = change.split("+")[0]
    value = max((verdict.remedies[row].value for row in rows.tolist()), default=np.nan)
    ports = _ports(question, verdict, rows, every_home=code == "raise_budget")
    if code == "add_ports":
        value = float(ports)
    cost = _together(question, verdict, rows) + float(ports_price(np.array([ports], np.float64), model)[0])
    total = with_overhead(round(cost + float(price_equipment(units, model).sum()), 2), model)
    chosen = devices(ports, model)
    told = ", ".join(f"{number} x {kind}" for kind, number in chosen)
    if code == "add_spare":
        value = _room(question, verdict, rows, verdict.remedies[int(rows[0])].at)
    count = int(units.sum())
    size = "" if np.isnan(value) else f" by {value:,.2f} {REMEDY_UNITS[code]}".rstrip().replace(".00 ", " ")
    words = f"{told} at {at}" if told and code == "add_ports" else f"{change}{size}{' at ' + at if at else ''}"
    if code == "raise_budget":
        value = total
        words = "go beyond the budget or aim" + (f", with {told or counted(ports, 'port')} more" if ports else "")
    where = "" if scope == "change" else f" in {name}"
    text = f"{words}: serves {homes(count)} more{where} for {total:,.2f} {model.currency}"
    if "add_spare" in change:
        text += f", besides the room on the line ({NO_PRICE})"
    return (
        scope,
        name,
        change,
        value,
        REMEDY_UNITS[code],
        at,
        told,
        len(rows),
        count,
        total,
        round(total / max(count, 1), 2),
        text,
    )


def _ports(question: Question, verdict: Verdict, rows: np.ndarray, *, every_home: bool) -> int:
    """Return the ports that lack for all of the customers together; of those whom ports keep out or `every_home`."""
    assert verdict.options is not None
    table = verdict.options.table.set_index("customer").loc[rows]
    asked = table.index.to_numpy()[every_home | (table["ports"] > 0).to_numpy()]
    tap = table.loc[asked, "tap"].to_numpy(np.int64)
    needed = pd.Series(question.units[asked]).groupby(tap).sum()
    room = (question.room if every_home else question.room_left)[needed.index.to_numpy(np.int64)]
    return int(np.maximum(needed.to_numpy() - np.nan_to_num(room, posinf=np.inf), 0).sum())


def _room(question: Question, verdict: Verdict, rows: np.ndarray, line: str) -> float:
    """Return the homes for which a full line lacks room when it carries all of the customers."""
    assert verdict.options is not None
    full = verdict.options.table.set_index("customer").loc[rows, "full"]
    left = question.units[rows] - np.array([dict(each)[line] for each in full], np.int64)
    return float(question.units[rows].sum() - left.min())


def _together(question: Question, verdict: Verdict, rows: np.ndarray) -> float:
    """Return what digging, drops and fibre for all of the customers cost; what they share counts once."""
    assert verdict.options is not None
    assert verdict.beyond is not None
    beyond, options = verdict.beyond, verdict.options
    table = options.table.set_index("customer").loc[rows]
    apart = float((table["cost"] - ports_price(table["ports"].to_numpy(np.float64), question.config.cost)).sum())
    saved = 0
    for number in np.unique(table["search"].to_numpy(np.int64)).tolist():
        node = table.loc[table["search"] == number, "node"].to_numpy(np.int64)
        count = count_along(options.ways[number], beyond.tail, beyond.head, node)
        saved += int((beyond.price * np.maximum(count - 1, 0)).sum())
    return apart - saved / MILLI
