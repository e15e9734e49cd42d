"""Packages: what the final image consists of, with the files of each package."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from layerscope import text
from layerscope.analysis.packages.model import Package
from layerscope.tui.screens.explore import ExploreView
from layerscope.tui.screens.packages import PackagesView
from tests.images import docker_archive, file, layer_tar, write
from tests.tui.explorer import explorer, loaded, screen_text, settled

STATUS = b"Package: curl\nStatus: install ok installed\nVersion: 8.1-2\n\nPackage: zsh\nStatus: install ok installed\nVersion: 5\n"
MEMBERS = [
    file("var/lib/dpkg/status", STATUS),
    file("var/lib/dpkg/info/curl.list", b"/usr/bin/curl\n/usr/lib/libcurl.so\n"),
    file("var/lib/dpkg/info/zsh.list", b"/bin/zsh\n"),
    file("usr/bin/curl", b"c" * 30_000),
    file("usr/lib/libcurl.so", b"l" * 50_000),
    file("bin/zsh", b"z" * 10_000),
    file("opt/model.bin", b"m" * 60_000),
]


async def shown(pilot: Pilot[None]) -> PackagesView:
    """Open Packages, and return the view once it has rows."""
    screen = await loaded(pilot)
    await pilot.press("9")
    await settled(pilot)
    view = screen.view
    assert isinstance(view, PackagesView)
    return view


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """An image with two packages and a file of none."""
    return write(tmp_path / "image.tar", docker_archive([layer_tar(MEMBERS)]))


async def test_packages_and_other_files_are_listed_by_size(image: Path) -> None:
    """Rows have size, version and package manager; the title shows the share of packages."""
    app = explorer(image, rules={})
    async with app.run_test(size=(160, 48)) as pilot:
        view = await shown(pilot)
        rows = [line.split("│")[0] for line in screen_text(app)[5:8]]
        assert "80." in rows[0]
        assert "kB" in rows[0]
        for words in ("curl", "8.1-2", "dpkg"):
            assert words in rows[0]
        assert "/opt" in rows[1]
        assert "no package" in rows[1]
        assert "zsh" in rows[2]
        usage = view.list.usage
        assert usage is not None
        share = f"{100 * usage.owned / usage.live:.1f} %"
        assert (
            f"Packages · {share} of {text.size(usage.live)} belong to 2 packages"
            in screen_text(app)[3]
        )


async def test_enter_shows_the_files_of_a_package_and_then_one_in_the_tree(image: Path) -> None:
    """Enter goes to the files of the package, a second Enter shows one in Explore; Esc returns."""
    app = explorer(image, rules={})
    async with app.run_test(size=(160, 48)) as pilot:
        view = await shown(pilot)
        assert any("/usr/lib/libcurl.so" in line for line in screen_text(app))
        await pilot.press("enter")
        assert view.files.has_focus
        await pilot.press("escape")
        assert view.list.has_focus
        await pilot.press("enter", "enter")
        await settled(pilot)
        assert app.main is not None
        assert isinstance(app.main.view, ExploreView)
        opened = app.session.opened
        assert opened is not None
        path = app.main.explore.files.path
        assert path is not None
        assert opened.filesystem.table.full(path) == b"usr/lib/libcurl.so"
        await pilot.press("escape")
        await settled(pilot)
        assert isinstance(app.main.view, PackagesView)


async def test_rows_are_sorted_by_size_name_or_manager(image: Path) -> None:
    """`s` changes the order, and the cursor stays on its row. Sorted by manager, directories come last."""
    app = explorer(image, rules={})
    async with app.run_test(size=(160, 48)) as pilot:
        view = await shown(pilot)
        curl = view.list.selected
        assert isinstance(curl, Package)
        await pilot.press("s")
        await settled(pilot)
        assert view.list.selected is curl
        names = [view.list._name_of(row) for row in view.list._rows]
        assert names == sorted(names)
        await pilot.press("s")
        await settled(pilot)
        kinds = [isinstance(row, Package) for row in view.list._rows]
        assert kinds == sorted(kinds, reverse=True)


async def test_an_image_without_packages_lists_its_directories(tmp_path: Path) -> None:
    path = write(tmp_path / "image.tar", docker_archive([layer_tar([file("opt/a", b"a")])]))
    app = explorer(path, rules={})
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        text = "\n".join(screen_text(app))
        assert "0 packages" in text
        assert "/opt" in text


async def test_without_rules_the_view_says_that_rules_are_off(image: Path) -> None:
    app = explorer(image)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await loaded(pilot)
        await pilot.press("9")
        await pilot.pause(0.2)
        assert isinstance(screen.view, PackagesView)
        assert "the rules are switched off" in "\n".join(screen_text(app))


async def test_hostile_names_are_shown_escaped(tmp_path: Path) -> None:
    status = b"Package: a\x1b[31m\nStatus: install ok installed\nVersion: \x07[b]1\n\n"
    members = [
        file("var/lib/dpkg/status", status),
        file(b"opt/\x1b]0;evil\x07/x", b"x"),
    ]
    path = write(tmp_path / "image.tar", docker_archive([layer_tar(members)]))
    app = explorer(path, rules={})
    async with app.run_test(size=(120, 30)) as pilot:
        await shown(pilot)
        text = "\n".join(screen_text(app))
        assert "\x1b" not in text
        assert "\x07" not in text
