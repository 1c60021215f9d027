"""Look for the price that tells most: what a price proves of an aim rises up to one price, and falls beyond."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

STEP = 1.1
"""The first two prices are this far apart; as long as that tells more, each step is the square of the one before."""


def climb(first: int, tell: Callable[[int], float | None], most: int) -> None:
    """
    Ask at prices on one side of the first one as long as that tells more, or else on the other side.

    Parameters
    ----------
    first
        Where to begin.
    tell
        Asks at a price, and returns how much it tells; None ends the search.
    most
        At most so many prices.
    """
    best, asked = tell(first), 1
    for step in (1 / STEP, STEP):
        price, higher = first * step, False
        while best is not None and asked < most and price >= 1 and int(price) != first:
            told = tell(int(price))
            asked += 1
            if told is None:
                return
            if told <= best:
                break
            best, higher, step = told, True, step * step
            price *= step
        if higher:
            return
