"""When the search has to stop."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Clock:
    """When to stop: at a moment of `time.perf_counter`, or as soon as `stopped` is not empty."""

    deadline: float | None = None
    stopped: list[str] = field(default_factory=list)

    def over(self) -> bool:
        """Say whether time is up or a stop was asked for."""
        return bool(self.stopped) or self.left() <= 0

    def left(self) -> float:
        """Return the seconds until the deadline; infinite where there is none."""
        return float("inf") if self.deadline is None else self.deadline - time.perf_counter()
