"""Streets and existing lines become one graph: joined where they meet, and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, MultiLineString, Point

from lastmile_net.errors import CrsError
from lastmile_net.network import build_network, find_taps
from lastmile_net.network.network import BACKBONE, CONNECTOR, STREET
from lastmile_net.network.split import split

if TYPE_CHECKING:
    from collections.abc import Callable

    import geopandas as gpd

    from lastmile_net.network import StreetNetwork

    Draw = Callable[..., gpd.GeoDataFrame]

E0, N0 = 500_000.0, 5_400_000.0
FAR = Point(E0 - 5_000, N0)


def line(*places: tuple[float, float]) -> LineString:
    """Return a line of the drawing."""
    return LineString([(E0 + x, N0 + y) for x, y in places])


def pieces(network: StreetNetwork, kind: int = STREET) -> list[tuple[str, float]]:
    """Return name and length of the pieces of a kind."""
    rows = np.flatnonzero(network.kind == kind)
    return sorted((str(network.street_id[row]), round(float(network.length_m[row]), 3)) for row in rows)


def parts(network: StreetNetwork) -> int:
    """Count components that hold a street, with networkx for an oracle."""
    graph = nx.MultiGraph(zip(network.tail.tolist(), network.head.tolist(), strict=True))
    return nx.number_connected_components(graph)


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (line((50, 0), (50, 80)), [("a", 50.0), ("a", 50.0), ("b", 80.0)]),
        (line((50, -40), (50, 40)), [("a", 50.0), ("a", 50.0), ("b", 40.0), ("b", 40.0)]),
        (line((100, 0), (100, 30)), [("a", 100.0), ("b", 30.0)]),
        (line((50, 0.004), (50, 80)), [("a", 50.0), ("a", 50.0), ("b", 80.0)]),
        (line((50, 1), (50, 80)), [("a", 100.0), ("b", 79.0)]),
    ],
    ids=["ends on it", "crosses it", "meets its end", "ends within the welding distance", "ends a metre off"],
)
def test_streets_are_cut_where_they_meet(
    other: LineString, expected: list[tuple[str, float]], streets: Draw, backbone: Draw
) -> None:
    """Files rarely have a node at each crossing; without it a town falls apart, with too many it joins what is not."""
    network = build_network(streets({"a": line((0, 0), (100, 0)), "b": other}), backbone({"k": FAR}))
    found = pieces(network)
    assert [name for name, _ in found] == [name for name, _ in expected]
    assert [length for _, length in found] == pytest.approx([length for _, length in expected], abs=0.01)


@pytest.mark.parametrize(("column", "value"), [("bridge", "yes"), ("tunnel", "yes"), ("layer", "1"), ("bridge", "no")])
def test_levels_cross_without_a_node(column: str, value: str, streets: Draw, backbone: Draw) -> None:
    """From a bridge nobody gets down to the street beneath; `no` is no bridge."""
    ways = {"a": line((0, 0), (100, 0)), "b": line((50, -40), (50, 40))}
    network = build_network(streets(ways, **{column: [None, value]}), backbone({"k": FAR}))
    assert parts(network) == (1 if value == "no" else 2)


def test_parallels_stay_and_repeats_go(streets: Draw, backbone: Draw) -> None:
    """Two ways around a block are two; one way that is given twice, whichever way round, is one."""
    ways = {
        "a": line((0, 0), (100, 0)),
        "again": line((100, 0), (0, 0)),
        "around": line((0, 0), (50, 30), (100, 0)),
        "loop": line((100, 0), (120, 0), (120, 20), (100, 0)),
    }
    network = build_network(streets(ways), backbone({"k": FAR}))
    assert [name for name, _ in pieces(network)] == ["a", "around", "loop"]
    between = (network.tail != network.head) & (network.kind == STREET)
    assert len({frozenset(ends) for ends in zip(network.tail[between], network.head[between], strict=True)}) == 1


def test_lines_without_length_are_nothing(streets: Draw, backbone: Draw) -> None:
    """A repeated vertex, or a way of one place, must give no edge of no length."""
    ways = {"a": line((0, 0), (50, 0), (50, 0), (100, 0)), "dot": line((10, 5), (10, 5))}
    network = build_network(streets(ways), backbone({"k": FAR}))
    assert pieces(network) == [("a", 100.0)]


def test_islands_are_kept_and_labelled(streets: Draw, backbone: Draw) -> None:
    """A street that hangs on nothing has customers, too; the largest component is number 0."""
    ways = {"a": line((0, 0), (100, 0)), "b": line((100, 0), (200, 0)), "island": line((0, 900), (90, 900))}
    network = build_network(streets(ways), backbone({"k": FAR}))
    component = dict(zip(network.street_id, network.component[network.tail], strict=True))
    assert component["a"] == component["b"] == 0
    assert component["island"] != 0


def test_parts_of_a_way_are_pieces_of_it(streets: Draw, backbone: Draw) -> None:
    """A multi-line is one street of several pieces."""
    way = MultiLineString([line((0, 0), (50, 0)), line((60, 0), (100, 0))])
    assert pieces(build_network(streets({"a": way}), backbone({"k": FAR}))) == [("a", 40.0), ("a", 50.0)]


@pytest.mark.parametrize(("beside_m", "tied"), [(0.0, True), (14.9, True), (15.0, True), (15.1, False)])
def test_line_beside_a_street_is_reached_by_connectors(
    beside_m: float, tied: bool, streets: Draw, backbone: Draw
) -> None:
    """A duct along a street can be used from it within `connector_m`, inclusive; on the street they share nodes."""
    ways = streets({"a": line((0, 0), (300, 0))})
    lines = backbone({"d": line((100, beside_m), (200, beside_m))}, role="distribution")
    network = build_network(ways, lines, connector_m=15.0)
    assert (parts(network) == 1) == tied
    connectors = pieces(network, CONNECTOR)
    assert all(length == pytest.approx(beside_m) for _, length in connectors)
    assert bool(connectors) == (tied and beside_m > 0)
    assert sum(length for _, length in pieces(network, BACKBONE)) == pytest.approx(100)


def test_feeder_without_spare_capacity_is_not_tied(streets: Draw, backbone: Draw) -> None:
    """A feeder carries new customers only where it says how many."""
    ways = streets({"a": line((0, 0), (300, 0))})
    for spare, count in ((None, 2), (12, 1)):
        lines = backbone({"f": line((100, 5), (200, 5))}, role="feeder", units_free=[spare])
        assert parts(build_network(ways, lines)) == count


def test_taps_are_points_first_then_anywhere(streets: Draw, backbone: Draw) -> None:
    """Where there are cabinets one connects there; without any, all along distribution lines; poles are neither."""
    ways = streets({"a": line((0, 0), (300, 0))})
    shapes = {"d": line((100, 0), (200, 0)), "pole": Point(E0 + 50, N0), "k": Point(E0 + 200, N0)}
    roles = ["distribution", "pole", "cabinet"]
    allowed = ("cabinet", "distribution")
    network = build_network(ways, backbone(shapes, role=roles, ports_free=[None, None, 7]))
    points = find_taps(network, tap="auto", tap_roles=allowed)
    assert (points.access_point_id.tolist(), points.ports_free.tolist()) == (["k"], [7.0])
    assert not {"k"} ^ set(find_taps(network, tap="points", tap_roles=allowed).access_point_id)
    everywhere = find_taps(network, tap="anywhere", tap_roles=allowed)
    assert everywhere.access_point_id.tolist() == ["k", "d@0.00"]
    bare = build_network(ways, backbone({"d": shapes["d"], "pole": shapes["pole"]}, role=roles[:2]))
    assert find_taps(bare, tap="auto", tap_roles=allowed).access_point_id.tolist() == ["d@0.00", "d@100.00"]


@settings(deadline=None, max_examples=40)
@given(cuts=st.lists(st.floats(0, 150), max_size=8))
def test_splitting_keeps_length(cuts: list[float]) -> None:
    """Whatever the cuts, and in whatever order they come, no metre is lost or dug twice."""
    import geopandas as gpd

    from lastmile_net import schema
    from lastmile_net.read.files import read_layer

    ways = gpd.GeoDataFrame({"street_id": ["a"]}, geometry=[line((0, 0), (100, 0), (100, 50))], crs=25832)
    stands = gpd.GeoDataFrame({"backbone_id": ["k"]}, geometry=[FAR], crs=25832)
    network = build_network(read_layer(ways, schema.STREETS), read_layer(stands, schema.BACKBONE))
    found, node = split(network, np.zeros(len(cuts), np.int64), np.array(cuts))
    assert found.length_m.sum() == pytest.approx(150, abs=0.01)
    assert (found.length_m > 0).all()
    where = [found.geometry[0].coords[0], *(piece.coords[-1] for piece in found.geometry)]
    assert {(found.x[each], found.y[each]) for each in node} <= set(where)


@pytest.mark.parametrize(("crs", "what"), [(4326, "degrees"), (3857, "map of the world"), (2263, "foot")])
def test_what_is_not_metric_is_refused(streets: Draw, backbone: Draw, crs: int, what: str) -> None:
    """Lengths in degrees are no lengths, and metres of a map of the world are half as long again."""
    ways, lines = streets({"a": line((0, 0), (100, 0))}), backbone({"k": FAR})
    with pytest.raises(CrsError, match=what):
        build_network(ways.to_crs(crs), lines.to_crs(crs))
    with pytest.raises(CrsError, match="not in one CRS"):
        build_network(ways, lines.to_crs(25833))
