"""What a planner should read beside the figures: what was noted on the way, and what is unusual in the plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lastmile_net.coverage.missed import missed

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from lastmile_net.plan.outcome import Posing

HURRIED = "the time limit cut a search or bound of the curve short: another machine may end elsewhere"
FOR_THE_FIRST = "so that its first parts connect more (`phases.grown = false`, `order_slack = 0`: the cheapest)"
LONG_DROP_M = 200.0
"""Planned drops beyond this are noted: few operators build them."""
USUAL_DROPS = "usual are 50 to 75 m"


def plan_notes(posing: Posing, customers: pd.DataFrame) -> Iterator[str]:
    """
    Yield what a planner should read.

    Parameters
    ----------
    posing
        Everything that has been found out of a town.
    customers
        All customers, with what the plan does for them.
    """
    if said := missed(posing.money.about, set(customers["reason"].dropna())):
        yield said
    yield from map(str, posing.layers.notes)
    if posing.money.study.hurried:
        yield HURRIED
    if posing.money.dearer > 0:
        dearer = f"{posing.money.dearer:,.2f} {posing.config.cost.currency}"
        yield f"it costs {dearer} more than the cheapest plan found, {FOR_THE_FIRST}"
    yield from _long_drops(customers["drop_m"], posing.config.max_drop_m)


def _long_drops(drop_m: pd.Series[float], limit_m: float) -> Iterator[str]:
    long = drop_m[drop_m > LONG_DROP_M]
    if len(long):
        what = f"1 planned drop is longer than {LONG_DROP_M:g} m: {long.max():,.0f} m"
        if len(long) > 1:
            what = f"{len(long):,} planned drops are longer than {LONG_DROP_M:g} m, the longest {long.max():,.0f} m"
        yield f"{what}; {USUAL_DROPS}: lower max_drop_m (it is {limit_m:g}), or add the streets that are missing"
