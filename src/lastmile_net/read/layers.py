"""Read the layers of a plan, bring them to the schema, and project them to one metric CRS."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pyogrio.errors
import shapely

from lastmile_net import schema
from lastmile_net.crs import LONLAT, choose_metric_crs, project
from lastmile_net.errors import CrsError, DataError, Fault, MissingFileError

if TYPE_CHECKING:
    import pyproj

    from lastmile_net.config import PlanConfig

Source: TypeAlias = str | Path | gpd.GeoDataFrame
YES = ("1", "1.0", "true", "t", "yes", "y", "ja", "oui", "si", "sí")
LINES = (1, 5)
LON = ("lon", "longitude", "lng", "long", "x", "laengengrad")
LAT = ("lat", "latitude", "y", "breitengrad")


@dataclass(frozen=True, eq=False)
class Layers:
    """
    The input of a plan: layers that meet the schema, in one metric CRS, sorted by id.

    Parameters
    ----------
    streets, backbone, customers
        The layers. Customers without a usable place have a None geometry.
    crs
        Metric CRS of all of them.
    notes
        What was derived or left out.
    """

    streets: gpd.GeoDataFrame
    backbone: gpd.GeoDataFrame
    customers: gpd.GeoDataFrame
    crs: pyproj.CRS
    notes: tuple[str, ...]


def load_layers(streets: Source, backbone: Source | None, customers: Source, *, config: PlanConfig) -> Layers:
    """
    Read and check the three layers of a plan.

    Parameters
    ----------
    streets, backbone, customers
        Files that GDAL reads (`file.gpkg:layer` names a layer), CSV with coordinates, or GeoDataFrames.
    config
        `mapping`, `crs`, `pop` and `on_bad_rows` count here.

    Returns
    -------
    layers
        Ready to be planned on.

    Raises
    ------
    DataError
        With all problems of all layers.
    MissingFileError
        If files are not there.
    """
    sources = {schema.STREETS: streets, schema.BACKBONE: backbone, schema.CUSTOMERS: customers}
    missing = [fault for layer, source in sources.items() for fault in _missing(source, layer)]
    if missing:
        raise MissingFileError(missing)
    notes: list[str] = []
    faults: list[Fault] = []
    read = {layer: _read(source, layer, config, faults) for layer, source in sources.items()}
    frames = {layer: frame for layer, frame in read.items() if frame is not None}
    for layer, frame in frames.items():
        frames[layer] = _conform(frame, layer, config, faults, notes)
    if not faults:
        faults += _swapped(frames)
    if faults:
        raise DataError(faults)
    crs = choose_metric_crs(*frames.values(), given=config.crs)
    moved = {layer: _sorted(project(frame, crs), layer) for layer, frame in frames.items()}
    return Layers(moved[schema.STREETS], moved[schema.BACKBONE], moved[schema.CUSTOMERS], crs, tuple(notes))


def _missing(source: Source | None, layer: schema.Layer) -> list[Fault]:
    if source is None or isinstance(source, gpd.GeoDataFrame) or _path(str(source))[0].exists():
        return []
    return [Fault(f"the {layer.name} file is not there", "Check the path.", source=str(source))]


def _path(text: str) -> tuple[Path, str | None]:
    """Split `file.gpkg:layer`."""
    if ":" in text and not Path(text).exists():
        path, _, name = text.rpartition(":")
        if Path(path).is_file():
            return Path(path), name
    return Path(text), None


def _read(
    source: Source | None, layer: schema.Layer, config: PlanConfig, faults: list[Fault]
) -> gpd.GeoDataFrame | None:
    """Return a layer as it lies there, in its own CRS; None, and a fault, where it cannot be read."""
    frame = _backbone_of_pop(config) if source is None else source
    name = layer.name if not isinstance(source, (str, Path)) else str(source)
    if not isinstance(frame, gpd.GeoDataFrame):
        try:
            frame = _from_file(*_path(str(source)))
        except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, ValueError, OSError) as error:
            faults.append(Fault(f"cannot be read: {error}", "Give a file that GDAL reads.", source=name))
            return None
    if layer is schema.BACKBONE and config.pop is not None and source is not None and len(frame) == 0:
        frame = _backbone_of_pop(config)
    if len(frame) == 0:
        cure = "Give a backbone file, or a start with --pop LON,LAT." if layer is schema.BACKBONE else "Give its rows."
        faults.append(Fault("the layer is empty", cure, source=name))
        return None
    if frame.crs is None:
        if config.crs is None:
            faults.append(Fault("no CRS is known", "Say which with --crs, for example EPSG:4326.", source=name))
            return None
        frame = frame.set_crs(config.crs)
    renamed = {given: own for own, given in config.mapping.get(layer.name, {}).items() if given in frame}
    frame = frame.rename(columns=renamed)
    frame.attrs = {"source": name}
    return frame


def _backbone_of_pop(config: PlanConfig) -> gpd.GeoDataFrame:
    if config.pop is None:
        return gpd.GeoDataFrame({"backbone_id": []}, geometry=[], crs=LONLAT)
    return gpd.GeoDataFrame({"backbone_id": ["pop"], "role": ["pop"]}, geometry=[shapely.Point(config.pop)], crs=LONLAT)


def _from_file(path: Path, layer: str | None) -> gpd.GeoDataFrame:
    if path.suffix.lower() in (".parquet", ".geoparquet", ".pq"):
        return gpd.read_parquet(path)
    if path.suffix.lower() in (".csv", ".tsv", ".txt"):
        return _from_csv(path)
    options = {"layer": layer} if layer else {}
    frame = pyogrio.read_dataframe(path, **options)
    if not isinstance(frame, gpd.GeoDataFrame):
        what = "has no geometry"
        raise ValueError(what)
    return frame


def _from_csv(path: Path) -> gpd.GeoDataFrame:
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("cp1252", errors="replace")
    head = text.split("\n", 1)[0]
    delimiter = max(";\t|,", key=head.count)
    import io

    table = pd.read_csv(io.StringIO(text), sep=delimiter, dtype=str, keep_default_na=False, na_values=[""])
    names = {str(name).strip().casefold(): name for name in table.columns}
    lon, lat = (next((names[name] for name in known if name in names), None) for known in (LON, LAT))
    if lon is None or lat is None:
        what = f"has no columns of coordinates such as lon and lat, only {', '.join(map(str, table.columns))}"
        raise ValueError(what)
    x, y = (pd.to_numeric(table[name].str.replace(",", ".", regex=False), errors="coerce") for name in (lon, lat))
    degrees = bool((x.abs().max() <= 180) and (y.abs().max() <= 90))
    places = np.array(shapely.points(x, y), object)
    places[~(np.isfinite(x) & np.isfinite(y)).to_numpy()] = None
    return gpd.GeoDataFrame(table, geometry=places, crs=LONLAT if degrees else None)


def _conform(
    frame: gpd.GeoDataFrame, layer: schema.Layer, config: PlanConfig, faults: list[Fault], notes: list[str]
) -> gpd.GeoDataFrame:
    """Return the layer with every column of the schema, of its kind, and usable geometry."""
    frame = frame.rename_geometry("geometry") if frame.geometry.name != "geometry" else frame.copy()
    source = str(frame.attrs.get("source", layer.name))
    for column in layer.columns:
        if column.name not in frame and column.required:
            cure = f"Name the column that holds it under [mapping.{layer.name}]; there are {', '.join(frame.columns)}."
            faults.append(Fault("the column is missing", cure, source=source, column=column.name))
            return frame
        values = frame[column.name] if column.name in frame else pd.Series(None, index=frame.index, dtype=object)
        frame[column.name] = _typed(values, column)
    frame = _with_ids(frame, layer, source, faults)
    frame["geometry"] = _geometry(frame, layer)
    bad = frame.geometry.isna().to_numpy()
    if layer is schema.BACKBONE:
        line = np.isin(shapely.get_type_id(frame.geometry.to_numpy()), LINES)
        frame["role"] = frame["role"].where(frame["role"].notna(), np.where(line, "distribution", "cabinet"))
        _check_roles(frame, source, faults)
    if bad.any():
        rows = tuple(frame[layer.key].astype(str)[bad])
        if layer is schema.CUSTOMERS and config.on_bad_rows != "error":
            notes.append(f"{len(rows)} customers have no usable location; they stay in the plan as unserved")
        elif config.on_bad_rows != "error":
            notes.append(f"{len(rows)} rows of {layer.name} have no usable geometry and were left out")
            frame = frame[~bad]
        else:
            cure = "Give their geometry, or plan with on_bad_rows = 'quarantine'."
            faults.append(Fault("the geometry is missing, empty or not a number", cure, source=source, rows=rows))
    return frame


def _typed(values: pd.Series, column: schema.Column) -> pd.Series:
    if column.kind == "text":
        text = values.astype(object).where(values.notna(), "").map(_plain).str.strip()
        return text.where(text != "", None)
    if column.kind == "boolean":
        return values.astype(object).where(values.notna(), "").astype(str).str.strip().str.casefold().isin(YES)
    number = pd.to_numeric(values, errors="coerce")
    if column.default is not None:
        number = number.fillna(float(column.default))
    if column.kind == "integer":
        return number.round().astype("Int64" if number.isna().any() or column.default is None else np.int64)
    return number.astype(np.float64)


def _plain(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, (list, tuple, np.ndarray)):
        return ";".join(map(str, value))
    return str(value)


def _with_ids(frame: gpd.GeoDataFrame, layer: schema.Layer, source: str, faults: list[Fault]) -> gpd.GeoDataFrame:
    ids = frame[layer.key]
    empty = ids.isna().to_numpy()
    if empty.any() and layer is schema.CUSTOMERS:
        rows = tuple(str(row + 1) for row in np.flatnonzero(empty))
        faults.append(Fault("the id is empty", "Give each customer an id.", source=source, column=layer.key, rows=rows))
        return frame
    if empty.any():
        shapes = shapely.to_wkb(shapely.normalize(shapely.force_2d(frame.geometry.to_numpy()[empty])))
        names = pd.Series([f"{layer.name[0]}-{hashlib.sha256(shape or b'').hexdigest()[:12]}" for shape in shapes])
        again = names.groupby(names).cumcount()
        frame.loc[empty, layer.key] = (names + np.where(again > 0, "-" + again.astype(str), "")).to_numpy()
    double = frame[layer.key].duplicated(keep=False)
    if double.any():
        rows = tuple(sorted(set(frame[layer.key][double])))
        what = f"{len(rows)} ids are given more than once"
        faults.append(Fault(what, "Make them unique.", source=source, column=layer.key, rows=rows))
    units = layer is schema.CUSTOMERS and (frame["units"] < 1).to_numpy()
    if np.any(units):
        rows = tuple(frame[layer.key].astype(str)[units])
        faults.append(Fault("units below 1", "Give at least one home.", source=source, column="units", rows=rows))
    return frame


def _geometry(frame: gpd.GeoDataFrame, layer: schema.Layer) -> np.ndarray:
    """Return flat geometry of the layer's types; None where there is none to be used."""
    shapes = np.array(shapely.force_2d(frame.geometry.to_numpy()), object)
    kind = shapely.get_type_id(shapes)
    single = (kind == 4) & (shapely.get_num_geometries(shapes) == 1)
    shapes[single] = shapely.get_geometry(shapes[single], 0)
    if layer is schema.CUSTOMERS:
        area = np.isin(kind, (3, 6))
        shapes[area] = shapely.point_on_surface(shapes[area])
    kind = shapely.get_type_id(shapes)
    wanted = {"LineString": 1, "MultiLineString": 5, "Point": 0, "Polygon": 0, "MultiPolygon": 0}
    known = np.isin(kind, [wanted[name] for name in layer.geometry])
    bounds = shapely.bounds(shapes)
    usable = known & ~shapely.is_empty(shapes) & np.isfinite(bounds).all(axis=1)
    if layer is schema.CUSTOMERS:
        usable &= ~(bounds[:, :2] == 0).all(axis=1)
    shapes[~usable] = None
    return shapes


def _check_roles(frame: gpd.GeoDataFrame, source: str, faults: list[Fault]) -> None:
    line = np.isin(shapely.get_type_id(frame.geometry.to_numpy()), LINES)
    for which, known in ((line, schema.LINE_ROLES), (~line & frame.geometry.notna().to_numpy(), schema.POINT_ROLES)):
        strange = which & ~frame["role"].isin(known).to_numpy()
        if strange.any():
            rows = tuple(frame["backbone_id"].astype(str)[strange])
            cure = f"Known here are {', '.join(known)}."
            faults.append(Fault("the role is not known", cure, source=source, column="role", rows=rows))


def _swapped(frames: dict[schema.Layer, gpd.GeoDataFrame]) -> list[Fault]:
    """Find a layer whose latitude and longitude are the other way round, by where the others lie."""
    try:
        boxes = {layer: project(frame, LONLAT).total_bounds for layer, frame in frames.items()}
    except CrsError as error:
        return list(error.faults)
    faults = []
    for layer, box in boxes.items():
        others = [other for each, other in boxes.items() if each is not layer]
        if any(_far(box, other) and not _far(box[[1, 0, 3, 2]], other) for other in others):
            what = "latitude and longitude are swapped: the other layers lie where these would lie the other way round"
            where = str(frames[layer].attrs.get("source", layer.name))
            near = [other for other in others if not _far(box[[1, 0, 3, 2]], other)]
            if len(near) * 2 >= len(others):
                faults.append(Fault(what, "Swap the coordinates.", source=where))
    return faults


def _far(one: np.ndarray, other: np.ndarray) -> bool:
    gap = np.maximum(np.maximum(one[:2] - other[2:], other[:2] - one[2:]), 0)
    return bool(gap.max() > 1)


def _sorted(frame: gpd.GeoDataFrame, layer: schema.Layer) -> gpd.GeoDataFrame:
    return frame.sort_values(layer.key, kind="stable").reset_index(drop=True)
