"""Verification prices every piece anew, and finds what is built where nothing may be."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import geopandas as gpd
import pytest
from shapely import LineString, Point

import lastmile_net as lm

if TYPE_CHECKING:
    from pathlib import Path

    from lastmile_net.plan.result import Plan

CRS, E, N = 25832, 500_000, 5_400_000


@pytest.fixture(scope="module")
def priced() -> Plan:
    """Return the plan of an asphalt street with a locked-in lane, a duct beside it, optics and three customers."""
    ways = {
        "Main": LineString([(E, N), (E + 300, N)]),
        "Lane": LineString([(E + 100, N), (E + 100, N - 150)]),
        "Shut": LineString([(E + 200, N), (E + 200, N + 100)]),
    }
    columns = {"surface": ["asphalt", "gravel", None], "include": [False, True, False], "exclude": [False, False, True]}
    table = {"street_id": list(ways), "name": list(ways), "highway": ["residential"] * 3, "cost_factor": [1, 2, 1]}
    streets = gpd.GeoDataFrame(table | columns, geometry=list(ways.values()), crs=CRS)
    places = [Point(E + 50, N + 10), Point(E + 150, N + 30), Point(E + 290, N - 10)]
    customers = gpd.GeoDataFrame({"customer_id": ["a", "b", "c"], "units": [1, 2, 1]}, geometry=places, crs=CRS)
    lines = [Point(E, N), LineString([(E + 100, N + 1), (E + 280, N + 1)])]
    ids = {"backbone_id": ["K", "duct"], "role": ["cabinet", "duct"], "loss_db": [3.0, None]}
    backbone = gpd.GeoDataFrame(ids, geometry=lines, crs=CRS)
    return lm.plan(streets, backbone, customers, config=lm.read_config(optical="B+"))


def faults(plan: Plan, folder: Path) -> set[str]:
    """Return the checks that fail on a run of the plan."""
    return {check.name for check in lm.verify_run(lm.write_run(plan, folder / "run")).faults}


def test_a_priced_plan_holds(priced: Plan, tmp_path: Path) -> None:
    """The locked-in lane is dug from end to end for 150 m x 60 x 2, used by nobody; all the rest costs its price."""
    lane = priced.trenches[priced.trenches["surface"] == "unsealed"]
    assert lane["cost"].sum() == pytest.approx(18_000)
    assert lane["customers"].sum() == 0
    assert not priced.reused.empty
    assert priced.lower_bound <= priced.cost
    verdict = lm.verify_run(lm.write_run(priced, tmp_path / "run"))
    assert verdict.passed, str(verdict)
    names = {check.name for check in verdict.checks}
    assert {"pieces_cost_their_price", "locked_streets_are_built", "optical_budget_is_kept"} <= names


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"cost": 1.0}, "pieces_cost_their_price"),
        ({"surface": "verge"}, "pieces_cost_their_price"),
        ({"method": "plough"}, "pieces_cost_their_price"),
        ({"crossing_cost": 17.0}, "pieces_cost_their_price"),
        ({"labour_cost": 1e6}, "labour_and_material_add_up"),
    ],
)
def test_a_wrong_price_is_found(priced: Plan, tmp_path: Path, change: dict[str, object], fault: str) -> None:
    """A piece that costs something else than its ground and method do cannot slip through."""
    trenches = priced.trenches.copy()
    row = trenches.index[(trenches["kind"] == "street") & (trenches["surface"] == "sealed")][0]
    for name, value in change.items():
        trenches.loc[row, name] = value
    assert fault in faults(dataclasses.replace(priced, trenches=trenches), tmp_path)


def test_too_much_loss_is_found(priced: Plan, tmp_path: Path) -> None:
    """At 7 dB up to the cabinet B+ reaches nobody over 1:32; where the loss is not told, nobody may be served."""
    for loss in (7.0, None):
        points = priced.access_points.assign(loss_db=loss)
        changed = dataclasses.replace(priced, access_points=points)
        assert "optical_budget_is_kept" in faults(changed, tmp_path / str(loss))


def test_a_locked_street_that_is_not_built_is_found(priced: Plan, tmp_path: Path) -> None:
    """What the planner wants in any case must be there."""
    trenches = priced.trenches[priced.trenches["surface"] != "unsealed"]
    assert "locked_streets_are_built" in faults(dataclasses.replace(priced, trenches=trenches), tmp_path)


def test_a_forbidden_street_is_found(priced: Plan, tmp_path: Path) -> None:
    """A trench along a street that is excluded is a fault, whatever it costs."""
    streets = priced.streets.assign(exclude=True)
    assert "pieces_cost_their_price" in faults(dataclasses.replace(priced, streets=streets), tmp_path)


@pytest.fixture(scope="module")
def crossed() -> Plan:
    """Return the plan of a street at twice the price with two sides, a cabinet beside it, and homes on both sides."""
    table = {"street_id": ["Main"], "highway": ["residential"], "surface": ["gravel"], "cost_factor": [2.0]}
    streets = gpd.GeoDataFrame(table, geometry=[LineString([(E, N), (E + 300, N)])], crs=CRS)
    places = [Point(E + 100, N + 12), Point(E + 110, N - 12), Point(E + 280, N + 12)]
    customers = gpd.GeoDataFrame({"customer_id": ["a", "b", "c"]}, geometry=places, crs=CRS)
    backbone = gpd.GeoDataFrame({"backbone_id": ["K"], "role": ["cabinet"]}, geometry=[Point(E - 5, N + 9)], crs=CRS)
    return lm.plan(streets, backbone, customers, config=lm.read_config(street_sides="both"))


def test_a_plan_with_crossings_and_connectors_holds(crossed: Plan, tmp_path: Path) -> None:
    """Gravel at 60 x 2 on the street and across it, 150 from the cabinet to it, on the ground of what is not known."""
    pieces = crossed.trenches
    per_m = (pieces["cost"] - pieces["crossing_cost"]) / pieces["length_m"]
    for kind, price in {"street": 120, "crossing": 120, "connector": 150}.items():
        assert per_m[pieces["kind"] == kind].to_numpy() == pytest.approx(price, abs=0.05)
    assert not faults(crossed, tmp_path)


@pytest.mark.parametrize("kind", ["crossing", "connector"])
@pytest.mark.parametrize("change", [{"cost": 1000.0}, {"cost": 0.5, "crossing_cost": 0.5}, {"cost": -1.0}])
def test_a_wrong_price_off_the_street_is_found(
    crossed: Plan, tmp_path: Path, kind: str, change: dict[str, float]
) -> None:
    """What a piece costs beyond its metres must be what it crosses, on the way to a street and across it, too."""
    trenches = crossed.trenches.copy()
    row = trenches.index[trenches["kind"] == kind][0]
    for name, more in change.items():
        trenches.loc[row, name] += more
    assert "pieces_cost_their_price" in faults(dataclasses.replace(crossed, trenches=trenches), tmp_path)


def test_a_connector_on_ground_of_another_price_is_found(crossed: Plan, tmp_path: Path) -> None:
    """A connector lies on the ground of what is not known: 60 a metre on gravel would be a price, but not its own."""
    trenches = crossed.trenches.copy()
    row = trenches.index[trenches["kind"] == "connector"][0]
    trenches.loc[row, "surface"], trenches.loc[row, "cost"] = "unsealed", 60 * trenches.loc[row, "length_m"]
    assert "pieces_cost_their_price" in faults(dataclasses.replace(crossed, trenches=trenches), tmp_path)
