"""
Every column of every layer, declared once.

The checks on what comes in, the shape of what goes out and `docs/data-formats.md` all follow
from the tables in this module.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "integer", "number", "boolean"]

LINE = ("LineString", "MultiLineString")
POINT = ("Point",)
POLYGON = ("Polygon", "MultiPolygon")

LINE_ROLES = ("feeder", "distribution", "duct", "drop", "aerial")
POINT_ROLES = ("pop", "cabinet", "splitter", "closure", "handhole", "pole")
TAP_POINT_ROLES = ("pop", "cabinet", "splitter", "closure")
TAP_LINE_ROLES = ("distribution",)

STATUSES = ("connected", "passed", "unconnected")
OUTCOMES = ("existing", "planned", "unserved")
REASONS = {
    "invalid_location": "its geometry is missing, empty or not a number",
    "no_street_in_reach": "every drop to a street or to the network would be longer than the limit",
    "street_island": "its street is not tied to the backbone",
    "route_too_long": "its shortest route from an access point is longer than the limit",
    "optical_budget": "the loss on its route is more than the optics allow",
    "no_free_port": "the access points it can reach have too few free ports",
    "line_full": "the existing line on its way has no spare capacity left",
    "optical_unknown": "the loss up to its access point is not known",
    "over_budget": "the budget, or another aim, leaves it out",
    "excluded": "it, or all its ways, have been excluded by the planner",
}
EDGE_KINDS = ("street", "crossing", "backbone", "connector", "drop")


@dataclass(frozen=True)
class Column:
    """
    One column: name, kind of value, unit, meaning; whether it must be there; what an empty cell means; bounds.

    `part_of` names the column of which it counts a part: it is never above that. A number that is `whole`
    counts things.
    """

    name: str
    kind: Kind
    meaning: str
    unit: str = ""
    required: bool = False
    default: str | float | bool | None = None
    values: tuple[str, ...] = ()
    least: float | None = None
    most: float = 1e12
    part_of: str = ""
    whole: bool = False


@dataclass(frozen=True)
class Layer:
    """One layer: its geometry types, its columns, its key."""

    name: str
    meaning: str
    geometry: tuple[str, ...]
    columns: tuple[Column, ...]
    key: str = ""

    def __getitem__(self, name: str) -> Column:
        """Return the column called `name`; KeyError if there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all columns, in their order."""
        return tuple(column.name for column in self.columns)


_INCLUDE = Column("include", "boolean", "must be part of the plan", default=False)
_EXCLUDE = Column("exclude", "boolean", "must not be part of the plan", default=False)

STREETS = Layer(
    "streets",
    "The ways along which one can dig.",
    LINE,
    (
        Column("street_id", "text", "name of the way in its source; derived from the geometry where it is missing"),
        Column("name", "text", "street name, matched with the `street` of the customers"),
        Column("highway", "text", "OpenStreetMap class; says surface and price where nothing better is known"),
        Column("surface", "text", "OpenStreetMap surface"),
        Column("bridge", "text", "empty or `no`: at grade; ways on different levels are not joined where they cross"),
        Column("tunnel", "text", "as `bridge`"),
        Column("layer", "text", "vertical order; ways on different layers are not joined where they cross"),
        Column("cost_factor", "number", "multiplies the price per metre on this way", default=1.0, least=0, most=1e6),
        _INCLUDE,
        _EXCLUDE,
    ),
    key="street_id",
)

BACKBONE = Layer(
    "backbone",
    "What already lies in the ground or hangs on poles: lines, and points where one may connect.",
    LINE + POINT,
    (
        Column("backbone_id", "text", "name of the line or point; derived from the geometry where it is missing"),
        Column(
            "role",
            "text",
            "what it is; an empty role is `distribution` on a line and `cabinet` on a point",
            values=LINE_ROLES + POINT_ROLES,
        ),
        Column("ports_free", "number", "free ports of a point; empty is unlimited", unit="homes", least=0, whole=True),
        Column(
            "units_free", "number", "spare capacity of a line; empty is unlimited", unit="homes", least=0, whole=True
        ),
        Column("loss_db", "number", "optical loss from the OLT to here; empty is unknown", unit="dB", least=0),
    ),
    key="backbone_id",
)

CUSTOMERS = Layer(
    "customers",
    "Premises to be served; polygons stand for a point inside them.",
    POINT + POLYGON,
    (
        Column("customer_id", "text", "unique name of the premises", required=True),
        Column("units", "integer", "homes at the premises", unit="homes", default=1, least=1),
        Column("street", "text", "street of the address; its drop is tried there first"),
        Column("housenumber", "text", "number in that street"),
        Column("connected", "boolean", "is served already", default=False),
        Column(
            "units_connected",
            "integer",
            "homes served already, of `units`; all of them where `connected`",
            unit="homes",
            least=0,
            part_of="units",
        ),
        Column("signed", "boolean", "has a contract: the report tells who of them waits for a line", default=False),
        Column("active", "boolean", "pays: the last step of the report's funnel", default=False),
        Column("revenue", "number", "what the customer is worth", unit="currency"),
        _INCLUDE,
        _EXCLUDE,
        Column("area_id", "text", "planning area the customer belongs to"),
        Column(
            "take_rate",
            "number",
            "chance that one of its homes signs, 0 to 1, where `uncertainty` is asked for",
            least=0,
            most=1,
        ),
    ),
    key="customer_id",
)

BARRIERS = Layer("barriers", "What no drop crosses.", LINE + POLYGON, ())
EXCLUDED = Layer("excluded", "Where nothing is built.", POLYGON, ())
RAIL_WATER = Layer(
    "rail_water",
    "Railways and waters, crossed at a price.",
    LINE + POLYGON,
    (Column("kind", "text", "`rail` or `water`", default="water", values=("rail", "water")),),
)

INPUT_LAYERS = (STREETS, BACKBONE, CUSTOMERS, BARRIERS, EXCLUDED, RAIL_WATER)

PLAN_CUSTOMERS = Layer(
    "customers",
    "One row per input customer, all of them, with what the plan does for it.",
    POINT,
    (
        Column("customer_id", "text", "as read", required=True),
        Column("units", "integer", "homes at the premises", unit="homes", required=True),
        Column("status", "text", "today", values=STATUSES, required=True),
        Column("outcome", "text", "with the plan", values=OUTCOMES, required=True),
        Column("reason", "text", "why it stays unserved", values=tuple(REASONS)),
        Column("remedy_code", "text", "kind of the cheapest change that would serve it"),
        Column("remedy_value", "number", "size of that change", unit="`remedy_unit`"),
        Column("remedy_unit", "text", "unit of `remedy_value`"),
        Column("remedy_at", "text", "what is to be changed: an access point, a street, a line, two places"),
        Column("remedy_also", "text", "changes that are needed besides, as `code=value@at`"),
        Column(
            "remedy_cost",
            "number",
            "what connecting it costs on top of the plan after it, new ports included, room on a full line not; more "
            "than `cost_alone` where ports must be bought, or the nearest have none free",
            unit="currency",
        ),
        Column("remedy", "text", "the change as a sentence"),
        Column("access_point_id", "text", "access point it is served from"),
        Column("drop_m", "number", "length of the drop", unit="m"),
        Column("route_m", "number", "length of its route, tap to premises", unit="m"),
        Column("shortest_m", "number", "length of the shortest route it could have", unit="m"),
        Column("cost_share", "number", "its part of the plan's cost; the shares add up to the total", unit="currency"),
        Column(
            "cost_alone",
            "number",
            "cost of serving it alone on its cheapest way, overhead included, as if every port were free",
            unit="currency",
        ),
        Column("marginal_cost", "number", "what the plan would save without it, overhead included", unit="currency"),
        Column("build_order", "integer", "rank in which it is connected, from 1"),
        Column("phase", "integer", "phase in which it is connected, from 1; empty without phases"),
        Column("area_id", "text", "planning area, as read"),
    ),
    key="customer_id",
)

TRENCHES = Layer(
    "trenches",
    "Every dug piece, each once, drops among them.",
    LINE,
    (
        Column("trench_id", "text", "name of the piece", required=True),
        Column("kind", "text", "what it is", values=("street", "crossing", "connector", "drop"), required=True),
        Column(
            "side",
            "text",
            "side of the street it runs on, seen along the geometry; empty is the centre line",
            values=("left", "right"),
        ),
        Column("surface", "text", "surface it was priced on"),
        Column("method", "text", "how it is dug"),
        Column("from_node", "text", "node it starts at", required=True),
        Column("to_node", "text", "node it ends at; of a drop, the customer", required=True),
        Column("length_m", "number", "dug length", unit="m", required=True),
        Column("cost", "number", "price of digging it", unit="currency", required=True),
        Column("labour_cost", "number", "part of `cost` that is labour", unit="currency"),
        Column("crossing_cost", "number", "part of `cost` for crossing streets, rails, waters", unit="currency"),
        Column("street_crossings", "number", "streets crossed at a price; a half leads to the middle of one"),
        Column("rail_crossings", "number", "railways crossed"),
        Column("water_crossings", "number", "waters crossed"),
        Column("customers", "integer", "customers served through it", required=True),
        Column("units", "integer", "homes served through it", unit="homes", required=True),
        Column("build_order", "integer", "rank of the first customer it is dug for, from 1; 0 if in any case"),
        Column("phase", "integer", "phase in which it is dug, from 1; empty without phases"),
        Column("stability", "number", "share of the price scenarios in which it is built"),
    ),
    key="trench_id",
)

REUSED = Layer(
    "reused",
    "Existing pieces that new customers use.",
    LINE,
    (
        Column("backbone_id", "text", "line it is a piece of", required=True),
        Column("from_node", "text", "node it starts at", required=True),
        Column("to_node", "text", "node it ends at", required=True),
        Column("length_m", "number", "used length", unit="m", required=True),
        Column("cost", "number", "price of using it", unit="currency", required=True),
        Column("labour_cost", "number", "part of `cost` that is labour", unit="currency"),
        Column("units", "integer", "new homes served through it", unit="homes", required=True),
    ),
)

ROUTES = Layer(
    "routes",
    "One row per planned customer: the way from the tap to the premises.",
    LINE,
    (
        Column("customer_id", "text", "customer at its end", required=True),
        Column("access_point_id", "text", "access point at its start", required=True),
        Column("length_m", "number", "length", unit="m", required=True),
    ),
    key="customer_id",
)

ACCESS_POINTS = Layer(
    "access_points",
    "Where one connects: every tap point, and every place on a line that the plan taps.",
    POINT,
    (
        Column("access_point_id", "text", "name: the point's, or the line's with the place on it", required=True),
        Column("kind", "text", "role of the point or line", required=True),
        Column("status", "text", "`existing`, or `proposed` by the plan", values=("existing", "proposed")),
        Column("type", "text", "name in the price catalogue, of a proposed one"),
        Column("node", "text", "network node it stands at", required=True),
        Column("ports_used", "integer", "homes the plan connects to it", unit="homes", required=True),
        Column("ports_free", "number", "free ports before the plan; empty is unlimited", unit="homes"),
        Column("loss_db", "number", "loss from the OLT to where it is known: here, or `back_m` up the line", unit="dB"),
        Column("back_m", "number", "metres of existing line from there to here", unit="m"),
        Column("cost", "number", "price of a proposed one, placed; part of the equipment", unit="currency"),
        Column(
            "fed_from", "text", "existing access point that feeds a proposed one: where its customers' routes begin"
        ),
        Column("feed_m", "number", "way from there, along which its customers have no fibre of their own", unit="m"),
        Column("feed_fibres", "integer", "fibres along that way", unit="fibres"),
        Column("feed_cost", "number", "price of these, part of the fibre", unit="currency"),
    ),
    key="access_point_id",
)

BACKBONE_LINES = Layer("backbone_lines", "Existing lines, as read.", LINE, BACKBONE.columns, key="backbone_id")
BACKBONE_POINTS = Layer("backbone_points", "Existing points, as read.", POINT, BACKBONE.columns, key="backbone_id")
PLAN_STREETS = Layer("streets", "Streets, as read.", LINE, STREETS.columns, key="street_id")

PLAN_LAYERS = (
    PLAN_CUSTOMERS,
    TRENCHES,
    REUSED,
    ROUTES,
    ACCESS_POINTS,
    BACKBONE_LINES,
    BACKBONE_POINTS,
    PLAN_STREETS,
)

BILL = Layer(
    "bom.csv",
    "The bill of materials: what has to be built and bought. `bom.xlsx` has the same columns on its sheet Items, with "
    "formulas.",
    (),
    (
        Column("part", "text", "part of `cost` in `summary.json`: the amounts of each part add up to it, to the cent"),
        Column("item", "text", "what is built or bought; trenches by kind, method and ground"),
        Column("quantity", "number", "how much of it; of the overhead, the money that it is taken of", unit="`unit`"),
        Column("unit", "text", "what `quantity` counts; `%` of the overhead"),
        Column(
            "price",
            "number",
            "price of one unit: that of the price list, else the average in two to four digits after the point; of the "
            "overhead, per cent",
            unit="currency",
        ),
        Column(
            "amount",
            "number",
            "`quantity` times `price`, in whole cents. Pieces are priced in whole cents, too: what that makes of the "
            "sum is an item of its own, `rounding of pieces and unit prices`",
            unit="currency",
        ),
        Column(
            "labour",
            "number",
            "share of `amount` that is labour, 0 to 1, the rest is material: that of the price list, weighted by what "
            "is built; empty where the prices do not tell, and of the overhead",
        ),
    ),
)
