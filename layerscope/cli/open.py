"""`layerscope [IMAGE]`: the explorer, with a picker if no image is given; without a terminal, the text report."""

from __future__ import annotations

from typing import Any

import click

from layerscope.cli.options import (
    dockerfile_of,
    explorer_options,
    options_of,
    request_of,
    settings_of,
)
from layerscope.cli.streams import has_terminal
from layerscope.errors import UsageError


@click.command("open", hidden=True)
@click.argument("reference", metavar="[IMAGE]", required=False)
@click.option(
    "--served",
    type=click.Choice(["reading", "writing"]),
    hidden=True,
    help="Run the explorer for a page of layerscope web.",
)
@explorer_options
def open_command(reference: str | None, served: str | None, **params: Any) -> None:
    """Explore IMAGE."""
    if reference is None:
        pick(params)
    elif served is not None:
        serve(reference, params, writing=served == "writing")
    else:
        explore(reference, params)


def pick(params: dict[str, Any]) -> None:
    """Open the image picker. Raises `UsageError` without a terminal."""
    if not has_terminal():
        raise UsageError(
            "no image given", hint="for example: layerscope image.tar, or layerscope demo"
        )
    from layerscope.cli.bar import progress_bar
    from layerscope.tui import run_picker

    dockerfile = dockerfile_of(params)
    with progress_bar() as progress:
        request = request_of("", progress, params)
        run_picker(request, options_of(params, findings=True), settings_of(params), dockerfile)


def explore(reference: str, params: dict[str, Any]) -> None:
    """Open the explorer, or print the text report without a terminal."""
    dockerfile = dockerfile_of(params)
    if not has_terminal(reference):
        from layerscope.cli.report import write_report

        write_report(reference, "text", None, params=params)
        return
    from layerscope.cli.bar import progress_bar
    from layerscope.tui import run_explorer

    with progress_bar() as progress:
        request = request_of(reference, progress, params)
        run_explorer(request, options_of(params, findings=True), settings_of(params), dockerfile)


def serve(reference: str, params: dict[str, Any], *, writing: bool) -> None:
    """Run the explorer for a page of `layerscope web`, whose environment tells Textual to draw there."""
    from layerscope.progress import NullProgress
    from layerscope.tui import run_served

    request = request_of(reference, NullProgress(), params)
    options = options_of(params, findings=True)
    run_served(request, options, settings_of(params), dockerfile_of(params), writing=writing)
