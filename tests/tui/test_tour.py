"""Asks every question of docs/tour.md in a real terminal of two sizes, with the keys of the page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.terminal import TMUX
from tests.tui.tour import COLORS, DEMO, FEW, QUESTIONS, Press, Question
from tests.tui.touring import SIZES, Places, Tour, places, reversed_lines, toured

pytestmark = [
    pytest.mark.terminal,
    pytest.mark.skipif(TMUX is None, reason="tmux is not installed"),
]
ASKED = [
    pytest.param(question, color, size, id=f"{number}-{color or 'all'}-{size[0]}x{size[1]}")
    for number, question in enumerate(QUESTIONS, 1)
    for color in question.colors
    for size in SIZES
]


@pytest.fixture(scope="module")
def where(demo_image: Path, tmp_path_factory: pytest.TempPathFactory) -> Places:
    """The bundled image, two builds of another image, and a store with both."""
    return places(tmp_path_factory.mktemp("tour"), demo_image)


def take(tour: Tour, question: Question) -> str:
    """Press the keys of a question, and return the screen with the answer."""
    for act in question.acts:
        tour.act(act)
    return tour.answer(question)


@pytest.mark.parametrize(("question", "color", "size"), ASKED)
def test_a_question_is_answered(
    where: Places,
    question: Question,
    color: str,
    size: tuple[int, int],
    record_property: Callable[[str, object], None],
) -> None:
    """At most two keys show the answer, or more if the page gives a reason, and it was not on screen before. Typed text is no key."""
    assert question.keys <= FEW or question.longer
    with toured(question, where, size, COLORS[color]) as tour:
        before = tour.written()
        assert not (question.acts and question.answered_by(tour.screen.text()))
        take(tour, question)
        record_property("bytes", tour.written() - before)


def _question(words: str) -> Question:
    return next(question for question in QUESTIONS if words in question.asked)


def test_the_fix_is_in_the_clipboard(where: Places) -> None:
    """The whole fix is copied by OSC 52."""
    with toured(_question("copy a fix"), where, SIZES[0]) as tour:
        take(tour, _question("copy a fix"))
        copied = tour.screen.run("show-buffer")
    assert "RUN --mount=type=secret,id=env,target=/app/.env" in copied


def test_the_deleted_file_is_there_again(where: Places) -> None:
    """The extracted file has its content."""
    with toured(_question("deleted file"), where, SIZES[0]) as tour:
        assert not list(tour.here.iterdir())
        take(tour, _question("deleted file"))
        assert b"SECRET_KEY=" in (tour.here / ".env").read_bytes()


def test_the_id_that_help_shows_rebinds_the_key(where: Places) -> None:
    """An id that help shows rebinds the key in the settings."""
    question = _question("rebind")
    settings = where.home / "rebound.toml"
    settings.write_text('[keys]\nexplore.sort = "o"\n')
    with toured(question, where, SIZES[0], {"LAYERSCOPE_CONFIG": str(settings)}) as tour:
        tour.screen.wait_for("by size")
        tour.screen.keys("o")
        tour.screen.wait_for("by name")
        tour.screen.keys("?", "/")
        tour.screen.type("rebind")
        tour.wait_for("rebind a key write explore.sort")


@pytest.mark.parametrize("color", COLORS)
def test_the_cursor_is_seen_in_any_terminal(where: Places, color: str) -> None:
    """With 16 colours the terminal's own are used; with 16 or none the cursor is reversed."""
    question = _question("so big")
    with toured(question, where, SIZES[0], COLORS[color]) as tour:
        take(tour, question)
        tour.screen.keys("j")
        tour.screen.wait_for("1 added")
        tour.screen.keys("k")  # repaints the row, which is recorded
        tour.screen.wait_until_gone("1 added")
        lines = [line for line in reversed_lines(tour.screen) if "apt-get install" in line]
        assert bool(lines) is bool(color)
        exact = b"38;2;" in tour.raw() or b"38;5;" in tour.raw()
        assert exact is (color != "16")


def test_ctrl_c_quits(where: Places) -> None:
    """Ctrl-C quits, as in dive."""
    with toured(Question("", (Press("C-c"),), "exit 0", begins=DEMO), where, SIZES[1]) as tour:
        tour.screen.keys("C-c")
        tour.screen.wait_for("exit 0")
