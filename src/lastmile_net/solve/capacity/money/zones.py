"""
What is paid at least at a price, in towns with too many streets for one programme: zone by zone.

A zone is what lies nearest to one tap, or to a few. Whatever reaches it from outside pays what rows across its rim
charge, as in `bound.windows`, and inside all is whole: a trench is there or not, and a tap that is full leads no more
cables. Most taps find homes enough around them, so zones hardly need each other, and only their number grows with the
town.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.solve.bound import Habit
from lastmile_net.solve.capacity.bound.rows import way_out
from lastmile_net.solve.capacity.bound.windows import WORKERS, cut_port_window
from lastmile_net.solve.capacity.money.chunks import ChunkTree
from lastmile_net.solve.capacity.money.rows import FlowRows
from lastmile_net.solve.graph import LEAF
from lastmile_net.solve.paths import spread
from lastmile_net.solve.rows.windows import charge_all
from lastmile_net.solve.windows import rows_by_window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.solve.capacity.bound.cuts import Need
    from lastmile_net.solve.capacity.bound.windows import PortWindow
    from lastmile_net.solve.clock import Clock
    from lastmile_net.solve.graph import Graph
    from lastmile_net.solve.rows.priced import PricedRows
    from lastmile_net.solve.rows.windows import RowCharges

    Ints = NDArray[np.int64]
    Shorts = NDArray[np.int32]

NODES = 700
"""Zones are joined with neighbours up to so many nodes."""
EDGES = 20_000
"""About so many edges of each window in which rows are charged that know of no ports."""
ROWS_SHARE = 0.2
"""In this part of the time."""
SLACK, CAP = 1.25, 20_000
"""Slack of the ascents between; sets with more arcs into them are given up."""
GRAIN = 0.25
"""Parts of a unit of gain that are not told apart in a zone."""


def least_by_zones(
    graph: Graph, need: Need, guide: Shorts, charged: RowCharges, price: int, seed: int, clock: Clock
) -> int:
    """
    Return what is paid at least for trenches, drops, and whom they leave out.

    Parameters
    ----------
    graph, need
        Streets with every tap a node of its own, at one of which customers are left out; node 0 feeds the taps.
    guide
        A tree that spans, or none (all -1).
    charged
        What has been charged so far, and proves no more than itself.
    price
        What leaving out one unit of gain costs, in thousandths.
    seed, clock
        Where chance comes from, and when to stop.

    Notes
    -----
    Rows that no zone holds whole keep their prices; those of a zone are given up for a programme of its own, as in
    Lagrangian decomposition: what all zones pay at the reduced costs adds up to a bound, and each is branched on.
    """
    out = way_out(graph, need)
    if out < 0:
        return charged.bound
    habit = Habit(guide, SLACK, CAP)
    charged = charge_all(graph, habit, EDGES, clock.part(ROWS_SHARE), WORKERS, charged, may_meet=True)
    zone = lay_zones(graph, need, out)
    zones = int(zone.max(initial=-1)) + 1
    _, *own = map(charged.rows.some, rows_by_window(graph, charged.rows.start, charged.rows.arc, zone, zones))
    windows = [cut_port_window(graph, need, zone, number, out) for number in range(zones)]
    left = zones

    def raise_zone(number: int) -> int:
        nonlocal left
        mine = clock.part(min(WORKERS / left, 1))
        left -= 1
        if mine.over():
            return 0
        rows = _rows_of(windows[number], charged.reduced, own[number], price, seed + number, mine)
        return _gain(rows, own[number].bound)

    # small zones end early: what they leave of their share goes to the large ones
    order = sorted(range(zones), key=lambda number: len(windows[number].arc))
    with ThreadPoolExecutor(WORKERS) as pool:
        return charged.bound + sum(pool.map(raise_zone, order))


def lay_zones(graph: Graph, need: Need, out: int) -> Shorts:
    """Return the zone of each node, -1 at the root and the tap `out`: by the nearest tap, small neighbours together."""
    taps = np.setdiff1d(np.flatnonzero(need.ports > 0), [out])
    kind = graph.kind.copy()
    kind[[0, out]] = LEAF  # by way of them every tap is next to every other
    _, _, base = spread(graph._replace(kind=kind), graph.cost, taps.astype(np.int32))
    zone = np.searchsorted(taps, np.maximum(base, 0)) * (base >= 0)
    one, other = zone[graph.end[0::2]], zone[graph.end[1::2]]
    street = (kind[graph.end[0::2]] != LEAF) & (kind[graph.end[1::2]] != LEAF) & (one != other)
    pairs = np.concatenate([np.column_stack([one, other])[street], np.column_stack([other, one])[street]])
    size, name = np.bincount(zone, minlength=1), np.arange(max(len(taps), 1))
    for small in np.argsort(size, kind="stable").tolist():
        mine = name[small]
        beside = np.bincount(name[pairs[name[pairs[:, 0]] == mine, 1]], minlength=len(size))
        beside[(size + size[mine] > NODES) | (np.arange(len(size)) == mine)] = 0
        if beside.any():
            to = int(np.argmax(beside))
            size[to] += size[mine]
            size[mine] = 0
            name[name == mine] = to
    _, number = np.unique(name[zone], return_inverse=True)
    number[[0, out]] = -1
    return number.astype(np.int32)


def _rows_of(window: PortWindow, reduced: Ints, own: PricedRows, price: int, seed: int, clock: Clock) -> FlowRows:
    """Return the rows of a zone, its own charges taken back."""
    cost, cuts = window.take_back(reduced, own)
    guide = np.full(len(window.graph.kind), -1, np.int32)
    rng = np.random.default_rng(seed)
    return FlowRows(price, window.graph, window.need, cost, guide, rng, clock, cuts)


def _gain(rows: FlowRows, charged: int) -> int:
    """Branch on a zone; return by how much what is paid there at least is more than what its own rows have charged."""
    rows.let_flow()
    model = rows.model
    left_out = int(model.cost[(model.tail == rows.out) & (rows.graph.kind[model.head] == LEAF)].sum())
    tree = ChunkTree(rows, lambda floor: float(floor.bound), left_out, max(GRAIN * rows.price, 1.0))
    least = tree.grow()
    # nothing is proven where time was up before; both may be below nothing, as prices that are reduced can be
    return max(math.floor(least) - charged, 0) if math.isfinite(least) else 0
