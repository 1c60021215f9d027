"""
Prove what no tree can undercut: dual ascent on directed cuts, and the edges it shows to be useless.

Every terminal must be entered from the root: across each set of nodes around a terminal and without
the root some arc is bought. Dual ascent charges such sets as much as the arcs into them still allow;
the sum of the charges is a lower bound, and what remains of each arc is its reduced cost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lastmile_net.solve.compile import inner_kernel, kernel
from lastmile_net.solve.graph import FAR, LEAF, PLAIN, ROOT, ZERO, pick_rows
from lastmile_net.solve.paths import heap_pop, heap_up

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.solve.graph import Graph

    Ints = NDArray[np.int64]
    Shorts = NDArray[np.int32]
    Flags = NDArray[np.bool_]

FINISHED, MERGED, GROWN = 1, 2, 3
CUTS_PER_NODE, ARCS_PER_NODE, MOST_ARCS = 8, 200, 30_000_000
"""Room for charges that can be taken back."""

ONCE = 1 << 32
"""What each crossing of the guide beyond the first adds to the score of a cut."""


class Habit(NamedTuple):
    """
    How an ascent chooses its cuts.

    Parameters
    ----------
    guide
        A tree directed away from the root: cuts that it crosses once go first, because these are the
        ones that the best charges use. All -1 for no guide.
    slack
        A cut grows on as long as it scores at most this many times the smallest other one.
    cap
        Cuts with more arcs than this are given up: the bound stays valid, the time linear.
    shuffle
        Scores are multiplied by up to 1 + this, at random.
    chance
        int64 (1,). State of the random numbers; changed.
    """

    guide: Shorts
    slack: float
    cap: int
    shuffle: float = 0.0
    chance: Ints = np.zeros(1, np.int64)


class Record(NamedTuple):
    """
    Where an ascent writes down the cuts it charges, as far as there is room.

    Parameters
    ----------
    start
        int64 (k + 1,). Rows of `arc`, one per cut.
    arc
        int32. The arcs into each cut.
    owner, charge
        int32 (k,), int64 (k,). The terminal around which each was found, and what it was charged.
    fill
        int64 (2,). Number of cuts written down, and of those for which there was no room.
    """

    start: Ints
    arc: Shorts
    owner: Shorts
    charge: Ints
    fill: Ints


class Room(NamedTuple):
    """Working memory of an ascent: the component at hand, its marks, the arcs into it, who is reached or active."""

    member: Shorts
    stamp: Shorts
    border: Shorts
    reached: Flags
    active: Flags
    record: Record


def record_of(cuts: int, arcs: int) -> Record:
    """Return an empty record with room for so many cuts, and arcs in all of them."""
    return Record(
        np.zeros(cuts + 1, np.int64),
        np.empty(arcs, np.int32),
        np.empty(cuts, np.int32),
        np.zeros(cuts, np.int64),
        np.zeros(2, np.int64),
    )


def roomy_record(nodes: int) -> Record:
    """Return an empty record with room for all that an ascent on a graph of so many nodes charges, or nearly all."""
    return record_of(CUTS_PER_NODE * nodes, min(ARCS_PER_NODE * nodes, MOST_ARCS))


def smallest(record: Record, arcs: int) -> Record:
    """Return the cuts with the fewest arcs, as many as have so many arcs together."""
    cuts = int(record.fill[0])
    length = np.diff(record.start[: cuts + 1])
    order = np.argsort(length, kind="stable")
    return some(record, np.sort(order[np.cumsum(length[order]) <= arcs]))


def some(record: Record, which: Ints) -> Record:
    """Return some cuts of a record, by their numbers, without room for more."""
    start, place = pick_rows(record.start, which)
    fill = np.array([len(which), 0])
    return Record(start, record.arc[place], record.owner[which], record.charge[which], fill)


@inner_kernel
def write_down(record: Record, border: Shorts, arcs: int, owner: int, charge: int) -> None:
    """Add a cut to a record, if there is room."""
    cut = record.fill[0]
    if cut + 1 >= len(record.start) or record.start[cut] + arcs > len(record.arc):
        record.fill[1] += 1
        return
    at = record.start[cut]
    for i in range(arcs):
        record.arc[at + i] = border[i]
    record.start[cut + 1] = at + arcs
    record.owner[cut] = owner
    record.charge[cut] = charge
    record.fill[0] = cut + 1


@inner_kernel
def draw(chance: Ints) -> float:
    """Return a random number from 0 up to 1, and move the state on (Knuth's 64-bit linear congruence)."""
    chance[0] = chance[0] * 6364136223846793005 + 1442695040888963407
    return float((chance[0] >> 33) & 0x7FFFFFFF) / 2147483648.0


@kernel
def ascend(graph: Graph, habit: Habit, reduced: Ints, record: Record) -> int:
    """
    Charge cuts until every terminal is reached from the root over arcs without reduced cost.

    Parameters
    ----------
    graph
        The graph.
    habit
        How cuts are chosen.
    reduced
        Cost of each arc; what remains of it afterwards.
    record
        Takes the cuts.

    Returns
    -------
    bound
        The sum of the charges: a lower bound.

    Notes
    -----
    Wong (1984); the order of cuts follows Pajor, Uchoa & Werneck (2018).
    """
    nodes = len(graph.kind)
    room = Room(
        np.empty(nodes, np.int32),
        np.full(nodes, -1, np.int32),
        np.empty(len(graph.end), np.int32),
        np.zeros(nodes, np.bool_),
        np.zeros(nodes, np.bool_),
        record,
    )
    score = np.zeros(nodes, np.int64)
    heap = np.empty(nodes, np.int32)
    place = np.full(nodes, -1, np.int32)
    size = 0
    mark(graph, reduced, room.reached, room.member, ROOT)
    for t in range(nodes):
        if graph.kind[t] != PLAIN and not room.reached[t]:
            room.active[t] = True
            score[t] = shuffled(habit, graph.start[t + 1] - graph.start[t])
            size = heap_up(heap, place, score, size, t)
    bound = 0
    turn = ZERO
    while size > 0:
        t = heap_pop(heap, place, score, size)
        size -= 1
        limit = int(habit.slack * score[heap[0]]) if size > 0 else int(FAR)
        state, gain, weight = charge(graph, reduced, room, habit, t, turn, limit)
        bound += gain
        turn += 1
        if state == GROWN:
            score[t] = shuffled(habit, weight)
            size = heap_up(heap, place, score, size, t)
        else:
            room.active[t] = False
    return bound


@inner_kernel
def shuffled(habit: Habit, weight: int) -> int:
    """Return a score, multiplied at random if that is the habit."""
    if habit.shuffle <= 0:
        return weight
    return int(weight * (1.0 + habit.shuffle * draw(habit.chance)))


@inner_kernel
def charge(  # noqa: C901
    graph: Graph, reduced: Ints, room: Room, habit: Habit, t: int, turn: int, limit: int
) -> tuple[int, int, int]:
    """Charge the component around terminal t until it is reached, meets another, or has a score above `limit`."""
    # in one piece: as three kernels an ascent takes half as long again
    gain = 0
    room.stamp[t] = turn
    room.member[0] = t
    count, scanned, arcs, crossed = 1, 0, 0, 0
    state = GROWN
    while True:
        while scanned < count:
            v = room.member[scanned]
            scanned += 1
            for i in range(graph.start[v], graph.start[v + 1]):
                u = graph.nbr[i]
                if room.stamp[u] == turn or graph.kind[u] == LEAF:
                    continue
                a = graph.arc[i] ^ 1
                if reduced[a] > 0:
                    room.border[arcs] = a
                    arcs += 1
                    continue
                if room.reached[u]:
                    return FINISHED, gain, arcs
                if room.active[u] and u != t:
                    return MERGED, gain, arcs
                room.stamp[u] = turn
                room.member[count] = u
                count += 1
        kept = 0
        step = int(FAR)
        crossed = 0
        for i in range(arcs):
            a = room.border[i]
            if room.stamp[graph.end[a ^ 1]] != turn:
                room.border[kept] = a
                kept += 1
                step = min(step, int(reduced[a]))
                if habit.guide[graph.end[a]] == a:
                    crossed += 1
        arcs = kept
        if arcs == 0 or arcs > habit.cap:
            return FINISHED, gain, arcs
        weight = count + ONCE * max(crossed - 1, 0)
        if weight > limit:
            return GROWN, gain, weight
        gain += step
        write_down(room.record, room.border, arcs, t, step)
        kept = 0
        for i in range(arcs):
            a = room.border[i]
            reduced[a] -= step
            if reduced[a] > 0:
                room.border[kept] = a
                kept += 1
                continue
            u = graph.end[a ^ 1]
            if room.reached[u]:
                state = FINISHED
                mark(graph, reduced, room.reached, room.member, graph.end[a])
            elif room.active[u]:
                state = MERGED if state == GROWN else state
            elif room.stamp[u] != turn and state == GROWN:
                room.stamp[u] = turn
                room.member[count] = u
                count += 1
        arcs = kept
        if state != GROWN:
            return state, gain, arcs


@inner_kernel
def mark(graph: Graph, reduced: Ints, reached: Flags, queue: Shorts, first: int) -> None:
    """Mark all that can be reached from `first` over arcs without reduced cost."""
    if reached[first]:
        return
    reached[first] = True
    queue[0] = first
    count = 1
    while count > 0:
        count -= 1
        v = queue[count]
        if graph.kind[v] == LEAF:
            continue
        for i in range(graph.start[v], graph.start[v + 1]):
            u = graph.nbr[i]
            if reduced[graph.arc[i]] == 0 and not reached[u]:
                reached[u] = True
                queue[count] = u
                count += 1


@kernel
def reach_from(graph: Graph, reduced: Ints) -> Ints:
    """Return each node's distance from the root over arcs at their reduced cost."""
    nodes = len(graph.kind)
    far = np.full(nodes, FAR)
    heap = np.empty(nodes, np.int32)
    place = np.full(nodes, -1, np.int32)
    far[ROOT] = 0
    size = heap_up(heap, place, far, 0, ROOT)
    while size > 0:
        v = heap_pop(heap, place, far, size)
        size -= 1
        if graph.kind[v] == LEAF:
            continue
        for i in range(graph.start[v], graph.start[v + 1]):
            u = graph.nbr[i]
            d = far[v] + reduced[graph.arc[i]]
            if d < far[u]:
                far[u] = d
                size = heap_up(heap, place, far, size, u)
    return far


@inner_kernel
def reach_to(graph: Graph, reduced: Ints) -> Ints:
    """Return each node's distance to its nearest terminal but the root over arcs at their reduced cost."""
    nodes = len(graph.kind)
    far = np.full(nodes, FAR)
    heap = np.empty(nodes, np.int32)
    place = np.full(nodes, -1, np.int32)
    size = 0
    for t in range(nodes):
        if graph.kind[t] != PLAIN and t != ROOT:
            far[t] = 0
            size = heap_up(heap, place, far, size, t)
    while size > 0:
        v = heap_pop(heap, place, far, size)
        size -= 1
        for i in range(graph.start[v], graph.start[v + 1]):
            u = graph.nbr[i]
            if graph.kind[u] == LEAF:
                continue
            d = far[v] + reduced[graph.arc[i] ^ 1]
            if d < far[u]:
                far[u] = d
                size = heap_up(heap, place, far, size, u)
    return far


@kernel
def useful_arcs(graph: Graph, reduced: Ints, spare: int) -> Flags:
    """
    Say which arcs a tree may use that costs at most `spare` above the bound of these reduced costs.

    Notes
    -----
    A tree with arc (u, v) also has a way from the root to u and one from v to a terminal, whose
    reduced costs come on top of the bound (Polzin & Vahdati Daneshmand 2001).
    """
    ahead = reach_from(graph, reduced)
    behind = reach_to(graph, reduced)
    keep = np.zeros(len(graph.end), np.bool_)
    for a in range(len(graph.end)):
        v, u = graph.end[a], graph.end[a ^ 1]
        open_way = graph.kind[u] != LEAF and ahead[u] < FAR and behind[v] < FAR and v != ROOT
        if open_way and ahead[u] + reduced[a] + behind[v] <= spare:
            keep[a] = True
    return keep


@kernel
def useful(graph: Graph, reduced: Ints, spare: int) -> Flags:
    """Say which edges a tree may use, in either direction, that costs at most `spare` above the bound."""
    keep = useful_arcs(graph, reduced, spare)
    return keep[0::2] | keep[1::2]


@kernel
def turn_root(graph: Graph, via: Shorts) -> Shorts:
    """Return a tree directed away from the root, from whichever of its nodes it was."""
    turned = via.copy()
    v = int(ROOT)
    arc = -1
    while True:
        up = turned[v]
        turned[v] = arc
        if up < 0:
            return turned
        arc = up ^ 1
        v = graph.end[arc]
