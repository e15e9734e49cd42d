"""`layerscope save IMAGE --output FILE`: writes all that is known of an image into one file, which opens like an image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from msgspec.structs import replace

from layerscope.cli.options import dockerfile_option, image_options, options_of, request_of
from layerscope.cli.output_options import ignore_errors_option, output_option
from layerscope.cli.streams import is_terminal
from layerscope.errors import UsageError


@click.command()
@click.argument("reference", metavar="IMAGE")
@output_option
@ignore_errors_option
@dockerfile_option
@image_options
def save(reference: str, output: Path | None, ignore_errors: bool, **params: Any) -> None:
    """Write all that is known of IMAGE into FILE: steps, paths, sizes, digests, waste, duplicates, findings, packages.

    FILE opens like an image, on any machine: layerscope FILE, report FILE, ci FILE, diff OLD FILE. It has no contents of files, so
    it is small, and cat and extract need the image itself.
    """
    import sys

    from layerscope.cli.bar import progress_bar
    from layerscope.cli.output import check_output, input_files, output_stream
    from layerscope.layers.saved_file import write_saved
    from layerscope.opening.open import open_image
    from layerscope.opening.saved import complete, pack_opened

    if output is None and is_terminal(sys.stdout):
        raise UsageError(
            "save writes binary data, and stdout is a terminal", hint="name a file: --output FILE"
        )
    check_output(output, input_files(params, reference))
    with progress_bar() as progress:
        options = replace(options_of(params, findings=True), inventory=True)
        opened = open_image(request_of(reference, progress, params), options)
        packed = pack_opened(complete(opened, progress))
    with output_stream(output) as stream:
        write_saved(stream, packed)
    if not ignore_errors:
        opened.raise_damage()
