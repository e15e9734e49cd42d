"""What runs before Textual is imported: the memory allocator is set, and the cache is read."""

from __future__ import annotations

import ctypes
from threading import Thread

from layerscope.opening.cache_lookup import CachedImage, read_cached_image
from layerscope.opening.options import Options
from layerscope.sources import Request, SourceImage

LARGE = 1 << 20
"""Arrays of this many bytes or more are returned to the system when they are freed."""
_MMAP_THRESHOLD, _ARENA_MAX = -3, -8


def limit_freed_memory() -> None:
    """Return freed arrays to the system. Does nothing unless the C library is glibc.

    After the first large arrays are freed, glibc keeps later ones of that size in a heap per thread: with a million
    paths, hundreds of megabytes of unused memory.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(_MMAP_THRESHOLD, LARGE)
    mallopt(_ARENA_MAX, 2)


class CachePrefetch:
    """Reads the cache entry of an image in a thread while Textual is imported, which takes half a second."""

    def __init__(self, request: Request, source: SourceImage, options: Options) -> None:
        self._arguments = (request, source, options)
        self._cached: CachedImage | None = None
        self._error: BaseException | None = None
        self._thread = Thread(target=self._read, name="cache prefetch", daemon=True)
        self._thread.start()

    def __call__(self) -> CachedImage | None:
        """Wait for the entry and return it, once; None if it is not cached. Raises the errors of reading it."""
        self._thread.join()
        cached, self._cached = self._cached, None
        error, self._error = self._error, None
        if error is not None:
            raise error
        return cached

    def _read(self) -> None:
        try:
            self._cached = read_cached_image(*self._arguments)
            if self._cached is not None:
                self._cached.filesystem.prepare()
        except BaseException as error:  # raised again by __call__
            self._error = error
