"""The explorer of two images: opens both at the same time and compares them."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec.structs import replace
from textual import on, work
from textual.message import Message
from textual.worker import get_current_worker

from layerscope import text
from layerscope.analysis.compare.comparison import Comparison, compare, with_findings
from layerscope.browse.compared_tree import ComparedTree
from layerscope.errors import CancelledError
from layerscope.opening.opened import Opened
from layerscope.tui.comparison.screen import ComparedPair, ComparisonScreen
from layerscope.tui.explorer_app import ExplorerApp
from layerscope.tui.loader import FindingsFound, Stacked, WorkDone, WorkFailed, load
from layerscope.tui.screens.error import ErrorScreen
from layerscope.tui.session import Session
from layerscope.tui.workers import MessageProgress, ProgressMoved


@dataclass(eq=False, repr=False)
class SideMessage(Message):
    """A message about one of the images."""

    side: int
    """0 for the old one, 1 for the new one."""
    message: Message


@dataclass(eq=False, repr=False)
class Compared(Message):
    """The images were compared; findings and packages may follow."""

    comparison: Comparison
    tree: ComparedTree


class ComparisonApp(ExplorerApp):
    """Explores the differences between two images."""

    view_title = "Comparison"

    def __init__(self, old: Session, new: Session) -> None:
        super().__init__(old, new)
        names = (text.safe_name(old.image.title), text.safe_name(new.image.title))
        if names[0] == names[1]:
            names = (
                text.safe_name(old.request.reference),
                text.safe_name(new.request.reference),
            )
        self._screen = ComparisonScreen(names, self.keys, picked=new.picked)
        self.pair: ComparedPair | None = None

    @property
    def main(self) -> ComparisonScreen:
        return self._screen

    def on_mount(self) -> None:
        self.show_main(self.main)
        self.call_after_refresh(self._load_all)

    def _load_all(self) -> None:
        for side in range(len(self.sessions)):
            self._load(side)

    @work(thread=True, exit_on_error=False, group="load")
    def _load(self, side: int) -> None:
        worker = get_current_worker()
        load(
            self.sessions[side],
            lambda message: self.post_message(SideMessage(side, message)),
            lambda: worker.is_cancelled or self._leaving,
        )

    @on(SideMessage)
    def _side_message(self, event: SideMessage) -> None:
        session, message = self.sessions[event.side], event.message
        if isinstance(message, Stacked):
            session.opened = message.opened
            self.warn_of_damage(message.opened.damages())
            self._compare_when_ready()
        elif isinstance(message, FindingsFound) and session.opened is not None:
            session.findings = message.findings
            session.opened = replace(session.opened, findings=message.findings)
            self._show_findings()
        elif isinstance(message, ProgressMoved):
            share = (
                text.percent(min(message.done, message.total), message.total)
                if message.total
                else ""
            )
            self.main.show_work(
                f"{('Old', 'New')[event.side]} image: {message.stage.lower()} {share}"
            )
        elif isinstance(message, WorkDone):
            self.main.show_work("")
            if session.findings is None:
                self.main.without_findings()
        elif isinstance(message, WorkFailed):
            self.main.show_work("")
            self.push_screen(ErrorScreen(message.error))

    def _compare_when_ready(self) -> None:
        old, new = (session.opened for session in self.sessions)
        if old is not None and new is not None:
            self._compare(old, new)

    @work(thread=True, exit_on_error=False, group="compare")
    def _compare(self, old: Opened, new: Opened) -> None:
        worker = get_current_worker()
        progress = MessageProgress(self.post_message, lambda: worker.is_cancelled or self._leaving)
        limits = self.sessions[1].request.limits
        try:
            comparison = compare(old, new, progress, limits=limits)
        except CancelledError:
            return
        files = comparison.files
        tree = ComparedTree(files.table, files.paths, files.kinds, files.before, files.growth)
        self.post_message(Compared(comparison, tree))

    @on(ProgressMoved)
    def _progress_moved(self, event: ProgressMoved) -> None:
        self.main.show_work(f"{event.stage}…" if event.stage else "")

    @on(Compared)
    def _compared(self, event: Compared) -> None:
        old, new = (session.opened for session in self.sessions)
        if old is not None and new is not None:
            self.pair = ComparedPair(old, new, event.comparison, event.tree)
            self.main.show_work("")
            self.main.show_pair(self.pair)
            self._show_findings()

    def _show_findings(self) -> None:
        """Show findings and packages once both images have them."""
        old, new = (session.opened for session in self.sessions)
        if self.pair is None or old is None or new is None:
            return
        if old.findings is not None and new.findings is not None:
            comparison = with_findings(self.pair.comparison, old, new)
            self.pair = ComparedPair(old, new, comparison, self.pair.tree)
            self.main.show_pair(self.pair)
