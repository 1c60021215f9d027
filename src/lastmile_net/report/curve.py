"""`curve.csv` and `curve.svg`: homes over money, as a table and as a picture."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from lastmile_net.counts import agree, homes
from lastmile_net.report.spreadsheet import write_csv

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from lastmile_net.plan.result import Plan

    Floats = NDArray[np.float64]

LAST_SHARE = 0.05
"""The part of the homes whose cost is named by itself: the last ones."""
WIDTH, HEIGHT = 800, 480
LEFT, RIGHT, TOP, BOTTOM = 70, 45, 30, 55
MOST_POINTS = 600
TICKS = 5


class Landmarks(NamedTuple):
    """Where the curve bends most, and what its last homes cost."""

    knee_units: int
    knee_cost: float
    last_units: int
    last_cost: float


def landmarks(curve: pd.DataFrame) -> Landmarks | None:
    """
    Return the knee of a curve and the cost of its last 5 %; None where it has no homes.

    Parameters
    ----------
    curve
        A plan's curve, `cost` and `units` rising.

    Notes
    -----
    The knee is the point farthest above the straight line from the first point to the last (Satopaa et al. 2011);
    a curve that never runs above that line has none, which 0 homes tell.
    """
    if len(curve) < 2 or curve["units"].iloc[-1] <= 0 or curve["cost"].iloc[-1] <= 0:
        return None
    cost, units = curve["cost"].to_numpy(np.float64), curve["units"].to_numpy(np.float64)
    knee = int(np.argmax(units / units[-1] - cost / cost[-1]))
    start = int(np.searchsorted(units, units[-1] * (1 - LAST_SHARE), side="right")) - 1
    last = round(float(cost[-1] - cost[start]), 2)
    return Landmarks(int(units[knee]), float(cost[knee]), int(units[-1] - units[start]), last)


def loss_of_nesting(curve: pd.DataFrame) -> float | None:
    """
    Return the part of the homes that building in order loses against the best plan found for each budget.

    Parameters
    ----------
    curve
        A plan's curve.

    Returns
    -------
    loss
        Mean over ten budgets from 5 % to 95 % of the whole; None where no other plans have been searched for.
    """
    if "best_units" not in curve or len(curve) < 2 or not curve["best_units"].notna().all():
        return None
    cost, units, best = (curve[name].to_numpy(np.float64) for name in ("cost", "units", "best_units"))
    row = np.searchsorted(cost, cost[-1] * np.linspace(0.05, 0.95, 10), side="right") - 1
    if not (best[row] > 0).any():
        return None
    return float(np.mean(1 - units[row][best[row] > 0] / best[row][best[row] > 0]))


def write_curve(plan: Plan, folder: Path) -> list[Path]:
    """Write `curve.csv` and `curve.svg` into a folder; return what was written."""
    table, picture = folder / "curve.csv", folder / "curve.svg"
    write_csv(plan.curve, table)
    svg = curve_svg(plan.curve, str(plan.summary.get("currency", "")))
    picture.write_text(svg, encoding="utf-8", newline="\n")
    return [table, picture]


def curve_svg(curve: pd.DataFrame, currency: str = "") -> str:
    """
    Draw homes over money: the order of building, the bound above it, the knee.

    Parameters
    ----------
    curve
        A plan's curve.
    currency
        Name of the money.

    Returns
    -------
    svg
        A picture that loads nothing; a sentence instead where there is nothing to draw.
    """
    found = landmarks(curve)
    if found is None:
        return _page('<text x="40" y="60">nothing is built</text>')
    cost, units = curve["cost"].to_numpy(np.float64), curve["units"].to_numpy(np.float64)
    bound = pd.to_numeric(curve["upper_bound"]).to_numpy(np.float64)
    wide, high = _round_up(cost[-1]), _round_up(np.nanmax(np.append(bound, units[-1])))
    x = LEFT + (WIDTH - LEFT - RIGHT) * cost / wide
    y, y_bound = (HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * values / high for values in (units, bound))
    parts = [_axes(wide, high, currency)]
    if np.isfinite(bound).all():
        parts.append(_line(x, y_bound, "#b33", dash="5 4"))
        parts.append(_label(x[len(x) // 3], y_bound[len(x) // 3] - 8, "no plan connects more", "#b33", "end"))
    best = pd.to_numeric(curve.get("best_units", pd.Series(np.nan, curve.index))).to_numpy(np.float64)
    if np.isfinite(best).all():
        y_best = HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * best / high
        parts.append(_line(x, y_best, "#7a9", dash="2 3"))
        parts.append(_label(WIDTH - RIGHT, HEIGHT - BOTTOM - 30, "dotted: each budget by itself", "#586", "end"))
    parts.append(_line(x, y, "#146"))
    if found.knee_units:
        knee_x, knee_y = (np.interp(found.knee_cost, cost, values) for values in (x, y))
        parts.append(f'<circle cx="{knee_x:.1f}" cy="{knee_y:.1f}" r="5" fill="#146"/>')
        knee = f"knee: {homes(found.knee_units)} for {found.knee_cost:,.0f} {currency}"
        parts.append(_label(knee_x + 10, knee_y + 18, knee, "#146"))
    many = f"the last {found.last_units:,} homes cost"
    last = f"{agree(found.last_units, 'the last home costs', many)} {found.last_cost:,.0f} {currency}"
    parts.append(_label(WIDTH - RIGHT, HEIGHT - BOTTOM - 10, last, "#333", "end"))
    return _page("".join(parts))


def _page(body: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        f'font-size="13"><rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>{body}</svg>\n'
    )


def _axes(wide: float, high: float, currency: str) -> str:
    parts = []
    for i in range(TICKS + 1):
        x = LEFT + (WIDTH - LEFT - RIGHT) * i / TICKS
        y = HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * i / TICKS
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}M{x:.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#e4e4e4"/>')
        parts.append(_label(x, HEIGHT - BOTTOM + 18, f"{wide * i / TICKS:,.0f}", "#555", "middle"))
        parts.append(_label(LEFT - 8, y + 4, f"{high * i / TICKS:,.0f}", "#555", "end"))
    parts.append(_label((LEFT + WIDTH) / 2, HEIGHT - 12, f"cost so far {currency}".strip(), "#333", "middle"))
    parts.append(_label(LEFT, TOP - 12, "homes connected", "#333", "start"))
    return "".join(parts)


def _line(x: Floats, y: Floats, colour: str, dash: str = "") -> str:
    step = max(1, len(x) // MOST_POINTS)
    kept = np.unique(np.append(np.arange(0, len(x), step), len(x) - 1))
    points = "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x[kept], y[kept], strict=True))
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<path d="M{points}" fill="none" stroke="{colour}" stroke-width="2"{dashes}/>'


def _label(x: float, y: float, text: str, colour: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}">{escape(text)}</text>'


def _round_up(value: float) -> float:
    """Return the next number with one or two digits that divides into round ticks."""
    power = 10.0 ** np.floor(np.log10(max(value, 1e-9)))
    steps = np.array([1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10]) * power
    return float(steps[np.searchsorted(steps, value * (1 - 1e-12))])
