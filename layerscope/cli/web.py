"""`layerscope web IMAGE`: the explorer in a browser on this machine."""

from __future__ import annotations

import sys
from typing import Any

import click

from layerscope import text
from layerscope.cli.open import open_command
from layerscope.cli.options import explorer_options, request_of
from layerscope.errors import UsageError

_EXTRA_MODULES = ("aiohttp", "textual_serve")
"""Modules that the extra `web` installs."""


@click.command()
@click.argument("reference", metavar="IMAGE")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    metavar="PORT",
    help="Listen on this port of 127.0.0.1 instead of a free one.",
)
@click.option("--open", "open_browser", is_flag=True, help="Open the page in the default browser.")
@click.option(
    "--allow-writing",
    is_flag=True,
    help="Let the page save files and fixes on this machine, and remember choices.",
)
@explorer_options
def web(reference: str, port: int, open_browser: bool, allow_writing: bool, **params: Any) -> None:
    """Explore IMAGE in a browser on this machine.

    Prints the address of the page and serves it until Ctrl-C. Anyone with the address can open the page; other machines cannot
    reach it. Without --allow-writing nothing can be saved, and the pager and editor are never started.
    """
    try:
        from layerscope.tui.web.server import Server, listen
    except ModuleNotFoundError as error:
        if error.name not in _EXTRA_MODULES:
            raise
        raise UsageError(
            f"layerscope web needs {error.name}, which is not installed",
            hint="pip install 'layerscope[web]', pipx install 'layerscope[web]' or uvx --from 'layerscope[web]' layerscope",
        ) from None
    title = _title_of(reference, params)
    server = Server(_command(reference, allow_writing, params), title, listen(port))

    def on_start() -> None:
        click.echo(server.url)
        sys.stdout.flush()
        what = "can save files" if allow_writing else "reads only"
        click.echo(f"layerscope: the page {what}; Ctrl-C ends it", err=True)
        if open_browser:
            import webbrowser

            webbrowser.open(server.url)

    server.run(on_start)
    from layerscope import signals

    signals.raise_ending()


def _title_of(reference: str, params: dict[str, Any]) -> str:
    """The title of the image, which is found here so that errors are reported here and not on each page. Raises `LayerscopeError`."""
    from layerscope.cli.bar import progress_bar
    from layerscope.cli.options import dockerfile_of, settings_of
    from layerscope.sources.base import STDIN
    from layerscope.sources.search import open_source

    if reference == STDIN:
        raise UsageError(
            "stdin can be read only once, and each page opens the image",
            hint="save it to a file: docker save -o image.tar IMAGE",
        )
    dockerfile_of(params)
    settings_of(params)
    with progress_bar() as progress:
        image = open_source(request_of(reference, progress, params)).image
    for warning in image.warnings:
        if warning.code in ("several-images", "several-platforms"):
            click.echo(f"layerscope: {text.log_line(warning.message)}", err=True)
    return image.title


def _command(reference: str, writing: bool, params: dict[str, Any]) -> list[str]:
    """The command that runs the explorer with the same options. No shell reads it."""
    words = [sys.executable, "-P", "-m", "layerscope", "--served", "writing" if writing else "reading"]  # fmt: skip
    for param in open_command.params:
        value = params.get(param.name or "")
        if isinstance(param, click.Option) and value is not None:
            name = param.opts[0]
            if param.is_flag:
                words += [name] if value else []
            else:
                words += [f"{name}={each}" for each in (value if param.multiple else (value,))]
    return [*words, "--", reference]
