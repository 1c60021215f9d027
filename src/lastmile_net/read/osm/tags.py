"""What OpenStreetMap's tags mean to a planner: which objects matter, and how many homes an address has."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

STREET_CLASSES = frozenset(
    {
        "trunk",
        "trunk_link",
        "primary",
        "primary_link",
        "secondary",
        "secondary_link",
        "tertiary",
        "tertiary_link",
        "unclassified",
        "residential",
        "living_street",
        "pedestrian",
        "service",
        "track",
        "road",
    }
)
"""Values of `highway` along which one can dig. Motorways, foot and cycle paths are not among them."""

HOME_KINDS = frozenset(
    {
        "yes",
        "house",
        "residential",
        "detached",
        "semidetached_house",
        "terrace",
        "apartments",
        "bungalow",
        "cabin",
        "farm",
    }
)
"""Values of `building` in which people may live; `yes` says nothing else and counts as one."""

KEYS = (
    "highway",
    "building",
    "addr:housenumber",
    "addr:housename",
    "telecom",
    "communication",
    "man_made",
    "manhole",
    "power",
)
"""An object without any of these keys is no concern of ours."""

_POINT_ROLE = {
    ("telecom", "exchange"): "pop",
    ("telecom", "central_office"): "pop",
    ("telecom", "data_center"): "pop",
    ("telecom", "data_centre"): "pop",
    ("telecom", "service_device"): "cabinet",
    ("telecom", "cabinet"): "cabinet",
    ("telecom", "street_cabinet"): "cabinet",
    ("telecom", "remote_terminal"): "cabinet",
    ("telecom", "splitter"): "splitter",
    ("telecom", "distribution_point"): "closure",
    ("telecom", "connection_point"): "closure",
    ("telecom", "splice_closure"): "closure",
    ("telecom", "closure"): "closure",
    ("telecom", "manhole"): "handhole",
    ("telecom", "pole"): "pole",
    ("manhole", "telecom"): "handhole",
    ("manhole", "communication"): "handhole",
    ("man_made", "street_cabinet"): "cabinet",
    ("man_made", "utility_pole"): "pole",
    ("power", "pole"): "pole",
}
"""Role of a mapped point, by the first of these that it carries."""

_POINT_KEYS = frozenset(key for key, _ in _POINT_ROLE)
_UNIT_KEYS = frozenset({"building:flats", "addr:flats", "addr:housenumber"})
_TELECOM_CABINETS = frozenset({"telecom", "communication", "yes", ""})
_TELECOM_LINES = frozenset({"line", "cable"})
MAX_RANGE = 30
"""A range of more house numbers than this is taken for a compound number such as 12-345, of one home."""
MAX_FLATS = 500
"""More flats than this at one address are taken for a typing error."""


def query_for(customers: str) -> dict[str, bool | str | list[str]]:
    """Tags of all objects that matter, in the words of an Overpass query."""
    homes: dict[str, bool | str | list[str]] = {"building": sorted(HOME_KINDS)}
    flats: dict[str, bool | str | list[str]] = {"building:flats": True}
    return {
        "highway": sorted(STREET_CLASSES),
        **(flats if customers == "addresses" else homes),
        "addr:housenumber": True,
        "addr:housename": True,
        "telecom": True,
        "communication": sorted(_TELECOM_LINES),
        "man_made": ["street_cabinet", "utility_pole"],
        "manhole": ["communication", "telecom"],
        "power": "pole",
    }


def is_street(tags: Mapping[str, str]) -> bool:
    """Whether one can dig along a way with these tags."""
    return tags.get("highway") in STREET_CLASSES and tags.get("area") != "yes"


def is_address(tags: Mapping[str, str]) -> bool:
    """Whether these tags give an address: a number, or the name of a house in a street or place."""
    return "addr:housenumber" in tags or ("addr:housename" in tags and street_of(tags) is not None)


def is_home(tags: Mapping[str, str]) -> bool:
    """Whether this is a building in which people may live."""
    return tags.get("building") in HOME_KINDS


def street_of(tags: Mapping[str, str]) -> str | None:
    """Street of an address, or the place whose houses are numbered without streets."""
    return tags.get("addr:street") or tags.get("addr:place") or None


def point_role(tags: Mapping[str, str]) -> str | None:
    """Role in the backbone of a mapped point or building; None if it has none."""
    if _POINT_KEYS.isdisjoint(tags):
        return None
    if tags.get("man_made") == "street_cabinet" and tags.get("street_cabinet", "") not in _TELECOM_CABINETS:
        return None
    for pair, role in _POINT_ROLE.items():
        if tags.get(pair[0]) == pair[1]:
            return role
    return None


def line_role(tags: Mapping[str, str]) -> str | None:
    """
    Role in the backbone of a mapped line; None if it is none.

    What hangs is `aerial`; what lies, or is not told, is `feeder`: it exists, but nothing says
    that it may be tapped or has fibres to spare.
    """
    if tags.get("communication") not in _TELECOM_LINES and tags.get("telecom") not in _TELECOM_LINES:
        return None
    return "aerial" if tags.get("location") in ("overhead", "overground") else "feeder"


def units_of(tags: Mapping[str, str]) -> int:
    """
    Homes at one premises: the flats that are told, else its house numbers, at least one.

    Examples
    --------
    >>> units_of({"building:flats": "12"}), units_of({"addr:flats": "1-4;7"})
    (12, 5)
    >>> units_of({"addr:housenumber": "3-5"}), units_of({"addr:housenumber": "1,3"}), units_of({})
    (2, 2, 1)
    """
    if _UNIT_KEYS.isdisjoint(tags):
        return 1
    told = tags.get("building:flats", "").strip()
    if told.isdecimal() and 0 < int(told) <= MAX_FLATS:
        return int(told)
    flats = _count_flats(tags.get("addr:flats", ""))
    if 0 < flats <= MAX_FLATS:
        return flats
    return max(1, count_numbers(tags.get("addr:housenumber", "")))


def flats_of(tags: Mapping[str, str]) -> frozenset[str]:
    """
    Names of the flats that this object stands for, where several objects share one address.

    Examples
    --------
    >>> sorted(flats_of({"addr:flats": "1-3;7"})), flats_of({"addr:unit": "B"}) == {"b"}
    (['1', '2', '3', '7'], True)
    """
    text = tags.get("addr:flats") or tags.get("addr:unit") or tags.get("addr:door") or ""
    if not text:
        return frozenset()
    return frozenset(name for part in _parts(text) for name in _flat_names(part))


def _flat_names(part: str) -> list[str]:
    ends = re.fullmatch(r"(\d{1,4})[-\u2013](\d{1,4})", part)
    if ends is None or not 0 <= int(ends[2]) - int(ends[1]) < MAX_FLATS:
        return [part]
    return [str(number) for number in range(int(ends[1]), int(ends[2]) + 1)]


def _count_flats(text: str) -> int:
    """Flats in a list such as `1-4;7`; one bare number is a number of flats."""
    return int(text) if text.strip().isdecimal() else sum(len(_flat_names(part)) for part in _parts(text))


def _parts(text: str) -> list[str]:
    return [part for part in re.split(r"[;,]", text.casefold().replace(" ", "")) if part]


def count_numbers(housenumber: str) -> int:
    """
    House numbers in a list or range; a range of one parity runs along one side of the street.

    Examples
    --------
    >>> [count_numbers(text) for text in ("7", "3-5", "3-4", "1,3", "2;4a", "3a-3c", "12-345", "")]
    [1, 2, 2, 2, 2, 3, 1, 0]
    """
    return sum(_span(part) for part in _parts(housenumber))


def _span(part: str) -> int:
    """House numbers in one item of a list: `3-9`, `3a-3c`, or a single one."""
    ends = re.fullmatch(r"(\d{1,5})([a-z]?)[-\u2013](\d{0,5})([a-z]?)", part)
    if ends is None:
        return 1
    first, letter, last, last_letter = ends.groups()
    if letter and last_letter and last in ("", first):
        return max(1, ord(last_letter) - ord(letter) + 1)
    if not last or int(last) <= int(first):
        return 1
    step = 2 if (int(last) - int(first)) % 2 == 0 else 1
    count = (int(last) - int(first)) // step + 1
    return count if count <= MAX_RANGE else 1
