"""The network as osmnx has it, and graphs of osmnx as streets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import networkx as nx
import osmnx
import pytest
from shapely import LineString, Point

import lastmile_net as lm

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import geopandas as gpd

    Draw = Callable[..., gpd.GeoDataFrame]

E0, N0 = 500_000.0, 5_400_000.0
OSM = """<osm version="0.6">
<node id="1" lat="49.5" lon="11.28"/><node id="2" lat="49.5" lon="11.281"/><node id="3" lat="49.5005" lon="11.281"/>
<node id="4" lat="49.5" lon="11.283"/><node id="5" lat="49.501" lon="11.282"/>
<way id="10"><nd ref="1"/><nd ref="2"/><nd ref="4"/><tag k="highway" v="residential"/><tag k="name" v="Main"/></way>
<way id="11"><nd ref="2"/><nd ref="3"/><nd ref="5"/><nd ref="4"/><tag k="highway" v="residential"/></way>
<way id="12"><nd ref="5"/><nd ref="1"/><tag k="highway" v="service"/><tag k="oneway" v="yes"/></way>
</osm>"""


def test_graph_of_osmnx_gives_each_street_once(tmp_path: Path) -> None:
    """It has an edge for each direction, and lists where it has joined ways: no metre may be there twice."""
    (tmp_path / "town.osm").write_text(OSM, encoding="utf-8")
    graph = osmnx.graph_from_xml(tmp_path / "town.osm", retain_all=True)
    streets = lm.from_networkx(graph)
    undirected = osmnx.convert.to_undirected(graph)
    assert streets["street_id"].is_unique
    assert set(streets["name"].dropna()) == {"Main"}
    metres = sum(length for *_, length in undirected.edges(data="length"))
    assert streets.to_crs(streets.estimate_utm_crs()).length.sum() == pytest.approx(metres, rel=0.005)


def test_network_goes_out_as_a_multigraph(streets: Draw, backbone: Draw) -> None:
    """Others work on with the names of osmnx: parallels, lengths, shapes and the CRS must arrive, and come back."""
    ways = {
        "a": LineString([(E0, N0), (E0 + 100, N0)]),
        "around": LineString([(E0, N0), (E0 + 50, N0 + 30), (E0 + 100, N0)]),
        "b": LineString([(E0 + 100, N0), (E0 + 300, N0)]),
    }
    network = lm.build_network(streets(ways, name=["A", "B", "C"]), backbone({"k": Point(E0, N0)}, role="cabinet"))
    graph = network.to_networkx()
    assert type(graph) is nx.MultiGraph
    assert graph.graph["crs"] == 25832
    assert graph.number_of_edges() == 3
    for tail, head, data in graph.edges(data=True):
        assert data["length"] == pytest.approx(data["geometry"].length)
        ends = {data["geometry"].coords[0], data["geometry"].coords[-1]}
        assert ends == {(graph.nodes[node]["x"], graph.nodes[node]["y"]) for node in (tail, head)}
    back = lm.from_networkx(graph)
    assert back.set_index("street_id").length.to_dict() == pytest.approx(
        {name: way.length for name, way in ways.items()}
    )
    assert back.crs == 25832


def test_graph_without_crs_is_refused() -> None:
    """Nobody knows where its numbers are."""
    with pytest.raises(lm.CrsError, match="names no CRS"):
        lm.from_networkx(nx.MultiGraph())
