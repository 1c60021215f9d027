"""How each layer looks in QGIS, as QML written by hand."""

from __future__ import annotations

from dataclasses import dataclass
from xml.sax.saxutils import quoteattr

from lastmile_net.schema import REASONS

_TYPES = {"marker": 0, "line": 1}
GREY, GREEN, BLUE, AMBER, VIOLET = "150,150,150", "46,125,50", "25,118,210", "245,124,0", "123,31,162"
_REASON_COLOURS = {
    "invalid_location": "97,97,97",
    "no_street_in_reach": "211,47,47",
    "street_island": "194,24,91",
    "route_too_long": "230,81,0",
    "optical_budget": "255,143,0",
    "no_free_port": "130,20,20",
    "line_full": "150,90,20",
    "optical_unknown": "161,136,127",
    "over_budget": "251,192,45",
    "excluded": "84,110,122",
}


@dataclass(frozen=True)
class Look:
    """How one class of features is drawn: sizes in millimetres; `width` is an expression that replaces `size`."""

    label: str
    colour: str
    size: float
    filter: str = ""
    shape: str = "circle"
    dash: str = "solid"
    width: str = ""


@dataclass(frozen=True)
class Style:
    """How a layer is drawn: one look per class, told apart by filters."""

    kind: str
    looks: tuple[Look, ...]
    tip: str
    least_scale: int = 0


_BY_UNITS = 'scale_linear(sqrt(coalesce("units", 1)), 1, 30, 0.4, 2.6)'
_CUSTOMERS = (
    Look("connected today", GREEN, 1.4, "\"outcome\" = 'existing'"),
    Look("planned", BLUE, 1.8, "\"outcome\" = 'planned'"),
    *(
        Look(f"unserved: {meaning}", _REASON_COLOURS[code], 2.4, f"\"reason\" = '{code}'", "diamond")
        for code, meaning in REASONS.items()
    ),
)

STYLES = {
    "customers": Style("marker", _CUSTOMERS, "customer_id || ': ' || outcome || coalesce(', ' || remedy, '')"),
    "trenches": Style(
        "line",
        (
            Look("street", AMBER, 0.8, "\"kind\" = 'street'", width=_BY_UNITS),
            Look("crossing", "216,27,96", 0.8, "\"kind\" = 'crossing'", width=_BY_UNITS),
            Look("connector", "109,76,65", 0.8, "\"kind\" = 'connector'", width=_BY_UNITS),
            Look("drop", "100,181,246", 0.3, "\"kind\" = 'drop'"),
        ),
        "kind || ': ' || round(length_m, 1) || ' m, ' || units || ' homes, ' || round(cost, 2)",
    ),
    "reused": Style("line", (Look("reused", VIOLET, 0.8, width=_BY_UNITS, dash="dash"),), "backbone_id"),
    "routes": Style("line", (Look("route", "120,144,156", 0.2, dash="dot"),), "customer_id", 5000),
    "access_points": Style(
        "marker",
        (
            Look("new", "216,27,96", 3.6, "\"status\" = 'proposed'", "square"),
            Look("used", "0,0,0", 3.2, '"ports_used" > 0', "square"),
            Look("not used", "255,255,255", 2.4, '"ports_used" = 0', "square"),
        ),
        "access_point_id || ': ' || ports_used || ' of ' || coalesce(ports_free, 'any number of') || ' ports'",
    ),
    "backbone_lines": Style(
        "line",
        (
            Look("feeder", "74,20,140", 0.9, "\"role\" = 'feeder'"),
            Look("duct", "69,90,100", 0.6, "\"role\" = 'duct'", dash="dash"),
            Look("drop", GREEN, 0.2, "\"role\" = 'drop'"),
            Look("aerial", "121,85,72", 0.5, "\"role\" = 'aerial'", dash="dash dot"),
            Look("distribution", GREEN, 0.6, "ELSE"),
        ),
        "role || ' ' || backbone_id",
    ),
    "backbone_points": Style(
        "marker",
        (
            Look("central office", "74,20,140", 4.0, "\"role\" = 'pop'", "star"),
            Look("pole", "121,85,72", 1.0, "\"role\" = 'pole'"),
            Look("cabinet, splitter, closure, handhole", GREEN, 2.4, "ELSE", "square"),
        ),
        "role || ' ' || backbone_id",
    ),
    "streets": Style("line", (Look("street", "200,200,200", 0.3),), "coalesce(name, highway, street_id)"),
}


def qml(layer: str) -> str:
    """Return the QGIS style of a layer of `plan.gpkg`."""
    style = STYLES[layer]
    rules = "".join(
        f"<rule key={quoteattr(f'{layer}-{number}')} label={quoteattr(look.label)} symbol={quoteattr(str(number))}"
        + (f" filter={quoteattr(look.filter)}" if look.filter else "")
        + "/>"
        for number, look in enumerate(style.looks)
    )
    symbols = "".join(_symbol(style.kind, number, look) for number, look in enumerate(style.looks))
    scale = f' hasScaleBasedVisibilityFlag="1" minScale="{style.least_scale}" maxScale="0"' if style.least_scale else ""
    return (
        "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
        f'<qgis version="3.34.0" styleCategories="Symbology|MapTips|Rendering"{scale}>'
        f'<renderer-v2 type="RuleRenderer" forceraster="0" symbollevels="0" enableorderby="0">'
        f'<rules key="{layer}">{rules}</rules><symbols>{symbols}</symbols></renderer-v2>'
        f'<mapTip enabled="1">[% {_escape(style.tip)} %]</mapTip>'
        f"<layerGeometryType>{_TYPES[style.kind]}</layerGeometryType></qgis>"
    )


def _symbol(kind: str, number: int, look: Look) -> str:
    options = _marker(look) if kind == "marker" else _line(look)
    cells = "".join(f'<Option type="QString" name={quoteattr(k)} value={quoteattr(v)}/>' for k, v in options.items())
    simple = "SimpleMarker" if kind == "marker" else "SimpleLine"
    return (
        f'<symbol type="{kind}" name="{number}" alpha="1" clip_to_extent="1" force_rhr="0">'
        f'<layer class="{simple}" enabled="1" locked="0" pass="0"><Option type="Map">{cells}</Option>'
        f"{_width(look.width)}</layer></symbol>"
    )


def _marker(look: Look) -> dict[str, str]:
    return {
        "name": look.shape,
        "color": f"{look.colour},255",
        "outline_color": "40,40,40,255",
        "outline_width": "0.15",
        "outline_width_unit": "MM",
        "size": f"{look.size:g}",
        "size_unit": "MM",
    }


def _line(look: Look) -> dict[str, str]:
    return {
        "line_color": f"{look.colour},255",
        "line_width": f"{look.size:g}",
        "line_width_unit": "MM",
        "line_style": look.dash,
        "capstyle": "round",
        "joinstyle": "round",
    }


def _width(expression: str) -> str:
    """Return the part of a symbol layer that takes its width from an expression."""
    if not expression:
        return ""
    return (
        '<data_defined_properties><Option type="Map"><Option type="QString" name="name" value=""/>'
        '<Option type="Map" name="properties"><Option type="Map" name="outlineWidth">'
        '<Option type="bool" name="active" value="true"/>'
        f'<Option type="QString" name="expression" value={quoteattr(expression)}/>'
        '<Option type="int" name="type" value="3"/></Option></Option>'
        '<Option type="QString" name="type" value="collection"/></Option></data_defined_properties>'
    )


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
