"""Planning layers from OpenStreetMap: from an extract on disk, or live through osmnx."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lastmile_net.read.osm.extract import layers_from_pbf
from lastmile_net.read.osm.layers import OsmLayers

if TYPE_CHECKING:
    from lastmile_net.read.osm.live import Retry, layers_from_osmnx

__all__ = ["OsmLayers", "Retry", "layers_from_osmnx", "layers_from_pbf"]


def __getattr__(name: str) -> object:
    if name not in ("Retry", "layers_from_osmnx"):
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    from lastmile_net.read.osm import live  # osmnx takes a second to load, and an extract does without

    return getattr(live, name)
