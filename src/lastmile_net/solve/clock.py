"""When the search has to stop."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Clock:
    """
    When to stop: at a moment of `time.perf_counter`, or as soon as `stopped` is not empty.

    `late` is not empty once time was up while somebody still asked: what was found depends on the machine then.
    """

    deadline: float | None = None
    stopped: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)

    def over(self) -> bool:
        """Say whether time is up or a stop was asked for."""
        up = self.left() <= 0
        if up and not self.late:
            self.late.append("time")
        return bool(self.stopped) or up

    def left(self) -> float:
        """Return the seconds until the deadline; infinite where there is none."""
        return float("inf") if self.deadline is None else self.deadline - time.perf_counter()

    def has(self, seconds: float) -> bool:
        """Return whether so much time is left for a step, and know that it is left out where it is not."""
        enough = self.left() > seconds
        if not enough and not self.late:
            self.late.append("time")
        return enough

    def part(self, share: float) -> Clock:
        """Return a clock for the next part of a task, which may take this share of what is left."""
        deadline = None if self.deadline is None else time.perf_counter() + share * self.left()
        return Clock(deadline, self.stopped, self.late)
