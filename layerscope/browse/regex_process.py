"""Regular expressions looked for in another process: one that takes forever is ended, and nothing waits for it."""

from __future__ import annotations

import struct
import sys
import time
from collections.abc import Callable

from layerscope.browse import regex_child
from layerscope.browse.regex_child import REQUEST, SEPARATORS
from layerscope.errors import LayerscopeError
from layerscope.layers.child_process import ChildProcess

SECONDS = 10.0
"""How long a search may take in all."""


class RegexTimeoutError(LayerscopeError):
    """A regular expression that takes too long."""

    title = "Find"


class RegexProcess:
    """A `Finder` for one search. Ends its process when it is left, or when the search is no longer wanted."""

    def __init__(self, check: Callable[[], None], seconds: float = SECONDS) -> None:
        self._wanted = check
        self._seconds = seconds
        self._until = time.monotonic() + seconds
        self._child = ChildProcess([sys.executable, "-I", "-S", regex_child.__file__], self._check)

    def __enter__(self) -> RegexProcess:
        return self

    def __exit__(self, *error: object) -> None:
        self._child.__exit__(*error)

    def __call__(self, source: str, flags: int, text: str, separator: str | None) -> list[int]:
        """Places of the matches; with a separator, numbers of the lines. Raises `RegexTimeoutError` and what `check` does."""
        self._wanted()
        pattern = source.encode(errors="surrogatepass")
        data = text.encode(errors="surrogatepass")
        head = REQUEST.pack(len(pattern), flags, len(data), SEPARATORS.index(separator))
        try:
            self._child.send(head + pattern, data)
            (count,) = struct.unpack("<I", self._child.read(4))
            return list(struct.unpack(f"<{count}I", self._child.read(4 * count)))
        except BrokenPipeError:
            raise LayerscopeError("this regular expression cannot be looked for") from None

    def _check(self) -> None:
        """Whether the search is still wanted, and may still go on."""
        self._wanted()
        if time.monotonic() >= self._until:
            raise RegexTimeoutError(
                f"this regular expression takes too long: ended after {self._seconds:g} s"
            )
