"""
Measure the solver on public instances: cost, proven bound, time and memory.

    python scripts/run_benchmarks.py steiner FOLDER [--time-limit S] [--seed K] [--csv OUT]
                                     [--solutions DIR] [--only GLOB] [--rounds N]

FOLDER holds PACE `.gr` or SteinLib `.stp` files, also `.xz`, and may hold an `index.csv` with the columns
`file, family, name, best_upper`. Each instance is solved in a process of its own, kernels warm, so that time
and peak memory are its own. Every tree is checked here, without the solver, before it counts.
"""

from __future__ import annotations

import argparse
import csv
import fnmatch
import multiprocessing
import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.config import SolveConfig
from lastmile_net.errors import SolveError
from lastmile_net.solve import solve
from steiner_instances import Entry, Instance, list_instances, read_instance, write_solution

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lastmile_net.solve.problem import Solution

MANY_ROUNDS = 1_000_000
WARM_SIDE = 8


@dataclass(frozen=True)
class Row:
    """What one instance gave."""

    instance: str
    family: str
    nodes: int
    edges: int
    terminals: int
    cost: int
    lower_bound: int
    best_known: int | None
    seconds: float
    peak_rss_mb: float

    @property
    def above_best(self) -> float:
        """Cost over the best known one, less one; NaN where none is known."""
        return ratio(self.cost, self.best_known) if self.best_known is not None else float("nan")

    @property
    def gap(self) -> float:
        """Cost over the proven bound, less one."""
        return ratio(self.cost, self.lower_bound)


@dataclass(frozen=True)
class Task:
    """One instance and how it is to be solved."""

    entry: Entry
    config: SolveConfig
    solutions: Path | None = None


def ratio(cost: int, base: int) -> float:
    """Return cost over base, less one; infinite over nothing."""
    if base > 0:
        return cost / base - 1
    return 0.0 if cost == 0 else float("inf")


def run(task: Task) -> Row:
    """Solve one instance, check the tree, and say what it took."""
    warm()
    instance = read_instance(task.entry.path)
    began = time.perf_counter()
    solution = solve(instance.problem(), task.config)
    seconds = time.perf_counter() - began
    check_tree(instance, solution)
    if task.solutions is not None:
        write_solution(task.solutions / f"{task.entry.name}.sol", instance, solution.edges)
    return Row(
        task.entry.name,
        task.entry.family,
        instance.nodes,
        len(instance.tail),
        len(instance.terminals),
        solution.cost,
        solution.lower_bound,
        task.entry.best_known,
        round(seconds, 3),
        round(peak_rss_mb(), 1),
    )


def warm() -> None:
    """Load, or compile, every kernel on a small grid of streets."""
    solve(grid(WARM_SIDE).problem(), SolveConfig(target_gap=0, rounds=2, time_limit_s=None))


def grid(side: int) -> Instance:
    """Return a square grid with uneven costs and every third node a terminal."""
    node = np.arange(side * side).reshape(side, side)
    tail = np.concatenate([node[:, :-1].ravel(), node[:-1].ravel()])
    head = np.concatenate([node[:, 1:].ravel(), node[1:].ravel()])
    cost = 50 + (tail * 37 + head * 61) % 53
    return Instance(side * side, tail, head, cost, np.arange(0, side * side, 3))


def check_tree(instance: Instance, solution: Solution) -> None:
    """
    Judge a tree by the instance alone: its edges cost what is claimed and tie all terminals together.

    Raises
    ------
    SolveError
        If they don't, or the bound lies above the cost.
    """
    parent = list(range(instance.nodes))

    def find(v: int) -> int:
        while parent[v] != v:
            parent[v] = parent[parent[v]]
            v = parent[v]
        return v

    for e in solution.edges:
        parent[find(int(instance.tail[e]))] = find(int(instance.head[e]))
    apart = len({find(int(t)) for t in instance.terminals}) - 1
    cost = int(instance.cost[solution.edges].sum())
    if apart or cost != solution.cost or solution.lower_bound > cost:
        message = f"{apart} terminals are apart; edges cost {cost}, claimed {solution.cost} >= {solution.lower_bound}"
        raise SolveError(message)


def peak_rss_mb() -> float:
    """Return the largest memory this process held, in MB (10^6 bytes)."""
    status = Path("/proc/self/status")
    if status.is_file():
        peak = [line for line in status.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM")]
        if peak:
            return int(peak[0].split()[1]) * 1024 / 1e6
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def measure(tasks: Sequence[Task]) -> list[Row]:
    """Run each task in a fresh process, one after the other, and print its line."""
    rows = []
    context = multiprocessing.get_context("spawn")
    print(f"{'instance':24}{'cost':>14}{'bound':>14}{'best known':>14}{'above':>9}{'proven':>9}{'s':>8}{'MB':>7}")
    with ProcessPoolExecutor(1, mp_context=context, max_tasks_per_child=1) as pool:
        for task in tasks:
            row = pool.submit(run, task).result()
            rows.append(row)
            known = "-" if row.best_known is None else row.best_known
            print(
                f"{row.instance:24}{row.cost:14}{row.lower_bound:14}{known:>14}{row.above_best:9.3%}{row.gap:9.3%}"
                f"{row.seconds:8.1f}{row.peak_rss_mb:7.0f}",
                flush=True,
            )
    return rows


def print_families(rows: Sequence[Row]) -> None:
    """Print the means of each family, and how many were solved to the end."""
    print(f"\n{'family':24}{'instances':>10}{'above':>9}{'proven':>9}{'worst':>9}{'optimal':>9}{'s':>8}{'MB':>7}")
    for family in sorted({row.family for row in rows}):
        of_family = [row for row in rows if row.family == family]
        proven = [row.gap for row in of_family]
        above = np.mean([row.above_best for row in of_family])
        print(
            f"{family or '-':24}{len(of_family):10}{above:9.3%}{np.mean(proven):9.3%}{max(proven):9.3%}"
            f"{sum(gap == 0 for gap in proven):9}{np.mean([row.seconds for row in of_family]):8.1f}"
            f"{max(row.peak_rss_mb for row in of_family):7.0f}"
        )


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    """Write one line per instance."""
    with path.open("w", newline="", encoding="utf-8") as out:
        table = csv.DictWriter(out, [field.name for field in fields(Row)])
        table.writeheader()
        table.writerows(asdict(row) for row in rows)


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Measure the solver on public instances.")
    kinds = parser.add_subparsers(dest="kind", required=True)
    steiner = kinds.add_parser("steiner", help="Steiner tree instances with known optima")
    steiner.add_argument("folder", type=Path, help="folder with .gr or .stp files (also .xz)")
    steiner.add_argument("--time-limit", type=float, default=30.0, metavar="S", help="seconds for each (default 30)")
    steiner.add_argument("--seed", type=int, default=0, metavar="K")
    steiner.add_argument("--csv", type=Path, metavar="OUT", help="write the table here")
    steiner.add_argument("--solutions", type=Path, metavar="DIR", help="write each tree as NAME.sol here")
    steiner.add_argument("--only", metavar="GLOB", help="only instances whose name, family or file matches")
    steiner.add_argument("--rounds", type=int, default=MANY_ROUNDS, metavar="N", help="stop after so many rounds")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> int:
    """Run the benchmark; return the exit code."""
    given = arguments(words)
    entries = list_instances(given.folder)
    if given.only:
        entries = [
            entry
            for entry in entries
            if any(fnmatch.fnmatch(word, given.only) for word in (entry.name, entry.family, entry.path.name))
        ]
    if not entries:
        print(f"no instance matches {given.only!r}", file=sys.stderr)
        return 2
    if given.solutions is not None:
        given.solutions.mkdir(parents=True, exist_ok=True)
    config = SolveConfig(target_gap=0, rounds=given.rounds, time_limit_s=given.time_limit, seed=given.seed)
    rows = measure([Task(entry, config, given.solutions) for entry in entries])
    print_families(rows)
    if given.csv is not None:
        write_csv(given.csv, rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
