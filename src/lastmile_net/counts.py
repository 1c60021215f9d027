"""Numbers of things in words."""

from __future__ import annotations


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


def agree(number: float, one: str, many: str) -> str:
    """Return the words that fit a number: those for one, or those for none and for several."""
    return one if number == 1 else many
