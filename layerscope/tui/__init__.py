"""The explorer: the only package that imports Textual, and only when it runs."""

from __future__ import annotations

import gc
import os
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from layerscope import text
from layerscope.errors import CancelledError, ImageNotFoundError, LayerscopeError, prefix_errors
from layerscope.opening.allocator import limit_freed_memory
from layerscope.opening.options import Options
from layerscope.opening.remote import RemoteImage
from layerscope.settings import Settings, load_settings
from layerscope.sources.base import Candidate, Request

if TYPE_CHECKING:
    from layerscope.image.dockerfile import Dockerfile
    from layerscope.sources.registry.repository import Reference
    from layerscope.tui.fleet.state import Reader
    from layerscope.tui.preferences import Preferences
    from layerscope.words import ReleaseOrder

PAINTS = "120"
"""Maximum paints per second. Textual may wait two intervals between paints, and three or four before it responds to a key."""


def run_explorer(
    request: Request,
    options: Options,
    settings: Settings | None = None,
    dockerfile: Dockerfile | None = None,
) -> None:
    """Explore an image until the user quits; `dockerfile` is the image's Dockerfile, if known.

    Raises `LayerscopeError` if the image cannot be opened or a setting is invalid.
    """
    _prepare()
    from layerscope.sources.registry.repository import whole_repository

    if (repository := whole_repository(request.reference)) is not None:
        run_picker(request, options, settings, dockerfile, repository)
    else:
        _explore(request, options, _preferences(settings), dockerfile)


def run_picker(
    request: Request,
    options: Options,
    settings: Settings | None = None,
    dockerfile: Dockerfile | None = None,
    repository: Reference | None = None,
) -> None:
    """Let the user choose an image and explore it, or two and compare them; the reference in `request` is ignored.

    With a `repository`, the user chooses among its tags. Esc returns from an image to the picker, which also shows why an
    image could not be opened. Raises `LayerscopeError` for invalid settings, and if the tags cannot be listed.
    """
    _prepare()
    preferences = _preferences(settings)
    tags = None
    if repository is not None:
        from layerscope.sources.registry.tags import Tags

        with prefix_errors(request.reference):
            tags = Tags(request, repository)
    from layerscope.tui.picker import PickerApp

    picker = PickerApp(request, preferences, tags=tags)
    while (chosen := picker.run_in_terminal()) is not None:
        message, wants_another = "", True
        try:
            requests = [replace(request, reference=image.reference) for image in chosen]
            if len(requests) == 1:
                wants_another = _explore(requests[0], options, preferences, dockerfile, picked=True)
            else:
                names = [image.tags[0] if image.tags else image.reference for image in chosen]
                wants_another = _compare(requests, names, options, preferences, picked=True)
        except CancelledError:
            pass
        except LayerscopeError as error:
            message = error.message
        if not wants_another:
            return
        picker = PickerApp(request, preferences, error=message, previous=picker, tags=tags)


def run_served(
    request: Request,
    options: Options,
    settings: Settings,
    dockerfile: Dockerfile | None,
    *,
    writing: bool,
) -> None:
    """Explore an image for a page in a browser: without asking anything or starting other programs; files are written only if
    `writing`.

    Raises `LayerscopeError` if the image cannot be opened.
    """
    _prepare()
    from layerscope.channel.serving import end_with_parent

    end_with_parent(os.getppid())
    preferences = _preferences(settings, persist=writing)
    limit_freed_memory()
    with RemoteImage(request, replace(options, verify_small=False)) as remote:
        from layerscope.tui.app import LayerscopeApp  # while the worker finds the image
        from layerscope.tui.permissions import Permissions
        from layerscope.tui.session import Session

        session = Session(
            remote,
            remote.find(lambda candidates: candidates[0]),
            dockerfile=dockerfile,
            preferences=preferences,
            permissions=Permissions(writing=writing, programs=False),
        )
        LayerscopeApp(session).run_in_terminal()


def run_comparison(
    old: Request, new: Request, options: Options, settings: Settings | None = None
) -> None:
    """Explore the differences between two images until the user quits. Raises `LayerscopeError` if one cannot be opened."""
    _prepare()
    _compare((old, new), ("OLD", "NEW"), options, _preferences(settings))


def run_series(
    requests: Sequence[Request],
    order: ReleaseOrder,
    options: Options,
    settings: Settings | None = None,
) -> None:
    """Explore the releases of an image, and the differences between two of them. Raises `LayerscopeError`."""
    _prepare()
    limit_freed_memory()
    preferences = _preferences(settings)
    _take_keys_from_terminal()
    from layerscope.tui.series.app import SeriesApp, SeriesState

    state, wants_another = SeriesState(requests, order), True
    while wants_another:
        app = SeriesApp(state, options, preferences)
        app.run_in_terminal()
        if app.chosen is None:
            return
        pair = slice(app.chosen, app.chosen + 2)
        wants_another = _compare(
            requests[pair], state.names[pair], options, preferences, picked=True
        )


def run_fleet(
    read: Reader, request: Request, options: Options, settings: Settings | None = None
) -> None:
    """Explore many images together, and single ones of them, until the user quits.

    `read` reads the images in other processes; the reference in `request` is ignored. Raises `UsageError` for invalid settings.
    """
    _prepare()
    limit_freed_memory()
    preferences = _preferences(settings)
    _take_keys_from_terminal()
    from layerscope.fleet.tables import ImageRow
    from layerscope.tui.fleet.app import FleetApp
    from layerscope.tui.fleet.state import FleetState

    state, wants_another = FleetState(read), True
    while wants_another:
        app = FleetApp(state, preferences)
        app.run_in_terminal()
        if app.chosen is None or state.tables is None:
            return
        (image,) = state.tables.fleet.results.of_image(ImageRow, app.chosen)
        image_request = replace(request, reference=image.reference, image=image.name)
        try:
            wants_another = _explore(image_request, options, preferences, None, picked=True)
        except CancelledError:
            pass
        except LayerscopeError as error:
            state.open_error = error


def _prepare() -> None:
    """Set up the process before Textual is imported.

    Garbage collection is off until the first frame is drawn: objects created until then stay.
    """
    gc.disable()
    os.environ.setdefault("TEXTUAL_FPS", PAINTS)


def _preferences(settings: Settings | None, *, persist: bool = True) -> Preferences:
    """The user's preferences; `persist` saves later choices. Raises `UsageError` for invalid settings."""
    from layerscope.state import state_file
    from layerscope.tui.preferences import Preferences
    from layerscope.tui.theme_names import check_theme

    settings = load_settings() if settings is None else settings
    check_theme(settings)
    text.use_binary_sizes(settings.binary)
    return Preferences(settings, state_file(), persist=persist)


def _explore(
    request: Request,
    options: Options,
    preferences: Preferences,
    dockerfile: Dockerfile | None,
    *,
    picked: bool = False,
) -> bool:
    """Explore an image until the user leaves it. Returns whether the user wants another one, if it was `picked` from a list."""
    limit_freed_memory()
    with RemoteImage(request, replace(options, verify_small=False)) as remote:
        from layerscope.tui.app import LayerscopeApp  # while the worker finds the image
        from layerscope.tui.session import Session

        try:
            source = remote.find(partial(_ask, preferences))
        except LayerscopeError as error:
            if error.registry_reference is None or request.remote != "ask":
                raise
            _take_keys_from_terminal()
            if not _confirm_remote(error.registry_reference, request.reference):
                raise ImageNotFoundError(f"{request.reference} is not on this machine") from None
            reference = error.registry_reference
        else:
            _take_keys_from_terminal()
            session = Session(
                remote, source, dockerfile=dockerfile, preferences=preferences, picked=picked
            )
            app = LayerscopeApp(session)
            app.run_in_terminal()
            return app.chooses_another
    remote_request = replace(request, reference=reference)
    run_explorer(remote_request, options, preferences.settings, dockerfile)
    return False


def _confirm_remote(reference: str, written: str) -> bool:
    """Ask whether to open an image from its registry; `written` is its name as the user wrote it."""
    import click

    from layerscope.sources.registry.repository import whole_repository

    shown = text.safe_name(written)
    full = reference if whole_repository(reference) is None else f"{reference}, with its tags"
    click.echo(f"{shown} is not on this machine, but a registry may have it: {full}", err=True)
    return click.confirm("Open it from there?", err=True)


def _compare(
    requests: Sequence[Request],
    names: Sequence[str],
    options: Options,
    preferences: Preferences,
    *,
    picked: bool = False,
) -> bool:
    """Explore the differences between two images; `names` are for errors. Returns whether the user wants others, if they were
    `picked` from a list.
    """
    limit_freed_memory()
    options = replace(options, verify_small=False)
    with (
        RemoteImage(requests[0], options) as first,
        RemoteImage(requests[1], options) as second,
    ):
        from layerscope.tui.comparison.app import ComparisonApp  # while the workers find the images
        from layerscope.tui.session import Session

        def open_side(name: str, remote: RemoteImage) -> Session:
            with prefix_errors(name):
                source = remote.find(partial(_ask, preferences))
            return Session(remote, source, preferences=preferences, picked=picked)

        sides = open_side(names[0], first), open_side(names[1], second)
        _take_keys_from_terminal()
        app = ComparisonApp(*sides)
        app.run_in_terminal()
        return app.chooses_another


def _ask(preferences: Preferences, candidates: Sequence[Candidate]) -> Candidate | None:
    """Let the user choose one of several images."""
    _take_keys_from_terminal()
    from layerscope.tui.chooser import ChooserApp

    return ChooserApp(candidates, preferences).run_in_terminal()


def _take_keys_from_terminal() -> None:
    """Read keys from /dev/tty if stdin is not a terminal, for example because the image came from it."""
    if not os.isatty(0):
        terminal = os.open("/dev/tty", os.O_RDWR)
        os.dup2(terminal, 0)
        os.close(terminal)
