"""The benchmark script gives the table others rely on, and takes no tree on trust."""

from __future__ import annotations

import csv
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = [
    "instance",
    "family",
    "nodes",
    "edges",
    "terminals",
    "cost",
    "lower_bound",
    "best_known",
    "seconds",
    "peak_rss_mb",
]


def run(root: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the script as a user does."""
    command = [sys.executable, str(root / "scripts" / "run_benchmarks.py"), "steiner", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_known_instance_is_solved_and_its_tree_written(root: Path, steiner: Path, tmp_path: Path) -> None:
    """Columns and solution files are what others parse; the written tree must be a tree of the cost in the table."""
    table = tmp_path / "t.csv"
    done = run(root, steiner, "--time-limit", "20", "--only", "lin01", "--csv", table, "--solutions", tmp_path)
    assert done.returncode == 0, done.stderr
    with table.open() as lines:
        (row,) = csv.DictReader(lines)
    assert list(row) == COLUMNS
    assert (row["instance"], row["family"], row["cost"], row["best_known"]) == ("lin01", "LIN", "503", "503")
    assert int(row["lower_bound"]) <= 503
    assert float(row["peak_rss_mb"]) > 50
    tree = (tmp_path / "lin01.sol").read_text().split()
    assert len(set(tree)) == len(tree) // 2 + 1, "a tree has one node more than edges"


def test_a_pattern_without_match_is_said(root: Path, steiner: Path) -> None:
    """A typing error must not look like an empty success."""
    done = run(root, steiner, "--only", "nothing-like-this")
    assert done.returncode == 2
    assert "nothing-like-this" in done.stderr


@pytest.mark.parametrize("words", [["/no/such/folder"], ["--only"]])
def test_wrong_usage_fails(root: Path, words: list[str]) -> None:
    """Scripts that call this one look at the exit code."""
    assert run(root, *words).returncode != 0
