"""The map of a plan that the planner made, not of a made-up one: the demo town."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import lastmile_net as lm
from lastmile_net.config import read_config
from lastmile_net.demo import demo_folder
from lastmile_net.maps import save_page

if TYPE_CHECKING:
    from pathlib import Path

    from chromium import Chromium

    from lastmile_net.plan import Plan

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def plan() -> Plan:
    """Return a plan of the demo town."""
    town = demo_folder()
    layers = (str(town / f"{name}.gpkg") for name in ("streets", "backbone", "customers"))
    return lm.plan(*layers, config=read_config(rounds=2))


@pytest.fixture(scope="module")
def page(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return its map, on disk."""
    return save_page(plan.to_map(), tmp_path_factory.mktemp("plan") / "map.html")


def test_budget_slider_shows_what_the_plan_builds_first(
    browser: Chromium, page: Path, plan: Plan, artefacts: Path
) -> None:
    """At any budget the page says and draws the prefix of the order of building that this money pays, and the bound."""
    browser.open(page)
    people, curve = plan.customers, plan.curve
    ranks, total = people["build_order"], float(curve["cost"].iloc[-1])
    streets = plan.trenches[plan.trenches["kind"] != "drop"]
    assert total == pytest.approx(plan.cost)
    for share in (0, 150, 400, 777, 1000):
        shown = browser.run_async(
            """const slider = document.querySelector('#lm-budget input'); slider.value = arguments[0];
               slider.dispatchEvent(new Event('input'));
               requestAnimationFrame(() => requestAnimationFrame(() => {
                 const page = lastmile.page, of = (key) => page.layers.find((one) => one.key === key);
                 const drawn = (entry) => entry ? entry.packed.shown.filter((c) => c !== 255).length : 0;
                 const c = page.customers.packed, later = c.classes.findIndex((one) => one.value === 'later');
                 const connected = c.classes.findIndex((one) => one.value === 'planned');
                 const said = [...document.querySelectorAll('#lm-budget p b')];
                 done({
                   told: said.map((one) => Number(one.textContent.replace(/,/g, ''))),
                   planned: c.shown.filter((one) => one === connected).length,
                   later: c.shown.filter((one) => one === later).length,
                   trenches: drawn(of('trenches')), drops: drawn(of('drops')),
                 });
               }));""",
            share,
        )
        paid = curve[curve["cost"] <= share / 1000 * total + 0.005]
        last = int(paid["build_order"].iloc[-1])
        connected = int((ranks <= last).sum())
        assert shown["planned"] == connected
        assert shown["later"] == int(ranks.notna().sum()) - connected
        assert shown["trenches"] == int((streets["build_order"] <= last).sum())
        assert shown["drops"] == int((plan.drops["build_order"] <= last).sum())
        bound = paid["upper_bound"].iloc[-1]
        assert shown["told"][:2] == [int(paid["units"].iloc[-1]), connected]
        assert np.isnan(bound) or shown["told"][2] == int(bound) >= shown["told"][0]
        if share == 400:
            browser.picture(artefacts / "budget-demo.png")
    assert browser.complaints() == []
    assert browser.requests() == []


def test_findings_of_the_doctor_are_a_layer(browser: Chromium, page: Path, plan: Plan) -> None:
    """What is wrong with the data explains gaps: each finding is on the map, with what and how to mend it."""
    found = plan.findings()
    assert len(found)
    browser.open(page, "#layers=findings")
    told = browser.run_async(
        """const layer = lastmile.page.layers.find((one) => one.key === 'findings').packed;
           Promise.all([layer.columns.get('message'), layer.columns.get('cure')]).then(([what, cure]) =>
             done(Array.from({length: layer.size}, (_, row) => [what.at(row), cure.at(row)])));"""
    )
    placed = [one for one in found if one.geometry is not None and not one.geometry.is_empty]
    assert sorted(map(tuple, told)) == sorted((one.message, one.cure) for one in placed)
