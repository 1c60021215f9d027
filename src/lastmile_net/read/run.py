"""A run's folder back into a `Plan`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pyogrio.errors

from lastmile_net.config import PlanConfig
from lastmile_net.errors import Fault, MissingFileError, RunError
from lastmile_net.schema import PLAN_LAYERS, ROUTES
from lastmile_net.solve.problem import Progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lastmile_net.plan.result import Plan
    from lastmile_net.schema import Kind, Layer
    from lastmile_net.solve.problem import Status

PROPOSED = ("scope", "name", "change", "unit", "at", "devices", "proposal")
"""Columns of `remedies.csv` that hold text, names that look like numbers among it."""
ANEW = "Read it with that version, or plan it again with this one."


def read_run(folder: Path | str) -> Plan:
    """
    Read a run's folder back.

    Parameters
    ----------
    folder
        A folder that `write_run` made.

    Returns
    -------
    plan
        The plan as it was written; rows are sorted by their ids, the log of the solver is kept.

    Raises
    ------
    MissingFileError
        If there is no such folder.
    RunError
        If the folder is no run, or lacks a file or a layer.
    """
    from lastmile_net.plan.result import Plan  # its package imports all the stages

    folder = Path(folder)
    if not folder.is_dir():
        raise MissingFileError([Fault("no such folder", "Check the path.", source=str(folder))])
    seal, summary = _json(folder, "run.json"), _json(folder, "summary.json")
    layers = {layer.name: _layer(folder, layer) for layer in PLAN_LAYERS if layer is not ROUTES}
    return Plan(
        **layers,
        routes=_routes(folder, layers["customers"].crs),
        summary=summary,
        config=PlanConfig.read(seal["config"], str(folder / "run.json")),
        status=cast("Status", seal["status"]),
        curve=_csv(folder / "curve.csv", ("customer_id",)),
        proposals=_proposals(folder),
        log=_log(folder, seal),
        notes=tuple(seal.get("notes", ())),
    )


def _log(folder: Path, seal: dict[str, Any]) -> tuple[Progress, ...]:
    try:
        return tuple(Progress(**line) for line in seal.get("log", ()))
    except TypeError as error:
        made = f"the run was written by another version of lastmile_net ({seal.get('version')}): {error}"
        raise RunError([Fault(made, ANEW, source=str(folder / "run.json"))]) from error


def _json(folder: Path, name: str) -> dict[str, Any]:
    path = folder / name
    if not path.is_file():
        cure = "Name the folder of a finished run; one that was interrupted has to be planned again."
        raise RunError([Fault(f"the folder is no run: it has no {name}", cure, source=str(folder))])
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise RunError([Fault(f"not valid JSON: {error}", "Plan the run again.", source=str(path))]) from error
    return cast("dict[str, Any]", found)


def _proposals(folder: Path) -> pd.DataFrame:
    """Return what changes would win; an empty table where the run does not tell."""
    table = _csv(folder / "remedies.csv", PROPOSED)
    return table.fillna(dict.fromkeys(PROPOSED, ""))


def _csv(path: Path, texts: Sequence[str]) -> pd.DataFrame:
    """Read a table of a run, its texts without the apostrophe that keeps spreadsheets from running them."""
    if not path.is_file():
        return pd.DataFrame()
    table = pd.read_csv(path, dtype=dict.fromkeys(texts, "str"), keep_default_na=False, na_values=[""])
    for name in table.columns.intersection(list(texts)):
        plain = table[name].astype(object).str.replace(r"^'(?=\s*[=+\-@\t\r])", "", regex=True)
        table[name] = plain.where(plain.notna(), None)
    return table


def _layer(folder: Path, layer: Layer) -> gpd.GeoDataFrame:
    path = folder / "plan.gpkg"
    try:
        table = pyogrio.read_dataframe(path, layer=layer.name)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        fault = Fault(f"the layer '{layer.name}' cannot be read: {error}", "Plan the run again.", source=str(path))
        raise RunError([fault]) from error
    for column in layer.columns:
        if column.name in table:
            table[column.name] = _typed(table[column.name], column.kind)
    return table


def _routes(folder: Path, crs: object) -> gpd.GeoDataFrame:
    """Return the routes; none where the run was made without them."""
    if ROUTES.name in {name for name, _ in pyogrio.list_layers(folder / "plan.gpkg")}:
        return _layer(folder, ROUTES)
    return gpd.GeoDataFrame({name: [] for name in ROUTES.names}, geometry=[], crs=crs)


def _typed(values: pd.Series, kind: Kind) -> pd.Series:
    if kind == "text":
        return values.astype(object).where(values.notna(), None)
    if kind == "boolean":
        return values.astype("boolean")
    if kind == "integer" and not values.isna().any():
        return values.astype(np.int64)
    return values.astype("Int64") if kind == "integer" else values.astype(np.float64)
