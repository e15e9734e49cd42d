"""Keys that arrive all at once, as over a slow connection, act as if typed one by one."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.app import App, ComposeResult
from textual.events import Key
from textual.keys import key_to_character
from textual.pilot import Pilot

from layerscope.tui.widgets.field import TypingInput
from tests.tui.explorer import explorer, loaded, screen_text, settled

SIZE = (160, 48)


async def _burst(pilot: Pilot[None], *keys: str) -> list[str]:
    """Send keys without waiting in between, and return the screen afterwards."""
    for key in keys:
        pilot.app.post_message(Key(key, key_to_character(key)))
    await pilot.pause(0.3)  # searches supersede each other while typing
    await settled(pilot)
    return screen_text(pilot.app)


@pytest.mark.parametrize(
    ("before", "keys", "shown"),
    [
        pytest.param((), ("slash", *"passwd"), "/ passwd", id="filter"),
        pytest.param((), ("4", *"passwd"), "› passwd", id="find"),
        pytest.param((), ("ctrl+f", *"quit"), "› quit", id="find-anywhere"),
        pytest.param(("3",), ("slash", *"xyz"), "xyz", id="life"),
        pytest.param(
            ("4", *"app.py", "tab", "5"), ("slash", *"flask"), "flask", id="search"
        ),
    ],
)  # fmt: skip
async def test_letters_after_the_key_of_a_field_are_text(
    demo_image: Path, before: tuple[str, ...], keys: tuple[str, ...], shown: str
) -> None:
    """No letter is lost or runs a command: `q` does not quit."""
    app = explorer(demo_image)
    async with app.run_test(size=SIZE) as pilot:
        await loaded(pilot)
        await pilot.press(*before)
        await settled(pilot)
        lines = await _burst(pilot, *keys)
        field = app.focused
        assert field is not None
        assert getattr(field, "value", "").endswith("".join(keys[1:]))
        assert shown in "\n".join(lines)
        assert app.is_running


async def test_text_and_enter_keep_their_order(demo_image: Path) -> None:
    """A path followed by Enter shows its life; no letter of the path runs a command."""
    app = explorer(demo_image)
    async with app.run_test(size=SIZE) as pilot:
        screen = await loaded(pilot)
        await pilot.press("3")
        await settled(pilot)
        path = ("slash", "ctrl+u", "slash", *"etc", "slash", *"passwd", "enter")
        lines = "\n".join(await _burst(pilot, *path))
        assert "Life of /etc/passwd" in lines
        assert screen.view.query_one("#events").has_focus


class _FieldApp(App[None]):
    """An app with only a field."""

    def compose(self) -> ComposeResult:
        yield TypingInput()


@pytest.mark.parametrize("old", ["", "old"])
async def test_text_is_typed_before_the_field_hears_of_its_focus(old: str) -> None:
    """A key that arrives before the focus event replaces the old text; later keys are appended."""
    app = _FieldApp()
    async with app.run_test() as pilot:
        field = app.query_one(TypingInput)
        app.set_focus(None)
        await pilot.pause()
        field.value = old
        app.set_focus(field)
        await field.on_event(Key("s", "s"))
        await pilot.pause()
        await pilot.press("e", "t")
        assert field.value == "set"
        app.set_focus(None)
        await pilot.pause()
        app.set_focus(field)
        await pilot.pause()
        assert field.selected_text == "set"
