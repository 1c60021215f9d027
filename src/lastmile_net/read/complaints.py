"""What a reader has to say about one source: faults that stop the run, and notes a planner should know."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import numpy as np

from lastmile_net.counts import agree
from lastmile_net.errors import MAX_ROWS_SHOWN, CrsError, DataError, Fault, LastMileError, MissingFileError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd
    from numpy.typing import NDArray


INVALID, NULL_ISLAND, SWAPPED, NO_LENGTH = "invalid_location", "null_island", "swapped_axes", "no_length"
"""Why rows are rejected, in the codes of the data doctor."""
BEYOND_CRS = "beyond_crs"
"""Code of the note on a layer that lies far outside the area of use of its CRS."""
MAX_NAME = 60
QUARANTINE = 'or set on_bad_rows = "quarantine" to go on without them'


class Note(str):
    """A sentence that a planner should know, with the doctor's code for it."""

    code: str

    def __new__(cls, text: str, code: str = "read_as") -> Self:
        """Make a note."""
        note = super().__new__(cls, text)
        note.code = code
        return note


@dataclass
class Complaints:
    """
    Faults and notes gathered while one source is read.

    Parameters
    ----------
    source
        Name of the source in messages.
    names
        What names each row in messages: its id, or its number from 1.
    spoilt
        Rows whose location has been complained about already.
    rejected
        For each row that cannot be used, by its index in the source: code, reason, and what names it.
    called
        What the source calls the columns of the schema that have another name there.
    """

    source: str
    names: NDArray[np.object_] = field(default_factory=lambda: np.empty(0, dtype=object))
    spoilt: NDArray[np.bool_] | None = None
    faults: list[Fault] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    rejected: dict[int, tuple[str, str, str]] = field(default_factory=dict)
    called: dict[str, str] = field(default_factory=dict)

    def fault(self, what: str, cure: str, column: str = "", rows: NDArray[np.bool_] | None = None) -> None:
        """Add a fault; `column` is one of the schema, or of the source; `rows` marks the rows concerned."""
        self.faults.append(Fault(what, cure, self.source, self.name_of(column), self.named(rows)))

    def name_of(self, column: str) -> str:
        """Return what the source calls a column of the schema."""
        return self.called.get(column, column)

    def spoil(self, what: str, cure: str, column: str, rows: NDArray[np.bool_], *, quarantine: bool) -> None:
        """Complain about the location of rows, as a fault, or as a note where they go into quarantine."""
        if quarantine:
            names = self.named(rows)
            shown = ", ".join(names[:MAX_ROWS_SHOWN]) + (", ..." if len(names) > MAX_ROWS_SHOWN else "")
            many = f"{rows.sum():,} rows are in quarantine, as their"
            self.note(f"{agree(rows.sum(), '1 row is in quarantine, as its', many)} {column} {what}: {shown}", INVALID)
        else:
            self.fault(what, f"{cure}, {QUARANTINE}.", column, rows)
        self.spoilt = rows if self.spoilt is None else self.spoilt | rows

    def reject(self, index: pd.Index, rows: NDArray[np.bool_], code: str, reason: str) -> None:
        """Remember why rows cannot be used; the first reason of a row counts."""
        for row, name in zip(index[rows].tolist(), self.names[rows], strict=True):
            self.rejected.setdefault(int(row), (code, reason, name))

    def note(self, text: str, code: str = "read_as") -> None:
        """Add a note, once."""
        sentence = Note(f"{self.source}: {text}", code)
        if sentence not in self.notes:
            self.notes.append(sentence)

    def named(self, rows: NDArray[np.bool_] | None) -> tuple[str, ...]:
        """Names of the marked rows, in an order that is the same for any order of rows."""
        if rows is None:
            return ()
        return tuple(sorted({_short(name) for name in self.names[rows]}, key=_by_number))


def _short(name: str) -> str:
    """Return a name that fits into a message."""
    plain = " ".join(name.split())
    return plain if len(plain) <= MAX_NAME else f"{plain[:MAX_NAME]}..."


def _by_number(name: str) -> tuple[int, str]:
    return (len(name), name) if name.isdecimal() else (0, name)


def raise_all(faults: Sequence[Fault]) -> None:
    """Raise all faults as one error, if there are any."""
    if faults:
        raise DataError(faults)


def raise_together(errors: Iterable[LastMileError]) -> None:
    """Raise the faults of several errors as one error, of their kind if they are all of one kind."""
    errors = list(errors)
    if not errors:
        return
    faults = [fault for error in errors for fault in error.faults]
    kinds = {type(error) for error in errors}
    if kinds == {MissingFileError}:
        raise MissingFileError(faults)
    raise (CrsError if kinds == {CrsError} else DataError)(faults)
