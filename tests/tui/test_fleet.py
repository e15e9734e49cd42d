"""The explorer of many images: tables, details, opening an image, and reading that is cancelled or fails."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from msgspec.structs import replace
from textual.pilot import Pilot

from layerscope.errors import CancelledError, UnreachableError
from layerscope.fleet.fleet import Fleet, read_fleet
from layerscope.fleet.pending import Workers
from layerscope.fleet.processes import Processes
from layerscope.fleet.run import Watch
from layerscope.fleet.tables import ImageRow
from layerscope.progress import Progress, check
from layerscope.text import _UNSAFE
from layerscope.tui.fleet.app import FleetApp
from layerscope.tui.fleet.state import SECTIONS, FleetState
from layerscope.tui.preferences import Preferences
from layerscope.tui.screens.error import ErrorScreen
from tests.fleet.running import fleet_of, setup_of, written
from tests.images import docker_archive, file, layer_tar, write
from tests.tui.explorer import screen_text, until

HOSTILE = "e\x1b[31m\x1b]0;owned\x07\u202ex\x9b2J[red]\r\nz"
LISTS = b"Package: x\n" * 20_000


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A fleet of fourteen images and a missing one, with relative paths."""
    folder = tmp_path_factory.mktemp("fleet")
    names = [path.relative_to(folder) for path in written(folder / "images", 14, 0.05)]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield fleet_of(folder, [*names, "none.tar"])


def explorer(fleet: Fleet) -> FleetApp:
    """The explorer on a fleet that is available immediately."""
    return FleetApp(FleetState(lambda *_: fleet), Preferences())


async def _loaded(pilot: Pilot[None]) -> FleetApp:
    app = pilot.app
    assert isinstance(app, FleetApp)
    await until(pilot, lambda: app.fleet_state.tables is not None)
    await pilot.pause(0.2)
    return app


async def _press(pilot: Pilot[None], *keys: str) -> str:
    for key in keys:
        await pilot.press(key)
    await until(pilot, lambda: True)
    return "\n".join(screen_text(pilot.app))


def _names(text: str) -> list[str]:
    """Names of images in a text, in order."""
    return [word for word in text.split() if word.startswith("team-")]


@pytest.mark.parametrize("size", [(160, 48), (100, 30), (80, 24), (60, 20)])
async def test_every_table(fleet: Fleet, size: tuple[int, int]) -> None:
    """The header has totals, and each tab shows its table, at any width."""
    app = explorer(fleet)
    async with app.run_test(size=size) as pilot:
        await _loaded(pilot)
        shown = screen_text(app)
        assert "15 images" in shown[0]
        assert "59" in shown[0]
        assert "12.8 MB" in shown[0]
        expected = {
            "1": ("Images", "unique▾", "team-"),
            "2": ("Layers", "in all▾", "RUN apt-get"),
            "3": ("Findings", "once", "APT package"),
            "4": ("Base images", "lags", "ADD rootfs"),
            "5": ("Builds that are not reproducible", "again▾", "RUN apt-get"),
            "6": ("Packages", "versions", "libdebian0"),
            "7": ("Growth", "stored once", "2023-12-14"),
            "8": ("Not read completely", "why", "no such file"),
        }
        for key, words in expected.items():
            text = await _press(pilot, key)
            for word in words:
                assert word in text, (key, word, text)
            section = SECTIONS[app.fleet_state.section]
            assert f"{key} {section.title}" in screen_text(app)[1]
        if size[0] >= 80:
            assert "8 Failed" in screen_text(app)[1]
            assert "1 failed" in screen_text(app)[0] or "could not be read" in screen_text(app)[0]


async def test_arrows_step_through_the_tabs(fleet: Fleet) -> None:
    """Right and left step through the tabs, and wrap around."""
    app = explorer(fleet)
    async with app.run_test(size=(100, 30)) as pilot:
        await _loaded(pilot)
        seen = []
        for _ in SECTIONS:
            await _press(pilot, "right")
            seen.append(app.fleet_state.section)
        assert sorted(seen) == sorted(SECTIONS)
        await _press(pilot, "left")
        assert app.fleet_state.section == "failed"


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("1", "Repositories"),
        ("3", "Dockerfile lines"),
        ("5", "/srv/app/shared.js"),
        ("7", "2023-12"),
    ],
)
async def test_b_shows_the_other_groups_of_a_table(fleet: Fleet, key: str, words: str) -> None:
    """`b` steps through the tables of a tab, and returns to the first one."""
    app = explorer(fleet)
    async with app.run_test(size=(100, 30)) as pilot:
        await _loaded(pilot)
        before = await _press(pilot, key)
        assert words in await _press(pilot, "b")
        for _ in range(len(SECTIONS[app.fleet_state.section].tables) - 1):
            text = await _press(pilot, "b")
        assert text == before


async def test_rows_are_sorted_by_key_and_click(fleet: Fleet) -> None:
    """`s` sorts by the next column, `S` reverses, and a click on a title sorts or reverses."""
    app = explorer(fleet)
    async with app.run_test(size=(100, 30)) as pilot:
        await _loaded(pilot)
        first = _names(await _press(pilot))
        assert _names(await _press(pilot, "S")) == first[::-1]
        await _press(pilot, "s")
        text = await _press(pilot, "s")
        assert "share▴" in text
        answers = fleet.answers.shares[:14]
        least = min(
            answers, key=lambda one: one.shared_bytes / (one.shared_bytes + one.unique_bytes)
        )
        titles = [row.title for row in fleet.results.rows(ImageRow)]
        assert _names(text)[0] == titles[least.image]
        x = screen_text(app)[4].index("image")
        await pilot.click("ColumnTitles", offset=(x, 0))
        assert _names(await _press(pilot)) == sorted(first)
        await pilot.click("ColumnTitles", offset=(x, 0))
        assert _names(await _press(pilot)) == sorted(first, reverse=True)


@pytest.mark.parametrize("key", "126")
async def test_titles_stand_above_their_columns(fleet: Fleet, key: str) -> None:
    """Column titles are aligned with and without a scrollbar, and after leaving the details."""
    app = explorer(fleet)
    async with app.run_test(size=(80, 24)) as pilot:
        await _loaded(pilot)
        for keys in ((key,), ("tab", "escape"), ("G",), ("3", key)):
            await _press(pilot, *keys)
            titles = screen_text(app)[4]
            assert app.main.list.column_titles().rstrip() == titles


async def test_a_filter_keeps_rows_that_contain_a_text(fleet: Fleet) -> None:
    """The filter ignores case. Esc leaves the field, then clears it. Each table has its own filter."""
    app = explorer(fleet)
    async with app.run_test(size=(100, 30)) as pilot:
        await _loaded(pilot)
        text = await _press(pilot, "slash", *"TEAM", "minus", "3")
        assert "3 of 14" in text
        assert set(_names(text)) == {"team-3/app-003:1.3", "team-3/app-007:1.7", "team-3/app-011:1.11"}  # fmt: skip
        await _press(pilot, "escape")
        assert "3 of 14" not in await _press(pilot, "2")
        assert "3 of 14" in await _press(pilot, "1")
        assert "3 of 14" not in await _press(pilot, "escape")
        assert "No row contains zzz." in await _press(pilot, "slash", *"zzz")


@pytest.mark.parametrize("size", [(160, 48), (80, 24)])
async def test_which_images_have_a_layer(fleet: Fleet, size: tuple[int, int]) -> None:
    """Enter on a layer lists its images, and Enter on one opens it; Esc returns to the row."""
    app = explorer(fleet)
    async with app.run_test(size=size) as pilot:
        await _loaded(pilot)
        text = await _press(pilot, "2", "j", "enter")
        layer = fleet.answers.layers[1]
        assert layer.digest[:40] in text
        assert _names(text) == ["team-1/app-001:1.1", "team-3/app-007:1.7", "team-1/app-013:1.13"]
        await _press(pilot, "escape")
        assert app.focused is app.main.list
        assert app.main.list.cursor == 1
        await _press(pilot, "enter", "j", "enter")
        assert app.chosen == 7


@pytest.mark.parametrize("key", "34567")
async def test_details_of_every_table_list_images(fleet: Fleet, key: str) -> None:
    """The details of rows of every table list the images that have them."""
    app = explorer(fleet)
    async with app.run_test(size=(160, 48)) as pilot:
        await _loaded(pilot)
        await _press(pilot, key)
        for _ in SECTIONS[app.fleet_state.section].tables:
            text = await _press(pilot, "enter")
            assert app.main.details.image is not None, text
            await _press(pilot, "escape", "b")


async def test_an_image_is_opened_and_left(fleet: Fleet) -> None:
    """The explorer ends with the chosen image. Afterwards filter, order and cursor are restored, and nothing is read again."""
    app = explorer(fleet)
    async with app.run_test(size=(100, 30)) as pilot:
        await _loaded(pilot)
        await _press(pilot, "slash", *"team", "enter", "s", "j", "enter")
    assert app.chosen is not None
    app.fleet_state.open_error = UnreachableError("it is gone")
    again = FleetApp(app.fleet_state, Preferences())
    async with again.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: isinstance(again.screen, ErrorScreen))
        assert "it is gone" in "\n".join(screen_text(again))
        await _press(pilot, "escape")
        text = "\n".join(screen_text(again))
        assert "shared▾" in text
        assert "14 of 14" in text
        row = again.main.list.current
        assert row is not None
        assert row.about == app.chosen
    assert again.fleet_state.open_error is None


async def test_a_failed_image_shows_the_reason(fleet: Fleet) -> None:
    """The details have the whole reason; Enter opens the image nevertheless."""
    app = explorer(fleet)
    async with app.run_test(size=(80, 24)) as pilot:
        await _loaded(pilot)
        text = await _press(pilot, "8", "enter")
        assert "none.tar: no such file" in text
        assert "It has no figures." in text
        await _press(pilot, "enter")
        assert app.chosen == 14


async def test_keys_are_in_help_and_names_are_copied(fleet: Fleet) -> None:
    """Help lists the commands of this explorer; `y` copies a name or a digest."""
    app = explorer(fleet)
    async with app.run_test(size=(100, 40)) as pilot:
        await _loaded(pilot)
        await _press(pilot, "y")
        assert app.clipboard.startswith("team-")
        await _press(pilot, "2", "y")
        assert app.clipboard.startswith("sha256:")
        text = await _press(pilot, "question_mark")
        assert "Many images" in text
        assert "Reverse the order of the rows." in text


# reading


class HeldReader:
    """Blocks in reading a fleet until it is cancelled or `go` is set."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self.go = threading.Event()
        self.cancelled = False

    def __call__(self, progress: Progress, watch: Watch) -> Fleet:
        progress.stage("Reading images", 40)
        progress.advance(10)
        watch(30, 120)
        while not self.go.wait(0.02):
            try:
                check(progress)
            except CancelledError:
                self.cancelled = True
                raise
            progress.advance(0)
        return self._fleet


async def _until_shown(pilot: Pilot[Any], words: str) -> None:
    for _ in range(200):
        if words in "\n".join(screen_text(pilot.app)):
            return
        await pilot.pause(0.02)
    raise AssertionError("\n".join(screen_text(pilot.app)))


async def test_progress(fleet: Fleet) -> None:
    """While images are read, their number and that of layers are shown, and keys of tables do nothing."""
    held = HeldReader(fleet)
    app = FleetApp(FleetState(held), Preferences())
    async with app.run_test(size=(80, 24)) as pilot:
        await _until_shown(pilot, "10 of 40")
        await _until_shown(pilot, "30 of 120 distinct layers")
        for key in ("2", "s", "S", "slash", "b", "tab", "enter", "y"):
            await pilot.press(key)
        assert "Esc Cancel" in screen_text(app)[-1]
        held.go.set()
        await _loaded(pilot)
        assert "RUN apt-get" in "\n".join(screen_text(app))
        assert "Cancel" not in screen_text(app)[-1]


@pytest.mark.parametrize("key", ["q", "escape", "ctrl+c"])
async def test_reading_is_cancelled(fleet: Fleet, key: str) -> None:
    """Each key that quits cancels reading."""
    held = HeldReader(fleet)
    app = FleetApp(FleetState(held), Preferences())
    async with app.run_test(size=(80, 24)) as pilot:
        await _until_shown(pilot, "10 of 40")
        await pilot.press(key)
        for _ in range(200):
            if held.cancelled:
                break
            await pilot.pause(0.02)
    assert held.cancelled
    assert app.chosen is None


async def test_cancelling_ends_the_processes(tmp_path: Path) -> None:
    """Quitting ends the processes that read images."""
    paths = written(tmp_path / "images", 6, 0.05)
    started: list[Processes] = []

    def read(progress: Progress, watch: Watch) -> Fleet:
        with Processes(1) as processes:
            started.append(processes)
            workers = Workers(processes, 2)
            return read_fleet(list(map(str, paths)), setup_of(tmp_path), workers, progress, watch=watch)  # fmt: skip

    app = FleetApp(FleetState(read), Preferences())
    async with app.run_test(size=(80, 24)) as pilot:
        for _ in range(500):
            if started and started[0]._running:
                break
            await pilot.pause(0.01)
        await pilot.press("q")
    (processes,) = started
    deadline = time.monotonic() + 10
    for each in list(processes._running):
        while each.process is not None and each.process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.02)
    assert app.fleet_state.tables is None


async def test_a_fleet_that_cannot_be_read() -> None:
    """The error is shown in a dialog, and the explorer can be quit."""

    def read(*_: object) -> Fleet:
        raise UnreachableError("docker:// cannot be reached", hint="is it running?")

    app = FleetApp(FleetState(read), Preferences())
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, ErrorScreen))
        assert "is it running?" in "\n".join(screen_text(app))
        assert "The images could not be read." in await _press(pilot, "escape")
        await pilot.press("escape")
    assert app.chosen is None


# fleets of all sizes


async def test_an_empty_fleet(tmp_path: Path) -> None:
    """Every table shows a message."""
    app = explorer(fleet_of(tmp_path, []))
    async with app.run_test(size=(80, 24)) as pilot:
        await _loaded(pilot)
        for number in range(len(SECTIONS)):
            text = await _press(pilot, str(number + 1), "s", "S", "enter", "tab", "y")
            assert text.splitlines()[0].startswith(" 0 images")
            assert len(text.splitlines()[5]) > 10


async def test_a_fleet_of_one_image(tmp_path: Path) -> None:
    """A single image shares nothing."""
    app = explorer(fleet_of(tmp_path, written(tmp_path, 1)))
    async with app.run_test(size=(80, 24)) as pilot:
        await _loaded(pilot)
        assert "0 %" in "\n".join(screen_text(app))
        assert "No layer is stored again" in await _press(pilot, "5")


async def test_only_images_that_fail(tmp_path: Path) -> None:
    """If every image failed, the tab with the reasons is shown first."""
    app = explorer(fleet_of(tmp_path, [tmp_path / "a.tar", tmp_path / "b.tar"]))
    async with app.run_test(size=(80, 24)) as pilot:
        await _loaded(pilot)
        assert app.fleet_state.section == "failed"
        assert "\n".join(screen_text(app)).count("no such file") == 2


async def test_thousands_of_rows(fleet: Fleet) -> None:
    """Thousands of rows can be sorted and filtered."""
    first = fleet.answers.layers[0]
    many = [structs.replace(first, digest=f"sha256:{n:064}", line=f"RUN step-{n}") for n in range(2000)]  # fmt: skip
    app = explorer(replace(fleet, answers=structs.replace(fleet.answers, layers=many)))
    async with app.run_test(size=(80, 24)) as pilot:
        await _loaded(pilot)
        assert "RUN step-1999" in await _press(pilot, "2", "G")
        assert "RUN step-999" in await _press(pilot, "s", "s", "s", "s", "S", "g")
        assert "1 of 2,000" in await _press(pilot, "slash", *"step", "minus", *"1234")


async def test_hostile_names(tmp_path: Path) -> None:
    """Names of images, steps, files, packages and bases are escaped in tables, details and notifications."""
    evil = layer_tar([file(f"{HOSTILE}/var/lib/apt/lists/x", LISTS), file(HOSTILE, b"x" * 9000)])
    status = f"Package: p{HOSTILE}\nStatus: install ok installed\nVersion: 1{HOSTILE}\n\n"
    packages = layer_tar([file("var/lib/dpkg/status", status.encode())])
    again = layer_tar([file("again", b"x" * 9000)])
    history = [{"created_by": f"RUN {HOSTILE}"}, {"created_by": f"COPY {HOSTILE}"}]
    paths = [
        write(tmp_path / f"{n}.tar", docker_archive([evil, last], history=history, tags=[f"{HOSTILE}:{n}"], config={"created": "2024-01-01T00:00:00Z", "config": {"Labels": {"org.opencontainers.image.base.name": HOSTILE}}}))
        for n, last in enumerate((packages, again))
    ]  # fmt: skip
    bad = write(tmp_path / "bad\x1b[31m\u202e.tar", b"x" * 999)
    app = explorer(fleet_of(tmp_path, [*paths, bad]))
    async with app.run_test(size=(160, 48), notifications=True) as pilot:
        await _loaded(pilot)
        for number, section in enumerate(SECTIONS.values()):
            await _press(pilot, str(number + 1))
            for _ in section.tables:
                text = await _press(pilot, "y", "tab")
                text += await _press(pilot, "tab", "b")
                unsafe = _UNSAFE.search(text.replace("\n", ""))
                assert unsafe is None, repr(unsafe)


# pictures


def _prepared(*keys: str, theme: str = "layerscope-dark") -> Callable[[Pilot[Any]], Any]:
    async def prepare(pilot: Pilot[Any]) -> None:
        pilot.app.theme = theme
        await _loaded(pilot)
        await _press(pilot, *keys)

    return prepare


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize(
    "size", [(80, 24), (100, 30), (160, 48)], ids=["80x24", "100x30", "160x48"]
)
def test_picture(
    snap_compare: Callable[..., bool], fleet: Fleet, size: tuple[int, int], theme: str
) -> None:
    """The images, by the bytes that removing each frees."""
    prepared = _prepared(theme=f"layerscope-{theme}")
    assert snap_compare(explorer(fleet), terminal_size=size, run_before=prepared)


@pytest.mark.parametrize("key", "2345678")
def test_picture_of_a_table(snap_compare: Callable[..., bool], fleet: Fleet, key: str) -> None:
    """Each of the other tables in a small terminal."""
    assert snap_compare(explorer(fleet), terminal_size=(80, 24), run_before=_prepared(key))


@pytest.mark.parametrize("size", [(80, 24), (160, 48)], ids=["80x24", "160x48"])
def test_picture_of_details(
    snap_compare: Callable[..., bool], fleet: Fleet, size: tuple[int, int]
) -> None:
    """A rule with its findings, and the images that have them."""
    prepared = _prepared("3", "enter")
    assert snap_compare(explorer(fleet), terminal_size=size, run_before=prepared)


def test_picture_in_sixteen_colours(snap_compare: Callable[..., bool], fleet: Fleet) -> None:
    """The growth in the terminal's own colours."""
    prepared = _prepared("7", theme="ansi-dark")
    assert snap_compare(explorer(fleet), terminal_size=(80, 24), run_before=prepared)


def test_picture_without_colours(
    snap_compare: Callable[..., bool], fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The base images with NO_COLOR."""
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(explorer(fleet), terminal_size=(80, 24), run_before=_prepared("4"))
