"""The explorer of two images: one tree, steps side by side, findings, packages, config."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from layerscope.opening.options import Options
from layerscope.opening.remote import RemoteImage
from layerscope.sources.base import Request
from layerscope.tui.commands import GROUPS
from layerscope.tui.comparison.app import ComparisonApp
from layerscope.tui.comparison.lists import ComparedFiles
from layerscope.tui.screens.error import ErrorScreen
from layerscope.tui.screens.help import HelpScreen
from layerscope.tui.session import Session
from tests.images import Member, directory, docker_archive, file, layer_tar, symlink, write
from tests.report.diff_sample import new_image, old_image
from tests.tui.explorer import screen_text

SIZES = [(160, 48), (80, 24)]
KEY = b"-----BEGIN RSA PRIVATE KEY-----\n" + b"QUJD" * 40 + b"\n"


def comparing(folder: Path, old: bytes, new: bytes, **options: object) -> ComparisonApp:
    """The comparison of two image files, not running yet."""
    sessions = []
    for name, data in (("old", old), ("new", new)):
        path = write(folder / f"{name}.tar", data)
        remote = RemoteImage(Request(str(path)), Options(verify_small=False, **options))  # type: ignore[arg-type]
        sessions.append(Session(remote, remote.find(lambda candidates: candidates[0])))
    return ComparisonApp(*sessions)


async def compared(pilot: Pilot[None]) -> ComparisonApp:
    """Wait until everything is compared."""
    app = pilot.app
    assert isinstance(app, ComparisonApp)
    await app.workers.wait_for_complete()
    for _ in range(200):
        await pilot.pause(0.01)
        if app.pair is not None and not app.main.header.work:
            break
    await app.workers.wait_for_complete()
    await pilot.pause(0.1)
    return app


@pytest.mark.parametrize("size", SIZES, ids=["wide", "small"])
async def test_one_tree_has_the_sizes_of_both_images(tmp_path: Path, size: tuple[int, int]) -> None:
    """Rows show the old size, the new size and the difference; a deleted path has no new size."""
    app = comparing(tmp_path, old_image(), new_image(), rules={})
    async with app.run_test(size=size) as pilot:
        await compared(pilot)
        text = screen_text(app)
        assert any("stored" in line and "→" in line for line in text[:1])
        assert "1 Files" in text[1]
        await pilot.press("plus")
        await pilot.pause()
        text = screen_text(app)
        vim = next(line for line in text if line.rstrip().endswith(" vim"))
        assert "−90.0 kB" in vim
        assert " - " in vim


async def test_every_list_shows_what_differs(tmp_path: Path) -> None:
    """Keys open steps, packages and config; the header counts the files."""
    app = comparing(tmp_path, old_image(), new_image(), rules={})
    async with app.run_test(size=(160, 48)) as pilot:
        await compared(pilot)
        await pilot.press("2")
        await pilot.pause()
        text = "\n".join(screen_text(app))
        assert "RUN" in text
        await pilot.press("4")
        await pilot.pause()
        rows = [line for line in screen_text(app) if "curl" in line]
        assert any("7.88 → " in line for line in rows)
        await pilot.press("5")
        await pilot.pause()
        assert "env" in "\n".join(screen_text(app))
        await pilot.press("1")
        await pilot.pause()
        assert app.main.files.has_focus


async def test_new_secrets_and_setuid_files_are_shown_first(tmp_path: Path) -> None:
    """The header counts them, and the findings begin with the secrets."""
    old = docker_archive([layer_tar([file("a", b"a")])])
    new = docker_archive([layer_tar([file("a", b"a", mode=0o4755), file("srv/id_rsa", KEY)])])
    app = comparing(tmp_path, old, new, rules={})
    async with app.run_test(size=(120, 30)) as pilot:
        await compared(pilot)
        text = screen_text(app)
        assert "1 new secret · 1 new setuid file" in text[1]
        assert any("setuid now" in line for line in text)
        await pilot.press("3")
        await pilot.pause()
        assert "Private key" in screen_text(app)[4]
        assert "new" in screen_text(app)[4]


async def test_equal_images_are_reported_as_equal(tmp_path: Path) -> None:
    """Each empty list shows a message."""
    image = docker_archive([layer_tar([file("a", b"a")])])
    app = comparing(tmp_path, image, image, rules={})
    async with app.run_test(size=(120, 30)) as pilot:
        await compared(pilot)
        assert "no change" in screen_text(app)[0]
        assert "The files of both images are the same." in "\n".join(screen_text(app))
        for key, words in (
            ("3", "the same findings"),
            ("4", "the same"),
            ("5", "the same"),
        ):
            await pilot.press(key)
            await pilot.pause()
            assert words in "\n".join(screen_text(app))


async def test_without_rules_the_findings_say_that_rules_are_off(tmp_path: Path) -> None:
    app = comparing(tmp_path, old_image(), new_image())
    async with app.run_test(size=(120, 30)) as pilot:
        await compared(pilot)
        await pilot.press("3")
        await pilot.pause()
        assert "the rules are switched off" in "\n".join(screen_text(app))


async def test_a_filter_finds_paths_and_esc_removes_it(tmp_path: Path) -> None:
    app = comparing(tmp_path, old_image(), new_image(), rules={})
    async with app.run_test(size=(120, 30)) as pilot:
        await compared(pilot)
        await pilot.press("slash", *"vim")
        await pilot.pause()
        assert app.main.files.row_count() >= 2
        assert any(line.rstrip().endswith(" vim") for line in screen_text(app))
        await pilot.press("enter")
        assert app.main.files.has_focus
        await pilot.press("escape")
        await pilot.pause()
        assert app.main.files.compared is not None
        assert app.main.files.compared.text == ""


async def test_hostile_names_do_not_reach_the_terminal(tmp_path: Path) -> None:
    """Control characters in paths and settings are escaped in every list."""
    old = docker_archive([layer_tar([file("a", b"a")])], config={"config": {"Env": ["A=1"]}})
    evil = "\x1b]0;evil\x07[red]"
    new = docker_archive(
        [layer_tar([file(evil.encode() + b"\xff", b"a")])],
        config={"config": {"Env": [f"A={evil}"], "Labels": {evil: evil}}},
    )
    app = comparing(tmp_path, old, new, rules={})
    async with app.run_test(size=(120, 30)) as pilot:
        await compared(pilot)
        for key in "12345":
            await pilot.press(key)
            await pilot.pause()
            text = "\n".join(screen_text(app))
            assert "\x1b" not in text
            assert "\x07" not in text


async def test_an_image_that_cannot_be_read_is_an_error_on_the_screen(tmp_path: Path) -> None:
    """If the worker of one image is killed, a dialog says so, and the program can be quit."""
    app = comparing(tmp_path, old_image(), new_image(), rules={})
    app.sessions[1].remote.process.kill()
    async with app.run_test(size=(120, 30)) as pilot:
        for _ in range(200):
            await pilot.pause(0.02)
            if isinstance(app.screen, ErrorScreen):
                break
        assert isinstance(app.screen, ErrorScreen)
        await pilot.press("escape", "q")


async def test_a_click_on_an_arrow_or_a_double_click_opens_a_directory(tmp_path: Path) -> None:
    """A single click on a name only selects it, as in the tree of one image."""
    old = docker_archive([layer_tar([file("usr/lib/a", b"1")])])
    new = docker_archive([layer_tar([file("usr/lib/a", b"22")])])
    app = comparing(tmp_path, old, new, rules={})
    async with app.run_test(size=(100, 20)) as pilot:
        await compared(pilot)
        files = app.main.files
        arrow = screen_text(app)[4].index("▸ usr")
        await pilot.click("#files-list", offset=(arrow + 3, 0))
        assert files.row_count() == 1
        await pilot.click("#files-list", offset=(arrow, 0))
        assert files.row_count() == 2
        await pilot.click("#files-list", offset=(arrow, 0))
        assert files.row_count() == 1
        await pilot.double_click("#files-list", offset=(arrow + 3, 0))
        assert files.row_count() == 2


async def test_damage_and_errors_are_reported_as_for_one_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A damaged layer is a notification; rows that fail to paint open a single dialog."""
    layer = layer_tar([file("a", b"a"), file("b", b"b" * 5000)])
    app = comparing(tmp_path, docker_archive([layer[: 4 * 512]]), docker_archive([layer]), rules={})
    monkeypatch.setattr(ComparisonApp, "forgiving", True)
    async with app.run_test(size=(100, 20), notifications=True) as pilot:
        await compared(pilot)
        assert [notification.title for notification in app._notifications] == ["Damaged"]
        monkeypatch.setattr(ComparedFiles, "paint_change", lambda *_: 1 / 0)
        app.main.files.rows_changed()
        for _ in range(50):
            await pilot.pause(0.02)
            if isinstance(app.screen, ErrorScreen):
                break
        assert isinstance(app.screen, ErrorScreen)
        await pilot.press("escape")
        await pilot.pause(0.2)
        assert not isinstance(app.screen, ErrorScreen)


def _build(*files: Member) -> bytes:
    """An image with these files of `/app`."""
    history = [{"created_by": "COPY . /app # buildkit"}]
    return docker_archive([layer_tar([directory("app"), *files])], history=history)


LINES = [b"line %d\n" % number for number in range(40)]
OLD_FILES = _build(
    file("app/text", b"".join(LINES)),
    file("app/deleted", b"one\ntwo\n"),
    file("app/binary", bytes(range(200))),
    file("app/mode", b"m\n"),
    symlink("app/link", "one"),
    file("app/evil", b"a\n"),
    file("app/vanishes", b""),
)
NEW_FILES = _build(
    file("app/text", b"".join([*LINES[:20], b"another\n", *LINES[21:]])),
    file("app/added", b"three\n"),
    file("app/binary", bytes(range(199)) + b"\xff"),
    file("app/mode", b"m\n", mode=0o4755, uid=7),
    symlink("app/link", "two\x1b[2J"),
    file("app/evil", b"\x1b]0;owned\x07[bold]x[/bold]\n"),
)
DIFFERENCES = {
    "text": ("   21        - line 20", "         21  + another", "+1 −1 lines", "layer 0 · COPY . /app"),
    "deleted": ("- two", "new        not there", "+0 −2 lines"),
    "added": ("+ three", "old        not there", "+1 −0 lines"),
    "binary": ("Binary files differ from byte 199 (0xc7).",),
    "mode": ("only attributes differ", "old        -rw-r--r--  0:0", "new        -rwsr-xr-x  7:0"),
    "link": ("There are no lines to compare:", "old: a symlink to one", "new: a symlink to two\\e[2J"),
    "evil": ("\\e]0;owned\\x07[bold]x[/bold]",),
    "vanishes": ("This file is empty.",),
}  # fmt: skip
"""Names of files, and texts that the screen shows for their differences."""


async def _cursor_on(pilot: Pilot[None], app: ComparisonApp, name: str) -> None:
    """Put the cursor of the tree on a file."""
    tree = app.main.files.compared
    assert tree is not None
    names = [tree.row(row).name for row in range(len(tree))]
    app.main.files.go_to(names.index(name.encode()))
    await pilot.pause()


@pytest.mark.parametrize("size", SIZES, ids=["wide", "small"])
async def test_a_file_shows_what_differs_in_it(tmp_path: Path, size: tuple[int, int]) -> None:
    """The diff has its text and its attributes in both images. Enter, `D` and a double click open it, Esc returns to the row."""
    app = comparing(tmp_path, OLD_FILES, NEW_FILES, rules={})
    async with app.run_test(size=size) as pilot:
        await compared(pilot)
        await pilot.press("plus")
        files = app.main.files
        for number, (name, expected) in enumerate(DIFFERENCES.items()):
            await _cursor_on(pilot, app, name)
            row = files.cursor
            if number == 2:
                await pilot.double_click("#files-list", offset=(45, row))
            else:
                await pilot.press("D" if number % 2 else "enter")
            await app.workers.wait_for_complete()
            await pilot.pause(0.05)
            shown = "\n".join(screen_text(app))
            assert f"/app/{name}" in screen_text(app)[3]
            for words in expected:
                assert words in shown, (name, shown)
            assert "\x1b" not in shown
            assert "Esc Files" in screen_text(app)[-1]
            await pilot.press("y")
            assert app.clipboard == f"/app/{name}"
            await pilot.press("escape")
            await pilot.pause()
            assert (files.has_focus, files.cursor) == (True, row)


async def test_help_lists_only_what_works_here(tmp_path: Path) -> None:
    """The first section has commands that work on this screen, and no others."""
    app = comparing(tmp_path, OLD_FILES, NEW_FILES, rules={})
    async with app.run_test(size=(100, 50)) as pilot:
        await compared(pilot)
        await pilot.press("question_mark")
        await pilot.pause()
        assert isinstance(app.screen, HelpScreen)
        first = app.screen._sections[0]
        assert first.title == "Keys in Comparison"
        assert "comparison.difference" in first.ids
        assert "files.expand" in first.ids
        assert "files.added" not in first.ids
        others = (section for section in app.screen._sections if section.title != GROUPS["fleet"])
        rows = [row for section in others for row in section.rows]
        assert [meaning for keys, meaning in rows if keys == "1"] == [
            first.rows[first.ids.index("comparison.files")][1]
        ]


async def test_esc_leaves_a_search_before_the_difference(tmp_path: Path) -> None:
    """`/` searches the diff; the keys of the lists leave it."""
    app = comparing(tmp_path, OLD_FILES, NEW_FILES, rules={})
    async with app.run_test(size=(100, 24)) as pilot:
        await compared(pilot)
        await pilot.press("plus")
        await _cursor_on(pilot, app, "text")
        await pilot.press("enter", "slash", *"ANOTHER", "enter")
        await app.workers.wait_for_complete()
        await pilot.pause(0.05)
        assert "1 of 1 match" in screen_text(app)[3]
        assert "Esc Back" in screen_text(app)[-1]
        await pilot.press("escape")
        await pilot.pause()
        assert "Esc Files" in screen_text(app)[-1]
        await pilot.press("2")
        await pilot.pause()
        assert app.main.steps.has_focus
        await pilot.press("1", "g", "D")
        await pilot.pause()
        assert app.main.files.has_focus


async def test_content_that_cannot_be_read_is_reported_with_the_reason(tmp_path: Path) -> None:
    """If an image file changed since it was opened, no difference is shown."""
    app = comparing(tmp_path, OLD_FILES, NEW_FILES, rules={})
    async with app.run_test(size=(100, 24)) as pilot:
        await compared(pilot)
        (tmp_path / "new.tar").write_bytes(bytes(len(NEW_FILES)))
        await pilot.press("plus")
        await _cursor_on(pilot, app, "text")
        await pilot.press("enter")
        await app.workers.wait_for_complete()
        await pilot.pause(0.05)
        assert "The contents cannot be compared: " in "\n".join(screen_text(app))


async def test_a_click_on_a_column_title_sorts_the_files(tmp_path: Path) -> None:
    """Files are sorted by name or by growth, and the column is marked."""
    app = comparing(tmp_path, OLD_FILES, NEW_FILES, rules={})
    async with app.run_test(size=(100, 24)) as pilot:
        await compared(pilot)
        for title, mark in (("path", "path ▴"), ("new", "change ▾"), ("path", "path ▴")):
            await pilot.click(offset=(screen_text(app)[3].index(title), 3))
            await pilot.pause()
            assert mark in screen_text(app)[3]
            assert app.main.files.compared is not None
            assert app.main.files.compared.by_name is (title == "path")
        await pilot.press("s")
        await pilot.pause()
        assert "change ▾" in screen_text(app)[3]
