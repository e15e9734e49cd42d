"""Options that several commands share, and the request that they make up."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from layerscope.errors import UsageError
from layerscope.image.platform import Platform
from layerscope.opening import Options
from layerscope.progress import Progress
from layerscope.settings import limits_from
from layerscope.sources import Request

_Function = TypeVar("_Function", bound=Callable[..., Any])

_IMAGE_OPTIONS = (
    click.option(
        "--image",
        "image",
        metavar="TAG",
        help="Which image of an archive with several: a tag, a digest or @N.",
    ),
    click.option(
        "--platform", metavar="OS/ARCH[/VARIANT]", help="Which platform of a multi-platform image."
    ),
    click.option(
        "--store-root",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="Read the store of an engine in DIR, without the engine.",
    ),
    click.option(
        "--verify", is_flag=True, help="Hash every layer, however large, and check its digests."
    ),
    click.option("--no-duplicates", is_flag=True, help="Do not look for files of equal content."),
    click.option(
        "--limit",
        "limit",
        metavar="NAME=NUMBER",
        multiple=True,
        help="Raise a limit against hostile input.",
    ),
)


def image_options(function: _Function) -> _Function:
    """Add the options that say which image is meant and how it is read."""
    for option in reversed(_IMAGE_OPTIONS):
        function = option(function)
    return function


def request_of(reference: str, progress: Progress, given: dict[str, Any]) -> Request:
    """The request that the shared options make up. Raises `UsageError`."""
    if reference == "-" and sys.stdin is None:
        raise UsageError(
            "stdin is closed", hint="pipe an image in: docker save IMAGE | layerscope -"
        )
    platform = given["platform"]
    return Request(
        reference=reference,
        image=given["image"],
        platform=None if platform is None else Platform.parse(platform),
        limits=limits_from(given["limit"]),
        progress=progress,
        store_root=given["store_root"],
    )


def options_of(given: dict[str, Any]) -> Options:
    """How the image is to be opened."""
    return Options(verify=given["verify"], duplicates=not given["no_duplicates"])
