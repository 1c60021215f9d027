"""Prices of edges, drops and equipment on towns that one can draw by hand."""

from __future__ import annotations

from dataclasses import astuple
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from lastmile_net.config import CostModel
from lastmile_net.cost import (
    UNLIMITED,
    price_drops,
    price_edges,
    price_equipment,
    price_fibre,
    surface_classes,
    to_cents,
    total_cost,
    with_overhead,
)
from lastmile_net.network.network import BACKBONE, CONNECTOR, CROSSING, STREET, StreetNetwork

if TYPE_CHECKING:
    from collections.abc import Sequence

CRS = pyproj.CRS(25832)
EUR = CostModel.preset("example-eur")


def _line_network(
    kinds: Sequence[int],
    *,
    streets: dict[str, list[Any]] | None = None,
    lines: dict[str, list[Any]] | None = None,
    metres: float = 10.0,
) -> StreetNetwork:
    """One edge after the other along the x axis; each kind counts its own rows."""
    count = len(kinds)
    kind = np.array(kinds, np.int8)
    geometry = np.array([shapely.LineString([(i * metres, 0), ((i + 1) * metres, 0)]) for i in range(count)], object)
    source = np.full(count, -1, np.int64)
    for code in (STREET, BACKBONE):
        source[kind == code] = np.arange((kind == code).sum())
    source[kind == CROSSING] = 0
    return StreetNetwork(
        crs=CRS,
        x=np.arange(count + 1) * metres,
        y=np.zeros(count + 1),
        component=np.zeros(count + 1, np.int64),
        tail=np.arange(count),
        head=np.arange(count) + 1,
        length_m=np.full(count, metres),
        kind=kind,
        street_id=np.full(count, "", object),
        source=source,
        geometry=geometry,
        streets=gpd.GeoDataFrame(streets or {"highway": []}, geometry=geometry[kind == STREET], crs=CRS),
        backbone=gpd.GeoDataFrame(lines or {"role": []}, geometry=geometry[kind == BACKBONE], crs=CRS),
        point_node=np.full(int((kind == BACKBONE).sum()), -1, np.int64),
    )


def test_streets_are_priced_by_their_ground() -> None:
    """10 m each: asphalt 150, paving stones 130, no tag on a track ploughed at 30, grass 50, nothing known 150."""
    streets = {
        "highway": ["residential", "residential", "track", "residential", None],
        "surface": ["Asphalt ", "paving_stones:30", None, "grass;gravel", "undefined"],
    }
    prices = price_edges(_line_network([STREET] * 5, streets=streets), EUR)
    assert prices.build.tolist() == [1500, 1300, 300, 500, 1500]
    assert prices.surface.tolist() == ["sealed", "paved_stone", "unsealed", "verge", "sealed"]
    assert prices.method.tolist() == ["open_trench", "open_trench", "plough", "open_trench", "open_trench"]
    assert prices.labour.tolist() == [1080, 936, 216, 360, 1080]
    assert prices.fibre.tolist() == [2.5] * 5


def test_a_method_without_a_price_on_the_ground_falls_back() -> None:
    """A paved track cannot be ploughed: it is trenched, at 10 m x 150."""
    network = _line_network([STREET], streets={"highway": ["track"], "surface": ["asphalt"]})
    assert price_edges(network, EUR).build.tolist() == [1500]


def test_aerial_and_microtrench_can_be_chosen() -> None:
    """The planner says how one digs: 10 m in the air at 25, 10 m microtrench at 70."""
    changes = {"method_of_highway": {"track": "aerial", "service": "microtrench"}}
    network = _line_network([STREET] * 2, streets={"highway": ["track", "service"]})
    assert price_edges(network, CostModel.preset("example-eur", changes)).build.tolist() == [250, 700]


def test_existing_lines_cost_their_role() -> None:
    """10 m each: duct, distribution 2.50; feeder only with spare homes; drop and full duct never; poles 12."""
    lines = {
        "role": ["duct", "distribution", "feeder", "feeder", "drop", "aerial", "duct", None],
        "units_free": [np.nan, 7.0, np.nan, 4.0, 9.0, np.nan, 0.0, np.nan],
    }
    prices = price_edges(_line_network([BACKBONE] * 8, lines=lines), EUR)
    assert prices.build.tolist() == [25, 25, np.inf, 25, np.inf, 120, np.inf, 25]
    assert prices.forbidden.tolist() == [False, False, True, False, True, False, True, False]
    assert prices.capacity.tolist() == [UNLIMITED, 7, UNLIMITED, 4, 9, UNLIMITED, 0, UNLIMITED]
    assert set(prices.surface) == {""}


def test_connectors_and_crossings_have_their_price() -> None:
    """A connector of 10 m is dug at 150; crossing the gravel street costs 10 x 60 and 600 for the crossing."""
    network = _line_network([STREET, CONNECTOR, CROSSING], streets={"highway": ["residential"], "surface": ["gravel"]})
    assert price_edges(network, EUR).build.tolist() == [600, 1500, 1200]


def test_rails_and_waters_cost_a_crossing_each() -> None:
    """A railway over the first street and two streams over the second are paid on top of the metres."""
    across = [shapely.LineString([(x, -5), (x, 5)]) for x in (5, 13, 17)]
    obstacles = gpd.GeoDataFrame({"kind": ["rail", "water", None]}, geometry=across, crs=CRS)
    network = _line_network([STREET] * 3, streets={"highway": ["residential"] * 3})
    assert price_edges(network, EUR, rail_water=obstacles).build.tolist() == [16500, 11500, 1500]


def test_what_is_forbidden_costs_infinitely_much() -> None:
    """Motorways, excluded streets and excluded areas are never dug; an area's rim does not exclude its neighbours."""
    streets = {
        "highway": ["motorway", "residential", "residential", "residential"],
        "exclude": [None, True, False, None],
    }
    area = gpd.GeoDataFrame(geometry=[shapely.box(30, -5, 40, 5)], crs=CRS)
    network = _line_network([STREET] * 4 + [BACKBONE], streets=streets, lines={"role": ["duct"]})
    prices = price_edges(network, EUR, excluded=area)
    assert prices.build.tolist() == [np.inf, np.inf, 1500, np.inf, 25]
    assert prices.forbidden.tolist() == [True, True, False, True, False]
    assert np.isfinite(prices.labour).all()


def test_cost_factor_and_include_are_the_planners() -> None:
    """A cost factor multiplies the metres of that way alone; `include` is handed on."""
    streets = {"highway": ["residential"] * 3, "cost_factor": [2.0, np.nan, 0.5], "include": [True, None, False]}
    prices = price_edges(_line_network([STREET] * 3, streets=streets), EUR)
    assert prices.build.tolist() == [3000, 1500, 750]
    assert prices.locked.tolist() == [True, False, False]


def test_the_metres_preset_prices_metres() -> None:
    """On `metres` a street, connector, crossing and drop cost their length, what exists costs nothing."""
    network = _line_network(
        [STREET, CONNECTOR, CROSSING, BACKBONE], streets={"highway": ["track"]}, lines={"role": ["duct"]}, metres=12.345
    )
    prices = price_edges(network, CostModel.preset("metres"))
    assert prices.build.tolist() == [12.35, 12.35, 12.35, 0]
    assert prices.fibre.tolist() == [0] * 4
    assert price_drops(np.array([17.25]), CostModel.preset("metres")).tolist() == [17.25]


def test_drops_include_their_first_metres() -> None:
    """20 m are in the fixed 850, at the limit as well; the metre after them costs 49."""
    assert price_drops(np.array([0, 20, 21, 22.5]), EUR).tolist() == [850, 850, 899, 972.5]
    crossed = np.array([[1.0, 0, 0], [0, 2.0, 1.0]])
    fees = [EUR.crossing.street.value, 2 * EUR.crossing.rail.value + EUR.crossing.water.value]
    assert (price_drops(np.array([0, 20]), EUR, crossed) - 850).tolist() == fees


def test_equipment_is_per_home_and_per_customer() -> None:
    """90 + 60 + 3 for each home, 20 for each customer."""
    assert price_equipment(np.array([1, 10]), EUR).tolist() == [173, 1550]
    assert price_equipment(np.array([4]), CostModel.preset("metres")).tolist() == [0]


def test_surfaces_without_columns_take_the_default() -> None:
    """Streets of other sources need not have OSM's columns."""
    assert surface_classes(pd.DataFrame(index=range(2)), EUR).tolist() == ["sealed", "sealed"]


@pytest.mark.parametrize(
    ("money", "cents"), [(0.125, 0.13), (1.005, 1.01), (2.675, 2.68), (0.0049, 0.0), (np.inf, np.inf)]
)
def test_halves_of_a_cent_go_up(money: float, cents: float) -> None:
    """Binary fractions must not decide which way half a cent goes: 1.005 is 1.00499… to the machine."""
    assert to_cents(np.array([money])).tolist() == [cents]


@given(st.lists(st.integers(0, 10**11), min_size=5, max_size=5))
def test_the_total_is_the_sum_of_its_parts(cents: list[int]) -> None:
    """A planner adds up the table and must find the total, to the cent."""
    trench, drop, reuse, fibre, equipment = (amount / 100 for amount in cents)
    cost = total_cost(EUR, trench=trench, drop=drop, reuse=reuse, fibre=fibre, equipment=equipment)
    total, *parts = (round(part * 100) for part in astuple(cost))
    assert total == sum(parts)
    assert abs(parts[-1] - sum(cents) * 0.1) <= 0.51


@given(st.integers(0, 10**10), st.integers(0, 10**10))
def test_overhead_keeps_bounds_bounds(first: int, second: int) -> None:
    """A lower bound on the parts stays one when overhead goes on both, however the cents are rounded."""
    low, high = sorted((first / 100, second / 100))
    assert with_overhead(low, EUR) <= with_overhead(high, EUR)


@given(st.floats(0, 1e5), st.floats(0, 1e5))
def test_longer_is_never_cheaper(first: float, second: float) -> None:
    """Solvers rely on it: more metres of drop or fibre cannot cost less."""
    lengths = np.array(sorted((first, second)))
    assert np.diff(price_drops(lengths, EUR))[0] >= 0
    assert np.diff(price_fibre(lengths, EUR))[0] >= 0
