"""What OpenStreetMap's tags mean to a planner: which objects matter, and how many homes an address has."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.read.osm.columns import Tags

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

_POINT_ROLES = {
    "telecom": {
        "exchange": "pop",
        "central_office": "pop",
        "data_center": "pop",
        "data_centre": "pop",
        "service_device": "cabinet",
        "cabinet": "cabinet",
        "street_cabinet": "cabinet",
        "remote_terminal": "cabinet",
        "splitter": "splitter",
        "distribution_point": "closure",
        "connection_point": "closure",
        "splice_closure": "closure",
        "closure": "closure",
        "manhole": "handhole",
        "pole": "pole",
    },
    "manhole": {"telecom": "handhole", "communication": "handhole"},
    "man_made": {"street_cabinet": "cabinet", "utility_pole": "pole"},
    "power": {"pole": "pole"},
}
"""Role of a mapped point, by the first of these keys that tells one."""

_STREET = ("addr:street", "addr:place")
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


def is_street(tags: Tags) -> NDArray[np.bool_]:
    """Whether one can dig along ways with these tags."""
    return tags.among("highway", STREET_CLASSES) & ~tags.among("area", {"yes"})


def is_address(tags: Tags) -> NDArray[np.bool_]:
    """Whether these tags give an address: a number, or the name of a house in a street or place."""
    return tags.has("addr:housenumber") | (tags.has("addr:housename") & tags.has(*_STREET))


def is_home(tags: Tags) -> NDArray[np.bool_]:
    """Whether these are buildings in which people may live."""
    return tags.among("building", HOME_KINDS)


def street_of(tags: Tags) -> NDArray[np.object_]:
    """Street of each address, or the place whose houses are numbered without streets."""
    return tags.texts(*_STREET)


def point_role(tags: Tags) -> NDArray[np.object_]:
    """Role in the backbone of mapped points or buildings; None for those that have none."""
    role = np.full(len(tags), None, dtype=object)
    if not _POINT_ROLES.keys() & tags.columns.keys():
        return role
    for key, roles in reversed(_POINT_ROLES.items()):
        if key in tags.columns:
            told = tags.told(tags.codes(key), roles.get, None)
            role = np.where(pd.isna(told), role, told)
    others = tags.has("street_cabinet") & ~tags.among("street_cabinet", _TELECOM_CABINETS)
    role[tags.among("man_made", {"street_cabinet"}) & others] = None
    return role


def is_line(tags: Tags) -> NDArray[np.bool_]:
    """Whether these are lines of telecommunication."""
    return tags.among("communication", _TELECOM_LINES) | tags.among("telecom", _TELECOM_LINES)


def line_role(tags: Tags) -> NDArray[np.object_]:
    """
    Role in the backbone of mapped lines; None for those that are none.

    What hangs is `aerial`; what lies, or is not told, is `feeder`: it exists, but nothing says
    that it may be tapped or has fibres to spare.
    """
    role = np.full(len(tags), None, dtype=object)
    role[is_line(tags)] = "feeder"
    role[(role == "feeder") & tags.among("location", {"overhead", "overground"})] = "aerial"
    return role


def units_of(tags: Tags) -> NDArray[np.int64]:
    """
    Homes at each premises: the flats that are told, else its house numbers, at least one.

    Examples
    --------
    >>> from lastmile_net.read.osm.columns import Tags
    >>> units_of(Tags.of([{"building:flats": "12"}, {"addr:flats": "1-4;7"}])).tolist()
    [12, 5]
    >>> units_of(Tags.of([{"addr:housenumber": "3-5"}, {"addr:housenumber": "1,3"}, {}])).tolist()
    [2, 2, 1]
    """
    told = tags.told(tags.codes("building:flats"), _told_flats, 0).astype(np.int64)
    flats = tags.told(tags.codes("addr:flats"), _count_flats, 0).astype(np.int64)
    numbers = tags.told(tags.codes("addr:housenumber"), count_numbers, 0).astype(np.int64)
    flats[flats > MAX_FLATS] = 0
    return np.asarray(np.where(told > 0, told, np.where(flats > 0, flats, np.maximum(numbers, 1))))


def _told_flats(text: str) -> int:
    text = text.strip()
    return int(text) if text.isdecimal() and int(text) <= MAX_FLATS else 0


def flats_of(tags: Tags) -> NDArray[np.object_]:
    """
    Names of the flats that each object stands for, where several objects share one address; None where none is named.

    Examples
    --------
    >>> from lastmile_net.read.osm.columns import Tags
    >>> [sorted(flats) for flats in flats_of(Tags.of([{"addr:flats": "1-3;7"}, {"addr:unit": "B"}]))]
    [['1', '2', '3', '7'], ['b']]
    """
    return tags.told(tags.codes("addr:flats", "addr:unit", "addr:door"), flat_names, None)


def flat_names(text: str) -> frozenset[str]:
    """Names in a list of flats, such as `1-3;7`."""
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
    if housenumber.isdecimal():  # as nearly all are
        return 1
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
