"""Protocol buffers whose messages hold numbers only, many at a time: bytes in, arrays out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

VARINT, BYTES = 0, 2
_FIXED = {1: 8, 5: 4}
ONE_BYTE = 128
"""Numbers below this are a single byte; the bytes of longer ones, but the last, are not below it."""
_LONGEST = 10


class UnreadableError(ValueError):
    """What is here is no protocol buffer, or one of a kind that is not read here."""


def varint(data: bytes, at: int) -> tuple[int, int]:
    """Read one number; return it and where the next thing starts."""
    value = 0
    for place in range(_LONGEST):
        byte = data[at + place]
        value |= (byte & 127) << 7 * place
        if byte < ONE_BYTE:
            return value, at + place + 1
    message = "a number is too long"
    raise UnreadableError(message)


def fields(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """
    Walk over the fields of one message.

    Yields
    ------
    field, first, second
        Number of the field; then its value and 0, or the begin and the end of its bytes.
    """
    while at < end:
        tag, at = varint(data, at)
        kind = tag & 7
        if kind == VARINT:
            value, at = varint(data, at)
            yield tag >> 3, value, 0
            continue
        size, at = (_FIXED[kind], at) if kind in _FIXED else varint(data, at)
        if kind not in (*_FIXED, BYTES) or at + size > end:
            message = "a message ends before its fields do"
            raise UnreadableError(message)
        yield tag >> 3, at, at + size
        at += size


def chained(at: Ints, past: Ints, end: int) -> Ints:
    """
    Find the fields that follow one another, among all places where one might begin.

    Parameters
    ----------
    at
        Places where a field may begin, ascending; the first is one.
    past
        Place behind each of these fields.
    end
        Place behind the last one.

    Returns
    -------
    rows
        Which of them are fields: the first, the one that begins behind it, and so on to the end.

    Notes
    -----
    A place behind which no other place follows is no field; without these, the next place is the next field but for
    rare chances, and a step in Python is taken only there.
    """
    places = np.append(at, end)
    there = np.flatnonzero(places[np.minimum(np.searchsorted(places, past), len(at))] == past)
    at, past = at[there], past[there]
    follow = np.searchsorted(at, past)
    steps = np.flatnonzero(follow != np.arange(1, len(at) + 1))
    begins, ends = [0], []
    for step, further in zip(steps.tolist(), follow[steps].tolist(), strict=True):
        if step >= begins[-1]:  # else it was no field
            ends.append(step + 1)
            begins.append(max(further, step + 1))
    turn = np.zeros(len(at) + 1, np.int8)
    turn[begins] += 1
    turn[ends] -= 1
    rows = np.flatnonzero(np.cumsum(turn[:-1]))
    if not len(rows) or there[0] or (past[rows[:-1]] != at[rows[1:]]).any() or past[rows[-1]] != end:
        message = "a message ends before its fields do"
        raise UnreadableError(message)
    return np.asarray(there[rows])


def heads(data: bytes, begin: int, end: int, tag: int) -> list[int]:
    """Where the sizes of fields stand, in a message of nothing but fields with bytes under one tag of a single byte."""
    found = []
    at = begin
    while at < end:
        if data[at] != tag:
            raise _strange()
        found.append(at + 1)
        size = data[at + 1]
        at += 2
        if size >= ONE_BYTE:
            size, at = varint(data, at - 1)
        at += size
    if at != end:
        message = "a message ends before its fields do"
        raise UnreadableError(message)
    return found


def varints(data: NDArray[np.uint8]) -> tuple[Ints, Ints]:
    """Read numbers that stand one after another; return them and where each starts."""
    if not len(data):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    last = np.flatnonzero(data < ONE_BYTE)
    start = np.empty_like(last)
    start[:1] = 0
    start[1:] = last[:-1] + 1
    more = last - start
    if data[-1] >= ONE_BYTE or int(more.max()) >= _LONGEST:
        message = "a number does not end"
        raise UnreadableError(message)
    low, more = data & 127, more.astype(np.uint8)
    value = low[last].astype(np.int64)
    for length in range(1, int(more.max()) + 1):
        rows = np.flatnonzero(more == length)
        end, part = last[rows], value[rows]
        for step in range(1, length + 1):  # the last byte holds the highest bits
            part <<= 7
            part |= low.take(end - step)
        value[rows] = part
    return value, start


def signed(value: Ints) -> Ints:
    """Undo the zigzag of signed numbers."""
    return (value >> 1) ^ -(value & 1)


def deltas(data: NDArray[np.uint8]) -> Ints:
    """Read packed signed numbers of which each is told by its difference from the one before."""
    return np.asarray(np.cumsum(signed(varints(data)[0])))


@dataclass(frozen=True, eq=False)
class Spans:
    """For each message, which numbers belong to one of its fields: from `low` up to and without `high`."""

    low: Ints
    high: Ints

    def take(self, rows: NDArray[np.int64]) -> Spans:
        """Return the spans of some messages."""
        return Spans(self.low[rows], self.high[rows])

    @property
    def counts(self) -> Ints:
        """How many numbers each message has in this field."""
        return self.high - self.low

    def places(self) -> tuple[Ints, Ints]:
        """Return, one message after another, the message (its row) and the place of each number."""
        counts = self.counts
        before = np.cumsum(counts) - counts
        owner = np.repeat(np.arange(len(counts)), counts)
        return owner, np.arange(len(owner)) + np.repeat(self.low - before, counts)


class Messages:
    """
    Equal messages, one after another, which hold numbers, packed numbers, and messages of such.

    All bytes are read as numbers at once, whatever message they belong to; then all messages are walked
    together, one field at a time.

    Parameters
    ----------
    data
        What holds them.
    begin, end, tag
        Bytes of the message that holds them, all under one tag of a single byte.

    Raises
    ------
    UnreadableError
        If a message holds anything else.
    """

    def __init__(self, data: bytes, begin: int, end: int, tag: int) -> None:
        raw = np.frombuffer(data, np.uint8)[begin:end]
        self.values, start = varints(raw)
        self._start = np.append(start, len(raw))
        self._which = np.full(len(raw) + 1, -1, np.int64)
        self._which[self._start] = np.arange(len(self._start))
        self._spans: dict[int, Spans] = {}
        head = np.flatnonzero(self.values[:-1] == tag)
        if not len(head) or head[0]:
            raise _strange()
        past = self._start[head + 2] + self.values[head + 1]
        first = head[chained(self._start[head], past, len(raw))] + 2
        self._count = len(first)
        self._walk(first, np.append(first[1:] - 2, len(self.values)))

    def __len__(self) -> int:
        """How many messages there are."""
        return self._count

    def span(self, field: int) -> Spans:
        """Where the numbers of a field stand; nowhere in messages that do not have it."""
        nothing = np.zeros(self._count, np.int64)
        return self._spans.get(field) or Spans(nothing, nothing)

    def numbers(self, field: int, default: int = 0) -> Ints:
        """Return the number that each message has in a field."""
        span = self.span(field)
        found = np.full(self._count, default, np.int64)
        rows = np.flatnonzero(span.counts)
        found[rows] = self.values[span.low[rows]]
        return found

    def _walk(self, at: Ints, end: Ints) -> None:
        if (at < 0).any() or (end < 0).any():
            raise _strange()
        rows, at = np.arange(len(at)), at.copy()
        while len(rows := rows[at[rows] < end[rows]]):
            here = at[rows]
            if (here + 2 > end[rows]).any():
                raise _strange()
            tag, size, low = self.values[here], self.values[here + 1], here + 2
            kind = tag & 7
            single = kind == VARINT
            past = self._start[low] + np.where(single, 0, size)
            if not (single | (kind == BYTES)).all() or (size[~single] < 0).any() or (past >= len(self._which)).any():
                raise _strange()
            high = self._which[past]
            if (high < low).any() or (high > end[rows]).any():
                raise _strange()
            self._note(tag >> 3, rows, np.where(single, here + 1, low), high)
            at[rows] = high

    def _note(self, field: Ints, rows: Ints, low: Ints, high: Ints) -> None:
        while len(field):  # mostly it is the same field in all of them
            each = int(field[0])
            ours = field == each
            if each not in self._spans:
                self._spans[each] = Spans(np.zeros(self._count, np.int64), np.zeros(self._count, np.int64))
            span, told = self._spans[each], rows[ours]
            if span.high[told].any():  # not packed, or told twice: allowed, but nobody does it
                raise _strange()
            span.low[told], span.high[told] = low[ours], high[ours]
            field, rows, low, high = (part[~ours] for part in (field, rows, low, high))


def _strange() -> UnreadableError:
    return UnreadableError("a message is not built as those of OpenStreetMap are")
