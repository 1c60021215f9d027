"""The Folium map of a plan, and the packed layer it is made of."""

from lastmile_net.maps.packed import Derived, Field, PackedLayer, Style, Symbol
from lastmile_net.maps.page import Map, offline_map, save_page, write_whole
from lastmile_net.maps.plan_map import MapOptions, plan_map, save_map
from lastmile_net.maps.static import KINDS, check_picture, save_coverage, save_picture

__all__ = [
    "KINDS",
    "Derived",
    "Field",
    "Map",
    "MapOptions",
    "PackedLayer",
    "Style",
    "Symbol",
    "check_picture",
    "offline_map",
    "plan_map",
    "save_coverage",
    "save_map",
    "save_page",
    "save_picture",
    "write_whole",
]
