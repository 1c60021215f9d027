"""`plan_map`: the map of a plan as one page that opens from disk, without any network."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict, Unpack

import numpy as np
import pandas as pd
from branca.element import MacroElement
from folium.template import Template

from lastmile_net.coverage import homes_by
from lastmile_net.credit import from_osm
from lastmile_net.errors import DataError, Fault
from lastmile_net.maps.choose import beside, check_wishes, classed_customers, only_these
from lastmile_net.maps.elements import put_in_body, put_in_head, script_json
from lastmile_net.maps.findings import findings_layers
from lastmile_net.maps.page import offline_map, save_page
from lastmile_net.maps.phases import phase_figures, phase_symbols, untold_phases
from lastmile_net.maps.plan_layers import plan_layers
from lastmile_net.maps.symbols import OUTCOME_SYMBOLS
from lastmile_net.maps.words import heading, words
from lastmile_net.report.choice import choice

if TYPE_CHECKING:
    from pathlib import Path

    import folium
    import geopandas as gpd

    from lastmile_net.maps.choose import Only
    from lastmile_net.maps.map_layer import MapLayer
    from lastmile_net.plan.result import Plan


POSITIONS = 1000
"""Positions of the budget slider, beside nothing at all."""
CENT = 0.01


class MapOptions(TypedDict, total=False):
    """
    What one may ask of a plan's map; nothing has to be.

    Parameters
    ----------
    tiles
        `osm`, or the address of a tile server, for a base map; None draws the streets as the base and lets the
        page make no connection at all.
    language
        `en` or `de`.
    only
        `gaps`, `planned` or `existing`: draw these customers only.
    area
        Draw this planning area, and what lies beside it, only.
    findings
        What the data doctor found, as points, lines or polygons with text columns.
    curve
        Homes over money, one row per step of building: `cost` so far, `units` connected by then, `build_order` of
        the last customer connected, and `upper_bound`, the units that no plan of that cost exceeds. With it and
        with `build_order` in the plan, the page has a budget slider.
    title
        Heading of the page.
    name
        What the plan is called: in the heading where there is no title.
    """

    tiles: str | None
    language: str
    only: Only | None
    area: str | None
    findings: gpd.GeoDataFrame | None
    curve: pd.DataFrame | None
    title: str
    name: str


class _PlanPage(MacroElement):
    """The panel beside the map: headline, search, legend, filters, budget."""

    _template = Template(
        """
        {% macro script(this, kwargs) %}
            lastmile.planPage({{ this._parent.get_name() }}, "lastmile-plan");
        {% endmacro %}
        """
    )

    def __init__(self, about: dict[str, object]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._name, self._id = "PlanPage", "plan"
        self.about = about

    def render(self, **kwargs: object) -> str:
        """Put the panel's code and data into the page."""
        put_in_head(self, "plan_page", ["plan.css", "plan.js"])
        put_in_body(self, "plan", {"lastmile-plan": script_json(self.about)})
        super().render(**kwargs)  # type: ignore[no-untyped-call]
        return ""


def plan_map(plan: Plan, **options: Unpack[MapOptions]) -> folium.Map:
    """
    Return the map of a plan: who is served, who is not and why, and what is to be built.

    Parameters
    ----------
    plan
        The plan.
    **options
        See `MapOptions`.

    Returns
    -------
    page
        A `folium.Map` that shows itself in a notebook; `save_page` writes it.

    Raises
    ------
    DataError
        If language, tiles, `only` or `area` is not known.
    """
    language, tiles = options.get("language", "en"), options.get("tiles")
    only, area = options.get("only"), options.get("area")
    says = words(language)
    check_wishes(plan, only, area)
    people = classed_customers(plan.customers, area)
    phases = phase_symbols(plan, says) if only in {None, "planned"} else {}
    drawn = only_these(people, only)
    near = beside(plan, drawn, area)
    layers = plan_layers(plan, drawn, says, only=only, near=near, streets=tiles is None, phases=phases)
    findings = options.get("findings")
    if findings is not None:
        layers += findings_layers(near(findings.to_crs(plan.customers.crs)), says)
    title = heading(says, title=options.get("title", ""), name=options.get("name", ""), area=area)
    page = offline_map(tiles, language=language, title=title)
    for layer in layers:
        layer.packed._id = layer.key
        layer.packed.show = layer.packed.control = False
        layer.packed.add_to(page)
    # the curve is one of the whole plan, which figures of one area must not be mixed with
    curve = _curve(plan, options.get("curve", plan.curve)) if area is None else None
    told = {
        "title": title,
        "scope": "" if area is None else says["scope"].replace("{area}", area),
        "words": says | _gap_words(plan, says),
        "curve": curve,
        "layers": [_entry(layer) for layer in layers],
    }
    if phases:
        told["phases"] = phase_figures(plan, people, phases, whole=area is None)
    _PlanPage(told | _figures(plan, people, says, area)).add_to(page)
    return page


def save_map(plan: Plan, path: Path | str, **options: Unpack[MapOptions]) -> Path:
    """
    Draw a plan's map and write it to `path`: either all of it, or nothing.

    Parameters
    ----------
    plan
        The plan.
    path
        Where to; what lies there is replaced.
    **options
        See `MapOptions`.

    Returns
    -------
    path
        Where it lies.

    Raises
    ------
    DataError
        If language, tiles, `only` or `area` is not known.
    """
    return save_page(plan_map(plan, **options), path)


def _entry(layer: MapLayer) -> dict[str, object]:
    return {
        "key": layer.key,
        "layer": layer.packed.get_name(),
        "shown": layer.shown,
        "search": list(layer.search),
        "metres": layer.metres,
        "order": layer.order,
        "planned": layer.planned,
    }


def _figures(plan: Plan, people: gpd.GeoDataFrame, says: dict[str, str], area: str | None) -> dict[str, object]:
    """Return what the headline tells: of the whole plan, or of the one area whose people are given."""
    missing = people.geometry.isna() | people.geometry.is_empty
    of_class = homes_by(people, "_class", served="existing")
    shares = [
        {
            "of": name if name in {"existing", "planned"} else "unserved",
            "units": of_class[name],
            "colour": symbol.colour,
        }
        for name, symbol in OUTCOME_SYMBOLS.items()
        if of_class.get(name)
    ]
    summary = plan.summary if area is None else _area_summary(people)
    return {
        "summary": {key: _plain(summary.get(key)) for key in ("customers", "units", "cost", "trench_m", "gap")},
        "currency": str(plan.summary.get("currency", "")),
        "credit": says["osm"] if from_osm(plan.streets) else "",
        "unmapped": int(missing.sum()),
        "untold": untold_phases(plan),
        "shares": shares,
    }


def _gap_words(plan: Plan, says: dict[str, str]) -> dict[str, str]:
    """Return what the gap is called and for whom it is: where homes are left out, for those that are planned."""
    chosen = choice(plan)
    if chosen is None:
        return {"gap_note": ""}
    return {"gap": says["gap_chosen"], "gap_note": says["gap_best_homes" if chosen.proven else "gap_same_homes"]}


def _area_summary(people: gpd.GeoDataFrame) -> dict[str, object]:
    """Return customers, homes and their shares of the cost in one area; trenches are not divided between areas."""
    units = {"total": int(people["units"].sum())} | homes_by(people, "outcome", served="existing")
    cost = pd.to_numeric(people["cost_share"]).sum()
    return {"customers": {"total": len(people)}, "units": units, "cost": {"total": round(float(cost), 2)}}


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, (int, float, np.number)) and not isinstance(value, bool):
        number = float(value)
        return number if np.isfinite(number) else None
    return None


def _curve(plan: Plan, curve: pd.DataFrame | None) -> dict[str, list[float | None]] | None:
    """Return what each position of the slider pays for; None where there is nothing to slide through."""
    ranked = plan.customers["build_order"].notna().any()
    if curve is None or not len(curve) or not ranked:
        return None
    missing = [name for name in ("cost", "units", "build_order") if name not in curve.columns]
    if missing:
        raise DataError(
            [Fault(f"there is no column '{name}'", "Add it.", source="curve", column=name) for name in missing]
        )
    steps = curve.sort_values(["cost", "build_order"], kind="stable")
    spent = steps["cost"].to_numpy(np.float64)
    total = float(spent[-1])
    budgets = total * np.arange(POSITIONS + 1) / POSITIONS
    last = np.searchsorted(spent, budgets + CENT / 2, side="right") - 1
    told: dict[str, list[float | None]] = {"total": [total]}
    for name in ("cost", "units", "build_order", "upper_bound"):
        column = pd.to_numeric(steps[name]) if name in steps.columns else pd.Series(np.nan, steps.index)
        values = column.to_numpy(np.float64, na_value=np.nan)
        nothing = np.nan if name == "upper_bound" else 0.0
        at_each = np.where(last >= 0, values[np.maximum(last, 0)], nothing)
        told[name] = [float(value) if np.isfinite(value) else None for value in at_each]
    ranks = np.sort(plan.customers["build_order"].dropna().to_numpy(np.float64))
    at_each = np.nan_to_num(np.array(told["build_order"], np.float64))
    told["customers"] = np.searchsorted(ranks, at_each, side="right").tolist()
    return told
