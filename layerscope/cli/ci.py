"""`layerscope ci IMAGE`: a build gate; exits with 1 if the image fails."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from layerscope.cli.gate_options import gate_options, with_flags
from layerscope.cli.options import (
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
    use_sizes,
)
from layerscope.report.gate import FORMATS
from layerscope.text import log_line, safe_name

if TYPE_CHECKING:
    from layerscope.analysis.gate.base import GateBase
    from layerscope.analysis.gate.config import GateConfig
    from layerscope.image.model import Image
    from layerscope.progress import Progress

_ROOTFS = "warning: an ordinary tar, not an image; checked as a root filesystem of one layer"


def _check_config(context: click.Context, _: click.Parameter, file: Path | None) -> None:
    """Read a configuration as the gate does, say what is wrong with it, and exit."""
    if file is not None and not context.resilient_parsing:
        from layerscope.analysis.gate.discover import load_config

        say_warnings(load_config(file, Path()))
        click.echo(f"{log_line(str(file))}: no errors")
        context.exit()


@click.command()
@click.argument("reference", metavar="IMAGE")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Read rules from FILE: TOML if its name ends in .toml, otherwise dive's format.",
)
@click.option(
    "--check-config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    is_eager=True,
    expose_value=False,
    callback=_check_config,
    help="Check FILE as --config would read it, without an image, and exit.",
)
@click.option(
    "--baseline",
    type=click.Path(path_type=Path),
    metavar="REPORT",
    help="Fail only on regressions against this JSON report.",
)
@format_option(FORMATS)
@output_option
@binary_option
@ignore_errors_option
@gate_options
@dockerfile_option
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
    """Check IMAGE against limits.

    Exit codes: 0 passed, 1 failed, 2 invalid rules, 3 damaged or not found, 4 source unreachable.

    Rules are read from .layerscope.toml in the current folder, otherwise from dive's .dive-ci (.dive-ci.yaml, .dive-ci.yml);
    options override them. Use off to turn a rule off. Without configuration, an image fails if more than 10 % and more
    than 20 MB are wasted, if it contains a secret found with high confidence, or if another finding has severity error.
    """
    from layerscope.analysis.gate.base import base_of
    from layerscope.analysis.gate.baseline_report import read_report
    from layerscope.analysis.gate.discover import PARSERS, load_config
    from layerscope.cli.bar import progress_bar
    from layerscope.cli.output import check_output, input_files, output_stream, report_options
    from layerscope.errors import GateFailedError, UsageError
    from layerscope.opening.cache_lookup import index_cache
    from layerscope.opening.check_gate import verdict_of
    from layerscope.opening.open import analyse
    from layerscope.report.gate import writer_of
    from layerscope.sources import open_source

    if baseline is None and given["baseline_tolerance"] is not None:
        raise UsageError("--baseline-tolerance has no effect without --baseline")
    options = options_of(given)
    loaded = load_config(config, Path())
    say_warnings(loaded)
    wanted = with_flags(loaded, given)
    inputs = input_files(
        given, reference, config=[Path(name) for name in PARSERS] if config is None else [config]
    )
    inputs.add_file(baseline, "the input baseline")
    if isinstance(wanted.base, str):
        inputs.add_image(wanted.base)
    check_output(output, inputs)
    known = None if baseline is None else (str(baseline), read_report(baseline))
    settings = settings_of(given)
    binary = binary or settings.binary
    use_sizes(binary, format_name)
    choices = {**settings.rules, **wanted.rules}
    places = {name: settings.place(f"rules.{name}") for name in settings.rules}
    wanted = replace(wanted, places={**places, **wanted.places})
    with progress_bar() as progress:
        base_image = _base_image(wanted, progress, given)
        if any(wanted.limits[name] for name in ("findings", "no-secrets")):
            options = replace(options, rules=choices)
        else:
            options = replace(options, duplicates=False)  # only findings use them
        request = request_of(reference, progress, given)
        source = open_source(request).complete(request, index_cache(request, options))
        configured = _configured_base(wanted, source.image, base_image)
        base_steps = None if configured is None else configured.steps
        opened = analyse(request, source, replace(options, base_steps=base_steps))
    base = configured or base_of(opened.image, opened.dockerfile_lines)
    verdict = verdict_of(opened, wanted, choices, base, known)
    name = "stdin" if reference == "-" else reference
    if opened.image.source_kind == "rootfs":
        click.echo(f"layerscope: {log_line(name)}: {_ROOTFS}", err=True)
    how = report_options(output, binary=binary, ignore_errors=ignore_errors)
    with output_stream(output) as stream:
        writer_of(format_name)(verdict, opened, stream, how)
    if not ignore_errors:
        opened.raise_damage()
    if not verdict.passed:
        raise GateFailedError(f"{name}: {verdict.failure()}")


def say_warnings(config: GateConfig) -> None:
    """Print configuration warnings on stderr: not all formats include them, and the image may fail to open."""
    for warning in config.warnings:
        named = warning.message.startswith(warning.place)
        said = warning.message if named else f"{warning.place}: {warning.message}"
        click.echo(f"layerscope: {safe_name(said)}", err=True)


def _base_image(config: GateConfig, progress: Progress, given: dict[str, Any]) -> Image | None:
    """The base image named in the configuration, or None. Raises `LayerscopeError`."""
    from layerscope.errors import LayerscopeError
    from layerscope.sources import open_source

    if not isinstance(config.base, str):
        return None
    try:
        return open_source(request_of(config.base, progress, {**given, "image": None})).image
    except LayerscopeError as error:
        error.message = f"{config.place('base')}: {error.message}"
        error.hint = (
            "the base image must be available locally; or give its number of layers: base = N"
        )
        raise


def _configured_base(config: GateConfig, image: Image, base_image: Image | None) -> GateBase | None:
    """The configured base image; None if there is none. Raises `UsageError` if the image is not built on it."""
    from layerscope.analysis.gate.base import first_layers, same_layers

    place = config.place("base")
    if base_image is not None:
        return same_layers(image, base_image, place)
    if isinstance(config.base, int):
        return first_layers(image, config.base, place)
    return None
