"""
What bounds the whole curve of homes over money: a few prices, and where ports are short a few budgets.

Each is asked where the bound is widest over the best plan found so far, until it is near or time is up.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.solve.budget.proving import ENOUGH, bound_spending
from lastmile_net.solve.budget.tangent import telling_price
from lastmile_net.solve.prizes import CLOSE

if TYPE_CHECKING:
    from lastmile_net.solve.budget.study import Study

SCARCE = 0.25
"""Below this share of what everybody costs, bounds may be looser."""
ENOUGH_EARLY = 0.02
"""Gap in homes at which a price there has been asked for long enough."""
WIDE = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.95)
"""Shares of what everybody costs at which the curve's bound is looked at: it is asked on where it is widest,"""
NARROW, MOST_ALONG = 0.015, 9
"""until it is so near in the mean, or so many prices have been asked at."""
MOST_PROOFS = 3
"""For so many budgets of the curve at most it is proven what they buy within ports: each proves much of the others."""


def ask_along(study: Study, shares: tuple[float, ...]) -> None:
    """
    Ask at the prices at which the nested order spends some shares of what everybody costs, and where it tells most.

    All of it together has the time that the plan has. Each price is asked until the bound on homes is near enough.

    Parameters
    ----------
    study
        Where answers and bounds are kept.
    shares
        Parts of the whole cost; nothing is asked without any.
    """
    if study.kept is not None and not study.stopped and len(study.nested.cost):
        _ = study.kept.growing  # else the order would be held against itself
    if study.parts_only or not shares or len(study.nested.cost) == 0:
        return
    limit = study.config.time_limit_s
    each, end = (None, np.inf) if limit is None else (limit / len(shares), time.perf_counter() + limit)
    for share in shares:
        _ask_once(study, study.nested.price_at(int(share * study.nested.cost[-1])), share, each)
    while study.kept is None and not study.stopped and len(study.answers) < MOST_ALONG:
        left = end - time.perf_counter()
        if left <= 0 or not _ask_where_wide(study, None if each is None else min(each, left)):
            break
    if study.kept is not None:
        _prove_where_wide(study, None if limit is None else end)


def _ask_once(study: Study, price: int, share: float, limit: float | None) -> bool:
    """Ask at a price that spends about a share of the whole, unless a near one has been asked; return whether."""
    if study.stopped or any(1 / CLOSE < price / known < CLOSE for known in study.answers):
        return False
    gap = max(study.config.target_gap, study.open_at(price, ENOUGH if share >= SCARCE else ENOUGH_EARLY))
    study.ask(price, study.config.model_copy(update={"time_limit_s": limit, "target_gap": gap}))
    return True


def _ask_where_wide(study: Study, limit: float | None) -> bool:
    """Ask where the bound on the curve is widest, if it is wide and a price there is new; return whether."""
    orders = [order for _, order in study.plans]
    return any(_ask_once(study, telling_price(orders, budget), share, limit) for share, budget in _wide(study))


def _prove_where_wide(study: Study, end: float | None) -> None:
    """Prove within ports what budgets can buy, where the bound on the curve is widest first, until some time."""
    done: set[int] = set()
    while not study.stopped and len(done) < MOST_PROOFS:
        left = None if end is None else end - time.perf_counter()
        budget = next((budget for _, budget in _wide(study) if budget not in done), None)
        if budget is None or (left is not None and left <= 0):
            break
        done.add(budget)
        found = int(study.found_gains(np.array([budget]))[0])
        bound_spending(study, budget, found, found * (1 + NARROW), left)


def _wide(study: Study) -> list[tuple[float, int]]:
    """Return shares of the whole cost, and budgets, at which the curve's bound is wide; none if few are."""
    ends = np.array([int(share * study.nested.cost[-1]) for share in WIDE])
    room = study.most_gains(ends) / np.maximum(study.found_gains(ends), 1) - 1
    order = np.argsort(-room, kind="stable").tolist()
    return [(WIDE[i], int(ends[i])) for i in order if room[i] > NARROW and room.mean() > NARROW]
