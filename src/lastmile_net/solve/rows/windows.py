"""
Row generation on a graph too large for one linear programme: window by window.

What a window may charge hangs on where it ends: what lies outside counts as tied to the root for nothing. So the rows
that have a price are kept, and the next pass cuts other windows: those rows that lie in one of them are charged anew
there, and all others stay, those across the rims of the windows among them. The bound never falls.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.solve.bound import ascend, record_of, roomy_record
from lastmile_net.solve.graph import PLAIN
from lastmile_net.solve.rows.generate import SHORT, Generation
from lastmile_net.solve.rows.priced import PricedRows, join_rows
from lastmile_net.solve.windows import cut_windows, rows_by_window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.solve.bound import Habit
    from lastmile_net.solve.clock import Clock
    from lastmile_net.solve.graph import Graph
    from lastmile_net.solve.windows import Window

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Shorts = NDArray[np.int32]

MOST_STEPS = 4
"""So often the programme of a window is solved at most."""
WORTH = 1e-4
"""A step that raises a window's bound by less than this part of it is the last."""


@dataclass(frozen=True, eq=False)
class RowCharges:
    """
    What has been charged on a graph, or on a window of it.

    Parameters
    ----------
    bound
        No tree costs less.
    reduced
        int64 (2m,), >= 0. What the charges leave of each arc's cost.
    rows
        The charges, as far as they are known one by one.
    use
        float64 (2m,). How much the last solutions use each arc.
    """

    bound: int
    reduced: Ints
    rows: PricedRows
    use: Floats


@dataclass(frozen=True, eq=False)
class Given:
    """
    What a window may charge anew, in its own arcs.

    Parameters
    ----------
    rows
        Its charges so far, taken back.
    cost
        int64. What its arcs cost without them: less than nothing where rows that stay say that an arc pays for others.
    """

    rows: PricedRows
    cost: Ints


def charge_all(
    graph: Graph,
    habit: Habit,
    edges: int,
    clock: Clock,
    workers: int,
    before: RowCharges | None = None,
    *,
    may_meet: bool = False,
) -> RowCharges:
    """
    Generate rows in all windows of a graph, once around.

    Parameters
    ----------
    graph
        The graph; node 0 is the root.
    habit
        Of the ascents on the whole graph; its guide, a tree that spans, says where to cut, too.
    edges
        About so many edges per window.
    clock
        When to stop: what is not begun by then stays as it was. The ascents do not look at it.
    workers
        Threads; the result does not depend on their number.
    before
        What has been charged on this graph so far. Without it, an ascent goes first.
    may_meet
        Whether two trenches may meet in a plain node and go on as one, as where ports are few.
    """
    if before is None:
        nothing = PricedRows.of(record_of(0, 0))
        before = _ascended(graph, habit, RowCharges(0, np.repeat(graph.cost, 2), nothing, np.zeros(len(graph.end))))
    windows, label = cut_windows(graph, habit.guide, edges)
    if may_meet:
        windows = [replace(window, rim=window.graph.kind == PLAIN) for window in windows]
    stuck, *own = map(before.rows.some, rows_by_window(graph, before.rows.start, before.rows.arc, label, len(windows)))
    given = [_given(before, rows, window) for rows, window in zip(own, windows, strict=True)]

    def charge(number: int) -> RowCharges | None:
        return charge_window(windows[number], given[number], np.random.default_rng(number), clock)

    order = sorted(range(len(windows)), key=lambda number: -len(windows[number].arc))
    with ThreadPoolExecutor(workers) as pool:
        found = dict(zip(order, pool.map(charge, order), strict=True))
    bound, reduced, use, rows = before.bound, before.reduced.copy(), before.use.copy(), [stuck]
    for number, window in enumerate(windows):
        new = found[number]
        if new is None:
            rows.append(own[number])
            continue
        into = window.graph.end != 0
        bound += new.bound - own[number].bound
        reduced[window.arc[into]] = new.reduced[into]
        use[window.arc[into]] = new.use[into]
        rows.append(replace(new.rows, arc=window.arc[new.rows.arc]))
    return _ascended(graph, habit, RowCharges(bound, reduced, join_rows(rows), use))


def charge_window(window: Window, given: Given, rng: np.random.Generator, clock: Clock) -> RowCharges | None:
    """Generate rows in a window until little is gained; return what can be charged instead, None if that is no more."""
    if clock.over():
        return None
    rows = Generation(window.graph, given.cost, window.guide, rng, clock, rim=window.rim)
    rows.model.add_cuts(given.rows.cuts(), SHORT)
    found, least = None, given.rows.bound
    proven = min(least, 0)
    for _ in range(MOST_STEPS):
        step = None if clock.over() else rows.step()
        if step is None:
            break
        gain, proven = step.bound - proven, max(step.bound, proven)
        if step.bound > least:
            found, least = RowCharges(step.bound, step.reduced, step.rows, rows.model.use.copy()), step.bound
        if step.added == 0 or gain < WORTH * abs(step.bound):
            break
    return found


def _ascended(graph: Graph, habit: Habit, charged: RowCharges) -> RowCharges:
    """Charge what an ascent on the whole graph still can."""
    reduced, record = charged.reduced.copy(), roomy_record(len(graph.kind))
    bound = charged.bound + int(ascend(graph, habit, reduced, record))
    return RowCharges(bound, reduced, join_rows([charged.rows, PricedRows.of(record)]), charged.use)


def _given(charged: RowCharges, own: PricedRows, window: Window) -> Given:
    """Return a window's own charges in its arcs, and what these cost without them."""
    rows = replace(own, arc=np.searchsorted(window.arc, own.arc))
    cost = charged.reduced[window.arc] + rows.charges(len(window.arc))
    return Given(rows, np.where(window.graph.end != 0, cost, 0))
