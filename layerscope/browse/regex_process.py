"""Regular expressions, looked for here or in another process: one that takes forever is ended, and nothing waits for it.

Python holds its one lock while it matches, and some expressions take years on a short text: no thread helps against those.
"""

from __future__ import annotations

import re
import struct
import time
import warnings
from collections.abc import Callable

from layerscope.channel import ChannelError, RequestFailedError, SecondProcess, Task, serve
from layerscope.errors import LayerscopeError

SECONDS = 10.0
"""How long a search may take in all. Time in which this process was stopped does not count."""
_STEP = 0.2
"""Seconds between two looks at the clock, at most, unless this process was stopped."""
_SEPARATORS = (None, "\n", "\0")
_REQUEST = struct.Struct("<IIB")
"""Bytes of the expression, its flags, whether line numbers are wanted (1: `\\n`, 2: NUL ends a line); expression and text follow."""


class RegexTimeoutError(LayerscopeError):
    """A regular expression that takes too long."""

    title = "Find"


def find_in(source: str, flags: int, text: str, separator: str | None) -> list[int]:
    """Places of the matches; with a separator, numbers of the lines that hold one."""
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # what Python thinks of odd expressions is not for the screen
        pattern = re.compile(source, flags)
    if separator is None:
        return [match.start() for match in pattern.finditer(text)]
    search = pattern.search
    return [number for number, line in enumerate(text.split(separator)) if search(line) is not None]


class RegexProcess:
    """A `Finder` for one search. Ends its process when it is left, or when the search is no longer wanted."""

    def __init__(self, check: Callable[[], None], seconds: float = SECONDS) -> None:
        self._wanted = check
        self._seconds = self._left = seconds
        self._looked = time.monotonic()
        self._child = SecondProcess(__name__)

    def __enter__(self) -> RegexProcess:
        return self

    def __exit__(self, *error: object) -> None:
        self._child.__exit__(*error)

    def __call__(self, source: str, flags: int, text: str, separator: str | None) -> list[int]:
        """Places of the matches; with a separator, numbers of the lines. Raises `RegexTimeoutError` and what `check` does."""
        pattern = source.encode(errors="surrogatepass")
        data = text.encode(errors="surrogatepass")
        head = _REQUEST.pack(len(pattern), flags, _SEPARATORS.index(separator))
        try:
            answer = self._child.ask([head, pattern, data], self._check)
        except (ChannelError, RequestFailedError) as error:
            raise LayerscopeError(
                f"this regular expression cannot be looked for: the process that does it failed ({error})"
            ) from None
        return list(struct.unpack(f"<{len(answer) // 4}I", answer))

    def _check(self) -> None:
        """Whether the search is still wanted, and may still go on."""
        self._wanted()
        now = time.monotonic()
        self._left -= min(now - self._looked, _STEP)
        self._looked = now
        if self._left <= 0:
            raise RegexTimeoutError(
                f"this regular expression takes too long: ended after {self._seconds:g} s"
            )


def main() -> None:
    """The second process."""
    serve(_answer)


def _answer(task: Task) -> list[bytes]:
    length, flags, separator = _REQUEST.unpack_from(task.body)
    end = _REQUEST.size + length
    source = task.body[_REQUEST.size : end].decode(errors="surrogatepass")
    text = task.body[end:].decode(errors="surrogatepass")
    found = find_in(source, flags, text, _SEPARATORS[separator])
    return [struct.pack(f"<{len(found)}I", *found)]
