"""The Dockerfile view: figures of each instruction, and opening its step."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from layerscope import text
from layerscope.analysis.listing import Line
from layerscope.image.dockerfile import parse_dockerfile
from layerscope.opening.open import Opened
from layerscope.tui.app import LayerscopeApp
from layerscope.tui.screens import dockerfile as dockerfile_screen
from layerscope.tui.screens.dockerfile import DockerfileView
from layerscope.tui.screens.main import MainScreen
from tests.images import docker_archive, file, layer_tar, write
from tests.tui.explorer import explorer, loaded, screen_text

WIDE, SMALL = (160, 48), (80, 24)
Compare = Callable[..., bool]

DOCKERFILE = b"""\
# syntax=docker/dockerfile:1
ARG TAG=bookworm
FROM debian:${TAG} AS tools
RUN apt-get update && apt-get install -y build-essential

# The service itself.
FROM debian:${TAG}
ENV LANG=C.UTF-8
RUN apt-get update && \\
    # what the wheels need
    apt-get install -y build-essential ca-certificates
WORKDIR /app
COPY requirements.txt .
RUN pip install --break-system-packages \\
\t-r requirements.txt
COPY --link . /app
RUN chown -R 1000:1000 /app
RUN rm -rf /app/assets/seed-data.sql /app/.git /app/.env /app/instance && \\
    install -d -o 1000 -g 1000 /app/instance
EXPOSE 8000
USER 1000
HEALTHCHECK --interval=30s --timeout=3s CMD python3 -m shop.health || exit 1
LABEL org.opencontainers.image.title="Tiny Shop"
CMD ["gunicorn", "--bind", "0.0.0.0:8000", "app:app"]
"""


def annotated(image: Path) -> LayerscopeApp:
    """The explorer with a Dockerfile that differs slightly from the image's."""
    app = explorer(image)
    app.session.dockerfile = parse_dockerfile(DOCKERFILE, "shop/Dockerfile")
    return app


async def dockerfile_view(pilot: Pilot[None]) -> tuple[MainScreen, DockerfileView]:
    """The main screen with the Dockerfile view open."""
    screen = await loaded(pilot)
    await pilot.press("6")
    await pilot.pause()
    assert isinstance(screen.view, DockerfileView)
    return screen, screen.view


def line_with(app: LayerscopeApp, words: str) -> str:
    """The first line on the screen that holds some words."""
    return next(line for line in screen_text(app) if words in line)


@pytest.mark.parametrize("size", [WIDE, SMALL], ids=["wide", "small"])
async def test_figures_come_before_their_instruction(
    demo_image: Path, demo_opened: Opened, size: tuple[int, int]
) -> None:
    """Stored and wasted bytes are left of the instruction; a step without a layer is marked as metadata."""
    app, base = explorer(demo_image), demo_opened.accounting.layers[0]
    async with app.run_test(size=size) as pilot:
        await dockerfile_view(pilot)
        before, _, source = line_with(app, "ADD file:").partition("│")
        assert text.size(base.stored) in before
        assert text.size(base.wasted) in before
        assert source.strip().startswith("ADD file:4b1be1de1a1e… in /")
        assert "metadata" in line_with(app, "ENV LANG")


async def test_enter_goes_to_the_step(demo_image: Path) -> None:
    """Enter on a metadata instruction shows its step in Explore, even if metadata steps are hidden there."""
    app = explorer(demo_image)
    async with app.run_test(size=WIDE) as pilot:
        screen = await loaded(pilot)
        await pilot.press("m", "6", "down", "enter")
        await pilot.pause()
        assert screen.view is screen.explore
        assert screen.explore.steps.step is not None
        assert screen.explore.steps.step.arguments == '["bash"]'


async def test_a_dockerfile_is_annotated_with_figures(
    demo_image: Path, demo_opened: Opened
) -> None:
    """FROM has the figures of the base image; instructions that differ have a note."""
    app = annotated(demo_image)
    async with app.run_test(size=WIDE) as pilot:
        screen, view = await dockerfile_view(pilot)
        assert "Dockerfile · 12 of 13 instructions found in this image" in screen_text(app)[3]
        base = screen_text(app)[11]
        assert text.size(demo_opened.accounting.layers[0].stored) in base
        assert base.endswith("base image")
        assert line_with(app, "RUN apt-get update && \\").endswith("not in this image")
        assert line_with(app, "image.version").endswith("not in the Dockerfile")
        line = view.list.instruction
        assert line is not None
        assert line.kind is Line.BASE
        await pilot.press("enter")
        await pilot.pause()
        step = screen.explore.steps.step
        assert step is not None
        assert step.index == 2


async def test_the_cursor_stays_with_its_line_when_the_width_changes(demo_image: Path) -> None:
    """Lines are wrapped again for the new width."""
    app = explorer(demo_image)
    async with app.run_test(size=WIDE) as pilot:
        _, view = await dockerfile_view(pilot)
        await pilot.press("G")
        line = view.list.instruction
        rows = view.list.row_count()
        await pilot.resize_terminal(60, 20)
        await pilot.pause()
        assert view.list.row_count() > rows
        assert view.list.instruction is line
        assert view.list.scroll_offset.y <= view.list.cursor


async def test_instructions_are_listed_before_any_layer_is_read(
    demo_image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The listing does not wait for the layers; their figures do."""
    monkeypatch.setattr(LayerscopeApp, "load", lambda _: None)
    app = explorer(demo_image)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press("6")
        await pilot.pause()
        assert "…" in line_with(app, "RUN pip").partition("│")[0]


async def test_a_long_history_is_listed_in_a_thread(
    demo_image: Path, demo_opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A listing from a thread has the same figures."""
    monkeypatch.setattr(dockerfile_screen, "LISTED_AT_ONCE", 10)
    app = explorer(demo_image)
    async with app.run_test(size=WIDE) as pilot:
        await dockerfile_view(pilot)
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert text.size(demo_opened.accounting.layers[0].stored) in line_with(app, "ADD file:")


async def test_an_image_without_steps_shows_a_message(tmp_path: Path) -> None:
    """The listing of an empty image shows a message."""
    app = explorer(write(tmp_path / "empty.tar", docker_archive([], history=[])))
    async with app.run_test(size=SMALL) as pilot:
        await dockerfile_view(pilot)
        await pilot.press("enter", "down", "G")
        assert "no history and no layers" in "\n".join(screen_text(app))


async def test_hostile_instructions_stay_text(tmp_path: Path) -> None:
    """Control and bidirectional characters in instructions and Dockerfiles are escaped."""
    texts = ["RUN \x1b]0;x\x07[red]", "RUN " + "漢" * 300, "COPY \u202ea\u2028 b", "x\x9b2J\n[/y]"]
    layers = [layer_tar([file(f"{number}", b"x")]) for number in range(len(texts))]
    history = [{"created_by": text} for text in texts]
    path = write(tmp_path / "hostile.tar", docker_archive(layers, history=history))
    written = parse_dockerfile(b"FROM \x1b[31mx\nRUN \xff\xfe\x9b[/red]\n", "a\x1b[2J")
    for dockerfile in (None, written):
        for size in (WIDE, SMALL, (30, 10)):
            app = explorer(path)
            app.session.dockerfile = dockerfile
            async with app.run_test(size=size) as pilot:
                await dockerfile_view(pilot)
                await pilot.press("down", "G")
                text = "".join(screen_text(app))
            assert not any(
                ord(mark) < 32 or 127 <= ord(mark) < 160 or mark in "\u202e\u2028" for mark in text
            )


def _prepared(*keys: str, theme: str = "dark") -> Callable[[Pilot[Any]], Any]:
    async def prepare(pilot: Pilot[Any]) -> None:
        pilot.app.theme = f"layerscope-{theme}"
        await loaded(pilot)
        await pilot.press("6", *keys)
        for _ in range(3):
            await pilot.pause()

    return prepare


def test_from_the_history(snap_compare: Compare, demo_image: Path) -> None:
    """The listing of the bundled image in a small terminal."""
    assert snap_compare(
        explorer(demo_image), terminal_size=SMALL, run_before=_prepared("j", "j", "j", "j")
    )


def test_with_a_dockerfile(snap_compare: Compare, demo_image: Path) -> None:
    """A Dockerfile with the figures of the image, in the light theme."""
    assert snap_compare(
        annotated(demo_image), terminal_size=WIDE, run_before=_prepared("j", "j", theme="light")
    )
