"""What each edge of a network costs, whether it is dug or there already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from lastmile_net.cost.crossings import count_edge_crossings, price_crossings
from lastmile_net.cost.customers import price_fibre
from lastmile_net.cost.money import to_cents
from lastmile_net.cost.reuse import UNLIMITED, labour_of_reuse, price_reuse
from lastmile_net.cost.surfaces import surface_classes
from lastmile_net.network.candidates import enters
from lastmile_net.network.columns import lower_text
from lastmile_net.network.network import BACKBONE, CENTRE, CONNECTOR, CROSSING, LEFT

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from lastmile_net.config.prices import CostModel, Price
    from lastmile_net.network.network import StreetNetwork

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class EdgePrices:
    """
    What each edge of a network costs.

    Parameters
    ----------
    build
        float64 (m,). Price of digging the edge, or of using it where it exists, once; infinite where neither may be.
    fibre
        float64 (m,). Price of each fibre that runs through the edge.
    surface
        object (m,). Ground the edge is priced on, a text; empty where nothing is dug.
    method
        object (m,). How it is dug, a text; empty where nothing is dug.
    labour
        float64 (m,). Part of `build` that is labour.
    forbidden
        bool (m,). The edge may not be used: its class, its `exclude`, an excluded area, a line that is not reused.
    locked
        bool (m,). The planner wants the edge in the plan (`include`); of a street with two sides the left one.
    capacity
        int64 (m,). Homes an existing edge can still carry; `UNLIMITED` for all others.
    crossing
        float64 (m,). Part of `build` that is paid for crossing a street, a railway or a water.
    crossed
        float64 (m, 3). How many of each are crossed, in the order of `CROSSED`.
    """

    build: Floats
    fibre: Floats
    surface: NDArray[np.object_]
    method: NDArray[np.object_]
    labour: Floats
    forbidden: Flags
    locked: Flags
    capacity: Ints
    crossing: Floats
    crossed: Floats


def price_edges(
    network: StreetNetwork,
    model: CostModel,
    *,
    rail_water: gpd.GeoDataFrame | None = None,
    excluded: gpd.GeoDataFrame | None = None,
    barriers: gpd.GeoDataFrame | None = None,
) -> EdgePrices:
    """
    Price every edge of a network.

    Parameters
    ----------
    network
        Streets and existing lines.
    model
        Prices.
    rail_water
        Railways and waters in the network's CRS; each one that a dug edge meets costs a crossing.
    excluded
        Areas in the network's CRS in which nothing is dug; existing lines inside stay usable.
    barriers
        What no connector crosses, as no drop does; streets lead over and through it.

    Returns
    -------
    prices
        One entry per edge.

    Notes
    -----
    A connector is dug on `surface_otherwise`, a crossing on its street's ground. O(m log m).
    """
    surface, method, per_m, labour = _ground(network, model)
    existing = network.kind == BACKBONE
    crossed = count_edge_crossings(network, rail_water)
    crossing = to_cents(price_crossings(crossed, model))
    crossing_labour = price_crossings(crossed, model, labour=True)
    build = to_cents(to_cents(per_m * network.length_m * _cost_factor(network)) + crossing)
    reuse, capacity = price_reuse(network, model)
    build[existing] = to_cents(reuse * network.length_m)[existing]
    labour[existing] = labour_of_reuse(network, model)[existing]
    by_street, by_area = exclusions(network, excluded)
    closed = _forbidden(network, model) | by_street | by_area | _barred(network, barriers)
    forbidden = np.where(existing, ~np.isfinite(build), closed)
    build[forbidden] = np.inf
    surface[existing] = method[existing] = ""
    return EdgePrices(
        build=build,
        fibre=price_fibre(network.length_m, model),
        surface=surface,
        method=method,
        labour=to_cents(np.where(np.isfinite(build), build - crossing, 0.0) * labour + crossing_labour),
        forbidden=forbidden,
        locked=_flag(network, "include")
        & np.isin(network.side, (CENTRE, LEFT))
        & ~existing
        & ~forbidden
        & (network.kind != CROSSING),
        capacity=np.where(existing, capacity, UNLIMITED),
        crossing=crossing,
        crossed=crossed,
    )


def exclusions(network: StreetNetwork, excluded: gpd.GeoDataFrame | None) -> tuple[Flags, Flags]:
    """Return which edges the planner has excluded: by `exclude` of their street, and by an area they run through."""
    return _flag(network, "exclude"), enters(network.geometry, excluded)


def _ground(
    network: StreetNetwork, model: CostModel
) -> tuple[NDArray[np.object_], NDArray[np.object_], Floats, Floats]:
    """Return ground, method, price per metre and labour share of each edge, as if it were dug."""
    surfaces = np.append(surface_classes(network.streets, model), model.surface_otherwise)
    highways = np.append(lower_text(network.streets, "highway").to_numpy(object), "")
    pair, of_street = np.unique((surfaces + "|" + highways).astype(str), return_inverse=True)
    priced = [_dig(label, model) for label in pair.tolist()]
    street = np.where((network.kind == BACKBONE) | (network.kind == CONNECTOR), -1, network.source)
    of_edge = of_street.reshape(-1)[street]
    method = np.array([row[0] for row in priced], object)[of_edge]
    per_m = np.array([row[1].value for row in priced], np.float64)[of_edge]
    labour = np.array([row[1].labour for row in priced], np.float64)[of_edge]
    return surfaces[street], method, per_m, labour


def _dig(label: str, model: CostModel) -> tuple[str, Price]:
    surface, highway = label.split("|", 1)
    price = model.dig_price(surface, highway)  # type: ignore[arg-type]
    assert price is not None  # the model checks itself
    return model.method_on(surface, highway), price  # type: ignore[arg-type]


def _of_street(network: StreetNetwork, values: NDArray[np.generic], otherwise: object) -> NDArray[np.generic]:
    """Spread a value per street over the edges that are dug along streets."""
    row = np.where((network.kind == BACKBONE) | (network.source < 0), len(values), network.source)
    spread: NDArray[np.generic] = np.append(values, np.asarray([otherwise], dtype=values.dtype))[row]
    return spread


def _cost_factor(network: StreetNetwork) -> Floats:
    if "cost_factor" not in network.streets:
        return np.ones(len(network.tail))
    factor = pd.to_numeric(network.streets["cost_factor"]).fillna(1.0).to_numpy(np.float64)
    return _of_street(network, factor, 1.0).astype(np.float64)


def _flag(network: StreetNetwork, column: str) -> Flags:
    if column not in network.streets:
        return np.zeros(len(network.tail), bool)
    values = network.streets[column].astype("boolean").fillna(value=False).to_numpy(bool)
    return _of_street(network, values, otherwise=False).astype(bool)


def _forbidden(network: StreetNetwork, model: CostModel) -> Flags:
    never = lower_text(network.streets, "highway").isin(model.forbidden).to_numpy(bool)
    return _of_street(network, never, otherwise=False).astype(bool)


def _barred(network: StreetNetwork, barriers: gpd.GeoDataFrame | None) -> Flags:
    """Return which connectors a barrier parts."""
    hit = np.zeros(len(network.tail), bool)
    if barriers is not None and len(barriers):
        connector = np.flatnonzero(network.kind == CONNECTOR)
        tree = shapely.STRtree(barriers.geometry.to_numpy())
        hit[connector[tree.query(network.geometry[connector], predicate="intersects")[0]]] = True
    return hit
