"""`layerscope images`: what engines and local stores hold, what their images share, and what removing one would free."""

from __future__ import annotations

import datetime
import json
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from layerscope import text
from layerscope.errors import UnreachableError
from layerscope.report import images_schema, images_text

if TYPE_CHECKING:
    from layerscope.sources.listing import Listed


@click.command(short_help="List images of engines and local stores.")
@click.option(
    "--format",
    "format_name",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How it is written.",
)
@click.option("--binary", is_flag=True, help="Sizes in MiB instead of MB.")
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
    from layerscope.cli.output import is_terminal, output_stream
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
            terminal = is_terminal(sys.stdout)
            plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
            images_text.write(
                answers,
                stream,
                width=shutil.get_terminal_size((100, 24)).columns if terminal else 100,
                color=terminal and not plain,
                now=datetime.datetime.now(datetime.UTC),
                binary=binary or load_settings().binary,
            )
    _say_refusals(answers)


def _say_refusals(answers: Sequence[Listed]) -> None:
    """Say on stderr which sources cannot be reached. Raises `UnreachableError` if that is all of them."""
    refusals = [(answer.source.name, answer.refusal) for answer in answers if answer.refusal]
    for name, refusal in refusals:
        click.echo(f"layerscope: {name}: {text.safe_name(refusal.message)}", err=True)
    if len(refusals) == len(answers):
        hints = [refusal.hint for _, refusal in refusals if refusal.hint]
        raise UnreachableError(
            "no engine and no store can be reached",
            hint=next(
                iter(hints), "start an engine, or say where its store lies: --store-root DIR"
            ),
        )
