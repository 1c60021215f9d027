"""Customers shared out among taps: within ports, whole, and near the least price."""

from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

from lastmile_net.solve.capacity.search.growth import FAR
from lastmile_net.solve.capacity.search.transport import share_out, transport

Ints = NDArray[np.int64]


def cheapest(price: Ints, units: Ints, room: Ints) -> int | None:
    """Return the least price of any choice within the ports, by trying all; None where there is none."""
    best = None
    for choice in product(range(len(room)), repeat=len(units)):
        load = np.bincount(choice, weights=units, minlength=len(room))
        paid = sum(int(price[c, t]) for c, t in enumerate(choice))
        if np.all(load <= room) and paid < FAR and (best is None or paid < best):
            best = paid
    return best


def town(rng: np.random.Generator) -> tuple[Ints, Ints, Ints]:
    """Return prices, homes and ports of a small town in which most homes find a port."""
    units = np.concatenate([rng.integers(1, 5, 3), np.ones(4, np.int64)])
    price = rng.integers(1, 100, (7, 3))
    price[rng.random(price.shape) < 0.2] = FAR
    room = rng.multinomial(units.sum() + rng.integers(0, 3), [0.4, 0.3, 0.3]).astype(np.int64)
    return price, units, room


def test_a_building_makes_room_for_homes_that_need_its_ports_more() -> None:
    """Packing the largest first would keep three homes from their tap, for the one that loses least by giving way."""
    # the building of 3 pays 1 more at B, three homes pay 10 each more at B than at A: packing it first would cost 30
    price = np.array([[5, 6], [1, 11], [1, 11], [1, 11]])
    found = share_out(price, np.array([3, 1, 1, 1]), np.array([3, 3]))
    assert found.tolist() == [1, 0, 0, 0]


def test_sharing_out_keeps_the_ports_and_is_near_the_cheapest() -> None:
    """Whole customers are a knapsack for each tap, so the rounded programme may miss the cheapest, but not by much."""
    rng, ratios, missed, towns = np.random.default_rng(5), [], 0, 0
    for _ in range(150):
        price, units, room = town(rng)
        found, best = share_out(price, units, room), cheapest(price, units, room)
        served = found >= 0
        load = np.bincount(found[served], weights=units[served], minlength=len(room))
        assert np.all(load <= room)
        assert np.all(price[served, found[served]] < FAR)
        if best is not None:
            towns += 1
            missed += not served.all()
            ratios += [price[np.arange(7), found].sum() / best] if served.all() else []
    assert towns > 60
    assert missed < 0.2 * towns
    assert min(ratios) >= 1
    assert float(np.mean(ratios)) < 1.02


def test_taps_apart_are_shared_out_apart() -> None:
    """A street whose homes do not all find ports must not keep another street from being shared out."""
    price = np.array([[1, FAR, FAR], [FAR, 2, 9], [FAR, 1, 3]])
    found = share_out(price, np.array([2, 1, 1]), np.array([1, 1, 1]))
    assert found.tolist() == [-1, 1, 2]


def test_whoever_has_no_way_to_any_tap_is_given_none() -> None:
    """A customer beyond reach is nobody's: it must not end the programme for the others."""
    price = np.array([[FAR, FAR], [4, 2]])
    assert share_out(price, np.array([1, 1]), np.array([1, 1])).tolist() == [-1, 1]


def test_tolls_are_what_one_more_port_saves() -> None:
    """Two homes want the one port of A: with a second one there, 7 less would be paid."""
    price = np.array([[1.0, 8.0], [2.0, 9.0]])
    answer = transport(price, np.ones((2, 2), bool), np.array([1, 1]), np.array([1, 5]))
    assert answer is not None
    assert answer[0].sum(axis=1) == pytest.approx(1)
    assert answer[1].tolist() == [7, 0]
