"""Free ports against the homes that wait: too few of them, and buildings that no access point can take in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lastmile_net.counts import agree, counted, homes
from lastmile_net.doctor.customers import MAX_UNITS
from lastmile_net.doctor.findings import Finding
from lastmile_net.doctor.ties import tap_points

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from lastmile_net.config import PlanConfig
    from lastmile_net.doctor.examine import Patient

IN_PARTS = "Give its homes in parts, a customer for each entrance or riser, if they need not hang on one access point"
ELSEWHERE = "or plan with --tap anywhere or --new-access-points"


def examine(patient: Patient) -> Iterator[Finding]:
    """Set ports against homes, where one connects at points only and each tells its free ports."""
    free = _free_ports(patient)
    if not len(free) or np.isnan(free).any() or not len(patient.customers):
        return
    waiting = _homes_waiting(patient.customers)
    if not patient.config.new_access_points and waiting.sum() > free.sum():
        few = f"{counted(free.sum(), 'free port')} at {counted(len(free), 'access point')}"
        what = f"{few} for {homes(waiting.sum())} to connect"
        cure = (
            "Nothing, if these are all; else correct `ports_free`, or plan with --tap anywhere or --new-access-points."
        )
        yield Finding("ports_short", "backbone", (), what, cure)
    most = float(max(free.max(), _largest_new(patient.config)))
    if most > 0:  # where all are full everybody is too large, and the sum above says so
        yield from _too_large(patient, waiting, most)


def _free_ports(patient: Patient) -> NDArray[np.float64]:
    """Return the free ports of each access point, nan where it tells none; nothing where lines may be tapped."""
    points = patient.backbone[tap_points(patient.backbone, patient.config.tap_roles)]
    if patient.config.tap == "anywhere":
        return np.empty(0)
    if "ports_free" not in points:
        return np.full(len(points), np.nan)
    ports: NDArray[np.float64] = pd.to_numeric(points["ports_free"], errors="coerce").to_numpy(np.float64)
    return ports


def _largest_new(config: PlanConfig) -> int:
    """Return the ports of the largest access point that may be placed; 0 where none may."""
    catalogue = config.cost.access_points.values() if config.new_access_points else ()
    return max((entry.ports for entry in catalogue), default=0)


def _homes_waiting(customers: pd.DataFrame) -> NDArray[np.int64]:
    """Count the homes to connect of each customer: those without a line, where it is not excluded."""
    units = _numbers(customers, "units", 1)
    served = np.where(_flags(customers, "connected"), units, _numbers(customers, "units_connected", 0))
    left = np.clip(units - served, 0, None)
    asks = ~_flags(customers, "exclude") & (units <= MAX_UNITS)  # more have a finding of their own
    waiting: NDArray[np.int64] = np.where(asks, left, 0).astype(np.int64)
    return waiting


def _too_large(patient: Patient, waiting: NDArray[np.int64], most: float) -> Iterator[Finding]:
    cure = f"{IN_PARTS}; {ELSEWHERE}."
    if patient.config.new_access_points:
        cure = f"{IN_PARTS}; or add a larger one to [cost.access_points]."
    for row in np.flatnonzero(waiting > most):
        name = str(patient.customer_ids[row])
        limit = f"no access point has more than {most:,.0f} {agree(most, 'port', 'ports')} for it"
        what = f"customer {name} has {homes(waiting[row])} to connect, {limit}"
        yield Finding("building_too_large", "customers", (name,), what, cure, patient.points[row], 1)


def _numbers(table: pd.DataFrame, name: str, otherwise: float) -> NDArray[np.float64]:
    if name not in table:
        return np.full(len(table), float(otherwise))
    return pd.to_numeric(table[name], errors="coerce").fillna(otherwise).to_numpy(np.float64)


def _flags(table: pd.DataFrame, name: str) -> NDArray[np.bool_]:
    if name not in table:
        return np.zeros(len(table), bool)
    return table[name].astype("boolean").fillna(value=False).to_numpy(bool)
