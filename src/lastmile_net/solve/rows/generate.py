"""Row generation on one graph: start from the cuts of a dual ascent, add what the solution breaks, end exactly."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.solve.bound import Habit, Record, ascend, record_of, smallest
from lastmile_net.solve.graph import PLAIN
from lastmile_net.solve.rows.flow import least_cuts
from lastmile_net.solve.rows.model import Relaxation
from lastmile_net.solve.rows.priced import PricedRows, join_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.solve.clock import Clock
    from lastmile_net.solve.graph import Graph

    Ints = NDArray[np.int64]
    Shorts = NDArray[np.int32]
    Flags = NDArray[np.bool_]

CUTS_PER_NODE = 4
ARCS_PER_NODE = 12
FEWEST_ARCS = 100_000
"""Room for arcs of the first cuts on any graph."""
DENSE = 0.9
"""Where the first cuts fill this share of the room for them, terminals are few and far apart."""
STANDSTILL = 6
"""After so many solutions that prove nothing more cuts stay until one does: else they could come and go for ever."""
SHORT = 1e-4
"""A cut that lacks less than this is good enough."""
MOST_BRANCHES = 2_000
"""Nodes of one branch and bound."""
ROUGH = 0.01
"""By so much of a cost's grain a bound of branch and bound may be off."""
MOST_ENDINGS = 40
"""So often the exact end may find that whole solutions break a cut."""


@dataclass(frozen=True, eq=False)
class Step:
    """
    What one solution of the linear programme gave.

    Parameters
    ----------
    bound
        No tree of the graph costs less.
    reduced
        What the bound leaves of each arc's cost.
    rows
        The rows with their prices, as far as they are known one by one.
    added
        Number of rows that were broken, and are in from here on.
    """

    bound: int
    reduced: Ints
    rows: PricedRows
    added: int


class Generation:
    """
    The rows so far of one graph.

    Parameters
    ----------
    graph
        The graph; node 0 is the root.
    cost
        int64 (2m,). Price of each arc; rows elsewhere may leave less than nothing.
    guide
        A good tree, for the ascents.
    rng
        Shuffles the terminals before cuts are looked for.
    clock
        When to stop.
    rim
        bool (n,). Plain nodes with arcs that the graph does not have.

    Attributes
    ----------
    dense
        Whether the cuts are so large that those of later ascents are better left out.
    """

    def __init__(
        self,
        graph: Graph,
        cost: Ints,
        guide: Shorts,
        rng: np.random.Generator,
        clock: Clock,
        *,
        rim: Flags | None = None,
        charged: Record | None = None,
    ) -> None:
        self.graph = graph
        self.habit = Habit(guide, 1.1, len(cost))
        self.rng = rng
        self.model = Relaxation(graph, cost, clock, rim)
        self._add_lasting()
        self.proven, self.idle = -1, 0
        self.terminals = np.flatnonzero(graph.kind != PLAIN)[1:].astype(np.int32)
        record = self._record()
        if charged is None:
            ascend(graph, self.habit, np.maximum(cost, 0), record)
            charged = record
        self.dense = int(charged.start[charged.fill[0]]) > DENSE * len(record.arc)
        self.model.add_cuts(smallest(charged, max(len(record.arc), FEWEST_ARCS)), SHORT)

    def step(self) -> Step | None:
        """Solve, sum up the bound, and add broken rows; None if time ran out."""
        if not self.model.solve():
            return None
        rows, reduced = self.model.charges()
        bound = rows.bound
        self.idle = 0 if bound > self.proven else self.idle + 1
        self.proven = max(self.proven, bound)
        if self.idle < STANDSTILL:
            self.model.drop_slack()
        before = self.model.count
        gain, records = self._ascend(reduced)
        self._cut()
        rows = join_rows([rows, *map(PricedRows.of, records)])
        return Step(bound + gain, reduced, rows, self.model.count - before)

    def length(self) -> Ints:
        """Return the edges' costs, lower the more the last solution uses them, for building a tree."""
        used = np.minimum(np.maximum(self.model.use[0::2], self.model.use[1::2]), 1)
        return (self.graph.cost * (1 - 0.999 * used)).astype(np.int64)

    def finish(self, keep: Flags, grain: int) -> int:
        """
        Branch to the end over the arcs that may matter.

        Returns
        -------
        bound
            No tree over these arcs costs less; the last solution is the cheapest tree if the bound is its cost.
        """
        self.model.demand_whole(keep, grain)
        bound = 0
        for _ in range(MOST_ENDINGS):
            found = self.model.branch(MOST_BRANCHES)
            if math.isinf(found):
                return int(np.iinfo(np.int64).max) if found > 0 else bound
            bound = max(bound, math.ceil(found / grain - ROUGH) * grain)
            if self.model.clock.over() or not self.model.whole or self._cut() == 0:
                break
        return bound

    def _add_lasting(self) -> None:
        """Add rows besides those that every graph has; here there are none."""

    def _ascend(self, reduced: Ints) -> tuple[int, list[Record]]:
        """Charge what an ascent still can, add its cuts as rows if they are small; return what it gains, and these."""
        record = record_of(0, 0) if self.dense else self._record()
        gain = int(ascend(self.graph, self.habit, reduced, record))
        self.model.add_cuts(record, SHORT)
        return gain, [record]

    def _cut(self) -> int:
        record = self._record()
        least_cuts(self.graph, self.model.use, self.rng.permutation(self.terminals), SHORT, record)
        return self.model.add_cuts(record, SHORT)

    def _record(self) -> Record:
        nodes = len(self.graph.kind)
        return record_of(CUTS_PER_NODE * nodes, ARCS_PER_NODE * nodes)
