"""Existing lines with little spare capacity: they must cost neither homes nor the proof of an aim."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely import LineString, Point

import lastmile_net as lm

from .test_plan import CRS, E0, N0, cabinet, customers, streets

if TYPE_CHECKING:
    from pathlib import Path

BLOCKS, BLOCK_M, HOUSES = 3, 100, 9
"""Streets of a random town, and how many houses it has."""


def at(x: float, y: float) -> Point:
    """Return a point so many metres from the cabinet."""
    return Point(E0 + x, N0 + y)


def way(*places: tuple[float, float]) -> LineString:
    """Return a line over places in metres from the cabinet."""
    return LineString([at(x, y) for x, y in places])


def ducts(*lines: tuple[LineString, int]) -> gpd.GeoDataFrame:
    """Return the cabinet, and ducts with room for so many homes each."""
    table = {"backbone_id": [f"D{i}" for i in range(len(lines))], "role": "duct", "units_free": [n for _, n in lines]}
    found = gpd.GeoDataFrame(table, geometry=[line for line, _ in lines], crs=CRS)
    return pd.concat([cabinet(), found], ignore_index=True)


def planned(ways: gpd.GeoDataFrame, backbone: gpd.GeoDataFrame, here: gpd.GeoDataFrame, **aim: float) -> lm.Plan:
    """Plan at 1 a metre, ducts for nothing, drops of 50 m at most, with an aim."""
    return lm.plan(ways, backbone, here, config=lm.read_config(prices="metres", max_drop_m=50, **aim))


@pytest.mark.parametrize(("aim", "least"), [({"budget": 215}, 10), ({"target_coverage": 0.75}, 70)])
def test_a_duct_with_little_room_takes_no_homes_away(aim: dict[str, float], least: float) -> None:
    """
    Three homes are 210 m away, alone; to m it is 170 m, and from there 70 m more to them: so one digs for all.

    A duct to m has room for one: whatever begins with m, or goes through the duct, leaves the three out. If it had room
    for all, they would cost 70, and all of them 80: no bound is higher.
    """
    ways = streets(
        Main=way((0, 0), (0, -60), (100, -60)),
        Side=way((100, -60), (100, 0)),
        Up=way((0, 0), (0, 50), (100, 50), (100, 0)),
    )
    here = customers(m=at(100, -70), g=at(110, 0)).assign(units=[1, 3])
    for backbone in (cabinet(), ducts((way((0, 0), (0, -60), (100, -60)), 1))):
        plan = planned(ways, backbone, here, **aim)
        assert (plan.summary["units"]["planned"], plan.cost) == (3, pytest.approx(210, abs=0.02))
    assert plan.lower_bound == pytest.approx(70, abs=0.02)
    told = plan.summary["aim"]
    assert (told["most_gain"], told["least_cost"]) == (4, pytest.approx(least, abs=0.02))


def test_a_duct_that_the_money_does_not_reach_leaves_the_proof_as_it_is() -> None:
    """It is 200 m to a duct that is too small for all; the money is spent in the other street, to the last metre."""
    ways = streets(West=way((0, 0), (-150, 0)), East=way((0, 0), (600, 0)))
    doors = {f"w{i}": at(-50 * i, 10) for i in (1, 2, 3)} | {"e1": at(590, 10), "e2": at(600, 10)}
    plan = planned(ways, ducts((way((200, 0), (600, 0)), 1)), customers(**doors), budget=180)
    assert plan.gap == pytest.approx(0, abs=1e-6)
    assert plan.summary["aim"]["gain"] == plan.summary["aim"]["most_gain"] == 3


def test_a_duct_with_room_is_not_blamed() -> None:
    """The duct to an island takes either of two homes, and the money neither: each alone lacks money, and no port."""
    ways = streets(Side=way((100, -60), (100, 0)), Up=way((0, 0), (0, 50), (100, 50)), Far=way((400, 0), (600, 0)))
    here = customers(g=at(-10, 40), f=at(450, 5), h=at(500, 5))
    plan = planned(ways, ducts((way((0, 0), (400, 0)), 1)), here, budget=51)
    told = plan.customers.set_index("customer_id").loc[["f", "h"]]
    assert told["reason"].tolist() == ["over_budget"] * 2
    assert told["remedy_code"].tolist() == ["raise_budget"] * 2
    assert told["remedy_also"].isna().all()


@pytest.mark.parametrize(("doors", "rooms", "homes", "cost"), [(1, (1, 1), 2, 115), (10, (2,), 12, 410)])
def test_lines_are_filled_with_whom_they_alone_reach(
    tmp_path: Path, doors: int, rooms: tuple[int, ...], homes: int, cost: float
) -> None:
    """
    Houses on Main can be dug to; to the three on the island lead only ducts, with room for one or two of them.

    Dug are 50 m and a drop of 10 m to the first house, 20 + 10 to each other one; the island's first is 55 m from the
    duct's end, its next one 20 m and a drop of 5 m more.
    """
    ways = streets(Main=way((0, 0), (300, 0)), Far=way((400, 0), (600, 0)))
    main = {f"m{i}": at(50 + 20 * i, 10) for i in range(doors)}
    ends = [400 * i / len(rooms) for i in range(len(rooms) + 1)]
    lines = [(way((a, 0), (b, 0)), room) for a, b, room in zip(ends[:-1], ends[1:], rooms, strict=True)]
    plan = planned(ways, ducts(*lines), customers(**main, x=at(450, 5), y=at(470, 5), z=at(490, 5)))
    assert plan.summary["units"]["planned"] == homes
    assert plan.cost == pytest.approx(cost, abs=0.02)
    left = plan.customers[plan.customers["outcome"] == "unserved"]
    assert set(left["reason"]) == {"line_full"}
    assert set(left["remedy_code"]) == {"add_spare"}
    verdict = lm.verify_run(lm.write_run(plan, tmp_path / "run"))
    assert verdict.passed, str(verdict)


def test_a_trench_beside_a_full_duct_is_told_from_it(tmp_path: Path) -> None:
    """Both lie on one another: routes do not tell which they run through, but homes too many on either are a fault."""
    ways = streets(Main=way((0, 0), (100, 0)), Far=way((400, 0), (600, 0)))
    here = customers(n=at(50, 10), f=at(450, 5)).assign(units=[2, 1])
    plan = planned(ways, ducts((way((0, 0), (400, 0)), 1)), here)
    assert plan.summary["units"]["planned"] == 3
    for name, table in {"right": plan.reused, "wrong": plan.reused.assign(units=plan.reused["units"] * 2)}.items():
        verdict = lm.verify_run(lm.write_run(dataclasses.replace(plan, reused=table), tmp_path / name))
        assert ("homes served through pieces are wrong" in str(verdict)) is (name == "wrong")


def random_town(seed: int) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Return blocks of streets, the cabinet with two small ducts along some of them, and houses."""
    rng = np.random.default_rng(seed)
    size = BLOCKS * BLOCK_M
    ways = {f"h{i}": way((0, BLOCK_M * i), (size, BLOCK_M * i)) for i in range(BLOCKS + 1)}
    ways |= {f"v{i}": way((BLOCK_M * i, 0), (BLOCK_M * i, size)) for i in range(BLOCKS + 1)}
    first, second = (
        way((0, 0), (0, int(y)), (size, int(y))) for y in BLOCK_M * rng.choice(BLOCKS + 1, 2, replace=False)
    )
    room = rng.integers(1, 6, 2).tolist()
    doors = {f"c{i:02}": at(*place) for i, place in enumerate(rng.integers(5, size - 5, (HOUSES, 2)).tolist())}
    here = customers(**doors).assign(units=rng.integers(1, 5, HOUSES))
    return streets(**ways), ducts((first, room[0]), (second, room[1])), here


@pytest.mark.parametrize("seed", range(20))
def test_small_ducts_are_better_than_none(tmp_path: Path, seed: int) -> None:
    """More backbone serves no fewer homes, and no more than is told, and carries no more than it has room for."""
    ways, backbone, here = random_town(seed)
    budget = float(np.random.default_rng(seed).integers(200, 900))
    without, plan = (planned(ways, lines, here, budget=budget) for lines in (cabinet(), backbone))
    gain = [each.summary["aim"]["gain"] for each in (without, plan)]
    assert gain[0] <= gain[1] <= plan.summary["aim"]["most_gain"]
    assert plan.lower_bound <= plan.cost <= budget
    verdict = lm.verify_run(lm.write_run(plan, tmp_path / "run"))
    assert verdict.passed, str(verdict)
