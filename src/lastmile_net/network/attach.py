"""Attach customers: the places where each customer's drop could meet the network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import shapely

from lastmile_net.errors import CrsError, Fault
from lastmile_net.network.build import USABLE_ROLES
from lastmile_net.network.candidates import Finder, longest_drop_m
from lastmile_net.network.network import STREET, tidy
from lastmile_net.network.noding import WELD_M
from lastmile_net.network.sides import cross
from lastmile_net.network.split import split
from lastmile_net.network.tie import tie_nodes, usable_lines

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from lastmile_net.network.network import StreetNetwork
    from lastmile_net.network.sides import SideRules

    Flags = NDArray[np.bool_]
    Ints = NDArray[np.int64]


@dataclass(frozen=True)
class DropRules:
    """
    What a candidate drop may be.

    Parameters
    ----------
    max_drop_m
        Longest drop, in metres (inclusive).
    candidates
        At most this many per customer on streets, on streets with different names (different ways where unnamed).
    connector_m
        The new nodes are tied to existing lines up to this distance (inclusive).
    usable_roles
        Roles of existing lines that can carry new customers.
    sides
        Widths of streets, where trenches run on their sides.
    """

    max_drop_m: float = 100.0
    candidates: int = 3
    connector_m: float = 15.0
    usable_roles: tuple[str, ...] = USABLE_ROLES
    sides: SideRules | None = None


DROP_COLUMNS = ("customer_id", "customer", "node", "kind", "street_id", "drop_m")


def attach(
    network: StreetNetwork,
    customers: gpd.GeoDataFrame,
    *,
    rules: DropRules,
    allowed: Flags | None = None,
    tied: Flags | None = None,
    wanted: Flags | None = None,
    barriers: gpd.GeoDataFrame | None = None,
    excluded: gpd.GeoDataFrame | None = None,
) -> tuple[StreetNetwork, gpd.GeoDataFrame]:
    """
    Find candidate drops, and split the network where they meet it.

    The street that the address names comes first, then the nearest others; ties go to the lower `street_id`. One more
    candidate leads to the nearest existing line that new customers can use. A street that is not tied to the backbone
    counts only for a customer that reaches nothing else.

    Parameters
    ----------
    network
        Streets and existing lines.
    customers
        The customers layer in the network's CRS.
    rules
        How far, how many, onto what.
    allowed
        bool (m,). Edges that a drop may meet; all of them if not given.
    tied
        bool (m,). Edges tied to the backbone; all of them if not given.
    wanted
        bool (c,). Customers who need a drop; all of them if not given.
    barriers
        What no drop crosses or touches.
    excluded
        Areas in which nothing is built, so that no drop leads into or through them.

    Returns
    -------
    network
        The network, split.
    drops
        One row per candidate, sorted by customer and preference: `customer_id`, `customer` (row), `node`, `kind` of
        the edge, `street_id`, `drop_m`, geometry from the network to the premises.

    Raises
    ------
    CrsError
        If the CRS of `customers` is not that of `network`.

    Notes
    -----
    O((n + m) log m) with an R-tree over the m edges.
    """
    if customers.crs != network.crs:
        raise CrsError([Fault("customers are not in the network's CRS", "Project them to it.", source="customers")])
    allowed = np.ones(len(network.tail), bool) if allowed is None else allowed
    tied = np.ones(len(network.tail), bool) if tied is None else tied
    points = customers.geometry.to_numpy()
    usable = ~(shapely.is_missing(points) | shapely.is_empty(points))
    rows = np.flatnonzero(usable if wanted is None else usable & wanted)
    lines = usable_lines(network, rules.usable_roles) & allowed
    eligible = np.flatnonzero(((network.kind == STREET) & allowed) | lines)
    longest_m = longest_drop_m(rules.max_drop_m)
    pairs = Finder(network, customers, eligible, tied, barriers, excluded).find(rows, rules.candidates, longest_m)
    network, node = split(network, pairs["edge"].to_numpy(), pairs["offset_m"].to_numpy())
    pairs["node"] = node
    fresh = np.unique(node[pairs["kind"].to_numpy() == STREET])
    if rules.sides is not None:
        network = cross(network, fresh, rules.sides)
    network = tie_nodes(network, fresh, connector_m=rules.connector_m, roles=rules.usable_roles)
    return _finish(network, customers, pairs, longest_m)


def lay_drops(network: StreetNetwork, node: Ints, premises: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return the lines from nodes to premises; whoever stands within `WELD_M` of its node needs no metre."""
    start = np.column_stack([network.x[node], network.y[node]])
    end = shapely.get_coordinates(premises).reshape(-1, 2)
    here = np.hypot(*(end - start).T) <= WELD_M
    end[here] = start[here]
    return np.asarray(shapely.linestrings(np.stack([start, end], axis=1)), object)


def _finish(
    network: StreetNetwork, customers: gpd.GeoDataFrame, pairs: pd.DataFrame, longest_m: float
) -> tuple[StreetNetwork, gpd.GeoDataFrame]:
    """Give nodes their final numbers, and lay the drops from them to the premises."""
    network, number = tidy(network)
    customer, node = pairs["customer"].to_numpy(), number[pairs["node"].to_numpy()]
    geometry = lay_drops(network, node, customers.geometry.to_numpy()[customer])
    name = customers["customer_id"].to_numpy(object)[customer]
    table = pairs.assign(customer_id=name, node=node, drop_m=shapely.length(geometry))
    # two candidates that meet one node are one; where a node is not quite nearest, a drop may have grown too long
    keep = ~table.duplicated(["customer", "node"]).to_numpy() & (table["drop_m"] <= longest_m).to_numpy()
    drops = gpd.GeoDataFrame(table.loc[keep, list(DROP_COLUMNS)], geometry=geometry[keep], crs=network.crs)
    return network, drops.reset_index(drop=True)
