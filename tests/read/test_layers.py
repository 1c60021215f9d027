"""All layers of a plan set against each other: one CRS, all faults at once, guesses that are told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import pandas as pd
import pyproj
import pytest
import shapely

import lastmile_net as lm
from lastmile_net.config import PlanConfig
from lastmile_net.doctor import check, check_layers
from lastmile_net.errors import ConfigError, CrsError, DataError, MissingFileError
from lastmile_net.read.layers import load_layers

if TYPE_CHECKING:
    from pathlib import Path

WEST, SOUTH = 11.28, 49.51
TOWNS = ("suburb", "helsinki", "lauf", "neubrandenburg", "copenhagen", "nassau")


def streets() -> gpd.GeoDataFrame:
    """Return a cross of two streets."""
    lines = [
        shapely.LineString([(WEST, SOUTH), (WEST + 0.02, SOUTH)]),
        shapely.LineString([(WEST + 0.01, SOUTH - 0.01), (WEST + 0.01, SOUTH + 0.01)]),
    ]
    return gpd.GeoDataFrame({"street_id": ["a", "b"]}, geometry=lines, crs=4326)


def homes(count: int = 12) -> gpd.GeoDataFrame:
    """Return a row of homes along the first street."""
    places = [shapely.Point(WEST + number / 1000, SOUTH + 0.0002) for number in range(count)]
    return gpd.GeoDataFrame({"customer_id": [f"{number:02}" for number in range(count)]}, geometry=places, crs=4326)


def cabinet() -> gpd.GeoDataFrame:
    """Return one cabinet."""
    return gpd.GeoDataFrame({"backbone_id": ["k"]}, geometry=[shapely.Point(WEST, SOUTH)], crs=4326)


def swapped(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return a layer with x and y exchanged."""
    return frame.set_geometry(shapely.transform(frame.geometry.to_numpy(), lambda xy: xy[:, ::-1]), crs=frame.crs)


def test_one_metric_crs() -> None:
    """Three layers in three CRS end up in one that is measured in, the national grid where there is one."""
    layers = load_layers(streets().to_crs(3857), cabinet(), homes().to_crs(25832))
    assert layers.streets.crs == layers.backbone.crs == layers.customers.crs == layers.crs
    assert layers.crs == 32632
    assert load_layers(streets().to_crs(25832), cabinet(), homes()).crs == 25832
    assert layers.streets.length.iloc[0] == pytest.approx(1447, abs=2)


def test_given_crs() -> None:
    """--crs names the CRS to measure in; one that cannot be measured in is refused."""
    config = PlanConfig(crs="EPSG:25832")
    assert load_layers(streets(), cabinet(), homes(), config=config).crs == 25832
    with pytest.raises(CrsError, match="map of the world"):
        load_layers(streets(), cabinet(), homes(), config=PlanConfig(crs="EPSG:3857"))
    with pytest.raises(CrsError, match="not a known CRS"):
        load_layers(streets(), cabinet(), homes(), config=PlanConfig(crs="nonsense"))


def test_a_given_crs_in_degrees_is_for_layers_without_one() -> None:
    """Nothing is measured in degrees: --crs 4326 is of use only where a layer does not say its CRS."""
    config = PlanConfig(crs="4326")
    with pytest.raises(CrsError, match=r"--crs: WGS 84 counts in degrees.*Give a projected CRS in metres with --crs"):
        load_layers(streets(), cabinet(), homes(), config=config)
    bare = homes().set_crs(None, allow_override=True)
    assert load_layers(streets(), cabinet(), bare, config=config).crs.is_projected


def test_easting_and_northing_that_are_swapped_are_named() -> None:
    """In metres nothing tells x from y but where the others lie: the way to mend it is to swap them, not a CRS."""
    turned = swapped(homes().to_crs(25832)).set_crs(None, allow_override=True)
    with pytest.raises(CrsError, match=r"easting and northing are swapped.* in .*UTM zone 32N"):
        load_layers(streets().to_crs(25832), cabinet(), turned)
    with pytest.raises(DataError, match=r"easting and northing are swapped.*x is easting, y is northing"):
        load_layers(streets().to_crs(25832), cabinet(), turned, config=PlanConfig(crs="EPSG:25832"))


def test_a_layer_that_says_a_wrong_crs_is_named() -> None:
    """A file without CRS was placed with streets of a wrong UTM zone, and the backbone was blamed for being far off."""
    wrong = streets().to_crs(25832).set_crs(25833, allow_override=True)
    bare = homes().to_crs(25832).set_crs(None, allow_override=True)
    with pytest.raises(CrsError) as told:
        load_layers(wrong, cabinet().to_crs(25832), bare)
    (fault,) = told.value.faults
    assert fault.source == "streets"
    assert "says ETRS89 / UTM zone 33N, and backbone says ETRS89 / UTM zone 32N: they lie apart so" in fault.what


def test_an_empty_layer_is_called_empty_and_nothing_else(tmp_path: Path) -> None:
    """A file without rows has none of the columns that a mapping names: three faults hid the only one that counts."""
    path = tmp_path / "none.geojson"
    path.write_text('{"type": "FeatureCollection", "features": []}', encoding="utf-8")
    config = PlanConfig(mapping={"backbone": {"role": "art", "ports_free": "frei"}})
    with pytest.raises(DataError) as told:
        load_layers(streets(), path, homes(), config=config)
    assert [fault.what for fault in told.value.faults] == ["has no rows"]


def test_a_table_without_places_lists_the_names_it_has(tmp_path: Path) -> None:
    """Whoever looks for the columns of coordinates needs the names in the file, not those of the mapping."""
    (tmp_path / "homes.csv").write_text("Nr;Ost_x\n1;2\n", encoding="utf-8")
    config = PlanConfig(mapping={"customers": {"customer_id": "Nr"}})
    with pytest.raises(DataError, match=r"there are: Nr, Ost_x\."):
        load_layers(streets(), cabinet(), tmp_path / "homes.csv", config=config)


def test_columns_that_are_not_read_are_told() -> None:
    """A column of one's own name for `connected` is passed over: who is connected today would be planned for."""
    asked = homes().assign(angeschlossen="ja", value=2.0, blank=None, city="Burg")
    config = PlanConfig(prize="value")
    notes = load_layers(streets().assign(osm=1), cabinet().assign(operator="x"), asked, config=config).notes
    told = [note for note in notes if note.code == "not_read"]
    assert told == ["streets: a column is not read: osm", "customers: a column is not read: angeschlossen"]
    mapped = PlanConfig(mapping={"customers": {"connected": "angeschlossen"}}, prize="value")
    assert not [
        note for note in load_layers(streets(), cabinet(), asked, config=mapped).notes if note.code == "not_read"
    ]


def test_all_faults_at_once(tmp_path: Path) -> None:
    """A planner mends everything in one go: faults of all files come together."""
    (tmp_path / "homes.csv").write_text("customer_id,lon,lat\n1,x,49\n")
    with pytest.raises(DataError) as caught:
        load_layers(tmp_path / "no.gpkg", None, tmp_path / "homes.csv", config=PlanConfig(mapping={"roads": {}}))
    text = str(caught.value)
    for part in ("no such file", "homes.csv", "is no coordinate", "no backbone", "--pop LON,LAT", "no layer 'roads'"):
        assert part in text
    with pytest.raises(MissingFileError):
        load_layers(tmp_path / "no.gpkg", tmp_path / "neither.gpkg", homes())


def test_start_from_nothing() -> None:
    """A greenfield needs one point; it joins a backbone that is there under a free name."""
    config = PlanConfig(pop=(WEST, SOUTH))
    for backbone in (None, cabinet()[:0]):
        layers = load_layers(streets(), backbone, homes(), config=config)
        assert layers.backbone[["backbone_id", "role"]].to_numpy().tolist() == [["pop", "pop"]]
        assert shapely.distance(layers.backbone.geometry.iloc[0], layers.streets.geometry.iloc[0]) < 0.01
    both = load_layers(streets(), cabinet().assign(backbone_id="pop", colour="red"), homes(), config=config).backbone
    assert both["backbone_id"].tolist() == ["pop", "pop-2"]
    assert both["role"].tolist() == ["cabinet", "pop"]
    with pytest.raises(ConfigError, match="no place on earth"):
        load_layers(streets(), None, homes(), config=PlanConfig(pop=(0, 95)))
    with pytest.raises(DataError, match="no backbone"):
        load_layers(streets(), None, homes())
    with pytest.raises(DataError, match="has no rows"):
        load_layers(streets(), cabinet()[:0], homes())


@pytest.mark.parametrize("backbone", [None, cabinet()])
def test_a_start_with_swapped_axes_is_told(backbone: gpd.GeoDataFrame | None) -> None:
    """Latitude before longitude puts the start on another continent, where beside a backbone nobody would miss it."""
    with pytest.raises(DataError, match=r"^--pop: latitude and longitude are swapped.* Swap them") as caught:
        load_layers(streets(), backbone, homes(), config=PlanConfig(pop=(SOUTH, WEST)))
    assert len(caught.value.faults) == 1


@pytest.mark.parametrize("epsg", [25832, 32632, 3857])
@pytest.mark.parametrize("told", ["streets", "customers"])
def test_crs_is_guessed_from_the_others(epsg: int, told: str) -> None:
    """A table of metres without CRS is read in the one that puts it among the others, and that is told."""
    given = {"streets": streets(), "backbone": cabinet(), "customers": homes()}
    given[told] = given[told].to_crs(epsg).set_crs(None, allow_override=True)
    layers = load_layers(**given)
    assert any("says no CRS" in note for note in layers.notes)
    assert shapely.distance(layers.customers.geometry.iloc[0], layers.streets.geometry.iloc[0]) < 40


def test_crs_that_cannot_be_guessed() -> None:
    """Numbers that fit nowhere are refused, not placed anywhere."""
    lost = homes().drop(columns="geometry")
    lost = gpd.GeoDataFrame(lost, geometry=homes().to_crs(25832).translate(3e6, 3e6).to_numpy())
    with pytest.raises(CrsError, match="no CRS puts it where the other layers lie"):
        load_layers(streets(), cabinet(), lost)


@pytest.mark.parametrize("which", ["streets", "backbone", "customers"])
@pytest.mark.parametrize("crs", [4326, 25832])
def test_swapped_layer(which: str, crs: int) -> None:
    """The one layer whose axes are swapped is named, in degrees and in metres."""
    given = {"streets": streets(), "backbone": cabinet(), "customers": homes()}
    given[which] = swapped(given[which].to_crs(crs))
    with pytest.raises(DataError) as caught:
        load_layers(**given)
    (fault,) = caught.value.faults
    assert "swapped" in fault.what
    assert fault.source == which


def test_swapped_rows() -> None:
    """Single swapped customers are named, or kept without a location; nobody is lost."""
    mixed = homes()
    mixed.loc[[3, 7], "geometry"] = swapped(mixed.loc[[3, 7]]).geometry
    with pytest.raises(DataError) as caught:
        load_layers(streets(), cabinet(), mixed)
    assert caught.value.faults[0].rows == ("03", "07")
    layers = load_layers(streets(), cabinet(), mixed, config=PlanConfig(on_bad_rows="quarantine"))
    assert len(layers.customers) == len(mixed)
    assert layers.customers.loc[layers.customers.geometry.isna(), "customer_id"].tolist() == ["03", "07"]
    assert any("swapped" in note for note in layers.notes)


def test_customers_without_location_stay() -> None:
    """Nobody is dropped in silence: an empty location goes through to the plan."""
    given = homes()
    given.loc[2, "geometry"] = None
    layers = load_layers(streets(), cabinet(), given, config=PlanConfig(on_bad_rows="quarantine"))
    assert len(layers.customers) == len(given)
    assert layers.customers.geometry.isna().sum() == 1


def test_optional_layers_and_mapping() -> None:
    """Barriers come along in the same CRS; columns are named per layer."""
    river = gpd.GeoDataFrame(geometry=[shapely.box(WEST, SOUTH + 0.005, WEST + 0.02, SOUTH + 0.006)], crs=4326)
    config = PlanConfig(mapping={"customers": {"customer_id": "nr"}})
    given = homes().rename(columns={"customer_id": "nr"})
    layers = load_layers(streets(), cabinet(), given, config=config, barriers=river, excluded=river[:0])
    assert layers.customers["customer_id"].iloc[0] == "00"
    assert layers.barriers is not None
    assert layers.barriers.crs == layers.crs
    assert layers.excluded is not None
    assert layers.rail_water is None


def test_a_plan_takes_the_optional_layers(tmp_path: Path) -> None:
    """Barriers, excluded ground, railways and waters reach the plan in any CRS; what is wrong with them is told."""
    tracks = gpd.GeoDataFrame({"kind": ["Rail"]}, geometry=[streets().geometry.iloc[1]], crs=4326)
    tracks.to_crs(3857).to_file(tmp_path / "tracks.gpkg")
    config = PlanConfig(prices="metres")
    plan = lm.plan(streets(), cabinet(), homes(2), config=config, rail_water=str(tmp_path / "tracks.gpkg"))
    assert len(plan.customers) == 2
    with pytest.raises(DataError, match=r"barriers.*is Point, not LineString or Polygon"):
        lm.plan(streets(), cabinet(), homes(2), config=config, barriers=homes())
    with pytest.raises(DataError, match="unknown value 'road'"):
        lm.plan(streets(), cabinet(), homes(2), config=config, rail_water=tracks.assign(kind="road"))


def test_arguments_stay_as_they_are() -> None:
    """A library caller goes on with its own tables."""
    given = {"streets": streets(), "backbone": cabinet(), "customers": homes()}
    before = {name: frame.copy(deep=True) for name, frame in given.items()}
    load_layers(**given, config=PlanConfig(pop=(WEST, SOUTH)))
    for name, frame in given.items():
        pd.testing.assert_frame_equal(frame, before[name])


@pytest.mark.towns
@pytest.mark.parametrize("town", TOWNS)
def test_towns(towns: Path, town: str) -> None:
    """Real towns load whole, the same in any order of rows, without a word."""
    files = [towns / town / f"{name}.gpkg" for name in ("streets", "backbone", "customers")]
    layers = load_layers(*files)
    assert not layers.notes
    raw = [gpd.read_file(file).sample(frac=1, random_state=3) for file in files]
    shuffled = load_layers(*raw)
    for name in ("streets", "backbone", "customers"):
        one, other = getattr(layers, name), getattr(shuffled, name)
        assert len(one) == len(raw[("streets", "backbone", "customers").index(name)])
        pd.testing.assert_frame_equal(one, other, check_dtype=False)
    assert layers.customers["customer_id"].is_unique


def test_all_kinds_of_faults_are_told_together(tmp_path: Path) -> None:
    """A planner mends a file once: a missing file, bad values, a row without a place and swapped rows come together."""
    customers = homes().assign(units=[1, "three", -2, *[4] * 9])
    places = customers.geometry.to_numpy().copy()
    places[3], places[4] = None, shapely.Point(SOUTH, WEST)
    customers = customers.set_geometry(gpd.GeoSeries(places, crs=4326))
    customers.loc[6, "customer_id"] = "05"
    with pytest.raises(DataError) as caught:
        load_layers(streets(), tmp_path / "nowhere.gpkg", customers)
    told = {(fault.column, fault.rows) for fault in caught.value.faults}
    expected = {("units", ("01",)), ("units", ("02",)), ("geometry", ("03",)), ("", ("04",)), ("customer_id", ("05",))}
    assert told == {("", ()), *expected}
    assert all(fault.cure for fault in caught.value.faults)


@pytest.mark.parametrize(("column", "least"), [("units", 1), ("units_connected", 0)])
def test_numbers_below_the_least_are_refused(column: str, least: int) -> None:
    """A house with no homes, or with fewer than none, would upset every sum; the least itself is fine."""
    load_layers(streets(), cabinet(), homes().assign(**{column: least}))
    with pytest.raises(DataError, match=f"'{column}': is below {least}"):
        load_layers(streets(), cabinet(), homes().assign(**{column: least - 1}))


@pytest.mark.parametrize("column", ["ports_free", "units_free"])
def test_parts_of_ports_are_refused(column: str) -> None:
    """Ports and spare capacity are counted in homes, as `units` are; 3.0 and an endless number stay fine."""
    for free in (3.0, "3", float("inf"), None):
        load_layers(streets(), cabinet().assign(**{column: free}), homes())
    with pytest.raises(DataError, match=f"'{column}': is no whole number: '3.7'"):
        load_layers(streets(), cabinet().assign(**{column: 3.7}), homes())


def test_more_homes_connected_than_there_are_is_refused() -> None:
    """A hundred of one home connected is a slip, in either column; taken as all of them, nobody would ever look."""
    all_of_them = homes().assign(units=2, units_connected=2)
    load_layers(streets(), cabinet(), all_of_them)
    all_of_them.loc[3, "units_connected"] = 3
    with pytest.raises(
        DataError, match=r"'units_connected': is above the row's `units` .*Write `units` or less"
    ) as caught:
        load_layers(streets(), cabinet(), all_of_them)
    assert [fault.rows for fault in caught.value.faults] == [(all_of_them["customer_id"].iloc[3],)]


def test_homes_without_units_count_as_one_when_the_connected_are_checked() -> None:
    """Where nobody says how many homes there are it is one, and two of it cannot be connected; the message says so."""
    with pytest.raises(DataError, match="above the row's `units`, 1 as there is no such column"):
        load_layers(streets(), cabinet(), homes().drop(columns="units", errors="ignore").assign(units_connected=2))


def test_a_wrong_number_of_homes_is_told_once() -> None:
    """Whoever mends `units` need not be told as well that what is connected does not fit the value that stood in."""
    with pytest.raises(DataError) as caught:
        load_layers(streets(), cabinet(), homes().assign(units=[2.5, -1, *[4] * 10], units_connected=2))
    assert {fault.column for fault in caught.value.faults} == {"units"}


@pytest.mark.parametrize("rate", [40, 1.01])
def test_a_take_rate_of_per_cent_is_refused(rate: float) -> None:
    """Forty per cent, written as 40, would make everybody sign; 1 itself is fine."""
    load_layers(streets(), cabinet(), homes().assign(take_rate=1))
    with pytest.raises(DataError, match="'take_rate': is above 1") as caught:
        load_layers(streets(), cabinet(), homes().assign(take_rate=rate))
    assert f"For {rate:g} % write {rate / 100:g}." in str(caught.value)


def test_eastings_with_the_number_of_their_zone_are_refused() -> None:
    """German files write 32 before the easting; read as plain UTM all layers agree, but no map can show them."""
    layers = [layer.to_crs(25832) for layer in (streets(), cabinet(), homes())]
    with pytest.raises(DataError, match="is no place on earth in ETRS89 / UTM zone 32N") as caught:
        load_layers(*(layer.set_geometry(layer.translate(32_000_000, 0)) for layer in layers))
    assert {fault.column for fault in caught.value.faults} == {"geometry"}


def test_a_single_place_off_the_earth_is_told() -> None:
    """A slip in one easting is a fault of its row, not a house 32,000 km from its street."""
    moved = homes().to_crs(25832)
    places = moved.geometry.copy()
    places.iloc[0] = shapely.Point(places.iloc[0].x + 32_000_000, places.iloc[0].y)
    with pytest.raises(DataError, match="is no place on earth") as caught:
        load_layers(streets(), cabinet(), moved.set_geometry(places))
    assert [fault.rows for fault in caught.value.faults] == [(moved["customer_id"].iloc[0],)]


def test_a_town_far_from_its_zone_is_told() -> None:
    """Eastings with a digit too many agree with each other, and are measured well in a sea on the other side."""
    layers = [layer.to_crs(25832) for layer in (streets(), cabinet(), homes())]
    assert not [note for note in load_layers(*layers).notes if note.code == "beyond_crs"]
    moved = [layer.set_geometry(layer.translate(10_000_000, 0)) for layer in layers]
    told = load_layers(*moved)
    assert len([note for note in told.notes if note.code == "beyond_crs"]) == 3
    for found in (check_layers(told), check(*moved), check(*moved, crs=pyproj.CRS(25832))):
        assert len(found.of("beyond_crs")) == 3
    assert not check(*layers).of("beyond_crs")
    assert "but ETRS89 / UTM zone 32N is made for longitude 6 to 12" in found.of("beyond_crs")[0].message
    assert "a digit may be too many" in found.of("beyond_crs")[0].cure
