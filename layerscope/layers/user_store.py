"""The folder and the size limit of the user's cache."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from layerscope.errors import UsageError
from layerscope.layers.store import DEFAULT_SIZE, Store

FOLDER_VARIABLE = "LAYERSCOPE_CACHE_DIR"
"""Environment variable with the folder of the cache."""
SIZE_VARIABLE = "LAYERSCOPE_CACHE_SIZE"
"""Environment variable with the size limit in bytes, or with a unit; with 0, nothing is stored."""
_SIZE = re.compile(r"\s*([0-9]{1,18})\s*(?:([kmgt]?)(i?)b?)?\s*", re.IGNORECASE)


def user_store(environment: Mapping[str, str] | None = None) -> Store:
    """The user's cache. Raises `UsageError`."""
    folder, size = cache_place(environment)
    return Store(folder, DEFAULT_SIZE if size is None else size)


def cache_place(environment: Mapping[str, str] | None = None) -> tuple[Path, int | None]:
    """The folder of the cache and its size limit in bytes, None for the default. Raises `UsageError`."""
    environment = os.environ if environment is None else environment
    folder = environment.get(FOLDER_VARIABLE)
    if not folder:
        from platformdirs import user_cache_dir

        folder = user_cache_dir("layerscope")
    return Path(folder).absolute(), _parse_size(environment.get(SIZE_VARIABLE, ""))


def _parse_size(text: str) -> int | None:
    """The bytes for a value of `SIZE_VARIABLE`; None if it is empty."""
    if not text.strip():
        return None
    match = _SIZE.fullmatch(text)
    if match is None:
        raise UsageError(
            f"invalid ${SIZE_VARIABLE}: {text!r}", hint="use bytes or a unit: 500MB, 2GB, 1GiB"
        )
    number, unit, binary = match.groups()
    base, power = 1024 if binary else 1000, " kmgt".index((unit or " ").lower())
    size: int = int(number) * base**power
    return size
