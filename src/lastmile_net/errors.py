"""What can go wrong, said so that a planner can mend it: all problems at once, with rows and cure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_ROWS_SHOWN = 8


@dataclass(frozen=True)
class Fault:
    """
    One thing wrong with an input, and how to mend it.

    Parameters
    ----------
    what
        The problem in one sentence.
    cure
        What the planner should do about it.
    source
        File or layer it was found in.
    column
        Column concerned, empty if it is the whole file.
    rows
        What names the rows concerned: ids, or 1-based row numbers where there is no id.
    setting
        Setting concerned, by its full dotted name, such as `phases.budgets`; empty if it is none.
    """

    what: str
    cure: str
    source: str = ""
    column: str = ""
    rows: tuple[str, ...] = ()
    setting: str = ""

    def __str__(self) -> str:
        named = (("column", self.column), ("setting", self.setting))
        where = ", ".join([*filter(None, [self.source]), *(f"{what} '{name}'" for what, name in named if name)])
        return f"{where + ': ' if where else ''}{self.what}{rows_told(self.rows)}. {self.cure}".rstrip()


def rows_told(rows: Sequence[str]) -> str:
    """
    Return what a message says of the rows concerned, after a space; nothing where there are none.

    Examples
    --------
    >>> rows_told(["a", "b"])
    ' (rows a, b)'
    """
    shown = ", ".join(rows[:MAX_ROWS_SHOWN])
    more = len(rows) - MAX_ROWS_SHOWN
    return f" (rows {shown}{f' and {more} more' if more > 0 else ''})" if rows else ""


class LastMileError(Exception):
    """Anything this package raises on purpose."""

    def __init__(self, faults: Sequence[Fault] | str) -> None:
        self.faults: tuple[Fault, ...] = (Fault(faults, ""),) if isinstance(faults, str) else tuple(faults)
        super().__init__(faults if isinstance(faults, str) else "\n".join(str(fault) for fault in self.faults))


class DataError(LastMileError, ValueError):
    """An input layer that cannot be planned on."""


class CrsError(DataError):
    """A coordinate reference system that is missing, unknown, or cannot be measured in."""


class ConfigError(LastMileError, ValueError):
    """A setting that is unknown or out of its range."""


class MissingFileError(LastMileError, FileNotFoundError):
    """A file, layer or table that is not there."""


class RunError(LastMileError, RuntimeError):
    """A run folder that is in the way, incomplete, or not a run at all."""


class SolveError(LastMileError, RuntimeError):
    """A problem that the solver cannot take, or a result that fails its own check."""
