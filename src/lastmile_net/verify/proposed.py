"""Judge the access points that a plan places anew: kind, place, feed, and whom they serve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from lastmile_net.counts import counted, money
from lastmile_net.verify.files import TOUCH_M
from lastmile_net.verify.verdict import CENT_SLACK, Check, judge

if TYPE_CHECKING:
    from collections.abc import Iterator

    import geopandas as gpd

    from lastmile_net.verify.files import Run

BESIDE_M = 0.05
SLACK_M = 0.05
"""Reach is held against lengths of pieces in whole millimetres."""


def proposed(run: Run) -> gpd.GeoDataFrame:
    """Return the access points that the plan places anew, by name."""
    points = run.layers["access_points"]
    new = points[points["status"].fillna("existing") != "existing"]
    return new.drop_duplicates("access_point_id").set_index("access_point_id", drop=False)


def new_points_are_of_the_catalogue(run: Run) -> Iterator[Check]:
    """Each new access point is asked for, is as its kind (ports, price, role, feeding fibres), and is counted."""
    points = run.layers["access_points"]
    new = proposed(run)
    kinds: dict[str, Any] = (run.setting("cost") or {}).get("access_points", {})
    asked = bool(run.setting("new_access_points"))
    if new.empty and not asked:
        return
    broken = [] if asked else [f"{name} (not asked for)" for name in new.index]
    broken += [f"{name} (twice)" for name in points["access_point_id"][points["access_point_id"].duplicated()]]
    for row in new.itertuples(index=False):
        kind = kinds.get(row.type)
        if kind is None:
            broken.append(f"{row.access_point_id} (no kind '{row.type}')")
            continue
        feeders = -(-kind["ports"] // kind["homes_per_fibre"])
        is_ = (row.status, row.kind, row.ports_free, row.feed_fibres)
        if (
            is_ != ("proposed", kind["role"], kind["ports"], feeders)
            or abs(row.cost - kind["price"]["value"]) > CENT_SLACK
        ):
            broken.append(f"{row.access_point_id} (not as the catalogue has it)")
        if not 0 < row.ports_used <= kind["ports"]:
            broken.append(f"{row.access_point_id} ({row.ports_used} homes on {kind['ports']} ports)")
    counts = {str(name): int(count) for name, count in new["type"].value_counts().items()}
    told = run.summary.get("new_access_points") or {}
    broken += [] if told == counts else [f"new_access_points: {told} in the summary, {counts} in the table"]
    right = f"{counted(len(new), 'new access point')}, each as the catalogue has it"
    yield judge("new_points_are_of_the_catalogue", right, "new access points are not as the catalogue has them", broken)


def new_points_stand_on_streets(run: Run) -> Iterator[Check]:
    """Each new access point stands on a street, or on what is dug along one, at an end of a piece of the plan."""
    new = proposed(run)
    if new.empty:
        return
    along = run.shared[run.shared["kind"].isin(("street", "crossing"))].geometry.to_numpy()
    lines = np.concatenate([run.layers["streets"].geometry.to_numpy(), along])
    on = shapely.STRtree(lines).query(new.geometry.to_numpy(), predicate="dwithin", distance=BESIDE_M)[0]
    stands = np.zeros(len(new), bool)
    stands[on] = True
    pieces = [run.shared, run.reused]
    nodes = {node for table in pieces for end in ("from_node", "to_node") for node in table[end]}
    stands &= new["node"].isin(nodes).to_numpy()
    right = f"{counted(len(new), 'new access point')}, each on a street"
    yield judge("new_points_stand_on_streets", right, "new access points stand beside the streets", new.index[~stands])


def new_points_are_on_the_way(run: Run) -> Iterator[Check]:
    """
    Every route over a new access point passes it where it says, and goes on for no more than its kind reaches.

    The route begins at the existing access point that feeds it.
    """
    new = proposed(run)
    if new.empty or run.routes is None:
        return
    existing = run.layers["access_points"]
    existing = existing[existing["status"].fillna("existing") == "existing"]
    broken = [f"{name} (fed from nowhere)" for name in new.index[~new["fed_from"].isin(existing["access_point_id"])]]
    routes = run.routes[run.routes["access_point_id"].isin(new.index)]
    mine = new.loc[routes["access_point_id"]]
    place = shapely.line_interpolate_point(routes.geometry.to_numpy(), mine["feed_m"].to_numpy(np.float64))
    off = shapely.distance(place, mine.geometry.to_numpy()) > 2 * TOUCH_M
    kinds = (run.setting("cost") or {}).get("access_points", {})
    most = pd.Series({name: kind["max_m"] for name, kind in kinds.items()}, dtype="float64").fillna(np.inf)
    rest = routes["length_m"].to_numpy(np.float64) - mine["feed_m"].to_numpy(np.float64)
    far = rest > mine["type"].map(most).fillna(-np.inf).to_numpy(np.float64) + SLACK_M
    broken += [f"{each} (passes it elsewhere)" for each in routes["customer_id"][off]]
    broken += [f"{each} (out of reach)" for each in routes["customer_id"][far]]
    right = f"{counted(len(routes), 'route')}, each over the new access point of its customer, within its reach"
    yield judge("new_points_are_on_the_way", right, "routes do not lead over their access point", broken)


def fibre_costs_its_price(run: Run) -> Iterator[Check]:
    """
    Price the fibre anew: each customer's own from its access point on, and what feeds new ones.

    Every piece of every route is in whole cents; along a line that is tapped all the way, fibre costs nothing.
    """
    model = run.setting("cost")
    if not model or run.routes is None:
        return
    per_m = model["fibre_cost_per_m"]["value"]
    new = proposed(run)
    feed = new["feed_m"].astype("float64") * new["feed_fibres"].astype("float64")
    told = new["feed_cost"].astype("float64")
    slack = roundings(run)
    wrong = (told - feed * per_m).abs() > CENT_SLACK + slack * new["feed_fibres"].astype("float64")
    broken = [f"{name} (feed)" for name in new.index[wrong]]
    ways = run.planned.drop_duplicates("customer_id")
    own = ways["route_m"] - ways["access_point_id"].map(new["feed_m"].astype("float64")).fillna(0.0)
    metres = float(own.sum())
    most = metres * per_m + float(told.sum()) + slack * len(ways)
    least = 0.0 if along_tapped_lines(run) else metres * per_m + float(told.sum()) - slack * len(ways)
    paid = run.summary["cost"]["fibre"]
    if not least - CENT_SLACK <= paid <= most + CENT_SLACK:
        broken.append(f"{paid} in the summary, {metres:.0f} m and {told.sum():.2f} for feeds by the tables")
    right = f"{metres:,.0f} m of fibre, and the feeds of {counted(len(new), 'access point')}, cost {money(paid)}"
    yield judge("fibre_costs_its_price", right, "fibre does not cost what its price says", broken)


def along_tapped_lines(run: Run) -> bool:
    """Return whether routes run along lines that are tapped all the way, as far as one can see: by role and price."""
    lines = run.layers["backbone_lines"].drop_duplicates("backbone_id").set_index("backbone_id")["role"]
    role = run.reused["backbone_id"].map(lines).fillna("distribution")
    free = (run.reused["cost"] == 0) & role.isin(run.setting("tap_roles") or [])
    return bool(free.any()) and run.setting("tap") != "points"


def roundings(run: Run) -> float:
    """Return what whole cents make of one route at most: half a cent for each of as many pieces as a route may have."""
    assert run.routes is not None
    corners = shapely.get_num_coordinates(run.routes.geometry.to_numpy())
    return 0.005 * float(corners.max(initial=0))
