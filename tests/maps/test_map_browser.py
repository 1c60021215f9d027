"""The map in a real Chromium, cut off from the network."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

import matplotlib.image
import numpy as np
import pytest
from made_up import across_date_line, addresses, town

from lastmile_net.maps import save_map

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import SimpleNamespace

    import pandas as pd
    from chromium import Chromium

pytestmark = pytest.mark.browser

HOSTILE = (
    "</script><script>document.title='broken'</script>",
    '"onmouseover="alert(1)',
    "<img src=x onerror=alert(1)>",
    "שדרות ירושלים",
    "Straße 🏠 & Söhne",
    "{{ 7 * 7 }}{% raw %}",
)
MAP_SETTLED = "return lastmile.page.map.getZoom();"


@pytest.fixture(scope="module")
def page(small_plan: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the map of the small plan, on disk."""
    return save_map(small_plan, tmp_path_factory.mktemp("map") / "map.html")


def _near(picture: np.ndarray, colour: str) -> int:
    wanted = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return int((np.abs(picture - wanted).max(2) < 0.02).sum())


def _click_on(browser: Chromium, lon: float, lat: float) -> dict[str, str]:
    """Zoom to a place, click on it with the mouse, and return what the popup says."""
    where = browser.run(
        """const map = lastmile.page.map; map.closePopup();
           map.setView([arguments[1], arguments[0]], 19, {animate: false});
           const at = map.latLngToContainerPoint([arguments[1], arguments[0]]);
           const box = map.getContainer().getBoundingClientRect();
           return [box.x + at.x, box.y + at.y];""",
        lon,
        lat,
    )
    browser.drawn()
    for kind in ("mousePressed", "mouseReleased"):
        event = {"type": kind, "x": where[0], "y": where[1], "button": "left", "clickCount": 1}
        browser.page.execute_cdp_cmd("Input.dispatchMouseEvent", event)
    return _popup(browser)


def _popup(browser: Chromium) -> dict[str, str]:
    return browser.run_async(
        """const look = (left) => {
             const box = document.querySelector('.leaflet-popup .lm-popup');
             if (!box && left) { setTimeout(() => look(left - 1), 50); return; }
             const told = {};
             if (box) {
               told.heading = box.querySelector('h3').textContent;
               told.elements = box.querySelectorAll('td *, h3 *, script, img').length;
               for (const row of box.querySelectorAll('tr')) told[row.cells[0].textContent] = row.cells[1].textContent;
             }
             done(told);
           };
           setTimeout(() => look(60), 100);"""
    )


def test_opens_without_a_request_or_a_message(browser: Chromium, page: Path, artefacts: Path) -> None:
    """A map is handed to people whose computers are locked down: it may ask for nothing and complain of nothing."""
    browser.open(page)
    browser.picture(artefacts / "map.png")
    assert browser.complaints() == []
    assert browser.requests() == []


def test_policy_stops_what_tries_to_connect(browser: Chromium, page: Path) -> None:
    """The promise of no connection must be held by the browser, not by our good manners."""
    browser.open(page)
    refused = browser.run_async("fetch('https://example.org/').then(() => done('let through'), () => done('refused'));")
    assert refused == "refused"
    assert any("Content Security Policy" in message for message in browser.complaints())


@pytest.mark.parametrize("outcome", ["planned", "existing", "unserved"])
def test_click_on_a_customer_tells_about_it(
    browser: Chromium, page: Path, small_plan: SimpleNamespace, outcome: str
) -> None:
    """Packing, projecting, drawing and finding must agree on where a customer is, to the pixel."""
    browser.open(page)
    people = small_plan.customers.to_crs(4326)
    row = int(np.flatnonzero(people["outcome"] == outcome)[7])
    customer = people.iloc[row]
    told = _click_on(browser, customer.geometry.x, customer.geometry.y)
    assert told["heading"] == addresses(people).iloc[row]
    assert told["Id"] == customer["customer_id"]
    assert told["Homes"] == str(customer["units"])
    if outcome == "planned":
        assert told["Drop"] == f"{round(customer['drop_m'] + 1e-9, 1):g} m"
    if outcome == "unserved":
        assert told["Remedy"] == customer["remedy"]
        assert told["Cost with the remedy"] == "2,119.81 EUR"


def test_a_town_across_the_date_line_is_in_one_piece(browser: Chromium, tmp_path: Path, artefacts: Path) -> None:
    """Half of Taveuni has longitudes of -179.99: its map must not show the whole world to hold both halves."""
    plan = across_date_line(town(2000, seed=3))
    browser.open(save_map(plan, tmp_path / "map.html"))
    browser.picture(artefacts / "date-line.png")
    assert browser.run(MAP_SETTLED) > 12
    people = plan.customers.to_crs(4326)
    for side in (people.geometry.x > 0, people.geometry.x < 0):
        customer = people[side & (people["outcome"] == "planned")].iloc[3]
        told = _click_on(browser, customer.geometry.x % 360, customer.geometry.y)
        assert told["Id"] == customer["customer_id"]


def test_search_jumps_to_the_customer(browser: Chromium, page: Path, small_plan: SimpleNamespace) -> None:
    """A planner types an id or part of an address and must land on that customer with its popup open."""
    browser.open(page)
    people = small_plan.customers.to_crs(4326)
    customer = people.iloc[1234]
    box = browser.page.find_element("id", "lm-search")
    box.send_keys(customer["customer_id"] + "\n")
    assert _popup(browser)["Id"] == customer["customer_id"]
    centre = browser.run("const c = lastmile.page.map.getCenter(); return [c.lng, c.lat];")
    assert np.hypot(centre[0] - customer.geometry.x, centre[1] - customer.geometry.y) < 0.003
    assert browser.run(MAP_SETTLED) >= 18


def test_search_forgives_accents_and_half_words(browser: Chromium, page: Path, small_plan: SimpleNamespace) -> None:
    """Nobody types `Mühlstraße` in full: parts of words in order must do, with u for ü and ss for ß."""
    browser.open(page)
    names = set(addresses(small_plan.customers))
    wanted = next(name for name in sorted(names) if name.startswith("Mühlstraße"))
    number = wanted.split()[-1]
    found = browser.run_async(
        "lastmile.page.find(arguments[0], 400).then((hits) => done(hits.map((hit) => hit.text)));",
        f"muhl strasse {number}",
    )
    assert wanted in found
    assert set(found) <= names


def test_search_tells_the_very_address_first(browser: Chromium, page: Path, small_plan: SimpleNamespace) -> None:
    """Who types `Hauptstraße 2` and presses Enter must not land at number 28."""
    browser.open(page)
    names = sorted(set(addresses(small_plan.customers)))
    wanted = [name for name in names if sum(other.startswith(name) for other in names) > 3]
    assert wanted
    for name in wanted[:10]:
        hits = "lastmile.page.find(arguments[0], 3).then((hits) => done(hits.map((hit) => hit.text)));"
        assert browser.run_async(hits, name)[0] == name


@pytest.mark.parametrize(
    ("key", "colour"),
    [
        ("streets", "#d0d7dd"),
        ("backbone_lines", "#6b7a89"),
        ("reused", "#f0c419"),
        ("drops", "#00866a"),
        ("trenches", "#00866a"),
        ("customers", "#0072b2"),
        ("access_points", "#111820"),
    ],
)
def test_each_layer_switch_changes_its_pixels(browser: Chromium, page: Path, key: str, colour: str) -> None:
    """A switch must take its own layer off the picture, and put the very same picture back."""
    browser.open(page)
    browser.run(
        """const {packed} = lastmile.page.layers.find((one) => one.key === arguments[0]);
           const planned = arguments[0] === 'customers' ? packed.shown.indexOf(1) : Math.min(2, packed.size - 1);
           lastmile.page.map.setView(packed.place(planned), 17, {animate: false});""",
        key,
    )
    browser.drawn()
    before = browser.pixels()
    browser.toggle(f"[data-layer={key}]")
    without = browser.pixels()
    browser.toggle(f"[data-layer={key}]")
    assert _near(before, colour) - _near(without, colour) > 40
    assert np.array_equal(before, browser.pixels())


@pytest.mark.parametrize("key", ["taps", "backbone_points", "findings"])
def test_switches_of_points_change_their_pixels(
    browser: Chromium, make_town: Callable[..., SimpleNamespace], tmp_path: Path, key: str
) -> None:
    """Points that a plan uses, that lie idle or are wrong must leave the picture at their switch, and come back."""
    plan = make_town(300, seed=6)
    plan.access_points = plan.access_points.iloc[1:].copy()  # the first cabinet lies idle
    plan.access_points.loc[plan.access_points.index[:1], "kind"] = "aerial"
    findings = plan.customers.iloc[:2][["geometry"]].assign(code="far_from_street", message="too far")
    browser.open(save_map(plan, tmp_path / "map.html", findings=findings), f"#layers={key}")
    browser.run(
        """const {packed} = lastmile.page.layers.find((one) => one.key === arguments[0]);
           lastmile.page.map.setView(packed.place(0), 17, {animate: false});""",
        key,
    )
    browser.drawn()
    before = browser.pixels()
    browser.toggle(f"[data-layer={key}]")
    assert (np.abs(before - browser.pixels()).max(axis=2) > 0.02).sum() > 20  # the smallest sign has some 40
    browser.toggle(f"[data-layer={key}]")
    assert np.array_equal(before, browser.pixels())


@pytest.mark.parametrize("zoom", [15.5, 18, 20])
def test_trenches_are_drawn_where_they_are(
    browser: Chromium, page: Path, small_plan: SimpleNamespace, zoom: float
) -> None:
    """From near, a canvas that reckons in single precision puts lines metres away: the middle pixel tells."""
    browser.open(page, "#layers=trenches")
    dug = small_plan.trenches[small_plan.trenches["kind"] == "street"].geometry.iloc[[3, 40, 111]]
    for middle in dug.interpolate(0.5, normalized=True).to_crs(4326):
        where = browser.run(
            """const map = lastmile.page.map;
               map.setView([arguments[1], arguments[0]], arguments[2], {animate: false});
               const at = map.latLngToContainerPoint([arguments[1], arguments[0]]);
               const box = map.getContainer().getBoundingClientRect();
               return [box.x + at.x, box.y + at.y];""",
            middle.x,
            middle.y,
            zoom,
        )
        browser.drawn()
        raw = base64.b64decode(browser.page.get_screenshot_as_base64())
        picture = matplotlib.image.imread(io.BytesIO(raw), format="png")[..., :3]
        x, y = round(where[0]), round(where[1])
        assert _near(picture[y - 1 : y + 2, x - 1 : x + 2], "#00866a") > 0


def test_class_switch_and_counts_follow_the_plan(browser: Chromium, page: Path, small_plan: SimpleNamespace) -> None:
    """The legend's counts are read as results: they must be the plan's, and nought once a class is switched off."""
    browser.open(page)
    outcomes = small_plan.customers["outcome"].where(
        small_plan.customers["outcome"] != "unserved", small_plan.customers["reason"]
    )
    expected = {key: int(count) for key, count in outcomes.value_counts().items()}
    assert _legend(browser) == expected
    browser.toggle("[data-class=planned]")
    assert _legend(browser) == expected | {"planned": 0}
    assert _near(browser.pixels(), "#0072b2") < 20
    browser.run("document.querySelectorAll('[name=lm-theme]')[1].click();")
    browser.drawn()
    statuses = small_plan.customers["status"].value_counts()
    assert _legend(browser) == {key: int(count) for key, count in statuses.items()}


def test_each_class_switch_changes_its_pixels(browser: Chromium, page: Path) -> None:
    """A reason that is switched off must leave the picture, whatever its sign, and come back as it was."""
    browser.open(page)
    browser.run("lastmile.page.map.setZoom(16, {animate: false});")
    browser.run("for (const key of ['trenches', 'drops']) document.querySelector(`[data-layer=${key}]`).click();")
    browser.drawn()
    before = browser.pixels()
    classes = browser.run("return lastmile.page.customers.packed.classes.map((one) => [one.value, one.colour]);")
    assert len(classes) > 4
    for key, colour in classes:
        browser.toggle(f"[data-class={key}]")
        gone = _near(browser.pixels(), colour)
        browser.toggle(f"[data-class={key}]")
        assert gone < 0.1 * _near(before, colour), key
        assert np.array_equal(before, browser.pixels()), key


def _legend(browser: Chromium) -> dict[str, int]:
    """Return the counts in all that the legend tells."""
    return browser.run(
        """lastmile.page.countNow();
           const told = {};
           for (const box of document.querySelectorAll('[data-class]')) {
             const text = box.closest('label').querySelector('output').textContent.split('/')[1];
             told[box.dataset.class] = Number(text.replace(/[^0-9]/g, ''));
           }
           return told;"""
    )


def test_area_and_cost_filters_leave_what_they_say(browser: Chromium, page: Path, small_plan: SimpleNamespace) -> None:
    """Filters narrow the legend's counts to exactly the customers that pandas finds."""
    browser.open(page)
    people = small_plan.customers
    browser.run(
        """const area = document.querySelector('#lm-filter select'), most = document.querySelector('#lm-filter input');
           area.value = 'A2'; area.dispatchEvent(new Event('change'));
           most.value = '700'; most.dispatchEvent(new Event('input'));"""
    )
    browser.drawn()
    per_home = (people["cost_share"] / people["units"]).round(2)
    wanted = (people["area_id"] == "A2") & ~(per_home > 700)
    assert sum(_legend(browser).values()) == int(wanted.sum()) > 0


def test_the_legend_of_one_area_counts_nothing_beside_it(
    browser: Chromium, small_plan: SimpleNamespace, tmp_path: Path
) -> None:
    """Maps of all areas, side by side, must count each drop, trench and access point once, and each for its own."""
    people, drops = small_plan.customers, small_plan.drops
    counted = dict.fromkeys(("drops", "trenches", "access_points"), 0.0)
    for area in sorted(people["area_id"].unique()):
        browser.open(save_map(small_plan, tmp_path / f"{area}.html", area=area))
        browser.drawn()
        told = browser.run(
            """const page = lastmile.page, told = {};
               for (const entry of page.layers) {
                 page.metres = page.count = (value) => `${Math.round(100 * value) / 100}`;
                 page.countLayer(entry, [0, 0, 0, 0]);
                 told[entry.key] = [Number(entry.output.textContent.split("/")[1]), entry.packed.size];
               }
               return told;"""
        )
        mine = drops["to_node"].isin(people["customer_id"][people["area_id"] == area])
        assert told["drops"][0] == pytest.approx(drops["length_m"][mine].sum(), abs=drops["length_m"].size * 0.05)
        assert told["streets"][1] > (told["streets"][0] > 0)
        for name in counted:
            counted[name] += told[name][0]
    dug = small_plan.trenches[small_plan.trenches["kind"] != "drop"]
    assert counted["trenches"] == pytest.approx(dug["length_m"].sum(), rel=1e-3)
    assert counted["drops"] == pytest.approx(drops["length_m"].sum(), rel=1e-3)
    assert counted["access_points"] == len(small_plan.access_points)


def test_link_brings_back_view_layers_and_filters(browser: Chromium, page: Path) -> None:
    """A link in a mail must show what its sender saw."""
    browser.open(page)
    browser.toggle("[data-layer=drops]")
    browser.toggle("[data-class=existing]")
    browser.run("lastmile.page.map.setView([49.51, 11.30], 16, {animate: false});")
    browser.drawn()
    link = browser.run("return location.hash;")
    before = browser.pixels()
    browser.open(page, link)
    assert browser.run("return location.hash;") == link
    assert np.array_equal(before, browser.pixels())
    assert not browser.run("return document.querySelector('[data-layer=drops]').checked;")


def test_budget_slider_shows_the_plan_at_each_budget(
    browser: Chromium,
    make_town: Callable[..., SimpleNamespace],
    curve_of: Callable[[SimpleNamespace], pd.DataFrame],
    tmp_path: Path,
    artefacts: Path,
) -> None:
    """What the slider says and draws at a budget must be the prefix of the build order that this budget pays."""
    plan = make_town(1500, seed=3, ranked=True)
    curve = curve_of(plan)
    browser.open(save_map(plan, tmp_path / "map.html", curve=curve))
    ranks = plan.customers["build_order"]
    total = float(curve["cost"].iloc[-1])
    for share in (0, 200, 500, 850, 1000):
        browser.run(
            """const slider = document.querySelector('#lm-budget input'); slider.value = arguments[0];
               slider.dispatchEvent(new Event('input'));""",
            share,
        )
        browser.drawn()
        paid = curve[curve["cost"] <= share / 1000 * total + 1e-6]
        last = int(paid["build_order"].max()) if len(paid) else 0
        said = browser.run(
            "return [...document.querySelectorAll('#lm-budget p b')].slice(0, 2).map((one) => one.textContent);"
        )
        connected = int((ranks <= last).sum())
        assert [int(text.replace(",", "")) for text in said] == [
            int(paid["units"].max() if len(paid) else 0),
            connected,
        ]
        legend = _legend(browser)
        assert legend["planned"] == connected
        assert legend["later"] == int(ranks.notna().sum()) - connected
        dug = browser.run(
            "const t = lastmile.page.layers.find((one) => one.key === 'trenches').packed;"
            "return t.shown.filter((c) => c !== 255).length;"
        )
        streets = plan.trenches[plan.trenches["kind"] != "drop"]
        assert dug == int((streets["build_order"] <= last).sum())
        if share == 500:
            browser.picture(artefacts / "budget.png")
    assert browser.complaints() == []


def test_a_look_at_today_and_back_keeps_the_budget(
    browser: Chromium,
    make_town: Callable[..., SimpleNamespace],
    curve_of: Callable[[SimpleNamespace], pd.DataFrame],
    tmp_path: Path,
) -> None:
    """Customers beyond the budget have a class that today does not know: switching must neither fail nor lose it."""
    plan = make_town(1500, seed=3, ranked=True)
    browser.open(save_map(plan, tmp_path / "map.html", curve=curve_of(plan)))
    browser.run(
        """const slider = document.querySelector('#lm-budget input'); slider.value = 400;
           slider.dispatchEvent(new Event('input'));"""
    )
    browser.drawn()
    before, legend = browser.pixels(), _legend(browser)
    browser.run("document.querySelectorAll('[name=lm-theme]')[1].click();")
    browser.drawn()
    assert _legend(browser) == plan.customers["status"].value_counts().to_dict()
    assert not browser.page.find_element("id", "lm-budget").is_displayed()
    browser.run("document.querySelectorAll('[name=lm-theme]')[0].click();")
    browser.drawn()
    assert browser.complaints() == []
    assert _legend(browser) == legend
    assert np.array_equal(before, browser.pixels())


def test_hostile_names_are_shown_as_text(
    browser: Chromium, make_town: Callable[..., SimpleNamespace], tmp_path: Path, artefacts: Path
) -> None:
    """Names come from anywhere: whatever stands in them is text to be read, never markup to be run."""
    plan = make_town(120, seed=4)
    rows = plan.customers.index[: len(HOSTILE)]
    for column in ("street", "remedy", "area_id"):
        plan.customers.loc[rows, column] = list(HOSTILE)
    plan.customers["housenumber"] = ""
    taps = plan.access_points.index[: len(HOSTILE)]
    plan.access_points.loc[taps, "access_point_id"] = list(HOSTILE[: len(taps)])
    plan.backbone_lines.loc[plan.backbone_lines.index[0], "role"] = HOSTILE[2]
    findings = plan.customers.iloc[:2][["geometry"]].assign(code=list(HOSTILE[:2]), message=HOSTILE[2])
    browser.open(save_map(plan, tmp_path / "map.html", title=HOSTILE[0], findings=findings))
    people = plan.customers.to_crs(4326)
    for row, name in enumerate(HOSTILE):
        told = _click_on(browser, people.geometry.iloc[row].x, people.geometry.iloc[row].y)
        assert (told["heading"], told["Area"], told["elements"]) == (name, name, 0)
    browser.page.find_element("id", "lm-search").send_keys("script")
    browser.page.execute_cdp_cmd("Input.dispatchMouseEvent", {"type": "mouseMoved", "x": 700, "y": 400})
    listed = browser.run_async(
        """const look = (left) => {
             const found = [...document.querySelectorAll('[role=option]')].map((one) => one.firstChild.data);
             if (found.length || !left) done(found); else setTimeout(() => look(left - 1), 50);
           };
           look(400);"""
    )
    assert HOSTILE[0] in listed
    markup = "return document.querySelectorAll('.lm-panel img, .lm-panel script, [onmouseover], .lm-tip *').length;"
    assert browser.run(markup) == 0
    options = browser.run("return [...document.querySelectorAll('.lm-filter option')].map((one) => one.value);")
    assert set(HOSTILE) <= set(options)
    assert HOSTILE[2] in browser.run("return document.querySelector('#lm-layers').innerText;")
    browser.picture(artefacts / "hostile.png")
    assert browser.run("return document.querySelector('h1').textContent;") == HOSTILE[0]
    assert browser.run("return document.title;") == HOSTILE[0]
    assert browser.complaints() == []


def test_keyboard_alone_reaches_search_switches_and_features(
    browser: Chromium, page: Path, small_plan: SimpleNamespace
) -> None:
    """Who cannot use a mouse must be able to search, switch, and open a popup."""
    browser.open(page)
    unreachable = browser.run(
        """return [...document.querySelectorAll('.lm-panel input, .lm-panel select, button, #map_plan')]
             .filter((one) => one.tabIndex < 0).length;"""
    )
    assert unreachable == 0
    unnamed = browser.run(
        """return [...document.querySelectorAll('.lm-panel input, .lm-panel select, button')]
             .filter((one) => !(one.labels && one.labels.length) && !one.ariaLabel
               && !one.textContent.trim()).length;"""
    )
    assert unnamed == 0
    browser.run("const map = lastmile.page.map; map.setZoom(18, {animate: false}); map.getContainer().focus();")
    browser.drawn()
    browser.page.switch_to.active_element.send_keys("\n")
    assert _popup(browser)["heading"] in set(addresses(small_plan.customers)) | set(small_plan.trenches["trench_id"])


def test_german_page_speaks_german(browser: Chromium, small_plan: SimpleNamespace, tmp_path: Path) -> None:
    """Half-translated pages look broken: labels, reasons and number formats must all change."""
    browser.open(save_map(small_plan, tmp_path / "map.html", language="de"))
    text = browser.run("return document.body.innerText;")
    for said in ("Wohneinheiten", "Geplante Trassen", "Lücke: keine Straße in Reichweite", "2.000"):
        assert said in text
    assert "Homes" not in text
