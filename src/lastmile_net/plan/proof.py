"""A lower bound beside the cost of a plan: it is no more, but for cents that were rounded."""

from __future__ import annotations

from typing import TypeVar

from lastmile_net.errors import SolveError
from lastmile_net.solve.problem import MILLI

Amount = TypeVar("Amount", int, float)
CENT, CENT_MILLI = 0.01, MILLI // 100
"""A cent, as money and in the thousandths of the solver."""
ROUNDED = 2
"""Cents by which rounding may lift a bound: one of the parts, one of their overhead."""


def below(bound: Amount, cost: Amount, *, cent: float = CENT) -> Amount:
    """
    Return a lower bound that is no more than the cost of a plan for which it holds.

    Parameters
    ----------
    bound, cost
        A bound on the plan, and what the plan costs, both with all that belongs to either.
    cent
        How much a cent is in them.

    Returns
    -------
    bound
        The same; the cost where rounding alone had put it above that.

    Raises
    ------
    SolveError
        If the bound is above the cost: one of them is wrong, and a plan with it would be called proven.

    Examples
    --------
    >>> below(90.0, 100.0), below(100.01, 100.0)
    (90.0, 100.0)
    >>> below(101.0, 100.0)
    Traceback (most recent call last):
        ...
    lastmile_net.errors.SolveError: the proof fails its own check: no plan costs less than 101.0, but this one is 100.0
    """
    if bound > cost + (ROUNDED + 1e-6) * cent:
        message = f"the proof fails its own check: no plan costs less than {bound}, but this one is {cost}"
        raise SolveError(message)
    return min(bound, cost)
