"""What tags mean: the rules that both readers share."""

from __future__ import annotations

import pytest

from lastmile_net.read.osm import tags
from lastmile_net.read.osm.columns import Tags


@pytest.mark.parametrize(
    ("housenumber", "homes"),
    [
        ("7", 1),
        ("7a", 1),
        ("3-5", 2),
        ("2-8", 4),
        ("3-4", 2),
        ("1,3", 2),
        ("1;3;5", 3),
        ("1, 5-9", 4),
        ("3a-3c", 3),
        ("3a-c", 3),
        ("5-3", 1),
        ("12-345", 1),
        ("10/2", 1),
        ("s/n", 1),
        ("", 0),
        (",", 0),
        ("99999999999-99999999999999", 1),
    ],
)
def test_count_numbers(housenumber: str, homes: int) -> None:
    """Ranges and lists stand for several homes; compound numbers and typing errors must not."""
    assert tags.count_numbers(housenumber) == homes


@pytest.mark.parametrize(
    ("told", "homes"),
    [
        ({"building:flats": "12"}, 12),
        ({"building:flats": "0"}, 1),
        ({"building:flats": "many"}, 1),
        ({"building:flats": "99999"}, 1),
        ({"building:flats": "²"}, 1),
        ({"addr:flats": "1-4"}, 4),
        ({"addr:flats": "1-4;7"}, 5),
        ({"addr:flats": "1;2;2a"}, 3),
        ({"addr:flats": "8"}, 8),
        ({"building:flats": "6", "addr:housenumber": "3-5"}, 6),
        ({}, 1),
    ],
)
def test_units_of(told: dict[str, str], homes: int) -> None:
    """Flats that are told win over house numbers, nonsense never counts, and nobody has no home."""
    assert tags.units_of(Tags.of([{}, told])).tolist() == [1, homes]


@pytest.mark.parametrize(
    ("told", "role"),
    [
        ({"telecom": "exchange"}, "pop"),
        ({"telecom": "central_office"}, "pop"),
        ({"man_made": "street_cabinet"}, "cabinet"),
        ({"man_made": "street_cabinet", "street_cabinet": "telecom"}, "cabinet"),
        ({"man_made": "street_cabinet", "street_cabinet": "power"}, None),
        ({"man_made": "street_cabinet", "street_cabinet": "postal_service"}, None),
        ({"man_made": "utility_pole"}, "pole"),
        ({"power": "pole"}, "pole"),
        ({"telecom": "distribution_point"}, "closure"),
        ({"manhole": "telecom"}, "handhole"),
        ({"telecom": "antenna"}, None),
        ({"power": "tower"}, None),
    ],
)
def test_point_role(told: dict[str, str], role: str | None) -> None:
    """A power company's cabinet taken for a tap would plan homes onto nothing."""
    assert tags.point_role(Tags.of([told, {}])).tolist() == [role, None]


def test_line_role_promises_nothing() -> None:
    """A mapped line is no tap and has no spare fibres, unless somebody says so."""
    lines = [{"communication": "line"}, {"communication": "line", "location": "overhead"}, {"power": "line"}]
    assert tags.line_role(Tags.of(lines)).tolist() == ["feeder", "aerial", None]


@pytest.mark.parametrize("highway", ["service", "track", "residential", "living_street", "pedestrian", "road"])
def test_gap_streets_are_kept(highway: str) -> None:
    """Gap customers live on service roads, tracks and private ways."""
    told = [{"highway": highway, "access": "private"}, {"highway": highway, "area": "yes"}]
    assert tags.is_street(Tags.of(told)).tolist() == [True, False]


@pytest.mark.parametrize("highway", ["motorway", "motorway_link", "footway", "steps", "proposed", "construction"])
def test_undiggable_ways_are_left(highway: str) -> None:
    """Nobody lays a drop along a motorway or down a flight of steps."""
    assert not tags.is_street(Tags.of([{"highway": highway}])).any()
