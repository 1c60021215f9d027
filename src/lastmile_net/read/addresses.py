"""One address, however often it is told: mentions and flats of it become one customer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Texts = NDArray[np.object_]
    Ints = NDArray[np.int64]

APART_M = 500.0
"""Two places with one address that lie farther apart than this are two premises of villages that share street names."""
_DEGREE_M = 111_195.0


def address_numbers(street: Texts, number: Texts, postcode: Texts, city: Texts) -> Ints:
    """
    Give equal addresses the same number, whatever the case and spaces of their texts.

    Parameters
    ----------
    street, number, postcode, city
        Parts of each address; None where one is not told. The city counts where there is no postcode.

    Returns
    -------
    address
        Number of each address; -1 where street or house number is missing.
    """
    streets, numbers, postcodes, cities = (_text_numbers(texts) for texts in (street, number, postcode, city))
    area = np.where(postcodes >= 0, postcodes, -2 - cities)
    area -= area.min(initial=0)
    both = (streets * (numbers.max(initial=0) + 1) + numbers) * (area.max(initial=0) + 1) + area
    return np.asarray(np.where((streets < 0) | (numbers < 0), -1, pd.factorize(both)[0]))


def leaders(address: Ints, lonlat: NDArray[np.float64]) -> Ints:
    """
    Find, for each mention, the first mention of its address at its place.

    Parameters
    ----------
    address
        Number of each mention's address; -1: it has none, and stays alone.
    lonlat
        Places in degrees. Mentions more than `APART_M` apart are two premises.

    Returns
    -------
    leader
        Row of the first mention; its own row for one that is the first.
    """
    rows = np.arange(len(address))
    first = np.full(int(address.max(initial=-1)) + 2, -1)
    first[address[::-1]] = rows[::-1]
    leader = np.where(address < 0, rows, first[address])
    again = np.flatnonzero(leader != rows)
    if len(again):
        xy = lonlat * np.array([np.cos(np.radians(lonlat[:, 1].mean())) * _DEGREE_M, _DEGREE_M])
        apart = np.hypot(*(xy[again] - xy[leader[again]]).T) > APART_M
        for each in np.unique(address[again[apart]]).tolist():
            members = np.flatnonzero(address == each)
            leader[members] = members[_nearby(xy[members])]
    return np.asarray(leader)


def count_flats(leader: Ints, flats: Texts) -> Ints:
    """
    Count the differently named flats that the mentions of each address tell of.

    Parameters
    ----------
    leader
        Row of the first mention of each mention's address.
    flats
        Names of the flats each mention stands for, as a set; None where it names none.

    Returns
    -------
    count
        Number of flats, in the rows of first mentions; 0 elsewhere.
    """
    named: dict[int, set[str]] = {}
    for row in np.flatnonzero(pd.notna(flats)).tolist():
        named.setdefault(int(leader[row]), set()).update(flats[row])
    count = np.zeros(len(flats), np.int64)
    count[list(named)] = [len(each) for each in named.values()]
    return count


def _nearby(xy: NDArray[np.float64]) -> Ints:
    """Return, for each place, the first place within reach that leads others."""
    first: list[int] = []
    result = np.arange(len(xy))
    for row in range(len(xy)):
        near = np.flatnonzero(np.hypot(*(xy[first] - xy[row]).T) <= APART_M)
        if len(near):
            result[row] = first[near[0]]
        else:
            first.append(row)
    return result


def _text_numbers(texts: Texts) -> Ints:
    """Give texts that differ in case and spaces only the same number; -1: none."""
    codes, distinct = pd.factorize(texts)
    plain, _ = pd.factorize(np.array([" ".join(text.casefold().split()) or None for text in distinct], dtype=object))
    return np.append(plain, -1)[codes]
