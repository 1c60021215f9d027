"""The data doctor: each finding by a case drawn by hand, and none of them in a clean town."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely

import lastmile_net as lm
from lastmile_net import demo
from lastmile_net.config import PlanConfig
from lastmile_net.config.plan import Phases
from lastmile_net.doctor import CODES, Finding, Findings, check, check_layers, mend
from lastmile_net.errors import CrsError
from lastmile_net.network.build import build_network
from lastmile_net.network.noding import joints
from lastmile_net.read.layers import load_layers
from lastmile_net.write.layers import write_layers

if TYPE_CHECKING:
    from pathlib import Path

CRS = "EPSG:32632"
X, Y = 500_000.0, 5_500_000.0
Layers = dict[str, gpd.GeoDataFrame]


def line(*corners: tuple[float, float]) -> shapely.LineString:
    """Return a line, in metres from the town's corner."""
    return shapely.LineString([(X + x, Y + y) for x, y in corners])


def point(x: float, y: float) -> shapely.Point:
    """Return a point, in metres from the town's corner."""
    return shapely.Point(X + x, Y + y)


def town() -> Layers:
    """Return a clean T of two streets with a cabinet, a line and three houses."""
    streets = gpd.GeoDataFrame(
        {
            "street_id": ["high", "side"],
            "name": ["High Street", "Side Lane"],
            "bridge": [None, None],
            "tunnel": [None, None],
            "layer": [None, None],
        },
        geometry=[line((0, 0), (200, 0), (400, 0)), line((200, 0), (200, 300))],
        crs=CRS,
    )
    backbone = gpd.GeoDataFrame(
        {"backbone_id": ["cab", "main"], "role": ["cabinet", "distribution"], "ports_free": [10.0, np.nan]},
        geometry=[point(100, 0), line((0, 0), (200, 0))],
        crs=CRS,
    )
    customers = gpd.GeoDataFrame(
        {
            "customer_id": ["a", "b", "c"],
            "units": [1, 4, 1],
            "street": ["High Street", "High Street", "Side Lane"],
            "housenumber": ["1", "2", "1"],
        },
        geometry=[point(50, 20), point(300, -20), point(220, 250)],
        crs=CRS,
    )
    return {"streets": streets, "backbone": backbone, "customers": customers}


def with_street(layers: Layers, ident: str, geometry: shapely.Geometry, **values: str) -> None:
    """Add a street."""
    layers["streets"] = added(layers["streets"], geometry, street_id=ident, **values)


def with_customer(layers: Layers, ident: str, geometry: shapely.Geometry, **values: object) -> None:
    """Add a customer of one home."""
    layers["customers"] = added(layers["customers"], geometry, **{"customer_id": ident, "units": 1, **values})


def added(frame: gpd.GeoDataFrame, geometry: shapely.Geometry, **values: object) -> gpd.GeoDataFrame:
    """Return the layer with one row more."""
    frame = frame.astype({name: object for name in frame.columns if name != "geometry"})
    frame.loc[len(frame)] = {**dict.fromkeys(frame.columns), **values, "geometry": geometry}
    return frame


def codes(findings: Findings) -> set[str]:
    """Return the codes that occur."""
    return {each.code for each in findings}


def only(findings: Findings, code: str) -> Finding:
    """Return the one finding with this code."""
    (finding,) = findings.of(code)
    return finding


def test_clean_town_is_healthy() -> None:
    """A doctor that finds something in everybody is not listened to."""
    assert len(check(**town())) == 0


def test_near_miss_and_what_it_costs() -> None:
    """A street that ends 1.2 m short cuts off its customers; the finding must say how many."""
    layers = town()
    with_street(layers, "short", line((300, 1.2), (300, 250)))
    with_customer(layers, "d", point(310, 200))
    with_customer(layers, "e", point(290, 240))
    findings = check(**layers, config=PlanConfig(max_drop_m=60))
    gap = only(findings, "near_miss")
    assert gap.rows == ("high", "short")
    assert gap.metres == pytest.approx(1.2)
    assert gap.customers == 2
    assert gap.severity == "warning"
    assert only(findings, "island").customers == 2


@pytest.mark.parametrize(("gap_m", "found"), [(0.0, False), (0.5, True), (1.99, True), (2.0, False), (2.5, False)])
def test_near_miss_at_its_boundary(gap_m: float, found: bool) -> None:
    """Less than two metres is a gap, two metres are not, and a touch is none."""
    layers = town()
    with_street(layers, "short", line((300, gap_m), (300, 250)))
    assert bool(check(**layers).of("near_miss")) == found


def test_near_miss_of_a_bridge_is_none() -> None:
    """What ends under a bridge does not end short of it."""
    layers = town()
    with_street(layers, "bridge", line((190, 301), (210, 301)), bridge="yes", layer="1")
    assert not check(**layers).of("near_miss")


def test_island_counts_those_who_reach_no_other() -> None:
    """Customers near both an island and the main streets lose nothing by the island."""
    layers = town()
    with_street(layers, "isle", line((0, 90), (0, 200)))
    with_customer(layers, "lost", point(-10, 190))
    with_customer(layers, "safe", point(10, 60))
    island = only(check(**layers, config=PlanConfig(max_drop_m=80)), "island")
    assert island.rows == ("isle",)
    assert island.customers == 1
    assert island.metres == pytest.approx(110)
    assert island.message == "1 street (110 m) is not tied to the backbone; 1 customer reaches no other"
    layers["customers"] = layers["customers"].iloc[:3]
    assert only(check(**layers), "island").message.endswith("is not tied to the backbone; no customer depends on it")


@pytest.mark.parametrize(("gap_m", "told"), [(20.0, "20.00"), (4.2, "4.20"), (20.01, "")])
@pytest.mark.parametrize("level", [None, "1"])
def test_island_tells_where_it_comes_near(gap_m: float, told: str, level: str | None) -> None:
    """Many an island only lacks a few metres that were never drawn: the place and the distance are what mends it."""
    layers = town()
    with_street(layers, "isle", line((350, gap_m), (350, 300)), layer=level)
    island = only(check(**layers), "island")
    if told and level is None:
        lon, lat = gpd.GeoSeries([point(350, gap_m)], crs=CRS).to_crs(4326).get_coordinates().to_numpy()[0]
        place = f"street isle comes within {told} m of street high at {lon:.6f},{lat:.6f} (lon,lat)"
        assert island.message.endswith(f"; {place}")
    else:
        assert "comes within" not in island.message


def test_island_with_its_own_cabinet_is_none() -> None:
    """Streets that hang on a tap of their own are served from there."""
    layers = town()
    with_street(layers, "isle", line((1000, 0), (1000, 200)))
    layers["backbone"] = added(layers["backbone"], point(1000, 10), backbone_id="other", role="cabinet")
    assert not check(**layers).of("island")


def test_pole_does_not_tie_an_island() -> None:
    """One cannot connect at a mere pole."""
    layers = town()
    with_street(layers, "isle", line((1000, 0), (1000, 200)))
    layers["backbone"] = added(layers["backbone"], point(1000, 10), backbone_id="pole", role="pole")
    assert only(check(**layers), "island").rows == ("isle",)


@pytest.mark.parametrize(("away_m", "tied"), [(50, True), (99.9, True), (100.1, False)])
def test_a_cabinet_within_reach_of_its_street_ties_it(away_m: float, tied: bool) -> None:
    """A plan ties a cabinet to the nearest street up to 100 m away: who is told otherwise mends what is no fault."""
    layers = town()
    with_street(layers, "isle", line((1000, 0), (1000, 200)))
    layers["backbone"] = added(layers["backbone"], point(1000 + away_m, 10), backbone_id="other", role="cabinet")
    found = check(**layers)
    assert (not found.of("island"), not found.of("off_street")) == (tied, tied)


@pytest.mark.parametrize("way", ["aerial", "duct", "drop", "feeder"])
def test_an_island_at_the_end_of_a_line_is_tied_where_a_plan_can_use_the_line(way: str) -> None:
    """New fibre comes over ducts and poles, not over a drop, nor a feeder of which nobody knows what is free."""
    layers = town()
    with_street(layers, "isle", line((500, 0), (900, 0)))
    with_customer(layers, "d", point(700, 20))
    layers["backbone"] = added(layers["backbone"], line((390, 5), (510, 5)), backbone_id="way", role=way)
    tied = way in ("aerial", "duct")
    assert bool(check(**layers).of("island")) != tied
    plan = lm.plan(**layers, config=lm.read_config(prices="example-eur", rounds=1))
    assert (plan.customers.set_index("customer_id").loc["d", "reason"] == "street_island") != tied


def test_a_line_that_leads_to_no_tap_ties_nothing() -> None:
    """An empty duct in the next village has no light in it."""
    layers = town()
    with_street(layers, "isle", line((500, 0), (900, 0)))
    layers["backbone"] = added(layers["backbone"], line((600, 5), (700, 5)), backbone_id="way", role="duct")
    assert only(check(**layers), "island").rows == ("isle",)


def test_lines_that_meet_carry_on() -> None:
    """Two ducts in a row lead as far as one."""
    layers = town()
    with_street(layers, "isle", line((600, 0), (900, 0)))
    for name, (start, end) in {"one": (390, 500), "two": (500, 610)}.items():
        way = line((start, 5), (end, 5))
        layers["backbone"] = added(layers["backbone"], way, backbone_id=name, role="duct")
    assert not check(**layers).of("island")


def test_only_the_roles_of_taps_tie() -> None:
    """Whoever may connect at cabinets alone has no use for a closure; and with `tap_roles` a handhole is one, too."""
    layers = town()
    with_street(layers, "isle", line((1000, 0), (1000, 200)))
    layers["backbone"] = added(layers["backbone"], point(1000, 10), backbone_id="other", role="closure")
    assert not check(**layers).of("island")
    assert only(check(**layers, config=PlanConfig(tap_roles=("cabinet",))), "island").rows == ("isle",)
    layers["backbone"].loc[2, "role"] = "handhole"
    assert only(check(**layers), "island").rows == ("isle",)
    assert not check(**layers, config=PlanConfig(tap_roles=("cabinet", "handhole"))).of("island")


def test_who_reaches_a_line_needs_no_street() -> None:
    """A drop may lead to a duct itself, beyond the reach of any connector."""
    layers = town()
    with_street(layers, "isle", line((500, 40), (900, 40)))
    with_customer(layers, "d", point(700, 30))
    layers["backbone"] = added(layers["backbone"], line((390, 0), (900, 0)), backbone_id="way", role="duct")
    assert only(check(**layers), "island").customers == 0


@pytest.mark.parametrize(("gap_m", "joined"), [(0.005, True), (0.01, True), (0.015, False)])
def test_streets_join_as_in_a_plan(gap_m: float, joined: bool) -> None:
    """A plan takes places within 1 cm for one: there is no gap, and no island, that only the doctor sees."""
    layers = town()
    with_street(layers, "short", line((300, gap_m), (300, 250)))
    findings = check(**layers)
    assert (not findings.of("near_miss"), not findings.of("island")) == (joined, joined)


def test_street_that_passes_over_another_is_not_joined_to_it() -> None:
    """A vertex that a bridge has in common with the street below does not lead up there: a plan cannot turn off."""
    layers = town()
    with_street(layers, "bridge", line((400, -100), (400, 0), (400, 100)), bridge="yes", layer="1")
    assert not check(**layers).of("island")  # High Street ends there: an end joins what passes
    layers = town()
    with_street(layers, "bridge", line((100, -100), (100, 0), (100, 100)), bridge="yes", layer="1")
    layers["streets"].loc[0, "geometry"] = line((0, 0), (100, 0), (200, 0), (400, 0))
    layers["backbone"] = layers["backbone"].iloc[1:].set_geometry([line((150, 0), (200, 0))])
    assert only(check(**layers), "island").rows == ("bridge",)


def test_components_are_those_of_the_network() -> None:
    """One rule for both: streets of the demo town hang together in the doctor's eyes just as in a plan's network."""
    folder = demo.demo_folder()
    layers = load_layers(*(folder / f"{name}.gpkg" for name in ("streets", "backbone", "customers")))
    streets = layers.streets.sort_values("street_id").reset_index(drop=True)
    network = build_network(streets, layers.backbone.iloc[:0])
    parts = pd.Series(network.component[network.tail]).groupby(network.source).first()
    seen = joints(streets).component[parts.index]
    assert len(set(zip(parts, seen, strict=True))) == parts.nunique() == len(set(seen))


def test_bridge_joins_the_streets_at_its_ends() -> None:
    """Another level is no other component where a vertex is shared."""
    layers = town()
    with_street(layers, "bridge", line((400, 0), (500, 0)), bridge="yes", layer="1")
    with_street(layers, "far", line((500, 0), (600, 0)))
    assert not check(**layers).of("island")


def test_crossing_without_node() -> None:
    """Drawn streets often cross without a vertex; whoever plans on them should know that they are joined."""
    layers = town()
    with_street(layers, "cross", line((100, 100), (300, 100)))
    finding = only(check(**layers), "crossing_without_node")
    assert finding.rows == ("cross", "side")
    assert shapely.get_coordinates(finding.geometry).tolist() == [[X + 200, Y + 100]]


@pytest.mark.parametrize("level", [{"bridge": "yes"}, {"tunnel": "yes"}, {"layer": "1"}])
def test_levels_do_not_cross(level: dict[str, str]) -> None:
    """A bridge over a street is no crossing, but a street island if nothing else holds it."""
    layers = town()
    with_street(layers, "cross", line((100, 100), (300, 100)), **level)
    assert codes(check(**layers)) == {"island"}


def test_bridge_no_is_the_ground() -> None:
    """`bridge=no` and `layer=0` say what is so anyway."""
    layers = town()
    with_street(layers, "cross", line((100, 100), (300, 100)), bridge="no", layer="0")
    assert codes(check(**layers)) == {"crossing_without_node"}


def test_overlap_and_its_metres() -> None:
    """A street drawn twice would be dug twice."""
    layers = town()
    with_street(layers, "twice", line((200, 0), (260, 0), (260, 50)))
    finding = only(check(**layers), "overlap")
    assert finding.rows == ("high", "twice")
    assert finding.metres == pytest.approx(60)


def test_self_crossing_but_not_a_loop() -> None:
    """A figure of eight crosses itself; a cul-de-sac that comes back to its own vertex does not."""
    layers = town()
    with_street(layers, "eight", line((400, 0), (500, 100), (500, 0), (400, 100)))
    with_street(layers, "loop", line((0, 0), (0, -50), (-30, -80), (30, -80), (0, -50)))
    assert only(check(**layers), "self_crossing").rows == ("eight",)


def test_address_twice() -> None:
    """One address given twice is counted and served twice; spelling in capitals does not make it another."""
    layers = town()
    with_customer(layers, "a2", point(55, 22), street="HIGH  street", housenumber="1")
    finding = only(check(**layers), "address_twice")
    assert finding.rows == ("a", "a2")
    assert finding.customers == 1


def test_same_address_in_another_village_is_another() -> None:
    """Villages share street names: a kilometre away it is not the same house."""
    layers = town()
    with_street(layers, "village", line((400, 0), (1500, 0)), name="High Street")
    with_customer(layers, "a2", point(1400, 20), street="High Street", housenumber="1")
    assert not check(**layers).of("address_twice")


def test_points_on_one_spot() -> None:
    """A register that puts all flats on one door should have used `units`."""
    layers = town()
    with_customer(layers, "b2", point(300, -20), street="High Street", housenumber="2a")
    finding = only(check(**layers), "one_spot")
    assert finding.rows == ("b", "b2")
    assert finding.severity == "info"


def test_far_from_any_street() -> None:
    """Nobody is dropped in silence: who lives too far is named, with the distance."""
    layers = town()
    with_customer(layers, "far", point(50, 150.5))
    assert not check(**layers, config=PlanConfig(max_drop_m=150)).of("far_from_street")
    finding = only(check(**layers, config=PlanConfig(max_drop_m=149.9)), "far_from_street")
    assert finding.rows == ("far",)
    assert finding.metres == pytest.approx(150)


def test_nearest_street_is_not_the_named_one() -> None:
    """Corner plots are fine, but a street that is nowhere near means a wrong point or a wrong name."""
    layers = town()
    with_customer(layers, "corner", point(230, 20), street="Side Lane", housenumber="9")
    with_customer(layers, "wrong", point(20, 20), street="Side Lane", housenumber="11")
    findings = check(**layers)
    corner, strange = only(findings, "other_street_nearer"), only(findings, "street_not_here")
    assert (corner.rows, strange.rows) == (("corner",), ("wrong",))
    assert strange.customers == 1
    assert corner.message == "1 customer of Side Lane lies nearer to High Street"
    assert strange.message == f"{corner.message}; no street of its name is within 100 m"


@pytest.mark.parametrize(("ports", "told"), [([np.nan, np.nan], True), ([0.0, np.nan], False), (None, True)])
def test_no_number_of_ports_is_told(ports: list[float] | None, told: bool) -> None:
    """Ports under another name are easily overlooked: then every cabinet takes in everybody."""
    layers = town()
    table = layers["backbone"].drop(columns="ports_free")
    layers["backbone"] = table if ports is None else table.assign(ports_free=ports)
    assert codes(check(**layers)) == {"ports_unknown" if told else "ports_short"}


def test_too_few_ports_are_told_before_anything_is_planned() -> None:
    """6 homes wait for 5 ports, of which 4 in one building: who is served or excluded already asks for none."""
    layers = town()
    layers["backbone"] = layers["backbone"].assign(ports_free=[5.0, np.nan])
    assert only(check(**layers), "ports_short").message == "5 free ports at 1 access point for 6 homes to connect"
    for flag in ("connected", "exclude"):
        fewer = layers | {"customers": layers["customers"].assign(**{flag: [True, False, False]})}
        assert codes(check(**fewer)) == set()
    for config in (PlanConfig(tap="anywhere"), PlanConfig(new_access_points=True)):
        assert codes(check(**layers, config=config)) == set()


def test_a_building_that_no_access_point_can_take_in() -> None:
    """11 homes find 10 ports nowhere, however many are free in all; a catalogue has larger ones, tapped lines any."""
    layers = town()
    layers["backbone"] = added(layers["backbone"], point(200, 100), backbone_id="far", role="cabinet", ports_free=10.0)
    layers["customers"] = layers["customers"].assign(units=[1, 11, 1], units_connected=[np.nan, 0, np.nan])
    finding = only(check(**layers), "building_too_large")
    assert str(finding) == "customer b has 11 homes to connect, no access point has more than 10 ports for it"
    assert codes(check(**layers, config=PlanConfig(new_access_points=True))) == set()
    layers["customers"] = layers["customers"].assign(units_connected=[np.nan, 1, np.nan])
    assert codes(check(**layers)) == set()
    layers["customers"] = layers["customers"].assign(units=[1, 1500, 1])
    placed = only(check(**layers, config=PlanConfig(new_access_points=True)), "building_too_large")
    assert "[cost.access_points]" in placed.cure


def test_lines_alone_are_told() -> None:
    """Of two shapefiles the one of cabinets is easily forgotten: then one connects anywhere along the lines."""
    layers = town()
    layers["backbone"] = layers["backbone"].iloc[1:]
    assert codes(check(**layers)) == {"no_access_point"}
    assert codes(check(**layers, config=PlanConfig(tap="anywhere"))) == set()


def test_backbone_off_the_streets() -> None:
    """A line through the fields cannot be reached from any street; its metres are told, as is a cabinet far out."""
    layers = town()
    layers["backbone"] = added(layers["backbone"], line((0, 100), (100, 100)), backbone_id="field", role="distribution")
    layers["backbone"] = added(layers["backbone"], point(50, 100), backbone_id="near", role="cabinet")
    layers["backbone"] = added(layers["backbone"], point(50, 110), backbone_id="spliced", role="cabinet")
    layers["backbone"] = added(layers["backbone"], point(50, 150), backbone_id="hut", role="cabinet")
    found = {each.rows: each.metres for each in check(**layers).of("off_street")}
    assert found == {("field",): pytest.approx(100), ("hut",): 0}


def test_no_drop_at_all() -> None:
    """A longest drop of 0 is a setting like any other: who lies on a street is reached, and nobody else."""
    layers = town()
    with_street(layers, "isle", line((0, 90), (0, 200)))
    with_customer(layers, "on", point(0, 100))
    findings = check(**layers, config=PlanConfig(max_drop_m=0))
    assert {each.rows for each in findings.of("far_from_street")} == {("a",), ("b",), ("c",)}
    assert "the longest drop is 0 m" in findings.of("far_from_street")[0].message
    assert only(findings, "island").customers == 1


@pytest.mark.parametrize("column", ["ports_free", "units_free", "loss_db"])
def test_negative_numbers_of_the_backbone(column: str) -> None:
    """Fewer than no ports would take homes away from others."""
    layers = town()
    layers["backbone"][column] = [-1.0, np.nan]
    finding = only(check(**layers), "ports_negative")
    assert finding.rows == ("cab",)
    assert finding.severity == "error"


@pytest.mark.parametrize("units", [0, -3, 2001, 1.5])
def test_absurd_units(units: float) -> None:
    """No homes, negative ones, halves, and a whole town in one house."""
    layers = town()
    layers["customers"]["units"] = [1, units, 2000]
    assert only(check(**layers), "units_absurd").rows == ("b",)


def test_duplicate_ids() -> None:
    """Each customer must come out exactly once, so two must not share a name."""
    layers = town()
    with_customer(layers, "a", point(60, 30))
    assert only(check(**layers), "duplicate_id").rows == ("a",)


def degrees(layers: Layers) -> Layers:
    """Return the town in longitude and latitude."""
    return {name: frame.to_crs("EPSG:4326") for name, frame in layers.items()}


def test_null_island() -> None:
    """Empty coordinates become 0,0 in many programs."""
    layers = degrees(town())
    with_customer(layers, "zero", shapely.Point(0, 0))
    findings = check(**layers)
    assert only(findings, "null_island").rows == ("zero",)
    assert only(findings, "null_island").message == "1 row of customers lies at 0,0"
    assert not findings.of("outside_extent")


def test_phases_of_areas_that_nobody_lies_in() -> None:
    """A misspelt area is found by the check, and not after the search; who has no place may still be in one."""
    layers = town()
    layers["customers"] = layers["customers"].assign(area_id=["north", None, "south"])
    config = PlanConfig(phases=Phases(areas=("north", "nord", "south")))
    found = only(check(**layers, config=config), "no_such_area")
    assert (found.message, found.cure) == ("no customer lies in 'nord' ([phases] areas)", "Areas are north, south.")
    layers["customers"].loc[0, "geometry"] = None
    assert len(check(**layers, config=config).of("no_such_area")) == 1


def test_coarse_coordinates() -> None:
    """Two decimals are a kilometre; six are a hand's breadth."""
    layers = degrees(town())
    with_customer(layers, "coarse", shapely.Point(9.0, 49.65))
    with_customer(layers, "fine", shapely.Point(9.000001, 49.650001))
    coarse = only(check(**layers), "coarse_coordinates")
    assert coarse.rows == ("coarse",)
    assert coarse.message.startswith("1 row of customers has coordinates of two decimals")


def test_points_outside() -> None:
    """One point in the next town is a slip of the pen."""
    layers = town()
    with_customer(layers, "away", point(5000, 0))
    away = only(check(**layers), "outside_extent")
    assert away.rows == ("away",)
    assert away.message.startswith("1 row of customers lies more than 2 km outside")


@pytest.mark.parametrize("name", ["customers", "backbone"])
def test_layers_that_do_not_meet(name: str) -> None:
    """A whole layer elsewhere is a wrong CRS or swapped coordinates, and no plan can be made on it."""
    layers = town()
    layers[name] = layers[name].set_geometry(layers[name].translate(100_000, 0))
    finding = only(check(**layers), "no_overlap")
    assert finding.layer == name
    assert finding.severity == "error"


@pytest.mark.parametrize(("north_m", "found"), [(0, False), (99.9, False), (100.1, True), (3000, True)])
def test_a_start_must_be_within_reach_of_a_street(north_m: float, found: bool) -> None:
    """A start that nothing can be tied to serves nobody: where there is a backbone besides, that goes unseen."""
    layers = town()
    place = gpd.GeoSeries([point(50, -north_m)], crs=CRS).to_crs(4326).iloc[0]
    findings = check(**layers, config=PlanConfig(pop=(place.x, place.y))).of("pop_off_street")
    assert len(findings) == found
    assert all(each.severity == "error" and "swap" in each.cure for each in findings)


def test_a_start_on_an_existing_line_is_within_reach() -> None:
    """An exchange outside the town is where its line begins, and the line leads to the streets."""
    layers = town()
    layers["backbone"] = added(
        layers["backbone"], line((0, 0), (-1500, 0)), backbone_id="far", role="distribution", ports_free=np.nan
    )
    place = gpd.GeoSeries([point(-1490, 5)], crs=CRS).to_crs(4326).iloc[0]
    assert not check(**layers, config=PlanConfig(pop=(place.x, place.y))).of("pop_off_street")


def test_crs_is_needed() -> None:
    """Nothing can be measured without one; all layers that lack it are named at once."""
    layers = {name: frame.set_crs(None, allow_override=True) for name, frame in town().items()}
    with pytest.raises(CrsError) as error:
        check(**layers)
    assert len(error.value.faults) == 3


def test_degrees_give_the_same_findings() -> None:
    """What is wrong does not depend on the CRS the files came in."""
    layers = town()
    with_street(layers, "short", line((300, 1.2), (300, 250)))
    with_customer(layers, "far", point(1000, 150))
    metric, geographic = check(**layers), check(**degrees(layers))
    assert [(each.code, each.rows) for each in metric] == [(each.code, each.rows) for each in geographic]


def test_row_order_changes_nothing() -> None:
    """Ids break ties, not rows."""
    layers = messy()
    turned = {name: frame.iloc[::-1] for name, frame in layers.items()}
    there, back = check(**layers).to_gdf(), check(**turned).to_gdf()
    assert there.drop(columns="geometry").equals(back.drop(columns="geometry"))


def test_input_is_not_changed() -> None:
    """The planner's layers are the planner's."""
    layers = messy()
    before = {name: frame.copy(deep=True) for name, frame in layers.items()}
    check(**layers)
    mend(layers["streets"], layers["customers"])
    assert all(frame.equals(before[name]) for name, frame in layers.items())


@pytest.mark.parametrize("name", ["streets", "backbone", "customers"])
def test_empty_layers(name: str) -> None:
    """An empty layer is said elsewhere; the doctor must survive it."""
    layers = town()
    layers[name] = layers[name].iloc[:0]
    assert isinstance(check(**layers), Findings)


def test_rows_without_geometry_are_left_to_the_reader() -> None:
    """Missing shapes are a fault of the file; here they must not bring everything down."""
    layers = messy()
    with_street(layers, "none", None)
    with_customer(layers, "none", None)
    assert "near_miss" in codes(check(**layers))


def messy() -> Layers:
    """Return a town with a gap, an exact duplicate, and a point on the same spot that is none."""
    layers = town()
    with_street(layers, "short", line((300, 1.2), (300, 250)))
    with_customer(layers, "b2", point(300, -20), units=4, street="High Street", housenumber="2")
    with_customer(layers, "b3", point(300, -20), street="High Street", housenumber="2b")
    return layers


def test_mend_ties_the_end_in() -> None:
    """After mending the two streets share a vertex to the last digit, and nothing else has moved."""
    layers = messy()
    mended = mend(layers["streets"], layers["customers"])
    high, side, short = mended.streets.geometry
    assert (X + 300, Y + 0) in high.coords
    assert short.coords[0] == (X + 300, Y + 0)
    assert short.coords[1] == (X + 300, Y + 250)
    assert side.equals(layers["streets"].geometry.iloc[1])
    assert high.length == layers["streets"].geometry.iloc[0].length
    assert any("short" in each and "1.20 m" in each for each in mended.done)
    again = check(mended.streets, layers["backbone"], mended.customers)
    assert not {"near_miss", "island", "crossing_without_node"} & codes(again)


def test_mend_in_degrees() -> None:
    """The new vertex must be the same number in both streets, whatever the CRS."""
    layers = degrees(messy())
    high, _, short = mend(layers["streets"], layers["customers"]).streets.geometry
    assert short.coords[0] in high.coords


def test_mend_ends_that_face_each_other() -> None:
    """Two ends that miss each other meet in one place; they must not swap places."""
    layers = town()
    with_street(layers, "on", line((401, 0), (600, 0)))
    streets = mend(layers["streets"], layers["customers"]).streets.geometry
    assert streets.iloc[0].coords[-1] == streets.iloc[2].coords[0]
    assert not check(**{**layers, "streets": mend(layers["streets"], layers["customers"]).streets}).of("near_miss")


def test_mend_merges_exact_duplicates_only() -> None:
    """Rows that differ in nothing but id become one with all homes, and say so; another number on the spot stays."""
    layers = messy()
    mended = mend(layers["streets"], layers["customers"])
    homes = dict(zip(mended.customers["customer_id"], mended.customers["units"], strict=True))
    assert homes == {"a": 1, "b": 8, "b3": 1, "c": 1}
    assert "merged customers b, b2 into one, with 8 homes" in mended.done
    assert mended.customers["units"].sum() == layers["customers"]["units"].sum()


@pytest.mark.parametrize(
    ("units", "revenue", "merged"),
    [((2, 2), (10, 10), True), ((2, 5), (10, 10), False), ((2, 2), (10, 99), False), ((1, None), (10, 10), True)],
)
def test_mend_leaves_what_registers_disagree_on(
    units: tuple[int | None, ...], revenue: tuple[float, ...], merged: bool
) -> None:
    """Two homes in one register and five in the other are no duplicate: 7 would be an invention; no number means 1."""
    layers = town()
    both = layers["customers"].iloc[[0, 0]].reset_index(drop=True).assign(customer_id=["a", "z"])
    both["units"], both["revenue"] = pd.array(units, "Int64"), revenue
    mended = mend(layers["streets"], both)
    kept = list(mended.customers[["customer_id", "units", "revenue"]].itertuples(index=False, name=None))
    if merged:
        homes = 2 * units[0]
        assert kept == [("a", homes, 20.0)]
        assert mended.done == (f"merged customers a, z into one, with {homes} homes and a revenue of 20.00",)
    else:
        assert mended.customers.equals(both)
        assert mended.done == ()


def test_mend_leaves_a_clean_town_alone() -> None:
    """Nothing to do means nothing done."""
    layers = town()
    mended = mend(layers["streets"], layers["customers"])
    assert mended.done == ()
    assert mended.streets.equals(layers["streets"])
    assert mended.customers.equals(layers["customers"])


def test_findings_as_a_layer(tmp_path: Path) -> None:
    """Findings are looked at on a map: they go into a file and come back, in the CRS they were measured in."""
    findings = check(**messy())
    findings.to_gdf().to_file(tmp_path / "check.gpkg", layer="findings")
    back = gpd.read_file(tmp_path / "check.gpkg")
    assert len(back) == len(findings)
    assert back.crs == CRS
    assert set(back["code"]) == codes(findings)


def test_summary_counts() -> None:
    """The table a planner reads first adds the findings up."""
    findings = check(**messy())
    table = findings.summary().set_index("code")
    assert table["findings"].sum() == len(findings)
    assert table.loc["near_miss", "metres"] == 1.2
    assert list(table.index) == [code for code in CODES if code in codes(findings)]


def test_every_code_is_shown_by_a_test(root: Path) -> None:
    """A code that nobody has ever seen happen may not happen at all."""
    text = (root / "tests" / "test_doctor.py").read_text(encoding="utf-8")
    assert [code for code in CODES if f'"{code}"' not in text] == []


def test_demo_town_has_no_errors() -> None:
    """The town we ship must pass its own doctor."""
    layers = {name: gpd.read_file(demo.demo_folder() / f"{name}.gpkg") for name in ("streets", "backbone", "customers")}
    assert check(**layers).errors == ()


@pytest.mark.towns
@pytest.mark.parametrize("name", ["lauf", "copenhagen", "nassau"])
def test_real_towns(towns: Path, name: str) -> None:
    """Real data has oddities but no errors, and what can be snapped is snapped."""
    layers = {each: gpd.read_file(towns / name / f"{each}.gpkg") for each in ("streets", "backbone", "customers")}
    findings = check(**layers)
    assert findings.errors == ()
    assert findings.of("near_miss")
    mended = mend(layers["streets"], layers["customers"])
    assert not check(**{**layers, "streets": mended.streets}).of("near_miss")
    assert len(mended.streets) == len(layers["streets"])


def test_rejected_rows_and_guesses_are_findings(tmp_path: Path) -> None:
    """What reading could not use, or had to guess, is told with all else: a planner looks in one place."""
    (tmp_path / "homes.csv").write_text("customer_id,lon,lat\na,9.001,47.0001\nb,east,47\nc,0,0\nd,47.0001,9.001\n")
    ways = [shapely.LineString([(9, 47), (9.002, 47)]), shapely.LineString([(9.001, 47), (9.001, 47.001)])]
    ways += [shapely.LineString([(9, 47), (9, 47)])]
    given = gpd.GeoDataFrame({"street_id": ["s", "t", "z"], "lanes": [1, 1, 1]}, geometry=ways)
    cabinet = gpd.GeoDataFrame({"role": ["cabinet"]}, geometry=[shapely.Point(9, 47)], crs=4326)
    layers = load_layers(given, cabinet, tmp_path / "homes.csv", config=PlanConfig(on_bad_rows="quarantine"))
    found = check_layers(layers)
    assert found.of("invalid_location")[0].rows == ("b",)
    assert found.of("swapped_axes")[0].rows == ("d",)
    assert found.of("null_island")[0].rows == ("c",)
    assert found.of("no_length")[0].rows == ("z",)
    assert "EPSG:4326" in found.of("crs_guessed")[0].message
    assert found.of("not_read")[0].message == "streets: a column is not read: lanes"
    assert "read_as" not in {each.code for each in found.errors}
    assert not found.of("beyond_crs")
    assert {fault.rows for fault in found.faults()} >= {("b",), ("c",), ("d",)}


def test_findings_name_their_rows_once(tmp_path: Path) -> None:
    """A planner needs the ids, or numbers from 1 where there are none, to mend rows; a sentence may name them."""
    (tmp_path / "homes.csv").write_text("house,lon,lat\na,9.001,47.0001\nb,,47\nc,0,0\nd,9.5,47\n")
    ways = 'wkt\n"LINESTRING(9 47,9.002 47)"\nnone\n"LINESTRING(9 47,9 47.001)"\n'
    (tmp_path / "ways.csv").write_text(ways)
    cabinet = gpd.GeoDataFrame({"role": ["cabinet"]}, geometry=[shapely.Point(9, 47)], crs=4326)
    config = PlanConfig(on_bad_rows="quarantine", mapping={"customers": {"customer_id": "house"}})
    found = check_layers(load_layers(tmp_path / "ways.csv", cabinet, tmp_path / "homes.csv", config=config), config)
    told = [str(each) for code in ("invalid_location", "null_island", "outside_extent") for each in found.of(code)]
    assert [each.partition(" (rows ")[2] for each in told] == ["b)", "2)", "c)", "d)"]
    (far,) = found.of("far_from_street")
    assert str(far) == far.message
    assert "customer d" in far.message


def test_findings_open_as_a_layer_for_each_code(tmp_path: Path) -> None:
    """Each kind of finding is switched on and off by itself on the map."""
    layers = town()
    with_street(layers, "short", line((100, 1.5), (100, 80)))
    with_customer(layers, "twin", point(50, 20))
    found = check(**layers)
    write_layers(tmp_path / "check.gpkg", found.layers())
    write_layers(tmp_path / "check.gpkg", found.layers())
    listed = dict(pyogrio.list_layers(tmp_path / "check.gpkg"))
    assert listed["near_miss"] == "LineString"
    assert set(listed) == {each.code for each in found}
    assert [path.name for path in tmp_path.iterdir()] == ["check.gpkg"]
