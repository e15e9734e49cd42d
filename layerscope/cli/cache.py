"""`layerscope cache`: shows and clears the cache of opened images."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from layerscope import text
from layerscope.cli.group import CommandGroup
from layerscope.cli.output_options import format_option
from layerscope.errors import LayerscopeError
from layerscope.layers.user_store import FOLDER_VARIABLE, user_store

if TYPE_CHECKING:
    from layerscope.layers.store import Store

COMPLETION_FILE = "completion.json"
"""The file beside the cache with names that completion offers."""
COMPLETION_STARTED = "completion.started"
"""Its modification time is when a process last started to collect them."""


def warn_if_unusable(store: Store) -> None:
    """Warn on stderr if the cache could not be used; the command ran without it."""
    if store.problem is not None and sys.stderr is not None:
        sys.stderr.write(f"layerscope: cache unavailable: {text.log_line(store.problem)}\n")
        sys.stderr.write(f"  hint: set {FOLDER_VARIABLE} to another folder, or use --no-cache\n")


@click.group(cls=CommandGroup)
def cache() -> None:
    """Manage the cache of opened images."""


@cache.command(short_help="Show the location and size of the cache.")
@format_option()
def info(format_name: str) -> None:
    """Print the cache folder, the number of entries, and their size."""
    store = user_store()
    document = cache_document(store)
    if format_name == "json":
        click.echo(json.dumps(document, indent=2))
        return
    click.echo(f"folder   {text.log_line(document['folder'])}")
    click.echo(f"entries  {document['entries']:,}")
    click.echo(
        f"size     {text.size(document['bytes'])} of at most {text.size(document['maxBytes'])}"
    )


def cache_document(store: Store) -> dict[str, Any]:
    """The cache as plain data. Sizes are bytes."""
    entries = store.entries()
    return {
        "folder": str(store.folder),
        "entries": len(entries),
        "bytes": sum(entry.size for entry in entries),
        "maxBytes": store.size,
    }


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
