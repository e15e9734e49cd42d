"""Lists of images: one reference in each line, or a Compose file or Kubernetes manifest. Which it is, its content says."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from layerscope.errors import UsageError
from layerscope.files import read_file
from layerscope.fleet.manifests import images_in, is_manifest

MOST = 16 << 20
"""Maximum bytes of a list."""
_ENVIRONMENT = ".env"
"""Where Compose finds variables that are not set, beside its file."""


def references_of(path: Path) -> list[str]:
    """The references in a file. Raises `UsageError`."""
    try:
        return references_in(read_file(path, MOST), str(path), path.parent)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from None


def references_in(data: bytes, name: str, folder: Path | None = None) -> list[str]:
    """The references in a list called `name`; empty lines and those that begin with `#` are left out. Variables of Compose come
    from the environment, then from `.env` in `folder`. Raises `UsageError`."""
    if len(data) > MOST:
        raise UsageError(f"{name}: a list of images has at most {MOST:,} bytes")
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
    found = {}
    for line in text.splitlines():
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if equals and not name.startswith("#"):
            value = value.strip()
            quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
            found[name.strip()] = value[1:-1] if quoted else value.partition(" #")[0].rstrip()
    return found
