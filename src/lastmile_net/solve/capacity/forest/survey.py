"""What a forest looks like as it stands: its trees, how they hang, and which of them lack ports."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lastmile_net.solve.compile import inner_kernel
from lastmile_net.solve.graph import LEAF, copy_into

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.solve.capacity.bound.cuts import Need
    from lastmile_net.solve.graph import Graph

    Ints = NDArray[np.int64]
    Shorts = NDArray[np.int32]
    Flags = NDArray[np.bool_]


class Survey(NamedTuple):
    """
    A forest as it stands.

    Tree of each node (-1: none), arc that enters it from its parent, place in a preorder and the place after the last
    one of its subtree, homes less ports of the subtree, number of its edges; nodes in preorder, and how many; homes
    less ports of each tree.
    """

    tree: Shorts
    via: Shorts
    enter: Shorts
    leave: Shorts
    short: Ints
    degree: Shorts
    order: Shorts
    number: Shorts
    lacks: Ints


@inner_kernel
def survey_of(nodes: int) -> Survey:
    """Return room for a survey of so many nodes."""
    return Survey(
        np.empty(nodes, np.int32),
        np.empty(nodes, np.int32),
        np.empty(nodes, np.int32),
        np.empty(nodes, np.int32),
        np.empty(nodes, np.int64),
        np.empty(nodes, np.int32),
        np.empty(nodes, np.int32),
        np.zeros(2, np.int32),
        np.empty(nodes, np.int64),
    )


@inner_kernel
def survey(graph: Graph, need: Need, built: Flags, found: Survey) -> bool:
    """Look at a forest; edges that close a circle are taken out of `built`. Return whether every tree has its ports."""
    nodes = len(graph.kind)
    found.tree[:] = -1
    found.via[:] = -1
    found.degree[:] = 0
    stack = np.empty(nodes, np.int32)
    used = np.zeros(len(built), np.bool_)
    count, trees = 0, 0
    good = True
    for turn in range(2):
        for first in range(1, nodes):
            begins = need.ports[first] > 0 if turn == 0 else need.homes[first] > 0
            if not begins or found.tree[first] >= 0:
                continue
            found.tree[first] = trees
            stack[0] = first
            size, begun = 1, count
            while size > 0:
                size -= 1
                v = stack[size]
                found.order[count] = v
                found.enter[v] = count
                count += 1
                for i in range(graph.start[v], graph.start[v + 1]):
                    u, e = graph.nbr[i], graph.arc[i] >> 1
                    if not built[e] or u == 0 or found.tree[u] >= 0:
                        continue
                    used[e] = True
                    found.tree[u] = trees
                    found.via[u] = graph.arc[i]
                    found.degree[u] += 1
                    found.degree[v] += 1
                    stack[size] = u
                    size += 1
            for i in range(begun, count):
                v = found.order[i]
                found.short[v] = need.homes[v] - need.ports[v]
                found.leave[v] = found.enter[v] + 1
            for i in range(count - 1, begun, -1):
                v = found.order[i]
                u = graph.end[found.via[v] ^ 1]
                found.short[u] += found.short[v]
                found.leave[u] = max(found.leave[u], found.leave[v])
            found.lacks[trees] = found.short[first]
            good = good and found.lacks[trees] <= 0
            trees += 1
    copy_into(built, used)
    found.number[0] = count
    found.number[1] = trees
    return good


@inner_kernel
def is_key(graph: Graph, need: Need, found: Survey, v: int) -> bool:
    """Say whether a node of a forest is an end of a path: a fork, an end, a customer or a tap."""
    return bool(found.degree[v] != 2 or need.homes[v] > 0 or need.ports[v] > 0 or graph.kind[v] == LEAF)
