"""
Flows of homes from each tap through the trenches around it, as columns of a linear programme.

A trench that leads the cables of few homes is built whole all the same: a flow from a tap through it is at most its
ports times how much of it is used. With one flow for all taps together that is the ports of all of them, and says
little; with a layer for each tap it says that a trench for a tap's last homes is there from its first one on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lastmile_net.solve.capacity.flow import most_flow
from lastmile_net.solve.graph import FAR, LEAF
from lastmile_net.solve.paths import spread

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.solve.capacity.cuts import Need
    from lastmile_net.solve.graph import Graph
    from lastmile_net.solve.rows.model import Relaxation

    Ints = NDArray[np.int64]
    Flags = NDArray[np.bool_]

REACH = 4
"""A tap has a layer where there are so many times as many homes as it has ports, nearest first."""


class Entries(NamedTuple):
    """Entries of rows: row, column, weight."""

    row: Ints
    column: Ints
    weight: Ints


def add_layers(model: Relaxation, graph: Graph, need: Need, most: int, out: int) -> None:
    """
    Add flows of homes, in a layer for each tap around it and one for all of them together beyond.

    Parameters
    ----------
    model
        The relaxation of the graph; what its columns for arcs use is what the flows go through.
    graph, need
        Streets with every tap a node of its own; node 0 feeds the taps.
    most
        No plan serves more homes through streets.
    out
        The tap at which customers are left out, which no cable leads to; -1 if there is none.
    """
    head, tail = graph.end.astype(np.int64), graph.end.reshape(-1, 2)[:, ::-1].ravel().astype(np.int64)
    is_leaf = graph.kind == LEAF
    arcs = np.flatnonzero((model.column >= 0) & ~is_leaf[head] & (tail != 0) & (tail != out))
    drops = np.flatnonzero((model.column >= 0) & is_leaf[head] & (tail != 0) & (tail != out))
    taps = np.flatnonzero(need.ports > 0)
    taps = taps[taps != out]
    if not len(taps):
        return
    around = [_around(graph, need, int(t), is_leaf) for t in taps]
    beyond = any((~each[head[arcs]] & each[tail[arcs]]).any() for each in around)
    asks = np.zeros(len(graph.kind), bool)
    asks[tail[drops]] = True
    own = np.where(is_leaf, 0, need.homes)
    own[out if out >= 0 else 0] = 0
    asks |= own > 0
    whole = most_flow(graph, need, most)
    nodes = len(graph.kind)
    layers = len(taps) + beyond
    balance: list[tuple[Ints, Ints, Ints]] = []  # row = layer * nodes + node
    demand = [(tail[drops], model.column[drops], -need.homes[head[drops]])]
    least = np.zeros(layers * nodes, np.int64)
    joint, widths = [], np.zeros(len(graph.end), np.int64)
    for k in range(layers):
        is_tap = k < len(taps)
        here = around[k] if is_tap else np.ones(nodes, bool)
        mine = arcs[here[tail[arcs]]]
        width = np.minimum(whole[mine], need.ports[taps[k]] if is_tap else most)
        flow = model.add_columns(width)
        widths[mine] += width
        joint.append((mine, flow))
        n = len(mine)
        rows = np.repeat(np.arange(n), 2)
        columns = np.column_stack([model.column[mine], flow]).ravel()
        weights = np.column_stack([width, np.full(n, -1)]).ravel()
        model.add_lasting(rows, columns, weights, np.zeros(n, np.int64))
        to = np.where(here[head[mine]], k, layers - 1)
        balance.append((to * nodes + head[mine], flow, np.ones(n, np.int64)))
        balance.append((k * nodes + tail[mine], flow, np.full(n, -1)))
        ends = np.flatnonzero(here & asks)
        leaving = model.add_columns(np.full(len(ends), need.ports[taps[k]] if is_tap else most))
        balance.append((k * nodes + ends, leaving, np.full(len(ends), -1)))
        demand.append((ends, leaving, np.ones(len(ends), np.int64)))
        if is_tap:
            least[k * nodes + taps[k]] = -need.ports[taps[k]]
    row, column, weight = (np.concatenate(part) for part in zip(*balance, strict=True))
    used, row = np.unique(row, return_inverse=True)
    model.add_lasting(row, column, weight, least[used])
    row, column, weight = (np.concatenate(part) for part in zip(*demand, strict=True))
    used, row = np.unique(row, return_inverse=True)
    model.add_lasting(row, column, weight, own[used])
    mine, flow = (np.concatenate(part) for part in zip(*joint, strict=True))
    narrow = whole[mine] < widths[mine]
    mine, flow = mine[narrow], flow[narrow]
    used, row = np.unique(mine, return_inverse=True)
    row = np.concatenate([row, np.arange(len(used))])
    column = np.concatenate([flow, model.column[used]])
    weight = np.concatenate([np.full(len(flow), -1), whole[used]])
    model.add_lasting(row, column, weight, np.zeros(len(used), np.int64))


def _around(graph: Graph, need: Need, tap: int, is_leaf: Flags) -> Flags:
    """Return the nodes around a tap among which there are several times as many homes as it has ports."""
    kind = graph.kind.copy()
    kind[0] = LEAF  # by way of it every tap is next to every other
    far, _, _ = spread(graph._replace(kind=kind), graph.cost, np.array([tap], np.int32))
    order = np.argsort(far, kind="stable")
    order = order[far[order] < FAR]
    homes = np.cumsum(need.homes[order])
    last = int(np.searchsorted(homes, REACH * need.ports[tap]))
    here = np.zeros(len(far), bool)
    here[order[: last + 1]] = True
    return here & ~is_leaf
