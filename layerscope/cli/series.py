"""`layerscope series IMAGE IMAGE…`: what each release makes its users fetch again; with a limit, exits with 1 above it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from layerscope.cli.options import (
    bytes_of,
    dockerfile_option,
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
)
from layerscope.errors import ExitCode, UsageError
from layerscope.report import SERIES_FORMATS
from layerscope.signals import temporary_folder

if TYPE_CHECKING:
    from layerscope.analysis.series.series import Series
    from layerscope.layers.store import Store


@click.command()
@click.argument("images", metavar="IMAGE…", nargs=-1, required=True)
@format_option(SERIES_FORMATS)
@output_option
@click.option(
    "--max-refetch",
    metavar="SIZE",
    help="Exit with 1 if an update fetches more than this, such as 50MB.",
)
@binary_option
@ignore_errors_option
@dockerfile_option
@image_options
@click.pass_context
def series(
    context: click.Context,
    /,
    images: tuple[str, ...],
    format_name: str,
    output: Path | None,
    max_refetch: str | None,
    binary: bool,
    ignore_errors: bool,
    **given: Any,
) -> None:
    """Compare the releases of an image, oldest first: what those who have one of them fetch for the next, the step that began it, and why.

    layerscope series app:1.1 app:1.2 app:1.3
    """
    from layerscope.cli.bar import progress_bar
    from layerscope.cli.output import check_output, input_files, output_stream, report_options
    from layerscope.opening.series import open_series
    from layerscope.report import series_writer_of

    most = bytes_of("--max-refetch", max_refetch)
    if images.count("-") > 1:
        raise UsageError("only one image can be read from stdin")
    check_output(output, input_files(given, *images))
    with progress_bar() as progress, _store_for(given) as store:
        options = replace(options_of(given), cache=store)
        requests = [replace(request_of(image, progress, given), cache=store) for image in images]
        if len(requests) < 2:
            raise UsageError(
                "a series has at least two images", hint="name them, the oldest release first"
            )
        opened = open_series(requests, options)
    how = report_options(output, binary=binary or settings_of(given).binary)
    with output_stream(output) as stream:
        series_writer_of(format_name)(opened, stream, how)
    if not ignore_errors and opened.damaged is not None:
        raise opened.damaged
    if most is not None and _exceeds(opened.series, most, binary=how.binary_sizes):
        context.exit(ExitCode.FAILED)


@contextmanager
def _store_for(given: dict[str, Any]) -> Iterator[Store | None]:
    """The user's cache; with --no-cache a private one for this run, as releases have most layers in common."""
    from layerscope.cli.options import store_of
    from layerscope.layers.store import Store

    store = store_of(given)
    if store is not None:
        yield store
        return
    with temporary_folder("layerscope-") as folder:
        yield Store(Path(folder))


def _exceeds(series: Series, most: int, *, binary: bool) -> bool:
    """Whether an update fetches more than `most` bytes; says on stderr which ones do."""
    from layerscope.text import log_line, size

    over = [number for number, hop in enumerate(series.hops) if hop.bytes > most]
    for number in over:
        fetched = size(series.hops[number].bytes, binary=binary)
        words = f"{series.names[number]} → {series.names[number + 1]}: fetches {fetched}"
        click.echo(f"{log_line(words)}, more than {size(most, binary=binary)}", err=True)
    return bool(over)
