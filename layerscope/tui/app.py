"""The application: themes, the screens, the loader, and errors as dialogs."""

from __future__ import annotations

import sys
from typing import ClassVar

from textual import on, work
from textual.app import App
from textual.binding import BindingType
from textual.worker import get_current_worker

from layerscope import text
from layerscope.tui import theme
from layerscope.tui.commands import bindings
from layerscope.tui.loader import (
    DuplicatesFound,
    Fetched,
    LayerChecked,
    LayerRead,
    ProgressMoved,
    Stacked,
    WorkDone,
    WorkFailed,
    load,
)
from layerscope.tui.screens.error import ErrorScreen
from layerscope.tui.screens.main import MainScreen
from layerscope.tui.session import Session

SWITCH_INTERVAL = 0.0005
"""Seconds that Python work in a thread may hold the interpreter: short, so that keys are answered at once."""

BYTE_STAGES = ("Reading layers", "Comparing contents", "Checking digests")


class LayerscopeApp(App[None]):
    """Explores one image."""

    TITLE = "layerscope"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = bindings("app")

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        for known in theme.THEMES:
            self.register_theme(known)
        self.theme = theme.DARK.name

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return theme.variable_defaults(self.current_theme)

    def on_mount(self) -> None:
        sys.setswitchinterval(SWITCH_INTERVAL)
        self.push_screen(MainScreen(self.session))
        self.load()

    @work(thread=True, exit_on_error=False, group="load")
    def load(self) -> None:
        """Read, stack and check the image in a thread."""
        worker = get_current_worker()
        load(self.session, self.post_message, lambda: worker.is_cancelled)

    # what the loader learns

    @property
    def main(self) -> MainScreen | None:
        """The main screen."""
        return next(
            (screen for screen in self.screen_stack if isinstance(screen, MainScreen)), None
        )

    @on(Fetched)
    def _fetched(self, event: Fetched) -> None:
        self.session.take(event.source)
        if self.main is not None:
            self.main.image_changed()

    @on(LayerRead)
    def _layer_read(self, event: LayerRead) -> None:
        self.session.indexes[event.number] = event.index
        if self.main is not None:
            self.main.layers_changed()

    @on(Stacked)
    def _stacked(self, event: Stacked) -> None:
        self.session.opened = event.opened
        if self.main is not None:
            self.main.stacked()
        damages = event.opened.damages()
        if damages:
            self.notify(
                "\n".join(map(text.safe_name, damages[:3])),
                title="Damaged",
                severity="warning",
                timeout=10,
                markup=False,
            )

    @on(DuplicatesFound)
    def _duplicates_found(self, event: DuplicatesFound) -> None:
        self.session.duplicates = event.duplicates
        if self.main is not None:
            self.main.duplicates_found()

    @on(LayerChecked)
    def _layer_checked(self, event: LayerChecked) -> None:
        self.session.checked[event.number] = event.right
        if self.main is not None:
            self.main.layers_changed()

    @on(ProgressMoved)
    def _progress_moved(self, event: ProgressMoved) -> None:
        if self.main is not None:
            self.main.header.show_work(_progress_words(event))

    @on(WorkDone)
    def _work_done(self) -> None:
        if self.main is not None:
            self.main.header.show_work("")

    @on(WorkFailed)
    def _work_failed(self, event: WorkFailed) -> None:
        self._work_done()
        self.push_screen(ErrorScreen(event.error))

    # commands

    def action_help(self) -> None:
        from layerscope.tui.screens.help import HelpScreen

        self.push_screen(HelpScreen())

    def action_toggle_theme(self) -> None:
        self.theme = theme.LIGHT.name if self.current_theme.dark else theme.DARK.name

    async def action_quit(self) -> None:
        self.workers.cancel_all()
        self.exit()


def _progress_words(event: ProgressMoved) -> str:
    if not event.total:
        return f"{event.stage}… {text.size(event.done)}" if event.done else f"{event.stage}…"
    share = text.percent(min(event.done, event.total), event.total)
    if event.stage in BYTE_STAGES:
        return f"{event.stage} {share} of {text.size(event.total)}"
    return f"{event.stage} {share}"
