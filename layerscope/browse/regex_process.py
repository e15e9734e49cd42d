"""Searches for regular expressions in another process, which is ended if the search takes too long.

Python holds the interpreter lock while it matches, and some expressions take years on a short text, so a thread does not help.
Nor does the package `regex`, whose matches can time out: it compiles `a{100000000}` into gigabytes, with the lock held.
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
"""Maximum duration of a search. Time while this process is stopped does not count."""
_STEP = 0.2
"""Maximum seconds between two checks of the clock, unless this process was stopped."""
_SEPARATORS = (None, "\n", "\0")
_REQUEST = struct.Struct("<IIB")
"""Length of the expression in bytes, its flags, and the line separator (0: none, 1: `\\n`, 2: NUL). Expression and text follow."""


class RegexTimeoutError(LayerscopeError):
    """A regular expression took too long."""

    title = "Find"


def find_in(source: str, flags: int, text: str, separator: str | None) -> list[int]:
    """Positions of the matches; with a separator, numbers of the lines with a match."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # warnings about odd expressions must not reach the screen
        pattern = re.compile(source, flags)
    if separator is None:
        return [match.start() for match in pattern.finditer(text)]
    search = pattern.search
    return [number for number, line in enumerate(text.split(separator)) if search(line) is not None]


class RegexProcess:
    """A `Finder` for one search. The process ends with the context, or when the search is cancelled."""

    def __init__(self, check: Callable[[], None], seconds: float = SECONDS) -> None:
        self._check_cancelled = check
        self._seconds = self._remaining = seconds
        self._checked_at = time.monotonic()
        self._child = SecondProcess(__name__)

    def __enter__(self) -> RegexProcess:
        return self

    def __exit__(self, *error: object) -> None:
        self._child.__exit__(*error)

    def __call__(self, source: str, flags: int, text: str, separator: str | None) -> list[int]:
        """Positions of the matches; with a separator, line numbers. Raises `RegexTimeoutError`, and anything `check` raises."""
        pattern = source.encode(errors="surrogatepass")
        data = text.encode(errors="surrogatepass")
        head = _REQUEST.pack(len(pattern), flags, _SEPARATORS.index(separator))
        try:
            answer = self._child.ask([head, pattern, data], self._check)
        except (ChannelError, RequestFailedError) as error:
            raise LayerscopeError(
                f"cannot search for this regular expression: the search process failed ({error})"
            ) from None
        return list(struct.unpack(f"<{len(answer) // 4}I", answer))

    def _check(self) -> None:
        """Raise if the search was cancelled or has taken too long."""
        self._check_cancelled()
        now = time.monotonic()
        self._remaining -= min(now - self._checked_at, _STEP)
        self._checked_at = now
        if self._remaining <= 0:
            raise RegexTimeoutError(
                f"this regular expression takes too long: ended after {self._seconds:g} s"
            )


def main() -> None:
    """Run the second process."""
    serve(_answer)


def _answer(task: Task) -> list[bytes]:
    length, flags, separator = _REQUEST.unpack_from(task.body)
    end = _REQUEST.size + length
    source = task.body[_REQUEST.size : end].decode(errors="surrogatepass")
    text = task.body[end:].decode(errors="surrogatepass")
    places = find_in(source, flags, text, _SEPARATORS[separator])
    return [struct.pack(f"<{len(places)}I", *places)]
