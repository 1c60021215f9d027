"""`Optics`: what the light may lose between the OLT and the customer."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from lastmile_net.config.models import Frozen
from lastmile_net.config.prices import PRESETS
from lastmile_net.errors import ConfigError, Fault, MissingFileError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Decibels = Annotated[float, Field(ge=0)]
ROUNDING_DB = 1e-9
LONGEST_M = 1_000_000.0
"""No passive network is longer than this; keeps the search for a limit finite."""


class Optics(Frozen):
    """
    Optical budget of a route, from the OLT over the access point to the customer.

    Given as the name of a class (`"B+"`, `"C+"`, `"N1"`, `"N2"`, `"E1"`), as the path of a TOML file, or as a table
    whose key `preset` names one of these and whose other keys change it.

    Parameters
    ----------
    name, source
        Class, and where its figures come from.
    budget_db
        What may be lost between the ends (inclusive).
    fibre_db_per_km
        Loss of the fibre at the least favourable wavelength, design value.
    splitters
        Ratios of the splitters between the access point's input and the customer, in series: `[4, 8]` is 1:4, then 1:8.
    splitter_db
        Loss of a splitter by its ratio.
    connectors, connector_db
        Number of connectors from the access point to the customer, and the loss of each.
    splices, splice_every_m, splice_db
        Splices on every route, one more for each full `splice_every_m`, and the loss of each.
    bends_db, margin_db
        For bends, and kept for ageing and repair.
    unknown
        What becomes of a route from an access point whose loss is not known: `refuse` leaves the customer unserved,
        `ignore` does not check the route.
    """

    name: str
    source: str = "planner"
    budget_db: Annotated[float, Field(gt=0)]
    fibre_db_per_km: Annotated[float, Field(gt=0)]
    splitters: tuple[int, ...] = ()
    splitter_db: dict[int, Decibels] = Field(default_factory=dict)
    connectors: Annotated[int, Field(ge=0)] = 0
    connector_db: Decibels = 0.0
    splices: Annotated[int, Field(ge=0)] = 0
    splice_every_m: Annotated[float, Field(gt=0)] | None = None
    splice_db: Decibels = 0.0
    bends_db: Decibels = 0.0
    margin_db: Decibels = 0.0
    unknown: Literal["refuse", "ignore"] = "refuse"

    @model_validator(mode="before")
    @classmethod
    def _from_preset(cls, given: object) -> object:
        if isinstance(given, str):
            return _read(given)
        if isinstance(given, dict) and "preset" in given:
            return _read(str(given["preset"])) | {key: value for key, value in given.items() if key != "preset"}
        return given

    @model_validator(mode="after")
    def _splitters_are_known(self) -> Self:
        unknown = sorted({ratio for ratio in self.splitters if ratio not in self.splitter_db})
        if unknown:
            message = f"no loss in `splitter_db` for ratio {', '.join(map(str, unknown))}: add it there"
            raise ValueError(message)
        return self

    @classmethod
    def preset(cls, name: str, changes: dict[str, Any] | None = None) -> Optics:
        """
        Read a class of optics, or the TOML file at that path, and lay `changes` over it.

        Raises
        ------
        MissingFileError
            If there is no such file.
        ConfigError
            If there is no such class, or a key or value is wrong.
        """
        return cls.read(_read(name) | (changes or {}), name)

    @property
    def fixed_db(self) -> float:
        """What every route loses, whatever its length: splitters, connectors, splices, bends, margin."""
        split = sum(self.splitter_db[ratio] for ratio in self.splitters)
        joints = self.connectors * self.connector_db + self.splices * self.splice_db
        return split + joints + self.bends_db + self.margin_db


def optics_names() -> tuple[str, ...]:
    """Return the names of the classes of optics the package knows, in order."""
    return tuple(sorted(_names()))


def loss_db(route_m: Floats, optics: Optics, access_db: Floats) -> Floats:
    """
    Return what is lost between the OLT and the customer, margin included.

    Parameters
    ----------
    route_m
        Length of each route, from the access point to the premises.
    optics
        Losses.
    access_db
        Loss from the OLT to the access point's input; nan where it is not known.

    Returns
    -------
    loss
        In dB; nan where it is not known. It never falls as the route grows.

    Examples
    --------
    >>> loss_db(np.array([0.0, 1000.0]), Optics.preset("B+"), np.array([2.0, 2.0])).round(2).tolist()
    [23.9, 24.3]
    """
    metres = np.asarray(route_m, np.float64)
    more = 0.0 if optics.splice_every_m is None else np.floor(metres / optics.splice_every_m) * optics.splice_db
    total: Floats = np.asarray(access_db, np.float64) + optics.fixed_db + metres / 1000 * optics.fibre_db_per_km + more
    return total


def within_budget(route_m: Floats, optics: Optics, access_db: Floats) -> NDArray[np.bool_]:
    """Return which routes lose no more than the budget (inclusive); what is unknown is judged by `optics.unknown`."""
    loss = loss_db(route_m, optics, access_db)
    return np.where(np.isnan(loss), optics.unknown == "ignore", loss <= optics.budget_db + ROUNDING_DB)


def longest_route_m(optics: Optics, access_db: Floats) -> Floats:
    """
    Return the longest route, in whole millimetres, that keeps the budget from each access point.

    Parameters
    ----------
    optics
        Losses and budget.
    access_db
        Loss from the OLT to the access point's input; nan where it is not known.

    Returns
    -------
    metres
        `within_budget` holds for it and for no longer route; -1 where not even a route of no length fits,
        infinite where the loss is unknown and ignored.
    """
    access = np.asarray(access_db, np.float64)
    low = np.full(access.shape, -1, np.int64)
    high = np.full(access.shape, round(LONGEST_M * 1000), np.int64)
    while np.any(low < high):
        middle = (low + high + 1) // 2
        fits = within_budget(middle / 1000, optics, access)
        low, high = np.where(fits, middle, low), np.where(fits, high, middle - 1)
    longest = np.where(low < 0, -1.0, low / 1000)
    return np.where(np.isnan(access) & (optics.unknown == "ignore"), np.inf, longest)


def _names() -> dict[str, Path]:
    return {_toml(path)["name"]: path for path in PRESETS.glob("optics-*.toml")}


def _read(name: str) -> dict[str, Any]:
    if name.endswith(".toml"):
        path = Path(name)
        if not path.is_file():
            raise MissingFileError([Fault("no such file", "Check the path.", source=str(path), setting="optical")])
        return _toml(path)
    known = _names()
    if name not in known:
        cure = f"Known are {', '.join(sorted(known))}; or give the path of a TOML file."
        raise ConfigError([Fault(f"no class of optics '{name}'", cure, setting="optical")])
    return _toml(known[name])


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError([Fault(f"not valid TOML: {error}", "Mend the file.", source=str(path))]) from error
