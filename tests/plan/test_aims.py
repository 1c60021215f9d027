"""What the money buys, on a street one can draw: dear customers wait, and are told what they would cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest
from shapely import LineString, Point

import lastmile_net as lm

from .test_plan import E0, N0, cabinet, customers, streets

if TYPE_CHECKING:
    from pathlib import Path

# The cabinet stands at 0; a (at 50) costs 60 m alone, b (at 100) 50 m more and its drop of 10, c (at 300) 210 m more.
WAYS = streets(Main=LineString([(E0, N0), (E0 + 400, N0)]))
HERE = customers(a=Point(E0 + 50, N0 + 10), b=Point(E0 + 100, N0 + 10), c=Point(E0 + 300, N0 + 10))


def planned(**aim: object) -> lm.Plan:
    """Plan the street at 1 a metre with an aim."""
    return lm.plan(WAYS, cabinet(), HERE, config=lm.read_config(prices="metres", **aim))


def outcomes(plan: lm.Plan) -> str:
    """Return the ids of the planned customers."""
    table = plan.customers
    return "".join(table["customer_id"][table["outcome"] == "planned"])


def test_without_an_aim_everybody_is_connected_in_order() -> None:
    """The nearest first: 60 m, 60 m more, 210 m more; the curve tells so."""
    plan = planned()
    assert plan.customers["build_order"].tolist() == [1, 2, 3]
    assert plan.curve["cost"].round(2).tolist() == [0, 60, 120, 330]
    assert plan.curve["units"].tolist() == [0, 1, 2, 3]
    assert plan.curve["marginal_cost"].tolist() == [60, 60, 60, 210]
    assert (plan.curve["upper_bound"] >= plan.curve["units"]).all()


@pytest.mark.parametrize(
    ("budget", "who"), [(59, ""), (60, "a"), (119.99, "a"), (120, "ab"), (329, "ab"), (330, "abc")]
)
def test_a_budget_is_kept_to_the_cent(budget: float, who: str) -> None:
    """A budget of exactly what the first customers cost connects them."""
    plan = planned(budget=budget)
    assert outcomes(plan) == who
    assert plan.cost <= budget
    assert plan.lower_bound <= plan.cost
    assert plan.summary["aim"]["gain"] == plan.summary["aim"]["most_gain"] == len(who)


def test_who_is_over_budget_is_told_what_it_costs() -> None:
    """C would cost 210 m more than the plan for a and b, and nothing else keeps it out."""
    plan = planned(budget=200)
    last = plan.customers.set_index("customer_id").loc["c"]
    assert (last["outcome"], last["reason"], last["remedy_code"]) == ("unserved", "over_budget", "raise_budget")
    assert last["remedy_cost"] == last["remedy_value"] == pytest.approx(210, abs=0.01)
    assert last["remedy_unit"] == "currency"
    assert pd.isna(last["build_order"])


@pytest.mark.parametrize(("target", "who"), [(0.3, "a"), (0.34, "ab"), (0.6, "ab"), (0.95, "abc"), (1, "abc")])
def test_a_coverage_is_reached_at_least_cost(target: float, who: str) -> None:
    """A third of three homes is one of them."""
    assert outcomes(planned(target_coverage=target)) == who


@pytest.mark.parametrize(("price", "who"), [(59, ""), (60.01, "ab"), (209, "ab"), (210.01, "abc")])
def test_a_price_for_each_home_is_marginal(price: float, who: str) -> None:
    """C costs 110 m on average with all others, but 210 m more than without: that counts."""
    assert outcomes(planned(max_cost_per_home=price)) == who


def test_revenue_may_decide() -> None:
    """With what customers pay as the prize, the far one that pays most goes first."""
    here = HERE.assign(revenue=[10.0, 10.0, 500.0])
    config = lm.read_config(prices="metres", budget=310, prize="revenue")
    assert outcomes(lm.plan(WAYS, cabinet(), here, config=config)) == "c"


def test_a_prize_that_is_no_column_is_refused() -> None:
    """A misspelt column must not plan for nothing."""
    with pytest.raises(lm.DataError, match="names no column"):
        planned(budget=100, prize="revenues")


def test_two_aims_are_refused() -> None:
    """A budget and a coverage cannot both be what counts."""
    with pytest.raises(lm.ConfigError, match="one aim"):
        lm.read_config(budget=100, target_coverage=0.5)


def test_ports_are_kept_within_a_budget() -> None:
    """Where ports are short, a smaller budget builds a part of a plan that keeps them."""
    config = lm.read_config(prices="metres", budget=125)
    plan = lm.plan(WAYS, cabinet(ports=2), HERE, config=config)
    assert outcomes(plan) == "ab"
    assert plan.customers["reason"].tolist()[2] == "no_free_port"


def test_a_run_with_a_budget_passes_verification(tmp_path: Path) -> None:
    """What was promised of the money holds when it is read again from the files."""
    plan = planned(budget=200)
    verdict = lm.verify_run(lm.write_run(plan, tmp_path / "run"))
    assert verdict.passed, str(verdict)
    assert {"aim_is_met", "curve_agrees", "building_order_is_nested"} <= {check.name for check in verdict.checks}
    assert (tmp_path / "run" / "curve.svg").read_text(encoding="utf-8").startswith("<svg")


@pytest.mark.parametrize(
    ("find", "put", "name"),
    [("\n2,", "\n7,", ""), ("120.0,2,", "121.0,2,", "curve_agrees"), (",1,", ",9,", "curve_agrees")],
)
def test_a_forged_curve_is_found(tmp_path: Path, find: str, put: str, name: str) -> None:
    """A check that cannot fail checks nothing."""
    folder = lm.write_run(planned(budget=200), tmp_path / "run")
    path = folder / "curve.csv"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(find, put), encoding="utf-8")
    failed = {check.name for check in lm.verify_run(folder).checks if not check.passed}
    assert (name in failed) if name else failed
