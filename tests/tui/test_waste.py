"""Waste: groups, records, duplicates, and opening their files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from layerscope.analysis.grouping import GroupBy
from layerscope.tui.screens import waste as waste_screen
from layerscope.tui.screens.main import MainScreen
from layerscope.tui.screens.waste import WasteView
from layerscope.tui.widgets.fact_strip import fact_lines
from tests.images import docker_archive, file, hardlink, layer_tar, symlink, whiteout, write
from tests.tui.explorer import explorer, loaded, screen_text, settled

WIDE, SMALL = (160, 48), (80, 24)
Compare = Callable[..., bool]


async def waste_view(pilot: Pilot[None]) -> tuple[MainScreen, WasteView]:
    """The main screen with Waste open."""
    screen = await loaded(pilot)
    await pilot.press("2")
    await pilot.pause()
    assert isinstance(screen.view, WasteView)
    return screen, screen.view


def path_shown(screen: MainScreen) -> str:
    """The path under the cursor of the file tree."""
    files = screen.explore.files
    assert files.view is not None
    assert files.path is not None
    return files.view.filesystem.table.full(files.path).decode()


async def test_b_cycles_through_the_groupings(demo_image: Path) -> None:
    """`b` groups by reason, instruction and directory in turn, as the title shows."""
    app = explorer(demo_image)
    async with app.run_test(size=WIDE) as pilot:
        _, view = await waste_view(pilot)
        for words in ("by reason", "by instruction", "by directory", "by reason"):
            assert words in screen_text(app)[3].partition("b: ")[0]
            groups = view.records.groups
            assert groups is not None
            assert groups.by is view.grouped_by
            await pilot.press("b")


async def test_the_cursor_stays_with_its_record_when_groups_change(demo_image: Path) -> None:
    """The new group of the record is expanded."""
    app = explorer(demo_image)
    async with app.run_test(size=WIDE) as pilot:
        _, view = await waste_view(pilot)
        await pilot.press("down", "down")
        record = view.records.record_row
        assert record is not None
        for _ in GroupBy:
            await pilot.press("b")
            assert view.records.record_row == record


async def test_a_flat_terminal_shows_rows_of_waste(demo_image: Path) -> None:
    """In a low terminal only one list is shown, the one with the focus; in an even lower one no details either."""
    app = explorer(demo_image)
    async with app.run_test(size=(60, 15)) as pilot:
        _, view = await waste_view(pilot)
        assert view.records.size.height >= 4
        await pilot.press("tab")
        await settled(pilot)
        assert view.duplicate_list.has_focus
        assert view.duplicate_list.size.height >= 4
        assert "Duplicates" in "\n".join(screen_text(app))
        await pilot.press("tab")
        await settled(pilot)
        assert view.records.has_focus
        assert "Duplicates" not in "\n".join(screen_text(app))
        await pilot.resize_terminal(60, 12)
        await settled(pilot)
        assert view.records.size.height >= 4
        await pilot.resize_terminal(80, 24)
        await settled(pilot)
        assert view.duplicate_list.size.height
        assert view.records.size.height >= 4


async def test_groups_open_and_close(demo_image: Path) -> None:
    """Enter and Space toggle a group, `+` and `-` all groups."""
    app = explorer(demo_image)
    async with app.run_test(size=WIDE) as pilot:
        _, view = await waste_view(pilot)
        groups = view.records.groups
        assert groups is not None
        await pilot.press("minus")
        assert view.records.row_count() == len(groups)
        await pilot.press("enter")
        assert view.records.row_count() == len(groups) + int(groups.counts[0])
        await pilot.press("space")
        assert view.records.row_count() == len(groups)
        await pilot.press("plus")
        assert view.records.row_count() == len(groups) + int(groups.counts.sum())


async def test_both_whole_instructions_of_a_record_are_shown(demo_image: Path) -> None:
    """The details have the whole instructions that stored and hid the file."""
    app = explorer(demo_image)
    async with app.run_test(size=SMALL) as pilot:
        await waste_view(pilot)
        await pilot.press("minus", "down", "enter", "down")
        text = " ".join(" ".join(screen_text(app)[-6:]).split())
    assert "stored in 6 RUN chown -R 1000:1000 /app hidden by" in text
    assert "hidden by 7 RUN rm -rf /app/assets/seed-data.sql /app/.git" in text
    assert "&& install -d -o 1000 -g 1000 /app/instance" in text


async def test_enter_on_a_duplicate_shows_its_file(demo_image: Path) -> None:
    """Enter expands a duplicate to its paths, and shows the file of a path."""
    app = explorer(demo_image)
    async with app.run_test(size=WIDE) as pilot:
        screen, view = await waste_view(pilot)
        await pilot.press("tab")
        assert view.duplicate_list.has_focus
        await pilot.press("enter", "down", "down")
        assert "htmx-2.0.8.min.js" in "\n".join(screen_text(app))
        await pilot.press("enter")
        await pilot.pause()
        assert screen.view is screen.explore
        assert path_shown(screen) == "app/static/vendor/htmx-2.0.8.min.js"


async def test_a_hard_link_added_later_is_shown_in_its_layer(tmp_path: Path) -> None:
    """Enter on a record shows the layer that added its last name, not the one that stored the content."""
    layers = [
        layer_tar([file("a", b"a" * 100)]),
        layer_tar([hardlink("b", "a"), whiteout("a")]),
        layer_tar([whiteout("b")]),
    ]
    app = explorer(write(tmp_path / "image.tar", docker_archive(layers)))
    async with app.run_test(size=WIDE) as pilot:
        screen, view = await waste_view(pilot)
        record = view.records.record(0)
        assert record is not None
        await pilot.press("enter")
        await pilot.pause()
        tree = screen.explore.files.view
        assert tree is not None
        if record.why == "deleted" and record.shown_in == 1:
            assert (tree.layer, path_shown(screen)) == (1, "b")
        else:  # engines refuse this link across layers: it counts as separate content
            assert path_shown(screen) == "a"


async def test_each_record_says_what_differs(tmp_path: Path) -> None:
    """The reason of a record describes its successor, or the attributes that differ."""
    layers = [
        layer_tar(
            [
                file("grown", b"1" * 1000),
                file("owned", b"2" * 900),
                file("kind", b"3" * 800),
                file("gone", b"4" * 700),
                file("same", b"5" * 600),
            ]
        ),
        layer_tar(
            [
                file("grown", b"1" * 3000),
                file("owned", b"2" * 900, uid=7, mode=0o600),
                symlink("kind", "gone"),
                whiteout("gone"),
                file("same", b"5" * 600),
            ]
        ),
    ]
    app = explorer(write(tmp_path / "image.tar", docker_archive(layers)))
    async with app.run_test(size=WIDE) as pilot:
        _, view = await waste_view(pilot)
        records = [view.records.record(row) for row in range(5)]
    assert [record.why for record in records if record is not None] == [
        "new content, +2.0 kB",
        "mode and owner differ",
        "became a symlink",
        "deleted",
        "identical rewrite",
    ]


async def test_empty_lists_show_a_message(tmp_path: Path) -> None:
    """Lists without waste or duplicates show a message."""
    path = write(tmp_path / "clean.tar", docker_archive([layer_tar([file("a", b"a")])]))
    app = explorer(path)
    async with app.run_test(size=SMALL) as pilot:
        await waste_view(pilot)
        text = "\n".join(screen_text(app))
        await pilot.press("b", "enter", "plus", "minus", "space", "right", "left", "tab", "enter")
    assert "Nothing is wasted in this image." in text
    assert "No two files have the same content." in text


async def test_skipped_duplicates_are_not_awaited(demo_image: Path) -> None:
    """The list mentions --no-duplicates instead of waiting."""
    app = explorer(demo_image, duplicates=False)
    async with app.run_test(size=WIDE) as pilot:
        await waste_view(pilot)
        assert "--no-duplicates" in "\n".join(screen_text(app))


async def test_many_records_are_grouped_in_a_thread(
    demo_image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Groups from a thread are shown; superseded ones are ignored."""
    monkeypatch.setattr(waste_screen, "GROUPED_AT_ONCE", 10)
    app = explorer(demo_image)
    async with app.run_test(size=WIDE) as pilot:
        _, view = await waste_view(pilot)
        await pilot.press("b", "b")
        await app.workers.wait_for_complete()
        await pilot.pause()
        groups = view.records.groups
        assert groups is not None
        assert groups.by is view.grouped_by is GroupBy.DIRECTORY


async def test_hostile_names_stay_text(tmp_path: Path) -> None:
    """Control and bidirectional characters in names and instructions are escaped."""
    names = ["\x1b[31mred", "[bold]x[/nothing]", "\u202egnp.exe", "漢" * 90]
    layers = [layer_tar([file(name, name.encode() * 9) for name in names])]
    layers.append(layer_tar([whiteout(name) for name in names]))
    history = [{"created_by": "RUN \x1b]0;x\x07[red]"}, {"created_by": "RUN rm\x9b2J \u2028"}]
    app = explorer(write(tmp_path / "hostile.tar", docker_archive(layers, history=history)))
    for size in (WIDE, SMALL, (40, 12)):
        async with app.run_test(size=size) as pilot:
            await waste_view(pilot)
            await pilot.press("b", "b", "plus", "tab")
            text = "".join(screen_text(app))
        assert not any(
            ord(mark) < 32 or 127 <= ord(mark) < 160 or mark in "\u202e\u2028" for mark in text
        )
        app = explorer(tmp_path / "hostile.tar")


def test_facts_share_the_available_lines() -> None:
    """Every fact gets a line before any gets two; cut facts end with an ellipsis."""
    facts = [("a", "word " * 40), ("b", "short"), ("c", "other " * 40)]
    lines = fact_lines(facts, 60, 5)
    assert [label for label, _ in lines] == ["a", "", "b", "c", ""]
    assert lines[1][1].endswith(" …")
    assert lines[4][1].endswith(" …")
    assert all(len(words) <= 60 for _, words in lines)


def _prepared(*keys: str, theme: str = "dark") -> Callable[[Pilot[Any]], Any]:
    async def prepare(pilot: Pilot[Any]) -> None:
        pilot.app.theme = f"layerscope-{theme}"
        await loaded(pilot)
        await pilot.press("2")
        await settled(pilot)
        for key in keys:
            await pilot.press(key)
            await settled(pilot)

    return prepare


def test_by_directory(snap_compare: Compare, demo_image: Path) -> None:
    """Groups by directory, with the focus on the duplicates."""
    keys = ("b", "b", "tab", "down", "enter", "down")
    assert snap_compare(explorer(demo_image), terminal_size=WIDE, run_before=_prepared(*keys))


def test_by_instruction_small(snap_compare: Compare, demo_image: Path) -> None:
    """Groups by instruction in a small terminal, in the light theme."""
    assert snap_compare(
        explorer(demo_image), terminal_size=SMALL, run_before=_prepared("b", "j", theme="light")
    )


async def test_rows_come_back_when_there_is_room_again(demo_image: Path) -> None:
    """A list that was squeezed to a few lines shows its first rows again once it has room."""
    app = explorer(demo_image)
    async with app.run_test(size=SMALL) as pilot:
        _, view = await waste_view(pilot)
        await settled(pilot)
        top = view.records.scroll_offset.y
        for height in (7, 17, 24):
            await pilot.resize_terminal(80, height)
            await settled(pilot)
            assert (view.records.scroll_offset.y > top) == (height == 7)
