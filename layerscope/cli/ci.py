"""`layerscope ci IMAGE`: a gate for builds, whose exit code says whether the image passes."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from layerscope.cli.gate_options import gate_options, with_flags
from layerscope.cli.options import dockerfile_of, image_options, options_of, request_of, settings_of
from layerscope.report.gate import FORMATS

if TYPE_CHECKING:
    from layerscope.analysis.gate.base import GateBase
    from layerscope.analysis.gate.config import GateConfig
    from layerscope.image.model import Image
    from layerscope.opening import Opened
    from layerscope.progress import Progress


@click.command(short_help="Check an image against limits; exit 1 if it fails.")
@click.argument("reference", metavar="IMAGE")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Rules from FILE instead of .layerscope.toml or .dive-ci.",
)
@click.option(
    "--baseline",
    type=click.Path(path_type=Path),
    metavar="REPORT",
    help="Fail only on what is worse than in this JSON report.",
)
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
@click.option(
    "--dockerfile",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Name the lines of this Dockerfile.",
)
@click.option("--binary", is_flag=True, help="Sizes in MiB instead of MB.")
@click.option(
    "--ignore-errors", is_flag=True, help="Do not exit with 3 although a layer is damaged."
)
@gate_options
@image_options
def ci(
    reference: str,
    config: Path | None,
    baseline: Path | None,
    format_name: str,
    output: Path | None,
    binary: bool,
    ignore_errors: bool,
    **given: Any,
) -> None:
    """Check IMAGE against limits: exit 0 if it passes, 1 if not, 2 if the rules are wrong, 3 if it is damaged.

    Rules come from .layerscope.toml in this folder, else from dive's .dive-ci, else they are the defaults; flags override them.
    The word off switches a rule off. Without any configuration, an image fails if it holds a secret, if a finding is an error,
    or if more than 10 % of it, and more than 20 MB, are wasted.
    """
    from layerscope.analysis.gate.baseline_report import read_report
    from layerscope.analysis.gate.decide import decide
    from layerscope.analysis.gate.discover import load_config
    from layerscope.analysis.gate.ledger import ledger_of
    from layerscope.analysis.gate.verdict import GateWarning
    from layerscope.cli.bar import progress_bar
    from layerscope.cli.output import check_output, is_terminal, output_stream
    from layerscope.errors import GateFailedError, UsageError
    from layerscope.opening import open_image
    from layerscope.report.gate import GateReportOptions, writer_of
    from layerscope.report.gate.lines import lines_of_steps

    check_output(output, reference)
    if baseline is None and given["baseline_tolerance"] is not None:
        raise UsageError("--baseline-tolerance has no effect without --baseline")
    dockerfile = dockerfile_of(given)
    wanted = with_flags(load_config(config, Path()), given)
    known = None if baseline is None else (str(baseline), read_report(baseline))
    settings = settings_of(given)
    choices = {**settings.rules, **wanted.rules}
    places = {name: settings.place(f"rules.{name}") for name in settings.rules}
    wanted = replace(wanted, places={**places, **wanted.places})
    with progress_bar() as progress:
        base_image = _base_image(wanted, progress, given)
        options = options_of(given)
        if any(wanted.limits[name] for name in ("findings", "no-secrets")):
            options = replace(options, rules=choices)
        else:
            options = replace(options, duplicates=False)  # only findings tell of them
        opened = open_image(request_of(reference, progress, given), options)
        base = _base(wanted, opened, base_image)
    ledger = ledger_of(
        opened.image,
        opened.accounting,
        opened.filesystem.table,
        [index.compressed_bytes for index in opened.indexes],
        base.layers,
    )
    found = () if opened.findings is None else opened.findings.found
    verdict = decide(wanted, opened.image, opened.filesystem, ledger, found, choices, base, known)
    if dockerfile is not None and not lines_of_steps(opened.image, dockerfile):
        said = "none of its instructions are among the steps of the image"
        unlike = GateWarning("dockerfile-unlike", said, str(given["dockerfile"]))
        verdict = replace(verdict, warnings=(*verdict.warnings, unlike))
    terminal = output is None and is_terminal(sys.stdout)
    how = GateReportOptions(
        binary_sizes=binary or settings.binary,
        color=terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb",
        width=shutil.get_terminal_size((100, 24)).columns if terminal else 100,
        dockerfile=dockerfile,
    )
    with output_stream(output) as stream:
        writer_of(format_name)(verdict, opened, stream, how)
    if not ignore_errors:
        opened.raise_damage()
    if not verdict.passed:
        name = "stdin" if reference == "-" else reference
        raise GateFailedError(f"{name}: {verdict.failure()}")


def _base_image(config: GateConfig, progress: Progress, given: dict[str, Any]) -> Image | None:
    """The base image, if the user names one. Raises `LayerscopeError`."""
    from layerscope.errors import LayerscopeError
    from layerscope.sources import open_source

    if not isinstance(config.base, str):
        return None
    try:
        return open_source(request_of(config.base, progress, {**given, "image": None})).image
    except LayerscopeError as error:
        error.message = f"{config.place('base')}: {error.message}"
        error.hint = "the base must be here to be compared; or say how many layers it has: base = N"
        raise


def _base(config: GateConfig, opened: Opened, base_image: Image | None) -> GateBase:
    """Where the base image ends. Raises `UsageError` if the user says so, and it is not true."""
    from layerscope.analysis.gate.base import first_layers, guessed, same_layers, written

    place, image = config.place("base"), opened.image
    if base_image is not None:
        return same_layers(image, base_image, place)
    if isinstance(config.base, int):
        return first_layers(image, config.base, place)
    told = None if opened.written is None else written(image, opened.written)
    return told or guessed(image)
