"""What an aim is answered with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lastmile_net.solve.problem import Solution


@dataclass(frozen=True, eq=False)
class Choice:
    """
    A plan for an aim, and what no other plan can do better.

    Parameters
    ----------
    solution
        Who is connected, and how; its cost has the customers' own costs in it.
    gain
        What it gains.
    most_gain
        No plan that costs no more gains more.
    least_cost
        No plan that gains as much (where a gain was asked for, as that) costs less, in thousandths.
    """

    solution: Solution
    gain: int
    most_gain: int
    least_cost: int
