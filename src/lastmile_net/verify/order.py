"""Judge whether it can be built in the order given, and whether the customers' shares add up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lastmile_net.counts import counted, money
from lastmile_net.verify.routes import pieces_of_routes
from lastmile_net.verify.verdict import Check, Skipped, judge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lastmile_net.verify.files import Run

CENT = 0.01


def building_order_is_nested(run: Run) -> Iterator[Check | Skipped]:
    """
    Any first part of the building order is a plan of its own.

    Every planned customer and every trench has a rank, and trenches are dug in the order in which customers first need
    them: no trench that an earlier customer needs comes after one that only later customers need.
    """
    customers, trenches = run.customers, run.layers["trenches"]
    if not customers["build_order"].notna().any() and not trenches["build_order"].notna().any():
        return
    if run.routes is None:
        yield Skipped("the building order: the run has no routes")
        return
    planned = customers["outcome"] == "planned"
    ranked = customers["build_order"].notna()
    broken = [f"customer {each}" for each in customers["customer_id"][planned != ranked]]
    broken += [f"trench {each}" for each in trenches["trench_id"][trenches["build_order"].isna()]]
    rank = dict(zip(customers["customer_id"], customers["build_order"].to_numpy(np.float64), strict=True))
    uses = pieces_of_routes(run)
    first = np.full(len(run.shared) + len(run.reused) + len(run.drops), np.inf)
    np.fmin.at(first, uses.piece, run.routes["customer_id"].map(rank).to_numpy(np.float64)[uses.route])
    needed = np.concatenate([first[: len(run.shared)], first[len(run.shared) + len(run.reused) :]])
    dug = pd.concat([run.shared, run.drops]).assign(first=needed)
    dug = dug[np.isfinite(needed) & (dug["build_order"].fillna(0) > 0)]  # 0: built in any case, before anybody
    late = dug.groupby("build_order")["first"].agg(["min", "max"])
    before = late["max"].cummax().shift(fill_value=-np.inf)
    wrong = late.index[(late["min"] < before).to_numpy()]
    early = dug["build_order"].isin(wrong) & dug["first"].lt(dug["build_order"].map(before))
    broken += [f"trench {each}" for each in dug["trench_id"][early]]
    built = f"{counted(ranked.sum(), 'customer')} and {counted(len(trenches), 'piece')}"
    right = f"{built} in an order of which any first part stands alone"
    yield judge("building_order_is_nested", right, "trenches are dug after they are needed, or have no rank", broken)


def aim_is_met(run: Run) -> Iterator[Check]:
    """
    Hold the plan against what it was asked for.

    A budget is kept, a coverage is reached or the summary says that it is `missed`, and the bound is above the homes.
    """
    aim = run.summary.get("aim")
    if not aim:
        return
    homes, cost = run.summary["units"], run.summary["cost"]["total"]
    broken = []
    if aim["aim"] == "budget" and cost > run.setting("budget") + CENT / 2:
        broken.append(f"the plan costs {cost:.2f}, the budget is {run.setting('budget'):.2f}")
    if aim["prize"] == "units" and not homes["planned"] == aim["gain"] <= aim["most_gain"]:
        broken.append(f"{homes['planned']} homes are planned, {aim['gain']} are told, {aim['most_gain']} is the bound")
    if not aim["least_cost"] <= aim["cost"] + CENT / 2:
        broken.append(f"the least cost {aim['least_cost']:.2f} is above the cost {aim['cost']:.2f}")
    if abs(aim["cost"] - cost) > CENT / 2:
        broken.append(f"the aim tells a cost of {aim['cost']:.2f}, the plan costs {cost:.2f}")
    right = f"{aim['aim']}: {aim['gain']:,} for {money(cost)}"
    wanted = aim.get("wanted_gain", 0)
    if aim.get("missed", False) != (aim["gain"] < wanted):
        said = "does not say that it is missed" if aim["gain"] < wanted else "says that it is missed"
        broken.append(f"{aim['gain']:,} are connected, {wanted:,} were asked for, and the summary {said}")
    if aim["gain"] < wanted:
        end = "cannot be" if aim.get("reachable_gain", wanted) < wanted else "are not"
        right += f"; the {wanted:,} asked for {end} reached, as the run says"
    yield judge("aim_is_met", right, "the plan misses its aim", broken)


def curve_agrees(run: Run) -> Iterator[Check]:
    """Follow the curve along the building order: it starts with nothing, never falls, and ends with the plan."""
    path = run.folder / "curve.csv"
    ranked = run.customers[run.customers["build_order"].notna()]
    if not path.is_file() or ranked.empty:
        return
    curve = pd.read_csv(path)
    broken = [f"{name} falls" for name in ("cost", "units") if (curve[name].diff() < 0).any()]
    if (curve["upper_bound"] < curve["units"]).any():
        broken.append("more homes are connected than the bound allows")
    end, total = curve.iloc[-1], run.summary["cost"]["total"]
    if abs(end["cost"] - total) > CENT / 2 or end["units"] != run.summary["units"]["planned"]:
        broken.append(f"it ends at {end['cost']:.2f} with {end['units']} homes, the plan at {total:.2f}")
    if len(curve) != len(ranked) + 1:
        broken.append(f"{counted(len(curve), 'row')} for {counted(len(ranked), 'customer')} and the start")
    right = f"the curve leads to the plan in {counted(len(curve) - 1, 'step')}"
    yield judge("curve_agrees", right, "the curve is another plan's", broken)


def shares_add_up(run: Run) -> Iterator[Check]:
    """Add up the customers' shares to the total cost, to the cent."""
    share = run.customers["cost_share"]
    if not share.notna().any():
        return
    planned = run.customers["outcome"] == "planned"
    broken = [str(each) for each in run.customers["customer_id"][planned != (share.notna() & ((share != 0) | planned))]]
    total, told = round(float(share.sum()) * 100), round(run.summary["cost"]["total"] * 100)
    if total != told:
        broken.append(f"the shares add up to {total / 100:.2f}, not to {told / 100:.2f}")
    yield judge("shares_add_up", f"shares add up to {money(told / 100)}", "shares do not add up", broken)
