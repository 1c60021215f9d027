"""
Measure the solver on real towns: cost, proven gap, seconds, with one and with several candidate drops.

    python tests/benchmarks/bench_towns.py FOLDER [FOLDER ...] [--drops 1 3] [--time-limit S] [--prices metres]

Each FOLDER holds `streets.gpkg`, `backbone_lines.gpkg` (or `backbone.gpkg`) and `customers.gpkg`. Kernels are warm;
`cpu s` is what the process itself computed, which a busy machine does not stretch. No gate: it prints a table.
"""

# ruff: noqa: T201
from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

import lastmile_net as lm
from lastmile_net.solve.warm import warm

if TYPE_CHECKING:
    from lastmile_net.solve.problem import Progress

TARGETS = (0.003, 0.001, 0.00005)


class Stopwatch:
    """Notes when the search reached each target, in seconds of this process."""

    def __init__(self) -> None:
        self.began: float | None = None
        self.ended = 0.0
        self.first: dict[float, float] = {}

    def __call__(self, progress: Progress) -> None:
        """Take one line of progress."""
        now = time.process_time()
        if self.began is None:
            self.began = now - progress.seconds
        self.ended = now - self.began
        for target in TARGETS:
            if progress.gap <= target:
                self.first.setdefault(target, self.ended)


def measure(folder: Path, drops: int, time_limit_s: float, prices: str) -> str:
    """Plan one town to the end, and return its line of the table."""
    lines = folder / "backbone_lines.gpkg"
    backbone = lines if lines.is_file() else folder / "backbone.gpkg"
    config = lm.read_config(
        candidate_drops=drops, prices=prices, target_gap=0.0, rounds=1000, time_limit_s=time_limit_s
    )
    watch = Stopwatch()
    plan = lm.plan(folder / "streets.gpkg", backbone, folder / "customers.gpkg", config=config, report=watch)
    reached = "".join(f"{watch.first[t]:9.1f}" if t in watch.first else f"{'-':>9}" for t in TARGETS)
    return (
        f"{folder.name:18}{drops:6}{plan.cost:16,.0f}{plan.lower_bound:16,.0f}{plan.gap:10.4%}"
        f"{plan.status:>10}{watch.ended:9.1f}{reached}"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Measure the solver on real towns.")
    parser.add_argument("folder", type=Path, nargs="+")
    parser.add_argument("--drops", type=int, nargs="+", default=[1, 3])
    parser.add_argument("--time-limit", type=float, default=60.0)
    parser.add_argument("--prices", default="metres")
    given = parser.parse_args()
    warm()
    until = "".join(f"{f'<{t:.3%}':>9}" for t in TARGETS)
    print(f"{'town':18}{'drops':>6}{'cost':>16}{'bound':>16}{'gap':>10}{'ended by':>10}{'cpu s':>9}{until}")
    for folder in given.folder:
        for drops in given.drops:
            print(measure(folder, drops, given.time_limit, given.prices), flush=True)


if __name__ == "__main__":
    main()
