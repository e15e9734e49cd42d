"""`layerscope log IMAGE PATH…`: which steps touched a path, newest last."""

from __future__ import annotations

import os
import shutil
import sys
from typing import Any

import click

from layerscope.cli.options import image_options, options_of, request_of
from layerscope.errors import NothingFoundError


@click.command(short_help="Show which steps touched a path.")
@click.argument("reference", metavar="IMAGE")
@click.argument("paths", metavar="PATH…", nargs=-1, required=True)
@click.option(
    "--format",
    "format_name",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How it is written.",
)
@click.option("--binary", is_flag=True, help="Sizes in MiB instead of MB.")
@click.option("--ignore-errors", is_flag=True, help="Exit 0 although a layer is damaged.")
@image_options
def log(
    reference: str,
    paths: tuple[str, ...],
    format_name: str,
    binary: bool,
    ignore_errors: bool,
    **given: Any,
) -> None:
    """Show which steps of IMAGE touched each PATH, newest last.

    A PATH may be a glob: '*.conf' matches names, 'etc/**/*.conf' whole paths. A directory also tells what changes in it.
    Exits with 1 if no step touched any.
    """
    from layerscope.cli.bar import progress_bar
    from layerscope.cli.output import is_terminal, output_stream
    from layerscope.opening import open_image
    from layerscope.report.log import find_events, write_json, write_text
    from layerscope.report.options import ReportOptions

    given["no_duplicates"] = True  # nothing here tells of them
    with progress_bar() as progress:
        opened = open_image(request_of(reference, progress, given), options_of(given))
    terminal = is_terminal(sys.stdout)
    options = ReportOptions(
        binary_sizes=binary,
        color=terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb",
        width=shutil.get_terminal_size((100, 24)).columns if terminal else 100,
    )
    events = find_events(opened, paths)
    with output_stream(None) as stream:
        if format_name == "json":
            some = write_json(opened, events, stream)
        else:
            some = write_text(opened, events, stream, options)
    if not ignore_errors:
        opened.raise_damage()
    if not some:
        raise NothingFoundError(f"no step touched {' or '.join(paths)}")
