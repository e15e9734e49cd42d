"""Reads the text of a configuration: bounded, UTF-8, and every error names the file and the line."""

from __future__ import annotations

import stat
from pathlib import Path

from layerscope.errors import UsageError

MAX_BYTES = 256 << 10
"""Bytes of a configuration that are read."""


def read_text(path: Path) -> str:
    """The text of a configuration file. Raises `UsageError`."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise UsageError(f"{path}: the configuration is no file")
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from None
    if len(data) > MAX_BYTES:
        raise UsageError(f"{path}: a configuration has at most {MAX_BYTES:,} bytes")
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{path}, line {line}: this is not UTF-8") from None
