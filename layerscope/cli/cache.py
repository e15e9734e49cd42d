"""`layerscope cache`: shows and clears the cache of opened images."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from layerscope import text
from layerscope.cli.output_options import format_option
from layerscope.errors import LayerscopeError, UsageError

if TYPE_CHECKING:
    from layerscope.layers.store import Store

FOLDER_VARIABLE = "LAYERSCOPE_CACHE_DIR"
"""The folder of the cache."""
SIZE_VARIABLE = "LAYERSCOPE_CACHE_SIZE"
"""Size limit in bytes, with an optional unit; 0 stores nothing."""
COMPLETION_FILE = "completion.json"
"""The file beside the cache with names that completion offers."""
COMPLETION_STARTED = "completion.started"
"""Its time is when a process last started to look for them."""

_SIZE = re.compile(r"\s*([0-9]{1,18})\s*(?:([kmgt]?)(i?)b?)?\s*", re.IGNORECASE)


def user_store(environment: Mapping[str, str] | None = None) -> Store:
    """The user's cache. Raises `UsageError`."""
    from layerscope.layers.store import DEFAULT_SIZE, Store

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


def warn(store: Store) -> None:
    """Warn on stderr if the cache could not be used; the command ran without it."""
    if store.problem is not None and sys.stderr is not None:
        sys.stderr.write(f"layerscope: cache unavailable: {text.log_line(store.problem)}\n")
        sys.stderr.write(f"  hint: set {FOLDER_VARIABLE} to another folder, or use --no-cache\n")


@click.group()
def cache() -> None:
    """Manage the cache of opened images."""


@cache.command(short_help="Show the location and size of the cache.")
@format_option()
def info(format_name: str) -> None:
    """Print the cache folder, the number of entries, and their size."""
    store = user_store()
    entries = store.entries()
    size = sum(entry.size for entry in entries)
    if format_name == "json":
        found = {
            "folder": str(store.folder),
            "entries": len(entries),
            "bytes": size,
            "maxBytes": store.size,
        }
        click.echo(json.dumps(found, indent=2))
        return
    click.echo(f"folder   {text.log_line(str(store.folder))}")
    click.echo(f"entries  {len(entries):,}")
    click.echo(f"size     {text.size(size)} of at most {text.size(store.size)}")


@cache.command(short_help="Empty the cache.")
def clear() -> None:
    """Remove all cache entries."""
    store = user_store()
    try:
        for name in (COMPLETION_FILE, COMPLETION_STARTED):
            (store.folder / name).unlink(missing_ok=True)
        removed = store.clear()
    except OSError as error:
        raise LayerscopeError(f"cannot clear {store.folder}: {error.strerror or error}") from error
    size = text.size(sum(entry.size for entry in removed))
    click.echo(f"{len(removed):,} entries removed, {size}", err=True)


def _parse_size(written: str) -> int | None:
    """The bytes for a value of `SIZE_VARIABLE`; None if it is empty."""
    if not written.strip():
        return None
    found = _SIZE.fullmatch(written)
    if found is None:
        raise UsageError(
            f"invalid ${SIZE_VARIABLE}: {written!r}", hint="use bytes or a unit: 500MB, 2GB, 1GiB"
        )
    number, unit, binary = found.groups()
    base, power = 1024 if binary else 1000, " kmgt".index((unit or " ").lower())
    size: int = int(number) * base**power
    return size
