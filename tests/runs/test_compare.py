"""Two runs: what changed for whom, what is dug instead, what it costs."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pandas as pd

from lastmile_net.compare import compare

if TYPE_CHECKING:
    from lastmile_net.plan.result import Plan


def test_same_plan_differs_in_nothing(town: Plan) -> None:
    """Row order, direction of lines and names of trenches are no differences."""
    turned = town.trenches.iloc[::-1].reset_index(drop=True)
    turned = turned.assign(trench_id="x", geometry=turned.geometry.reverse())
    found = compare(town, dataclasses.replace(town, trenches=turned, customers=town.customers.iloc[::-1]))
    assert found.customers.empty
    assert found.trenches.empty
    assert (found.cost["difference"] == 0).all()
    assert (found.counts["trenches_kept"], found.counts["metres_kept"]) == (6, 345.0)


def test_changes_are_named(town: Plan) -> None:
    """Worked out by hand: one lost, one won, one served from elsewhere, one new, one gone, one with a new reason."""
    changed = town.customers.set_index("customer_id")
    changed.loc["a", ["outcome", "reason"]] = ["unserved", "over_budget"]
    changed.loc["b", "access_point_id"] = "K2"
    changed.loc["e", ["outcome", "reason"]] = ["planned", None]
    changed.loc["f", "reason"] = "excluded"
    changed = changed.drop(index="d").reset_index()
    new = town.customers.iloc[[0]].assign(customer_id="z")
    trenches = town.trenches[town.trenches["trench_id"] != "d-a"]
    after = dataclasses.replace(
        town,
        customers=pd.concat([changed, new], ignore_index=True),
        trenches=trenches,
        summary=town.summary | {"trench_m": 325.0},
    )
    found = compare(town, after)
    told = dict(zip(found.customers["customer_id"], found.customers["change"], strict=True))
    assert told == {"a": "lost", "b": "rerouted", "d": "removed", "e": "gained", "f": "reason", "z": "added"}
    assert found.trenches[["change", "kind", "length_m"]].to_numpy().tolist() == [["removed", "drop", 20.0]]
    assert found.counts["metres_removed"] == 20.0
    assert found.cost.set_index("what").loc["trench_m", "difference"] == -20.0
    assert "customers lost: 1" in str(found)


def test_other_crs_is_projected(town: Plan) -> None:
    """Two runs in neighbouring UTM zones are the same town."""
    layers = {name: getattr(town, name).to_crs(25833) for name in ("customers", "trenches")}
    found = compare(town, dataclasses.replace(town, **layers))
    assert found.customers.empty
    assert found.customers.crs == town.customers.crs
