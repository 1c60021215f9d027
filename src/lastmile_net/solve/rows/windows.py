"""Row generation on a graph too large for one linear programme: window by window."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.solve.rows.generate import Generation
from lastmile_net.solve.windows import cut_windows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.solve.clock import Clock
    from lastmile_net.solve.graph import Graph
    from lastmile_net.solve.windows import Window

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Shorts = NDArray[np.int32]

MOST_STEPS = 6
"""So often the programme of a window is solved at most."""
WORTH = 1e-4
"""A step that raises a window's bound by less than this part of it is the last."""


@dataclass(frozen=True, eq=False)
class Charged:
    """The bound that a window proves, what is left of the costs of its arcs, and how much its solution uses them."""

    bound: int
    reduced: Ints
    use: Floats


def charge_all(graph: Graph, via: Shorts, edges: int, clock: Clock, workers: int) -> tuple[int, Ints, Floats]:
    """
    Generate rows in all windows of a graph.

    Parameters
    ----------
    graph, via, edges
        As in `cut_windows`.
    clock
        When to stop.
    workers
        Threads; the result does not depend on their number.

    Returns
    -------
    bound, reduced, use
        The sum of all windows' bounds, what it leaves of each arc's cost, and how much the solutions use each arc.
    """
    windows, _ = cut_windows(graph, via, edges)
    reduced, use = np.repeat(graph.cost, 2), np.zeros(len(graph.end))

    def charge(number: int) -> Charged:
        return charge_window(windows[number], np.random.default_rng(number), clock)

    order = sorted(range(len(windows)), key=lambda number: -len(windows[number].arc))
    with ThreadPoolExecutor(workers) as pool:
        found = dict(zip(order, pool.map(charge, order), strict=True))
    for number, window in enumerate(windows):
        into = window.graph.end != 0
        reduced[window.arc[into]] = found[number].reduced[into]
        use[window.arc[into]] = found[number].use[into]
    return sum(charged.bound for charged in found.values()), reduced, use


def charge_window(window: Window, rng: np.random.Generator, clock: Clock) -> Charged:
    """Generate rows in a window until little is gained, and return what that proves (nothing, if time runs out)."""
    cost = np.repeat(window.graph.cost, 2)
    rows = Generation(window.graph, cost, window.guide, rng, clock, rim=window.rim)
    found = Charged(0, cost, np.zeros(len(cost)))
    for _ in range(MOST_STEPS):
        step = None if clock.over() else rows.step()
        if step is None:
            break
        gain = step.bound - found.bound
        if gain > 0:
            found = Charged(step.bound, step.reduced, rows.model.use.copy())
        if step.added == 0 or gain < WORTH * step.bound:
            break
    return found
