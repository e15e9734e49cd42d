"""The base class of views, and the list of all views."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import cast

from msgspec import Struct
from textual.containers import Container
from textual.events import DescendantFocus
from textual.message import Message
from textual.widget import Widget

from layerscope.tui.guard import Guarded
from layerscope.tui.pointing import Pointed, Pointing, Pressable
from layerscope.tui.session import Session


class View(Guarded, Container):
    """One view of the image. Created when it is first opened; its methods are called as results arrive."""

    DEFAULT_CSS = """
    View { background: $background; height: 1fr; }
    """

    def __init__(self, session: Session, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.session = session
        self.active_pane: Widget | None = None
        """The pane that gets more room: the last one that was focused or used by keys."""

    def panes(self) -> list[Widget]:
        """The panes that Tab cycles through; the first has the focus when the view opens."""
        raise NotImplementedError

    def layers_changed(self) -> None:
        """Called when a layer was read, or its digests were verified."""

    def stacked(self) -> None:
        """Called when all layers are stacked and accounted: `session.opened` is set. Also called on mount if it is set already."""

    def duplicates_found(self) -> None:
        """Called when `session.duplicates` is set; also on mount."""

    def beside_found(self) -> None:
        """Called when `session.image` has the documents stored beside the image."""

    def findings_found(self) -> None:
        """Called when `session.findings` is set; also on mount."""

    def base_moved(self) -> None:
        """Called when the end of the base image moved."""

    @property
    def searched_list(self) -> Pointing | None:
        """The list that the field of this view searches or filters. Commands for a row act on it while the field has the focus."""
        return None

    @property
    def wants_path(self) -> bool:
        """Whether the view needs a path, and has none."""
        return False

    def show_path(self, path: int) -> None:
        """Show another path; only in views of a single path."""

    def pointed_at(self, pointed: Pointed) -> None:
        """Called when the view opens while the cursor of another view is on this path."""

    def show_version(self, version: int, *, difference: bool = False) -> None:
        """Show the version in this row of the filesystem, or its `difference` from the one before."""

    def show_finding(self, number: int) -> None:
        """Show a finding, by its number among all."""

    def restore_point(self) -> Callable[[], None]:
        """Return a function that restores what is shown now. Lists keep their rows and cursors themselves."""
        return lambda: None

    def back(self) -> bool:
        """Leave a field or a mode. Returns False if there is neither; then the view itself is left."""
        return False

    @property
    def can_go_back(self) -> bool:
        """Whether `back` would leave a field or mode."""
        return False

    @property
    def back_words(self) -> str:
        """The footer text for `back` while it leaves a field or mode; empty for the usual text."""
        return ""

    def inactive_commands(self) -> set[str]:
        """Ids of commands that have no effect now; the footer hides them."""
        return set()

    def go_to_pane(self, pane: Widget) -> None:
        """Give the focus to one of `panes`."""
        self.screen.set_focus(pane)

    def resize_panes(self) -> None:
        """Give `active_pane` more room than the others in a small view. Not called while the mouse is used:
        rows would move between press and click, or between two clicks."""

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        if not (isinstance(event.widget, Pressable) and event.widget.pressed):
            self._set_active_pane(event.widget)

    def on_key(self) -> None:
        if self.screen.focused is not None:
            self._set_active_pane(self.screen.focused)

    def _set_active_pane(self, widget: Widget) -> None:
        if widget is not self.active_pane:
            self.active_pane = widget
            self.resize_panes()

    def on_mount(self) -> None:
        if self.session.opened is not None:
            self.stacked()
        if self.session.duplicates is not None:
            self.duplicates_found()
        if self.session.findings is not None:
            self.findings_found()


class ShowPath(Message):
    """Request to show a path in the file tree of a layer."""

    def __init__(self, path: int, layer: int) -> None:
        super().__init__()
        self.path = path
        self.layer = layer


class ShowStep(Message):
    """Request to show a step in Explore."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self.step = step
        """Index among the image's steps."""


class ShowLife(Message):
    """Request to show a path in Life."""

    def __init__(self, path: int) -> None:
        super().__init__()
        self.path = path


class ShowFinding(Message):
    """Request to show a finding in Findings."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number
        """Its number among all findings."""


class ChooseAnother(Message):
    """Request to return to the picker."""


class FixesTicked(Message):
    """Findings were marked as fixed, or unmarked."""


class ViewSpec(Struct, frozen=True):
    """A view, imported when it is first opened."""

    name: str
    title: str
    place: str
    """Module and class, as `module:Class`."""

    def make(self, session: Session) -> View:
        """Create the view."""
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
    ViewSpec("packages", "Packages", "layerscope.tui.screens.packages:PackagesView"),
)
"""All views, in the order of the header."""
