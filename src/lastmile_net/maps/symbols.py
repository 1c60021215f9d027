"""Colours and shapes of what a map shows, by class."""

from __future__ import annotations

from lastmile_net.maps.packed import Symbol

OUTCOME_SYMBOLS = {
    "existing": Symbol("#8496a8"),
    "planned": Symbol("#0072b2"),
    "invalid_location": Symbol("#7f7f7f", "diamond", gap=True),
    "no_street_in_reach": Symbol("#7f2704", "triangle", gap=True),
    "street_island": Symbol("#cc6699", "square", gap=True),
    "route_too_long": Symbol("#6a2c91", "down", gap=True),
    "optical_budget": Symbol("#a08c00", "cross", gap=True),
    "no_free_port": Symbol("#d55e00", "diamond", gap=True),
    "line_full": Symbol("#96561e", "diamond", gap=True),
    "optical_unknown": Symbol("#8c6d31", "ring", gap=True),
    "over_budget": Symbol("#e69f00", "bar", gap=True),
    "excluded": Symbol("#3d3d3d", "ring", gap=True),
    "unserved": Symbol("#d55e00", "diamond", gap=True),
}

STATUS_SYMBOLS = {
    "connected": Symbol("#8496a8"),
    "passed": Symbol("#e69f00", "triangle", gap=True),
    "unconnected": Symbol("#d55e00", "diamond", gap=True),
}

TRENCH_SYMBOLS = {
    "kind_street": Symbol("#00866a"),
    "kind_crossing": Symbol("#b8478f"),
    "kind_connector": Symbol("#56b4e9"),
}

LINE_SYMBOLS = {
    "feeder": Symbol("#323f4b"),
    "distribution": Symbol("#6b7a89"),
    "duct": Symbol("#8a6d3b"),
    "aerial": Symbol("#6a4c93"),
    "drop": Symbol("#9aa5b1"),
}

POINT_SYMBOLS = {
    "pop": Symbol("#1f2933", "square"),
    "cabinet": Symbol("#1f2933", "square"),
    "splitter": Symbol("#52606d", "triangle"),
    "closure": Symbol("#52606d", "circle"),
    "handhole": Symbol("#8a8f98", "ring"),
    "pole": Symbol("#8a8f98", "bar"),
}

FINDING_SYMBOLS = {
    "error": Symbol("#b3261e", "cross"),
    "warning": Symbol("#e69f00", "triangle"),
    "info": Symbol("#56b4e9", "ring"),
}

ACCESS_SYMBOLS = {
    "access_used": Symbol("#111820", "square"),
    "access_idle": Symbol("#8a8f98", "square"),
    "access_new": Symbol("#d81b60", "square"),
    "taps": Symbol("#323f4b"),
}
"""Classes of `access_class`."""

BESIDE_SYMBOL, BESIDE_STREET = Symbol("#b4bdc6"), Symbol("#e4e8ec")
"""What lies beside the area that a map is of."""

DROP_COLOUR = "#00866a"

STREET_COLOUR = "#d0d7dd"
"""Of streets from afar, and of their edges from near."""

LIGHT_EDGE = "rgba(255,255,255,0.95)"

STREET_WIDTHS = {"motorway": 4, "trunk": 4, "primary": 3, "secondary": 2, "tertiary": 1}

WIDER_FROM_HOMES = (3.0, 12.0, 50.0, 200.0)
"""Trenches through which at least so many homes are served are drawn wider, step by step."""
