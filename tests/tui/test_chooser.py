"""The dialog for choosing one of several images."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerscope.errors import CancelledError
from layerscope.image.platform import Platform
from layerscope.sources import Candidate, Request, open_source
from layerscope.sources.base import ImageParts
from layerscope.tui.chooser import ChooserApp
from tests.sources.image_files import save
from tests.sources.test_os_versions import NEW, OLD, windows
from tests.tui.explorer import screen_text


def _parts() -> ImageParts:
    raise AssertionError


def _candidate(group: int, name: str, platform: str | None = None) -> Candidate:
    stated = None if platform is None else Platform.parse(platform)
    return Candidate([name], stated, _parts, ["sha256:" + "ab" * 32], (group,))


async def chosen(
    candidates: list[Candidate], *keys: str, width: int = 80
) -> tuple[list[str], Candidate | None]:
    """The screen of the chooser, and the chosen candidate after pressing keys."""
    app = ChooserApp(candidates)
    async with app.run_test(size=(width, 12)) as pilot:
        await pilot.pause()
        shown = screen_text(app)
        await pilot.press(*keys)
        await pilot.pause()
    return shown, app.return_value


@pytest.mark.parametrize("width", [80, 120])
async def test_versions_of_windows_are_rows(tmp_path: Path, width: int) -> None:
    """The versions are shown in full at both widths; Enter chooses the one under the cursor."""
    candidates: list[Candidate] = []

    def keep(listed: object) -> None:
        assert isinstance(listed, list)
        candidates.extend(listed)

    path = str(save(tmp_path, windows(OLD, NEW)))
    with pytest.raises(CancelledError):
        open_source(Request(path), keep)
    shown, answer = await chosen(candidates, "down", "enter", width=width)
    assert [any(platform in line for line in shown) for platform in (OLD, NEW)] == [True, True]
    assert "2 images" in "".join(shown)
    assert answer is candidates[1]


async def test_platforms_of_one_image_are_one_row() -> None:
    """The name of the image is not cut, however many platforms there are."""
    platforms = ("linux/amd64", "linux/arm64", "linux/s390x", "linux/riscv64")
    name = "registry.example.com/a:1"
    several = [_candidate(0, name, platform) for platform in platforms]
    shown, answer = await chosen([*several, _candidate(1, "b:1")], "down", "enter")
    (line,) = (line for line in shown if name in line)
    assert "linux/amd64, linux/…" in line
    assert answer is not None
    assert answer.name == "b:1"


async def test_leaving_chooses_nothing() -> None:
    """Esc returns None. Control characters in names and platforms are escaped."""
    evil = Candidate(["a\x1b[2J"], Platform.of("windows", "amd64\x1b[2J", "", "1\x1b[2J"), _parts)
    shown, answer = await chosen([evil, _candidate(1, "b")], "escape")
    assert answer is None
    assert "\x1b" not in "".join(shown)
