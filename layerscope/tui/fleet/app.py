"""The explorer of many images: has them read, and shows tables about all of them."""

from __future__ import annotations

from dataclasses import dataclass

from textual import on, work
from textual.message import Message
from textual.worker import get_current_worker

from layerscope import text
from layerscope.errors import CancelledError, LayerscopeError
from layerscope.report.fleet_rows import FleetTables
from layerscope.report.fleet_table import FleetTable
from layerscope.tui.explorer_app import ExplorerApp
from layerscope.tui.fleet.screen import FleetScreen
from layerscope.tui.fleet.state import FleetState, all_tables
from layerscope.tui.paint import bar
from layerscope.tui.preferences import Preferences
from layerscope.tui.screens.error import ErrorScreen
from layerscope.tui.workers import MessageProgress, ProgressMoved

_BAR = 24


@dataclass(eq=False, repr=False)
class FleetRead(Message):
    """All images were read."""

    tables: FleetTables
    by_name: dict[str, FleetTable]


@dataclass(eq=False, repr=False)
class FleetFailed(Message):
    """The images could not be read."""

    error: LayerscopeError


class FleetApp(ExplorerApp):
    """Explores many images together."""

    view_title = "Many images"

    def __init__(self, state: FleetState, preferences: Preferences) -> None:
        super().__init__(preferences=preferences)
        self.fleet_state = state
        self.chosen: int | None = None
        """The number of the image to explore next; None if the user quits."""
        self._screen = FleetScreen(state, self.keys)
        self._layers = (0, 0)
        """The number of distinct layers read so far, and of all."""

    @property
    def main(self) -> FleetScreen:
        return self._screen

    def on_mount(self) -> None:
        self.show_main(self.main)
        self.call_after_refresh(self._start)

    def _start(self) -> None:
        if self.fleet_state.tables is None:
            self._load()
        error, self.fleet_state.open_error = self.fleet_state.open_error, None
        if error is not None:
            self.push_screen(ErrorScreen(error))

    @work(thread=True, exit_on_error=False, group="load")
    def _load(self) -> None:
        worker = get_current_worker()
        progress = MessageProgress(self.post_message, lambda: worker.is_cancelled or self._leaving)

        def watch(done: int, total: int) -> None:
            self._layers = done, total
            progress.advance(0)

        try:
            fleet = self.fleet_state.read(progress, watch)
            progress.stage("Sorting")
            tables = FleetTables(fleet, binary=text.uses_binary_sizes())
            self.post_message(FleetRead(tables, all_tables(tables)))
        except CancelledError:
            return
        except LayerscopeError as error:
            self.post_message(FleetFailed(error))

    @on(FleetRead)
    def _fleet_read(self, event: FleetRead) -> None:
        self.fleet_state.take(event.tables, event.by_name)
        self.main.fleet_read()

    @on(FleetFailed)
    def _fleet_failed(self, event: FleetFailed) -> None:
        self.main.fleet_failed()
        self.push_screen(ErrorScreen(event.error))

    @on(ProgressMoved)
    def _progress_moved(self, event: ProgressMoved) -> None:
        work = f"{event.stage}…"
        if event.total:
            work = f"{event.stage}: {event.done:,} of {event.total:,}"
            work += f"\n{bar(event.done / event.total, _BAR).rstrip() or ' '}"
        done, layers = self._layers
        if layers:
            work += f"\n{done:,} of {text.count_of(layers, 'distinct layer')}"
        self.main.show_work(work)

    @on(FleetScreen.OpenImage)
    def _open(self, event: FleetScreen.OpenImage) -> None:
        self.chosen = event.image
        self.leave()
