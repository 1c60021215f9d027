"""Judge whether the phases tell what is built, spent and connected in each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lastmile_net.counts import counted, homes, money
from lastmile_net.verify.proposed import along_tapped_lines, proposed, roundings
from lastmile_net.verify.routes import pieces_of_routes
from lastmile_net.verify.verdict import CENT_SLACK, Check, Skipped, judge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from lastmile_net.verify.files import Run

METRE = 0.002


def phases_agree(run: Run) -> Iterator[Check | Skipped]:
    """
    Add up customers, homes, metres and money of each phase anew.

    No trench comes in another phase than the first customer who needs it; no budget is overdrawn by a phase that
    connects somebody, with what the phases before have left; what a phase costs is in reach of the prices of its
    pieces, and the costs end with the plan's.
    """
    told = run.summary.get("phases")
    if not told:
        if run.customers["phase"].notna().any():
            yield Skipped("what each phase costs and connects: the run is of a version that did not tell")
        return
    broken = [*_counts(run, told), *_turns(run), *_sums(run, told), *_budgets(run, told), *_along_the_curve(run, told)]
    if run.routes is None or not run.setting("cost"):
        yield Skipped("what each phase costs by its pieces: the run has no routes, or no prices")
    elif not broken:
        broken += _by_pieces(run, told)
    last = told[-1]
    right = f"{counted(len(told), 'phase')}: in all {money(last['cost_so_far'])} for {homes(last['units_so_far'])}"
    yield judge("phases_agree", right, "the phases are not those of the tables", broken)


def _counts(run: Run, told: list[dict[str, Any]]) -> Iterator[str]:
    """Compare customers, homes and metres with those of the tables; no phase of the settings may be left out."""
    asked = run.setting("phases") or {}
    least = max(len(asked.get("budgets") or ()), len(asked.get("areas") or ()))
    if len(told) < least:
        yield f"{counted(len(told), 'phase')}, {least} in the settings"
    mine, trenches = run.planned, run.layers["trenches"]
    homes = mine["customer_id"].map(run.new_homes).groupby(mine["phase"]).sum()
    count = mine.groupby("phase").size()
    metres = trenches.groupby("phase")["length_m"].sum()
    so_far = 0
    for number, phase in enumerate(told, start=1):
        so_far += int(homes.get(number, 0))
        found = {"phase": number, "customers": count.get(number, 0), "units": homes.get(number, 0)}
        found |= {"units_so_far": so_far}
        yield from (
            f"phase {number}: {name} {phase[name]}, {value} by the tables"
            for name, value in found.items()
            if phase[name] != value
        )
        if abs(phase["trench_m"] - metres.get(number, 0.0)) > METRE:
            yield f"phase {number}: trench_m {phase['trench_m']}, {metres.get(number, 0.0):.3f} by the tables"
    out = pd.concat([mine["phase"], trenches["phase"]]).fillna(0)
    if not out.between(1, len(told)).all():
        yield "rows in none of the phases"


def _turns(run: Run) -> Iterator[str]:
    """Name trenches whose phase is not that of the rank they are dug at; what is dug in any case comes first."""
    of_rank = dict(zip(run.planned["build_order"], run.planned["phase"], strict=True)) | {0: 1}
    trenches = run.layers["trenches"]
    wrong = trenches["build_order"].map(of_rank) != trenches["phase"]
    yield from (f"trench {each}" for each in trenches["trench_id"][wrong.fillna(value=True)])
    if not run.planned.sort_values("build_order")["phase"].is_monotonic_increasing:
        yield "phases go back and forth in the order of building"


def _sums(run: Run, told: list[dict[str, Any]]) -> Iterator[str]:
    cents = 0
    for phase in told:
        cents += round(phase["cost"] * 100)
        if cents != round(phase["cost_so_far"] * 100):
            yield f"phase {phase['phase']}: cost_so_far {phase['cost_so_far']:.2f}, not {cents / 100:.2f}"
    if cents != round(run.summary["cost"]["total"] * 100):
        yield f"the phases cost {cents / 100:.2f}, the plan {run.summary['cost']['total']:.2f}"


def _budgets(run: Run, told: list[dict[str, Any]]) -> Iterator[str]:
    """Hold the budgets against the settings, and the money spent against them; each has a rounding of its own."""
    given = (run.setting("phases") or {}).get("budgets") or []
    for number, phase in enumerate(told):
        budget = given[number] if number < len(given) else None
        if phase["budget"] != budget:
            yield f"phase {number + 1}: budget {phase['budget']}, {budget} in the settings"
        most = sum(given[: number + 1])
        if budget is not None and phase["units"] and phase["cost_so_far"] > most + CENT_SLACK * (number + 1):
            yield f"phase {number + 1}: {phase['cost_so_far']:.2f} spent, the budgets so far are {most:.2f}"


def _along_the_curve(run: Run, told: list[dict[str, Any]]) -> Iterator[str]:
    """Compare what is spent at the end of each phase with the curve."""
    path = run.folder / "curve.csv"
    if not path.is_file():
        return
    cost = pd.read_csv(path)["cost"]
    end = np.cumsum([phase["customers"] for phase in told])
    for phase, row in zip(told, end.tolist(), strict=True):
        if row >= len(cost) or abs(cost.iloc[row] - phase["cost_so_far"]) > CENT_SLACK:
            yield f"phase {phase['phase']}: cost_so_far {phase['cost_so_far']:.2f} is not on the curve"


def _by_pieces(run: Run, told: list[dict[str, Any]]) -> Iterator[str]:
    """Price the pieces of each phase: what is dug, reused and set up for it, and the fibre of its customers."""
    model, trenches, mine = run.setting("cost"), run.layers["trenches"], run.planned
    size, phase = len(told) + 1, mine["phase"].to_numpy(np.int64)
    net = np.bincount(trenches["phase"].to_numpy(np.int64), weights=trenches["cost"], minlength=size)
    net += np.bincount(_first_phase_of_reused(run, size - 1), weights=run.reused["cost"], minlength=size)
    net += np.bincount(phase, weights=_set_up(run, model), minlength=size)
    feed_m = proposed(run)["feed_m"].astype("float64")
    metres = mine["route_m"] - mine["access_point_id"].map(feed_m).fillna(0.0)
    fibre = np.bincount(phase, weights=metres * model["fibre_cost_per_m"]["value"], minlength=size)
    slack = CENT_SLACK + np.bincount(phase, minlength=size) * (roundings(run) + CENT_SLACK)
    least, most = net + (0.0 if along_tapped_lines(run) else fibre) - slack, net + fibre + slack
    overhead = 1 + model["overhead_percent"] / 100
    for number, each in enumerate(told, start=1):
        if not least[number] * overhead <= each["cost"] <= most[number] * overhead:
            bounds = f"{least[number] * overhead:.2f} to {most[number] * overhead:.2f}"
            yield f"phase {number}: cost {each['cost']:.2f}, {bounds} by its pieces"


def _first_phase_of_reused(run: Run, last: int) -> NDArray[np.int64]:
    """Return the phase of the first customer whose route runs over each existing piece."""
    assert run.routes is not None
    uses, start = pieces_of_routes(run), len(run.shared)
    turn = dict(zip(run.planned["customer_id"], run.planned["phase"], strict=True))
    first = np.full(start + len(run.reused) + len(run.drops), last, np.int64)
    np.minimum.at(first, uses.piece, run.routes["customer_id"].map(turn).to_numpy(np.int64)[uses.route])
    return first[start : start + len(run.reused)]


def _set_up(run: Run, model: dict[str, Any]) -> pd.Series[float]:
    """Return what each planned customer needs, and its homes' part of an access point that is placed anew."""
    homes = run.planned["customer_id"].map(run.new_homes)
    new = proposed(run)
    each = (new["cost"].astype("float64") + new["feed_cost"].astype("float64")) / new["ports_used"].astype("float64")
    cost: pd.Series[float] = homes * run.planned["access_point_id"].map(each).fillna(0.0)
    for price in model.get("equipment", {}).values():
        cost += round(price["value"], 2) * (homes if price["unit"] == "home" else 1)
    return cost
