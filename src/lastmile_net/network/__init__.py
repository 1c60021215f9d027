"""Streets, existing lines and customers as one geographic graph."""

from lastmile_net.network.attach import DropRules, attach
from lastmile_net.network.build import build_network
from lastmile_net.network.convert import from_networkx, to_networkx
from lastmile_net.network.network import StreetNetwork
from lastmile_net.network.sides import SideRules, both_sides
from lastmile_net.network.taps import Taps, find_taps

__all__ = [
    "DropRules",
    "SideRules",
    "StreetNetwork",
    "Taps",
    "attach",
    "both_sides",
    "build_network",
    "find_taps",
    "from_networkx",
    "to_networkx",
]
