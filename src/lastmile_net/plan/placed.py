"""New access points of a plan: what the catalogue offers, where they stand, what each customer pays of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.cost import to_cents
from lastmile_net.network.network import STREET
from lastmile_net.plan.spare import Spared, within_spare
from lastmile_net.solve.capacity import (
    Catalogue,
    Limited,
    place_access_points,
    solve_with_limits,
    without_ports,
)
from lastmile_net.solve.problem import MILLI, MM_PER_M

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.config import CostModel, PlanConfig
    from lastmile_net.config.prices import AccessPointType
    from lastmile_net.cost import EdgePrices
    from lastmile_net.network import StreetNetwork
    from lastmile_net.plan.spare import Poser
    from lastmile_net.solve.capacity import Limits, Sited
    from lastmile_net.solve.problem import Problem, Report

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Texts = NDArray[np.object_]

NO_LIMIT_MM = 1 << 60


@dataclass(frozen=True, eq=False)
class Placed:
    """
    New access points, and who hangs on them.

    Parameters
    ----------
    access_point_id, name
        object (s,). What each is called, and its name in the catalogue.
    kinds
        The catalogue's entry of each one.
    sited
        Where they stand, what feeds them, and whose access point they are.
    units
        int64 (c,). Homes to be connected at each customer.
    """

    access_point_id: Texts
    name: Texts
    kinds: tuple[AccessPointType, ...]
    sited: Sited
    units: Ints

    @property
    def site(self) -> Ints:
        """New access point of each customer, -1 where it has none."""
        return self.sited.site

    @property
    def price(self) -> Floats:
        """Price of each one, in whole cents."""
        return to_cents(np.array([kind.price.value for kind in self.kinds], np.float64))

    @property
    def counts(self) -> dict[str, int]:
        """How many of each kind there are, by its name in the catalogue."""
        return {str(name): int((self.name == name).sum()) for name in sorted(set(self.name))}

    @property
    def labour(self) -> float:
        """What of all prices is labour."""
        return float(to_cents(self.price * [kind.price.labour for kind in self.kinds]).sum())

    @property
    def fibre(self) -> float:
        """Price of all fibre in streets: each customer's own, from its access point on, and what feeds new ones."""
        return float(self.sited.fibre_cost.sum() + self.sited.feed_cost.sum()) / MILLI

    @property
    def homes(self) -> Ints:
        """Homes on each one."""
        on = self.site >= 0
        return np.bincount(self.site[on], weights=self.units[on], minlength=len(self.kinds)).astype(np.int64)

    @property
    def own_milli(self) -> Ints:
        """
        What each customer pays, in thousandths: its own fibre, and its homes' part of its access point and its feed.

        All of them together pay for all, exactly.
        """
        lump = np.round(self.price * MILLI).astype(np.int64) + self.sited.feed_cost
        own = self.sited.fibre_cost.copy()
        who = np.flatnonzero(self.site >= 0)
        who = who[np.lexsort((who, self.site[who]))]
        site, homes = self.site[who], self.units[who]
        so_far = np.cumsum(homes) - (np.cumsum(self.homes) - self.homes)[site]
        parts = lump[site] * so_far // self.homes[site]
        first = np.r_[True, site[1:] != site[:-1]][: len(site)]
        own[who] += parts - np.where(first, 0, np.r_[0, parts[:-1]][: len(parts)])
        return own

    @property
    def saved_milli(self) -> Ints:
        """What would be saved without each customer: its own fibre, and its access point if it is alone there."""
        lump = np.round(self.price * MILLI).astype(np.int64) + self.sited.feed_cost
        alone = np.bincount(self.site[self.site >= 0], minlength=len(self.kinds)) == 1
        pays = np.append(np.where(alone, lump, 0), 0)[self.site]
        saved: Ints = self.sited.fibre_cost + pays
        return saved


def solve_posed(
    pose: Poser, prices: EdgePrices, network: StreetNetwork, limits: Limits, config: PlanConfig, report: Report | None
) -> tuple[Spared, Placed | None]:
    """
    Solve within all limits; with new access points, where the config asks for them.

    Parameters
    ----------
    pose
        Poses the problem for prices of the network's edges.
    prices, network
        These, and the network, on whose streets new access points may stand.
    limits, config, report
        Limits on routes; settings; progress callback.

    Returns
    -------
    spared, placed
        The problems that were solved and their answers (`within_spare`); and the new access points, None where none are
        asked for. With them there is one answer, and its problem has fibre in
        streets for nothing, and each customer's part of it and of the access points in the price of its drop: shares,
        order of building and scenarios then add up as ever.
    """
    buys_nothing = config.budget == 0  # the plan for everybody need not be a cheap one then
    effort = config.solve.model_copy(update={"rounds": 1}) if buys_nothing else config.solve

    def solve_within(problem: Problem) -> Limited:
        return solve_with_limits(problem, limits, effort, report, search=not buys_nothing)

    can_fill_up = limits.max_stretch is None
    if not config.new_access_points:
        return within_spare(prices, pose, solve_within, can_fill_up=can_fill_up), None
    names = sorted(config.cost.access_points)
    kinds = catalogue(config.cost, names)
    spared = within_spare(
        prices,
        pose,
        lambda problem: solve_within(without_ports(problem, kinds)),
        can_fill_up=can_fill_up,
    )
    posed, base = spared.answers[0]
    sited = place_access_points(
        posed.problem,
        base,
        kinds,
        _on_streets(network),
        solve_within,
        may_do_without=not (prices.capacity >= 0).any(),
    )
    chosen = np.array(names, object)[sited.kind]
    placed = Placed(
        access_point_id=_names(network, len(chosen)),
        name=chosen,
        kinds=tuple(config.cost.access_points[name] for name in chosen),
        sited=sited,
        units=posed.problem.units,
    )
    answer = replace(posed, problem=_with_shares(posed.problem, placed)), sited.limited
    return replace(spared, free=answer, answers=(answer,)), placed


def catalogue(model: CostModel, names: list[str]) -> Catalogue:
    """Return the named entries of the price catalogue as the solver sees them."""
    kinds = [model.access_points[name] for name in names]
    price = to_cents(np.array([kind.price.value for kind in kinds], np.float64)) * MILLI
    reach = [NO_LIMIT_MM if kind.max_m is None else int(np.floor(kind.max_m * MM_PER_M + 1e-6)) for kind in kinds]
    return Catalogue(
        ports=np.array([kind.ports for kind in kinds], np.int64),
        price=np.round(price).astype(np.int64),
        max_mm=np.array(reach, np.int64),
        feeders=np.array([kind.feeders for kind in kinds], np.int64),
    )


def _names(network: StreetNetwork, count: int) -> Texts:
    """Return names that nothing in the backbone has."""
    taken, prefix = set(network.backbone["backbone_id"].astype(str)), "new-"
    while any(name.startswith(prefix) for name in taken):
        prefix += "new-"
    return np.array([f"{prefix}{number}" for number in range(1, count + 1)], object)


def _on_streets(network: StreetNetwork) -> NDArray[np.bool_]:
    """Return which nodes lie on a street."""
    street = network.kind == STREET
    stands = np.zeros(len(network.x), bool)
    stands[network.tail[street]] = True
    stands[network.head[street]] = True
    return stands


def _with_shares(problem: Problem, placed: Placed) -> Problem:
    """Return the problem with what each customer pays of fibre and access points in the price of its drop."""
    drop = placed.sited.limited.solution.drop
    used = drop >= 0
    drop_cost = problem.drop_cost.copy()
    drop_cost[drop[used]] += placed.own_milli[used]
    return replace(problem, fibre_cost=np.zeros_like(problem.fibre_cost), drop_cost=drop_cost)
