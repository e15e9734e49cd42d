"""Every frame between a key press and the final screen, not only the last one."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from textual._compositor import CompositorUpdate
from textual.screen import Screen

from layerscope.tui.app import LayerscopeApp
from layerscope.tui.view import VIEWS, View
from layerscope.tui.widgets.line_list import LineList
from layerscope.tui.widgets.step_list import StepList
from tests.emulator import Emulator
from tests.tui.explorer import explorer, loaded, screen_text, settled, until

SIZE = (160, 48)
Observed = TypeVar("Observed")


def watched(app: LayerscopeApp, look: Callable[[], Observed]) -> list[Observed]:
    """A list that gets the result of `look` after each paint."""
    frames: list[Observed] = []
    app.post_display_hook = lambda: frames.append(look())  # type: ignore[method-assign]
    return frames


def shown_views(app: LayerscopeApp) -> list[str | None]:
    """Ids of the visible views."""
    widgets = app.screen._compositor.visible_widgets
    return [widget.id for widget in widgets if isinstance(widget, View)]


async def test_no_frame_shows_two_views(demo_image: Path) -> None:
    """No frame shows two views: neither when one is opened, for the first time or again, nor on Esc."""
    app = explorer(demo_image)
    frames = watched(app, lambda: shown_views(app))
    async with app.run_test(size=SIZE) as pilot:
        await loaded(pilot)
        before = VIEWS[0].name
        for spec in [*VIEWS[1:], *VIEWS]:
            frames.clear()
            await app.run_action(f"screen.show_view('{spec.name}')")
            await settled(pilot)
            assert [spec.name] in frames
            assert all(frame in ([before], [spec.name]) for frame in frames), frames
            before = spec.name
        frames.clear()
        await app.run_action("screen.back")
        await settled(pilot)
        assert {tuple(frame) for frame in frames} <= {(before,), (VIEWS[0].name,)}


def shown_step(app: LayerscopeApp) -> tuple[int, str]:
    """The row under the cursor of the steps, and the step that the details show."""
    steps = app.screen.query_one(StepList)
    details = re.search(r"Step (\d+) ", "\n".join(screen_text(app)))
    return steps.cursor, details[1] if details else ""


async def test_panes_follow_once_the_cursor_rests(
    demo_image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a key is held, only the cursor moves after the first row. The panes follow on another key, or after a pause."""
    app = explorer(demo_image)
    async with app.run_test(size=SIZE) as pilot:
        await loaded(pilot)
        await pilot.press("g")
        await settled(pilot)
        frames = watched(app, lambda: shown_step(app))
        await pilot.press("down")
        await settled(pilot)
        row, step = frames[-1]
        assert (row, step) == (1, "0")
        monkeypatch.setattr(LineList, "rest_seconds", 3600)
        frames.clear()
        await pilot.press("down", "down", "down")
        await settled(pilot)
        assert frames
        assert {step for _, step in frames} == {"0"}
        assert frames[-1] == (4, "0")
        await pilot.press("tab")
        await settled(pilot)
        assert frames[-1][0] == 4
        assert frames[-1][1] != "0"
        monkeypatch.setattr(LineList, "rest_seconds", 0.2)
        await pilot.press("shift+tab", "up", "up", "up")
        await until(pilot, lambda: frames[-1] == (1, "0"))


async def test_sent_changes_add_up_to_the_whole_screen(
    demo_image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Changes sent in views, fields, dialogs and after a theme switch give the same cells as a full repaint."""
    app = explorer(demo_image)
    width, height = SIZE
    terminal = Emulator(width, height)

    def display(self: LayerscopeApp, screen: Screen[object], update: object) -> None:
        if isinstance(update, CompositorUpdate):
            changes = self._changes(screen, update)
            terminal.send(changes.words if changes else "")

    monkeypatch.setattr(LayerscopeApp, "_display", display)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await loaded(pilot)
        for keys in (
            "g down down tab plus end pageup",
            "slash p y escape escape",
            "2 down 3",
            "4 a b escape down pagedown",
            "6 7 right enter",
            "8 down space 9 end",
            "question_mark",
            "escape ctrl+p s c r",
            "escape ctrl+t y",
        ):
            await pilot.press(*keys.split())
            await settled(pilot)
            whole = app.screen._compositor.render_update(
                full=True, screen_stack=app._background_screens
            )
            assert isinstance(whole, CompositorUpdate)
            expected = Emulator(width, height)
            expected.send(whole.render_segments(app.console))
            assert terminal.cells() == expected.cells(), keys
