"""Starts the explorer in tests, and waits for what a user would wait for."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from textual.app import App
from textual.pilot import Pilot
from textual.widget import Widget
from textual.worker import WorkerCancelled

from layerscope.layers.store import Store
from layerscope.opening.options import Options
from layerscope.opening.remote import WORKER, RemoteImage
from layerscope.sources import Request
from layerscope.tui.app import LayerscopeApp
from layerscope.tui.explorer_app import ExplorerApp
from layerscope.tui.screens.main import MainScreen
from layerscope.tui.session import Session


def cache_of(image: Path) -> Path:
    """The cache folder of an image that many tests explore."""
    return image.with_name(f"{image.name}.cache")


def explorer(image: Path, *, worker: str = WORKER, **options: Any) -> LayerscopeApp:
    """The explorer on an image file, not running yet. It uses the cache folder beside the image, if there is one."""
    if cache_of(image).is_dir():
        options.setdefault("cache", Store(cache_of(image)))
    return exploring(Request(str(image)), Options(verify_small=False, **options), worker=worker)


def exploring(request: Request, options: Options, *, worker: str = WORKER) -> LayerscopeApp:
    """The explorer on any image."""
    remote = RemoteImage(request, options, worker=worker)
    return LayerscopeApp(Session(remote, remote.find(lambda candidates: candidates[0])))


async def loaded(pilot: Pilot[None]) -> MainScreen:
    """Wait until the image is loaded and analysed, and return the main screen."""
    await pilot.app.workers.wait_for_complete()
    screen = next(screen for screen in pilot.app.screen_stack if isinstance(screen, MainScreen))
    for _ in range(100):
        await pilot.pause()
        if screen.session.opened is not None and not screen.header.work:
            break
    for _ in range(3):
        await pilot.pause()
    return screen


async def settled(pilot: Pilot[None]) -> None:
    """Wait until there is no work in a thread, no message and no layout, and the screen no longer changes."""
    app = pilot.app
    assert isinstance(app, ExplorerApp)
    shown: list[list[str]] = []
    for _ in range(100):
        with suppress(WorkerCancelled):  # a newer worker replaced it
            await app.workers.wait_for_complete()
        await pilot.pause()
        shown.append(screen_text(app))
        if len(shown) > 2 and shown[-1] == shown[-2] == shown[-3] and not _is_busy(app):
            return


async def until(pilot: Pilot[None], holds: Callable[[], bool]) -> None:
    """Wait until a condition holds that pending messages bring about; fails if they do not."""
    for _ in range(100):
        await settled(pilot)
        if holds():
            return
    assert holds()


def _is_busy(app: ExplorerApp) -> bool:
    """Whether layouts, repaints or messages are pending."""
    screen = app.screen
    widgets = screen.walk_children(Widget, with_self=True)
    waiting = bool(screen._callbacks) or bool(app.message_queue_size)
    return waiting or any(
        widget._layout_required or widget._repaint_required or widget.message_queue_size
        for widget in widgets
    )


def screen_text(app: App[Any]) -> list[str]:
    """The text on screen, line by line."""
    width, height = app.size
    strips = app.screen._compositor.render_strips()
    return [
        "".join(segment.text for segment in strip)[:width].rstrip() for strip in strips[:height]
    ]


def number_of(session: Session, rule: str) -> int:
    """The number of the first finding of a rule."""
    assert session.findings is not None
    return [finding.rule for finding in session.findings.found].index(rule)
