"""
Whole cents, hundredths of the currency.

Every amount is rounded to them where it arises, so that sums of what a table shows are the totals beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def to_cents(money: Floats) -> Floats:
    """Round to whole cents; halves go up, whatever the binary fraction makes of them."""
    return np.floor(np.asarray(money, np.float64) * 100 + 0.5 + 1e-7) / 100


def from_cents(cents: int) -> float:
    """Return a whole number of cents as money."""
    return cents / 100


def in_cents(money: float) -> int:
    """Return money as a whole number of cents."""
    return round(money * 100)


def whole_cents(money: float) -> float:
    """Round one amount as `to_cents` rounds many."""
    return float(to_cents(np.array([money]))[0])
