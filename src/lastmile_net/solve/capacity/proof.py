"""The bound for who is served that sees the ports: cuts of the problem without ports first, then those of `cuts`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.solve.bound import Habit, ascend, record_of
from lastmile_net.solve.capacity.cuts import ascend_demand
from lastmile_net.solve.capacity.forest import complete_forest, improve_forest
from lastmile_net.solve.capacity.rows import PortRows
from lastmile_net.solve.graph import PLAIN
from lastmile_net.solve.steiner.construct import span, spans

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.solve.capacity.streets import Ground
    from lastmile_net.solve.clock import Clock
    from lastmile_net.solve.problem import Solution

    Ints = NDArray[np.int64]
    Shorts = NDArray[np.int32]
    Flags = NDArray[np.bool_]

SLACKS = (1.0, 1.25)
"""Slacks of the ascents of which the best counts."""
CAP = 20_000
"""Sets with more arcs into them are given up."""


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
    guide = _guide(ground, relaxed)
    seeds = np.flatnonzero(streets.ports > 0)
    best = 0
    for slack in SLACKS:
        reduced = np.repeat(graph.cost, 2)
        bound = int(ascend(graph, 0, Habit(guide, slack, CAP), reduced, record_of(0, 0)))
        bound += int(ascend_demand(graph, streets.need, seeds, reduced, CAP, record_of(0, 0)))
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


def prove_within_ports(
    ground: Ground, relaxed: Solution, built: Flags, gap: float, seed: int, clock: Clock
) -> tuple[int, Flags | None]:
    """
    Find out how cheap serving all customers within ports can be, to the end if time allows.

    Parameters
    ----------
    ground, relaxed
        The problem, and a solution of it without ports.
    built
        The best forest so far.
    gap
        Cost over bound, less one, at which the search may stop.
    seed, clock
        Where chance comes from, and when to stop.

    Returns
    -------
    bound
        No plan costs less.
    better
        A forest that is cheaper; None where there is none.
    """
    streets, graph = ground.streets, ground.graph
    cost, grain = ground.cost(built), max(int(np.gcd.reduce(graph.cost)), 1)
    rows = PortRows(graph, streets.need, _guide(ground, relaxed), np.random.default_rng(seed), clock)
    bound, found = rows.prove(cost - streets.constant, grain, gap)
    if found is not None:
        found[(streets.tail == 0) | (streets.head == 0)] = False
        complete_forest(graph, streets.need, streets.cost, found)
        improve_forest(graph, streets.need, streets.cost, found)
        found = found if ground.cost(found) < cost else None
    return bound + streets.constant, found


def _guide(ground: Ground, relaxed: Solution) -> Shorts:
    """Return the relaxed solution as a tree of the graph; no tree at all where some of it is not there."""
    streets, graph = ground.streets, ground.graph
    mine = ground.within(relaxed.edges, relaxed.drop) | (streets.tail == 0) | (streets.head == 0)
    chosen = graph.kind != PLAIN
    chosen[streets.tail[mine]] = True
    chosen[streets.head[mine]] = True
    via = span(graph, chosen)
    return via if spans(graph, via) else np.full(len(graph.kind), -1, np.int32)
