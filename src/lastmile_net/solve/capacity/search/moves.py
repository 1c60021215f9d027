"""Moves of the search under limits: trim what is too much, fill what is free, choose anew who is served."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.solve.capacity.search.assign import balance, fit, improve, over
from lastmile_net.solve.capacity.search.growth import FAR, Growth, Terms, adjacency, grow, leaves
from lastmile_net.solve.capacity.search.transport import share_out
from lastmile_net.solve.capacity.search.trees import (
    WORTH,
    knapsack_on_tree,
    mark_ways,
    preorder,
    sum_along,
    trace,
    within_built,
)
from lastmile_net.solve.problem import Solution

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.solve.capacity.limits import Reach
    from lastmile_net.solve.problem import Problem, Progress, Status

    Ints = NDArray[np.int64]
    Flags = NDArray[np.bool_]
    Shorts = NDArray[np.int32]

PULLS = (4, 32, 256, 1_000_000)
"""Money a millimetre of route counts for, in turn, where cheap routes are too long; the last finds the shortest."""
MOST_MISSES = 20
"""Customers for whom no chain of moves is found before the search for chains ends."""


@dataclass(frozen=True, eq=False)
class Served:
    """
    A plan within all limits.

    Parameters
    ----------
    built
        bool (m,). Edges that are used.
    drop, tap
        int64 (c,). Drop and tap of each customer; -1 where it is not served.
    route_start, route_edges
        The routes, as in `Solution`.
    cost
        Edges, drops and fibre.
    units
        Homes served.
    """

    built: Flags
    drop: Ints
    tap: Ints
    route_start: Ints
    route_edges: Ints
    cost: int
    units: int

    @property
    def customers(self) -> Flags:
        """Which customers are served."""
        return self.tap >= 0

    def solution(self, lower_bound: int = 0, status: Status = "rounds", log: tuple[Progress, ...] = ()) -> Solution:
        """Return the plan as a solution, with what is proved of it."""
        return Solution(
            edges=np.flatnonzero(self.built),
            drop=self.drop,
            tap=self.tap,
            route_start=self.route_start,
            route_edges=self.route_edges,
            cost=self.cost,
            lower_bound=lower_bound,
            status=status,
            log=log,
        )


class Search:
    """The moves of the search on one problem: keep a solution within its limits, and fill it up."""

    def __init__(self, problem: Problem, reach: Reach, *, apart: bool = False) -> None:
        self.problem = problem
        self.reach = reach
        self.graph = adjacency(problem)
        self.leaves = leaves(problem)
        total = int(problem.units.sum())
        ports = np.where(problem.tap_capacity < 0, total, np.minimum(problem.tap_capacity, total))
        self.room = np.where(reach.usable, ports, 0).astype(np.int64)
        self.wanted = reach.can()
        self.has_fibre = bool(problem.fibre_cost.any())
        self.cable = problem.fibre_cost if self.has_fibre else problem.length_mm
        self.terms = Terms(
            problem.tail,
            problem.head,
            problem.cost,
            problem.fibre_cost,
            problem.length_mm,
            problem.tap_node,
            np.where(reach.usable, reach.tap_mm, -1),
            reach.customer_mm,
            problem.units,
            problem.fibres,
            apart,
        )

    def mend(self, built: Flags, drop: Ints, *, same: bool = False) -> Served:
        """
        Turn any choice of edges and drops into a plan within all limits that serves as many homes as it finds room for.

        Parameters
        ----------
        built
            Edges to start from; no tap need have room for all that hangs on them.
        drop
            Drop of each customer that is to be kept, -1 for the others.
        same
            Whether a dearer plan for the same customers is better than one that serves others for some of them.
        """
        price, via = self.reached(built, drop)
        plans = []
        for choice in self.assign(price, drop):
            tap = self.trim(drop, choice, via)
            plans.append(self.fill(self.used(via, drop, tap), np.where(tap >= 0, drop, -1), tap))
        kept = [plan for plan in plans if same and np.array_equal(plan.customers, drop >= 0)]
        return min(kept or plans, key=self.rank)

    def rank(self, plan: Served) -> tuple[int, int, int]:
        """Return what plans are sorted by, the best first: who must be served, homes, money."""
        first = int(self.problem.units[self.problem.first & plan.customers].sum())
        return -first, -plan.units, plan.cost

    def expand(self, plan: Served, factor: float) -> Growth:
        """Let every tap serve more than it has ports for: what the next trim may choose from."""
        more = np.ceil(self.load(plan.tap) * factor).astype(np.int64)
        state = Growth(plan.built.copy(), np.maximum(more, self.room_left(plan.tap)), plan.drop.copy(), plan.tap.copy())
        grow(self.graph, self.leaves, self.terms, state, self.wanted, 0)
        return state

    def reselect(self, plan: Served, factor: float) -> Served:
        """Grow every tap beyond its ports, and keep the cheapest part of each tree that fills them."""
        state = self.expand(plan, factor)
        _, via = self.reached(state.built, state.drop)
        tap = self.trim(state.drop, state.tap, via)
        return self.fill(self.used(via, state.drop, tap), np.where(tap >= 0, state.drop, -1), tap)

    def fill(self, built: Flags, drop: Ints, tap: Ints) -> Served:
        """
        Serve more customers while taps have room.

        Afterwards every customer that is left out asks for more homes than any tap that could serve it has ports for.
        """
        state = Growth(built, self.room_left(tap), drop, tap)
        first = self.wanted & self.problem.first
        for pull in (0, *PULLS) if self.reach.limited else (0,):
            if np.any(first & (state.tap < 0)):
                grow(self.graph, self.leaves, self.terms, state, first, pull)
        grow(self.graph, self.leaves, self.terms, state, self.wanted, 0)
        together = self.terms._replace(apart=False)
        if self.terms.apart:
            grow(self.graph, self.leaves, together, state, self.wanted, 0)
        if self.reach.limited and np.any(self.wanted & (state.tap < 0)):
            for pull in PULLS:
                grow(self.graph, self.leaves, together, state, self.wanted, pull)
            self._fill_each(state)
        return self.settle(state.built, state.drop, state.tap)

    def _fill_each(self, state: Growth) -> None:
        """Let each tap look for customers alone, by the shortest ways: a nearer tap with a tighter limit hides none."""
        for t in np.flatnonzero(state.room > 0).tolist():
            alone = state._replace(room=np.where(np.arange(len(state.room)) == t, state.room, 0))
            grow(self.graph, self.leaves, self.terms._replace(apart=False), alone, self.wanted, PULLS[-1])
            state.room[t] = alone.room[t]

    def augment(self, plan: Served) -> Served:
        """Serve customers whose taps are full by moving others along chains to taps with room."""
        price = np.where(self.reach.group_taps[self.reach.group], 1, FAR)
        tap, misses = plan.tap.copy(), 0
        left = np.flatnonzero(self.wanted & (tap < 0))
        for c in left[np.lexsort((left, self.problem.units[left], ~self.problem.first[left]))].tolist():
            moved = self._make_room(c, price, tap)
            misses += not moved
            if misses > MOST_MISSES:
                break
        return self.place(tap) if np.any((tap >= 0) & (plan.tap < 0)) else plan

    def _make_room(self, customer: int, price: Ints, tap: Ints) -> bool:
        """Give a customer a tap and move others out of its way; changes `tap` only if that works."""
        for t in np.flatnonzero((price[customer] < FAR) & (self.room >= self.problem.units[customer])).tolist():
            trial = tap.copy()
            trial[customer] = t
            balance(price, self.problem.units, self.room, trial)
            if np.all(self.load(trial) <= self.room):
                tap[:] = trial
                return True
        return False

    def place(self, tap: Ints) -> Served:
        """Build for a given choice of taps, each within the reach of its customers."""
        nobody = np.full(len(tap), -1)
        state = Growth(np.zeros(len(self.problem.tail), bool), np.zeros_like(self.room), nobody, nobody.copy())
        for t in np.unique(tap[tap >= 0]).tolist():
            state.room[t] = self.load(tap)[t]
            for pull in (0, *PULLS) if self.reach.limited else (0,):
                grow(self.graph, self.leaves, self.terms._replace(apart=False), state, tap == t, pull)
        return self.settle(state.built, state.drop, state.tap)

    def reached(self, built: Flags, drop: Ints) -> tuple[Ints, Shorts]:
        """
        Search from each tap through what is built.

        Returns the price of the fibre from each tap to each customer with a drop, (k, t), or its length where it has no
        price, `FAR` where a limit or a gap is in between; and the edge that each node is reached by from each tap,
        (t, n).
        """
        problem, count = self.problem, len(self.room)
        who = np.flatnonzero(drop >= 0)
        price = np.full((len(who), count), FAR)
        via = np.empty((count, problem.nodes), np.int32)
        node, along = problem.drop_node[drop[who]], problem.drop_length_mm[drop[who]]
        for t in np.flatnonzero(self.room > 0).tolist():
            source = int(problem.tap_node[t])
            far, paid, way = within_built(self.graph, built, problem.length_mm, self.cable, source)
            via[t] = way
            fits = (far[node] < FAR) & (far[node] + along <= self.reach.customer_mm[who])
            fits &= far[node] + along <= self.reach.tap_mm[t]
            price[fits, t] = paid[node[fits]] * problem.fibres[who[fits]]
        return price, via

    def assign(self, price: Ints, drop: Ints) -> list[Ints]:
        """
        Give each customer with a drop a tap, within ports as far as that goes; return one way or two, each (c,).

        `price` is that of `reached`. The first way moves customers from the tap that reaches them by least fibre. Where
        that leaves some beyond the ports, the second packs them: nobody need then be left out for others. Where fibre
        has a price, trees with ports for all that hangs on them are shared out by `share_out`.
        """
        who = np.flatnonzero(drop >= 0)
        units = self.problem.units[who]
        shared = share_out(price, units, self.room) if self.has_fibre else np.full(len(who), -1)
        nearest = np.where(price.min(axis=1, initial=FAR) < FAR, price.argmin(axis=1), -1)
        found = [np.where(shared >= 0, shared, nearest)]
        if self.has_fibre:
            balance(price, units, self.room, found[0])
        if over(units, found[0], self.room):
            packed = np.where(shared >= 0, shared, fit(price, units, self.room, np.argsort(-units, kind="stable")))
            balance(price, units, self.room, packed)
            found = [found[0], packed] if self.has_fibre else [packed]
        ways = []
        for choice in found:
            tap = np.full(self.problem.customers, -1)
            tap[who] = choice
            ways.append(tap)
        return ways

    def trim(self, drop: Ints, tap: Ints, via: Shorts) -> Ints:
        """Leave out of each overloaded tap's customers those whose going saves most, and no more than must go."""
        tap = tap.copy()
        load = self.load(tap)
        users = self._users(via, drop, tap)
        for t in np.flatnonzero(load > self.room).tolist():
            mine = np.flatnonzero(tap == t)
            keep = self._best_part(t, via[t], drop, mine, users)
            tap[mine[~keep]] = -1
        return tap

    def settle(self, built: Flags, drop: Ints, tap: Ints) -> Served:
        """Shorten the fibre of a plan within all limits, leave out what no route uses, and count the money."""
        problem = self.problem
        price, via = self.reached(built, drop)
        served = tap[tap >= 0]
        improve(price, problem.units[tap >= 0], self.room, served)
        tap = tap.copy()
        tap[tap >= 0] = served
        start, edges = self.routes(via, drop, tap)
        used = np.zeros(len(problem.tail), bool)
        used[edges] = True
        who = np.flatnonzero(tap >= 0)
        fibre = np.repeat(problem.fibres, np.diff(start)) @ problem.fibre_cost[edges]
        cost = problem.cost[used].sum() + self.leaves.price[drop[who]].sum() + fibre
        return Served(used, drop, tap, start, edges, int(cost), int(problem.units[who].sum()))

    def keeps(self, built: Flags, drop: Ints, tap: Ints) -> bool:
        """Return whether every customer is reached from its tap within the limits on its route."""
        price, _ = self.reached(built, drop)
        served = tap[tap >= 0]
        return bool(np.all(price[np.arange(len(served)), served] < FAR))

    def load(self, tap: Ints) -> Ints:
        """Return the homes on each tap."""
        who = tap >= 0
        load: Ints = np.bincount(tap[who], weights=self.problem.units[who], minlength=len(self.room)).astype(np.int64)
        return load

    def room_left(self, tap: Ints) -> Ints:
        """Return the homes each tap can still take."""
        return self.room - self.load(tap)

    def routes(self, via: Shorts, drop: Ints, tap: Ints) -> tuple[Ints, Ints]:
        """Return the edges from each customer's tap to its drop, in rows."""
        ends = np.zeros(len(tap), np.int64)
        ends[tap >= 0] = self.problem.drop_node[drop[tap >= 0]]
        return trace(via, self.problem.tail, self.problem.head, ends, tap)

    def used(self, via: Shorts, drop: Ints, tap: Ints) -> Flags:
        """Return which edges some route uses."""
        return self._users(via, drop, tap) > 0

    def _users(self, via: Shorts, drop: Ints, tap: Ints) -> Ints:
        """Return how many taps use each edge."""
        users = np.zeros(len(self.problem.tail), np.int64)
        for t in np.unique(tap[tap >= 0]).tolist():
            edges = via[t][self._tree_nodes(t, via[t], drop, np.flatnonzero(tap == t))]
            users[edges[edges >= 0]] += 1
        return users

    def _tree_nodes(self, tap: int, via: Shorts, drop: Ints, mine: Ints) -> Flags:
        ends = self.problem.drop_node[drop[mine]]
        return mark_ways(via, self.problem.tail, self.problem.head, ends, int(self.problem.tap_node[tap]))

    def _best_part(self, tap: int, via: Shorts, drop: Ints, mine: Ints, users: Ints) -> Flags:
        """Return which of a tap's customers to keep: the cheapest part of its tree that fills its ports."""
        problem = self.problem
        keep = self._tree_nodes(tap, via, drop, mine)
        order, size = preorder(via, problem.tail, problem.head, keep, int(problem.tap_node[tap]))
        edge = via[order]
        alone = edge >= 0
        alone[alone] = users[edge[alone]] <= 1
        price = np.zeros(len(edge), np.int64)
        price[alone] = problem.cost[edge[alone]]
        fibre = sum_along(via, problem.tail, problem.head, order, problem.fibre_cost)
        return self._knapsack(order, size, price, fibre, drop, mine, int(self.room[tap]))

    def _knapsack(self, order: Ints, size: Ints, price: Ints, fibre: Ints, drop: Ints, mine: Ints, room: int) -> Flags:
        """Hang the customers behind their nodes, as leaves of the preorder, and choose."""
        problem = self.problem
        place = np.full(problem.nodes, -1)
        place[order] = np.arange(len(order))
        node = problem.drop_node[drop[mine]]
        by_place = np.argsort(place[node], kind="stable")
        hung = np.bincount(place[node], minlength=len(order))
        before = np.r_[0, np.cumsum(hung)]
        row_of_node = np.arange(len(order)) + before[:-1]
        row_of_leaf = np.empty(len(mine), np.int64)
        row_of_leaf[by_place] = np.arange(len(mine)) + place[node][by_place] + 1
        rows = len(order) + len(mine)
        sizes, prices, units = np.ones(rows, np.int64), np.zeros(rows, np.int64), np.zeros(rows, np.int64)
        sizes[row_of_node] = size + before[np.arange(len(order)) + size] - before[:-1]
        prices[row_of_node] = price
        own = self.leaves.price[drop[mine]] + fibre[node] * problem.fibres[mine]
        prices[row_of_leaf] = own - WORTH * problem.first[mine]
        units[row_of_leaf] = problem.units[mine]
        return knapsack_on_tree(sizes, prices, units, room)[row_of_leaf]


def restrict(problem: Problem, customers: Flags, taps: Flags) -> tuple[Problem, Ints]:
    """
    Return the problem for some customers and taps alone, whatever the ports, and its drops' numbers in the whole one.

    Customers keep their order. Taps that stay are unlimited: this is the relaxation whose optimum bounds the cost.
    """
    number = np.cumsum(customers) - 1
    drop = np.flatnonzero(customers[problem.drop_customer])
    part = replace(
        problem,
        tap_node=problem.tap_node[taps],
        tap_capacity=np.full(int(taps.sum()), -1),
        drop_customer=number[problem.drop_customer[drop]],
        drop_node=problem.drop_node[drop],
        drop_cost=problem.drop_cost[drop],
        drop_fibre_cost=problem.drop_fibre_cost[drop],
        drop_length_mm=problem.drop_length_mm[drop],
        units=problem.units[customers],
        must=problem.first[customers],
        fibres=problem.fibres[customers],
    )
    return part, drop


def lift(problem: Problem, solution: Solution, customers: Flags, drops: Ints) -> tuple[Flags, Ints]:
    """Return the built edges and the drops of a restricted problem's solution in the whole problem's numbers."""
    built = np.zeros(len(problem.tail), bool)
    built[solution.edges] = True
    drop = np.full(problem.customers, -1)
    drop[np.flatnonzero(customers)] = np.where(solution.drop >= 0, drops[solution.drop], -1)
    return built, drop
