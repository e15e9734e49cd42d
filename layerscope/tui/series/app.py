"""The explorer of a series: opens the releases one after the other, and shows what each update makes users download."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from textual import on, work
from textual.message import Message
from textual.worker import get_current_worker

from layerscope import text
from layerscope.analysis.series.hop import Hop
from layerscope.errors import CancelledError, LayerscopeError
from layerscope.opening.loading import Watcher
from layerscope.opening.opened import Opened
from layerscope.opening.options import Options
from layerscope.opening.remote import RemoteImage
from layerscope.opening.series import OpenedSeries, names_of, open_series
from layerscope.sources.base import Request
from layerscope.tui.explorer_app import ExplorerApp
from layerscope.tui.preferences import Preferences
from layerscope.tui.screens.error import ErrorScreen
from layerscope.tui.series.screen import SeriesScreen
from layerscope.tui.workers import MessageProgress, ProgressMoved
from layerscope.words import ReleaseOrder


class SeriesState(Struct):
    """The releases to compare, the results so far, and the cursor."""

    requests: Sequence[Request]
    """Oldest first."""
    order: ReleaseOrder = ReleaseOrder.GIVEN
    hops: list[Hop] = msgspec.field(default_factory=list)
    opened: OpenedSeries | None = None
    """The whole series, once all releases are compared."""
    row: int = 0
    """The row under the cursor."""

    @property
    def names(self) -> list[str]:
        """Names of the releases; not safe for a terminal."""
        return names_of(self.requests)


@dataclass(eq=False, repr=False)
class HopFound(Message):
    """A release was compared with its predecessor."""

    hop: Hop


@dataclass(eq=False, repr=False)
class SeriesOpened(Message):
    """All releases were compared."""

    opened: OpenedSeries


@dataclass(eq=False, repr=False)
class SeriesFailed(Message):
    """A release could not be opened."""

    error: LayerscopeError


class SeriesApp(ExplorerApp):
    """Explores the updates from release to release."""

    view_title = "Series of releases"

    def __init__(self, state: SeriesState, options: Options, preferences: Preferences) -> None:
        super().__init__(preferences=preferences)
        self.series_state = state
        self.chosen: int | None = None
        """The number of the hop whose releases are compared next; None if the user quits."""
        self._options = options
        self._screen = SeriesScreen(state.names, state.order, self.keys)
        self._open_images: list[RemoteImage] = []

    @property
    def main(self) -> SeriesScreen:
        return self._screen

    def on_mount(self) -> None:
        self.show_main(self.main)
        self.call_after_refresh(self._start)

    def _start(self) -> None:
        self.main.show(self.series_state.hops, self.series_state.opened, self.series_state.row)
        if self.series_state.opened is None:
            self.series_state.hops.clear()
            self._load()

    @work(thread=True, exit_on_error=False, group="load")
    def _load(self) -> None:
        worker = get_current_worker()

        def cancelled() -> bool:
            return worker.is_cancelled or self._leaving

        progress = MessageProgress(self.post_message, cancelled)
        requests = [replace(request, progress=progress) for request in self.series_state.requests]
        try:
            opened = open_series(
                requests,
                self._options,
                self.series_state.order,
                lambda hop: self.post_message(HopFound(hop)),
                self._opener(cancelled),
            )
        except CancelledError:
            return
        except LayerscopeError as error:
            self.post_message(SeriesFailed(error))
        else:
            self.post_message(SeriesOpened(opened))

    def _opener(self, cancelled: Callable[[], bool]) -> Callable[[Request, Options], Opened]:
        """Return a function that opens an image in its own process, and ends the processes of all but the last two."""

        def opened(request: Request, options: Options) -> Opened:
            while len(self._open_images) > 1:
                self._open_images.pop(0).close()
            remote = RemoteImage(request, options)
            self._open_images.append(remote)
            remote.report_to(request.progress)
            remote.find(lambda candidates: candidates[0])
            watcher = _StackedWatcher()
            remote.load(watcher, cancelled)
            if watcher.opened is None:
                raise CancelledError
            return watcher.opened

        return opened

    @on(HopFound)
    def _hop_found(self, event: HopFound) -> None:
        self.series_state.hops.append(event.hop)
        self.main.show(self.series_state.hops, None)

    @on(SeriesOpened)
    def _series_opened(self, event: SeriesOpened) -> None:
        self.series_state.opened = event.opened
        self.main.show_work("")
        self.main.show(self.series_state.hops, event.opened)
        self.warn_of_damage(event.opened.damages)

    @on(SeriesFailed)
    def _failed(self, event: SeriesFailed) -> None:
        self.main.show_work("")
        self.push_screen(ErrorScreen(event.error))

    @on(ProgressMoved)
    def _progress_moved(self, event: ProgressMoved) -> None:
        share = ""
        if event.total:
            share = f" {text.percent(min(event.done, event.total), event.total)}"
        self.main.show_work(f"{event.stage}{share}" if event.stage else "")

    @on(SeriesScreen.Compare)
    def _compare(self, event: SeriesScreen.Compare) -> None:
        self.chosen = event.hop
        self.series_state.row = event.hop + 1
        self.leave()

    def _close(self) -> None:
        super()._close()
        for remote in self._open_images:
            remote.close()


class _StackedWatcher(Watcher):
    """Keeps an image once it is stacked."""

    opened: Opened | None = None

    def stacked(self, opened: Opened) -> None:
        self.opened = opened
