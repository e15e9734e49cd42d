"""`layerscope report IMAGE`: writes a report in one of several formats."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from layerscope.cli.options import (
    dockerfile_option,
    headers_only_option,
    image_options,
    options_of,
    request_of,
    settings_of,
)
from layerscope.cli.output_options import (
    binary_option,
    format_option,
    ignore_errors_option,
    output_option,
    use_sizes,
)
from layerscope.errors import UsageError
from layerscope.report import FORMATS, TABLES
from layerscope.text import log_line

_FORMATS_WITH_FILES = ("json", "text")
"""Formats that can list files (besides CSV), and mark figures as unknown."""


@click.command()
@click.argument("reference", metavar="IMAGE")
@format_option(FORMATS)
@output_option
@click.option("--files", is_flag=True, help="Also list the files of each layer.")
@click.option(
    "--table",
    type=click.Choice(list(TABLES)),
    help="Table to write with --format csv.  [default: steps]",
)
@binary_option
@ignore_errors_option
@dockerfile_option
@headers_only_option
@image_options
def report(
    reference: str,
    format_name: str,
    output: Path | None,
    files: bool,
    table: str | None,
    binary: bool,
    ignore_errors: bool,
    **params: Any,
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
        params=params,
    )


def write_report(
    reference: str,
    format_name: str,
    output: Path | None,
    *,
    params: dict[str, Any],
    files: bool = False,
    table: str | None = None,
    binary: bool = False,
    ignore_errors: bool = False,
) -> None:
    """Open an image and write its report. Raises `CorruptImageError` after writing if a part could not be read."""
    from layerscope.cli.bar import progress_bar
    from layerscope.cli.output import check_output, input_files, output_stream, report_options
    from layerscope.opening.open import open_image
    from layerscope.report import writer_of

    if table is not None and format_name != "csv":
        raise UsageError("--table needs --format csv", hint=f"--format csv --table {table}")
    if params.get("headers_only") and format_name not in _FORMATS_WITH_FILES:
        raise UsageError(
            f"--headers-only cannot be reported as {format_name}: figures may be unknown",
            hint="use --format json or text, which mark them",
        )
    check_output(output, input_files(params, reference))
    binary = binary or settings_of(params).binary
    use_sizes(binary, format_name)
    with progress_bar() as progress:
        request = request_of(reference, progress, params)
        opened = open_image(request, options_of(params, findings=True))
    if (
        opened.dockerfile_lines is not None
        and (doubt := opened.dockerfile_lines.mismatch()) is not None
    ):
        click.echo(f"layerscope: {log_line(opened.dockerfile_lines.name)}: {doubt}", err=True)
    options = report_options(
        output,
        binary=binary,
        files=files,
        table=table or ("files" if files else "steps"),
    )
    if (
        options.table == "files"
        if format_name == "csv"
        else files and format_name in _FORMATS_WITH_FILES
    ):
        filesystem = opened.filesystem
        filesystem.table.check_listing(filesystem.changes.paths, request.limits, reference)
    with output_stream(output) as stream:
        writer_of(format_name)(opened, stream, options)
    if not ignore_errors:
        opened.raise_damage()
