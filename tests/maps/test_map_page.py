"""The page of a plan's map, as text: nothing from outside, nothing that breaks out, the same bytes each time."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from made_up import in_phases

from lastmile_net.errors import DataError
from lastmile_net.maps import plan_map, save_map

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import SimpleNamespace

    import pandas as pd

OUTSIDE = re.compile(r"<(?:script|img|iframe)[^>]*\bsrc=|<link|@import|\burl\(['\"]?(?!data:|#)")


def _html(plan: SimpleNamespace, **options: object) -> str:
    return plan_map(plan, **options).get_root().render()


def test_page_has_no_outside_address(small_plan: SimpleNamespace) -> None:
    """A map must open on a train: nothing may be loaded from a CDN, and the policy must say so, first of all."""
    html = _html(small_plan)
    assert not OUTSIDE.search(html)
    assert "connect-src 'none'" in html
    assert html.index("Content-Security-Policy") < html.index("<script")
    for name in ("jquery", "bootstrap", "awesome"):
        assert name not in html.lower()


def test_policy_opens_for_the_tiles_asked_for_only(small_plan: SimpleNamespace) -> None:
    """Who asks for tiles allows that one server, and no other."""
    html = _html(small_plan, tiles="https://tiles.example.org/{z}/{x}/{y}.png")
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', html)
    assert policy is not None
    assert re.findall(r"https?://\S+", policy[1]) == ["https://tiles.example.org;"]


def test_hostile_names_stay_in_their_element(make_town: Callable[..., SimpleNamespace]) -> None:
    """A street called `</script>` or a title with template marks must not end an element or run."""
    plan = make_town(60, seed=1)
    plan.customers.loc[:, "street"] = "</script><script>alert(1)</script>"
    plan.customers.loc[:, "area_id"] = "{{ 7 * 7 }}{% raw %}"
    plan.backbone_lines.loc[:, "role"] = "</script><img src=x onerror=alert(1)>"
    html = _html(plan, title="</script><b>{{ 7 * 7 }}")
    assert html.count("<script") == html.count("</script>")
    assert "onerror=alert(1)>" not in html
    assert "49" not in re.findall(r"<title>(.*?)</title>", html)[0]
    about = re.search(r'<script type="text/plain" id="lastmile-plan">(.*?)</script>', html)
    assert about is not None
    assert json.loads(about[1])["title"] == "</script><b>{{ 7 * 7 }}"


def test_same_plan_same_bytes(small_plan: SimpleNamespace, tmp_path: Path) -> None:
    """A map that differs from run to run cannot be compared or cached; a failed write leaves nothing behind."""
    first = save_map(small_plan, tmp_path / "a.html").read_bytes()
    assert first == save_map(small_plan, tmp_path / "b.html").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.html", "b.html"]


@pytest.mark.parametrize(
    ("settled", "language", "told"),
    [
        (None, "en", ("Proven gap to optimum", "")),
        (True, "en", ("Proven gap in cost, same homes", "choice of homes proven")),
        (False, "en", ("Proven gap in cost, same homes", "choice of homes not proven")),
        (None, "de", ("Abstand zum Optimum", "")),
        (True, "de", ("Kostenabstand, gleiche Wohneinheiten", "Auswahl bewiesen")),
        (False, "de", ("Kostenabstand, gleiche Wohneinheiten", "Auswahl nicht bewiesen")),
    ],
)
def test_the_gap_claims_no_more_than_the_summary(
    make_town: Callable[..., SimpleNamespace], settled: bool | None, language: str, told: tuple[str, str]
) -> None:
    """Where homes are left out, the gap is for those that are planned: the map must not call it one to the optimum."""
    plan = make_town(60, seed=1)
    if settled is not None:
        most = 90 if settled else 95
        plan.summary["aim"] = {"aim": "budget", "prize": "units", "gain": 90, "most_gain": most}
    about = re.search(r'<script type="text/plain" id="lastmile-plan">(.*?)</script>', _html(plan, language=language))
    assert about is not None
    words = json.loads(about[1])["words"]
    assert (words["gap"], words["gap_note"]) == told


def test_only_and_area_leave_the_others_out(small_plan: SimpleNamespace) -> None:
    """A map of one area's gaps is handed to others: it must not carry everybody else's addresses."""
    page = plan_map(small_plan, only="gaps", area="A3")
    layers = {child._id: child for child in page._children.values()}
    people = small_plan.customers
    wanted = ((people["outcome"] == "unserved") & (people["area_id"] == "A3")).sum()
    assert layers["customers"].size == wanted > 0
    assert layers["streets"].size < len(small_plan.streets)


def _about(html: str) -> dict[str, Any]:
    about = re.search(r'<script type="text/plain" id="lastmile-plan">(.*?)</script>', html)
    assert about is not None
    told: dict[str, Any] = json.loads(about[1])
    return told


def test_figures_of_one_area_are_of_nothing_else(
    make_town: Callable[..., SimpleNamespace], curve_of: Callable[[SimpleNamespace], pd.DataFrame]
) -> None:
    """Whoever reads a cost beside an area takes it for that area's: no figure is of the whole plan, and it is said."""
    plan = make_town(2000, seed=1, ranked=True)
    about = _about(_html(plan, area="A3", curve=curve_of(plan)))
    people = plan.customers[plan.customers["area_id"] == "A3"]
    scope = "Figures of area A3; its cost: the shares of its homes. Pale: beside the area, not counted"
    assert about["scope"] == scope
    assert about["curve"] is None
    summary = about["summary"]
    assert isinstance(summary, dict)
    assert summary["units"]["total"] == people["units"].sum()
    assert summary["gap"] is summary["trench_m"] is None
    assert _about(_html(plan))["scope"] == ""


@pytest.mark.parametrize("area", [None, "A3"])
def test_homes_served_today_are_told_as_such(make_town: Callable[..., SimpleNamespace], area: str | None) -> None:
    """Houses partly connected: the bar of shares and the figures of an area must add up to all homes, each once."""
    plan = in_phases(make_town(2000, seed=1, ranked=True), 2)
    plan.customers["units_connected"] = plan.customers["units"] // 2
    about = _about(_html(plan, area=area))
    here = plan.customers[(plan.customers["area_id"] == "A3") | (area is None)]
    left = (here["units"] - here["units_connected"]).where(here["outcome"] != "existing", 0)
    told = {of: sum(share["units"] for share in about["shares"] if share["of"] == of) for of in ("existing", "planned")}
    assert told == {"existing": here["units"].sum() - left.sum(), "planned": left[here["outcome"] == "planned"].sum()}
    assert sum(share["units"] for share in about["shares"]) == here["units"].sum()
    if area is not None:
        assert {name: about["summary"]["units"][name] for name in told} == told
        assert sum(phase["units"] for phase in about["phases"]) == told["planned"]


def test_an_area_with_nobody_to_draw_is_refused(make_town: Callable[..., SimpleNamespace]) -> None:
    """An empty map says nothing: the error says which areas have what was asked for."""
    plan = make_town(2000, seed=1)
    here = plan.customers["area_id"] == "A3"
    plan.customers["outcome"] = plan.customers["outcome"].mask(here, "unserved")
    with pytest.raises(DataError, match="area 'A3' has no customer to draw with only 'planned'") as found:
        plan_map(plan, area="A3", only="planned")
    known = set(plan.customers["area_id"]) - {"A3"}
    assert str(found.value).partition("Areas that have are ")[2] == f"{', '.join(sorted(known))}."
    plan.customers.loc[here, "geometry"] = None
    with pytest.raises(DataError, match="area 'A3' has no customer to draw"):
        plan_map(plan, area="A3")


def test_a_map_of_what_exists_has_nothing_planned(make_town: Callable[..., SimpleNamespace]) -> None:
    """New access points, and taps and lines that only the plan uses, are not there today."""
    plan = make_town(2000, seed=1)
    points = plan.access_points
    status, kind = ["proposed"] + ["existing"] * (len(points) - 1), points["kind"].tolist()
    plan.access_points = points.assign(status=status, kind=[*kind[:-1], "duct"])
    layers = {child._id: child for child in plan_map(plan, only="existing")._children.values()}
    assert layers["access_points"].size == len(points) - 2 > 0
    assert not {"taps", "reused", "trenches", "drops"} & set(layers)
    assert {"taps", "reused", "trenches", "drops"} <= {child._id for child in plan_map(plan)._children.values()}


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"only": "holes"}, "holes"),
        ({"area": "Z9"}, "Z9"),
        ({"language": "tlh"}, "tlh"),
        ({"tiles": "javascript:alert(1)"}, "javascript"),
        ({"tiles": "https://a.org'; script-src *; x/{z}/{x}/{y}"}, "script-src"),
    ],
)
def test_unknown_wishes_are_refused(small_plan: SimpleNamespace, options: dict[str, str], named: str) -> None:
    """A misspelt wish must name itself, not draw something else; a tile address must not rewrite the policy."""
    with pytest.raises(DataError, match=re.escape(named)):
        plan_map(small_plan, **options)


def test_customers_without_location_are_told(make_town: Callable[..., SimpleNamespace]) -> None:
    """Nobody is dropped in silence: who cannot be drawn is counted in the panel."""
    plan = make_town(50, seed=2)
    plan.customers.loc[plan.customers.index[:3], "geometry"] = None
    assert '"unmapped":3' in _html(plan)


@pytest.mark.parametrize(
    ("language", "credit"),
    [("en", "© OpenStreetMap contributors, ODbL"), ("de", "© OpenStreetMap-Mitwirkende, ODbL")],
)
def test_openstreetmap_is_named_with_its_licence(
    make_town: Callable[..., SimpleNamespace], language: str, credit: str
) -> None:
    """Whoever hands the map on must see whose data it is, and under which licence."""
    about = re.search(r'id="lastmile-plan">(.*?)</script>', _html(make_town(60, seed=1), language=language))
    assert about is not None
    assert json.loads(about[1])["credit"] == credit
