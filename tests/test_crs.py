"""Where things are measured: a wrong choice here makes every metre of every plan wrong."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely

from lastmile_net.crs import (
    MAX_STRETCH,
    beyond_area_of_use,
    choose_metric_crs,
    extent_of,
    project,
    read_crs,
    require_metric,
    stretch,
)
from lastmile_net.errors import CrsError

GEOD = pyproj.Geod(ellps="WGS84")
NUREMBERG = [(11.0, 49.4), (11.2, 49.5)]


def layer(places: list[tuple[float, float]], crs: object = 4326) -> gpd.GeoDataFrame:
    """Return points as a layer."""
    return gpd.GeoDataFrame(geometry=[shapely.Point(place) for place in places], crs=crs)


@pytest.mark.parametrize(
    ("places", "epsg"),
    [
        (NUREMBERG, 32632),
        ([(-70.6, -33.4), (-70.5, -33.5)], 32719),
        ([(151.2, -33.8)], 32756),
        ([(-77.3, 25.0)], 32618),
        ([(179.9, -17.0), (-179.9, -17.1)], 32701),
        ([(11.9, 49.0), (12.3, 49.0)], 32633),
    ],
)
def test_utm_zone_of_the_middle(places: list[tuple[float, float]], epsg: int) -> None:
    """North, south, both sides of a zone's edge and of the antimeridian: each has one right zone."""
    assert choose_metric_crs(layer(places)).to_epsg() == epsg


@pytest.mark.parametrize(
    "places",
    [
        NUREMBERG,
        [(-70.6, -33.4), (-70.5, -33.5)],
        [(179.9, -17.0), (-179.9, -17.1)],
        [(6.0, 50.0), (15.0, 48.0), (11.0, 54.0)],
        [(5.0, 0.0), (13.0, 0.5)],
        [(10.0, 89.0), (12.0, 89.2)],
        [(10.0, -88.0), (190.0, -88.0)],
    ],
)
def test_lengths_are_true(places: list[tuple[float, float]]) -> None:
    """The geodesic says what a metre is: no chosen CRS may be a per cent off anywhere in the extent."""
    crs = choose_metric_crs(layer(places))
    for lon, lat in places:
        east, north, _ = GEOD.fwd(lon, lat, 37.0, 1000.0)
        line = project(gpd.GeoDataFrame(geometry=[shapely.LineString([(lon, lat), (east, north)])], crs=4326), crs)
        assert line.length.iloc[0] == pytest.approx(1000.0, rel=MAX_STRETCH)


@pytest.mark.parametrize("epsg", [25832, 31468, 5243, 3035])
def test_keeps_the_planners_own_crs(epsg: int) -> None:
    """A planner's maps are in the national grid: outputs in another one would not lie on them."""
    assert choose_metric_crs(layer(NUREMBERG).to_crs(epsg)).to_epsg() == epsg
    assert choose_metric_crs(layer(NUREMBERG), layer(NUREMBERG).to_crs(epsg)).to_epsg() == epsg


@pytest.mark.parametrize("epsg", [3857, 3395, 4087, 2263, 27700])
def test_does_not_keep_what_does_not_fit(epsg: int) -> None:
    """Maps of the world, feet and grids of elsewhere are left for the UTM zone."""
    assert choose_metric_crs(layer(NUREMBERG).to_crs(epsg)).to_epsg() == 32632


def test_two_grids_are_settled_by_neither() -> None:
    """With two projected CRS the choice must not depend on which layer comes first."""
    both = layer(NUREMBERG).to_crs(25832), layer(NUREMBERG).to_crs(31468)
    assert choose_metric_crs(*both) == choose_metric_crs(*both[::-1]) == pyproj.CRS(32632)


def test_outliers_have_no_say() -> None:
    """One premises at 0,0 and one with swapped axes must not move a town's zone to Africa."""
    town = [(11 + number / 5000, 49.4) for number in range(1000)]
    assert choose_metric_crs(layer([*town, (0, 0), (49.4, 11.0)])).to_epsg() == 32632


def test_order_of_rows_does_not_matter() -> None:
    """Shuffled rows must be measured in the same CRS."""
    places = [(6.0 + number, 50.0 + number / 10) for number in range(9)]
    assert choose_metric_crs(layer(places)) == choose_metric_crs(layer(places[::-1]))


@pytest.mark.parametrize(
    ("crs", "word"),
    [(4326, "degrees"), (2263, "foot"), (3857, "map of the world"), (4978, "not a projected"), ("EPSG:1", "known CRS")],
)
def test_require_metric_refuses(crs: object, word: str) -> None:
    """Degrees, feet and web mercator have all been taken for metres before; each refusal says why, and the cure."""
    with pytest.raises(CrsError, match=word) as caught:
        require_metric(crs)
    assert caught.value.faults[0].cure


def test_given_crs_must_fit() -> None:
    """A typing error in --crs (zone 38 for 32) is 7 % in every length: it is refused with the number."""
    assert choose_metric_crs(layer(NUREMBERG), given="25832").to_epsg() == 25832
    with pytest.raises(CrsError, match=r"off by 7\.\d %"):
        choose_metric_crs(layer(NUREMBERG), given="EPSG:25838")


@pytest.mark.parametrize(
    "corners", [[(-9.0, 36.0), (40.0, 36.0), (-9.0, 70.0), (40.0, 70.0)], [(-124.0, 26.0), (-70.0, 48.0)]]
)
def test_a_continent_is_not_measured(corners: list[tuple[float, float]]) -> None:
    """No CRS of ours is within a per cent in all of Europe or the States: two per cent of all money are no trifle."""
    with pytest.raises(CrsError, match=r"off by 2\.\d % where the layers lie, longitude .* plan .* in parts"):
        choose_metric_crs(layer(corners))


def test_a_country_is_measured_true_or_not_at_all() -> None:
    """Whatever the extent, a CRS that is chosen keeps what it promises, at every kilometre of the way to a refusal."""
    refused = []
    for degrees in np.arange(1.0, 60.0):
        wide = layer([(10 - degrees / 2, 50 - degrees / 4), (10 + degrees / 2, 50 + degrees / 4)])
        try:
            off = stretch(choose_metric_crs(wide), extent_of(wide))
        except CrsError:
            refused.append(degrees)
        else:
            assert off <= MAX_STRETCH
            assert not refused
    assert 20 < refused[0] < 50


def test_refuses_layers_without_place_or_crs() -> None:
    """Nothing can be chosen from nothing; that is an error, not a guess."""
    with pytest.raises(CrsError, match="no CRS"):
        choose_metric_crs(gpd.GeoDataFrame(geometry=[shapely.Point(1, 2)]))
    with pytest.raises(CrsError, match="no extent"):
        choose_metric_crs(gpd.GeoDataFrame(geometry=[None, shapely.Point()], crs=4326))


def test_project_leaves_its_argument_and_empties_the_impossible() -> None:
    """A place that cannot be shown becomes no place, never an infinite one."""
    given = gpd.GeoDataFrame(geometry=[shapely.Point(11, 49), shapely.Point(11, 95), None], crs=4326)
    moved = project(given, read_crs(32632))
    assert given.crs == 4326
    assert moved.geometry.iloc[0].x == pytest.approx(500000 + (11 - 9) * 73000, rel=0.01)
    assert moved.geometry.iloc[1] is None


def test_extent_crosses_the_antimeridian() -> None:
    """Fiji is 0.2 degrees wide, not 359.8."""
    west, _, east, _ = extent_of(layer([(179.9, -17.0), (-179.9, -17.1)]))
    assert 0 < east - west <= 0.2 + 1e-9


@pytest.mark.parametrize("count", [1, 2, 5, 30, 120])
def test_few_points_anywhere_lie_in_a_small_box(count: int) -> None:
    """West of Greenwich a rounding error once turned a point right round the globe, and the measure went with it."""
    rng = np.random.default_rng(count)
    for start in rng.uniform(-180, 180, 300):
        places = np.round(np.column_stack([start + rng.uniform(0, 0.1, count), 40 + rng.uniform(0, 0.1, count)]), 7)
        here = layer([(x, y) for x, y in places.tolist()])
        west, _, east, _ = extent_of(here)
        assert -1e-9 <= east - west <= 0.1 + 1e-9
        assert stretch(choose_metric_crs(here), extent_of(here)) <= MAX_STRETCH


@pytest.mark.parametrize(
    ("lon", "lat", "epsg", "beyond"),
    [
        (11.2, 49.5, 25832, False),
        (15.0, 55.1, 25832, False),  # Bornholm, in the zone of the rest of Denmark
        (17.99, 55.1, 32632, False),
        (18.01, 55.1, 32632, True),
        (9.0, 30.0, 25832, True),
        (179.9, -17.0, 32760, False),
        (-179.9, -17.0, 32760, False),
        (-170.0, -17.0, 32760, True),
        (-175.0, -44.0, 3851, False),  # New Zealand's shelf, whose area lies across the date line
        (11.2, 49.5, 4326, False),
    ],
)
def test_far_outside_the_area_of_use(lon: float, lat: float, epsg: int, beyond: bool) -> None:
    """The next zone is often used, two zones off is a slip; the date line is no border, degrees go anywhere."""
    told = beyond_area_of_use(layer([(lon, lat)]).to_crs(epsg))
    assert bool(told) is beyond
    assert not told or pyproj.CRS(epsg).name in told


def test_a_single_stray_row_is_not_the_layer() -> None:
    """One row far off is told by the doctor, row by row; and without rows nothing lies anywhere."""
    places = layer([(11.2, 49.5), (11.21, 49.5), (11.2, 49.51), (60.0, 49.5)]).to_crs(25832)
    assert not beyond_area_of_use(places)
    assert not beyond_area_of_use(places.iloc[:0])


def test_stretch_against_the_geodesic() -> None:
    """The number that decides is the true one: web mercator at 60 degrees is twice too long."""
    assert stretch(pyproj.CRS(3857), np.array([24.9, 60.0, 24.9, 60.0])) == pytest.approx(1.0, abs=0.01)
