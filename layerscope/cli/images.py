"""`layerscope images`: lists images of engines and stores, with shared and reclaimable bytes."""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from layerscope import text
from layerscope.cli.output_options import binary_option, format_option
from layerscope.errors import UnreachableError

if TYPE_CHECKING:
    from layerscope.sources.listing import SourceListing


@click.command()
@format_option()
@binary_option
@click.option(
    "--store-root",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Read the engine's store in DIR directly, without the engine.",
)
def images(format_name: str, binary: bool, store_root: Path | None) -> None:
    """List the images of all reachable engines and local stores.

    For stores that are read directly, also show the bytes that an image shares with others, and the bytes that removing it would
    free. Exits with 4 if nothing is reachable.
    """
    from layerscope.cli.output import output_stream, report_options
    from layerscope.report import images_schema, images_text
    from layerscope.settings import load_settings
    from layerscope.sources import SOURCES, Request
    from layerscope.sources.listing import list_images

    request = Request("", store_root=store_root)
    names = [source.name for source in SOURCES]
    answers = sorted(list_images(request), key=lambda answer: names.index(answer.source.name))
    with output_stream(None) as stream:
        if format_name == "json":
            document = images_schema.document(answers)
            stream.write(json.dumps(document, indent=2).encode("ascii") + b"\n")
        else:
            options = report_options(binary=binary or load_settings().binary)
            images_text.write(answers, stream, options, datetime.datetime.now(datetime.UTC))
    _print_refusals(answers)


def _print_refusals(answers: Sequence[SourceListing]) -> None:
    """List unreachable sources on stderr. Raises `UnreachableError` if no source is reachable."""
    refusals = [(answer.source.name, answer.refusal) for answer in answers if answer.refusal]
    for name, refusal in refusals:
        click.echo(f"layerscope: {name}: {text.log_line(refusal.message)}", err=True)
    if len(refusals) == len(answers):
        hints = [refusal.hint for _, refusal in refusals if refusal.hint]
        raise UnreachableError(
            "no engine or store found",
            hint=next(iter(hints), "start an engine, or point to its store with --store-root DIR"),
        )
