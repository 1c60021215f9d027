"""Which prices are asked: the better ones of one side, then no more."""

from __future__ import annotations

import pytest

from lastmile_net.solve.budget.climb import climb


def asked(first: int, peak: float, most: int = 9) -> list[int]:
    """Return the prices that are asked where the one at the peak tells most."""
    prices: list[int] = []

    def tell(price: int) -> float:
        prices.append(price)
        return -abs(price - peak)

    climb(first, tell, most)
    return prices


@pytest.mark.parametrize("peak", [200, 700, 1000, 1500, 4000])
def test_the_best_price_asked_is_near_the_peak(peak: int) -> None:
    """Each price costs many seconds, and a far one proves little."""
    prices = asked(1000, peak)
    assert min(abs(price - peak) for price in prices) <= 0.5 * peak
    assert abs(1000 - peak) >= min(abs(price - peak) for price in prices)


def test_no_more_prices_are_asked_than_wanted() -> None:
    """A time limit is kept by few questions, too; and there is no price below 1."""
    assert len(asked(1000, 10**9, most=4)) == 4
    assert min(asked(2, 0)) >= 1
    assert asked(5, 9).count(5) == 1


def test_an_end_ends_it() -> None:
    """Whoever stops, or knows enough, is not asked again."""
    told = iter([1.0, None])
    climb(1000, lambda _: next(told), 9)
    climb(1000, lambda _: None, 9)
    assert next(told, "done") == "done"
