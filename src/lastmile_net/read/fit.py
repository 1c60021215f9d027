"""Fit the columns of a table to a layer of the schema."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd

from lastmile_net.counts import agree, as_share, counted
from lastmile_net.read import tables, values

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from lastmile_net.read.complaints import Complaints
    from lastmile_net.schema import Column, Layer

SHAPEFILE_NAME = 10
"""A shapefile cuts names of columns off behind this many letters."""
LEVELS = {"t": "yes", "true": "yes", "1": "yes", "f": "no", "false": "no", "0": "no"}
"""How other programs write `bridge` and `tunnel`."""
ROLES = {
    "olt": "pop",
    "co": "pop",
    "central office": "pop",
    "exchange": "pop",
    "headend": "pop",
    "node": "pop",
    "fdh": "cabinet",
    "pdp": "cabinet",
    "hub": "cabinet",
    "street cabinet": "cabinet",
    "kvz": "cabinet",
    "nvt": "cabinet",
    "nap": "closure",
    "mst": "closure",
    "fdt": "closure",
    "fat": "closure",
    "muff": "closure",
    "splice closure": "closure",
    "joint": "closure",
    "manhole": "handhole",
    "chamber": "handhole",
    "utility pole": "pole",
    "trunk": "feeder",
    "backbone": "feeder",
    "conduit": "duct",
    "service": "drop",
    "overhead": "aerial",
}
"""Words of the field for the roles of the schema."""
_ALIASES = {
    "street_id": ("osm_id", "osmid", "way_id", "edge_id", "id", "gid", "objectid", "uuid"),
    "backbone_id": ("id", "gid", "objectid", "uuid"),
    "customer_id": ("id", "gid", "objectid", "uuid", "uprn", "address_id", "location_id"),
    "name": ("street_name", "streetname", "strname", "strassenname", "nom_voie"),
    "highway": ("fclass",),
    "street": ("addr:street", "addr_street", "street_name", "streetname", "strasse", "straße", "str", "nom_voie"),
    "housenumber": ("addr:housenumber", "addr_housenumber", "house_number", "hausnummer", "hausnr", "hnr", "numero"),
    "units": ("unit_count", "homes", "dwellings", "building:flats", "wohneinheiten", "we"),
}
_KIND_CURES = {
    "number": "Write numbers only; leave the cell empty where the value is not known.",
    "integer": "Write whole numbers only; leave the cell empty where the value is not known.",
    "boolean": "Write yes or no, true or false, 1 or 0; an empty cell is the default.",
}


def rename(table: pd.DataFrame, layer: Layer, mapping: Mapping[str, str], told: Complaints) -> pd.DataFrame:
    """
    Give the columns of a table the names of the schema.

    A mapping wins; then comes the same name, whatever its case; then a name cut off by a shapefile; then
    a well-known other name, which is noted.

    Parameters
    ----------
    table
        Table as read.
    layer
        Layer it is to become.
    mapping
        Name in the table of each column of the schema that has another one there.
    told
        Takes the faults and notes.
    """
    geometry = table.geometry.name if isinstance(table, gpd.GeoDataFrame) else None
    names = {str(name): str(name) for name in table.columns if name != geometry}
    given = _mapping(names, layer, mapping, told)
    for column in layer.columns:
        if column.name not in given:
            found = _find(column, layer, set(names) - set(given.values()), told)
            if found is not None:
                given[column.name] = found
    told.called = {new: old for new, old in given.items() if new != old}
    back = {old: new for new, old in given.items()}
    taken = {*given, *names}
    for old in names:
        if old not in back and old in given:
            back[old] = _free(old, taken)
            taken.add(back[old])
    return table.rename(columns=back)


def _mapping(names: Mapping[str, str], layer: Layer, mapping: Mapping[str, str], told: Complaints) -> dict[str, str]:
    given = {}
    for new, old in mapping.items():
        if new not in layer.names:
            told.fault(
                f"the mapping names '{new}', which the layer {layer.name} does not have",
                f"It has: {', '.join(layer.names)}.",
            )
        elif old not in names:
            told.fault(
                f"the mapping takes '{new}' from a column that is not there", f"There are: {listed(names)}.", old
            )
        else:
            given[new] = old
    return given


def _find(column: Column, layer: Layer, names: set[str], told: Complaints) -> str | None:
    if column.name in names:
        return column.name
    folded: dict[str, list[str]] = {}
    for name in sorted(names):
        folded.setdefault(name.casefold().strip(), []).append(name)
    cut = column.name[:SHAPEFILE_NAME]
    exact = [candidate for candidate in (column.name, cut) if candidate in folded]
    if exact:
        return folded[exact[0]][0]
    for other in _ALIASES.get(column.name, ()):
        if other in folded and (other not in layer.names):
            found = folded[other][0]
            told.note(f"column '{found}' is taken for {column.name}")
            return found
    return None


def listed(names: Iterable[str], most: int = 30) -> str:
    """Return names in order, the first so many of them."""
    shown = sorted(names)
    return ", ".join(shown[:most]) + (f" and {len(shown) - most} more" if len(shown) > most else "")


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name


def name_rows(table: pd.DataFrame, layer: Layer, told: Complaints) -> None:
    """Let messages name the rows by their ids, or by their numbers in the source, from 1."""
    numbers = np.array([str(number + 1) for number in table.index], dtype=object)
    if layer.key and layer.key in table:
        ids = values.texts(table[layer.key])
        numbers = np.array([own or number for own, number in zip(ids, numbers, strict=True)], dtype=object)
    told.names = numbers


def fit_columns(table: pd.DataFrame, layer: Layer, raw: pd.DataFrame, told: Complaints) -> pd.DataFrame:
    """
    Give a table all columns of its layer, typed and with their defaults; others follow behind them.

    Parameters
    ----------
    table
        Table with the names of the schema, without its geometry.
    layer
        Layer it is to become.
    raw
        Table as it was read: the rest of it tells how numbers are written.
    told
        Takes the faults and notes.

    Returns
    -------
    fitted
        Text is object with None for empty cells; a column without default may hold empty cells.
    """
    fitted = {column.name: _fit(table, column, layer, raw, told) for column in layer.columns}
    _refuse_more_than_whole(fitted, table, layer, told)
    others = {str(name): values.plain(table[name]) for name in table.columns if name not in fitted}
    return pd.DataFrame({**fitted, **others}, index=table.index)


def _fit(table: pd.DataFrame, column: Column, layer: Layer, raw: pd.DataFrame, told: Complaints) -> pd.Series:
    if column.name not in table:
        if column.required:
            cure = (
                f"Name the column that holds it in lastmile.toml (--config), under [mapping.{layer.name}]; there are: "
            )
            there = [str(name) for name in raw if str(raw[name].dtype) != "geometry"]
            told.fault("required column is missing", f"{cure}{listed(there)}.", column.name)
        if _is_guess(column) and len(table):
            told.note(f"there is no column `{column.name}`: each row is taken for {column.default}")
        return _typed(np.full(len(table), None, dtype=object), column, table.index)
    cells = table[column.name]
    if column.kind == "text":
        return _typed(_fit_text(cells, column, layer, told), column, table.index)
    if column.kind == "boolean":
        found, wrong = values.booleans(cells)
    else:
        found, wrong = _fit_number(cells, column)
        unclear = _refuse_unclear(cells, column, raw, told)
        found[unclear] = None
        wrong &= ~unclear
    if _is_guess(column):
        _note_blank(np.array([number is None for number in found]) & ~wrong, column, told)
    if wrong.any():
        shown = ", ".join(sorted({repr(str(cell)) for cell in cells[wrong]})[:3])
        kind = "integer" if column.whole else column.kind
        told.fault(f"is no {_word(kind)}: {shown}", _KIND_CURES[kind], column.name, wrong)
    if column.kind in ("number", "integer"):
        _refuse_beyond(found, column, told)
    return _typed(found, column, table.index)


def _is_guess(column: Column) -> bool:
    """Return whether the default of a column is a guess that a planner should know of: how many homes there are."""
    return column.name == "units" and column.default is not None


def _note_blank(blank: NDArray[np.bool_], column: Column, told: Complaints) -> None:
    """Tell how many cells are filled with the default."""
    if blank.any():
        count = int(blank.sum())
        which = f"{counted(count, 'row')} {agree(count, 'has', 'have')} no `{told.name_of(column.name)}`"
        told.note(f"{which}: taken for {column.default}")


def _refuse_unclear(cells: pd.Series, column: Column, raw: pd.DataFrame, told: Complaints) -> NDArray[np.bool_]:
    """Complain about numbers such as `1,024` in a table that does not write decimal commas; return which they are."""
    unclear = values.unclear(cells)
    if unclear.any() and (tables.is_cut_by_commas(raw) or any(values.has_points(raw[name]) for name in raw)):
        shown = sorted({str(cell) for cell in cells[unclear]})
        what = f"is no clear number, thousands or three decimals: {', '.join(map(repr, shown[:3]))}"
        first = shown[0].strip()
        cure = f"Write {first.replace(',', '')} or {first.replace(',', '.')}, whichever is meant."
        told.fault(what, cure, column.name, unclear)
        return unclear
    return np.zeros(len(cells), dtype=bool)


def _refuse_beyond(found: NDArray[np.object_], column: Column, told: Complaints) -> None:
    """Complain about numbers that are below the least or above the most that makes sense."""
    numbers = np.array([np.nan if number is None else number for number in found], dtype=np.float64)
    empty = "leave the cell empty where the value is not known"
    if column.least is not None and (numbers < column.least).any():
        cure = f"Write {column.least:g} or more; {empty}."
        told.fault(f"is below {column.least:g}", cure, column.name, numbers < column.least)
    if (numbers > column.most).any():
        empty = "leave the cell empty where there is no limit" if "unlimited" in column.meaning else empty
        hint = as_share(float(np.nanmax(numbers))) if column.most == 1 else ""
        cure = f"Write {column.most:g} or less; {empty}.{hint}"
        told.fault(f"is above {column.most:g}", cure, column.name, numbers > column.most)


def _refuse_more_than_whole(
    fitted: Mapping[str, pd.Series], table: pd.DataFrame, layer: Layer, told: Complaints
) -> None:
    """Complain about counts of a part that are above the whole, where the whole has not been complained about."""
    for column in layer.columns:
        if not column.part_of or column.name not in table:
            continue
        whole = layer[column.part_of]
        wrong = _fit_number(table[whole.name], whole)[1] if whole.name in table else np.zeros(len(table), dtype=bool)
        part, most = (
            fitted[name].astype("Float64").to_numpy(np.float64, na_value=np.nan) for name in (column.name, whole.name)
        )
        rows = (part > most) & (most >= (whole.least or 0)) & ~wrong
        if rows.any():
            name = told.name_of(whole.name)
            what = f"is above the row's `{name}`" + (
                "" if whole.name in table else f", {whole.default} as there is no such column"
            )
            told.fault(what, f"Write `{name}` or less, or correct `{name}`.", column.name, rows)


def _word(kind: str) -> str:
    return {"integer": "whole number", "boolean": "yes or no"}.get(kind, kind)


def _fit_number(cells: pd.Series, column: Column) -> tuple[NDArray[np.object_], NDArray[np.bool_]]:
    found, wrong = values.numbers(cells)
    endless = np.isinf(found)
    if "unlimited" in column.meaning:
        found[endless & (found > 0)] = np.nan
        endless &= found < 0
    wrong |= endless
    if column.kind == "integer" or column.whole:
        wrong |= ~np.isnan(found) & (found != np.round(found))
    if column.kind == "integer":
        wrong |= np.abs(found) > 2**53
    empty = np.isnan(found) | wrong
    cleaned = found.astype(object)
    cleaned[empty] = None
    return cleaned, wrong


def _fit_text(cells: pd.Series, column: Column, layer: Layer, told: Complaints) -> NDArray[np.object_]:
    found = values.texts(cells)
    if column.name == layer.key or column.name in ("housenumber", "layer"):
        found, stripped = values.from_spreadsheet(found)
        if column.name == layer.key:
            _note_spreadsheet(cells, found, stripped, column, told)
    if column.name in ("bridge", "tunnel"):
        found = np.array([LEVELS.get(str(text).casefold(), text) for text in found], dtype=object)
    if column.values:
        found = _fit_values(found, column, told)
    return found


def _note_spreadsheet(
    cells: pd.Series, found: NDArray[np.object_], stripped: bool, column: Column, told: Complaints
) -> None:
    if stripped or pd.api.types.is_float_dtype(cells):
        told.note(
            f"the ids in '{told.name_of(column.name)}' were numbers such as 123.0, from a spreadsheet: read as 123; "
            "leading zeros, if there were any, are lost"
        )
    lost = values.lost_digits(found)
    if lost.any():
        told.fault(
            "ids have lost their digits in a spreadsheet",
            "Format the column as text and take it from the source again.",
            column.name,
            lost,
        )


def _fit_values(found: NDArray[np.object_], column: Column, told: Complaints) -> NDArray[np.object_]:
    wrong = np.zeros(len(found), dtype=bool)
    fitted = found.copy()
    for row, text in enumerate(found):
        if text is None:
            continue
        word = re.sub(r"[\s_-]+", " ", text.casefold())
        fitted[row] = word if word in column.values else ROLES.get(word) if column.name == "role" else None
        wrong[row] = fitted[row] is None
    if wrong.any():
        shown = ", ".join(sorted({f"'{text}'" for text in found[wrong]})[:5])
        told.fault(f"unknown value {shown}", f"Known are: {', '.join(column.values)}.", column.name, wrong)
    return fitted


def _typed(found: NDArray[np.object_], column: Column, index: pd.Index) -> pd.Series:
    """Fill empty cells with the default and give the column its type."""
    series = pd.Series(found, index=index, dtype=object)
    if column.default is not None:
        series = series.where(series.notna(), column.default)
    if column.kind == "text":
        return series.where(series.notna(), None)
    if column.kind == "boolean":
        return series.astype(bool if column.default is not None else "boolean")
    if column.kind == "number":
        return series.astype(np.float64)
    return series.astype("Int64").astype(np.int64) if column.default is not None else series.astype("Int64")
