"""The table that a planner reads first."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from lastmile_net.counts import homes as in_words
from lastmile_net.counts import money, percent
from lastmile_net.coverage import homes_by
from lastmile_net.coverage.missed import missed
from lastmile_net.report.choice import choice
from lastmile_net.report.curve import landmarks, loss_of_nesting
from lastmile_net.report.phases import phase_text
from lastmile_net.report.reasons import meanings, more_ports

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lastmile_net.plan.result import Plan

_TODAY = (
    ("connected", "connected"),
    ("passed", "passed: no digging in the street"),
    ("unconnected", "unconnected"),
)
_PLANNED = (
    ("existing", "connected today"),
    ("planned", "planned"),
    ("unserved", "unserved"),
    ("total", "all"),
)
_PARTS = ("trench", "drop", "reuse", "fibre", "equipment", "overhead")
_STATUS = {
    "optimal": "proven the cheapest",
    "time": "by the time limit, `time_limit_s`: another machine may end elsewhere",
    "interrupted": "by interruption: the best plan so far",
    "trivial": "at once: there was nothing to choose",
}
IN_VAIN = "neither `rounds` nor `time_limit_s` helps"
WITHIN = "within the gap asked for"
_KINDS = {"street": "along streets", "crossing": "crossings", "connector": "links to lines", "drop": "drops"}
_MEANT = "    "
"""Sets a sentence that explains the line above it apart."""


class Row(NamedTuple):
    """One line of the table: a label with one or two values, and a sentence on it; `section` is its heading."""

    section: str
    label: str
    first: str = ""
    second: str = ""
    meaning: str = ""


def plan_table(plan: Plan) -> tuple[Row, ...]:
    """
    Return what a planner reads first, line by line, as text.

    Sections are `Today` and `With this plan` (customers, homes), `Why unserved` (customers, homes), `Digging`, `Cost`,
    `Proof`, `Money`, `How sure it is` and `Notes`.

    Parameters
    ----------
    plan
        A plan, or one that has been read back.
    """
    parts = (_coverage, _reasons, _new_points, _digging, _cost, _proof, _aim, _curve, _ranges, _notes)
    return tuple(row for part in parts for row in part(plan))


def summary_text(plan: Plan) -> str:
    """
    Return the table as plain text: what `str(plan)` shows.

    Parameters
    ----------
    plan
        A plan, or one that has been read back.
    """
    rows = plan_table(plan)
    figures = [row for row in rows if row.section != "Notes"]
    widths = tuple(max(len(row[place]) for row in figures if row.first or row.second) for place in (1, 2, 3))
    head = f"{'':{widths[0] + 2}}  {'customers':>{widths[1]}}  {'homes':>{widths[2]}}"
    notes = _lines(row for row in rows if row.section == "Notes")
    told = "\n".join([head, *_lines(figures, widths)])
    return "\n\n".join(part for part in (told, phase_text(plan), "\n".join(notes)) if part)


def _lines(rows: Iterable[Row], widths: tuple[int, ...] = (0, 0, 0)) -> list[str]:
    """Return rows below the headings of their sections, their columns under each other."""
    lines, section = [], ""
    for row in rows:
        if row.section != section:
            lines += [""] * (section != "") + [row.section]
            section = row.section
        label, first, second = widths
        lines.append(f"  {row.label:{label}}  {row.first:>{first}}  {row.second:>{second}}".rstrip())
        if row.meaning:
            lines.append(f"{_MEANT}{row.meaning}")
    return lines


def _coverage(plan: Plan) -> list[Row]:
    customers, units = plan.summary["customers"], plan.summary["units"]
    return [
        Row(section, label, _share(customers, key), _share(units, key))
        for section, counted in (("Today", _TODAY), ("With this plan", _PLANNED))
        for key, label in counted
    ]


def _reasons(plan: Plan) -> list[Row]:
    homes = homes_by(plan.customers[plan.customers["outcome"] == "unserved"], "reason")
    every, units = plan.summary["customers"]["total"], plan.summary["units"]["total"]
    counted = sorted(plan.summary["reasons"].items(), key=lambda item: (-item[1], item[0]))
    meaning = meanings(plan)
    meaning["no_free_port"] += more_ports(plan)
    return [
        Row("Why unserved", code, _part(count, every), _part(homes.get(code, 0), units), meaning.get(code, ""))
        for code, count in counted
        if count
    ]


def _new_points(plan: Plan) -> list[Row]:
    """Count what is placed anew, with the homes on it."""
    new = plan.access_points[plan.access_points["type"].notna()] if "type" in plan.access_points else None
    if new is None or new.empty:
        return []
    homes = new.groupby("type")["ports_used"].sum()
    count = plan.summary.get("new_access_points", {})
    meaning = {name: f"{in_words(homes.get(name, 0))} on {'it' if count[name] == 1 else 'them'}" for name in count}
    return [Row("New access points", name, f"{number:,}", meaning=meaning[name]) for name, number in count.items()]


def _digging(plan: Plan) -> list[Row]:
    metres = plan.trenches.groupby("kind")["length_m"].sum()
    rows = [Row("Digging", _KINDS[kind], f"{metres[kind]:,.0f} m") for kind in _KINDS if kind in metres]
    return [*rows, Row("Digging", "trench metres, drops included", f"{plan.summary['trench_m']:,.0f} m")]


def _cost(plan: Plan) -> list[Row]:
    cost, currency = plan.summary["cost"], str(plan.summary.get("currency", ""))
    rows = [Row("Cost", part, money(cost[part], currency)) for part in _PARTS if cost[part]]
    rows += [Row("Cost", "total", money(cost["total"], currency))]
    each = plan.summary.get("cost_per_unit")
    return rows + ([Row("Cost", "per home", money(each, currency))] if each else [])


def _proof(plan: Plan) -> list[Row]:
    covers: Any = plan.summary.get("bound_covers")
    covered = covers if isinstance(covers, str) else ", ".join(map(str, covers or ()))
    bound = money(plan.summary.get("lower_bound"), str(plan.summary.get("currency", "")))
    rows = [Row("Proof", "lower bound", bound, meaning=f"covers {covered}" if covered else "")]
    gap = plan.summary.get("gap")
    chosen = choice(plan)
    if gap is not None and math.isfinite(gap):
        label = "gap" if chosen is None else "gap in cost, same homes"
        meaning = "no plan for the same customers is cheaper by more than that"
        rows.append(Row("Proof", label, percent(gap, 2), meaning=meaning))
    if chosen is not None:
        rows.append(
            Row("Proof", "choice of homes", "proven" if chosen.proven else "not proven", meaning=chosen.meaning)
        )
    end = _STATUS.get(plan.status) or _end(plan)
    these = " (same homes)" if chosen is not None and end in (_STATUS["optimal"], WITHIN) else ""
    return [*rows, Row("Proof", f"ended {end}{these}", meaning=_further(plan, end))]


def _end(plan: Plan) -> str:
    """Say how a search ended by itself: the gap of the whole cost is what was asked for, and what the reader sees."""
    config, gap = plan.config, plan.summary.get("gap")
    if gap is not None and gap <= config.target_gap:
        return WITHIN
    above = f"above the gap asked for ({percent(config.target_gap, 2)})"
    return f"after all {config.rounds} rounds, {above}: raise `rounds`" if _used_all_rounds(plan) else above


def _used_all_rounds(plan: Plan) -> bool:
    return any(line.stage == f"search {plan.config.rounds}" for line in plan.log)


def _further(plan: Plan, end: str) -> str:
    """Say why a search ended above the gap asked for, where it is not by rounds or time, and what leads further."""
    if end == WITHIN or plan.status in _STATUS or _used_all_rounds(plan):
        return ""
    if plan.config.new_access_points:
        return f"no closer bound is known on where new access points are best; {IN_VAIN}"
    if plan.log and plan.log[-1].gap <= plan.config.target_gap:
        return "the search for trenches was within it, and ended; a smaller `target_gap` makes it go on"
    return f"nothing was left to try for a better plan or a closer bound; {IN_VAIN}"


def _aim(plan: Plan) -> list[Row]:
    """Say what the money buys, and what no plan can do better."""
    aim = plan.summary.get("aim")
    if not aim:
        return []
    currency = str(plan.summary.get("currency", ""))
    what = "homes" if aim["prize"] == "units" else str(aim["prize"])
    gain, most = f"{aim['gain']:,} {what}", f"{aim['most_gain']:,}"
    same = " with the same customers of `include`" if aim.get("included") else ""
    on_these = f"on these streets and prices, no plan{same}"
    if aim["aim"] == "budget":
        meaning = f"within {money(aim['asked'], currency)}, {on_these} connects more than {most}"
    elif aim["aim"] == "coverage":
        meaning = f"{on_these} reaches as many for less than {money(aim['least_cost'], currency)}"
        meaning = missed(aim, plan.summary["reasons"]) or meaning
    else:
        each = money(aim["asked"], currency)
        meaning = f"each one more costs at most {each}; {on_these} of this cost connects more than {most}"
    rows = [Row("Money", "what it buys", gain, meaning=meaning)]
    if "nested_gain" in aim:
        meaning = "what the same money builds in the order of the plan for everybody"
        rows.append(Row("Money", "if it is built in phases", f"{aim['nested_gain']:,} {what}", meaning=meaning))
    return rows


def _curve(plan: Plan) -> list[Row]:
    """Name the knee of the curve, and what its last homes cost."""
    found = landmarks(plan.curve)
    if found is None:
        return []
    currency = str(plan.summary.get("currency", ""))
    knee = f"connects {in_words(found.knee_units)}; from there on homes get dear"
    last = "for the last home" if found.last_units == 1 else f"for the last {in_words(found.last_units)}"
    bend = [Row("Money", "knee of the curve", money(found.knee_cost, currency), meaning=knee)]
    return [
        *(bend if found.knee_units else []),
        Row("Money", "the last 5 %", money(found.last_cost, currency), meaning=last),
        *_nesting(plan),
    ]


def _nesting(plan: Plan) -> list[Row]:
    """Say what it costs in homes, at least, that a smaller budget builds the first part of a larger one."""
    lost = loss_of_nesting(plan.curve)
    if lost is None:
        return []
    meaning = "fewer homes, over ten budgets, than the best parts of the plans looked at; --budget may find more"
    return [Row("Money", "building in order loses", percent(lost), meaning=meaning)]


def _ranges(plan: Plan) -> list[Row]:
    """Tell the median of the scenarios, and within what eight of ten lie, where scenarios were asked for."""
    found = plan.summary.get("uncertainty")
    if not found:
        return []
    currency = str(plan.summary.get("currency", ""))
    rows = [Row("How sure it is", "scenarios", f"{found['scenarios']:,}", meaning="what follows is their median")]
    for part, label, unit in (
        ("cost", "cost", currency),
        ("homes", "homes", ""),
        ("cost_per_unit", "per home", currency),
    ):
        low, middle, high = (found[part][at] for at in ("p10", "median", "p90"))
        if middle is not None:
            within = f"{_figure(low, unit)} to {_figure(high, unit)} in eight of ten"
            rows.append(Row("How sure it is", label, _figure(middle, unit), meaning=within))
    return rows


def _figure(value: float, currency: str) -> str:
    return money(value, currency) if currency else f"{value:,.0f}"


def _notes(plan: Plan) -> list[Row]:
    return [Row("Notes", note) for note in plan.notes]


def _share(counts: Mapping[str, int], key: str) -> str:
    return _part(counts[key], counts["total"])


def _part(count: float, total: int) -> str:
    """Return a count with its share of all."""
    return f"{int(count):,} {percent(int(count) / total if total else 0):>7}"
