"""What a map shows first: all places, but for those that lie far from nearly all others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

FAR_SHARE = 0.02
"""At each side, so few places may lie far away"""
FAR = 2.0
"""by more than this many times the width or height of what holds the others, whichever is more."""


def first_view(x: NDArray[np.number], y: NDArray[np.number]) -> tuple[float, float, float, float]:
    """
    Return what a map shows first: least and most of both coordinates.

    Parameters
    ----------
    x, y
        At least one place, in any unit that is the same for both.

    Examples
    --------
    >>> first_view(np.array([*range(100), 9000]), np.array([*range(100), 9000]))
    (0.0, 0.0, 99.0, 99.0)
    """
    ends = [np.quantile(each, (FAR_SHARE, 1 - FAR_SHARE), method="nearest") for each in (x, y)]
    room = FAR * max(high - low for low, high in ends)
    near = np.ones(len(x), bool)
    for each, (low, high) in zip((x, y), ends, strict=True):
        near &= (each >= low - room) & (each <= high + room)
    return float(x[near].min()), float(y[near].min()), float(x[near].max()), float(y[near].max())
