"""The layers once more, in formats other than GeoPackage."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal

import pyogrio
import shapely

from lastmile_net.report.spreadsheet import write_csv
from lastmile_net.write.geopackage import described, geometry_type
from lastmile_net.write.tables import with_wkt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    import geopandas as gpd

    from lastmile_net.schema import Layer

Format = Literal["gpkg", "geoparquet", "geojson", "csv", "ofds"]


def write_formats(
    folder: Path, tables: Sequence[tuple[Layer, gpd.GeoDataFrame]], formats: Iterable[str], *, credit: str = ""
) -> None:
    """
    Write the layers in every format of `formats` but `gpkg`, each into a folder called after it.

    GeoParquet and CSV (geometry as WKT) are in the run's CRS, GeoJSON in WGS 84 as its standard wants it, with
    `credit`, whose data it is made from, in the `description` of each file.
    """
    writers: dict[str, Callable[[Path, Layer, gpd.GeoDataFrame], None]] = {
        "geoparquet": _geoparquet,
        "geojson": partial(_geojson, credit=credit),
        "csv": _csv,
    }
    for name in sorted(set(formats) & set(writers)):
        (folder / name).mkdir()
        for layer, table in tables:
            writers[name](folder / name, layer, table)


def _geoparquet(folder: Path, layer: Layer, table: gpd.GeoDataFrame) -> None:
    table.to_parquet(folder / f"{layer.name}.parquet", index=False)


def _geojson(folder: Path, layer: Layer, table: gpd.GeoDataFrame, *, credit: str) -> None:
    degrees = table.to_crs(4326)
    degrees = degrees.set_geometry(shapely.force_2d(degrees.geometry.to_numpy()), crs=4326)
    kind = geometry_type(layer, table)
    pyogrio.write_dataframe(
        degrees,
        folder / f"{layer.name}.geojson",
        driver="GeoJSON",
        layer=layer.name,
        geometry_type=kind,
        promote_to_multi=kind == "MultiLineString",
        layer_options={"RFC7946": "YES", "WRITE_NAME": "NO", "DESCRIPTION": described(layer, credit)},
    )


def _csv(folder: Path, layer: Layer, table: gpd.GeoDataFrame) -> None:
    write_csv(with_wkt(table), folder / f"{layer.name}.csv")
