"""Tags of many objects, a column for each key; a text is held once, however often it occurs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    Codes = NDArray[np.int32]
    Mask = NDArray[np.bool_]

T = TypeVar("T")
NONE = -1


class Pool:
    """Texts, each with its number; empty ones are none."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._codes: dict[str, int] = {"": NONE}

    def code(self, text: str) -> int:
        """Return the number of a text, which is taken in if it is new."""
        code = self._codes.get(text)
        if code is None:
            code = self._codes[text] = len(self.texts)
            self.texts.append(text)
        return code

    def known(self, texts: Iterable[str]) -> list[int]:
        """Numbers of those texts that occur at all."""
        return [self._codes[text] for text in texts if self._codes.get(text, NONE) != NONE]


class Tags:
    """
    Tags of objects, one row each.

    Parameters
    ----------
    size
        Number of objects.
    columns
        For each key that occurs, the number of its text in each row; -1 where a row does not have it.
    pool
        Texts.
    """

    def __init__(self, size: int, columns: Mapping[str, Codes], pool: Pool) -> None:
        self.columns = columns
        self.pool = pool
        self._size = size

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, str]]) -> Tags:
        """
        Take the tags of each object.

        Examples
        --------
        >>> Tags.of([{"highway": "track"}, {}]).texts("highway").tolist()
        ['track', None]
        """
        pool = Pool()
        keys = dict.fromkeys(key for row in rows for key in row)
        columns = {key: np.array([pool.code(row.get(key, "")) for row in rows], np.int32) for key in keys}
        return cls(len(rows), columns, pool)

    @classmethod
    def joined(cls, parts: Sequence[Tags], pool: Pool) -> Tags:
        """Put parts with one pool one after another."""
        keys = dict.fromkeys(key for part in parts for key in part.columns)
        columns = {key: np.concatenate([part.codes(key) for part in parts]) for key in keys}
        return cls(sum(map(len, parts)), columns, pool)

    def __len__(self) -> int:
        """Return the number of objects."""
        return self._size

    def take(self, rows: NDArray[Any]) -> Tags:
        """Return the tags of some rows, by place or mask."""
        size = int(rows.sum()) if rows.dtype == bool else len(rows)
        return Tags(size, {key: column[rows] for key, column in self.columns.items()}, self.pool)

    def codes(self, *keys: str) -> Codes:
        """Numbers of the texts of the first of these keys that each row has."""
        found = np.full(self._size, NONE, np.int32)
        for key in reversed(keys):
            if key in self.columns:
                column = self.columns[key]
                found = np.where(column == NONE, found, column)
        return found

    def has(self, *keys: str) -> Mask:
        """Whether each row has any of these keys."""
        return np.asarray(self.codes(*keys) != NONE)

    def among(self, key: str, texts: Collection[str]) -> Mask:
        """Whether each row has one of these texts under this key."""
        known = self.pool.known(texts)
        if key not in self.columns or not known:
            return np.zeros(self._size, dtype=bool)
        says = np.zeros(len(self.pool.texts) + 1, dtype=bool)  # one more for NONE
        says[known] = True
        return np.asarray(says[self.columns[key]])

    def texts(self, *keys: str) -> NDArray[np.object_]:
        """Texts of the first of these keys that each row has; None where it has none of them."""
        return self.told(self.codes(*keys), str, None)

    def told(self, codes: Codes, what: Callable[[str], T], otherwise: T | None) -> NDArray[np.object_]:
        """Return what each text says, asked once for each that occurs; `otherwise` where there is none."""
        occurs = np.zeros(len(self.pool.texts), dtype=bool)
        occurs[codes[codes != NONE]] = True
        says = np.full(len(occurs) + 1, None, dtype=object)
        for code in np.flatnonzero(occurs).tolist():
            says[code] = what(self.pool.texts[code])
        says[NONE] = otherwise
        return np.asarray(says[codes])
