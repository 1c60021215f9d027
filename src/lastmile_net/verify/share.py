"""Share routes out among pieces that lie on one another: no geometry tells which of them a route runs through."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lastmile_net.verify.files import Run

    Ints = NDArray[np.int64]

MOST_BITS = 1_000_000
"""Sums beyond this do not count customers beside homes."""


@dataclass(frozen=True, eq=False)
class Uses:
    """
    Which pieces each route runs over, each pair once.

    Parameters
    ----------
    route, piece
        Row of the route; row of the piece in the trenches that are no drops, followed by the reused, then the drops.
    astray
        Customers whose route leaves what is built, or runs over somebody else's drop.
    """

    route: Ints
    piece: Ints
    astray: frozenset[str]


def share_out(run: Run, uses: Uses, twins: list[list[int]]) -> Uses:
    """
    Let each of some pieces have the homes that it tells, as far as any choice of routes does that.

    Parameters
    ----------
    run, uses
        A run, and which pieces its routes run over; where some lie on one another it names any of them.
    twins
        Pieces that lie on one another, trenches first.
    """
    assert run.routes is not None
    if not twins:
        return uses
    told = pd.concat([run.shared, run.reused, run.drops], ignore_index=True)
    rank = dict(zip(run.customers["customer_id"], run.customers["build_order"], strict=True))
    names = run.routes["customer_id"]
    ranks = pd.to_numeric(names.map(rank)).to_numpy(np.float64)
    homes = names.map(run.new_homes).fillna(0).to_numpy(np.int64)
    piece = uses.piece.copy()
    for group in twins:
        left = np.flatnonzero(np.isin(uses.piece, group))
        for each in group:
            route = uses.route[left]
            if each < len(run.shared):
                mine = _of_trench(told.loc[each], homes[route], ranks[route])
            else:
                mine = choose(homes[route].tolist(), int(told.loc[each, "units"]))
            if mine is None:
                break
            piece[left[mine]] = each
            left = np.delete(left, mine)
    return replace(uses, piece=piece)


def _of_trench(told: pd.Series, homes: Ints, rank: NDArray[np.float64]) -> list[int] | None:
    """Return which routes a trench may carry: so many customers and homes, of which the first one needs it first."""
    number, wanted, first = int(told["customers"]), int(told["units"]), told["build_order"]
    able = np.flatnonzero(rank >= first) if pd.notna(first) else np.arange(len(homes))
    able = able[np.argsort(rank[able], kind="stable")]
    if len(able) == 0 or number == 0:
        return [] if number == 0 else None
    one = int(homes[able].sum()) + 1
    one = one if one * len(able) <= MOST_BITS else 0
    weights = (homes[able] + one).tolist()
    rest = choose(weights[1:], wanted + one * number - weights[0])
    return None if rest is None else able[[0, *(1 + each for each in rest)]].tolist()


def choose(weights: Sequence[int], total: int) -> list[int] | None:
    """
    Return numbers of weights that add up to a total; None where none do.

    Examples
    --------
    >>> choose([3, 1, 4, 2], 7), choose([3, 3], 4)
    ([0, 2], None)
    """
    if total < 0:
        return None
    sums = [1]  # bit s is set where the weights so far have a part that adds up to s
    for weight in weights:
        sums.append((sums[-1] | sums[-1] << weight) & ((1 << (total + 1)) - 1))
    if not sums[-1] >> total & 1:
        return None
    chosen = []
    for number in range(len(weights) - 1, -1, -1):
        if not sums[number] >> total & 1:
            chosen.append(number)
            total -= weights[number]
    return chosen[::-1]
