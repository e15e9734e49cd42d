"""The picker, which opens if no image is named."""

from __future__ import annotations

import datetime
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from layerscope.errors import UnreachableError
from layerscope.image.platform import Platform
from layerscope.opening.remote import WORKER
from layerscope.sources import Request, Source
from layerscope.sources.store_image import StoreImage, StoreLayer
from layerscope.tui.picker import PickerApp
from layerscope.tui.picker_rows import PickerModel
from tests.images import docker_archive, file, layer_tar, write
from tests.sources.image_files import listing
from tests.terminal import TMUX, Terminal, layerscope, terminal
from tests.tui.explorer import screen_text

NOW = datetime.datetime(2024, 6, 1, tzinfo=datetime.UTC)
SAVED = docker_archive([layer_tar([file("a", b"1")])], tags=("saved:1",))
AMD, ARM = Platform.of("linux", "amd64"), Platform.of("linux", "arm64")
SIZES = [pytest.param((160, 48), id="160x48"), pytest.param((80, 24), id="80x24")]


def stored(name: str, number: int, source: str = "docker", **more: Any) -> StoreImage:
    """An image listed by an engine or store."""
    digits = f"{number:02x}" * 32
    fields: dict[str, Any] = {"created": f"2024-0{number}-01T00:00:00Z", "size": number * 10_000_000, "platform": AMD} | more  # fmt: skip
    return StoreImage(f"{source}://sha256:{digits}", digits, source, [name] if name else [], **fields)  # fmt: skip


IMAGES = [
    stored("docker.io/library/flask:3", 3),
    stored("registry.example.com/team/service/with/a/long/name:2024.05", 5, platform=ARM),
    stored("", 2),
    stored("evil\x1b[2J\u202e:1", 1),
]


def refusing(_: Request) -> Sequence[StoreImage]:
    raise UnreachableError("/var/lib/docker: permission denied")


SOURCES = [
    listing("docker", lambda _: IMAGES),
    listing("docker-store", refusing, stored=True),
]


def picker(folder: Path, sources: Sequence[Source] = SOURCES, **more: Any) -> PickerApp:
    """The picker on a folder, not running yet."""
    return PickerApp(Request(""), folder=folder, sources=sources, now=NOW, **more)


async def all_listed(pilot: Pilot[Any]) -> PickerApp:
    """Wait until the folder and all sources are listed, and return the picker."""
    app = pilot.app
    assert isinstance(app, PickerApp)
    for _ in range(200):
        await pilot.pause(0.01)
        if not app.images.looking:
            break
    await pilot.pause()
    return app


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a saved image, and a file that is not an image."""
    write(tmp_path / "saved.tar", SAVED)
    write(tmp_path / "notes.txt", b"x" * 2000)
    return tmp_path


def names(app: PickerApp) -> list[str]:
    return [row.name for row in app.model.rows]


async def test_images_of_folder_and_engines_are_listed(folder: Path) -> None:
    """The newest image is first. A source that refuses is named with the reason on one line."""
    async with picker(folder).run_test(size=(120, 24)) as pilot:
        app = await all_listed(pilot)
        assert [name[:8] for name in names(app)] == ["registry", "flask:3", "(no name", "evil\\e[2", "saved:1"]  # fmt: skip
        shown = screen_text(app)
        assert "docker-store: /var/lib/docker: permission denied" in "\n".join(shown)
        assert "5 images · by age" in shown[0]
        (row,) = (line for line in shown if "flask:3" in line)
        for words in ("03030303", "3 months", "linux/amd64", "30.0 MB", "docker"):
            assert words in row


async def test_enter_chooses(folder: Path) -> None:
    """Enter returns the image under the cursor, from the source that opens it."""
    async with picker(folder).run_test() as pilot:
        app = await all_listed(pilot)
        await pilot.press("down", "enter")
        await pilot.pause()
    assert app.return_value == (IMAGES[0],)


@pytest.mark.parametrize("key", ["q", "escape"])
async def test_leaving_chooses_nothing(folder: Path, key: str) -> None:
    """`q` and Esc return None."""
    async with picker(folder).run_test() as pilot:
        app = await all_listed(pilot)
        await pilot.press(key)
        await pilot.pause()
    assert app.return_value is None
    assert not app.is_running


@pytest.mark.parametrize("key", ["question_mark", "f1"])
async def test_help_has_the_keys_of_the_picker(folder: Path, key: str) -> None:
    """`/` searches the help and `q` closes it; the picker stays as it was. The footer shows what Esc does."""
    async with picker(folder).run_test(size=(100, 40)) as pilot:
        app = await all_listed(pilot)
        assert "Esc Quit" in screen_text(app)[-1]
        await pilot.press(key)
        await pilot.pause(0.1)
        text = "\n".join(screen_text(app))
        assert "Keys in Image picker" in text
        assert "Mark an image; Enter compares two." in text
        assert "Theme" not in text
        await pilot.press("slash", *"refresh")
        await pilot.pause(0.1)
        text = "\n".join(screen_text(app))
        assert "Reload the list." in text
        assert "Mark an image" not in text
        assert not app._field.input.value
        await pilot.press("escape", "q")
        await pilot.pause(0.1)
        assert app.images.has_focus
        await pilot.press("slash", *"a", "escape")
        await pilot.pause(0.1)
        assert "Esc Clear" in screen_text(app)[-1]
        assert app.is_running


async def test_a_search_narrows_while_typing(folder: Path) -> None:
    """Every key is text in the field, even `q` and `s`. Esc leaves the field, then clears the search; Enter opens."""
    async with picker(folder).run_test() as pilot:
        app = await all_listed(pilot)
        await pilot.press("slash", *"sqs")
        await pilot.pause()
        assert names(app) == []
        assert any("No image matches sqs" in line for line in screen_text(app))
        await pilot.press("backspace", "backspace", *"er")
        assert len(names(app)) == 1
        await pilot.press("escape")
        assert app.images.has_focus
        assert len(names(app)) == 1
        await pilot.press("escape")
        await pilot.pause()
        assert len(names(app)) == 5
        await pilot.press("slash", "slash")
        await pilot.pause()
        assert [name[:8] for name in names(app)] == ["registry"]
        await pilot.press("backspace", *"tar", "down", "up", "enter")
        await pilot.pause()
    assert app.return_value is not None
    assert app.return_value[0].reference.endswith("saved.tar")


async def test_s_sorts_and_the_cursor_stays(folder: Path) -> None:
    """`s` sorts by age, size and name in turn; the cursor stays on its image."""
    async with picker(folder).run_test() as pilot:
        app = await all_listed(pilot)
        await pilot.press("down", "s")
        assert app.model.sort == "size"
        await pilot.press("s")
        assert names(app)[0] == "(no name)"
        assert app.model.rows[app.images.cursor].name == "flask:3"


async def test_two_marked_images_are_compared(folder: Path) -> None:
    """Enter returns the older one first, wherever the cursor is. A third image cannot be marked until one is unmarked."""
    async with picker(folder).run_test(size=(120, 24), notifications=True) as pilot:
        app = await all_listed(pilot)
        assert "Enter Open" in screen_text(app)[-1]
        await pilot.press("space", "down", "space")
        await pilot.pause()
        shown = "\n".join(screen_text(app))
        assert "2 marked · 5 images" in shown
        assert shown.count("[x]") == 2
        assert "Enter Compare" in shown
        await pilot.press("down", "space")
        await pilot.pause()
        shown = "\n".join(screen_text(app))
        assert shown.count("[x]") == 2
        assert "Space unmarks one" in shown
        await pilot.press("up", "space", "down", "space", "G", "slash", *"service", "enter")
        await pilot.pause()
    assert app.return_value == (IMAGES[2], IMAGES[1])


async def test_a_marked_image_is_compared_with_the_one_under_the_cursor(folder: Path) -> None:
    """The footer shows whether Enter opens or compares. Marks survive a search, a refresh, and the next picker."""
    async with picker(folder).run_test(size=(120, 24)) as pilot:
        app = await all_listed(pilot)
        await pilot.press("down", "space")
        await pilot.pause()
        assert "Enter Open" in screen_text(app)[-1]
        await pilot.press("r")
        await all_listed(pilot)
        await pilot.press("slash", *"service")
        await pilot.pause()
        assert "1 marked · 1 of 5 images" in screen_text(app)[0]
        assert "Enter Compare" in screen_text(app)[-1]
        await pilot.press("enter")
        await pilot.pause()
    assert app.return_value == (IMAGES[0], IMAGES[1])
    again = picker(folder, previous=app)
    async with again.run_test(size=(120, 24)) as pilot:
        await all_listed(pilot)
        await pilot.press("escape")
        await pilot.pause()
        assert "1 marked · 5 images" in screen_text(again)[0]
        assert again.model.rows[again.images.cursor].image is IMAGES[1]


async def test_images_of_unknown_age_are_compared_in_the_order_of_marking(tmp_path: Path) -> None:
    """Without dates, the image that was marked first counts as the older one."""
    images = [stored("a:1", 1, created=None), stored("b:1", 2)]
    async with picker(tmp_path, [listing("docker", lambda _: images)]).run_test() as pilot:
        app = await all_listed(pilot)
        await pilot.press("slash", *"a:1", "escape", "space", "escape", "slash", *"b:1", "enter")
        await pilot.pause()
    assert app.return_value == tuple(images)


async def test_the_mouse_marks_and_sorts(folder: Path) -> None:
    """A click on a box marks, beside it selects. A click on a column title sorts, which the titles show."""
    async with picker(folder).run_test(size=(120, 24)) as pilot:
        app = await all_listed(pilot)
        for x, marked in ((2, 1), (40, 1), (1, 0), (3, 1)):
            await pilot.click("#images", offset=(x, 1))
            await pilot.pause()
            assert (len(app.model.marked), app.images.cursor) == (marked, 1), x
        for title, sort in (("image", "name"), ("size", "size"), ("id", "size"), ("age", "age")):
            lines = screen_text(app)
            y = next(y for y, line in enumerate(lines) if "platform" in line)
            await pilot.click(offset=(lines[y].rindex(title), y))
            await pilot.pause()
            assert app.model.sort == sort
            assert f"by {sort}" in screen_text(app)[0]
            assert {"name": "image ▴", "size": "size ▾", "age": "age ▴"}[sort] in screen_text(app)[
                y
            ]


async def test_r_refreshes(folder: Path) -> None:
    """`r` finds images that were saved since."""
    async with picker(folder).run_test() as pilot:
        app = await all_listed(pilot)
        write(folder / "later.tar", SAVED)
        await pilot.press("r")
        await all_listed(pilot)
        assert len(names(app)) == 6


async def test_rows_appear_while_a_slow_engine_is_awaited(folder: Path) -> None:
    """A slow engine delays neither other rows nor choosing one."""
    silence = threading.Event()

    def slow(_: Request) -> Sequence[StoreImage]:
        silence.wait(20)
        return []

    sources = [listing("slow", slow), *SOURCES]
    async with picker(folder, sources).run_test() as pilot:
        app = pilot.app
        assert isinstance(app, PickerApp)
        for _ in range(100):
            await pilot.pause(0.01)
            if len(app.model.rows) == 5:
                break
        assert len(app.model.rows) == 5
        assert app.images.looking
        await pilot.press("enter")
        await pilot.pause()
    silence.set()
    assert app.return_value == (IMAGES[1],)


async def test_an_empty_list_shows_a_message(tmp_path: Path) -> None:
    """The empty list shows how to get images."""
    async with picker(tmp_path, []).run_test(size=(100, 20)) as pilot:
        app = await all_listed(pilot)
        await pilot.press("enter", "G", "s")
        assert any("No images here" in line for line in screen_text(app))


async def test_an_image_that_did_not_open_is_reported(folder: Path) -> None:
    """The picker shows why the last chosen image could not be opened."""
    async with picker(folder, error="x.tar: it is cut [/bold]").run_test(
        size=(100, 24), notifications=True
    ) as pilot:
        app = await all_listed(pilot)
        await pilot.pause()
        assert any("it is cut [/bold]" in line for line in screen_text(app))


async def test_windows_versions_are_shown_in_full_if_there_is_room(folder: Path) -> None:
    """The column of platforms takes room from that of sources."""
    platform = Platform.parse("windows(10.0.20348.2402)/amd64")
    sources = [listing("docker", lambda _: [stored("app:1", 5, platform=platform)])]
    async with picker(folder, sources).run_test(size=(120, 24)) as pilot:
        app = await all_listed(pilot)
        await pilot.pause()
        shown = screen_text(app)
        (row,) = (line for line in shown if "app:1" in line)
        (titles,) = (line for line in shown if "platform" in line)
        assert row.index(f"{platform} ") == titles.index("platform")


def test_an_image_of_an_engine_and_its_store_is_one_row() -> None:
    """An image that both list is one row, and is opened from the store, which needs no export."""
    direct = stored("flask:3", 3, "docker-store", layers=[StoreLayer("a", 1)])
    model = PickerModel()
    model.add([IMAGES[0], stored("", 9, intermediate=True)])
    model.add([direct])
    (row,) = model.rows
    assert row.image is direct
    assert row.sources == ("docker", "docker-store")
    assert row.name == "flask:3"


@pytest.mark.parametrize("size", SIZES)
def test_the_picker(snap_compare: Callable[..., bool], folder: Path, size: tuple[int, int]) -> None:
    """The picker at both widths."""

    async def prepare(pilot: Pilot[Any]) -> None:
        await all_listed(pilot)
        await pilot.press("down")
        await pilot.pause()

    assert snap_compare(picker(folder), terminal_size=size, run_before=prepare)


@pytest.mark.terminal
@pytest.mark.skipif(TMUX is None, reason="tmux is not installed")
def test_without_an_image_the_picker_opens(folder: Path) -> None:
    """`layerscope` without arguments opens the picker; Enter explores an image."""
    root = str(Path(__file__).resolve().parents[2])
    command = ["env", "-C", str(folder), *layerscope()]
    with terminal(command, environment={"PYTHONPATH": root}) as screen:
        screen.wait_for("saved.tar")
        screen.keys("/")
        for letter in "saved.tar":
            screen.keys(letter)
        screen.wait_for("› saved.tar")
        screen.keys("Enter")
        screen.wait_for("1 Explore")
        screen.keys("q")
        screen.wait_for("exit 0")


def _workers(cache: Path) -> int:
    """The number of running workers with this cache folder."""
    found = 0
    for process in Path("/proc").iterdir():
        with suppress(OSError):
            worker = WORKER.encode() in (process / "cmdline").read_bytes()
            found += worker and str(cache).encode() in (process / "environ").read_bytes()
    return found


@pytest.mark.terminal
@pytest.mark.skipif(TMUX is None, reason="tmux is not installed")
def test_esc_returns_from_an_image_to_the_picker(folder: Path, tmp_path: Path) -> None:
    """Esc restores the search and the cursor, and ends the worker; the image can be opened again."""
    write(folder / "saved-2.tar", docker_archive([layer_tar([file("b", b"2")])], tags=("other:2",)))
    write(folder / "apart.tar", docker_archive([layer_tar([file("c", b"3")])]))
    cache = tmp_path / "cache"
    environment = {
        "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
        "LAYERSCOPE_CACHE_DIR": str(cache),
    }
    command = ["env", "-C", str(folder), *layerscope()]
    with terminal(command, environment=environment) as screen:
        screen.wait_for("saved-2.tar")
        screen.keys("/")
        screen.wait_for("Esc Leave")
        screen.type("saved")
        screen.wait_for("2 of ")
        screen.keys("Down", "Enter")
        for _ in range(2):
            screen.wait_for("Esc Images")
            screen.wait_for("digests ok")
            title = screen.lines()[0]
            assert _workers(cache) == 1
            screen.keys("2")
            screen.wait_for("Esc Explore")
            screen.escape()
            screen.wait_for("Esc Images")
            screen.keys("Escape")
            screen.wait_for("Choose an image")
            screen.wait_for("› saved")
            assert "2 of " in screen.lines()[0]
            assert _workers(cache) == 0
            screen.keys("Enter")
        screen.wait_for("digests ok")
        assert screen.lines()[0] == title
        screen.keys("q")
        screen.wait_for("exit 0")


@pytest.mark.terminal
@pytest.mark.skipif(TMUX is None, reason="tmux is not installed")
def test_two_images_open_compared_and_esc_returns(folder: Path, tmp_path: Path) -> None:
    """Esc returns from the comparison with both images still marked; they can be compared again."""
    write(folder / "other.tar", docker_archive([layer_tar([file("b", b"22")])], tags=("other:2",)))
    cache = tmp_path / "cache"
    environment = {
        "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
        "LAYERSCOPE_CACHE_DIR": str(cache),
    }
    command = ["env", "-C", str(folder), *layerscope()]
    with terminal(command, environment=environment) as screen:
        screen.wait_for("saved:1")
        screen.wait_for("other:2")
        screen.keys("Space", "Down", "Space")
        screen.wait_for("2 marked")
        for _ in range(2):
            screen.keys("Enter")
            screen.wait_for("Esc Images")
            screen.wait_for("1 B → 2 B stored" if _older_first(screen) else "2 B → 1 B stored")
            assert _workers(cache) == 2
            screen.keys("/")
            screen.wait_for("Esc Leave")
            screen.type("x")
            screen.wait_for("contains x")
            screen.escape()
            screen.escape()
            screen.wait_for("Esc Images")
            screen.keys("Escape")
            screen.wait_for("2 marked")
            assert _workers(cache) == 0
        screen.keys("q")
        screen.wait_for("exit 0")


def _older_first(screen: Terminal) -> bool:
    """Whether the smaller image was marked first: both have the same age, so the first marked one counts as older."""
    return screen.lines()[0].lstrip().startswith("saved")


async def test_a_picker_continues_where_the_previous_one_was_left(folder: Path) -> None:
    """Order, search and cursor are kept. Images are kept if all had been found, otherwise they are listed again."""
    first = picker(folder)
    async with first.run_test() as pilot:
        await all_listed(pilot)
        await pilot.press("s", "s", "slash", *"e", "down", "enter")
        await pilot.pause()
    assert first.return_value is not None
    (chosen,) = first.return_value
    order = names(first)
    asked: list[Request] = []

    def answer(request: Request) -> Sequence[StoreImage]:
        asked.append(request)
        return IMAGES

    again = listing("docker", answer)
    for complete in (True, False):
        first._busy = 0 if complete else 1
        second = picker(folder, sources=[again, SOURCES[1]], previous=first)
        async with second.run_test() as pilot:
            await all_listed(pilot)
            assert bool(asked) is not complete
            assert names(second) == order
            assert second.model.rows[second.images.cursor].image is chosen
            assert second.query_one(Input).value == "e"
