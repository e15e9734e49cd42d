"""In narrow terminals, texts are left out or wrapped, not cut."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.images import docker_archive, file, layer_tar, write
from tests.tui.explorer import explorer, loaded, screen_text, settled

SMALL = (80, 24)


@pytest.mark.parametrize("width", [60, 70, 80, 90])
async def test_the_header_never_runs_together(tmp_path: Path, width: int) -> None:
    """Name, platform and sizes stay apart; the platform is shown in full or left out."""
    layer = layer_tar([file("a", bytes(5_000_000)), file("b", b"1" * 200_000)])
    later = layer_tar([file("b", b"2" * 200_000)])
    image = docker_archive([layer, later], tags=["flask.oci-zstd.tar:latest"])
    app = explorer(write(tmp_path / "a.tar", image))
    async with app.run_test(size=(width, 24)) as pilot:
        await loaded(pilot)
        line = screen_text(app)[0]
        assert re.search(r"\s5\.\d MB ", line), line
        assert "linux" not in line or "linux/amd64 " in line


async def test_details_keep_digests_and_indent(demo_image: Path) -> None:
    """A digest is on a single line, and continuation lines are indented further than the first."""
    app = explorer(demo_image)
    async with app.run_test(size=(160, 48)) as pilot:
        screen = await loaded(pilot)
        screen.explore.steps.select_layer(1)
        await settled(pilot)
        lines = [line.partition("│")[0].rstrip() for line in screen_text(app)]
        assert any(re.fullmatch(r" +[0-9a-f]{64}", line) for line in lines)
        (start,) = [
            n
            for n, line in enumerate(lines)
            if line.startswith("  ") and "&& apt-get install" in line
        ]
        indents = [len(line) - len(line.lstrip()) for line in lines[start : start + 2]]
        assert indents[1] > indents[0] > 1


async def test_help_keeps_its_columns(demo_image: Path) -> None:
    """A meaning that needs two lines continues in its own column."""
    app = explorer(demo_image)
    async with app.run_test(size=SMALL) as pilot:
        await loaded(pilot)
        await pilot.press("question_mark")
        await settled(pilot)
        lines = screen_text(app)
        (start,) = [n for n, line in enumerate(lines) if "Shrink the left" in line]
        assert lines[start].index("Shrink the left") == lines[start + 1].index("with the mouse")


async def test_the_base_bracket_has_a_complete_label(demo_image: Path) -> None:
    """The bracket around the base image is labelled in a narrow listing, too."""
    app = explorer(demo_image)
    async with app.run_test(size=SMALL) as pilot:
        await loaded(pilot)
        await pilot.press("6")
        await settled(pilot)
        assert any(line.rstrip().endswith("┐ base") for line in screen_text(app))


async def test_the_title_shows_the_base_again_after_a_comparison(demo_image: Path) -> None:
    """The title of the steps shows the end of the base image again."""
    app = explorer(demo_image)
    async with app.run_test(size=SMALL) as pilot:
        await loaded(pilot)
        await pilot.press("x")
        await settled(pilot)
        assert "Esc ends" in "\n".join(screen_text(app))
        await pilot.press("escape")
        await settled(pilot)
        assert "base 2 steps · m shows metadata" in "\n".join(screen_text(app))


async def test_every_duplicate_names_its_layer(demo_image: Path) -> None:
    """A collapsed duplicate shows its layer in the column; a narrow terminal shows the whole digest."""
    app = explorer(demo_image)
    async with app.run_test(size=(160, 48)) as pilot:
        await loaded(pilot)
        await pilot.press("2")
        await settled(pilot)
        lines = screen_text(app)
        (title,) = [line for line in lines if "in layer" in line]
        (row,) = [line for line in lines if "htmx.min.js and 1 more" in line]
        assert row[title.index("in layer") :].startswith("6 RUN chown")
        await pilot.press("tab")
        await pilot.resize_terminal(*SMALL)
        await settled(pilot)
        assert any(re.search(r"sha256 +[0-9a-f]{64}$", line) for line in screen_text(app))


@pytest.mark.parametrize("size", [(120, 36), (80, 24), (60, 15)])
async def test_titles_of_views_are_never_cut(demo_image: Path, size: tuple[int, int]) -> None:
    """In small terminals, shorter titles are used instead of cut ones."""
    app = explorer(demo_image, rules={})
    async with app.run_test(size=size) as pilot:
        await loaded(pilot)
        for key in "2689":
            await pilot.press(key)
            await settled(pilot)
            assert "…" not in screen_text(app)[3].partition("│")[0]
        await pilot.press("2", "tab")
        await settled(pilot)
        (title,) = [line for line in screen_text(app) if line.startswith(" Duplicates ")]
        assert "…" not in title
        assert title.rstrip().endswith("not counted as wasted")
