"""The last-mile failure report: what lies in the ground and serves nobody yet, and what to do first."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from lastmile_net.counts import agree, counted, money
from lastmile_net.counts import homes as homes_in_words
from lastmile_net.coverage import PASSING_ROLES, new_homes
from lastmile_net.credit import osm_credit
from lastmile_net.report.headline import headline
from lastmile_net.report.page import TITLE, Section, html, markdown
from lastmile_net.report.phases import phase_notes, phase_table
from lastmile_net.report.reasons import meanings
from lastmile_net.report.steps import to_do

if TYPE_CHECKING:
    from pathlib import Path

    import geopandas as gpd
    from numpy.typing import NDArray

    from lastmile_net.plan.result import Plan

NEAR_M = 50.0
_NONE_PLANNED = "Nothing of that is in the plan."
_EACH_BY_ITSELF = (
    "Who is left out is priced on top of the plan, each customer alone: a trench that several need is in the price of "
    "each, so these prices do not add up. What they cost together is told by a plan with `include` on them."
)
_OUT_OF_REACH = ("invalid_location", "no_street_in_reach", "street_island", "excluded")


def failure_report(plan: Plan, *, near_m: float = NEAR_M) -> tuple[Section, ...]:
    """
    Find where the last mile fails, and what to do about it.

    Parameters
    ----------
    plan
        A plan, or one that has been read back.
    near_m
        How near to the existing network an unconnected customer counts as a near miss, in metres (inclusive).

    Returns
    -------
    sections
        The headline; the reasons; the to-do list, most homes for the money first; the phases and the planning areas
        (where there are any); the funnel of today, what serves nobody, who is passed and not connected, near misses,
        contracts without a line, whom to ask while the trench is open; and the notes of the plan (where there are any).
    """
    distance = _distance_to_existing(plan)
    currency = str(plan.summary.get("currency", ""))
    sections = (
        headline(plan),
        _reasons(plan),
        to_do(plan),
        *_phases(plan),
        *_areas(plan),
        _funnel(plan),
        _idle_points(plan),
        _idle_lines(plan),
        _passed(plan),
        _near_misses(plan, distance, near_m),
        _signed(plan),
        _ask_now(plan),
        *_notes(plan),
    )
    return tuple(replace(section, currency=currency) for section in sections)


def write_failure_report(
    plan: Plan, folder: Path, *, title: str = "", date: dt.date | None = None
) -> tuple[Path, Path]:
    """
    Write `report.html` and `report.md` into a folder.

    Parameters
    ----------
    plan
        A plan, or one that has been read back.
    folder
        Where to.
    title
        Heading; if empty, it names the folder.
    date
        Day of the report; today if not given.

    Returns
    -------
    page, text
        Where they lie.
    """
    sections = failure_report(plan)
    heading = title or f"{TITLE}: {folder.resolve().name}"
    day = f"Report of {(date or dt.datetime.now().astimezone().date()).isoformat()}"
    below = " · ".join(filter(None, (day, osm_credit(plan.streets))))
    page, text = folder / "report.html", folder / "report.md"
    page.write_text(html(sections, heading, below), encoding="utf-8", newline="\n")
    text.write_text(markdown(sections, heading, below), encoding="utf-8", newline="\n")
    return page, text


def _funnel(plan: Plan) -> Section:
    table, left = plan.customers, new_homes(plan.customers)
    units = table["units"].to_numpy(np.int64)
    connected = units - left
    reach = np.where(table["reason"].isin(_OUT_OF_REACH), connected, units)
    passed = np.where(table["status"] == "passed", reach, connected)
    steps = {"all": units, "in reach of a street or line": reach, "passed": passed, "connected": connected}
    if _flag(table, "active").any():
        steps["active"] = np.where(_flag(table, "active"), connected, 0)
    rows = [(name, int(homes.sum()), homes.sum() / max(units.sum(), 1)) for name, homes in steps.items()]
    found = pd.DataFrame(rows, columns=["step", "homes", "share"])
    found["lost"] = (-found["homes"].diff()).fillna(0).astype(np.int64)
    worst = int(found["lost"].to_numpy().argmax())
    lost = int(found["lost"].iloc[worst])
    text = f"Today most are lost on the step to '{found['step'].iloc[worst]}': {homes_in_words(lost)}."
    text = text if lost else "Today no home is lost on the way: all are connected."
    return Section("From all homes to connected ones", text, found)


def _reasons(plan: Plan) -> Section:
    table = plan.customers.assign(homes=new_homes(plan.customers))
    table = pd.DataFrame(table[table["outcome"] == "unserved"])
    found = table.groupby("reason").agg(
        customers=("homes", "size"), homes=("homes", "sum"), example=("remedy", "first")
    )
    found = found.sort_values(["homes", "customers"], ascending=False, kind="stable").reset_index()
    found.insert(1, "meaning", found["reason"].map(meanings(plan)))
    found["code"] = found["reason"]
    who = f"{counted(len(table), 'customer')} with {homes_in_words(table['homes'].sum())}"
    text = _by_count(
        len(table),
        "Every customer is connected, today or by this plan.",
        f"{who} stays unserved by this plan.",
        f"{who} stay unserved by this plan.",
    )
    return Section("Who stays unserved, and why", text, found)


def _idle_points(plan: Plan) -> Section:
    points = plan.access_points
    free = pd.to_numeric(points["ports_free"])
    idle = points[(points["ports_used"] == 0) & (free.isna() | (free > 0))]
    found = pd.DataFrame(idle[["access_point_id", "kind", "ports_free"]])
    found = found.sort_values(["ports_free", "access_point_id"], ascending=[False, True]).reset_index(drop=True)
    text = _by_count(
        len(found),
        "There is no access point with free ports to which the plan connects nobody.",
        "1 access point has free ports, and the plan connects nobody to it.",
        f"{len(found):,} access points have free ports, and the plan connects nobody to them.",
    )
    return Section("Access points that serve nobody new", text, found)


def _idle_lines(plan: Plan) -> Section:
    """List the lines without a customer beside them that is connected or will be."""
    lines, served = plan.backbone_lines, plan.customers[plan.customers["outcome"].isin(["existing", "planned"])]
    points = served.geometry.to_numpy()
    beside = np.zeros(len(lines), bool)
    if len(lines) and len(points):
        pairs = shapely.STRtree(lines.geometry.to_numpy()).query(
            points[~shapely.is_missing(points)], predicate="dwithin", distance=NEAR_M
        )
        beside[np.unique(pairs[1])] = True
    beside |= lines["backbone_id"].isin(plan.reused["backbone_id"]).to_numpy()
    found = pd.DataFrame(lines.loc[~beside, ["backbone_id", "role"]]).assign(
        length_m=lines.geometry.length.to_numpy()[~beside].round(1)
    )
    found = found.sort_values(["length_m", "backbone_id"], ascending=[False, True]).reset_index(drop=True)
    near = f"served customer within {NEAR_M:g} m, today or with the plan"
    text = f"{found['length_m'].sum():,.0f} of {lines.geometry.length.sum():,.0f} m of existing lines have no {near}."
    if found.empty:
        text = f"Each existing line has a {near}." if len(lines) else "There are no existing lines."
    return Section("Lines that serve nobody", text, found)


def _passed(plan: Plan) -> Section:
    """List who could be connected today without digging in the street, cheapest first."""
    table = plan.customers.assign(homes=new_homes(plan.customers), to_finish=_to_finish(plan))
    passed = table[table["status"] == "passed"]
    columns = ["customer_id", *_address(table), "homes", "outcome", "reason", "to_finish"]
    found = pd.DataFrame(passed[columns]).sort_values(["to_finish", "customer_id"]).reset_index(drop=True)
    planned = found[found["outcome"] == "planned"]
    who = f"{counted(len(found), 'customer')} with {homes_in_words(found['homes'].sum())}"
    some = f"{len(planned):,} of these customers, with {homes_in_words(planned['homes'].sum())}"
    connects = {0: "none of them", len(found): "all of them"}.get(len(planned), some)
    text = _by_count(
        len(found),
        "No customer is passed and not connected.",
        f"{who} is passed and not connected; the plan {'connects it' if len(planned) else 'does not connect it'}.",
        f"{who} are passed and not connected; the plan connects {connects}.",
    )
    return Section("Customers passed and not connected", text, found)


def _to_finish(plan: Plan) -> pd.Series[float]:
    """Return what it takes to connect each customer: its share of the plan, else what its remedy costs."""
    share, remedy = (pd.to_numeric(plan.customers[name]) for name in ("cost_share", "remedy_cost"))
    found: pd.Series[float] = share.where(plan.customers["outcome"] == "planned", remedy)
    return found


def _near_misses(plan: Plan, distance: NDArray[np.float64], near_m: float) -> Section:
    table = plan.customers.assign(homes=new_homes(plan.customers), distance_m=np.round(distance, 1))
    near = table[(table["status"] != "connected") & (distance <= near_m)]
    columns = ["customer_id", *_address(table), "homes", "distance_m", "outcome", "reason", "cost_alone"]
    found = pd.DataFrame(near[columns]).sort_values(["cost_alone", "distance_m", "customer_id"]).reset_index(drop=True)
    where = f"within {near_m:g} m of the existing network"
    text = _by_count(
        len(found),
        f"No customer without a line is {where}.",
        f"1 customer without a line is {where}.",
        f"{len(found):,} customers without a line are {where}, cheapest first.",
    )
    return Section("Near misses", text, found)


def _signed(plan: Plan) -> Section:
    table = plan.customers.assign(homes=new_homes(plan.customers), to_finish=_to_finish(plan))
    waiting = table[_flag(table, "signed") & (table["status"] != "connected").to_numpy()]
    columns = ["customer_id", *_address(table), "homes", "outcome", "reason", "to_finish", "cost_alone", "remedy"]
    found = pd.DataFrame(waiting[columns]).sort_values(["to_finish", "cost_alone", "customer_id"])
    if "signed" not in table:
        return Section("Contracts without a line", "The customers have no column `signed`.", found.iloc[:0])
    text = _by_count(
        len(found),
        "No customer has signed and waits.",
        f"1 customer has signed and waits. {_finished(found, plan)}",
        f"{len(found):,} customers have signed and wait. {_finished(found, plan)}",
    )
    return Section("Contracts without a line", text, found.reset_index(drop=True))


def _finished(waiting: pd.DataFrame, plan: Plan) -> str:
    """Say whom of those who wait the plan connects, for how much, and what the prices of the others hold."""
    planned = (waiting["outcome"] == "planned").to_numpy()
    price = money(float(waiting["to_finish"].to_numpy()[planned].sum()), str(plan.summary.get("currency", "")))
    everybody = agree(len(waiting), "it", "all of them")
    whom = everybody if planned.all() else f"{planned.sum():,} of them"
    connects = f"The plan connects {whom}: {price} of its cost are for that." if planned.any() else _NONE_PLANNED
    others = pd.to_numeric(waiting["to_finish"])[~planned].notna().sum()
    return f"{connects} {_EACH_BY_ITSELF}" if others > 1 else connects


def _ask_now(plan: Plan) -> Section:
    """List who has not signed and lies beside a new trench: what it adds to the plan, and what it costs alone."""
    table = plan.customers.assign(homes=new_homes(plan.customers))
    new = plan.trenches[plan.trenches["kind"] != "drop"]
    beside = np.zeros(len(table), bool)
    within = plan.config.passed_within_m
    beside[shapely.STRtree(new.geometry.to_numpy()).query(_points(table), predicate="dwithin", distance=within)[0]] = (
        True
    )
    asked = beside & ~_flag(table, "signed") & (table["status"] != "connected").to_numpy()
    found = pd.DataFrame(table.loc[asked, ["customer_id", *_address(table), "homes", "outcome"]])
    saves, adds, alone = (
        pd.to_numeric(table.loc[asked, name]) for name in ("marginal_cost", "remedy_cost", "cost_alone")
    )
    found["now"] = saves.where(found["outcome"] == "planned", adds)
    found["later"] = alone
    found["saved"] = (found["later"] - found["now"]).clip(lower=0)
    found = found.sort_values(["saved", "customer_id"], ascending=[False, True]).reset_index(drop=True)
    where = f"within {within:g} m of a new trench"
    prices = (
        "'Now' is what connecting it adds to this plan, 'alone' what it would cost without this plan: "
        "equipment and overhead included."
    )
    text = _by_count(
        len(found),
        f"No customer without a contract lies {where}.",
        f"1 customer without a contract lies {where}: ask while it is open. {prices}",
        f"{len(found):,} customers without a contract lie {where}: ask while it is open. {prices}",
    )
    return Section("Whom to ask while the trench is open", text, found)


def _phases(plan: Plan) -> tuple[Section, ...]:
    table, text = phase_table(plan), "; ".join(phase_notes(plan))
    return () if table.empty else (Section("Phases", f"{text[0].upper()}{text[1:]}.", table),)


def _areas(plan: Plan) -> tuple[Section, ...]:
    """Return what each planning area has and gets, in homes; nothing where no customer has an area."""
    table, left = plan.customers, new_homes(plan.customers)
    if not table["area_id"].notna().any():
        return ()
    units, outcome = table["units"].to_numpy(np.int64), table["outcome"].to_numpy()
    counts = {
        "homes": units,
        "connected today": units - left,
        "connected by the plan": np.where(outcome == "planned", left, 0),
        "left without": np.where(outcome == "unserved", left, 0),
        "cost": pd.to_numeric(table["cost_share"]).fillna(0.0).to_numpy(np.float64),
    }
    area = table["area_id"].astype(object).where(table["area_id"].notna(), "(none)").to_numpy()
    by = pd.DataFrame({"area": area, "customers": 1, **counts}).groupby("area", sort=True)
    found = by.sum().round({"cost": 2}).reset_index()
    found["cost_per_home"] = found["cost"] / found["connected by the plan"].replace(0, np.nan)
    text = (
        "Homes today and with the plan. What several areas use is shared among them: their costs add up to the plan's."
    )
    return (Section("Planning areas", text, found),)


def _notes(plan: Plan) -> tuple[Section, ...]:
    said = "What was guessed, derived, left out or found in the data on the way to this plan."
    return (Section("Notes", said, pd.DataFrame({"note": plan.notes})),) if plan.notes else ()


def _by_count(number: int, none: str, one: str, many: str) -> str:
    """Return the sentence that fits a number."""
    return {0: none, 1: one}.get(number, many)


def _distance_to_existing(plan: Plan) -> NDArray[np.float64]:
    existing = pd.concat([plan.backbone_lines[["role", "geometry"]], plan.backbone_points[["role", "geometry"]]])
    shapes = existing.geometry.to_numpy()[existing["role"].isin(PASSING_ROLES).to_numpy()]
    points = _points(plan.customers)
    distance = np.full(len(points), np.inf)
    usable = np.flatnonzero(~shapely.is_missing(points))
    if len(shapes) and len(usable):
        (row, _), found = shapely.STRtree(shapes).query_nearest(points[usable], return_distance=True, all_matches=False)
        distance[usable[row]] = found
    return distance


def _points(table: gpd.GeoDataFrame) -> NDArray[np.object_]:
    points: NDArray[np.object_] = table.geometry.to_numpy()
    return points


def _flag(table: pd.DataFrame, name: str) -> NDArray[np.bool_]:
    if name not in table:
        return np.zeros(len(table), bool)
    return table[name].astype("boolean").fillna(value=False).to_numpy(bool)


def _address(table: pd.DataFrame) -> list[str]:
    return [name for name in ("street", "housenumber") if name in table and table[name].notna().any()]
