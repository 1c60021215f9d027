"""
What money can buy at most, and so much for the least money: proven by one programme for all aims (`rows`).

Its linear programme proves a bound at some price of a home, which tells something of every aim; branching proves what
one aim can reach, and its whole solutions are plans.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from lastmile_net.solve import solve
from lastmile_net.solve.capacity.bound.rows import SAME
from lastmile_net.solve.capacity.bound.streets import Ground
from lastmile_net.solve.capacity.money.chunks import ChunkTree
from lastmile_net.solve.capacity.money.rows import MoneyRows
from lastmile_net.solve.capacity.money.zones import has_time_for_whole, least_by_zones
from lastmile_net.solve.capacity.pace import Pace
from lastmile_net.solve.capacity.plan import solve_with_limits
from lastmile_net.solve.capacity.proof import Task, charge_within_ports, tree_of
from lastmile_net.solve.capacity.search.moves import restrict
from lastmile_net.solve.capacity.steps import FEW, QUICK_GAP
from lastmile_net.solve.capacity.worth import search_at
from lastmile_net.solve.clock import Clock
from lastmile_net.solve.prizes import Floor, only, renamed
from lastmile_net.solve.rows.priced import PricedRows
from lastmile_net.solve.rows.windows import RowCharges

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from lastmile_net.config import SolveConfig
    from lastmile_net.solve.capacity.bound.recharge import GroundCharges
    from lastmile_net.solve.capacity.limits import Reach
    from lastmile_net.solve.prizes import Question, Solver
    from lastmile_net.solve.problem import Problem, Report, Solution

    Flags = NDArray[np.bool_]

T = TypeVar("T")

MOST_EDGES, EDGES_PER_S = 50_000, 250
"""Streets with more edges are too many for one programme, or for so many seconds of a time limit."""
ZONED_EDGES = 15_000
"""Where ports are few, zones prove more from here on."""
FIRST_STEPS = 2
"""Solutions before there are layers: in the small programme cuts are found sooner."""
STEPS, IDLE = 15, 2
"""Solutions for one aim, at most, and so many in turn that gain less than"""
WORTH = 5e-4
"""this part of what is proven are the last."""
TRIES = 3
"""So often an aim is made harder for the rows until a plan reaches it."""
FEW_EDGES = 1_000
"""So few edges HiGHS's own branching is done with sooner than one by chunks."""
CLOSE = 0.002
"""Gap in cost at which branching for so many homes may stop."""
QUICK = {"rounds": 1, "target_gap": QUICK_GAP, "workers": 1}
"""When the solution without ports stops that guides the first cuts."""


class Affordable:
    """
    What money can buy within the ports of a town, at most.

    Parameters
    ----------
    question
        Streets, customers, their gains; nobody must be served.
    price
        Highest price of a unit of gain that bounds are proven at, in thousandths; drops that are dearer are left out of
        the programme. Aims for which a unit costs more are bounded, but loosely.
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
        self.question, self.config, self.report, self.solver = question, config, report, solver
        self.reach, self.price, self.reach_gain, self.hurried = reach, price, question.most, False
        self.search, self.real = search_at(question, price, reach)
        part, self.drops = restrict(self.search.problem, self.search.wanted, self.search.reach.usable)
        self.ground = Ground.of(part, self.search.room[self.search.reach.usable], way_out=part.nodes - 1)
        settled = self.ground.settled[self.ground.settled >= 0]
        out = settled[part.drop_node[settled] == part.nodes - 1]
        sure = int(part.drop_cost[out].sum()) // price
        self._left_out = sure + int(question.gain[question.in_reach & ~reach.can()].sum())
        self._fixed = self.ground.streets.constant - price * sure
        self._rows: MoneyRows | None = None

    @property
    def edges(self) -> int:
        """How many streets and drops there are, shrunk."""
        return len(self.ground.graph.cost)

    @property
    def is_tiny(self) -> bool:
        """Whether the streets are so few that branching soon comes to its end."""
        return self.edges <= FEW_EDGES

    @property
    def is_small(self) -> bool:
        """Whether the streets are few enough for one programme, and for the time limit."""
        limit = self.config.time_limit_s
        few_ports = bool((self.question.problem.tap_capacity >= 0).any())
        most = min(MOST_EDGES, ZONED_EDGES) if few_ports else MOST_EDGES
        return self.edges <= min(most, np.inf if limit is None else EDGES_PER_S * limit)

    def is_whole(self, limit_s: float | None) -> bool:
        """Return whether zones know what homes are worth where they meet: that takes time."""
        graph, need = self.ground.graph, self.ground.streets.need
        return limit_s is None or has_time_for_whole(graph, need, limit_s)

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
            rows = self._spending(budget, clock)

            def score(floor: Floor) -> float:
                return -math.log(max(self.reach_gain - (floor.bound - budget) / floor.price, SAME))

            return list(self._floors(rows, score, -math.log(enough + 1)))

        return self._in_time(budget, limit_s, prove)

    def floors_for(self, gain: int, cost: int, limit_s: float | None = None) -> list[Floor]:
        """Prove what a gain costs at least, as in `floors`, until that is `cost`, in thousandths."""

        def prove(clock: Clock) -> list[Floor]:
            rows = self._saving(gain, clock)

            def score(floor: Floor) -> float:
                return math.log(max(floor.least_cost(self.reach_gain, gain), 1))

            return list(self._floors(rows, score, math.log(max(cost, 1))))

        return self._in_time(cost, limit_s, prove)

    def floor_by_zones(self, limit_s: float | None = None, plan: Solution | None = None) -> Floor:
        """
        Prove at the price what is paid at least, in however many streets: zone by zone.

        Parameters
        ----------
        limit_s
            Time limit in seconds; None where there is none.
        plan
            A good plan at the price: where zones prove what it pays, they are done. None where none is known.
        """

        def prove(clock: Clock) -> Floor:
            relaxed, charged = self._charged(clock)
            streets = self.ground.streets
            rows = PricedRows.of(charged.record)
            before = RowCharges(rows.bound, charged.reduced, rows, np.zeros(len(charged.reduced)))
            guide, seed = tree_of(self.ground, relaxed), self.config.seed
            used = None if plan is None else self._used(plan)
            least = least_by_zones(self.ground.graph, streets.need, guide, before, self.price, used, seed, clock)
            return self._with_all(Floor(self.price, least))

        return self._in_time(0, limit_s, prove)

    def most_gain(self, budget: int, gain: int) -> tuple[int, Solution | None]:
        """
        Prove by branching what a budget can buy at most, as far as time allows.

        Parameters
        ----------
        budget
            In thousandths.
        gain
            What the best plan for it gains so far.

        Returns
        -------
        most
            No plan within the budget gains more.
        plan
            The best plan that was found; it may cost more.

        Notes
        -----
        The rows know of fibre's shortest ways only. Where a plan is too dear, so much less is spent on another one.
        """

        def prove(clock: Clock) -> tuple[int, Solution | None]:
            def spending(less: int) -> tuple[float, Flags | None]:
                rows, money = self._spending(budget - less, clock), budget - less
                worse = money - self._fixed + self.price * (self._may_leave(gain) - 1)

                def tell(floor: Floor) -> float:
                    return -floor.gain_at(self.reach_gain, money)

                return self._branch(rows, tell, -gain, 1, worse)

            least, built = spending(0)
            plan = self._reaching(built, lambda plan: plan.cost - budget, lambda less: spending(less)[1], clock)
            return math.floor(min(max(SAME - least, gain), self.reach_gain)), plan

        return self._in_time(budget, self.config.time_limit_s, prove)

    def least_cost(self, gain: int, cost: int) -> tuple[int, Solution | None]:
        """
        Prove by branching what a gain costs at least, as far as time allows.

        Parameters
        ----------
        gain
            What is wanted.
        cost
            What the best plan for it costs so far, in thousandths.

        Returns
        -------
        least
            No plan with that gain costs less.
        plan
            The best plan that was found; it may gain less.

        Notes
        -----
        The rows split buildings. Where a plan gains too little for that, so much more is asked of another one.
        """

        def prove(clock: Clock) -> tuple[int, Solution | None]:
            def gaining(more: int) -> tuple[float, Flags | None]:
                rows, wanted = self._saving(gain + more, clock), gain + more
                worse = cost - self._fixed
                return self._branch(
                    rows, lambda floor: floor.least_cost(self.reach_gain, wanted), cost, CLOSE * cost, worse
                )

            least, built = gaining(0)
            plan = self._reaching(built, lambda plan: gain - self._gain(plan), lambda more: gaining(more)[1], clock)
            return math.floor(min(max(least, 0), cost)), plan

        return self._in_time(cost, self.config.time_limit_s, prove)

    def _branch(
        self, rows: MoneyRows, tell: Callable[[Floor], float], known: float, grain: float, worse: float
    ) -> tuple[float, Flags | None]:
        """
        Branch on an aim.

        Parameters
        ----------
        rows
            The programme with the aim.
        tell
            What a floor proves: no plan has less than this of what the aim wants least.
        known, grain
            How much of that a known plan has, and what difference does not matter.
        worse
            What the rows pay for the known plan, or for one that is better by one.

        Returns
        -------
        least
            What is proven; infinite where no plan is better than the known one.
        built
            The best forest that was found; None where there is none.
        """
        rows.let_flow()

        def tell_all(floor: Floor) -> float:
            return tell(self._with_all(floor))

        if self.is_tiny:
            floor, built = rows.branch(worse, CLOSE if rows.saves else 0.0)
            return math.inf if floor is None else tell_all(floor), built
        tree = ChunkTree(rows, tell_all, known, grain)
        return tree.grow(), tree.built

    def _with_all(self, floor: Floor) -> Floor:
        """Return what a floor of the rows proves of the whole question."""
        return Floor(floor.price, floor.bound + self._fixed + floor.price * self._left_out)

    def _reaching(
        self, built: Flags | None, lacks: Callable[[Solution], int], again: Callable[[int], Flags | None], clock: Clock
    ) -> Solution | None:
        """
        Return the plan of a forest of the rows, or of a later one, that lacks nothing; the last one where none does.

        Parameters
        ----------
        built
            The first forest.
        lacks
            By how much a plan misses the aim.
        again
            Finds another forest for an aim that is harder by so much.
        clock
            When to stop.
        """
        plan, harder = self._plan(built, clock), 0
        for _ in range(TRIES):
            missed = 0 if plan is None else lacks(plan)
            if missed <= 0 or clock.over():
                break
            harder += missed
            plan = self._plan(again(harder), clock) or plan
        return plan

    def _plan(self, built: Flags | None, clock: Clock) -> Solution | None:
        """Return the plan of a forest of the rows that keeps all limits, in the question's drops."""
        if built is None:
            return None
        streets, search = self.ground.streets, self.search
        edges, own = self.ground.back(built & (streets.tail != 0) & (streets.head != 0))
        drop = np.full(search.problem.customers, -1)
        drop[search.wanted] = np.append(self.drops, -1)[own]
        plan = renamed(self.question, search.mend(edges, drop).solution(), self.real)
        chosen = np.append(self.real, -1)[drop] >= 0
        if np.any(chosen & (plan.drop < 0)) and not clock.over():
            # the rows have split buildings between taps: whole ones may need other trenches
            whole = only(self.question, chosen, self.config, partial(self._solve_whole, clock))
            plan = max(plan, whole, key=self._gain)
        return plan

    def _used(self, plan: Solution) -> Flags:
        """Return the edges of the rows that a plan uses; whom it serves by drops that are too dear is left out."""
        part, search, out = self.ground.problem, self.search, self.ground.problem.nodes - 1
        mine = np.full(len(self.question.problem.drop_customer) + 1, -1)
        # the question's drops, by way of the search's, in those of the rows
        mine[self.real[self.drops]] = np.arange(len(self.drops))
        mine[-1] = -1
        drop = mine[plan.drop][search.wanted]
        ways = np.flatnonzero(part.drop_node == out)
        way_out = np.full(part.customers, -1)
        way_out[part.drop_customer[ways]] = ways
        taps = np.flatnonzero(search.reach.usable)
        fed = np.flatnonzero(np.isin(taps, plan.tap) | (part.tap_node == out))
        return self.ground.within(plan.edges, np.where(drop < 0, way_out, drop), fed)

    def _solve_whole(self, clock: Clock, problem: Problem, config: SolveConfig, _: Report | None) -> Solution:
        """Solve within limits until the clock says stop: whoever asked for the plan is told of it in his own thread."""
        left = None if clock.deadline is None else clock.left()
        config = config.model_copy(update={"time_limit_s": left})
        found = solve_with_limits(problem, self.reach, config, lambda _: not clock.over(), to_the_end=False).solution
        self.hurried |= found.status == "time"
        return found

    def _gain(self, plan: Solution) -> int:
        return int(self.question.gain[plan.drop >= 0].sum())

    def _dear(self) -> int:
        """Return the gain of those who have drops that are dearer than the price of leaving them out."""
        gain, who = self.question.gain, self.question.problem.drop_customer
        return int(gain[np.unique(who[self.question.posed.drop_price > self.price * gain[who]])].sum())

    def _may_leave(self, gain: int) -> int:
        """Return how much of the rows' gain may be left out if so much is to be gained in all."""
        return self.reach_gain - self._left_out - gain

    def _in_time(self, cost: int, limit_s: float | None, prove: Callable[[Clock], T]) -> T:
        """Return what a proof finds within the time limit, and listen for a stop meanwhile."""
        pace = Pace(limit_s, 1.0, self.report)
        pace.tell(cost, "afford")
        clock = Clock(pace.deadline, ["report"] if pace.stopped else [])
        with ThreadPoolExecutor(1) as pool:
            proving = pool.submit(prove, clock)
            pace.wait([proving], clock)
        self.hurried |= bool(clock.late)
        return proving.result()

    def _spending(self, budget: int, clock: Clock) -> MoneyRows:
        """Return the rows for a budget."""
        rows = self._begun(clock)
        rows.spend(budget - self._fixed)
        return rows

    def _saving(self, gain: int, clock: Clock) -> MoneyRows:
        """Return the rows for a gain."""
        rows = self._begun(clock)
        rows.save(self._may_leave(gain))
        return rows

    def _begun(self, clock: Clock) -> MoneyRows:
        self._rows = self._begin(clock) if self._rows is None else self._rows
        self._rows.model.clock = clock
        return self._rows

    def _floors(self, rows: MoneyRows, score: Callable[[Floor], float], enough: float) -> Iterator[Floor]:
        best, idle, narrow = -math.inf, 0, len(rows.seeds) > 0
        for step in range(STEPS):
            if step == FIRST_STEPS and narrow and rows.flows is None:
                rows.let_flow()
                idle = 0
            added = rows.buy()
            floor = self._with_all(rows.floor)
            yield floor
            found = score(floor)
            idle = 0 if found > best + WORTH else idle + 1
            best = max(found, best)
            if added < 0 or ((rows.flows is not None or not narrow) and (added == 0 or idle == IDLE or best > enough)):
                break

    def _begin(self, clock: Clock) -> MoneyRows:
        """Charge the first cuts."""
        relaxed, charged = self._charged(clock)
        guide, rng = tree_of(self.ground, relaxed), np.random.default_rng(self.config.seed)
        graph, need = self.ground.graph, self.ground.streets.need
        return MoneyRows(self.price, self._dear(), graph, need, guide, rng, clock, charged.record)

    def _charged(self, clock: Clock) -> tuple[Solution, GroundCharges]:
        """Solve without ports, which guides, and charge cuts within them."""
        problem = self.ground.problem
        few = problem.customers <= FEW
        quick = self.config.model_copy(update=QUICK)
        relaxed = self.solver(problem, quick, lambda _: few and not clock.over())
        task = Task(self.ground, relaxed, None, relaxed.cost, 0.0, self.config.seed, clock)
        return relaxed, charge_within_ports(task)
