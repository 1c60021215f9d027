"""What a known plan digs and leads where, in the arcs of its town."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lastmile_net.solve.compile import kernel
from lastmile_net.solve.reroute import tree_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lastmile_net.solve.capacity.bound.cuts import Need
    from lastmile_net.solve.capacity.money.layers import Layers, Worth
    from lastmile_net.solve.graph import Graph

    Ints = NDArray[np.int64]
    Flags = NDArray[np.bool_]
    Shorts = NDArray[np.int32]


class Known(NamedTuple):
    """
    A plan.

    Parameters
    ----------
    arcs
        bool (2m,). Which arcs it uses, away from the taps.
    homes, layer
        int64 (2m,). Homes that its cables serve through each arc, and the layer that these flow in.
    """

    arcs: Flags
    homes: Ints
    layer: Ints

    @classmethod
    def of(cls, graph: Graph, need: Need, layers: Layers, used: Flags) -> Known:
        """Return the plan that uses some edges, the ways into its taps among them."""
        via = tree_of(graph, used)
        arcs, homes = np.zeros(len(graph.end), bool), np.zeros(len(graph.end), np.int64)
        layer = np.full(len(graph.end), -1)
        there = np.flatnonzero(via >= 0)
        arcs[via[there]] = True
        # where cables from two taps share a trench, it is used one way or the other
        arcs[0::2] |= used & ~arcs[0::2] & ~arcs[1::2]
        fed_by, node = np.nonzero(layers.feed)
        first = np.full(len(via), -1)
        first[node] = fed_by
        below, within = _lead(graph.end, via, need.homes, first, layers.here)
        homes[via[there]], layer[via[there]] = below[there], within[graph.end[via[there] ^ 1]]
        return cls(arcs, homes, layer)

    def pays(self, layers: Layers, worth: Worth) -> Ints:
        """Return what is paid for the homes that each arc leads, int64 (2m,), if it crosses a rim."""
        pays = np.zeros(len(self.homes), np.int64)
        arc = np.flatnonzero(self.layer >= 0)
        tail = layers.tail[arc]
        each = np.where(layers.is_drop[arc], worth.served[tail], worth.flow[self.layer[arc], tail])
        pays[arc] = each * self.homes[arc]
        return pays


@kernel
def _lead(end: Shorts, via: Shorts, homes: Ints, first: Ints, here: Flags) -> tuple[Ints, Ints]:
    """Return the homes at each node of a tree and below, and the layer in which they come there (-1: in none)."""
    nodes, last = len(via), len(here) - 1
    below, kids = homes.copy(), np.zeros(nodes, np.int64)
    order, count = np.empty(nodes, np.int64), 0
    for v in range(nodes):
        if via[v] >= 0:
            kids[end[via[v] ^ 1]] += 1
    for v in range(nodes):
        if via[v] >= 0 and kids[v] == 0:
            order[count] = v
            count += 1
    done = 0
    while done < count:
        v = order[done]
        done += 1
        above = end[via[v] ^ 1]
        below[above] += below[v]
        kids[above] -= 1
        if kids[above] == 0 and via[above] >= 0:
            order[count] = above
            count += 1
    layer = np.full(nodes, -1, np.int64)
    for i in range(count - 1, -1, -1):
        v = order[i]
        above = end[via[v] ^ 1]
        if above == 0:
            layer[v] = first[v]
        elif layer[above] >= 0:
            layer[v] = layer[above] if here[layer[above], v] else last
    return below, layer
