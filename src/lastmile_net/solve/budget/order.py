"""The nested order of building: whom to connect first, so that a smaller budget builds the first part of a larger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.solve.budget.blocks import add_up, best_first
from lastmile_net.solve.routes import lay_routes, part, rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.solve.prizes import Question
    from lastmile_net.solve.problem import Problem, Solution

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

DEAR = 2.0
"""Who costs more for his gain, times this, than whom the money of a year does not suffice for waits for the next."""


@dataclass(frozen=True, eq=False)
class BuildOrder:
    """
    The customers of a solution in the order in which they are connected.

    Any first part of it is a solution of its own, within the limits of the whole: routes stay as they are.

    Parameters
    ----------
    customers
        int64 (k,). Served customers, first things first.
    cost
        int64 (k,). What has been spent once each of them is connected, in thousandths.
    gain
        int64 (k,). What has been gained by then: homes, unless another prize was asked for.
    block
        int64 (k,). Number of the block of each customer, from 0. At the end of a block no other part of the same
        solution has gained more for the same money.
    edge_rank
        int64 (m,). Position of the first customer who needs each edge; -1 where nobody does.
    """

    customers: Ints
    cost: Ints
    gain: Ints
    block: Ints
    edge_rank: Ints

    def within(self, budget: int) -> int:
        """Return how many customers are connected for at most `budget`."""
        return int(np.searchsorted(self.cost, budget, side="right"))

    def gain_within(self, budget: int) -> int:
        """Return what those gain who are connected for at most `budget`."""
        count = self.within(budget)
        return int(self.gain[count - 1]) if count else 0

    def price_at(self, budget: int) -> int:
        """Return what a unit of gain costs in the block at which a budget ends; at least 1."""
        last = self._ends()
        spent = np.concatenate([[0], self.cost[last]])
        gained = np.concatenate([[0], self.gain[last]])
        at = min(max(int(np.searchsorted(spent, budget, side="left")), 1), len(last))
        return max(int((spent[at] - spent[at - 1]) // max(gained[at] - gained[at - 1], 1)), 1)

    def worth(self, price: int) -> int:
        """Return how many customers lie in blocks whose units of gain cost at most a price."""
        last = self._ends()
        spent, gained = np.diff(self.cost[last], prepend=0), np.diff(self.gain[last], prepend=0)
        good = np.flatnonzero((gained > 0) & (spent <= price * gained))
        return int(last[good[-1]]) + 1 if len(good) else 0

    def price_each(self) -> Floats:
        """Return what a unit of gain costs in the block of each customer, float64 (k,); infinite where it has none."""
        last = self._ends()
        spent, gained = np.diff(self.cost[last], prepend=0), np.diff(self.gain[last], prepend=0)
        each = np.where(gained > 0, spent / np.maximum(gained, 1), np.inf)
        return np.repeat(each, np.diff(last, prepend=-1))

    def _ends(self) -> Ints:
        """Return the last customer of each block."""
        ends: Ints = np.flatnonzero(np.append(self.block[1:] != self.block[:-1], [True])[: len(self.block)])
        return ends


Plan = tuple["Solution", BuildOrder]
"""A solution, and the order in which it is built."""


@dataclass(frozen=True, eq=False)
class Forest:
    """
    The pieces of a solution's routes, each below the piece that leads to it.

    Parameters
    ----------
    parent, edge, price
        int64 (n,). Of each piece, parents first: its parent (-1 at a tap), the edge it stands for, and its price; where
        pieces of several taps stand for one edge, they share its price by the homes behind them.
    customers, last
        int64 (k,). Served customers, by tap, and the piece that each one's route ends with (-1 for none).
    """

    parent: Ints
    edge: Ints
    price: Ints
    customers: Ints
    last: Ints


def lay_forest(problem: Problem, solution: Solution, who: Ints) -> Forest:
    """Lay the routes of some customers over one another."""
    who = who[np.argsort(solution.tap[who], kind="stable")]
    start, edges = rows(solution, who)
    parent, edge, last = lay_routes(solution.tap[who], start, edges, len(problem.tail))
    homes = np.zeros(len(parent), np.int64)
    np.add.at(homes, last[last >= 0], problem.units[who[last >= 0]])
    add_up(parent, homes)
    price = problem.cost[edge]
    behind = np.bincount(edge, weights=homes, minlength=len(problem.tail))
    shared = np.bincount(edge, minlength=len(problem.tail))[edge] > 1
    price[shared] = np.round(price[shared] * homes[shared] / behind[edge[shared]]).astype(np.int64)
    return Forest(parent, edge, price, who, last)


def build_order(
    problem: Problem,
    solution: Solution,
    *,
    own_cost: Ints | None = None,
    gain: Ints | None = None,
    phase: Ints | None = None,
) -> BuildOrder:
    """
    Order the customers of a solution by what they gain for the money, streets opened once.

    Parameters
    ----------
    problem, solution
        What was solved, and the answer; its routes stay as they are.
    own_cost
        int64 (c,). What each customer costs besides edges, drop and fibre.
    gain
        int64 (c,), >= 0. What connecting each customer is worth; the homes if not given.
    phase
        int64 (c,). Customers of a lower phase go before those of a higher one; nobody waits if not given.

    Returns
    -------
    order
        The customers, with cost and gain up to each.

    Notes
    -----
    Exact at the end of each block where routes of different taps share no trench; where they do, the price of the
    shared piece is split over the homes behind it to find the order, and paid once, by the first who needs it, in the
    cost. Ties go to the lower number. O(n log n) in the pieces of the routes.
    """
    own = np.zeros(problem.customers, np.int64) if own_cost is None else own_cost
    prize = problem.units if gain is None else gain
    served = np.flatnonzero(solution.drop >= 0)
    wave = np.zeros(problem.customers, np.int64) if phase is None else phase
    own = own + of_their_own(problem, solution)
    paid = np.zeros(len(problem.tail), bool)
    customers, blocks = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    done = 0
    for each in np.unique(wave[served]).tolist():
        who = served[wave[served] == each]
        order, block = _one_phase(problem, solution, who, own, prize, paid)
        customers.append(order)
        blocks.append(block + done)
        done += int(block.max(initial=-1)) + 1
        paid[rows(solution, who)[1]] = True
    sequence = np.concatenate(customers)
    cost, edge_rank = _spend(problem, solution, sequence, own)
    return BuildOrder(sequence, cost, np.cumsum(prize[sequence]), np.concatenate(blocks), edge_rank)


def in_turn(question: Question, solution: Solution) -> BuildOrder:
    """Return the order of building a solution for a question in which those who must be served come first."""
    turn = np.where(question.problem.first, 0, 1).astype(np.int64)
    return build_order(question.posed, solution, gain=question.gain, phase=turn)


def cut(question: Question, solution: Solution, order: BuildOrder, count: int) -> Solution:
    """Return the first `count` customers of a solution, in its order, and what they need."""
    who = np.zeros(question.problem.customers, bool)
    who[order.customers[:count]] = True
    return part(question.posed, solution, who)


def buy(question: Question, solution: Solution, order: BuildOrder, budget: int) -> Solution:
    """Return what a budget buys of a solution: its first part, and of all others, in order, whoever still fits in."""
    turn = buy_in_turn(question, solution, order, (budget,), must_first=False)
    return part(question.posed, solution, (turn == 0) & (solution.drop >= 0))


def buy_in_turn(
    question: Question, solution: Solution, order: BuildOrder, budgets: tuple[int, ...], *, must_first: bool = True
) -> Ints:
    """
    Share the customers of a solution out among budgets that are spent one after the other.

    Parameters
    ----------
    question, solution, order
        As in `buy`.
    budgets
        What may have been spent by the end of each turn, rising, in thousandths.
    must_first
        Let nobody go before those who must be served, even where the money suffices for others only.

    Returns
    -------
    turn
        int64 (c,). In which turn each customer is bought, from 0: the first ones in order, and of all others, in order,
        whoever still fits in; before the last turn only who costs little more for his gain than whom the money does not
        suffice for, as it is not lost. The number of budgets for those whom none of them buys.
    """
    problem, last = question.posed, len(budgets)
    own, price_each = of_their_own(problem, solution), order.price_each()
    turn, built = np.full(problem.customers, last, np.int64), np.zeros(len(problem.tail), bool)
    left = before = 0
    for number, budget in enumerate(budgets):
        left, before = left + budget - before, budget
        open_ = turn[order.customers] == last
        rest, each = order.customers[open_], price_each[open_]
        short, dear = False, np.inf
        for i in range(len(rest)):
            c = int(rest[i])
            if short and (own[c] > left or question.gain[c] == 0):
                continue
            way = solution.route_edges[solution.route_start[c] : solution.route_start[c + 1]]
            price = int(own[c] + problem.cost[way[~built[way]]].sum())
            if price <= left and (not short or price <= dear * question.gain[c]):
                turn[c], built[way], left = number, True, left - price
            elif not short:
                if problem.first[c] and must_first:
                    break
                short, dear = True, DEAR * each[i] if number < last - 1 else np.inf
    return turn


def of_their_own(problem: Problem, solution: Solution) -> Ints:
    """Return drop and fibre of each served customer."""
    own = np.zeros(problem.customers, np.int64)
    served = np.flatnonzero(solution.drop >= 0)
    drop = solution.drop[served]
    own[served] = problem.drop_cost[drop] + problem.fibres[served] * problem.drop_fibre_cost[drop]
    so_far = np.concatenate([[0], np.cumsum(problem.fibre_cost[solution.route_edges])])
    along: Ints = so_far[solution.route_start[1:]] - so_far[solution.route_start[:-1]]
    own[served] += (problem.fibres * along)[served]
    return own


def _one_phase(
    problem: Problem, solution: Solution, who: Ints, own: Ints, prize: Ints, paid: NDArray[np.bool_]
) -> tuple[Ints, Ints]:
    """Return some customers in their order, with their blocks; edges that are paid for cost nothing."""
    forest = lay_forest(problem, solution, who)
    nodes = len(forest.parent)
    order, block = best_first(
        np.concatenate([forest.parent, forest.last]),
        np.concatenate([np.where(paid[forest.edge], 0, forest.price), own[forest.customers]]),
        np.concatenate([np.zeros(nodes, np.int64), prize[forest.customers]]),
    )
    leaf = order[order >= nodes]
    _, number = np.unique(block[leaf], return_inverse=True)
    return forest.customers[leaf - nodes], number.astype(np.int64)


def _spend(problem: Problem, solution: Solution, sequence: Ints, own: Ints) -> tuple[Ints, Ints]:
    """Return what has been spent after each customer of a sequence, and who needs each edge first."""
    start, edges = rows(solution, sequence)
    rank = np.full(len(problem.tail), -1, np.int64)
    position = np.repeat(np.arange(len(sequence)), np.diff(start))
    rank[edges[::-1]] = position[::-1]
    step = own[sequence].copy()
    built = np.flatnonzero(rank >= 0)
    np.add.at(step, rank[built], problem.cost[built])
    return np.cumsum(step), rank
