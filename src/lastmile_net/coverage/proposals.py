"""By street, area and access point: the changes that would win most customers, and what they cost together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lastmile_net.cost import price_equipment, with_overhead
from lastmile_net.counts import counted, homes, money
from lastmile_net.coverage.options import devices, ports_price
from lastmile_net.coverage.remedy import REMEDY_UNITS, Change, hundredths, phrase, up
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
        (the highest limit, the ports that lack for all of them, the money that lacks for them together), `devices` the
        cheapest access points with so many ports, `cost` what connecting them together costs on top of the plan at
        most: each by its own cheapest way, trenches that these share once. Rows do not add up: what several of them
        need is in each. `best` marks the change that wins most homes at its name. Customers who need several changes
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
    ports = _ports(question, verdict, rows, every_home=change == "raise_budget")
    cost = _together(question, verdict, rows) + float(ports_price(np.array([ports], np.float64), model)[0])
    total = with_overhead(round(cost + float(price_equipment(units, model).sum()), 2), model)
    told = ", ".join(f"{number} x {kind}" for kind, number in devices(ports, model))
    changes = list(_for_all(question, verdict, rows, ports, total))
    count = int(units.sum())
    words = " and ".join(_clause(question, each, told) for each in changes)
    if change == "raise_budget" and ports:
        words += f", with {told or counted(ports, 'port')} more"
    where = "" if scope == "change" else f" in {name}"
    text = f"{words}: serves {homes(count)} more{where} for {total:,.2f} {model.currency} at most"
    return (
        scope,
        name,
        change,
        changes[0].value,
        REMEDY_UNITS[changes[0].code],
        at,
        told,
        len(rows),
        count,
        total,
        round(total / max(count, 1), 2),
        text,
    )


def _for_all(question: Question, verdict: Verdict, rows: np.ndarray, ports: int, total: float) -> Iterator[Change]:
    """Yield the changes of a group's remedies, each so large that it suffices for all of the group together."""
    of_each = zip(*(verdict.remedies[row].changes for row in rows.tolist()), strict=True)
    for alike in of_each:
        code, at = alike[0].code, alike[0].at
        values = [each.value for each in alike]
        if code == "add_ports":
            yield Change(code, float(ports), at)
        elif code == "raise_budget":
            yield Change(code, max(up(total - question.money_left), 0.0))
        elif code == "add_spare":
            yield Change(code, _room(question, verdict, rows, at), at)
        else:
            yield Change(code, min(values) if code == "state_loss" else max(values), at)


def _clause(question: Question, change: Change, told: str) -> str:
    """Return a change of a proposal as a clause; `told` are the devices that have the ports."""
    config = question.config
    if change.code == "add_ports" and told:
        return f"{told} at {change.at}"
    if change.code == "raise_budget" and config.budget is not None:
        return f"raise the budget by {money(change.value, config.cost.currency)}"
    if change.code == "raise_budget":
        return "go beyond the aim"
    if change.code == "link_island":
        return f"link the street over {hundredths(change.value)} m from {change.at} (lon,lat)"
    return phrase(change)


def _ports(question: Question, verdict: Verdict, rows: np.ndarray, *, every_home: bool) -> int:
    """Return the ports that lack for all of the customers together; of those whom ports keep out or `every_home`."""
    assert verdict.options is not None
    table = verdict.options.table.set_index("customer").loc[rows]
    short = every_home | (table["ports"] > 0).to_numpy()
    asked = rows[short]
    tap = table.loc[asked, "tap"].to_numpy(np.int64)
    needed = pd.Series(question.units[asked]).groupby(tap).sum()
    room = (question.room if every_home else question.room_left)[needed.index.to_numpy(np.int64)]
    lacking = int(np.maximum(needed.to_numpy() - np.nan_to_num(room, posinf=np.inf), 0).sum())
    # who found no place though ports are free is asked for ports of its own
    own = [
        row for row in rows[~short].tolist() if any(each.code == "add_ports" for each in verdict.remedies[row].changes)
    ]
    return lacking + int(question.units[own].sum())


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
    count = np.zeros(len(beyond.tail), np.int64)
    for number in np.unique(table["search"].to_numpy(np.int64)).tolist():
        node = table.loc[table["search"] == number, "node"].to_numpy(np.int64)
        count += count_along(options.ways[number], beyond.tail, beyond.head, node)
    return apart - int((beyond.price * np.maximum(count - 1, 0)).sum()) / MILLI
