"""Numbers of things in words."""

from __future__ import annotations

import math


def counted(number: float, thing: str) -> str:
    """
    Return a number of things in words.

    Examples
    --------
    >>> counted(1, "port"), counted(1200, "port")
    ('1 port', '1,200 ports')
    """
    return f"{number:,.0f} {agree(number, thing, f'{thing}s')}"


def homes(number: float) -> str:
    """Return a number of homes in words."""
    return counted(number, "home")


def money(amount: float | None, currency: str = "") -> str:
    """
    Return an amount with thousands set apart, to the cent.

    Examples
    --------
    >>> money(1234.5, "EUR"), money(None)
    ('1,234.50 EUR', 'unknown')
    """
    if amount is None or not math.isfinite(amount):
        return "unknown"
    return f"{amount:,.2f} {currency}".rstrip()


def percent(share: float, digits: int = 1) -> str:
    """
    Return a share in percent.

    Examples
    --------
    >>> percent(0.12), percent(0.00272, 2)
    ('12.0 %', '0.27 %')
    """
    return f"{100 * share:.{digits}f} %"


def as_share(given: object) -> str:
    """
    Return how a number is written as a share that was probably given in per cent; empty where it was not.

    Examples
    --------
    >>> as_share(95), as_share(0.95), as_share(300)
    (' For 95 % write 0.95.', '', '')
    """
    return f" For {given:g} % write {given / 100:g}." if isinstance(given, (int, float)) and 1 < given <= 100 else ""


def agree(number: float, one: str, many: str) -> str:
    """Return the words that fit a number: those for one, or those for none and for several."""
    return one if number == 1 else many
