"""
Raise a bound by taking charges back around some terminals and charging anew, in another order.

Dual ascent charges whatever cut comes first, for good, and most of what its bound lacks is lost by that. Here charges
can be undone: those of a few terminals next to one another are taken back, and an ascend in an order of chance charges
again. What is not worse than before stays (ruin and recreate, Schrimpf et al. 2000, on the dual side). The bound
never falls, and is valid at any time.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lastmile_net.solve.bound import Habit, Record, ascend, draw, record_of, some
from lastmile_net.solve.compile import inner_kernel, kernel
from lastmile_net.solve.graph import PLAIN, copy_into
from lastmile_net.solve.windows import cut_windows, rows_by_window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.solve.graph import Graph

    Ints = NDArray[np.int64]
    Shorts = NDArray[np.int32]
    Flags = NDArray[np.bool_]

FEWEST, MOST = 2, 12
"""So many terminals next to one another give up their charges at a time."""
SHUFFLE = 20.0
SLACK = 2.0
"""Habits of the ascents."""
STEPS = 2
"""Steps of one pass for each terminal,"""
FEWEST_STEPS = 300
"""but so many at least."""
ROOM = 4
"""So many times as much as there is can be written down before the ranks are closed."""


class Near(NamedTuple):
    """Working memory for a search around a terminal: the turn in which each node was seen, nodes seen, terminals."""

    seen: Shorts
    queue: Shorts
    found: Shorts


class Chain(NamedTuple):
    """The cuts of each terminal: the first one's number at its node, then the next one's; -1 at the end."""

    first: Shorts
    after: Shorts


@kernel
def recharge(graph: Graph, habit: Habit, reduced: Ints, record: Record, steps: int) -> int:
    """
    Take back and charge anew around terminals drawn at random.

    Parameters
    ----------
    graph
        The graph; node 0 is the root.
    habit
        How the ascents choose their cuts.
    reduced
        What the charges leave of the cost of each arc; changed.
    record
        The charges so far, as far as they can be taken back; changed.
    steps
        How often.

    Returns
    -------
    gain
        By how much the sum of the charges has grown.
    """
    nodes = len(graph.kind)
    terminals = np.flatnonzero(graph.kind != PLAIN)[1:]
    near = Near(np.full(nodes, -1, np.int32), np.empty(nodes, np.int32), np.empty(MOST, np.int32))
    chain = Chain(np.full(nodes, -1, np.int32), np.empty(len(record.owner), np.int32))
    undone = np.empty(len(record.owner), np.int32)
    before = np.empty_like(reduced)
    total = 0
    tidy(record, chain)
    if len(terminals) == 0:
        return total
    for step in range(steps):
        if 2 * record.start[record.fill[0]] > len(record.arc) or 2 * record.fill[0] > len(record.owner):
            tidy(record, chain)
        t = terminals[int(draw(habit.chance) * len(terminals))]
        wanted = FEWEST + int(draw(habit.chance) * (MOST - FEWEST + 1))
        copy_into(before, reduced)
        lost, count = take_back(graph, reduced, record, chain, undone, near, gather(graph, near, t, wanted, step))
        if lost == 0:
            continue
        old = record.fill[0]
        record.fill[1] = 0
        gain = ascend(graph, habit, reduced, record)
        total += decide(reduced, before, record, chain, undone[:count], old, gain - lost)
    tidy(record, chain)
    return total


@inner_kernel
def decide(reduced: Ints, before: Ints, record: Record, chain: Chain, undone: Shorts, old: int, more: int) -> int:
    """Keep new charges, from number `old` on, if they are worth more than those undone, else these; return the gain."""
    if more < 0 or record.fill[1] > 0:
        copy_into(reduced, before)
        record.fill[0] = old
        for cut in undone:
            record.charge[cut] *= -1
        return 0
    for cut in undone:
        record.charge[cut] = 0
    for cut in range(old, record.fill[0]):
        chain.after[cut] = chain.first[record.owner[cut]]
        chain.first[record.owner[cut]] = cut
    return more


@inner_kernel
def gather(graph: Graph, near: Near, t: int, wanted: int, turn: int) -> int:
    """List the terminals nearest to `t`, by the number of edges between, `t` first; return how many there are."""
    near.queue[0] = t
    near.seen[t] = turn
    count, done, found = 1, 0, 0
    while done < count and found < wanted:
        v = near.queue[done]
        done += 1
        if graph.kind[v] != PLAIN and v != 0:
            near.found[found] = v
            found += 1
        for i in range(graph.start[v], graph.start[v + 1]):
            u = graph.nbr[i]
            if near.seen[u] != turn:
                near.seen[u] = turn
                near.queue[count] = u
                count += 1
    return found


@inner_kernel
def take_back(
    graph: Graph, reduced: Ints, record: Record, chain: Chain, undone: Shorts, near: Near, found: int
) -> tuple[int, int]:
    """Undo all charges of the terminals found, their signs turned; return their sum and number."""
    lost, count = 0, 0
    for i in range(found):
        cut = chain.first[near.found[i]]
        while cut >= 0:
            charged = record.charge[cut]
            if charged > 0:
                for j in range(record.start[cut], record.start[cut + 1]):
                    reduced[record.arc[j]] += charged
                record.charge[cut] = -charged
                undone[count] = cut
                count += 1
                lost += charged
            cut = chain.after[cut]
    return lost, count


@inner_kernel
def tidy(record: Record, chain: Chain) -> None:
    """Close the ranks of the cuts that are still charged, and chain them anew."""
    chain.first[:] = -1
    kept, at = 0, 0
    for cut in range(record.fill[0]):
        if record.charge[cut] <= 0:
            continue
        first, last = record.start[cut], record.start[cut + 1]
        for j in range(first, last):
            record.arc[at + j - first] = record.arc[j]
        at += last - first
        owner = record.owner[cut]
        record.owner[kept] = owner
        record.charge[kept] = record.charge[cut]
        record.start[kept + 1] = at
        chain.after[kept] = chain.first[owner]
        chain.first[owner] = kept
        kept += 1
    record.fill[0] = kept


def recharge_windows(
    graph: Graph, via: Shorts, reduced: Ints, record: Record, edges: int, turn: int, workers: int
) -> tuple[int, Record]:
    """
    Recharge in all windows of a graph, side by side.

    Parameters
    ----------
    graph
        The graph; node 0 is the root.
    via
        A good tree that spans; it guides the ascents.
    reduced, record
        What the charges so far leave of the cost of each arc (changed), and the charges.
    edges
        About so many edges per window.
    turn
        Number of this pass: chance hangs on it.
    workers
        Threads; the result does not depend on their number.

    Returns
    -------
    gain, record
        By how much the sum of the charges has grown, and the charges as they are now.

    Notes
    -----
    A charge whose arcs lead into several windows stays as it is: cut the windows otherwise in the next pass.
    """
    windows, label = cut_windows(graph, via, edges)
    stuck, own = by_window(graph, record, label, len(windows))
    place = np.empty(len(graph.end), np.int32)
    spot = np.empty(len(graph.kind), np.int32)
    left = []
    for number, window in enumerate(windows):
        place[window.arc] = np.arange(len(window.arc))
        spot[window.node] = 1 + np.arange(len(window.node))
        own[number] = own[number]._replace(arc=place[own[number].arc], owner=spot[own[number].owner])
        left.append(reduced[window.arc])

    def work(number: int) -> int:
        window = windows[number]
        chance = np.random.default_rng([turn, number]).integers(1 << 62, size=1)
        habit = Habit(window.guide, SLACK, len(window.arc), SHUFFLE, chance)
        own[number] = with_room(own[number], len(window.arc))
        steps = max(STEPS * (int(np.count_nonzero(window.graph.kind != PLAIN)) - 1), FEWEST_STEPS)
        return recharge(window.graph, habit, left[number], own[number], steps)

    with ThreadPoolExecutor(workers) as pool:
        gain = sum(pool.map(work, sorted(range(len(windows)), key=lambda number: -len(windows[number].arc))))
    for number, window in enumerate(windows):
        into = window.graph.end != 0
        reduced[window.arc[into]] = left[number][into]
        mine = filled(own[number])
        own[number] = mine._replace(
            arc=window.arc[mine.arc].astype(np.int32), owner=window.node[mine.owner - 1].astype(np.int32)
        )
    return gain, with_room(_join([stuck, *own]), len(graph.end))


def by_window(graph: Graph, record: Record, label: Shorts, windows: int) -> tuple[Record, list[Record]]:
    """
    Return the charges that lie in several windows, and those of each; `label` is the window of each node.

    A set can reach beyond the window into which all its arcs lead: then its terminal may be elsewhere.
    """
    record = filled(record)
    rows = rows_by_window(graph, record.start, record.arc, label, windows, node=record.owner)
    stuck, *own = (some(record, part) for part in rows)
    return stuck, own


def filled(record: Record) -> Record:
    """Return a record without the room that is left."""
    cuts = int(record.fill[0])
    start = record.start[: cuts + 1]
    return Record(start, record.arc[: start[-1]], record.owner[:cuts], record.charge[:cuts], record.fill)


def _join(records: list[Record]) -> Record:
    """Return all charges of some records without room."""
    length = np.concatenate([np.diff(each.start) for each in records])
    return Record(
        np.concatenate([[0], np.cumsum(length)]),
        np.concatenate([each.arc for each in records]),
        np.concatenate([each.owner for each in records]),
        np.concatenate([each.charge for each in records]),
        np.array([len(length), 0]),
    )


def with_room(record: Record, arcs: int) -> Record:
    """Return a copy of a record without room, with room for several times as much; `arcs` are those of its graph."""
    cuts = len(record.owner)
    wide = record_of(ROOM * cuts + arcs, ROOM * len(record.arc) + ROOM * arcs)
    wide.start[: cuts + 1] = record.start
    wide.arc[: len(record.arc)] = record.arc
    wide.owner[:cuts] = record.owner
    wide.charge[:cuts] = record.charge
    wide.fill[0] = cuts
    return wide
