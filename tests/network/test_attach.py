"""Candidate drops: on different streets, the one of the address first, and no island where there is a mainland."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from shapely import LineString, Point

from lastmile_net.errors import CrsError
from lastmile_net.network import DropRules, attach, build_network, candidates
from lastmile_net.network.network import BACKBONE

if TYPE_CHECKING:
    from collections.abc import Callable

    import geopandas as gpd

    Draw = Callable[..., gpd.GeoDataFrame]

E0, N0 = 500_000.0, 5_400_000.0
FAR = Point(E0 - 5_000, N0)


def line(*places: tuple[float, float]) -> LineString:
    """Return a line of the drawing."""
    return LineString([(E0 + x, N0 + y) for x, y in places])


def at(x: float, y: float) -> Point:
    """Return a place of the drawing."""
    return Point(E0 + x, N0 + y)


@pytest.fixture
def corner(streets: Draw, backbone: Draw) -> gpd.GeoDataFrame:
    """Return Hauptstraße along the x-axis, Side Street up from (100, 0), and Back Lane at y = 60."""
    ways = {"m": line((0, 0), (300, 0)), "s": line((100, 0), (100, 60)), "b": line((0, 60), (300, 60))}
    return build_network(streets(ways, name=["Hauptstraße", "Side Street", "Back Lane"]), backbone({"k": FAR}))


def test_the_street_of_the_address_comes_first(corner: object, customers: Draw) -> None:
    """A corner plot is nearer to the wrong street; its address says which is the right one."""
    here = customers({"a": at(105, 20)}, street=["HAUPTSTR."])
    _, drops = attach(corner, here, rules=DropRules())
    assert drops["street_id"].tolist() == ["m", "s", "b"]
    assert drops["drop_m"].tolist() == pytest.approx([20, 5, 40])


def test_long_drops_find_the_same_step_by_step(
    streets: Draw, backbone: Draw, customers: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Houses by chance, some of whose streets lie 3 km off, an island, a line: looking ever farther misses nobody."""
    rng = np.random.default_rng(5)
    ways = {}
    for i, (x, y, turn) in enumerate(zip(*rng.uniform(0, 4_000, (2, 40)), rng.uniform(0, 3, 40), strict=True)):
        ways[f"w{i}"] = line((x, y), (x + 200 * np.cos(turn), y + 200 * np.sin(turn)))
    names = [f"Street {i % 25}" if i % 3 else None for i in range(40)]
    lines = backbone({"k": FAR, "l": line((0, 0), (500, 0))}, role=["cabinet", "distribution"])
    network = build_network(streets(ways, name=names), lines)
    places = {f"c{i}": at(*place) for i, place in enumerate(rng.uniform(-500, 4_500, (60, 2)))}
    here = customers(places, street=[f"Street {i % 30}" if i % 4 else None for i in range(60)])
    tied = rng.random(len(network.tail)) < 0.7
    found = []
    for at_once_m in (50.0, 1e9):
        monkeypatch.setattr(candidates, "AT_ONCE_M", at_once_m)
        found.append(attach(network, here, rules=DropRules(max_drop_m=3_500.0), tied=tied)[1])
    assert len(found[0]) > 180
    assert_frame_equal(pd.DataFrame(found[0]), pd.DataFrame(found[1]))


def test_at_most_so_many_and_never_beyond_the_limit(corner: object, customers: Draw) -> None:
    """Three candidates by default, on different streets; the limit counts inclusively."""
    here = customers({"a": at(105, 20)})
    _, drops = attach(corner, here, rules=DropRules(candidates=2))
    assert drops["street_id"].tolist() == ["s", "m"]
    _, drops = attach(corner, here, rules=DropRules(max_drop_m=20.0))
    assert drops["street_id"].tolist() == ["s", "m"]
    _, drops = attach(corner, here, rules=DropRules(max_drop_m=19.99))
    assert drops["street_id"].tolist() == ["s"]


def test_an_island_counts_only_where_nothing_else_is(streets: Draw, backbone: Draw, customers: Draw) -> None:
    """A house between an island and the mainland is served from the mainland, and ties nothing in."""
    ways = streets({"main": line((0, 0), (300, 0)), "island": line((0, 60), (300, 60))})
    network = build_network(ways, backbone({"k": FAR}))
    tied = network.street_id == "main"
    here = customers({"both": at(100, 50), "lost": at(100, 110)})
    _, drops = attach(network, here, rules=DropRules(), tied=tied)
    assert list(zip(drops["customer_id"], drops["street_id"], strict=True)) == [("both", "main"), ("lost", "island")]


def test_a_line_nearby_is_one_more_candidate(streets: Draw, backbone: Draw, customers: Draw) -> None:
    """Where the network itself passes, the drop goes straight onto it."""
    network = build_network(
        streets({"m": line((0, 0), (300, 0))}), backbone({"d": line((0, 30), (300, 30))}, role="distribution")
    )
    _, drops = attach(network, customers({"a": at(100, 25)}), rules=DropRules(candidates=1))
    assert drops["street_id"].tolist() == ["m", "d"]
    assert (drops["kind"] == BACKBONE).tolist() == [False, True]


def test_edges_are_split_once_for_many_customers(corner: object, customers: Draw) -> None:
    """Several houses on one edge, two at one spot, one at its end: sorted cuts, each place one node, no metre lost."""
    places = {"a": at(250, 5), "b": at(150, 5), "c": at(150, -5), "d": at(300, 5), "e": at(150, 5)}
    before = corner.length_m.sum()  # type: ignore[attr-defined]
    network, drops = attach(corner, customers(places), rules=DropRules(candidates=1))
    assert network.length_m.sum() == pytest.approx(before)
    node = dict(zip(drops["customer_id"], drops["node"], strict=True))
    assert node["b"] == node["c"] == node["e"]
    assert len(set(node.values())) == 3
    ends = np.column_stack([network.x[drops["node"]], network.y[drops["node"]]])
    starts = np.array([shape.coords[0] for shape in drops.geometry])
    assert np.allclose(ends, starts, atol=0.002)


def test_a_barrier_parts_house_and_street(corner: object, customers: Draw, streets: Draw) -> None:
    """No drop crosses a river, however near the street on the other bank is."""
    river = streets({"river": line((-100, 10), (400, 10))})
    _, drops = attach(corner, customers({"a": at(150, 20)}), rules=DropRules(), barriers=river)
    assert "m" not in set(drops["street_id"])
    assert "b" in set(drops["street_id"])


def test_the_order_of_rows_changes_nothing(corner: object, customers: Draw) -> None:
    """Ids decide ties, so that a file sorted otherwise gives the same candidates."""
    places = {"a": at(105, 20), "b": at(100, 30), "c": at(200, 30)}
    _, one = attach(corner, customers(places), rules=DropRules())
    _, other = attach(corner, customers(dict(reversed(places.items()))), rules=DropRules())
    assert one.drop(columns="geometry").equals(other.drop(columns="geometry"))


def test_another_crs_is_refused(corner: object, customers: Draw) -> None:
    """Distances between two CRS are nonsense."""
    with pytest.raises(CrsError):
        attach(corner, customers({"a": at(105, 20)}).to_crs(25833), rules=DropRules())
