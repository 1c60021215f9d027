"""
What money can buy within ports: one linear programme for all budgets.

A price for each home proves no more than a line below what n homes cost, and ports bend that curve the wrong way: the
first homes of a tap lie along its street, and trenches to many more serve but the few that still find a port. So cables
are flows in layers here (`layers`), and the money is a row. What its rows are priced at tells what the next home costs
at a budget; at that price they prove a bound for every budget.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

import highspy
import numpy as np

from lastmile_net.solve import solve
from lastmile_net.solve.capacity.layers import add_layers
from lastmile_net.solve.capacity.pace import Pace
from lastmile_net.solve.capacity.proof import Task, charge_within_ports, tree_of
from lastmile_net.solve.capacity.rows import SAME, PortRows
from lastmile_net.solve.capacity.search import restrict
from lastmile_net.solve.capacity.steps import FEW, QUICK_GAP
from lastmile_net.solve.capacity.streets import Ground
from lastmile_net.solve.capacity.worth import search_at
from lastmile_net.solve.clock import Clock
from lastmile_net.solve.graph import LEAF
from lastmile_net.solve.prizes import Floor
from lastmile_net.solve.rows.generate import MOST_BRANCHES, STANDSTILL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from lastmile_net.config import SolveConfig
    from lastmile_net.solve.bound import Record
    from lastmile_net.solve.capacity.cuts import Need
    from lastmile_net.solve.capacity.limits import Reach
    from lastmile_net.solve.graph import Graph
    from lastmile_net.solve.prizes import Question, Solver
    from lastmile_net.solve.problem import Report

    Ints = NDArray[np.int64]
    Shorts = NDArray[np.int32]

T = TypeVar("T")

MOST_EDGES, EDGES_PER_S = 30_000, 250
"""Streets with more edges are too many for one programme, or for so many seconds of a time limit."""
FIRST_STEPS = 2
"""Solutions before there are layers: in the small programme cuts are found sooner."""
STEPS, IDLE = 15, 2
"""Solutions for one budget, at most, and so many in turn that gain less than"""
WORTH = 5e-4
"""this part of what the budget buys are the last."""
QUICK = {"rounds": 1, "target_gap": QUICK_GAP, "workers": 1}
"""When the solution without ports stops that guides the first cuts."""


class MoneyRows(PortRows):
    """
    The rows of streets with few ports, with one that says how much money there is.

    Parameters
    ----------
    price
        What leaving out one unit of gain costs among the arcs' prices.
    graph, need, guide, rng, clock, charged
        As in `PortRows`; customers are left out at a tap of the need that has ports for all.
    """

    def __init__(
        self,
        price: int,
        graph: Graph,
        need: Need,
        guide: Shorts,
        rng: np.random.Generator,
        clock: Clock,
        charged: Record,
    ) -> None:
        self.price, self.value = price, -math.inf
        super().__init__(graph, need, need.turned(), np.repeat(graph.cost, 2), guide, rng, clock, charged)

    def _add_lasting(self) -> None:
        """Add rows for how many are left out, and for the money."""
        super()._add_lasting()
        model = self.model
        way_out = (model.tail == self.out) & (self.graph.kind[model.head] == LEAF)
        self.left = np.where(way_out, model.cost // self.price, 0)
        self.money = model.cost - self.price * self.left
        own = self.money[model.arc]
        paid = np.flatnonzero(own)
        self.row = model.add_free_row(paid, own[paid] / model.unit)

    def let_flow(self) -> None:
        """Add flows in layers."""
        add_layers(self.model, self.graph, self.need, self.most, self.out)

    def spend(self, budget: int) -> None:
        """Let no solution cost more than a budget, in thousandths."""
        self.value, self.idle = -math.inf, 0
        self.model.highs.changeRowBounds(self.row, -highspy.kHighsInf, budget / self.model.unit)

    def buy(self) -> int:
        """Solve, and add broken cuts; return their number, or -1 where time ran out before either."""
        whole = self.model.solve()
        if not whole:
            self.floor = self._floor()
            return -1
        value = float(self.model.highs.getInfo().objective_function_value)
        self.idle = 0 if value > self.value else self.idle + 1
        self.value = value
        self.floor = self._floor()
        if self.idle < STANDSTILL:
            self.model.drop_slack()
        return self._cut()

    def branch(self, budget: int, left: int) -> float:
        """
        Return what no whole solution leaves out less than within the budget, branching until time is up.

        Parameters
        ----------
        budget
            What the money row says, in thousandths.
        left
            What the best plan so far leaves out, in units of gain.
        """
        model = self.model
        most = self.price * (left - 1) + budget
        model.demand_whole(np.ones(len(model.cost), bool), self.price)
        model.guess_nothing()
        model.highs.setOptionValue("objective_bound", most * (1 + SAME) / model.unit)
        least = model.branch(MOST_BRANCHES) * (1 - SAME)
        model.highs.setOptionValue("objective_bound", highspy.kHighsInf)
        model.demand_any()
        return left if least > most else (least - budget) / self.price

    def _floor(self) -> Floor:
        """
        Return what the rows prove at the price that the money has in the last solution.

        Where time ran out, the dual simplex method leaves prices that prove nearly as much.
        """
        solution = self.model.highs.getSolution()
        dual = np.array(solution.row_dual)
        if len(dual) != self.model.count or not np.isfinite(dual).all():
            return Floor(self.price, 0)
        rate = 1 + max(-float(dual[self.row]), 0.0)
        price = max(int(self.price / rate), 1)
        dual = np.maximum(dual * (self.model.unit / rate), 0.0)
        return Floor(price, math.floor(self.model.proven(self.money + price * self.left, dual)))


class Affordable:
    """
    What budgets can buy within the ports of a town, at most.

    Parameters
    ----------
    question
        Streets, customers, their gains; nobody must be served.
    price
        Highest price of a unit of gain that bounds are proven at, in thousandths; drops that are dearer are left out of
        the programme. Budgets that end where a unit costs more are bounded, but loosely.
    reach
        Which tap reaches whom within the limits on routes.
    config, report
        When to stop; progress callback.
    solver
        What solves the plain problem.
    """

    def __init__(
        self,
        question: Question,
        price: int,
        reach: Reach,
        config: SolveConfig,
        report: Report | None = None,
        solver: Solver = solve,
    ) -> None:
        self.config, self.report, self.solver = config, report, solver
        self.price, self.reach_gain, self.hurried = price, question.most, False
        search, _ = search_at(question, price, reach)
        part, _ = restrict(search.problem, search.wanted, search.reach.usable)
        self.ground = Ground.of(part, search.room[search.reach.usable], way_out=part.nodes - 1)
        settled = self.ground.settled[self.ground.settled >= 0]
        out = settled[part.drop_node[settled] == part.nodes - 1]
        sure = int(part.drop_cost[out].sum()) // price
        self._left_out = sure + int(question.gain[question.in_reach & ~reach.can()].sum())
        self._fixed = self.ground.streets.constant - price * sure
        self._rows: MoneyRows | None = None
        self._flows = False

    @property
    def is_small(self) -> bool:
        """Whether the streets are few enough for one programme, and for the time limit."""
        limit = self.config.time_limit_s
        return len(self.ground.graph.cost) <= min(MOST_EDGES, np.inf if limit is None else EDGES_PER_S * limit)

    def floors(self, budget: int, enough: int, limit_s: float | None = None) -> list[Floor]:
        """
        Prove what a budget can buy at most, until that is enough, gains little, or time is up.

        Parameters
        ----------
        budget
            In thousandths.
        enough
            A gain that shall be proven to be the most.
        limit_s
            Time limit in seconds; None where there is none.

        Returns
        -------
        floors
            One for each solution.
        """

        def prove(clock: Clock) -> list[Floor]:
            return list(self._floors(self._spending(budget, clock), budget, enough))

        return self._in_time(budget, limit_s, prove)

    def most_gain(self, budget: int, gain: int) -> int:
        """
        Prove by branching what a budget can buy at most, as far as time allows.

        Parameters
        ----------
        budget
            In thousandths.
        gain
            What the best plan for it gains so far.
        """

        def prove(clock: Clock) -> int:
            rows = self._spending(budget, clock)
            least = rows.branch(budget - self._fixed, self.reach_gain - self._left_out - gain)
            return max(math.floor(self.reach_gain - max(self._left_out + least, 0) + SAME), gain)

        return self._in_time(budget, self.config.time_limit_s, prove)

    def _in_time(self, budget: int, limit_s: float | None, prove: Callable[[Clock], T]) -> T:
        """Return what a proof finds within the time limit, and listen for a stop meanwhile."""
        pace = Pace(limit_s, 1.0, self.report)
        pace.tell(budget, "afford")
        clock = Clock(pace.deadline, ["report"] if pace.stopped else [])
        with ThreadPoolExecutor(1) as pool:
            proving = pool.submit(prove, clock)
            pace.wait([proving], clock)
        self.hurried |= bool(clock.late)
        return proving.result()

    def _spending(self, budget: int, clock: Clock) -> MoneyRows:
        """Return the rows for a budget."""
        self._rows = self._begin(clock) if self._rows is None else self._rows
        self._rows.model.clock = clock
        self._rows.spend(budget - self._fixed)
        return self._rows

    def _floors(self, rows: MoneyRows, budget: int, enough: int) -> Iterator[Floor]:
        most_left, idle = -math.inf, 0
        for step in range(STEPS):
            if step == FIRST_STEPS and not self._flows:
                rows.let_flow()
                self._flows, idle = True, 0
            added = rows.buy()
            floor = Floor(rows.floor.price, rows.floor.bound + self._fixed + rows.floor.price * self._left_out)
            yield floor
            left = (floor.bound - budget) / floor.price
            idle = 0 if left > most_left + WORTH * (self.reach_gain - left) else idle + 1
            most_left = max(left, most_left)
            proven = floor.most_gain(self.reach_gain, budget) <= enough
            if added < 0 or (self._flows and (added == 0 or idle == IDLE or proven)):
                break

    def _begin(self, clock: Clock) -> MoneyRows:
        """Charge the first cuts."""
        streets, graph, problem = self.ground.streets, self.ground.graph, self.ground.problem
        few = problem.customers <= FEW
        quick = self.config.model_copy(update=QUICK)
        relaxed = self.solver(problem, quick, lambda _: few and not clock.over())
        charged = charge_within_ports(Task(self.ground, relaxed, None, relaxed.cost, 0.0, self.config.seed, clock))
        guide, rng = tree_of(self.ground, relaxed), np.random.default_rng(self.config.seed)
        return MoneyRows(self.price, graph, streets.need, guide, rng, clock, charged.record)
