"""When the programme of what money can buy is posed, and up to which price of a home."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.solve.budget.climb import climb
from lastmile_net.solve.capacity import Affordable
from lastmile_net.solve.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Callable

    from lastmile_net.config import SolveConfig
    from lastmile_net.solve.budget.order import BuildOrder
    from lastmile_net.solve.capacity import Reach
    from lastmile_net.solve.prizes import Floor, Question
    from lastmile_net.solve.problem import Report, Solution

DEAREST = 0.95
"""What money can buy is proven up to the price at which this share of what everybody costs is spent,"""
MANY = 10
"""or up to that of the dearest drop, if that is not so many times as high."""

MOST_ZONED = 6
"""At most so many prices at which zones are proven for one aim."""


class Means:
    """
    The programme of one question, posed once it is needed.

    Parameters
    ----------
    question
        Streets, customers, their gains; who must be served is as free as the others.
    reach
        Finds which tap reaches whom within the limits on routes.
    order
        Finds an order in which everybody is connected, the cheapest next: it tells the prices that matter.
    config, report
        When to stop; progress callback.

    """

    def __init__(
        self,
        question: Question,
        reach: Callable[[], Reach],
        order: Callable[[], BuildOrder],
        config: SolveConfig,
        report: Report,
    ) -> None:
        self.question = replace(question, problem=replace(question.problem, must=None))
        self.config, self.report = config, report
        self._reach, self._order = reach, order
        self._affordable: Affordable | None = None

    def programme(self, cost: int) -> Affordable | None:
        """Return the programme for aims that cost about so much, in thousandths; None where streets are too many."""
        if self._affordable is None or self._affordable.price <= self._order().price_at(cost):
            order = self._order()
            price = max(order.price_at(cost), order.price_at(int(DEAREST * order.cost[-1]))) + 1
            dearest = min(max(price, self._dearest_drop()), MANY * price)
            self._affordable = Affordable(self.question, dearest, self._reach(), self.config, self.report)
        return self._affordable if self._affordable.is_small else None

    def prove_zones(
        self,
        first: int,
        take: Callable[[Floor], float | None],
        plan: Callable[[int], Solution],
        limit_s: float | None,
    ) -> bool:
        """
        Prove zone by zone what is paid at least, at the first price and, if time is left, at others beside it.

        Parameters
        ----------
        first
            In thousandths for each unit of gain.
        take
            Takes what a price proves, and returns how much that tells; None ends the search.
        plan
            Returns a good plan at a price.
        limit_s
            Time limit in seconds; None where there is none.

        Returns
        -------
        hurried
            Whether time cut a proof short.
        """
        clock = Clock(None if limit_s is None else time.perf_counter() + limit_s)

        def tell(price: int) -> float | None:
            if clock.over():
                return None
            affordable = Affordable(self.question, price, self._reach(), self.config, self.report)
            known = plan(price)
            floor = affordable.floor_by_zones(None if limit_s is None else clock.left(), known)
            if affordable.hurried:
                clock.late.append("zone")
            return take(floor)

        climb(first, tell, MOST_ZONED)
        return bool(clock.late)

    def knows_worth(self, price: int, limit_s: float | None) -> bool:
        """Return whether there is time for zones to know, at a price, what homes are worth where they meet."""
        return Affordable(self.question, price, self._reach(), self.config, self.report).is_whole(limit_s)

    def _dearest_drop(self) -> int:
        """Return what a unit of gain costs at most that some drop connects, in thousandths."""
        price, gain = self.question.posed.drop_price, self.question.gain[self.question.problem.drop_customer]
        return int(np.max(-(-price[gain > 0] // gain[gain > 0]), initial=0))
