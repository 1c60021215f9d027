"""Compile the kernels for ports and limits before the clock starts, by solving a town of a few streets once."""

from __future__ import annotations

import logging
from functools import cache
from pathlib import Path

import numpy as np

from lastmile_net.config import SolveConfig
from lastmile_net.solve.capacity.limits import Limits
from lastmile_net.solve.capacity.plan import solve_with_limits
from lastmile_net.solve.compile import cache_folder
from lastmile_net.solve.problem import Problem
from lastmile_net.solve.warm import ONCE, warm

logger = logging.getLogger(__name__)
SIDE, CUSTOMERS, PORTS = 8, 40, 12


@cache
def warm_within_limits() -> None:
    """Run every kernel for ports and limits once, unless that was done before and its machine code is kept."""
    warm()
    mark = cache_folder(Path(__file__)) / "all"
    if mark.exists():
        return
    logger.info("compiling the solver for ports and limits, %s", ONCE)
    mark.touch()  # first, because the call below comes back here
    try:
        for fibre in (1, 0):  # forests are shaken only where fibre costs nothing
            solve_with_limits(_town(fibre), Limits(), SolveConfig(target_gap=0.0, rounds=1))
    except BaseException:
        mark.unlink(missing_ok=True)
        raise


def _town(fibre: int) -> Problem:
    """Return a grid of streets with two taps that have too few ports for all customers, with fibre's price or none."""
    rng = np.random.default_rng(1)
    node = np.arange(SIDE * SIDE).reshape(SIDE, SIDE)
    tail = np.concatenate([node[:, :-1].ravel(), node[:-1].ravel()])
    head = np.concatenate([node[:, 1:].ravel(), node[1:].ravel()])
    cost = rng.integers(20_000, 90_000, len(tail))
    corner = rng.integers(0, SIDE * (SIDE - 1) - 1, CUSTOMERS)
    drop_cost = rng.integers(5_000, 30_000, 3 * CUSTOMERS)
    return Problem(
        nodes=SIDE * SIDE,
        tail=tail,
        head=head,
        cost=cost,
        fibre_cost=fibre * (cost // 20),
        tap_node=np.array([0, SIDE * SIDE - 1]),
        tap_capacity=np.full(2, PORTS),
        drop_customer=np.repeat(np.arange(CUSTOMERS), 3),
        drop_node=(corner[:, None] + np.array([0, 1, SIDE])).ravel(),
        drop_cost=drop_cost,
        drop_fibre_cost=fibre * (drop_cost // 20),
        units=rng.integers(1, 3, CUSTOMERS),
        fibres=np.ones(CUSTOMERS, np.int64),
        length_mm=cost,
        drop_length_mm=drop_cost,
    )
