"""`PlanConfig`: every knob of a plan, with the defaults that the documentation promises."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from lastmile_net.config.models import Frozen
from lastmile_net.config.optics import Optics
from lastmile_net.config.prices import CostModel
from lastmile_net.errors import ConfigError, Fault, MissingFileError

Metres = Annotated[float, Field(ge=0)]
BY_NAME = ("encoding", "tables")
"""Tables of which an option gives single entries."""
ENCODING_CURE = "Write one that Python knows, such as utf-8, cp1250, iso8859-2, cp932 or gb18030."


class SolveConfig(Frozen):
    """
    When the solver may stop: at the first of these that is met.

    `target_gap` is cost / lower bound - 1; `rounds` counts improve-and-prove rounds; `time_limit_s`
    is a cap on each search, of which an aim or phases need several, and on the proof within ports; its use
    makes a run depend on the machine, which `run.json` then says.
    """

    target_gap: Annotated[float, Field(ge=0)] = 0.003
    rounds: Annotated[int, Field(ge=1)] = 20
    time_limit_s: Annotated[float, Field(gt=0)] | None = 60.0
    seed: Annotated[int, Field(ge=0)] = 0
    workers: Annotated[int, Field(ge=1)] | None = None


STREET_WIDTH_M = {
    "motorway": 25.0,
    "trunk": 18.0,
    "primary": 14.0,
    "secondary": 12.0,
    "tertiary": 9.0,
    "residential": 7.0,
    "unclassified": 7.0,
    "living_street": 5.0,
    "service": 5.0,
    "pedestrian": 5.0,
    "track": 0.0,
    "path": 0.0,
    "footway": 0.0,
    "cycleway": 0.0,
    "bridleway": 0.0,
    "steps": 0.0,
    "corridor": 0.0,
}
"""Customary widths by OSM class, between the places where one digs; 0 where the way is too narrow to have sides."""


class Phases(Frozen):
    """
    In which parts the plan is built.

    `budgets` is what may be spent in each phase, in turn; who is left comes in one more. `areas` names planning areas
    (`area_id`) instead, `polygons` a file of them: each is a phase, all other customers come last. One of the three is
    needed, but for `grown` alone. With `grown`, the first phases get what is best for them, and the whole may cost
    0.6 % more than the cheapest plan (or `order_slack`), 4 % where ports or routes are limited. None: with `budgets`,
    but not where access points are placed anew.
    """

    budgets: tuple[Annotated[float, Field(ge=0)], ...] = ()
    areas: tuple[str, ...] = ()
    polygons: str | None = None
    grown: bool | None = None

    @model_validator(mode="after")
    def _has_one_rule(self) -> Phases:
        rules = bool(self.budgets) + bool(self.areas) + bool(self.polygons)
        if not rules and not self.grown:
            cure = "Give it `budgets`, `areas` or `polygons`, or leave [phases] out."
            raise ConfigError([Fault("has no phase", cure, setting="phases")])
        if rules > 1:
            message = "phases are told by budgets, by areas or by polygons: give only one of them"
            raise ValueError(message)
        return self


class Uncertainty(Frozen):
    """
    What is not certain: the plan's routes are priced anew in many scenarios.

    `take_rate` is the chance that a home signs, where the customers have no column `take_rate`; prices lie within
    `price_percent` above or below what they are.
    """

    take_rate: Annotated[float, Field(ge=0, le=1)] = 1.0
    price_percent: Annotated[float, Field(ge=0, lt=100)] = 20.0
    scenarios: Annotated[int, Field(ge=1)] = 200


class PlanConfig(SolveConfig):
    """
    All settings of one plan.

    Lengths are metres. `None` means no limit. A path in `prices` or `optical` is read as TOML,
    a bare name is a preset of the package; `cost` holds changes to the prices. `mapping` names columns by layer;
    `presets` are column presets, by name or path, and `tables` the second files that they ask for, by name. `encoding`
    names that of the text of a layer or of such a second file, where the file does not tell it.

    With `street_sides = "both"` trenches run on the sides of streets, `street_width_m` apart by class (a `_link` is as
    wide as its class); streets in `wide_streets` are crossed only where streets meet or end.

    `order_slack` is what the plan for everybody may cost on top of the cheapest one found, in parts of it and never
    more than `target_gap` lets, where its first parts then connect more homes; 0 takes the cheapest.

    With `new_access_points` everyone in reach is served: where ports run out, or where that saves fibre, access points
    of the catalogue (`cost.access_points`) are placed on streets.
    """

    max_drop_m: Metres = 100.0
    candidate_drops: Annotated[int, Field(ge=1, le=8)] = 3
    passed_within_m: Metres = 20.0
    connector_m: Metres = 15.0
    tap: Literal["auto", "points", "anywhere"] = "auto"
    tap_roles: tuple[str, ...] = ("pop", "cabinet", "splitter", "closure", "distribution")
    max_route_m: Metres | None = None
    max_stretch: Annotated[float, Field(ge=1)] | None = None
    new_access_points: bool = False
    optical: Optics | None = None
    street_sides: Literal["one", "both"] = "one"
    budget: Annotated[float, Field(ge=0)] | None = None
    target_coverage: Annotated[float, Field(gt=0, le=1)] | None = None
    max_cost_per_home: Annotated[float, Field(ge=0)] | None = None
    prize: str = "units"
    curve_bound: bool = True
    order_slack: Annotated[float, Field(ge=0)] = 0.0
    street_width_m: dict[str, Metres] = Field(default_factory=lambda: dict(STREET_WIDTH_M))
    street_width_otherwise_m: Metres = 7.0
    wide_streets: tuple[str, ...] = ("motorway", "trunk", "primary", "secondary")
    phases: Phases | None = None
    uncertainty: Uncertainty | None = None
    prices: str = "example-eur"
    cost: CostModel = Field(default_factory=lambda settings: CostModel.preset(settings["prices"]))
    on_bad_rows: Literal["error", "quarantine"] = "error"
    routes: bool = True
    tiles: str | None = None
    crs: str | None = None
    pop: tuple[float, float] | None = None
    mapping: dict[str, dict[str, str]] = Field(default_factory=dict)
    presets: tuple[str, ...] = ()
    tables: dict[str, str] = Field(default_factory=dict)
    encoding: dict[str, str] = Field(default_factory=dict)

    @field_validator("encoding")
    @classmethod
    def _has_known_encodings(cls, encoding: dict[str, str]) -> dict[str, str]:
        faults = [
            Fault(f"there is no encoding '{name}'", ENCODING_CURE, setting=f"encoding.{layer}")
            for layer, name in encoding.items()
            if not _is_encoding(name)
        ]
        if faults:
            raise ConfigError(faults)
        return encoding

    @model_validator(mode="after")
    def _has_one_aim(self) -> PlanConfig:
        aims = ("budget", "target_coverage", "max_cost_per_home")
        given = [name for name in aims if getattr(self, name) is not None]
        if len(given) > 1:
            message = f"a plan has one aim: give only one of {', '.join(given)}"
            raise ValueError(message)
        if given and self.new_access_points:
            what = f"serves everyone in reach, so it cannot go with {given[0]}"
            cure = (
                f"Plan without {given[0]}: curve.csv tells the cost of each share of the homes; that cost as "
                "`[phases] budgets = [COST]` makes these homes, with their access points, the first phase."
            )
            raise ConfigError([Fault(what, cure, setting="new_access_points")])
        if self.target_coverage is not None and self.prize != "units":
            message = "target_coverage counts homes: leave prize at `units`"
            raise ValueError(message)
        return self

    @property
    def may_place_anew(self) -> bool:
        """Whether `new_access_points` goes with all other settings: it needs a catalogue, and serves everyone."""
        aims = (self.budget, self.target_coverage, self.max_cost_per_home)
        grown = self.phases is not None and bool(self.phases.grown)
        return bool(self.cost.access_points) and all(aim is None for aim in aims) and not grown

    @model_validator(mode="after")
    def _has_a_catalogue(self) -> PlanConfig:
        if self.new_access_points and not self.cost.access_points:
            message = f"new_access_points needs a catalogue, and the prices '{self.cost.name}' have no `access_points`"
            raise ValueError(message)
        if self.new_access_points and self.phases is not None and self.phases.grown:
            message = "new_access_points cannot be had with phases that are `grown`: leave one of them out"
            raise ValueError(message)
        return self

    @property
    def is_grown(self) -> bool:
        """Whether the first phases get what is best for them, though the whole costs somewhat more."""
        if self.phases is None:
            return False
        asked = bool(self.phases.budgets) and not self.new_access_points
        return asked if self.phases.grown is None else self.phases.grown

    @property
    def bounds_curve(self) -> bool:
        """Whether the curve gets an upper bound: none is known where access points are placed anew."""
        return self.curve_bound and not self.new_access_points

    @property
    def solve(self) -> SolveConfig:
        """The settings that the solver sees."""
        return SolveConfig(**{name: getattr(self, name) for name in SolveConfig.model_fields})


def _is_encoding(name: str) -> bool:
    try:
        "".encode(name)
    except (LookupError, ValueError):
        return False
    return True


def read_config(path: Path | str | None = None, **changes: object) -> PlanConfig:
    """
    Read `lastmile.toml`, lay `changes` over it, and resolve its presets.

    Parameters
    ----------
    path
        TOML file; none gives the defaults. Paths in it start from its folder.
    changes
        Settings that win over the file, `encoding` and `tables` name by name; paths start from the working directory.
        A value of None is taken for "not given".

    Raises
    ------
    ConfigError
        If the file is no TOML, or a key is unknown or out of range; all faults at once.
    MissingFileError
        If `path` does not exist.
    """
    file = Path(path) if path else None
    values = _toml(file) if file else {}
    if file:
        _from_its_folder(values, file.parent)
    for key, value in changes.items():
        if value is not None:
            by_name = key in BY_NAME and isinstance(value, dict) and isinstance(values.get(key), dict)
            values[key] = values[key] | value if by_name else value
    faults: list[Fault] = []
    try:
        values["cost"] = _prices(values)
    except ConfigError as error:
        faults += [_told_of_settings(fault, values.get("cost", {})) for fault in error.faults]
        values["cost"] = CostModel.preset("example-eur")
    try:
        config = PlanConfig.read(values)
    except ConfigError as error:
        faults += error.faults
    if faults:
        raise ConfigError([_told_of_file(fault, file, changes) for fault in faults])
    return config


def _prices(values: dict[str, Any]) -> CostModel:
    prices = values.get("prices", PlanConfig.model_fields["prices"].default)
    if not isinstance(values.get("cost", {}), dict):
        raise ConfigError([Fault(f"is no table (got {values['cost']!r})", "Give it entries: [cost].", setting="cost")])
    return CostModel.preset(str(prices), values.get("cost", {}))


def _told_of_settings(fault: Fault, changes: dict[str, Any]) -> Fault:
    """Return a fault of the prices as one of the settings where their `[cost]` is what made it."""
    found: object = changes
    for name in fault.setting.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    if found is None:
        return fault
    name = f"cost.{fault.setting}"
    return replace(fault, setting=name, source="", cure=fault.cure.replace(f"[{fault.setting}]", f"[{name}]"))


def _told_of_file(fault: Fault, path: Path | None, changes: dict[str, object]) -> Fault:
    """Return a fault with the file it is in, unless that is told or an option has made it."""
    name, _, entry = fault.setting.partition(".")
    given = changes.get(name)
    asked = entry in given if name in BY_NAME and isinstance(given, dict) else given is not None
    return fault if fault.source or asked or path is None else replace(fault, source=str(path))


def _from_its_folder(values: dict[str, Any], folder: Path) -> None:
    """Let all paths that are written in a file start from its folder."""
    tables = values.get("tables")
    for table, names, ending in (
        (values, ("prices", "optical", "presets"), ".toml"),
        (values.get("optical"), ("preset",), ".toml"),
        (values.get("phases"), ("polygons",), ""),
        (tables, tables or (), ""),
    ):
        if isinstance(table, dict):
            table |= {name: _seen_from(folder, table[name], ending) for name in names if name in table}


def _seen_from(folder: Path, given: object, ending: str) -> object:
    """Return a path, or each in a list, as seen from a folder; what ends otherwise is the name of a preset."""
    if isinstance(given, list):
        return [_seen_from(folder, each, ending) for each in given]
    is_path = isinstance(given, str) and given != "" and given.endswith(ending) and "://" not in given
    return str(folder / str(given)) if is_path else given


def _toml(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise MissingFileError([Fault("no such file", "Check the path.", source=str(path))])
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError([Fault(f"not valid TOML: {error}", "Mend the file.", source=str(path))]) from error
