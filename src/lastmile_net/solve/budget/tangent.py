"""At which price to ask: where what is known of plans leaves least room above it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lastmile_net.solve.budget.order import BuildOrder

MESH, FINE = 8, 120
"""So many parts of each order say where prices lie, and so many prices in between are held against one another."""
ABOVE = 1.5
"""The dearest of them is this much above the last part's."""


def telling_price(orders: Sequence[BuildOrder], budget: int) -> int:
    """
    Return the price whose bound would say most if the best first part at that price were the best plan.

    Parameters
    ----------
    orders
        Orders of plans so far.
    budget
        The bound is for plans that cost no more, in thousandths.

    Returns
    -------
    price
        For each unit of gain, in thousandths; 0 where no plan serves anybody.

    Notes
    -----
    With W(P) what the best first part is worth at a price P, its gains less its cost, the bound of `study` on the gain
    within B is (W(P) + B) / P: a tangent to the hull of all first parts.
    """
    orders = [order for order in orders if len(order.cost)]
    if not orders:
        return 0
    cost, gained = (np.concatenate([getattr(order, name) for order in orders]) for name in ("cost", "gain"))
    parts = [order.price_at(part * int(order.cost[-1]) // MESH) for order in orders for part in range(1, MESH + 1)]
    prices = np.unique(np.geomspace(min(parts), max(parts) * ABOVE, FINE).astype(np.int64))
    worth = np.array([max(int((price * gained - cost).max()), 0) for price in prices.tolist()])
    return int(prices[np.argmin((worth + budget) / prices)])
