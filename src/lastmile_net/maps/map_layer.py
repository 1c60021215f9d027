"""One layer of a map's page, and what each kind of layer is made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

from lastmile_net.maps.choose import BESIDE
from lastmile_net.maps.packed import Field, Symbol
from lastmile_net.maps.phases import with_phase
from lastmile_net.maps.symbols import BESIDE_SYMBOL

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd

    from lastmile_net.maps.packed import PackedLayer


class Coloured(TypedDict):
    """A table and how it is coloured, as `PackedLayer` takes them."""

    data: gpd.GeoDataFrame
    colour: str | list[str]
    palette: Mapping[str, Symbol] | None


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


def popup_field(column: str, words: Mapping[str, str], unit: str = "", decimals: int = 2) -> Field:
    """Return how a popup tells a column, under its name on the map."""
    return Field(column, words[column], unit, decimals)


def popup_fields(table: gpd.GeoDataFrame, words: Mapping[str, str], units: Mapping[str, str]) -> list[Field]:
    """Return how a popup tells those of these columns that a table has and fills; `units` holds the unit of each."""
    return [
        popup_field(column, words, unit, 1)
        for column, unit in units.items()
        if column in table.columns and table[column].notna().any()
    ]


def labelled(symbols: Mapping[str, Symbol], words: Mapping[str, str]) -> dict[str, Symbol]:
    """Return symbols with their names on the map."""
    return {key: Symbol(symbol.colour, symbol.shape, words[key], symbol.gap) for key, symbol in symbols.items()}


def in_phases(
    table: gpd.GeoDataFrame, themes: list[str], phases: Mapping[str, Symbol]
) -> tuple[gpd.GeoDataFrame, list[str]]:
    """Return a table and what it is coloured by, with its phases as one more way where there are any."""
    return (with_phase(table), [*themes, "_phase"]) if phases else (table, themes)


def set_apart(
    table: gpd.GeoDataFrame,
    words: Mapping[str, str],
    colour: str | list[str],
    palette: Mapping[str, Symbol] | None = None,
    *,
    symbol: Symbol = BESIDE_SYMBOL,
) -> Coloured:
    """Return a table and its colours, with what lies only beside the area that was asked for as a class of its own."""
    if BESIDE not in table or not table[BESIDE].any():
        return {"data": table, "colour": colour, "palette": palette}
    if isinstance(colour, str) and colour not in table:
        table, colour, palette = table.assign(_here=""), "_here", {"": Symbol(colour)}
    themes = [colour] if isinstance(colour, str) else colour
    classes = {name: table[name].astype(object).mask(table[BESIDE], "beside") for name in themes}
    symbols = {**(palette or {}), **labelled({"beside": symbol}, words)}
    return {"data": table.assign(**classes), "colour": themes, "palette": symbols}
