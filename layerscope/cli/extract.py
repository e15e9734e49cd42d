"""`layerscope extract IMAGE PATH… --output DIR`: saves files and directories of an image."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from layerscope.cli.options import headers_only_option, image_options
from layerscope.cli.output_options import one_path
from layerscope.cli.paths import path_options


@click.command()
@click.argument("reference", metavar="IMAGE")
@click.argument("paths", metavar="PATH…", nargs=-1, required=True)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    multiple=True,
    callback=one_path,
    metavar="DIR",
    help="Output directory, created if missing.  [default: .]",
)
@click.option("--force", is_flag=True, help="Overwrite existing files.")
@path_options
@headers_only_option
@image_options
def extract(
    reference: str,
    paths: tuple[str, ...],
    output: Path | None,
    force: bool,
    layer: int | None,
    ignore_errors: bool,
    **params: Any,
) -> None:
    """Save files and directories of IMAGE to DIR, keeping their paths; / saves everything.

    PATH can be a glob, matched from the root. Links are written as links and never followed. Owners, extended attributes, setuid
    and setgid bits are not kept; device nodes and pipes are skipped. If writing fails, no file is left behind.
    """
    from layerscope.cli.bar import progress_bar
    from layerscope.cli.output import input_files
    from layerscope.cli.paths import find_all, lookup_of, open_for_paths
    from layerscope.cli.streams import print_error
    from layerscope.errors import CorruptImageError, NothingFoundError
    from layerscope.extraction import extract as extraction
    from layerscope.extraction.plan import plan_whole
    from layerscope.text import count_of, log_line

    output = output or Path()
    inputs = input_files(params, reference)
    if force:
        inputs.refuse(output)
    with progress_bar() as progress:
        opened = open_for_paths(reference, progress, params)
        opened.require_contents()
        lookup, after = lookup_of(opened, layer)
        matches, all_matched = find_all(opened, lookup, paths, print_error)
        if not matches:
            if not ignore_errors:
                opened.raise_damage()
            raise NothingFoundError("nothing was extracted")
        created = _create_folders(output)
        for contents in opened.contents[:1]:
            contents.fetch()  # one export from an engine brings all layers
        try:
            result = extraction.extract(
                plan_whole(opened.filesystem, matches, after),
                opened.contents,
                output,
                overwrite=force,
                keep=inputs.description_of,
                progress=progress,
            )
        except BaseException:
            for folder in created:
                with suppress(OSError):
                    folder.rmdir()
            raise
    if sys.stderr is not None:
        for path, why in result.reasons:
            name = log_line(opened.filesystem.table.full(path))
            sys.stderr.write(f"layerscope: /{name}: {log_line(why)}\n")
        what = f"{result.written()}, into {output}"
        sys.stderr.write(log_line("; ".join([what, *result.notes()])) + "\n")
    if not ignore_errors:
        opened.raise_damage()
    if result.unreadable and not ignore_errors:
        raise CorruptImageError(
            f"{reference}: {count_of(result.unreadable, 'file')} could not be read"
        )
    if not all_matched:
        raise NothingFoundError("some paths were not found")


def _create_folders(output: Path) -> list[Path]:
    """Create a directory and its missing parents; returns the created ones, innermost first. Raises `UsageError`."""
    from layerscope.errors import UsageError

    created: list[Path] = []
    missing = [folder for folder in (output, *output.parents) if not folder.exists()]
    try:
        for folder in reversed(missing):
            folder.mkdir()
            created.insert(0, folder)
    except OSError as error:
        raise UsageError(f"cannot create {output}: {error.strerror or error}") from error
    return created
