"""What a re-check finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_ROWS = 20
"""Rows that a check names; the rest is counted."""
CENT_SLACK = 0.011
"""How far two amounts that are rounded to a cent may lie apart: a cent, and a little for binary fractions."""


@dataclass(frozen=True)
class Check:
    """
    One property of a run.

    Parameters
    ----------
    name
        What is checked, as words with underscores: stable, for scripts.
    passed
        Whether it holds.
    detail
        One sentence: what was counted, or what is wrong.
    rows
        Ids of the rows that break it, the first of them.
    """

    name: str
    passed: bool
    detail: str
    rows: tuple[str, ...] = ()


@dataclass(frozen=True)
class Skipped:
    """A check that could not be made, and why."""

    why: str


@dataclass(frozen=True)
class Verdict:
    """All checks of a run; `unchecked` says what could not be judged."""

    checks: tuple[Check, ...]
    unchecked: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every check that could be made has passed."""
        return all(check.passed for check in self.checks)

    @property
    def faults(self) -> tuple[Check, ...]:
        """The checks that failed."""
        return tuple(check for check in self.checks if not check.passed)

    def __str__(self) -> str:
        lines = [f"{'ok   ' if check.passed else 'FAULT'} {check.name}: {_told(check)}" for check in self.checks]
        lines += [f"not checked: {why}" for why in self.unchecked]
        held = sum(check.passed for check in self.checks)
        return "\n".join([*lines, f"{held} of {len(self.checks)} checks passed"])


def judge(name: str, right: str, wrong: str, rows: Iterable[object] = (), *, passed: bool | None = None) -> Check:
    """Return a check that passes if no rows break it, or as `passed` says."""
    broken = [str(row) for row in rows]
    good = not broken if passed is None else passed
    more = f" ({len(broken)} rows)" if len(broken) > MAX_ROWS else ""
    return Check(name, good, right if good else wrong + more, tuple(broken[:MAX_ROWS]))


def _told(check: Check) -> str:
    return f"{check.detail} [{', '.join(check.rows)}]" if check.rows else check.detail
