"""
The programme of money and homes: what a budget leaves out at least, or what serving so many costs at least.

A price for each home proves no more than a line below what n homes cost, and that curve bends the wrong way: the first
homes of a tap lie along its street, and trenches to many more may serve but the few that still find a port. So cables
are flows in layers here (`layers`), and the money is a row. What its rows are priced at tells what the next home costs
at a budget; at that price they prove a bound for every budget.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import highspy
import numpy as np

from lastmile_net.solve.capacity.bound.rows import SAME, PortRows
from lastmile_net.solve.capacity.money.layers import Flows, Layers, Part, Worth, add_flows, lay_layers
from lastmile_net.solve.graph import LEAF
from lastmile_net.solve.prizes import Floor
from lastmile_net.solve.rows.generate import MOST_BRANCHES, STANDSTILL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.solve.bound import Record
    from lastmile_net.solve.capacity.bound.cuts import Need
    from lastmile_net.solve.clock import Clock
    from lastmile_net.solve.graph import Graph

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]
    Shorts = NDArray[np.int32]

SLIP = 1e-5
"""HiGHS may be off by this much in its own unit: where gains are large, money is little beside what they are worth."""


class FlowRows(PortRows):
    """
    The rows of streets in which cables can be flows.

    Parameters
    ----------
    price
        What leaving out one unit of gain costs.
    graph, need, cost, guide, rng, clock, charged
        As in `PortRows`; customers are left out at a tap of the need that has ports for all.

    Attributes
    ----------
    flows
        Rows of cables as flows; before there are any, only cuts are.
    money
        float64 or int64 (2m,). What each arc costs, but for leaving somebody out.
    floor
        What the last solution proves.
    """

    def __init__(
        self,
        price: int,
        graph: Graph,
        need: Need,
        cost: Ints,
        guide: Shorts,
        rng: np.random.Generator,
        clock: Clock,
        charged: Record,
    ) -> None:
        self.price, self.value, self.money = price, -math.inf, cost
        self.flows: Flows | None = None
        super().__init__(graph, need, need.turned(), cost, guide, rng, clock, charged)

    def let_flow(self, layers: Layers | None = None, part: Part | None = None, worth: Worth | None = None) -> None:
        """
        Add flows of homes, once.

        Parameters
        ----------
        layers, part, worth
            As in `add_flows`; the rows are a whole town's where no part is given.
        """
        if self.flows is None:
            layers = layers or lay_layers(self.graph, self.need, self.most, self.out)
            part = part or Part.whole(len(self.graph.kind), len(self.graph.end))
            self.flows = add_flows(self.model, layers, part, worth)

    def worth(self, reduced: Ints) -> tuple[Worth, Ints]:
        """
        Return what homes are worth in the last solution of a whole town: since flows are in, no row has been taken out.

        Parameters
        ----------
        reduced
            int64 (2m,). What all other rows leave of each arc's cost.

        Returns
        -------
        worth
            For a home that flows, or is served, at each node.
        share
            int64 (n,). What is paid at least for arcs to each node, and for homes there, besides what others charge.
        """
        flows, model, dual = self.flows, self.model, self.prices()
        if flows is None or dual is None:
            message = "there is no solution with flows"
            raise ValueError(message)
        price = np.rint(dual).astype(np.int64)
        price[: flows.first] = 0
        arcs, least, share = len(model.arc), np.concatenate(model.least), np.zeros(len(self.graph.kind))
        left = -model.charged(price)
        np.add.at(share, model.head[model.arc], np.minimum(left[:arcs] + reduced[model.arc], 0))
        np.add.at(share, flows.node, np.minimum(left[arcs:], 0) * np.concatenate(model.upper))
        for first, node in ((flows.balance, flows.balanced % len(share)), (flows.demand, flows.demanded)):
            row = first + np.arange(len(node))
            np.add.at(share, node, price[row] * least[row])
        return Worth.of(flows, price), share.astype(np.int64)

    def buy(self) -> int:
        """Solve, and add broken cuts; return their number, or -1 where time ran out before either."""
        whole = self.model.solve()
        self.floor = self.price_rows()
        if not whole:
            return -1
        value = float(self.model.highs.getInfo().objective_function_value)
        self.idle = 0 if value > self.value else self.idle + 1
        self.value = value
        if self.idle < STANDSTILL:
            self.model.drop_slack()
        return self._cut()

    def price_rows(self) -> Floor:
        """Return what the rows prove at the prices that the last solution gives them."""
        dual = self.prices()
        dual = np.zeros(self.model.count) if dual is None else dual
        return Floor(self.price, math.floor(self.model.proven(self.model.cost, dual)))

    def prices(self) -> Floats | None:
        """
        Return the price of each row in the last solution, in thousandths, and >= 0; None where there are none.

        Where time ran out, the dual simplex method leaves prices that prove nearly as much.
        """
        dual = np.array(self.model.highs.getSolution().row_dual)
        if len(dual) != self.model.count or not np.isfinite(dual).all():
            return None
        return np.maximum(dual * self.model.unit, 0.0)


class MoneyRows(FlowRows):
    """
    The rows of streets with one that says how much money there is, and one how many may be left out.

    Parameters
    ----------
    price, graph, need, guide, rng, clock, charged
        As in `FlowRows`.
    dear
        Gain of those with drops that are dearer than the price, and not among the rows.
    """

    def __init__(
        self,
        price: int,
        dear: int,
        graph: Graph,
        need: Need,
        guide: Shorts,
        rng: np.random.Generator,
        clock: Clock,
        charged: Record,
    ) -> None:
        self.dear, self.saves, self.aim = dear, False, 0
        super().__init__(price, graph, need, np.repeat(graph.cost, 2), guide, rng, clock, charged)

    def _add_lasting(self) -> None:
        """Add rows for how many are left out, for the money, and for how many may be left out."""
        super()._add_lasting()
        model = self.model
        way_out = (model.tail == self.out) & (self.graph.kind[model.head] == LEAF)
        self.left = np.where(way_out, model.cost // self.price, 0)
        self.money = model.cost - self.price * self.left
        self.money_row = model.add_free_row(*self._paid(self.money / model.unit))
        # a plan with dear drops is no dearer with so many more left out, each for the price
        more = model.add_columns(np.array([self.dear]))
        model.highs.changeColCost(int(more[0]), self.price / model.unit)
        column, weight = self._paid(self.left.astype(np.float64))
        self.left_row = model.add_free_row(np.append(column, more), np.append(weight, -1.0))

    def _paid(self, weight: Floats) -> tuple[NDArray[np.int64], Floats]:
        """Return the columns of arcs with a weight, and these."""
        own = weight[self.model.arc]
        column = np.flatnonzero(own)
        return column, own[column]

    def spend(self, budget: int) -> None:
        """Leave out as little as a budget allows, in thousandths."""
        self.aim = budget
        self._ask(saves=False, budget=budget / self.model.unit, left=highspy.kHighsInf)

    def save(self, left: int) -> None:
        """Spend as little as can be, with so many units of gain left out at most."""
        self.aim = left
        self._ask(saves=True, budget=highspy.kHighsInf, left=left)

    def _ask(self, *, saves: bool, budget: float, left: float) -> None:
        model, self.saves, self.value, self.idle = self.model, saves, -math.inf, 0
        column = np.arange(len(model.arc), dtype=np.int32)
        cost = (self.money if saves else model.cost)[model.arc] / model.unit
        model.highs.changeColsCost(len(column), column, cost)
        model.highs.changeRowBounds(self.money_row, -highspy.kHighsInf, budget)
        model.highs.changeRowBounds(self.left_row, -highspy.kHighsInf, left)

    def branch(self, most: float, gap: float) -> tuple[Floor | None, Flags | None]:
        """
        Let HiGHS branch until time is up.

        Parameters
        ----------
        most
            What a better solution may pay at most, those whom it leaves out at the price where it is asked to spend.
        gap
            Part of that by which what is found may miss the best; below the price of one left out it is that.

        Returns
        -------
        floor
            What that proves of the aim; None where no better solution is there.
        built
            bool (m,). The best forest that branching has found; None where it found none.
        """
        model = self.model
        model.demand_whole(np.ones(len(model.cost), bool), 1 if self.saves else self.price)
        model.guess_nothing()
        model.highs.setOptionValue("mip_rel_gap", gap)
        model.highs.setOptionValue("objective_bound", most * (1 + SAME) / model.unit + SLIP)
        least = max(model.branch(MOST_BRANCHES) * (1 - SAME) - SLIP * model.unit, 0.0)
        model.highs.setOptionValue("objective_bound", highspy.kHighsInf)
        built = model.built if model.is_found else None
        model.demand_any()
        if least > most:
            return None, built
        least = math.floor(least)
        return (Floor(1, least + self.aim) if self.saves else Floor(self.price, least)), built

    def price_rows(self) -> Floor:
        """Return what the rows prove at the price that money, or being left out, has in the last solution."""
        dual = self.prices()
        if dual is None:
            return Floor(self.price, 0)
        told, unit = np.array(self.model.highs.getSolution().row_dual), self.model.unit
        rate = 1 if self.saves else 1 + max(-float(told[self.money_row]), 0.0)
        price = -float(told[self.left_row]) * unit if self.saves else self.price / rate
        price = min(max(int(price), 1), self.price)
        return Floor(price, math.floor(self.model.proven(self.money + price * self.left, dual / rate)))
