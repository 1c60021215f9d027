"""Where the command line prints, and the codes it ends with."""

from __future__ import annotations

import sys
import threading
import time
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

EVERY_S = 10.0
"""Seconds between two lines of progress in a log."""
BEAT_S = 1.0
"""Seconds between two looks whether a line is due."""
BAD_INPUT, NOT_ALL_WELL, PARTIAL = 3, 4, 5


class Screen:
    """stdout or stderr; rich, which takes a while to load, is asked only for what plain text cannot do."""

    def __init__(self, *, stderr: bool = False) -> None:
        self._stderr = stderr

    @cached_property
    def console(self) -> Console:
        """Console that knows colours and progress bars."""
        from rich.console import Console

        return Console(stderr=self._stderr, highlight=False, soft_wrap=True)

    def print(self, text: str, *, style: str | None = None) -> None:
        """Print a text as it is."""
        stream = sys.stderr if self._stderr else sys.stdout
        if style and stream.isatty():
            self.console.print(text, markup=False, style=style)
        else:
            print(text, file=stream)

    def print_json(self, text: str) -> None:
        """Print JSON."""
        self.console.print_json(text)


out = Screen()
err = Screen(stderr=True)


class Log:
    """Progress where no terminal shows it: a plain line on stderr now and then, with the seconds since the start."""

    def __init__(self) -> None:
        self.began = self.last = time.monotonic()
        self.what = ""
        self.over = threading.Event()

    def says(self, what: str) -> None:
        """Write a line."""
        self.what = what
        self._write(what)

    def may_say(self, what: str) -> None:
        """Write a line if the last one is old enough."""
        self.what = what
        if time.monotonic() - self.last >= EVERY_S:
            self._write(what)

    def live(self) -> None:
        """Write a line now and then where nothing is reported, until `over` is set."""
        while not self.over.wait(BEAT_S):
            if time.monotonic() - self.last >= EVERY_S + BEAT_S:
                self._write(f"still at work, after: {self.what}")

    def _write(self, what: str) -> None:
        self.last = time.monotonic()
        err.print(f"{self.last - self.began:6.0f} s  {what}")
