"""What the money is for: cut the plan for everybody down to a budget, a coverage, or a price for each home."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import pandas as pd

from lastmile_net.cost import price_equipment, with_overhead
from lastmile_net.errors import DataError, Fault
from lastmile_net.plan.favour import favour_first, favour_within_limits
from lastmile_net.plan.phases import numbers, wait_for
from lastmile_net.plan.proof import CENT_MILLI, below
from lastmile_net.plan.spare import overloaded
from lastmile_net.solve.budget import BuildOrder, Question, Study, ask_along, build_order, buy_in_turn, only, reach_more
from lastmile_net.solve.graph import FAR
from lastmile_net.solve.problem import MILLI, ended

if TYPE_CHECKING:
    from collections.abc import Callable

    import geopandas as gpd
    from numpy.typing import NDArray

    from lastmile_net.config import CostModel, PlanConfig, SolveConfig
    from lastmile_net.plan.pose import Posed
    from lastmile_net.plan.spare import Answer, Spared
    from lastmile_net.solve.budget import Choice
    from lastmile_net.solve.capacity import Limited, Limits, Reach
    from lastmile_net.solve.problem import Problem, Report, Solution

    Flags = NDArray[np.bool_]
    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

Kind = Literal["budget", "coverage", "price"]
About: TypeAlias = "dict[str, float | str | None]"
QUICK_ROUNDS = 2
"""Rounds for each price that is asked."""
CURVE_SHARES = (0.03, 0.1, 0.28, 0.45, 0.7)
"""Parts of the whole cost at whose price of a home the curve's upper bound is proven."""


@dataclass(frozen=True, eq=False)
class Money:
    """
    The plan that the money is spent on, and what is proven of it.

    Parameters
    ----------
    limited
        The plan, for those who are connected.
    order
        In which order they are.
    study
        What has been asked on the way: bounds for any budget.
    left_out
        float64 (c,). For each customer whom only the money leaves out: what connecting it would cost on top; nan for
        the others.
    about
        What the summary says of it; empty where everybody is connected.
    locked
        What is spent in any case, before anybody is connected, in thousandths.
    dearer
        What the plan costs more than the cheapest that was found, so that its first parts connect more.
    phase
        int64 (k,). Phase of each customer of the order, from 1; None without phases.
    areas
        Names of the areas that are phases; None of one without a name.
    least
        What no plan that connects as many homes, whichever, costs less than; None where that is not known.
    """

    limited: Limited
    order: BuildOrder
    study: Study
    left_out: Floats
    about: About
    locked: int = 0
    dearer: float = 0.0
    phase: Ints | None = None
    areas: tuple[str | None, ...] = ()
    least: float | None = None


def spend_within_spare(
    spared: Spared,
    spent: Callable[[Answer, Limits | None, Study | None], Money],
    limits: Limits,
    *,
    sure: bool,
    several: bool,
) -> tuple[Posed, Money]:
    """
    Decide who is connected, and keep the spare capacity of lines.

    Parameters
    ----------
    spared
        As from `within_spare`.
    spent
        Spends the money on one of its answers (`spend`).
    limits
        Limits on routes.
    sure
        Whether a plan may be any that keeps all limits, not just first parts of an answer.
    several
        Whether to look at all answers: there is an aim, which another one may serve better than the first.

    Returns
    -------
    posed, money
        The problem whose answer serves the aim best, and the plan.

    Notes
    -----
    The money is spent as if lines carried any number of homes. Where that overloads one, first parts of the plans for
    everybody are looked at, and the best plan around the lines it overloads, or else around all of known spare
    capacity; what was proven at first holds for all of them.
    """
    spare, free = spared.prices.capacity, spared.free
    wider, closed = None, np.zeros(len(spare), bool)
    if not (spare >= 0).any() or (sure and (several or spared.fits)):
        money = spent(free, limits, None)
        closed = overloaded(free[0], money.limited.solution, spare)
        if not closed.any():
            return free[0], money
        wider = money.study
    parts = spared.answers if several else spared.answers[:1]
    tried = [(answer[0], spent(answer, None, wider)) for answer in parts]
    for lines in (closed, spare >= 0) if several and wider is not None else ():
        around = spared.around(lines)
        money = spent(around, limits, wider)
        if not overloaded(around[0], money.limited.solution, spare).any():
            tried.append((around[0], money))
            break
    return max(tried, key=lambda each: (_included(*each), _merit(each[1].about)))


def _included(posed: Posed, money: Money) -> int:
    """Return how many of those who must be served are."""
    return int((posed.problem.first & (money.limited.solution.drop >= 0)).sum())


def _merit(about: About) -> tuple[float, float]:
    """Return how well a plan serves its aim, the greater the better."""
    gain, cost, asked, wanted = (float(about.get(name) or 0) for name in ("gain", "cost", "asked", "wanted_gain"))
    if about.get("aim") == "price":
        return asked * gain - cost, gain
    return (min(gain, wanted) if about.get("aim") == "coverage" else gain), -cost


def spend(
    answer: Answer,
    limits: Limits | None,
    customers: gpd.GeoDataFrame,
    *,
    wider: Study | None,
    left: Ints,
    locked: int,
    config: PlanConfig,
    report: Report | None = None,
) -> Money:
    """
    Decide who is connected first, and who is at all.

    Parameters
    ----------
    answer, limits
        What was solved with the plan for everybody, and the limits that it keeps; None where it also keeps some, such
        as spare capacity of lines, that only its own first parts are sure to keep.
    customers
        The customers layer.
    wider
        What is known of the same customers where lines carry any number of homes; None if the answer is for that.
    left
        int64 (c,). Homes of each customer that are not connected today.
    locked
        What is spent on streets that are built in any case, in thousandths; the problem has them for nothing.
    config
        The aim (`budget`, `target_coverage`, `max_cost_per_home`), the prize, when to stop.
    report
        Progress callback.

    Raises
    ------
    DataError
        If the prize names no column of numbers.
    """
    (posed, limited), gain = answer, prizes(customers, left, config.prize)
    problem = posed.problem
    own_cost = np.round(price_equipment(np.maximum(left, 0), config.cost) * MILLI).astype(np.int64)
    question = Question.of(problem, own_cost, gain)
    is_limited = limits is None or limits.on_routes or bool((problem.tap_capacity >= 0).any())
    quick = config.solve.model_copy(update={"rounds": min(config.rounds, QUICK_ROUNDS)})

    study = Study(
        question,
        limited.solution,
        quick,
        limits=limits if is_limited else None,
        parts_only=limits is None,
        wider=wider,
        ceiling=limited.most_units if is_limited and config.prize == "units" else None,
        report=report,
    )
    kind = aim_of(config)
    left_out = np.full(problem.customers, np.nan)
    about: About = {}
    budgets = tuple(net_of(each, config.cost) for each in (config.phases.budgets if config.phases else ()))
    waits, areas = wait_for(customers, config.phases)
    plan = limited
    if kind is not None:
        everybody = int(customers["units"].sum())
        today = everybody - int(np.maximum(left, 0).sum())
        plan, left_out, about = _cut(study, limited, kind, config, (today, everybody), locked)
    elif waits is None and not is_limited:
        plan = replace(limited, solution=favour_first(study, limited.solution, config, budgets))
    elif waits is None and config.is_grown:
        plan = limited.instead(problem, favour_within_limits(study, limited.solution, config, budgets))
    if config.bounds_curve and kind is None:
        ask_along(study, CURVE_SHARES)
    ends = tuple(max(each - locked, 0) for each in np.cumsum(budgets).tolist())
    order = _ordered(study, plan.solution, waits, ends)
    paid, least = (_paid(each.solution, own_cost, locked, config.cost) for each in (plan, limited))
    dearer = 0.0 if kind else max(round(paid - least, 2), 0.0)
    phase = numbers(order, waits, budgets, locked)
    as_many = None
    if kind is None and config.bounds_curve and config.prize == "units" and study.kept is not None:
        as_many = gross(study.least_for_as_many(plan.solution) + locked, config.cost)
    return Money(plan, order, study, left_out, about, locked, dearer, phase, areas, as_many)


def _cut(
    study: Study, limited: Limited, kind: Kind, config: PlanConfig, homes: tuple[int, int], locked: int
) -> tuple[Limited, Floats, About]:
    """Return the plan for an aim, what connecting each customer whom only the money leaves out costs, and its words."""
    question, problem = study.question, study.question.problem
    study.hurried |= limited.solution.status == "time"
    solution, about = _chosen(study, kind, config, homes, locked)
    cost = _paid(solution, question.own_cost, locked, config.cost)
    about |= {"cost": cost, "least_cost": below(float(about["least_cost"] or 0), cost)}
    included = int((problem.first & (solution.drop >= 0)).sum())
    about |= {"included": included} if included else {}
    plan = replace(limited, solution=solution, units=int(problem.units[solution.drop >= 0].sum()))
    out = (limited.solution.drop >= 0) & (solution.drop < 0)
    if study.kept is not None:
        # a smaller plan leaves ports free: those are for whom the plan for everybody serves; the others lack one
        free = _finds_port(problem, study.kept.reach, solution)
        plan, out = limited.instead(problem, solution), out & (problem.first | free)
    return plan, _on_top(question, out, solution, config.cost), about


def _ordered(study: Study, solution: Solution, waits: Ints | None, ends: tuple[int, ...]) -> BuildOrder:
    """Return the order in which a plan is built: phase by phase, or what yearly budgets buy until the end of each."""
    question, first = study.question, study.question.problem.first

    def in_turns(phase: Ints | None) -> BuildOrder:
        turns = _turns(phase, first)
        return build_order(question.problem, solution, own_cost=question.own_cost, gain=question.gain, phase=turns)

    if waits is not None:
        return in_turns(waits)
    order = study.nested if solution is study.full else in_turns(None)
    return in_turns(buy_in_turn(question, solution, order, ends)) if ends else order


def _paid(solution: Solution, own_cost: Ints, locked: int, model: CostModel) -> float:
    """Return what a plan costs, with all that its customers need and what is built in any case."""
    return gross(solution.cost + int(own_cost[solution.drop >= 0].sum()) + locked, model)


def _turns(waits: Ints | None, first: NDArray[np.bool_]) -> Ints | None:
    """Return when each customer's turn is: phase after phase, and in each those first who must be served."""
    if not first.any():
        return waits
    return np.where(first, 0, 1).astype(np.int64) + (0 if waits is None else 2 * waits)


def aim_of(config: PlanConfig) -> Kind | None:
    """Return what the planner asks for; None where everybody shall be connected."""
    if config.budget is not None:
        return "budget"
    if config.target_coverage is not None:
        return "coverage"
    return "price" if config.max_cost_per_home is not None else None


def prizes(customers: gpd.GeoDataFrame, left: Ints, prize: str) -> Ints:
    """Return what connecting each customer is worth: its homes, or whole numbers of a column."""
    if prize == "units":
        return np.maximum(left, 0)
    found = pd.to_numeric(customers[prize], errors="coerce") if prize in customers else pd.Series(dtype=float)
    values = found.to_numpy(np.float64)
    if len(values) == 0 or (np.nan_to_num(values) < 0).any() or not (np.nan_to_num(values) > 0).any():
        what = f"the prize '{prize}' names no column of amounts that are 0 or more"
        raise DataError([Fault(what, "Name such a column, or `units`.", setting="prize")])
    return np.where(left > 0, np.round(np.nan_to_num(values)), 0).astype(np.int64)


def net_of(amount: float, model: CostModel) -> int:
    """Return the most, in thousandths, that with its overhead is no more than an amount."""
    cents = int(np.floor(amount * 100 + 1e-6))
    net = int(cents / (1 + model.overhead_percent / 100)) + 2
    while net > 0 and round(with_overhead(net / 100, model) * 100) > cents:
        net -= 1
    return max(net, 0) * (MILLI // 100)


def gross(milli: float, model: CostModel) -> float:
    """Return an amount in thousandths as money, with the overhead on it."""
    return with_overhead(round(milli / (MILLI / 100)) / 100, model)


def _chosen(
    study: Study, kind: Kind, config: PlanConfig, homes: tuple[int, int], locked: int
) -> tuple[Solution, About]:
    """Return the plan for an aim, in the problem's own numbers, and what to say of it."""
    model = config.cost
    about: About = {"aim": kind, "prize": config.prize}
    more: Callable[[Solution], Choice] | None = None
    if kind == "budget":
        assert config.budget is not None
        net = max(net_of(config.budget, model) - locked, 0)
        choice, more = study.within(net), partial(study.with_rest, budget=net)
        about |= {"asked": config.budget, "nested_gain": study.nested.gain_within(net)}
    elif kind == "coverage":
        assert config.target_coverage is not None
        today, everybody = homes
        wanted = max(int(np.ceil(config.target_coverage * everybody - 1e-9)) - today, 0)
        choice = study.gaining(wanted)
        told = study.told
        most = told.reach_gain if told.ceiling is None else min(told.reach_gain, told.ceiling)
        about |= {"asked": config.target_coverage, "wanted_gain": wanted, "reachable_gain": max(most, choice.gain)}
        about |= {"missed": choice.gain < wanted}
    else:
        assert config.max_cost_per_home is not None
        price = max(net_of(config.max_cost_per_home, model), 1)
        choice, more = study.at_price(price), partial(study.with_worth, price=price)
        about |= {"asked": config.max_cost_per_home}
    solution = _proven(study, choice.solution, config.solve)
    # trenches that are laid anew cost less, and may lie nearer to somebody
    while more is not None and (wider := more(solution)).gain > choice.gain:
        choice, solution = wider, _proven(study, wider.solution, config.solve)
    about |= {
        "gain": choice.gain,
        "most_gain": choice.most_gain,
        "least_cost": gross(choice.least_cost + locked, model),
    }
    return solution, about


def _proven(study: Study, solution: Solution, config: SolveConfig) -> Solution:
    """Return the plan in the problem's own numbers, with the bound for those it connects, or a cheaper one for them."""
    question, served = study.question, solution.drop >= 0
    own = int(question.own_cost[served].sum())
    if not served.any():
        return replace(solution, lower_bound=0, status="trivial")
    if study.wider is not None:
        best = solution if study.parts_only else _laid_anew(study, solution, config)
        wider = _laid_anew(study.wider, best, config)
        bound, cut_short = below(wider.lower_bound, best.cost, cent=CENT_MILLI), ("time", "interrupted")
        ends = [each.status for each in (best, wider) if each.status in cut_short]
        status = ends[0] if ends else ended(best.cost, bound, config.target_gap)
        best = replace(best, lower_bound=bound, status=status, log=wider.log)
    elif study.parts_only:
        bound = below(study.least_cost(int(question.gain[served].sum())), solution.cost, cent=CENT_MILLI)
        best = replace(solution, lower_bound=bound)
    else:
        best = _laid_anew(study, solution, config)
    return replace(best, cost=best.cost - own, lower_bound=max(best.lower_bound - own, 0))


def _laid_anew(study: Study, solution: Solution, config: SolveConfig) -> Solution:
    """Return the cheapest plan found for whom a solution connects, with its bound; all costs in both."""
    question, served = study.question, solution.drop >= 0
    own = int(question.own_cost[served].sum())
    again, best = only(question, served, config), solution
    if (question.problem.tap_capacity < 0).all():
        best = min(solution, again, key=lambda each: each.cost)
    known = study.full.lower_bound + own if np.array_equal(served, study.full.drop >= 0) else 0
    bound = max(again.lower_bound, known)
    if study.kept is not None and not study.stopped and best.cost > (1 + config.target_gap) * bound:
        within = study.kept.anew(served, config)
        if np.array_equal(within.drop >= 0, served):
            bound = max(bound, within.lower_bound)
            again, best = within, min(best, within, key=lambda each: each.cost)
    bound = below(bound, best.cost, cent=CENT_MILLI)
    status = again.status if again.status in ("time", "interrupted") else ended(best.cost, bound, config.target_gap)
    status = "time" if study.hurried and status != "interrupted" else status
    return replace(best, lower_bound=bound, status=status, log=again.log)


def _finds_port(problem: Problem, reach: Reach, solution: Solution) -> Flags:
    """Return for which customers some tap that reaches them has ports enough beside the plan."""
    most = np.where(reach.group_taps, ports_left(problem, solution), -1).max(axis=1, initial=-1)
    finds: Flags = most[reach.group] >= problem.units
    return finds


def ports_left(problem: Problem, solution: Solution) -> Floats:
    """Return the homes that each tap has ports for beside a plan; infinite is unlimited."""
    served = solution.drop >= 0
    load = np.bincount(solution.tap[served], weights=problem.units[served], minlength=len(problem.tap_node))
    left: Floats = np.where(problem.tap_capacity < 0, np.inf, problem.tap_capacity - load)
    return left


def _on_top(question: Question, out: Flags, solution: Solution, model: CostModel) -> Floats:
    """Return what connecting each customer whom the money leaves out would cost, on top of what is built."""
    built = np.zeros(len(question.problem.tail), bool)
    built[solution.edges] = True
    cost = reach_more(question, built, ~out).cost
    return np.array(
        [gross(each, model) if wanted and each < FAR else np.nan for each, wanted in zip(cost, out, strict=True)]
    )
