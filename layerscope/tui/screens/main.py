"""The main screen: header, one view at a time, footer."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen
from textual.widgets import ContentSwitcher, Footer

from layerscope.tui.commands import bindings
from layerscope.tui.screens.explore import ExploreView
from layerscope.tui.session import Session
from layerscope.tui.view import VIEWS, ShowPath, View
from layerscope.tui.widgets.header import ImageHeader

FIRST_VIEW = VIEWS[0].name


class MainScreen(Screen[None]):
    """Shows a session; what the loader learns is handed on to the views that are open."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("view")
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]  # noqa: RUF012  # as Textual spells it
    DEFAULT_CSS = """
    MainScreen { background: $background; layout: vertical; }
    MainScreen > ContentSwitcher { height: 1fr; }
    MainScreen > Footer { background: $background; }
    MainScreen.-narrow {
        ExploreView { layout: vertical; }
        ExploreView > #left { width: 1fr; height: 2fr; border-right: none; }
        ExploreView > #left:focus-within { height: 3fr; }
        ExploreView > #left > #steps-pane { height: 1fr; }
        ExploreView > #left > #details-pane { display: none; }
        ExploreView > #files-pane { height: 3fr; border-top: solid $rule; }
    }
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.header = ImageHeader(
            session, {spec.name: f"{spec.key} {spec.title}" for spec in VIEWS}, id="header"
        )
        self._switcher = ContentSwitcher(initial=FIRST_VIEW)
        self._views: dict[str, View] = {FIRST_VIEW: VIEWS[0].make(session)}

    def compose(self) -> ComposeResult:
        yield self.header
        with self._switcher:
            yield self._views[FIRST_VIEW]
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        self.view.panes()[0].focus()

    # what the loader learns

    def image_changed(self) -> None:
        """The image is known in full, after an engine described it."""
        self.explore.steps.show_metadata(self.explore.steps.shows_metadata)
        self.layers_changed()

    def layers_changed(self) -> None:
        """A layer was read, or its digests were checked."""
        for view in self._views.values():
            view.layers_changed()
        self.header.refresh()

    def stacked(self) -> None:
        """All layers are stacked."""
        for view in self._views.values():
            view.stacked()
        self.header.refresh()

    def duplicates_found(self) -> None:
        """Files of equal content are known."""
        for view in self._views.values():
            view.duplicates_found()

    # views

    @property
    def view(self) -> View:
        """The view on screen."""
        return self._views[self._switcher.current or FIRST_VIEW]

    @property
    def explore(self) -> ExploreView:
        """The first view."""
        view = self._views[FIRST_VIEW]
        if not isinstance(view, ExploreView):
            raise TypeError
        return view

    async def show_view(self, name: str) -> View:
        """Open a view."""
        if name not in self._views:
            spec = next(spec for spec in VIEWS if spec.name == name)
            self._views[name] = spec.make(self.session)
            await self._switcher.mount(self._views[name])
        self._switcher.current = name
        self.header.show_view(name)
        view = self._views[name]
        panes = view.panes()
        if panes and not any(pane.has_focus_within for pane in panes):
            panes[0].focus()
        return view

    async def action_show_view(self, name: str) -> None:
        await self.show_view(name)

    @on(ImageHeader.ViewChosen)
    async def _view_chosen(self, event: ImageHeader.ViewChosen) -> None:
        await self.show_view(event.view)

    @on(ShowPath)
    async def _show_path(self, event: ShowPath) -> None:
        await self.show_view(FIRST_VIEW)
        self.explore.reveal(event.layer, event.path)

    def action_next_pane(self) -> None:
        self._move_pane(1)

    def action_previous_pane(self) -> None:
        self._move_pane(-1)

    def _move_pane(self, by: int) -> None:
        panes = self.view.panes()
        at = next((number for number, pane in enumerate(panes) if pane.has_focus_within), -by)
        if panes:
            panes[(at + by) % len(panes)].focus()

    async def action_back(self) -> None:
        """Leave a field, then the view; on the first view nothing."""
        if not self.view.back() and self._switcher.current != FIRST_VIEW:
            await self.show_view(FIRST_VIEW)
