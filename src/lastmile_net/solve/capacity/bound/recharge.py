"""Raise the bound that sees the ports: take charges back around some taps or customers, and charge anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.solve.bound import ascend, draw
from lastmile_net.solve.capacity.bound.cuts import ascend_demand
from lastmile_net.solve.compile import kernel
from lastmile_net.solve.graph import PLAIN, copy_into
from lastmile_net.solve.recharge import FEWEST, MOST, Chain, Near, decide, gather, take_back, tidy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.solve.bound import Habit, Record
    from lastmile_net.solve.capacity.bound.cuts import Need
    from lastmile_net.solve.graph import Graph

    Ints = NDArray[np.int64]

AROUND_TAPS = 0.7
"""Share of the steps that begin at a tap."""


@dataclass(frozen=True, eq=False)
class GroundCharges:
    """
    Charges on cuts of a ground.

    Parameters
    ----------
    bound
        Their sum, and the ground's constant: no plan costs less.
    reduced, record
        What they leave of the price of each arc, and the charges.
    """

    bound: int
    reduced: Ints
    record: Record


@kernel
def recharge_demand(
    graph: Graph, need: Need, stops: Graph, habit: Habit, reduced: Ints, record: Record, steps: int
) -> int:
    """
    Take back and charge anew around taps and customers drawn at random.

    Parameters
    ----------
    graph, need
        As in `ascend_demand`.
    stops
        The nodes with taps as terminals, too, and all edges but those of the root: who is near to whom.
    habit, reduced, record, steps
        As in `recharge`.

    Returns
    -------
    gain
        By how much the sum of the charges has grown.
    """
    nodes = len(graph.kind)
    terminals = np.flatnonzero(stops.kind != PLAIN)[1:]
    taps = np.flatnonzero(need.ports[terminals] > 0)
    near = Near(np.full(nodes, -1, np.int32), np.empty(nodes, np.int32), np.empty(MOST, np.int32))
    chain = Chain(np.full(nodes, -1, np.int32), np.empty(len(record.owner), np.int32))
    undone = np.empty(len(record.owner), np.int32)
    seeds = np.empty(MOST, np.int64)
    before = np.empty_like(reduced)
    total = 0
    tidy(record, chain)
    if len(terminals) == 0:
        return total
    for step in range(steps):
        if 2 * record.start[record.fill[0]] > len(record.arc) or 2 * record.fill[0] > len(record.owner):
            tidy(record, chain)
        t = terminals[int(draw(habit.chance) * len(terminals))]
        if len(taps) > 0 and draw(habit.chance) < AROUND_TAPS:
            t = terminals[taps[int(draw(habit.chance) * len(taps))]]
        wanted = FEWEST + int(draw(habit.chance) * (MOST - FEWEST + 1))
        found = gather(stops, near, t, wanted, step)
        copy_into(before, reduced)
        lost, count = take_back(graph, reduced, record, chain, undone, near, found)
        if lost == 0:
            continue
        some = 0
        for i in range(found):
            if need.ports[near.found[i]] > 0:
                seeds[some] = near.found[i]
                some += 1
        old = record.fill[0]
        record.fill[1] = 0
        gain = ascend(graph, habit, reduced, record)
        gain += ascend_demand(graph, need, seeds[:some], habit, reduced, record)
        total += decide(reduced, before, record, chain, undone[:count], old, gain - lost)
    tidy(record, chain)
    return total
