"""What has changed between two runs: customers, trenches, money."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from lastmile_net.counts import counted, percent
from lastmile_net.counts import homes as homes_in_words
from lastmile_net.report.words import OUTCOMES, verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from lastmile_net.plan.result import Plan

MM = 0.001
ROUTE_M = 0.01
MOST_IDS = 5
NOT_THERE = "not in this run"
NOTHING_SHARED = "no customer is in both runs: two towns, or other values of `customer_id`; only sums can be compared"


@dataclass(frozen=True, eq=False)
class Comparison:
    """
    The difference of two plans.

    Parameters
    ----------
    customers
        One row per customer whose row changed: `customer_id`, `units`, `change` (`added`, `removed`, `gained`, `lost`,
        `rerouted`, `reason`, and `units` where nothing but their number changed), outcome, reason, access point and
        units `_before` and `_after`, and the point.
    trenches
        One row per piece dug in one of the two only: `change` (`added`, `removed`), `kind`, `length_m`, `cost`, line.
    cost
        One row per part of the cost and for trench metres and homes: `before`, `after`, `difference` (nan between two
        currencies).
    counts
        Customers by change and those in both, and trenches and metres added, removed and kept.
    currency
        Currency of the prices, before and after.
    gap
        Proven gap to the cheapest plan for the same homes, before and after; None where there is none.
    """

    customers: gpd.GeoDataFrame
    trenches: gpd.GeoDataFrame
    cost: pd.DataFrame
    counts: dict[str, float]
    currency: tuple[str, str] = ("", "")
    gap: tuple[float | None, float | None] = (None, None)

    def __str__(self) -> str:
        figures = [("", "before", "after", "difference"), *_figures(self)]
        widths = [max(len(row[place]) for row in figures) for place in range(4)]
        lines = [
            f"{what:{widths[0]}}" + "".join(f"  {cell:>{width}}" for cell, width in zip(cells, widths[1:], strict=True))
            for what, *cells in figures
        ]
        head = [line for note in self.notes for line in (f"note: {note}", "")]
        return "\n".join([*head, *(line.rstrip() for line in lines), "", *_dug(self), "", *_verdicts(self)])

    @property
    def notes(self) -> list[str]:
        """What one must know before the numbers."""
        return [] if self.counts["customers_kept"] else [NOTHING_SHARED]

    def numbers(self) -> dict[str, Any]:
        """Return what changed as plain numbers, strings, lists and dicts, each changed customer among them."""
        customers = pd.DataFrame(self.customers.drop(columns="geometry")).astype(object)
        return {
            "notes": self.notes,
            "currency": list(self.currency),
            "gap": list(self.gap),
            "cost": _records(self.cost.astype(object)),
            "counts": self.counts,
            "customers": _records(customers),
        }


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return table.where(table.notna(), None).to_dict("records")  # type: ignore[return-value]


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
        for change in ("added", "removed", "gained", "lost", "rerouted", "reason", "units")
    }
    counts["customers_kept"] = int(after.customers["customer_id"].isin(before.customers["customer_id"]).sum())
    for change in ("added", "removed"):
        rows = trenches[trenches["change"] == change]
        counts |= {f"trenches_{change}": len(rows), f"metres_{change}": round(float(rows["length_m"].sum()), 1)}
    counts |= {"trenches_kept": len(kept), "metres_kept": round(float(kept["length_m"].sum()), 1)}
    currency = (str(before.summary.get("currency", "")), str(after.summary.get("currency", "")))
    gap = (_finite(before.summary.get("gap")), _finite(after.summary.get("gap")))
    return Comparison(customers, trenches, _cost(before, after), counts, currency, gap)


def _finite(gap: float | None) -> float | None:
    return gap if gap is not None and math.isfinite(gap) else None


def _figures(found: Comparison) -> Iterator[tuple[str, str, str, str]]:
    """Yield the rows of money, homes, metres and gaps, as text."""
    money = f"cost, {' and '.join(dict.fromkeys(found.currency))}" if any(found.currency) else "cost"
    rows: dict[str, dict[str, float]] = found.cost.set_index("what").to_dict("index")  # type: ignore[assignment]
    yield _row(money, rows.pop("total"), ",.2f")
    for name, numbers in rows.items():
        if name != "trench_m" and not name.startswith("homes ") and (numbers["before"] or numbers["after"]):
            yield _row(f"  {name}", numbers, ",.2f")
    for key, words in OUTCOMES.items():
        yield _row(f"homes {words}", rows[f"homes {key}"], ",.0f")
    yield _row("trench to dig, m", rows["trench_m"], ",.1f")
    gaps = ["not known" if gap is None else percent(gap, 2) for gap in found.gap]
    yield "proven gap to the cheapest plan, same homes", gaps[0], gaps[1], ""


def _row(what: str, numbers: Mapping[str, float], form: str) -> tuple[str, str, str, str]:
    change = numbers["difference"]
    difference = "" if math.isnan(change) else f"{change:{'+' if change else ''}{form}}"
    return what, f"{numbers['before']:{form}}", f"{numbers['after']:{form}}", difference


def _dug(found: Comparison) -> Iterator[str]:
    """Yield what is dug in one of the plans only, and in both."""
    for change, words in (("added", "new trenches"), ("removed", "trenches gone"), ("kept", "trenches in both")):
        pieces = counted(found.counts[f"trenches_{change}"], "piece")
        yield f"{words}: {found.counts[f'metres_{change}']:,.1f} m in {pieces}"


def _verdicts(found: Comparison) -> Iterator[str]:
    """Yield from what to what customers have changed, how many, and some of their ids."""
    if found.customers.empty:
        yield "no customer changed"
        return
    table = pd.DataFrame(found.customers)
    before, after = (_told(table, when) for when in ("before", "after"))
    moved = (table["access_point_id_before"] != table["access_point_id_after"]).to_numpy()
    resized = (table["change"] == "units").to_numpy()
    told = ["the same, with another number of homes", "the same, from another access point"]
    ways = np.select([resized, moved], told, "the same, on another way").astype(object)
    groups = table.groupby([before, np.where(after == before, ways, after)], sort=False)
    yield f"{counted(len(table), 'customer')} changed"
    for (first, then), rows in sorted(groups, key=lambda group: -len(group[1])):
        more = ", …" if len(rows) > MOST_IDS else ""
        yield f"  {counted(len(rows), 'customer')}, {homes_in_words(rows['units'].sum())}: {first} -> {then}"
        yield f"      {', '.join(rows['customer_id'].astype(str).head(MOST_IDS))}{more}"
    other = table[table["units_before"].ne(table["units_after"]).fillna(value=False).astype(bool)]
    if len(other):
        homes = f"{other['units_before'].sum():,} -> {homes_in_words(other['units_after'].sum())}"
        yield f"{counted(len(other), 'customer')} with another number of homes: {homes}"


def _told(table: pd.DataFrame, when: str) -> NDArray[np.object_]:
    """Return each customer's verdict in words."""
    pairs = zip(table[f"outcome_{when}"].tolist(), table[f"reason_{when}"].tolist(), strict=True)
    told = [
        NOT_THERE if pd.isna(outcome) else verdict(outcome, None if pd.isna(reason) else reason)
        for outcome, reason in pairs
    ]
    return np.array(told, object)


def _customers(before: Plan, after: Plan) -> gpd.GeoDataFrame:
    columns = ["customer_id", "units", "outcome", "reason", "access_point_id", "route_m", "geometry"]
    both = pd.DataFrame(before.customers[columns]).merge(
        pd.DataFrame(after.customers[columns].to_crs(before.customers.crs)),
        on="customer_id",
        how="outer",
        suffixes=("_before", "_after"),
        indicator=True,
    )
    both["change"] = _change(both)
    shape = both["geometry_after"].where(both["_merge"] != "left_only", both["geometry_before"])
    both = both.astype({"units_before": "Int64", "units_after": "Int64"})
    both["units"] = both["units_after"].fillna(both["units_before"]).astype("int64")
    names = ("outcome", "reason", "access_point_id", "units")
    told = [f"{name}_{when}" for name in names for when in ("before", "after")]
    found = gpd.GeoDataFrame(
        both[["customer_id", "units", "change", *told]], geometry=shape.array, crs=before.customers.crs
    )
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
        "units": _differ(both, "units"),
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
    difference = (table["after"] - table["before"]).round(2)
    if before.summary.get("currency") != after.summary.get("currency"):
        difference = difference.mask(table["what"].isin(list(before.summary["cost"])))
    return table.assign(difference=difference)
