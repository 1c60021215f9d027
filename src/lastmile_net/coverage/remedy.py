"""What a remedy is, and the sentence that is made from its numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lastmile_net.counts import counted, homes

REMEDY_UNITS = {
    "fix_location": "",
    "raise_max_drop_m": "m",
    "open_passage": "",
    "extend_streets": "",
    "link_island": "m",
    "raise_max_route_m": "m",
    "raise_max_stretch": "",
    "add_ports": "homes",
    "add_spare": "homes",
    "reduce_loss": "dB",
    "state_loss": "dB",
    "raise_budget": "currency",
    "include": "",
}
"""Kinds of change, and the unit in which `remedy_value` counts."""

NO_PRICE = "no price is known for that"
"""What is said of room on a line: the prices have none for it."""


@dataclass(frozen=True)
class Change:
    """
    One change to the input or the settings.

    Parameters
    ----------
    code
        A key of `REMEDY_UNITS`.
    value
        Size of the change in the unit of its code; nan where there is no number to it.
    at
        What is changed: an access point, a street, a line, two places; empty for a setting.
    price
        What the change itself costs, in words; empty where that is not told.
    """

    code: str
    value: float = np.nan
    at: str = ""
    price: str = ""

    def __str__(self) -> str:
        value = "" if np.isnan(self.value) else f"={self.value:.12g}"
        return f"{self.code}{value}{'@' + self.at if self.at else ''}"


@dataclass(frozen=True)
class Remedy:
    """
    The smallest set of changes that would serve a customer while everything else stays as planned.

    Parameters
    ----------
    changes
        One or more; the first is the one that the reason asks for.
    text
        The changes as a sentence.
    cost
        What connecting the customer then costs on top of the plan, in the currency of the prices, new ports and
        overhead included; nan where the prices do not tell.
    """

    changes: tuple[Change, ...]
    text: str
    cost: float = np.nan

    @property
    def code(self) -> str:
        """Kind of the first change."""
        return self.changes[0].code

    @property
    def value(self) -> float:
        """Size of the first change."""
        return self.changes[0].value

    @property
    def at(self) -> str:
        """What the first change changes."""
        return self.changes[0].at

    @property
    def also(self) -> str:
        """Return the other changes, as `code=value@at`, separated by semicolons."""
        return "; ".join(map(str, self.changes[1:]))


def up(value: float, digits: int = 2) -> float:
    """Round up, so that a change of that size is enough."""
    return float(np.ceil(value * 10**digits - 1e-6) / 10**digits)


def down(value: float, digits: int = 2) -> float:
    """Round down, so that a value of that size is not too much."""
    return float(np.floor(value * 10**digits + 1e-6) / 10**digits)


def hundredths(value: float) -> str:
    """Return a number with two decimals at most."""
    return f"{value:,.2f}".rstrip("0").rstrip(".")


def phrase(change: Change) -> str:
    """Return a change, other than of money, as a clause."""
    value, at = change.value, change.at
    number = hundredths(value)
    return {
        "fix_location": "its location is missing or not usable: give its coordinates",
        "raise_max_drop_m": f"raise the limit on drops by {number} m or bring the network {number} m closer",
        "open_passage": "a barrier or an excluded area lies between it and every street: open a passage",
        "extend_streets": "no street leads from the network to it: add the missing street to the streets layer",
        "link_island": f"its street is not tied to the network: link it over {number} m from {at} (lon,lat)",
        "raise_max_route_m": f"raise the limit on routes by {number} m",
        "raise_max_stretch": f"raise `max_stretch` by {value:.3f}",
        "add_ports": f"add {counted(value, 'port')} at access point {at}{change.price and f' for {change.price}'}",
        "add_spare": f"free fibres for {homes(value)} on the existing line {at}, or lay a larger cable there "
        f"({NO_PRICE})",
        "reduce_loss": f"save {number} dB on the way over access point {at}: stronger optics or a lower split",
        "state_loss": f"state `loss_db` of access point {at}: with at most {number} dB there it can be served",
        "include": "take `exclude` off it" if not at else f"take the exclusion off {at}",
    }[change.code]


def sentence(before: str, changes: tuple[Change, ...], *, more_money: str = "") -> str:
    """Return what is wrong, then every change that mends it; `more_money` is the clause of `raise_budget`."""
    clauses = [more_money if each.code == "raise_budget" else phrase(each) for each in changes]
    told = "; and ".join(filter(None, ("; ".join(clauses[:-1]), clauses[-1])))
    return f"{before}: {told}" if before else told
