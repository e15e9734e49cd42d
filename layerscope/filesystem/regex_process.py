"""Regular expressions looked for in another process: one that takes forever is ended, and nothing waits for it."""

from __future__ import annotations

import contextlib
import os
import select
import struct
import subprocess
import sys
import time
from collections.abc import Callable

from layerscope.errors import LayerscopeError
from layerscope.filesystem import regex_child
from layerscope.filesystem.regex_child import REQUEST, SEPARATORS

SECONDS = 10.0
"""How long a search may take in all."""

_PATIENCE = 0.05
"""Seconds between two looks at whether the search is still wanted."""


class RegexTimeoutError(LayerscopeError):
    """A regular expression that takes too long."""

    title = "Find"


class RegexProcess:
    """A `Finder` for one search. Ends its process when it is left, or when the search is no longer wanted."""

    def __init__(self, check: Callable[[], None], seconds: float = SECONDS) -> None:
        self._check = check
        self._seconds = seconds
        self._until = time.monotonic() + seconds
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> RegexProcess:
        return self

    def __exit__(self, *_: object) -> None:
        process = self._process
        if process is not None:
            process.kill()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    with contextlib.suppress(OSError):
                        stream.close()
            process.wait()

    def __call__(self, source: str, flags: int, text: str, separator: str | None) -> list[int]:
        """Places of the matches; with a separator, numbers of the lines. Raises `RegexTimeoutError` and what `check` does."""
        self._check()
        process = self._process or self._start()
        pattern = source.encode(errors="surrogatepass")
        data = text.encode(errors="surrogatepass")
        head = REQUEST.pack(len(pattern), flags, len(data), SEPARATORS.index(separator))
        try:
            if process.stdin is None or process.stdout is None:
                raise BrokenPipeError
            process.stdin.write(head + pattern)
            process.stdin.write(data)
            process.stdin.flush()
            place = process.stdout.fileno()
            (count,) = struct.unpack("<I", self._read(place, 4))
            return list(struct.unpack(f"<{count}I", self._read(place, 4 * count)))
        except BrokenPipeError:
            raise LayerscopeError("this regular expression cannot be looked for") from None

    def _start(self) -> subprocess.Popen[bytes]:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", regex_child.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        return self._process

    def _read(self, place: int, size: int) -> bytes:
        """So many bytes of the answer."""
        pieces: list[bytes] = []
        while size:
            self._check()
            left = self._until - time.monotonic()
            if left <= 0:
                raise RegexTimeoutError(
                    f"this regular expression takes too long: ended after {self._seconds:g} s"
                )
            if select.select([place], [], [], min(left, _PATIENCE))[0]:
                piece = os.read(place, min(size, 1 << 16))
                if not piece:
                    raise BrokenPipeError
                pieces.append(piece)
                size -= len(piece)
        return b"".join(pieces)
