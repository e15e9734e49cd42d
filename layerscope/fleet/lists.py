"""Lists of images: one reference per line, a Compose file or a Kubernetes manifest. The format is detected from the content."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from layerscope.errors import UsageError
from layerscope.files import read_file
from layerscope.fleet.manifests import images_in, is_manifest

MAX_BYTES = 16 << 20
"""Maximum bytes of a list."""
_ENVIRONMENT = ".env"
"""The file beside a Compose file with variables that the environment does not set."""


def references_of(path: Path) -> list[str]:
    """The references in a file. Raises `UsageError`."""
    try:
        return references_in(read_file(path, MAX_BYTES), str(path), path.parent)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from None


def references_in(data: bytes, name: str, folder: Path | None = None) -> list[str]:
    """The references in a list called `name`; empty lines and those that begin with `#` are left out. Variables of Compose come
    from the environment, then from `.env` in `folder`. Raises `UsageError`."""
    if len(data) > MAX_BYTES:
        raise UsageError(f"{name}: a list of images has at most {MAX_BYTES:,} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(
            f"{name}, line {line}: invalid UTF-8; a list has one reference in each line",
            hint="an image is an argument, not a list: leave --from out",
        ) from None
    if is_manifest(text):
        return images_in(text, name, {**_variables(folder), **os.environ})
    return [line for line in map(str.strip, text.splitlines()) if line and not line.startswith("#")]


def _variables(folder: Path | None) -> Mapping[str, str]:
    """The variables of a `.env` file."""
    if folder is None:
        return {}
    try:
        text = read_file(folder / _ENVIRONMENT, 1 << 20).decode(errors="replace")
    except OSError:
        return {}
    variables = {}
    for line in text.splitlines():
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if equals and not name.startswith("#"):
            value = value.strip()
            quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
            variables[name.strip()] = value[1:-1] if quoted else value.partition(" #")[0].rstrip()
    return variables
