"""Find: results while typing, and the target of Enter."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from layerscope.analysis.findings.finding import is_secret
from layerscope.analysis.findings.rules import RULES
from layerscope.settings import RuleChoice
from layerscope.tui.app import LayerscopeApp
from layerscope.tui.screens.find import FindView
from tests.images import docker_archive, file, layer_tar, whiteout, write
from tests.tui.explorer import explorer, loaded, screen_text, settled

KEYS = {"/": "slash", ".": "full_stop", "-": "minus", "*": "asterisk", " ": "space", "(": "left_parenthesis", ")": "right_parenthesis", "+": "plus", "$": "dollar_sign", "!": "exclamation_mark", ":": "colon"}  # fmt: skip
SIZES = [pytest.param((160, 48), id="160x48"), pytest.param((80, 24), id="80x24")]


async def type_text(pilot: Pilot[Any], text: str) -> None:
    """Press the keys of a text."""
    await pilot.press(*(KEYS.get(character, character) for character in text))


async def found(pilot: Pilot[Any], view: FindView) -> None:
    """Wait until the search that was typed is done."""
    for _ in range(100):
        await pilot.pause(0.02)
        if view._search is not None and not any(
            worker.group == "find" and not worker.is_finished for worker in pilot.app.workers
        ):
            break
    await pilot.pause()


async def find(pilot: Pilot[Any], text: str) -> FindView:
    """Open Find from anywhere and type; the view, once it shows what was found."""
    screen = await loaded(pilot)
    await pilot.press("ctrl+f")
    view = screen.view
    assert isinstance(view, FindView)
    await found(pilot, view)
    await type_text(pilot, text)
    await found(pilot, view)
    return view


def first(view: FindView) -> bytes:
    """The best match."""
    assert view.session.opened is not None
    filesystem = view.session.opened.filesystem
    return filesystem.table.full(int(filesystem.paths[view.matches.result.rows[0]]))


async def test_results_appear_while_typing(demo_image: Path) -> None:
    """Each letter narrows what is found; the title counts it."""
    app = explorer(demo_image)
    async with app.run_test(size=(120, 30)) as pilot:
        view = await find(pilot, "dpkgst")
        some = view.matches.row_count()
        assert "/var/lib/dpkg/status" in "\n".join(screen_text(app)[6:10])
        await type_text(pilot, "atus-o")
        await found(pilot, view)
        assert 0 < view.matches.row_count() < some
        assert first(view) == b"var/lib/dpkg/status-old"
        assert "by best match · " in screen_text(app)[3]
        assert re.search(r"\d+ files?, [\d.]+ k?B", screen_text(app)[3])


async def test_digits_and_commands_are_text_in_the_field(demo_image: Path) -> None:
    """Every printable key is text: no view opens, nothing quits."""
    app = explorer(demo_image)
    async with app.run_test(size=(80, 24)) as pilot:
        view = await find(pilot, "1q2s?")
        assert view.field.input.value == "1q2s?"
        assert app.is_running
        assert "Nothing in any layer matches 1q2s?" in "\n".join(screen_text(app))


async def test_enter_shows_the_match_where_it_was_last_changed(demo_image: Path) -> None:
    """Also what a later layer removed: there it is seen as removed."""
    app = explorer(demo_image)
    async with app.run_test(size=(120, 30)) as pilot:
        view = await find(pilot, "seed-data.sql")
        assert first(view) == b"app/assets/seed-data.sql"
        await pilot.press("enter")
        await pilot.pause()
        screen = await loaded(pilot)
        explore = screen.explore
        assert screen.view is explore
        assert explore.files.view is not None
        assert explore.files.view.layer == 7
        assert explore.files.path is not None
        row = explore.files.view.row(explore.files.cursor)
        assert (row.name, row.removed) == (b"seed-data.sql", True)


async def test_arrows_move_in_the_matches_while_typing(demo_image: Path) -> None:
    """Down chooses the next match without leaving the field; L shows its life from the list."""
    app = explorer(demo_image)
    async with app.run_test(size=(120, 30)) as pilot:
        view = await find(pilot, "*.py")
        await pilot.press("down", "down", "up")
        assert view.matches.cursor == 1
        assert view.field.input.has_focus
        pointed = view.matches.pointed()
        await pilot.press("escape", "L")
        await pilot.pause()
        screen = await loaded(pilot)
        assert screen.view.id == "life"
        assert pointed is not None
        assert getattr(screen.view, "path", None) == pointed.path


async def test_escape_leaves_the_field_then_the_view(demo_image: Path) -> None:
    """Esc goes to the matches first; the text is still there when one comes back."""
    app = explorer(demo_image)
    async with app.run_test(size=(80, 24)) as pilot:
        view = await find(pilot, "motd")
        screen = await loaded(pilot)
        await pilot.press("escape")
        assert view.matches.has_focus
        await pilot.press("escape")
        assert screen.view is screen.explore
        await pilot.press("4")
        assert screen.view.id == view.id
        assert view.field.input.value == "motd"


async def test_typing_replaces_the_text_of_the_search_before(demo_image: Path) -> None:
    """Opened again, the field has its old text selected; an arrow keeps it, to type on."""
    app = explorer(demo_image)
    async with app.run_test(size=(80, 24)) as pilot:
        view = await find(pilot, "motd")
        await pilot.press("escape", "escape", "4")
        await type_text(pilot, "setuid")
        assert view.field.input.value == "setuid"
        await pilot.press("escape", "slash", "right")
        await type_text(pilot, " !bin")
        assert view.field.input.value == "setuid !bin"


async def test_an_invalid_expression_is_reported_beside_the_field(demo_image: Path) -> None:
    """What was found before stays, and nothing is raised."""
    app = explorer(demo_image)
    async with app.run_test(size=(80, 24)) as pilot:
        await find(pilot, "/usr/(/")
        assert "missing )" in screen_text(app)[5]


async def test_a_slow_expression_never_freezes_the_program(tmp_path: Path) -> None:
    """While an expression runs wild, keys are answered, and the next search replaces it."""
    image = write(
        tmp_path / "long.tar", docker_archive([layer_tar([file("a" * 80, b"1"), file("b", b"2")])])
    )
    app = explorer(image)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await loaded(pilot)
        await pilot.press("ctrl+f")
        view = screen.view
        assert isinstance(view, FindView)
        await found(pilot, view)
        view.field.input.value = "/(a+)+$b/"
        await pilot.pause(0.3)
        began = time.monotonic()
        await pilot.press("ctrl+u", "b")
        await found(pilot, view)
        assert time.monotonic() - began < 3
        assert first(view) == b"b"


async def test_hostile_names_are_matches_like_others(tmp_path: Path) -> None:
    """Escapes and markup of names never act, in matches and in what was typed."""
    names = ["\x1b[31mred", "[bold]x[/]", "caf\u202e\xe9", "\x9bx"]
    layers = [layer_tar([file(name, b"1") for name in names]), layer_tar([whiteout("[bold]x[/]")])]
    app = explorer(write(tmp_path / "hostile.tar", docker_archive(layers)))
    async with app.run_test(size=(80, 24)) as pilot:
        view = await find(pilot, "")
        for typed in ("x", "red", "[bold]", "caf"):
            view.field.input.value = typed
            await pilot.pause()
            await found(pilot, view)
            assert not any(
                ord(character) < 32 or 127 <= ord(character) < 160 or character == "\u202e"
                for character in "".join(screen_text(app))
            )
        view.field.input.value = "x"
        await pilot.pause()
        await found(pilot, view)
        text = "\n".join(screen_text(app))
        assert re.search(r" 1 B  /\[bold\]x\[/\] +0 +removed in 1", text)


def _typed(text: str, *keys: str) -> Callable[[Pilot[Any]], Any]:
    """Search for a text, then press keys."""

    async def prepare(pilot: Pilot[Any]) -> None:
        await find(pilot, text)
        await pilot.press(*keys)
        await pilot.pause()

    return prepare


@pytest.mark.parametrize("size", SIZES)
def test_find(snap_compare: Callable[..., bool], demo_image: Path, size: tuple[int, int]) -> None:
    """Letters that are found stand out; each match says what happened to it, and where."""
    app: LayerscopeApp = explorer(demo_image)
    assert snap_compare(app, terminal_size=size, run_before=_typed("aptlst", "escape"))


async def test_terms_of_filters_find_versions_of_all_layers(demo_image: Path) -> None:
    """Deleted ones, too; each row says which layer stores it and what became of it, a directory what layers store of it."""
    app = explorer(demo_image, rules={})
    async with app.run_test(size=(120, 30)) as pilot:
        view = await find(pilot, "")
        assert "setuid  setgid" in "\n".join(screen_text(app))
        for typed, words in {
            "change:removed seed-data": r"/app/assets/seed-data\.sql .*removed in 7",
            "wasted size>1k": r"(removed|replaced) in \d",
            "setuid": r"/usr/bin/\w+ .*live",
            "type:dir dpkg": r"/var/lib/dpkg +0: [\d.]+ k?M?B, \d: ",
        }.items():
            view.field.input.value = typed
            await pilot.pause()
            await found(pilot, view)
            assert re.search(words, "\n".join(screen_text(app)[6:])), typed
            assert view.matches.row_count(), typed
        assert re.search(
            r"stored in +layers 0 \([\d.]+ k?M?B\), \d \(", "\n".join(screen_text(app))
        )
        view.field.input.value = "package:dpkg size>0"
        for _ in range(500):  # it waits for the findings, and is applied when they arrive
            await pilot.pause(0.02)
            if view.matches.row_count():
                break
        assert re.search(r"/\S+ .*live", screen_text(app)[6])


async def test_several_versions_of_a_path_are_counted_as_such(demo_image: Path) -> None:
    """There are more of them than paths that were searched."""
    app = explorer(demo_image, rules={})
    async with app.run_test(size=(120, 30)) as pilot:
        view = await find(pilot, "/.*/")
        assert view._search is not None
        searched = view._search.total
        assert view.matches.row_count() > searched
        words = f"{view.matches.row_count():,} versions of {searched:,} paths"
        assert words in screen_text(app)[3]


async def test_an_unknown_value_says_what_is_allowed(demo_image: Path) -> None:
    """In place of the column titles, at the character with the mistake."""
    app = explorer(demo_image)
    async with app.run_test(size=(120, 30)) as pilot:
        view = await find(pilot, "")
        view.field.input.value = "a type:no"
        await pilot.pause()
        assert screen_text(app)[5].startswith("          ▲ type: expected file, dir, symlink")


async def test_matches_are_sorted(demo_image: Path) -> None:
    """By match, then by size, name and layer."""
    app = explorer(demo_image)
    async with app.run_test(size=(120, 30)) as pilot:
        view = await find(pilot, "*.py")
        await pilot.press("escape", "s")
        await found(pilot, view)
        assert view._search is not None
        sizes = [view._search.size(row) for row in view.matches.result.rows.tolist()]
        assert sizes == sorted(sizes, reverse=True)
        assert "size ▾" in screen_text(app)[5]
        assert "by size" in screen_text(app)[3]


OFF = {
    "duplicate": "`duplicate` is switched off by --no-duplicates; open the image without it.",
    "!secret": "`secret` is switched off, as are all rules about secrets in [rules] of the settings.",
}
"""Terms that never can be answered, and what is said."""


@pytest.mark.parametrize("term", OFF)
async def test_a_term_that_is_switched_off_is_not_awaited(demo_image: Path, term: str) -> None:
    """In Find and in the file tree: what switched it off, and how to have it."""
    rules = {rule.name: RuleChoice(enabled=False) for rule in RULES if is_secret(rule.name)}
    app = explorer(demo_image, duplicates=False, rules=rules)
    async with app.run_test(size=(120, 24)) as pilot:
        await loaded(pilot)
        for key in ("4", "slash"):
            await pilot.press(key)
            await type_text(pilot, term)
            await settled(pilot)
            # In the tree, beside the steps, it needs two lines.
            shown = " ".join(line.rpartition("│")[2].strip() for line in screen_text(app))
            assert OFF[term] in shown, key
            await pilot.press("escape", "escape", "1")


async def test_without_rules_nothing_of_them_is_awaited(demo_image: Path) -> None:
    """Terms and the list of findings say so."""
    app = explorer(demo_image)
    async with app.run_test(size=(120, 24)) as pilot:
        await loaded(pilot)
        await pilot.press("4")
        await type_text(pilot, "package:curl")
        await settled(pilot)
        assert "`package:curl` is switched off, as all rules are." in "\n".join(screen_text(app))
        await pilot.press("escape", "escape", "8")
        await settled(pilot)
        assert "All rules are switched off." in "\n".join(screen_text(app))
