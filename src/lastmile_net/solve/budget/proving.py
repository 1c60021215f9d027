"""Prove what aims can reach: at a price, in one programme for all aims, or zone by zone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lastmile_net.solve.prizes import Floor

if TYPE_CHECKING:
    from collections.abc import Callable

    from lastmile_net.solve.budget.study import Study
    from lastmile_net.solve.budget.within import WithinLimits
    from lastmile_net.solve.capacity import Affordable
    from lastmile_net.solve.problem import Solution

ENOUGH = 0.002
"""Gap in homes at which an aim has been asked for long enough."""
STEP, MOST_STEPS = 1.02, 40
"""Zones are proven at a higher price than told most before, so many such steps at most, as long as known plans let"""
WORTH = 0.0015
"""a proof tell more by this part of an aim at the next step: the higher the price, the less of that is proven."""


def prove_at(study: Study, price: int) -> None:
    """Ask at a price to the end within ports, if any are limited."""
    if study.kept is None or study.stopped or not price or (study.question.problem.tap_capacity <= 0).all():
        return
    gap = max(study.config.target_gap, study.open_at(price, ENOUGH))
    answer = study.kept.branch(price, gap)
    known = study.answers.get(price, answer)
    study.answers[price] = replace(known, bound=max(known.bound, answer.bound))
    paid = answer.solution.cost + price * (study.reach_gain - study.gain_of(answer.solution))
    if not study.stopped and paid > study.answers[price].bound * (1 + gap):
        study.hurried |= study.means.prove_zones(
            price, study.floors.append, study.kept.known_worth, study.config.time_limit_s
        )


def prove_within(study: Study, budget: int, gain: int) -> bool:
    """Prove what a budget can buy at most, as far as that is not near a gain; return whether a plan is new."""
    enough = gain / (1 - max(ENOUGH, study.config.target_gap))
    if study.most_gain(budget) <= enough:
        return False
    affordable = bound_spending(study, budget, gain, enough, study.config.time_limit_s)
    if affordable is None:
        return False
    plan = None
    if not study.stopped and study.most_gain(budget) > enough:
        most, plan = affordable.most_gain(budget, gain)
        study.proven.append((budget, most))
    return _take(study, affordable, plan)


def bound_spending(study: Study, budget: int, gain: int, enough: float, limit_s: float | None) -> Affordable | None:
    """
    Bound what a budget can buy: in one programme, or where streets are too many for that, zone by zone.

    Parameters
    ----------
    study
        Where bounds are kept.
    budget, gain
        In thousandths; and what the best plan for it gains.
    enough
        Up to which gain a bound is near enough.
    limit_s
        Time limit in seconds; None where there is none.

    Returns
    -------
    affordable
        The programme; None where there is none.
    """
    affordable = study.affords(budget)
    if affordable is None:
        _bound_zones(
            study,
            lambda floor: -floor.gain_at(study.reach_gain, budget),
            lambda: study.most_gain(budget) <= enough,
            WORTH * gain,
            limit_s,
        )
        return None
    study.floors += affordable.floors(budget, gain, limit_s)
    study.hurried |= affordable.hurried
    return affordable


def _bound_zones(
    study: Study, score: Callable[[Floor], float], is_near: Callable[[], bool], grain: float, limit_s: float | None
) -> None:
    """Prove zone by zone, where limits are kept, at a few prices around one that may tell much."""
    floors = study.all_floors()
    if study.kept is None or study.stopped or not floors or not len(study.usual().cost):
        return

    def take(floor: Floor) -> float | None:
        study.floors.append(floor)
        return None if study.stopped or is_near() else score(floor)

    first = max(floors, key=score).price
    promising = _promising(study, study.kept, first, score, grain)
    # the higher the price, the more it takes that homes are worth something where zones meet
    first = promising if study.means.knows_worth(promising, limit_s) else first
    study.hurried |= study.means.prove_zones(first, take, study.kept.known_worth, limit_s)


def _promising(study: Study, kept: WithinLimits, price: int, score: Callable[[Floor], float], grain: float) -> int:
    """Return the price, from one on, up to which known plans let a proof tell more by a grain at each step."""

    def allowed(price: int) -> float:
        plan = kept.known_worth(price)
        return score(Floor(price, plan.cost + price * (study.reach_gain - study.gain_of(plan))))

    told = allowed(price)
    for _ in range(MOST_STEPS):
        higher = int(price * STEP) + 1
        more = allowed(higher)
        if more <= told + grain:
            break
        price, told = higher, more
    return price


def prove_for(study: Study, gain: int, cost: int) -> bool:
    """Prove what a gain costs at least, as far as that is not near a cost; return whether a plan is new."""
    enough = int(cost / (1 + study.config.target_gap))
    if study.least_cost(gain) >= enough:
        return False
    affordable = study.affords(cost)
    if affordable is None:
        _bound_zones(
            study,
            lambda floor: floor.least_cost(study.reach_gain, gain),
            lambda: study.least_cost(gain) >= enough,
            WORTH * cost,
            study.config.time_limit_s,
        )
        return False
    study.floors += affordable.floors_for(gain, enough, study.config.time_limit_s)
    plan = None
    if not study.stopped and study.least_cost(gain) < enough:
        least, plan = affordable.least_cost(gain, cost)
        study.proven.append((least - 1, gain - 1))
    return _take(study, affordable, plan)


def _take(study: Study, affordable: Affordable, plan: Solution | None) -> bool:
    """Let a plan that a proof has found count, unless it lacks who must be served; return whether it counts."""
    study.hurried |= affordable.hurried
    if plan is None or not study.serves_first(plan):
        return False
    if study.kept is None:
        study.remember(plan)
    else:
        study.kept.keep(plan)
    return True
