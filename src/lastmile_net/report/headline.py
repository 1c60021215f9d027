"""What a manager reads of a plan: what it costs, connects and leaves out, and how near the cheapest it is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from lastmile_net.counts import homes, money, percent
from lastmile_net.coverage import new_homes
from lastmile_net.coverage.missed import missed
from lastmile_net.report.choice import choice
from lastmile_net.report.page import Section
from lastmile_net.report.words import REASONS_IN_SHORT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lastmile_net.plan.result import Plan

MOST_AREAS = 5


class Fact(NamedTuple):
    """One line of the headline: what it is about, its figure, and what that means."""

    fact: str
    figure: str
    explained: str = ""


def headline(plan: Plan) -> Section:
    """
    Return the first part of a report: a sentence, and the figures behind it.

    Parameters
    ----------
    plan
        A plan, or one that has been read back.
    """
    units = plan.summary["units"]
    without = units["planned"] + units["unserved"]
    cost = money(plan.cost, _currency(plan))
    left = {0: "no home is left", 1: "1 home is left"}.get(units["unserved"], f"{units['unserved']:,} homes are left")
    text = (
        f"The plan connects {units['planned']:,} of {homes(without)} without a line today, for {cost}; {left} without."
    )
    facts = (*_area(plan), *_asked(plan), *_cost(plan), *_coverage(plan), *_proof(plan))
    return Section("In short", text if without else "Every home has a line today.", pd.DataFrame(facts))


def nearness(plan: Plan) -> str:
    """Return in words how much dearer than the cheapest plan for the same homes a plan can be."""
    gap = plan.summary.get("gap")
    if gap is None or not math.isfinite(gap):
        return "not known"
    part = percent(gap, 2)
    return "the cheapest" if part == percent(0, 2) else f"at most {part} dearer"


def _currency(plan: Plan) -> str:
    return str(plan.summary.get("currency", ""))


def _area(plan: Plan) -> Iterator[Fact]:
    names = sorted(map(str, plan.customers["area_id"].dropna().unique()))
    if names:
        more = f" and {len(names) - MOST_AREAS:,} more" if len(names) > MOST_AREAS else ""
        yield Fact("planning areas", f"{len(names):,}", ", ".join(names[:MOST_AREAS]) + more)


def _asked(plan: Plan) -> Iterator[Fact]:
    """Say what the plan was asked for, and whether it misses that."""
    aim: dict[str, Any] = plan.summary.get("aim") or {}
    if not aim:
        return
    if aim["aim"] == "coverage":
        figure = f"{percent(aim['asked'])} of all homes"
    elif aim["aim"] == "budget":
        figure = f"budget of {money(aim['asked'], _currency(plan))}"
    else:
        per = "home" if aim["prize"] == "units" else aim["prize"]
        figure = f"at most {money(aim['asked'], _currency(plan))} per {per}"
    yield Fact("asked for", figure, missed(aim, plan.summary["reasons"]))


def _cost(plan: Plan) -> Iterator[Fact]:
    each = plan.summary.get("cost_per_unit")
    per_home = f"{money(each, _currency(plan))} per home that the plan connects" if each else ""
    yield Fact("cost of the plan", money(plan.cost, _currency(plan)), per_home)
    drops = float(plan.drops["length_m"].sum())
    yield Fact(
        "trench to dig", f"{plan.summary['trench_m']:,.0f} m", f"drops of {drops:,.0f} m among it" if drops else ""
    )


def _coverage(plan: Plan) -> Iterator[Fact]:
    """Count the homes that the plan connects, and those it leaves without a line, by reason."""
    units = plan.summary["units"]
    without = units["planned"] + units["unserved"]
    then = units["existing"] + units["planned"]
    part = f"{percent(units['planned'] / max(without, 1))} of those without a line today"
    all_homes = f"then {then:,} of all {units['total']:,} homes ({percent(then / max(units['total'], 1))}) have one"
    yield Fact("homes the plan connects", f"{units['planned']:,} of {without:,}", f"{part}; {all_homes}")
    table = plan.customers.assign(homes=new_homes(plan.customers))
    why = table[table["outcome"] == "unserved"].groupby("reason")["homes"].sum()
    why = why.sort_values(ascending=False, kind="stable")
    told = "; ".join(f"{REASONS_IN_SHORT.get(str(code), code)}: {count:,}" for code, count in why.items())
    yield Fact("homes left unconnected", f"{units['unserved']:,} of {without:,}", told)


def _proof(plan: Plan) -> Iterator[Fact]:
    if not plan.summary["units"]["planned"]:
        return
    bound = plan.summary.get("lower_bound")
    least = f"proven: no plan for the same homes costs less than {money(bound, _currency(plan))}" if bound else ""
    yield Fact("against the cheapest plan", nearness(plan), least)
    chosen = choice(plan)
    if chosen is not None:
        yield Fact("choice of these homes", "proven" if chosen.proven else "not proven", chosen.meaning)
