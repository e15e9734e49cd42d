"""The main screen: header, one view at a time, footer."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import ContentSwitcher

from layerscope.tui.commands import bindings
from layerscope.tui.guard import Guarded, app_of
from layerscope.tui.pointing import ShowFile
from layerscope.tui.screens.explore import ExploreView
from layerscope.tui.screens.row_commands import RowCommands
from layerscope.tui.session import Session
from layerscope.tui.trail import Place, Trail
from layerscope.tui.view import (
    VIEWS,
    ChooseAnother,
    FixesTicked,
    ShowFinding,
    ShowLife,
    ShowPath,
    ShowStep,
    View,
)
from layerscope.tui.widgets.image_header import ImageHeader
from layerscope.tui.widgets.key_bar import KeyBar
from layerscope.tui.widgets.step_list import StepList

FIRST_VIEW = VIEWS[0].name
PATH_VIEWS = ("file", "life")
"""Views of one path: their keys open them for the row under the cursor."""


class MainScreen(RowCommands, Guarded, Screen[None]):
    """Shows an image in views, and passes the loader's results to the open ones."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("view", "path")
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]  # noqa: RUF012  # as Textual spells it
    DEFAULT_CSS = """
    MainScreen { background: $background; layout: vertical; }
    MainScreen > ContentSwitcher { height: 1fr; }
    MainScreen.-narrow {
        ExploreView { layout: vertical; }
        ExploreView > #left { width: 1fr; height: 3fr; }
        ExploreView.-files > #left { height: 2fr; }
        PackagesView { layout: vertical; }
        PackagesView > #packages-pane { width: 1fr; height: 3fr; }
        PackagesView > #package-files { width: 1fr; height: 2fr; border-left: none; border-top: solid $rule; }
        ExploreView #details-pane { display: none; height: 1fr; }
        ExploreView.-details #details-pane { display: block; }
        ExploreView.-details #above { display: none; }
        ExploreView.-details > #files-pane { height: 1fr; min-height: 5; }
        ExploreView > #left > #above-details { display: none; }
        ExploreView > #across { width: 1fr; height: 1; pointer: ns-resize; }
        ExploreView > #files-pane { height: 3fr; }
    }
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.header = ImageHeader(
            session,
            {spec.name: f"{session.key(f'view.{spec.name}')} {spec.title}" for spec in VIEWS},
            id="header",
        )
        self._switcher = ContentSwitcher(initial=FIRST_VIEW)
        self._trail = Trail(FIRST_VIEW)
        self._views: dict[str, View] = {FIRST_VIEW: VIEWS[0].make(session)}

    def compose(self) -> ComposeResult:
        yield self.header
        with self._switcher:
            yield self._views[FIRST_VIEW]
        yield KeyBar(self.session.preferences.keys, self._inactive_commands, self._footer_words)

    def on_mount(self) -> None:
        self.set_focus(self.view.panes()[0])

    def _compositor_refresh(self) -> None:
        """Paint. While the app starts, Textual would also paint, without showing it."""
        if self.app._batch_count:
            self.refresh()
        else:
            super()._compositor_refresh()

    # results of the loader

    def image_changed(self) -> None:
        """Update everything after an engine's export replaced the engine's description of the image."""
        self.explore.steps.show_metadata(self.explore.steps.shows_metadata)
        self.layers_changed()

    def layers_changed(self) -> None:
        """Update everything after a layer was read, or its digests were verified."""
        self._call_views(View.layers_changed)
        self.header.refresh()

    def stacked(self) -> None:
        """Update everything once all layers are stacked."""
        self._call_views(View.stacked)
        self.header.refresh()

    def duplicates_found(self) -> None:
        """Update the views once `session.duplicates` is set."""
        self._call_views(View.duplicates_found)

    def beside_found(self) -> None:
        """Update everything once the documents beside the image are read."""
        self._call_views(View.beside_found)
        self.header.refresh()

    def findings_found(self) -> None:
        """Update everything once `session.findings` is set."""
        self._call_views(View.findings_found)
        self.header.refresh()

    @on(StepList.BaseMoved)
    def _base_moved(self) -> None:
        self._call_views(View.base_moved)

    @on(FixesTicked)
    def _fixes_ticked(self) -> None:
        self.header.refresh()

    def _call_views(self, method: Callable[[View], None]) -> None:
        """Call a method of all views; an error in one does not stop the others."""
        for view in self._views.values():
            try:
                getattr(view, method.__name__)()
            except Exception as error:
                app_of(self).failed(error)

    # views

    @property
    def view(self) -> View:
        """The view on screen."""
        return self._views[self._switcher.current or FIRST_VIEW]

    @property
    def view_title(self) -> str:
        """The name of the view on screen."""
        return _title(self._switcher.current or FIRST_VIEW)

    @property
    def explore(self) -> ExploreView:
        """The first view."""
        view = self._views[FIRST_VIEW]
        if not isinstance(view, ExploreView):
            raise TypeError
        return view

    async def show_view(self, name: str, *, onward: bool = False) -> View:
        """Open a view. `back` returns to the current place if `onward` is set, otherwise to the first view."""
        here = self._current_place()
        if not onward:
            self._trail.restart(here, name)
        elif name != here.view:
            self._trail.push(here)
        return await self._open(name)

    async def _open(self, name: str, focus: Widget | None = None) -> View:
        """Show a view, with the focus on `focus` if it is part of the view, otherwise in one of its panes."""
        if name not in self._views:
            spec = next(spec for spec in VIEWS if spec.name == name)
            view = self._views[name] = spec.make(self.session)
            view.display = False  # until it replaces the current one
            await self._switcher.mount(view)
        self._switcher.current = name
        self.header.show_view(name)
        view = self._views[name]
        panes = view.panes()
        if focus is not None and focus in view.walk_children():
            self.set_focus(focus)
        elif panes and not any(pane.has_focus_within for pane in panes):
            self.set_focus(panes[0])
        self.refresh_bindings()
        return view

    def _current_place(self) -> Place:
        """The current place."""
        return Place(self._switcher.current or FIRST_VIEW, self.focused, self.view.restore_point())

    async def action_show_view(self, name: str) -> None:
        pointed = self.pointed()
        before = self.view
        view = await self.show_view(name, onward=name in PATH_VIEWS)
        path = pointed.path if pointed is not None else None
        if path is None and self.explore.files.confirmed:
            path = self.explore.files.path
        if view.wants_path and path is not None:
            view.show_path(path)
        if pointed is not None and view is not before:
            view.pointed_at(pointed)

    async def action_find(self) -> None:
        view = await self.show_view("find")
        self.set_focus(view.panes()[0])

    @on(ShowPath)
    async def _show_path(self, event: ShowPath) -> None:
        await self.show_view(FIRST_VIEW, onward=True)
        self.explore.reveal(event.layer, event.path)

    @on(ShowStep)
    async def _show_step(self, event: ShowStep) -> None:
        await self.show_view(FIRST_VIEW, onward=True)
        self.explore.show_step(event.step)

    @on(ShowFinding)
    async def _show_finding(self, event: ShowFinding) -> None:
        view = await self.show_view("findings", onward=True)
        view.show_finding(event.number)

    @on(ShowLife)
    async def _show_life(self, event: ShowLife) -> None:
        view = await self.show_view("life", onward=True)
        view.show_path(event.path)

    @on(ShowFile)
    async def _show_file(self, event: ShowFile) -> None:
        view = await self.show_view("file", onward=True)
        view.show_version(event.version, difference=event.difference)

    # the row under the cursor, and panes

    async def action_life(self) -> None:
        """Show the path under the cursor in Life."""
        pointed = self.pointed()
        if pointed is None:
            self.notify("No path under the cursor.", markup=False)
            return
        view = await self.show_view("life", onward=True)
        view.show_path(pointed.path)

    def action_next_pane(self) -> None:
        self._move_pane(1)

    def action_previous_pane(self) -> None:
        self._move_pane(-1)

    def _move_pane(self, by: int) -> None:
        panes = self.view.panes()
        at = next((number for number, pane in enumerate(panes) if pane.has_focus_within), -by)
        if panes:
            self.view.go_to_pane(panes[(at + by) % len(panes)])

    async def action_back(self) -> None:
        """Leave a field, then the view. On the first view, return to the picker if the image came from there."""
        if self.view.back():
            return
        place = self._trail.pop()
        if place is None:
            if self.session.picked:
                self.post_message(ChooseAnother())
            return
        await self._open(place.view, place.focus)
        place.restore()
        self.set_focus(place.focus)

    def _footer_words(self) -> dict[str, str]:
        """The footer text for `back`: where it returns to, or what it ends. Empty while it only cancels something."""
        if self.view.can_go_back:
            return {"app.back": self.view.back_words} if self.view.back_words else {}
        place = self._trail.last
        if place is None:
            return {"app.back": "Images"} if self.session.picked else {}
        return {"app.back": _title(place.view)}

    def _inactive_commands(self) -> set[str]:
        """Ids of commands that have no effect now."""
        inactive = self.view.inactive_commands() | self.session.permissions.refused
        if not (self._trail.last or self.view.can_go_back or self.session.picked):
            inactive.add("app.back")
        if len(self.view.panes()) < 2:
            inactive |= {"view.next_pane", "view.previous_pane"}
        if self.pointing is None or not self.pointing.points:
            inactive |= {"path.extract", "path.life"}
        if self.view.id != "file":
            inactive.add(
                "file.difference"
            )  # the footer has no room for a command that applies to few rows
        return inactive


def _title(name: str) -> str:
    """The title of a view."""
    return next(spec.title for spec in VIEWS if spec.name == name)
