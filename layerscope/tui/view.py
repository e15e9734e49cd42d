"""What a view is, and the list of all views."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import cast

from textual.containers import Container
from textual.events import DescendantFocus
from textual.message import Message
from textual.widget import Widget

from layerscope.tui.guard import Guarded
from layerscope.tui.pointing import Pointed, Pressable
from layerscope.tui.session import Session


class View(Guarded, Container):
    """One way to look at the image. Made when it is first opened; hears of everything that becomes known."""

    DEFAULT_CSS = """
    View { background: $background; height: 1fr; }
    """

    def __init__(self, session: Session, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.session = session
        self.roomy: Widget | None = None
        """For which of its widgets the room is shared: what keys gave the focus, or were used in, last."""

    def panes(self) -> list[Widget]:
        """What Tab moves between; the first takes the focus when the view opens."""
        raise NotImplementedError

    def layers_changed(self) -> None:
        """A layer was read, or its digests were checked."""

    def stacked(self) -> None:
        """All layers are stacked and accounted: `session.opened` is there. Called on mount, too, if that is so."""

    def duplicates_found(self) -> None:
        """Files of equal content are known: `session.duplicates` is there."""

    def findings_found(self) -> None:
        """What to fix is known: `session.findings` is there."""

    def base_moved(self) -> None:
        """The user moved the end of the base image."""

    @property
    def wants_path(self) -> bool:
        """Whether it has nothing to show until it is given a path."""
        return False

    def show_path(self, path: int) -> None:
        """Show a path, in a view that is about one."""

    def pointed_at(self, pointed: Pointed) -> None:
        """The view was opened while the cursor of another one was on this path."""

    def show_version(self, version: int) -> None:
        """Look into the version in this row of the filesystem."""

    def back(self) -> bool:
        """Esc was pressed: leave a field or a mode. False if there is nothing to leave, and the view is to be left."""
        return False

    @property
    def can_go_back(self) -> bool:
        """Whether there is a mode that Esc would leave."""
        return False

    def useless(self) -> set[str]:
        """Ids of commands that would do nothing here and now: they are not offered."""
        return set()

    def go_to_pane(self, pane: Widget) -> None:
        """Give the focus to one of `panes`."""
        self.screen.set_focus(pane)

    def share_room(self) -> None:
        """Give `roomy` more room than the others, in a view that has little. Never called while the mouse is used:
        rows would move under it, between press and click or between two clicks."""

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        if not (isinstance(event.widget, Pressable) and event.widget.pressed):
            self._make_room(event.widget)

    def on_key(self) -> None:
        if self.screen.focused is not None:
            self._make_room(self.screen.focused)

    def _make_room(self, widget: Widget) -> None:
        if widget is not self.roomy:
            self.roomy = widget
            self.share_room()

    def on_mount(self) -> None:
        if self.session.opened is not None:
            self.stacked()
        if self.session.duplicates is not None:
            self.duplicates_found()
        if self.session.findings is not None:
            self.findings_found()


class ShowPath(Message):
    """Somebody wants to see a path in the file tree of a layer."""

    def __init__(self, path: int, layer: int) -> None:
        super().__init__()
        self.path = path
        self.layer = layer


class ShowStep(Message):
    """Somebody wants to see a step in Explore."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self.step = step
        """Its place among the image's steps."""


class ShowLife(Message):
    """Somebody wants to see what each layer did to a path."""

    def __init__(self, path: int) -> None:
        super().__init__()
        self.path = path


class FixesTicked(Message):
    """Findings were taken as fixed, or no longer: the image would weigh something else."""


@dataclass(frozen=True, slots=True)
class ViewSpec:
    """A view, loaded when it is first opened."""

    name: str
    title: str
    place: str
    """Module and class, as `module:Class`."""

    def make(self, session: Session) -> View:
        """The view itself."""
        module, _, name = self.place.partition(":")
        return cast("View", getattr(import_module(module), name)(session, id=self.name))


VIEWS: tuple[ViewSpec, ...] = (
    ViewSpec("explore", "Explore", "layerscope.tui.screens.explore:ExploreView"),
    ViewSpec("waste", "Waste", "layerscope.tui.screens.waste:WasteView"),
    ViewSpec("life", "Life", "layerscope.tui.screens.life:LifeView"),
    ViewSpec("find", "Find", "layerscope.tui.screens.find:FindView"),
    ViewSpec("file", "File", "layerscope.tui.screens.file:FileView"),
    ViewSpec("dockerfile", "Dockerfile", "layerscope.tui.screens.dockerfile:DockerfileView"),
    ViewSpec("map", "Map", "layerscope.tui.screens.map:MapView"),
    ViewSpec("findings", "Findings", "layerscope.tui.screens.findings:FindingsView"),
)
"""All views, in the order of the header."""
