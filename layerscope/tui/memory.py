"""What the allocator of the C library is told, so that memory which is freed goes back to the system.

glibc learns from the first large arrays that are freed to keep later ones of that size for itself, in a heap a thread:
with a million paths, hundreds of megabytes that nobody uses.
"""

from __future__ import annotations

import ctypes

LARGE = 1 << 20
"""Bytes from which an array is given back as soon as it is freed."""
_MMAP_THRESHOLD, _ARENA_MAX = -3, -8


def give_back() -> None:
    """Keep no more than a little freed memory. Without effect where the C library is another one."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(_MMAP_THRESHOLD, LARGE)
    mallopt(_ARENA_MAX, 2)
