"""The whole chain, on towns one can draw and on real ones."""

from __future__ import annotations

import dataclasses
import importlib
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely import LineString, Point

import lastmile_net as lm
from lastmile_net.demo import demo_folder
from lastmile_net.errors import ConfigError, SolveError

if TYPE_CHECKING:
    from pathlib import Path

    from lastmile_net.plan.outcome import Posing

plan_module = importlib.import_module("lastmile_net.plan.plan")

CRS = 25832
E0, N0 = 500_000.0, 5_400_000.0


def _line(*places: tuple[float, float]) -> LineString:
    return LineString([(E0 + x, N0 + y) for x, y in places])


def _point(x: float, y: float) -> Point:
    return Point(E0 + x, N0 + y)


def streets(**ways: LineString) -> gpd.GeoDataFrame:
    """Return ways by name."""
    return gpd.GeoDataFrame({"street_id": list(ways), "name": list(ways)}, geometry=list(ways.values()), crs=CRS)


def customers(**places: Point | None) -> gpd.GeoDataFrame:
    """Return customers by id."""
    return gpd.GeoDataFrame({"customer_id": list(places)}, geometry=list(places.values()), crs=CRS)


def cabinet(x: float = 0, y: float = 0, ports: float = np.nan) -> gpd.GeoDataFrame:
    """Return a backbone of one cabinet."""
    table = {"backbone_id": ["K"], "role": ["cabinet"], "ports_free": [ports]}
    return gpd.GeoDataFrame(table, geometry=[_point(x, y)], crs=CRS)


METRES = lm.read_config(prices="metres")


def test_a_plan_around_a_full_duct_is_not_called_the_cheapest() -> None:
    """The bound knows no spare capacity: the duct for one of two homes leaves a gap of 500 %, "proven the cheapest"."""
    duct = gpd.GeoDataFrame(
        {"backbone_id": ["D"], "role": ["duct"], "units_free": [1.0]}, geometry=[_line((0, 0), (100, 0))], crs=CRS
    )
    backbone = pd.concat([cabinet(), duct], ignore_index=True)
    here = customers(a=_point(100, 9), b=_point(100, 8))
    plan = lm.plan(streets(s=_line((0, 0), (100, 0))), backbone, here, config=METRES)
    assert plan.customers["outcome"].tolist() == ["planned", "planned"]
    assert plan.gap > 1
    assert plan.status == "rounds"
    assert "proven the cheapest" not in str(plan)


@pytest.mark.parametrize("config", [{"max_drop_m": 80}, "lastmile.toml"])
def test_a_config_that_is_none_is_told_how_to_make_one(config: object) -> None:
    """In a notebook one writes a dict, or the name of a file: both ended in a traceback about `crs`."""
    with pytest.raises(ConfigError, match="read_config"):
        lm.plan(streets(a=_line((0, 0), (100, 0))), cabinet(), customers(c=_point(50, 9)), config=config)


def test_a_table_in_memory_is_placed_by_its_coordinates() -> None:
    """What pandas read, from a sheet or a database, has longitudes and latitudes and no geometry."""
    places = customers(a=_point(50, 9), b=_point(80, 9)).to_crs(4326)
    table = pd.DataFrame({"customer_id": places["customer_id"], "lon": places.geometry.x, "lat": places.geometry.y})
    before = table.copy()
    plan = lm.plan(streets(a=_line((0, 0), (100, 0))), cabinet(), table, config=METRES)
    assert plan.cost == pytest.approx(98, abs=0.01)
    pd.testing.assert_frame_equal(table, before)


@pytest.mark.parametrize(
    ("drops_m", "note"),
    [
        ((200,), ""),
        ((201,), "1 planned drop is longer than 200 m: 201 m"),
        ((30, 250, 820), "2 planned drops are longer than 200 m, the longest 820 m"),
    ],
)
def test_long_drops_are_noted(drops_m: tuple[int, ...], note: str) -> None:
    """A limit of 2 km buys drops that nobody builds: the plan says how many, the longest, and what is usual."""
    places = {f"c{k}": _point(50 + 100 * k, far) for k, far in enumerate(drops_m)}
    config = lm.read_config(prices="metres", max_drop_m=2000)
    plan = lm.plan(streets(Main=_line((0, 0), (300, 0))), cabinet(), customers(**places), config=config)
    told = [each for each in plan.notes if "planned drop" in each]
    usual = "; usual are 50 to 75 m: lower max_drop_m (it is 2000), or add the streets that are missing"
    assert told == ([note + usual] if note else [])


def test_one_street_costs_its_metres() -> None:
    """Drawn on paper: 100 m along the street and a drop of 20 m, at 1 a metre."""
    plan = lm.plan(streets(Main=_line((0, 0), (300, 0))), cabinet(), customers(a=_point(100, 20)), config=METRES)
    assert plan.cost == pytest.approx(120, abs=0.01)
    assert plan.lower_bound == pytest.approx(120, abs=0.01)
    assert plan.customers.loc[0, "outcome"] == "planned"


@pytest.mark.parametrize(("off_milli", "seen"), [(0, False), (20, False), (1000, True), (-1000, False)])
def test_a_bound_above_the_cost_is_a_fault(off_milli: int, seen: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut down to the cost, a wrong bound would be a proof: no test and no `verify` could tell it from a true one."""
    whole = plan_module.assemble

    def with_another_bound(posing: Posing) -> lm.Plan:
        solution = posing.limited.solution
        solution = dataclasses.replace(solution, lower_bound=solution.cost + off_milli)
        limited = dataclasses.replace(posing.limited, solution=solution)
        return whole(dataclasses.replace(posing, money=dataclasses.replace(posing.money, limited=limited)))

    monkeypatch.setattr(plan_module, "assemble", with_another_bound)
    town = streets(Main=_line((0, 0), (300, 0))), cabinet(), customers(a=_point(100, 20))
    if seen:
        with pytest.raises(SolveError, match=r"no plan costs less than 121\.\d+, but this one is 120\.0"):
            lm.plan(*town, config=METRES)
    else:
        assert lm.plan(*town, config=METRES).lower_bound == pytest.approx(120 + min(off_milli, 0) / 1000, abs=0.01)


def test_two_customers_share_a_trench() -> None:
    """A shared trench is dug once: 200 m of street and two drops of 10 m, not 100 + 200."""
    here = customers(a=_point(100, 10), b=_point(200, -10))
    plan = lm.plan(streets(Main=_line((0, 0), (300, 0))), cabinet(), here, config=METRES)
    assert plan.cost == pytest.approx(220, abs=0.01)


def test_a_bridge_is_not_joined_to_the_street_beneath() -> None:
    """A customer by a bridge that crosses the tied street without meeting it is on an island."""
    ways = streets(Main=_line((0, 0), (300, 0)), Over=_line((150, -400), (150, 400)))
    ways["bridge"] = [None, "yes"]
    plan = lm.plan(ways, cabinet(), customers(a=_point(160, 390)), config=METRES)
    assert plan.customers.loc[0, "reason"] == "street_island"


def test_streets_that_cross_at_grade_are_joined() -> None:
    """Files of streets often lack the node where two of them cross: 150 m and 390 m, and a drop of 10 m."""
    ways = streets(Main=_line((0, 0), (300, 0)), Cross=_line((150, -400), (150, 400)))
    plan = lm.plan(ways, cabinet(), customers(a=_point(160, 390)), config=METRES)
    assert plan.cost == pytest.approx(550, abs=0.01)


def test_drop_limit_counts_inclusively() -> None:
    """A drop of exactly the limit is allowed, one that is longer is not, and the remedy says by how much."""
    here = customers(a=_point(50, 100), b=_point(80, 100.5))
    plan = lm.plan(streets(Main=_line((0, 0), (300, 0))), cabinet(), here, config=METRES)
    assert plan.customers["outcome"].tolist() == ["planned", "unserved"]
    assert plan.customers.loc[1, "reason"] == "no_street_in_reach"
    assert plan.customers.loc[1, "remedy_value"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("ports", "told"),
    [
        (1, "no free port left: add 3 ports at access point K"),
        (2, "1 free port left: add 2 ports at access point K"),
    ],
)
def test_who_finds_no_port_is_told_of_the_access_point_once(ports: int, told: str) -> None:
    """A sentence that names the same cabinet twice reads as if there were two."""
    here = customers(a=_point(50, 10), b=_point(100, 10)).assign(units=[1, 3])
    plan = lm.plan(streets(Main=_line((0, 0), (200, 0))), cabinet(ports=ports), here, config=METRES)
    left = plan.customers[plan.customers["outcome"] == "unserved"]
    assert left["remedy"].tolist() == [told]


def test_ports_are_kept() -> None:
    """Two ports serve two of three homes, and the third is told why not."""
    here = customers(a=_point(50, 5), b=_point(100, 5), c=_point(150, 5))
    plan = lm.plan(streets(Main=_line((0, 0), (300, 0))), cabinet(ports=2), here, config=METRES)
    assert plan.customers["outcome"].tolist() == ["planned", "planned", "unserved"]
    assert plan.customers.loc[2, "reason"] == "no_free_port"


def test_nobody_is_dropped_without_a_place() -> None:
    """A customer without a location stays in the output, with its reason."""
    here = customers(a=_point(50, 5), b=None)
    config = lm.read_config(prices="metres", on_bad_rows="quarantine")
    plan = lm.plan(streets(Main=_line((0, 0), (300, 0))), cabinet(), here, config=config)
    assert plan.customers["customer_id"].tolist() == ["a", "b"]
    assert plan.customers.loc[1, "reason"] == "invalid_location"


def test_all_faults_are_told_at_once() -> None:
    """A planner mends a file once, not once per fault."""
    here = customers(a=_point(50, 5), b=None)
    here = pd.concat([here, here.iloc[:1]])
    with pytest.raises(lm.DataError) as caught:
        lm.plan(streets(Main=_line((0, 0), (300, 0))), cabinet().iloc[:0], here, config=METRES)
    text = str(caught.value)
    assert "--pop" in text
    assert "more than once" in text
    assert "missing or empty" in text


def test_row_order_changes_nothing() -> None:
    """Same input in another order, same tables: ids decide ties, and no clock on a slow machine."""
    town = demo_folder()
    layers = [gpd.read_file(town / f"{name}.gpkg") for name in ("streets", "backbone", "customers")]
    config = lm.read_config(rounds=2, time_limit_s=3600)
    one = lm.plan(*layers, config=config)
    other = lm.plan(*(frame.sample(frac=1, random_state=3) for frame in layers), config=config)
    assert one.summary == other.summary
    for name in ("customers", "trenches", "reused", "routes", "access_points"):
        first, second = getattr(one, name), getattr(other, name)
        pd.testing.assert_frame_equal(pd.DataFrame(first), pd.DataFrame(second[first.columns]))


@pytest.mark.towns
@pytest.mark.parametrize("backbone", ["backbone.gpkg", "backbone_lines.gpkg"])
@pytest.mark.parametrize("name", ["suburb", "helsinki"])
def test_real_towns_pass_verification(towns: Path, tmp_path: Path, name: str, backbone: str) -> None:
    """What is planned on a real town holds when it is read again from its files."""
    town = towns / name
    files = [town / "streets.gpkg", town / backbone, town / "customers.gpkg"]
    plan = lm.plan(*files, config=lm.read_config(rounds=2))
    verdict = lm.verify_run(lm.write_run(plan, tmp_path / "run"))
    assert verdict.passed, str(verdict)


@pytest.mark.parametrize(
    ("ports", "homes", "note"),
    [
        (9.0, [1, 3], ""),
        (np.nan, [1, 3], "1 access point in use has no `ports_free`: no limit is kept, and it gets 4 homes"),
        (np.nan, [1, None], "1 access point in use has no `ports_free`: no limit is kept, and it gets 1 home"),
    ],
)
def test_ports_without_a_limit_are_noted(ports: float, homes: list[int | None], note: str) -> None:
    """A cabinet whose free ports nobody has counted takes the whole town: the plan says so, or it looks like a fact."""
    places = {f"c{k}": _point(50 + 100 * k, 20) for k, units in enumerate(homes) if units}
    here = customers(**places).assign(units=[units for units in homes if units])
    plan = lm.plan(streets(Main=_line((0, 0), (300, 0))), cabinet(ports=ports), here, config=METRES)
    assert [each for each in plan.notes if "ports_free" in each] == ([note] if note else [])


@pytest.mark.parametrize(
    ("prices", "surface", "note"),
    [
        ("example-eur", [None, "asphalt"], "1 street"),
        ("example-eur", ["", "moon dust"], "2 streets"),
        ("example-eur", ["gravel", "asphalt"], ""),
        ("metres", [None, None], ""),
    ],
)
def test_ground_that_is_guessed_is_noted(prices: str, surface: list[str | None], note: str) -> None:
    """A street without a surface is dug at the price of asphalt: that is a guess, unless all ground costs the same."""
    ways = streets(Main=_line((0, 0), (300, 0)), Back=_line((300, 0), (300, 40))).assign(surface=surface)
    plan = lm.plan(ways, cabinet(), customers(a=_point(250, 20)), config=lm.read_config(prices=prices))
    told = [each for each in plan.notes if "`surface`" in each]
    end = "is told neither by `surface` nor by the class in `highway`: priced as sealed (`cost.surface_otherwise`)"
    assert told == ([f"the ground of {note} {end}"] if note else [])


@pytest.mark.parametrize(("units", "note"), [([2, None], "1 row has"), ([None, None], "2 rows have"), ([2, 3], "")])
def test_units_that_are_guessed_are_noted(units: list[int | None], note: str) -> None:
    """A block of flats whose homes nobody has counted is planned as one home: the plan says how many there are."""
    here = customers(a=_point(250, 20), b=_point(200, 20)).assign(units=units)
    plan = lm.plan(streets(Main=_line((0, 0), (300, 0))), cabinet(), here, config=METRES)
    assert [each for each in plan.notes if "`units`" in each] == (
        [f"customers: {note} no `units`: taken for 1"] if note else []
    )


def test_a_missing_column_of_units_is_noted() -> None:
    """Without `units` a tower counts as much as a cottage: whoever forgot to map the column must read it."""
    here = customers(a=_point(250, 20), b=_point(200, 20)).drop(columns="units", errors="ignore")
    plan = lm.plan(streets(Main=_line((0, 0), (300, 0))), cabinet(), here, config=METRES)
    told = [each for each in plan.notes if "`units`" in each]
    assert told == ["customers: there is no column `units`: each row is taken for 1"]


@pytest.mark.parametrize(
    ("changes", "places", "note"),
    [
        ({}, {"a": (250, -60)}, "1 planned drop crosses a street at no price"),
        ({}, {"a": (250, -60), "b": (260, -60)}, "2 planned drops cross a street at no price"),
        ({}, {"a": (250, -30)}, ""),
        ({"street_sides": "both"}, {"a": (250, -60)}, ""),
        ({"prices": "metres"}, {"a": (250, -60)}, ""),
    ],
)
def test_drops_across_a_street_are_noted(
    changes: dict[str, str], places: dict[str, tuple[float, float]], note: str
) -> None:
    """Where centre lines stand for both sides no drop pays for crossing: who reads the costs must know how many do."""
    ways = streets(Main=_line((0, 0), (300, 0)), Back=_line((200, -40), (300, -40)))
    config = lm.read_config(**{"prices": "example-eur", "tap": "points", **changes})
    here = customers(**{name: _point(*place) for name, place in places.items()})
    plan = lm.plan(ways, cabinet(), here, config=config)
    told = [each for each in plan.notes if "no price" in each]
    cure = '; with `street_sides = "both"` a crossing costs 600.00 EUR'
    assert told == ([note + cure] if note else [])
