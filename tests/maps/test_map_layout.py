"""Where things stand on the page, from a phone to a wide screen, as the browser measures them."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import pytest

from lastmile_net.maps import save_map

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import SimpleNamespace

    from chromium import Chromium

pytestmark = pytest.mark.browser

TITLE = "Glasfaserausbau im Norden der Stadt: Lücken und Ausbauplan bis 2030"
PARTS = (
    "h1",
    "#lm-search",
    ".lm-handle",
    ".leaflet-control-zoom",
    ".leaflet-control-scale",
    ".leaflet-control-attribution",
    ".lm-tools button",
)
BOXES = """
    const told = [];
    for (const part of arguments[0]) document.querySelectorAll(part).forEach((one, i) => {
      const {left, top, right, bottom} = one.getBoundingClientRect();
      if (right > left) told.push([`${part} ${i}`, left, top, right, bottom]);
    });
    return told;"""
Box = tuple[str, float, float, float, float]


@pytest.fixture(scope="module")
def page(small_plan: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the map of the small plan in German, whose words are longer, under a long title."""
    return save_map(small_plan, tmp_path_factory.mktemp("map") / "map.html", language="de", title=TITLE)


@pytest.fixture
def window(browser: Chromium) -> Iterator[Chromium]:
    """Return the browser; its window gets its own size back afterwards."""
    yield browser
    browser.resize(0)


def _boxes(browser: Chromium) -> list[Box]:
    return [tuple(one) for one in browser.run(BOXES, PARTS)]


def _over(one: Box, other: Box) -> bool:
    return one[1] < other[3] and other[1] < one[3] and one[2] < other[4] and other[2] < one[4]


@pytest.mark.parametrize("width", [360, 400, 500, 720, 721, 800, 901, 1400, 1900])
def test_nothing_lies_on_anything_else(window: Chromium, page: Path, width: int) -> None:
    """On a phone the zoom buttons once covered the title and the scale bar the credit: each must have its own place."""
    window.resize(width)
    window.open(page)
    for _ in range(2):  # with the legend as it is at first, and with it the other way
        boxes = _boxes(window)
        assert [(one[0], other[0]) for one, other in combinations(boxes, 2) if _over(one, other)] == []
        outside = [
            name for name, left, top, right, bottom in boxes if min(left, top) < 0 or right > width or bottom > 800
        ]
        assert outside == []
        assert len(boxes) >= len(PARTS) - 2  # a closed panel takes title and search along where it stands at the side
        wide = "const b = document.querySelector('.lm-body'); return [b.scrollWidth - b.clientWidth, b.scrollHeight];"
        assert window.run(wide)[0] <= 0
        window.toggle(".lm-handle")


def test_a_phone_shows_the_map_first_and_the_legend_on_demand(window: Chromium, page: Path) -> None:
    """On a small screen the legend must not stand before the map, nor the map vanish behind the legend."""
    window.resize(400)
    window.open(page)
    height = "return document.querySelector(arguments[0]).getBoundingClientRect().height;"
    assert window.run(height, ".lm-body") == 0
    assert window.run(height, ".folium-map") > 500
    assert "".join(window.run("return document.querySelector('h1').innerText;").split()) == "".join(TITLE.split())
    window.toggle(".lm-handle")
    assert window.run(height, ".lm-body") > 250
    assert window.run(height, ".folium-map") > 150
    assert window.run("return lastmile.page.map.getSize().y;") == pytest.approx(
        window.run(height, ".folium-map"), abs=1
    )


@pytest.mark.parametrize("width", [360, 721, 1400])
@pytest.mark.parametrize("settled", [None, False])
def test_the_gap_is_told_on_one_line(
    window: Chromium, make_town: Callable[..., SimpleNamespace], tmp_path: Path, width: int, settled: bool | None
) -> None:
    """A label of three lines above one small number looks broken: label and number take a line each, in German, too."""
    plan = make_town(60, seed=1)
    if settled is not None:
        plan.summary["aim"] = {"aim": "budget", "prize": "units", "gain": 90, "most_gain": 95}
    window.resize(width)
    window.open(save_map(plan, tmp_path / "map.html", language="de"))
    if width < 721:
        window.toggle(".lm-handle")
    tall = window.run(
        "return [...document.querySelector('#lm-gap').children].map((one) => one.getBoundingClientRect().height);"
    )
    assert max(tall) < 30


def test_the_owners_of_tiles_are_named_once(window: Chromium, small_plan: SimpleNamespace, tmp_path: Path) -> None:
    """Tiles may be shown only beside the name of whose they are; twice over it would fill a phone's rim."""
    window.open(save_map(small_plan, tmp_path / "map.html", language="de", tiles="osm"))
    credit = window.run("return document.querySelector('.leaflet-control-attribution').innerText;")
    assert credit == "© OpenStreetMap-Mitwirkende, ODbL"
