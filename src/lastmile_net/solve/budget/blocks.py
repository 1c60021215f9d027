"""
Put a rooted forest into the order in which it pays best to build it, block by block.

Each node has a price and a gain and can be built only after its parent. The order falls into blocks of falling gain per
price; after each whole block no other way to spend as much within the forest has gained more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lastmile_net.solve.compile import inner_kernel, kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

NONE = -1


@kernel
def add_up(parent: Ints, value: Ints) -> None:
    """Add to each node, in place, what all nodes below it hold."""
    for v in range(len(parent) - 1, -1, -1):
        if parent[v] >= 0:
            value[parent[v]] += value[v]


@inner_kernel
def _ahead(ratio: Floats, a: int, b: int) -> bool:
    """Say whether block a goes before block b: the better ratio first, then the lower number."""
    return bool(ratio[a] > ratio[b] or (ratio[a] == ratio[b] and a < b))


@inner_kernel
def _meld(ratio: Floats, child: Ints, sibling: Ints, a: int, b: int) -> int:
    """Melt two pairing heaps of blocks, given by their first ones (-1: empty), and return the first of both."""
    if a < 0:
        return b
    if b < 0:
        return a
    if _ahead(ratio, b, a):
        a, b = b, a
    sibling[b] = child[a]
    child[a] = b
    return a


@inner_kernel
def _pop(ratio: Floats, child: Ints, sibling: Ints, a: int) -> int:
    """Take the first block out of the heap it heads, and return the new first one (-1: empty)."""
    item = child[a]
    child[a] = NONE
    paired = NONE
    while item >= 0:
        other = sibling[item]
        sibling[item] = NONE
        after = NONE
        if other >= 0:
            after = sibling[other]
            sibling[other] = NONE
            item = _meld(ratio, child, sibling, item, other)
        sibling[item] = paired
        paired = item
        item = after
    first = NONE
    while paired >= 0:
        after = sibling[paired]
        sibling[paired] = NONE
        first = _meld(ratio, child, sibling, first, paired)
        paired = after
    return int(first)


@kernel
def _worth(gain: int, price: int) -> float:
    """Return gain per price; what costs and gains nothing comes last, so that it waits for what comes after it."""
    if price == 0:
        return np.inf if gain > 0 else -1.0
    return gain / price


@kernel
def best_first(parent: Ints, price: Ints, gain: Ints) -> tuple[Ints, Ints]:
    """
    Order the nodes of a forest so that, whenever one stops, as much as possible has been gained for the price.

    Parameters
    ----------
    parent
        int64 (n,). Parent of each node, which comes before it; -1 at the top.
    price, gain
        int64 (n,), >= 0.

    Returns
    -------
    order, block
        The nodes in their order, and of each node the number of its block, from 0 in that order.

    Notes
    -----
    Each subtree is a row of blocks of falling ratio; a node goes before its children's rows, melted into one, and
    swallows the first blocks as long as they are better than it is itself (Horn 1972; Sidney 1975, for schedules with
    precedence). O(n log n).
    """
    nodes = len(parent)
    ratio = np.empty(nodes)
    total_price, total_gain = price.copy(), gain.copy()
    child = np.full(nodes, NONE, np.int64)
    sibling = np.full(nodes, NONE, np.int64)
    heap = np.full(nodes, NONE, np.int64)
    follows = np.full(nodes, NONE, np.int64)
    tail = np.arange(nodes)
    top = NONE
    for v in range(nodes - 1, -1, -1):
        ratio[v] = _worth(total_gain[v], total_price[v])
        first = heap[v]
        while first >= 0 and ratio[first] > ratio[v]:
            rest = _pop(ratio, child, sibling, first)
            total_price[v] += total_price[first]
            total_gain[v] += total_gain[first]
            ratio[v] = _worth(total_gain[v], total_price[v])
            follows[tail[v]] = first
            tail[v] = tail[first]
            first = rest
        whole = _meld(ratio, child, sibling, first, v)
        if parent[v] >= 0:
            heap[parent[v]] = _meld(ratio, child, sibling, heap[parent[v]], whole)
        else:
            top = _meld(ratio, child, sibling, top, whole)
    order = np.empty(nodes, np.int64)
    block = np.empty(nodes, np.int64)
    count, blocks = 0, 0
    while top >= 0:
        rest = _pop(ratio, child, sibling, top)
        v = top
        while v >= 0:
            order[count] = v
            block[v] = blocks
            count += 1
            v = follows[v]
        blocks += 1
        top = rest
    return order, block
