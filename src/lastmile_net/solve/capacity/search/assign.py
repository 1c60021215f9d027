"""Compiled loops that share customers out among taps: within ports, and at less price."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.solve.capacity.search.growth import FAR
from lastmile_net.solve.compile import inner_kernel, kernel
from lastmile_net.solve.graph import copy_into

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

LARGEST = np.array([FAR, 8, 4, 2, 1])
"""Customers with at most so many homes are moved, one after the other."""
SWAP_UNITS = 32
"""Customers with more homes than this are not swapped."""


@kernel
def _links(price: Ints, units: Ints, tap: Ints, taps: int, largest: np.int64) -> tuple[Floats, Ints]:
    """Return, from each tap to each other, the least extra price per unit of moving a customer, and which one."""
    step = np.full((taps, taps), np.inf)
    who = np.full((taps, taps), -1)
    for c in range(len(tap)):
        a = tap[c]
        if a < 0 or units[c] > largest:
            continue
        for b in range(taps):
            if b != a and price[c, b] < FAR:
                extra = (price[c, b] - price[c, a]) / units[c]
                if extra < step[a, b]:
                    step[a, b], who[a, b] = extra, c
    return step, who


@inner_kernel
def _chain(step: Floats, load: Ints, room: Ints) -> tuple[int, Ints]:
    """Return the tap with room (-1: none) that a chain from an overloaded tap reaches at least price, and the chain."""
    taps = len(room)
    far = np.where(load > room, 0.0, np.inf)
    back = np.full(taps, -1)
    for _ in range(taps):
        for a in range(taps):
            for b in range(taps):
                if load[b] <= room[b] and far[a] + step[a, b] < far[b] - 1e-9:
                    far[b], back[b] = far[a] + step[a, b], a
    goal = -1
    for t in range(taps):
        if load[t] < room[t] and back[t] >= 0 and (goal < 0 or far[t] < far[goal]):
            goal = t
    return goal, back


@inner_kernel
def _shift(goal: int, back: Ints, who: Ints, units: Ints, load: Ints, room: Ints, tap: Ints) -> bool:
    """Move one customer along each link of a chain, if fewer homes are over the ports afterwards."""
    after = load.copy()
    b = goal
    steps = 0
    while back[b] >= 0 and steps <= len(load):
        c = who[back[b], b]
        after[b] += units[c]
        after[back[b]] -= units[c]
        b = back[b]
        steps += 1
    gains = np.maximum(after - room, 0).sum() < np.maximum(load - room, 0).sum()
    if gains and steps <= len(load):
        copy_into(load, after)
        b = goal
        while back[b] >= 0:
            tap[who[back[b], b]] = b
            b = back[b]
    return gains and steps <= len(load)


@inner_kernel
def _loads(units: Ints, tap: Ints, taps: int) -> Ints:
    load = np.zeros(taps, np.int64)
    for c in range(len(tap)):
        if tap[c] >= 0:
            load[tap[c]] += units[c]
    return load


def over(units: Ints, tap: Ints, room: Ints) -> int:
    """Return the homes that taps have beyond their ports."""
    load = np.bincount(tap[tap >= 0], weights=units[tap >= 0], minlength=len(room))
    return int(np.maximum(load - room, 0).sum())


@kernel
def fit(price: Ints, units: Ints, room: Ints, order: Ints) -> Ints:
    """
    Give each customer, in this order, the tap at least price that has room, or the one with most room; -1 for no tap.

    `price` is (c, t), `FAR` where the customer cannot be served from the tap. First fit, those with most homes first,
    leaves single homes to fill up what is left (Johnson 1973).
    """
    tap = np.full(len(units), -1)
    left = room.copy()
    for c in order:
        best, most = -1, -1
        for t in range(len(room)):
            if price[c, t] >= FAR:
                continue
            if most < 0 or left[t] > left[most]:
                most = t
            if left[t] >= units[c] and (best < 0 or price[c, t] < price[c, best]):
                best = t
        tap[c] = best if best >= 0 else most
        if most >= 0:
            left[tap[c]] -= units[c]
    return tap


@kernel
def balance(price: Ints, units: Ints, room: Ints, tap: Ints) -> None:
    """
    Move customers between taps until none is overloaded, or no chain of moves helps.

    `price` is (c, t), `FAR` where the customer cannot be served from the tap. Each step moves one customer along each
    link of the chain, from an overloaded tap to one with room, that costs least per unit. Changes `tap`.
    """
    load = _loads(units, tap, len(room))
    for largest in LARGEST:
        moved = True
        while moved and np.any(load > room):
            step, who = _links(price, units, tap, len(room), largest)
            goal, back = _chain(step, load, room)
            moved = goal >= 0 and _shift(goal, back, who, units, load, room, tap)


@kernel
def improve(price: Ints, units: Ints, room: Ints, tap: Ints) -> None:
    """
    Make an assignment within ports cheaper: move customers to taps with room, swap customers with as many homes.

    `price` is (c, t). Only ever lowers the sum of prices, and never overloads a tap. Changes `tap`.
    """
    load = _loads(units, tap, len(room))
    moved = True
    while moved:
        moved = _move(price, units, room, load, tap)
        moved |= _swap(price, units, len(room), tap)


@inner_kernel
def _move(price: Ints, units: Ints, room: Ints, load: Ints, tap: Ints) -> bool:
    moved = False
    for c in range(len(tap)):
        for b in range(len(room)):
            if price[c, b] < price[c, tap[c]] and load[b] + units[c] <= room[b]:
                load[tap[c]] -= units[c]
                load[b] += units[c]
                tap[c] = b
                moved = True
    return moved


@kernel
def _swap(price: Ints, units: Ints, taps: int, tap: Ints) -> bool:
    """Swap the two customers of each pair of taps and number of homes that gain most by it."""
    step = np.full((taps, taps, SWAP_UNITS + 1), FAR)
    who = np.full((taps, taps, SWAP_UNITS + 1), -1)
    for c in range(len(tap)):
        a, u = tap[c], units[c]
        for b in range(taps):
            if u <= SWAP_UNITS and price[c, b] - price[c, a] < step[a, b, u]:
                step[a, b, u], who[a, b, u] = price[c, b] - price[c, a], c
    swapped = False
    for a in range(taps):
        for b in range(a):
            for u in range(1, SWAP_UNITS + 1):
                one, other = who[a, b, u], who[b, a, u]
                # either may have moved already, as the best of another pair
                if step[a, b, u] + step[b, a, u] < 0 and tap[one] == a and tap[other] == b:
                    tap[one], tap[other] = b, a
                    swapped = True
    return swapped
