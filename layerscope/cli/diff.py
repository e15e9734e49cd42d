"""`layerscope diff OLD NEW`: compares two images; exits with 1 if they differ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from layerscope.cli.options import image_options, is_any_given, options_of, request_of, settings_of
from layerscope.cli.output_options import (
    binary_option,
    format_option,
    ignore_errors_option,
    output_option,
)
from layerscope.cli.streams import has_terminal
from layerscope.errors import ExitCode, NothingFoundError, UsageError, prefix_errors
from layerscope.report import DIFF_FORMATS


@click.command()
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@format_option(DIFF_FORMATS)
@output_option
@click.option(
    "--paths",
    metavar="GLOB",
    multiple=True,
    help="Compare only these paths and everything below them.",
)
@click.option("--mtime", is_flag=True, help="Also compare file times and layer digests.")
@click.option("--files", is_flag=True, help="List all differing paths, not only the largest.")
@click.option("--quiet", "-q", is_flag=True, help="Print nothing; only set the exit code.")
@binary_option
@ignore_errors_option
@image_options
@click.pass_context
def diff(
    context: click.Context,
    /,
    old: str,
    new: str,
    format_name: str,
    output: Path | None,
    paths: tuple[str, ...],
    mtime: bool,
    files: bool,
    quiet: bool,
    binary: bool,
    ignore_errors: bool,
    **params: Any,
) -> None:
    """Compare the images OLD and NEW: new secrets and setuid files, figures, layers, steps, files, packages, findings and config.

    OLD and NEW can be anything that layerscope opens; one of them can be - for stdin. --image and --platform apply to both. Exits
    with 1 if files, config, instructions or stored bytes differ. Times count only with --mtime. With --paths, only matching paths
    are compared: GLOB matches names, or whole paths if it contains a slash.

    In a terminal, the explorer opens on both images, unless an option asks for a report, such as --format text.
    """
    from layerscope.analysis.compare.comparison import compare
    from layerscope.cli.bar import progress_bar
    from layerscope.cli.output import check_output, input_files, output_stream, report_options
    from layerscope.opening.open import analyse
    from layerscope.report import diff_writer_of
    from layerscope.sources import open_source

    if old == new == "-":
        raise UsageError("only one image can be read from stdin")
    if quiet and output is not None:
        raise UsageError("--quiet writes nothing, not even to a file")
    if not _asks_for_report(context) and has_terminal(old, new):
        _explore(old, new, params, binary=binary)
        return
    check_output(output, input_files(params, old, new))
    # Only findings use duplicates here.
    findings = not (quiet or paths)
    params["no_duplicates"] |= not findings
    references = {"OLD": old, "NEW": new}
    with progress_bar() as progress:
        options = options_of(params, findings=findings)
        requests = {name: request_of(text, progress, params) for name, text in references.items()}
        sources = {}
        for name, request in requests.items():
            with prefix_errors(name):
                sources[name] = open_source(request)
        opened = {}
        for name, request in requests.items():
            with prefix_errors(name):
                opened[name] = analyse(request, sources[name], options)
        first, second = opened.values()
        limits = requests["NEW"].limits
        comparison = compare(first, second, progress, mtime=mtime, only=paths, limits=limits)
    if not quiet:
        formatting = report_options(
            output, binary=binary or settings_of(params).binary, files=files
        )
        if files or format_name == "json":
            changes = comparison.files
            changes.table.check_listing(changes.paths, limits, f"{old} and {new}")
        with output_stream(output) as stream:
            diff_writer_of(format_name)(first, second, comparison, stream, formatting)
    if not ignore_errors:
        for name, image in opened.items():
            with prefix_errors(name):
                image.raise_damage()
    if paths and not comparison.files.selected:
        raise NothingFoundError(f"{' or '.join(paths)} matches no path in either image")
    if comparison.differ:
        context.exit(ExitCode.FAILED)


def _asks_for_report(context: click.Context) -> bool:
    """Whether the user gave an option that the explorer does not have."""
    names = ("format_name", "output", "paths", "mtime", "files", "quiet", "ignore_errors")
    return is_any_given(context, *names)


def _explore(old: str, new: str, params: dict[str, Any], *, binary: bool) -> None:
    """Open the explorer on both images."""
    from msgspec import structs

    from layerscope.cli.bar import progress_bar
    from layerscope.tui import run_comparison

    with progress_bar() as progress:
        first, second = (request_of(text, progress, params) for text in (old, new))
        settings = settings_of(params)
        settings = structs.replace(settings, binary=binary or settings.binary)
        run_comparison(first, second, options_of(params, findings=True), settings)
