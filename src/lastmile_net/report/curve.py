"""`curve.csv`: homes over money, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lastmile_net.report.spreadsheet import write_csv

if TYPE_CHECKING:
    from pathlib import Path

    from lastmile_net.plan.result import Plan


def write_curve(plan: Plan, folder: Path) -> list[Path]:
    """Write `curve.csv` into a folder; return what was written."""
    table = folder / "curve.csv"
    write_csv(plan.curve, table)
    return [table]
