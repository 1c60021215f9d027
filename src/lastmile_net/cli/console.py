"""Where the command line prints, and the codes it ends with."""

from __future__ import annotations

import sys
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

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
