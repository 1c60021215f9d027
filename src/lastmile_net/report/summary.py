"""The table that a planner reads first."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from lastmile_net.schema import REASONS

if TYPE_CHECKING:
    from lastmile_net.plan.result import Plan

_COUNTED = (
    ("connected", "connected today"),
    ("passed", "passed today"),
    ("unconnected", "unconnected today"),
    ("planned", "planned"),
    ("unserved", "unserved"),
    ("total", "all"),
)
_PARTS = ("trench", "drop", "reuse", "fibre", "equipment", "overhead")
_STATUS = {
    "optimal": "proven the cheapest",
    "gap": "within the gap asked for",
    "rounds": "after all rounds",
    "time": "by the time limit: another machine may end elsewhere",
    "interrupted": "by interruption: the best plan so far",
    "trivial": "at once: there was nothing to choose",
}


class Row(NamedTuple):
    """One line of the table: a heading (`first` and `second` empty), or a label with one or two values."""

    section: str
    label: str
    first: str = ""
    second: str = ""


def plan_table(plan: Plan) -> tuple[Row, ...]:
    """
    Return what a planner reads first, line by line, as text.

    Sections are `coverage` (customers, homes), `reasons` (customers, homes), `cost`, `proof` and `notes`.

    Parameters
    ----------
    plan
        A plan, or one that has been read back.
    """
    return (*_coverage(plan), *_reasons(plan), *_cost(plan), *_proof(plan), *_notes(plan))


def summary_text(plan: Plan) -> str:
    """
    Return the table as plain text: what `str(plan)` shows.

    Parameters
    ----------
    plan
        A plan, or one that has been read back.
    """
    rows = plan_table(plan)
    wide = [row for row in rows if row.section != "notes"]
    label = max(len(row.label) for row in wide)
    first, second = (max(len(row[column]) for row in wide if row.section != "proof") for column in (2, 3))
    lines = [f"{'':{label}}  {'customers':>{max(first, 9)}}  {'homes':>{max(second, 5)}}"]
    section = "coverage"
    for row in rows:
        if row.section != section:
            lines.append("")
            section = row.section
        if section == "notes":
            lines.append(f"note: {row.label}")
        elif section == "proof":
            lines.append(f"{row.label:{label}}  {row.first}")
        else:
            lines.append(f"{row.label:{label}}  {row.first:>{max(first, 9)}}  {row.second:>{max(second, 5)}}".rstrip())
    return "\n".join(lines)


def money(amount: float | None, currency: str = "") -> str:
    """Return an amount with thousands set apart, to the cent."""
    if amount is None or not math.isfinite(amount):
        return "unknown"
    return f"{amount:,.2f} {currency}".rstrip()


def _coverage(plan: Plan) -> list[Row]:
    customers, units = plan.summary["customers"], plan.summary["units"]
    return [Row("coverage", label, _number(customers[key]), _number(units[key])) for key, label in _COUNTED]


def _reasons(plan: Plan) -> list[Row]:
    unserved = plan.customers[plan.customers["outcome"] == "unserved"]
    homes = unserved.groupby("reason")["units"].sum()
    counted = sorted(plan.summary["reasons"].items(), key=lambda item: (-item[1], item[0]))
    return [
        Row("reasons", f"{code}: {REASONS.get(code, '')}", _number(count), _number(homes.get(code, 0)))
        for code, count in counted
        if count
    ]


def _cost(plan: Plan) -> list[Row]:
    cost, currency = plan.summary["cost"], str(plan.summary.get("currency", ""))
    rows = [Row("cost", "trench metres, drops included", f"{plan.summary['trench_m']:,.0f} m")]
    rows += [Row("cost", part, money(cost[part], currency)) for part in _PARTS if cost[part]]
    rows += [Row("cost", "total", money(cost["total"], currency))]
    each = plan.summary.get("cost_per_unit")
    return rows + ([Row("cost", "per home", money(each, currency))] if each else [])


def _proof(plan: Plan) -> list[Row]:
    currency = str(plan.summary.get("currency", ""))
    rows = [Row("proof", "lower bound", money(plan.summary.get("lower_bound"), currency))]
    gap = plan.summary.get("gap")
    if gap is not None and math.isfinite(gap):
        rows.append(Row("proof", "gap", f"{gap:.2%}: no plan for these customers is cheaper by more than that"))
    covers: Any = plan.summary.get("bound_covers")
    if covers:
        rows.append(Row("proof", "bound covers", covers if isinstance(covers, str) else ", ".join(map(str, covers))))
    return [*rows, Row("proof", "ended", _STATUS[plan.status])]


def _notes(plan: Plan) -> list[Row]:
    return [Row("notes", note) for note in plan.notes]


def _number(value: float) -> str:
    return f"{int(value):,}"
