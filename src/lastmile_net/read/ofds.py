"""Networks in the Open Fibre Data Standard: nodes and spans, in JSON or GeoJSON, as one table."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.errors import GEOSException

from lastmile_net.crs import LONLAT
from lastmile_net.errors import DataError, Fault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lastmile_net.read.sources import Place

Json = dict[str, Any]
NODE_TYPES = ("pop", "exchange", "dataCentre", "cabinet", "aggregationPoint")
"""Codes of `nodeType` that say where customers can be connected, the first that a node carries counts."""
COLUMNS = (
    "uid",
    "kind",
    "function",
    "id",
    "name",
    "status",
    "network",
    "start",
    "end",
    "type",
    "deployment",
    "supportingInfrastructure",
    "accessPoint",
    "spareCapacity",
    "darkFibre",
    "fibreCount",
)


def read_ofds(place: Place) -> gpd.GeoDataFrame:
    """
    Read one or several OFDS networks, of version 0.1 or later.

    Parameters
    ----------
    place
        A package, a network, or a GeoJSON file of nodes, of spans or of both; or a folder with such files.

    Returns
    -------
    table
        A row for each node and span, in EPSG:4326; `uid` names it, `function` says what it is: for a node the
        code of its type, `accessPoint`, `junction` or `otherNode`; for a span `aerial`, `spareDuct` or `span`.

    Raises
    ------
    DataError
        If a file is no JSON, or none of them holds a node or a span.
    """
    rows = [row for path in _files(place.path) for row in _rows(_load(path), str(path))]
    if not rows:
        cure = "Name a network package, a network, or nodes and spans as GeoJSON; or a folder with them."
        raise DataError([Fault("holds no node or span of the Open Fibre Data Standard", cure, str(place))])
    for row, uid in zip(rows, _uids(rows), strict=True):
        row["uid"] = uid
    geometry = np.array([row.pop("geometry") for row in rows], dtype=object)
    table = pd.DataFrame({name: pd.Series([row.get(name) for row in rows], dtype=object) for name in COLUMNS})
    return gpd.GeoDataFrame(table, geometry=geometry, crs=LONLAT)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return sorted(each for each in path.iterdir() if each.suffix.lower() in (".json", ".geojson"))


def _load(path: Path) -> object:
    try:
        return json.loads(path.read_bytes().decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        cure = "Check that the file is whole."
        raise DataError([Fault(f"cannot be read as JSON: {error}", cure, str(path))]) from error


def _rows(data: object, source: str) -> Iterator[Json]:
    """Rows of a package, a network, a list of them, or a collection of features."""
    if isinstance(data, list):
        for each in data:
            yield from _rows(each, source)
    if not isinstance(data, dict):
        return
    if isinstance(data.get("networks"), list):
        yield from _rows(data["networks"], source)
    elif isinstance(data.get("features"), list):
        for feature in _objects(data["features"]):
            cells = _object(feature.get("properties"))
            yield _row(
                cells, _shape(feature.get("geometry")), str(cells.get("featureType", "")), _object(cells.get("network"))
            )
    else:
        for kind, key in (("node", "location"), ("span", "route")):
            for cells in _objects(data.get(f"{kind}s")):
                yield _row(cells, _shape(cells.get(key)), kind, data)


def _objects(value: object) -> list[Json]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _shape(value: object) -> shapely.Geometry | None:
    if not isinstance(value, dict):
        return None
    try:
        return shapely.from_geojson(json.dumps(value))
    except (GEOSException, ValueError):
        return None


def _row(cells: Json, shape: shapely.Geometry | None, kind: str, network: Json) -> Json:
    if kind not in ("node", "span"):
        kind = "node" if shape is None or shapely.get_type_id(shape) == 0 else "span"
    support = cells.get("supportingInfrastructure")
    spare = _object(support).get("spareCapacity")
    row = {
        "kind": kind,
        "id": _text(cells.get("id")),
        "name": _text(cells.get("name")),
        "status": _text(cells.get("status")),
        "network": _text(network.get("name") or network.get("id")),
        "start": _text(_object(cells.get("start")).get("id") or cells.get("start")),
        "end": _text(_object(cells.get("end")).get("id") or cells.get("end")),
        "type": ";".join(_texts(cells.get("type"))) or None,
        "deployment": ";".join(_texts(cells.get("deployment"))) or None,
        "supportingInfrastructure": _text(_object(support).get("type")),
        "accessPoint": cells.get("accessPoint") if isinstance(cells.get("accessPoint"), bool) else None,
        "spareCapacity": spare if isinstance(spare, bool) else None,
        "darkFibre": cells.get("darkFibre") if isinstance(cells.get("darkFibre"), bool) else None,
        "fibreCount": cells.get("fibreCount") if isinstance(cells.get("fibreCount"), int) else None,
        "geometry": shape,
    }
    row["function"] = _node_function(row) if kind == "node" else _span_function(row)
    return row


def _text(value: object) -> str | None:
    return None if value is None or isinstance(value, (dict, list)) else str(value)


def _texts(value: object) -> list[str]:
    listed = value if isinstance(value, list) else [value]
    return [text for each in listed if (text := _text(each))]


def _node_function(row: Json) -> str:
    if row["accessPoint"] is False:
        return "junction"
    types = (row["type"] or "").split(";")
    known = [code for code in NODE_TYPES if code in types]
    if known:
        return known[0]
    return "accessPoint" if row["accessPoint"] else "otherNode" if row["type"] else "junction"


def _span_function(row: Json) -> str:
    if row["deployment"] == "aboveGround" or row["supportingInfrastructure"] in ("pole", "pylon"):
        return "aerial"
    return "spareDuct" if row["spareCapacity"] and row["supportingInfrastructure"] == "duct" else "span"


def _uids(rows: list[Json]) -> list[str | None]:
    """Name rows by their ids; where a node and a span, or two networks, share one, by kind and network, too."""
    plain = Counter(row["id"] for row in rows)
    kinds = Counter((row["kind"], row["id"]) for row in rows)
    return [
        None
        if row["id"] is None
        else row["id"]
        if plain[row["id"]] == 1
        else f"{row['kind']}-{row['id']}"
        if kinds[row["kind"], row["id"]] == 1
        else f"{row['network']}/{row['kind']}-{row['id']}"
        for row in rows
    ]
