"""`layerscope cat IMAGE PATH…`: prints files, exact into a pipe, escaped on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from layerscope.cli.options import headers_only_option, image_options
from layerscope.cli.paths import path_options

if TYPE_CHECKING:
    from layerscope.browse.named_paths import Lookup
    from layerscope.opening.opened import Opened


@click.command()
@click.argument("reference", metavar="IMAGE")
@click.argument("paths", metavar="PATH…", nargs=-1, required=True)
@click.option("--raw", is_flag=True, help="Write raw bytes to the terminal, too.")
@path_options
@headers_only_option
@image_options
def cat(
    reference: str,
    paths: tuple[str, ...],
    raw: bool,
    layer: int | None,
    ignore_errors: bool,
    **params: Any,
) -> None:
    """Print files of IMAGE, one after the other.

    PATH can be a glob, matched from the root. Symlinks are not followed. On a terminal, control characters are escaped; pipes
    and files get the exact bytes.
    """
    from layerscope.browse.facts import FileFacts
    from layerscope.cli.bar import progress_bar
    from layerscope.cli.output import output_stream
    from layerscope.cli.paths import find_all, lookup_of, open_for_paths
    from layerscope.cli.streams import is_terminal, print_error
    from layerscope.errors import CorruptImageError, NothingFoundError
    from layerscope.filesystem.content_reader import ContentReader
    from layerscope.layers.blob import CHUNK
    from layerscope.layers.index import Kind
    from layerscope.progress import NullProgress
    from layerscope.text import SafeLines

    with progress_bar() as progress:
        opened = open_for_paths(reference, progress, params)
        opened.require_contents()
        lookup, _ = lookup_of(opened, layer)
        matches, all_matched = find_all(opened, lookup, paths, print_error)
        _fetch(opened, lookup, matches)
    escaped = is_terminal(sys.stdout) and not raw
    problems = []
    with output_stream(None) as stream:
        for path in matches:
            name = "/" + opened.filesystem.table.full(path).decode(errors="surrogateescape")
            if lookup.kind(path) is not Kind.FILE:
                kind = "a directory"
                if lookup.rows[path] >= 0:
                    kind = FileFacts.of(opened.filesystem, int(lookup.rows[path])).kind_words()
                print_error(NothingFoundError(f"{name} is {kind}"))
                all_matched = False
                continue
            inode = int(opened.filesystem.inode_of[lookup.rows[path]])
            reader = ContentReader(opened.filesystem.inodes, opened.contents, inode)
            lines = SafeLines()
            while piece := reader.read(CHUNK, NullProgress()):
                stream.write(lines.feed(piece).encode() if escaped else piece)
            if escaped:
                stream.write(lines.end().encode())
            if reader.problem is not None:
                problems.append(f"{name}: {reader.problem}")
    if not ignore_errors:
        opened.raise_damage()
    if problems and not ignore_errors:
        raise CorruptImageError(problems[0], hint=None)
    if not all_matched:
        raise NothingFoundError("some paths were not found or could not be read")


def _fetch(opened: Opened, lookup: Lookup, matches: Sequence[int]) -> None:
    """Fetch the layers that hold these paths; an engine may have to export them first."""
    rows = lookup.rows[list(matches)]
    inodes = opened.filesystem.inodes
    for layer in sorted(set(inodes.layers(opened.filesystem.inode_of[rows[rows >= 0]]).tolist())):
        opened.contents[layer].fetch()
