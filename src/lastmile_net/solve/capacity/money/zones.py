"""
What is paid at least at a price, in towns with too many streets for one programme: zone by zone.

A zone is what lies nearest to one tap, or to a few. Whatever reaches it from outside pays what rows across its rim
charge, as in `bound.windows`, and homes pay what they are worth there (`layers`); inside all is whole: a trench is
there or not, and a tap that is full leads no more cables. But no price is right for whatever crosses the rim: zones
that have been branched on to the end, and pay less than a known plan does there, are joined with a neighbour.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.solve.bound import Habit
from lastmile_net.solve.capacity.bound.rows import most_served, way_out
from lastmile_net.solve.capacity.bound.windows import WORKERS, cut_port_window
from lastmile_net.solve.capacity.money.chunks import ChunkTree
from lastmile_net.solve.capacity.money.known import Known
from lastmile_net.solve.capacity.money.layers import Part, lay_layers
from lastmile_net.solve.capacity.money.rows import FlowRows
from lastmile_net.solve.capacity.money.whole import Prices, seconds_for, solve_whole
from lastmile_net.solve.graph import LEAF
from lastmile_net.solve.paths import spread
from lastmile_net.solve.rows.windows import charge_all
from lastmile_net.solve.windows import rows_by_window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.solve.capacity.bound.cuts import Need
    from lastmile_net.solve.capacity.bound.windows import PortWindow
    from lastmile_net.solve.capacity.money.layers import Layers
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
"""About so many edges of each window in which rows are charged that know of no ports, without time for the whole."""
ROWS_SHARE = 0.2
"""In this part of the time."""
WHOLE_SHARE = 0.85
"""The programme of the whole town has this part of the time: what homes are worth tells more than any zone."""
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
    layers
        Where homes can flow.
    price
        What leaving out one unit of gain costs, in thousandths.
    prices
        What has been charged, and what homes are worth at rims.
    known
        A plan; None where none is known.
    """

    graph: Graph
    need: Need
    out: int
    layers: Layers
    price: int
    prices: Prices
    known: Known | None


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
        By how much what is paid here is more than these rows have charged, as far as that is known; without it, the
        zone's share in what the whole town proves.

    Attributes
    ----------
    size
        Nodes.
    has_ended
        Whether nothing more is proven by branching on.
    """

    def __init__(self, town: Town, label: Shorts, number: int, which: Ints, gain: int | None = None) -> None:
        charged, worth, layers = town.prices.charged, town.prices.worth, town.layers
        self.town, self.has_ended, here = town, False, label == number
        self.gain = int(town.prices.share[here].sum()) if gain is None else gain
        self.size = int(np.count_nonzero(here))
        self._window = cut_port_window(town.graph, town.need, label, number, town.out)
        self._part = _part_of(self._window, here)
        self._own = charged.rows.some(which)
        self._cost, self._cuts = self._window.take_back(charged.reduced, self._own)
        self._tree: ChunkTree | None = None
        arc = self._window.arc
        self._enters = np.flatnonzero((arc >= 0) & (self._window.graph.end[np.arange(len(arc)) ^ 1] == 1))
        self._use = np.zeros(len(self._enters))
        if worth is not None:
            drops = self._enters[layers.is_drop[arc[self._enters]]]
            self._cost[drops] += worth.served[layers.tail[arc[drops]]] * layers.whole[arc[drops]]
        self._known = math.inf if town.known is None else self._paid_by(town.known, here)

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

    def _paid_by(self, plan: Known, here: Flags) -> float:
        """Return what a plan pays here."""
        arc, layers, worth = self._window.arc, self.town.layers, self.town.prices.worth
        paid = float(self._cost[(arc >= 0) & plan.arcs[arc]].sum())
        if worth is not None:
            head_in, tail_in, pays = here[layers.head], here[layers.tail], plan.pays(layers, worth)
            paid += float(pays[head_in & ~tail_in & ~layers.is_drop].sum() - pays[tail_in & ~head_in].sum())
        return paid

    def _plant(self, seed: int, clock: Clock) -> ChunkTree:
        """Return the tree of branches of the zone, its own charges taken back."""
        window, price = self._window, self.town.price
        guide, rng = np.full(len(window.graph.kind), -1, np.int32), np.random.default_rng(seed)
        rows = FlowRows(price, window.graph, window.need, self._cost, guide, rng, clock, self._cuts)
        if self.town.prices.worth is None:
            rows.let_flow()
        else:
            rows.let_flow(self.town.layers, self._part, self.town.prices.worth)
        model = rows.model
        model.solve_inside()
        left_out = int(model.cost[(model.tail == rows.out) & (rows.graph.kind[model.head] == LEAF)].sum())
        return ChunkTree(rows, lambda floor: float(floor.bound), min(self._known, left_out), max(GRAIN * price, 1.0))


def has_time_for_whole(graph: Graph, need: Need, limit_s: float) -> bool:
    """Return whether the programme of a whole town can be solved within its part of a time limit."""
    out = way_out(graph, need)
    return out >= 0 and seconds_for(lay_layers(graph, need, most_served(need, out), out)) < WHOLE_SHARE * limit_s


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
        bool (m,). Edges of a known plan, the ways into its taps among them: zones that prove what it pays there are
        done. None where none is known.
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
    layers = lay_layers(graph, need, most_served(need, out), out)
    prices = solve_whole(graph, need, guide, layers, charged, price, seed, clock.part(WHOLE_SHARE))
    if prices is None:
        habit = Habit(guide, SLACK, CAP)
        charged = charge_all(graph, habit, EDGES, clock.part(ROWS_SHARE), WORKERS, charged, may_meet=True)
        prices = Prices(charged, None, np.zeros(len(graph.kind), np.int64))
    known = None if used is None else Known.of(graph, need, layers, used)
    town = Town(graph, need, out, layers, price, prices, known)
    label = lay_zones(graph, need, out)
    zones = [Zone(town, label, number, which) for number, which in enumerate(_rows_in(town, label))]
    while going := [zone for zone in zones if zone.is_open and not zone.has_ended]:
        _branch_all(going, seed, clock.part(ROUND_SHARE if clock.left() > LAST_S else 1.0))
        if clock.over():
            break
        label, zones = _joined(town, label, zones)
    beside = int(prices.share[label < 0].sum())
    return max(charged.bound, prices.charged.bound + beside + sum(zone.gain for zone in zones))


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
    rows = town.prices.charged.rows
    return rows_by_window(town.graph, rows.start, rows.arc, label, int(label.max(initial=-1)) + 1)[1:]


def _part_of(window: PortWindow, here: Flags) -> Part:
    """Return the window of some nodes as a part of its town, with the arcs that lead away from it."""
    node, arc = np.flatnonzero(here), window.arc
    back = arc[np.arange(len(arc)) ^ 1]
    place = np.full(len(here), -1)
    first = len(window.graph.kind) - len(node)
    place[node] = first + np.arange(len(node))
    return Part(np.append(np.full(first, -1), node), np.where((arc < 0) & (back >= 0), back ^ 1, arc), place)


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
