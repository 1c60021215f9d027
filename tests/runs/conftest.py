"""A plan drawn by hand: three streets, six customers, one cabinet, one distribution line."""

from __future__ import annotations

import geopandas as gpd
import pytest
from shapely import LineString, Point

from lastmile_net.config import read_config
from lastmile_net.plan.result import Plan

CRS = 25832
E0, N0 = 500_000.0, 5_400_000.0


def point(x: float, y: float) -> Point:
    """Return a point of the drawing in the CRS."""
    return Point(E0 + x, N0 + y)


def line(*places: tuple[float, float]) -> LineString:
    """Return a line of the drawing in the CRS."""
    return LineString([(E0 + x, N0 + y) for x, y in places])


def frame(rows: list[dict[str, object]], columns: list[str] | None = None) -> gpd.GeoDataFrame:
    """Return a layer; without rows it has the columns named."""
    return gpd.GeoDataFrame(rows or {name: [] for name in [*(columns or []), "geometry"]}, geometry="geometry", crs=CRS)


# Main Street runs from (0, 0) to (300, 0); North Lane from (100, 0) to (100, 200); Far Road lies apart at y = 900.
# The cabinet K1 stands at (0, 0), a duct D1 lies beneath Main Street from (0, 0) to (100, 0) and is reused.
# a at (150, 20), b at (250, -15), c at (90, 150) are planned; d at (10, 5) is connected today;
# e on Far Road is on an island; f has no location.
#
#            n3 (100, 200)
#             |   c
#   K1 ===== n1 ------ n2 ------ n4        === reused duct   --- trench
#  (0, 0)  (100, 0) (150, 0)  (250, 0)
TRENCH, PER_DROP = 100.0, 500.0

CUSTOMERS = {
    "a": ("passed", "planned", None, 1, point(150, 20)),
    "b": ("unconnected", "planned", None, 4, point(250, -15)),
    "c": ("unconnected", "planned", None, 2, point(90, 150)),
    "d": ("connected", "existing", None, 1, point(10, 5)),
    "e": ("unconnected", "unserved", "street_island", 3, point(500, 905)),
    "f": ("unconnected", "unserved", "invalid_location", 1, None),
}
DROPS = {"a": ((150, 0), (150, 20)), "b": ((250, 0), (250, -15)), "c": ((100, 150), (90, 150))}
WAYS = {"a": [(150, 0)], "b": [(150, 0), (250, 0)], "c": [(100, 150)]}
RANKS = {"a": 1, "b": 2, "c": 3}
PRICES = {
    "overhead_percent": 5,
    "dig": {"open_trench": {"sealed": TRENCH}},
    "drop_fixed": PER_DROP,
    "reuse_cost_per_m": {"duct": 3.0},
    "fibre_cost_per_m": 0.7201,
}
# 5 % overhead on everything; the shares are worked out so that they add up to the total.
SHARES = {"a": 3_200.0, "b": 13_500.0, "c": 18_403.05}


def tiny_plan() -> Plan:
    """Return the plan; every invariant holds for it."""
    customers = frame(
        [
            {
                "customer_id": name,
                "units": units,
                "status": status,
                "outcome": outcome,
                "reason": reason,
                "remedy_code": {"e": "link_island", "f": "fix_location"}.get(name),
                "remedy_value": 700.5 if name == "e" else None,
                "remedy_unit": "m" if name == "e" else None,
                "remedy_cost": None,
                "remedy": {"e": "a link of 700.5 m would tie it in", "f": "give its coordinates"}.get(name),
                "access_point_id": "K1" if outcome == "planned" else None,
                "drop_m": line(*DROPS[name]).length if name in DROPS else None,
                "route_m": _route(name).length if name in DROPS else None,
                "shortest_m": _route(name).length if name in DROPS else None,
                "cost_share": SHARES.get(name),
                "cost_alone": None,
                "marginal_cost": None,
                "build_order": RANKS.get(name),
                "area_id": None,
                "street": "=cmd()|' /C calc'!A0" if name == "e" else "Main Street",
                "housenumber": name,
                "units_connected": None,
                "geometry": place,
            }
            for name, (status, outcome, reason, units, place) in CUSTOMERS.items()
        ]
    )
    trenches = frame(
        [
            _trench("t1", "street", "n1", "n2", [(100, 0), (150, 0)], 2, 5, 1),
            _trench("t2", "street", "n2", "n4", [(150, 0), (250, 0)], 1, 4, 2),
            _trench("t3", "street", "n1", "n5", [(100, 0), (100, 150)], 1, 2, 3),
            _trench("d-a", "drop", "n2", "a", DROPS["a"], 1, 1, 1),
            _trench("d-b", "drop", "n4", "b", DROPS["b"], 1, 4, 2),
            _trench("d-c", "drop", "n5", "c", DROPS["c"], 1, 2, 3),
        ]
    )
    duct = line((0, 0), (100, 0))
    reused = {"backbone_id": "D1", "from_node": "n0", "to_node": "n1", "length_m": 100.0, "cost": 300.0, "units": 7}
    routes = [
        {"customer_id": name, "access_point_id": "K1", "length_m": _route(name).length, "geometry": _route(name)}
        for name in DROPS
    ]
    cabinet = {"access_point_id": "K1", "kind": "cabinet", "node": "n0", "ports_used": 7, "ports_free": 8}
    return Plan(
        customers=customers,
        trenches=trenches,
        reused=frame([reused | {"geometry": duct}]),
        routes=frame(routes),
        access_points=frame([cabinet | {"geometry": point(0, 0)}]),
        backbone_lines=frame([_backbone("D1", "duct", line((0, 0), (100, 0), (120, 0)), units_free=12)]),
        backbone_points=frame([_backbone("K1", "cabinet", point(0, 0), ports_free=8)]),
        streets=frame(
            [
                _street("s1", "Main Street", line((0, 0), (100, 0), (150, 0), (300, 0))),
                _street("s2", "North Lane", line((100, 0), (100, 200))),
                _street("s3", "Far Road", line((400, 900), (600, 900))),
            ]
        ),
        summary=_summary(),
        config=read_config(max_route_m=400.0, max_stretch=1.5, cost=PRICES),
        status="optimal",
        notes=("one customer has no location",),
    )


@pytest.fixture
def town() -> Plan:
    """Return the hand-drawn plan."""
    return tiny_plan()


def _route(name: str) -> LineString:
    return line((0, 0), (100, 0), *WAYS[name], DROPS[name][1])


def _trench(
    name: str, kind: str, start: str, end: str, way: list[tuple[float, float]], customers: int, units: int, rank: int
) -> dict[str, object]:
    shape = line(*way)
    return {
        "trench_id": name,
        "kind": kind,
        "side": None,
        "surface": "sealed" if kind == "street" else None,
        "method": "open_trench" if kind == "street" else None,
        "from_node": start,
        "to_node": end,
        "length_m": shape.length,
        "cost": PER_DROP if kind == "drop" else shape.length * TRENCH,
        "customers": customers,
        "units": units,
        "build_order": rank,
        "stability": None,
        "geometry": shape,
    }


def _backbone(name: str, role: str, shape: object, **given: object) -> dict[str, object]:
    empty = {"ports_free": None, "units_free": None, "loss_db": None}
    return {"backbone_id": name, "role": role} | empty | given | {"geometry": shape}


def _street(name: str, called: str, shape: object) -> dict[str, object]:
    plain = {"highway": "residential", "surface": "asphalt", "bridge": None, "tunnel": None, "layer": None}
    flags = {"cost_factor": 1.0, "include": False, "exclude": False}
    return {"street_id": name, "name": called} | plain | flags | {"geometry": shape}


def _summary() -> dict[str, object]:
    # trenches 50 + 100 + 150 m at 100, drops 3 x 500, duct 300, fibre 0.7201 on 170, 265 and 260 m,
    # equipment as the preset has it for 3 customers with 7 homes, 1131; 5 % of 33,431.48 is 1,671.57
    parts = {
        "trench": 30_000.0,
        "drop": 1_500.0,
        "reuse": 300.0,
        "fibre": 500.48,
        "equipment": 1_131.0,
        "overhead": 1_671.57,
    }
    total = 35_103.05
    return {
        "customers": {
            "total": 6,
            "connected": 1,
            "passed": 1,
            "unconnected": 4,
            "existing": 1,
            "planned": 3,
            "unserved": 2,
        },
        "units": {
            "total": 12,
            "connected": 1,
            "passed": 1,
            "unconnected": 10,
            "existing": 1,
            "planned": 7,
            "unserved": 4,
        },
        "reasons": {"invalid_location": 1, "street_island": 1},
        "trench_m": 345.0,
        "cost": {"total": total} | parts,
        "currency": "EUR",
        "lower_bound": 33_000.0,
        "gap": total / 33_000.0 - 1,
        "bound_covers": "trenches, drops, reuse, fibre",
        "cost_per_unit": total / 7,
        "stretch": {"median": 1.0, "p95": 1.0, "max": 1.0},
    }
