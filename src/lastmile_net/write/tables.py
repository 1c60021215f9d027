"""A plan's layers as tables of plain values, in schema order and sorted by their ids."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from lastmile_net.schema import PLAN_LAYERS, ROUTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lastmile_net.plan.result import Plan
    from lastmile_net.schema import Kind, Layer


def plan_tables(plan: Plan) -> Iterator[tuple[Layer, gpd.GeoDataFrame]]:
    """
    Yield each layer of `plan.gpkg` with its table, ready to be written.

    Columns of the schema come first, in its order, those carried through after them; rows are sorted by id. The
    routes come only where the plan has been asked for them.
    """
    for layer in PLAN_LAYERS:
        if layer is not ROUTES or plan.config.routes:
            yield layer, layer_table(getattr(plan, layer.name), layer)


def layer_table(frame: gpd.GeoDataFrame, layer: Layer) -> gpd.GeoDataFrame:
    """Return `frame` with all columns of `layer`, typed as the schema says, in canonical order."""
    columns = {column.name: _typed(frame, column.name, column.kind) for column in layer.columns}
    carried = [name for name in frame.columns if name not in columns and name != frame.geometry.name]
    columns |= {str(name): _plain(frame[name]) for name in carried}
    table = gpd.GeoDataFrame(columns, geometry=np.asarray(frame.geometry.array), crs=frame.crs)
    keys = [layer.key] if layer.key else [name for name in ("backbone_id", "from_node", "to_node") if name in table]
    return table.sort_values(keys, kind="stable").reset_index(drop=True) if keys else table


def with_wkt(table: gpd.GeoDataFrame) -> pd.DataFrame:
    """Return the table with its geometry as a column `wkt`, to the millimetre."""
    flat = pd.DataFrame(table.drop(columns=table.geometry.name))
    flat["wkt"] = shapely.to_wkt(table.geometry.to_numpy(), rounding_precision=3)
    return flat


def _typed(frame: pd.DataFrame, name: str, kind: Kind) -> pd.Series:
    values = frame[name].reset_index(drop=True) if name in frame else pd.Series(None, range(len(frame)), object)
    if kind == "text":
        return _texts(values)
    if kind == "boolean":
        return values.astype("boolean")
    numbers = pd.to_numeric(values)
    return numbers.astype("float64") if kind == "number" else numbers.astype("Int64")


def _texts(values: pd.Series) -> pd.Series:
    """Return values as text; None where there is none."""
    if pd.api.types.infer_dtype(values, skipna=True) == "string":
        plain = values.astype(object)
        return plain.where(plain.notna(), None)
    return values.map(_text).astype(object)


def _text(value: object) -> str | None:
    return None if value is None or value is pd.NA or value != value else str(value)


def _plain(values: pd.Series) -> pd.Series:
    """Return a carried column as something every format can hold: lists and other objects become text."""
    values = values.reset_index(drop=True)
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(object)
    if not pd.api.types.is_object_dtype(values) and not pd.api.types.is_string_dtype(values):
        return values
    return values.map(_listed).astype(object)


def _listed(value: object) -> str | None:
    if isinstance(value, (list, tuple, set, np.ndarray)):
        return ";".join(sorted(map(str, value)) if isinstance(value, set) else map(str, value))
    return _text(value)
