"""Both sides of the street: trenches on the customers' side, and what changing sides costs; worked out on paper."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import lastmile_net as lm
from lastmile_net.demo import demo_folder
from lastmile_net.report import bill_of_materials

from .towns import cabinet, customers, line, point, streets

if TYPE_CHECKING:
    from pathlib import Path

    import shapely

# every street is 8 m wide, each dug metre costs 1, each crossing 100
FEE = 100.0


def config(**changes: object) -> lm.PlanConfig:
    """Return prices of metres with a fee for crossings, on both sides of streets."""
    cost = {"crossing": {"street": FEE}} | dict(changes.pop("cost", {}))  # type: ignore[call-overload]
    settings = {
        "street_sides": "both",
        "street_width_otherwise_m": 8.0,
        "street_width_m": {"path": 0.0},
        "prices": "metres",
    }
    return lm.read_config(**(settings | {"cost": cost} | changes))


def town(**places: shapely.Point) -> tuple[object, ...]:
    """Return Main from (0, 0) to (400, 0) with a cabinet on the corner of Side, which leads north from (100, 0)."""
    ways = streets(Main=line((0, 0), (100, 0), (400, 0)), Side=line((100, 0), (100, 300)))
    return ways, cabinet(100, 0), customers(**places)


def test_one_side_needs_no_crossing() -> None:
    """
    From the cabinet in the middle of the junction half a crossing leads to the corner between Main and Side.

    That corner is (104, 4): half a fee of 50 and sqrt(4² + 4²) = 5.66 m. Then 46 m along the north side to a
    at x = 150, and 96 m to b at x = 200, whose drops are 10 - 4 = 6 m: 50 + 5.66 + 96 + 6 + 6.
    """
    plan = lm.plan(*town(a=point(150, 10), b=point(200, 10)), config=config())
    assert plan.cost == pytest.approx(50 + 32**0.5 + 96 + 12, abs=0.05)
    assert plan.lower_bound <= plan.cost
    street = plan.trenches[plan.trenches["kind"] == "street"]
    # north is on the left of a street that runs east
    assert set(street["side"]) == {"left"}


def test_changing_sides_costs_a_crossing_or_the_other_corner() -> None:
    """
    The house on the south side at x = 200 is reached along the south side: half a fee to the near south corner.

    South of Main no street joins, so that its south corner lies at (100, -4), 4 m from the cabinet: 50 + 4 + 100 + 6.
    """
    plan = lm.plan(*town(c=point(200, -10)), config=config())
    assert plan.cost == pytest.approx(50 + 4 + 100 + 6, abs=0.05)
    assert set(plan.trenches.loc[plan.trenches["kind"] == "street", "side"]) == {"right"}


def test_one_crosses_where_that_is_cheaper_than_a_second_trench() -> None:
    """
    Houses on both sides at x = 300: crossing there costs 100 and 8 m, a second trench some 200 m and half a fee.

    North: 50 + 5.66 + 196 + 6. South: 108 + 6. With a fee of 500 the second trench is dug: half of 500 + 4 + 200 + 6.
    """
    houses = {"a": point(300, 10), "c": point(300, -10)}
    plan = lm.plan(*town(**houses), config=config())
    assert plan.cost == pytest.approx(50 + 32**0.5 + 196 + 6 + 108 + 6, abs=0.05)
    assert (plan.trenches["kind"] == "crossing").sum() == 2
    assert plan.trenches["crossing_cost"].sum() == pytest.approx(150)
    dear = lm.plan(*town(**houses), config=config(cost={"crossing": {"street": 500.0}}))
    assert dear.cost == pytest.approx(250 + 32**0.5 + 196 + 6 + 250 + 4 + 200 + 6, abs=0.05)


def test_wide_streets_are_crossed_at_junctions_only() -> None:
    """On a wide Main the same two houses need both trenches, from the junction or around the end, whatever it costs."""
    ways, backbone, here = town(a=point(300, 10), c=point(300, -10))
    ways["highway"] = ["primary", "residential"]
    wide = config(street_width_m={"primary": 8.0, "path": 0.0})
    plan = lm.plan(ways, backbone, here, config=wide)
    # around the dead end at x = 400: 100 + 8 + 100 m and a crossing at the end, 108 + 200, against 50 + 4 + 200
    assert plan.cost == pytest.approx(50 + 32**0.5 + 196 + 6 + 50 + 4 + 200 + 6, abs=0.05)


def test_the_centre_line_stands_for_both_by_default() -> None:
    """With `one` nothing is crossed: 200 m along Main and drops of 10 m on either side."""
    plan = lm.plan(*town(a=point(300, 10), c=point(300, -10)), config=lm.read_config(prices="metres"))
    assert plan.cost == pytest.approx(200 + 20, abs=0.02)
    assert plan.trenches["side"].isna().all()


def test_paths_have_no_sides() -> None:
    """A path is too narrow: its line leads on from the middle of the road, here where the cabinet stands."""
    ways = streets({"highway": ["residential", "path"]}, Main=line((0, 0), (100, 0)), Path=line((100, 0), (300, 0)))
    plan = lm.plan(ways, cabinet(100, 0), customers(a=point(200, 10)), config=config())
    assert plan.cost == pytest.approx(100 + 10, abs=0.02)
    assert plan.trenches["side"].isna().all()


def test_a_run_with_sides_is_verified(tmp_path: Path) -> None:
    """What is dug on both sides of one street lies on two lines, each metre once."""
    plan = lm.plan(*town(a=point(300, 10), c=point(300, -10), d=point(90, 200), e=point(110, 250)), config=config())
    verdict = lm.verify_run(lm.write_run(plan, tmp_path / "run"))
    assert verdict.passed, str(verdict)


def test_labour_of_crossings_is_told_once() -> None:
    """A bill that counts the labour of crossings with the metres, too, has rows with more labour than cost."""
    folder = demo_folder()
    files = [folder / f"{name}.gpkg" for name in ("streets", "backbone", "customers")]
    both = lm.read_config(prices="example-eur", street_sides="both", rounds=1, routes=False)
    plan = lm.plan(*files, config=both)
    bill = bill_of_materials(plan)
    assert (bill["item"] == "crossing of a street").any()
    told = bill["labour"].dropna()
    assert told.between(0, 1).all()
    labour = float((bill["amount"] * bill["labour"]).sum())
    assert labour == pytest.approx(plan.summary["labour"]["labour"], rel=2e-4)
