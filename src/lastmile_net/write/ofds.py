"""A plan in the Open Fibre Data Standard: what is to be built is proposed, what it hangs on is operational."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import shapely

from lastmile_net.credit import osm_credit

if TYPE_CHECKING:
    from pathlib import Path

    import geopandas as gpd

    from lastmile_net.plan.result import Plan

Json = dict[str, Any]
SCHEMA = "https://standard.ofds.info/en/0__4__0/network-schema.json"
CRS84 = {"name": "urn:ogc:def:crs:OGC::CRS84", "uri": "http://www.opengis.net/def/crs/OGC/1.3/CRS84"}
DECIMALS = 7
"""Of degrees: a centimetre."""
M_PER_KM = 1000.0
_NODE_TYPE = {"pop": "pop", "cabinet": "cabinet", "splitter": "cabinet", "closure": "aggregationPoint"}


def ofds_network(plan: Plan, name: str = "Plan") -> Json:
    """
    Return a plan as one OFDS network of version 0.4.

    Nodes are the access points that are used, the premises that are planned, and the junctions between spans; spans
    are the trenches and drops, with status `proposed`, and the existing pieces they use, with status `operational`.

    Parameters
    ----------
    plan
        A plan, or one that has been read back.
    name
        Name of the network.

    Returns
    -------
    network
        A network of plain values. Its id follows from what is in it: the same plan has the same id. Its `description`,
        which the standard does not know, credits the source of the streets where they are from OpenStreetMap.

    References
    ----------
    Open Fibre Data Standard 0.4, https://standard.ofds.info/en/0__4__0/.
    """
    spans = [*_spans(plan.trenches, "trench_id", "proposed"), *_spans(plan.reused, "backbone_id", "operational")]
    network: Json = {"name": name, "nodes": _nodes(plan, spans), "spans": spans}
    network = {key: value for key, value in network.items() if value}
    content = json.dumps(network, sort_keys=True)
    credit = osm_credit(plan.streets)
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{SCHEMA}#{content}")),
        "links": [{"href": SCHEMA, "rel": "describedby"}],
        "crs": CRS84,
        **({"description": credit} if credit else {}),
        **network,
    }


def write_ofds(plan: Plan, folder: Path) -> None:
    """
    Write a plan as an OFDS package, and its nodes and spans as GeoJSON.

    Parameters
    ----------
    plan
        What to write.
    folder
        Folder that exists; `network-package.json`, `nodes.geojson` and `spans.geojson` are made in it.
    """
    network = ofds_network(plan)
    _write(folder / "network-package.json", {"networks": [network]})
    told = {key: network[key] for key in ("id", "name", "crs", "links")}
    nodes = {node["id"]: node for node in network.get("nodes", [])}
    for kind, place in (("node", "location"), ("span", "route")):
        features = [_feature(row, kind, place, told, nodes) for row in network.get(f"{kind}s", [])]
        credit = {key: network[key] for key in ("description",) if key in network}
        _write(folder / f"{kind}s.geojson", {"type": "FeatureCollection", **credit, "features": features})


def _write(path: Path, content: Json) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8", newline="\n")


def _feature(row: Json, kind: str, place: str, network: Json, nodes: dict[str, Json]) -> Json:
    cells = {key: value for key, value in row.items() if key != place}
    for end in ("start", "end"):
        if end in cells:
            cells[end] = {key: value for key, value in nodes[cells[end]].items() if key != "location"}
    return {
        "type": "Feature",
        "geometry": row[place],
        "properties": {**cells, "network": network, "featureType": kind},
    }


def _spans(table: gpd.GeoDataFrame, key: str, status: str) -> list[Json]:
    table = table.sort_values([key, "from_node", "to_node"], kind="stable")
    degrees = table.geometry.to_crs("EPSG:4326")
    rows = zip(table[key], table["from_node"], table["to_node"], table["length_m"], degrees, strict=True)
    spans: list[Json] = []
    for ident, start, end, length_m, line in rows:
        spans.append(
            {
                "id": str(ident) if status == "proposed" else f"{ident}/{start}-{end}",
                "status": status,
                "start": str(start),
                "end": str(end),
                "route": {"type": "LineString", "coordinates": _places(line)},
                "transmissionMedium": ["fibre"],
                "fibreLength": round(float(length_m) / M_PER_KM, 6),
            }
        )
    kinds = table.get("kind")
    if kinds is not None:
        for span, kind in zip(spans, kinds, strict=True):
            span |= {"name": str(kind), "deployment": ["belowGround"]}
    return spans


def _places(line: shapely.Geometry) -> list[list[float]]:
    return [[round(x, DECIMALS), round(y, DECIMALS)] for x, y in shapely.get_coordinates(line).tolist()]


def _nodes(plan: Plan, spans: list[Json]) -> list[Json]:
    """Return every end of a span once, with what stands there."""
    nodes: dict[str, Json] = {}
    for span in spans:
        for end, place in (("start", 0), ("end", -1)):
            location = {"type": "Point", "coordinates": span["route"]["coordinates"][place]}
            nodes.setdefault(span[end], {"id": span[end], "status": "proposed", "location": location})
    for span in spans:
        if span["status"] == "operational":
            for end in ("start", "end"):
                nodes[span[end]]["status"] = "operational"
    points = plan.access_points[plan.access_points["node"].astype(str).isin(nodes)].sort_values("access_point_id")
    columns = (
        points["access_point_id"],
        points["kind"],
        points["node"].astype(str),
        points.get("status", points["kind"]),
    )
    for name, kind, node, status in zip(*columns, strict=True):
        is_new = status == "proposed"
        nodes[node] |= {"name": str(name), "status": "planned" if is_new else "operational", "accessPoint": True}
        if kind in _NODE_TYPE:
            nodes[node]["type"] = [_NODE_TYPE[kind]]
    planned = plan.customers[plan.customers["outcome"] == "planned"]["customer_id"].astype(str)
    for customer in planned[planned.isin(nodes)]:
        nodes[customer] |= {"accessPoint": False, "supportingInfrastructure": {"type": "building"}}
    return [nodes[ident] for ident in sorted(nodes)]
