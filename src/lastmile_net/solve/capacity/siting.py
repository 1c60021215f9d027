"""
New access points where ports run out, so that everyone in reach is served.

What is dug is the plan without limits on ports: everybody must be tied to the existing network, whoever's port they
get. Along these trenches access points of a catalogue are placed: a capacitated facility location problem.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.solve.capacity.growth import FAR, adjacency
from lastmile_net.solve.capacity.limits import NO_FREE_PORT, find_reach
from lastmile_net.solve.capacity.plan import Limited, solve_with_limits
from lastmile_net.solve.capacity.sites import CLOSED, Ground, Kinds, Sites, feed_from, lead, place, refine

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.config import SolveConfig
    from lastmile_net.solve.capacity.limits import Limits
    from lastmile_net.solve.problem import Problem, Report, Solution

    Ints = NDArray[np.int64]
    Flags = NDArray[np.bool_]

ROUNDS = 20
"""Rounds of moves at most; they end before, as soon as none gains."""


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
    problem
        The problem with the new access points as taps behind the existing ones.
    limited
        The solution of that problem. A route over a new access point begins at the existing tap that feeds it.
    kind
        int64 (s,). Kind of each new access point.
    feed_tap
        int64 (s,). Existing tap that feeds it.
    feed_cost
        int64 (s,). Thousandths: the fibres to it.
    feed_edges
        int64 (c,). How many edges at the beginning of each customer's route lead to its new access point.
    """

    problem: Problem
    limited: Limited
    kind: Ints
    feed_tap: Ints
    feed_cost: Ints
    feed_edges: Ints


def solve_with_sites(
    problem: Problem, limits: Limits, catalogue: Catalogue, config: SolveConfig, report: Report | None = None
) -> Sited:
    """
    Serve everyone in reach at least cost, with new access points where that takes them.

    Parameters
    ----------
    problem
        Streets, taps with their free ports, customers.
    limits
        Limits on routes, which begin at an existing tap, also where they lead over a new access point.
    catalogue
        What may be placed, at any node that the plan's trenches and lines touch.
    config, report
        As in `solve_with_limits`.

    Returns
    -------
    sited
        The plan; its bound is for trenches, drops, fibre and new access points together.

    Notes
    -----
    The greedy choice of least price per home (Hochbaum, Math. Programming 22, 1982), then moves: hang customers on
    nearer access points, shift these, change their kind, close them. The bound adds up two: on trenches and drops that
    of the problem without ports and without fibre; on ports and fibre a dual solution of the location problem, a price
    per home that no access point at any node could undercut.
    """
    taps = len(problem.tap_node)
    loose = replace(problem, tap_capacity=np.full(taps, -1), fibre_cost=np.zeros_like(problem.fibre_cost))
    base = solve_with_limits(loose, limits, config, report)
    if not (base.solution.drop >= 0).any() or not len(catalogue.ports):
        return _as_it_is(problem, solve_with_limits(problem, limits, config, report))
    reach = find_reach(loose, adjacency(loose), limits)
    town = _Town(problem, base.solution, reach.usable, catalogue)
    place(town.ground, town.kinds, town.sites)
    refine(town.ground, town.kinds, town.sites, ROUNDS)
    town.compact()
    if reach.limited:
        town.shorten(reach.customer_mm, reach.tap_mm)
    return town.sited(base)


def _as_it_is(problem: Problem, limited: Limited) -> Sited:
    nothing = np.empty(0, np.int64)
    return Sited(problem, limited, nothing, nothing, nothing, np.zeros(problem.customers, np.int64))


class _Town:
    """What is built, and the access points along it: those that exist first, then the new ones."""

    def __init__(self, problem: Problem, solution: Solution, usable: Flags, catalogue: Catalogue) -> None:
        self.problem, self.solution = problem, solution
        self.taps = len(problem.tap_node)
        self.served = solution.drop >= 0
        self.kinds = Kinds(catalogue.ports, catalogue.price, catalogue.max_mm, catalogue.feeders)
        self.where = np.where(self.served, problem.drop_node[solution.drop], -1)
        self.ground = self._ground()
        feed, self.feed_via, self.feed_tap, self.feed_mm = feed_from(self.ground, problem.tap_node, usable)
        self.ground = self.ground._replace(feed=feed)
        self.sites = self._existing(usable)

    def _ground(self) -> Ground:
        problem, edges = self.problem, self.solution.edges
        graph = adjacency(replace(problem, tail=problem.tail[edges], head=problem.head[edges]))
        who = np.flatnonzero(self.served)
        who = who[np.argsort(self.where[who], kind="stable")]
        first = np.searchsorted(self.where[who], np.arange(problem.nodes + 1))
        drop_mm = np.where(self.served, problem.drop_length_mm[self.solution.drop], 0)
        return Ground(
            graph.start,
            graph.node,
            edges[graph.edge],
            problem.length_mm,
            problem.fibre_cost,
            first.astype(np.int64),
            who.astype(np.int64),
            self.where,
            problem.units,
            problem.fibres,
            drop_mm,
            np.full(problem.nodes, FAR),
        )

    def _existing(self, usable: Flags) -> Sites:
        problem = self.problem
        ports = np.where(problem.tap_capacity < 0, problem.units.sum(), problem.tap_capacity)
        self.existing_ports = int(np.where(usable, ports, 0).sum())
        most = self.taps + problem.customers
        node, room = np.full(most, -1), np.zeros(most, np.int64)
        node[: self.taps], room[: self.taps] = problem.tap_node, np.where(usable, ports, 0)
        nobody = np.full(problem.customers, -1)
        return Sites(
            node, np.full(most, -1), room, np.array([self.taps]), nobody, np.zeros(problem.customers, np.int64)
        )

    def compact(self) -> None:
        """Forget sites that were closed; number the new ones by node and kind."""
        sites, count = self.sites, int(self.sites.number[0])
        new = np.arange(self.taps, count)
        new = new[sites.kind[new] != CLOSED]
        new = new[np.lexsort((new, sites.kind[new], sites.node[new]))]
        number = np.full(count, -1)
        number[: self.taps] = np.arange(self.taps)
        number[new] = self.taps + np.arange(len(new))
        kept = np.r_[np.arange(self.taps), new]
        for values in (sites.node, sites.kind, sites.room):
            values[: len(kept)] = values[kept]
        sites.number[0] = len(kept)
        sites.site[:] = np.where(sites.site >= 0, number[sites.site], -1)

    def shorten(self, customer_mm: Ints, tap_mm: Ints) -> None:
        """Where a detour over a site makes a route too long, place one right at the customer's own street."""
        over = self._over(customer_mm, tap_mm)
        smallest = int(np.argmin(self.kinds.price))
        for c in over.tolist():
            sites, node = self.sites, self.where[c]
            here = np.flatnonzero(sites.node[self.taps : sites.number[0]] == node) + self.taps
            here = here[sites.room[here] >= self.problem.units[c]]
            fits = np.flatnonzero(self.kinds.ports >= self.problem.units[c])
            if not len(here) and len(fits):
                kind = smallest if smallest in fits else int(fits[np.argmin(self.kinds.price[fits])])
                s = int(sites.number[0])
                sites.node[s], sites.kind[s], sites.room[s] = node, kind, self.kinds.ports[kind]
                sites.number[0], here = s + 1, np.array([s])
            sites.room[sites.site[c]] += self.problem.units[c]
            sites.site[c] = here[0] if len(here) else -1
            sites.room[sites.site[c]] -= self.problem.units[c] if len(here) else 0
            sites.paid[c] = 0
        sites = self.sites
        used = np.bincount(sites.site[sites.site >= 0], minlength=len(sites.node))
        new = np.arange(self.taps, sites.number[0])
        sites.kind[new[used[new] == 0]] = CLOSED
        self.compact()
        sites.site[self._over(customer_mm, tap_mm)] = -1

    def _over(self, customer_mm: Ints, tap_mm: Ints) -> Ints:
        """Return the customers whose route is longer than its limits."""
        start, edges = lead(self.ground, self.problem.tail, self.problem.head, self.sites)
        along = np.r_[0, np.cumsum(self.problem.length_mm[edges])]
        site = self.sites.site
        is_new = site >= self.taps
        node = self.sites.node[site]
        length = along[start[1:]] - along[start[:-1]] + self.ground.drop_mm
        length = length + np.where(is_new, self.feed_mm[node], 0)
        tap = np.where(is_new, self.feed_tap[node], site)
        over = (site >= 0) & ((length > customer_mm) | (length > tap_mm[tap]))
        return np.flatnonzero(over)

    def sited(self, base: Limited) -> Sited:
        """Put the answer together."""
        problem, sites, count = self.problem, self.sites, int(self.sites.number[0])
        node, kind = sites.node[self.taps : count], sites.kind[self.taps : count]
        feed_cost = self.kinds.feeders[kind] * self.ground.feed[node]
        start, edges = lead(self.ground, problem.tail, problem.head, sites)
        feed_start, feed_edges = self._feeds(node)
        feed = np.where(sites.site >= self.taps, sites.site - self.taps, -1)
        hops = np.where(feed >= 0, np.diff(feed_start)[feed], 0) if len(node) else np.zeros(len(feed), np.int64)
        route_start = np.r_[0, np.cumsum(np.diff(start) + hops)]
        route_edges = np.empty(route_start[-1], np.int64)
        for c in np.flatnonzero(sites.site >= 0).tolist():
            middle = route_start[c] + hops[c]
            if hops[c]:
                route_edges[route_start[c] : middle] = feed_edges[feed_start[feed[c]] : feed_start[feed[c] + 1]]
            route_edges[middle : route_start[c + 1]] = edges[start[c] : start[c + 1]]
        drop = np.where(sites.site >= 0, self.solution.drop, -1)
        built = np.unique(route_edges)
        who = drop >= 0
        money = problem.cost[built].sum() + sites.paid[who].sum() + problem.drop_cost[drop[who]].sum()
        money += (problem.drop_fibre_cost[drop[who]] * problem.fibres[who]).sum()
        money += feed_cost.sum() + self.kinds.price[kind].sum()
        homes = int(problem.units[who].sum())
        whole = np.array_equal(who, self.served)
        bound = min(int(money), base.solution.lower_bound + self._least_for_ports(homes)) if whole else 0
        solution = replace(
            base.solution,
            edges=built,
            drop=drop,
            tap=sites.site.copy(),
            route_start=route_start,
            route_edges=route_edges,
            cost=int(money),
            lower_bound=bound,
        )
        wider = replace(
            problem,
            tap_node=np.r_[problem.tap_node, node],
            tap_capacity=np.r_[problem.tap_capacity, self.kinds.ports[kind]],
        )
        reason = base.reason.copy()
        reason[self.served & ~who] = NO_FREE_PORT
        limited = Limited(solution, reason, homes, base.most_units)
        return Sited(wider, limited, kind, self.feed_tap[node], feed_cost, hops)

    def _feeds(self, node: Ints) -> tuple[Ints, Ints]:
        """Return the edges from the existing tap to each new site, in rows."""
        rows, problem = [], self.problem
        for v in node.tolist():
            way = []
            while self.feed_via[v] >= 0:
                way.append(int(self.feed_via[v]))
                v = int(problem.tail[way[-1]] + problem.head[way[-1]] - v)
            rows.append(way[::-1])
        start = np.r_[0, np.cumsum([len(way) for way in rows])].astype(np.int64)
        return start, np.array([edge for way in rows for edge in way], np.int64)

    def _least_for_ports(self, homes: int) -> int:
        """Return what the ports cost at least that the existing access points do not have: the best price per port."""
        short = homes - self.existing_ports
        if short <= 0:
            return 0
        return int((self.kinds.price * short // self.kinds.ports).min())
