"""
A bound that sees the ports: charge cuts around more homes than there are free ports within.

Whatever serves a set of customers within the ports, the cables through the trenches are a flow from taps to homes.
Opposite flows in one trench cancel, so each trench has one direction at most; and into every set of nodes whose
customers need more ports than its taps have, some trench must lead. These cuts contain those of the problem without
ports (sets without any tap), which `bound.ascend` charges first; what it leaves of the prices is charged here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lastmile_net.solve.bound import shuffled, write_down
from lastmile_net.solve.compile import inner_kernel, kernel
from lastmile_net.solve.graph import FAR, LEAF

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.solve.bound import Habit, Record
    from lastmile_net.solve.graph import Graph

    Ints = NDArray[np.int64]
    Shorts = NDArray[np.int32]
    Flags = NDArray[np.bool_]


class Need(NamedTuple):
    """
    Homes that each node's own customers need, and free ports of the taps at each node.

    So many ports as `slack` a set of nodes may lack before something must lead into it: none, but seen backwards.
    """

    homes: Ints
    ports: Ints
    slack: int = 0

    def turned(self) -> Need:
        """Return what sets with ports to spare lack, seen backwards: all are served, so few ports stay free at all."""
        return Need(self.ports, self.homes, int(self.ports.sum() - self.homes.sum()))


class Region(NamedTuple):
    """
    Working memory for one set of nodes.

    `inside` and `seen` hold the turn in which a node joined the set, or was reached forward from a tap of it; `member`,
    `queue` and `border` are lists of nodes, nodes and arcs; `record` takes the cuts.
    """

    inside: Shorts
    seen: Shorts
    member: Shorts
    queue: Shorts
    border: Shorts
    record: Record


@kernel
def ascend_demand(graph: Graph, need: Need, seeds: Ints, habit: Habit, reduced: Ints, record: Record) -> int:
    """
    Charge cuts around sets of nodes that need more ports than they have.

    Parameters
    ----------
    graph
        The graph, with every tap a node of its own; node 0 only feeds the taps. No arc leaves a leaf.
    need
        Homes and ports of each node.
    seeds
        Nodes of taps: around each one grows the set of all that hangs on it.
    habit
        Which sets go first, and which are given up.
    reduced
        What is left of the price of each arc; changed.
    record
        Takes the cuts.

    Returns
    -------
    bound
        Sum of the charges.
    """
    nodes = len(graph.kind)
    if len(seeds) == 0:
        return 0
    region = Region(
        np.full(nodes, -1, np.int32),
        np.full(nodes, -1, np.int32),
        np.empty(nodes, np.int32),
        np.empty(nodes, np.int32),
        np.empty(len(graph.end), np.int32),
        record,
    )
    total = 0
    turn = 0
    score = np.zeros(len(seeds), np.int64)
    open_seed = np.ones(len(seeds), np.bool_)
    while True:
        best = -1
        second = FAR
        for s in range(len(seeds)):
            if not open_seed[s]:
                continue
            if best < 0 or score[s] < score[best]:
                if best >= 0:
                    second = score[best]
                best = s
            elif score[s] < second:
                second = score[s]
        if best < 0:
            return total
        limit = int(habit.slack * second) if second < FAR else int(FAR)
        gain, arcs = _charge(graph, need, seeds[best], region, reduced, turn, habit.cap, limit)
        turn += 1
        total += gain
        if arcs < 0:
            open_seed[best] = False
        else:
            score[best] = shuffled(habit, arcs)


@kernel
def _charge(  # noqa: C901
    graph: Graph,
    need: Need,
    seed: int,
    region: Region,
    reduced: Ints,
    turn: int,
    cap: int,
    limit: int,
) -> tuple[int, int]:
    """Charge the set around a seed until it has ports enough (-1) or more arcs into it than `limit`; return both."""
    gain = 0
    count, short = _absorb(graph, need, seed, region, reduced, turn, 0)
    arcs = 0
    done = 0
    while True:
        # arcs into what has joined since; those whose tail has joined, too, fall out
        kept = 0
        for i in range(arcs):
            if region.inside[graph.end[region.border[i] ^ 1]] != turn:
                region.border[kept] = region.border[i]
                kept += 1
        arcs = kept
        while done < count:
            v = region.member[done]
            done += 1
            for i in range(graph.start[v], graph.start[v + 1]):
                u = graph.nbr[i]
                if u != 0 and region.inside[u] != turn and graph.kind[u] != LEAF:
                    region.border[arcs] = graph.arc[i] ^ 1
                    arcs += 1
        if short <= 0 or arcs == 0 or arcs > cap:
            return gain, -1
        if arcs > limit:
            return gain, arcs
        step = np.int64(1) << 60
        for i in range(arcs):
            step = min(step, reduced[region.border[i]])
        gain += int(step)
        write_down(region.record, region.border, arcs, seed, int(step))
        for i in range(arcs):
            reduced[region.border[i]] -= step
        for i in range(arcs):
            a = region.border[i]
            u = graph.end[a ^ 1]
            if reduced[a] == 0 and region.inside[u] != turn:
                count, more = _absorb(graph, need, u, region, reduced, turn, count)
                short += more


@inner_kernel
def _absorb(
    graph: Graph, need: Need, first: int, region: Region, reduced: Ints, turn: int, count: int
) -> tuple[int, int]:
    """
    Take in a node, all that leads to it for nothing, and all customers who hang on the taps among that for nothing.

    Returns the new number of members, and how many more ports than it brings all this needs.
    """
    short = 0
    region.inside[first] = turn
    region.member[count] = first
    done = count
    count += 1
    while done < count:
        v = region.member[done]
        done += 1
        short += need.homes[v] - need.ports[v]
        for i in range(graph.start[v], graph.start[v + 1]):
            u = graph.nbr[i]
            if u != 0 and region.inside[u] != turn and graph.kind[u] != LEAF and reduced[graph.arc[i] ^ 1] == 0:
                region.inside[u] = turn
                region.member[count] = u
                count += 1
        if need.ports[v] > 0 and region.seen[v] != turn:
            count = _hanging(graph, need, v, region, reduced, turn, count)
    return count, short


@inner_kernel
def _hanging(graph: Graph, need: Need, tap: int, region: Region, reduced: Ints, turn: int, count: int) -> int:
    """Take in the customers that are reached from a tap over arcs without reduced cost; return the members."""
    region.seen[tap] = turn
    region.queue[0] = tap
    size = 1
    while size > 0:
        size -= 1
        v = region.queue[size]
        if need.homes[v] > 0 and region.inside[v] != turn:
            region.inside[v] = turn
            region.member[count] = v
            count += 1
        if graph.kind[v] == LEAF:
            continue
        for i in range(graph.start[v], graph.start[v + 1]):
            u = graph.nbr[i]
            if u != 0 and region.seen[u] != turn and reduced[graph.arc[i]] == 0:
                region.seen[u] = turn
                region.queue[size] = u
                size += 1
    return count
