"""What money could gain at most if every trench were there already, and only drops had to be paid."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lastmile_net.solve.fibre import drop_prices
from lastmile_net.solve.prepare import reachable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.solve.prizes import Question

    Ints = NDArray[np.int64]

SLIP = 1e-6


class DropsOnly(NamedTuple):
    """
    The cheapest drops, and what customers cost besides, by what a unit of gain costs.

    Parameters
    ----------
    money, gained
        int64, rising. Money in thousandths, and what it gains at most; between two of them, parts of a customer.
    """

    money: Ints
    gained: Ints

    @classmethod
    def of(cls, question: Question, *, everywhere: bool) -> DropsOnly:
        """Return it for those whom some tap can reach; `everywhere` where more streets may be there than are known."""
        posed = question.posed
        usable = reachable(posed)[posed.drop_node] | everywhere
        in_reach = np.zeros(posed.customers, bool)
        in_reach[posed.drop_customer[usable]] = True
        prices = posed.drop_cost if everywhere else drop_prices(posed)
        least = np.full(posed.customers, np.iinfo(np.int64).max)
        np.minimum.at(least, posed.drop_customer[usable], prices[usable])
        who = np.flatnonzero(in_reach & (question.gain > 0))
        who = who[np.argsort(least[who] / question.gain[who], kind="stable")]
        free = int(question.gain[who[least[who] == 0]].sum())
        money = np.concatenate([[0], np.cumsum(least[who])])
        gained = np.concatenate([[0], np.cumsum(question.gain[who])])
        kept = gained >= free
        return cls(money[kept], gained[kept])

    def most_gains(self, budgets: Ints) -> Ints:
        """Return what no plan within each budget gains more than."""
        most: Ints = np.floor(np.interp(budgets, self.money, self.gained) + SLIP).astype(np.int64)
        return most

    def least_cost(self, gain: int) -> int:
        """Return what no plan that gains as much costs less than, in thousandths."""
        return int(np.interp(gain, self.gained, self.money))
