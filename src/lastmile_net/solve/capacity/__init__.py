"""Plans within limits: free ports of access points, length and loss of routes."""

from lastmile_net.solve.capacity.limits import (
    NO_FREE_PORT,
    OPTICAL_BUDGET,
    OPTICAL_UNKNOWN,
    ROUTE_TOO_LONG,
    Limits,
    Reach,
    find_reach,
    most_units,
)
from lastmile_net.solve.capacity.money.afford import Affordable
from lastmile_net.solve.capacity.plan import Limited, solve_with_limits
from lastmile_net.solve.capacity.search.growth import adjacency
from lastmile_net.solve.capacity.siting.place import (
    Catalogue,
    Sited,
    place_access_points,
    without_ports,
)
from lastmile_net.solve.capacity.worth import add_worth_within_limits, ask_within_limits

__all__ = [
    "NO_FREE_PORT",
    "OPTICAL_BUDGET",
    "OPTICAL_UNKNOWN",
    "ROUTE_TOO_LONG",
    "Affordable",
    "Catalogue",
    "Limited",
    "Limits",
    "Reach",
    "Sited",
    "add_worth_within_limits",
    "adjacency",
    "ask_within_limits",
    "find_reach",
    "most_units",
    "place_access_points",
    "solve_with_limits",
    "without_ports",
]
