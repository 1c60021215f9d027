"""
Find cuts that a fractional solution breaks: sets of nodes that lack ports, and that less than one trench leads into.

To find the set that breaks most is hard (it holds a knapsack), so sets grow greedily, node by node, as for the rounded
capacity inequalities of vehicle routing (Lysgaard, Letchford & Eglese 2004): whatever leads into the set as a whole
trench joins it, so do customers who are reached from it only, and then the node that leaves least to lead into it.

Where ports are short, few stay free: out of every set whose taps have more ports than its customers need, and than may
stay free in all of the town, some trench must lead. This is the cut around all that lies outside, but sets that grow
around a customer never become so large. Seen backwards such a set lacks something: homes and ports change places, and
so do the two arcs of each edge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lastmile_net.solve.bound import draw, write_down
from lastmile_net.solve.compile import inner_kernel, kernel
from lastmile_net.solve.graph import LEAF, PLAIN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.solve.bound import Record
    from lastmile_net.solve.capacity.bound.cuts import Need
    from lastmile_net.solve.graph import Graph

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Shorts = NDArray[np.int32]

TINY = 1e-6
"""What is used less than this is not used."""
NESTED = 8
"""At most so many sets around one seed, each larger than the one before."""
NOISE = 0.3
"""Use is multiplied by up to 1 + this where the next node is chosen."""
MOST_JOINED = 200
"""Nodes that are chosen for one set."""


FOUNT = 3
"""Kind of a node that is left and never entered: what a leaf is, seen backwards."""


class Set(NamedTuple):
    """
    Working memory for one set.

    `inside` holds the turn in which a node joined; `into`, `ours` and `onward` how much leads into each node from
    anywhere, from the set, and on into the set; `member` and `beside` list the nodes that have joined and their
    neighbours, `state` counts them and sums up what they lack; `border` lists arcs. `led` is the use of each arc, and
    `chance` the state of the random numbers.
    """

    inside: Shorts
    touched: Shorts
    into: Floats
    ours: Floats
    onward: Floats
    member: Shorts
    beside: Shorts
    border: Shorts
    state: Ints
    led: Floats
    chance: Ints


@kernel
def lacking_cuts(
    graph: Graph, need: Need, use: Floats, seeds: Ints, chance: Ints, short: float, record: Record
) -> None:
    """
    Write down cuts around sets that lack ports and are crossed by less than 1 - `short`.

    Parameters
    ----------
    graph, need
        As in `ascend_demand`.
    use
        float64 (2m,). How much of each arc is used.
    seeds
        int64. Nodes around which sets grow, in this order.
    chance
        int64 (1,). State of the random numbers; changed.
    short
        What a cut must lack at least.
    record
        Takes the cuts.

    Notes
    -----
    The arcs of a cut count as full afterwards, so that later ones lie elsewhere (Koch & Martin 1998).
    """
    nodes = len(graph.kind)
    here = Set(
        np.full(nodes, -1, np.int32),
        np.full(nodes, -1, np.int32),
        np.zeros(nodes),
        np.zeros(nodes),
        np.zeros(nodes),
        np.empty(nodes, np.int32),
        np.empty(nodes, np.int32),
        np.empty(len(use), np.int32),
        np.zeros(3, np.int64),
        use.copy(),
        chance,
    )
    for a in range(len(use)):
        if graph.end[a ^ 1] != 0:
            here.into[graph.end[a]] += use[a]
    turn = 0
    for seed in seeds:
        for _ in range(NESTED):
            turn += 1
            if not _surround(graph, need, seed, turn, here, short, record):
                break


def sparing_cuts(
    graph: Graph, back: Need, use: Floats, seeds: Ints, chance: Ints, short: float, record: Record
) -> None:
    """
    Write down cuts around sets with ports to spare that are left by less than 1 - `short`.

    Parameters
    ----------
    graph, use, seeds, chance, short, record
        As in `lacking_cuts`; the record is empty.
    back
        The need, `turned`.
    """
    if back.slack >= back.homes.sum():
        return
    kind = np.where(graph.kind == LEAF, FOUNT, PLAIN).astype(np.int8)
    lacking_cuts(graph._replace(kind=kind), back, use.reshape(-1, 2)[:, ::-1].ravel(), seeds, chance, short, record)
    record.arc[: record.start[record.fill[0]]] ^= 1


@inner_kernel
def _surround(graph: Graph, need: Need, seed: int, turn: int, here: Set, short: float, record: Record) -> bool:
    """Let a set grow around a seed until it breaks a cut; return whether it does."""
    here.state[0] = here.state[1] = here.state[2] = 0
    crossed = _join(graph, need, seed, turn, here)
    for _ in range(MOST_JOINED):
        if here.state[2] > need.slack and crossed < 1 - short:
            _note(graph, seed, turn, here, record)
            return True
        best, least = -1, 0.0
        for i in range(here.state[1]):
            u = here.beside[i]
            if here.inside[u] == turn:
                continue
            if here.onward[u] <= TINY and (here.ours[u] <= TINY or here.state[2] > need.slack):
                continue
            leads = (here.into[u] - here.ours[u] - here.onward[u]) * (1 + NOISE * draw(here.chance))
            if best < 0 or leads < least:
                best, least = u, leads
        if best < 0:
            return False
        crossed += _join(graph, need, best, turn, here)
    return False


@inner_kernel
def _join(graph: Graph, need: Need, first: int, turn: int, here: Set) -> float:
    """Take in a node, and all that must or may as well join with it; return how much more leads into the set."""
    more = 0.0
    done = here.state[0]
    here.member[done] = first
    here.inside[first] = turn
    here.state[0] += 1
    while done < here.state[0]:
        v = here.member[done]
        done += 1
        here.state[2] += need.homes[v] - need.ports[v]
        more += here.into[v]
        if here.touched[v] == turn:
            more -= here.ours[v] + here.onward[v]
        for i in range(graph.start[v], graph.start[v + 1]):
            u, out = graph.nbr[i], graph.arc[i]
            if u == 0:
                continue
            if here.touched[u] != turn:
                here.touched[u] = turn
                here.ours[u] = 0.0
                here.onward[u] = 0.0
                here.beside[here.state[1]] = u
                here.state[1] += 1
            if graph.kind[v] != LEAF:
                here.ours[u] += here.led[out]
            if graph.kind[u] != LEAF:
                here.onward[u] += here.led[out ^ 1]
            if here.inside[u] == turn:
                continue
            must = graph.kind[u] != LEAF and here.led[out ^ 1] >= 1 - TINY
            may = need.ports[u] == 0 and here.ours[u] > TINY and here.into[u] - here.ours[u] <= TINY
            if must or may:
                here.inside[u] = turn
                here.member[here.state[0]] = u
                here.state[0] += 1
    return more


@inner_kernel
def _note(graph: Graph, seed: int, turn: int, here: Set, record: Record) -> None:
    """Write down the cut around a set, and count its arcs as full."""
    arcs = 0
    for i in range(here.state[0]):
        v = here.member[i]
        if graph.kind[v] == FOUNT:
            continue
        for j in range(graph.start[v], graph.start[v + 1]):
            u, a = graph.nbr[j], graph.arc[j] ^ 1
            if u != 0 and here.inside[u] != turn and graph.kind[u] != LEAF:
                here.border[arcs] = a
                arcs += 1
                here.into[v] += max(1 - here.led[a], 0.0)
                here.led[a] = max(here.led[a], 1.0)
    write_down(record, here.border, arcs, seed, 0)
