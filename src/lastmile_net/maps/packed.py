"""`PackedLayer`: a folium layer that carries a million points or lines in a file one can mail."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from folium.map import Layer
from folium.template import Template

from lastmile_net.errors import DataError, Fault
from lastmile_net.maps.coding import (
    WORLD_BITS,
    distinct_texts,
    pack_ids,
    pack_integers,
    pack_numbers,
    pack_texts,
    shapes_in_world_units,
    squeeze,
)
from lastmile_net.maps.elements import put_in_body, put_in_head, script_json
from lastmile_net.maps.view import first_view

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import geopandas as gpd

    from lastmile_net.maps.coding import Ints, Numbers, Stream

OKABE_ITO = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8a7a00", "#4d4d4d")
"""Colours that people with any kind of colour vision tell apart (Okabe and Ito 2008)."""
SHAPES = ("circle", "diamond", "square", "triangle", "cross", "down", "bar", "ring")
MAX_CLASSES = 200

Shape = Literal["circle", "diamond", "square", "triangle", "cross", "down", "bar", "ring"]


@dataclass(frozen=True)
class Symbol:
    """
    How one class of features looks.

    Parameters
    ----------
    colour
        Any CSS colour.
    shape
        Sign of a point; shapes tell classes apart where colours do not.
    label
        Name in the legend; the value itself if empty.
    gap
        Whether the class counts as a gap where points are gathered in hexagons.
    """

    colour: str
    shape: Shape = "circle"
    label: str = ""
    gap: bool = False


@dataclass(frozen=True)
class Field:
    """One line of a popup: column, what to call it, unit, and how many decimals a number keeps."""

    column: str
    label: str = ""
    unit: str = ""
    decimals: int = 2


@dataclass(frozen=True)
class Derived:
    """
    A column that the browser works out from others, so that the page need not carry it.

    Parameters
    ----------
    how
        `ratio`: the first number over the second. `join`: the texts that are not empty, with a space between.
    columns
        What it is made of.
    instead
        Column that stands in where `join` gives nothing.
    """

    how: Literal["ratio", "join"]
    columns: tuple[str, ...]
    instead: str = ""


@dataclass(frozen=True)
class Style:
    """
    Everything about a layer's look that is not its colour.

    Parameters
    ----------
    radius
        Of points, in pixels, when seen from near; they shrink as one zooms out.
    width
        Of lines, in pixels, when seen from near.
    width_by
        Column whose value widens a line: one step at each of `width_breaks`.
    width_breaks
        Values at which lines grow wider, ascending.
    dash
        Lengths of dashes and gaps in pixels; empty draws through.
    edge
        Colour of the edge that lines have when seen from near; none if empty.
    road
        Whether lines grow with the ground as one comes near, and show the colour of their edge from afar.
    min_zoom
        Below this zoom the layer is not drawn.
    hexagons
        Whether points are gathered in hexagons where they would cover each other.
    commonest
        Column of the layer's `colour`: while points are coloured by it, a hexagon has the colour of most of its
        points, not that of its share of gaps.
    label
        Column that names a feature: heading of the popup, what the pointer shows.
    label_zoom
        Zoom from which features are labelled on the map; None never does.
    map_label
        Column that is written on the map; `label` if empty. Lines are labelled along their way.
    label_z_index
        As `z_index`, for the labels.
    z_index
        Layers with higher numbers lie on top.
    interactive
        Whether hover and click find the layer's features.
    """

    radius: float = 6.0
    width: float = 2.0
    width_by: str = ""
    width_breaks: tuple[float, ...] = ()
    dash: tuple[float, ...] = ()
    edge: str = ""
    road: bool = False
    min_zoom: int = 0
    hexagons: bool = True
    commonest: str = ""
    label: str = ""
    label_zoom: int | None = None
    map_label: str = ""
    label_z_index: int = 700
    z_index: int = 400
    interactive: bool = True


class PackedLayer(Layer):
    """
    Points or lines, packed, and drawn on canvas tiles by the browser.

    Parameters
    ----------
    data
        Points or lines with a CRS; polygons stand for a point inside them. What has no geometry is left out.
    colour
        A CSS colour, or a column whose values are classes, or several such columns between which the page can switch.
    popup
        Columns (or `Field`s) that a click shows.
    name
        What the layer is called, in folium's `LayerControl`, too.
    palette
        Symbol of each value of the `colour` columns; made up in order of the values if not given.
    style
        Everything else about its look.
    extra
        Further columns: their decimals, or how they are derived. Popup and labels may name derived ones.

    Raises
    ------
    DataError
        If a column is not there, or a `colour` column has more classes than one can tell apart.
    CrsError
        If `data` has no CRS.

    Examples
    --------
    >>> import folium, geopandas, shapely
    >>> places = shapely.points([(9, 50), (9.1, 50)])
    >>> homes = geopandas.GeoDataFrame({"kind": ["old", "new"]}, geometry=places, crs=4326)
    >>> PackedLayer(homes, colour="kind", popup=["kind"], name="Homes").add_to(folium.Map()).size
    2
    """

    _template = Template(
        """
        {% macro script(this, kwargs) %}
            var {{ this.get_name() }} = lastmile.packedLayer("{{ this.get_name() }}");
        {% endmacro %}
        """
    )

    def __init__(
        self,
        data: gpd.GeoDataFrame,
        *,
        colour: str | Sequence[str] = OKABE_ITO[0],
        popup: Sequence[str | Field] = (),
        name: str = "",
        palette: Mapping[str, Symbol] | None = None,
        style: Style | None = None,
        extra: Mapping[str, int | Derived] | None = None,
    ) -> None:
        super().__init__(name=name or None, overlay=True)
        self._name = "PackedLayer"
        self.style = style or Style()
        self.name = name
        self.fields = [Field(entry) if isinstance(entry, str) else entry for entry in popup]
        self._raw: dict[str, bytes] = {}
        self._words: dict[str, bytes] = {}
        themes = [colour] if isinstance(colour, str) else list(colour)
        plain = isinstance(colour, str) and colour not in data.columns
        self._derived = {key: of for key, of in (extra or {}).items() if isinstance(of, Derived)}
        decimals = {key: of for key, of in (extra or {}).items() if not isinstance(of, Derived)}
        self._check(data, [*([] if plain else themes), *decimals])
        shapes = shapes_in_world_units(data)
        self.size = len(shapes.rows)
        self._lines = bool((shapes.counts > 1).any())
        self._streams = {
            "x": self._keep("x", pack_integers(shapes.x, delta=True)),
            "y": self._keep("y", pack_integers(shapes.y, delta=True)),
        }
        if self._lines:
            self._streams["counts"] = self._keep("counts", pack_integers(shapes.counts))
        if self.style.width_by:
            widths = pd.to_numeric(data[self.style.width_by]).fillna(0).to_numpy()[shapes.rows]
            steps = np.searchsorted(self.style.width_breaks, widths, side="right")
            self._streams["steps"] = self._keep("steps", pack_integers(steps.astype(np.int64)))
        self._themes = (
            [_plain_theme(str(colour))]
            if plain
            else [self._theme(data[key], shapes.rows, palette, f"theme-{i}") for i, key in enumerate(themes)]
        )
        self._columns = self._pack_columns(data, shapes.rows, decimals)
        self._bounds = _bounds(shapes.x, shapes.y)

    def description(self) -> str:
        """Return what the browser must know about the layer, as JSON that cannot end a script element."""
        about = {
            "name": self.name,
            "size": self.size,
            "lines": self._lines,
            "streams": self._streams,
            "themes": self._themes,
            "columns": self._columns,
            "popup": [asdict(entry) | {"label": entry.label or entry.column} for entry in self.fields],
            "style": asdict(self.style),
            "bounds": self._bounds,
        }
        return script_json(about)

    def render(self, **kwargs: object) -> str:
        """Put the layer, and once per page the code that draws it, into the page."""
        put_in_head(self, "packed_layer", ["packed.css", "packed.js"])
        name = self.get_name()
        packed = squeeze(self._raw, text=False) | squeeze(self._words, text=True)
        data = {f"{name}-{key}": text for key, text in packed.items()}
        put_in_body(self, name, {name: self.description()} | data)
        super().render(**kwargs)  # type: ignore[no-untyped-call]
        return ""

    def _get_self_bounds(self) -> list[list[float | None]]:
        return [list(corner) for corner in self._bounds] or [[None, None], [None, None]]

    def _check(self, data: gpd.GeoDataFrame, named: Sequence[str]) -> None:
        style = self.style
        wanted = [*named, *(entry.column for entry in self.fields), style.label, style.map_label, style.width_by]
        for of in self._derived.values():
            wanted += [*of.columns, of.instead]
        known = ", ".join(map(str, data.columns))
        faults = [
            Fault(f"there is no column '{name}'", f"Columns are {known}.", source=self.name or "map layer", column=name)
            for name in dict.fromkeys(wanted)
            if name and name not in data.columns and name not in self._derived
        ]
        if faults:
            raise DataError(faults)

    def _keep(self, key: str, stream: Stream) -> dict[str, int | bool]:
        self._raw[key] = stream.raw
        return stream.header

    def _theme(
        self, column: pd.Series, rows: Ints, palette: Mapping[str, Symbol] | None, key: str
    ) -> dict[str, object]:
        texts, codes = distinct_texts(column, rows)
        values = sorted(texts)
        if len(values) > MAX_CLASSES:
            cure = f"Colour by a column with at most {MAX_CLASSES} different values."
            fault = Fault(f"{len(values)} classes are too many to tell apart", cure, column=str(column.name))
            raise DataError([fault])
        symbols = palette or {
            value: Symbol(OKABE_ITO[i % len(OKABE_ITO)], _shape(i // len(OKABE_ITO))) for i, value in enumerate(values)
        }
        order = [value for value in symbols if value in set(values)]
        order += [value for value in values if value not in symbols]
        place = {value: number for number, value in enumerate(order)}
        ranks = np.array([place[text] for text in texts], np.int64)
        classes = [_class(value, symbols.get(value, Symbol("#888888"))) for value in order]
        codes = ranks[codes] if len(ranks) else codes
        return {"column": column.name, "classes": classes, "key": key, "codes": self._keep(key, pack_integers(codes))}

    def _pack_columns(self, data: gpd.GeoDataFrame, rows: Ints, decimals: Mapping[str, int]) -> dict[str, object]:
        kept = {entry.column: entry.decimals for entry in self.fields} | dict(decimals)
        sources = [name for of in self._derived.values() for name in (*of.columns, of.instead)]
        names = dict.fromkeys(name for name in (*kept, self.style.label, self.style.map_label, *sources) if name)
        shown = {str(theme["column"]): {"theme": i} for i, theme in enumerate(self._themes)}
        packed = {
            name: shown.get(name) or self._pack_column(data[name], rows, f"column-{i}", kept.get(name, 2))
            for i, name in enumerate(names)
            if name not in self._derived
        }
        return packed | {name: asdict(of) for name, of in self._derived.items()}

    def _pack_column(self, values: pd.Series, rows: Ints, key: str, decimals: int) -> dict[str, object]:
        if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
            places = 0 if _whole(values) else decimals
            packed = pack_numbers(values, rows, places)
            if packed:
                return {"decimals": places, "numbers": self._keep_numbers(key, packed)}
        ids = pack_ids(values, rows)
        if ids:
            return {"prefix": ids[0], "numbers": self._keep_numbers(key, ids[1])}
        texts = pack_texts(*distinct_texts(values, rows))
        self._words[f"{key}-words"] = texts.lines
        return {
            "words": f"{key}-words",
            "codes": {"key": key} | self._keep(key, texts.words) if texts.words else None,
        }

    def _keep_numbers(self, key: str, packed: Numbers) -> dict[str, object]:
        """Keep numbers; what tells which are known is kept once for all columns that lack the same ones."""
        known = None
        if packed.known is not None:
            same = (name for name, raw in self._raw.items() if name.startswith("known-") and raw == packed.known)
            known = next(same, f"known-{key}")
            self._raw[known] = packed.known
        return {"key": key, "least": packed.least, "known": known} | self._keep(key, packed.stream)


def _whole(values: pd.Series) -> bool:
    if pd.api.types.is_integer_dtype(values):
        return True
    numbers = values.to_numpy(np.float64, na_value=np.nan)
    return bool((np.isnan(numbers) | (numbers == np.round(numbers))).all())


def _class(value: str, symbol: Symbol) -> dict[str, object]:
    return asdict(symbol) | {"value": value, "label": symbol.label or value}


def _plain_theme(colour: str) -> dict[str, object]:
    return {"column": "", "classes": [_class("", Symbol(colour))], "key": "", "codes": None}


def _shape(number: int) -> Shape:
    return SHAPES[number % len(SHAPES)]  # type: ignore[return-value]


def _bounds(x: np.ndarray, y: np.ndarray) -> list[list[float]]:
    if len(x) == 0:
        return []
    left, top, right, bottom = first_view(x.astype(np.float64), y.astype(np.float64))
    west, east = (v / 2**WORLD_BITS * 360 - 180 for v in (left, right))
    south, north = (_latitude(v) for v in (bottom, top))
    return [[south, west], [north, east]]


def _latitude(y: float) -> float:
    north = np.pi * (1 - 2 * y / 2**WORLD_BITS)
    return round(float(np.degrees(np.arctan(np.sinh(north)))), 7)
