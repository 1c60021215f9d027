"""The legend shows each mark as the map draws it, from afar and from near."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from lastmile_net.maps import save_map

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import SimpleNamespace

    from chromium import Chromium

pytestmark = pytest.mark.browser

LOOK_AT = """
    const {map} = lastmile.page, of = (key) => lastmile.page.layers.find((one) => one.key === key).packed;
    map.setView(map.getCenter(), arguments[0], {animate: false});"""
ALIKE = """
    const {packed} = lastmile.page.customers, scale = 2 ** (lastmile.page.map.getZoom() + 8 - lastmile.BITS), told = {};
    const [width, height] = [24, 20];
    const crop = (canvas, left, top) => canvas.getContext('2d').getImageData(left, top, width, height).data;
    for (const {el, coords} of Object.values(packed._tiles)) for (let i = 0; i < packed.size; i++) {
      const [px, py] = [packed.x, packed.y].map((at) => at[i] * scale);
      const [x, y] = [px - coords.x * 256, py - coords.y * 256].map(Math.round);
      if (x < width || y < height || x > 256 - width || y > 256 - height) continue;
      const apart = (k) => Math.hypot(packed.x[k] * scale - px, packed.y[k] * scale - py);
      if (packed.x.some((_, k) => k !== i && apart(k) < 32)) continue;
      const {value} = packed.classes[packed.shown[i]];
      const box = document.querySelector(`[data-class=${value}] + canvas`);
      const [drawn, shown] = [crop(el, x - width / 2, y - height / 2), crop(box, 0, 0)];
      const same = drawn.every((byte, k) => Math.abs(byte - shown[k]) < 2);
      told[value] = box.width === width && drawn.some(Boolean) && same;
    }
    return told;"""
LINES = """
    const zoom = lastmile.page.map.getZoom(), told = [];
    for (const {key, packed, rows} of lastmile.page.layers) {
      if (!packed.lines) continue;
      const seen = Math.max(zoom, packed.style.min_zoom), {edge, road, dash} = packed.style;
      const signs = [...rows.querySelectorAll('canvas')];
      packed.classes.forEach((one, c) => {
        const own = Array.from({length: packed.size}, (_, i) => i).filter((i) => packed.shown[i] === c);
        const step = packed.steps ? Math.min(...own.map((i) => packed.steps[i])) : 0, edged = edge && seen >= 15;
        const width = Math.min(16, packed.lineWidth(step, seen)), {width: w, height: h} = signs[c];
        const {data} = signs[c].getContext('2d').getImageData(0, 0, w, h);
        const thick = new Array(w).fill(0);
        for (let k = 0; k < w * h; k++) thick[k % w] += data[k * 4 + 3] / 255;
        told.push({key, drawn: Math.max(...thick), wanted: Math.min(16, width + (edged ? 2.5 : 0)),
          dashed: thick.some((one) => one < 0.01), dashes: dash.length > 0, colour: road && !edged ? edge : one.colour,
          paint: Array.from(data.slice(((h >> 1) * w + 2) * 4, ((h >> 1) * w + 2) * 4 + 3))});
      });
    }
    return told;"""


@pytest.fixture(scope="module")
def sparse(make_town: Callable[..., SimpleNamespace], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the map of a plan whose customers stand so far apart that none covers another."""
    plan = make_town(4000, seed=5)
    plan.customers = plan.customers.iloc[::50]
    return save_map(plan, tmp_path_factory.mktemp("map") / "map.html")


@pytest.mark.parametrize("zoom", [14, 15.5, 17, 19])
def test_a_sign_in_the_legend_is_the_sign_on_the_map(browser: Chromium, sparse: Path, zoom: float) -> None:
    """A legend of diamonds beside a map of dots explains nothing: pixel by pixel it must be what the map draws."""
    browser.open(sparse)
    compared = {}
    for number in range(browser.run("return lastmile.page.customers.packed.classes.length;")):
        browser.run(
            f"""{LOOK_AT} const one = of('customers'), row = one.shown.indexOf(arguments[1]);
                map.setView(one.place(row), arguments[0], {{animate: false}});""",
            zoom,
            number,
        )
        browser.drawn()
        browser.run("lastmile.page.countNow();")
        compared |= browser.run(ALIKE)
    assert {"planned", "existing"} <= set(compared)
    assert [key for key, same in compared.items() if not same] == []


@pytest.mark.parametrize("zoom", [13, 15, 17, 20])
def test_a_line_in_the_legend_is_drawn_as_on_the_map(browser: Chromium, sparse: Path, zoom: float) -> None:
    """Feeders are wide, drops dashed, streets grey from afar and white from near: the legend follows all of it."""
    browser.open(sparse)
    browser.run(LOOK_AT, zoom)
    browser.drawn()
    browser.run("lastmile.page.countNow();")
    lines = browser.run(LINES)
    assert {one["key"] for one in lines} == {"streets", "backbone_lines", "reused", "drops", "trenches"}
    for one in lines:
        assert one["drawn"] == pytest.approx(one["wanted"], rel=0.12, abs=0.3), one
        assert one["dashed"] == one["dashes"], one
        if one["wanted"] > 6 and one["colour"].startswith("#"):
            assert one["paint"] == pytest.approx([int(one["colour"][i : i + 2], 16) for i in (1, 3, 5)], abs=3), one


def test_from_afar_the_legend_shows_hexagons(
    browser: Chromium, small_plan: SimpleNamespace, tmp_path: Path, artefacts: Path
) -> None:
    """Where the map gathers customers in hexagons no dot is to be seen on it: none may stand in the legend."""
    browser.open(save_map(small_plan, tmp_path / "map.html"))
    zoom = browser.run("return lastmile.page.customers.packed.nearZoom;")
    marks = """
        const packed = lastmile.page.customers.packed, middle = (canvas) => Array.from(
          canvas.getContext('2d').getImageData(canvas.width / 2 - 6, canvas.height / 2, 1, 1).data.slice(0, 3));
        const rows = [...document.querySelectorAll('[data-class] + canvas')];
        return [packed.classes.map((one) => one.gap), rows.map(middle),
          [...document.querySelectorAll('.lm-hexagons canvas')].map(middle)];"""
    browser.run(f"{LOOK_AT} lastmile.page.countNow();", zoom - 1)
    browser.drawn()
    browser.picture(artefacts / "legend-hexagons.png")
    gaps, rows, shares = browser.run(marks)
    assert shares[0] == pytest.approx([0x00, 0x72, 0xB2], abs=3)
    assert len(shares) == 6
    assert rows == [shares[5] if gap else shares[0] for gap in gaps]
    browser.run(f"{LOOK_AT} lastmile.page.countNow();", zoom)
    assert browser.run(marks)[1] != rows


def test_paper_tells_nothing_of_layers_that_are_not_drawn(browser: Chromium, sparse: Path) -> None:
    """Drops are not drawn from afar: on a printed sheet, which nobody can zoom, their row would be a riddle."""
    browser.open(sparse)
    browser.run(LOOK_AT, 13)
    browser.drawn()
    shown = browser.run(
        """const page = lastmile.page, row = page.layers.find((one) => one.key === 'drops').rows.firstChild;
           const seen = () => getComputedStyle(row).display;
           page.countNow();
           const told = [seen()];
           window.dispatchEvent(new Event('beforeprint'));
           told.push(seen());
           window.dispatchEvent(new Event('afterprint'));
           return told;"""
    )
    assert shown == ["grid", "none"]


def test_both_lengths_of_a_layer_have_one_unit(browser: Chromium, small_plan: SimpleNamespace, tmp_path: Path) -> None:
    """Beside 33.5 km, 3,883 m look like more: what is in view is told in the unit of the whole."""
    browser.open(save_map(small_plan, tmp_path / "map.html"))
    browser.drawn()
    told = browser.run(
        """const page = lastmile.page, streets = page.layers.find((one) => one.key === 'streets');
           page.map.setZoom(18, {animate: false});
           page.countNow();
           return streets.output.textContent;"""
    )
    assert re.fullmatch(r"[\d.]+ km / [\d.,]+ km", told), told
