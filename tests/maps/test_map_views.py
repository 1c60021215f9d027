"""What one does with a map beside clicking: zoom out, switch to today, print, full screen, show it in a notebook."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.spatial import cKDTree

from lastmile_net.maps import plan_map, save_map

if TYPE_CHECKING:
    from pathlib import Path
    from types import SimpleNamespace

    from chromium import Chromium

pytestmark = pytest.mark.browser

HEXAGON = 13
TRENCH = "lastmile.page.layers.find((one) => one.key === 'trenches').packed"


@pytest.fixture(scope="module")
def page(small_plan: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the map of the small plan, on disk."""
    return save_map(small_plan, tmp_path_factory.mktemp("map") / "map.html")


def _pixels_at(plan: SimpleNamespace, zoom: float) -> np.ndarray:
    """Return where customers lie, in pixels from the corner of the world, by the formula of the projection."""
    people = plan.customers.to_crs(4326).geometry
    lon, lat = people.x.to_numpy(), np.radians(people.y.to_numpy())
    side = 256 * 2**zoom
    return np.stack([(lon + 180) / 360 * side, (1 - np.arcsinh(np.tan(lat)) / np.pi) / 2 * side], 1)


def test_hexagons_count_the_customers_that_lie_in_them(
    browser: Chromium, page: Path, small_plan: SimpleNamespace, artefacts: Path
) -> None:
    """From afar only the hexagons speak: customers and gaps in each must be those that lie nearest to its middle."""
    browser.open(page)
    zoom = browser.run(
        "const c = lastmile.page.customers.packed; lastmile.page.map.setZoom(c.nearZoom - 1, {animate: false});"
        "return lastmile.page.map.getZoom();"
    )
    browser.drawn()
    browser.picture(artefacts / "hexagons.png")
    places = _pixels_at(small_plan, zoom)
    r = np.arange(*(places[:, 1].min() // (1.5 * HEXAGON) - 1, places[:, 1].max() // (1.5 * HEXAGON) + 3))
    across = np.sqrt(3) * HEXAGON
    q = np.arange(places[:, 0].min() // across - 2, places[:, 0].max() // across + 3)
    odd = np.mod(r, 2) / 2
    middles = np.stack(
        [(q[None, :] + odd[:, None]) * across, np.broadcast_to(r[:, None], (len(r), len(q))) * 1.5 * HEXAGON], 2
    )
    tree = cKDTree(middles.reshape(-1, 2))
    owner = tree.query(places)[1]
    gap = (small_plan.customers["outcome"] == "unserved").to_numpy()
    told = browser.run(
        """const c = lastmile.page.customers.packed;
           return arguments[0].map(([x, y]) => c.hexagonAt({x, y}, arguments[1]));""",
        tree.data[np.unique(owner)].tolist(),
        zoom,
    )
    counted = [(int((owner == one).sum()), int(gap[owner == one].sum())) for one in np.unique(owner)]
    near = sum(
        abs(one["all"] - all_) + abs(one["gaps"] - gaps) for one, (all_, gaps) in zip(told, counted, strict=True)
    )
    assert sum(one["all"] for one in told) == len(small_plan.customers)
    assert sum(one["gaps"] for one in told) == gap.sum() > 0
    assert near <= 4  # a customer on an edge may fall to either side


def test_legend_counts_what_is_in_view(browser: Chromium, page: Path, small_plan: SimpleNamespace) -> None:
    """A planner reads off the legend how many gaps a quarter has: the counts are of the piece of land that is seen."""
    browser.open(page)
    seen = browser.run(
        """const {map, customers} = lastmile.page;
           map.setView(customers.packed.place(900), 16, {animate: false});
           lastmile.page.countNow();
           const box = map.getPixelBounds(), told = {};
           for (const one of document.querySelectorAll('[data-class]')) {
             const count = one.closest('label').querySelector('output b').textContent;
             told[one.dataset.class] = Number(count.replace(/,/g, ''));
           }
           return [[box.min.x, box.min.y, box.max.x, box.max.y], told];"""
    )
    (west, north, east, south), told = seen
    x, y = _pixels_at(small_plan, 16).T
    inside = (x >= west) & (x <= east) & (y >= north) & (y <= south)
    people = small_plan.customers
    shown = people["outcome"].where(people["outcome"] != "unserved", people["reason"])
    expected = {name: int((inside & (shown == name)).sum()) for name in told}
    assert told == expected
    assert 0 < sum(told.values()) < len(people)


def test_today_shows_nothing_that_is_not_there(browser: Chromium, page: Path, artefacts: Path) -> None:
    """The state of today is what a council asks for first: planned trenches on it would be a lie."""
    browser.open(page)
    switch = (
        "document.querySelectorAll('[name=lm-theme]')[arguments[0]].click(); return lastmile.page.map.hasLayer(%s);"
    )
    assert not browser.run(switch % TRENCH, 1)
    browser.drawn()
    browser.picture(artefacts / "today.png")
    link = browser.run("return location.hash;")
    browser.open(page, link)
    assert not browser.run(f"return lastmile.page.map.hasLayer({TRENCH});")
    assert browser.run(switch % TRENCH, 0)


def test_print_is_one_sheet_of_the_land_in_view(browser: Chromium, page: Path, artefacts: Path) -> None:
    """Maps still hang on walls: one sheet, legend beside it, all that was in view, drawn before it prints."""
    browser.open(page)
    look = "const m = lastmile.page.map, c = m.getCenter(); return [m.getZoom(), c.lat.toFixed(4), c.lng.toFixed(4)];"
    before = browser.run(look)
    on_paper = browser.run(
        """const {map} = lastmile.page, seen = map.getBounds();
           window.dispatchEvent(new Event('beforeprint'));
           return {all: map.getBounds().pad(0.01).contains(seen), idle: lastmile.idle(), width: map.getSize().x,
             tools: getComputedStyle(document.querySelector('.lm-tools')).display,
             room: lastmile.page.body.scrollHeight <= lastmile.page.body.clientHeight + 1};"""
    )
    assert on_paper == {"all": True, "idle": True, "width": on_paper["width"], "tools": "none", "room": True}
    assert on_paper["width"] == pytest.approx((277 - 70) / 25.4 * 96, abs=2)
    browser.run("window.dispatchEvent(new Event('afterprint'));")
    browser.drawn()
    assert browser.run(look) == before
    printed = browser.page.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})
    sheet = base64.b64decode(printed["data"])
    (artefacts / "print.pdf").write_bytes(sheet)
    assert len(re.findall(rb"/Type\s*/Page\b", sheet)) == 1


def test_full_screen_and_back(browser: Chromium, page: Path) -> None:
    """On a projector the browser's own bars are in the way."""
    browser.open(page)
    button = next(
        one for one in browser.page.find_elements("css selector", ".lm-tools button") if one.text == "Full screen"
    )
    button.click()
    assert browser.run_async("setTimeout(() => done(document.fullscreenElement !== null), 300);")
    button.click()
    assert browser.run_async("setTimeout(() => done(document.fullscreenElement === null), 300);")


def test_a_notebook_shows_the_map(browser: Chromium, small_plan: SimpleNamespace, tmp_path: Path) -> None:
    """A plan at the end of a cell shows its map in a frame without an address, and still asks for nothing."""
    cell = tmp_path / "cell.html"
    cell.write_text(plan_map(small_plan)._repr_html_(), encoding="utf-8")
    browser.page.get("about:blank")
    browser.forget()
    browser.page.get(cell.as_uri())
    browser.page.switch_to.frame(browser.page.find_element("tag name", "iframe"))
    browser.drawn()
    assert browser.run("return lastmile.page.customers.packed.size;") == len(small_plan.customers)
    browser.run("document.querySelector('[data-layer=drops]').click();")
    browser.drawn()
    browser.page.switch_to.default_content()
    assert browser.complaints() == []
    assert browser.requests() == []


def test_nothing_runs_but_the_pages_own_scripts(browser: Chromium, page: Path) -> None:
    """Should markup ever get through, the policy must still stop it: handlers and scripts that are not the page's."""
    browser.open(page)
    ran = browser.run_async(
        """document.body.insertAdjacentHTML('beforeend', '<img src="data:," onerror="window.ran = 1">');
           const script = document.createElement('script');
           script.textContent = 'window.ran = 2';
           document.body.append(script);
           setTimeout(() => done(window.ran || 0), 200);"""
    )
    assert ran == 0
    assert sum("Content Security Policy" in message for message in browser.complaints()) == 2
