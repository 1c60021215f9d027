"""Reasons and remedies: worked out on paper, and applied."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

import lastmile_net as lm
from lastmile_net.demo import demo_folder
from lastmile_net.read.layers import load_layers

from .applied import Town, apply, batches, read_changes, sample
from .towns import area, cabinet, customers, line, lines, point, streets

if TYPE_CHECKING:
    from pathlib import Path

    from _pytest.mark.structures import ParameterSet

METRES = lm.read_config(prices="metres")
MAIN = streets(Main=line((0, 0), (1000, 0)))


def _served_after(town: Town, plan: lm.Plan, customer: str) -> bool:
    row = int(np.flatnonzero(plan.customers["customer_id"] == customer)[0])
    again = apply(town, plan, [row]).plan()
    outcome = again.customers.set_index("customer_id")["outcome"]
    before = plan.customers.set_index("customer_id")["outcome"]
    kept = before.index[before == "planned"]
    return bool(outcome[customer] == "planned" and (outcome[kept] == "planned").all())


def _row(plan: lm.Plan, customer: str) -> pd.Series:
    return plan.customers.set_index("customer_id").loc[customer]


def test_a_long_drop_asks_for_its_metres_and_costs_its_way() -> None:
    """Limit 100 m; b stands 130.25 m off, 200 m along, where 100 m are dug for a: +30.25 m, 100 + 130.25 m more."""
    town = Town(MAIN, cabinet(), customers(a=point(100, 10), b=point(200, 130.25)), METRES)
    plan = town.plan()
    told = _row(plan, "b")
    assert (told["reason"], told["remedy_code"]) == ("no_street_in_reach", "raise_max_drop_m")
    assert told["remedy_value"] == pytest.approx(30.25)
    assert told["remedy_cost"] == pytest.approx(230.25, abs=0.02)
    assert _served_after(town, plan, "b")
    nearly = METRES.model_copy(update={"max_drop_m": 130.24})
    assert _row(Town(town.streets, town.backbone, town.customers, nearly).plan(), "b")["outcome"] == "unserved"


def test_who_stands_on_the_street_needs_no_drop() -> None:
    """
    Places within 1 cm are one place: no drop is there that could be too long for a limit of 0 m.

    A hair off, 9 mm off, 9 mm beside the corner, 5 mm beside the next house; f, 11 mm off, has a drop.
    """
    ways = streets(Main=line((0, 0), (1000, 0)), Side=line((500, 0), (500, 300)))
    places = {"a": point(100, 1e-9), "b": point(200, 0.009), "c": point(500.009, 0), "d": point(700, 0)}
    here = customers(**places, e=point(700.005, 0), f=point(300, 0.011))
    plan = Town(ways, cabinet(), here, METRES.model_copy(update={"max_drop_m": 0.0})).plan()
    assert plan.customers["outcome"].tolist() == ["planned"] * 5 + ["unserved"]
    assert plan.drops["length_m"].tolist() == [0] * 5
    told = _row(plan, "f")
    assert told["remedy"].startswith("drop is 0.02 m, limit 0 m: raise the limit on drops by 0.02 m")


def test_a_drop_is_as_long_as_it_is_laid() -> None:
    """1 mm off the street, but 10.03 mm from the corner that it meets: that is over 0 m, and no port is missing."""
    ways = streets(Main=line((0, 0), (1000, 0)), Side=line((500, 0), (500, -300)))
    here = customers(a=point(500.00998, 0.00098), b=point(100, 0))
    town = Town(ways, cabinet(), here, METRES.model_copy(update={"max_drop_m": 0.0}))
    plan = town.plan()
    told = _row(plan, "a")
    assert told["reason"] == "no_street_in_reach"
    assert (told["remedy_code"], told["remedy_value"]) == ("raise_max_drop_m", 0.02)
    assert _served_after(town, plan, "a")


def test_a_full_cabinet_asks_for_ports_that_lack() -> None:
    """3 ports: a and b take 2; the house of 4 homes lacks 3, and costs 100 m and a drop of 5 m more."""
    here = customers({"units": [1, 1, 4]}, a=point(100, 5), b=point(200, 5), c=point(300, 5))
    town = Town(MAIN, cabinet(ports=3), here, METRES)
    plan = town.plan()
    told = _row(plan, "c")
    assert (told["reason"], told["remedy_code"], told["remedy_at"]) == ("no_free_port", "add_ports", "K")
    assert told["remedy_value"] == 3
    assert told["remedy_cost"] == pytest.approx(105, abs=0.02)
    assert _served_after(town, plan, "c")


def test_ports_are_priced_by_the_catalogue() -> None:
    """One port lacks: the cheapest device that has one costs 600, and 10 % overhead goes on all of it."""
    here = customers(a=point(100, 5), b=point(100, -5))
    config = lm.read_config(prices="example-eur")
    plan = Town(MAIN, cabinet(ports=1), here, config).plan()
    told = plan.customers[plan.customers["outcome"] == "unserved"].iloc[0]
    # nothing is dug any more: drop 850, fibre 105 m x 0.25 = 26.25, equipment 173, closure 600, 10 % overhead
    assert told["remedy_cost"] == pytest.approx(1.1 * (850 + 26.25 + 173 + 600), abs=0.05)
    # the sentence says why that is more than `cost_alone`, which asks for no ports
    assert told["remedy"] == "no free port left: add 1 port at access point K for 660.00 EUR"


def test_an_island_asks_for_the_shortest_link() -> None:
    """The island's street ends 40 m north of Main: a link of 40 m, from its end straight down."""
    ways = streets(Main=line((0, 0), (1000, 0)), Isle=line((500, 40), (500, 400)))
    town = Town(ways, cabinet(), customers(a=point(100, 5), b=point(510, 300)), METRES)
    plan = town.plan()
    told = _row(plan, "b")
    assert (told["reason"], told["remedy_code"]) == ("street_island", "link_island")
    assert told["remedy_value"] == pytest.approx(40, abs=0.011)
    # 400 m along Main beyond a, the link, 260 m on the island, the drop
    assert told["remedy_cost"] == pytest.approx(400 + 40 + 260 + 10, abs=0.05)
    assert _served_after(town, plan, "b")


def test_a_drop_past_an_island_says_why_it_is_so_long() -> None:
    """Its own street, 30 m away, leads nowhere: "drop is 120 m" hid that; a link of 150 m would be dearer."""
    ways = streets(Main=line((0, 0), (1000, 0)), Isle=line((500, 150), (500, 400)))
    told = _row(Town(ways, cabinet(), customers(a=point(500, 120)), METRES).plan(), "a")
    assert (told["reason"], told["remedy_code"], told["remedy_value"]) == ("street_island", "raise_max_drop_m", 20)
    where = "its street is not tied to the network, a drop to one that is would be 120 m, limit 100 m"
    limit = "raise the limit on drops by 20 m or bring the network 20 m closer; the limit on drops holds for everybody"
    assert told["remedy"] == f"{where}: {limit}, a link of 150 m would tie in its street alone"


def test_several_changes_are_one_sentence() -> None:
    """The ports, 600 and 10 % overhead, are in what the budget of 1 lacks: who reads both must not add them."""
    config = lm.read_config(prices="example-eur", budget=1)
    told = _row(Town(MAIN, cabinet(ports=0), customers(a=point(100, 120)), config).plan(), "a")
    drop, port, money = told["remedy"].split("; ")
    assert drop == "drop is 120 m, limit 100 m: raise the limit on drops by 20 m or bring the network 20 m closer"
    assert port == "add 1 port at access point K for 660.00 EUR"
    assert money == f"and raise the budget by {told['remedy_cost'] - 1:,.2f} EUR in all"


def test_a_long_route_asks_for_its_metres() -> None:
    """Limit 300 m: a's 290 + 10 m just fits, b's 350 + 10 m is 60 m over."""
    config = METRES.model_copy(update={"max_route_m": 300.0})
    town = Town(MAIN, cabinet(), customers(a=point(290, 10), b=point(350, 10)), config)
    plan = town.plan()
    assert _row(plan, "a")["outcome"] == "planned"
    told = _row(plan, "b")
    assert (told["reason"], told["remedy_code"]) == ("route_too_long", "raise_max_route_m")
    assert told["remedy_value"] == pytest.approx(60, abs=0.011)
    assert _served_after(town, plan, "b")


OPTICS = {"name": "paper", "budget_db": 10, "fibre_db_per_km": 1}


def test_a_weak_signal_asks_for_decibels() -> None:
    """Budget 10 dB, 9.5 up to the cabinet, 1 dB/km: a's 500 m just fit, b's 800 m lose 0.3 dB too much."""
    config = lm.read_config(prices="metres", optical=OPTICS)
    town = Town(MAIN, cabinet(loss=9.5), customers(a=point(490, 10), b=point(790, 10)), config)
    plan = town.plan()
    assert _row(plan, "a")["outcome"] == "planned"
    told = _row(plan, "b")
    assert (told["reason"], told["remedy_code"], told["remedy_unit"]) == ("optical_budget", "reduce_loss", "dB")
    assert told["remedy_value"] == pytest.approx(0.3, abs=0.011)
    assert _served_after(town, plan, "b")


def test_an_unknown_loss_asks_to_be_stated() -> None:
    """Nobody is served over a loss nobody knows; 800 m at 1 dB/km leave 9.2 of 10 dB for what comes before."""
    config = lm.read_config(prices="metres", optical=OPTICS)
    town = Town(MAIN, cabinet(), customers(b=point(790, 10)), config)
    plan = town.plan()
    told = _row(plan, "b")
    assert (told["reason"], told["remedy_code"], told["remedy_at"]) == ("optical_unknown", "state_loss", "K")
    assert told["remedy_value"] == pytest.approx(9.2, abs=0.011)
    assert _served_after(town, plan, "b")


def test_an_excluded_street_asks_to_be_included() -> None:
    """The only street by the house is excluded; Main is 300 m away and a drop of 300 m would be dearer: 200 + 10 m."""
    ways = streets({"exclude": [False, True]}, Main=line((0, 0), (1000, 0)), Side=line((100, 0), (100, 300)))
    town = Town(ways, cabinet(), customers(a=point(100, -5), b=point(110, 290)), METRES)
    plan = town.plan()
    told = _row(plan, "b")
    assert (told["reason"], told["remedy_code"]) == ("excluded", "raise_max_drop_m")
    dear = lm.read_config(prices="metres", cost={"drop_per_m": 2})
    town = Town(ways, cabinet(), town.customers, dear)
    plan = town.plan()
    told = _row(plan, "b")
    assert (told["reason"], told["remedy_code"], told["remedy_at"]) == ("excluded", "include", "Side")
    assert told["remedy_cost"] == pytest.approx(290 + 2 * 10, abs=0.05)
    assert _served_after(town, plan, "b")


def test_an_excluded_area_keeps_drops_out() -> None:
    """A house in an area where nothing is built stays unserved; with the area lifted, it is served."""
    here = customers(a=point(100, -5), b=point(200, 50))
    town = Town(MAIN, cabinet(), here, METRES, excluded=area(150, 20, 250, 80))
    plan = town.plan()
    told = _row(plan, "b")
    assert (told["reason"], told["remedy_code"], told["remedy_at"]) == ("excluded", "include", "the excluded area")
    assert _served_after(town, plan, "b")


def test_a_street_closed_twice_asks_for_both() -> None:
    """Side has `exclude` and runs through an excluded area: lifting one of them opens nothing."""
    ways = streets({"exclude": [False, True]}, Main=line((0, 0), (300, 0)), Side=line((300, 0), (900, 0)))
    here = customers(a=point(100, 20), b=point(800, 20))
    town = Town(ways, cabinet(), here, METRES, excluded=area(400, -10, 500, 10))
    plan = town.plan()
    told = _row(plan, "b")
    assert [(code, at) for code, _, at in read_changes(told)] == [("include", "Side"), ("include", "the excluded area")]
    assert _served_after(town, plan, "b")


def test_an_excluded_area_between_house_and_street_is_lifted() -> None:
    """The house itself lies outside: it was told to get a port, and is served as soon as the area is lifted."""
    here = customers(a=point(100, 10), b=point(200, 30))
    town = Town(MAIN, cabinet(), here, METRES, excluded=area(-50, 10.5, 1050, 20))
    plan = town.plan()
    told = _row(plan, "b")
    assert (told["reason"], told["remedy_code"], told["remedy_at"]) == ("excluded", "include", "the excluded area")
    assert _served_after(town, plan, "b")


def test_a_barrier_asks_for_a_longer_way_round() -> None:
    """A wall along Main leaves b the street behind, 150 m off: the limit of 100 m is to be raised by 50 m."""
    ways = streets(Main=line((0, 0), (1000, 0)), Round=line((1000, 0), (1000, 200)), Back=line((1000, 200), (0, 200)))
    wall = lines(line((100, 30), (900, 30)))
    town = Town(ways, cabinet(), customers(a=point(50, 5), b=point(500, 50)), METRES, barriers=wall)
    plan = town.plan()
    told = _row(plan, "b")
    assert (told["reason"], told["remedy_code"]) == ("no_street_in_reach", "raise_max_drop_m")
    assert told["remedy_value"] == pytest.approx(50, abs=0.011)
    assert _served_after(town, plan, "b")


def test_one_change_that_does_not_suffice_is_not_the_remedy() -> None:
    """Too far off, and the cabinet is full: both changes are told, and both together serve the house."""
    town = Town(MAIN, cabinet(ports=1), customers(a=point(100, 5), b=point(200, 120)), METRES)
    plan = town.plan()
    told = _row(plan, "b")
    codes = [code for code, _, _ in read_changes(told)]
    assert codes == ["raise_max_drop_m", "add_ports"]
    assert told["remedy_also"] == "add_ports=1@K"
    assert _served_after(town, plan, "b")


def test_an_excluded_customer_asks_to_be_included() -> None:
    """Its own `exclude` is what stands in the way; its way costs 100 m and 5 m."""
    here = customers({"exclude": [False, True]}, a=point(100, 5), b=point(200, 5))
    town = Town(MAIN, cabinet(), here, METRES)
    plan = town.plan()
    told = _row(plan, "b")
    assert (told["reason"], told["remedy_code"], told["remedy_at"]) == ("excluded", "include", None)
    assert told["remedy_cost"] == pytest.approx(105, abs=0.02)
    assert _served_after(town, plan, "b")


def test_remedies_work_in_the_demo_town() -> None:
    """Six of the demo town's unserved: with their changes made, each of them is served, and nobody else is lost."""
    folder = demo_folder()
    layers = [gpd.read_file(folder / f"{name}.gpkg") for name in ("streets", "backbone", "customers")]
    backbone = layers[1].assign(ports_free=pd.to_numeric(layers[1]["ports_free"]) // 4)
    town = Town(layers[0], backbone, layers[2], lm.read_config(rounds=1, time_limit_s=None, routes=False))
    plan = town.plan()
    rows = sample(plan, 6)
    planned = plan.customers["customer_id"][plan.customers["outcome"] == "planned"]
    for batch in batches(plan, rows):
        again = apply(town, plan, batch).plan().customers.set_index("customer_id")["outcome"]
        wanted = [*planned, *plan.customers.loc[batch, "customer_id"]]
        assert (again[wanted] == "planned").all(), plan.customers.loc[batch, "remedy"].tolist()


def _large(name: str) -> ParameterSet:
    return pytest.param(name, marks=[pytest.mark.large, pytest.mark.timeout(7200)])


@pytest.mark.towns
@pytest.mark.parametrize(
    "name", ["helsinki", *map(_large, ("suburb", "lauf", "neubrandenburg", "copenhagen", "nassau"))]
)
def test_remedies_work_in_real_towns(towns: Path, name: str) -> None:
    """50 of the unserved, drawn once for all: with their changes made, each of them is served."""
    config = lm.read_config(rounds=1, time_limit_s=10, routes=False, curve_bound=False)
    files = [towns / name / f"{each}.gpkg" for each in ("streets", "backbone", "customers")]
    layers = load_layers(*files, config=config)
    town = Town(layers.streets, layers.backbone, layers.customers, config)
    plan = town.plan()
    lost = []
    for batch in batches(plan, sample(plan, 50)):
        again = apply(town, plan, batch).plan().customers.set_index("customer_id")["outcome"]
        told = plan.customers.loc[batch].set_index("customer_id")
        lost += [f"{who}: {told['remedy'][who]}" for who in told.index if again[who] != "planned"]
    assert not lost, "\n".join(lost)


def test_proposals_tell_what_one_change_wins() -> None:
    """
    Two ports serve a and b; three houses further along Main ask for ports, one that is far off for a longer drop, too.

    Together the three need 3 ports, and 300 m of Main beyond b once: 300 + 3 x 5, not 100 + 200 + 300 + 3 x 5.
    """
    places = {"a": point(100, 5), "b": point(200, 5), "c": point(300, 5), "d": point(400, 5), "e": point(500, 5)}
    places["f"] = point(500, 120)
    here = customers({"street": ["Main"] * 6}, **places)
    plan = Town(MAIN, cabinet(ports=2), here, METRES).plan()
    assert plan.customers["outcome"].tolist() == ["planned"] * 2 + ["unserved"] * 4
    found = plan.proposals.set_index(["scope", "name", "change"])
    ports = found.loc[("street", "Main", "add_ports")]
    assert (ports["value"], ports["at"], ports["customers"], ports["homes"]) == (3, "K", 3, 3)
    assert ports["cost"] == pytest.approx(300 + 15, abs=0.02)
    assert bool(ports["best"])
    both = found.loc[("street", "Main", "raise_max_drop_m+add_ports")]
    assert (both["value"], both["homes"], bool(both["best"])) == (pytest.approx(20), 1, False)


def test_a_proposal_pays_once_for_a_trench_that_ways_of_different_kinds_share() -> None:
    """
    X lies on Main, y behind it, round a dear street: x by the shortest way, y by the cheapest, both along Main.

    From the full cabinet 150 m and 50 m more of Main, 220 m around, two drops of 5 m; 150 m were counted twice.
    """
    ways = streets(
        {"cost_factor": [1.0, 10.0, 1.0]},
        Main=line((0, 0), (200, 0)),
        Dear=line((200, 0), (300, 0)),
        Around=line((200, 0), (200, 60), (300, 60), (300, 0)),
    )
    here = customers(z=point(0, 5), x=point(150, 5), y=point(300, -5))
    plan = Town(ways, cabinet(ports=1), here, METRES).plan()
    assert plan.customers.set_index("customer_id").loc["z", "outcome"] == "planned"
    both = plan.proposals.set_index("scope").loc["change"]
    assert (both["change"], both["value"], both["homes"]) == ("add_ports", 2, 2)
    assert both["cost"] == pytest.approx(200 + 220 + 5 + 5, abs=0.02)


def test_a_proposal_is_a_sentence_with_devices_and_prices_its_ports() -> None:
    """
    Money for one port is short, and two others lack a port, too: codes, "0 homes" and ports for nothing say nothing.

    The budget leaves 50 of its 110: b, at 60, needs 10 more; c and d, 100 m further each, need a closure besides.
    """
    places = {"a": point(50, 10), "b": point(100, 10), "c": point(200, 10), "d": point(300, 10)}
    closure = {"closure-12": {"ports": 12, "price": {"value": 30.0, "unit": "piece"}, "role": "closure"}}
    config = lm.read_config(prices="metres", budget=110, cost={"access_points": closure})
    plan = Town(MAIN, cabinet(ports=2), customers(**places), config).plan()
    found = plan.proposals.set_index(["scope", "change"]).loc["change"]
    assert (
        found.loc["raise_budget", "proposal"] == "raise the budget by 10.00 m: serves 1 home more for 60.00 m at most"
    )
    assert found.loc["raise_budget", "value"] == pytest.approx(10)
    both = found.loc["add_ports+raise_budget"]
    assert (both["value"], both["devices"], both["cost"]) == (2, "1 x closure-12", pytest.approx(300, abs=0.02))
    told = "1 x closure-12 at K and raise the budget by 250.00 m: serves 2 homes more for 300.00 m at most"
    assert both["proposal"] == told
