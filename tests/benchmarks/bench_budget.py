"""
What a budget buys, against what one would write in an afternoon; and the same prizes against pcst-fast2.

    python tests/benchmarks/bench_budget.py TOWN.pkl... [--rounds 1]

Each file holds a pickled `(Problem, own_cost)`; `--pose STREETS BACKBONE CUSTOMERS PRICES FILE` makes one.
"""

# ruff: noqa: T201

from __future__ import annotations

import argparse
import pickle
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.config import SolveConfig, read_config
from lastmile_net.plan.aim import CURVE_SHARES
from lastmile_net.plan.favour import favour_first, favour_within_limits
from lastmile_net.solve.budget import Question, Study, ask_along, build_order
from lastmile_net.solve.budget.fill import reach_more, spend_rest
from lastmile_net.solve.budget.order import cut
from lastmile_net.solve.capacity import Limits, solve_with_limits
from lastmile_net.solve.graph import FAR
from lastmile_net.solve.prizes import ask
from lastmile_net.solve.routes import part
from lastmile_net.solve.warm import warm

if TYPE_CHECKING:
    from collections.abc import Callable

    from lastmile_net.plan.pose import Posed
    from lastmile_net.solve.budget import BuildOrder
    from lastmile_net.solve.problem import Solution

SHARES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.95)


def pose(streets: str, backbone: str, customers: str, prices: str, file: str) -> None:
    """Write the problem that a town poses."""
    from lastmile_net.cost import price_equipment
    from lastmile_net.read.layers import load_layers

    planner = sys.modules["lastmile_net.plan.plan"]
    config = read_config(prices=prices)
    caught = {}

    def catch(poser: Callable[[object], Posed], edge_prices: object, *_: object) -> None:
        caught["problem"] = poser(edge_prices).problem
        raise StopIteration

    planner.solve_posed = catch
    try:
        examined = planner._examined(load_layers(streets, backbone, customers, config=config), config)
        planner._solved(*examined, config, None)
    except StopIteration:
        problem = caught["problem"]
    own = np.round(price_equipment(problem.units, config.cost) * 1000).astype(np.int64)
    Path(file).write_bytes(pickle.dumps((problem, own)))


def greedy(question: Question, budgets: np.ndarray) -> np.ndarray:
    """Connect customers by falling homes per `cost_alone`, each by its cheapest way from the taps, streets once."""
    town = question.posed
    nothing = np.zeros(len(town.tail), bool)
    reach = reach_more(question, nothing, np.zeros(town.customers, bool))
    who = np.flatnonzero(reach.cost < FAR)
    order = who[np.argsort(reach.cost[who] / np.maximum(question.gain[who], 1), kind="stable")]
    spent, gained, built = [0], [0], nothing.copy()
    for c in order.tolist():
        d = int(reach.drop[c])
        v, step = int(town.drop_node[d]), int(town.drop_cost[d])
        while reach.via[v] >= 0:
            e = int(reach.via[v]) >> 1
            step += 0 if built[e] else int(town.cost[e])
            built[e] = True
            v = int(town.tail[e] + town.head[e]) - v
        spent.append(spent[-1] + step)
        gained.append(gained[-1] + int(question.gain[c]))
    return np.array(gained)[np.searchsorted(spent, budgets, side="right") - 1]


def against_pcst_fast(question: Question, price: int, config: SolveConfig) -> tuple[int, int, int, float, float]:
    """Return our objective and bound, pcst_fast's objective, and both seconds, with one drop for each customer."""
    import pcst_fast

    town = question.posed
    first = np.flatnonzero(np.diff(town.drop_customer, prepend=-1))
    columns = ("drop_customer", "drop_node", "drop_cost", "drop_fibre_cost", "drop_length_mm")
    single = replace(town, **{name: getattr(town, name)[first] for name in columns})
    single = replace(single, fibre_cost=0 * single.fibre_cost, drop_fibre_cost=0 * single.drop_fibre_cost)
    plain = Question.of(single, gain=question.gain)
    began = time.process_time()
    answer = ask(plain, price, config)
    ours = time.process_time() - began
    value = answer.solution.cost + price * int(plain.gain[plain.in_reach & (answer.solution.drop < 0)].sum())
    hub = np.arange(single.nodes)
    hub[single.tap_node] = single.tap_node[0]
    edges = np.concatenate(
        [
            np.column_stack([hub[single.tail], hub[single.head]]),
            np.column_stack([hub[single.drop_node], single.nodes + single.drop_customer]),
        ]
    )
    costs = np.concatenate([single.cost, single.drop_cost]).astype(np.float64)
    prizes = np.concatenate([np.zeros(single.nodes), price * np.where(plain.in_reach, plain.gain, 0)]).astype(
        np.float64
    )
    loop = edges[:, 0] == edges[:, 1]
    edges, costs = edges[~loop], costs[~loop]
    began = time.process_time()
    nodes, chosen = pcst_fast.pcst_fast(edges, prizes, costs, int(single.tap_node[0]), 1, "strong", 0)
    theirs = time.process_time() - began
    other = int(costs[chosen].sum() + prizes.sum() - prizes[nodes].sum())
    return value, answer.bound, other, ours, theirs


def run(path: str, rounds: int, gap: float, limit_s: float | None, kinds: tuple[str, ...]) -> None:
    """Measure one town, and print what was found."""
    town, own = pickle.loads(Path(path).read_bytes())
    question = Question.of(town, own)
    tight = SolveConfig(rounds=rounds, time_limit_s=None, workers=1, target_gap=0.0005)
    config = tight.model_copy(update={"target_gap": gap, "time_limit_s": limit_s})
    warm()
    began = time.process_time()
    limited = solve_with_limits(town, Limits(), tight)
    full, full_s = limited.solution, time.process_time() - began
    ports = bool((town.tap_capacity >= 0).any())
    build_order(town, full)  # loads its kernels
    began = time.process_time()
    study = Study(question, full, config, limits=Limits() if ports else None, ceiling=limited.most_units)
    ask_along(study, CURVE_SHARES)
    curve_s = time.process_time() - began
    everything = int(study.nested.cost[-1])
    budgets = np.array([int(share * everything) for share in SHARES])
    print(
        f"\n{Path(path).stem}: {study.all_gain} homes of {study.reach_gain}, full {everything / 1000:,.0f} in "
        f"{full_s:.1f} s, gap {full.gap:.2%}; curve {curve_s / full_s:.1f} x"
    )
    curves = {"greedy": greedy(question, budgets), "cheapest": gains_within(study.nested, budgets)}
    for name in kinds:
        if name == "grown" or not ports:
            curves[name] = favoured(study, full, gap, budgets, full_s, grown=name == "grown")
    best = np.array([best_within(study, budget, ports=ports) for budget in budgets.tolist()])
    best = np.max([best, *(curves[name] for name in curves if name != "greedy")], axis=0)
    most = study.most_gains(budgets)
    show(best, most, curves)
    if not ports:
        for share in (0.1, 0.3, 0.6):
            price = study.nested.price_at(int(share * everything))
            value, bound, other, ours, theirs = against_pcst_fast(question, price, config)
            print(
                f"pcst_fast at {price}: ours {value / bound - 1:.3%} above the bound in {ours:.2f} s, "
                f"theirs {other / bound - 1:.3%} in {theirs:.2f} s"
            )
    sys.stdout.flush()


def gains_within(order: BuildOrder, budgets: np.ndarray) -> np.ndarray:
    """Return what the first part of an order gains within each budget."""
    return np.concatenate([[0], order.gain])[np.searchsorted(order.cost, budgets, side="right")]


def favoured(
    study: Study, full: Solution, gap: float, budgets: np.ndarray, full_s: float, *, grown: bool
) -> np.ndarray:
    """Return what first parts of the plan gain that is made with the defaults, or grown."""
    began = time.process_time()
    config = read_config(prices="metres", target_gap=gap, phases={"grown": grown})
    favour = favour_first if study.kept is None else favour_within_limits
    found = favour(study, full, config, ())
    took = time.process_time() - began
    print(f"{'grown' if grown else 'plan'}: {dearer(study, found):+.2%} in {took / full_s:.1f} x")
    posed, gain = study.question.posed, study.question.gain
    return gains_within(build_order(posed, part(posed, found, found.drop >= 0), gain=gain), budgets)


def dearer(study: Study, found: Solution) -> float:
    """Return how much dearer than the cheapest a plan is."""
    own = int(study.question.own_cost[found.drop >= 0].sum())
    return (found.cost + own) / int(study.nested.cost[-1]) - 1


def best_within(study: Study, budget: int, *, ports: bool) -> int:
    """Return what the best plan found within a budget gains, nothing kept for later."""
    question = study.question
    if ports:
        return study.within(budget).gain
    parts = [cut(question, *plan, plan[1].within(budget)) for plan in study.plans]
    gains = [int(question.gain[part.drop >= 0].sum()) for part in parts]
    best = spend_rest(question, parts[int(np.argmax(gains))], budget)
    return int(question.gain[best.drop >= 0].sum())


def show(best: np.ndarray, most: np.ndarray, curves: dict[str, np.ndarray]) -> None:
    """Print gains, bounds and losses for each budget, and their means."""
    names = [name for name in curves if name != "greedy"]
    print("share    best   bound     gap " + "".join(f"{name:>9}" for name in curves) + " | loses " + ", ".join(names))
    lost = np.array([1 - curves[name] / best for name in names])
    for i, share in enumerate(SHARES):
        print(
            f"{share:5.0%} {best[i]:7} {most[i]:7} {most[i] / best[i] - 1:7.2%} "
            + "".join(f"{curve[i]:9}" for curve in curves.values())
            + " | "
            + " ".join(f"{each:6.1%}" for each in lost[:, i])
        )
    low = np.array(SHARES) < 0.3
    gaps = most / best - 1
    print(
        f"mean gap below 30 % {gaps[low].mean():.2%}, from there up {gaps[~low].mean():.2%}; "
        + "; ".join(f"{name} loses {each:.2%}" for name, each in zip(names, lost.mean(axis=1), strict=True))
    )


def main() -> None:
    """Pose or run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--gap", type=float, default=0.003, help="gap at which each price's search stops")
    parser.add_argument("--limit-s", type=float, help="time limit of the curve, and of each question on a budget")
    parser.add_argument("--pose", nargs=5)
    parser.add_argument("--no-grown", action="store_true", help="leave out the plan that is grown")
    given = parser.parse_args()
    if given.pose:
        pose(*given.pose)
    for path in given.files:
        run(path, given.rounds, given.gap, given.limit_s, ("plan",) if given.no_grown else ("plan", "grown"))


if __name__ == "__main__":
    main()
