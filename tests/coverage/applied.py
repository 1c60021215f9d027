"""Apply a remedy as a planner would: change the input or the settings, and plan again. Shares no code with the plan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
from shapely import LineString

import lastmile_net as lm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lastmile_net.config import PlanConfig


@dataclass(frozen=True)
class Town:
    """What a plan is made from."""

    streets: gpd.GeoDataFrame
    backbone: gpd.GeoDataFrame
    customers: gpd.GeoDataFrame
    config: PlanConfig
    excluded: gpd.GeoDataFrame | None = None
    barriers: gpd.GeoDataFrame | None = None

    def plan(self) -> lm.Plan:
        """Plan it."""
        return lm.plan(
            self.streets,
            self.backbone,
            self.customers,
            config=self.config,
            excluded=self.excluded,
            barriers=self.barriers,
        )


@dataclass(frozen=True)
class Asked:
    """One change that a remedy asks for: its size, what it changes, for whom, and the settings before any change."""

    value: float
    at: str
    customer: str
    config: PlanConfig


Change = Callable[[Town, Asked], Town]


def read_changes(row: pd.Series) -> list[tuple[str, float, str]]:
    """Return code, value and place of each change of a remedy, from its columns alone."""
    at, others = (row[name] if pd.notna(row[name]) else "" for name in ("remedy_at", "remedy_also"))
    first = (row["remedy_code"], float(row["remedy_value"]), at)
    also = [part for part in others.split("; ") if part]
    rest = []
    for part in also:
        left, _, at = part.partition("@")
        code, _, value = left.partition("=")
        rest.append((code, float(value or "nan"), at))
    return [first, *rest]


def apply(town: Town, plan: lm.Plan, rows: Sequence[int]) -> Town:
    """Return the town with the remedies of some customers applied, and nobody else to be served than is planned."""
    table = plan.customers
    changed = town
    for row in rows:
        for code, value, at in read_changes(table.loc[row]):
            changed = CHANGES[code](changed, Asked(value, at, str(table.loc[row, "customer_id"]), town.config))
    served = set(table["customer_id"][table["outcome"] != "unserved"]) | set(table["customer_id"].iloc[list(rows)])
    left_out = ~changed.customers["customer_id"].astype(str).isin(served)
    flag = (
        changed.customers["exclude"] if "exclude" in changed.customers else pd.Series(data=False, index=left_out.index)
    )
    wanted = changed.customers.assign(exclude=flag.astype("boolean").fillna(value=False).astype(bool) | left_out)
    return replace(changed, customers=wanted)


def _setting(name: str) -> Change:
    def change(town: Town, asked: Asked) -> Town:
        # limits are raised to what the largest of several remedies asks for
        most = max(getattr(asked.config, name) + asked.value, getattr(town.config, name))
        return replace(town, config=town.config.model_copy(update={name: most}))

    return change


def _backbone(column: str, *, more: bool) -> Change:
    def change(town: Town, asked: Asked) -> Town:
        here = town.backbone["backbone_id"].astype(str) == asked.at
        assert here.any(), asked.at
        table = town.backbone.copy()
        table.loc[here, column] = table.loc[here, column].fillna(0) + asked.value if more else asked.value
        return replace(town, backbone=table)

    return change


def _reduce_loss(town: Town, asked: Asked) -> Town:
    assert town.config.optical is not None
    stronger = town.config.optical.model_copy(update={"budget_db": town.config.optical.budget_db + asked.value})
    return replace(town, config=town.config.model_copy(update={"optical": stronger}))


def _include(town: Town, asked: Asked) -> Town:
    if not asked.at:
        mine = town.customers["customer_id"].astype(str) == asked.customer
        return replace(town, customers=town.customers.assign(exclude=town.customers["exclude"] & ~mine))
    if asked.at == "the excluded area":
        return replace(town, excluded=None)
    here = town.streets["street_id"].astype(str) == asked.at
    assert here.any(), asked.at
    return replace(town, streets=town.streets.assign(exclude=town.streets["exclude"] & ~here))


def _link(town: Town, asked: Asked) -> Town:
    ends = [tuple(map(float, place.split(","))) for place in asked.at.split(" to ")]
    back = pyproj.Transformer.from_crs(4326, town.streets.crs, always_xy=True)
    link = LineString([back.transform(*end) for end in ends])
    if town.streets.crs.is_projected:
        assert abs(link.length - asked.value) < 0.05, (link.length, asked.value)
    row = gpd.GeoDataFrame({"street_id": [f"link {asked.at}"]}, geometry=[link], crs=town.streets.crs)
    return replace(town, streets=pd.concat([town.streets, row], ignore_index=True))


def _locate(town: Town, asked: Asked) -> Town:
    table = town.customers.copy()
    mine = table["customer_id"].astype(str) == asked.customer
    table.loc[mine, "geometry"] = table.geometry[~mine & table.geometry.notna()].iloc[0]
    return replace(town, customers=table)


CHANGES: dict[str, Change] = {
    "raise_max_drop_m": _setting("max_drop_m"),
    "raise_max_route_m": _setting("max_route_m"),
    "raise_max_stretch": _setting("max_stretch"),
    "add_ports": _backbone("ports_free", more=True),
    "add_spare": _backbone("units_free", more=True),
    "state_loss": _backbone("loss_db", more=False),
    "reduce_loss": _reduce_loss,
    "include": _include,
    "link_island": _link,
    "fix_location": _locate,
}
"""What each code of a remedy tells a planner to do."""


def batches(plan: lm.Plan, rows: Sequence[int]) -> list[list[int]]:
    """Share customers out so that no two of a batch ask for ports at one access point: each counts what is left."""
    found: list[tuple[set[str], list[int]]] = []
    for row in rows:
        ports = {at for code, _, at in read_changes(plan.customers.loc[row]) if code == "add_ports"}
        for taken, batch in found:
            if not ports & taken:
                taken |= ports
                batch.append(row)
                break
        else:
            found.append((ports, [row]))
    return [batch for _, batch in found]


def sample(plan: lm.Plan, number: int, seed: int = 0) -> list[int]:
    """Return some unserved customers, the same ones each time."""
    rows = np.flatnonzero(plan.customers["outcome"] == "unserved")
    chosen = np.random.default_rng(seed).permutation(rows)[:number]
    return sorted(int(row) for row in chosen)
