"""
Measure how the solver grows: one street pattern at 10 thousand to 3 million edges, every sixth node a customer.

    python tests/benchmarks/bench_growth.py [--edges 10000 100000 1000000 3000000] [--scattered] [--routes]

Blocks are counted so that every sixth node falls into the same columns at each size; `--scattered` draws as many at
random instead, which is harder by far and shows what one pass leaves open then.
Each size runs in a process of its own, kernels warm, so that time and peak memory are its own. `cpu s` is what the
process itself computed, `MB` what the pass needed. With `--routes` all routes are written down afterwards, piece by
piece, which needs far more where routes have thousands of pieces. No gate: it prints a table.
"""

# ruff: noqa: T201
from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import resource
import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from lastmile_net.config import SolveConfig
from lastmile_net.solve import solve
from lastmile_net.solve.problem import Problem, Progress
from lastmile_net.solve.warm import warm

EVERY = 6
EDGES_PER_NODE = 1.5
SEED = 7


def streets(edges: int, scattered: bool) -> Problem:
    """Return a grid of uneven blocks without half of its streets across; one node in six is a customer."""
    side = EVERY * round((edges / EDGES_PER_NODE) ** 0.5 / EVERY)
    node = np.arange(side * side).reshape(side, side)
    across = np.stack([node[:, :-1].ravel(), node[:, 1:].ravel()])
    along = np.stack([node[:-1].ravel(), node[1:].ravel()])
    rng = np.random.default_rng(SEED)
    keep = rng.random(across.shape[1]) < EDGES_PER_NODE - 1
    tail, head = np.concatenate([across[:, keep], along], axis=1)
    cost = rng.integers(20_000, 180_000, len(tail))
    tap = np.zeros(1, np.int64)
    inside = np.arange(EVERY, side * side, EVERY)
    if scattered:
        inside = np.sort(rng.choice(np.arange(1, side * side), len(inside), replace=False))
    return Problem.of_terminals(side * side, tail, head, cost, np.concatenate([tap, inside]))


class PassOver(Exception):  # noqa: N818
    """The pass that is measured is over; nobody asks for what comes after it."""


def measure(edges: int, scattered: bool, routes: bool) -> str:
    """Run one pass over one size and return its line of the table."""
    warm()
    problem = streets(edges, scattered)
    seen: list[tuple[float, float, float]] = []

    def report(progress: Progress) -> bool:
        if progress.stage.startswith("prove") and not seen:
            seen.append((progress.gap, time.process_time() - began, peak_mb()))
            if not routes:
                raise PassOver
        return not seen

    config = SolveConfig(target_gap=0, rounds=1, time_limit_s=None, workers=1)
    began = time.process_time()
    with contextlib.suppress(PassOver):
        solve(problem, config, report)
    gap, seconds, mb = seen[0]
    return (
        f"{len(problem.tail):10,}{problem.customers:10,}{gap:9.3%}"
        f"{seconds:9.1f}{seconds / len(problem.tail) * 1e6:12.1f}{mb:9.0f}{peak_mb():12.0f}"
    )


def peak_mb() -> float:
    """Return the most memory this process has had so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Measure how the solver grows.")
    parser.add_argument("--edges", type=int, nargs="+", default=[10_000, 100_000, 1_000_000, 3_000_000])
    parser.add_argument("--scattered", action="store_true", help="draw customers at random")
    parser.add_argument("--routes", action="store_true", help="write all routes down afterwards, too")
    given = parser.parse_args()
    print(f"{'edges':>10}{'customers':>10}{'gap':>9}{'cpu s':>9}{'us per edge':>12}{'MB':>9}{'in the end':>12}")
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, max_tasks_per_child=1) as pool:
        for edges in given.edges:
            print(pool.submit(measure, edges, given.scattered, given.routes).result(), flush=True)


if __name__ == "__main__":
    main()
