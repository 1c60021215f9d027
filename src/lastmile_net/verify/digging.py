"""Judge whether each metre is dug once, on a street, and whether the money adds up."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyproj
import shapely

from lastmile_net.counts import counted, money, percent
from lastmile_net.verify.files import TOUCH_M
from lastmile_net.verify.verdict import Check, Skipped, judge

if TYPE_CHECKING:
    from collections.abc import Iterator

    import geopandas as gpd
    from numpy.typing import NDArray

    from lastmile_net.verify.files import Run

PARTS = ("trench", "drop", "reuse", "fibre", "equipment", "overhead")
OVERLAP_M = 0.1
BESIDE_M = 0.05
STRETCH = 0.01
"""Lengths in a metric CRS may be off by this share of the truth (inclusive)."""


def metres_are_dug_once(run: Run) -> Iterator[Check]:
    """No piece is there twice, and no two pieces on one side of a street lie on each other."""
    trenches = run.layers["trenches"]
    ids = trenches["trench_id"]
    twice = set(ids[ids.duplicated() | ids.isna()].astype(str))
    lines, side = run.shared.geometry.to_numpy(), run.shared["side"].fillna("").to_numpy(str)
    left, right = shapely.STRtree(lines).query(lines, predicate="intersects")
    pair = (left < right) & (side[left] == side[right])
    left, right = left[pair], right[pair]
    common = shapely.length(shapely.intersection(lines[left], lines[right]))
    names = run.shared["trench_id"].to_numpy()
    over = np.flatnonzero(common > OVERLAP_M)
    twice |= {f"{names[left[k]]} and {names[right[k]]} ({common[k]:.1f} m)" for k in over}
    text = f"{counted(len(trenches), 'piece')}, none on another"
    yield judge("metres_are_dug_once", text, "metres are dug twice", sorted(twice))


def lengths_are_those_of_the_lines(run: Run) -> Iterator[Check]:
    """`length_m` is the length of the geometry everywhere, and `trench_m` their sum."""
    broken = []
    for name, key in (("trenches", "trench_id"), ("reused", "backbone_id"), ("routes", "customer_id")):
        table = run.layers.get(name)
        if table is not None and len(table):
            broken += [
                f"{name} {each}" for each in table[key][~_near(table["length_m"], shapely.length(_shapes(table)))]
            ]
    drops = run.planned.merge(run.drops[["to_node", "length_m"]], left_on="customer_id", right_on="to_node")
    broken += [f"drop_m {each}" for each in drops["customer_id"][~_near(drops["drop_m"], drops["length_m"])]]
    if run.routes is not None:
        routed = run.planned.merge(run.routes[["customer_id", "length_m"]], on="customer_id")
        broken += [f"route_m {each}" for each in routed["customer_id"][~_near(routed["route_m"], routed["length_m"])]]
    dug, told = float(run.layers["trenches"]["length_m"].sum()), run.summary.get("trench_m")
    if told is None or not math.isclose(told, dug, rel_tol=1e-6, abs_tol=0.5):
        broken.append(f"trench_m: {told} in the summary, {dug:.3f} in the table")
    yield judge("lengths_are_those_of_the_lines", f"{dug:,.1f} m are dug", "lengths are not those of the lines", broken)


def lengths_are_those_on_earth(run: Run) -> Iterator[Check]:
    """`length_m` of what is dug and reused is, but for what a metric CRS may stretch, its length on the ellipsoid."""
    broken, metres = [], 0.0
    for name, key in (("trenches", "trench_id"), ("reused", "backbone_id")):
        table = run.layers[name]
        real, told = _geodesic_m(table), table["length_m"].to_numpy(np.float64)
        far = ~(np.abs(told - real) <= STRETCH * real + TOUCH_M)
        broken += [
            f"{name} {each}: {length:.2f} m, on earth {true:.2f} m"
            for each, length, true in zip(table[key][far], told[far], real[far], strict=True)
        ]
        metres += float(real.sum())
    right = f"{metres:,.1f} m on earth, reused pieces among them, no piece off by more than {percent(STRETCH, 0)}"
    yield judge("lengths_are_those_on_earth", right, "lengths are not those on earth", broken)


def _geodesic_m(table: gpd.GeoDataFrame) -> NDArray[np.float64]:
    """Return the length of each line on the ellipsoid."""
    lonlat = table.geometry.to_crs(4326).to_numpy()
    (lon, lat), line = shapely.get_coordinates(lonlat).T, shapely.get_coordinates(lonlat, return_index=True)[1]
    same = line[1:] == line[:-1]
    _, _, metres = pyproj.Geod(ellps="WGS84").inv(lon[:-1], lat[:-1], lon[1:], lat[1:])
    length: NDArray[np.float64] = np.bincount(line[1:][same], np.asarray(metres)[same], len(table)).astype(np.float64)
    return length


def costs_add_up(run: Run) -> Iterator[Check]:
    """Add up the tables to the parts, and the parts to the total, to the cent."""
    cost = run.summary["cost"]
    sums = {
        "trench": run.shared["cost"].sum(),
        "drop": run.drops["cost"].sum(),
        "reuse": run.reused["cost"].sum(),
        "total": sum(cost[part] for part in PARTS),
    }
    model = run.setting("cost") or {}
    if "overhead_percent" in model:
        rest = sum(cost[part] for part in PARTS if part != "overhead")
        sums["overhead"] = math.floor(rest * model["overhead_percent"] + 0.5 + 1e-6) / 100
    if "equipment" in model:
        sums["equipment"] = _equipment(run, model["equipment"])
    broken = [
        f"{part}: {cost[part]} in the summary, {value:.2f} by the tables"
        for part, value in sums.items()
        if _cents(cost[part]) != _cents(value)
    ]
    broken += [f"{part}: negative" for part in PARTS if cost[part] < 0]
    right = f"parts and tables add up to {money(cost['total'], str(run.summary.get('currency', '')))}"
    yield judge("costs_add_up", right, "the money does not add up", broken)


def bill_agrees(run: Run) -> Iterator[Check | Skipped]:
    """Add up the bill of materials to the parts of the cost, to the cent."""
    path = run.folder / "bom.csv"
    if not path.is_file():
        yield Skipped("the bill of materials: the run has no bom.csv")
        return
    bill = pd.read_csv(path)
    cents = (bill["amount"] * 100).round().groupby(bill["part"]).sum()
    broken = [
        f"{part}: {run.summary['cost'][part]} in the summary, {cents.get(part, 0) / 100:.2f} in the bill"
        for part in PARTS
        if _cents(run.summary["cost"][part]) != int(cents.get(part, 0))
    ]
    each = (bill["quantity"] * bill["price"] / np.where(bill["unit"] == "%", 100, 1) - bill["amount"]).abs()
    broken += list(bill["item"][~(each < 0.0051)])
    right = f"the bill adds up to the cost: {counted(len(bill), 'item')}"
    yield judge("bill_agrees", right, "the bill of materials does not add up", broken)


def bound_is_below_cost(run: Run) -> Iterator[Check]:
    """Compare lower bound, cost and gap."""
    cost, bound, gap = run.summary["cost"]["total"], run.summary.get("lower_bound"), run.summary.get("gap")
    broken = []
    if bound is None or not 0 <= bound <= cost + 0.005:
        broken.append(f"lower_bound {bound}, cost {cost}")
    elif bound > 0 and (gap is None or not math.isclose(gap, cost / bound - 1, rel_tol=1e-4, abs_tol=1e-6)):
        broken.append(f"gap {gap}, but cost / lower_bound - 1 is {cost / bound - 1:.6f}")
    elif bound == 0 and gap not in ((0, None) if cost == 0 else (None,)):
        broken.append(f"gap {gap} without a bound")
    yield judge(
        "bound_is_below_cost", f"bound {money(bound)} <= cost {money(cost)}", "bound and cost do not fit", broken
    )


def new_lies_on_streets(run: Run) -> Iterator[Check]:
    """Pieces dug along streets lie on the streets that were read, drops aside."""
    along = run.shared[(run.shared["kind"] == "street") & run.shared["side"].isna()]
    broken = along["trench_id"].to_numpy()[~_on_lines(along, run.layers["streets"])]
    right = f"{counted(len(along), 'piece')}, each on a street"
    yield judge("new_lies_on_streets", right, "pieces lie on no street", broken)


def reused_lies_on_backbone(run: Run) -> Iterator[Check | Skipped]:
    """Pieces that are reused lie on the line that they are said to be a piece of."""
    lines = run.layers["backbone_lines"].drop_duplicates("backbone_id").set_index("backbone_id").geometry
    known = run.reused["backbone_id"].isin(lines.index).to_numpy()
    pieces = run.reused[known]
    far = np.zeros(len(run.reused), bool)
    if len(pieces):
        middle = shapely.line_interpolate_point(_shapes(pieces), 0.5, normalized=True)
        far[known] = shapely.distance(middle, lines.loc[pieces["backbone_id"]].to_numpy()) > BESIDE_M
    broken = run.reused["backbone_id"].to_numpy()[far | ~known]
    right = f"{counted(len(run.reused), 'reused piece')}, each on an existing line"
    yield judge("reused_lies_on_backbone", right, "reused pieces lie on no such line", broken)
    yield from _spare_homes(run)


def _spare_homes(run: Run) -> Iterator[Check | Skipped]:
    lines = run.layers["backbone_lines"]
    free = pd.Series(lines["units_free"].to_numpy(np.float64), index=lines["backbone_id"])
    free = free[~free.index.duplicated()].dropna()
    most = run.reused.groupby("backbone_id")["units"].max()
    both = most.index.intersection(free.index)
    broken = both[most[both].to_numpy(np.float64) > free[both].to_numpy(np.float64)]
    right = f"{counted(len(both), 'line')} of known spare capacity, none with more than that"
    yield judge("spare_capacity_suffices", right, "existing lines carry more homes than they have room for", broken)


def _equipment(run: Run, prices: dict[str, dict[str, Any]]) -> float:
    homes, customers = sum(run.new_homes.values()), len(run.new_homes)
    cents = [
        math.floor(price["value"] * 100 + 0.5 + 1e-7) * (homes if price["unit"] == "home" else customers)
        for price in prices.values()
    ]
    cents += [round(price * 100) for price in run.layers["access_points"]["cost"].dropna()]
    return float(sum(cents)) / 100


def _on_lines(pieces: gpd.GeoDataFrame, lines: gpd.GeoDataFrame) -> NDArray[np.bool_]:
    """Return which pieces have a line of the other table beneath their quarter points."""
    good = np.ones(len(pieces), bool)
    tree = shapely.STRtree(lines.geometry.to_numpy())
    for part in (0.25, 0.5, 0.75):
        points = shapely.line_interpolate_point(_shapes(pieces), part, normalized=True)
        hit = np.zeros(len(pieces), bool)
        hit[tree.query(points, predicate="dwithin", distance=BESIDE_M)[0]] = True
        good &= hit
    return good


def _shapes(table: gpd.GeoDataFrame) -> NDArray[np.object_]:
    shapes: NDArray[np.object_] = table.geometry.to_numpy()
    return shapes


def _near(told: pd.Series, measured: NDArray[np.float64] | pd.Series) -> NDArray[np.bool_]:
    near: NDArray[np.bool_] = np.isclose(told.to_numpy(np.float64), np.asarray(measured), rtol=1e-6, atol=TOUCH_M)
    return near


def _cents(money: float) -> int:
    return round(money * 100)
