"""Help: the keys of the current view come first, a search narrows the page, and the palette opens its sections."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from textual.containers import VerticalScroll
from textual.widgets import Input

from layerscope.tui.screens.help import FIGURES, TERMS, HelpScreen, page_text
from layerscope.tui.view import VIEWS
from tests.docs.page import read
from tests.tui.explorer import explorer, loaded, screen_text, settled

SIZE = (100, 40)


@pytest.mark.parametrize("number", range(len(VIEWS)))
async def test_the_keys_of_the_view_come_first(demo_image: Path, number: int) -> None:
    """The first section has the commands of the view, the second all views; no command is listed twice."""
    app = explorer(demo_image)
    async with app.run_test(size=SIZE) as pilot:
        screen = await loaded(pilot)
        await pilot.press(str(number + 1))
        await settled(pilot)
        screen.set_focus(screen.view.panes()[-1])
        await settled(pilot)
        await pilot.press("f1")
        await settled(pilot)
        assert isinstance(app.screen, HelpScreen)
        first, second, *_ = app.screen._sections
        assert first.title == f"Keys in {VIEWS[number].title}"
        keys = [row[0] for row in first.rows]
        view_keys = {"explore": "x", "waste": "b", "life": "/", "find": "/", "file": "D", "map": ",", "findings": "b", "packages": "s"}  # fmt: skip
        name = VIEWS[number].name
        assert view_keys.get(name, "Enter") in keys
        assert "q" not in keys
        assert [row[1].partition(":")[0] for row in second.rows][: len(VIEWS)] == [
            v.title for v in VIEWS
        ]
        shown = [line for line in screen_text(app) if "Keys in" in line]
        assert shown
        rows = [row for section in app.screen._sections for row in section.rows]
        if name == "waste":
            assert len([row for row in rows if "Group waste by" in row[1]]) == 1


async def test_a_search_keeps_rows_with_every_word(demo_image: Path) -> None:
    """The search ignores case, and every key is text. A search without results shows a note. Esc leaves the field, then the page."""
    app = explorer(demo_image)
    async with app.run_test(size=SIZE) as pilot:
        screen = await loaded(pilot)
        await pilot.press("question_mark", "slash", *"WAste gRoup")
        await settled(pilot)
        page = "\n".join(screen_text(app))
        assert "Group waste by reason" in page
        assert "Save the file" not in page
        await pilot.press(*"q")
        await settled(pilot)
        assert "nothing matches WAste gRoupq" in "\n".join(screen_text(app))
        await pilot.press("escape")
        await settled(pilot)
        assert isinstance(app.screen, HelpScreen)
        await pilot.press("escape")
        await settled(pilot)
        assert app.screen.id == screen.id


@pytest.mark.parametrize("term", TERMS)
async def test_the_palette_leads_to_a_figure(demo_image: Path, term: str) -> None:
    """`What is …?` opens the help at the figures."""
    app = explorer(demo_image)
    async with app.run_test(size=(100, 24)) as pilot:
        await loaded(pilot)
        await pilot.press("ctrl+p", *f"what is {term}")
        await pilot.pause(0.5)
        await pilot.press("enter")
        await pilot.pause(0.3)
        await settled(pilot)
        assert isinstance(app.screen, HelpScreen)
        assert TERMS[term].split(";")[0] in "\n".join(screen_text(app))
        assert app.screen._sections[0].title == FIGURES


@pytest.mark.parametrize(
    ("typed", "shown"), [("compare two", "layerscope diff"), ("shared", "layerscope images")]
)
async def test_the_palette_lists_the_commands_for_several_images(
    demo_image: Path, typed: str, shown: str
) -> None:
    """The palette and a search in help both show the command."""
    app = explorer(demo_image)
    async with app.run_test(size=(100, 24)) as pilot:
        await loaded(pilot)
        await pilot.press("ctrl+p", *typed)
        await pilot.pause(0.5)
        assert shown in "\n".join(screen_text(app))
        await pilot.press("escape", "question_mark", "slash", *typed)
        await settled(pilot)
        assert shown in "\n".join(screen_text(app))


def test_the_figures_have_the_words_of_the_contract() -> None:
    """`TERMS` matches the table in docs/accounting.md."""
    page = re.sub(r"\[(\w+)\]\([^)]*\)", r"\1", read("accounting.md"))
    rows = dict(re.findall(r"^\| \*\*(\w+)\*\* \| (.*) \|$", page, re.MULTILINE))
    assert rows == TERMS


async def test_a_search_shows_the_ids_of_commands(demo_image: Path) -> None:
    """A search shows the ids for the settings, and the settings file. The slash that opens the field is not typed into it."""
    app = explorer(demo_image)
    async with app.run_test(size=SIZE) as pilot:
        await loaded(pilot)
        await pilot.press("question_mark")
        await settled(pilot)
        assert "[explore.sort]" not in "\n".join(screen_text(app))
        assert isinstance(app.screen.focused, VerticalScroll)
        await pilot.press("slash", *"explore.sort")
        await settled(pilot)
        page = " ".join(" ".join(screen_text(app)).replace("│", " ").split())
        assert "change or layer. [explore.sort]" in page
        assert 'explore.sort = "o" below [keys] in ' in page
        assert app.screen.query_one(Input).value == "explore.sort"


async def test_the_whole_page_can_be_scrolled(demo_image: Path) -> None:
    """Page down and End scroll through the page in a small terminal."""
    app = explorer(demo_image)
    async with app.run_test(size=(80, 24)) as pilot:
        await loaded(pilot)
        await pilot.press("question_mark")
        await settled(pilot)
        shown = [screen_text(app)]
        await pilot.press("pagedown")
        await settled(pilot)
        shown.append(screen_text(app))
        assert shown[0] != shown[1]
        await pilot.press("end")
        await settled(pilot)
        assert any("rebind a key" in line for line in screen_text(app))


@pytest.mark.parametrize("size", [(80, 24), (160, 48)], ids=["small", "wide"])
async def test_lines_are_wrapped_once(demo_image: Path, size: tuple[int, int]) -> None:
    """Lines are wrapped to the width beside the scrollbar, and Textual does not wrap them again."""
    app = explorer(demo_image)
    async with app.run_test(size=size) as pilot:
        await loaded(pilot)
        await pilot.press("question_mark")
        await settled(pilot)
        assert isinstance(app.screen, HelpScreen)
        page = app.screen.query_one(VerticalScroll)
        written = page_text(app.screen._sections, page.scrollable_content_region.width)
        assert page.virtual_size.height == len(written.plain.split("\n"))
