"""Cells as people write them: numbers with decimal commas, yes and no in many languages, ids from spreadsheets."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Objects = NDArray[np.object_]
    Mask = NDArray[np.bool_]

EMPTY = frozenset({"", "-", "\u2013", "na", "n/a", "#n/a", "nan", "null", "none", "nil", "<na>", "\\n"})
"""Texts that stand for an empty cell in a column of numbers or of yes and no."""
UNLIMITED = frozenset({"inf", "+inf", "infinity", "unlimited", "unbegrenzt", "∞"})
_YES = "1 1.0 y yes true t wahr ja j si sí sì s oui o vrai sim da tak verdadero kyllä igen ano áno evet x on"
_NO = "0 0.0 n no false f falsch nein non faux não nao nej nee nie ne falso ei nem hay\u0131r off"
YES, NO = frozenset(_YES.split()), frozenset(_NO.split())
_HIDDEN = dict.fromkeys(map(ord, "\ufeff\u200b\u200c\u200d\u2060\x00"))
_SPACES = re.compile(r"[\s\u00a0\u202f'\u2019]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")
_WHOLE_WITH_POINT = re.compile(r"-?\d+\.0+")
_EXPONENT = re.compile(r"\d([.,]\d+)?E\+\d+", re.IGNORECASE)


def texts(values: pd.Series) -> Objects:
    """
    Return cells as text, None where they are empty.

    Whole numbers have no decimals, lists become `a;b`, hidden characters and outer blanks go.

    Examples
    --------
    >>> texts(pd.Series([7.0, None])).tolist(), texts(pd.Series([" 007 ", "", ["a", "b"]])).tolist()
    (['7', None], ['007', None, 'a;b'])
    """
    return _by_distinct(values, _text)


def from_spreadsheet(found: Objects) -> tuple[Objects, bool]:
    """Take the `.0` off ids if all of them end so; say whether that was done."""
    filled = [text for text in found if text is not None]
    if not filled or not all(_WHOLE_WITH_POINT.fullmatch(text) for text in filled):
        return found, False
    return np.array([None if text is None else text.partition(".")[0] for text in found], dtype=object), True


def lost_digits(found: Objects) -> Mask:
    """Mark ids such as `1.23457E+15`, which a spreadsheet has cut."""
    return np.array([text is not None and _EXPONENT.fullmatch(text) is not None for text in found], dtype=bool)


def numbers(values: pd.Series) -> tuple[Floats, Mask]:
    """
    Read a column of numbers; NaN where a cell is empty.

    Parameters
    ----------
    values
        Numbers or texts; the decimal mark is found from the whole column.

    Returns
    -------
    found, wrong
        The numbers, and which cells are none.

    Examples
    --------
    >>> numbers(pd.Series(["1.234,5", "7", "", "many"]))
    (array([1234.5,    7. ,    nan,    nan]), array([False, False, False,  True]))
    """
    if pd.api.types.is_bool_dtype(values) or pd.api.types.is_numeric_dtype(values):
        return values.to_numpy(dtype="float64", na_value=np.nan).copy(), np.zeros(len(values), bool)
    cells = _by_distinct(values, _bare)
    mark = _decimal_mark({cell for cell in cells if isinstance(cell, str)})
    read = {cell: _number(cell, mark) for cell in {cell for cell in cells if cell is not None}}
    found = np.array([np.nan if cell is None else read[cell] for cell in cells], dtype=object)
    wrong = np.array([each is None for each in found], dtype=bool)
    return np.where(wrong, np.nan, found).astype(np.float64), wrong


def unclear(values: pd.Series) -> Mask:
    """
    Mark numbers that are thousands or have three decimals, where nothing else in their column tells which.

    Examples
    --------
    >>> unclear(pd.Series(["1,024", "7"])), unclear(pd.Series(["1,024", "0,5"])), unclear(pd.Series(["1,024", "0.5"]))
    (array([ True, False]), array([False, False]), array([ True, False]))
    """
    if pd.api.types.is_bool_dtype(values) or pd.api.types.is_numeric_dtype(values):
        return np.zeros(len(values), bool)
    cells = _by_distinct(values, _bare)
    distinct = {cell for cell in cells if isinstance(cell, str)}
    grouped = {cell for cell in distinct if _GROUPED.fullmatch(cell)}
    mark, points = _decimal_mark(distinct), any("." in cell for cell in distinct)
    told = mark == "." or (mark == "," and (points or any("," in cell for cell in distinct - grouped)))
    return np.array([not told and cell in grouped for cell in cells], dtype=bool)


def has_points(values: pd.Series) -> bool:
    """
    Tell a column of texts that are numbers with decimal points.

    Examples
    --------
    >>> has_points(pd.Series(["11.28", "7"])), has_points(pd.Series(["11,28", "7"])), has_points(pd.Series(["1.a"]))
    (True, False, False)
    """
    if not (pd.api.types.is_object_dtype(values) or pd.api.types.is_string_dtype(values)):
        return False
    cells = {cell for cell in _by_distinct(values, _bare) if isinstance(cell, str)}
    return any("." in cell for cell in cells) and all(_number(cell, "") is not None for cell in cells)


def booleans(values: pd.Series) -> tuple[Objects, Mask]:
    """
    Read a column of yes and no; None where a cell is empty.

    Examples
    --------
    >>> booleans(pd.Series(["ja", "0", "", "perhaps"]))
    (array([True, False, None, None], dtype=object), array([False, False, False,  True]))
    """
    cells = _by_distinct(values, _answer)
    wrong = np.array([cell == "?" for cell in cells], dtype=bool)
    cells[wrong] = None
    return cells, wrong


def plain(values: pd.Series) -> pd.Series:
    """Return a column that any format can hold: lists and objects become text, the rest stays."""
    if values.dtype != object:
        return values
    held = (list, tuple, set, frozenset, dict, bytes, np.ndarray)
    if not any(isinstance(value, held) for value in values):
        return values
    return pd.Series([_text(value) if isinstance(value, held) else value for value in values], values.index, object)


def _by_distinct(values: pd.Series, change: Callable[[object], object]) -> Objects:
    """Change each distinct value once."""
    cells = values.astype(object).to_numpy()
    known: dict[tuple[type, object], object] = {}
    found = np.empty(len(cells), dtype=object)
    for row, cell in enumerate(cells):
        try:
            key = (type(cell), cell)
            if key not in known:
                known[key] = change(cell)
            found[row] = known[key]
        except TypeError:  # a list cannot be a key
            found[row] = change(cell)
    return found


def _text(value: object) -> str | None:
    if type(value) is str and value.isascii() and value.isprintable():  # nothing hidden, nothing to be composed
        return value.strip() or None
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
    if isinstance(value, set | frozenset):
        value = sorted(value, key=str)
    if isinstance(value, list | tuple | np.ndarray):
        return ";".join(text for item in value if (text := _text(item)) is not None) or None
    if isinstance(value, bytes):
        return value.hex()
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, float | np.floating):
        if np.isnan(value):
            return None
        return str(int(value)) if float(value).is_integer() else str(float(value))
    text = unicodedata.normalize("NFC", str(value).translate(_HIDDEN)).strip()
    return text or None


def _bare(value: object) -> str | float | None:
    """Return a number as it is, a text without blanks, None for an empty cell."""
    if isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool):
        return None if np.isnan(value) else float(value)
    text = _SPACES.sub("", _text(value) or "").casefold().replace("\u2212", "-")
    return None if text in EMPTY else text


def _decimal_mark(cells: set[str]) -> str:
    """Decimal mark of a column: what stands last beside the other, or stands twice, tells it."""
    for cell in sorted(cells):
        point, comma = cell.rfind("."), cell.rfind(",")
        if point >= 0 and comma >= 0:
            return "." if point > comma else ","
        if cell.count(".") > 1:
            return ","
        if cell.count(",") > 1:
            return "."
    return "," if any("," in cell for cell in cells) and not any("." in cell for cell in cells) else ""


def _number(cell: str | float, mark: str) -> float | None:
    if isinstance(cell, float):
        return cell
    if cell in UNLIMITED:
        return float("inf")
    if mark == ".":
        cell = cell.replace(",", "")
    elif mark == ",":
        cell = cell.replace(".", "")
    cell = cell.replace(",", ".")
    return float(cell) if _NUMBER.fullmatch(cell) else None


def _answer(value: object) -> bool | str | None:
    if isinstance(value, bool | np.bool_):
        return bool(value)
    text = (_text(value) or "").casefold()
    if text in EMPTY:
        return None
    return True if text in YES else False if text in NO else "?"
