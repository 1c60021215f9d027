"""A town of two streets and six homes, as files; and what reading and examining it says."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lastmile_net.config import PlanConfig
from lastmile_net.doctor import check_layers
from lastmile_net.errors import LastMileError
from lastmile_net.read.layers import load_layers

if TYPE_CHECKING:
    from pathlib import Path

    from lastmile_net.read.layers import Layers

WEST, SOUTH = 11.28, 49.51
HOMES = """customer_id,lon,lat,units,street,housenumber
h1,11.281123,49.510211,1,Long Street,1
h2,11.282123,49.510212,4,Long Street,2
h3,11.283123,49.510213,1,Long Street,3
h4,11.285213,49.511123,1,Cross Street,4
h5,11.285214,49.512123,1,Cross Street,5
h6,11.285215,49.513123,1,Cross Street,6
"""


def line(*places: tuple[float, float]) -> dict[str, object]:
    """Return a line of GeoJSON, in thousandths of a degree from the town's corner."""
    return {"type": "LineString", "coordinates": [[WEST + x / 1000, SOUTH + y / 1000] for x, y in places]}


def point(x: float, y: float) -> dict[str, object]:
    """Return a point of GeoJSON, in thousandths of a degree from the town's corner."""
    return {"type": "Point", "coordinates": [WEST + x / 1000, SOUTH + y / 1000]}


def features(*rows: tuple[dict[str, object] | None, dict[str, object]]) -> str:
    """Return a GeoJSON file of geometries and cells."""
    listed = [{"type": "Feature", "geometry": shape, "properties": cells} for shape, cells in rows]
    return json.dumps({"type": "FeatureCollection", "features": listed})


LONG = (line((0.013, 0.011), (5.013, 0.011), (9.013, 0.011)), {"street_id": "long", "name": "Long Street"})
CROSS = (line((5.013, 0.011), (5.013, 4.011)), {"street_id": "cross", "name": "Cross Street"})
CABINET = (point(0.013, 0.011), {"backbone_id": "k", "role": "cabinet", "ports_free": 48})


@dataclass
class Town:
    """Files of a town by name, which layer is in which, and settings; a test spoils one of them."""

    files: dict[str, str | bytes] = field(
        default_factory=lambda: {
            "homes.csv": HOMES,
            "streets.geojson": features(LONG, CROSS),
            "backbone.geojson": features(CABINET),
        }
    )
    layers: dict[str, str] = field(
        default_factory=lambda: {
            "streets": "streets.geojson",
            "backbone": "backbone.geojson",
            "customers": "homes.csv",
        }
    )
    settings: dict[str, object] = field(default_factory=dict)

    def homes(self, old: str, new: str) -> Town:
        """Replace text in the table of homes."""
        text = str(self.files["homes.csv"])
        assert old in text
        self.files["homes.csv"] = text.replace(old, new)
        return self

    def with_file(self, layer: str, name: str, content: str | bytes) -> Town:
        """Let a layer be another file."""
        self.files[name], self.layers[layer] = content, name
        return self

    def named(self, layer: str, name: str) -> Town:
        """Let a layer be looked for under another name; an empty one gives none."""
        self.layers[layer] = name
        return self

    def with_streets(self, *rows: tuple[dict[str, object] | None, dict[str, object]]) -> Town:
        """Let these be the streets."""
        return self.with_file("streets", "streets.geojson", features(*rows))

    def with_backbone(self, *rows: tuple[dict[str, object] | None, dict[str, object]]) -> Town:
        """Let these be the backbone."""
        return self.with_file("backbone", "backbone.geojson", features(*rows))

    def set(self, **settings: object) -> Town:
        """Change settings."""
        self.settings |= settings
        return self

    def read(self, folder: Path) -> tuple[Layers, PlanConfig]:
        """Write the files and read the layers."""
        for name, content in self.files.items():
            (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
        config = PlanConfig.read(dict(self.settings))
        paths = {
            layer: str(folder / name if "/" not in name else name) if name else None
            for layer, name in self.layers.items()
        }
        return load_layers(config=config, **paths), config

    def says(self, folder: Path) -> list[str]:
        """Return all faults; or else all findings but those on plain reading, as `code: rows`, worst first."""
        try:
            layers, config = self.read(folder)
        except LastMileError as error:
            assert all(fault.cure for fault in error.faults)
            return [str(fault).replace(f"{folder}/", "") for fault in error.faults]
        findings = check_layers(layers, config)
        assert all(each.cure and each.message for each in findings)
        return [f"{each.code}: {', '.join(each.rows)}".strip() for each in findings if each.code != "read_as"]
