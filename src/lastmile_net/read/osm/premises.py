"""Customers from addresses and buildings: each address once, with its homes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from lastmile_net.counts import agree
from lastmile_net.read.addresses import address_numbers, count_flats, leaders
from lastmile_net.read.osm.tags import flats_of, is_address, is_home, street_of, units_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.read.osm.columns import Tags
    from lastmile_net.read.osm.outlines import Shapes


def customers_of(
    idents: NDArray[np.object_],
    tags: Tags,
    shapes: Shapes,
    customers: str,
    notes: list[str],
) -> pd.DataFrame:
    """
    Make customers: one row per address or residential building.

    Parameters
    ----------
    idents, tags, shapes
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
    shapes = shapes.take(ours)
    frame = _describe(idents[ours], tags.take(ours), shapes)
    inside = _inside(frame, shapes)
    frame = _spread_flats(frame, inside)
    if customers == "buildings":
        frame = _with_addresses_inside(frame, inside)
        left_out = frame["address"] & ~frame["home"] & ~frame.index.isin(inside.index)
        if left_out.any():
            one = "1 address lies outside residential buildings and is left out"
            many = f"{left_out.sum():,} addresses lie outside residential buildings and are left out"
            notes.append(agree(left_out.sum(), one, many))
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


def _describe(idents: NDArray[np.object_], tags: Tags, shapes: Shapes) -> pd.DataFrame:
    columns = {
        "customer_id": idents,
        "street": street_of(tags),
        "housenumber": tags.texts("addr:housenumber", "addr:housename"),
        "postcode": tags.texts("addr:postcode"),
        "city": tags.texts("addr:city"),
        "units": units_of(tags),
        "flats": flats_of(tags),
        "told": tags.has("building:flats"),
        "geometry": shapes.points(),
        "address": is_address(tags),
        "home": is_home(tags),
    }
    return pd.DataFrame({name: pd.Series(cells, dtype=cells.dtype, copy=False) for name, cells in columns.items()})


def _inside(frame: pd.DataFrame, shapes: Shapes) -> pd.Series[int]:
    """Return, for each address point that lies in a residential building, the row of that building."""
    areas, points = shapes.areas, frame["geometry"].to_numpy()
    buildings = np.flatnonzero(frame["home"].to_numpy() & areas)
    which = np.flatnonzero((frame["address"] & ~frame["home"]).to_numpy() & ~areas)
    buildings = shapes.near(shapely.get_coordinates(points[which]), buildings)
    found, where = shapely.STRtree(shapes.drawn(buildings)).query(points[which], predicate="intersects")
    pairs = pd.DataFrame({"point": which[found], "building": buildings[where]}).sort_values(["point", "building"])
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
