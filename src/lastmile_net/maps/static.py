"""Pictures of a plan for reports: the map and the coverage, as PNG, SVG or PDF."""

from __future__ import annotations

import io
import textwrap
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import shapely

from lastmile_net.counts import percent
from lastmile_net.coverage import homes_by
from lastmile_net.credit import from_osm
from lastmile_net.errors import DataError, Fault
from lastmile_net.maps.choose import (
    BESIDE,
    Only,
    access_class,
    beside,
    check_wishes,
    classed_customers,
    idle_points,
    only_these,
)
from lastmile_net.maps.packed import Symbol
from lastmile_net.maps.page import write_whole
from lastmile_net.maps.symbols import (
    ACCESS_SYMBOLS,
    BESIDE_SYMBOL,
    LINE_SYMBOLS,
    OUTCOME_SYMBOLS,
    POINT_SYMBOLS,
    STREET_COLOUR,
    TRENCH_SYMBOLS,
    WIDER_FROM_HOMES,
)
from lastmile_net.maps.view import first_view
from lastmile_net.maps.words import heading, words
from lastmile_net.schema import TAP_POINT_ROLES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import geopandas as gpd
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.container import BarContainer
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from numpy.typing import ArrayLike, NDArray

    from lastmile_net.plan.result import Plan

KINDS = (".png", ".svg", ".pdf")
DPI = 160
FEW = 20_000
"""Beyond as many features, vector pictures hold the drawing as pixels, and drops are left out."""
TITLE_SIGNS, TITLE_LINE = 24, 0.028
"""Signs of a heading that fit above the legend, and the height of a line, as a part of the picture's."""
MARKERS = {"diamond": "D", "square": "s", "triangle": "^", "cross": "P", "down": "v", "bar": "_"}
INK, SOFT, GROUND = "#1f2933", "#616e7c", "#f6f5f1"
COVERAGE_SYMBOLS = {
    "connected": Symbol("#a9b8c6", label="existing"),
    "existing": Symbol("#a9b8c6", label="existing"),
    "passed": Symbol("#e6b84d", label="passed"),
    "unconnected": Symbol("#d55e00", label="unconnected"),
    "planned": Symbol("#0072b2", label="planned"),
    "unserved": Symbol("#8f3b00", label="unserved"),
}
LEAST_SHARE = 0.05
"""A piece of a bar that is smaller bears no number."""


def save_picture(
    plan: Plan,
    path: Path | str,
    *,
    language: str = "en",
    only: Only | None = None,
    area: str | None = None,
    title: str = "",
    name: str = "",
) -> Path:
    """
    Draw the map of a plan as a picture for a report.

    Parameters
    ----------
    plan
        The plan.
    path
        Where to; its ending says what: `.png`, `.svg` or `.pdf`.
    language
        `en` or `de`.
    only
        `gaps`, `planned` or `existing`: draw these customers only.
    area
        Draw this planning area, and what lies beside it, only.
    title
        Heading of the picture.
    name
        What the plan is called: in the heading where there is no title.

    Returns
    -------
    path
        Where it lies.

    Raises
    ------
    DataError
        If the ending, the language, `only` or `area` is not known, or matplotlib is not installed.
    """
    says = words(language)
    check_wishes(plan, only, area)
    check_picture(path)
    customers = only_these(classed_customers(plan.customers, area), only)
    figure = _figure(11.7, 8.3)
    axes = figure.add_axes((0.015, 0.02, 0.735, 0.96), facecolor=GROUND)
    near = beside(plan, customers, area)
    dug = plan.trenches.iloc[:0] if only == "existing" else plan.trenches
    tables = {"streets": plan.streets, "backbone_lines": plan.backbone_lines, "trenches": dug}
    entries = _draw_lines(axes, {name: near(table) for name, table in tables.items()}, says)
    entries = _draw_customers(axes, customers, says, language) + entries
    entries += _draw_access(axes, plan, near, says, language, today=only == "existing")
    _frame(axes, customers)
    _scale_bar(axes)
    _legend(figure, entries, heading(says, title=title, name=name, area=area))
    if from_osm(plan.streets):
        axes.text(0.995, 0.005, says["osm"], transform=axes.transAxes, ha="right", va="bottom", size=7, color=SOFT)
    return _save(figure, path)


def save_coverage(plan: Plan, path: Path | str, *, language: str = "en") -> Path:
    """
    Draw how many homes are served today and with the plan, and why the others are not.

    Parameters
    ----------
    plan
        The plan.
    path
        Where to; its ending says what: `.png`, `.svg` or `.pdf`.
    language
        `en` or `de`.

    Returns
    -------
    path
        Where it lies.

    Raises
    ------
    DataError
        If the ending or the language is not known, or matplotlib is not installed.
    """
    says = words(language)
    check_picture(path)
    reasons = _reasons(plan.customers)
    heights = [2.1, 0.6 + 0.3 * len(reasons)] if len(reasons) else [2.1]
    figure = _figure(8, sum(heights))
    grid = figure.add_gridspec(len(heights), 1, height_ratios=heights)
    _draw_shares(figure.add_subplot(grid[0]), plan, says, language)
    if len(reasons):
        _draw_reasons(figure.add_subplot(grid[1]), reasons, says, language)
    figure.set_layout_engine("constrained")
    return _save(figure, path)


def check_picture(path: Path | str) -> None:
    """
    Refuse a picture that cannot be drawn, before anything else is done.

    Raises
    ------
    DataError
        If the ending is not known, or matplotlib is not installed.
    """
    ending = Path(path).suffix.lower()
    if ending not in KINDS:
        cure = f"Name a file that ends in {', '.join(KINDS)}."
        raise DataError([Fault(f"no pictures of kind '{ending}'", cure, source=str(path))])
    if find_spec("matplotlib") is None:
        raise DataError([Fault("pictures need matplotlib", "Install it: pip install 'lastmile-net[images]'.")])


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure  # takes a second to import, and not everybody wants pictures

    return Figure(figsize=(width, height), dpi=DPI, facecolor="white")


def _save(figure: Figure, path: Path | str) -> Path:
    import matplotlib as mpl

    kind = Path(path).suffix.lower().removeprefix(".")
    dates = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind)
    content = io.BytesIO()
    with warnings.catch_warnings(), mpl.rc_context({"svg.hashsalt": "lastmile_net", "svg.fonttype": "none"}):
        warnings.filterwarnings("ignore", message="Glyph")  # a title in a script that the font does not have
        figure.savefig(content, format=kind, metadata=dates)
    return write_whole(path, content.getvalue())


# ---- the map -----------------------------------------------------------------------------------


def _draw_lines(
    axes: Axes, tables: Mapping[str, gpd.GeoDataFrame], says: Mapping[str, str]
) -> list[tuple[Line2D, str]]:
    """Draw streets, existing lines, trenches and drops, bottom first; return their lines in the legend."""
    entries = []
    _lines(axes, tables["streets"], STREET_COLOUR, 0.9, 1)
    around = [table[_apart(table)] for name, table in tables.items() if name != "streets"]
    for table in around:
        _lines(axes, table, BESIDE_SYMBOL.colour, 1.0, 2)
    tables = {name: table[~_apart(table)] for name, table in tables.items()}
    if any(map(len, around)):
        entries.append((_sample(BESIDE_SYMBOL.colour, 1.0), says["beside"]))
    for role, symbol in LINE_SYMBOLS.items():
        chosen = tables["backbone_lines"][tables["backbone_lines"]["role"] == role]
        if len(chosen):
            entries.append((_lines(axes, chosen, symbol.colour, 1.3, 2), f"{says['backbone_lines']}: {says[role]}"))
    dug = tables["trenches"]
    for kind, symbol in TRENCH_SYMBOLS.items():
        chosen = dug[dug["kind"] == kind.removeprefix("kind_")]
        steps = np.searchsorted(WIDER_FROM_HOMES, chosen["units"].fillna(0), side="right")
        for step in np.unique(steps):
            _lines(axes, chosen[steps == step], symbol.colour, 1.0 + 0.45 * step, 4)
        if len(chosen):
            entries.append((_sample(symbol.colour, 1.9), says[kind]))
    drops = dug[dug["kind"] == "drop"]
    if 0 < len(drops) <= FEW:
        colour = TRENCH_SYMBOLS["kind_street"].colour
        _lines(axes, drops, colour, 0.5, 3)
        entries.append((_sample(colour, 0.5), says["drops"]))
    return entries


def _apart(table: gpd.GeoDataFrame) -> NDArray[np.bool_]:
    """Return what only lies beside the area that the picture is of."""
    return table[BESIDE].to_numpy(bool) if BESIDE in table else np.zeros(len(table), bool)


def _lines(axes: Axes, table: gpd.GeoDataFrame, colour: str, width: float, above: int) -> Line2D:
    from matplotlib.collections import LineCollection

    parts = shapely.get_parts(table.geometry.to_numpy())
    coords, owner = shapely.get_coordinates(parts, return_index=True)
    pieces = np.split(coords, np.flatnonzero(np.diff(owner)) + 1) if len(coords) else []
    drawn = LineCollection(pieces, colors=colour, linewidths=width, zorder=above, capstyle="round")
    drawn.set_rasterized(len(pieces) > FEW)
    axes.add_collection(drawn, autolim=False)
    return _sample(colour, width)


def _sample(colour: str, width: float) -> Line2D:
    from matplotlib.lines import Line2D

    return Line2D([], [], color=colour, linewidth=max(width, 1.2))


def _draw_customers(
    axes: Axes, customers: gpd.GeoDataFrame, says: Mapping[str, str], language: str
) -> list[tuple[Line2D, str]]:
    """Draw customers by class, gaps on top; return their lines in the legend."""
    entries = []
    x, y = customers.geometry.x.to_numpy(), customers.geometry.y.to_numpy()
    size = float(np.clip(170 / max(1, len(customers)) ** 0.5, 0.7, 4.5))
    for name, symbol in OUTCOME_SYMBOLS.items():
        rows = (customers["_class"] == name).to_numpy()
        if rows.any():
            dots = _dots(symbol, x[rows], y[rows], size)
            dots.set(rasterized=len(customers) > FEW, zorder=6 if symbol.gap else 5)
            axes.add_line(dots)
            entries.append((_dots(symbol, (), (), 5), f"{says[name]}: {_count(int(rows.sum()), language)}"))
    return entries


def _draw_access(
    axes: Axes,
    plan: Plan,
    near: Callable[[gpd.GeoDataFrame], gpd.GeoDataFrame],
    says: Mapping[str, str],
    language: str,
    *,
    today: bool,
) -> list[tuple[Line2D, str]]:
    """Draw where one connects, and other points of these kinds, on top of all; return their lines in the legend."""
    points, others = near(plan.access_points), near(idle_points(plan))
    symbol, apart = BESIDE_SYMBOL, _apart(points)
    others = others[~_apart(others)]
    if apart.any():
        axes.add_line(_dots(symbol, points[apart].geometry.x, points[apart].geometry.y, 4.0))
    points = points[~apart]
    kind = access_class(points)
    groups = [
        (symbol, says[name].partition(" (")[0], points[kind == name])  # the map tells the ports of each, too
        for name, symbol in ACCESS_SYMBOLS.items()
        if not (today and name in {"access_new", "taps"})
    ]
    groups += [(POINT_SYMBOLS[role], says[role], others[others["role"] == role]) for role in TAP_POINT_ROLES]
    size = float(np.clip(60 / max(1, len(points)) ** 0.5, 2.5, 6.5))
    entries = []
    for symbol, name, table in groups:
        if len(table):
            dots = _dots(symbol, table.geometry.x, table.geometry.y, size * (0.6 if symbol.shape == "circle" else 1))
            dots.set(rasterized=len(table) > FEW, zorder=7)
            axes.add_line(dots)
            entries.append((_dots(symbol, (), (), 5), f"{name}: {_count(len(table), language)}"))
    return entries


def _dots(symbol: Symbol, x: ArrayLike, y: ArrayLike, size: float) -> Line2D:
    from matplotlib.lines import Line2D

    ring = symbol.shape in {"ring", "bar"}
    return Line2D(
        x,
        y,
        linestyle="none",
        marker=MARKERS.get(symbol.shape, "o"),
        markersize=size * (1.5 if symbol.gap else 1),
        markerfacecolor="none" if ring else symbol.colour,
        markeredgecolor=symbol.colour if ring else "white",
        markeredgewidth=0.3 * size if ring else 0.06 * size,
    )


def _count(number: int, language: str) -> str:
    text = f"{number:,}"
    return text.replace(",", ".") if language == "de" else text


def _frame(axes: Axes, customers: gpd.GeoDataFrame) -> None:
    """Show all customers but those far away, with room around them, as wide as the axes are."""
    places = customers.geometry[customers.geometry.notna()]
    left, bottom, right, top = first_view(*shapely.get_coordinates(places).T) if len(places) else (0.0, 0.0, 1e3, 1e3)
    box = axes.get_window_extent()
    per_pixel = max((right - left) / box.width, (top - bottom) / box.height, 200 / box.width) * 1.06
    for low, high, pixels, limit in (
        (left, right, box.width, axes.set_xlim),
        (bottom, top, box.height, axes.set_ylim),
    ):
        middle, half = (low + high) / 2, pixels * per_pixel / 2
        limit(middle - half, middle + half)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_color("#cbd2d9")


def _scale_bar(axes: Axes) -> None:
    """Draw a bar of 1, 2 or 5 times a power of ten metres, about a fifth of the width."""
    west, east = axes.get_xlim()
    south, north = axes.get_ylim()
    most = (east - west) / 5
    power = 10 ** np.floor(np.log10(most))
    metres = max(factor * power for factor in (1, 2, 5) if factor * power <= most)
    x, y = west + (east - west) * 0.02, south + (north - south) * 0.025
    axes.plot([x, x + metres], [y, y], color=INK, linewidth=2.4, solid_capstyle="butt", zorder=8)
    label = f"{metres / 1000:g} km" if metres >= 1000 else f"{metres:g} m"
    axes.text(x, y + (north - south) * 0.008, label, size=8, color=INK, zorder=8)


def _legend(figure: Figure, entries: list[tuple[Line2D, str]], title: str) -> None:
    lines = textwrap.wrap(title, TITLE_SIGNS)
    figure.text(0.765, 0.965, "\n".join(lines).replace("$", r"\$"), size=14, weight="bold", color=INK, va="top")
    top = 0.92 - TITLE_LINE * (len(lines) - 1)
    signs, labels = [sign for sign, _ in entries], [label for _, label in entries]
    legend = figure.legend(
        signs, labels, loc="upper left", bbox_to_anchor=(0.757, top), frameon=False, fontsize=8.5, labelcolor=INK
    )
    legend.set_alignment("left")


# ---- the coverage ------------------------------------------------------------------------------


def _reasons(customers: gpd.GeoDataFrame) -> pd.Series:
    unserved = customers.loc[customers["outcome"] == "unserved", "reason"].dropna().astype(str)
    counts: pd.Series = unserved.value_counts()
    return counts.loc[[name for name in OUTCOME_SYMBOLS if name in counts.index]]


def _draw_shares(axes: Axes, plan: Plan, says: Mapping[str, str], language: str) -> None:
    """Draw a bar of homes for today and one for the plan, numbers where they fit, names below."""
    total = int(plan.customers["units"].sum())
    named: dict[str, BarContainer] = {}
    for place, column, names in (
        (1, "status", ("connected", "passed", "unconnected")),
        (0, "outcome", ("existing", "planned", "unserved")),
    ):
        units = homes_by(plan.customers, column, served=names[0])
        start = 0
        for name in names:
            size = units.get(name, 0)
            symbol = COVERAGE_SYMBOLS[name]
            drawn = axes.barh(place, size, left=start, height=0.62, color=symbol.colour, edgecolor="white")
            named.setdefault(says[symbol.label], drawn)
            if size >= LEAST_SHARE * total:
                ink = INK if name in {"connected", "existing", "passed"} else "white"
                told = f"{_count(size, language)}\n{percent(size / total, 0)}"
                axes.text(start + size / 2, place, told, ha="center", va="center", size=8, color=ink)
            start += size
    axes.set_yticks([1, 0], [says["today_bar"], says["plan_bar"]])
    axes.set_title(says["homes_axis"], size=9, loc="left", color=INK)
    axes.set_xlim(0, max(1, total))
    axes.legend(
        list(named.values()),
        list(named),
        loc="upper left",
        bbox_to_anchor=(0, -0.12),
        ncols=3,
        frameon=False,
        fontsize=8,
        handlelength=1,
        columnspacing=1.2,
        borderaxespad=0,
    )
    _quiet(axes, language)


def _draw_reasons(axes: Axes, reasons: pd.Series, says: Mapping[str, str], language: str) -> None:
    places = np.arange(len(reasons))[::-1]
    bars = axes.barh(places, reasons.to_numpy(), color=[OUTCOME_SYMBOLS[name].colour for name in reasons.index])
    axes.bar_label(bars, [_count(int(count), language) for count in reasons], padding=3, size=8, color=INK)
    axes.set_yticks(places, [says[name] for name in reasons.index])
    axes.set_title(says["gaps_by_reason"], size=9, loc="left", color=INK)
    axes.margins(x=0.12)
    _quiet(axes, language)


def _quiet(axes: Axes, language: str) -> None:
    axes.xaxis.set_major_formatter(lambda value, _: _count(int(value), language))
    axes.tick_params(labelsize=8, colors=INK, length=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color("#cbd2d9")
