"""Reads the text of a configuration: bounded, UTF-8, and every error names the file and the line."""

from __future__ import annotations

from pathlib import Path

from layerscope.errors import UsageError
from layerscope.files import read_file

MAX_BYTES = 256 << 10
"""Bytes of a configuration that are read."""


def read_text(path: Path) -> str:
    """The text of a configuration file. Raises `UsageError`."""
    try:
        data = read_file(path, MAX_BYTES)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from None
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{path}, line {line}: invalid UTF-8") from None
