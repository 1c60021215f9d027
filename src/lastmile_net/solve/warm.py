"""Compile all kernels before the clock starts, by solving a town of a few streets once."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.solve.clock import Clock
from lastmile_net.solve.compile import cache_folder
from lastmile_net.solve.graph import LEAF, PLAIN, TERMINAL, make_graph
from lastmile_net.solve.hunt import Hunt
from lastmile_net.solve.paths import spread
from lastmile_net.solve.reroute import Load, exchange
from lastmile_net.solve.routes import climb, flood
from lastmile_net.solve.shrink import Shrunk
from lastmile_net.solve.steiner.construct import grow, span

if TYPE_CHECKING:
    from collections.abc import Iterator

logger = logging.getLogger(__name__)
SIDE = 7
ONCE = "once after installing or updating: half a minute of a free core, some minutes of a busy one"
"""How long compiling takes, of the one part and of the other."""


@contextmanager
def compiling(module: str, what: str) -> Iterator[None]:
    """
    Tell that the step within is slow where its kernels have to be compiled first.

    Parameters
    ----------
    module
        File of the module that imports all of them.
    what
        What they are for.
    """
    mark = cache_folder(Path(module)) / "all"
    if not mark.exists():
        logger.info("compiling the solver for %s, %s", what, ONCE)
    yield
    mark.touch()


@cache
def warm() -> None:
    """Run every kernel of the search once, unless that was done before and its machine code is kept."""
    from lastmile_net.solve.windows import label_stretches

    mark = cache_folder(Path(__file__)) / "all"
    if mark.exists():
        return
    logger.info("compiling the solver, %s", ONCE)
    streets = SIDE * SIDE
    node = np.arange(streets).reshape(SIDE, SIDE)
    tail = np.concatenate([node[:, :-1].ravel(), node[:-1].ravel()])
    head = np.concatenate([node[:, 1:].ravel(), node[1:].ravel()])
    cost = 1000 + 37 * (np.arange(len(tail)) * 29 % 41)
    kind = np.full(streets + SIDE, PLAIN, np.int8)
    kind[::5] = TERMINAL
    kind[0] = TERMINAL
    kind[streets:] = LEAF
    leaf = np.repeat(np.arange(SIDE), 3)
    spot = leaf * 6 + np.tile([0, 1, 8], SIDE)
    tail = np.concatenate([tail, spot % streets])
    head = np.concatenate([head, streets + leaf])
    cost = np.concatenate([cost, 500 + 100 * (np.arange(len(leaf)) % 4)])
    hunt = Hunt(Shrunk.of(kind, tail, head, cost), np.random.default_rng(0), Clock())
    hunt.begin()
    hunt.prove()
    hunt.recharge()
    hunt.relax()
    hunt.search(1)
    graph = make_graph(kind, tail, head, cost)
    label_stretches(graph, span(graph, grow(graph, graph.cost, 0)), SIDE)
    spread(graph, graph.cost, np.zeros(1, np.int32))
    via, _ = flood(graph.start, graph.nbr, graph.arc, np.zeros(1, np.int64))
    climb(graph.end, via, np.zeros(1, np.int64), np.arange(len(graph.cost)))
    load = Load(np.ones(len(cost), np.int64), (kind == LEAF).astype(np.int64))
    exchange(graph, load, span(graph, grow(graph, graph.cost, 0)), via, np.zeros(len(kind), np.int32))
    mark.touch()
