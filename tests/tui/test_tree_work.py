"""The file tree: filters, comparisons, largest files and columns, with and without a thread."""

from __future__ import annotations

import gc
import time
import weakref
from pathlib import Path

import pytest
from textual.pilot import Pilot

from layerscope.browse import regex_process
from layerscope.browse.choices import Mode, Sort
from layerscope.browse.tree import TreeView
from layerscope.settings import COLUMNS, MODES, SORTS, Settings
from layerscope.tui.preferences import Preferences
from layerscope.tui.screens.explore import ExploreView
from layerscope.tui.screens.main import MainScreen
from layerscope.tui.tree_words import note
from layerscope.tui.widgets import tree_columns
from layerscope.words import Change
from tests.filesystem.stacking import stack
from tests.images import device, directory, docker_archive, fifo, file, layer_tar, whiteout, write
from tests.tui.explorer import explorer, loaded, screen_text, until
from tests.tui.pictures import HOSTILE_NAMES

WIDE, SMALL = (160, 48), (80, 24)
THREADS = pytest.mark.parametrize("at_once", [30_000, 0], ids=["at-once", "thread"])


@pytest.fixture
def versions(tmp_path: Path) -> Path:
    """Three layers: a file with other bytes of the same size, the same bytes again, and a deleted file."""
    layers = [
        layer_tar([file("etc/a", b"one"), file("etc/b", b"bee"), file("usr/x.py", b"x" * 50)]),
        layer_tar([file("etc/a", b"two"), file("etc/b", b"bee")]),
        layer_tar([file("etc/a", b"one"), whiteout("usr/x.py"), file("new", b"12345678")]),
    ]
    return write(tmp_path / "versions.tar", docker_archive(layers))


async def _settled(pilot: Pilot[None], explore: ExploreView) -> None:
    """Wait until the computed view is on screen."""
    for _ in range(100):
        await pilot.pause()
        if not explore.files.computing:
            break
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()
    await pilot.pause()


def _names(explore: ExploreView) -> dict[str, Change | None]:
    view = explore.files.view
    assert view is not None
    rows = [view.row(row) for row in range(len(view.rows))]
    return {view.filesystem.table.full(row.path).decode(): row.change for row in rows}


async def test_a_replaced_view_is_freed(versions: Path) -> None:
    """A view must not be part of a reference cycle: its arrays are large, and garbage is collected rarely."""
    app = explorer(versions)
    async with app.run_test(size=WIDE) as pilot:
        explore = (await loaded(pilot)).explore
        explore.files.at_once = 0
        await pilot.press("a")
        await _settled(pilot, explore)
        assert explore.files.view is not None
        view = weakref.ref(explore.files.view)
        gc.disable()
        try:
            await pilot.press("j")
            await _settled(pilot, explore)
            assert view() is None
        finally:
            gc.enable()


@THREADS
async def test_a_filter_shows_its_results_while_it_is_typed(demo_image: Path, at_once: int) -> None:
    """Each key narrows the tree. Enter focuses it, Esc clears the filter, and expanded directories are as before."""
    app = explorer(demo_image)
    async with app.run_test(size=WIDE) as pilot:
        explore = (await loaded(pilot)).explore
        explore.files.at_once = at_once
        before = _names(explore)
        await pilot.press("slash", *"*.py")
        await _settled(pilot, explore)
        view = explore.files.view
        assert view is not None
        assert view.filter is not None
        assert view.filter.text == "*.py"
        files = [name for name in _names(explore) if "." in name.rpartition("/")[2]]
        assert any(name.endswith(".py") for name in files)
        assert f"filter · {view.matching:,} of {view.present:,} rows" in "\n".join(screen_text(app))
        await pilot.press("down", "down")
        assert explore.filter_bar.typing
        assert explore.files.cursor == 2
        await pilot.press("enter", "up")
        assert explore.files.has_focus
        assert explore.files.cursor == 1
        await pilot.press("escape")
        await _settled(pilot, explore)
        assert _names(explore) == before
        assert not explore.filter_bar.has_class("-shown")


async def test_every_printable_key_is_text_in_the_field(demo_image: Path) -> None:
    """Keys of commands are typed into the field, even rebound ones; Esc leaves the field and keeps the filter."""
    app = explorer(demo_image)
    app.set_keymap({"app.back": "escape,b"})
    async with app.run_test(size=WIDE) as pilot:
        explore = (await loaded(pilot)).explore
        await pilot.press("slash", *"q1ab", "slash", "plus", "question_mark", "minus")
        assert explore.filter_bar.field.value == "q1ab/+?-"
        await pilot.press("escape")
        assert not explore.filter_bar.typing
        assert explore.filter_bar.has_class("-shown")
        assert "No file matches" in "\n".join(screen_text(app))


async def test_an_endless_expression_does_not_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys work while the expression runs. After its time limit an error is shown, and the previous filter stays."""
    monkeypatch.setattr(regex_process.RegexProcess.__init__, "__defaults__", (2.0,))
    layer = layer_tar([file("a" * 60 + "b", b"1"), file("c", b"22"), file("d.py", b"333")])
    app = explorer(write(tmp_path / "a.tar", docker_archive([layer])))
    async with app.run_test(size=WIDE) as pilot:
        explore = (await loaded(pilot)).explore
        await pilot.press("slash", *"size>1")
        await _settled(pilot, explore)
        explore.filter_bar.field.value = "/(a|a)*$/"
        await pilot.pause(0.5)
        await pilot.press("down")
        assert explore.files.cursor == 1
        assert "filtering…" in "\n".join(screen_text(app))
        await _settled(pilot, explore)
        for _ in range(60):
            await pilot.pause(0.1)
            if not explore.files.computing:
                break
        assert "takes too long" in "\n".join(screen_text(app))
        assert set(_names(explore)) == {"c", "d.py"}
        await pilot.press("escape", "escape")
        await _settled(pilot, explore)
        assert explore.files.row_count() == 3


async def test_hostile_names_with_a_hostile_expression_do_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error is shown below the field, all files are shown again, and the next filter works."""
    monkeypatch.setattr(regex_process.RegexProcess.__init__, "__defaults__", (0.5,))
    names = [
        *HOSTILE_NAMES,
        b"a" * 5000 + b"!",
        b"a" * 80 + b"\x1b[2J\n",
        b"\xff" + b"a" * 80 + b"\x9b",
    ]
    layer = layer_tar([file(name, b"1") for name in names])
    app = explorer(write(tmp_path / "a.tar", docker_archive([layer])))
    async with app.run_test(size=SMALL) as pilot:
        explore = (await loaded(pilot)).explore
        rows = explore.files.row_count()
        await pilot.press("slash")
        explore.filter_bar.field.value = "/(a+)+$/"
        for _ in range(100):
            await pilot.pause(0.1)
            if explore.filter_bar.error:
                break
        await _settled(pilot, explore)
        assert "takes too long: ended after 0.5 s" in explore.filter_bar.error
        assert "takes too long" in "\n".join(screen_text(app))
        assert explore.files.row_count() == rows
        explore.filter_bar.field.value = "/^.a+!$/"
        await _settled(pilot, explore)
        assert explore.files.row_count() == 1
        assert not explore.filter_bar.error


async def test_the_next_filter_does_not_wait_for_an_endless_expression(tmp_path: Path) -> None:
    """A superseded expression is cancelled at once."""
    layer = layer_tar([file("a" * 60 + "b", b"1"), file("c.py", b"2")])
    app = explorer(write(tmp_path / "a.tar", docker_archive([layer])))
    async with app.run_test(size=WIDE) as pilot:
        explore = (await loaded(pilot)).explore
        await pilot.press("slash")
        explore.filter_bar.field.value = "/(a|a)*$/"
        await pilot.pause(0.3)
        began = time.monotonic()
        explore.filter_bar.field.value = r"/\.py$/"
        await _settled(pilot, explore)
        for _ in range(60):
            if not explore.files.computing:
                break
            await pilot.pause(0.1)
        assert time.monotonic() - began < 5
        assert set(_names(explore)) == {"c.py"}


@pytest.mark.parametrize("size", [WIDE, SMALL], ids=["wide", "small"])
async def test_an_invalid_filter_is_reported_with_its_position(
    demo_image: Path, size: tuple[int, int]
) -> None:
    """The message is below the character; the last valid filter stays."""
    app = explorer(demo_image)
    async with app.run_test(size=size) as pilot:
        explore = (await loaded(pilot)).explore
        await pilot.press("slash", *"py size>x")
        await pilot.pause()
        lines = screen_text(app)
        line = next(
            number for number, line in enumerate(lines) if "expected a size such as" in line
        )
        assert lines[line].index("▲") == lines[line - 1].index("size>x") + len("size>")
        assert explore.files.view is not None
        assert explore.files.view.filter is not None


@THREADS
async def test_open_directories_cursor_and_filter_survive_another_layer(
    demo_image: Path, at_once: int
) -> None:
    """Selecting another step changes the layer and nothing else."""
    app = explorer(demo_image)
    async with app.run_test(size=WIDE) as pilot:
        explore = (await loaded(pilot)).explore
        explore.files.at_once = at_once
        explore.steps.select_layer(5)
        await pilot.press("tab")
        await _settled(pilot, explore)
        await pilot.press("enter", "down", "down")
        path = explore.files.path
        explore.steps.select_layer(6)
        await _settled(pilot, explore)
        assert explore.files.path == path
        await pilot.press("slash", *"png", "enter")
        await _settled(pilot, explore)
        explore.files.go_to(4)
        path = explore.files.path
        explore.steps.select_layer(5)
        await _settled(pilot, explore)
        view = explore.files.view
        assert view is not None
        assert view.layer == 5
        assert view.filter is not None
        assert explore.files.path == path
        await pilot.press("escape")
        await _settled(pilot, explore)
        assert explore.files.view is not None
        assert explore.files.view.row(0).expanded


@THREADS
async def test_any_two_layers_can_be_compared(versions: Path, at_once: int) -> None:
    """`x` marks a layer. Contents of the same size are read, so that files with equal contents do not differ."""
    app = explorer(versions)
    async with app.run_test(size=WIDE) as pilot:
        explore = (await loaded(pilot)).explore
        explore.files.at_once = at_once
        await pilot.press("x", "down", "down")
        await _settled(pilot, explore)
        explore.files.action_expand_all()
        await _settled(pilot, explore)
        text = "\n".join(screen_text(app))
        assert "Changes from layer 0 (old) to layer 2 (new)" in text
        assert "◆0" in text
        assert explore.files.view is not None
        assert explore.files.view.mode is Mode.RANGE
        assert not len(explore.files.view.unread)
        changed = {name: change for name, change in _names(explore).items() if change}
        assert changed == {"usr/x.py": Change.REMOVED, "new": Change.ADDED}
        await pilot.press("up")
        await _settled(pilot, explore)
        assert _names(explore)["etc/a"] is Change.MODIFIED
        await pilot.press("escape")
        await _settled(pilot, explore)
        ended = explore.files.target_view
        assert ended is not None
        assert ended.mode is Mode.LAYER
        assert "◆" not in "\n".join(screen_text(app))


async def test_the_older_layer_is_the_old_side_whichever_was_marked(versions: Path) -> None:
    """Two layers are compared in the same direction, whichever of them was marked, and the title shows it."""
    app = explorer(versions)
    async with app.run_test(size=SMALL) as pilot:
        explore = (await loaded(pilot)).explore
        shown = []
        for keys in (("x", "down", "down"), ("x", "x", "up", "up")):
            await pilot.press(*keys)
            await _settled(pilot, explore)
            explore.files.action_expand_all()
            await _settled(pilot, explore)
            assert "Changes from layer 0 (old) to layer 2 (new)" in "\n".join(screen_text(app))
            shown.append(_names(explore))
        assert shown[0] == shown[1]
        assert shown[0]["new"] is Change.ADDED


async def test_the_marked_layer_compared_with_itself_shows_a_message(versions: Path) -> None:
    """The tree says to select another layer; `x` again ends the comparison."""
    app = explorer(versions)
    async with app.run_test(size=WIDE) as pilot:
        explore = (await loaded(pilot)).explore
        await pilot.press("x")
        await _settled(pilot, explore)
        assert "Select another layer to compare" in "\n".join(screen_text(app))
        await pilot.press("x")
        await _settled(pilot, explore)
        assert explore.files.row_count()


async def test_marking_a_layer_leads_to_the_steps(versions: Path) -> None:
    """`x` in any pane focuses the steps, in which the other layer is selected; `x` again keeps the focus."""
    app = explorer(versions)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await loaded(pilot)
        await pilot.press("tab", "x")
        await _settled(pilot, screen.explore)
        assert screen.explore.steps.has_focus
        at = screen.explore.steps.cursor
        await pilot.press("down")
        await _settled(pilot, screen.explore)
        assert screen.explore.steps.cursor == at + 1
        await pilot.press("tab", "x")
        await _settled(pilot, screen.explore)
        assert screen.explore.steps.marked is None
        assert screen.explore.files.has_focus


async def test_rows_name_what_they_replace(versions: Path) -> None:
    """The note on a row has the bytes and the layer of the previous version."""
    app = explorer(versions)
    async with app.run_test(size=WIDE) as pilot:
        explore = (await loaded(pilot)).explore
        explore.steps.select_layer(1)
        await pilot.press("tab", "plus")
        await _settled(pilot, explore)
        assert "replaces 3 B from layer 0" in "\n".join(screen_text(app))
        explore.steps.select_layer(2)
        await _settled(pilot, explore)
        view = explore.files.view
        assert view is not None
        notes = [note(view, view.row(row)) for row in range(len(view))]
        assert "was in layer 0" in notes


def test_replaced_directories_and_links_are_named_by_type() -> None:
    """Notes name the type with its article, for example `a character device`."""
    replaced = [device("tty", 5, 0), device("disk", 8, 0, block=True), fifo("queue"), directory("etc")]  # fmt: skip
    names = ("tty", "disk", "queue", "etc")
    view = TreeView(stack([replaced, [file(name, b"1") for name in names]]).filesystem, layer=1)
    notes = {view.row(row).name.decode(): note(view, view.row(row)) for row in range(len(view))}
    assert notes == {
        "tty": "replaces a character device from layer 0",
        "disk": "replaces a block device from layer 0",
        "queue": "replaces a named pipe from layer 0",
        "etc": "replaces a directory from layer 0",
    }


async def test_the_number_of_matches_is_shown_however_narrow(demo_image: Path) -> None:
    """A narrow title drops mode and order, but keeps the number of matches."""
    app = explorer(demo_image)
    async with app.run_test(size=(110, 30)) as pilot:
        explore = (await loaded(pilot)).explore
        await pilot.press("slash", *"lib/ size>50k")
        await _settled(pilot, explore)
        view = explore.files.view
        assert view is not None
        assert f"{view.matching} of {view.present:,} rows" in "\n".join(screen_text(app))


async def test_f_lists_the_largest_files(demo_image: Path) -> None:
    """`f` shows a list of the largest files; Esc returns to the tree."""
    app = explorer(demo_image)
    async with app.run_test(size=WIDE) as pilot:
        explore = (await loaded(pilot)).explore
        await pilot.press("f")
        view = explore.files.view
        assert view is not None
        sizes = [view.row(row).own_bytes for row in range(100)]
        assert sizes == sorted(sizes, reverse=True)
        assert not any(view.row(row).is_directory for row in range(100))
        assert "largest files" in "\n".join(screen_text(app))
        await pilot.press("escape")
        view = explore.files.view
        assert view is not None
        assert not view.flat


def _downs(column: str) -> list[str]:
    """Keys that move to a column in the dialog."""
    return ["down"] * COLUMNS.index(column)


async def test_columns_are_chosen_and_saved(demo_image: Path, tmp_path: Path) -> None:
    """`c` opens the dialog, and changes apply at once. Columns, order and theme are saved."""
    state = tmp_path / "state" / "state.json"
    app = explorer(demo_image)
    app.preferences = app.session.preferences = Preferences(Settings(), state)
    async with app.run_test(size=WIDE) as pilot:
        await loaded(pilot)
        await pilot.press("c", *_downs("mtime"), "space", "down", "space", "escape")
        await pilot.pause()
        text = "\n".join(screen_text(app))
        assert "modified" in text
        assert "layer" in text
        await pilot.press("s", "ctrl+t")
        await pilot.pause()
        assert "name ▴" in "\n".join(screen_text(app))
    again = Preferences(Settings(), state)
    assert again.columns == ("mode", "owner", "mtime", "layer", "share")
    assert (again.sort, again.theme) == ("name", "layerscope-light")


async def test_a_metadata_step_shows_what_it_sets(demo_image: Path) -> None:
    """For a step without a layer, the tree shows a message instead of another layer."""
    app = explorer(demo_image)
    async with app.run_test(size=WIDE) as pilot:
        await loaded(pilot)
        await pilot.press("m", "g", "down", "down")
        await pilot.pause()
        assert "Metadata step without files: sets the default command." in "\n".join(
            screen_text(app)
        )


async def test_a_path_is_revealed_whatever_hides_it(demo_image: Path) -> None:
    """Filter, comparison and list of largest files are reset if another view shows a file."""
    app = explorer(demo_image)
    async with app.run_test(size=WIDE) as pilot:
        screen: MainScreen = await loaded(pilot)
        explore = screen.explore
        explore.files.at_once = 0
        await pilot.press("slash", *"zzz", "enter", "f", "x")
        await _settled(pilot, explore)
        await pilot.press("2", "enter")
        await _settled(pilot, explore)
        view = explore.files.view
        assert view is not None
        assert explore.files.path is not None
        assert view.filesystem.table.full(explore.files.path) == b"app/assets/seed-data.sql"
        assert explore.steps.marked is None


async def test_a_column_without_room_is_reported(demo_image: Path) -> None:
    """The dialog marks chosen columns that do not fit, until there is room."""
    app = explorer(demo_image)
    async with app.run_test(size=SMALL) as pilot:
        await loaded(pilot)
        await pilot.press("c", *_downs("mtime"), "space")
        await pilot.pause()
        lines = "\n".join(screen_text(app)).splitlines()
        (modified,) = [line for line in lines if "✓ modified" in line]
        assert "no room at this width" in modified
        (mode,) = [line for line in lines if "✓ mode " in line]
        assert "permissions" in mode
        await pilot.resize_terminal(200, 48)
        await until(pilot, lambda: "no room at this width" not in "\n".join(screen_text(app)))


def test_columns_are_dropped_to_keep_names_wide() -> None:
    """At any width names keep their minimum width; a wide tree shows all chosen columns."""
    everything = [column.name for column in tree_columns.COLUMNS]
    for width in range(20, 200):
        columns = tree_columns.layout(width, everything)
        assert not columns or tree_columns.name_column(columns) + tree_columns.NAME_ROOM <= width
        for sort in Sort:
            title = tree_columns.titles(columns, sort)
            assert title.index("name") == tree_columns.name_column(columns) + 2
    assert [column.name for column in tree_columns.layout(200, everything)] == everything


def test_settings_apply_to_the_tree() -> None:
    """Columns, orders and modes of the settings match those of the tree."""
    assert tuple(column.name for column in tree_columns.COLUMNS) == COLUMNS
    assert tuple(sort.value for sort in Sort) == SORTS
    assert MODES == ("changes", "all")
