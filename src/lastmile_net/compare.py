"""What has changed between two runs: customers, trenches, money."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.plan.result import Plan

MM = 0.001
ROUTE_M = 0.01


@dataclass(frozen=True, eq=False)
class Comparison:
    """
    The difference of two plans.

    Parameters
    ----------
    customers
        One row per customer whose row changed: `customer_id`, `change` (`added`, `removed`, `gained`, `lost`,
        `rerouted`, `reason`), outcome, reason and access point `_before` and `_after`, and the point.
    trenches
        One row per piece dug in one of the two only: `change` (`added`, `removed`), `kind`, `length_m`, `cost`, line.
    cost
        One row per part of the cost and for trench metres and homes: `before`, `after`, `difference`.
    counts
        Customers by change, and trenches and metres added, removed and kept.
    """

    customers: gpd.GeoDataFrame
    trenches: gpd.GeoDataFrame
    cost: pd.DataFrame
    counts: dict[str, float]

    def __str__(self) -> str:
        rows = [f"{name.replace('_', ' ')}: {value:,.10g}" for name, value in self.counts.items()]
        return "\n".join([*rows, "", self.cost.to_string(index=False, float_format=lambda number: f"{number:,.2f}")])


def compare(before: Plan, after: Plan) -> Comparison:
    """
    Say what changed from one plan to another.

    Customers are the same where their ids are; pieces where their lines are, to the millimetre and in either direction.

    Parameters
    ----------
    before, after
        Two plans, or runs that have been read back. The second is projected to the CRS of the first.
    """
    customers = _customers(before, after)
    trenches, kept = _trenches(before, after)
    counts: dict[str, float] = {
        f"customers_{change}": int((customers["change"] == change).sum())
        for change in ("added", "removed", "gained", "lost", "rerouted", "reason")
    }
    for change in ("added", "removed"):
        rows = trenches[trenches["change"] == change]
        counts |= {f"trenches_{change}": len(rows), f"metres_{change}": round(float(rows["length_m"].sum()), 1)}
    counts |= {"trenches_kept": len(kept), "metres_kept": round(float(kept["length_m"].sum()), 1)}
    return Comparison(customers, trenches, _cost(before, after), counts)


def _customers(before: Plan, after: Plan) -> gpd.GeoDataFrame:
    columns = ["customer_id", "outcome", "reason", "access_point_id", "route_m", "geometry"]
    both = pd.DataFrame(before.customers[columns]).merge(
        pd.DataFrame(after.customers[columns].to_crs(before.customers.crs)),
        on="customer_id",
        how="outer",
        suffixes=("_before", "_after"),
        indicator=True,
    )
    both["change"] = _change(both)
    shape = both["geometry_after"].where(both["_merge"] != "left_only", both["geometry_before"])
    told = [f"{name}_{when}" for name in ("outcome", "reason", "access_point_id") for when in ("before", "after")]
    found = gpd.GeoDataFrame(both[["customer_id", "change", *told]], geometry=shape.array, crs=before.customers.crs)
    return found[found["change"] != ""].sort_values("customer_id").reset_index(drop=True)


def _change(both: pd.DataFrame) -> NDArray[np.object_]:
    served = {when: both[f"outcome_{when}"].isin(["existing", "planned"]) for when in ("before", "after")}
    longer = pd.to_numeric(both["route_m_after"]) - pd.to_numeric(both["route_m_before"])
    other = _differ(both, "access_point_id") | _differ(both, "outcome") | (longer.abs() > ROUTE_M)
    cases = {
        "added": both["_merge"] == "right_only",
        "removed": both["_merge"] == "left_only",
        "gained": ~served["before"] & served["after"],
        "lost": served["before"] & ~served["after"],
        "rerouted": served["before"] & served["after"] & other,
        "reason": _differ(both, "reason"),
    }
    return np.select([case.to_numpy(bool) for case in cases.values()], list(cases), default="").astype(object)


def _differ(both: pd.DataFrame, name: str) -> pd.Series:
    first, second = both[f"{name}_before"], both[f"{name}_after"]
    return (first != second) & ~(first.isna() & second.isna())


def _trenches(before: Plan, after: Plan) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    columns = ["kind", "length_m", "cost", "geometry"]
    old, new = before.trenches[columns], after.trenches[columns].to_crs(before.trenches.crs)
    names, others = _names(old), _names(new)
    gone, come = ~np.isin(names, others), ~np.isin(others, names)
    parts = [old[gone].assign(change="removed"), new[come].assign(change="added")]
    changed = gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), geometry="geometry", crs=old.crs)
    return changed[["change", *columns]], new[~come]


def _names(table: gpd.GeoDataFrame) -> NDArray[np.str_]:
    """Return a name for each line that depends on where it runs alone."""
    lines = shapely.normalize(shapely.set_precision(table.geometry.to_numpy(), MM, mode="pointwise"))
    return np.asarray(shapely.to_wkb(lines, hex=True), dtype=str)


def _cost(before: Plan, after: Plan) -> pd.DataFrame:
    rows = [(part, before.summary["cost"][part], after.summary["cost"][part]) for part in before.summary["cost"]]
    rows += [("trench_m", before.summary["trench_m"], after.summary["trench_m"])]
    rows += [
        (f"homes {key}", before.summary["units"][key], after.summary["units"][key]) for key in before.summary["units"]
    ]
    table = pd.DataFrame(rows, columns=["what", "before", "after"]).astype({"before": float, "after": float})
    return table.assign(difference=(table["after"] - table["before"]).round(2))
