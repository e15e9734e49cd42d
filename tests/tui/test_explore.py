"""Explore: steps, files, summary and details."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerscope.browse.choices import Mode, Sort
from layerscope.browse.tree import TreeView
from layerscope.opening.open import Opened
from layerscope.tui.app import LayerscopeApp
from layerscope.tui.screens.findings import FindingsView
from layerscope.tui.screens.life import LifeView
from layerscope.tui.widgets.summary_list import WastedFile
from tests.images import docker_archive, file, layer_tar, whiteout, write
from tests.tui.explorer import explorer, loaded, screen_text, settled

WIDE, SMALL = (160, 48), (80, 24)


@pytest.mark.parametrize("size", [WIDE, SMALL], ids=["wide", "small"])
async def test_figures_are_those_of_the_report(
    demo_image: Path, demo_opened: Opened, size: tuple[int, int]
) -> None:
    """Totals and waste on the first screen match the accounting."""
    accounting = demo_opened.accounting
    app = explorer(demo_image)
    async with app.run_test(size=size) as pilot:
        await loaded(pilot)
        top = screen_text(app)[0]
    assert f"{accounting.stored / 1e6:.1f} MB" in top
    share = f"{100 * accounting.wasted / accounting.stored:.1f} %"
    assert f"MB wasted ({share}) · efficiency " in top


async def test_steps_are_shown_before_any_layer_is_read(
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


async def test_metadata_steps_are_one_row_until_expanded(demo_image: Path) -> None:
    """The row counts them by instruction. Enter on it shows each of them, and `m` hides them again."""
    app = explorer(demo_image)
    async with app.run_test(size=WIDE) as pilot:
        screen = await loaded(pilot)
        steps, image = screen.explore.steps, screen.session.image
        hidden = [step for step in image.steps if step.layer is None]
        assert steps.row_count() == 1 + len(image.layers) + 1
        assert any(f"+{len(hidden)} metadata: CMD ×2, ENV ×2" in row for row in screen_text(app))
        await pilot.press("G", "enter")
        await settled(pilot)
        assert steps.row_count() == 1 + len(image.steps)
        assert steps.step == hidden[0]
        line = next(line for line in screen_text(app) if "ENV LANG" in line)
        assert "metadata" in line
        await pilot.press("m")
        assert not any("ENV LANG" in line for line in screen_text(app))


async def test_the_final_image_is_the_first_row(demo_image: Path, demo_opened: Opened) -> None:
    """The first row shows all files of the final image in any mode, and the totals and config of the image."""
    app = explorer(demo_image)
    async with app.run_test(size=WIDE) as pilot:
        explore = (await loaded(pilot)).explore
        await pilot.press("g")
        await settled(pilot)
        assert explore.files.view is not None
        assert explore.files.view.mode is Mode.UP_TO
        assert explore.files.view.layer == len(demo_opened.image.layers) - 1
        text = "\n".join(screen_text(app))
        assert f"{demo_opened.accounting.live / 1e6:.1f} MB live" in text
        assert "workdir  /app" in text


async def test_the_cursor_is_on_the_costliest_step_after_the_base(demo_image: Path) -> None:
    """Once a key was pressed, the cursor no longer follows the costliest step."""
    app = explorer(demo_image)
    async with app.run_test(size=WIDE) as pilot:
        explore = (await loaded(pilot)).explore
        assert explore.steps.step is not None
        assert explore.steps.step.layer == 1  # 18.2 MB; the base has layer 0
        await pilot.press("down")
        explore.layers_changed()
        explore.stacked()
        assert explore.steps.step.layer == 2


async def test_the_summary_opens_the_costliest_findings_and_files(demo_image: Path) -> None:
    """Secrets come first. Enter on a finding shows it in Findings, on a file its life."""
    app = explorer(demo_image, rules={})
    async with app.run_test(size=WIDE) as pilot:
        screen = await loaded(pilot)
        summary, findings = screen.explore.summary, screen.session.findings
        assert findings is not None
        first = summary.selected
        assert isinstance(first, int)
        assert findings.found[first].secret
        screen.set_focus(summary)
        await pilot.press("enter")
        await settled(pilot)
        assert isinstance(screen.view, FindingsView)
        assert screen.view.list.number == first
        await pilot.press("escape")
        await settled(pilot)
        assert summary.has_focus
        await pilot.press("G", "enter")
        await settled(pilot)
        assert isinstance(screen.view, LifeView)
        assert isinstance(summary.selected, WastedFile)
        assert screen.view.path == summary.selected.pointed.path


async def test_the_summary_of_an_image_without_waste_shows_a_message(tmp_path: Path) -> None:
    """The summary is not empty if there are no findings and no waste."""
    path = write(tmp_path / "image.tar", docker_archive([layer_tar([file("a", b"a")])]))
    app = explorer(path, rules={})
    async with app.run_test(size=WIDE) as pilot:
        await loaded(pilot)
        assert "No findings, and nothing is wasted." in "\n".join(screen_text(app))


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
    """`a` switches between changes and all files, `s` the order, `d` keeps only paths that the layer changes."""
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
    """`+` expands every directory, `-` collapses them."""
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
    """Tab goes from the steps to files, summary, details and back."""
    app = explorer(demo_image)
    async with app.run_test(size=SMALL) as pilot:
        screen = await loaded(pilot)
        assert screen.explore.steps.has_focus
        await pilot.press("tab")
        assert screen.explore.files.has_focus
        await pilot.press("tab")
        assert screen.explore.summary.has_focus
        await pilot.press("tab")
        assert screen.explore.details.has_focus
        await pilot.press("tab")
        assert screen.explore.steps.has_focus


async def test_enter_on_a_waste_record_shows_the_file_in_its_layer(demo_image: Path) -> None:
    """Enter in Waste opens Explore with the cursor on the file."""
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


async def test_escape_leaves_a_view_but_never_the_program(demo_image: Path) -> None:
    """Esc returns to the first view, where it does nothing."""
    app = explorer(demo_image)
    async with app.run_test(size=SMALL) as pilot:
        screen = await loaded(pilot)
        await pilot.press("2", "escape", "escape", "escape")
        assert screen.view is screen.explore
        assert app.is_running


async def test_an_image_without_layers_shows_a_message(tmp_path: Path) -> None:
    """The steps of an empty image show a message."""
    app = explorer(write(tmp_path / "empty.tar", docker_archive([], history=[])))
    async with app.run_test(size=WIDE) as pilot:
        await loaded(pilot)
        text = "\n".join(screen_text(app))
    assert "no history and no layers" in text
    assert "nothing wasted" in text


async def test_hostile_names_stay_text(tmp_path: Path) -> None:
    """Control and bidirectional characters in names are escaped, markup is shown as it is."""
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
    """The damage of a truncated layer is shown."""
    good = layer_tar([file("a", b"1"), file("b", b"2" * 2000)])
    app = explorer(write(tmp_path / "cut.tar", docker_archive([good[:1536]])))
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        await loaded(pilot)
        text = "\n".join(screen_text(app))
    assert "damaged" in text
    assert "truncated" in text


async def test_quitting_while_layers_are_read_does_not_wait(demo_image: Path) -> None:
    """`q` ends the program while layers are read."""
    app = explorer(demo_image)
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("q")
    assert not app.is_running
