"""Flats that a register lists one by one: one customer for each address, with its flats as homes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from lastmile_net.crs import LONLAT
from lastmile_net.read.addresses import address_numbers, count_flats, leaders

if TYPE_CHECKING:
    import geopandas as gpd

    from lastmile_net.read.complaints import Complaints

FLAT, AREA = "(flat)", "(area)"
"""Columns in which a preset hands on the name of each row's flat, and what tells its address from others like it."""
FOLDED = "flat_ids"


def fold_flats(customers: gpd.GeoDataFrame, told: Complaints) -> gpd.GeoDataFrame:
    """
    Make one customer of the flats of each address.

    An address is folded if any of its rows names a flat: a row without one is the house itself. The lowest id stays;
    `flat_ids` has all of them. Rows without a place, a street or a house number stay as they are.

    Parameters
    ----------
    customers
        Customers sorted by id, with the columns `FLAT` and `AREA`. It is not changed.
    told
        Takes a note.

    Returns
    -------
    customers
        Without those columns. `units` is the number of differently named flats, or what a row tells if that is more;
        homes that are connected are counted in `units_connected`.
    """
    flat, area = (customers[name].to_numpy(dtype=object) for name in (FLAT, AREA))
    rest = customers.drop(columns=[FLAT, AREA])
    placed = (customers.geometry.notna() & ~customers.geometry.is_empty).to_numpy()
    rows = np.flatnonzero(placed)
    some = customers.iloc[rows]
    nobody = np.full(len(rows), None, dtype=object)
    street, number = (some[name].to_numpy(dtype=object, na_value=None) for name in ("street", "housenumber"))
    points = some.geometry.to_crs(LONLAT).to_numpy()
    leader = np.arange(len(customers))
    leader[rows] = rows[leaders(address_numbers(street, number, area[rows], nobody), shapely.get_coordinates(points))]
    names = np.array([None if pd.isna(name) else frozenset({str(name).casefold()}) for name in flat], dtype=object)
    count = count_flats(leader, names)
    leader = np.where(count[leader] > 0, leader, np.arange(len(customers)))
    kept = np.flatnonzero(leader == np.arange(len(customers)))
    if len(kept) == len(customers):
        return rest
    folded = len(customers) - len(kept) + len(np.unique(leader[leader != np.arange(len(customers))]))
    told.note(f"{folded} rows are flats of addresses that are one customer each, with its flats as homes: {FOLDED}")
    return _summed(rest, leader, count).iloc[kept].reset_index(drop=True)


def _summed(customers: gpd.GeoDataFrame, leader: np.ndarray, count: np.ndarray) -> gpd.GeoDataFrame:
    """Give each first row the homes, and the ids, of all rows that it leads."""
    several = np.bincount(leader, minlength=len(leader)) > 1
    units = customers["units"].to_numpy().copy()
    most = units.copy()
    np.maximum.at(most, leader, units)
    connected = customers["connected"].to_numpy(bool)
    served = np.bincount(leader, weights=np.where(connected, units, 0), minlength=len(leader)).astype(np.int64)
    everyone = np.bincount(leader, weights=~connected, minlength=len(leader)) == 0
    ids = pd.Series(customers["customer_id"].to_numpy()).groupby(leader).agg(";".join).reindex(range(len(leader)))
    units[several] = np.maximum(most, count)[several]
    some = several & (served > 0)
    known = customers["units_connected"].to_numpy(dtype=object, na_value=None).copy()
    known[some] = np.minimum(served, units)[some]
    return customers.assign(
        units=units,
        connected=np.where(several, everyone, connected),
        units_connected=pd.Series(known, index=customers.index).astype(customers["units_connected"].dtype),
        **{FOLDED: ids.astype(object).where(several, None).to_numpy()},
    )
