"""Find cuts that a fractional solution breaks: least cuts between the root and a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lastmile_net.solve.bound import write_down
from lastmile_net.solve.compile import inner_kernel, kernel
from lastmile_net.solve.graph import LEAF, copy_into

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.solve.bound import Record
    from lastmile_net.solve.graph import Graph

    Floats = NDArray[np.float64]
    Shorts = NDArray[np.int32]

NESTED = 3
"""At most so many times two cuts around one terminal, each outside the one before."""
TINY = 1e-7


class Search(NamedTuple):
    """
    Working memory of a search for flow.

    Marks, the next arc towards the terminal, the nodes seen, the flow and where it runs, the current mark with the
    number of nodes seen, and two lists of arcs across a cut.
    """

    seen: Shorts
    via: Shorts
    queue: Shorts
    flow: Floats
    touched: Shorts
    turn: Shorts
    border: Shorts
    far: Shorts


@kernel
def least_cuts(graph: Graph, use: Floats, terminals: Shorts, short: float, record: Record) -> None:
    """
    Write down cuts around terminals that are crossed by less than 1 - `short`.

    Parameters
    ----------
    graph
        The graph; its root is node 0.
    use
        float64 (2m,). How much of each arc is used.
    terminals
        Nodes that must be entered with 1, in the order they are tried.
    short
        What a cut must lack at least.
    record
        Takes the cuts.

    Notes
    -----
    Flow is pushed backwards from the terminal along shortest ways (Edmonds & Karp 1972), at most 1. The arcs of
    a cut count as full for the same terminal afterwards, so that its later cuts lie elsewhere (Koch & Martin 1998).
    """
    nodes = len(graph.kind)
    room = use.copy()
    search = Search(
        np.full(nodes, -1, np.int32),
        np.full(nodes, -1, np.int32),
        np.empty(nodes, np.int32),
        np.zeros(len(use)),
        np.empty(len(use), np.int32),
        np.zeros(2, np.int32),
        np.empty(len(use), np.int32),
        np.empty(len(use), np.int32),
    )
    for t in terminals:
        copy_into(room, use)
        for _ in range(NESTED):
            if not push(graph, room, search, t, short, record):
                break


@inner_kernel
def push(graph: Graph, room: Floats, search: Search, t: int, short: float, record: Record) -> bool:
    """Push flow into t; if less than 1 - `short` arrives, write down the least cuts nearest to t and to the root."""
    total = 0.0
    touched = 0
    broken = False
    while total < 1 - short:
        if not trace(graph, room, search, t):
            broken = True
            break
        amount = 1.0 - total
        v, steps = 0, 0
        while v != t:
            a = search.via[v]
            amount = min(amount, room[a] - search.flow[a])
            v = graph.end[a]
            steps += 1
        if touched + steps > len(search.touched):
            break
        v = 0
        while v != t:
            a = search.via[v]
            search.flow[a] += amount
            search.flow[a ^ 1] -= amount
            search.touched[touched] = a
            touched += 1
            v = graph.end[a]
        total += amount
    near = 0
    if broken:
        near = into_seen(graph, search)
        write_down(record, search.border, near, t, 0)
        for i in range(near):
            search.far[i] = search.border[i]
        flood(graph, room, search)
        count = out_of_seen(graph, search)
        write_down(record, search.border, count, t, 0)
        for i in range(count):
            room[search.border[i]] = 1.0
        for i in range(near):
            room[search.far[i]] = 1.0
    for i in range(touched):
        search.flow[search.touched[i]] = 0.0
        search.flow[search.touched[i] ^ 1] = 0.0
    return broken


@kernel
def trace(graph: Graph, room: Floats, search: Search, t: int) -> bool:
    """Look for a way with room from the root to t, from t backwards; mark what is seen."""
    search.turn[0] += 1
    turn = search.turn[0]
    search.queue[0] = t
    search.seen[t] = turn
    count, done = 1, 0
    while done < count:
        v = search.queue[done]
        done += 1
        for i in range(graph.start[v], graph.start[v + 1]):
            u = graph.nbr[i]
            a = graph.arc[i] ^ 1
            if search.seen[u] == turn or graph.kind[u] == LEAF or room[a] - search.flow[a] <= TINY:
                continue
            search.seen[u] = turn
            search.via[u] = a
            if u == 0:
                return True
            search.queue[count] = u
            count += 1
    search.turn[1] = count
    return False


@kernel
def flood(graph: Graph, room: Floats, search: Search) -> None:
    """Mark all that the root reaches over arcs with room."""
    search.turn[0] += 1
    turn = search.turn[0]
    search.queue[0] = 0
    search.seen[0] = turn
    count, done = 1, 0
    while done < count:
        v = search.queue[done]
        done += 1
        if graph.kind[v] == LEAF:
            continue
        for i in range(graph.start[v], graph.start[v + 1]):
            u = graph.nbr[i]
            a = graph.arc[i]
            if search.seen[u] != turn and room[a] - search.flow[a] > TINY:
                search.seen[u] = turn
                search.queue[count] = u
                count += 1
    search.turn[1] = count


@inner_kernel
def into_seen(graph: Graph, search: Search) -> int:
    """Gather the arcs that enter what is marked; return their number."""
    arcs = 0
    for i in range(search.turn[1]):
        v = search.queue[i]
        for j in range(graph.start[v], graph.start[v + 1]):
            u = graph.nbr[j]
            if search.seen[u] != search.turn[0] and graph.kind[u] != LEAF:
                search.border[arcs] = graph.arc[j] ^ 1
                arcs += 1
    return arcs


@inner_kernel
def out_of_seen(graph: Graph, search: Search) -> int:
    """Gather the arcs that leave what is marked; return their number."""
    arcs = 0
    for i in range(search.turn[1]):
        v = search.queue[i]
        if graph.kind[v] == LEAF:
            continue
        for j in range(graph.start[v], graph.start[v + 1]):
            if search.seen[graph.nbr[j]] != search.turn[0]:
                search.border[arcs] = graph.arc[j]
                arcs += 1
    return arcs
