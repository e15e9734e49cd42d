"""The File view, extraction and copying of a path."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.pilot import Pilot

from layerscope.filesystem import content_reader
from layerscope.progress import Progress
from layerscope.tui.app import LayerscopeApp
from layerscope.tui.documents.bytes import BytesDocument
from layerscope.tui.documents.text import TextDocument
from layerscope.tui.pointing import ShowFile
from layerscope.tui.reading import CHUNK
from layerscope.tui.screens.extract import ExtractScreen
from layerscope.tui.screens.file import FileView
from layerscope.tui.screens.main import MainScreen
from tests.images import (
    Compression,
    device,
    directory,
    docker_archive,
    file,
    layer_tar,
    symlink,
    whiteout,
    write,
)
from tests.tui.explorer import explorer, loaded, screen_text

WIDE, SMALL = (160, 48), (80, 24)
BIG = b"".join(b"line %07d\n" % number for number in range(200_000))
BASE = layer_tar(
    [
        directory("etc"),
        file("etc/motd", b"one\ntwo\nthree\n", mtime=86_400),
        file("etc/script.py", b"import os\n"),
        file("etc/binary", bytes(range(256))),
        file("etc/big", BIG),
        file("etc/evil", b"\x1b]0;owned\x07[bold]x[/bold]\n\xff\n"),
        file("etc/empty", b""),
        file("etc/gone", b"still here\n"),
        symlink("etc/link", "motd"),
        device("etc/null", 1, 3),
    ]
)
NEXT = layer_tar(
    [file("etc/motd", b"one\n2\nthree\n", uid=5), file("etc/same", b"x"), whiteout("etc/gone")]
)


@pytest.fixture(params=[None, "gzip"], ids=["plain", "gzip"])
def image(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """An image with a file of each sort."""
    compress: Compression | None = request.param
    return write(tmp_path / "image.tar", docker_archive([BASE, NEXT], compress=compress))


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """The same image, its layers not compressed."""
    return write(tmp_path / "image.tar", docker_archive([BASE, NEXT]))


def version_of(screen: MainScreen, path: str, version: int = -1) -> int:
    """A version of a path, by default the last one."""
    assert screen.session.opened is not None
    filesystem = screen.session.opened.filesystem
    path_id = filesystem.table.find(path.encode())
    assert path_id is not None
    rows = filesystem.rows_of(path_id)
    return range(rows.start, rows.stop)[version]


async def settled(pilot: Pilot[None]) -> None:
    """Wait until threads are done and their messages are handled."""
    await pilot.pause()
    await pilot.app.workers.wait_for_complete()
    for _ in range(3):
        await pilot.pause()


async def show(pilot: Pilot[None], path: str, version: int = -1) -> FileView:
    """Open a path in the File view."""
    screen = await loaded(pilot)
    screen.post_message(ShowFile(version_of(screen, path, version)))
    await settled(pilot)
    assert isinstance(screen.view, FileView)
    return screen.view


def page(app: LayerscopeApp) -> str:
    """The text on screen."""
    return "\n".join(screen_text(app))


@pytest.mark.parametrize("size", [WIDE, SMALL], ids=["wide", "small"])
async def test_enter_on_a_file_shows_it(image: Path, size: tuple[int, int]) -> None:
    """Enter in the tree shows the content, with layer, mode, owner, time and size; Esc returns."""
    app = explorer(image)
    async with app.run_test(size=size) as pilot:
        screen = await loaded(pilot)
        screen.explore.reveal(0, screen.session.opened.filesystem.table.find(b"etc/motd") or 0)  # type: ignore[union-attr]
        await pilot.press("enter")
        await settled(pilot)
        shown = page(app)
        assert "/etc/motd" in shown
        assert "layer 0 · COPY layer0" in shown
        assert "-rw-r--r--  0:0  1970-01-02 00:00  14 B" in shown
        assert "two" in shown
        assert "deleted or replaced in layer 1" in shown
        await pilot.press("escape")
        assert screen.view is screen.explore


async def test_5_shows_the_file_under_the_cursor(plain: Path) -> None:
    """`5` opens the file under the cursor of another view; without one, the view shows what to do."""
    app = explorer(plain)
    async with app.run_test(size=WIDE) as pilot:
        screen = await loaded(pilot)
        await pilot.press("5")
        await settled(pilot)
        assert "No file is open" in page(app)
        await pilot.press("2")
        await pilot.pause()
        await pilot.press("5")
        await settled(pilot)
        assert "/etc/motd" in page(app)
        assert screen.view.id == "file"


async def test_binary_content_is_shown_as_bytes(image: Path) -> None:
    """`t` switches between bytes and text."""
    app = explorer(image)
    async with app.run_test(size=SMALL) as pilot:
        view = await show(pilot, "etc/binary")
        assert isinstance(view.rows.document, BytesDocument)
        assert "20 21 22 23 24 25 26 27  28 29 2a 2b 2c 2d 2e 2f   !\"#$%&'()*+,-./" in page(app)
        await pilot.press("t")
        await settled(pilot)
        assert isinstance(view.rows.document, TextDocument)
        await pilot.press("t")
        await settled(pilot)
        assert isinstance(view.rows.document, BytesDocument)


async def test_a_long_file_is_read_a_mib_at_a_time(image: Path) -> None:
    """The last row shows how many bytes are left; `+` and Enter on it read the next part."""
    app = explorer(image)
    async with app.run_test(size=SMALL) as pilot:
        view = await show(pilot, "etc/big")
        rows = view.rows.row_count()
        assert rows == CHUNK // 13 + 2
        await pilot.press("G")
        assert "press + for the next MiB: 1.6 MB left" in page(app)
        await pilot.press("plus")
        await settled(pilot)
        assert view.rows.row_count() > rows
        assert view.rows.cursor == rows - 1
        await pilot.press("G", "enter")
        await settled(pilot)
        await pilot.press("G")
        assert "line 0199999" in page(app)
        assert "press +" not in page(app)


async def test_content_never_controls_the_terminal(image: Path) -> None:
    """Escape sequences and markup in a file are shown as text."""
    app = explorer(image)
    async with app.run_test(size=SMALL) as pilot:
        await show(pilot, "etc/evil")
        shown = page(app)
    assert "\\e]0;owned\\x07[bold]x[/bold]" in shown
    assert "\\xff" in shown
    assert not any(ord(character) < 32 and character != "\n" for character in shown)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("etc/empty", "This file is empty."),
        ("etc/link", "This is a symlink to motd: it has no content."),
        ("etc/null", "This is a character device 1:3: it has no content."),
        ("etc", "This is a directory"),
    ],
)
async def test_paths_without_content_show_their_type(plain: Path, path: str, words: str) -> None:
    app = explorer(plain)
    async with app.run_test(size=SMALL) as pilot:
        await show(pilot, path)
        assert words in page(app)


async def test_a_removed_file_can_be_viewed(plain: Path) -> None:
    """The content of a file that a layer deletes is still shown."""
    app = explorer(plain)
    async with app.run_test(size=WIDE) as pilot:
        await show(pilot, "etc/gone")
        assert "still here" in page(app)


async def test_d_shows_what_the_layer_changed(image: Path) -> None:
    """`D` shows a unified diff, and again the file; for a file without an earlier version it notifies."""
    app = explorer(image)
    async with app.run_test(size=SMALL, notifications=True) as pilot:
        await show(pilot, "etc/motd")
        assert "content, owner, mtime changed" in page(app)
        await pilot.press("D")
        await settled(pilot)
        lines = [line.split() for line in screen_text(app)]
        assert ["2", "-", "two"] in lines
        assert ["2", "+", "2"] in lines
        await pilot.press("D")
        await settled(pilot)
        assert "@@" not in page(app)
        await show(pilot, "etc/script.py")
        await pilot.press("D")
        await settled(pilot)
        assert "There is no earlier version" in page(app)


async def test_an_archive_that_is_overwritten_is_reported_and_not_shown(plain: Path) -> None:
    """Neither a file nor a difference shows new bytes; the message says to open the image again."""
    app = explorer(plain)
    async with app.run_test(size=WIDE) as pilot:
        await show(pilot, "etc/script.py")
        assert "import os" in page(app)
        plain.write_bytes(plain.read_bytes().replace(b"three", b"THREE"))
        await show(pilot, "etc/motd")
        assert "cannot be read: the file changed while it was open; open it again" in page(app)
        await pilot.press("D")
        await settled(pilot)
        assert "cannot be compared: the file changed while it was open" in page(app)
        assert "THREE" not in page(app)


async def test_search_goes_from_match_to_match(image: Path) -> None:
    """`/` searches, `n` and `N` step through matches and wrap around, Esc clears the search. In the field every key is text."""
    app = explorer(image)
    async with app.run_test(size=SMALL) as pilot:
        view = await show(pilot, "etc/big")
        await pilot.press("slash", *"999q", "backspace", "enter")
        await settled(pilot)
        assert app.is_running
        assert view.rows.cursor == 999
        assert "1 of" in page(app)
        await pilot.press("n")
        assert view.rows.cursor == 1999
        await pilot.press("N", "N")
        assert view.rows.cursor > 70_000
        await pilot.press("escape")
        assert "match" not in page(app)
        assert isinstance(view.rows.document, TextDocument)
        await pilot.press("slash", *"nowhere", "enter")
        await settled(pilot)
        assert "no match" in page(app)


async def test_long_lines_can_be_scrolled(tmp_path: Path) -> None:
    """`l` and `h` scroll right and left."""
    tar = layer_tar([file("a", b"start" + b"." * 200 + b"end\n")])
    app = explorer(write(tmp_path / "image.tar", docker_archive([tar])))
    async with app.run_test(size=SMALL) as pilot:
        await show(pilot, "a")
        assert "start..." in page(app)
        await pilot.press(*["l"] * 10)
        assert "end" in page(app)
        await pilot.press(*["h"] * 10)
        assert "start..." in page(app)


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """While the event is set, reading blocks until it is cancelled."""
    waiting = threading.Event()
    waiting.set()
    read = content_reader.ContentReader.read

    def slow(self: content_reader.ContentReader, length: int, progress: Progress) -> bytes:
        while waiting.is_set() and not progress.cancelled():
            threading.Event().wait(0.01)
        return read(self, length, progress)

    monkeypatch.setattr(content_reader.ContentReader, "read", slow)
    yield waiting
    waiting.clear()


async def test_reading_is_cancelled_by_escape(plain: Path, stuck: threading.Event) -> None:
    """`+` reads again after Esc cancelled it."""
    app = explorer(plain)
    async with app.run_test(size=SMALL) as pilot:
        screen = await loaded(pilot)
        screen.post_message(ShowFile(version_of(screen, "etc/motd")))
        await pilot.pause(0.1)
        assert "Esc cancels" in page(app)
        await pilot.press("escape")
        await settled(pilot)
        assert "Reading was cancelled" in page(app)
        stuck.clear()
        await pilot.press("plus")
        await settled(pilot)
        assert "three" in page(app)


async def test_reading_a_difference_shows_progress(plain: Path, stuck: threading.Event) -> None:
    """The view shows that it is reading, not the previous content or the empty state."""
    app = explorer(plain)
    async with app.run_test(size=SMALL) as pilot:
        screen = await loaded(pilot)
        screen.post_message(ShowFile(version_of(screen, "etc/motd"), difference=True))
        await pilot.pause(0.1)
        assert "Reading…" in page(app)
        stuck.clear()
        await settled(pilot)
        assert "- two" in page(app)


async def test_the_result_of_a_superseded_request_is_not_shown(
    plain: Path, stuck: threading.Event
) -> None:
    """If another file is opened while one is read, only the newer one is shown."""
    app = explorer(plain)
    async with app.run_test(size=SMALL) as pilot:
        screen = await loaded(pilot)
        screen.post_message(ShowFile(version_of(screen, "etc/big")))
        await pilot.pause(0.1)
        screen.post_message(ShowFile(version_of(screen, "etc/motd")))
        stuck.clear()
        await settled(pilot)
        assert "three" in page(app)
        assert "/etc/motd" in page(app)


# --- Extraction -----------------------------------------------------------------------------------


async def ask(pilot: Pilot[None], path: str, layer: int = 1) -> ExtractScreen:
    """Press e on a path in the tree of a layer."""
    screen = await loaded(pilot)
    assert screen.session.opened is not None
    path_id = screen.session.opened.filesystem.table.find(path.encode())
    assert path_id is not None
    screen.explore.reveal(layer, path_id)
    await pilot.pause()
    await pilot.press("e")
    await pilot.pause()
    assert isinstance(pilot.app.screen, ExtractScreen)
    return pilot.app.screen


async def test_e_extracts_the_file_under_the_cursor(
    image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The default target is `./NAME`; a notification shows the result."""
    monkeypatch.chdir(image.parent)
    app = explorer(image)
    async with app.run_test(size=SMALL, notifications=True) as pilot:
        await ask(pilot, "etc/motd")
        assert "./motd" in page(app)
        await pilot.press("enter")
        await settled(pilot)
        assert "1 file, 12 B: motd" in page(app)
    assert (image.parent / "motd").read_bytes() == b"one\n2\nthree\n"


async def test_e_on_a_directory_extracts_it_as_it_is_after_the_layer(
    plain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(plain.parent)
    app = explorer(plain)
    async with app.run_test(size=SMALL, notifications=True) as pilot:
        await ask(pilot, "etc", layer=0)
        assert "everything below it" in page(app)
        await pilot.press(*"./old", "enter")
        await settled(pilot)
    assert (plain.parent / "old/motd").read_bytes() == b"one\ntwo\nthree\n"
    assert (plain.parent / "old/gone").exists()


async def test_a_removed_file_is_extracted_as_it_was(
    plain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(plain.parent)
    app = explorer(plain)
    async with app.run_test(size=SMALL) as pilot:
        await ask(pilot, "etc/gone", layer=1)
        await pilot.press("enter")
        await settled(pilot)
    assert (plain.parent / "gone").read_bytes() == b"still here\n"


async def test_replacing_takes_a_second_enter(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(plain.parent)
    write(plain.parent / "motd", b"mine")
    app = explorer(plain)
    async with app.run_test(size=SMALL) as pilot:
        await ask(pilot, "etc/motd")
        await pilot.press("enter")
        await settled(pilot)
        assert "already exists" in page(app)
        assert (plain.parent / "motd").read_bytes() == b"mine"
        await pilot.press("enter")
        await settled(pilot)
    assert (plain.parent / "motd").read_bytes() == b"one\n2\nthree\n"


async def test_a_wrong_target_is_reported_and_can_be_changed(plain: Path) -> None:
    app = explorer(plain)
    async with app.run_test(size=SMALL) as pilot:
        screen = await ask(pilot, "etc/motd")
        await pilot.press(*"nowhere/x", "enter")
        await settled(pilot)
        assert "there is no directory nowhere" in page(app)
        await pilot.press("escape")
        assert app.screen is not screen


# --- Copying --------------------------------------------------------------------------------------


async def test_y_copies_a_path_or_an_instruction(plain: Path) -> None:
    """`y` copies the instruction of a step or the path of a file, and a notification names it."""
    app = explorer(plain)
    async with app.run_test(size=SMALL, notifications=True) as pilot:
        screen = await loaded(pilot)
        await pilot.press("y")
        await pilot.pause()
        assert app.clipboard == "COPY layer0 /"
        assert "the instruction of step 0" in page(app)
        assert screen.session.opened is not None
        path_id = screen.session.opened.filesystem.table.find(b"etc/motd")
        assert path_id is not None
        screen.explore.reveal(1, path_id)
        await pilot.press("y")
        await pilot.pause()
        assert app.clipboard == "/etc/motd"


async def test_a_copied_path_cannot_act_in_a_shell(tmp_path: Path) -> None:
    """Newlines, control characters and invalid UTF-8 in a copied path are escaped."""
    tar = layer_tar([file("a\nrm -rf ~\n\x1b", b"x"), file(b"b\xff", b"y")])
    app = explorer(write(tmp_path / "image.tar", docker_archive([tar])))
    async with app.run_test(size=SMALL, notifications=True) as pilot:
        await loaded(pilot)
        await pilot.press("tab")
        copied = []
        for _ in range(2):
            await pilot.press("y")
            await pilot.pause()
            copied.append(app.clipboard)
            await pilot.press("down")
    assert sorted(copied) == ["/a\\nrm -rf ~\\n\\e", "/b\\xff"]
    assert os.fsdecode(b"\xff") not in "".join(copied)


async def test_a_difference_is_one_key_away_from_any_row(plain: Path) -> None:
    """`D` in the file tree shows the difference, and a single Esc returns. For a file without an earlier version it notifies."""
    app = explorer(plain)
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        screen = await loaded(pilot)
        screen.explore.steps.select_layer(1)
        await settled(pilot)
        await pilot.press("tab", "plus", "slash", *"motd", "enter", "G", "D")
        await settled(pilot)
        assert isinstance(screen.view, FileView)
        shown = "\n".join(screen_text(app))
        assert "- two" in shown
        assert "difference · D shows the file" in shown
        assert "Bytes" not in screen_text(app)[-1]
        await pilot.press("escape")
        await settled(pilot)
        assert screen.view.id == "explore"
        await pilot.press("D", "D")
        await settled(pilot)
        assert "   2  2" in "\n".join(screen_text(app))
        await pilot.press("D", "escape")
        await settled(pilot)
        assert isinstance(screen.view, FileView)
        await pilot.press("escape", "slash", "ctrl+u", *"same", "enter", "G", "D")
        await settled(pilot)
        assert screen.view.id == "explore"
        assert "no earlier version" in "\n".join(screen_text(app))


async def test_a_match_is_extracted_while_the_field_has_the_focus(
    plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`ctrl+s` works in the field of Find; the footer offers it only while there is a match."""
    monkeypatch.chdir(tmp_path)
    app = explorer(plain)
    async with app.run_test(size=WIDE) as pilot:
        await loaded(pilot)
        await pilot.press("4")
        await settled(pilot)
        assert "^s Extract" not in screen_text(app)[-1]
        await pilot.press(*"gone")
        await settled(pilot)
        assert "^s Extract" in screen_text(app)[-1]
        await pilot.press("ctrl+s", "enter")
        await settled(pilot)
        assert (tmp_path / "gone").read_bytes() == b"still here\n"
