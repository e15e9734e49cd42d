"""`layerscope ci IMAGE`: a build gate; exits with 1 if the image fails."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from msgspec.structs import replace

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
    """Read a configuration as the gate does, print its warnings, and exit. Raises `UsageError` for mistakes."""
    if file is not None and not context.resilient_parsing:
        from layerscope.analysis.gate.discover import load_config

        print_warnings(load_config(file, Path()))
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
    **params: Any,
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

    if baseline is None and params["baseline_tolerance"] is not None:
        raise UsageError("--baseline-tolerance has no effect without --baseline")
    options = options_of(params)
    loaded = load_config(config, Path())
    print_warnings(loaded)
    gate_config = with_flags(loaded, params)
    inputs = input_files(
        params, reference, config=[Path(name) for name in PARSERS] if config is None else [config]
    )
    inputs.add_file(baseline, "the input baseline")
    if isinstance(gate_config.base, str):
        inputs.add_image(gate_config.base)
    check_output(output, inputs)
    baseline_report = None if baseline is None else (str(baseline), read_report(baseline))
    settings = settings_of(params)
    binary = binary or settings.binary
    use_sizes(binary, format_name)
    choices = {**settings.rules, **gate_config.rules}
    places = {name: settings.place(f"rules.{name}") for name in settings.rules}
    gate_config = replace(gate_config, places={**places, **gate_config.places})
    with progress_bar() as progress:
        base_image = _base_image(gate_config, progress, params)
        if any(gate_config.limits[name] for name in ("findings", "no-secrets")):
            options = replace(options, rules=choices)
        else:
            options = replace(options, duplicates=False)  # only findings use them
        request = request_of(reference, progress, params)
        source = open_source(request).complete(request, index_cache(request, options))
        configured = _configured_base(gate_config, source.image, base_image)
        base_steps = None if configured is None else configured.steps
        opened = analyse(request, source, replace(options, base_steps=base_steps))
    base = configured or base_of(opened.image, opened.dockerfile_lines)
    verdict = verdict_of(opened, gate_config, choices, base, baseline_report)
    name = "stdin" if reference == "-" else reference
    if opened.image.source_kind == "rootfs":
        click.echo(f"layerscope: {log_line(name)}: {_ROOTFS}", err=True)
    formatting = report_options(output, binary=binary, ignore_errors=ignore_errors)
    with output_stream(output) as stream:
        writer_of(format_name)(verdict, opened, stream, formatting)
    if not ignore_errors:
        opened.raise_damage()
    if not verdict.passed:
        raise GateFailedError(f"{name}: {verdict.failure()}")


def print_warnings(config: GateConfig) -> None:
    """Print configuration warnings on stderr: not all formats include them, and there is no report if the image cannot be opened."""
    for warning in config.warnings:
        has_place = warning.message.startswith(warning.place)
        message = warning.message if has_place else f"{warning.place}: {warning.message}"
        click.echo(f"layerscope: {safe_name(message)}", err=True)


def _base_image(config: GateConfig, progress: Progress, params: dict[str, Any]) -> Image | None:
    """The base image named in the configuration, or None. Raises `LayerscopeError`."""
    from layerscope.errors import LayerscopeError
    from layerscope.sources import open_source

    if not isinstance(config.base, str):
        return None
    try:
        return open_source(request_of(config.base, progress, {**params, "image": None})).image
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
