"""In which phase each customer is connected: by money for each phase, or area by area."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import shapely

from lastmile_net.errors import DataError, Fault
from lastmile_net.read.values import texts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray

    from lastmile_net.config.plan import Phases
    from lastmile_net.solve.budget import BuildOrder

    Ints = NDArray[np.int64]


NAMES = ("area_id", "name")
"""Columns that name the polygons of phases; the first that is there counts."""


def wait_for(customers: gpd.GeoDataFrame, phases: Phases | None) -> tuple[Ints | None, tuple[str | None, ...]]:
    """
    Return the phase of each customer where areas say so, and the areas.

    Parameters
    ----------
    customers
        The customers layer, in a metric CRS.
    phases
        The phases asked for.

    Returns
    -------
    phase, areas
        Phase of each customer, from 0; who is in none of the areas comes after them. None where no areas are asked for.
        The name of each area; None of a polygon whose file has no column `area_id` or `name`, or no text there.

    Raises
    ------
    DataError
        If no customer lies in one of the areas, or the polygons cannot be read.
    """
    if phases is None or not (phases.areas or phases.polygons):
        return None, ()
    if phases.areas:
        names = customers["area_id"].astype(object)
        inside = [(names == area).to_numpy(bool) for area in phases.areas]
        areas: tuple[str | None, ...] = phases.areas
        source, setting = "customers", "phases.areas"
    else:
        polygons = _polygons(str(phases.polygons), customers)
        points = customers.geometry.to_numpy()
        inside = [shapely.intersects(area, points) for area in polygons.geometry]
        areas, source, setting = _names(polygons), str(phases.polygons), "phases.polygons"
    told = [name or f"polygon {number + 1}" for number, name in enumerate(areas)]
    empty = [name for name, hit in zip(told, inside, strict=True) if not hit.any()]
    if empty:
        cure = "Correct it, or the `area_id` of the customers." if phases.areas else "Correct it, or the polygons."
        what = "no customer lies in"
        raise DataError([Fault(f"{what} '{name}'", cure, source=source, setting=setting) for name in empty])
    phase = np.full(len(customers), len(inside), np.int64)
    for number in range(len(inside) - 1, -1, -1):
        phase[inside[number]] = number
    return phase, areas


def _names(polygons: gpd.GeoDataFrame) -> tuple[str | None, ...]:
    """Return what the planner calls each polygon; None where that is not told."""
    column = next((name for name in NAMES if name in polygons), None)
    return tuple(texts(polygons[column])) if column else (None,) * len(polygons)


def numbers(order: BuildOrder, waits: Ints | None, budgets: tuple[int, ...], locked: int) -> Ints | None:
    """
    Return the phase of each customer of an order, from 1; None without phases.

    Parameters
    ----------
    order
        Order of building.
    waits
        Phase of every customer, from 0, where areas say so.
    budgets
        What may be spent in each phase, in thousandths; who comes after them is in one phase more.
    locked
        What is spent before anybody is connected, in thousandths.
    """
    if waits is not None:
        return waits[order.customers] + 1
    if not budgets:
        return None
    return np.searchsorted(np.cumsum(budgets), order.cost + locked, side="left").astype(np.int64) + 1


def account(
    phases: Phases | None,
    phase: Ints | None,
    curve: pd.DataFrame,
    trenches: pd.DataFrame,
    *,
    areas: Sequence[str | None] = (),
) -> list[dict[str, Any]]:
    """
    Return what each phase costs, connects and digs; nothing without phases.

    Parameters
    ----------
    phases
        The phases asked for.
    phase
        int64 (k,). Phase of each customer of the order of building, from 1; None without phases.
    curve
        What has been spent and who is connected after each of them, and before the first.
    trenches
        Everything that is dug, with its `phase`.
    areas
        Names of the areas that are phases; each has its row, though it connect nobody.

    Returns
    -------
    table
        Of each phase in turn `phase`, its `area` (where areas are named) and `budget` (None where it has none), `cost`
        and `cost_so_far` with the overhead, `customers`, `units` and `units_so_far` that it connects, and `trench_m`.
    """
    if phases is None or phase is None:
        return []
    last = max(len(phases.budgets), len(areas), int(phase.max(initial=1)))
    end = np.searchsorted(phase, np.arange(1, last + 1), side="right")
    so_far, homes = (curve[name].to_numpy()[end] for name in ("cost", "units"))
    metres = trenches.groupby(trenches["phase"].astype("int64"))["length_m"].sum()
    return [
        {
            "phase": number + 1,
            **({"area": _entry(areas, number)} if any(areas) else {}),
            "budget": _entry(phases.budgets, number),
            "cost": round(float(so_far[number] - (so_far[number - 1] if number else 0.0)), 2),
            "cost_so_far": round(float(so_far[number]), 2),
            "customers": int(end[number] - (end[number - 1] if number else 0)),
            "units": int(homes[number] - (homes[number - 1] if number else 0)),
            "units_so_far": int(homes[number]),
            "trench_m": round(float(metres.get(number + 1, 0.0)), 3),
        }
        for number in range(last)
    ]


def _entry(given: Sequence[float] | Sequence[str | None], number: int) -> float | str | None:
    return given[number] if number < len(given) else None


def _polygons(source: str, customers: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Read the polygons of the phases, in their order."""
    try:
        found = gpd.read_file(_existing(source))
    except (OSError, ValueError, RuntimeError) as error:
        fault = Fault(f"the areas cannot be read: {error}", "Name a file of polygons.", source=source)
        raise DataError([fault]) from error
    if found.crs is None or not found.geom_type.isin(["Polygon", "MultiPolygon"]).all():
        fault = Fault(
            "the areas are no polygons, or have no CRS", "Name a file of polygons with its CRS.", source=source
        )
        raise DataError([fault])
    return found.to_crs(customers.crs)


def _existing(source: str) -> Path:
    from pathlib import Path

    path = Path(source)
    if not path.is_file():
        message = "no such file"
        raise OSError(message)
    return path
