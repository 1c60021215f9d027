"""The price at which a bound says most, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from lastmile_net.solve.budget.order import BuildOrder
from lastmile_net.solve.budget.tangent import telling_price


def order_of(cost: list[int], gain: list[int]) -> BuildOrder:
    """Return an order whose customers are blocks of their own."""
    count = np.arange(len(cost))
    return BuildOrder(count, np.array(cost), np.array(gain), count, np.zeros(0, np.int64))


@pytest.mark.parametrize(("budget", "price"), [(50_000, 10_000), (200_000, 40_000)])
def test_the_bound_on_homes_is_asked_where_it_touches(budget: int, price: int) -> None:
    """Ten homes cost 10 each, five more 40 each: half of the ten is bounded at 10, and ten and a half at 40."""
    told = telling_price([order_of([100_000, 300_000], [10, 15])], budget)
    assert told == pytest.approx(price, rel=0.03)


def test_the_best_of_several_plans_counts() -> None:
    """A second plan has the last five homes for 20 each: the first one's 40 would prove less."""
    orders = [order_of([100_000, 300_000], [10, 15]), order_of([120_000, 200_000], [10, 15])]
    assert telling_price(orders, 190_000) == pytest.approx(20_000, rel=0.03)


def test_without_plans_there_is_no_price() -> None:
    """Nobody in reach: nothing to ask."""
    assert telling_price([order_of([], [])], 1) == 0
