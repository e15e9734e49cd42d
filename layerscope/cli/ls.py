"""`layerscope ls IMAGE [PATH…]`: lists files of an image."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import click

from layerscope.cli.options import headers_only_option, image_options
from layerscope.cli.paths import path_options

if TYPE_CHECKING:
    from layerscope.browse.named_paths import Lookup


@click.command()
@click.argument("reference", metavar="IMAGE")
@click.argument("paths", metavar="[PATH]…", nargs=-1)
@click.option("--recursive", "-R", is_flag=True, help="List directories recursively.")
@click.option(
    "--directory", "-d", is_flag=True, help="List directories themselves, not their contents."
)
@path_options
@headers_only_option
@image_options
def ls(
    reference: str,
    paths: tuple[str, ...],
    recursive: bool,
    directory: bool,
    layer: int | None,
    ignore_errors: bool,
    **params: Any,
) -> None:
    """List paths of IMAGE: mode, owner, size in bytes, time, whole path.

    PATH can be a glob, matched from the root: '/etc/*.conf', '**/*.pem'. For a directory, its contents are listed.
    """
    from layerscope.cli.bar import progress_bar
    from layerscope.cli.output import output_stream
    from layerscope.cli.paths import find_all, lookup_of, open_for_paths
    from layerscope.cli.streams import print_error
    from layerscope.errors import NothingFoundError
    from layerscope.layers.index import Kind

    with progress_bar() as progress:
        opened = open_for_paths(reference, progress, params)
    lookup, _ = lookup_of(opened, layer)
    matches, all_matched = find_all(opened, lookup, paths or ("/",), print_error)
    listed: dict[int, None] = {}
    for path in matches:
        if directory or lookup.kind(path) is not Kind.DIRECTORY:
            listed[path] = None
        else:
            listed.update(dict.fromkeys(lookup.below(path) if recursive else lookup.children(path)))
    with output_stream(None) as stream:
        for line in _lines(lookup, listed):
            stream.write(line.encode())
    if not ignore_errors:
        opened.raise_damage()
    if not all_matched:
        raise NothingFoundError("some paths were not found")


def _lines(lookup: Lookup, paths: Iterable[int]) -> Iterator[str]:
    """A line for each path, safe for any terminal."""
    from layerscope.browse.facts import FileFacts
    from layerscope.text import log_line, time_of

    for path in paths:
        row = int(lookup.rows[path])
        if row < 0:
            continue  # the root has no row
        facts = FileFacts.of(lookup.filesystem, row)
        device = f"{facts.device[0]},{facts.device[1]}"
        size = device if facts.is_device else str(facts.logical)
        time = time_of(facts.mtime) if facts.known else "?          ?"
        arrow = f" -> {log_line(facts.target)}" if facts.target else ""
        yield (
            f"{facts.mode_words()} {facts.owner_words():<9} {size:>12} {time:<16} "
            f"/{log_line(facts.full)}{arrow}\n"
        )
