"""Pairing heaps over numbered items that melt into one another: item i has the key `key[i >> 1]`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lastmile_net.solve.compile import kernel

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Shorts = NDArray[np.int32]


@kernel
def meld(key: Ints, child: Shorts, sibling: Shorts, a: int, b: int) -> int:
    """Melt two heaps, given by their first items (-1: empty), and return the first item of both."""
    if a < 0:
        return b
    if b < 0:
        return a
    if key[b >> 1] < key[a >> 1] or (key[b >> 1] == key[a >> 1] and b < a):
        a, b = b, a
    sibling[b] = child[a]
    child[a] = b
    return a


@kernel
def drop_first(key: Ints, child: Shorts, sibling: Shorts, a: int) -> int:
    """Take the first item out of the heap it heads, and return the new first one (-1: empty)."""
    item = int(child[a])
    child[a] = -1
    paired = -1
    while item >= 0:
        other = int(sibling[item])
        sibling[item] = -1
        if other >= 0:
            after = int(sibling[other])
            sibling[other] = -1
            item = meld(key, child, sibling, item, other)
        else:
            after = -1
        sibling[item] = paired
        paired = item
        item = after
    first = -1
    while paired >= 0:
        after = int(sibling[paired])
        sibling[paired] = -1
        first = meld(key, child, sibling, first, paired)
        paired = after
    return first
