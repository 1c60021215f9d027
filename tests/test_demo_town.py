"""The bundled town: small enough to ship, complete, and what its README says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import pytest
import shapely

from lastmile_net import demo, schema
from lastmile_net.errors import MissingFileError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def town() -> dict[str, gpd.GeoDataFrame]:
    """Return the three layers of the town."""
    return {name: gpd.read_file(demo.demo_folder() / f"{name}.gpkg") for name in ("streets", "customers", "backbone")}


def test_town_is_small() -> None:
    """It travels in every wheel, so it must stay below 1.5 MB."""
    assert sum((demo.demo_folder() / name).stat().st_size for name in demo.FILES) < 1_500_000


def test_layers_meet_the_schema(town: dict[str, gpd.GeoDataFrame]) -> None:
    """A demo that starts with errors about its own data teaches the wrong thing."""
    for layer in (schema.STREETS, schema.CUSTOMERS, schema.BACKBONE):
        frame = town[layer.name]
        assert frame.crs is not None
        assert frame[layer.key].is_unique
        assert set(frame.geom_type) <= set(layer.geometry)
        assert frame.geometry.is_valid.all()
    assert set(town["backbone"]["role"]) == {"feeder", "distribution", "cabinet", "pop"}
    assert (town["customers"]["units"] >= 1).all()


def test_network_is_half_built(town: dict[str, gpd.GeoDataFrame]) -> None:
    """There must be something connected, something to do, and places with and without free ports."""
    connected = town["customers"]["connected"]
    assert 0 < connected.sum() < len(connected) / 2
    ports = town["backbone"]["ports_free"].dropna()
    assert ports.max() > 0
    assert ports.min() >= 0


def test_backbone_lies_on_streets(town: dict[str, gpd.GeoDataFrame]) -> None:
    """The made-up network claims to follow the streets; a wrong one would float beside them."""
    streets = town["streets"].to_crs("EPSG:32635").union_all()
    shapely.prepare(streets)
    assert (town["backbone"].to_crs("EPSG:32635").distance(streets) < 0.01).all()


def test_readme_counts_are_true(root: Path, town: dict[str, gpd.GeoDataFrame]) -> None:
    """The table in data/README.md is written by hand and must not rot."""
    text = (root / "data" / "README.md").read_text(encoding="utf-8")
    for name, frame in town.items():
        assert f"| `demo/{name}.gpkg` | {len(frame):,} |" in text
    assert "© OpenStreetMap contributors, ODbL" in text


def test_missing_town_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation without the data must say so, not fail on a path nobody knows."""
    monkeypatch.setattr(demo, "_PACKAGE", tmp_path / "src" / "lastmile_net")
    with pytest.raises(MissingFileError, match="demo town"):
        demo.demo_folder()
