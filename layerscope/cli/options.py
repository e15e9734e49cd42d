"""Options that several commands share, and the request built from them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from layerscope.errors import UsageError

if TYPE_CHECKING:
    from layerscope.image.dockerfile import Dockerfile
    from layerscope.layers.store import Store
    from layerscope.opening.options import Options
    from layerscope.progress import Progress
    from layerscope.settings import Settings
    from layerscope.sources.base import Request

_Function = TypeVar("_Function", bound=Callable[..., Any])
_SETTINGS = "layerscope.settings"
"""Key of a command's settings in click's context."""
_STORE = "layerscope.store"
"""Key of its cache."""

_IMAGE = click.option(
    "--image",
    "image",
    metavar="TAG",
    help="Select an image of an archive with several: a tag, a digest or @N.",
)
_VERIFY = click.option(
    "--verify", is_flag=True, help="Verify the digests of all layers, whatever their size."
)
_IMAGE_OPTIONS = (
    _IMAGE,
    click.option(
        "--platform",
        metavar="OS[(VERSION)]/ARCH[/VARIANT]",
        help="Select a platform of a multi-platform image, such as linux/arm64 or 'windows(10.0.20348)/amd64'.",
    ),
    click.option(
        "--store-root",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="Read the engine's store in DIR directly, without the engine.",
    ),
    click.option(
        "--pull",
        is_flag=True,
        help="Pull the image with Docker or Podman if it is not found locally.",
    ),
    click.option(
        "--max-download",
        metavar="SIZE",
        help="Fail instead of fetching more than this from a registry, such as 500MB.",
    ),
    _VERIFY,
    click.option("--no-duplicates", is_flag=True, help="Skip the search for duplicate files."),
    click.option("--no-cache", is_flag=True, help="Do not read or write the cache."),
    click.option(
        "--limit",
        "limit",
        metavar="NAME=NUMBER",
        multiple=True,
        help="Change a safety limit, for example layers=30000.",
    ),
)

_EXPLORER_OPTIONS = (
    click.option(
        "--dockerfile",
        type=click.Path(path_type=Path),
        metavar="PATH",
        help="The image's Dockerfile, to show it and to write fixes to it.",
    ),
    click.option("--theme", metavar="NAME", help="Color theme: dark, light, or a Textual theme."),
)


def dockerfile_option(function: _Function) -> _Function:
    """Add `--dockerfile`, for commands that report findings."""
    return click.option(
        "--dockerfile",
        type=click.Path(path_type=Path),
        metavar="PATH",
        help="The image's Dockerfile; findings refer to its lines.",
    )(function)


def headers_only_option(function: _Function) -> _Function:
    """Add `--headers-only`, for commands that can do without the layers."""
    return click.option(
        "--headers-only",
        is_flag=True,
        help="Fetch no layer from a registry: only manifest, config and tables of contents.",
    )(function)


def image_options(function: _Function) -> _Function:
    """Add the options that select an image and how it is read."""
    for option in reversed(_IMAGE_OPTIONS):
        function = option(function)
    return function


def several_images_options(function: _Function) -> _Function:
    """Add the options of `image_options` except --image and --verify: for many images, whose layers are always verified."""
    for option in reversed(_IMAGE_OPTIONS):
        if option not in (_IMAGE, _VERIFY):
            function = option(function)
    return function


def explorer_options(function: _Function) -> _Function:
    """Add the options of `image_options`, and those of the explorer."""
    for option in reversed(_EXPLORER_OPTIONS):
        function = option(function)
    return image_options(function)


def dockerfile_of(params: dict[str, Any]) -> Dockerfile | None:
    """The Dockerfile named by `--dockerfile`, or None. Raises `DockerfileError`."""
    path = params.get("dockerfile")
    if path is None:
        return None
    from layerscope.image.dockerfile import read_dockerfile

    return read_dockerfile(path)


def request_of(reference: str, progress: Progress, params: dict[str, Any]) -> Request:
    """The request built from the shared options. Raises `UsageError`."""
    if reference == "-" and sys.stdin is None:
        raise UsageError(
            "stdin is closed", hint="pipe an image in: docker save IMAGE | layerscope -"
        )
    from layerscope.image.platform import Platform
    from layerscope.settings import limits_from
    from layerscope.sources.base import Request

    platform = params["platform"]
    return Request(
        reference=reference,
        image=params.get("image"),
        platform=None if platform is None else Platform.parse(platform),
        limits=limits_from(params["limit"], settings=settings_of(params)),
        progress=progress,
        store_root=params["store_root"],
        pull=params["pull"],
        remote=settings_of(params).remote,
        max_download=bytes_of("--max-download", params["max_download"]),
        cache=store_of(params),
    )


def settings_of(params: dict[str, Any]) -> Settings:
    """The validated settings of file, environment and flags, read once per command. Raises `UsageError`."""
    context = click.get_current_context(silent=True)
    cached = {} if context is None else context.meta
    if _SETTINGS not in cached:
        cached[_SETTINGS] = _read_settings(params.get("theme"))
    settings: Settings = cached[_SETTINGS]
    return settings


def _read_settings(theme: str | None) -> Settings:
    from layerscope.settings import load_settings

    settings = load_settings()
    if settings.keys:
        from layerscope.tui.keys import changed_keys

        changed_keys(settings)
    if settings.rules:
        from layerscope.analysis.findings.rules import check_rules

        check_rules(settings.rules, lambda name: settings.place(f"rules.{name}"))
    if theme is not None:
        import msgspec

        settings = msgspec.structs.replace(settings, theme=theme, theme_place="--theme")
    if settings.theme is not None:
        from layerscope.tui.theme_names import check_theme

        check_theme(settings)
    return settings


def options_of(params: dict[str, Any], *, findings: bool = False) -> Options:
    """How to open the image; with `findings`, the rules run with the user's settings.

    Raises `DockerfileError` and `UsageError`.
    """
    from layerscope.opening.options import Options

    return Options(
        verify=params["verify"],
        duplicates=not params["no_duplicates"],
        rules=settings_of(params).rules if findings else None,
        dockerfile=dockerfile_of(params),
        headers_only=params.get("headers_only", False),
        cache=store_of(params),
    )


def is_any_given(context: click.Context, *names: str) -> bool:
    """Whether the command line has one of these options, by their parameter names."""
    sources = map(context.get_parameter_source, names)
    return any(source is ParameterSource.COMMANDLINE for source in sources)


def store_of(params: dict[str, Any]) -> Store | None:
    """The user's cache, opened once per command; None with `--no-cache`. Its problems are reported when the command ends."""
    context = click.get_current_context(silent=True)
    cached = {} if context is None else context.meta
    if params["no_cache"]:
        return None
    if _STORE not in cached:
        from layerscope.cli.cache import warn_if_unusable
        from layerscope.layers.user_store import user_store

        cached[_STORE] = user_store()
        if context is not None:
            context.call_on_close(partial(warn_if_unusable, cached[_STORE]))
    store: Store = cached[_STORE]
    return store


def bytes_of(option: str, value: str | None) -> int | None:
    """The number of bytes in an option's value. Raises `UsageError`."""
    if value is None:
        return None
    from layerscope.settings import parse_bytes

    try:
        return parse_bytes(value)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from None
