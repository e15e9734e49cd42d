"""`layerscope fleet IMAGE…`: one report about many images."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource
from msgspec.structs import replace

from layerscope.analysis.gate.config import FLEET_LIMITS
from layerscope.cli.options import (
    bytes_of,
    is_any_given,
    options_of,
    request_of,
    settings_of,
    several_images_options,
    store_of,
)
from layerscope.cli.output_options import (
    binary_option,
    format_option,
    ignore_errors_option,
    one_path,
)
from layerscope.cli.streams import has_terminal, is_terminal
from layerscope.errors import GateFailedError, UsageError
from layerscope.report import FLEET_FORMATS
from layerscope.sources.base import STDIN
from layerscope.text import count_of, log_line, safe_name

if TYPE_CHECKING:
    from layerscope.analysis.gate.config import GateConfig
    from layerscope.fleet.fleet import Fleet
    from layerscope.fleet.messages import Setup, StoreAt
    from layerscope.fleet.pending import Workers
    from layerscope.fleet.references import TagSelection
    from layerscope.fleet.run import Watch
    from layerscope.fleet.runs import RunFolder
    from layerscope.progress import Progress

_Function = TypeVar("_Function", bound=Callable[..., Any])


def _limit_options(function: _Function) -> _Function:
    """Add an option for each limit of the fleet."""
    for name, (_, help_text) in reversed(FLEET_LIMITS.items()):
        function = click.option(
            f"--{name}", metavar="SIZE", help=f"{help_text} Exit 1 if exceeded."
        )(function)
    return function


@click.command()
@click.argument("references", metavar="[IMAGE]...", nargs=-1)
@click.option(
    "--from",
    "lists",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Also read the images of FILE: a list, a Compose file or a Kubernetes manifest.",
)
@click.option(
    "--tags", metavar="GLOB", help="Read only the images of a repository whose tags match."
)
@click.option(
    "--last",
    type=click.IntRange(1),
    metavar="N",
    help="Read only the N newest tags of a repository.",
)
@click.option(
    "--remote",
    is_flag=True,
    help="Look up images that are not on this machine in their registries.",
)
@click.option(
    "--jobs",
    "-j",
    type=click.IntRange(1, 1000),
    metavar="N",
    help="Number of processes that read images.  [default: number of cores]",
)
@click.option(
    "--cluster",
    metavar="ADDRESS",
    help="Read the images on a Dask cluster: its scheduler as tls://HOST:PORT, or a scheduler file.",
)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, file_okay=False),
    multiple=True,
    callback=one_path,
    metavar="DIR",
    help="Also add the tables of this run to DIR, as Parquet: see layerscope ask.",
)
@click.option("--ci", is_flag=True, help="Check every image as ci does; exit 1 if one fails.")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Read rules from FILE instead of .layerscope.toml.",
)
@_limit_options
@format_option(FLEET_FORMATS)
@binary_option
@ignore_errors_option
@several_images_options
@click.pass_context
def fleet(
    context: click.Context,
    /,
    references: tuple[str, ...],
    lists: tuple[Path, ...],
    tags: str | None,
    last: int | None,
    remote: bool,
    jobs: int | None,
    cluster: str | None,
    output: Path | None,
    ci: bool,
    config: Path | None,
    format_name: str,
    binary: bool,
    ignore_errors: bool,
    **params: Any,
) -> None:
    """Report on many images together. Each distinct layer is read once, however many images have it.

    IMAGE is a reference as for other commands; a folder of images; SCHEME:// for a whole store, such as docker-store://; a
    repository as registry://HOST/NAME with --tags or --last; or - for a list or a manifest on stdin. Lists have one reference in
    each line. Of Compose files, all services count; of Kubernetes manifests, the containers of all resources.

    Images that cannot be read are listed with the reason; the exit code is 3 then.

    In a terminal, the explorer opens on the answers, unless an option asks for a report, such as --format text.
    """
    from layerscope.cli.bar import progress_bar
    from layerscope.cli.output import output_stream, report_options
    from layerscope.fleet.fleet import read_fleet
    from layerscope.fleet.lists import references_of
    from layerscope.fleet.references import TagSelection, expand
    from layerscope.report import fleet_writer_of

    image_references = [
        *_with_stdin_list(references),
        *(one for path in lists for one in references_of(path)),
    ]
    limits = _limits(ci, config, params)
    if not image_references:
        raise UsageError(
            "no images are named", hint="for example: layerscope fleet docker-store://"
        )
    if cluster is not None and jobs is not None:
        raise UsageError("--jobs is for processes of this machine, --cluster for others")
    if not _asks_for_report(context) and has_terminal(*references):
        _explore(
            image_references, TagSelection(tags, last), jobs, params, remote=remote, binary=binary
        )
        return
    has_format = context.get_parameter_source("format_name") is ParameterSource.COMMANDLINE
    requested_format = format_name if has_format else None
    with ExitStack() as stack:
        folder = (
            None if output is None else stack.enter_context(_run_folder(output, requested_format))
        )
        progress = stack.enter_context(progress_bar())
        images = expand(
            image_references, request_of("", progress, params), TagSelection(tags, last)
        )
        workers = stack.enter_context(_workers(cluster, jobs or os.cpu_count() or 1))
        store = stack.enter_context(_store(params))
        gate = limits if ci else None
        setup = _setup(params, progress, store, gate, remote=remote, carry=cluster is not None)
        result = read_fleet(
            images,
            setup,
            workers,
            progress,
            max_download=bytes_of("--max-download", params["max_download"]),
            limits=limits,
            journal=None if folder is None else folder.journal,
        )
        if folder is not None:
            folder.write(result)
    options = report_options(binary=binary or settings_of(params).binary)
    with output_stream(None) as stream:
        fleet_writer_of(format_name)(result, stream, options)
    if not ignore_errors:
        result.raise_failures()
    if result.verdict is not None and not result.verdict.passed:
        raise GateFailedError(
            f"{count_of(result.results.images, 'image')}: {result.verdict.failure()}"
        )


def _asks_for_report(context: click.Context) -> bool:
    """Whether the user gave an option that the explorer does not have."""
    limits = (name.replace("-", "_") for name in FLEET_LIMITS)
    names = ("format_name", "output", "cluster", "ci", "config", "ignore_errors", *limits)
    return is_any_given(context, *names)


def _explore(
    image_references: Sequence[str],
    tagged: TagSelection,
    jobs: int | None,
    params: dict[str, Any],
    *,
    remote: bool,
    binary: bool,
) -> None:
    """Open the explorer on the answers; processes read the images meanwhile."""
    from msgspec import structs

    from layerscope.cli.bar import progress_bar
    from layerscope.fleet.fleet import read_fleet
    from layerscope.fleet.references import expand
    from layerscope.layers.store import Store
    from layerscope.progress import NullProgress
    from layerscope.tui import run_fleet

    max_download = bytes_of("--max-download", params["max_download"])
    settings = settings_of(params)
    with progress_bar() as progress:
        images = expand(image_references, request_of("", progress, params), tagged)
    quiet = NullProgress()
    with _store(params) as store:
        setup = _setup(params, quiet, store, None, remote=remote, carry=False)

        def read(progress: Progress, watch: Watch) -> Fleet:
            with _workers(None, jobs or os.cpu_count() or 1) as workers:
                return read_fleet(
                    images, setup, workers, progress, max_download=max_download, watch=watch
                )

        request = replace(request_of("", quiet, params), remote=setup.remote)
        options = options_of({**params, "verify": False}, findings=True)
        if store.private:
            private = Store(Path(store.folder))
            request, options = replace(request, cache=private), replace(options, cache=private)
        settings = structs.replace(settings, binary=binary or settings.binary)
        run_fleet(read, request, options, settings)


def _with_stdin_list(references: Sequence[str]) -> Iterator[str]:
    """The references in the arguments, with those of the list on stdin in place of `-`. Raises `UsageError`."""
    for reference in references:
        if reference != STDIN:
            yield reference
            continue
        if sys.stdin is None or is_terminal(sys.stdin):
            raise UsageError(
                "- reads a list of images from stdin, which is a terminal or closed",
                hint="for example: crictl images -o json | jq -r '.images[].repoTags[]' | layerscope fleet -",
            )
        from layerscope.fleet.lists import MAX_BYTES, references_in

        yield from references_in(sys.stdin.buffer.read(MAX_BYTES + 1), "stdin")


def _limits(ci: bool, config: Path | None, params: dict[str, Any]) -> GateConfig | None:
    """The limits for each image and for all of them; None without a gate. Raises `UsageError`."""
    flags = {name: params.pop(name.replace("-", "_")) for name in FLEET_LIMITS}
    flags = {name: value for name, value in flags.items() if value is not None}
    if config is not None and not ci:
        raise UsageError("--config has no effect without --ci")
    if not ci and not flags:
        return None
    from layerscope.analysis.gate.config import GateConfig
    from layerscope.analysis.gate.discover import load_config
    from layerscope.cli.ci import print_warnings
    from layerscope.configuration import WrongValueError

    gate_config = load_config(config, Path()) if ci else GateConfig(source="options")
    print_warnings(gate_config)
    if gate_config.base is not None:
        place = gate_config.place("base")
        click.echo(f"layerscope: {log_line(place)}: the base of each image is estimated", err=True)
    try:
        return gate_config.with_fleet_limits(flags, {name: f"--{name}" for name in flags})
    except WrongValueError as error:
        raise UsageError(f"--{error.key} {error}") from None


def _run_folder(output: Path, format_name: str | None) -> AbstractContextManager[RunFolder]:
    """The folder of `--output`, locked. Raises `UsageError`, also for a name like report.json: `-o` of other commands writes reports.

    `format_name` is the value of `--format`; None if it was not given.
    """
    from layerscope.fleet.runs import RunFolder

    formats = {".json": "json", ".html": "html", ".txt": "text"}
    format_of_name = formats.get(output.suffix.lower())
    if format_of_name is not None and not output.is_dir():
        raise UsageError(
            f"--output {safe_name(str(output))} is not the name of a folder: it gets the tables of the run",
            hint="to write the report to a file, redirect it: "
            f"layerscope fleet … --format {format_name or format_of_name} > {shlex.quote(safe_name(str(output)))}",
        )
    return RunFolder.locked(output)


@contextmanager
def _workers(address: str | None, jobs: int) -> Iterator[Workers]:
    """The workers that read the images: a cluster, or this many processes."""
    from layerscope.fleet.pending import Workers

    if address is not None:
        from layerscope.fleet.cluster import cluster

        with cluster(address) as workers:
            yield workers
        return
    from layerscope.fleet.processes import Processes

    with Processes(jobs) as processes:
        yield Workers(processes, 2 * jobs)


def _setup(
    params: dict[str, Any],
    progress: Progress,
    store: StoreAt,
    gate: GateConfig | None,
    *,
    remote: bool,
    carry: bool,
) -> Setup:
    """The settings with which workers read images."""
    from layerscope.fleet.messages import Setup

    request, settings = request_of("", progress, params), settings_of(params)
    return Setup(
        limits=request.limits,
        store=store,
        platform=request.platform,
        store_root=None if request.store_root is None else str(request.store_root),
        pull=request.pull,
        remote="always" if remote else request.remote,
        duplicates=not params["no_duplicates"],
        rules={**settings.rules, **({} if gate is None else gate.rules)},
        gate=gate,
        carry=carry,
    )


@contextmanager
def _store(params: dict[str, Any]) -> Iterator[StoreAt]:
    """Where layers are kept: the user's cache, or a folder for this run alone."""
    from layerscope.fleet.messages import StoreAt
    from layerscope.signals import temporary_folder

    store = store_of(params)
    if store is not None and store.is_usable():
        try:
            yield StoreAt(str(store.folder), private=False)
        finally:
            store.trim()
        return
    with temporary_folder("layerscope-fleet-") as folder:
        yield StoreAt(folder, private=True)
