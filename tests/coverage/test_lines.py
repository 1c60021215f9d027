"""Existing ducts and poles: used at their own price, up to their spare capacity; worked out on paper."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest

import lastmile_net as lm

from .applied import Town, apply
from .towns import CRS, cabinet, customers, line, point, streets

# every dug metre costs 10, a metre of duct 1, of poles 3; a drop costs its metres
COST = {
    "dig": {"open_trench": dict.fromkeys(("sealed", "paved_stone", "unsealed", "verge"), 10)},
    "reuse_cost_per_m": {"duct": 1, "aerial": 3},
}
CONFIG = lm.read_config(prices="metres", cost=COST)
MAIN = streets(Main=line((0, 0), (500, 0)))


def backbone(role: str, spare: float, *, ports: float = np.nan) -> gpd.GeoDataFrame:
    """Return a cabinet at the start of Main and a line that lies on Main for 400 m."""
    table = {
        "backbone_id": ["K", "L"],
        "role": ["cabinet", role],
        "units_free": [np.nan, spare],
        "ports_free": [ports, np.nan],
    }
    return gpd.GeoDataFrame(table, geometry=[point(0, 0), line((0, 0), (400, 0))], crs=CRS)


@pytest.mark.parametrize(("role", "per_m"), [("duct", 1), ("aerial", 3)])
def test_a_line_costs_its_own_price(role: str, per_m: float) -> None:
    """300 m in the line instead of 300 m of digging, and a drop of 5 m."""
    plan = lm.plan(MAIN, backbone(role, np.nan), customers(a=point(300, 5)), config=CONFIG)
    assert plan.cost == pytest.approx(300 * per_m + 5, abs=0.02)
    assert plan.summary["cost"]["reuse"] == pytest.approx(300 * per_m, abs=0.02)


def test_a_line_is_used_up_to_its_spare_capacity() -> None:
    """Two homes fit into a duct with room for two: 300 + 2 x 5. Three do not: 300 m are dug beside it, for 3000."""
    houses = {"a": point(100, 5), "b": point(200, 5), "c": point(300, 5)}
    two = lm.plan(MAIN, backbone("duct", 2), customers(b=houses["b"], c=houses["c"]), config=CONFIG)
    assert two.cost == pytest.approx(300 + 10, abs=0.02)
    assert two.reused["units"].max() == 2
    three = lm.plan(MAIN, backbone("duct", 2), customers(**houses), config=CONFIG)
    # 100 m are dug to a; beyond it two homes fit into the duct
    assert three.cost == pytest.approx(1000 + 200 + 15, abs=0.02)
    assert three.reused["units"].max() <= 2
    assert three.lower_bound <= three.cost


def test_who_does_not_fit_is_told_the_line() -> None:
    """Over the bridge leads only a duct with room for two: of three homes one stays out, and asks for room for one."""
    ways = streets(Main=line((0, 0), (100, 0)), Far=line((400, 0), (800, 0)))
    town = Town(ways, backbone("duct", 2), customers(a=point(450, 5), b=point(500, 5), c=point(550, 5)), CONFIG)
    plan = town.plan()
    left = plan.customers[plan.customers["outcome"] == "unserved"]
    assert left[["reason", "remedy_code", "remedy_at", "remedy_value"]].to_numpy().tolist() == [
        ["line_full", "add_spare", "L", 1.0]
    ]
    again = apply(town, plan, [int(left.index[0])]).plan()
    assert (again.customers["outcome"] == "planned").all()


def behind(*lines: tuple[float, float, float]) -> gpd.GeoDataFrame:
    """Return the cabinet at the start of Main, and ducts along y = 0: from, to, spare capacity."""
    names = [f"D{i}" for i in range(len(lines))]
    table = {"backbone_id": ["K", *names], "role": ["cabinet", *["duct"] * len(lines)]}
    places = [point(0, 0), *(line((start, 0), (end, 0)) for start, end, _ in lines)]
    free = {"units_free": [np.nan, *(spare for _, _, spare in lines)]}
    return gpd.GeoDataFrame(table | free, geometry=places, crs=CRS)


APART = streets(Main=line((0, 0), (100, 0)), Far=line((400, 0), (800, 0)))


@pytest.mark.parametrize("spare", [(0,), (1,), (1, 1), (0, 1), (0, 0)])
def test_who_is_tied_by_full_lines_only_is_told_all_of_them(spare: tuple[int, ...]) -> None:
    """The only way is as good as closed where a line has no room, from the start or for one more: each is named."""
    step = 400 / len(spare)
    backbone = behind(*((i * step, (i + 1) * step, room) for i, room in enumerate(spare)))
    town = Town(APART, backbone, customers(a=point(450, 5), b=point(500, 5)), CONFIG)
    plan = town.plan()
    left = plan.customers[plan.customers["outcome"] == "unserved"]
    assert len(left) == 2 - min(spare)
    for row, told in left.iterrows():
        assert (told["reason"], told["remedy_code"], told["remedy_value"]) == ("line_full", "add_spare", 1)
        assert "no price is known" in told["remedy"]
        assert apply(town, plan, [row]).plan().customers.loc[row, "outcome"] == "planned"  # type: ignore[list-item]


def test_the_proposal_counts_the_room_for_all() -> None:
    """Two homes that a full line keeps out need room for two, not for the larger of the two."""
    here = customers(a=point(450, 5), b=point(500, 5), c=point(550, 5))
    plan = lm.plan(APART, behind((0, 400, 1)), here, config=CONFIG)
    best = plan.proposals.iloc[0]
    assert (best["change"], best["at"], best["value"], best["homes"]) == ("add_spare", "D0", 2, 2)
    assert "no price is known" in best["proposal"]


def test_a_way_past_a_full_line_is_one_change_less() -> None:
    """Who can be dug to, though dearly, lacks money alone; room in the line would be a second change."""
    config = lm.read_config(prices="metres", cost=COST, budget=250)
    plan = lm.plan(MAIN, backbone("duct", 1), customers(a=point(200, 5), b=point(300, 5)), config=config)
    told = plan.customers.set_index("customer_id").loc["b"]
    assert (told["reason"], told["remedy_code"]) == ("over_budget", "raise_budget")
    assert told["remedy_also"] is None


def test_a_run_within_spare_capacity_is_verified(tmp_path: object) -> None:
    """What the plan says of lines holds when it is read again from its files."""
    houses = {"a": point(100, 5), "b": point(200, 5), "c": point(300, 5)}
    plan = lm.plan(MAIN, backbone("duct", 2), customers(**houses), config=CONFIG)
    verdict = lm.verify_run(lm.write_run(plan, tmp_path / "run"))  # type: ignore[operator]
    assert verdict.passed, str(verdict)


OPTICS = {"name": "paper", "budget_db": 10, "fibre_db_per_km": 1}


def tapped(loss: float) -> gpd.GeoDataFrame:
    """Return a line that can be tapped anywhere, from a splitter of known or unknown loss."""
    table = {"backbone_id": ["S", "L"], "role": ["splitter", "distribution"], "loss_db": [loss, np.nan]}
    return gpd.GeoDataFrame(table, geometry=[point(0, 0), line((0, 0), (400, 0))], crs=CRS)


def test_loss_is_followed_back_along_the_line() -> None:
    """
    The splitter has lost 9.3 dB; at 1 dB/km 700 m are left, of which the line up to the tap takes its part.

    The house at x = 390 is 400 m from the splitter, over the line and a drop of 10 m; that at 300 m north of x = 400
    is 400 + 300 + 10 = 710 m away: 0.01 dB too much.
    """
    ways = streets(Main=line((0, 0), (400, 0)), North=line((400, 0), (400, 350)))
    here = customers(a=point(390, 10), b=point(410, 300))
    config = lm.read_config(prices="metres", optical=OPTICS, tap="anywhere")
    plan = lm.plan(ways, tapped(9.3), here, config=config)
    assert plan.customers["outcome"].tolist() == ["planned", "unserved"]
    assert plan.customers.loc[1, ["reason", "remedy_code"]].tolist() == ["optical_budget", "reduce_loss"]
    assert plan.customers.loc[1, "remedy_value"] == pytest.approx(0.01, abs=0.0101)
    at = plan.access_points.set_index("access_point_id").loc[plan.customers.loc[0, "access_point_id"]]
    assert (at["loss_db"], at["back_m"]) == (9.3, pytest.approx(390, abs=0.02))
    just = lm.plan(ways, tapped(9.29), here, config=config)
    assert just.customers["outcome"].tolist() == ["planned", "planned"]


def test_unknown_loss_on_a_line_is_not_taken_for_none() -> None:
    """Nobody knows what the splitter has lost: refused, or, where the planner says so, not checked."""
    here = customers(a=point(390, 10))
    for unknown, outcome in (("refuse", "unserved"), ("ignore", "planned")):
        config = lm.read_config(prices="metres", optical=OPTICS | {"unknown": unknown}, tap="anywhere")
        plan = lm.plan(MAIN, tapped(np.nan), here, config=config)
        assert plan.customers.loc[0, "outcome"] == outcome
        assert plan.customers.loc[0, "reason"] == ("optical_unknown" if unknown == "refuse" else None)


def test_drops_pay_for_the_water_they_cross() -> None:
    """A ditch between street and house costs 500 on top of 100 m, dug at 10, and a drop of 20 m."""
    water = streets(ditch=line((0, 10), (500, 10))).assign(kind="water")
    config = lm.read_config(prices="metres", cost=COST | {"crossing": {"water": 500}})
    plan = lm.plan(MAIN, cabinet(), customers(a=point(100, 20)), config=config, rail_water=water)
    assert plan.cost == pytest.approx(1000 + 20 + 500, abs=0.02)
    assert plan.drops["crossing_cost"].tolist() == [500]
