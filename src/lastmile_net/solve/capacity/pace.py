"""The time that one run has: what is left of it, what has been reached by when, and whether anything asks to stop."""

from __future__ import annotations

import time
from concurrent.futures import wait
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lastmile_net.solve.problem import Progress
from lastmile_net.solve.search import TICK_S

if TYPE_CHECKING:
    from concurrent.futures import Future

    from lastmile_net.solve.clock import Clock
    from lastmile_net.solve.problem import Report, Status


class Pace:
    """
    The clock and the log of one run.

    Parameters
    ----------
    limit_s
        Time limit; None where there is none.
    share
        Part of it after which the run's first half stops.
    report
        Progress callback; False stops the run.

    Attributes
    ----------
    bound
        What is proven so far, for the log.
    stopped
        What asks to stop; None while nothing does.
    late
        Whether time has cut any step short, or left one out: another machine may end elsewhere.
    """

    def __init__(self, limit_s: float | None, share: float, report: Report | None) -> None:
        self.began = self.from_here = time.perf_counter()
        self.limit_s, self.share, self.report = limit_s, share, report
        self.bound = 0
        self.log: list[Progress] = []
        self.stopped: Status | None = None
        self.late = False

    def start_anew(self) -> None:
        """Count the limit from now on."""
        self.from_here = time.perf_counter()

    def go_on(self) -> None:
        """Count the whole limit anew, for the proof."""
        self.share = 1.0
        self.start_anew()
        if self.stopped == "time":
            self.stopped = None

    @property
    def deadline(self) -> float | None:
        """When all of the time is up."""
        return None if self.limit_s is None else self.from_here + self.limit_s

    def left(self) -> float | None:
        """Return the seconds that are left of the share; None where there is no limit."""
        return None if self.limit_s is None else max(self.limit_s * self.share - self._seconds(), 0.0)

    def tell(self, cost: int, stage: str) -> None:
        """Log the state, and see whether anything asks to stop."""
        line = Progress(time.perf_counter() - self.began, cost, self.bound, stage)
        self.log.append(line)
        if self.stopped == "interrupted":
            return
        if self.report is not None and self.report(line) is False:
            self.stopped = "interrupted"
        elif self.left() == 0.0:
            self.stopped, self.late = "time", True

    def wait(self, steps: list[Future[Any]], clock: Clock) -> None:
        """Wait for steps in other threads, and listen meanwhile."""
        try:
            while wait(steps, TICK_S).not_done:
                if not clock.stopped and not self.heartbeat():
                    clock.stopped.append("report")
        except KeyboardInterrupt:
            clock.stopped.append("keyboard")

    def heartbeat(self) -> bool:
        """Report the last state again while something goes on that has none of its own; return whether to go on."""
        now = replace(self.log[-1], seconds=time.perf_counter() - self.began)
        if self.report is not None and self.stopped is None and self.report(now) is False:
            self.stopped = "interrupted"
        return self.stopped is None

    def _seconds(self) -> float:
        return time.perf_counter() - self.from_here
