"""The graph that the kernels walk: node 0 is the root, terminals must be tied to it, leaves end at its rim."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np

from lastmile_net.solve.compile import inner_kernel, kernel

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Shorts = NDArray[np.int32]
    Kinds = NDArray[np.int8]

PLAIN, TERMINAL, LEAF = 0, 1, 2
FAR = np.int64(1) << np.int64(61)
"""Farther than anything: the distance of what cannot be reached."""
ROOT, ZERO, NONE = (cast("int", np.int64(number)) for number in (0, 0, -1))
"""Arguments from one kernel to another: for a literal, numba compiles the other one once more."""


class Graph(NamedTuple):
    """
    An undirected graph in compressed rows.

    Edge e is the pair of arcs 2e (tail to head) and 2e + 1 (head to tail). No path goes through a
    node of kind LEAF: it is entered and never left.

    Parameters
    ----------
    start
        int32 (n + 1,). Rows of `nbr` and `arc`.
    nbr, arc
        int32 (2m,). Neighbour, and the arc that leads to it, in each node's row.
    end
        int32 (2m,). Node that each arc enters.
    cost
        int64 (m,). Price of each edge.
    kind
        int8 (n,). PLAIN, TERMINAL or LEAF; node 0 is the root and a TERMINAL.
    """

    start: Shorts
    nbr: Shorts
    arc: Shorts
    end: Shorts
    cost: Ints
    kind: Kinds


def make_graph(kind: Kinds, tail: Ints, head: Ints, cost: Ints) -> Graph:
    """Lay edges out in rows, by their order."""
    end = np.empty(2 * len(tail), np.int32)
    end[0::2] = head
    end[1::2] = tail
    start, nbr, arc = lay_rows(len(kind), end)
    return Graph(start, nbr, arc, end, np.ascontiguousarray(cost, np.int64), np.ascontiguousarray(kind, np.int8))


def pick_rows(start: Ints, which: Ints) -> tuple[Ints, Ints]:
    """
    Return some rows of a table in CSR form.

    Parameters
    ----------
    start
        int64 (r + 1,). Where each row begins.
    which
        int64 (k,). The wanted rows, in any order.

    Returns
    -------
    start, place
        Where each of them begins in the new table, and the old place of each of its entries.
    """
    first = start[which]
    count = start[which + 1] - first
    begin = np.concatenate([[0], np.cumsum(count)])
    return begin, np.arange(begin[-1]) + np.repeat(first - begin[:-1], count)


@kernel
def lay_rows(nodes: int, end: Shorts) -> tuple[Shorts, Shorts, Shorts]:
    """Return the rows `start`, `nbr`, `arc` of the arcs that enter the nodes `end`."""
    start = np.zeros(nodes + 1, np.int32)
    for a in range(len(end)):
        start[end[a ^ 1] + 1] += 1
    for v in range(nodes):
        start[v + 1] += start[v]
    fill = start[:-1].copy()
    nbr = np.empty(len(end), np.int32)
    arc = np.empty(len(end), np.int32)
    for a in range(len(end)):
        v = end[a ^ 1]
        nbr[fill[v]] = end[a]
        arc[fill[v]] = a
        fill[v] += 1
    return start, nbr, arc


@inner_kernel
def copy_into(target: NDArray[Any], source: NDArray[Any]) -> None:
    """Copy an array into another one; `target[:] = source` takes seconds to compile, for the words of its errors."""
    for i in range(len(source)):
        target[i] = source[i]
