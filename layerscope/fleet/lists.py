"""Lists of images: one reference in each line, or a Compose or Kubernetes manifest."""

from __future__ import annotations

from layerscope.errors import UsageError

MOST = 16 << 20
"""Maximum bytes of a list."""


def references_in(data: bytes, name: str) -> list[str]:
    """The references in a list called `name`; empty lines and those that begin with `#` are left out. Raises `UsageError`."""
    if len(data) > MOST:
        raise UsageError(f"{name}: a list of images has at most {MOST:,} bytes")
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(
            f"{name}, line {line}: invalid UTF-8; a list has one reference in each line",
            hint="an image itself is an argument, not a list",
        ) from None
    return [line for line in map(str.strip, lines) if line and not line.startswith("#")]
