"""How a run holds memory: a process that plans and ends may keep garbage, but not what is free."""

from __future__ import annotations

import ctypes
import gc
import sys

COLLECT_AFTER = 1_000_000
"""New objects after which garbage is looked for: nearly all that a run makes stays, and looking took a tenth of it."""
MMAP_THRESHOLD = -3
"""`M_MMAP_THRESHOLD` of glibc's `mallopt`."""
LARGE_BYTES = 1 << 22
"""
Blocks from here on are given back to the system as soon as they are free; were small ones, too, new ones would be slow.
"""


def hold_little() -> None:
    """
    Look for garbage seldom, and have freed blocks given back at once where the C library can.

    Left alone, glibc raises its threshold with each large block that is freed, up to 32 MB; what lies below stays in
    its heap, in pieces: linear programmes that grow row by row then hold twice what they need.
    """
    gc.set_threshold(COLLECT_AFTER, 50, 100)
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:  # musl has none
            mallopt(MMAP_THRESHOLD, LARGE_BYTES)
