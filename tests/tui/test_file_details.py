"""Details of a file besides its content: duplicates, damage of its layer, and keys in the footer."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerscope.tui.screens.file import FileView
from tests.images import docker_archive, file, layer_tar, write
from tests.tui.explorer import explorer, loaded, screen_text, settled

WIDE = (120, 30)
ONE = layer_tar([file("a", b"same" * 9), file("b", b"same" * 9), file("other", b"x")])
TWO = layer_tar([file(f"c{number}", b"same" * 9) for number in range(12)])


@pytest.fixture
def copies(tmp_path: Path) -> Path:
    """Fourteen files of one content in two layers."""
    return write(tmp_path / "copies.tar", docker_archive([ONE, TWO]))


async def test_a_file_names_the_copies_of_its_content(copies: Path) -> None:
    """The facts number the file among its duplicates and list the others; a file without duplicates has no such line."""
    app = explorer(copies)
    async with app.run_test(size=WIDE) as pilot:
        screen = await loaded(pilot)
        explore = screen.explore
        explore.steps.select_layer(0)
        await pilot.press("tab", "s", "down", "enter")
        await settled(pilot)
        shown = "\n".join(screen_text(app))
        assert "/b" in shown
        assert "2nd of 14 copies with the same content: /a, /c0, /c1" in shown
        assert "…" in shown
        await pilot.press("escape", "down", "enter")
        await settled(pilot)
        shown = "\n".join(screen_text(app))
        assert "/other" in shown
        assert "same content" not in shown


async def test_rows_of_the_tree_number_their_duplicates(copies: Path) -> None:
    """The note stands beside the name of a duplicate, and of no other file."""
    app = explorer(copies)
    async with app.run_test(size=(160, 40)) as pilot:
        explore = (await loaded(pilot)).explore
        explore.steps.select_layer(1)
        await settled(pilot)
        lines = screen_text(app)
        assert any("c3" in line and "duplicate 8 of 14" in line for line in lines)
        explore.steps.select_layer(0)
        await settled(pilot)
        (other,) = [line for line in screen_text(app) if "other" in line]
        assert "copies" not in other


async def test_a_file_of_a_damaged_layer_names_the_damage(tmp_path: Path) -> None:
    """The damage of the layer is shown even if the content of the file is intact."""
    layer = layer_tar([file("a", b"one\n"), file("b", b"2" * 2000)])
    app = explorer(write(tmp_path / "cut.tar", docker_archive([ONE, layer[:1536]])))
    async with app.run_test(size=WIDE) as pilot:
        screen = await loaded(pilot)
        screen.explore.steps.select_layer(1)
        await pilot.press("tab", "enter")
        await settled(pilot)
        assert isinstance(screen.view, FileView)
        shown = "\n".join(screen_text(app))
        assert "layer 1 is damaged at byte 1,024 of its tar" in shown
        assert "one" in shown


async def test_an_unreadable_layer_is_not_called_empty(tmp_path: Path) -> None:
    """The tree shows why the layer cannot be read."""
    app = explorer(write(tmp_path / "cut.tar", docker_archive([ONE, b"no tar at all" * 999])))
    async with app.run_test(size=WIDE) as pilot:
        screen = await loaded(pilot)
        screen.explore.steps.select_layer(1)
        await settled(pilot)
        shown = "\n".join(screen_text(app))
        assert "empty" not in shown
        assert "This layer cannot be read: " in shown


async def test_keys_without_effect_are_not_in_the_footer(copies: Path) -> None:
    """The footer omits Difference without an earlier version, More for a fully read file, and Pane if there is only one."""
    app = explorer(copies)
    async with app.run_test(size=(160, 30)) as pilot:
        await loaded(pilot)
        await pilot.press("tab", "enter")
        await settled(pilot)
        line = screen_text(app)[-1]
        assert "t Bytes" in line
        assert "Difference" not in line
        assert "More" not in line
        assert "Pane" not in line
