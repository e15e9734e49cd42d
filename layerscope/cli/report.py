"""`layerscope report IMAGE`: everything about an image, for people or programs, without a terminal."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import click

from layerscope.cli.options import (
    dockerfile_option,
    image_options,
    options_of,
    request_of,
    settings_of,
)
from layerscope.errors import UsageError
from layerscope.report import FORMATS, TABLES
from layerscope.text import safe_name


@click.command(short_help="Print what each step adds, costs and wastes.")
@click.argument("reference", metavar="IMAGE")
@click.option(
    "--format",
    "format_name",
    type=click.Choice(list(FORMATS)),
    default="text",
    show_default=True,
    help="How it is written.",
)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write to FILE instead of stdout.",
)
@click.option("--files", is_flag=True, help="List the files of each layer, too.")
@click.option(
    "--table",
    type=click.Choice(list(TABLES)),
    help="Which table a CSV holds.  [default: steps]",
)
@click.option("--binary", is_flag=True, help="Sizes in MiB instead of MB.")
@click.option("--ignore-errors", is_flag=True, help="Exit 0 although a layer is damaged.")
@dockerfile_option
@image_options
def report(
    reference: str,
    format_name: str,
    output: Path | None,
    files: bool,
    table: str | None,
    binary: bool,
    ignore_errors: bool,
    **given: Any,
) -> None:
    """Print what each step of IMAGE adds, costs and wastes."""
    write_report(
        reference,
        format_name,
        output,
        files=files,
        table=table,
        binary=binary,
        ignore_errors=ignore_errors,
        given=given,
    )


def write_report(
    reference: str,
    format_name: str,
    output: Path | None,
    *,
    given: dict[str, Any],
    files: bool = False,
    table: str | None = None,
    binary: bool = False,
    ignore_errors: bool = False,
) -> None:
    """Open an image and write its report; raises `CorruptImageError` after it, if something could not be read."""
    from layerscope.cli.bar import progress_bar
    from layerscope.cli.output import check_output, is_terminal, output_stream
    from layerscope.opening import open_image
    from layerscope.report import ReportOptions, writer_of

    if table is not None and format_name != "csv":
        raise UsageError("--table chooses the table of a CSV", hint=f"--format csv --table {table}")
    check_output(output, reference)
    with progress_bar() as progress:
        opened = open_image(
            request_of(reference, progress, given), options_of(given, findings=True)
        )
    if opened.written is not None and opened.written.base_steps is None:
        name = safe_name(opened.written.name)
        click.echo(f"layerscope: {name}: none of its instructions are among the steps", err=True)
    terminal = output is None and is_terminal(sys.stdout)
    options = ReportOptions(
        files=files,
        table=table or ("files" if files else "steps"),
        binary_sizes=binary or settings_of(given).binary,
        color=terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb",
        width=shutil.get_terminal_size((100, 24)).columns if terminal else 100,
    )
    with output_stream(output) as stream:
        writer_of(format_name)(opened, stream, options)
    if not ignore_errors:
        opened.raise_damage()
