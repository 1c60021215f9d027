"""In which phase each customer is connected: by money for each phase, or area by area."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import shapely

from lastmile_net.errors import DataError, Fault

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray

    from lastmile_net.config.plan import Phases
    from lastmile_net.solve.budget import BuildOrder

    Ints = NDArray[np.int64]


def wait_for(customers: gpd.GeoDataFrame, phases: Phases | None) -> tuple[Ints | None, int]:
    """
    Return the phase of each customer where areas say so, and the number of areas.

    Parameters
    ----------
    customers
        The customers layer, in a metric CRS.
    phases
        The phases asked for.

    Returns
    -------
    phase, areas
        Phase of each customer, from 0; who is in none of the areas comes after them. None, and 0, where no areas are
        asked for.

    Raises
    ------
    DataError
        If no customer lies in one of the areas, or the polygons cannot be read.
    """
    if phases is None or not (phases.areas or phases.polygons):
        return None, 0
    if phases.areas:
        names = customers["area_id"].astype(object)
        inside = [(names == area).to_numpy(bool) for area in phases.areas]
        told, source, setting = list(phases.areas), "customers", "phases.areas"
    else:
        areas = _polygons(str(phases.polygons), customers)
        points = customers.geometry.to_numpy()
        inside = [shapely.intersects(area, points) for area in areas]
        told, source = [f"polygon {i + 1}" for i in range(len(areas))], str(phases.polygons)
        setting = "phases.polygons"
    empty = [name for name, hit in zip(told, inside, strict=True) if not hit.any()]
    if empty:
        cure = "Correct it, or the `area_id` of the customers." if phases.areas else "Correct it, or the polygons."
        what = "no customer lies in"
        raise DataError([Fault(f"{what} '{name}'", cure, source=source, setting=setting) for name in empty])
    phase = np.full(len(customers), len(inside), np.int64)
    for number in range(len(inside) - 1, -1, -1):
        phase[inside[number]] = number
    return phase, len(inside)


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
    phases: Phases | None, phase: Ints | None, curve: pd.DataFrame, trenches: pd.DataFrame, *, areas: int = 0
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
        Number of areas that are phases; each has its row, though it connect nobody.

    Returns
    -------
    table
        Of each phase in turn `phase`, its `area` (where areas are named) and `budget` (None where it has none), `cost`
        and `cost_so_far` with the overhead, `customers`, `units` and `units_so_far` that it connects, and `trench_m`.
    """
    if phases is None or phase is None:
        return []
    last = max(len(phases.budgets), areas, int(phase.max(initial=1)))
    end = np.searchsorted(phase, np.arange(1, last + 1), side="right")
    so_far, homes = (curve[name].to_numpy()[end] for name in ("cost", "units"))
    metres = trenches.groupby(trenches["phase"].astype("int64"))["length_m"].sum()
    return [
        {
            "phase": number + 1,
            **({"area": _entry(phases.areas, number)} if phases.areas else {}),
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


def _entry(given: Sequence[float] | Sequence[str], number: int) -> float | str | None:
    return given[number] if number < len(given) else None


def _polygons(source: str, customers: gpd.GeoDataFrame) -> list[shapely.Geometry]:
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
    return list(found.to_crs(customers.crs).geometry)


def _existing(source: str) -> Path:
    from pathlib import Path

    path = Path(source)
    if not path.is_file():
        message = "no such file"
        raise OSError(message)
    return path
