"""
What is paid at least at a price, in towns with too many streets for one programme: zone by zone.

A zone is what lies nearest to one tap, or to a few. Whatever reaches it from outside pays what rows across its rim
charge, as in `bound.windows`, and inside all is whole: a trench is there or not, and a tap that is full leads no more
cables. But ports beyond the rim are there for everybody: zones that have been branched on to the end, and pay less than
a known plan does there, are joined with a neighbour.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.solve.bound import Habit
from lastmile_net.solve.capacity.bound.rows import way_out
from lastmile_net.solve.capacity.bound.windows import WORKERS, cut_port_window
from lastmile_net.solve.capacity.money.chunks import ChunkTree
from lastmile_net.solve.capacity.money.rows import FlowRows
from lastmile_net.solve.graph import LEAF
from lastmile_net.solve.paths import spread
from lastmile_net.solve.reroute import tree_of
from lastmile_net.solve.rows.windows import charge_all
from lastmile_net.solve.windows import rows_by_window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.solve.capacity.bound.cuts import Need
    from lastmile_net.solve.clock import Clock
    from lastmile_net.solve.graph import Graph
    from lastmile_net.solve.rows.windows import RowCharges

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]
    Shorts = NDArray[np.int32]

NODES = 700
"""Zones are joined with neighbours up to so many nodes before any is branched on,"""
MOST_NODES = 6_000
"""and up to so many after that: in larger ones nothing is gained for minutes."""
EDGES = 20_000
"""About so many edges of each window in which rows are charged that know of no ports."""
ROWS_SHARE = 0.2
"""In this part of the time."""
ROUND_SHARE = 0.4
"""Part of the time left that one round through the zones takes; zones that have not ended go on in the next one."""
LAST_S = 2.0
"""With less time left than this, in seconds, one round takes all of it."""
SLACK, CAP = 1.25, 20_000
"""Slack of the ascents between; sets with more arcs into them are given up."""
GRAIN = 0.25
"""Parts of a unit of gain that are not told apart in a zone."""
MOST_LACKING = 1e15
"""What a zone lacks at most where no plan is known."""
BESIDE = 0.01
"""A trench across the rim counts for so much where a zone chooses a neighbour, were it not used at all."""


@dataclass(frozen=True, eq=False)
class Town:
    """
    What zones are cut from.

    Parameters
    ----------
    graph, need
        Streets with every tap a node of its own, at one of which customers are left out; node 0 feeds the taps.
    out
        That tap.
    charged
        What has been charged so far.
    price
        What leaving out one unit of gain costs, in thousandths.
    plan_arcs
        bool (2m,). Arcs of a known plan; None where none is known.
    """

    graph: Graph
    need: Need
    out: int
    charged: RowCharges
    price: int
    plan_arcs: Flags | None


class Zone:
    """
    A part of a town, and what is paid there at least.

    Parameters
    ----------
    town, label, number
        The town, the zone of each node, and which of these this one is.
    which
        Rows of the town all of whose arcs lead in here.
    gain
        By how much what is paid here is more than these rows have charged, as far as that is known.

    Attributes
    ----------
    size
        Nodes.
    has_ended
        Whether nothing more is proven by branching on.
    """

    def __init__(self, town: Town, label: Shorts, number: int, which: Ints, gain: int = 0) -> None:
        self.town, self.gain, self.has_ended = town, gain, False
        self.size = int(np.count_nonzero(label == number))
        self._window = cut_port_window(town.graph, town.need, label, number, town.out)
        self._own = town.charged.rows.some(which)
        self._cost, self._cuts = self._window.take_back(town.charged.reduced, self._own)
        self._known = math.inf
        self._tree: ChunkTree | None = None
        arc = self._window.arc
        self._enters = np.flatnonzero((arc >= 0) & (self._window.graph.end[np.arange(len(arc)) ^ 1] == 1))
        self._use = np.zeros(len(self._enters))
        if town.plan_arcs is not None:
            self._known = float(self._cost[(arc >= 0) & town.plan_arcs[arc]].sum())

    @property
    def lacks(self) -> float:
        """What a known plan pays here above what is proven; infinite where none is known."""
        return self._known - self._own.bound - self.gain

    @property
    def is_open(self) -> bool:
        """Whether more may be proven than is."""
        return self.lacks > GRAIN * self.town.price

    def branch(self, seed: int, clock: Clock) -> None:
        """Branch until that has ended or time is up."""
        if clock.over():
            return
        if self._tree is None:
            self._tree = self._plant(seed, clock)
        self._tree.rows.model.clock = clock
        least = self._tree.grow()
        self.has_ended = self._tree.has_ended
        # nothing is proven where time was up before; both may be below nothing, as prices that are reduced can be
        if math.isfinite(least):
            self.gain = max(self.gain, math.floor(least) - self._own.bound)
        if self.has_ended:
            # a programme takes up much room
            self._use, self._tree = self._tree.rows.model.use[self._enters], None

    def entered(self) -> tuple[Ints, Floats]:
        """Return the arcs of the town that enter the zone from outside, and how much the last solution uses each."""
        return self._window.arc[self._enters], self._use

    def _plant(self, seed: int, clock: Clock) -> ChunkTree:
        """Return the tree of branches of the zone, its own charges taken back."""
        window, price = self._window, self.town.price
        guide, rng = np.full(len(window.graph.kind), -1, np.int32), np.random.default_rng(seed)
        rows = FlowRows(price, window.graph, window.need, self._cost, guide, rng, clock, self._cuts)
        rows.let_flow()
        model = rows.model
        left_out = int(model.cost[(model.tail == rows.out) & (rows.graph.kind[model.head] == LEAF)].sum())
        return ChunkTree(rows, lambda floor: float(floor.bound), min(self._known, left_out), max(GRAIN * price, 1.0))


def least_by_zones(
    graph: Graph,
    need: Need,
    guide: Shorts,
    charged: RowCharges,
    price: int,
    used: Flags | None,
    seed: int,
    clock: Clock,
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
    used
        bool (m,). Edges of a known plan: zones that prove what it pays there are done. None where none is known.
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
    town = Town(graph, need, out, charged, price, None if used is None else _arcs(graph, used))
    label = lay_zones(graph, need, out)
    zones = [Zone(town, label, number, which) for number, which in enumerate(_rows_in(town, label))]
    while going := [zone for zone in zones if zone.is_open and not zone.has_ended]:
        _branch_all(going, seed, clock.part(ROUND_SHARE if clock.left() > LAST_S else 1.0))
        if clock.over():
            break
        label, zones = _joined(town, label, zones)
    return charged.bound + sum(zone.gain for zone in zones)


def _branch_all(zones: list[Zone], seed: int, clock: Clock) -> None:
    """Branch on some zones, each in its share of the time."""
    lacks = np.minimum([zone.lacks for zone in zones], MOST_LACKING)
    share = lacks + lacks.mean()
    # who ends early leaves the rest of his share to those who lack more
    order = np.argsort(share, kind="stable")
    share[order] /= np.cumsum(share[order][::-1])[::-1]

    def branch(turn: int) -> None:
        zones[turn].branch(seed + turn, clock.part(min(WORKERS * share[turn], 1)))

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(branch, order.tolist()))


def _joined(town: Town, label: Shorts, zones: list[Zone]) -> tuple[Shorts, list[Zone]]:
    """Join zones that have ended and pay less than the plan with a neighbour each, and return labels and zones."""
    # what has been branched on in zones that still go on would be lost
    name, taken = np.arange(len(zones)), np.array([zone.is_open and not zone.has_ended for zone in zones])
    size = np.array([zone.size for zone in zones])
    ended = [number for number, zone in enumerate(zones) if zone.is_open and zone.has_ended]
    for number in sorted(ended, key=lambda number: -zones[number].lacks):
        arc, use = zones[number].entered()
        beside = np.bincount(label[town.graph.end[arc ^ 1]], weights=use + BESIDE, minlength=len(zones))
        beside[taken | (size + size[number] > MOST_NODES)] = 0
        beside[number] = 0
        if not taken[number] and beside.any():
            other = int(np.argmax(beside))
            name[other] = number
            taken[[number, other]] = True
    kept, place = np.unique(name, return_inverse=True)
    label = np.where(label < 0, -1, place[label]).astype(np.int32)
    parts = [np.flatnonzero(name == old) for old in kept]
    return label, [
        zones[mine[0]] if len(mine) == 1 else Zone(town, label, number, which, sum(zones[part].gain for part in mine))
        for number, (mine, which) in enumerate(zip(parts, _rows_in(town, label), strict=True))
    ]


def _rows_in(town: Town, label: Shorts) -> list[Ints]:
    """Return the rows of each zone: all their arcs lead into it."""
    rows = town.charged.rows
    return rows_by_window(town.graph, rows.start, rows.arc, label, int(label.max(initial=-1)) + 1)[1:]


def _arcs(graph: Graph, used: Flags) -> Flags:
    """Return the arcs of a plan, away from the taps; where two taps share a trench, it is used one way or the other."""
    fed = (graph.end[0::2] == 0) | (graph.end[1::2] == 0)
    via = tree_of(graph, used | fed)
    arcs = np.zeros(len(graph.end), bool)
    arcs[via[via >= 0]] = True
    arcs[0::2] |= used & ~arcs[0::2] & ~arcs[1::2]
    return arcs


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
