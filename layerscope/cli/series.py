"""`layerscope series IMAGE IMAGE…`: what each release makes its users fetch again; with a limit, exits with 1 above it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from msgspec.structs import replace

from layerscope.cli.options import (
    bytes_of,
    dockerfile_option,
    image_options,
    is_any_given,
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
from layerscope.cli.streams import has_terminal
from layerscope.errors import ExitCode, UsageError
from layerscope.report import SERIES_FORMATS
from layerscope.signals import temporary_folder

if TYPE_CHECKING:
    from layerscope.analysis.series.series import Series
    from layerscope.layers.store import Store
    from layerscope.opening.series import OpenedSeries
    from layerscope.sources.base import Request
    from layerscope.words import ReleaseOrder


@click.command()
@click.argument("images", metavar="IMAGE…", nargs=-1, required=True)
@format_option(SERIES_FORMATS)
@output_option
@click.option(
    "--tags",
    metavar="GLOB",
    help="Only images whose tags match, such as '1.*', of a repository, archive or layout.",
)
@click.option(
    "--last",
    type=click.IntRange(min=2),
    metavar="N",
    help="Only the last N images of a repository, archive or layout.",
)
@click.option(
    "--max-refetch",
    metavar="SIZE",
    help="Exit with 1 if an update fetches more than this, such as 50MB.",
)
@click.option("--diff", is_flag=True, help="Print the better order as a patch of the Dockerfile.")
@click.option("--write", is_flag=True, help="Write the better order to the Dockerfile instead.")
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
    tags: str | None,
    last: int | None,
    max_refetch: str | None,
    diff: bool,
    write: bool,
    binary: bool,
    ignore_errors: bool,
    **params: Any,
) -> None:
    """Compare the releases of an image, oldest first: what users of one fetch again for the next, the first step that changed, and why.

    layerscope series app:1.1 app:1.2 app:1.3

    layerscope series registry://ghcr.io/org/app --last 10

    With --tags or --last, IMAGE is a repository of a registry, or an archive or layout with several images. Its tags are ordered by
    the dates of their images, or by version if not all have one; an image with several tags counts once.

    If another order of the steps, or a COPY in two parts, would have saved something, the report shows it as a change of the last
    release's Dockerfile. --diff prints nothing but that as a patch, for git apply; --write changes the file.

    In a terminal, the explorer opens on the releases, unless an option asks for a report, such as --format text.
    """
    from layerscope.cli.bar import progress_bar
    from layerscope.cli.output import check_output, input_files, output_stream, report_options
    from layerscope.opening.series import open_series
    from layerscope.report import series_writer_of

    if images.count("-") > 1:
        raise UsageError("only one image can be read from stdin")
    if not _asks_for_report(context) and has_terminal(*images):
        _explore(images, tags, last, params, binary=binary)
        return
    max_bytes = bytes_of("--max-refetch", max_refetch)
    _check_patch(params, diff, write, output, format_name)
    check_output(output, input_files(params, *images))
    with progress_bar() as progress, _store_for(params) as store:
        options = replace(options_of(params, findings=True), cache=store)
        requests = [replace(request_of(image, progress, params), cache=store) for image in images]
        requests, order = _releases(requests, tags, last)
        opened = open_series(requests, options, order)
    formatting = report_options(output, binary=binary or settings_of(params).binary)
    if diff or write:
        _output_patch(opened, write=write, binary=formatting.binary_sizes)
    if not diff:
        with output_stream(output) as stream:
            series_writer_of(format_name)(opened, stream, formatting)
    if not ignore_errors and opened.damaged is not None:
        raise opened.damaged
    if max_bytes is not None and _exceeds(opened.series, max_bytes, binary=formatting.binary_sizes):
        context.exit(ExitCode.FAILED)


def _asks_for_report(context: click.Context) -> bool:
    """Whether the user gave an option that the explorer does not have."""
    names = ("format_name", "output", "max_refetch", "diff", "write", "ignore_errors")
    return is_any_given(context, *names)


def _explore(
    images: tuple[str, ...],
    tags: str | None,
    last: int | None,
    params: dict[str, Any],
    *,
    binary: bool,
) -> None:
    """Open the explorer on the releases."""
    from msgspec import structs

    from layerscope.cli.bar import progress_bar
    from layerscope.tui import run_series

    with progress_bar() as progress, _store_for(params) as store:
        options = replace(options_of(params, findings=True), cache=store)
        requests = [replace(request_of(image, progress, params), cache=store) for image in images]
        requests, order = _releases(requests, tags, last)
        settings = settings_of(params)
        settings = structs.replace(settings, binary=binary or settings.binary)
        run_series(requests, order, options, settings)


def _releases(
    requests: list[Request], tags: str | None, last: int | None
) -> tuple[list[Request], ReleaseOrder]:
    """Requests for the releases, oldest first, and what orders them. Raises `UsageError` for fewer than two."""
    from layerscope.sources.registry.repository import whole_repository
    from layerscope.text import count_of, safe_name
    from layerscope.words import ReleaseOrder

    chosen = tags is not None or last is not None
    if not chosen:
        for request in requests:
            if whole_repository(request.reference) is not None:
                raise UsageError(
                    f"{request.reference} names a repository, not an image",
                    hint="--last 10 or --tags '1.*' selects its releases",
                )
    if chosen and len(requests) > 1:
        raise UsageError("--tags and --last are for the tags of one place, not for several images")
    order = ReleaseOrder.GIVEN
    if chosen:
        from layerscope.sources.tagged import tagged_images

        tagged = tagged_images(requests[0], tags, last)
        requests, order = list(tagged.requests), tagged.order
        if tagged.duplicate_tags:
            words = (
                "names the same image as another one"
                if tagged.duplicate_tags == 1
                else "name the same images as others"
            )
            click.echo(f"left out: {count_of(tagged.duplicate_tags, 'tag')} that {words}", err=True)
        if tagged.skipped_tags:
            click.echo(
                f"left out: {count_of(tagged.skipped_tags, 'tag')} of the lowest versions", err=True
            )
        if len(requests) == 1:
            raise UsageError(
                f"only one image matches in {safe_name(requests[0].reference)}",
                hint="a series has at least two",
            )
    if len(requests) < 2:
        raise UsageError(
            "a series has at least two images",
            hint="name them, the oldest release first; of a repository, --last N or --tags GLOB selects them",
        )
    return requests, order


def _check_patch(
    params: dict[str, Any], diff: bool, write: bool, output: Path | None, format_name: str
) -> None:
    """Raise `UsageError` for options of the patch that do not go together."""
    from layerscope.cli.fix import check_dockerfile_option

    if diff and write:
        raise UsageError("--diff and --write cannot be combined")
    if diff and (output is not None or format_name != "text"):
        raise UsageError("--diff prints a patch, not a report", hint="remove --format and --output")
    if write and params["dockerfile"] is None:
        raise UsageError("--write needs --dockerfile", hint="--dockerfile names the file to change")
    check_dockerfile_option(params)


def _output_patch(opened: OpenedSeries, *, write: bool, binary: bool) -> None:
    """Print or write the better order as a patch; a summary goes to stderr."""
    from layerscope.cli.fix import doubt_about, print_patch
    from layerscope.opening.series import with_reordering
    from layerscope.report.patch import patch_of, write_patch
    from layerscope.text import safe_name, size

    lines = opened.last.dockerfile_lines
    if lines is not None and (doubt := doubt_about(lines)) is not None:
        raise UsageError(f"{lines.name}: {doubt}", hint="name the Dockerfile of the last release")
    patch = patch_of(with_reordering(opened), None if opened.reordering is None else [0])
    if write:
        write_patch(patch)
    else:
        print_patch(patch)
    if opened.reordering is None:
        click.echo("no other order would have saved anything", err=True)
    elif not patch.files:
        why = "; ".join(left.why for left in patch.plan.left_out)
        click.echo(f"the better order is not written: {why}", err=True)
    else:
        finding = opened.reordering.finding
        saved = size(finding.bytes, binary=binary)
        name = safe_name(str(patch.files[0].path))
        what = "written to" if write else "patch for"
        click.echo(f"{what} {name}: {saved} less over the series", err=True)
        for note in finding.notes:
            click.echo(safe_name(note.removeprefix("# ")), err=True)


@contextmanager
def _store_for(params: dict[str, Any]) -> Iterator[Store | None]:
    """The user's cache; with --no-cache a private one for this run, as releases have most layers in common."""
    from layerscope.cli.options import store_of
    from layerscope.layers.store import Store

    store = store_of(params)
    if store is not None:
        yield store
        return
    with temporary_folder("layerscope-") as folder:
        yield Store(Path(folder))


def _exceeds(series: Series, max_bytes: int, *, binary: bool) -> bool:
    """Whether an update fetches more than `max_bytes` bytes; lists those on stderr."""
    from layerscope.text import log_line, size

    exceeding = [number for number, hop in enumerate(series.hops) if hop.bytes > max_bytes]
    for number in exceeding:
        fetched = size(series.hops[number].bytes, binary=binary)
        words = f"{series.names[number]} → {series.names[number + 1]}: fetches {fetched}"
        click.echo(f"{log_line(words)}, more than {size(max_bytes, binary=binary)}", err=True)
    return bool(exceeding)
