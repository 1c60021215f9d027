"""Planning layers from OpenStreetMap: from an extract on disk, or live through osmnx."""

from lastmile_net.read.osm.extract import layers_from_pbf
from lastmile_net.read.osm.layers import OsmLayers
from lastmile_net.read.osm.live import Retry, layers_from_osmnx

__all__ = ["OsmLayers", "Retry", "layers_from_osmnx", "layers_from_pbf"]
