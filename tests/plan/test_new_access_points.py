"""New access points through the whole chain: towns worked out by hand, their bill, their run's verification."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely import LineString, Point

import lastmile_net as lm
from lastmile_net.config.plan import Phases
from lastmile_net.errors import ConfigError
from lastmile_net.report.bom import bill_of_materials

if TYPE_CHECKING:
    from pathlib import Path

    from lastmile_net.config import PlanConfig
    from lastmile_net.plan.result import Plan

CRS, E, N = 25832, 500_000.0, 5_400_000.0
BOX = {"ports": 4, "price": {"value": 5, "unit": "piece", "labour": 0.4}, "max_m": 110.0}


def prices(**changes: object) -> PlanConfig:
    """Return settings where a metre of trench costs 1, a metre of each fibre 1, and a box for four homes 5."""
    model = {"fibre_cost_per_m": 1.0, "access_points": {"box": BOX | changes}}
    return lm.read_config(prices="metres", cost=model, new_access_points=True)


def town(places: dict[str, tuple[float, float]], ports: float, units: int = 1) -> tuple[gpd.GeoDataFrame, ...]:
    """Return a street of 300 m, a cabinet at its west end, and customers."""
    street = gpd.GeoDataFrame({"street_id": ["Main"]}, geometry=[LineString([(E, N), (E + 300, N)])], crs=CRS)
    points = gpd.GeoDataFrame(
        {"backbone_id": ["K"], "role": ["cabinet"], "ports_free": [ports]}, geometry=[Point(E, N)], crs=CRS
    )
    spots = [Point(E + x, N + y) for x, y in places.values()]
    return street, points, gpd.GeoDataFrame({"customer_id": list(places), "units": units}, geometry=spots, crs=CRS)


TWO = {"a": (100.0, 10.0), "b": (200.0, 10.0)}


@pytest.fixture(scope="module")
def placed() -> Plan:
    """Return the plan of two customers and one port."""
    return lm.plan(*town(TWO, 1), config=prices())


def test_a_box_is_placed_where_it_costs_least(placed: Plan) -> None:
    """
    200 m of trench, drops of 10 m with 10 m of fibre: 240. One port for two homes.

    A box at a's door costs 5, 100 m of feeding fibre, and 100 m on to b: 205, 445 in all. With a on the old port (100)
    and a box at b's door (205) it were 545.
    """
    assert placed.customers["outcome"].tolist() == ["planned", "planned"]
    assert placed.summary["cost"] == {
        "total": 445.0,
        "trench": 200.0,
        "drop": 20.0,
        "reuse": 0.0,
        "fibre": 220.0,
        "equipment": 5.0,
        "overhead": 0.0,
    }
    new = placed.access_points[placed.access_points["status"] == "proposed"].iloc[0]
    assert (new["type"], new["kind"], new["ports_used"], new["ports_free"]) == ("box", "closure", 2, 4)
    assert (new["fed_from"], new["feed_m"], new["feed_fibres"], new["feed_cost"], new["cost"]) == ("K", 100, 1, 100, 5)
    assert new.geometry.distance(Point(E + 100, N)) < 1e-6
    assert placed.customers["access_point_id"].tolist() == [new["access_point_id"]] * 2
    assert placed.routes["access_point_id"].tolist() == [new["access_point_id"]] * 2
    assert placed.routes["length_m"].tolist() == pytest.approx([110, 210])
    assert placed.access_points["ports_used"].tolist() == [0, 2]
    assert placed.summary["new_access_points"] == {"box": 1}
    assert placed.summary["labour"]["labour"] == pytest.approx(2.0)


@pytest.mark.parametrize(("max_m", "cost"), [(110.0, 445.0), (109.99, 545.0)])
def test_a_box_reaches_as_far_as_its_kind(max_m: float, cost: float) -> None:
    """From a's door to b it is 100 m of street and 10 m of drop: within 110 m, inclusive; else b needs its own box."""
    assert lm.plan(*town(TWO, 1), config=prices(max_m=max_m)).cost == pytest.approx(cost)


def test_a_plan_is_proven_the_cheapest_only_with_its_new_access_points(placed: Plan) -> None:
    """The cheapest trenches are proven soon, places for boxes are not: the summary called a gap of 1 % the cheapest."""
    assert placed.summary["gap"] > placed.config.target_gap
    assert placed.status == "rounds"
    assert "ended above the gap asked for (0.30 %)" in str(placed)


@pytest.mark.parametrize(("homes", "feeders"), [(32, 1), (4, 1), (3, 2), (1, 4)])
def test_feeding_fibres_are_counted_by_what_each_serves(homes: int, feeders: int) -> None:
    """A box of four ports takes one fibre of 1:32 or 1:4, two of three homes each, four of its own for each home."""
    plan = lm.plan(*town(TWO, 0), config=prices(homes_per_fibre=homes))
    new = plan.access_points[plan.access_points["status"] == "proposed"]
    assert new["feed_fibres"].tolist() == [feeders] * len(new)
    assert plan.customers["outcome"].tolist() == ["planned", "planned"]


def test_nothing_is_placed_that_does_not_pay() -> None:
    """With ports for both, and boxes for 1,000, the old cabinet serves them: 240 and 300 m of fibre."""
    config = prices(price={"value": 1000, "unit": "piece"})
    plan = lm.plan(*town(TWO, 2), config=config)
    assert plan.cost == pytest.approx(540)
    assert plan.summary["new_access_points"] == {}


def test_shares_and_the_curve_add_up(placed: Plan) -> None:
    """
    The box and its feed (105) are paid for by homes, 52.50 each; b pays its own 100 m of fibre.

    a: half of 100 m of trench, a drop of 10 m with 10 m of fibre, 52.50 are 122.50; b: 50, 100 m of trench, 20, 52.50
    and 100 m of fibre are 322.50.
    """
    assert placed.customers["cost_share"].tolist() == pytest.approx([122.5, 322.5])
    assert placed.curve["cost"].tolist() == pytest.approx([0, 172.5, 445])


def test_the_bill_lists_the_box(placed: Plan) -> None:
    """A box at its price, 110 m of a customer's own fibre from it and its drop, 10 m, and 100 m of feed."""
    bill = bill_of_materials(placed).set_index("item")
    assert bill.loc["box", ["part", "quantity", "unit", "price", "amount"]].tolist() == ["equipment", 1, "piece", 5, 5]
    assert bill.loc["fibre along the routes", "quantity"] == pytest.approx(220)


def test_its_run_is_sound(placed: Plan, tmp_path: Path) -> None:
    """Verification re-checks kind, place, way and price of the box from the files alone."""
    verdict = lm.verify_run(lm.write_run(placed, tmp_path / "run"))
    assert verdict.passed, str(verdict)
    names = {check.name for check in verdict.checks}
    assert {f"new_points_{each}" for each in ("are_of_the_catalogue", "stand_on_streets", "are_on_the_way")} <= names


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"ports_free": 8.0}, "new_points_are_of_the_catalogue"),
        ({"cost": 4.0}, "new_points_are_of_the_catalogue"),
        ({"type": "cupboard"}, "new_points_are_of_the_catalogue"),
        ({"feed_fibres": 2}, "new_points_are_of_the_catalogue"),
        ({"ports_used": 5}, "ports_suffice"),
        ({"fed_from": "L"}, "new_points_are_on_the_way"),
        ({"feed_m": 50.0}, "new_points_are_on_the_way"),
        ({"feed_cost": 50.0}, "fibre_costs_its_price"),
        ({"geometry": Point(E + 100, N + 5)}, "new_points_stand_on_streets"),
        ({"node": "nowhere"}, "new_points_stand_on_streets"),
        ({"status": "existing"}, "access_points_exist"),
    ],
)
def test_a_faulty_box_is_found(placed: Plan, tmp_path: Path, change: dict[str, Any], fault: str) -> None:
    """Each thing that is told of a box is held against the rest of the run."""
    table = placed.access_points.copy()
    for name, value in change.items():
        column = table[name].astype(object)
        column.iloc[-1] = value
        table[name] = gpd.GeoSeries(column, crs=CRS) if name == "geometry" else column
    changed = dataclasses.replace(placed, access_points=table)
    assert fault in {check.name for check in lm.verify_run(lm.write_run(changed, tmp_path / "run")).faults}


def test_a_box_out_of_reach_is_found(placed: Plan, tmp_path: Path) -> None:
    """A run whose catalogue reaches 50 m may not hang a customer on a box 110 m away."""
    changed = dataclasses.replace(placed, config=prices(max_m=50.0))
    faults = {check.name for check in lm.verify_run(lm.write_run(changed, tmp_path / "run")).faults}
    assert "new_points_are_on_the_way" in faults


def test_everyone_in_reach_is_served_whatever_the_row_order() -> None:
    """Sixty homes of one to three, two ports: all are served, every box within its ports, the same in any order."""
    rng = np.random.default_rng(1)
    places = {f"c{k}": (float(rng.integers(5, 295)), float(rng.integers(2, 30))) for k in range(60)}
    street, points, customers = town(places, 2)
    customers["units"] = rng.integers(1, 4, 60)
    one = lm.plan(street, points, customers, config=prices())
    other = lm.plan(street, points, customers.sample(frac=1, random_state=3), config=prices())
    assert (one.customers["outcome"] == "planned").all()
    new = one.access_points[one.access_points["status"] == "proposed"]
    assert (new["ports_used"] <= new["ports_free"]).all()
    assert one.lower_bound <= one.cost == other.cost
    mine, theirs = (plan.customers.set_index("customer_id")["access_point_id"].sort_index() for plan in (one, other))
    pd.testing.assert_series_equal(mine, theirs)


def test_who_fits_into_no_box_is_told_so() -> None:
    """Five homes in one house fit neither one port nor a box of four: it stays, with its reason; b is served."""
    street, points, customers = town(TWO, 1)
    customers["units"] = [5, 1]
    plan = lm.plan(street, points, customers, config=prices())
    assert plan.customers["reason"].fillna("").tolist() == ["no_free_port", ""]


@pytest.mark.parametrize(
    "settings",
    [{"prices": "metres"}, {"budget": 1000.0}, {"target_coverage": 0.5}, {"max_cost_per_home": 10.0}],
)
def test_what_does_not_go_together_is_refused(settings: dict[str, Any]) -> None:
    """Without a catalogue, or with an aim that serves only some, new access points mean nothing."""
    with pytest.raises(ConfigError, match="new_access_points"):
        lm.read_config(new_access_points=True, **settings)


@pytest.mark.parametrize("aim", ["budget", "target_coverage", "max_cost_per_home"])
def test_an_aim_is_refused_with_a_way_out(aim: str) -> None:
    """A planner who needs ports and has a budget must not be left with a no."""
    with pytest.raises(ConfigError, match=rf"cannot go with {aim}\. Plan without .* `\[phases\] budgets"):
        lm.read_config(new_access_points=True, **{aim: 1.0})


def test_the_curve_and_phases_stand_for_an_aim(placed: Plan) -> None:
    """What the documents name instead of an aim: the curve's cost of a share buys just these homes, box and all."""
    row = placed.curve[placed.curve["coverage"] >= 0.5].iloc[0]
    settings = prices().model_copy(update={"phases": Phases(budgets=(float(row["cost"]),))})
    plan = lm.plan(*town(TWO, 1), config=settings)
    first = plan.customers[plan.customers["phase"] == 1]
    assert (len(first), first["units"].sum()) == (1, row["units"])


def test_a_plan_with_an_aim_on_access_points_that_were_placed(placed: Plan, tmp_path: Path) -> None:
    """
    The second way out that the documents name: the box at a's door stands, a costs a drop and its fibre, 20.

    The old cabinet and the box have ports for both; b would cost 100 m of trench and of fibre more.
    """
    run = lm.write_run(placed, tmp_path / "run")
    street, _, customers = town(TWO, 1)
    config = lm.read_config(
        prices="metres",
        cost={"fibre_cost_per_m": 1.0},
        budget=50.0,
        mapping={"backbone": {"backbone_id": "access_point_id", "role": "kind"}},
    )
    plan = lm.plan(street, f"{run / 'plan.gpkg'}:access_points", customers, config=config)
    assert plan.customers["outcome"].tolist() == ["planned", "unserved"]
    assert plan.cost == pytest.approx(20)
