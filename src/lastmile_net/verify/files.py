"""The files of a run, as tables and plain values."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
import pyogrio
import pyogrio.errors

from lastmile_net.errors import Fault, MissingFileError, RunError
from lastmile_net.schema import PLAN_LAYERS, ROUTES

if TYPE_CHECKING:
    from pathlib import Path

    import geopandas as gpd
    from numpy.typing import NDArray

    from lastmile_net.schema import Layer

TOUCH_M = 0.02
"""Points nearer than this are one place, and lengths this near are equal."""


@dataclass(frozen=True, eq=False)
class Run:
    """A run as read from its files; `missing` names what is not there to be judged."""

    folder: Path
    seal: dict[str, Any]
    summary: dict[str, Any]
    gaps: pd.DataFrame
    layers: dict[str, gpd.GeoDataFrame]
    missing: tuple[str, ...] = field(default=())

    @property
    def customers(self) -> gpd.GeoDataFrame:
        """All customers."""
        return self.layers["customers"]

    @cached_property
    def planned(self) -> gpd.GeoDataFrame:
        """Customers that the plan connects."""
        return self._rows("customers", "outcome", "planned")

    @cached_property
    def drops(self) -> gpd.GeoDataFrame:
        """Trenches that are drops."""
        return self._rows("trenches", "kind", "drop")

    @cached_property
    def shared(self) -> gpd.GeoDataFrame:
        """Trenches that are no drops."""
        trenches = self.layers["trenches"]
        return trenches[trenches["kind"] != "drop"].reset_index(drop=True)

    @property
    def reused(self) -> gpd.GeoDataFrame:
        """Existing pieces that are used."""
        return self.layers["reused"]

    @property
    def routes(self) -> gpd.GeoDataFrame | None:
        """The routes, None if the run has none."""
        return self.layers.get(ROUTES.name)

    @cached_property
    def homes_now(self) -> NDArray[np.int64]:
        """Homes that are served today, by customer."""
        units = self.customers["units"].to_numpy(np.int64)
        if "units_connected" in self.customers:
            given = pd.to_numeric(self.customers["units_connected"]).fillna(0).to_numpy(np.float64)
        else:
            given = np.zeros(len(units))
        partly = np.clip(given, 0, units).astype(np.int64)
        homes: NDArray[np.int64] = np.where(self.customers["status"].to_numpy() == "connected", units, partly)
        return homes

    @cached_property
    def new_homes(self) -> dict[str, int]:
        """Homes that the plan connects, by planned customer."""
        new = self.customers["units"].to_numpy(np.int64) - self.homes_now
        planned = self.customers["outcome"].to_numpy() == "planned"
        return dict(zip(self.customers["customer_id"].to_numpy()[planned], new[planned].tolist(), strict=True))

    def setting(self, name: str) -> Any:  # noqa: ANN401
        """Return a setting of the run, None if it is not there."""
        return self.seal.get("config", {}).get(name)

    def _rows(self, layer: str, column: str, value: str) -> gpd.GeoDataFrame:
        table = self.layers[layer]
        return table[table[column] == value].reset_index(drop=True)


def load(folder: Path) -> Run:
    """
    Read all files of a run.

    Raises
    ------
    MissingFileError
        If there is no such folder.
    RunError
        If the folder is no run, or one of its files or columns is missing.
    """
    if not folder.is_dir():
        raise MissingFileError([Fault("no such folder", "Check the path.", source=str(folder))])
    seal = _json(folder / "run.json")
    layers, missing = {}, []
    present = _layer_names(folder / "plan.gpkg")
    for layer in PLAN_LAYERS:
        if layer is ROUTES and layer.name not in present:
            missing.append("the ways of the routes, and homes per trench: the run has no routes")
            continue
        layers[layer.name] = _table(folder / "plan.gpkg", layer)
    return Run(folder, seal, _json(folder / "summary.json"), _csv(folder / "gaps.csv"), layers, tuple(missing))


def _json(path: Path) -> dict[str, Any]:
    try:
        return cast("dict[str, Any]", json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise RunError([_no_run(path, f"it has no {path.name}")]) from None
    except ValueError as error:
        raise RunError([_no_run(path, f"{path.name} is not valid JSON: {error}")]) from error


def _csv(path: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(path, dtype=str, keep_default_na=False, na_values=[""])
    except FileNotFoundError:
        raise RunError([_no_run(path, f"it has no {path.name}")]) from None
    except (ValueError, UnicodeDecodeError) as error:
        raise RunError([_no_run(path, f"{path.name} cannot be read: {error}")]) from error


def _layer_names(path: Path) -> set[str]:
    if not path.is_file():
        raise RunError([_no_run(path, f"it has no {path.name}")])
    try:
        return {str(name) for name, _ in pyogrio.list_layers(path)}
    except pyogrio.errors.DataSourceError as error:
        raise RunError([_no_run(path, f"{path.name} cannot be read: {error}")]) from error


def _table(path: Path, layer: Layer) -> gpd.GeoDataFrame:
    try:
        table = pyogrio.read_dataframe(path, layer=layer.name)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        raise RunError([_no_run(path, f"the layer '{layer.name}' cannot be read: {error}")]) from error
    absent = [column.name for column in layer.columns if column.name not in table]
    if absent:
        lacks = f"the layer '{layer.name}' lacks {', '.join(absent)}: it was changed, or written by another version"
        raise RunError([Fault(lacks, "Verify it with the version that wrote it, or plan it again.", source=str(path))])
    for column in layer.columns:
        if column.kind == "text":
            values = table[column.name]
            table[column.name] = values.astype(object).where(values.notna(), None)
    return table


def _no_run(path: Path, what: str) -> Fault:
    return Fault(f"the folder is no run: {what}", "Name the folder of a finished run.", source=str(path.parent))
