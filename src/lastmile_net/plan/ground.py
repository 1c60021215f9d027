"""Lay the ground that a plan is solved on: streets and lines as a network, its taps and prices, all possible drops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.cost import count_crossings, price_drops, price_edges, price_fibre
from lastmile_net.network import DropRules, SideRules, attach, both_sides, build_network, find_taps
from lastmile_net.network.columns import lower_text
from lastmile_net.network.network import STREET, components
from lastmile_net.network.tie import usable_lines, usable_roles

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from lastmile_net.config import PlanConfig
    from lastmile_net.cost import EdgePrices
    from lastmile_net.network import StreetNetwork, Taps
    from lastmile_net.read.layers import Layers


@dataclass(frozen=True, eq=False)
class Ground:
    """
    Where one may build, and what for.

    Parameters
    ----------
    network
        Streets and existing lines, with the nodes where drops meet them.
    taps, prices
        Where new lines may start from; what each edge costs.
    drops
        All possible drops of the customers that want one.
    drop_cost, drop_fibre
        float64 (k,). Price of each drop, crossings included, and of the fibre in it.
    drop_crossed
        float64 (k, 3). What each drop crosses, as `count_crossings` returns it.
    eligible
        bool[edges]. Streets and usable lines that nothing forbids.
    centre_lines
        Streets that have two sides; None where the centre line stands for both.
    """

    network: StreetNetwork
    taps: Taps
    prices: EdgePrices
    drops: gpd.GeoDataFrame
    drop_cost: NDArray[np.float64]
    drop_fibre: NDArray[np.float64]
    drop_crossed: NDArray[np.float64]
    eligible: NDArray[np.bool_]
    centre_lines: NDArray[np.object_] | None


def lay_ground(layers: Layers, config: PlanConfig, wanted: NDArray[np.bool_]) -> Ground:
    """Return the network of a town, priced, with the drops of all `wanted` customers."""
    roles = usable_roles(config.cost.reuse_cost_per_m.roles, tap=config.tap, tap_roles=config.tap_roles)
    network = build_network(
        layers.streets,
        layers.backbone,
        connector_m=config.connector_m,
        usable_roles=roles,
        point_roles=config.tap_roles,
    )
    sides = _sides(layers.streets, config) if config.street_sides == "both" else None
    network = network if sides is None else both_sides(network, sides)
    prices = _prices(network, layers, config)
    taps = find_taps(network, tap=config.tap, tap_roles=config.tap_roles)
    network, drops = attach(
        network,
        layers.customers,
        rules=DropRules(config.max_drop_m, config.candidate_drops, config.connector_m, roles, sides),
        allowed=np.isfinite(prices.build),
        tied=_tied(network, prices, taps),
        wanted=wanted,
        barriers=layers.barriers,
        excluded=layers.excluded,
    )
    prices = _prices(network, layers, config)
    centre = None if sides is None else centre_lines(layers.streets, config)
    drop_m = drops["drop_m"].to_numpy(np.float64)
    crossed = count_crossings(drops.geometry.to_numpy(), layers.rail_water, centre)
    return Ground(
        network=network,
        taps=find_taps(network, tap=config.tap, tap_roles=config.tap_roles),
        prices=prices,
        drops=drops,
        drop_cost=price_drops(drop_m, config.cost, crossed),
        drop_fibre=price_fibre(drop_m, config.cost),
        drop_crossed=crossed,
        eligible=np.isfinite(prices.build) & ((network.kind == STREET) | usable_lines(network, roles)),
        centre_lines=centre,
    )


def centre_lines(streets: gpd.GeoDataFrame, config: PlanConfig) -> NDArray[np.object_]:
    """Return the streets that are wide enough to have two sides."""
    lines: NDArray[np.object_] = streets.geometry.to_numpy()[_sides(streets, config).half_m > 0]
    return lines


def _sides(streets: gpd.GeoDataFrame, config: PlanConfig) -> SideRules:
    """Return widths of streets by their class; what is underground or unknown to the table has the default."""
    highway = lower_text(streets, "highway").str.removesuffix("_link")
    width = highway.map(config.street_width_m).fillna(config.street_width_otherwise_m).to_numpy(np.float64)
    return SideRules(half_m=width / 2, wide=highway.isin(config.wide_streets).to_numpy(bool))


def _prices(network: StreetNetwork, layers: Layers, config: PlanConfig) -> EdgePrices:
    return price_edges(
        network, config.cost, rail_water=layers.rail_water, excluded=layers.excluded, barriers=layers.barriers
    )


def _tied(network: StreetNetwork, prices: EdgePrices, taps: Taps) -> NDArray[np.bool_]:
    """Return which edges hang together with a tap over what may be used."""
    usable = np.isfinite(prices.build)
    part = components(len(network.x), network.tail[usable], network.head[usable])
    tied: NDArray[np.bool_] = np.isin(part, part[taps.node])[network.tail]
    return tied
