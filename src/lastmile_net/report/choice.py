"""Which homes are served is a choice of its own: whether it is proven, and how far from the best it may be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from lastmile_net.counts import homes, percent

if TYPE_CHECKING:
    from lastmile_net.plan.result import Plan


class Choice(NamedTuple):
    """Whether no other choice of homes is better, and a sentence that says how much better one might be."""

    proven: bool
    meaning: str


def choice(plan: Plan) -> Choice | None:
    """
    Return what is known of the choice of homes; None where the plan leaves nobody out who could be served.

    Parameters
    ----------
    plan
        A plan, or one that has been read back. Its `gap` is for the homes chosen, whichever they are.
    """
    aim, most = plan.summary.get("aim"), plan.summary.get("most_units")
    if aim:
        return _of_cost(aim, plan) if aim["aim"] == "coverage" else _of_gain(aim)
    if most is None:
        return None
    return _of_ports(most - plan.summary["units"]["planned"], plan)


def _of_ports(more: int, plan: Plan) -> Choice:
    """Compare with the bounds on how many homes the ports can serve, and on what as many cost."""
    total, least = plan.summary["cost"]["total"], plan.summary.get("least_cost_as_many", 0)
    less, known = total - least, f"another choice might serve up to {homes(more)} more"
    if more <= 0:
        known = "no plan can serve more homes"
        if round(less, 2) <= 0:
            return Choice(proven=True, meaning=f"{known} with these ports, or as many for less")
    by = f", by up to {_money(less, total, plan)}" if least > 0 else ""
    return Choice(proven=False, meaning=f"{known} with these ports; the same number of others may be cheaper{by}")


def _of_gain(aim: dict[str, Any]) -> Choice:
    """Compare with the bound on what the same money connects."""
    money = "within the budget" if aim["aim"] == "budget" else "for this cost"
    money += _same(aim)
    units = aim["prize"] == "units"
    more = aim["most_gain"] - aim["gain"]
    if more <= 0:
        return Choice(
            proven=True, meaning=f"no other choice {'connects more homes' if units else 'gains more'} {money}"
        )
    what = f"connect up to {homes(more)} more" if units else f"gain up to {more:,} more in {aim['prize']}"
    part = f" ({percent(more / aim['gain'])})" if aim["gain"] else ""
    return Choice(proven=False, meaning=f"another choice might {what}{part} {money}")


def _of_cost(aim: dict[str, Any], plan: Plan) -> Choice:
    """Compare with the bound on what reaching as many homes costs."""
    less = aim["cost"] - aim["least_cost"]
    if aim["gain"] < aim["wanted_gain"]:
        more = aim.get("reachable_gain", aim["wanted_gain"]) - aim["gain"]
        if more > 0:
            return Choice(proven=False, meaning=f"another choice might connect up to {homes(more)} more")
        if "no_free_port" not in plan.summary["reasons"]:
            return Choice(proven=True, meaning="everybody in reach is connected")
        if round(less, 2) > 0:
            return Choice(proven=False, meaning="no plan connects more homes; the same number of others may be cheaper")
    same = _same(aim)
    if round(less, 2) <= 0:
        return Choice(proven=True, meaning=f"no other choice reaches as many for less{same}")
    money = _money(less, aim["cost"], plan)
    return Choice(proven=False, meaning=f"another choice might reach as many for up to {money} less{same}")


def _same(aim: dict[str, Any]) -> str:
    """Return which other plans are meant, where some customers are in all of them."""
    return ", with the same customers of `include`" if aim.get("included") else ""


def _money(less: float, cost: float, plan: Plan) -> str:
    """Return an amount, and which part it is of a cost."""
    part = f" ({percent(less / cost)})" if cost else ""
    return f"{less:,.2f} {plan.summary.get('currency', '')}".rstrip() + part
