"""The map's layer of customers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from lastmile_net.coverage import new_homes
from lastmile_net.maps.map_layer import MapLayer, in_phases, labelled, popup_field
from lastmile_net.maps.packed import Derived, Field, PackedLayer, Style
from lastmile_net.maps.symbols import OUTCOME_SYMBOLS, STATUS_SYMBOLS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd

    from lastmile_net.maps.packed import Symbol


def customer_layer(customers: gpd.GeoDataFrame, words: Mapping[str, str], phases: Mapping[str, Symbol]) -> MapLayer:
    """Return the layer of customers, coloured by what the plan does for them, how they are today, or their phase."""
    money = str(customers.attrs.get("currency", ""))
    popup = [
        popup_field("customer_id", words),
        popup_field("units", words, "", 0),
        popup_field("status", words),
        Field("_class", words["outcome"]),
        popup_field("remedy", words),
        popup_field("remedy_cost", words, money),
        popup_field("access_point_id", words),
        popup_field("drop_m", words, "m", 1),
        popup_field("route_m", words, "m", 0),
        popup_field("cost_share", words, money),
        Field("_per_home", words["cost_per_home"], money),
        popup_field("cost_alone", words, money),
        popup_field("build_order", words, "", 0),
        *([popup_field("phase", words, "", 0)] if phases else []),
        popup_field("area_id", words),
    ]
    shared = bool((pd.to_numeric(customers["cost_share"]) > 0).any())
    popup = [
        entry for entry in popup if (shared if entry.column == "_per_home" else customers[entry.column].notna().any())
    ]
    customers = customers.assign(_homes=new_homes(customers))
    per_home = Derived("ratio", ("cost_share", "_homes"))
    named = tuple(name for name in ("street", "housenumber") if name in customers.columns)
    address: dict[str, int | Derived] = {"_address": Derived("join", named, "customer_id")} if "street" in named else {}
    symbols = labelled(OUTCOME_SYMBOLS | STATUS_SYMBOLS, words)
    data, themes = in_phases(customers, ["_class", "status"], phases)
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
        extra={"_homes": 0, "cost_share": 2, "build_order": 0, "_per_home": per_home, **address},
    )
    return MapLayer("customers", packed, search=(*address, "customer_id"), order="build_order")
