"""Tables as CSV in which no cell is a formula."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from pathlib import Path

_FORMULA = re.compile(r"^\s*[=+\-@\t\r]")
_HARMLESS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
_NUMBER = re.compile(r"^[+-]?\d+([.,]\d+)?$")


def safe_cells(table: pd.DataFrame) -> pd.DataFrame:
    """
    Return the table with every text cell that a spreadsheet would run as a formula turned into plain text.

    Such a cell gets an apostrophe in front; a plain number such as `-12` is left as it is.
    """
    safe = table.copy()
    for name in safe.columns:
        if not pd.api.types.is_numeric_dtype(safe[name]) and not pd.api.types.is_bool_dtype(safe[name]):
            safe[name] = safe[name].map(neutralise)
    return safe.rename(columns=neutralise)


def neutralise(cell: object) -> object:
    """Return a cell's value with an apostrophe in front if a spreadsheet would take it for a formula."""
    if not isinstance(cell, str) or cell[:1] in _HARMLESS:
        return cell
    runs = _FORMULA.match(cell) and not _NUMBER.match(cell)
    return f"'{cell}" if runs else cell


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV in UTF-8, with spreadsheet-safe cells."""
    safe_cells(table).to_csv(path, index=False, lineterminator="\n", encoding="utf-8")
