"""Judge whether every limit is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from lastmile_net.counts import counted
from lastmile_net.verify.verdict import Check, Skipped, judge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lastmile_net.verify.files import Run

SLACK_M = 0.001
BESIDE_M = 0.05


def ports_suffice(run: Run) -> Iterator[Check]:
    """Each access point serves as many homes as it says, and no more than it has ports for."""
    points = run.layers["access_points"]
    homes = pd.Series(run.planned["customer_id"].map(run.new_homes).to_numpy(), index=run.planned["access_point_id"])
    served = homes.groupby(level=0).sum()
    unknown = sorted(set(served.index) - set(points["access_point_id"]))
    expected = points["access_point_id"].map(served).fillna(0).to_numpy(np.int64)
    used, free = points["ports_used"].to_numpy(np.int64), points["ports_free"].to_numpy(np.float64)
    wrong = (used != expected) | (np.where(np.isnan(free), np.inf, free) < expected)
    broken = [
        f"{name}: {homes} homes, ports_used {told}, ports_free {room:g}"
        for name, homes, told, room in zip(
            points["access_point_id"][wrong], expected[wrong], used[wrong], free[wrong], strict=True
        )
    ]
    broken += [f"{name}: not among the access points" for name in unknown]
    right = f"{counted(expected.sum(), 'home')} at {counted((expected > 0).sum(), 'access point')}, within the ports"
    yield judge("ports_suffice", right, "ports are counted wrongly or exceeded", broken)


def access_points_exist(run: Run) -> Iterator[Check | Skipped]:
    """Every access point that is used lies on the existing network."""
    if run.setting("pop"):
        yield Skipped("that access points lie on the existing network: the start was given as a coordinate")
        return
    points = run.layers["access_points"]
    used = points[(points["ports_used"] > 0) & (points["status"].fillna("existing") == "existing")]
    existing = np.concatenate([run.layers[name].geometry.to_numpy() for name in ("backbone_lines", "backbone_points")])
    near = shapely.STRtree(existing).query(used.geometry.to_numpy(), predicate="dwithin", distance=BESIDE_M)[0]
    broken = np.delete(used["access_point_id"].to_numpy(), np.unique(near))
    right = f"{counted(len(used), 'access point')} in use, each on the existing network"
    yield judge("access_points_exist", right, "access points lie where nothing is", broken)


def included_come_first(run: Run) -> Iterator[Check]:
    """
    Nobody who must be served waits for a port or for money that somebody has who need not be.

    Ports: those who need not be served at the access point that the remedy names would set free as many as are asked
    for. Money: a coverage or a price per home leaves out nobody who must be served; a budget only where what connecting
    costs on top of the plan does not fit into it.
    """
    table = run.customers
    if "include" not in table:
        return
    included = table["include"].fillna(value=False).astype(bool)
    if "exclude" in table:
        included &= ~table["exclude"].fillna(value=False).astype(bool)
    if not included.any():
        return
    others = table[~included & (table["outcome"] == "planned")]
    homes = others["customer_id"].map(run.new_homes).groupby(others["access_point_id"]).sum()
    left_out = table[included & (table["outcome"] == "unserved")]
    could_go = left_out["remedy_at"].map(homes).fillna(0).to_numpy(np.float64)
    only_money = left_out["remedy_also"].fillna("").astype(str).str.fullmatch("(raise_budget=[^;]*)?")
    alone = (left_out["remedy_code"] == "add_ports") & only_money
    wrong = (left_out["reason"] == "no_free_port") & alone & (could_go >= left_out["remedy_value"])
    budget = run.setting("budget")
    left = np.inf if budget is None else float(budget) - float(run.summary["cost"]["total"])
    wrong |= (left_out["reason"] == "over_budget") & (left_out["remedy_cost"].fillna(np.inf) <= left)
    if budget is None:
        wrong |= left_out["reason"] == "over_budget"
    right = f"{counted(included.sum(), 'customer')} who must be served, before all others"
    yield judge("included_come_first", right, "others were served in the place of", left_out["customer_id"][wrong])


def drops_are_short_enough(run: Run) -> Iterator[Check]:
    """No drop is longer than `max_drop_m`."""
    limit = run.setting("max_drop_m")
    most = np.inf if limit is None else float(limit)
    lengths = run.planned["drop_m"].to_numpy(np.float64)
    dug = np.maximum(run.drops["length_m"].to_numpy(np.float64), shapely.length(run.drops.geometry.to_numpy()))
    broken = [*run.planned["customer_id"][~(lengths <= most + SLACK_M)], *run.drops["trench_id"][dug > most + SLACK_M]]
    yield judge("drops_are_short_enough", f"no drop is longer than {most:g} m", f"drops over {most:g} m", broken)


def routes_are_short_enough(run: Run) -> Iterator[Check | Skipped]:
    """No route is longer than `max_route_m`, nor than `max_stretch` times the shortest; none is shorter than that."""
    length, shortest = (run.planned[name].to_numpy(np.float64) for name in ("route_m", "shortest_m"))
    most = np.inf if run.setting("max_route_m") is None else float(run.setting("max_route_m"))
    stretch = np.inf if run.setting("max_stretch") is None else float(run.setting("max_stretch"))
    told = np.isfinite(shortest)
    if stretch < np.inf and not told.all():
        yield Skipped("`max_stretch`: some customers have no `shortest_m`")
    bent = np.where(told, shortest, np.inf) * stretch if stretch < np.inf else np.inf  # a shortest way may be 0 m
    good = (length <= most + SLACK_M) & (length <= bent + SLACK_M)
    good &= ~told | (length >= np.where(told, shortest, 0) - 2 * SLACK_M)
    limits = [f"{most:g} m"] * (most < np.inf) + [f"{stretch:g} times the shortest"] * (stretch < np.inf)
    within = f"within {' and '.join(limits)}" if limits else "without a limit, none shorter than the shortest"
    right = f"{counted(len(length), 'route')} {within}"
    wrong = "routes are over a limit, or shorter than the shortest"
    yield judge("routes_are_short_enough", right, wrong, run.planned["customer_id"][~good])


def optical_budget_is_kept(run: Run) -> Iterator[Check | Skipped]:
    """Add up the losses of every route anew: up to the access point, back along its line, and on to the premises."""
    optics = run.setting("optical")
    if optics is None:
        return
    points = run.layers["access_points"].drop_duplicates("access_point_id").set_index("access_point_id")
    table = run.planned
    where = table["access_point_id"]
    before, back = (where.map(points[name]).to_numpy(np.float64) for name in ("loss_db", "back_m"))
    metres = table["route_m"].to_numpy(np.float64) + np.nan_to_num(back)
    fixed = sum(optics["splitter_db"][str(ratio)] for ratio in optics["splitters"])
    fixed += optics["connectors"] * optics["connector_db"] + optics["splices"] * optics["splice_db"]
    fixed += optics["bends_db"] + optics["margin_db"]
    every = optics["splice_every_m"]
    joints = 0.0 if every is None else np.floor((metres - SLACK_M) / every) * optics["splice_db"]
    loss = before + fixed + metres / 1000 * optics["fibre_db_per_km"] + joints
    unknown = np.isnan(before)
    good = np.where(unknown, optics["unknown"] == "ignore", loss <= optics["budget_db"] + SLACK_M)
    right = f"{counted((~unknown).sum(), 'route')}, with a loss of at most {optics['budget_db']:g} dB"
    yield judge("optical_budget_is_kept", right, "routes lose more, or nobody knows", table["customer_id"][~good])
    if unknown.any() and optics["unknown"] == "ignore":
        yield Skipped(f"the loss of {counted(unknown.sum(), 'route')}: it is not known up to the access point")
