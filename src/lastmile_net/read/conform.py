"""Give a register's table the columns of its layer, as a preset says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd

from lastmile_net.counts import agree
from lastmile_net.errors import CrsError, DataError, Fault
from lastmile_net.read import values
from lastmile_net.read.flats import AREA, FLAT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from lastmile_net.read.complaints import Complaints
    from lastmile_net.read.presets import ColumnPreset, Condition, Rule, SecondTable

    Objects = NDArray[np.object_]
    Mask = NDArray[np.bool_]

MAX_SHOWN = 5


@dataclass(frozen=True, eq=False)
class Conformed:
    """A table with the made columns, the CRS that the preset finds, and its columns of coordinates, if any."""

    table: pd.DataFrame
    crs: str
    location: tuple[str, ...]


def conform(
    table: pd.DataFrame, preset: ColumnPreset, tables: Mapping[str, pd.DataFrame], told: Complaints
) -> Conformed:
    """
    Filter a table's rows and make the columns that a preset declares.

    Parameters
    ----------
    table
        Table as read. It is not changed. Its columns are found whatever their case.
    preset
        What is to be made of it.
    tables
        Second tables that are at hand, by name.
    told
        Takes the faults and notes.

    Returns
    -------
    conformed
        The rows that are kept, with their index, and the made columns; a column of the source that has the
        name of a made one gets `_` behind its own. Columns that no rule takes stay.

    Raises
    ------
    DataError
        If columns are missing, listing all of them.
    """
    names = _Names(table, told.source)
    needed = [(name, rule.optional) for rule in preset.columns.values() for name in rule.sources]
    needed += [(each.column, each.optional) for each in preset.where]
    needed += [(second.to, False) for name, second in preset.tables.items() if name in tables]
    placed = isinstance(table, gpd.GeoDataFrame)
    columns = () if placed else tuple(filter(None, (preset.location.x, preset.location.y, preset.location.shape)))
    needed += [(name, False) for name in columns]
    names.require(needed, preset)
    kept = _kept(table, preset.where, names)
    if not kept.all():
        left = int((~kept).sum())
        told.note(f"{left} of {len(kept)} rows {agree(left, 'is', 'are')} left out, as preset {preset.name} says")
    table = table[kept]
    made = {}
    for column, rule in preset.columns.items():
        cells = _made(table, rule, names, preset, tables, told)
        if cells is not None:
            made[column] = _finished(cells, rule, column, told)
    if preset.flats is not None:
        if not any(map(names.find, preset.flats.named)):
            told.note(f"preset {preset.name} finds no column that names flats: {', '.join(preset.flats.named)}")
        made[FLAT] = _together(table, preset.flats.named, names)
        made[AREA] = _together(table, preset.flats.within, names)
    crs = _crs(table, preset, names, told)
    location = tuple(str(names.find(name)) for name in columns)
    return Conformed(_joined(table, made, preset, names, location), crs, location)


class _Names:
    """The columns of a table, found whatever their case."""

    def __init__(self, table: pd.DataFrame, source: str) -> None:
        self.source = source
        self.there = [str(name) for name in table.columns]
        self._folded = {name.casefold().strip(): name for name in reversed(self.there)}

    def find(self, name: str) -> str | None:
        return name if name in self.there else self._folded.get(name.casefold())

    def require(self, needed: Iterable[tuple[str, bool]], preset: ColumnPreset) -> None:
        missing = dict.fromkeys(name for name, optional in needed if not optional and self.find(name) is None)
        if missing:
            what = f"preset {preset.name} needs columns that are not there: {', '.join(missing)}"
            shown = ", ".join(self.there[:30]) + (", ..." if len(self.there) > 30 else "")
            cure = f"Check that this is the right file and preset; there are: {shown}."
            raise DataError([Fault(what, cure, self.source)])


def _kept(table: pd.DataFrame, conditions: Iterable[Condition], names: _Names) -> Mask:
    kept = np.ones(len(table), dtype=bool)
    for each in conditions:
        name = names.find(each.column)
        if name is None:
            continue
        cells = _plain(table[name])
        if each.equals:
            kept &= np.isin(cells, [_folded(value) for value in each.equals])
        if each.differs:
            kept &= ~np.isin(cells, [_folded(value) for value in each.differs])
        if each.matches:
            fits = re.compile(each.matches, re.IGNORECASE)
            kept &= np.array([fits.search(cell) is not None for cell in cells], dtype=bool)
    return kept


def _plain(cells: pd.Series) -> NDArray[np.str_]:
    return np.array([_folded(text or "") for text in values.texts(cells)], dtype=str)


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


def _made(
    table: pd.DataFrame,
    rule: Rule,
    names: _Names,
    preset: ColumnPreset,
    tables: Mapping[str, pd.DataFrame],
    told: Complaints,
) -> Objects | None:
    """Cells of a column before they are translated; None where it keeps its default."""
    if rule.constant is not None:
        return np.full(len(table), rule.constant, dtype=object)
    if rule.found_in:
        second = preset.tables[rule.found_in]
        if rule.found_in in tables:
            return _found(table, second, tables[rule.found_in], names, rule.found_in)
        told.note(f"preset {preset.name} has no table '{rule.found_in}' ({second.meaning}): give it with --table")
        return None
    there = [name for name in map(names.find, rule.sources) if name is not None]
    if not there:
        return None
    return values.texts(table[there[0]]) if len(there) == 1 else _together(table, there, names, rule.between)


def _together(table: pd.DataFrame, columns: Iterable[str], names: _Names, between: str = " ") -> Objects:
    """Texts of several columns as one; None where all of them are empty or not there."""
    there = [name for name in map(names.find, columns) if name is not None]
    together = np.full(len(table), None, dtype=object)
    if there:
        rows = zip(*(values.texts(table[name]) for name in there), strict=True)
        together[:] = [between.join(part for part in row if part) or None for row in rows]
    return together


def _found(table: pd.DataFrame, second: SecondTable, other: pd.DataFrame, names: _Names, called: str) -> Objects:
    there = _Names(other, f"table {called}")
    needed = [second.key, *(each.column for each in second.where if not each.optional)]
    missing = [name for name in needed if there.find(name) is None]
    if missing:
        what = f"has no column {', '.join(missing)}"
        raise DataError([Fault(what, f"There are: {', '.join(there.there[:30])}.", there.source)])
    keys = set(values.texts(other.loc[_kept(other, second.where, there), str(there.find(second.key))]))
    own = values.texts(table[str(names.find(second.to))])
    return np.array([each is not None and each in keys for each in own], dtype=object)


def _finished(cells: Objects, rule: Rule, column: str, told: Complaints) -> Objects:
    """Cut, compare and translate cells as a rule says."""
    if rule.regexp:
        pattern = re.compile(rule.regexp)
        cut = {text: _cut(pattern, rule.to, str(text)) for text in set(cells.tolist()) if text is not None}
        cells = np.array([None if text is None else cut[text] for text in cells], dtype=object)
    if rule.equals:
        wanted = {_folded(value) for value in rule.equals}
        return np.array([text is not None and _folded(str(text)) in wanted for text in cells], dtype=object)
    if rule.values:
        cells = _translated(cells, rule, column, told)
    if rule.otherwise is not None:
        cells = np.array([rule.otherwise if cell is None else cell for cell in cells], dtype=object)
    return cells


def _cut(pattern: re.Pattern[str], to: str, text: str) -> str | None:
    found = pattern.search(text)
    return (found.expand(to).strip() or None) if found else None


def _translated(cells: Objects, rule: Rule, column: str, told: Complaints) -> Objects:
    words = {_folded(key): value for key, value in rule.values.items()}
    known = {text: words.get(_folded(str(text)), rule.otherwise) for text in set(cells.tolist()) if text is not None}
    found = np.array([None if text is None else known[text] for text in cells], dtype=object)
    unknown = sorted(str(text) for text, value in known.items() if value is None)
    if unknown:
        shown = ", ".join(f"'{text}'" for text in unknown[:MAX_SHOWN]) + (", ..." if len(unknown) > MAX_SHOWN else "")
        cure = f"The preset knows {', '.join(rule.values)}; add what is new to a preset of your own."
        told.fault(f"the preset does not know {shown}", cure, column)
    return found


def _crs(table: pd.DataFrame, preset: ColumnPreset, names: _Names, told: Complaints) -> str:
    if isinstance(preset.crs, str):
        return preset.crs
    cells = _made(table, preset.crs, names, preset, {}, told)
    if cells is None:
        return ""
    found = sorted({str(cell) for cell in _finished(cells, preset.crs, "crs", told) if cell is not None})
    if len(found) > 1:
        cure = "Split the file, one for each of them."
        raise CrsError([Fault(f"its rows are in {len(found)} CRS: {', '.join(found)}", cure, told.source)])
    return found[0] if found else ""


def _joined(
    table: pd.DataFrame, made: Mapping[str, Objects], preset: ColumnPreset, names: _Names, location: tuple[str, ...]
) -> pd.DataFrame:
    """Put the made columns in front of those of the source, without the ones that were only renamed."""
    renamed = {
        names.find(rule.column)
        for column, rule in preset.columns.items()
        if column in made and rule.column and not (rule.regexp or rule.equals or rule.values)
    }
    geometry = table.geometry.name if isinstance(table, gpd.GeoDataFrame) else None
    others = [name for name in table.columns if name in location or name not in renamed]
    clash = {name: f"{name}_" for name in others if str(name).casefold() in made and name not in (geometry, *location)}
    rest = table[others].rename(columns=clash)
    front = pd.DataFrame({name: pd.Series(cells, index=table.index, dtype=object) for name, cells in made.items()})
    joined = pd.concat([front, rest], axis=1)
    return gpd.GeoDataFrame(joined, geometry=geometry, crs=table.crs) if geometry is not None else joined
