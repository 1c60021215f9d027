"""
Hunt for a better tree and a better bound on one graph, round by round, while the graph shrinks.

One round: charge cuts guided by the best tree, drop the edges this proves useless, build trees inside the arcs without
reduced cost and at perturbed prices, improve them, and hunt once more inside the union of the good ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lastmile_net.solve.bound import Habit, Record, ascend, roomy_record, turn_root, useful, useful_arcs
from lastmile_net.solve.graph import PLAIN, Graph, make_graph
from lastmile_net.solve.recharge import recharge_windows
from lastmile_net.solve.steiner.construct import grow, span, spans, tree_cost
from lastmile_net.solve.steiner.improve import improve

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.solve.clock import Clock
    from lastmile_net.solve.rows.generate import Generation, Step
    from lastmile_net.solve.rows.windows import RowCharges
    from lastmile_net.solve.shrink import Shrunk

    Ints = NDArray[np.int64]
    Shorts = NDArray[np.int32]
    Flags = NDArray[np.bool_]

POOL = 10
"""Good trees that are remembered."""
NUDGES = (0.05, 0.1, 0.2, 0.4)
"""By how much prices are raised at most, at random, for another start."""
SLACKS = (1.0, 1.1, 1.3)
"""How far a component may grow beyond the smallest other one, round by round."""
LARGE_SLACK = 2.0
"""The same on large graphs, where going back to a component means to walk through it again."""
FIRST_PASSES, FIRST_PASSES_LARGE = 4, 2
"""Passes over the first tree, before the graph has shrunk."""
ROAM = 0.15
"""Above this nudge, a start may also use arcs with reduced cost, at that price on top."""
RESTARTS = 6
WORTH = 0.9
"""Where fewer than this share of the edges are left, cuts are charged anew at once."""
UNION_ROUNDS = 3
OPEN = 0.1
"""What may still be gained inside a union is left alone below this share of all that is open."""
LARGE = 150_000
"""Graphs with more edges than this get fewer passes, and cuts are capped."""
CAP = 3_000
WHOLE = 60_000
"""Graphs with more edges than this are too large for row generation as a whole."""
SPARSE = 8
"""
With more edges per terminal than this, cuts are large and the linear programme is slow: charging anew is quicker there.
With fewer, as in towns, it is the programme that is quicker.
"""
SPARSE_LARGE = 20
"""The same on large graphs, which are not charged anew: windows of the programme are all that is left there."""
SMALL = 5_000
"""On graphs with no more edges than this the programme ends what charging leaves open,"""
TINY = 2_000
"""and with no more than this charging anew goes first in any case."""
WINDOWS = (1_000, 1_500, 2_500, 4_000, 7_000)
"""Edges of a window of the programme in each pass over a larger graph;"""
FRUITLESS = 0.05
"""a pass that closes less than this share of what is open is the last."""
IN_WINDOW = (150, 210, 300)
"""Terminals of a window, pass by pass, when charges are taken back;"""
FEWEST_IN_WINDOW = 3_000
"""windows have so many edges at least."""
SETTLED, SETTLED_SMALL = 0.1, 0.02
"""A pass that closes less than this share of what is open is the last of its round."""
NEAR = 1.5
"""So many times as many edges as the best tree has are looked at together, those that come nearest to be used."""
SHARES = (0.1, 0.05, 0.02, 0.01, 0.005, 0.0)
"""Shares of what is open that such edges may cost at most beyond the bound."""
SHRINK = 0.75
"""Where charges can be taken back, only a loss of more edges than this leaves is worth to begin anew."""
USED = 1e-3
"""An edge that a window's solution uses less than this is left out where a tree is looked for."""
REBUILD = 0.5
"""Where fewer than this share of the edges may still matter, the linear programme is set up anew."""
BRANCHED = 20_000
"""With more arcs than this that may matter, branching is not tried."""
FORBIDDEN = np.int64(1) << np.int64(40)


class GraphCharges(NamedTuple):
    """What has been charged on a graph: what is left of the costs, each charge, and their sum."""

    graph: Graph
    reduced: Ints
    record: Record
    bound: int


@dataclass(eq=False)
class Hunt:
    """
    The state of the search on one graph.

    Parameters
    ----------
    shrunk
        The graph; it shrinks as the hunt goes on.
    rng
        Where chance comes from.
    clock
        When to stop.
    best
        Real edges of the best tree so far, ascending.
    grain
        Every tree's cost is a multiple of this, so a bound between two multiples is as good as the upper one.
    workers
        Threads for what one step can do side by side; the result does not depend on their number.
    unites
        Whether it hunts inside unions of good trees.
    cost, bound
        Its cost, and what no tree can cost less than.
    pool
        Good trees, best first, as (cost, real edges).
    """

    shrunk: Shrunk
    rng: np.random.Generator
    clock: Clock
    grain: int = 1
    workers: int = 1
    unites: bool = True
    best: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    cost: int = -1
    bound: int = 0
    rounds: int = 0
    pool: list[tuple[int, Ints]] = field(default_factory=list)
    _charges: GraphCharges | None = None
    _rows: Generation | None = None
    _windowed: RowCharges | None = None
    _relaxed: bool = False
    _passes: int = 0
    _turns: int = 0
    _settled: bool = False

    @property
    def done(self) -> bool:
        """Whether the best tree is proven to be the cheapest."""
        return 0 <= self.cost <= self.bound

    def begin(self) -> None:
        """Build and improve a first tree."""
        graph = self.graph()
        self._offer(graph, improve(graph, span(graph, grow(graph, graph.cost, 0)), self._first_passes()))

    def prove(self) -> None:
        """Raise the bound, drop useless edges, and look for trees among the arcs without reduced cost."""
        self._settled = False
        self._charged()
        self.rounds += 1

    @property
    def can_recharge(self) -> bool:
        """Whether charging anew may still raise the bound in this round."""
        return self._sparse and not self.done and not self._settled

    @property
    def _sparse(self) -> bool:
        """Whether charging anew is worth its time: where terminals are few, on graphs that are not too large."""
        edges = len(self.shrunk.tail)
        return edges <= TINY or (edges <= LARGE and not self._dense)

    def recharge(self) -> None:
        """Take charges back and charge anew, once around everywhere; drop useless edges; build a tree."""
        charges = self._charged() if self.can_recharge else None
        if charges is None or self.clock.over():
            return
        graph, reduced, record, bound = charges
        terminals = int(np.count_nonzero(graph.kind != PLAIN))
        size = max(FEWEST_IN_WINDOW, len(graph.cost) * IN_WINDOW[self._turns % len(IN_WINDOW)] // terminals)
        guide = turn_root(graph, self._bring(graph, self.best))
        still_open = self.cost - self.bound
        gain, record = recharge_windows(graph, guide, reduced, record, size, self._turns, self.workers)
        gain += int(ascend(graph, Habit(guide, SLACKS[1], self._cap()), reduced, record))
        self._turns += 1
        self._raise(bound + gain)
        self._charges = GraphCharges(graph, reduced, record, bound + gain)
        self._settled = gain < (SETTLED if len(graph.cost) > SMALL else SETTLED_SMALL) * still_open
        self._drop_useless(self._charges, SHRINK)

    def search(self, restarts: int) -> None:
        """Build trees near the arcs without reduced cost, improve them, and hunt inside the union of the good ones."""
        charges = self._charged()
        if self.done:
            return
        graph = self.graph()
        self._offer(graph, self._polish(graph, self._bring(graph, self.best)))
        if charges is None:
            return
        for _ in range(restarts):
            if self.done or self.clock.over():
                return
            nudge = NUDGES[int(self.rng.integers(len(NUDGES)))]
            self._offer(graph, self._polish(graph, self._inside_free(graph, charges.reduced, nudge)))
        if self.unites and not self.done and not self.clock.over():
            union = self._near(charges)
            for _, edges in self.pool:
                union |= self.shrunk.within(edges)
            self._unite(union)
        self._drop_useless(charges, SHRINK)

    @property
    def can_relax(self) -> bool:
        """Whether row generation still has something to do."""
        return not self.done and not self._relaxed and (len(self.shrunk.tail) <= SMALL or self._dense)

    @property
    def _dense(self) -> bool:
        """Whether terminals are many, so that cuts are small."""
        edges, terminals = len(self.shrunk.tail), int(np.count_nonzero(self.shrunk.kind != PLAIN))
        return edges <= (SPARSE_LARGE if edges > LARGE else SPARSE) * terminals

    def relax(self) -> None:
        """Solve the linear programme once and add rows, or end exactly; build a tree along its solution."""
        if not self.can_relax or self.clock.over():
            return
        if len(self.shrunk.tail) > WHOLE:
            self._relax_windows()
            return
        if self._rows is None:
            from lastmile_net.solve.rows.generate import Generation

            charges = self._charged()
            if charges is None:
                return
            graph = charges.graph
            guide = turn_root(graph, self._bring(graph, self.best))
            price = np.repeat(graph.cost, 2)
            charged = None if self._dense else charges.record
            self._rows = Generation(graph, price, guide, self.rng, self.clock, charged=charged)
        rows, graph = self._rows, self._rows.graph
        step = rows.step()
        if step is None:
            self._relaxed = True
            return
        self._raise(step.bound)
        self._build_along(rows)
        if self.done:
            return
        keep = useful(graph, step.reduced, self.cost - self.shrunk.constant - step.bound)
        share = np.count_nonzero(keep) / len(keep)
        if share < (REBUILD if step.added else WORTH):
            self._shrink(keep)
        elif step.added == 0:
            self._finish(rows, step)

    def _relax_windows(self) -> None:
        """Generate rows window by window, charge what they leave as a whole, and hunt where their solutions run."""
        from lastmile_net.solve.rows.windows import charge_all

        graph, still_open, before, known = self.graph(), self.cost - self.bound, self.bound, self._windowed
        via = turn_root(graph, self._bring(graph, self.best))
        habit = Habit(via, SLACKS[0], self._cap())
        charged = charge_all(graph, habit, WINDOWS[self._passes], self.clock, self.workers, known)
        self._windowed = charged
        self._passes += 1
        self._raise(charged.bound)
        fruitless = known is not None and self.bound - before < FRUITLESS * still_open
        self._relaxed = fruitless or self._passes >= len(WINDOWS)
        used = np.maximum(charged.use[0::2], charged.use[1::2]) > USED
        used[via[via >= 0] >> 1] = True
        self._unite(used)
        if self.done:
            return
        keep = useful(graph, charged.reduced, self.cost - self.shrunk.constant - charged.bound)
        if self._relaxed or np.count_nonzero(keep) < SHRINK * len(keep):
            self._shrink(keep)
            self._relaxed &= len(self.shrunk.tail) > WHOLE

    def _finish(self, rows: Generation, step: Step) -> None:
        """Look for a better tree once more, and branch to the end if the graph stays as it is."""
        self.search(RESTARTS)
        if self._rows is None or self.done:
            return
        spare = self.cost - self.shrunk.constant - step.bound
        keep = useful(rows.graph, step.reduced, spare)
        if np.count_nonzero(keep) < WORTH * len(keep):
            self._shrink(keep)
            return
        self._relaxed = True
        keep = useful_arcs(rows.graph, step.reduced, spare)
        if np.count_nonzero(keep) <= BRANCHED:
            bound = rows.finish(keep, self.grain)
            self._build_along(rows)
            self._raise(bound)

    def _build_along(self, rows: Generation) -> None:
        """Build a tree along the last solution of the linear programme."""
        graph = rows.graph
        via = span(graph, grow(graph, rows.length(), 0))
        if spans(graph, via):
            self._offer(graph, self._polish(graph, via))

    def _raise(self, bound: int) -> None:
        """Take a bound of the graph as it is now, rounded up to what a tree can cost."""
        whole = -(-(bound + self.shrunk.constant) // self.grain) * self.grain
        self.bound = max(self.bound, min(self.cost, whole))

    def graph(self) -> Graph:
        """Return the graph as it is now."""
        return make_graph(self.shrunk.kind, self.shrunk.tail, self.shrunk.head, self.shrunk.cost)

    def _charged(self) -> GraphCharges | None:
        """Return what is charged on the graph as it is now, after useless edges are dropped as long as that pays."""
        while self._charges is None and not self.done and not self.clock.over():
            self._charges = self._charge()
            self._drop_useless(self._charges, WORTH)
        return self._charges

    def _charge(self) -> GraphCharges:
        """Charge cuts, guided by the best tree."""
        graph = self.graph()
        guide = turn_root(graph, self._bring(graph, self.best))
        reduced = np.repeat(graph.cost, 2)
        record = roomy_record(len(graph.kind) if self._sparse else 0)
        bound = int(ascend(graph, Habit(guide, self._slack(), self._cap()), reduced, record))
        self._raise(bound)
        return GraphCharges(graph, reduced, record, bound)

    def _drop_useless(self, charges: GraphCharges, worth: float) -> None:
        """Build a tree among the arcs without reduced cost; drop what no better one uses if so much less is left."""
        graph, reduced, _, bound = charges
        self._offer(graph, improve(graph, self._inside_free(graph, reduced, 0.0), self._first_passes()))
        keep = useful(graph, reduced, self.cost - self.shrunk.constant - bound)
        if np.count_nonzero(keep) < worth * len(keep):
            self._shrink(keep)

    def _shrink(self, keep: Flags) -> None:
        """Leave edges out; what was charged on the graph before is gone."""
        self.shrunk.keep(keep)
        self._charges = self._rows = self._windowed = None

    def _inside_free(self, graph: Graph, reduced: Ints, nudge: float) -> Shorts:
        """Build a tree among the arcs without reduced cost, at prices raised at random."""
        price = graph.cost * (1 + nudge * self.rng.random(len(graph.cost)))
        slack = np.minimum(reduced[0::2], reduced[1::2])
        length = price.astype(np.int64) + np.where(slack > 0, slack + FORBIDDEN, 0)
        if nudge > ROAM:
            length = price.astype(np.int64) + slack
        tree: Shorts = span(graph, grow(graph, length, 0))
        return tree

    def _near(self, charges: GraphCharges) -> Flags:
        """Return the edges that come nearest to be used, as many as a few times those of the best tree."""
        graph, reduced, _, bound = charges
        spare = self.cost - self.shrunk.constant - bound
        near = self.shrunk.within(self.best)
        most = NEAR * np.count_nonzero(near)
        for share in SHARES:
            near = useful(graph, reduced, int(share * spare))
            if np.count_nonzero(near) <= most:
                break
        return near

    def _unite(self, union: Flags) -> None:
        """Hunt inside some of the edges, the best tree among them."""
        child = Hunt(self.shrunk.within_edges(union), self.rng, self.clock, self.grain, self.workers, unites=False)
        child.begin()
        child.take(self.best)
        for _ in range(UNION_ROUNDS):
            if child.done or self.clock.over():
                break
            child.prove()
            while child.can_recharge and not self.clock.over():
                child.recharge()
            fits, enough = len(child.shrunk.tail) <= WHOLE, OPEN * (self.cost - self.bound)
            while fits and child.can_relax and child.cost - child.bound > enough and not self.clock.over():
                child.relax()
            child.search(RESTARTS)
        self.take(child.best)

    def take(self, edges: Ints) -> None:
        """Offer a tree by its real edges, where this graph still has them."""
        graph = self.graph()
        via = self._bring(graph, edges)
        self._offer(graph, via)

    def _bring(self, graph: Graph, edges: Ints) -> Shorts:
        """Return the tree with these real edges; another good one where the graph lost some of them."""
        flags = self.shrunk.within(edges)
        chosen = np.zeros(len(graph.kind), bool)
        chosen[0] = True
        chosen[self.shrunk.tail[flags]] = True
        chosen[self.shrunk.head[flags]] = True
        via = span(graph, chosen)
        if spans(graph, via):
            return via
        return self._polish(graph, span(graph, grow(graph, graph.cost, 0)))

    def _polish(self, graph: Graph, via: Shorts) -> Shorts:
        cost = tree_cost(graph, via)
        while not self.clock.over():
            via = improve(graph, via, 2)
            before, cost = cost, tree_cost(graph, via)
            if cost >= before:
                break
        return via

    def _offer(self, graph: Graph, via: Shorts) -> None:
        """Remember a tree if it is among the best."""
        if not spans(graph, via):
            return
        cost = int(tree_cost(graph, via)) + self.shrunk.constant
        if len(self.pool) == POOL and cost >= self.pool[-1][0]:
            return
        if any(cost == other for other, _ in self.pool):
            return
        edges = self.shrunk.expand(self.shrunk.name[via[via >= 0] >> 1])
        cost = int(self.shrunk.price[edges].sum())  # edges laid around forks may share some
        self.pool = sorted([*self.pool, (cost, edges)], key=lambda entry: entry[0])[:POOL]
        if self.cost < 0 or cost < self.cost:
            self.cost, self.best = cost, edges

    def _first_passes(self) -> int:
        return FIRST_PASSES_LARGE if len(self.shrunk.tail) > LARGE else FIRST_PASSES

    def _slack(self) -> float:
        return LARGE_SLACK if len(self.shrunk.tail) > LARGE else SLACKS[self.rounds % len(SLACKS)]

    def _cap(self) -> int:
        return CAP if len(self.shrunk.tail) > LARGE else len(self.shrunk.tail) * 2
