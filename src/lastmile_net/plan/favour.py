"""How much the first homes count: of all plans that cost nearly the same, the one whose first parts connect most."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.solve import solve
from lastmile_net.solve.budget import Goal, Start, favour_early, in_turn
from lastmile_net.solve.problem import ended

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lastmile_net.config import PlanConfig, SolveConfig
    from lastmile_net.solve.budget import Plan, Question, Study
    from lastmile_net.solve.problem import Problem, Report, Solution

RISES = (1.5, 2.2)
"""Where plans that are grown at the prices of the budgets are too dear, they are grown at the last one times these."""
ORDER_SHARES = (0.05, 0.1, 0.2, 0.3, 0.45, 0.7)
"""Parts of the whole cost at which the first part of the plan counts, where no budgets are given."""
GROWN_SLACK, GROWN_SLACK_WITHIN_LIMITS = 0.006, 0.04
"""What a plan that is grown may cost on top of the cheapest, at least; the same where ports or routes are limited."""
STARTS = (
    ((0.1,), (1.0,)),
    ((0.05, 0.2), (1.0, 2.0)),
    ((0.1, 0.3), (1.5, 3.0)),
    ((0.05, 0.2), (0.5, 1.0)),
)
"""Stages in which plans are grown, as parts of the whole cost, and what leaving the best plan so far costs in each."""
REGRETS = (1.0, 0.5)
"""The same for the first stage, where budgets are given; it rises by as much from stage to stage."""


def favour_first(study: Study, full: Solution, config: PlanConfig, budgets: tuple[int, ...]) -> Solution:
    """
    Return the plan for everybody whose first parts connect most; the cheapest where that is none other.

    Where somebody stopped the search, the cheapest plan so far is left as it is.

    Parameters
    ----------
    study
        The question, and what is known of it.
    full
        The cheapest plan, or the best so far where time ran out.
    config
        What the plan may cost on top (`order_slack`, more if it is `grown`); the gap that it shall keep to.
    budgets
        What may be spent in each phase, in thousandths.
    """
    question = study.question
    cheapest, order = study.plans[0]
    own = int(question.own_cost[full.drop >= 0].sum())
    slack = max(config.order_slack, GROWN_SLACK if config.is_grown else 0.0)
    most = _most(cheapest.cost, full.lower_bound + own, slack, config.target_gap, grown=config.is_grown)
    if most <= cheapest.cost or len(order.cost) == 0 or full.status == "interrupted":
        return full
    ends = np.cumsum(budgets) if budgets else np.array([int(share * cheapest.cost) for share in ORDER_SHARES])
    stages = [int(each) for each in ends[ends < cheapest.cost]]
    if not stages:
        return full
    prices = [study.nested.price_at(each) for each in stages]
    goal = Goal.of(order, prices, stages, most)
    starts = _starts(study, prices if budgets else None) if config.is_grown else []

    def heard(problem: Problem, settings: SolveConfig, _: Report | None) -> Solution:
        grown = solve(problem, settings, study.heard)
        study.hurried |= grown.status == "time"
        return grown

    found = favour_early(question, cheapest, goal, starts, study.config, heard)
    if found is cheapest or study.stopped:
        return full
    status = ended(found.cost, full.lower_bound + own, config.target_gap)
    if status != "optimal" and (study.hurried or full.status == "time"):
        status = "time"
    return replace(found, cost=found.cost - own, lower_bound=full.lower_bound, status=status, log=full.log)


def favour_within_limits(study: Study, full: Solution, config: PlanConfig, budgets: tuple[int, ...]) -> Solution:
    """
    Return the plan within limits whose first parts connect most; the cheapest where that is none other.

    Each plan has the bound for those whom it connects. Where somebody stopped the search, or nothing is limited, the
    cheapest plan so far is left as it is.

    Parameters
    ----------
    study, full, config, budgets
        As in `favour_first`.
    """
    question, kept = study.question, study.kept
    cheapest = study.plans[0][0]
    ends = np.cumsum(budgets) if budgets else np.array([int(share * cheapest.cost) for share in ORDER_SHARES])
    stages = [int(each) for each in ends[ends < cheapest.cost]]
    if kept is None or not stages or full.status == "interrupted":
        return full
    most = cheapest.cost * (1 + max(config.order_slack, GROWN_SLACK_WITHIN_LIMITS))
    # a block is worth its price, and not the thousandth below
    prices = sorted({kept.growing[1].price_at(each) + 1 for each in stages})
    for rising in [prices, *([int(rise * prices[-1])] for rise in RISES)]:
        grown = kept.grown(rising)
        if grown is None or grown[0].cost <= most:
            break

    def value(plan: Plan) -> tuple[int, int]:
        return sum(plan[1].gain_within(stage) for stage in stages), -plan[0].cost

    found = max(
        (plan for plan in kept.plans if plan[0].cost <= most and _no_less(question, plan[0], cheapest)), key=value
    )
    if found[0] is cheapest or kept.stopped:
        return full

    proof = kept.anew(found[0].drop >= 0, config.solve)
    best = max([found, (proof, in_turn(question, proof))], key=value)[0]
    own = int(question.own_cost[best.drop >= 0].sum())
    status = ended(best.cost, proof.lower_bound, config.target_gap)
    if status != "optimal" and (kept.hurried or full.status == "time"):
        status = "time"
    if status != "optimal" and proof.status in ("time", "interrupted"):
        status = proof.status
    bound = proof.lower_bound - own
    return replace(best, cost=best.cost - own, lower_bound=bound, status=status, log=full.log)


def _no_less(question: Question, one: Solution, other: Solution) -> bool:
    """Return whether one solution connects as many homes as another, as many who must be, and gains as much."""
    values = question.problem.units, question.gain, question.problem.first
    return all(each[one.drop >= 0].sum() >= each[other.drop >= 0].sum() for each in values)


def _most(cost: int, bound: int, slack: float, target_gap: float, *, grown: bool) -> int:
    """Return what a plan may cost: the slack on top of the cheapest, as long as that meets the gap asked for."""
    if grown:
        return int(cost * (1 + slack))
    most = int(cost * (1 + min(slack, target_gap)))
    within = int(bound * (1 + target_gap))
    return min(most, within) if cost <= within else most


def _starts(study: Study, prices: Sequence[int] | None) -> list[Start]:
    """Return the stages of plans to grow: those of the budgets, or those that have proven good."""
    if prices is not None:
        rising = tuple(sorted(set(prices)))
        return [Start(rising, tuple(regret * (1 + i) for i in range(len(rising)))) for regret in REGRETS]
    whole = study.plans[0][0].cost
    return [
        Start(tuple(study.nested.price_at(int(share * whole)) for share in shares), regret) for shares, regret in STARTS
    ]
