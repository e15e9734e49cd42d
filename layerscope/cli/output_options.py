"""Options for the format and destination of a command's output."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click

from layerscope.text import binary_sizes

_Function = TypeVar("_Function", bound=Callable[..., Any])


def format_option(names: Iterable[str] = ("text", "json")) -> Callable[[_Function], _Function]:
    """Add `--format`, passed as `format_name`: one of `names`, the first by default."""
    choices = list(names)
    return click.option(
        "--format",
        "format_name",
        type=click.Choice(choices),
        default=choices[0],
        show_default=True,
        help="Output format.",
    )


def output_option(function: _Function) -> _Function:
    """Add `--output`: a file, or None for stdout."""
    return click.option(
        "--output",
        "-o",
        type=click.Path(path_type=Path),
        multiple=True,
        callback=one_path,
        metavar="FILE",
        help="Write to FILE instead of stdout.",
    )(function)


def one_path(_: click.Context, param: click.Parameter, paths: tuple[Path, ...]) -> Path | None:
    """The path given to an option, or None; two paths are an error, because only one would be written."""
    if len(set(paths)) > 1:
        raise click.BadParameter("expected one path", param=param)
    return paths[0] if paths else None


def use_sizes(binary: bool, format_name: str) -> None:
    """Until the command ends, write sizes in texts in MiB or MB; in JSON and CSV, texts always have MB."""
    binary = binary and format_name not in ("json", "csv")
    click.get_current_context().with_resource(binary_sizes(binary))


def binary_option(function: _Function) -> _Function:
    """Add `--binary`; the settings can turn it on, too."""
    return click.option("--binary", is_flag=True, help="Print sizes in MiB instead of MB.")(
        function
    )


def ignore_errors_option(function: _Function) -> _Function:
    """Add `--ignore-errors`: accept a partly readable image."""
    return click.option(
        "--ignore-errors", is_flag=True, help="Exit with 0 even if a layer is damaged."
    )(function)
