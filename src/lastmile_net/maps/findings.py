"""The map's layer of what the data doctor found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lastmile_net.maps.choose import BESIDE
from lastmile_net.maps.map_layer import MapLayer, labelled, set_apart
from lastmile_net.maps.packed import Field, PackedLayer, Style
from lastmile_net.maps.symbols import FINDING_SYMBOLS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd

MOST_KINDS = 12


def findings_layers(findings: gpd.GeoDataFrame, words: Mapping[str, str]) -> list[MapLayer]:
    """Return the layer of what the data doctor found, if there is anything; every column is told in its popup."""
    places = findings.geometry
    table = findings[~(places.isna() | places.is_empty)]
    if not len(table):
        return []
    table = table.assign(**{table.geometry.name: table.geometry.representative_point()})
    told = [name for name in table.columns if name not in {table.geometry.name, BESIDE}]
    theme = next((name for name in ("severity", *told) if name in told and table[name].nunique() <= MOST_KINDS), "")
    heading = "code" if "code" in told else told[0] if told else ""
    packed = PackedLayer(
        **set_apart(
            table, words, theme or "#b8478f", labelled(FINDING_SYMBOLS, words) if theme == "severity" else None
        ),
        popup=[Field(name, words.get(f"finding_{name}", name)) for name in told if name != heading],
        name=words["findings"],
        style=Style(radius=7, label=heading, z_index=650, hexagons=False),
    )
    return [MapLayer("findings", packed, shown=False, search=(heading,) if heading else ())]
