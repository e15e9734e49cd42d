"""The explorer of one image: its screens, and the results of the loader."""

from __future__ import annotations

from msgspec.structs import replace
from textual import on, work
from textual.worker import get_current_worker

from layerscope import text
from layerscope.browse.marks import Marks
from layerscope.tui.explorer_app import ExplorerApp
from layerscope.tui.loader import (
    BesideFound,
    DuplicatesFound,
    Fetched,
    FindingsFound,
    LayerChecked,
    LayerRead,
    Stacked,
    TreeExpected,
    WorkDone,
    WorkFailed,
    load,
)
from layerscope.tui.screens.error import ErrorScreen
from layerscope.tui.screens.main import MainScreen
from layerscope.tui.session import Session
from layerscope.tui.switched_off import switched_off
from layerscope.tui.workers import ProgressMoved

BYTE_STAGES = ("Reading layers", "Comparing contents", "Checking digests")


class LayerscopeApp(ExplorerApp):
    """Explores one image."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.session = session
        self._layers_due = False

    def on_mount(self) -> None:
        self.show_main(MainScreen(self.session))
        self.call_after_refresh(self.load)  # after the first frame, which loading would delay

    @work(thread=True, exit_on_error=False, group="load")
    def load(self) -> None:
        """Read, stack and check the image in a thread."""
        worker = get_current_worker()
        load(self.session, self.post_message, lambda: worker.is_cancelled or self._leaving)

    @property
    def main(self) -> MainScreen | None:
        return next(
            (screen for screen in self.screen_stack if isinstance(screen, MainScreen)), None
        )

    @property
    def view_title(self) -> str:
        return self.screen.view_title if isinstance(self.screen, MainScreen) else ""

    # results of the loader

    @on(Fetched)
    def _fetched(self, event: Fetched) -> None:
        self.session.set_source(event.source)
        if self.main is not None:
            self.main.image_changed()

    @on(TreeExpected)
    def _tree_expected(self, event: TreeExpected) -> None:
        if self.main is not None and self.session.opened is None:
            self.main.explore.show_expected(event.filesystem)

    @on(LayerRead)
    def _layer_read(self, event: LayerRead) -> None:
        self.session.indexes[event.number] = event.index
        if not self._layers_due:  # cached layers arrive together: show them once
            self._layers_due = True
            self.call_later(self._show_layers)

    def _show_layers(self) -> None:
        self._layers_due = False
        if self.main is not None:
            self.main.layers_changed()

    @on(Stacked)
    def _stacked(self, event: Stacked) -> None:
        moved = self.session.set_stacked(event.opened)
        self.session.marks = Marks(event.wasted, off=switched_off(self.session.options))
        if self.main is not None:
            self.main.stacked()
            if moved:
                self.main.explore.steps.base_moved()
        self.warn_of_damage(event.opened.damages())
        self.warn_of_other_dockerfile(event.opened)

    @on(DuplicatesFound)
    def _duplicates_found(self, event: DuplicatesFound) -> None:
        self.session.duplicates, self.session.copies = event.duplicates, event.copies
        self.session.marks = replace(self.session.marks, duplicate=event.marked)
        if self.main is not None:
            self.main.duplicates_found()

    @on(BesideFound)
    def _beside_found(self, event: BesideFound) -> None:
        self.session.set_beside(event.opened)
        if self.main is not None:
            self.main.beside_found()

    @on(FindingsFound)
    def _findings_found(self, event: FindingsFound) -> None:
        self.session.findings, self.session.secrets = event.findings, event.findings.secrets
        self.session.marks = replace(
            self.session.marks,
            secret=event.secret,
            package=event.packages,
            off=switched_off(self.session.options, event.findings),
        )
        if self.main is not None:
            self.main.findings_found()

    @on(LayerChecked)
    def _layer_checked(self, event: LayerChecked) -> None:
        self.session.checked[event.number] = event.right
        if self.main is not None:
            self.main.layers_changed()

    @on(ProgressMoved)
    def _progress_moved(self, event: ProgressMoved) -> None:
        self.session.worker_is_idle = False
        if self.main is not None:
            self.main.header.show_work(_progress_words(event))

    @on(WorkDone)
    def _work_done(self) -> None:
        self.session.worker_is_idle = True
        if self.main is not None:
            self.main.header.show_work("")

    @on(WorkFailed)
    def _work_failed(self, event: WorkFailed) -> None:
        if self.main is not None:
            self.main.header.show_work("" if self.session.opened else "not read")
        self.push_screen(ErrorScreen(event.error))


def _progress_words(event: ProgressMoved) -> str:
    if not event.stage:
        return ""
    if not event.total:
        return f"{event.stage}… {text.size(event.done)}" if event.done else f"{event.stage}…"
    share = text.percent(min(event.done, event.total), event.total)
    if event.stage in BYTE_STAGES:
        return f"{event.stage} {share} of {text.size(event.total)}"
    return f"{event.stage} {share}"
