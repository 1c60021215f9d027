"""The phases of a plan on its map: what each is called, which colour it has and what the legend tells of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lastmile_net.coverage import homes_by
from lastmile_net.maps.packed import Symbol

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd
    import pandas as pd

    from lastmile_net.plan.result import Plan

EARLY_TO_LATE = ((29, 47, 159), (122, 31, 162), (194, 54, 138), (234, 107, 79), (247, 179, 43))
"""Ends and steps of the colours, as red, green and blue: the later, the lighter, whoever looks."""
MOST_PHASES = 100
"""More than that are neither told apart nor read in a legend."""
NONE = "phase_none"


def phase_symbols(plan: Plan, words: Mapping[str, str]) -> dict[str, Symbol]:
    """
    Return how each phase looks and what it is called, the first one first; nothing where the plan has no phases.

    Parameters
    ----------
    plan
        The plan.
    words
        What the map says.

    Returns
    -------
    symbols
        By the values of `_phase` (see `with_phase`), those who are connected today and those in no phase last.
    """
    phases = plan.summary.get("phases") or []
    if not phases or untold_phases(plan):
        return {}
    symbols = {
        f"phase_{phase['phase']}": Symbol(_colour(number / max(1, len(phases) - 1)), label=_name(phase, words))
        for number, phase in enumerate(phases)
    }
    others = {"existing": Symbol("#8496a8", label=words["existing"]), NONE: Symbol("#4d4d4d", "ring", words[NONE])}
    return symbols | others


def untold_phases(plan: Plan) -> int:
    """Return how many phases a plan has where they are too many to be shown, else 0."""
    count = len(plan.summary.get("phases") or [])
    return count if count > MOST_PHASES else 0


def with_phase(table: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return customers or trenches with `_phase`: `phase_1` and so on, `existing`, or `phase_none`."""
    names = ("phase_" + table["phase"].astype("Int64").astype("string")).astype(object)
    instead: str | pd.Series = NONE
    if "outcome" in table:
        instead = table["outcome"].astype(object).where(table["outcome"] == "existing", NONE)
    return table.assign(_phase=names.where(table["phase"].notna(), instead))


def phase_figures(
    plan: Plan, people: gpd.GeoDataFrame, symbols: Mapping[str, Symbol], *, whole: bool
) -> list[dict[str, Any]]:
    """
    Return what the legend tells of each phase.

    Parameters
    ----------
    plan
        The plan.
    people
        Customers on the map.
    symbols
        As `phase_symbols` returns them.
    whole
        Whether the map is one of the whole plan: in a part of it only homes are told, costs are not divided.

    Returns
    -------
    phases
        Of each phase the `value` of its class and all of its symbol, `cost` and `units`; empty without phases.
    """
    units = homes_by(people, "phase") if symbols else {}
    return [
        {
            "value": value,
            "label": symbols[value].label,
            "colour": symbols[value].colour,
            "shape": symbols[value].shape,
            "cost": phase["cost"] if whole else None,
            "units": phase["units"] if whole else units.get(phase["phase"], 0),
        }
        for phase in (plan.summary["phases"] if symbols else ())
        for value in (f"phase_{phase['phase']}",)
    ]


def _name(phase: Mapping[str, Any], words: Mapping[str, str]) -> str:
    name = f"{words['phase']} {phase['phase']}"
    return f"{name}: {phase['area'] or words['phase_rest']}" if "area" in phase else name


def _colour(share: float) -> str:
    steps = np.linspace(0, 1, len(EARLY_TO_LATE))
    return "#" + "".join(
        f"{round(float(np.interp(share, steps, part))):02x}" for part in zip(*EARLY_TO_LATE, strict=True)
    )
