"""A plan in phases: the map tells when each home is connected and each trench dug."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import made_up
import numpy as np
import pytest
from selenium.webdriver.common.keys import Keys
from typer.testing import CliRunner

import lastmile_net as lm
from lastmile_net.cli import app
from lastmile_net.config import read_config
from lastmile_net.demo import demo_folder
from lastmile_net.maps import plan_map, save_map

if TYPE_CHECKING:
    from pathlib import Path
    from types import SimpleNamespace

    from chromium import Chromium

SHOW = "document.querySelectorAll('[name=lm-theme]')[arguments[0]].click();"
TOLD = """
    lastmile.page.countNow();
    const told = {}, of = (key) => lastmile.page.layers.find((one) => one.key === key).packed;
    for (const box of document.querySelectorAll('[data-class]')) {
      const row = box.closest('label'), note = row.querySelector('small');
      const number = (text) => Number(text.replace(/[^0-9]/g, ''));
      const drawn = (key) => of(key).shown.filter((c) => c !== 255 && of(key).classes[c].value === box.dataset.class);
      told[box.dataset.class] = {customers: number(row.querySelector('output').textContent.split('/')[1]),
        said: note && note.textContent, name: row.querySelector('span').firstChild.data,
        trenches: drawn('trenches').length, drops: drawn('drops').length};
    }
    return told;"""


@pytest.fixture(scope="module")
def phased() -> SimpleNamespace:
    """Return a made-up plan in three phases."""
    return made_up.in_phases(made_up.town(2000, ranked=True), 3)


@pytest.fixture(scope="module")
def page(phased: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return its map, on disk."""
    folder = tmp_path_factory.mktemp("map")
    return save_map(phased, folder / "map.html", curve=made_up.curve_of(phased))


def _about(html: str) -> dict[str, object]:
    about = re.search(r'<script type="text/plain" id="lastmile-plan">(.*?)</script>', html)
    assert about is not None
    told: dict[str, object] = json.loads(about[1])
    return told


def _html(plan: SimpleNamespace, **options: object) -> str:
    return str(plan_map(plan, **options).get_root().render())


def test_a_run_without_phases_carries_nothing_of_them(small_plan: SimpleNamespace) -> None:
    """Most plans have no phases: their maps must not grow by a column that says nothing."""
    html = _html(small_plan)
    assert "phases" not in _about(html)
    assert '"column":"_phase"' not in html


def test_a_map_drawn_again_from_the_run_has_its_phases(tmp_path: Path) -> None:
    """The run's folder is handed on, the inputs are not: `lastmile map` must tell each phase as the summary does."""
    town = demo_folder()
    layers = (str(town / f"{name}.gpkg") for name in ("streets", "backbone", "customers"))
    settings = {"rounds": 1, "phases": {"budgets": [40_000.0, 40_000.0]}}
    plan = lm.plan(*layers, config=read_config(**settings))
    lm.write_run(plan, tmp_path / "run")
    drawn = CliRunner().invoke(app, ["map", str(tmp_path / "run"), "--out", str(tmp_path / "again.html")])
    assert drawn.exit_code == 0, drawn.output
    told = _about((tmp_path / "again.html").read_text(encoding="utf-8"))["phases"]
    phases = plan.summary["phases"]
    assert [(one["cost"], one["units"]) for one in told] == [(one["cost"], one["units"]) for one in phases]
    assert len(told) == 3
    assert told == _about(_html(plan))["phases"]


def test_phases_of_areas_are_named_by_them() -> None:
    """Who builds the north first speaks of the north, not of phase 1; who comes last is in no area."""
    plan = made_up.in_phases(made_up.town(200, ranked=True), 3, areas=("north", "south", None))
    told = [one["label"] for one in _about(_html(plan))["phases"]]
    assert told == ["Phase 1: north", "Phase 2: south", "Phase 3: all others"]


@pytest.mark.parametrize(("count", "untold"), [(100, 0), (101, 101)])
def test_phases_too_many_to_show_are_told(count: int, untold: int) -> None:
    """A map that leaves the phases out without a word looks as if the plan had none."""
    about = _about(_html(made_up.in_phases(made_up.town(2000, ranked=True), count)))
    assert about["untold"] == untold
    assert ("phases" in about) is (not untold)


def test_a_map_of_gaps_or_of_one_area_tells_no_phase_cost(phased: SimpleNamespace) -> None:
    """What a phase costs in all says nothing of one area; a map without planned customers has no phases to show."""
    assert "phases" not in _about(_html(phased, only="gaps"))
    told = _about(_html(phased, area="A3"))["phases"]
    people = phased.customers[phased.customers["area_id"] == "A3"]
    assert [one["cost"] for one in told] == [None] * 3
    assert sum(one["units"] for one in told) == people.loc[people["phase"].notna(), "units"].sum() > 0


@pytest.mark.browser
def test_the_legend_tells_each_phase(browser: Chromium, page: Path, phased: SimpleNamespace, artefacts: Path) -> None:
    """Name, cost and homes of each phase stand beside its colour; all is off until one asks for it."""
    browser.open(page)
    before = browser.pixels()
    assert not browser.run("return [...document.querySelectorAll('[name=lm-theme]')].at(-1).checked;")
    browser.run(SHOW, 2)
    browser.drawn()
    browser.picture(artefacts / "phases.png")
    told = browser.run(TOLD)
    people, trenches = phased.customers, phased.trenches[phased.trenches["kind"] != "drop"]
    for one in phased.summary["phases"]:
        row, number = told[f"phase_{one['phase']}"], one["phase"]
        assert row["name"] == f"Phase {number}"
        assert row["said"] == f"€{one['cost']:,.0f} · {one['units']:,} homes"
        assert row["customers"] == (people["phase"] == number).sum()
        assert row["trenches"] == (trenches["phase"] == number).sum() > 0
        assert row["drops"] == (phased.drops["phase"] == number).sum() > 0
    assert told["existing"]["customers"] == (people["outcome"] == "existing").sum()
    assert told["phase_none"]["customers"] == (people["outcome"] == "unserved").sum()
    colours = browser.run("return lastmile.page.customers.packed.classes.map((one) => one.colour);")
    assert len(set(colours)) == 5
    assert not browser.page.find_element("id", "lm-budget").is_displayed()
    browser.run(SHOW, 0)
    browser.drawn()
    assert np.array_equal(before, browser.pixels())
    assert browser.complaints() == []


@pytest.mark.browser
def test_a_phase_switched_off_takes_its_trenches_along(browser: Chromium, page: Path) -> None:
    """Who looks at the first year wants nothing of the later ones, neither homes nor digging; links keep it."""
    browser.open(page, "#show=phases")
    before, picture = browser.run(TOLD), browser.pixels()
    browser.toggle("[data-class=phase_2]")
    now = browser.run(TOLD)
    assert [now["phase_2"][key] for key in ("customers", "trenches", "drops")] == [0, 0, 0]
    assert now | {"phase_2": before["phase_2"]} == before
    link = browser.run("return location.hash;")
    browser.open(page, link)
    assert browser.run(TOLD) == now
    browser.toggle("[data-class=phase_2]")
    browser.run("document.activeElement.blur(); lastmile.page.fit();")
    browser.drawn()
    assert np.array_equal(picture, browser.pixels())


@pytest.mark.browser
def test_a_budget_does_not_cut_phases(browser: Chromium, page: Path) -> None:
    """The slider is hidden beside phases: a budget chosen before must not hide trenches behind one's back."""
    browser.open(page)
    cut = """const slider = document.querySelector('#lm-budget input'); slider.value = 300;
             slider.dispatchEvent(new Event('input'));"""
    browser.run(cut)
    browser.drawn()
    whole = browser.pixels()
    browser.run(SHOW, 2)
    browser.drawn()
    shown = "return lastmile.page.layers.filter((one) => one.order).map((one) => one.packed.shown.includes(255));"
    assert browser.run(shown) == [False] * 3
    browser.run(SHOW, 0)
    browser.drawn()
    assert np.array_equal(whole, browser.pixels())


@pytest.mark.browser
def test_the_keyboard_reaches_phases(browser: Chromium, page: Path) -> None:
    """Phases are one more choice of the same switch: the arrow keys must lead to it."""
    browser.open(page)
    browser.run("document.querySelector('[name=lm-theme]').focus();")
    for _ in range(2):
        browser.page.switch_to.active_element.send_keys(Keys.ARROW_RIGHT)
    browser.drawn()
    assert browser.run("return lastmile.page.customers.packed.classes[0].value;") == "phase_1"


@pytest.mark.browser
def test_hexagons_show_the_phase_of_most(browser: Chromium, page: Path, artefacts: Path) -> None:
    """From afar, too, one must see where building begins: a hexagon has the colour most of its customers have."""
    browser.open(page, "#show=phases")
    wrong = browser.run(
        """const {map, customers: {packed}} = lastmile.page;
           map.setZoom(packed.nearZoom - 1, {animate: false});
           const zoom = map.getZoom(), scale = 2 ** (zoom + 8 - lastmile.BITS), votes = new Map();
           const hexagons = packed.hexagonsAt(zoom);
           for (let i = 0; i < packed.size; i++) {
             const key = hexagons.of[i];
             if (!votes.has(key)) votes.set(key, {at: {x: packed.x[i] * scale, y: packed.y[i] * scale}, of: {}});
             const {of} = votes.get(key), label = packed.classes[packed.shown[i]].label;
             of[label] = (of[label] || 0) + 1;
           }
           return [...votes.values()].filter(({at, of}) => {
             const {most} = packed.hexagonAt(at, zoom);
             return of[most] !== Math.max(...Object.values(of));
           }).length / votes.size;"""
    )
    browser.drawn()
    browser.run("lastmile.page.countNow();")
    browser.picture(artefacts / "phases-hexagons.png")
    assert wrong == 0
    assert "most" in browser.run("return document.querySelector('.lm-hexagons').innerText;")


@pytest.mark.browser
@pytest.mark.parametrize("width", [360, 721, 1280])
def test_german_phases_fit(browser: Chromium, phased: SimpleNamespace, tmp_path: Path, width: int) -> None:
    """German words are longer: switch and figures must stay within the panel and within their lines."""
    browser.resize(width)
    try:
        browser.open(save_map(phased, tmp_path / "map.html", language="de"), "#show=phases")
        if width < 721:
            browser.toggle(".lm-handle")
        text = browser.run("return document.querySelector('#lm-view').innerText;")
        beyond = browser.run("const b = document.querySelector('.lm-body'); return b.scrollWidth - b.clientWidth;")
        tall = browser.run("return [...document.querySelectorAll('.lm-row small')].map((one) => one.offsetHeight);")
    finally:
        browser.resize(0)
    assert "Phasen" in text
    assert "Wohneinheiten" in text
    assert not re.search(r"homes|no phase", text)
    assert beyond <= 0
    assert max(tall) < 24
