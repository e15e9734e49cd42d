"""`layerscope sbom IMAGE`: writes all packages of an image as CycloneDX or SPDX."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click
from msgspec.structs import replace

from layerscope.cli.options import image_options, options_of, request_of
from layerscope.cli.output_options import format_option, ignore_errors_option, output_option
from layerscope.report.sbom import FORMATS, writer_of
from layerscope.text import log_line


@click.command()
@click.argument("reference", metavar="IMAGE")
@format_option(FORMATS)
@output_option
@ignore_errors_option
@image_options
def sbom(
    reference: str, format_name: str, output: Path | None, ignore_errors: bool, **params: Any
) -> None:
    """List all packages of IMAGE in a software bill of materials, each with its layer and bytes.

    Besides the packages of dpkg, rpm, apk, Python, npm and RubyGems, these are the Go modules and Rust crates that programs
    were built from, and the artifacts in Java archives.
    """
    from layerscope.cli.bar import progress_bar
    from layerscope.cli.output import check_output, input_files, output_stream
    from layerscope.opening.open import open_image
    from layerscope.report.sbom.components import bill_of

    check_output(output, input_files(params, reference))
    params["no_duplicates"] = True  # not written
    options = replace(options_of(params, findings=True), inventory=True)
    with progress_bar() as progress:
        opened = open_image(request_of(reference, progress, params), options)
    assert opened.inventory is not None  # noqa: S101  # for the type checker: `inventory=True`
    for warning in opened.warnings:
        if warning.code == "packages-unreadable":
            click.echo(f"layerscope: {log_line(warning.message)}", err=True)
    bill = bill_of(opened, opened.inventory, os.environ)
    with output_stream(output) as stream:
        writer_of(format_name)(bill, stream)
    if not ignore_errors:
        opened.raise_damage()
