"""Customers from addresses and buildings: each address once, with its homes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from lastmile_net.read.addresses import address_numbers, count_flats, leaders
from lastmile_net.read.osm.tags import flats_of, is_address, is_home, street_of, units_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.read.osm.columns import Tags


def customers_of(
    idents: NDArray[np.object_],
    tags: Tags,
    geometry: NDArray[np.object_],
    customers: str,
    notes: list[str],
) -> pd.DataFrame:
    """
    Make customers: one row per address or residential building.

    Parameters
    ----------
    idents, tags, geometry
        Objects in the order of their ids, points before areas.
    customers
        `addresses`: what has an address; `buildings`: residential buildings, with the addresses inside
        them as theirs; `both`: addresses, and residential buildings that have none on or in them.
    notes
        Filled with what a planner should know.

    Returns
    -------
    customers
        `customer_id`, `street`, `housenumber`, `postcode`, `city`, `units`, `geometry` (points).
    """
    ours = np.flatnonzero(is_address(tags) | is_home(tags))
    frame = _describe(idents[ours], tags.take(ours), geometry[ours])
    inside = _inside(frame)
    frame = _spread_flats(frame, inside)
    if customers == "buildings":
        frame = _with_addresses_inside(frame, inside)
        left_out = frame["address"] & ~frame["home"] & ~frame.index.isin(inside.index)
        if left_out.any():
            notes.append(f"{int(left_out.sum())} addresses lie outside residential buildings and are left out")
        chosen = frame[frame["home"]]
    else:
        chosen = frame[frame["address"]]
        if customers == "both":
            chosen = frame[frame["address"] | (frame["home"] & ~frame.index.isin(inside))]
    once = _each_address_once(chosen)
    if len(once) < len(chosen):
        notes.append(f"{len(chosen) - len(once)} repeated mentions of an address are folded into one customer each")
    columns = ["customer_id", "street", "housenumber", "postcode", "city", "units", "geometry"]
    return once[columns].reset_index(drop=True)


def _describe(idents: NDArray[np.object_], tags: Tags, geometry: NDArray[np.object_]) -> pd.DataFrame:
    columns = {
        "customer_id": idents,
        "street": street_of(tags),
        "housenumber": tags.texts("addr:housenumber", "addr:housename"),
        "postcode": tags.texts("addr:postcode"),
        "city": tags.texts("addr:city"),
        "units": units_of(tags),
        "flats": flats_of(tags),
        "told": tags.has("building:flats"),
        "geometry": _points(geometry),
        "footprint": _footprints(geometry),
        "address": is_address(tags),
        "home": is_home(tags),
    }
    return pd.DataFrame({name: pd.Series(cells, dtype=cells.dtype, copy=False) for name, cells in columns.items()})


def _points(geometry: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return a point for each: of an area its centre, or a place inside it where the centre is outside."""
    points = geometry.copy()
    wide = np.flatnonzero(shapely.get_type_id(geometry) != 0)
    points[wide] = shapely.centroid(geometry[wide])
    areas = wide[np.isin(shapely.get_type_id(geometry[wide]), (3, 6))]
    x, y = shapely.get_coordinates(points[areas]).T
    outside = areas[~shapely.contains_xy(geometry[areas], x, y)]
    points[outside] = shapely.point_on_surface(shapely.make_valid(geometry[outside]))
    return points


def _footprints(geometry: NDArray[np.object_]) -> NDArray[np.object_]:
    areas = np.isin(shapely.get_type_id(geometry), (3, 6))
    prints = geometry.copy()
    prints[~areas] = None
    return prints


def _inside(frame: pd.DataFrame) -> pd.Series[int]:
    """Return, for each address point that lies in a residential building, the row of that building."""
    buildings = np.flatnonzero(frame["home"] & frame["footprint"].notna())
    points = np.flatnonzero(frame["address"] & ~frame["home"] & frame["footprint"].isna())
    tree = shapely.STRtree(frame["footprint"].to_numpy()[buildings])
    which, where = tree.query(frame["geometry"].to_numpy()[points], predicate="intersects")
    pairs = pd.DataFrame({"point": points[which], "building": buildings[where]}).sort_values(["point", "building"])
    return pairs.drop_duplicates("point").set_index("point")["building"]


def _spread_flats(frame: pd.DataFrame, inside: pd.Series[int]) -> pd.DataFrame:
    """Hand the flats that a building tells of to the addresses inside it, evenly, the first ones getting the rest."""
    told = inside[frame["told"].to_numpy()[inside.to_numpy()]]
    units = frame["units"].to_numpy().copy()
    for building, points in told.groupby(told).groups.items():
        rows = np.sort(np.asarray(points))
        flats = int(units[int(str(building))])
        if units[rows].sum() < flats:
            units[rows] = flats // len(rows) + (np.arange(len(rows)) < flats % len(rows))
    return frame.assign(units=units)


def _with_addresses_inside(frame: pd.DataFrame, inside: pd.Series[int]) -> pd.DataFrame:
    """Give buildings without an address the first one inside, and each building the homes of its addresses."""
    distinct = _each_address_once(frame.loc[inside.index])
    units = frame["units"].to_numpy().copy()
    homes = np.zeros_like(units)
    np.add.at(homes, inside.loc[distinct.index].to_numpy(), distinct["units"].to_numpy())
    first = ~inside.duplicated().to_numpy() & ~frame["address"].to_numpy()[inside.to_numpy()]
    points, buildings = inside.index.to_numpy()[first], inside.to_numpy()[first]
    frame = frame.assign(units=np.maximum(units, homes))
    for name in ("street", "housenumber", "postcode", "city"):
        cells = frame[name].to_numpy().copy()
        cells[buildings] = cells[points]
        frame[name] = pd.Series(cells, dtype=object)
    return frame


def _each_address_once(frame: pd.DataFrame) -> pd.DataFrame:
    """
    Fold repeated mentions of one address into its first, with the most homes that any tells of.

    An address is street, number and postcode (the city where there is no postcode), at one place:
    mentions more than `APART_M` apart stay apart.
    """
    lonlat = shapely.get_coordinates(frame["geometry"].to_numpy())
    texts = (frame[name].to_numpy() for name in ("street", "housenumber", "postcode", "city"))
    leader = leaders(address_numbers(*texts), lonlat)
    units = frame["units"].to_numpy().copy()
    np.maximum.at(units, leader, frame["units"].to_numpy())
    kept = np.flatnonzero(leader == np.arange(len(frame)))
    units = np.maximum(units, count_flats(leader, frame["flats"].to_numpy()))
    return frame.iloc[kept].assign(units=units[kept])
