"""Returns freed memory to the system. Does nothing unless the C library is glibc.

After the first large arrays are freed, glibc keeps later ones of that size in a heap per thread: with a million paths, hundreds
of megabytes of unused memory.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress

LARGE = 1 << 20
"""Arrays of this many bytes or more are returned to the system when they are freed."""
_MMAP_THRESHOLD, _ARENA_MAX = -3, -8
_MISSING = (AttributeError, OSError, TypeError)


def limit_freed_memory() -> None:
    """From now on, return large arrays as soon as they are freed."""
    with suppress(*_MISSING):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MMAP_THRESHOLD, LARGE)
        mallopt(_ARENA_MAX, 2)


def return_freed_memory() -> None:
    """Return everything that was freed until now."""
    with suppress(*_MISSING):
        ctypes.CDLL(None).malloc_trim(0)
