"""
What edges, drops and equipment cost, and what it all adds up to.

Every amount is rounded to whole cents (hundredths of the currency) where it arises, so that sums of what a table
shows are the totals beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from lastmile_net.config.prices import SURFACES
from lastmile_net.network.network import BACKBONE, CENTRE, CONNECTOR, CROSSING, HALF, LEFT

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from lastmile_net.config.prices import CostModel, Price
    from lastmile_net.network.network import StreetNetwork

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Flags = NDArray[np.bool_]

UNLIMITED = -1
"""Capacity of an edge that carries any number of homes."""


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


@dataclass(frozen=True)
class CostBreakdown:
    """Where the money goes; `total` is the sum of the others, to the cent."""

    total: float
    trench: float
    drop: float
    reuse: float
    fibre: float
    equipment: float
    overhead: float


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
    crossing = to_cents(_street_crossings(network, model) + price_crossings(network.geometry, model, rail_water))
    crossing[existing] = 0.0
    crossing_labour = np.where(
        existing | ~np.isfinite(crossing),
        0.0,
        _street_crossings(network, model) * model.crossing.street.labour
        + price_crossings(network.geometry, model, rail_water, labour=True),
    )
    build = to_cents(to_cents(per_m * network.length_m * _cost_factor(network)) + crossing)
    reuse, capacity = _reuse(network, model)
    build[existing] = to_cents(reuse * network.length_m)[existing]
    labour[existing] = _labour_of_reuse(network, model)[existing]
    closed = _forbidden(network, model) | _inside(network, excluded) | _barred(network, barriers)
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
    )


def price_drops(drop_m: Floats, model: CostModel) -> Floats:
    """Return the price of each drop of the given length: fixed, and per metre beyond the included length."""
    beyond = np.maximum(np.asarray(drop_m, np.float64) - model.drop_included_m, 0.0)
    return to_cents(model.drop_fixed.value + beyond * model.drop_per_m.value)


def labour_of_drops(drop_m: Floats, model: CostModel) -> Floats:
    """Return the part of the price of each drop that is labour."""
    beyond = np.maximum(np.asarray(drop_m, np.float64) - model.drop_included_m, 0.0)
    fixed, metres = model.drop_fixed, model.drop_per_m
    return to_cents(fixed.value * fixed.labour + beyond * metres.value * metres.labour)


def price_fibre(length_m: Floats, model: CostModel) -> Floats:
    """Return the price of one fibre over each of the given lengths."""
    return to_cents(np.asarray(length_m, np.float64) * model.fibre_cost_per_m.value)


def price_equipment(units: Ints, model: CostModel) -> Floats:
    """Return what equipment costs for each customer with that many homes to be connected."""
    total = np.zeros(len(units))
    for price in model.equipment.values():
        each = _whole_cents(price.value)
        total += each * units if price.unit == "home" else each
    return to_cents(total)


def labour_of_equipment(units: Ints, model: CostModel) -> float:
    """Return the part of the price of all equipment that is labour."""
    number = {"home": int(np.sum(units)), "customer": len(units)}
    parts = [_whole_cents(price.value) * price.labour * number[price.unit] for price in model.equipment.values()]
    return _whole_cents(sum(parts))


def overhead_on(amount: float, model: CostModel) -> float:
    """
    Return the overhead on an amount, in whole cents.

    It never falls where the amount grows, so a bound on the amount with its overhead is a bound on the whole.
    """
    return _whole_cents(amount * model.overhead_percent / 100)


def with_overhead(amount: float, model: CostModel) -> float:
    """Return an amount and the overhead on it: turns a lower bound on the parts into one on the total."""
    return from_cents(_cents(amount) + _cents(overhead_on(amount, model)))


def with_overheads(amounts: Floats, model: CostModel) -> Floats:
    """Return amounts, each with the overhead on it, in whole cents; what is not finite stays so."""
    net = to_cents(amounts)
    total: Floats = np.round(net * 100 + to_cents(net * model.overhead_percent / 100) * 100) / 100
    return total


def total_cost(
    model: CostModel, *, trench: float, drop: float, reuse: float = 0.0, fibre: float = 0.0, equipment: float = 0.0
) -> CostBreakdown:
    """
    Add up a plan's money.

    Parameters
    ----------
    model
        Prices; its overhead goes on top.
    trench, drop, reuse, fibre, equipment
        Sums of the plan's parts, each made of amounts in whole cents.

    Returns
    -------
    breakdown
        The parts, the overhead and their sum.

    Examples
    --------
    >>> from lastmile_net.config import CostModel
    >>> total_cost(CostModel.preset("example-eur"), trench=1000.05, drop=850).total
    2035.06
    """
    net = from_cents(sum(map(_cents, (trench, drop, reuse, fibre, equipment))))
    return CostBreakdown(
        total=with_overhead(net, model),
        trench=from_cents(_cents(trench)),
        drop=from_cents(_cents(drop)),
        reuse=from_cents(_cents(reuse)),
        fibre=from_cents(_cents(fibre)),
        equipment=from_cents(_cents(equipment)),
        overhead=overhead_on(net, model),
    )


def to_cents(money: Floats) -> Floats:
    """Round to whole cents; halves go up, whatever the binary fraction makes of them."""
    return np.floor(np.asarray(money, np.float64) * 100 + 0.5 + 1e-7) / 100


def from_cents(cents: int) -> float:
    """Return a whole number of cents as money."""
    return cents / 100


def surface_classes(streets: pd.DataFrame, model: CostModel) -> NDArray[np.object_]:
    """Return the class of ground of each street, from its `surface`, else its `highway`, else the model's default."""
    return _known_surfaces(streets, model).fillna(model.surface_otherwise).to_numpy(object)


def guessed_surfaces(streets: pd.DataFrame, model: CostModel) -> int:
    """Count the streets whose ground neither `surface` nor `highway` tells, where the price depends on it."""
    prices = {price.value for surface in SURFACES if (price := model.dig_price(surface)) is not None}
    return int(_known_surfaces(streets, model).isna().sum()) if len(prices) > 1 else 0


def _known_surfaces(streets: pd.DataFrame, model: CostModel) -> pd.Series:
    tag = _text(streets, "surface").str.replace(r"[;:].*$", "", regex=True).str.strip()
    by_class = _text(streets, "highway").map(model.surface_of_highway)
    return tag.map(model.surface_of_tag).fillna(by_class)


def _ground(
    network: StreetNetwork, model: CostModel
) -> tuple[NDArray[np.object_], NDArray[np.object_], Floats, Floats]:
    """Return ground, method, price per metre and labour share of each edge, as if it were dug."""
    surfaces = np.append(surface_classes(network.streets, model), model.surface_otherwise)
    highways = np.append(_text(network.streets, "highway").to_numpy(object), "")
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


def _of_line(network: StreetNetwork, values: Floats) -> Floats:
    """Spread a value per backbone row over the edges that exist; nan elsewhere."""
    row = np.where(network.kind == BACKBONE, network.source, len(values))
    return np.append(values, np.nan)[row]


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
    never = _text(network.streets, "highway").isin(model.forbidden).to_numpy(bool)
    return _of_street(network, never, otherwise=False).astype(bool) | _flag(network, "exclude")


def _inside(network: StreetNetwork, excluded: gpd.GeoDataFrame | None) -> Flags:
    """Return which edges run through an excluded area; touching its rim does not count."""
    hit = np.zeros(len(network.tail), bool)
    if excluded is None or excluded.empty:
        return hit
    areas = excluded.geometry.to_numpy()
    edge, area = shapely.STRtree(areas).query(network.geometry, predicate="intersects")
    hit[edge[~shapely.touches(network.geometry[edge], areas[area])]] = True
    return hit


def _barred(network: StreetNetwork, barriers: gpd.GeoDataFrame | None) -> Flags:
    """Return which connectors a barrier parts."""
    hit = np.zeros(len(network.tail), bool)
    if barriers is not None and len(barriers):
        connector = np.flatnonzero(network.kind == CONNECTOR)
        tree = shapely.STRtree(barriers.geometry.to_numpy())
        hit[connector[tree.query(network.geometry[connector], predicate="intersects")[0]]] = True
    return hit


def _street_crossings(network: StreetNetwork, model: CostModel) -> Floats:
    """Return the price of crossing the street itself, on top of the metres."""
    share = np.where(network.side == HALF, 0.5, 1.0)
    return np.where(network.kind == CROSSING, model.crossing.street.value * share, 0.0)


def price_crossings(
    lines: NDArray[np.object_], model: CostModel, rail_water: gpd.GeoDataFrame | None, *, labour: bool = False
) -> Floats:
    """
    Return what each line pays for the railways and waters it meets, on top of its metres.

    Parameters
    ----------
    lines
        object (k,). Lines that are dug.
    model
        Prices.
    rail_water
        Railways and waters in the same CRS; each one that a line meets is one crossing.
    labour
        Return the part that is labour.
    """
    price = np.zeros(len(lines))
    if rail_water is None or rail_water.empty:
        return price
    kind = _text(rail_water, "kind").to_numpy(object)
    rail, water = (
        each.value * (each.labour if labour else 1.0) for each in (model.crossing.rail, model.crossing.water)
    )
    each = np.where(kind == "rail", rail, water)
    line, obstacle = shapely.STRtree(rail_water.geometry.to_numpy()).query(lines, predicate="intersects")
    np.add.at(price, line, each[obstacle])
    return price


def price_drop_crossings(
    drops: NDArray[np.object_],
    model: CostModel,
    rail_water: gpd.GeoDataFrame | None,
    centre_lines: NDArray[np.object_] | None,
    *,
    labour: bool = False,
) -> Floats:
    """
    Return what each drop pays for what it crosses.

    Parameters
    ----------
    drops
        object (k,). Lines of the drops.
    model, rail_water, labour
        As for `price_crossings`.
    centre_lines
        Centre lines of the streets that have two sides, each of which is crossed at the price of a street; None where
        centre lines stand for both sides.
    """
    price = price_crossings(drops, model, rail_water, labour=labour)
    if centre_lines is not None and len(centre_lines):
        fee = model.crossing.street.value * (model.crossing.street.labour if labour else 1.0)
        drop, _ = shapely.STRtree(centre_lines).query(drops, predicate="intersects")
        np.add.at(price, drop, fee)
    return price


def _reuse(network: StreetNetwork, model: CostModel) -> tuple[Floats, Ints]:
    """Return price per metre and spare homes of each existing edge; an infinite price where it is not reused."""
    lines = network.backbone
    role = _text(lines, "role").replace("", "distribution").to_numpy(object)
    free = (
        pd.to_numeric(lines["units_free"]).to_numpy(np.float64) if "units_free" in lines else np.full(len(role), np.nan)
    )
    per_role = {
        name: _value(getattr(model.reuse_cost_per_m, name)) for name in type(model.reuse_cost_per_m).model_fields
    }
    price = np.array([per_role.get(name, np.inf) for name in role], np.float64)
    price[(free < 1) | ((role == "feeder") & np.isnan(free))] = np.inf
    spare = np.where(np.isfinite(free), np.floor(np.nan_to_num(free)), UNLIMITED)
    capacity = np.nan_to_num(_of_line(network, spare), nan=UNLIMITED)
    return _of_line(network, price), capacity.astype(np.int64)


def _labour_of_reuse(network: StreetNetwork, model: CostModel) -> Floats:
    role = _text(network.backbone, "role").replace("", "distribution")
    prices = {name: getattr(model.reuse_cost_per_m, name) for name in type(model.reuse_cost_per_m).model_fields}
    share = role.map({name: price.labour for name, price in prices.items() if price is not None})
    return np.nan_to_num(_of_line(network, share.to_numpy(np.float64)))


def _value(price: Price | None) -> float:
    return np.inf if price is None else price.value


def _text(frame: pd.DataFrame, column: str) -> pd.Series[str]:
    if column not in frame:
        return pd.Series("", index=frame.index, dtype=object)
    return frame[column].astype(object).where(frame[column].notna(), "").astype(str).str.strip().str.lower()


def _cents(money: float) -> int:
    return round(money * 100)


def _whole_cents(money: float) -> float:
    return float(to_cents(np.array([money]))[0])
