"""The layers of a plan's map: how each table is drawn and what a click on it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd

from lastmile_net.maps.choose import BESIDE, access_class, idle_points
from lastmile_net.maps.customer_layer import customer_layer
from lastmile_net.maps.map_layer import MapLayer, in_phases, labelled, popup_fields, set_apart
from lastmile_net.maps.packed import Field, PackedLayer, Style, Symbol
from lastmile_net.maps.symbols import (
    ACCESS_SYMBOLS,
    BESIDE_STREET,
    DROP_COLOUR,
    LIGHT_EDGE,
    LINE_SYMBOLS,
    POINT_SYMBOLS,
    STREET_COLOUR,
    STREET_WIDTHS,
    TRENCH_SYMBOLS,
    WIDER_FROM_HOMES,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lastmile_net.maps.choose import Only
    from lastmile_net.plan.result import Plan


def plan_layers(
    plan: Plan,
    customers: gpd.GeoDataFrame,
    words: Mapping[str, str],
    *,
    only: Only | None,
    near: Callable[[gpd.GeoDataFrame], gpd.GeoDataFrame],
    streets: bool,
    phases: Mapping[str, Symbol],
) -> list[MapLayer]:
    """
    Return the layers of a plan's map, bottom first; empty ones are left out.

    Parameters
    ----------
    plan
        The plan.
    customers
        Those of its customers that are drawn, as `classed_customers` returns them.
    words
        What the map says.
    only
        Which customers are drawn: none of what is planned stands beside those that exist.
    near
        Keeps of a table what is drawn, as `beside` returns it.
    streets
        Whether streets are drawn as the base.
    phases
        Symbols of the phases, as `phase_symbols` returns them; empty shows none.
    """
    customers.attrs["currency"] = plan.summary.get("currency", "")
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


def _streets(table: gpd.GeoDataFrame, words: Mapping[str, str]) -> MapLayer:
    named = table["name"].astype("string").fillna("")
    kinds = table["highway"].astype("string").str.removesuffix("_link").map(STREET_WIDTHS).fillna(0)
    data = gpd.GeoDataFrame({"_name": named, "_wide": kinds.astype(float)}, geometry=table.geometry)
    data["_length_m"] = data.geometry.length
    if BESIDE in table:
        data[BESIDE] = table[BESIDE]
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
    packed = PackedLayer(
        **set_apart(data, words, "#ffffff", symbol=BESIDE_STREET),
        name=words["streets"],
        style=style,
        extra={"_length_m": 0},
    )
    return MapLayer("streets", packed, metres="_length_m")


def _backbone_lines(table: gpd.GeoDataFrame, words: Mapping[str, str]) -> MapLayer:
    data = table.assign(_wide=(table["role"] == "feeder").astype(float), _length_m=table.geometry.length)
    style = Style(width=2.2, width_by="_wide", width_breaks=(1,), z_index=300, label="backbone_id", edge=LIGHT_EDGE)
    packed = PackedLayer(
        **set_apart(data, words, "role", labelled(LINE_SYMBOLS, words)),
        popup=popup_fields(data, words, {"units_free": "", "loss_db": "dB"}),
        name=words["backbone_lines"],
        style=style,
        extra={"_length_m": 0},
    )
    return MapLayer("backbone_lines", packed, search=("backbone_id",), metres="_length_m")


def _reused(table: gpd.GeoDataFrame, words: Mapping[str, str]) -> MapLayer:
    style = Style(width=12, z_index=290, label="backbone_id")
    fields = popup_fields(table, words, {"length_m": "m", "units": "", "cost": ""})
    packed = PackedLayer(**set_apart(table, words, "#f0c419"), popup=fields, name=words["reused"], style=style)
    return MapLayer("reused", packed, metres="length_m", planned=True)


def _drops(table: gpd.GeoDataFrame, words: Mapping[str, str], phases: Mapping[str, Symbol]) -> MapLayer:
    style = Style(width=1.6, dash=(5, 4), min_zoom=15, z_index=350, interactive=False)
    extra = {"length_m": 1, "build_order": 0}
    data, themes = in_phases(table.assign(_drop="drop"), ["_drop"], phases)
    packed = PackedLayer(
        **set_apart(
            data,
            words,
            themes if phases else DROP_COLOUR,
            {"drop": Symbol(DROP_COLOUR, label=words["drops"]), **phases},
        ),
        name=words["drops"],
        style=style,
        extra=extra,
    )
    return MapLayer("drops", packed, metres="length_m", order="build_order", planned=True)


def _trenches(table: gpd.GeoDataFrame, words: Mapping[str, str], phases: Mapping[str, Symbol]) -> MapLayer:
    data, themes = in_phases(table.assign(_kind="kind_" + table["kind"].astype(object)), ["_kind"], phases)
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
        **set_apart(data, words, themes, labelled(TRENCH_SYMBOLS, words) | dict(phases)),
        popup=popup_fields(data, words, units),
        name=words["trenches"],
        style=style,
        extra={"length_m": 1, "build_order": 0},
    )
    return MapLayer("trenches", packed, search=("trench_id",), metres="length_m", order="build_order", planned=True)


def _backbone_points(table: gpd.GeoDataFrame, words: Mapping[str, str]) -> MapLayer:
    packed = PackedLayer(
        **set_apart(table, words, "role", labelled(POINT_SYMBOLS, words)),
        popup=popup_fields(table, words, {"ports_free": "", "loss_db": "dB"}),
        name=words["backbone_points"],
        style=Style(radius=5, label="backbone_id", z_index=580, hexagons=False),
    )
    return MapLayer("backbone_points", packed, shown=False, search=("backbone_id",))


def _taps(table: gpd.GeoDataFrame, words: Mapping[str, str]) -> MapLayer:
    """Return places where the plan joins an existing line: many, and each of little weight."""
    packed = PackedLayer(
        **set_apart(table, words, ACCESS_SYMBOLS["taps"].colour),
        popup=popup_fields(table, words, {"ports_used": ""}),
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
        **set_apart(data, words, "_used", labelled(ACCESS_SYMBOLS, words)),
        popup=[
            Field("access_point_id", words["customer_id"]),
            *popup_fields(data, words, {"type": "", "ports_used": "", "ports_free": "", "fed_from": ""}),
        ],
        name=words["access_points"],
        style=Style(
            radius=6.5, label="access_point_id", map_label="_ports", label_zoom=16, z_index=600, hexagons=False
        ),
    )
    return MapLayer("access_points", packed, search=("access_point_id",))
