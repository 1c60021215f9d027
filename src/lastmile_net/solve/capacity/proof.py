"""The bound for who is served that sees the ports: cuts of the problem without ports first, then those of `bound`."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.solve.bound import Habit, ascend, record_of
from lastmile_net.solve.capacity.bound.cuts import ascend_demand
from lastmile_net.solve.capacity.bound.recharge import GroundCharges, recharge_demand
from lastmile_net.solve.capacity.bound.rows import PortRows
from lastmile_net.solve.capacity.bound.windows import charge_port_windows
from lastmile_net.solve.capacity.forest.moves import complete_forest, improve_forest
from lastmile_net.solve.capacity.forest.shake import shake
from lastmile_net.solve.graph import PLAIN, TERMINAL, make_graph
from lastmile_net.solve.recharge import filled, with_room
from lastmile_net.solve.steiner.construct import span, spans

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.solve.capacity.bound.streets import Ground
    from lastmile_net.solve.clock import Clock
    from lastmile_net.solve.problem import Solution

    Ints = NDArray[np.int64]
    Shorts = NDArray[np.int32]
    Flags = NDArray[np.bool_]

SLACKS = (1.0, 1.25)
"""Slacks of the ascents of which the best counts."""
CAP = 20_000
"""Sets with more arcs into them are given up."""
CUTS_PER_NODE, ARCS_PER_NODE = 8, 64
"""Room for charges."""
NODES_PER_WINDOW = 500
"""One window is shaken for so many nodes"""
SHAKINGS = 12
"""in each of so many turns at most, until one of them gains little."""
SHUFFLE = 2.0
"""Scores of cuts are multiplied by up to 1 + this when charging anew;"""
BATCH = 200
"""so often between two looks at the clock,"""
SWEEPS = 6
"""and once for each customer and tap in so many sweeps at most,"""
CHARGE_SHARE = 0.15
"""in this part of the time,"""
SETTLED = 2e-4
"""until one of them raises the bound by less than this part."""
BRANCH_SHARE = 0.1
"""Branching is tried while there is so much time left, as a share of what has been spent before it."""
WHOLE = 12_000
"""Streets with more edges than this are cut into windows: they are too many for one programme and for branching."""


def bound_within_ports(ground: Ground, relaxed: Solution) -> int:
    """
    Return a lower bound on the cost of serving all customers of a problem within the ports of its taps.

    Parameters
    ----------
    ground
        The problem; each of its customers has a way to a tap.
    relaxed
        A solution of it without ports: it guides the ascent.

    Notes
    -----
    Fibre counts with each customer's shortest way to a tap and a toll for the port there (`toll_prices`). Dual ascent
    as in Wong (1984), goes on over sets of nodes that hold taps, but too few ports.
    """
    streets, graph = ground.streets, ground.graph
    guide = tree_of(ground, relaxed)
    seeds = np.flatnonzero(streets.ports > 0)
    best = 0
    for slack in SLACKS:
        reduced = np.repeat(graph.cost, 2)
        bound = int(ascend(graph, Habit(guide, slack, CAP), reduced, record_of(0, 0)))
        bound += int(ascend_demand(graph, streets.need, seeds, Habit(guide, 1.0, CAP), reduced, record_of(0, 0)))
        best = max(best, bound + streets.constant)
    return best


def rearranged(ground: Ground, edges: Ints, drop: Ints) -> Flags | None:
    """
    Return a forest within ports, made from a plan's edges and drops and improved by moves; None if none is found.

    It is in the graph's edges; routes, their fibre and whose ports they take are not looked at.
    """
    built = ground.within(edges, drop)
    if not complete_forest(ground.graph, ground.streets.need, ground.streets.cost, built):
        return None
    improve_forest(ground.graph, ground.streets.need, ground.streets.cost, built)
    return built


@dataclass(frozen=True, eq=False)
class Task:
    """
    Serving all customers of a ground within the ports of its taps, as cheaply as can be.

    Parameters
    ----------
    ground, relaxed
        As in `bound_within_ports`.
    built
        The best forest so far, if there is one.
    paid, gap
        What the best plan costs, and the cost over bound, less one, at which the search may stop.
    seed, clock
        Where chance comes from, and when to stop.
    """

    ground: Ground
    relaxed: Solution
    built: Flags | None
    paid: int
    gap: float
    seed: int
    clock: Clock


def shaken(task: Task) -> Flags | None:
    """Return the forest, shaken until that gains little or time is up."""
    if task.built is None:
        return None
    streets, graph = task.ground.streets, task.ground.graph
    built, windows = task.built.copy(), -(-len(graph.kind) // NODES_PER_WINDOW)
    for turn in range(SHAKINGS):
        gain = shake(graph, streets.need, streets.cost, built, [task.seed, turn], windows, task.clock)
        if task.clock.over() or gain < SETTLED * streets.cost[built].sum():
            break
    return built


def charge_within_ports(task: Task) -> GroundCharges:
    """Charge cuts, then take charges back and charge anew as long as that is worth its time."""
    streets, graph, need = task.ground.streets, task.ground.graph, task.ground.streets.need
    nodes, guide, clock = len(graph.kind), tree_of(task.ground, task.relaxed), task.clock.part(CHARGE_SHARE)
    reduced, record = np.repeat(graph.cost, 2), record_of(CUTS_PER_NODE * nodes, ARCS_PER_NODE * nodes)
    bound = int(ascend(graph, Habit(guide, SLACKS[1], CAP), reduced, record))
    bound += int(ascend_demand(graph, need, np.flatnonzero(need.ports > 0), Habit(guide, 1.0, CAP), reduced, record))
    kind = np.where((need.ports > 0) & (graph.kind == PLAIN), TERMINAL, graph.kind).astype(np.int8)
    away = (streets.tail != 0) & (streets.head != 0)  # by the root every tap is next to every other
    stops = make_graph(kind, streets.tail[away], streets.head[away], graph.cost[away])
    chance = np.random.default_rng(task.seed).integers(1 << 62, size=1)
    habit = Habit(guide, SLACKS[1], CAP, SHUFFLE, chance)
    terminals = int(np.count_nonzero(stops.kind != PLAIN)) - 1
    record = with_room(filled(record), len(graph.end))
    for _ in range(SWEEPS):
        gain = 0
        for _ in range(-(-terminals // BATCH)):
            if clock.over():
                break
            gain += int(recharge_demand(graph, need, stops, habit, reduced, record, BATCH))
        bound += gain
        if gain < SETTLED * bound or clock.over():
            break
    return GroundCharges(bound + streets.constant, reduced, filled(record))


def prove_within_ports(task: Task) -> tuple[int, Flags | None]:
    """
    Find out how cheap serving all customers within ports can be, to the end if time allows.

    Returns
    -------
    bound
        No plan costs less.
    better
        A forest that is cheaper; None where there is none.
    """
    streets, graph, guide = task.ground.streets, task.ground.graph, tree_of(task.ground, task.relaxed)
    began = time.perf_counter()
    charged, clock, gap = charge_within_ports(task), task.clock, task.gap
    if len(streets.tail) > WHOLE:
        return charged.bound + charge_port_windows(graph, streets.need, guide, charged, task.seed, clock), None
    need, prices, rng = streets.need, np.repeat(graph.cost, 2), np.random.default_rng(task.seed)
    rows = PortRows(graph, need, need.turned(), prices, guide, rng, clock, charged.record)
    enough = task.paid / (1 + gap) - streets.constant
    bound, reduced = rows.raise_bound(charged.bound - streets.constant, charged.reduced, enough)
    cost, found = None if task.built is None else task.ground.cost(task.built) - streets.constant, None
    spent = time.perf_counter() - began
    is_open = cost is not None and cost + streets.constant > (bound + streets.constant) * (1 + gap)
    if cost is not None and is_open and clock.has(BRANCH_SHARE * spent):
        grain = max(int(np.gcd.reduce(graph.cost)), 1)
        bound, found = rows.prove(bound, reduced, cost, grain, gap)
    if found is not None:
        found[(streets.tail == 0) | (streets.head == 0)] = False
        complete_forest(graph, streets.need, streets.cost, found)
        improve_forest(graph, streets.need, streets.cost, found)
    return bound + streets.constant, found


def tree_of(ground: Ground, relaxed: Solution) -> Shorts:
    """Return the relaxed solution as a tree of the graph; no tree at all where some of it is not there."""
    streets, graph = ground.streets, ground.graph
    mine = ground.within(relaxed.edges, relaxed.drop) | (streets.tail == 0) | (streets.head == 0)
    chosen = graph.kind != PLAIN
    chosen[streets.tail[mine]] = True
    chosen[streets.head[mine]] = True
    via = span(graph, chosen)
    return via if spans(graph, via) else np.full(len(graph.kind), -1, np.int32)
