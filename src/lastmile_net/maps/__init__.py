"""The Folium map of a plan, and the packed layer it is made of."""

from lastmile_net.maps.packed import Field, PackedLayer, Style, Symbol
from lastmile_net.maps.plan_map import plan_map, save_map

__all__ = ["Field", "PackedLayer", "Style", "Symbol", "plan_map", "save_map"]
