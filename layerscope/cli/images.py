"""`layerscope images`: what engines and local stores hold, what their images share, and what removing one would free."""

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
from layerscope.report import images_schema, images_text

if TYPE_CHECKING:
    from layerscope.sources.listing import Listed


@click.command(short_help="List images of engines and local stores.")
@format_option()
@binary_option
@click.option(
    "--store-root",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Read the store of an engine in DIR, without the engine.",
)
def images(format_name: str, binary: bool, store_root: Path | None) -> None:
    """List the images of all engines and local stores that can be reached.

    Of stores that can be read directly, it tells what each image shares with others and what removing it would free: layers
    that no other image has, in bytes as the store records them. Exits 4 if none can be reached.
    """
    from layerscope.cli.output import output_stream, report_options
    from layerscope.settings import load_settings
    from layerscope.sources import Request
    from layerscope.sources.listing import LISTED_SOURCES, list_images

    request = Request("", store_root=store_root)
    names = [source.name for source in LISTED_SOURCES]
    answers = sorted(list_images(request), key=lambda answer: names.index(answer.source.name))
    with output_stream(None) as stream:
        if format_name == "json":
            document = images_schema.document(answers)
            stream.write(json.dumps(document, indent=2).encode("ascii") + b"\n")
        else:
            options = report_options(binary=binary or load_settings().binary)
            images_text.write(answers, stream, options, datetime.datetime.now(datetime.UTC))
    _say_refusals(answers)


def _say_refusals(answers: Sequence[Listed]) -> None:
    """Say on stderr which sources cannot be reached. Raises `UnreachableError` if that is all of them."""
    refusals = [(answer.source.name, answer.refusal) for answer in answers if answer.refusal]
    for name, refusal in refusals:
        click.echo(f"layerscope: {name}: {text.log_line(refusal.message)}", err=True)
    if len(refusals) == len(answers):
        hints = [refusal.hint for _, refusal in refusals if refusal.hint]
        raise UnreachableError(
            "no engine and no store can be reached",
            hint=next(
                iter(hints), "start an engine, or say where its store lies: --store-root DIR"
            ),
        )
