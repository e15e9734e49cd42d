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


async def search_finished(pilot: Pilot[Any], view: FindView) -> None:
    """Wait until the current search is finished."""
    for _ in range(100):
        await pilot.pause(0.02)
        if view._search is not None and not any(
            worker.group == "find" and not worker.is_finished for worker in pilot.app.workers
        ):
            break
    await pilot.pause()


async def find(pilot: Pilot[Any], text: str) -> FindView:
    """Open Find, type, and return the view once it shows the result."""
    screen = await loaded(pilot)
    await pilot.press("ctrl+f")
    view = screen.view
    assert isinstance(view, FindView)
    await search_finished(pilot, view)
    await type_text(pilot, text)
    await search_finished(pilot, view)
    return view


def first(view: FindView) -> bytes:
    """The best match."""
    assert view.session.opened is not None
    filesystem = view.session.opened.filesystem
    return filesystem.table.full(int(filesystem.paths[view.matches.result.rows[0]]))


async def test_results_appear_while_typing(demo_image: Path) -> None:
    """Each letter narrows the result, which the title counts."""
    app = explorer(demo_image)
    async with app.run_test(size=(120, 30)) as pilot:
        view = await find(pilot, "dpkgst")
        some = view.matches.row_count()
        assert "/var/lib/dpkg/status" in "\n".join(screen_text(app)[6:10])
        await type_text(pilot, "atus-o")
        await search_finished(pilot, view)
        assert 0 < view.matches.row_count() < some
        assert first(view) == b"var/lib/dpkg/status-old"
        assert "by best match · " in screen_text(app)[3]
        assert re.search(r"\d+ files?, [\d.]+ k?B", screen_text(app)[3])


async def test_digits_and_commands_are_text_in_the_field(demo_image: Path) -> None:
    """Every printable key is text in the field: none opens a view or quits."""
    app = explorer(demo_image)
    async with app.run_test(size=(80, 24)) as pilot:
        view = await find(pilot, "1q2s?")
        assert view.field.input.value == "1q2s?"
        assert app.is_running
        assert "Nothing in any layer matches 1q2s?" in "\n".join(screen_text(app))


async def test_enter_shows_the_match_where_it_was_last_changed(demo_image: Path) -> None:
    """Enter on a removed file shows it in the layer that removed it."""
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
    """Down selects the next match without leaving the field; `L` in the list shows its life."""
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
    """The first Esc goes to the matches, the second leaves Find. The text is kept."""
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
    """The old text is selected when the field gets the focus; an arrow key keeps it."""
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
    """The error is shown in place of the column titles."""
    app = explorer(demo_image)
    async with app.run_test(size=(80, 24)) as pilot:
        await find(pilot, "/usr/(/")
        assert "missing )" in screen_text(app)[5]


async def test_a_slow_expression_never_freezes_the_program(tmp_path: Path) -> None:
    """While a slow expression runs, keys work, and the next search replaces it."""
    image = write(
        tmp_path / "long.tar", docker_archive([layer_tar([file("a" * 80, b"1"), file("b", b"2")])])
    )
    app = explorer(image)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await loaded(pilot)
        await pilot.press("ctrl+f")
        view = screen.view
        assert isinstance(view, FindView)
        await search_finished(pilot, view)
        view.field.input.value = "/(a+)+$b/"
        await pilot.pause(0.3)
        began = time.monotonic()
        await pilot.press("ctrl+u", "b")
        await search_finished(pilot, view)
        assert time.monotonic() - began < 3
        assert first(view) == b"b"


async def test_hostile_names_are_escaped_in_matches(tmp_path: Path) -> None:
    """Control and bidirectional characters in names are escaped; markup is shown as it is."""
    names = ["\x1b[31mred", "[bold]x[/]", "caf\u202e\xe9", "\x9bx"]
    layers = [layer_tar([file(name, b"1") for name in names]), layer_tar([whiteout("[bold]x[/]")])]
    app = explorer(write(tmp_path / "hostile.tar", docker_archive(layers)))
    async with app.run_test(size=(80, 24)) as pilot:
        view = await find(pilot, "")
        for typed in ("x", "red", "[bold]", "caf"):
            view.field.input.value = typed
            await pilot.pause()
            await search_finished(pilot, view)
            assert not any(
                ord(character) < 32 or 127 <= ord(character) < 160 or character == "\u202e"
                for character in "".join(screen_text(app))
            )
        view.field.input.value = "x"
        await pilot.pause()
        await search_finished(pilot, view)
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
    """Matched letters are highlighted; each match has its layer and state."""
    app: LayerscopeApp = explorer(demo_image)
    assert snap_compare(app, terminal_size=size, run_before=_typed("aptlst", "escape"))


async def test_terms_of_filters_find_versions_of_all_layers(demo_image: Path) -> None:
    """Terms find deleted versions, too. A row shows layer and state of a version; for a directory, what each layer stores."""
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
            await search_finished(pilot, view)
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
    """If a search matches several versions of a path, the title counts versions and paths."""
    app = explorer(demo_image, rules={})
    async with app.run_test(size=(120, 30)) as pilot:
        view = await find(pilot, "/.*/")
        assert view._search is not None
        searched = view._search.total
        assert view.matches.row_count() > searched
        words = f"{view.matches.row_count():,} versions of {searched:,} paths"
        assert words in screen_text(app)[3]


async def test_an_unknown_value_lists_the_allowed_ones(demo_image: Path) -> None:
    """The error stands in place of the column titles, at the character of the mistake."""
    app = explorer(demo_image)
    async with app.run_test(size=(120, 30)) as pilot:
        view = await find(pilot, "")
        view.field.input.value = "a type:no"
        await pilot.pause()
        assert screen_text(app)[5].startswith("          ▲ type: expected file, dir, symlink")


async def test_matches_are_sorted(demo_image: Path) -> None:
    """`s` switches from best match to size; title and column show the order."""
    app = explorer(demo_image)
    async with app.run_test(size=(120, 30)) as pilot:
        view = await find(pilot, "*.py")
        await pilot.press("escape", "s")
        await search_finished(pilot, view)
        assert view._search is not None
        sizes = [view._search.size(row) for row in view.matches.result.rows.tolist()]
        assert sizes == sorted(sizes, reverse=True)
        assert "size ▾" in screen_text(app)[5]
        assert "by size" in screen_text(app)[3]


OFF = {
    "duplicate": "`duplicate` is switched off by --no-duplicates; open the image without it.",
    "!secret": "`secret` is switched off, as are all rules about secrets in [rules] of the settings.",
}
"""Terms whose results are switched off, and the message for each."""


@pytest.mark.parametrize("term", OFF)
async def test_a_term_that_is_switched_off_is_not_awaited(demo_image: Path, term: str) -> None:
    """Find and the file tree show what switched the result off, and how to get it."""
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


async def test_without_rules_their_results_are_not_awaited(demo_image: Path) -> None:
    """Find and the list of findings show that all rules are switched off."""
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
