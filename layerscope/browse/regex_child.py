"""Looks for regular expressions in texts, as a function or as a process of its own that can be ended at any time.

Python holds its one lock while it matches, and some expressions take years on a short text: no thread helps against
those. Run as a program, this needs nothing but the standard library.
"""

from __future__ import annotations

import re
import struct
import sys
import warnings

REQUEST = struct.Struct("<IIIB")
"""Bytes of the expression, its flags, bytes of the text, whether line numbers are wanted (1: `\\n`, 2: NUL ends a line)."""

SEPARATORS = (None, "\n", "\0")


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


def answer() -> bool:
    """Answer one request on stdin; False once there are no more."""
    head = sys.stdin.buffer.read(REQUEST.size)
    if len(head) < REQUEST.size:
        return False
    length, flags, size, separator = REQUEST.unpack(head)
    source = sys.stdin.buffer.read(length).decode(errors="surrogatepass")
    text = sys.stdin.buffer.read(size).decode(errors="surrogatepass")
    found = find_in(source, flags, text, SEPARATORS[separator])
    sys.stdout.buffer.write(struct.pack(f"<I{len(found)}I", len(found), *found))
    sys.stdout.buffer.flush()
    return True


if __name__ == "__main__":
    import warnings

    warnings.simplefilter("ignore")
    while answer():
        pass
