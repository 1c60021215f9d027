"""Column presets: how the files of a register become a layer, written down in TOML and not in code."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from lastmile_net.config.models import Frozen
from lastmile_net.config.prices import PRESETS
from lastmile_net.errors import ConfigError, Fault, MissingFileError
from lastmile_net.schema import INPUT_LAYERS

if TYPE_CHECKING:
    from collections.abc import Iterable

Value = str | bool | int | float
PREFIX = "columns-"
LAYERS = {layer.name: layer for layer in INPUT_LAYERS}


class Condition(Frozen):
    """
    Rows that are kept: those whose cell in `column` is one of `equals`, none of `differs`, and fits `matches`.

    Texts are compared without regard to case and outer blanks. A column that is not there is a fault, unless
    `optional`.
    """

    column: str
    equals: tuple[str, ...] = ()
    differs: tuple[str, ...] = ()
    matches: str = ""
    optional: bool = False

    @field_validator("matches")
    @classmethod
    def _is_regexp(cls, text: str) -> str:
        return _regexp(text)


class Rule(Frozen):
    """
    How one column is made.

    Exactly one of these says where its cells come from: `column` of the source; several `columns`, joined with
    `between`; a `constant`; or `found_in`, a second table, which gives yes where the row is found there.
    Then `regexp` cuts a part out and writes it as `to` (a cell that does not fit becomes empty); `equals` turns cells
    into yes and no; `values` translates them, and `otherwise` is what those become that it does not name.
    """

    column: str = ""
    columns: tuple[str, ...] = ()
    between: str = " "
    constant: Value | None = None
    found_in: str = ""
    regexp: str = ""
    to: str = r"\1"
    equals: tuple[str, ...] = ()
    values: dict[str, Value] = Field(default_factory=dict)
    otherwise: Value | None = None
    optional: bool = False

    @model_validator(mode="before")
    @classmethod
    def _short(cls, given: object) -> object:
        if isinstance(given, str):
            return {"column": given}
        return {"columns": given} if isinstance(given, list) else given

    @field_validator("regexp")
    @classmethod
    def _is_regexp(cls, text: str) -> str:
        return _regexp(text)

    @model_validator(mode="after")
    def _has_one_origin(self) -> Self:
        origins = (bool(self.column), bool(self.columns), self.constant is not None, bool(self.found_in))
        if sum(origins) != 1:
            message = "needs exactly one of column, columns, constant, found_in"
            raise ValueError(message)
        if self.regexp:
            try:
                re.compile(self.regexp).sub(self.to, "")
                re.compile(f"(?:{self.regexp})|").sub(self.to, "")
            except (re.error, IndexError) as error:
                message = f"`to` does not fit `regexp`: {error}"
                raise ValueError(message) from error
        return self

    @property
    def sources(self) -> tuple[str, ...]:
        """Columns of the source that it reads."""
        return (self.column,) if self.column else self.columns


class SecondTable(Frozen):
    """A second file, whose rows are found by `key`, equal to the column `to` of the first; `where` thins it out."""

    meaning: str
    key: str
    to: str
    where: tuple[Condition, ...] = ()


class Location(Frozen):
    """Columns that hold the place of a row, where the file has no geometry: `x` and `y`, or `shape`."""

    x: str = ""
    y: str = ""
    shape: str = ""


class Flats(Frozen):
    """
    How a register tells its flats, each a row of its own: the rows of one address become one customer.

    `named` are the columns that name a flat, `within` those that tell apart addresses of one street and number.
    """

    named: Annotated[tuple[str, ...], Field(min_length=1)]
    within: tuple[str, ...] = ()


class ColumnPreset(Frozen):
    """
    How the files of one register become a layer.

    Parameters
    ----------
    name
        Name it is called by.
    title, source, note
        What it is for, where the list of columns is published, what a planner should know.
    layer
        Layer that its files become.
    format
        `table` for anything with rows and columns; `ofds` for the Open Fibre Data Standard.
    header
        Names of the columns, where the file has no line of them.
    crs
        CRS of the coordinates where the file does not say; or a rule that finds it in the cells.
    location
        Columns of the coordinates.
    columns
        Rule for each column of the layer.
    where
        Rows that are kept.
    flats
        What names a flat, where each is a row of its own; only for customers.
    tables
        Second tables, by name.
    """

    name: str
    title: str
    source: str
    note: str = ""
    layer: str
    format: Literal["table", "ofds"] = "table"
    header: tuple[str, ...] = ()
    crs: str | Rule = ""
    location: Location = Location()
    columns: Annotated[dict[str, Rule], Field(min_length=1)]
    where: tuple[Condition, ...] = ()
    flats: Flats | None = None
    tables: dict[str, SecondTable] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _fits_the_schema(self) -> Self:
        if self.layer not in LAYERS:
            message = f"there is no layer '{self.layer}'; layers are {', '.join(LAYERS)}"
            raise ValueError(message)
        unknown = [name for name in self.columns if name not in LAYERS[self.layer].names]
        if unknown:
            message = f"the layer {self.layer} has no column {', '.join(unknown)}; it has {', '.join(self.known)}"
            raise ValueError(message)
        if self.flats is not None and not {"street", "housenumber"} <= set(self.columns):
            message = "flats need a layer of customers with street and housenumber"
            raise ValueError(message)
        tables = {rule.found_in for rule in self.columns.values() if rule.found_in} - set(self.tables)
        if tables:
            message = f"there is no table called {', '.join(sorted(tables))} in [tables]"
            raise ValueError(message)
        return self

    @property
    def known(self) -> tuple[str, ...]:
        """Columns of its layer."""
        return LAYERS[self.layer].names


def _regexp(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        message = f"is no regular expression: {error}"
        raise ValueError(message) from error
    return text


def column_preset_names() -> tuple[str, ...]:
    """Names of the column presets that come with the package."""
    return tuple(sorted(path.stem.removeprefix(PREFIX) for path in PRESETS.glob(f"{PREFIX}*.toml")))


def column_preset(name: str) -> ColumnPreset:
    """
    Read a preset of the package, or the planner's own from a TOML file.

    Parameters
    ----------
    name
        Name such as `ban`, or the path of a file.

    Raises
    ------
    MissingFileError
        If there is neither such a preset nor such a file.
    ConfigError
        If the file is no preset; all faults at once.
    """
    packaged = PRESETS / f"{PREFIX}{name}.toml"
    path = packaged if name in column_preset_names() else Path(name)
    if not path.is_file():
        cure = f"Presets are {', '.join(column_preset_names())}; a path is the planner's own."
        raise MissingFileError([Fault(f"there is no column preset '{name}'", cure, "--preset")])
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError([Fault(f"not valid TOML: {error}", "Mend the file.", str(path))]) from error
    return ColumnPreset.read({"name": path.stem.removeprefix(PREFIX), **values}, str(path))


def by_layer(names: Iterable[str], tables: Iterable[str] = ()) -> dict[str, ColumnPreset]:
    """
    Read several presets, and return them by their layers.

    Parameters
    ----------
    names
        Names or paths of presets.
    tables
        Names of the second tables that are given: each must be asked for by one of the presets.

    Raises
    ------
    MissingFileError
        If there is no such preset.
    ConfigError
        If two of them are for one layer, or none asks for a table.
    """
    found: dict[str, ColumnPreset] = {}
    for name in names:
        preset = column_preset(name)
        if preset.layer in found:
            what = f"'{found[preset.layer].name}' and '{preset.name}' are both for the layer {preset.layer}"
            raise ConfigError([Fault(what, "Name one preset for each layer.", "--preset")])
        found[preset.layer] = preset
    asked = sorted({table for preset in found.values() for table in preset.tables})
    cure = f"Asked for are: {', '.join(asked)}." if asked else "Name the preset that asks for it with --preset."
    faults = [Fault(f"no preset asks for a table '{name}'", cure, "--table") for name in tables if name not in asked]
    if faults:
        raise ConfigError(faults)
    return found
