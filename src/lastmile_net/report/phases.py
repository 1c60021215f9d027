"""The phases of a plan as a table: what each one costs, connects and digs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from lastmile_net.plan.result import Plan

WORDS = {
    "phase": "phase",
    "area": "area",
    "budget": "budget",
    "cost": "cost",
    "cost_so_far": "cost so far",
    "units": "homes",
    "units_so_far": "homes so far",
    "trench_m": "trench m",
}
"""Columns of the table, and their headings."""


def phase_table(plan: Plan) -> pd.DataFrame:
    """
    Return budget, cost, homes and trench metres of each phase, with cost and homes added up.

    Parameters
    ----------
    plan
        A plan, or one that has been read back.

    Returns
    -------
    table
        One row per phase, columns as in `WORDS`, those without any value left out; empty where the plan has no phases.
    """
    phases = plan.summary.get("phases") or []
    told = [name for name in WORDS if any(phase.get(name) is not None for phase in phases)]
    return pd.DataFrame({WORDS[name]: [phase[name] for phase in phases] for name in told})


def phase_text(plan: Plan) -> str:
    """Return the table as plain text, its columns under each other; empty where the plan has no phases."""
    table = phase_table(plan)
    if table.empty:
        return ""
    columns = [[name, *(_cell(name, value) for value in table[name].tolist())] for name in table.columns.astype(str)]
    widths = [max(len(cell) for cell in column) for column in columns]
    lines = [
        "  ".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True))
        for row in zip(*columns, strict=True)
    ]
    return "\n".join(["Phases", *(f"  {line}" for line in lines), *(f"    {said}" for said in phase_notes(plan))])


def phase_notes(plan: Plan) -> tuple[str, ...]:
    """Say what the numbers of the phases are, in clauses."""
    currency = plan.summary.get("currency", "")
    said = (f"money in {currency}, overhead included; a trench is paid for in the first phase that needs it",)
    budgets = plan.config.phases is not None and bool(plan.config.phases.budgets)
    return (*said, "what is left of a budget goes to the next phase") if budgets else said


def _cell(name: str, value: object) -> str:
    if value is None or value != value:
        return "-"
    if isinstance(value, float):
        return f"{value:,.0f} m" if name == WORDS["trench_m"] else f"{value:,.2f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
