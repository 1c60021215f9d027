"""
Small questions to the end: a mixed-integer program whose optimum is the answer.

Each customer draws a unit of flow from the taps through arcs that are built; that is as strong as all directed cuts
(Wong 1984; for budgets Ljubic et al., Math. Program. 105, 2006), and small enough for HiGHS where customers are few.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array, hstack, vstack

from lastmile_net.solve.prizes import settle

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.optimize import OptimizeResult

    from lastmile_net.solve.prizes import Question
    from lastmile_net.solve.problem import Solution

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

MOST_FLOWS = 12_000
"""Customers times arcs up to which a question counts as small."""
MOST_BRANCHES = 2_000
"""Branches after which the bound so far is taken."""
SLIP = 1e-5
"""What the program's own arithmetic may be off, relative."""


@dataclass(frozen=True, eq=False)
class Proof:
    """A solution, None where the program found none, and the bound: most gain, or least cost in thousandths."""

    solution: Solution | None
    bound: int


@dataclass(frozen=True, eq=False)
class _Program:
    """
    The constraints that every aim shares: columns are arcs, drops, and flows customer by customer.

    Parameters
    ----------
    rows
        Sparse constraint matrix, with the limits `low` and `high` on each row.
    cost
        float64. What each column costs.
    gain
        float64. What each column gains.
    """

    rows: csr_array
    low: Floats
    high: Floats
    cost: Floats
    gain: Floats
    arcs: int
    drops: int


def is_small(question: Question) -> bool:
    """Say whether a question is small enough to be solved to the end."""
    customers = int(question.in_reach.sum())
    return customers > 0 and (2 * len(question.problem.tail) + 1) * customers <= MOST_FLOWS


def most_within(question: Question, budget: int) -> Proof:
    """Return the plan that gains most within a budget, and what none gains more than."""
    program = _program(question)
    within = program.cost / max(budget, 1)
    found = _run(program, -program.gain, within, (-np.inf, 1.0 if budget else 0.0))
    most = int(np.floor(-found.mip_dual_bound + SLIP)) if found.mip_dual_bound is not None else question.most
    solution = _read(question, program, found.x)
    return Proof(solution if solution is not None and solution.cost <= budget else None, most)


def cheapest_for(question: Question, gain: int) -> Proof:
    """Return the cheapest plan that gains as much, and what none costs less than."""
    program = _program(question)
    scale = max(float(program.cost.max(initial=1)), 1.0)
    found = _run(program, program.cost / scale, program.gain, (gain, np.inf))
    bound = found.mip_dual_bound
    least = int(np.ceil(bound * scale * (1 - SLIP) - 1)) if bound is not None and np.isfinite(bound) else 0
    solution = _read(question, program, found.x)
    enough = solution is not None and int(question.gain[solution.drop >= 0].sum()) >= gain
    return Proof(solution if enough else None, max(least, 0))


def _program(question: Question) -> _Program:
    problem = question.posed
    who = np.flatnonzero(question.in_reach)
    node = np.arange(problem.nodes)
    node[problem.tap_node] = problem.tap_node[0]
    tail, head = node[problem.tail], node[problem.head]
    source, target = np.concatenate([tail, head]), np.concatenate([head, tail])
    arcs, nodes = len(source), problem.nodes
    place = np.full(problem.customers, -1, np.int64)
    place[who] = np.arange(len(who))
    drops = np.flatnonzero(place[problem.drop_customer] >= 0)
    owner, spot = place[problem.drop_customer[drops]], node[problem.drop_node[drops]]
    balance = _matrix(np.ones(arcs), target, np.arange(arcs), nodes, arcs) - _matrix(
        np.ones(arcs), source, np.arange(arcs), nodes, arcs
    )
    inner = np.flatnonzero(np.arange(nodes) != problem.tap_node[0])
    draws = [
        _matrix(-np.ones(mine.sum()), spot[mine], np.flatnonzero(mine), nodes, len(drops))
        for mine in _each(owner, len(who))
    ]
    eye = csr_array((np.ones(arcs), (np.arange(arcs), np.arange(arcs))), shape=(arcs, arcs))
    blank = csr_array((arcs, len(drops)))
    choice = _matrix(np.ones(len(drops)), owner, np.arange(len(drops)), len(who), len(drops))
    blocks = [hstack([csr_array((len(who), arcs)), choice, csr_array((len(who), arcs * len(who)))])]
    for c in range(len(who)):
        before, after = csr_array((1, arcs * c)), csr_array((1, arcs * (len(who) - c - 1)))
        blocks.append(_row([csr_array((len(inner), arcs)), draws[c][inner]], balance[inner], before, after))
        blocks.append(_row([-eye, blank], eye, before, after))
    rows = csr_array(vstack(blocks))
    low = np.concatenate(
        [np.zeros(len(who)), *[np.concatenate([np.zeros(len(inner)), np.full(arcs, -np.inf)])] * len(who)]
    )
    high = np.zeros(len(low))
    high[: len(who)] = 1.0
    price = np.tile(problem.cost, 2)
    fibre = np.concatenate([np.empty(0), *(problem.fibres[c] * np.tile(problem.fibre_cost, 2) for c in who)])
    flows = np.zeros(arcs * len(who))
    gain = np.concatenate([np.zeros(arcs), question.gain[problem.drop_customer[drops]], flows])
    cost = np.concatenate([price, problem.drop_price[drops], fibre])
    return _Program(rows, low, high, cost.astype(np.float64), gain.astype(np.float64), arcs, len(drops))


def _each(owner: Ints, count: int) -> list[NDArray[np.bool_]]:
    return [owner == c for c in range(count)]


def _matrix(values: Floats, row: Ints, column: Ints, rows: int, columns: int) -> csr_array:
    return csr_array((values, (row, column)), shape=(rows, columns))


def _row(first: list[csr_array], flow: csr_array, before: csr_array, after: csr_array) -> csr_array:
    """Return rows with the flow of one customer in its place."""
    height = flow.shape[0]
    pads = [csr_array((height, before.shape[1])), flow, csr_array((height, after.shape[1]))]
    return hstack([*first, *pads])


def _run(program: _Program, objective: Floats, limited: Floats, limits: tuple[float, float]) -> OptimizeResult:
    """Minimise the objective with the sum over `limited` columns within its limits."""
    from scipy.optimize import Bounds, LinearConstraint, milp  # a fifth of a second that larger towns never need

    columns = len(objective)
    whole = np.zeros(columns)
    whole[: program.arcs + program.drops] = 1
    return milp(
        objective,
        integrality=whole,
        bounds=Bounds(0, 1),
        constraints=[
            LinearConstraint(program.rows, program.low, program.high),
            LinearConstraint(limited[None, :], *limits),
        ],
        options={"mip_rel_gap": 0.0, "node_limit": MOST_BRANCHES},
    )


def _read(question: Question, program: _Program, values: Floats | None) -> Solution | None:
    """Return the solution that the program's columns describe."""
    if values is None:
        return None
    problem = question.posed
    edges = program.arcs // 2
    arcs = values[: program.arcs] > 1 / 2
    built = np.flatnonzero(arcs[:edges] | arcs[edges:])
    place = np.flatnonzero(question.in_reach[problem.drop_customer])
    used = place[values[program.arcs : program.arcs + program.drops] > 1 / 2]
    drop = np.full(problem.customers, -1, np.int64)
    drop[problem.drop_customer[used]] = used
    return settle(question, built, drop)
