"""Planning layers from OpenStreetMap: from an extract on disk, or live through osmnx."""

from lastmile_net.read.osm.extract import layers_from_pbf
from lastmile_net.read.osm.layers import OsmLayers

__all__ = ["OsmLayers", "layers_from_pbf"]
