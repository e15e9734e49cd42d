"""Explore: what a user sees and does with steps, files and details."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerscope.browse.modes import Mode
from layerscope.browse.ordering import Sort
from layerscope.browse.tree import TreeView
from layerscope.opening.open import Opened
from layerscope.tui.app import LayerscopeApp
from tests.images import docker_archive, file, layer_tar, whiteout, write
from tests.tui.explorer import explorer, loaded, screen_text

WIDE, SMALL = (160, 48), (80, 24)


@pytest.mark.parametrize("size", [WIDE, SMALL], ids=["wide", "small"])
async def test_figures_are_those_of_the_report(
    demo_image: Path, demo_opened: Opened, size: tuple[int, int]
) -> None:
    """Totals and waste on the first screen are the accounting's."""
    accounting = demo_opened.accounting
    app = explorer(demo_image)
    async with app.run_test(size=size) as pilot:
        await loaded(pilot)
        top = screen_text(app)[0]
    assert f"{accounting.stored / 1e6:.1f} MB" in top
    assert f"{accounting.wasted / 1e6:.1f} MB wasted" in top
    assert f"{100 * accounting.efficiency:.1f} %" in top


async def test_steps_are_there_before_any_layer_is_read(
    demo_image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first frame shows every step from manifest and config alone."""
    monkeypatch.setattr(LayerscopeApp, "load", lambda _: None)
    app = explorer(demo_image)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.pause()
        text = "\n".join(screen_text(app))
    assert "COPY requirements.txt" in text
    assert "RUN apt-get update" in text
    assert "Available once all layers are read" in text


async def test_metadata_steps_say_so_and_can_be_hidden(demo_image: Path) -> None:
    """Steps without a layer show 0 B and the word metadata; m hides and shows them."""
    app = explorer(demo_image)
    async with app.run_test(size=WIDE) as pilot:
        screen = await loaded(pilot)
        rows = screen.explore.steps.row_count()
        line = next(line for line in screen_text(app) if "ENV LANG" in line)
        assert "0 B" in line
        assert "metadata" in line
        await pilot.press("m")
        assert not any("ENV LANG" in line for line in screen_text(app))
        assert screen.explore.steps.row_count() == len(screen.session.image.layers) < rows
        await pilot.press("m")
        assert screen.explore.steps.row_count() == rows


async def test_selecting_a_step_shows_its_layer(demo_image: Path) -> None:
    """The tree follows the cursor in the steps, and expansion survives."""
    app = explorer(demo_image)
    async with app.run_test(size=WIDE) as pilot:
        screen = await loaded(pilot)
        explore = screen.explore
        assert explore.files.view is not None
        explore.steps.select_layer(5)
        await pilot.pause()
        assert explore.files.view.layer == 5
        explore.files.focus()
        await pilot.press("enter", "down")
        opened = explore.files.view.row(0)
        assert opened.expanded
        explore.steps.select_layer(6)
        await pilot.pause()
        row = explore.files.view.index_of(opened.path)
        assert row is not None
        assert explore.files.view.row(row).expanded
        assert any("attributes only" in line for line in screen_text(app))


async def test_mode_sort_and_changed_only(demo_image: Path) -> None:
    """a switches between changes and all, s the order, d leaves what the layer touches."""
    app = explorer(demo_image)
    async with app.run_test(size=WIDE) as pilot:
        screen = await loaded(pilot)
        explore = screen.explore

        def view() -> TreeView:
            shown = explore.files.view
            assert shown is not None
            return shown

        explore.steps.select_layer(7)
        await pilot.pause()
        changes = view().present
        await pilot.press("a")
        assert view().mode is Mode.UP_TO
        assert view().present > changes
        await pilot.press("s")
        assert view().sort is Sort.NAME
        await pilot.press("d")
        assert view().changed_only
        assert "changed only" in "\n".join(screen_text(app))


async def test_plus_and_minus_open_and_close_everything(demo_image: Path) -> None:
    """+ opens every directory, - closes them again, and the cursor stays near."""
    app = explorer(demo_image)
    async with app.run_test(size=WIDE) as pilot:
        screen = await loaded(pilot)
        files = screen.explore.files
        files.focus()
        closed = files.row_count()
        await pilot.press("plus")
        assert files.row_count() > 1000
        await pilot.press("G")
        assert files.cursor == files.row_count() - 1
        await pilot.press("minus")
        assert files.row_count() == closed


async def test_tab_moves_between_panes(demo_image: Path) -> None:
    """Tab goes from steps to files, to details and back."""
    app = explorer(demo_image)
    async with app.run_test(size=SMALL) as pilot:
        screen = await loaded(pilot)
        assert screen.explore.steps.has_focus
        await pilot.press("tab")
        assert screen.explore.files.has_focus
        await pilot.press("tab")
        assert screen.explore.details.has_focus
        await pilot.press("tab")
        assert screen.explore.steps.has_focus


async def test_enter_on_waste_shows_the_file_in_its_layer(demo_image: Path) -> None:
    """From a waste record to the file, where it is stored."""
    app = explorer(demo_image)
    async with app.run_test(size=WIDE) as pilot:
        screen = await loaded(pilot)
        await pilot.press("2")
        await pilot.pause()
        assert "seed-data.sql" in "\n".join(screen_text(app))
        await pilot.press("enter")
        await pilot.pause()
        explore = screen.explore
        assert screen.view is explore
        assert explore.files.view is not None
        assert explore.files.path is not None
        assert (
            explore.files.view.filesystem.table.full(explore.files.path)
            == b"app/assets/seed-data.sql"
        )


async def test_escape_leaves_a_view_and_never_the_program(demo_image: Path) -> None:
    """Esc goes back to the first view, where it does nothing."""
    app = explorer(demo_image)
    async with app.run_test(size=SMALL) as pilot:
        screen = await loaded(pilot)
        await pilot.press("2", "escape", "escape", "escape")
        assert screen.view is screen.explore
        assert app.is_running


async def test_an_image_without_layers_shows_a_message(tmp_path: Path) -> None:
    """An empty image shows a message."""
    app = explorer(write(tmp_path / "empty.tar", docker_archive([], history=[])))
    async with app.run_test(size=WIDE) as pilot:
        await loaded(pilot)
        text = "\n".join(screen_text(app))
    assert "no history and no layers" in text
    assert "nothing wasted" in text


async def test_hostile_names_stay_text(tmp_path: Path) -> None:
    """Escapes, markup, bidirectional and wide characters of names never act."""
    names = [
        "\x1b[31mred",
        "[bold]x[id]",
        "a\nb",
        "\u202egnp.exe",
        "漢字" * 30,
        "x" * 200,
        "\x9b2J",
    ]
    layers = [
        layer_tar([file(name, b"1") for name in names] + [file(b"\xff\xfe", b"2")]),
        layer_tar([whiteout("a\nb")]),
    ]
    app = explorer(write(tmp_path / "hostile.tar", docker_archive(layers)))
    async with app.run_test(size=WIDE) as pilot:
        await loaded(pilot)
        lines = screen_text(app)
    text = "".join(lines)
    assert not any(
        ord(character) < 32 or 127 <= ord(character) < 160 or character == "\u202e"
        for character in text
    )
    assert "\\e[31mred" in text
    assert "[bold]x[id]" in text
    assert "a\\nb" in text
    assert "\\xff\\xfe" in text


async def test_a_damaged_layer_is_shown_and_reported(tmp_path: Path) -> None:
    """What could be read is shown, the damage is said."""
    good = layer_tar([file("a", b"1"), file("b", b"2" * 2000)])
    app = explorer(write(tmp_path / "cut.tar", docker_archive([good[:1536]])))
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        await loaded(pilot)
        text = "\n".join(screen_text(app))
    assert "damaged" in text
    assert "truncated" in text


async def test_quitting_while_layers_are_read_does_not_wait(demo_image: Path) -> None:
    """q ends the program although the loader is at work."""
    app = explorer(demo_image)
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("q")
    assert not app.is_running
