"""Layers into a GeoPackage of their own: all of it, or what was there before."""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pandas as pd
import pyogrio
import shapely
from pyogrio.errors import DataLayerError, DataSourceError, FeatureError, FieldError, GeometryError

from lastmile_net.errors import Fault, RunError

if TYPE_CHECKING:
    from collections.abc import Mapping

BY_COLUMNS_ROWS = 5_000
"""From so many rows on a table is written sooner if GDAL takes it by columns."""
_TAKES_COLUMNS = (3, 8, 0)
_KINDS = {
    "Point": {0},
    "LineString": {1},
    "Polygon": {3},
    "MultiPoint": {0, 4},
    "MultiLineString": {1, 5},
    "MultiPolygon": {3, 6},
}


def write_layers(path: Path, layers: Mapping[str, pd.DataFrame], *, description: str = "") -> None:
    """
    Write tables as the layers of one GeoPackage, which replaces the one that was there.

    Parameters
    ----------
    path
        File to make, in a folder that exists.
    layers
        Tables by name, with geometries of any types or with none.
    description
        What stands in the description of each layer.

    Raises
    ------
    RunError
        If it cannot be written; then nothing has changed.
    """
    write_files(path.parent, {path.name: layers}, description=description)


def write_files(folder: Path, files: Mapping[str, Mapping[str, pd.DataFrame]], *, description: str = "") -> None:
    """
    Write GeoPackages into one folder, all of them or none; they replace those that were there.

    Parameters
    ----------
    folder
        Folder that exists.
    files
        Layers by the name of their file, as for `write_layers`.
    description
        What stands in the description of each layer.

    Raises
    ------
    RunError
        If one of them cannot be written; then nothing has changed.
    """
    with TemporaryDirectory(prefix=".layers-", dir=folder) as draft:
        for name, layers in files.items():
            try:
                for layer, table in layers.items():
                    _write(Path(draft) / name, layer, table, description)
            except (DataSourceError, DataLayerError, GeometryError, FeatureError, FieldError) as error:
                what = f"cannot be written: {str(error).partition(chr(10))[0]}"
                raise RunError(
                    [Fault(what, "Make room on the disk, or choose another.", str(folder / name))]
                ) from error
        for name in files:
            (Path(draft) / name).replace(folder / name)


def _write(path: Path, name: str, table: pd.DataFrame, description: str) -> None:
    plain = table.rename(columns={each: f"{each}_" for each in table if str(each).casefold() in ("fid", "ogc_fid")})
    mode: dict[str, Any] = {"append": True} if path.exists() else {}
    mode |= {"layer_options": {"DESCRIPTION": description}} if description else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a layer without CRS or of mixed types is what was wanted
        if isinstance(plain, gpd.GeoDataFrame):
            kinds = set(shapely.get_type_id(plain.geometry.dropna().to_numpy()).tolist())
            kind = next((each for each, ids in _KINDS.items() if kinds and kinds <= ids), "Unknown")
            several = kind.startswith("Multi")
            pyogrio.write_dataframe(
                plain,
                path,
                layer=name,
                driver="GPKG",
                geometry_type=kind,
                promote_to_multi=several,
                use_arrow=not several and _goes_by_columns(plain),
                **mode,
            )
        else:
            pyogrio.write_dataframe(plain, path, layer=name, driver="GPKG", **mode)


def _goes_by_columns(table: gpd.GeoDataFrame) -> bool:
    """Whether a table is large enough to be written by columns, and the same file comes of it: texts and numbers."""
    able = pyogrio.__gdal_version__ >= _TAKES_COLUMNS and find_spec("pyarrow") is not None
    if len(table) < BY_COLUMNS_ROWS or not able:
        return False
    cells = (table[name] for name in table.columns if name != table.geometry.name)
    return all(
        pd.api.types.is_numeric_dtype(each) or pd.api.types.infer_dtype(each) in ("string", "empty") for each in cells
    )
