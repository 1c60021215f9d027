"""The plan in the Open Fibre Data Standard: valid against its published schema, and the same network once more."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

import geopandas as gpd
import pytest
import shapely

import lastmile_net as lm
from lastmile_net.read.ofds import read_ofds
from lastmile_net.read.sources import Place
from lastmile_net.write.ofds import ofds_network, write_ofds

if TYPE_CHECKING:
    from pathlib import Path

    from lastmile_net.plan import Plan

CRS = 25832
E0, N0 = 500_000.0, 5_400_000.0


@pytest.fixture(scope="module")
def plan() -> Plan:
    """Return a plan of two streets, a cabinet, a line that is used along the way, and three homes."""

    def line(*places: tuple[float, float]) -> shapely.LineString:
        return shapely.LineString([(E0 + x, N0 + y) for x, y in places])

    def frame(table: dict[str, list[object]], *shapes: shapely.Geometry) -> gpd.GeoDataFrame:
        return gpd.GeoDataFrame(table, geometry=list(shapes), crs=CRS)

    streets = frame({"street_id": ["a", "b"]}, line((0, 0), (200, 0), (400, 0)), line((200, 0), (200, 300)))
    backbone = frame(
        {"backbone_id": ["k", "d"], "role": ["cabinet", "duct"], "ports_free": [8.0, None]},
        shapely.Point(E0, N0),
        line((0, 0), (200, 0)),
    )
    places = [shapely.Point(E0 + x, N0 + y) for x, y in ((50, 20), (300, -20), (220, 250))]
    homes = frame({"customer_id": ["h1", "h2", "h3"]}, *places)
    return lm.plan(streets, backbone, homes, config=lm.read_config(prices="metres"))


@pytest.fixture
def package(plan: Plan, tmp_path: Path) -> Path:
    """Return a folder with the plan in the standard."""
    write_ofds(plan, tmp_path)
    return tmp_path


def test_the_published_schema_is_met(package: Path) -> None:
    """Whoever reads the standard must be able to read the plan: its own validator finds nothing."""
    reason = (
        "libcoveofds, the validator of the Open Fibre Data Standard (AGPL), is not installed: pip install libcoveofds"
    )
    schema = pytest.importorskip("libcoveofds.schema", reason=reason).OFDSSchema()
    judge = pytest.importorskip("libcoveofds.jsonschemavalidate", reason=reason).JSONSchemaValidator(schema)
    more = pytest.importorskip("libcoveofds.python_validate", reason=reason).PythonValidate(schema)
    data = json.loads((package / "network-package.json").read_text("utf-8"))
    assert [str(error.json()) for error in judge.validate(data)] == []
    assert more.validate(data) == []


def test_each_piece_is_a_span_between_its_nodes(plan: Plan) -> None:
    """What is dug is proposed, what is there is operational; a span's ends lie at its nodes."""
    network = ofds_network(plan)
    nodes = {node["id"]: node["location"]["coordinates"] for node in network["nodes"]}
    assert len(nodes) == len(network["nodes"])
    assert len(network["spans"]) == len(plan.trenches) + len(plan.reused)
    for span in network["spans"]:
        assert nodes[span["start"]] == span["route"]["coordinates"][0]
        assert nodes[span["end"]] == span["route"]["coordinates"][-1]
    proposed = [span for span in network["spans"] if span["status"] == "proposed"]
    assert {span["id"] for span in proposed} == set(plan.trenches["trench_id"])
    km = sum(span["fibreLength"] for span in proposed)
    assert km * 1000 == pytest.approx(plan.summary["trench_m"], abs=0.01)
    assert {node["id"] for node in network["nodes"] if "supportingInfrastructure" in node} == {"h1", "h2", "h3"}


def test_the_same_plan_has_the_same_id(plan: Plan) -> None:
    """Two exports of one plan are one network to whoever collects them."""
    assert ofds_network(plan) == ofds_network(plan)
    assert ofds_network(plan)["id"] != ofds_network(plan, name="another")["id"]


def test_streets_of_openstreetmap_are_credited(plan: Plan, tmp_path: Path) -> None:
    """Whoever gets the network alone reads whose streets it follows; the standard and our reader take it."""
    mapped = dataclasses.replace(plan, streets=plan.streets.assign(highway="residential"))
    write_ofds(mapped, tmp_path)
    credit = "© OpenStreetMap contributors, ODbL"
    for name in ("nodes.geojson", "spans.geojson"):
        assert json.loads((tmp_path / name).read_text("utf-8"))["description"] == credit
    (network,) = json.loads((tmp_path / "network-package.json").read_text("utf-8"))["networks"]
    assert network["description"] == credit
    assert "description" not in ofds_network(plan)
    test_the_published_schema_is_met(tmp_path)
    test_our_own_reader_reads_it(mapped, tmp_path)


def test_our_own_reader_reads_it(plan: Plan, package: Path) -> None:
    """The package, and the two GeoJSON files together, hold the same rows and places."""
    table = read_ofds(Place(package / "network-package.json"))
    (package / "network-package.json").unlink()
    features = read_ofds(Place(package))
    assert len(table) == len(features)
    one, other = (each.set_index(["kind", "id"]).sort_index() for each in (table, features))
    assert one["status"].tolist() == other["status"].tolist()
    assert one["start"].tolist() == other["start"].tolist()
    assert shapely.equals(one.geometry.to_numpy(), other.geometry.to_numpy()).all()
    assert (table["kind"] == "span").sum() == len(plan.trenches) + len(plan.reused)
