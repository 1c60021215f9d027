"""Customers: addresses given twice, points on one spot, streets too far or not the one that is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from lastmile_net.counts import agree, counted
from lastmile_net.doctor.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from lastmile_net.doctor.examine import Patient

APART_M = 500.0
"""One address at two places farther apart than this is taken for two villages with one street name."""
MAX_UNITS = 2000
SPOT_M = 0.01


def examine(patient: Patient) -> Iterator[Finding]:
    """Find what is wrong with the customers."""
    if not len(patient.customers):
        return
    yield from _duplicate_ids(patient)
    yield from _units(patient)
    yield from _addresses(patient)
    yield from _spots(patient)
    if len(patient.streets):
        yield from _far(patient)
        yield from _street_names(patient)


def address_keys(customers: pd.DataFrame) -> pd.Series[str]:
    """Make a comparable text of each address: street, number, postcode and city; empty where it is not full."""
    parts = {name: _plain(customers, name) for name in ("street", "housenumber", "postcode", "city")}
    key = parts["street"] + "|" + parts["housenumber"] + "|" + parts["postcode"] + "|" + parts["city"]
    return key.where((parts["street"] != "") & (parts["housenumber"] != ""), "")


def _plain(frame: pd.DataFrame, name: str) -> pd.Series[str]:
    if name not in frame:
        return pd.Series("", index=frame.index)
    code, distinct = pd.factorize(frame[name].astype("string").fillna(""))
    plain = np.array([" ".join(text.casefold().split()) for text in distinct], object)
    return pd.Series(plain[code] if len(code) else plain, frame.index, dtype=str)


def spots_of(points: NDArray[np.object_]) -> NDArray[np.int64]:
    """Code of the spot that each point lies on."""
    xy = np.round(shapely.get_coordinates(points) / SPOT_M)
    return np.asarray(pd.factorize(xy[:, 0] + 1j * xy[:, 1])[0], dtype=np.int64)


def _ids(patient: Patient, rows: NDArray[np.int64]) -> tuple[str, ...]:
    return tuple(patient.customer_ids[np.sort(rows)].tolist())


def _at(patient: Patient, rows: NDArray[np.int64]) -> shapely.MultiPoint:
    return shapely.MultiPoint(patient.points[np.sort(rows)].tolist())


def _groups(code: pd.Series[str] | NDArray[np.int64], among: NDArray[np.bool_]) -> Iterator[NDArray[np.int64]]:
    """Row numbers of each value that occurs more than once."""
    values = pd.Series(np.asarray(code))[among]
    values = values[values.duplicated(keep=False)]
    for rows in values.groupby(values, sort=False).indices.values():
        yield np.asarray(values.index.to_numpy()[rows], dtype=np.int64)


def _duplicate_ids(patient: Patient) -> Iterator[Finding]:
    ids = patient.customers["customer_id"]
    for rows in _groups(ids, np.ones(len(ids), bool)):
        name = str(ids.iloc[rows[0]])
        yield Finding(
            "duplicate_id",
            "customers",
            (name,),
            f"{len(rows)} customers are called {name}",
            "Give each customer an id of its own.",
            _at(patient, rows),
            len(rows) - 1,
        )


def _units(patient: Patient) -> Iterator[Finding]:
    if "units" not in patient.customers:
        return
    units = pd.to_numeric(patient.customers["units"], errors="coerce").fillna(1).to_numpy(dtype=float)
    for row in np.flatnonzero((units < 1) | (units > MAX_UNITS) | (units != np.round(units))):
        rows = np.array([row])
        yield Finding(
            "units_absurd",
            "customers",
            _ids(patient, rows),
            f"customer {_ids(patient, rows)[0]} has {units[row]:g} homes",
            f"Give a whole number from 1 to {MAX_UNITS}.",
            patient.points[row],
            1,
        )


def _addresses(patient: Patient) -> Iterator[Finding]:
    keys = address_keys(patient.customers)
    xy = shapely.get_coordinates(patient.points)
    for rows in _groups(keys, (keys != "").to_numpy()):
        near = rows[np.hypot(*(xy[rows] - xy[rows[0]]).T) <= APART_M]
        if len(near) < 2:
            continue
        first = patient.customers.iloc[near[0]]
        yield Finding(
            "address_twice",
            "customers",
            _ids(patient, near),
            f"{first['street']} {first['housenumber']} is given {len(near)} times",
            "Keep one row, with `units` for its homes; --fix merges rows that differ in nothing but their id.",
            _at(patient, near),
            len(near) - 1,
        )


def _spots(patient: Patient) -> Iterator[Finding]:
    keys = address_keys(patient.customers).to_numpy()
    for rows in _groups(spots_of(patient.points), np.ones(len(keys), bool)):
        if len(set(keys[rows])) == 1 and keys[rows[0]]:
            continue  # one address given twice has a finding of its own
        yield Finding(
            "one_spot",
            "customers",
            _ids(patient, rows),
            f"{len(rows)} customers lie on one spot",
            "If they are homes of one house, keep one row and set `units`; "
            "--fix merges rows that differ in nothing but their id.",
            _at(patient, rows),
            len(rows) - 1,
        )


def _far(patient: Patient) -> Iterator[Finding]:
    limit_m = patient.config.max_drop_m
    near, _ = patient.street_tree.query_nearest(patient.points, max_distance=patient.reach_m, all_matches=False)
    far = np.setdiff1d(np.arange(len(patient.points)), near)
    if not len(far):
        return
    (who, _), away_m = patient.street_tree.query_nearest(patient.points[far], return_distance=True, all_matches=False)
    for row, metres in zip(far[who], away_m, strict=True):
        rows = np.array([row])
        yield Finding(
            "far_from_street",
            "customers",
            _ids(patient, rows),
            f"customer {_ids(patient, rows)[0]} is {metres:,.0f} m from the nearest street, the longest drop is "
            f"{limit_m:g} m",
            "Add the missing street, correct the point, or raise max_drop_m.",
            patient.points[row],
            1,
            float(metres),
        )


def _street_names(patient: Patient) -> Iterator[Finding]:
    """Compare the nearest named street with the one that the address names."""
    told = patient.customers["street"].to_numpy(dtype=object) if "street" in patient.customers else np.empty(0)
    theirs, names = _plain(patient.customers, "street").to_numpy(), _plain(patient.streets, "name").to_numpy()
    who, named = np.flatnonzero(theirs != ""), np.flatnonzero(names != "")
    if not len(who) or not len(named):
        return
    tree = shapely.STRtree(patient.street_lines[named])
    limit_m, reach_m = patient.config.max_drop_m, patient.reach_m
    row, street = tree.query_nearest(patient.points[who], max_distance=reach_m, all_matches=False)
    row, nearest = who[row], names[named[street]]
    other = nearest != theirs[row]
    row, nearest, street = row[other], nearest[other], named[street[other]]
    here = np.zeros(len(row), bool)
    pieces = pd.Series(named).groupby(names[named])
    for name, places in pd.Series(row).groupby(theirs[row]).indices.items():
        if name in pieces.indices:
            mine = shapely.STRtree(patient.street_lines[named[pieces.indices[name]]])
            found, _ = mine.query_nearest(patient.points[row[places]], max_distance=reach_m, all_matches=False)
            here[places[found]] = True
    code = pd.Series(theirs[row]) + "|" + nearest + "|" + here.astype(str)
    for places in code.groupby(code).indices.values():
        rows, near_name, is_here = row[places], patient.streets["name"].iloc[street[places[0]]], bool(here[places[0]])
        who_lies = f"{counted(len(rows), 'customer')} of {told[rows[0]]} {agree(len(rows), 'lies', 'lie')}"
        yield Finding(
            "other_street_nearer" if is_here else "street_not_here",
            "customers",
            _ids(patient, rows),
            f"{who_lies} nearer to {near_name}"
            + ("" if is_here else f"; no street of {agree(len(rows), 'its', 'their')} name is within {limit_m:g} m"),
            "Nothing, if these are corner plots: the drop to the named street is tried first."
            if is_here
            else "Check the spelling of the street and the places of the points.",
            _at(patient, rows),
            0 if is_here else len(rows),
        )
