"""Outlines of buildings as arrays, against the polygons that shapely draws of them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lastmile_net.read.osm.outlines import NO_OUTLINE, Outlines, Shapes

STEP = 1e-5
corner = st.tuples(st.integers(-6, 6), st.integers(-6, 6))
ring = st.lists(corner, min_size=3, max_size=9).filter(lambda corners: all(a != b for a, b in pairwise(corners)))
rings = st.lists(ring.filter(lambda corners: corners[0] != corners[-1]), min_size=1, max_size=6)
places = st.tuples(st.integers(-1700, 1700), st.integers(-800, 800))


def drawn(corners: list[list[tuple[int, int]]], at: tuple[int, int]) -> tuple[Outlines, np.ndarray]:
    """Return outlines of houses around a place, and the same as polygons."""
    closed = [np.array([*each, each[0]]) * STEP + np.array(at) / 10 for each in corners]
    begin = np.append(0, np.cumsum([len(each) for each in closed]))
    return Outlines(np.concatenate(closed), begin), np.array([shapely.Polygon(each) for each in closed], dtype=object)


def enclosed(polygon: shapely.Polygon) -> shapely.Geometry:
    """Return all that walls enclose, however they cross, and the walls themselves."""
    walls = shapely.unary_union(shapely.LineString(shapely.get_coordinates(polygon)))
    return shapely.GeometryCollection([walls, shapely.polygonize([walls])])


@settings(max_examples=200, deadline=None)
@example([[(1, 0), (1, 1), (1, 0), (0, 0)]], (0, 0))  # all walls twice: no area, and a centre beside the walls
@given(rings, places)
def test_centres_lie_inside(corners: list[list[tuple[int, int]]], at: tuple[int, int]) -> None:
    """A drop ends at the centre of the house, or inside of it where the centre is in the garden; crossed walls, too."""
    outlines, polygons = drawn(corners, at)
    centroids = shapely.centroid(polygons)
    inside = shapely.is_valid(polygons) & shapely.contains_properly(polygons, centroids)
    found = shapely.points(outlines.centres())
    assert shapely.equals(found, centroids)[inside].all()
    outside = [shapely.distance(enclosed(each), point) for each, point in zip(polygons, found, strict=True)]
    assert max(outside) < STEP / 1000


@settings(max_examples=100, deadline=None)
@given(rings, places)
def test_boxes_and_polygons(corners: list[list[tuple[int, int]]], at: tuple[int, int]) -> None:
    """Each outline keeps its own corners, whichever of them are asked for, in whatever order."""
    outlines, polygons = drawn(corners, at)
    assert np.array_equal(outlines.boxes(), shapely.bounds(polygons))
    back = np.arange(len(polygons))[::-1]
    assert shapely.equals_exact(outlines.polygons(back), polygons[back]).all()


@settings(max_examples=200, deadline=None)
@given(
    rings, places, st.lists(st.tuples(st.integers(-400, 400), st.integers(-400, 400)), max_size=5), st.integers(1, 80)
)
def test_no_house_with_an_address_is_passed_over(
    corners: list[list[tuple[int, int]]], at: tuple[int, int], where: list[tuple[int, int]], scale: int
) -> None:
    """Houses are asked for addresses only where there is one near; a large house spans many cells of the search."""
    large = [[(x * scale, y * scale) for x, y in each] for each in corners]
    outlines, polygons = drawn(large, at)
    lonlat = np.array(where, dtype=float).reshape(-1, 2) * STEP + np.array(at) / 10
    rows = np.arange(len(polygons))
    half = Shapes(
        np.where(rows % 2 == 0, polygons, None), np.where(rows % 2 == 0, NO_OUTLINE, rows), outlines
    )  # some of them drawn already, as those are that are mapped as relations
    near = set(half.near(lonlat, rows).tolist())
    holding, _ = shapely.STRtree(shapely.points(lonlat)).query(polygons, predicate="intersects")
    assert set(holding.tolist()) <= near


def test_nothing_is_no_trouble() -> None:
    """An extract without any building has no outline; none of the questions about them may fail."""
    shapes = Shapes.of(np.empty(0, dtype=object))
    assert len(Outlines.none()) == len(Outlines.none().boxes()) == len(Outlines.none().centres()) == 0
    assert len(shapes.points()) == len(shapes.near(np.empty((0, 2)), np.empty(0, np.int64))) == 0
