"""`layerscope cache`: where what was learned of images is kept, how much that is, and how to be rid of it."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from layerscope import text
from layerscope.cli.output_options import format_option
from layerscope.errors import LayerscopeError, UsageError
from layerscope.layers.store import DEFAULT_SIZE, Store

FOLDER_VARIABLE = "LAYERSCOPE_CACHE_DIR"
"""The folder of the cache."""
SIZE_VARIABLE = "LAYERSCOPE_CACHE_SIZE"
"""Bytes that it may take up, with a unit or without; 0 for none."""

_SIZE = re.compile(r"\s*([0-9]{1,18})\s*(?:([kmgt]?)(i?)b?)?\s*", re.IGNORECASE)


def user_store(environment: Mapping[str, str] | None = None) -> Store:
    """The user's cache. Raises `UsageError`."""
    environment = os.environ if environment is None else environment
    folder = environment.get(FOLDER_VARIABLE)
    if not folder:
        from platformdirs import user_cache_dir

        folder = user_cache_dir("layerscope")
    return Store(Path(folder).absolute(), _parse_size(environment.get(SIZE_VARIABLE, "")))


def warn(store: Store) -> None:
    """Say on stderr that the cache cannot be used, if so: work has gone on without."""
    if store.problem is not None and sys.stderr is not None:
        sys.stderr.write(f"layerscope: no cache: {text.log_line(store.problem)}\n")
        sys.stderr.write(f"  hint: name another folder with {FOLDER_VARIABLE}, or use --no-cache\n")


@click.group(short_help="Show or clear what is kept of images that were opened.")
def cache() -> None:
    """Opened images are remembered, so that they open at once the next time."""


@cache.command(short_help="Where the cache is and how large.")
@format_option()
def info(format_name: str) -> None:
    """Print the cache's folder, how many entries it has, and how many bytes."""
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


@cache.command(short_help="Forget everything.")
def clear() -> None:
    """Remove all entries of the cache, and nothing else."""
    store = user_store()
    try:
        removed = store.clear()
    except OSError as error:
        raise LayerscopeError(
            f"{store.folder}: it cannot be cleared: {error.strerror or error}"
        ) from error
    size = text.size(sum(entry.size for entry in removed))
    click.echo(f"{len(removed):,} entries removed, {size}", err=True)


def _parse_size(written: str) -> int:
    """A number of bytes, as `SIZE_VARIABLE` gives it."""
    if not written.strip():
        return DEFAULT_SIZE
    found = _SIZE.fullmatch(written)
    if found is None:
        raise UsageError(
            f"{SIZE_VARIABLE} is no size: {written!r}", hint="write bytes, or 500MB, 2GB, 1GiB"
        )
    number, unit, binary = found.groups()
    base, power = 1024 if binary else 1000, " kmgt".index((unit or " ").lower())
    size: int = int(number) * base**power
    return size
