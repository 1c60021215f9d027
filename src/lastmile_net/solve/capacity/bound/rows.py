"""
The programme of streets whose taps have few ports: cuts first, then flows from taps to homes, and branching to the end.

Cables through the trenches are a flow from taps to homes, and each trench has at most one direction. Cuts around
sets of nodes that lack ports make the linear programme strong; flows make its whole solutions plans within ports. Where
customers may be left out at a price, one row says how many must be.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.solve.bound import Habit, record_of, useful_arcs
from lastmile_net.solve.capacity.bound.cuts import ascend_demand
from lastmile_net.solve.capacity.bound.flow import most_flow
from lastmile_net.solve.capacity.bound.lacking import TINY, lacking_cuts, sparing_cuts
from lastmile_net.solve.graph import LEAF, PLAIN
from lastmile_net.solve.rows.generate import CUTS_PER_NODE, MOST_BRANCHES, ROUGH, SHORT, Generation

if TYPE_CHECKING:
    import highspy
    from numpy.typing import NDArray

    from lastmile_net.solve.bound import Record
    from lastmile_net.solve.capacity.bound.cuts import Need
    from lastmile_net.solve.clock import Clock
    from lastmile_net.solve.graph import Graph

    Ints = NDArray[np.int64]
    Shorts = NDArray[np.int32]
    Flags = NDArray[np.bool_]

WORTH = 1e-5
"""A step that raises the bound by less than this part of it is idle,"""
IDLE = 12
"""and so many of them in turn are the last."""
TRIES = 4
"""So often no broken cut is found, by chance, before there is said to be none."""
RARELY = 2
"""Around a node without cuts so far is looked 1, 1 / (1 + this), 1 / (1 + 2 * this) ... as often."""
ARCS_PER_NODE = 40
"""Room for arcs of cuts: sets that lack ports are large."""
SAME = 1e-6
"""HiGHS's sum and ours may differ by this part."""


class PortRows(Generation):
    """
    The rows so far of streets with few ports.

    Parameters
    ----------
    graph, need, back
        The streets, their need and the same `turned`; node 0 feeds the taps for nothing.
    cost
        int64 (2m,). Price of each arc.
    guide
        A tree that guides the ascents.
    rng, clock
        As in `Generation`.
    charged
        Cuts to start from.
    """

    def __init__(
        self,
        graph: Graph,
        need: Need,
        back: Need,
        cost: Ints,
        guide: Shorts,
        rng: np.random.Generator,
        clock: Clock,
        charged: Record,
    ) -> None:
        self.need, self.back = need, back
        self.most = int(need.homes[1:].sum())
        # two trenches from two taps may meet in a plain node and go on as one: no node is left as much as entered
        super().__init__(graph, cost, guide, rng, clock, rim=graph.kind == PLAIN, charged=charged)
        self.seeds = np.flatnonzero((need.ports > 0) & (need.ports < need.homes.sum()))
        self.wide = Habit(guide, 1.0, len(graph.end))
        # so often in turn no cut has been found around each node, by sets that lack ports and by those with too many
        self.misses = np.zeros((2, len(graph.kind)), np.int64)

    def _add_lasting(self) -> None:
        """Add a row: whoever finds no port is left out, where a tap with ports for all has ways to customers only."""
        graph, need, homes = self.graph, self.need, self.most
        self.out = way_out(graph, need)
        if self.out < 0:
            return
        row = slice(graph.start[self.out], graph.start[self.out + 1])
        end, arc = graph.nbr[row], graph.arc[row].astype(np.int64)
        ways = graph.kind[end] == LEAF
        self.most = most_served(need, self.out)
        left = homes - self.most - int(need.homes[self.out])
        if left > 0:
            column = self.model.column[arc[ways]]
            self.model.add_lasting(0 * column, column, need.homes[end[ways]], np.array([left]))

    def _ascend(self, reduced: Ints) -> tuple[int, list[Record]]:
        """Charge sets that hold taps, but too few ports, besides."""
        gain, records = super()._ascend(reduced)
        record = self._record()
        gain += int(ascend_demand(self.graph, self.need, self.seeds, self.wide, reduced, record))
        self.model.add_cuts(record, SHORT)
        return gain, [*records, record]

    def _cut(self) -> int:
        return super()._cut() + self._cut_by_ports()

    def _cut_by_ports(self) -> int:
        """Add cuts around sets that lack ports, or have too many: at taps and wherever the solution is not whole."""
        if not len(self.seeds):
            return 0
        use, added = self.model.use, 0
        between = np.unique(self.graph.end[(use > TINY) & (use < 1 - TINY)])
        seeds = np.concatenate([self.rng.permutation(self.seeds), self.rng.permutation(between[between != 0])])
        kinds = ((lacking_cuts, self.need), (sparing_cuts, self.back))
        for (cuts, need), misses in zip(kinds, self.misses, strict=True):
            record, chance = self._record(), self.rng.integers(1 << 62, size=1)
            # one node in fifty finds a cut, mostly one that has found some before
            mine = seeds[self.rng.random(len(seeds)) * (1 + RARELY * misses[seeds]) < 1].astype(np.int64)
            cuts(self.graph, need, use, mine, chance, SHORT, record)
            misses[mine] += 1
            misses[record.owner[: record.fill[0]]] = 0
            added += self.model.add_cuts(record, SHORT)
        if added == 0:
            self.misses[:] = 0
        return added

    def raise_bound(self, bound: int, reduced: Ints, enough: float = math.inf) -> tuple[int, Ints]:
        """
        Solve the linear programme and add broken cuts, until that gains little, a bound is reached or time is up.

        Parameters
        ----------
        bound, reduced
            From the charges.
        enough
            The bound at which to stop.

        Returns
        -------
        bound, reduced
            No forest costs less; and what it leaves of each arc's price.
        """
        idle = unbroken = 0
        while idle < IDLE and not self.model.clock.over() and bound < enough:
            step = self.step()
            if step is None:
                break
            idle = idle + 1 if step.bound - bound < WORTH * bound else 0
            if step.bound > bound:
                bound, reduced = step.bound, step.reduced
            unbroken = unbroken + 1 if step.added == 0 else 0
            if unbroken == TRIES:
                break
        return bound, reduced

    def prove(self, bound: int, reduced: Ints, cost: int, grain: int, gap: float) -> tuple[int, Flags | None]:
        """
        Branch to find out how cheap a forest within ports can be.

        Parameters
        ----------
        bound, reduced
            From `raise_bound`.
        cost
            What the best forest so far costs.
        grain
            All costs are multiples of this.
        gap
            Cost over bound, less one, at which branching may stop.

        Returns
        -------
        bound
            No forest costs less; at most `cost`.
        built
            bool (m,). The best forest that branching has found; None where it found none.
        """
        self.model.demand_whole(useful_arcs(self.graph, reduced, cost - bound), grain)
        self._let_flow()
        self._enter_once()
        highs: highspy.Highs = self.model.highs
        highs.setOptionValue("mip_rel_gap", gap)
        highs.setOptionValue("objective_bound", (cost * (1 + SAME) + grain) / self.model.unit)
        self.model.guess_nothing()
        found = self.model.branch(MOST_BRANCHES)
        told = float(highs.getInfo().objective_function_value) * self.model.unit
        use = self.model.use[self.model.arc]
        mine = float(self.model.cost[self.model.arc] @ np.rint(use))
        if not math.isfinite(found) or abs(told - mine) > SAME * mine + grain:
            return bound, None
        whole = math.ceil(found / grain - ROUGH) * grain
        return min(max(bound, whole), cost), self.model.built

    def _let_flow(self) -> None:
        """Add flows of homes through the used arcs: all that are needed arrive, no tap gives more than it has."""
        model, need = self.model, self.need
        count, nodes = len(model.arc), len(self.graph.kind)
        tail, head = model.tail[model.arc], model.head[model.arc]
        most = most_flow(self.graph, need, self.most)[model.arc].astype(np.float64)
        flow = count + np.arange(count)
        model.highs.addVars(count, np.zeros(count), most)
        pairs = np.column_stack([np.arange(count), flow]).ravel().astype(np.int32)
        signs = np.column_stack([most, -np.ones(count)]).ravel()
        start = 2 * np.arange(count, dtype=np.int32)
        endless = np.full(count, np.inf)
        model.highs.addRows(count, np.zeros(count), endless, 2 * count, start, pairs, signs)
        node = np.concatenate([head, tail])
        column, sign = np.concatenate([flow, flow]), np.repeat([1.0, -1.0], count)
        order = np.argsort(node, kind="stable")
        order = order[node[order] != 0]
        first = np.searchsorted(node[order], np.arange(1, nodes)).astype(np.int32)
        homes = need.homes[1:].astype(np.float64)
        inside = column[order].astype(np.int32), sign[order]
        model.highs.addRows(nodes - 1, homes, homes, len(order), first, *inside)

    def _enter_once(self) -> None:
        """Give each customer one drop only, whole: a flow could come by several."""
        model, kind = self.model, self.graph.kind
        into = np.flatnonzero(kind[model.head[model.arc]] == LEAF)
        leaf = model.head[model.arc[into]]
        order = np.argsort(leaf, kind="stable")
        leaves, first = np.unique(leaf[order], return_index=True)
        none, one, ones = np.zeros(len(leaves)), np.ones(len(leaves)), np.ones(len(into))
        into = into[order].astype(np.int32)
        model.highs.addRows(len(leaves), none, one, len(into), first.astype(np.int32), into, ones)

    def _record(self) -> Record:
        nodes = len(self.graph.kind)
        return record_of(CUTS_PER_NODE * nodes, ARCS_PER_NODE * nodes)


def most_served(need: Need, out: int) -> int:
    """Return how many homes ports serve at most, those of the tap `out` left alone."""
    return min(int(need.homes[1:].sum()), int(need.ports.sum() - need.ports[out]))


def way_out(graph: Graph, need: Need) -> int:
    """
    Return the tap at which customers are left out, -1 where there is none: it has ports for all, and no street.

    Of several taps like that it is the last one.
    """
    for v in np.flatnonzero(need.ports >= need.homes[1:].sum())[::-1].tolist():
        end = graph.nbr[graph.start[v] : graph.start[v + 1]]
        if np.all((graph.kind[end] == LEAF) | (end == 0)):
            return int(v)
    return -1
