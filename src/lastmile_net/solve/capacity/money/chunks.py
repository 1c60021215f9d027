"""
Branch and cut by chunks: a trunk and whatever hangs on it, of which a fractional solution builds the same part.

Ports and money hold a few neighbourhoods between two ways to build them, and hundreds of arcs then have one value. The
dearest of them stands for its chunk; a few steps of the dual simplex method tell which chunk decides most (strong
branching: Applegate, Bixby, Chvatal & Cook 1995), and what a chunk has decided before is a guess for later (Achterberg,
Koch & Martin 2005). Cuts are looked for at every node: what is fixed there lets the others cheat anew.
"""

from __future__ import annotations

import heapq
import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from lastmile_net.solve.rows.generate import MOST_BRANCHES
from lastmile_net.solve.rows.model import BROKEN

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from lastmile_net.solve.capacity.money.rows import FlowRows
    from lastmile_net.solve.prizes import Floor

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

ROUNDS = 4
"""So often cuts are looked for at one node, while that gains more than"""
WORTH = 0.002
"""this part of what the root is off by."""
PROBES, PROBE_STEPS = 6, 300
"""So many chunks that nothing is known of are tried at a node, and so long."""
TRUSTED = 2
"""So many that something is known of are tried as well."""
LEVELS = 1e3
"""Arcs of a chunk are used alike as far as this tells them apart."""
ROUGH = 1e-6
"""Part of a grain by which what is proven may be off."""
LITTLE = 1e-3
"""Part of a gain that no side of a branch is held to fall short of."""


class Node(NamedTuple):
    """
    A part of the search in which some arcs are fixed.

    The first to be opened proves least; of those that prove the same, the deepest: it is the nearest to a plan.
    """

    level: float
    height: int
    number: int
    least: float
    arc: Ints
    use: Ints


class ChunkTree:
    """
    The search for the best forest of one aim.

    Parameters
    ----------
    rows
        The programme, with its aim; flows are in.
    tell
        What a floor proves: no forest has less than this of what the aim wants least.
    known
        How much of that a known plan has.
    grain
        Plans that differ by less are as good as each other.

    Attributes
    ----------
    built
        bool (m,). The best whole solution; None where none is better than the known plan.
    """

    def __init__(self, rows: FlowRows, tell: Callable[[Floor], float], known: float, grain: float) -> None:
        self.rows, self.tell, self.known, self.grain = rows, tell, known, grain
        self.nodes: list[Node] = []
        self.done, self.opened, self.added, self.root = math.inf, 0, 0, -math.inf
        self.built: Flags | None = None
        self.gains: dict[int, Floats] = {}
        self._add(-math.inf, np.zeros(0, np.int64), np.zeros(0, np.int64))

    @property
    def has_ended(self) -> bool:
        """Whether all is done, or more branches than are worth it."""
        return self.opened >= MOST_BRANCHES or not self.nodes or self._is_done(self.nodes[0].least)

    def grow(self) -> float:
        """Branch until all is done or time is up, or go on with that; return what is proven of the aim."""
        none, model = np.zeros(0, np.int64), self.rows.model
        model.expect_changes()
        while not self.has_ended and not model.clock.over():
            self._open(heapq.heappop(self.nodes))
        model.fix(none, none)
        return min([self.done, *(node.least for node in self.nodes)])

    def _add(self, least: float, arc: Ints, use: Ints) -> None:
        self.added += 1
        level = least if math.isinf(least) else self._level(least)
        heapq.heappush(self.nodes, Node(level, -len(arc), self.added, least, arc, use))

    def _level(self, least: float) -> float:
        return math.ceil(least / self.grain - ROUGH)

    def _is_done(self, least: float) -> bool:
        return least == math.inf or (least > -math.inf and self._level(least) >= self._level(self.known))

    @property
    def _room(self) -> float:
        """What the root is off by, and at least a grain."""
        return max(self.known - self.root, self.grain)

    def _open(self, node: Node) -> None:
        """Solve a node, and branch on it unless it is done."""
        rows = self.rows
        self.opened += 1
        rows.model.fix(node.arc, node.use)
        least, ended = self._cut(node.least)
        if not len(node.arc):
            self.root = max(self.root, least)
        if ended or self._is_done(least):
            self.done = min(self.done, least)
            return
        branch = None if rows.model.clock.over() else self._best_branch(node, least)
        if branch is None:
            self._add(least, node.arc, node.use)
            return
        arc, told = branch
        for use in (0, 1):
            self._add(max(least, told[use]), np.append(node.arc, arc), np.append(node.use, use))

    def _cut(self, least: float) -> tuple[float, bool]:
        """Solve the rows and cut, while that gains much; return what is proven, and whether nothing is left to do."""
        rows, model = self.rows, self.rows.model
        rows.value, rounds = -math.inf, 0
        while True:
            added = rows.buy()
            if added < 0 and model.is_impossible:
                return math.inf, True
            told = self.tell(rows.floor)
            slow = told - least < WORTH * self._room
            rounds += 1
            least = max(least, told)
            if added < 0 or self._is_done(least):
                return least, not model.clock.over()
            if added == 0 and model.whole:
                self.known, self.built = told, model.built
                return least, True
            if added == 0 or (not model.whole and (slow or rounds == ROUNDS)):
                return least, False

    def _best_branch(self, node: Node, least: float) -> tuple[int, Floats] | None:
        """Return the arc that decides most, and what both sides of it prove; None where time ran out."""
        arc, use, worth = chunks(self.rows)
        guess = np.array([self._guess(*each) for each in zip(arc.tolist(), use.tolist(), strict=True)])
        new = np.flatnonzero(np.isnan(guess))
        trusted = np.argsort(-np.nan_to_num(guess, nan=-1.0), kind="stable")[: min(TRUSTED, len(guess) - len(new))]
        tried = np.concatenate([trusted, new[np.argsort(-worth[new], kind="stable")][:PROBES]])
        highs = self.rows.model.highs
        basis, best = highs.getBasis(), (-1.0, -1, np.zeros(2))
        for k in tried.tolist():
            told = np.zeros(2)
            for side in (0, 1):
                told[side] = self._probe(np.append(node.arc, arc[k]), np.append(node.use, side))
                highs.setBasis(basis)
            if self.rows.model.clock.over():
                return None
            gain = np.clip(told, least, self.known) - least
            self.gains[int(arc[k])] = gain / np.array([use[k], 1 - use[k]])
            best = max(best, (self._score(gain), int(arc[k]), told), key=lambda each: each[0])
        return best[1], best[2]

    def _guess(self, arc: int, use: float) -> float:
        known = self.gains.get(arc)
        return math.nan if known is None else self._score(known * np.array([use, 1 - use]))

    def _score(self, gain: Floats) -> float:
        return float(np.prod(np.maximum(gain, LITTLE * self._room)))

    def _probe(self, arc: Ints, use: Ints) -> float:
        """Return what is proven after a few steps with arcs fixed."""
        self.rows.model.fix(arc, use)
        self.rows.model.run(PROBE_STEPS)
        return math.inf if self.rows.model.is_impossible else self.tell(self.rows.price_rows())


def chunks(rows: FlowRows) -> tuple[Ints, Floats, Floats]:
    """
    Find the chunks of the last solution.

    Returns
    -------
    arc, use
        Of each chunk its dearest arc, and how much of it is used.
    worth
        What the chunk costs, times how far it is from being used not at all or altogether.
    """
    model, nodes = rows.model, len(rows.graph.kind)
    arc = np.flatnonzero(np.minimum(model.use, np.abs(1 - model.use)) >= BROKEN)
    level = np.rint(model.use[arc] * LEVELS).astype(np.int64)
    ends = np.concatenate([level * nodes + model.tail[arc], level * nodes + model.head[arc]])
    known, place = np.unique(ends, return_inverse=True)
    links = coo_array((np.ones(len(arc)), (place[: len(arc)], place[len(arc) :])), shape=(len(known), len(known)))
    count, part = connected_components(links, directed=False)
    chunk = part[place[: len(arc)]]
    money = np.maximum(rows.money[arc], 0) + 1.0
    order = np.lexsort((-money, chunk))
    first = arc[order[np.searchsorted(chunk[order], np.arange(count))]]
    use = np.clip(model.use[first], BROKEN, 1 - BROKEN)
    worth = np.bincount(chunk, weights=money, minlength=count) * np.minimum(use, 1 - use)
    return first.astype(np.int64), use, worth.astype(np.float64)
