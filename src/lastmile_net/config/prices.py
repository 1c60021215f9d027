"""`CostModel`: prices, read from a preset and changed by the planner."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Field, model_validator

from lastmile_net.config.models import Frozen
from lastmile_net.errors import ConfigError, Fault, MissingFileError

PRESETS = Path(__file__).parent.parent / "presets"
PLANNER = "planner"

Money = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Surface = Literal["sealed", "paved_stone", "unsealed", "verge"]
Method = Literal["open_trench", "microtrench", "plough", "aerial"]
Per = Literal["m", "crossing", "drop", "home", "customer", "piece"]

SURFACES: tuple[Surface, ...] = get_args(Surface)
"""Classes of ground, as `CostModel` prices them."""


class Price(Frozen):
    """
    One price, and where it comes from.

    `value` is in the model's currency per `unit`; `labour` is the share of it that is labour, the rest is material.
    A bare number stands for a price that the planner knows.
    """

    value: Money
    unit: Per = "m"
    labour: Share = 0.0
    source: str = PLANNER
    year: int | None = None

    @model_validator(mode="before")
    @classmethod
    def _number(cls, given: object) -> object:
        return {"value": given} if isinstance(given, (int, float)) and not isinstance(given, bool) else given


class SurfacePrices(Frozen):
    """Price of one method per metre on each class of ground; none where the method cannot be used."""

    sealed: Price | None = None
    paved_stone: Price | None = None
    unsealed: Price | None = None
    verge: Price | None = None

    def on(self, surface: Surface) -> Price | None:
        """Return the price on `surface`, None if the method cannot be used there."""
        price: Price | None = getattr(self, surface)
        return price


class DigPrices(Frozen):
    """Price per metre of new line, by method. `aerial` is new line on poles along the way."""

    open_trench: SurfacePrices = SurfacePrices()
    microtrench: SurfacePrices = SurfacePrices()
    plough: SurfacePrices = SurfacePrices()
    aerial: SurfacePrices = SurfacePrices()

    def by(self, method: Method) -> SurfacePrices:
        """Return the prices of `method`."""
        prices: SurfacePrices = getattr(self, method)
        return prices


class ReusePrices(Frozen):
    """Price per metre of laying new fibre along what exists, by the role of the line; none where that is not done."""

    duct: Price | None = None
    distribution: Price | None = None
    feeder: Price | None = None
    aerial: Price | None = None

    @property
    def roles(self) -> tuple[str, ...]:
        """Roles of lines that have a price."""
        return tuple(role for role in type(self).model_fields if getattr(self, role) is not None)


class CrossingPrices(Frozen):
    """Price of one crossing, on top of the metres dug."""

    street: Price
    rail: Price
    water: Price


class AccessPointType(Frozen):
    """
    A kind of access point that can be placed anew.

    `ports` homes can be served from it, over at most `max_m` from there to the premises; `price` is for all of it,
    placed. Each fibre that feeds it from the existing network serves `homes_per_fibre` of them: 32 with splitters 1:32,
    1 where every home has a fibre of its own there. `role` is what the plan calls it.
    """

    ports: Annotated[int, Field(ge=1)]
    price: Price
    max_m: Annotated[float, Field(gt=0)] | None = None
    homes_per_fibre: Annotated[int, Field(ge=1)] = 32
    role: Literal["cabinet", "splitter", "closure"] = "closure"

    @property
    def feeders(self) -> int:
        """Fibres that lead to it from the existing network."""
        return -(-self.ports // self.homes_per_fibre)


class CostModel(Frozen):
    """
    What everything costs, in `currency`; lengths in metres.

    Read it with `preset`. A street's ground comes from its OSM `surface` (through `surface_of_tag`), else from its
    `highway` class (`surface_of_highway`), else it is `surface_otherwise`. The method comes from the `highway` class
    (`method_of_highway`), else from the ground (`method_of_surface`). Classes in `forbidden` are never dug.

    Parameters
    ----------
    name, currency, note
        What the model is called, what its prices are in, what a planner should know of them.
    dig
        Price per metre by method and ground.
    crossing
        Price of each crossing of a street, a railway, a water.
    drop_fixed, drop_included_m, drop_per_m
        A drop costs `drop_fixed` and, on private ground, `drop_per_m` for each metre beyond `drop_included_m`.
    fibre_cost_per_m
        Each metre of each customer's own fibre, in trenches, existing lines and drops alike.
    reuse_cost_per_m
        Each metre of an existing line, once, by its role.
    equipment
        What each newly connected home or customer needs, by name.
    access_points
        Kinds of new access points, by name.
    overhead_percent
        Planning, supervision, permits: on top of everything else.
    """

    name: str
    currency: str
    note: str = ""
    dig: DigPrices
    crossing: CrossingPrices
    drop_fixed: Price
    drop_included_m: Annotated[float, Field(ge=0)] = 0.0
    drop_per_m: Price
    fibre_cost_per_m: Price
    reuse_cost_per_m: ReusePrices
    equipment: dict[str, Price] = Field(default_factory=dict)
    access_points: dict[str, AccessPointType] = Field(default_factory=dict)
    overhead_percent: Annotated[float, Field(ge=0, le=1000)] = 0.0
    surface_otherwise: Surface = "sealed"
    surface_of_tag: dict[str, Surface] = Field(default_factory=dict)
    surface_of_highway: dict[str, Surface] = Field(default_factory=dict)
    method_of_surface: dict[Surface, Method] = Field(default_factory=dict)
    method_of_highway: dict[str, Method] = Field(default_factory=dict)
    forbidden: tuple[str, ...] = ("motorway", "motorway_link", "rail", "light_rail", "subway", "tram")

    @model_validator(mode="after")
    def _every_ground_has_a_price(self) -> Self:
        faults = [
            Fault(
                f"asks for dig.{self.method_on(surface)}.{surface}, which has no price",
                "Add that price, or name another method.",
                setting=f"method_of_surface.{surface}",
            )
            for surface in SURFACES
            if self.dig_price(surface) is None
        ]
        if faults:
            raise ConfigError(faults)
        return self

    @model_validator(mode="after")
    def _units_fit(self) -> Self:
        faults = [
            Fault(f"is a price per {price.unit}", f"Give it per {' or '.join(units)}.", setting=key)
            for key, price, units in _units(self)
            if price.unit not in units
        ]
        if faults:
            raise ConfigError(faults)
        return self

    def method_on(self, surface: Surface, highway: str = "") -> Method:
        """Return how one digs on `surface` along a way of class `highway`."""
        wanted = self.method_of_highway.get(highway)
        if wanted is not None and self.dig.by(wanted).on(surface) is not None:
            return wanted
        return self.method_of_surface.get(surface, "open_trench")

    def dig_price(self, surface: Surface, highway: str = "") -> Price | None:
        """Return the price per metre on `surface` along a way of class `highway`."""
        return self.dig.by(self.method_on(surface, highway)).on(surface)

    @classmethod
    def preset(cls, name: str, changes: dict[str, Any] | None = None) -> CostModel:
        """
        Read a preset, and lay the planner's changes over it.

        Parameters
        ----------
        name
            Name of a preset of the package, or the path of a TOML file.
        changes
            Tables as in the preset; what they leave out stays. A bare number replaces the value of a price.

        Raises
        ------
        MissingFileError
            If there is no such file.
        ConfigError
            If there is no such preset, or a key or value is wrong; all faults at once.

        Examples
        --------
        >>> model = CostModel.preset("example-eur", {"drop_fixed": 900})
        >>> model.drop_fixed.value, model.drop_fixed.source, model.currency
        (900.0, 'planner', 'EUR')
        """
        path = _preset_path(name)
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError([Fault(f"not valid TOML: {error}", "Mend the file.", source=str(path))]) from error
        return cls.read(_overlay(values, changes or {}), str(path))


def preset_names() -> tuple[str, ...]:
    """Return the names of the price presets of the package, in order."""
    return tuple(sorted(path.stem.removeprefix("prices-") for path in PRESETS.glob("prices-*.toml")))


def _preset_path(name: str) -> Path:
    if name.endswith(".toml"):
        path = Path(name)
        if not path.is_file():
            raise MissingFileError([Fault("no such file", "Check the path.", source=str(path), setting="prices")])
        return path
    if name not in preset_names():
        cure = f"Known are {', '.join(preset_names())}; or give the path of a TOML file."
        raise ConfigError([Fault(f"no price preset '{name}'", cure, setting="prices")])
    return PRESETS / f"prices-{name}.toml"


def _overlay(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return `base` with `changes` laid over it, table by table; a price that is changed loses its source."""
    merged = dict(base)
    for key, change in changes.items():
        old = base.get(key)
        if not isinstance(old, dict):
            merged[key] = change
            continue
        is_price = "value" in old
        table = {"value": change} if is_price and not isinstance(change, dict) else change
        if not isinstance(table, dict):
            merged[key] = change
            continue
        origin = {"source": PLANNER, "year": None} if is_price and "value" in table else {}
        merged[key] = _overlay(old, origin | table)
    return merged


def _units(model: CostModel) -> list[tuple[str, Price, tuple[Per, ...]]]:
    """Return every price with its key and the units it may have."""
    rows: list[tuple[str, Price | None, tuple[Per, ...]]] = [
        (f"dig.{method}.{surface}", model.dig.by(method).on(surface), ("m",))
        for method in get_args(Method)
        for surface in SURFACES
    ]
    rows += [(f"crossing.{what}", getattr(model.crossing, what), ("crossing",)) for what in CrossingPrices.model_fields]
    reuse = model.reuse_cost_per_m
    rows += [(f"reuse_cost_per_m.{role}", getattr(reuse, role), ("m",)) for role in ReusePrices.model_fields]
    rows += [(f"equipment.{name}", price, ("home", "customer")) for name, price in model.equipment.items()]
    rows += [(f"access_points.{name}.price", kind.price, ("piece",)) for name, kind in model.access_points.items()]
    rows += [("drop_fixed", model.drop_fixed, ("drop",))]
    rows += [(key, getattr(model, key), ("m",)) for key in ("drop_per_m", "fibre_cost_per_m")]
    return [(key, price, units) for key, price, units in rows if price is not None]
