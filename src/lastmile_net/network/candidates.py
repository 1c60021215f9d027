"""Which streets a customer's drop could meet: the one its address names, the nearest others, the nearest line."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from lastmile_net.network.network import BACKBONE, STREET
from lastmile_net.network.noding import TOUCH_M, WELD_M

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from lastmile_net.network.network import StreetNetwork

    Flags = NDArray[np.bool_]
    Ints = NDArray[np.int64]

AT_ONCE_M = 250.0
"""Up to here all streets are looked at; farther ones only for customers who lack candidates, twice as far each time."""


@dataclass(frozen=True, eq=False)
class Finder:
    """
    A search for candidates.

    Parameters
    ----------
    network, customers
        Streets and existing lines; premises, in the same CRS.
    eligible
        int64. Edges that a drop may meet.
    tied
        bool (m,). Edges tied to the backbone: others count only for a customer that reaches none of them.
    barriers, excluded
        What no drop crosses or touches; areas in which nothing is built; None where there are none.
    """

    network: StreetNetwork
    customers: gpd.GeoDataFrame
    eligible: Ints
    tied: Flags
    barriers: gpd.GeoDataFrame | None
    excluded: gpd.GeoDataFrame | None

    def find(self, rows: Ints, candidates: int, longest_m: float) -> pd.DataFrame:
        """
        Return the candidates of some customers, by customer and preference.

        Parameters
        ----------
        rows
            Customers who need a drop.
        candidates
            At most this many on streets with different names, and one more on a line.
        longest_m
            Longest drop, in metres (inclusive).

        Returns
        -------
        pairs
            `customer`, `edge`, `offset_m` along it, and how they were chosen.
        """
        found, reach_m = [], min(AT_ONCE_M, longest_m)
        while True:
            pairs = self._pairs(rows, self.eligible, reach_m)
            if reach_m < longest_m:
                farther = [
                    pairs,
                    *self._namesakes(rows, longest_m),
                    self._pairs(rows, self._lines, longest_m, near=True),
                ]
                pairs = pd.concat(farther).drop_duplicates(["customer", "edge"])
            chosen = self._choose(self._open(pairs), candidates)
            if reach_m < longest_m:
                full = chosen["tied"] & (chosen["kind"] == STREET)
                count = chosen["customer"][full].value_counts()
                done = count.index[count >= candidates].to_numpy(np.int64)
                chosen = chosen[chosen["customer"].isin(done)]
                rows = np.setdiff1d(rows, done)
            else:
                rows = rows[:0]
            found.append(chosen)
            if not len(rows):
                return pd.concat(found).sort_values("customer", kind="stable").reset_index(drop=True)
            reach_m = min(2 * reach_m, longest_m)

    @cached_property
    def _lines(self) -> Ints:
        """Existing lines among the edges that a drop may meet."""
        lines: Ints = self.eligible[self.network.kind[self.eligible] == BACKBONE]
        return lines

    @cached_property
    def _pieces(self) -> dict[str, Ints]:
        """Edges that a drop may meet, by the name of their street."""
        edge = self.eligible[self.network.kind[self.eligible] == STREET]
        name = plain_names(self.network.streets["name"])[self.network.source[edge]]
        return {str(key): edge[places] for key, places in pd.Series(name).groupby(name).indices.items() if key}

    def _namesakes(self, rows: Ints, longest_m: float) -> list[pd.DataFrame]:
        """Return pairs with all of the street that each address names."""
        address = pd.Series(plain_names(self.customers["street"])[rows])
        return [
            self._pairs(rows[places], self._pieces[str(name)], longest_m)
            for name, places in address.groupby(address).indices.items()
            if name in self._pieces
        ]

    def _pairs(self, rows: Ints, edges: Ints, reach_m: float, *, near: bool = False) -> pd.DataFrame:
        """Return customers and edges within reach of each other; `near` only the nearest edge of each."""
        points, tree = self._points, shapely.STRtree(self.network.geometry[edges])
        if near:
            at, edge = tree.query_nearest(points[rows], max_distance=reach_m, all_matches=False)
        else:
            at, edge = tree.query(points[rows], predicate="dwithin", distance=reach_m)
        customer, edge = rows[at], edges[edge]
        distance = np.asarray(shapely.distance(points[customer], self.network.geometry[edge]), np.float64)
        return pd.DataFrame({"customer": customer, "edge": edge, "distance_m": distance})

    @property
    def _points(self) -> NDArray[np.object_]:
        points: NDArray[np.object_] = self.customers.geometry.to_numpy()
        return points

    def _open(self, pairs: pd.DataFrame) -> pd.DataFrame:
        """Leave out drops that are not open."""
        ends = self._points[pairs["customer"]], self.network.geometry[pairs["edge"]]
        return pairs[~blocked(*ends, self.barriers, self.excluded)].reset_index(drop=True)

    def _choose(self, pairs: pd.DataFrame, candidates: int) -> pd.DataFrame:
        """Keep the preferred candidates of each customer."""
        network, customers, edge = self.network, self.customers, pairs["edge"].to_numpy()
        kind = network.kind[edge]
        pairs = pairs.assign(kind=kind, tied=self.tied[edge], street_id=network.street_id[edge])
        named = plain_names(network.streets["name"])
        source = np.where(kind == STREET, network.source[edge], -1)
        name = np.append(named, "")[source]
        pairs["street"] = np.where(kind == BACKBONE, "\0line", np.where(name == "", "\0" + pairs["street_id"], name))
        address = plain_names(customers["street"])[pairs["customer"].to_numpy()]
        pairs["rank"] = np.where(kind == BACKBONE, 2, np.where((name != "") & (name == address), 0, 1))
        main = pairs.groupby("customer")["tied"].transform("any")
        pairs = pairs[pairs["tied"] | ~main]
        pairs = pairs.assign(rounded=pairs["distance_m"].round(6))
        pairs = pairs.sort_values(["customer", "rounded", "street_id", "edge"], kind="stable")
        pairs = pairs.drop_duplicates(["customer", "street"])
        pairs = pairs.sort_values(["customer", "rank", "rounded", "street_id"], kind="stable")
        place = pairs.groupby("customer").cumcount()
        pairs = pairs[(place < candidates) | (pairs["kind"] == BACKBONE)].reset_index(drop=True)
        at = self._points[pairs["customer"].to_numpy()]
        pairs["offset_m"] = shapely.line_locate_point(network.geometry[pairs["edge"].to_numpy()], at)
        return pairs


def longest_drop_m(max_drop_m: float) -> float:
    """Return up to where (inclusive) a drop keeps its limit: it counts in millimetres, within 1 cm none is there."""
    return max(max_drop_m + TOUCH_M, WELD_M)


def blocked(
    points: NDArray[np.object_],
    lines: NDArray[np.object_],
    barriers: gpd.GeoDataFrame | None,
    excluded: gpd.GeoDataFrame | None,
) -> Flags:
    """
    Return which of the straight ways from points to the nearest places on lines are not open to a drop.

    Parameters
    ----------
    points, lines
        object (k,). Premises, and what their drops would meet.
    barriers
        What no drop crosses; touching it counts.
    excluded
        Areas in which nothing is built; touching the rim does not count.
    """
    shut = np.zeros(len(points), bool)
    given = [layer for layer in (barriers, excluded) if layer is not None and len(layer)]
    if len(points) == 0 or not given:
        return shut
    ways = np.asarray(shapely.shortest_line(points, lines), object)
    if barriers is not None and len(barriers):
        shut[shapely.STRtree(barriers.geometry.to_numpy()).query(ways, predicate="intersects")[0]] = True
    return shut | enters(ways, excluded)


def enters(lines: NDArray[np.object_], excluded: gpd.GeoDataFrame | None) -> Flags:
    """Return which lines run through an excluded area; touching its rim does not count."""
    hit = np.zeros(len(lines), bool)
    if excluded is not None and len(excluded):
        areas = excluded.geometry.to_numpy()
        line, area = shapely.STRtree(areas).query(lines, predicate="intersects")
        hit[line[~shapely.touches(lines[line], areas[area])]] = True
    return hit


def plain_names(values: pd.Series[str]) -> NDArray[np.object_]:
    """Return street names ready to be compared: case, spaces, points and the usual abbreviations set aside."""
    text = values.astype(object).where(values.notna(), "").astype(str).str.casefold().str.strip()
    text = text.str.replace(r"str(\.|\b)(?!\w)", "strasse", regex=True).str.replace("straße", "strasse")
    return text.str.replace(r"[\s.\-']+", "", regex=True).to_numpy(object)
