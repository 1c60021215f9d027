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

from lastmile_net.solve.bound import ascend, record_of
from lastmile_net.solve.rows.generate import SHORT, Generation
from lastmile_net.solve.rows.priced import PricedRows, join_rows
from lastmile_net.solve.windows import cut_windows, home_windows

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
CUTS_PER_NODE, ARCS_PER_NODE, MOST_ARCS = 8, 200, 30_000_000
"""Room for the cuts of an ascent on the whole graph."""


@dataclass(frozen=True, eq=False)
class Charged:
    """
    What has been charged, on a graph or on a window of it.

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


def charge_all(
    graph: Graph, habit: Habit, edges: int, clock: Clock, workers: int, before: Charged | None = None
) -> Charged:
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
        When to stop: what is not begun by then stays as it was.
    workers
        Threads; the result does not depend on their number.
    before
        What has been charged on this graph so far. Without it, an ascent goes first.
    """
    if before is None:
        nothing = PricedRows.of(record_of(0, 0))
        before = _ascended(graph, habit, Charged(0, np.repeat(graph.cost, 2), nothing, np.zeros(len(graph.end))))
    windows, label = cut_windows(graph, habit.guide, edges)
    stuck, own = _by_window(graph, before.rows, label, len(windows))
    given = [_given(before, rows, window) for rows, window in zip(own, windows, strict=True)]

    def charge(number: int) -> Charged:
        return charge_window(windows[number], given[number], np.random.default_rng(number), clock)

    order = sorted(range(len(windows)), key=lambda number: -len(windows[number].arc))
    with ThreadPoolExecutor(workers) as pool:
        found = dict(zip(order, pool.map(charge, order), strict=True))
    bound, reduced, use, rows = before.bound, before.reduced.copy(), before.use.copy(), [stuck]
    for number, window in enumerate(windows):
        new = found[number]
        if new is given[number]:
            rows.append(own[number])
            continue
        into = window.graph.end != 0
        bound += new.bound - given[number].bound
        reduced[window.arc[into]] = new.reduced[into]
        use[window.arc[into]] = new.use[into]
        rows.append(replace(new.rows, arc=window.arc[new.rows.arc]))
    return _ascended(graph, habit, Charged(bound, reduced, join_rows(rows), use))


def charge_window(window: Window, given: Charged, rng: np.random.Generator, clock: Clock) -> Charged:
    """
    Generate rows in a window until little is gained.

    Parameters
    ----------
    window, rng, clock
        The window, where chance comes from, and when to stop.
    given
        Charges to be taken back, in the window's arcs; `reduced` is what arcs cost without them.

    Returns
    -------
    charged
        What can be charged instead; `given` itself where that is not more.
    """
    if clock.over():
        return given
    rows = Generation(window.graph, given.reduced, window.guide, rng, clock, rim=window.rim)
    rows.model.add_cuts(given.rows.cuts(), SHORT)
    found, proven = given, 0
    for _ in range(MOST_STEPS):
        step = None if clock.over() else rows.step()
        if step is None:
            break
        gain, proven = step.bound - proven, max(step.bound, proven)
        if step.bound > found.bound:
            found = Charged(step.bound, step.reduced, step.rows, rows.model.use.copy())
        if step.added == 0 or gain < WORTH * step.bound:
            break
    return found


def _ascended(graph: Graph, habit: Habit, charged: Charged) -> Charged:
    """Charge what an ascent on the whole graph still can."""
    nodes, reduced = len(graph.kind), charged.reduced.copy()
    record = record_of(CUTS_PER_NODE * nodes, min(ARCS_PER_NODE * nodes, MOST_ARCS))
    bound = charged.bound + int(ascend(graph, habit, reduced, record))
    return Charged(bound, reduced, join_rows([charged.rows, PricedRows.of(record)]), charged.use)


def _given(charged: Charged, own: PricedRows, window: Window) -> Charged:
    """Return a window's own charges in its arcs, and what its arcs cost without them."""
    arcs = len(window.arc)
    order = np.argsort(window.arc)
    rows = replace(own, arc=order[np.searchsorted(window.arc, own.arc, sorter=order)])
    cost = np.where(window.graph.end != 0, charged.reduced[window.arc] + rows.charges(arcs), 0)
    return Charged(rows.bound, cost, rows, np.zeros(arcs))


def _by_window(graph: Graph, rows: PricedRows, label: Shorts, windows: int) -> tuple[PricedRows, list[PricedRows]]:
    """Return the rows that lie in several windows, and those of each; `label` is the window of each node."""
    home = home_windows(graph, rows.start, rows.arc, label)
    order = np.argsort(home, kind="stable")
    ends = np.searchsorted(home[order], np.arange(windows + 1))
    stuck, *own = (rows.some(part) for part in np.split(order, ends)[:-1])
    return stuck, own
