"""Planning layers from OpenStreetMap: from an extract on disk, or live through osmnx."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lastmile_net.lazy import lazily, publicly
from lastmile_net.read.osm.extract import layers_from_pbf
from lastmile_net.read.osm.layers import OsmLayers

if TYPE_CHECKING:
    from lastmile_net.read.osm.live import Retry, layers_from_osmnx

__all__ = ["OsmLayers", "Retry", "layers_from_osmnx", "layers_from_pbf"]

_LIVE = "lastmile_net.read.osm.live"
__getattr__ = lazily(__name__, {"Retry": _LIVE, "layers_from_osmnx": _LIVE})  # osmnx takes a second to load
__dir__ = publicly(__name__)
