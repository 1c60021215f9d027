"""
The directed-cut linear programme of a graph, row by row, in HiGHS.

Variables say how much of each arc is used. Rows: a terminal is entered once; what leaves a plain node is at least
what enters it; no arc carries on more than what entered its tail from elsewhere; each cut between the root and a
terminal is crossed (Koch & Martin 1998). The bound is summed up anew in whole numbers from the rows'
prices, so it does not hang on HiGHS's tolerances.
"""

from __future__ import annotations

import os
import sys
import threading
from functools import partial
from typing import TYPE_CHECKING

import highspy
import numpy as np

from lastmile_net.solve.graph import LEAF, PLAIN, pick_rows
from lastmile_net.solve.rows.priced import PricedRows, join_rows

if TYPE_CHECKING:
    from highspy.highs import HighsCallbackEvent
    from numpy.typing import NDArray

    from lastmile_net.solve.bound import Record
    from lastmile_net.solve.clock import Clock
    from lastmile_net.solve.graph import Graph

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]
    Shorts = NDArray[np.int32]
    Weights = NDArray[np.int32]

RANGE = 1e4
"""The dearest arc costs this much in HiGHS's eyes."""
BROKEN = 1e-6
"""What is nearer to a whole number than this is one."""
AMPLE = 0.05
"""By so much more than 1 a cut must be crossed to be taken out."""
LEAST_PATIENCE = 2_000
PATIENCE = 3
"""
After so many times the steps of the longest solution before, but not fewer than the least, one that turns in circles is
begun anew.
"""

FEW_ROWS = 5_000
"""With more rows than this, an interior point method finds the first solution sooner than the simplex method."""

DEVEX = 1
"""One of HiGHS's ways to weigh rows."""
GUESSES = ("rins", "rens", "root_reduced_cost", "feasibility_jump")
"""What HiGHS finds whole solutions by besides branching."""
SAFE = 1e-9
"""Sums of prices that are no whole numbers are rounded down by this part."""

_BANNER = threading.Lock()


def quiet_highs() -> highspy.Highs:
    """Return a solver that uses one thread and says nothing: its banner goes to the process's stdout otherwise."""
    with _BANNER:
        sys.stdout.flush()
        kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        try:
            highs = highspy.Highs()  # type: ignore[no-untyped-call]
        finally:
            os.dup2(kept, 1)
            os.close(kept)
            os.close(nowhere)
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("threads", 1)
    return highs


def _look(clocks: list[Clock], event: HighsCallbackEvent) -> None:
    """Stop HiGHS where time is up or a stop was asked for; a stop of before counts no more."""
    event.interrupt(clocks[0].over())


class Relaxation:
    """
    A linear programme that grows.

    Parameters
    ----------
    graph
        The graph; node 0 is the root.
    cost
        int64 (2m,). Price of each arc.
    clock
        When to stop.
    rim
        bool (n,). Plain nodes that can be left by arcs the graph does not have.

    Attributes
    ----------
    use
        float64 (2m,). How much of each arc the last solution uses.
    """

    def __init__(self, graph: Graph, cost: Ints, clock: Clock, rim: Flags | None = None) -> None:
        self.graph = graph
        self.cost = cost
        self.head = graph.end.astype(np.int64)
        self.tail = self.head.reshape(-1, 2)[:, ::-1].ravel()
        self.arc = np.flatnonzero((graph.kind[self.tail] != LEAF) & (self.head != 0))
        self.column = np.full(len(cost), -1, np.int64)
        self.column[self.arc] = np.arange(len(self.arc))
        self.use = np.zeros(len(cost))
        self.unit = max(1.0, float(cost.max(initial=1)) / RANGE)
        self.rows: list[tuple[Shorts, Shorts, Weights]] = []
        self.least: list[Ints] = []
        self.stays: list[Flags] = []
        self.upper: list[Ints] = []
        self.more_cost: list[Ints] = []
        self.count = 0
        self._clocks = [clock]  # what HiGHS calls back must not hold on to the relaxation
        self.highs = quiet_highs()
        look = partial(_look, self._clocks)
        self.highs.cbSimplexInterrupt += look
        self.highs.cbIpmInterrupt += look
        self.highs.cbMipInterrupt += look
        self.highs.addVars(len(self.arc), np.zeros(len(self.arc)), np.ones(len(self.arc)))
        self.low, self.high = np.zeros(len(self.arc), np.int64), np.ones(len(self.arc), np.int64)
        columns = np.arange(len(self.arc), dtype=np.int32)
        self.highs.changeColsCost(len(columns), columns, cost[self.arc] / self.unit)
        self._balance(np.zeros(len(graph.kind), bool) if rim is None else rim)
        self._carry()
        self.steps = 0

    def _balance(self, rim: Flags) -> None:
        """Add one row per node: terminals are entered once, plain nodes are left at least as much as entered."""
        kind = self.graph.kind
        plain = (kind == PLAIN) & ~rim
        into = np.flatnonzero((self.column >= 0) & ((kind[self.head] != PLAIN) | plain[self.head]))
        out = np.flatnonzero((self.column >= 0) & plain[self.tail])
        node = np.concatenate([self.head[into], self.tail[out]])
        sign = np.concatenate([np.where(plain[self.head[into]], -1, 1), np.ones(len(out), np.int64)])
        least = (kind != PLAIN).astype(np.int64)
        least[0] = 0
        self._add(node, self.column[np.concatenate([into, out])], sign, least, stays=True)

    @property
    def clock(self) -> Clock:
        """When to stop."""
        return self._clocks[0]

    @clock.setter
    def clock(self, clock: Clock) -> None:
        self._clocks[0] = clock

    def add_cuts(self, record: Record, short: float) -> int:
        """Add those cuts of a record that the last solution crosses with less than 1 - `short`; return their number."""
        cuts = int(record.fill[0])
        arcs = record.arc[: record.start[cuts]].astype(np.int64)
        row = np.repeat(np.arange(cuts), np.diff(record.start[: cuts + 1]))
        crossed = np.bincount(row, weights=self.use[arcs], minlength=cuts)
        broken = crossed < 1 - short
        taken = broken[row] & (self.column[arcs] >= 0)
        number = np.cumsum(broken) - 1
        rows = int(np.count_nonzero(broken))
        ones = np.ones(np.count_nonzero(taken), np.int64)
        self._add(number[row[taken]], self.column[arcs[taken]], ones, np.ones(rows, np.int64))
        return rows

    def add_lasting(self, row: Ints, column: Ints, weight: Ints, least: Ints) -> None:
        """
        Add rows `sum(weight * use) >= least` that are never taken out.

        Parameters
        ----------
        row, column, weight
            The entries; arc `a` has column `self.column[a]`.
        least
            What each row demands.
        """
        self._add(row, column, weight, least, stays=True)

    def add_columns(self, upper: Ints, cost: Ints | int = 0) -> Ints:
        """Add columns besides the arcs, which cost so much a unit and are at most `upper`; return their numbers."""
        first = len(self.arc) + sum(map(len, self.upper))
        numbers = first + np.arange(len(upper))
        self.highs.addVars(len(upper), np.zeros(len(upper)), upper.astype(np.float64))
        self.upper.append(upper)
        self.more_cost.append(np.broadcast_to(np.asarray(cost, np.int64), upper.shape))
        self.highs.changeColsCost(len(upper), numbers.astype(np.int32), self.more_cost[-1] / self.unit)
        return numbers

    def add_free_row(self, column: Ints, weight: Floats) -> int:
        """Add a row that demands nothing yet and proves nothing by itself; return its number, which stays."""
        self.highs.addRow(-highspy.kHighsInf, highspy.kHighsInf, len(column), column.astype(np.int32), weight)
        none = np.zeros(0, np.int32)
        self.rows.append((none, none, none))
        self.least.append(np.zeros(1, np.int64))
        self.stays.append(np.ones(1, bool))
        self.count += 1
        return self.count - 1

    def proven(self, cost: Ints, price: Floats) -> float:
        """
        Return what rows prove together at some prices, if arcs cost this; rounded down.

        Any prices do: what they charge an arc or another column above its cost is paid for at its full width. Arcs that
        are fixed (`fix`) are held to be used like that.

        Parameters
        ----------
        cost
            int64 (2m,). Cost of each arc.
        price
            float64, >= 0. Price of each row.
        """
        upper = np.concatenate([self.high, *self.upper])
        left = np.concatenate([cost[self.arc], *self.more_cost]) - self.charged(price)
        used = np.maximum(left[: len(self.arc)], 0) * self.low
        terms = np.concatenate([price * np.concatenate(self.least), np.minimum(left, 0) * upper, used])
        return float(terms.sum() - SAFE * np.abs(terms).sum())

    def charged(self, price: Floats | Ints) -> Floats:
        """Return what rows charge each column at some prices: those of the arcs, then those besides."""
        row, column, weight = self._entries()
        columns = len(self.arc) + sum(map(len, self.upper))
        return np.bincount(column, weights=weight * price[row], minlength=columns).astype(np.float64)

    def fix(self, arc: Ints, use: Ints) -> None:
        """Hold some arcs to be used so much, 0 or 1, from here on, and all others free."""
        low, high = np.zeros_like(self.low), np.ones_like(self.high)
        low[self.column[arc]] = high[self.column[arc]] = use
        changed = np.flatnonzero((low != self.low) | (high != self.high)).astype(np.int32)
        bounds = low[changed].astype(np.float64), high[changed].astype(np.float64)
        self.highs.changeColsBounds(len(changed), changed, *bounds)
        self.low, self.high = low, high

    def drop_slack(self) -> None:
        """Take out cuts that the last solution crosses amply: they slow the programme down far more than they help."""
        price = np.array(self.highs.getSolution().row_dual)
        crossed = np.array(self.highs.getSolution().row_value)
        slack = (price <= 0) & (crossed > 1 + AMPLE)
        slack &= ~np.concatenate(self.stays)
        if not slack.any():
            return
        gone = np.flatnonzero(slack).astype(np.int32)
        self.highs.deleteRows(len(gone), gone)
        row, column, weight = self._entries()
        number = (np.cumsum(~slack) - 1).astype(np.int32)
        stay = ~slack[row]
        self.rows = [(number[row[stay]], column[stay], weight[stay])]
        self.least = [np.concatenate(self.least)[~slack]]
        self.stays = [np.concatenate(self.stays)[~slack]]
        self.count -= len(gone)

    def _carry(self) -> None:
        """Add one row per arc that leaves a plain node: it carries on no more than entered there from elsewhere."""
        arc = self.arc[self.graph.kind[self.tail[self.arc]] == PLAIN]
        start, place = pick_rows(self.graph.start.astype(np.int64), self.tail[arc])
        row = np.repeat(np.arange(len(arc)), np.diff(start))
        into = self.graph.arc[place].astype(np.int64) ^ 1
        other = (into != (arc ^ 1)[row]) & (self.column[into] >= 0)
        rows = np.concatenate([row[other], np.arange(len(arc))])
        sign = np.concatenate([np.ones(np.count_nonzero(other), np.int64), np.full(len(arc), -1)])
        column = self.column[np.concatenate([into[other], arc])]
        self._add(rows, column, sign, np.zeros(len(arc), np.int64), stays=True)

    def _add(self, row: Ints, column: Ints, weight: Ints, least: Ints, *, stays: bool = False) -> None:
        """Add rows `sum(weight * use) >= least`."""
        order = np.argsort(row, kind="stable")
        row, column, weight = row[order], column[order], weight[order]
        start = np.searchsorted(row, np.arange(len(least))).astype(np.int32)
        upper = np.full(len(least), highspy.kHighsInf)
        self.highs.addRows(
            len(least),
            least.astype(np.float64),
            upper,
            len(row),
            start,
            column.astype(np.int32),
            weight.astype(np.float64),
        )
        self.rows.append(((row + self.count).astype(np.int32), column.astype(np.int32), weight.astype(np.int32)))
        self.least.append(least)
        self.stays.append(np.full(len(least), stays))
        self.count += len(least)

    def _entries(self) -> tuple[Shorts, Shorts, Weights]:
        """Return row, column and weight of all entries."""
        row, column, weight = (np.concatenate(parts) for parts in zip(*self.rows, strict=True))
        self.rows = [(row, column, weight)]
        return row, column, weight

    def __del__(self) -> None:
        """Give HiGHS's memory back at once: its object hangs in a circle with its own callbacks, and would stay."""
        self.highs.clear()

    def solve(self) -> bool:
        """Solve the programme as it is; return False if that failed or took too long."""
        self.run(max(PATIENCE * self.steps, LEAST_PATIENCE) if self.steps else highspy.kHighsIInf)
        if self.highs.getModelStatus() == highspy.HighsModelStatus.kIterationLimit:
            self.highs.clearSolver()
            self.run(highspy.kHighsIInf)
        if self.highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            return False
        self.steps = max(self.steps, int(self.highs.getInfo().simplex_iteration_count))
        self._read_use()
        return True

    def expect_changes(self) -> None:
        """
        Weigh rows roughly from here on.

        Exact weights (steepest edge) are lost whenever rows or bounds change, and to work them out anew takes far
        longer than the few steps that a little change needs.
        """
        self.highs.setOptionValue("simplex_dual_edge_weight_strategy", DEVEX)

    def solve_inside(self, tolerance: float | None = None) -> bool:
        """
        Solve the programme for the first time, a large one by an interior point method; return False if time ran out.

        Parameters
        ----------
        tolerance
            Part of its value that may be missed: rows have prices then, but arcs no use. None for an exact solution
            that later ones can begin from.
        """
        if self.count <= FEW_ROWS:
            return self.solve()
        _, usual = self.highs.getOptionValue("ipm_optimality_tolerance")
        self.highs.setOptionValue("solver", "ipx")
        if tolerance is not None:
            self.highs.setOptionValue("run_crossover", "off")
            self.highs.setOptionValue("ipm_optimality_tolerance", tolerance)
        self.run(highspy.kHighsIInf)
        self.highs.setOptionValue("solver", "choose")
        self.highs.setOptionValue("run_crossover", "on")
        self.highs.setOptionValue("ipm_optimality_tolerance", usual)
        return self.highs.getModelStatus() != highspy.HighsModelStatus.kTimeLimit and not self.clock.over()

    @property
    def is_impossible(self) -> bool:
        """Whether the last solution has shown that there is none."""
        return bool(self.highs.getModelStatus() == highspy.HighsModelStatus.kInfeasible)

    def run(self, steps: int) -> None:
        """Let HiGHS go on for at most so many steps of the simplex method; rows have prices then, arcs no new use."""
        self.highs.setOptionValue("time_limit", self.highs.getRunTime() + max(self.clock.left(), 0.0))
        self.highs.setOptionValue("simplex_iteration_limit", steps)
        self.highs.run()

    def _read_use(self) -> None:
        self.use[self.arc] = np.maximum(self.highs.getSolution().col_value[: len(self.arc)], 0)

    @property
    def built(self) -> Flags:
        """Which edges the last solution uses, either way, if it is whole."""
        used: Flags = np.rint(np.maximum(self.use[0::2], self.use[1::2])) > 0
        return used

    @property
    def whole(self) -> bool:
        """Whether the last solution uses each arc not at all or altogether."""
        return bool((np.minimum(self.use, np.abs(1 - self.use)) < BROKEN).all())

    def charges(self) -> tuple[PricedRows, Ints]:
        """
        Return the rows that have a price, and what they leave of each arc's cost.

        Where an arc is charged more than it costs, a row more pays for it: no arc is used more than once.
        """
        rows, left = self.charges_of(self.count)
        over = self.arc[left[self.arc] < 0]
        minus = np.full(len(over), -1)
        once = PricedRows(np.arange(len(over) + 1), over, minus, minus, -left[over], np.zeros(len(over), bool))
        return join_rows([rows, once]), np.maximum(left, 0)

    def charges_of(self, count: int) -> tuple[PricedRows, Ints]:
        """Return those of the first rows, of arcs alone, that have a price in whole numbers, and what they leave."""
        price = np.maximum(np.rint(np.array(self.highs.getSolution().row_dual) * self.unit), 0).astype(np.int64)
        row, column, weight = self._entries()
        price[count:] = 0
        start = np.searchsorted(row, np.arange(self.count + 1))  # rows are in their order
        entries = self.arc[np.minimum(column, len(self.arc) - 1)], weight.astype(np.int64)
        is_cut = ~np.concatenate(self.stays)
        used = np.flatnonzero((price > 0) & (np.diff(start) > 0))
        rows = PricedRows(start, *entries, np.concatenate(self.least), price, is_cut).some(used)
        return rows, self.cost - rows.charges(len(self.cost))

    def demand_any(self) -> None:
        """Ask for whole numbers no longer."""
        columns = np.arange(len(self.arc), dtype=np.int32)
        kinds = np.full(len(columns), int(highspy.HighsVarType.kContinuous), np.uint8)
        self.highs.changeColsIntegrality(len(columns), columns, kinds)

    def demand_whole(self, keep: Flags, grain: int) -> None:
        """Ask for whole numbers from here on, and leave out all arcs but these; costs are multiples of `grain`."""
        columns = np.arange(len(self.arc), dtype=np.int32)
        kinds = np.full(len(columns), int(highspy.HighsVarType.kInteger), np.uint8)
        self.highs.changeColsIntegrality(len(columns), columns, kinds)
        upper = keep[self.arc].astype(np.float64)
        self.highs.changeColsBounds(len(columns), columns, np.zeros(len(columns)), upper)
        self.highs.setOptionValue("mip_rel_gap", 0.0)
        self.highs.setOptionValue("mip_abs_gap", 0.5 * grain / self.unit)

    def guess_nothing(self) -> None:
        """Only branch from here on: a plan is known that is as good as guesses, and none of them stops for a clock."""
        for name in GUESSES:
            self.highs.setOptionValue(f"mip_heuristic_run_{name}", False)
        self.highs.setOptionValue("mip_heuristic_effort", 0.0)
        self.highs.setOptionValue("mip_allow_restart", False)

    @property
    def is_found(self) -> bool:
        """Whether the last branching found a whole solution."""
        status = self.highs.getInfo().primal_solution_status
        return bool(status == highspy.SolutionStatus.kSolutionStatusFeasible)

    def branch(self, nodes: int) -> float:
        """Branch and bound; return what no whole solution of the rows costs less than, in the graph's money."""
        self.highs.setOptionValue("mip_max_nodes", nodes)
        self.run(highspy.kHighsIInf)
        if self.highs.getModelStatus() == highspy.HighsModelStatus.kInfeasible:
            return float("inf")
        if self.is_found:
            self._read_use()
        return float(self.highs.getInfo().mip_dual_bound) * self.unit
