"""A `StreetNetwork` as a networkx graph, in the attribute names of osmnx; and osmnx's graphs as layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from lastmile_net.errors import CrsError, Fault
from lastmile_net.network.network import BACKBONE
from lastmile_net.schema import EDGE_KINDS

if TYPE_CHECKING:
    import networkx as nx

    from lastmile_net.network.network import StreetNetwork


def to_networkx(network: StreetNetwork) -> nx.MultiGraph[int]:
    """
    Return an undirected multigraph with the attribute names that osmnx uses.

    Parameters
    ----------
    network
        Streets and existing lines.

    Returns
    -------
    graph
        `graph["crs"]`; nodes with `x`, `y`, `component`; edges with `length` (metres), `kind`, `osmid`, `name`,
        `highway`, `geometry`.
    """
    import networkx as nx  # who only plans need not wait for it

    graph: nx.MultiGraph[int] = nx.MultiGraph(crs=network.crs)
    spots = zip(network.x.tolist(), network.y.tolist(), network.component.tolist(), strict=True)
    graph.add_nodes_from((node, {"x": x, "y": y, "component": part}) for node, (x, y, part) in enumerate(spots))
    street = np.where(network.kind == BACKBONE, -1, network.source)
    columns = {name: np.r_[network.streets[name].to_numpy(object), [None]][street] for name in ("name", "highway")}
    rows = zip(
        network.tail.tolist(),
        network.head.tolist(),
        network.length_m.tolist(),
        (EDGE_KINDS[kind] for kind in network.kind),
        network.street_id,
        columns["name"],
        columns["highway"],
        network.geometry,
        strict=True,
    )
    names = ("length", "kind", "osmid", "name", "highway", "geometry")
    graph.add_edges_from((tail, head, dict(zip(names, values, strict=True))) for tail, head, *values in rows)
    return graph


def from_networkx(graph: nx.Graph[object]) -> gpd.GeoDataFrame:
    """
    Take the streets out of a graph such as osmnx makes.

    Parameters
    ----------
    graph
        Nodes with `x` and `y`; `graph["crs"]`; edges with `geometry` or a straight line, `osmid`, `name`, `highway`.

    Returns
    -------
    streets
        One row per physical piece: the two directions of a street are one.

    Raises
    ------
    CrsError
        If the graph names no CRS.
    """
    if not graph.graph.get("crs"):
        raise CrsError([Fault("the graph names no CRS", "Set graph.graph['crs'].", source="graph")])
    rows = []
    for tail, head, data in graph.edges(data=True):
        ends = [(graph.nodes[node]["x"], graph.nodes[node]["y"]) for node in (tail, head)]
        line = data.get("geometry") or shapely.LineString(ends)
        rows.append({name: _text(data.get(name)) for name in ("osmid", "name", "highway", *_TAGS)} | {"geometry": line})
    columns = ["osmid", "name", "highway", *_TAGS, "geometry"]
    table = pd.DataFrame(rows, columns=columns).rename(columns={"osmid": "street_id"})
    shape = shapely.to_wkb(shapely.normalize(np.array(table["geometry"], object)))
    table = table[~pd.Series(shape).duplicated().to_numpy()]
    number = table.groupby("street_id", dropna=False).cumcount()
    table["street_id"] = table["street_id"].fillna("way") + np.where(number > 0, "-" + number.astype(str), "")
    return gpd.GeoDataFrame(table.reset_index(drop=True), geometry="geometry", crs=graph.graph["crs"])


_TAGS = ("surface", "bridge", "tunnel", "layer")


def _text(value: object) -> str | None:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return None
    if isinstance(value, (list, tuple, set)):
        return ";".join(sorted(map(str, value)))
    return str(value)
