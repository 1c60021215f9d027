"""Rows of a linear programme with a price each: what they prove together, and what they charge the arcs of a graph."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.solve.bound import Record
from lastmile_net.solve.graph import pick_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class PricedRows:
    """
    Rows `sum(weight * use) >= least` over the arcs of a graph.

    Parameters
    ----------
    start, arc, weight
        int64 (k + 1,), int64, int64. The entries of each row, in CSR form.
    least, price
        int64 (k,). What each demands, and its price for each unit of that, >= 0.
    is_cut
        bool (k,). Whether it says that a cut is crossed at least once.
    """

    start: Ints
    arc: Ints
    weight: Ints
    least: Ints
    price: Ints
    is_cut: Flags

    @classmethod
    def of(cls, record: Record) -> PricedRows:
        """Return the cuts of a record with what each was charged."""
        cuts = int(record.fill[0])
        start = record.start[: cuts + 1].copy()
        arc = record.arc[: start[-1]].astype(np.int64)
        ones = np.ones(cuts, np.int64)
        return cls(start, arc, np.ones(len(arc), np.int64), ones, record.charge[:cuts].copy(), np.ones(cuts, bool))

    @property
    def bound(self) -> int:
        """What they prove together, as far as no arc is charged more than it costs."""
        return int(self.price @ self.least)

    def charges(self, arcs: int) -> Ints:
        """Return what they charge each of so many arcs."""
        price = np.repeat(self.price, np.diff(self.start))
        # sums of whole numbers below 2 ** 53: exact
        return np.bincount(self.arc, weights=self.weight * price, minlength=arcs).astype(np.int64)

    def some(self, which: Ints) -> PricedRows:
        """Return some of them, by their numbers."""
        start, place = pick_rows(self.start, which)
        row = self.least[which], self.price[which], self.is_cut[which]
        return PricedRows(start, self.arc[place], self.weight[place], *row)

    def renamed(self, name: Ints) -> PricedRows:
        """Return them over other arcs: `name` has the new number of each; those with -1, which nobody uses, go."""
        arc = name[self.arc]
        kept = arc >= 0
        start = np.concatenate([[0], np.cumsum(kept)])[self.start]
        return replace(self, start=start, arc=arc[kept], weight=self.weight[kept])

    def cuts(self) -> Record:
        """Return the cuts among them; whose they are is not known."""
        cuts = self.some(np.flatnonzero(self.is_cut))
        owner = np.zeros(len(cuts.price), np.int32)
        return Record(cuts.start, cuts.arc.astype(np.int32), owner, cuts.price, np.array([len(owner), 0]))


def join_rows(parts: Sequence[PricedRows]) -> PricedRows:
    """Return all rows of some parts, of which there is one at least."""
    size = np.concatenate([np.diff(part.start) for part in parts])
    arc, weight, least, price, is_cut = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("arc", "weight", "least", "price", "is_cut")
    )
    return PricedRows(np.concatenate([[0], np.cumsum(size)]), arc, weight, least, price, is_cut)
