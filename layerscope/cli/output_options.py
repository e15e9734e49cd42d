"""Options about how a command's data is written, and where."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click

_Function = TypeVar("_Function", bound=Callable[..., Any])


def format_option(names: Iterable[str] = ("text", "json")) -> Callable[[_Function], _Function]:
    """Add `--format`, as `format_name`; text unless another of `names` is asked for."""
    return click.option(
        "--format",
        "format_name",
        type=click.Choice(list(names)),
        default="text",
        show_default=True,
        help="How it is written.",
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
    """The only path that an option was given, None for none: the other one would silently get nothing."""
    if len(set(paths)) > 1:
        raise click.BadParameter("it takes one path", param=param)
    return paths[0] if paths else None


def binary_option(function: _Function) -> _Function:
    """Add `--binary`; the settings may ask for the same."""
    return click.option("--binary", is_flag=True, help="Sizes in MiB instead of MB.")(function)


def ignore_errors_option(function: _Function) -> _Function:
    """Add `--ignore-errors`: what could be read is enough."""
    return click.option(
        "--ignore-errors", is_flag=True, help="Do not exit with 3 although a layer is damaged."
    )(function)
