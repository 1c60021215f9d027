"""
New access points where ports run out, so that everyone in reach is served.

What is dug is a plan without limits on ports: everybody must be tied to the existing network, whoever's port they
get. Along its routes access points of a catalogue are placed: a capacitated facility location problem on a forest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.solve.capacity.limits import NO_FREE_PORT
from lastmile_net.solve.capacity.plan import Limited
from lastmile_net.solve.capacity.search.moves import restrict
from lastmile_net.solve.capacity.siting.packing import (
    Demand,
    Forest,
    Kinds,
    children,
    hand_up,
    measure,
    number_preorder,
    pack,
)
from lastmile_net.solve.capacity.siting.sites import CLOSED, Sites, hang, hang_alone, refine
from lastmile_net.solve.routes import lay_routes, part, rows
from lastmile_net.solve.warm import compiling

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from lastmile_net.solve.problem import Problem

    Ints = NDArray[np.int64]
    Flags = NDArray[np.bool_]

PASSES = 5
"""Rounds of packing those whom the round before could not place, at most."""
MOST_HANDED_ON = 2048
"""Homes that are handed on towards a tap, at most, even where its ports are many."""


@dataclass(frozen=True, eq=False)
class Catalogue:
    """
    Kinds of access points that may be placed.

    Parameters
    ----------
    ports
        int64 (k,). Homes each one serves.
    price
        int64 (k,). Thousandths, installed.
    max_mm
        int64 (k,). Longest way from it to the premises (inclusive); `FAR` for no limit.
    feeders
        int64 (k,). Fibres that lead to it from the existing network.
    """

    ports: Ints
    price: Ints
    max_mm: Ints
    feeders: Ints


@dataclass(frozen=True, eq=False)
class Sited:
    """
    A solution with new access points.

    Parameters
    ----------
    limited
        The solution. Every route begins at an existing tap, also where it leads over a new access point; its cost and
        bound are for everything, new access points among it.
    site
        int64 (c,). New access point of each customer; -1 where it hangs on the existing tap, or nowhere.
    node, kind
        int64 (s,). Node of the graph, and kind, of each new access point.
    feed_tap, feed_mm, feed_cost
        int64 (s,). Existing tap that feeds it, length of the way from there, and price of the fibres along it.
    feed_edges
        int64 (c,). How many edges at the beginning of each customer's route lead to its new access point.
    fibre_cost
        int64 (c,). Price of each customer's own fibre in streets: from its access point on.
    """

    limited: Limited
    site: Ints
    node: Ints
    kind: Ints
    feed_tap: Ints
    feed_mm: Ints
    feed_cost: Ints
    feed_edges: Ints
    fibre_cost: Ints


def without_ports(problem: Problem, catalogue: Catalogue) -> Problem:
    """
    Return the problem that bounds one with new access points: any tap takes anybody, and fibre is shared.

    Notes
    -----
    The fibres that feed an access point are shared by at most as many homes as it has ports, and what a customer has of
    its own costs no less. So a metre of street costs each customer at least the least number of fibres per port.
    """
    best = int(np.argmin(catalogue.feeders / catalogue.ports))
    feeders, ports = int(catalogue.feeders[best]), int(catalogue.ports[best])
    shared = problem.fibre_cost if feeders >= ports else problem.fibre_cost * feeders // ports
    return replace(
        problem,
        tap_capacity=np.full(len(problem.tap_node), -1),
        fibre_cost=shared,
        fibres=np.minimum(problem.fibres, problem.units),
    )


def place_access_points(
    problem: Problem,
    base: Limited,
    catalogue: Catalogue,
    stands: Flags,
    solve_within: Callable[[Problem], Limited],
    *,
    may_do_without: bool = True,
) -> Sited:
    """
    Place access points along the routes of a plan so that everyone whom it serves gets a port.

    Parameters
    ----------
    problem
        Streets, taps with their free ports, customers.
    base
        A plan of `without_ports`.
    catalogue
        What may be placed.
    stands
        bool (n,). Nodes where an access point may stand.
    solve_within
        Solves a problem within its ports and all limits on routes.
    may_do_without
        Where the free ports are enough for everybody, take a plan without new access points if it is cheaper.

    Returns
    -------
    sited
        The plan.

    Notes
    -----
    Each customer's access point stands on its route. Dynamic programming on the forest of routes (`pack`), which is
    exact but for blocks of several homes and customers out of reach, then moves: hang customers on nearer access
    points, shift these, change their kind, close and join them. The bound adds up that of `without_ports`, and the
    best price per port for every home beyond the free ports.
    """
    with compiling(__file__, "new access points"):
        sited = _Town(problem, base, catalogue, stands).sited(base)
    served = sited.limited.solution.drop >= 0
    bound = base.solution.lower_bound
    if not np.array_equal(served, base.solution.drop >= 0):
        part, _ = restrict(without_ports(problem, catalogue), served, np.ones(len(problem.tap_node), bool))
        bound = solve_within(part).solution.lower_bound if served.any() else 0
    solution = sited.limited.solution
    homes = int(problem.units[served].sum())
    bound = min(bound + _least_for_ports(problem, catalogue, homes), solution.cost)
    best = replace(sited, limited=replace(sited.limited, solution=replace(solution, lower_bound=bound)))
    if may_do_without and homes <= _free_ports(problem):
        other = solve_within(problem)
        if other.units >= homes and other.solution.cost < solution.cost:
            return _as_it_is(problem, other, bound)
    return best


def _as_it_is(problem: Problem, limited: Limited, bound: int) -> Sited:
    """Return a plan without new access points; no plan with some costs less than `bound`."""
    nothing, solution = np.empty(0, np.int64), limited.solution
    limited = replace(limited, solution=replace(solution, lower_bound=min(bound, solution.cost)))
    nobody, none = np.full(problem.customers, -1), np.zeros(problem.customers, np.int64)
    along = np.r_[0, np.cumsum(problem.fibre_cost[solution.route_edges])]
    fibre = problem.fibres * (along[solution.route_start[1:]] - along[solution.route_start[:-1]])
    return Sited(limited, nobody, nothing, nothing, nothing, nothing, nothing, none, fibre)


def _free_ports(problem: Problem) -> int:
    everybody = int(problem.units.sum())
    ports = np.where(problem.tap_capacity < 0, everybody, problem.tap_capacity)
    return int(ports.sum())


def _least_for_ports(problem: Problem, catalogue: Catalogue, homes: int) -> int:
    """Return what the ports cost at least that the existing access points do not have: the best price per port."""
    short = max(homes - _free_ports(problem), 0)
    return int((catalogue.price * short // catalogue.ports).min())


class _Town:
    """The routes of a plan as a forest, and the access points along them: those that exist first, then the new ones."""

    def __init__(self, problem: Problem, base: Limited, catalogue: Catalogue, stands: Flags) -> None:
        self.problem, self.solution = problem, base.solution
        self.kinds = Kinds(catalogue.ports, catalogue.price, catalogue.max_mm, catalogue.feeders)
        self._lay(stands)
        self._settle()

    def _lay(self, stands: Flags) -> None:
        problem, solution = self.problem, self.solution
        who = np.flatnonzero(solution.drop >= 0)
        who = who[np.argsort(solution.tap[who], kind="stable")]
        above, edge, last = lay_routes(solution.tap[who], *rows(solution, who), len(problem.tail))
        self.tap, tree = np.unique(solution.tap[who], return_inverse=True)
        tops = len(self.tap)
        label = np.full(len(above), -1)
        label[last[last >= 0]] = tree[last >= 0]
        hand_up(above, label)
        self.tree = np.r_[np.arange(tops), label]
        parent = np.r_[np.full(tops, -1), np.where(above < 0, label, above + tops)]
        edges = np.r_[np.full(tops, -1), edge]
        top = problem.tap_node[self.tap]
        ends = (problem.tail, problem.head)
        self.spot, fibre, length, self.hops = measure(parent, edges, top, ends, problem.fibre_cost, problem.length_mm)
        first, child = children(parent)
        enter, leave = number_preorder(parent, first, child)
        self.forest = Forest(parent, fibre, length, stands[self.spot], first, child, enter, leave)
        where = np.full(problem.customers, -1)
        where[who] = np.where(last < 0, tree, last + tops)
        order = who[np.lexsort((who, enter[where[who]]))]
        begin = np.searchsorted(enter[where[order]], np.arange(len(parent) + 1))
        route = np.zeros(problem.customers, np.int64)
        route[who] = length[where[who]] + problem.drop_length_mm[solution.drop[who]]
        self.demand = Demand(where, problem.units, problem.fibres, route, order, begin)

    def _settle(self) -> None:
        """Give everybody a port: at the tap where no kind is large enough, else where `pack` says; then refine."""
        problem, tops = self.problem, len(self.tap)
        ports = np.where(problem.tap_capacity < 0, problem.units.sum(), problem.tap_capacity)[self.tap]
        size = tops + (PASSES + 1) * max(problem.customers, 1)
        node, kind, room = np.full(size, -1), np.full(size, -1), np.zeros(size, np.int64)
        node[:tops], room[:tops] = np.arange(tops), ports
        site = np.full(problem.customers, -1)
        self.sites = Sites(node, kind, room, np.array([tops]), site)
        self._too_large()
        for _ in range(PASSES):
            open_ = (site < 0) & (self.demand.where >= 0) & (problem.units <= self.kinds.ports.max(initial=0))
            if not open_.any():
                break
            left = np.zeros(len(self.forest.parent), np.int64)
            left[:tops] = room[:tops]
            most = max(int(self.kinds.ports.max()), min(int(left.max()), MOST_HANDED_ON))
            where, which = pack(self.forest, self.demand, open_, self.kinds, left, most)
            hang(self.forest, self.demand, self.kinds, self.sites, where, which)
        hang_alone(self.forest, self.demand, self.kinds, self.sites)
        refine(self.forest, self.demand, self.kinds, self.sites)

    def _too_large(self) -> None:
        """Give blocks that fit into no kind ports of their own tap, the largest ones first."""
        units, sites = self.problem.units, self.sites
        large = np.flatnonzero((units > self.kinds.ports.max(initial=0)) & (self.demand.where >= 0))
        for c in large[np.argsort(-units[large], kind="stable")].tolist():
            s = int(self.tree[self.demand.where[c]])
            if units[c] <= sites.room[s]:
                sites.site[c] = s
                sites.room[s] -= units[c]

    def sited(self, base: Limited) -> Sited:
        """Return the answer, its new access points numbered by tap and node."""
        problem, sites, tops, forest = self.problem, self.sites, len(self.tap), self.forest
        new = np.arange(tops, int(sites.number[0]))
        new = new[sites.kind[new] != CLOSED]
        new = new[np.lexsort((sites.kind[new], self.spot[sites.node[new]], self.tree[sites.node[new]]))]
        number = np.full(len(sites.node), -1)
        number[new] = np.arange(len(new))
        has = sites.site >= 0
        stand = sites.node[np.where(has, sites.site, 0)]
        at, kind = sites.node[new], sites.kind[new]
        own = np.where(has, problem.fibres * (forest.fibre[self.demand.where] - forest.fibre[stand]), 0)
        feed_cost = self.kinds.feeders[kind] * forest.fibre[at]
        kept = part(problem, self.solution, has)
        money = problem.cost[kept.edges].sum() + own.sum() + problem.drop_cost[kept.drop[has]].sum()
        money += (problem.drop_fibre_cost[kept.drop[has]] * problem.fibres[has]).sum()
        money += feed_cost.sum() + self.kinds.price[kind].sum()
        solution = replace(kept, cost=int(money), log=self.solution.log)
        reason = base.reason.copy()
        reason[(self.solution.drop >= 0) & ~has] = NO_FREE_PORT
        site = np.where(has, number[sites.site], -1)
        return Sited(
            limited=Limited(solution, reason, int(problem.units[has].sum()), base.most_units),
            site=site,
            node=self.spot[at],
            kind=kind,
            feed_tap=self.tap[self.tree[at]],
            feed_mm=forest.length_mm[at],
            feed_cost=feed_cost,
            feed_edges=np.where(site >= 0, self.hops[stand], 0),
            fibre_cost=own,
        )
