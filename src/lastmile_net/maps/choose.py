"""What of a plan is drawn: whose customers, which area with what lies beside it, which points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import shapely

from lastmile_net.errors import DataError, Fault
from lastmile_net.maps.symbols import LINE_SYMBOLS
from lastmile_net.schema import REASONS

if TYPE_CHECKING:
    from collections.abc import Callable

    import geopandas as gpd
    from numpy.typing import NDArray

    from lastmile_net.plan.result import Plan

Only = Literal["gaps", "planned", "existing"]

BESIDE_AREA_M = 150.0
BESIDE = "_beside"
"""Column of a table on the map of one area: whether a row only lies beside it, drawn but not counted."""

MOST_AREAS = 20
"""Areas that an error names."""

NO_AREAS = (
    "Give the customers a column `area_id`, or name yours in `lastmile.toml` ([mapping.customers] area_id = "
    '"YOUR_COLUMN"), plan again, and ask for one of its values; or leave `--area` out.'
)


def check_wishes(plan: Plan, only: Only | None, area: str | None) -> None:
    """Refuse what cannot be drawn: raises a `DataError` that names it."""
    faults = []
    if only is not None and only not in get_args(Only):
        faults.append(Fault(f"cannot draw only '{only}'", f"Known are {', '.join(get_args(Only))}.", setting="only"))
    known = sorted(plan.customers["area_id"].dropna().astype(str).unique())
    if area is not None and area not in known:
        what = (
            f"there is no area '{area}'"
            if known
            else f"there is no area '{area}', nor any other: nobody has an `area_id`"
        )
        faults.append(Fault(what, f"Areas are {', '.join(known[:MOST_AREAS])}." if known else NO_AREAS, setting="area"))
    if faults:
        raise DataError(faults)
    areas = _drawn_areas(plan, only)
    if area is not None and area not in areas:
        what = f"area '{area}' has no customer to draw" + (f" with only '{only}'" if only else "")
        cure = f"Areas that have are {', '.join(areas[:MOST_AREAS])}." if areas else "No area has."
        raise DataError([Fault(what, cure, setting="area")])


def _drawn_areas(plan: Plan, only: Only | None) -> list[str]:
    """Return the areas that have customers with a place among those that are to be drawn."""
    drawn = only_these(plan.customers, only)
    placed = ~(drawn.geometry.isna() | drawn.geometry.is_empty)
    return sorted(drawn["area_id"][placed].dropna().astype(str).unique())


def classed_customers(table: gpd.GeoDataFrame, area: str | None) -> gpd.GeoDataFrame:
    """Return the customers of an area, or all; `_class` is what each one shows: its outcome, or the reason."""
    if area is not None:
        table = table[_of_area(table, area)]
    outcome, reason = table["outcome"].astype(object), table["reason"].astype(object)
    known = reason.where(reason.isin(list(REASONS)), "unserved")
    return table.assign(_class=outcome.where(outcome != "unserved", known))


def only_these(people: gpd.GeoDataFrame, only: Only | None) -> gpd.GeoDataFrame:
    """Return the customers that are to be drawn."""
    return people if only is None else people[people["outcome"] == {"gaps": "unserved"}.get(only, only)]


def beside(plan: Plan, drawn: gpd.GeoDataFrame, area: str | None) -> Callable[[gpd.GeoDataFrame], gpd.GeoDataFrame]:
    """
    Return what keeps of a table the rows near the drawn customers of an area, and marks those only beside it.

    Of the area is what has one of the area's customers as the nearest to its middle, and the drops of its customers:
    what is counted for one area is counted for no other. All rows are kept, unmarked, if no area was asked for.
    """
    if area is None:
        return lambda table: table
    points = drawn.geometry.to_numpy()
    hull = shapely.convex_hull(shapely.union_all(points[~shapely.is_missing(points)])).buffer(BESIDE_AREA_M)
    shapely.prepare(hull)
    everybody = plan.customers
    here = _of_area(everybody, area)
    names = everybody["customer_id"][here]

    def near(table: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
        table = table[shapely.intersects(table.geometry.to_numpy(), hull)]
        middles = shapely.centroid(table.geometry.to_numpy())
        apart = _distance(middles, everybody[here]) > _distance(middles, everybody[~here])
        if {"kind", "to_node"} <= set(table):
            apart = np.where(table["kind"] == "drop", ~table["to_node"].isin(names), apart)
        return table.assign(**{BESIDE: apart})

    return near


def _of_area(customers: gpd.GeoDataFrame, area: str) -> NDArray[np.bool_]:
    here: NDArray[np.bool_] = (customers["area_id"].astype("string") == area).fillna(False).to_numpy(bool)
    return here


def _distance(points: NDArray[np.object_], customers: gpd.GeoDataFrame) -> NDArray[np.float64]:
    """Return how far each point is from the nearest of these customers; infinitely, where there are none."""
    far = np.full(len(points), np.inf)
    (row, _), metres = shapely.STRtree(customers.geometry.to_numpy()).query_nearest(
        points, all_matches=False, return_distance=True
    )
    far[row] = metres
    return far


def access_class(points: gpd.GeoDataFrame) -> NDArray[np.object_]:
    """Return for each access point whether it is a tap on a line, new, used or idle, as `ACCESS_SYMBOLS` names it."""
    used = np.where(points["ports_used"] > 0, "access_used", "access_idle").astype(object)
    is_new = (points["status"] == "proposed").to_numpy(bool) if "status" in points else np.zeros(len(points), bool)
    on_line = points["kind"].isin(list(LINE_SYMBOLS)).to_numpy(bool)
    found: NDArray[np.object_] = np.where(on_line, "taps", np.where(is_new, "access_new", used)).astype(object)
    return found


def idle_points(plan: Plan) -> gpd.GeoDataFrame:
    """Return the existing points at which the plan neither connects anybody nor could."""
    points = plan.backbone_points
    return points[~points["backbone_id"].isin(plan.access_points["access_point_id"])]
