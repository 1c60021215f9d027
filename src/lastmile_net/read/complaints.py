"""What a reader has to say about one source: faults that stop the run, and notes a planner should know."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.errors import MAX_ROWS_SHOWN, CrsError, DataError, Fault, LastMileError, MissingFileError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray


QUARANTINE = 'or set on_bad_rows = "quarantine" to go on without them'


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
    """

    source: str
    names: NDArray[np.object_] = field(default_factory=lambda: np.empty(0, dtype=object))
    spoilt: NDArray[np.bool_] | None = None
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def fault(self, what: str, cure: str, column: str = "", rows: NDArray[np.bool_] | None = None) -> None:
        """Add a fault; `rows` marks the rows concerned."""
        self.faults.append(Fault(what, cure, self.source, column, self.named(rows)))

    def spoil(self, what: str, cure: str, column: str, rows: NDArray[np.bool_], *, quarantine: bool) -> None:
        """Complain about the location of rows, as a fault, or as a note where they go into quarantine."""
        if quarantine:
            names = self.named(rows)
            shown = ", ".join(names[:MAX_ROWS_SHOWN]) + (", ..." if len(names) > MAX_ROWS_SHOWN else "")
            self.note(f"{int(rows.sum())} rows are in quarantine, as their {column} {what}: {shown}")
        else:
            self.fault(what, f"{cure}, {QUARANTINE}.", column, rows)
        self.spoilt = rows if self.spoilt is None else self.spoilt | rows

    def note(self, text: str) -> None:
        """Add a note, once."""
        sentence = f"{self.source}: {text}"
        if sentence not in self.notes:
            self.notes.append(sentence)

    def named(self, rows: NDArray[np.bool_] | None) -> tuple[str, ...]:
        """Names of the marked rows, in an order that is the same for any order of rows."""
        if rows is None:
            return ()
        return tuple(sorted(set(self.names[rows].tolist()), key=_by_number))


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
