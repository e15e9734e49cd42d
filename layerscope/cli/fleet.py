"""`layerscope fleet IMAGE…`: one report about many images."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from layerscope.cli.options import request_of, settings_of, several_images_options, store_of
from layerscope.cli.output_options import binary_option, format_option, ignore_errors_option
from layerscope.cli.streams import is_terminal
from layerscope.errors import UsageError
from layerscope.files import read_file
from layerscope.report import FLEET_FORMATS
from layerscope.sources.base import STDIN

if TYPE_CHECKING:
    from layerscope.fleet.fleet import Fleet
    from layerscope.fleet.messages import StoreAt
    from layerscope.progress import Progress


@click.command()
@click.argument("references", metavar="[IMAGE]...", nargs=-1)
@click.option(
    "--from",
    "lists",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Also read the images of FILE: one reference in each line.",
)
@click.option("--tags", metavar="GLOB", help="Of a repository, read the images whose tags match.")
@click.option(
    "--last", type=click.IntRange(1), metavar="N", help="Of a repository, read the N newest tags."
)
@click.option(
    "--jobs",
    "-j",
    type=click.IntRange(1, 1000),
    metavar="N",
    help="Number of processes that read images.  [default: number of cores]",
)
@format_option(FLEET_FORMATS)
@binary_option
@ignore_errors_option
@several_images_options
def fleet(
    references: tuple[str, ...],
    lists: tuple[Path, ...],
    tags: str | None,
    last: int | None,
    jobs: int | None,
    format_name: str,
    binary: bool,
    ignore_errors: bool,
    **given: Any,
) -> None:
    """Report on many images together. Each distinct layer is read once, however many images have it.

    IMAGE is a reference as for other commands; a folder of images; SCHEME:// for a whole store, such as docker-store://; a
    repository as registry://HOST/NAME with --tags or --last; or - for a list on stdin.

    Images that cannot be read are listed with the reason; the exit code is 3 then.
    """
    from layerscope.cli.bar import progress_bar
    from layerscope.cli.output import output_stream, report_options
    from layerscope.fleet.references import Tagged, expand
    from layerscope.report import fleet_writer_of

    named = [*_named(references), *(line for path in lists for line in _lines_of(path))]
    if not named:
        raise UsageError(
            "no images are named", hint="for example: layerscope fleet docker-store://"
        )
    with progress_bar() as progress:
        found = expand(named, request_of("", progress, given), Tagged(tags, last))
        read = _read(found, given, jobs or os.cpu_count() or 1, progress)
    options = report_options(binary=binary or settings_of(given).binary)
    with output_stream(None) as stream:
        fleet_writer_of(format_name)(read, stream, options)
    if not ignore_errors:
        read.raise_failures()


def _named(references: Sequence[str]) -> Iterator[str]:
    """The references of arguments; `-` stands for a list on stdin. Raises `UsageError`."""
    for reference in references:
        if reference != STDIN:
            yield reference
            continue
        if sys.stdin is None or is_terminal(sys.stdin):
            raise UsageError(
                "- reads a list of images from stdin, which is a terminal or closed",
                hint="for example: crictl images -o json | jq -r '.images[].repoTags[]' | layerscope fleet -",
            )
        from layerscope.fleet.lists import MOST, references_in

        yield from references_in(sys.stdin.buffer.read(MOST + 1), "stdin")


def _lines_of(path: Path) -> list[str]:
    """The references in a file. Raises `UsageError`."""
    from layerscope.fleet.lists import MOST, references_in

    try:
        return references_in(read_file(path, MOST), str(path))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from None


def _read(references: Sequence[str], given: dict[str, Any], jobs: int, progress: Progress) -> Fleet:
    """Read the images with this many processes."""
    from layerscope.fleet.fleet import read_fleet
    from layerscope.fleet.messages import Setup
    from layerscope.fleet.pending import Workers
    from layerscope.fleet.processes import Processes

    request = request_of("", progress, given)
    with ExitStack() as stack:
        setup = Setup(
            limits=request.limits,
            store=stack.enter_context(_store(given)),
            platform=request.platform,
            store_root=None if request.store_root is None else str(request.store_root),
            pull=request.pull,
            remote=request.remote,
            duplicates=not given["no_duplicates"],
            rules=dict(settings_of(given).rules),
        )
        processes = stack.enter_context(Processes(jobs))
        return read_fleet(
            references,
            setup,
            Workers(processes, 2 * jobs),
            progress,
            max_download=request.max_download,
        )


@contextmanager
def _store(given: dict[str, Any]) -> Iterator[StoreAt]:
    """Where layers are kept: the user's cache, or a folder for this run alone."""
    from layerscope.fleet.messages import StoreAt
    from layerscope.signals import temporary_folder

    store = store_of(given)
    if store is not None and store.is_usable():
        try:
            yield StoreAt(str(store.folder), private=False)
        finally:
            store.trim()
        return
    with temporary_folder("layerscope-fleet-") as folder:
        yield StoreAt(folder, private=True)
