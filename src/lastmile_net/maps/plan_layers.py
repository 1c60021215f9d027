"""The layers of a plan's map: what of each table is drawn, how it looks and what a click on it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from lastmile_net.errors import DataError, Fault
from lastmile_net.maps.packed import Derived, Field, PackedLayer, Style, Symbol
from lastmile_net.maps.phases import with_phase
from lastmile_net.schema import REASONS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from lastmile_net.plan.result import Plan

Only = Literal["gaps", "planned", "existing"]
BESIDE_AREA_M = 150.0
WIDER_FROM_HOMES = (3.0, 12.0, 50.0, 200.0)

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
MOST_KINDS = 12
MOST_AREAS = 20
"""Areas that an error names."""
DROP_COLOUR = "#00866a"
STREET_COLOUR = "#d0d7dd"
"""Of streets from afar, and of their edges from near."""
NO_AREAS = (
    "Give the customers a column `area_id`, or name yours in `lastmile.toml` ([mapping.customers] area_id = "
    '"YOUR_COLUMN"), plan again, and ask for one of its values; or leave `--area` out.'
)
LIGHT_EDGE = "rgba(255,255,255,0.95)"
STREET_WIDTHS = {"motorway": 4, "trunk": 4, "primary": 3, "secondary": 2, "tertiary": 1}


@dataclass(frozen=True)
class MapLayer:
    """
    One layer of the page.

    Parameters
    ----------
    key
        Its name in links.
    packed
        What draws it.
    shown
        Whether it is on at first.
    search
        Columns to search.
    metres
        Column whose sum the legend tells; how many features there are if empty.
    order
        Column with the order of building.
    planned
        Whether it is not there today.
    """

    key: str
    packed: PackedLayer
    shown: bool = True
    search: tuple[str, ...] = ()
    metres: str = ""
    order: str = ""
    planned: bool = False


def plan_layers(
    plan: Plan,
    people: gpd.GeoDataFrame,
    words: Mapping[str, str],
    *,
    only: Only | None,
    area: str | None,
    streets: bool,
    phases: Mapping[str, Symbol],
) -> list[MapLayer]:
    """
    Return the layers of a plan's map, bottom first; empty ones are left out.

    Parameters
    ----------
    plan
        The plan.
    people
        Its customers as `classed_customers` returns them.
    words
        What the map says.
    only
        Draw these customers only.
    area
        Draw this planning area, and what lies beside it, only.
    streets
        Whether streets are drawn as the base.
    phases
        Symbols of the phases, as `phase_symbols` returns them; empty shows none.
    """
    customers = only_these(people, only)
    customers.attrs["currency"] = plan.summary.get("currency", "")
    near = beside(customers, area)
    kind, with_plan = access_class(plan.access_points), only != "existing"
    points = plan.access_points[(kind != "taps") & ((kind != "access_new") | with_plan)]
    makers: list[tuple[bool, Callable[[], MapLayer]]] = [
        (streets, lambda: _streets(near(plan.streets), words)),
        (True, lambda: _backbone_lines(near(plan.backbone_lines), words)),
        (with_plan, lambda: _reused(near(plan.reused), words)),
        (with_plan, lambda: _drops(near(plan.drops), words, phases)),
        (with_plan, lambda: _trenches(near(plan.trenches[plan.trenches["kind"] != "drop"]), words, phases)),
        (True, lambda: customer_layer(customers, words, phases)),
        (True, lambda: _backbone_points(near(idle_points(plan)), words)),
        (with_plan, lambda: _taps(near(plan.access_points[kind == "taps"]), words)),
        (True, lambda: _access_points(near(points), words)),
    ]
    return [layer for wanted, make in makers if wanted for layer in [make()] if layer.packed.size]


def check_wishes(plan: Plan, only: Only | None, area: str | None) -> None:
    """Refuse what cannot be drawn: raises a `DataError` that names it."""
    faults = []
    if only is not None and only not in get_args(Only):
        faults.append(Fault(f"cannot draw only '{only}'", f"Known are {', '.join(get_args(Only))}.", setting="only"))
    known = sorted(plan.customers["area_id"].dropna().astype(str).unique())
    if area is not None and area not in known:
        what = (
            f"there is no area '{area}'"
            if known
            else f"there is no area '{area}', nor any other: nobody has an `area_id`"
        )
        faults.append(Fault(what, f"Areas are {', '.join(known[:MOST_AREAS])}." if known else NO_AREAS, setting="area"))
    if faults:
        raise DataError(faults)
    areas = _drawn_areas(plan, only)
    if area is not None and area not in areas:
        what = f"area '{area}' has no customer to draw" + (f" with only '{only}'" if only else "")
        cure = f"Areas that have are {', '.join(areas[:MOST_AREAS])}." if areas else "No area has."
        raise DataError([Fault(what, cure, setting="area")])


def _drawn_areas(plan: Plan, only: Only | None) -> list[str]:
    """Return the areas that have customers with a place among those that are to be drawn."""
    drawn = only_these(plan.customers, only)
    placed = ~(drawn.geometry.isna() | drawn.geometry.is_empty)
    return sorted(drawn["area_id"][placed].dropna().astype(str).unique())


def findings_layers(findings: gpd.GeoDataFrame, words: Mapping[str, str]) -> list[MapLayer]:
    """Return the layer of what the data doctor found, if there is anything; every column is told in its popup."""
    places = findings.geometry
    table = findings[~(places.isna() | places.is_empty)]
    if not len(table):
        return []
    table = table.assign(**{table.geometry.name: table.geometry.representative_point()})
    told = [name for name in table.columns if name != table.geometry.name]
    theme = next((name for name in ("severity", *told) if name in told and table[name].nunique() <= MOST_KINDS), "")
    heading = "code" if "code" in told else told[0] if told else ""
    packed = PackedLayer(
        table,
        colour=theme or "#b8478f",
        popup=[Field(name, words.get(f"finding_{name}", name)) for name in told if name != heading],
        name=words["findings"],
        palette=_named(FINDING_SYMBOLS, words) if theme == "severity" else None,
        style=Style(radius=7, label=heading, z_index=650, hexagons=False),
    )
    return [MapLayer("findings", packed, shown=False, search=(heading,) if heading else ())]


def customer_layer(customers: gpd.GeoDataFrame, words: Mapping[str, str], phases: Mapping[str, Symbol]) -> MapLayer:
    """Return the layer of customers, coloured by what the plan does for them, how they are today, or their phase."""
    money = str(customers.attrs.get("currency", ""))
    popup = [
        _field("customer_id", words),
        _field("units", words),
        _field("status", words),
        Field("_class", words["outcome"]),
        _field("remedy", words),
        _field("access_point_id", words),
        _field("drop_m", words, "m", 1),
        _field("route_m", words, "m", 0),
        _field("cost_share", words, money),
        Field("_per_home", words["cost_per_home"], money),
        _field("cost_alone", words, money),
        _field("build_order", words, "", 0),
        *([_field("phase", words, "", 0)] if phases else []),
        _field("area_id", words),
    ]
    shared = bool((pd.to_numeric(customers["cost_share"]) > 0).any())
    popup = [
        entry for entry in popup if (shared if entry.column == "_per_home" else customers[entry.column].notna().any())
    ]
    per_home = Derived("ratio", ("cost_share", "units"))
    named = tuple(name for name in ("street", "housenumber") if name in customers.columns)
    address: dict[str, int | Derived] = {"_address": Derived("join", named, "customer_id")} if "street" in named else {}
    symbols = {
        key: Symbol(symbol.colour, symbol.shape, words[key], symbol.gap)
        for key, symbol in (OUTCOME_SYMBOLS | STATUS_SYMBOLS).items()
    }
    data, themes = _in_phases(customers, ["_class", "status"], phases)
    packed = PackedLayer(
        data,
        colour=themes,
        popup=popup,
        name=words["customers"],
        palette=dict(phases) | symbols,
        style=Style(
            label="_address" if address else "customer_id",
            label_zoom=18 if len(named) == 2 else None,
            map_label="housenumber" if len(named) == 2 else "",
            z_index=500,
            commonest="_phase" if phases else "",
        ),
        extra={"units": 0, "cost_share": 2, "build_order": 0, "_per_home": per_home, **address},
    )
    return MapLayer("customers", packed, search=(*address, "customer_id"), order="build_order")


def classed_customers(table: gpd.GeoDataFrame, area: str | None) -> gpd.GeoDataFrame:
    """Return the customers of an area, or all; `_class` is what each one shows: its outcome, or the reason."""
    if area is not None:
        table = table[(table["area_id"].astype("string") == area).fillna(False).to_numpy(bool)]
    outcome, reason = table["outcome"].astype(object), table["reason"].astype(object)
    known = reason.where(reason.isin(list(REASONS)), "unserved")
    return table.assign(_class=outcome.where(outcome != "unserved", known))


def only_these(people: gpd.GeoDataFrame, only: Only | None) -> gpd.GeoDataFrame:
    """Return the customers that are to be drawn."""
    return people if only is None else people[people["outcome"] == {"gaps": "unserved"}.get(only, only)]


def beside(customers: gpd.GeoDataFrame, area: str | None) -> Callable[[gpd.GeoDataFrame], gpd.GeoDataFrame]:
    """Return what keeps of a table the rows near these customers; all of them if no area was asked for."""
    if area is None:
        return lambda table: table
    points = customers.geometry.to_numpy()
    hull = shapely.convex_hull(shapely.union_all(points[~shapely.is_missing(points)])).buffer(BESIDE_AREA_M)
    shapely.prepare(hull)
    return lambda table: table[shapely.intersects(table.geometry.to_numpy(), hull)]


def _field(column: str, words: Mapping[str, str], unit: str = "", decimals: int = 2) -> Field:
    return Field(column, words[column], unit, decimals)


def _fields(table: gpd.GeoDataFrame, words: Mapping[str, str], units: Mapping[str, str]) -> list[Field]:
    return [
        _field(column, words, unit, 1)
        for column, unit in units.items()
        if column in table.columns and table[column].notna().any()
    ]


def _named(symbols: Mapping[str, Symbol], words: Mapping[str, str]) -> dict[str, Symbol]:
    return {key: Symbol(symbol.colour, symbol.shape, words[key], symbol.gap) for key, symbol in symbols.items()}


def _streets(table: gpd.GeoDataFrame, words: Mapping[str, str]) -> MapLayer:
    named = table["name"].astype("string").fillna("")
    kinds = table["highway"].astype("string").str.removesuffix("_link").map(STREET_WIDTHS).fillna(0)
    data = gpd.GeoDataFrame({"_name": named, "_wide": kinds.astype(float)}, geometry=table.geometry)
    data["_length_m"] = data.geometry.length
    style = Style(
        width=1.7,
        edge=STREET_COLOUR,
        road=True,
        width_by="_wide",
        width_breaks=(1, 2, 3, 4),
        z_index=200,
        interactive=False,
        label="_name",
        label_zoom=16,
        label_z_index=450,
    )
    packed = PackedLayer(data, colour="#ffffff", name=words["streets"], style=style, extra={"_length_m": 0})
    return MapLayer("streets", packed, metres="_length_m")


def _backbone_lines(table: gpd.GeoDataFrame, words: Mapping[str, str]) -> MapLayer:
    data = table.assign(_wide=(table["role"] == "feeder").astype(float), _length_m=table.geometry.length)
    style = Style(width=2.2, width_by="_wide", width_breaks=(1,), z_index=300, label="backbone_id", edge=LIGHT_EDGE)
    packed = PackedLayer(
        data,
        colour="role",
        popup=_fields(data, words, {"units_free": "", "loss_db": "dB"}),
        name=words["backbone_lines"],
        palette=_named(LINE_SYMBOLS, words),
        style=style,
        extra={"_length_m": 0},
    )
    return MapLayer("backbone_lines", packed, search=("backbone_id",), metres="_length_m")


def _reused(table: gpd.GeoDataFrame, words: Mapping[str, str]) -> MapLayer:
    style = Style(width=12, z_index=290, label="backbone_id")
    fields = _fields(table, words, {"length_m": "m", "units": "", "cost": ""})
    packed = PackedLayer(table, colour="#f0c419", popup=fields, name=words["reused"], style=style)
    return MapLayer("reused", packed, metres="length_m", planned=True)


def _in_phases(
    table: gpd.GeoDataFrame, themes: list[str], phases: Mapping[str, Symbol]
) -> tuple[gpd.GeoDataFrame, list[str]]:
    """Return a table and what it is coloured by, with its phases as one more way where there are any."""
    return (with_phase(table), [*themes, "_phase"]) if phases else (table, themes)


def _drops(table: gpd.GeoDataFrame, words: Mapping[str, str], phases: Mapping[str, Symbol]) -> MapLayer:
    style = Style(width=1.6, dash=(5, 4), min_zoom=15, z_index=350, interactive=False)
    extra = {"length_m": 1, "build_order": 0}
    data, themes = _in_phases(table.assign(_drop="drop"), ["_drop"], phases)
    packed = PackedLayer(
        data,
        colour=themes if phases else DROP_COLOUR,
        name=words["drops"],
        palette={"drop": Symbol(DROP_COLOUR, label=words["drops"]), **phases},
        style=style,
        extra=extra,
    )
    return MapLayer("drops", packed, metres="length_m", order="build_order", planned=True)


def _trenches(table: gpd.GeoDataFrame, words: Mapping[str, str], phases: Mapping[str, Symbol]) -> MapLayer:
    data, themes = _in_phases(table.assign(_kind="kind_" + table["kind"].astype(object)), ["_kind"], phases)
    units = {"units": "", "customers": "", "length_m": "m", "cost": "", "surface": "", "build_order": "", "phase": ""}
    style = Style(
        width=2.2,
        width_by="units",
        width_breaks=WIDER_FROM_HOMES,
        edge=LIGHT_EDGE,
        z_index=400,
        label="trench_id",
    )
    packed = PackedLayer(
        data,
        colour=themes,
        popup=_fields(data, words, units),
        name=words["trenches"],
        palette=_named(TRENCH_SYMBOLS, words) | dict(phases),
        style=style,
        extra={"length_m": 1, "build_order": 0},
    )
    return MapLayer("trenches", packed, search=("trench_id",), metres="length_m", order="build_order", planned=True)


def access_class(points: gpd.GeoDataFrame) -> NDArray[np.object_]:
    """Return for each access point whether it is a tap on a line, new, used or idle, as `ACCESS_SYMBOLS` names it."""
    used = np.where(points["ports_used"] > 0, "access_used", "access_idle").astype(object)
    is_new = (points["status"] == "proposed").to_numpy(bool) if "status" in points else np.zeros(len(points), bool)
    on_line = points["kind"].isin(list(LINE_SYMBOLS)).to_numpy(bool)
    found: NDArray[np.object_] = np.where(on_line, "taps", np.where(is_new, "access_new", used)).astype(object)
    return found


def idle_points(plan: Plan) -> gpd.GeoDataFrame:
    """Return the existing points at which the plan neither connects anybody nor could."""
    points = plan.backbone_points
    return points[~points["backbone_id"].isin(plan.access_points["access_point_id"])]


def _backbone_points(table: gpd.GeoDataFrame, words: Mapping[str, str]) -> MapLayer:
    packed = PackedLayer(
        table,
        colour="role",
        popup=_fields(table, words, {"ports_free": "", "loss_db": "dB"}),
        name=words["backbone_points"],
        palette=_named(POINT_SYMBOLS, words),
        style=Style(radius=5, label="backbone_id", z_index=580, hexagons=False),
    )
    return MapLayer("backbone_points", packed, shown=False, search=("backbone_id",))


def _taps(table: gpd.GeoDataFrame, words: Mapping[str, str]) -> MapLayer:
    """Return places where the plan joins an existing line: many, and each of little weight."""
    packed = PackedLayer(
        table,
        colour=ACCESS_SYMBOLS["taps"].colour,
        popup=_fields(table, words, {"ports_used": ""}),
        name=words["taps"],
        style=Style(radius=3.6, label="access_point_id", z_index=590, hexagons=False),
    )
    return MapLayer("taps", packed, search=("access_point_id",), planned=True)


def _access_points(table: gpd.GeoDataFrame, words: Mapping[str, str]) -> MapLayer:
    free = pd.to_numeric(table["ports_free"], errors="coerce")
    ports = [
        f"{name}  {used}/{int(left)}" if np.isfinite(left) else f"{name}  {used}"
        for name, used, left in zip(
            table["access_point_id"], table["ports_used"].astype(int), free.astype(float), strict=True
        )
    ]
    data = table.assign(_ports=ports, _used=access_class(table))
    packed = PackedLayer(
        data,
        colour="_used",
        popup=[
            Field("access_point_id", words["customer_id"]),
            *_fields(data, words, {"type": "", "ports_used": "", "ports_free": "", "fed_from": ""}),
        ],
        name=words["access_points"],
        palette=_named(ACCESS_SYMBOLS, words),
        style=Style(
            radius=6.5, label="access_point_id", map_label="_ports", label_zoom=16, z_index=600, hexagons=False
        ),
    )
    return MapLayer("access_points", packed, search=("access_point_id",))
