"""Customers from addresses and buildings: each address once, with its homes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from lastmile_net.read.osm.tags import flats_of, is_address, is_home, street_of, units_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

APART_M = 500.0
"""Two places with one address that lie farther apart than this are two premises of villages that share street names."""
_DEGREE_M = 111_195.0


def customers_of(
    idents: NDArray[np.object_],
    tags: NDArray[np.object_],
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
    address = np.array([is_address(each) for each in tags], dtype=bool)
    home = np.array([is_home(each) for each in tags], dtype=bool)
    ours = np.flatnonzero(address | home)
    frame = _describe(idents[ours], tags[ours], geometry[ours])
    frame["address"], frame["home"] = address[ours], home[ours]
    inside = _inside(frame)
    frame = _spread_flats(frame, inside)
    if customers == "buildings":
        frame = _with_addresses_inside(frame, inside)
        left_out = frame["address"] & ~frame["home"] & ~frame.index.isin(inside.index)
        if left_out.any():
            notes.append(f"{int(left_out.sum())} addresses lie outside residential buildings and are left out")
        chosen = frame[frame["home"]]
    else:
        alone = ~frame["address"] & frame["home"] & ~frame.index.isin(inside) & (customers == "both")
        chosen = frame[frame["address"] | alone]
    once = _each_address_once(chosen)
    if len(once) < len(chosen):
        notes.append(f"{len(chosen) - len(once)} repeated mentions of an address are folded into one customer each")
    columns = ["customer_id", "street", "housenumber", "postcode", "city", "units", "geometry"]
    return once[columns].reset_index(drop=True)


def _describe(idents: NDArray[np.object_], tags: NDArray[np.object_], geometry: NDArray[np.object_]) -> pd.DataFrame:
    def column(name: str) -> NDArray[np.object_]:
        return np.array([each.get(name) for each in tags], dtype=object)

    number = [each.get("addr:housenumber") or each.get("addr:housename") for each in tags]
    return pd.DataFrame(
        {
            "customer_id": idents,
            "street": np.array([street_of(each) for each in tags], dtype=object),
            "housenumber": np.array(number, dtype=object),
            "postcode": column("addr:postcode"),
            "city": column("addr:city"),
            "units": np.array([units_of(each) for each in tags], dtype=np.int64),
            "flats": np.array([flats_of(each) for each in tags], dtype=object),
            "told": np.array(["building:flats" in each for each in tags], dtype=bool),
            "geometry": _points(geometry),
            "footprint": _footprints(geometry),
        }
    )


def _points(geometry: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return a point for each: of an area its centre, or a place inside it where the centre is outside."""
    points = np.asarray(shapely.centroid(geometry), dtype=object)
    areas = np.flatnonzero(np.isin(shapely.get_type_id(geometry), (3, 6)))
    outside = areas[~shapely.contains(geometry[areas], points[areas])]
    points[outside] = shapely.point_on_surface(geometry[outside])
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
    frame = frame.copy()
    distinct = _each_address_once(frame.loc[inside.index])
    homes = distinct["units"].groupby(inside.loc[distinct.index]).sum()
    rows = homes.index.to_numpy()
    frame.loc[rows, "units"] = np.maximum(frame.loc[rows, "units"], homes)
    first = inside.reset_index().drop_duplicates("building").set_index("building")["point"]
    first = first[~frame.loc[first.index, "address"].to_numpy()]
    for name in ("street", "housenumber", "postcode", "city"):
        frame.loc[first.index, name] = frame.loc[first.to_numpy(), name].to_numpy()
    return frame


def _each_address_once(frame: pd.DataFrame) -> pd.DataFrame:
    """
    Fold repeated mentions of one address into its first, with the most homes that any tells of.

    An address is street, number and postcode (the city where there is no postcode), at one place:
    mentions more than `APART_M` apart stay apart.
    """
    key = _address_key(frame)
    group = key.where(key != "", frame["customer_id"])
    repeated = group.duplicated(keep=False)
    some = frame[repeated]
    leader = pd.Series(frame.index, index=frame.index)
    xy = _local_metres(some["geometry"].to_numpy()) if len(some) else np.empty((0, 2))
    place = pd.Series(np.arange(len(some)), index=some.index)
    for members in group[repeated].groupby(group[repeated], sort=False).groups.values():
        leader.loc[members] = _leaders(np.asarray(members), xy[place.loc[members].to_numpy()])
    kept = frame[leader == frame.index].copy()
    kept["units"] = np.maximum(frame["units"].groupby(leader).max().loc[kept.index], _named_flats(frame, leader))
    return kept


def _named_flats(frame: pd.DataFrame, leader: pd.Series[int]) -> NDArray[np.int64]:
    """Count the differently named flats that the mentions of each address tell of."""
    named: dict[int, set[str]] = {}
    for first, flats in zip(leader.tolist(), frame["flats"].tolist(), strict=True):
        if flats:
            named.setdefault(first, set()).update(flats)
    rows = frame.index[leader == frame.index]
    return np.array([len(named.get(row, ())) for row in rows.tolist()], dtype=np.int64)


def _leaders(members: NDArray[np.int64], xy: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return, for each mention, the first mention at its place."""
    leaders: list[int] = []
    result = np.empty(len(members), np.int64)
    for row in range(len(members)):
        gaps = [float(np.hypot(*(xy[row] - xy[other]))) for other in leaders]
        near = [other for other, gap in zip(leaders, gaps, strict=True) if gap <= APART_M]
        if not near:
            leaders.append(row)
        result[row] = members[near[0] if near else row]
    return result


def _address_key(frame: pd.DataFrame) -> pd.Series[str]:
    street, number = _plain(frame["street"]), _plain(frame["housenumber"])
    postcode = _plain(frame["postcode"])
    area = postcode.where(postcode != "", "@" + _plain(frame["city"]))
    return (street + "|" + number + "|" + area).where((street != "") & (number != ""), "")


def _plain(text: pd.Series[str]) -> pd.Series[str]:
    return text.fillna("").astype(str).str.casefold().str.split().str.join(" ")


def _local_metres(points: NDArray[np.object_]) -> NDArray[np.float64]:
    """Coordinates in metres, good enough to tell neighbours from strangers."""
    lonlat = shapely.get_coordinates(points)
    scale = np.cos(np.radians(lonlat[:, 1].mean()))
    return np.asarray(lonlat * np.array([scale * _DEGREE_M, _DEGREE_M]))
