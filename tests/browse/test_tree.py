"""Rows of the file tree equal those of a naive implementation, for any view and any sequence of operations."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layerscope.browse import ordering
from layerscope.browse.choices import Mode, Sort
from layerscope.browse.filters import parse_filter
from layerscope.browse.rows import TreeRow
from layerscope.browse.tree import TreeView
from layerscope.filesystem.changes import WHY_NAMES
from layerscope.filesystem.compare_contents import hash_contents
from layerscope.filesystem.model import Filesystem
from layerscope.layers.index import KIND_NAMES, Kind
from layerscope.progress import NullProgress
from layerscope.words import Change
from tests import naive
from tests.filesystem.stacking import stack
from tests.images import Member, directory, file, hardlink, opaque, symlink, whiteout
from tests.strategies import Layers, orderly_layers, wild_layers

# --- A naive tree ---------------------------------------------------------------------------------

Tree = dict[bytes, naive.Inode]


@dataclass
class Shown:
    """A path in the naive tree."""

    path: bytes
    inode: naive.Inode
    change: str | None = None
    why: list[str] = field(default_factory=list)
    context: bool = True


FILTERS: dict[str, Callable[[Shown], bool]] = {
    "b": lambda shown: b"b" in shown.path,
    "A/B": lambda shown: b"a/b" in shown.path,
    "b*": lambda shown: shown.path.rpartition(b"/")[2].startswith(b"b"),
    "a/*": lambda shown: shown.path.startswith(b"a/") and shown.path.count(b"/") == 1,
    "/[.-]./": lambda shown: re.search(b"[.-].", shown.path) is not None,
    "size>1": lambda shown: len(shown.inode.content) > 1,
    "!size>1": lambda shown: len(shown.inode.content) <= 1,
    "change:+,-": lambda shown: shown.change in ("added", "removed"),
    "change:~ !n": lambda shown: shown.change == "modified" and b"n" not in shown.path,
    "change:metadata": lambda shown: shown.change == "metadata",
    "a*/": lambda shown: (
        shown.inode.kind == naive.DIRECTORY and shown.path.rpartition(b"/")[2].startswith(b"a")
    ),
    "type:dir": lambda shown: shown.inode.kind == naive.DIRECTORY,
    "type:file,symlink": lambda shown: shown.inode.kind in (naive.FILE, naive.SYMLINK),
    "setuid": lambda shown: bool(shown.inode.mode & 0o4000),
    "owner:1000": lambda shown: shown.inode.known and shown.inode.uid == 1000,
    "owner::1000": lambda shown: shown.inode.known and shown.inode.gid == 1000,
    "layer:1": lambda shown: shown.inode.stored_in == 1,
    "layer>0 b": lambda shown: shown.inode.stored_in > 0 and b"b" in shown.path,
    "nothing-is-called-so": lambda shown: b"nothing" in shown.path,
}


class NaiveView:
    """A `TreeView` that computes everything anew with dicts and recursion."""

    def __init__(self, layers: Layers) -> None:
        filesystem = naive.Filesystem()
        self.trees: list[Tree] = [{}]
        for members in layers:
            filesystem.apply(members)
            self.trees.append(dict(filesystem.tree))
        self.truth = naive.measure(layers)
        self.layer = 0
        self.since = -1
        self.mode = Mode.LAYER
        self.sort = Sort.SIZE
        self.changed_only = self.flat = False
        self.filter: str | None = None
        self.expanded: set[bytes] = set()
        self.closed: set[bytes] = set()

    @property
    def before(self) -> Tree:
        return self.trees[(self.since if self.mode is Mode.RANGE else self.layer - 1) + 1]

    @property
    def after(self) -> Tree:
        return self.trees[self.layer + 1]

    def changes(self) -> dict[bytes, naive.Change]:
        """The differences between the trees; for a layer also paths stored again unchanged."""
        if self.mode is not Mode.RANGE:
            return self.truth.layers[self.layer].changes
        found = {}
        for path in self.before.keys() | self.after.keys():
            old, new = self.before.get(path), self.after.get(path)
            if new is None:
                found[path] = naive.Change("removed", [])
            elif old is None:
                found[path] = naive.Change("added", [])
            elif why := naive.differences(old, new):
                substance = why & {"type", "content", "target", "device"}
                found[path] = naive.Change("modified" if substance else "metadata", sorted(why))
        return found

    def present(self) -> dict[bytes, Shown]:
        """All paths of the mode, with those above them."""
        changes = self.changes()
        real = {path for path, change in changes.items() if change.name != "unchanged"}
        if self.mode is Mode.UP_TO:
            real = real & self.after.keys() if self.changed_only else set(self.after)
        present: dict[bytes, Shown] = {}
        for path in real:
            for part in (*naive.parents_of(path), path):
                present.setdefault(part, Shown(part, self.after.get(part) or self.before[part]))
            present[path].context = False
        for path, shown in present.items():
            if path in changes:
                shown.change, shown.why = changes[path]
        return present

    def matching(self) -> dict[bytes, Shown]:
        """The paths that match the filter."""
        fits = FILTERS[self.filter] if self.filter else None
        return {
            path: shown for path, shown in self.present().items() if fits is None or fits(shown)
        }

    def counted(self) -> Tree:
        """The nodes that totals count."""
        if self.mode is Mode.UP_TO:
            return self.measured(self.after)
        return self.measured(
            {
                path: self.after[path]
                for path, change in self.changes().items()
                if change.name in ("added", "modified", "metadata")
            }
        )

    def removed(self) -> Tree:
        """The removed paths."""
        if self.mode is Mode.UP_TO:
            return {}
        return self.measured(
            {
                path: self.before[path]
                for path, change in self.changes().items()
                if change.name == "removed"
            }
        )

    def measured(self, tree: Tree) -> Tree:
        """The part of a tree that a filter keeps: matching files or, if there are none, everything in matching directories."""
        if not self.filter:
            return tree
        matching = self.matching()
        if all(shown.inode.kind == naive.DIRECTORY for shown in matching.values()):
            present = self.present()
            return {
                path: inode
                for path, inode in tree.items()
                if path in present
                and any(above in matching for above in (*naive.parents_of(path), path))
            }
        return {path: inode for path, inode in tree.items() if path in matching}

    def rows(self) -> list[bytes]:
        """The visible paths."""
        present, matching = self.present(), self.matching()
        if self.flat:
            listed = naive.in_path_order(
                path for path in matching if present[path].inode.kind != naive.DIRECTORY
            )
            return sorted(listed, key=lambda path: -len(present[path].inode.content))
        kept = {part for path in matching for part in (*naive.parents_of(path), path)}
        totals, removed = below(self.counted()), below(self.removed())

        def key(path: bytes) -> tuple[object, ...]:
            shown = present[path]
            size = (removed if shown.change == "removed" else totals).get(path, 0)
            sized = (0, -size) if size else (1, -removed.get(path, 0))
            words = ("added", "modified", "metadata", "removed", "unchanged", None)
            match self.sort:
                case Sort.SIZE:
                    return (sized, path)
                case Sort.NAME:
                    return (path,)
                case Sort.CHANGE:
                    return (words.index(shown.change), sized, path)
                case Sort.LAYER:
                    return (-shown.inode.stored_in, sized, path)

        def render(parent: bytes) -> list[bytes]:
            out = []
            for path in sorted((path for path in kept if naive.parent_of(path) == parent), key=key):
                out.append(path)
                if path not in self.closed if self.filter else path in self.expanded:
                    out += render(path)
            return out

        return render(b"")


def below(tree: Tree) -> dict[bytes, int]:
    """Bytes at and below each path, the root included; an inode counts at its first name."""
    totals: dict[bytes, int] = {}
    seen = set()
    for path in naive.in_path_order(tree):
        if tree[path] not in seen:
            seen.add(tree[path])
            for part in (b"", *naive.parents_of(path), path):
                totals[part] = totals.get(part, 0) + len(tree[path].content)
    return totals


# --- Against the product --------------------------------------------------------------------------


def assert_same(view: TreeView, model: NaiveView) -> None:
    """Assert that the view has the rows of the naive one."""
    table = view.filesystem.table
    assert [table.full(path) for path in view.rows.tolist()] == model.rows()
    present, matching = model.present(), model.matching()
    changes = model.changes()
    if model.flat:
        present, matching = (
            {path: shown for path, shown in part.items() if shown.inode.kind != naive.DIRECTORY}
            for part in (present, matching)
        )
    assert (view.present, view.matching) == (len(present), len(matching))
    assert {
        word: count
        for change, count in view.counts.items()
        if (word := change.json_name) != "unchanged"
    } == {
        word: sum(change.name == word for change in changes.values())
        for word in ("added", "modified", "metadata", "removed")
    }
    totals, removed = below(model.counted()), below(model.removed())
    for index in range(len(view)):
        row = view.row(index)
        path = table.full(row.path)
        assert (path, index) == (table.full(int(view.rows[index])), view.index_of(row.path))
        assert_row(row, path, present[path], model, totals, removed)
        assert row.depth == view.depth(index)


def assert_row(
    row: TreeRow,
    path: bytes,
    shown: Shown,
    model: NaiveView,
    totals: dict[bytes, int],
    removed: dict[bytes, int],
) -> None:
    """Assert that a row agrees with the naive tree."""
    inode = shown.inode
    assert row.name == (path if model.flat else path.rpartition(b"/")[2])
    assert row.depth == (0 if model.flat else path.count(b"/"))
    assert KIND_NAMES[row.kind] == inode.kind
    assert row.is_directory == (inode.kind == naive.DIRECTORY)
    assert (None if row.change is None else row.change.json_name) == shown.change
    assert sorted(name for bit, name in WHY_NAMES.items() if row.why & bit) == shown.why
    assert row.removed == (shown.change == "removed")
    assert row.context == shown.context
    assert row.own_bytes == len(inode.content)
    assert row.total_bytes == totals.get(path, 0)
    assert row.removed_bytes == removed.get(path, 0)
    inside = [
        found.kind
        for other, found in model.counted().items()
        if other == path or other.startswith(path + b"/")
    ]
    assert row.total_files == inside.count(naive.FILE)
    whole = totals.get(b"" if model.flat else naive.parent_of(path), 0)
    assert row.share == (totals.get(path, 0) / whole if whole else 0)
    assert row.known == inode.known
    if inode.known:
        assert (row.mode, row.uid, row.gid, row.mtime) == (
            inode.mode,
            inode.uid,
            inode.gid,
            inode.mtime,
        )
    assert row.target == (inode.target or b"")
    assert row.layer == inode.stored_in
    if not model.flat:
        kept = {part for match in model.matching() for part in naive.parents_of(match)}
        assert row.has_children == (path in kept)
        opened = path not in model.closed if model.filter else path in model.expanded
        assert row.expanded == (path in kept and opened)


Operation = tuple[str, object]

OPERATIONS: st.SearchStrategy[Operation] = st.one_of(
    st.tuples(st.just("toggle"), st.integers(0, 20)),
    st.tuples(st.just("layer"), st.integers(0, 4)),
    st.tuples(st.just("mode"), st.sampled_from(Mode)),
    st.tuples(st.just("since"), st.integers(-1, 4)),
    st.tuples(st.just("sort"), st.sampled_from(Sort)),
    st.tuples(st.just("filter"), st.sampled_from([None, *FILTERS])),
    st.tuples(st.just("changed-only"), st.booleans()),
    st.tuples(st.just("flat"), st.sampled_from([False, False, True])),
    st.tuples(st.just("all"), st.booleans()),
    st.tuples(st.just("reveal"), st.integers(0, 20)),
)


def operate(view: TreeView, model: NaiveView, operation: Operation) -> None:
    """Apply an operation to both views."""
    name, value = operation
    count = len(model.trees) - 1
    table = view.filesystem.table
    match name, value:
        case "toggle", int(index) if len(view) and not model.flat:
            row = index % len(view)
            path = table.full(int(view.rows[row]))
            (model.closed if model.filter else model.expanded).symmetric_difference_update({path})
            view.toggle(row)
        case "layer", int(layer):
            model.layer = layer % count
            view.set_layer(layer % count)
        case "mode", Mode() as mode:
            model.mode = mode
            view.set_mode(mode)
        case "since", int(since):
            model.since = min(since, count - 1)
            model.mode = Mode.RANGE
            view.set_range(min(since, count - 1), model.layer)
        case "sort", Sort() as sort:
            model.sort = sort
            view.set_sort(sort)
        case "filter", text if text is None or isinstance(text, str):
            model.filter = text
            model.closed = set()
            view.set_filter(None if text is None else parse_filter(text))
        case "changed-only", bool(changed_only):
            model.changed_only = changed_only
            view.set_changed_only(changed_only)
        case "flat", bool(flat):
            model.flat = flat
            view.set_flat(flat)
        case "all", bool(opened):
            everything = {table.full(path) for path in range(len(table))}
            if model.filter:
                model.closed = set() if opened else everything
            else:
                model.expanded = everything if opened else set()
            (view.expand_all if opened else view.collapse_all)()
        case "reveal", int(index):
            reveal(view, model, index % len(table))


def reveal(view: TreeView, model: NaiveView, path: int) -> None:
    """Reveal a path in both views."""
    full = view.filesystem.table.full(path)
    kept = {part for match in model.matching() for part in (*naive.parents_of(match), match)}
    if not model.flat and full in kept:
        if model.filter:
            model.closed -= set(naive.parents_of(full))
        else:
            model.expanded |= set(naive.parents_of(full))
    expected = {seen: row for row, seen in enumerate(model.rows())}.get(full)
    assert view.reveal(path) == expected


@given(
    st.one_of(orderly_layers(), wild_layers()),
    st.lists(OPERATIONS, max_size=12),
    st.sampled_from((0, 1, ordering._LEVELS)),
)
@settings(max_examples=400, deadline=None)
def test_rows_equal_those_of_a_naive_tree(
    layers: Layers, operations: list[Operation], levels: int
) -> None:
    """Modes, layers, sorts, filters and open directories change in any order, in shallow and in deep trees."""
    view, model = TreeView(stack(layers).filesystem), NaiveView(layers)
    with patch.object(ordering, "_LEVELS", levels):
        assert_same(view, model)
        for operation in operations:
            operate(view, model, operation)
            assert_same(view, model)


@given(wild_layers())
@settings(max_examples=60, deadline=None)
def test_rows_are_right_for_every_mode_sort_and_filter(layers: Layers) -> None:
    """All directories are open."""
    view, model = TreeView(stack(layers).filesystem), NaiveView(layers)
    operate(view, model, ("all", True))
    operate(view, model, ("layer", len(layers) - 1))
    for mode in Mode:
        for sort in Sort:
            for text in (None, "b", "change:~ !n", "!size>1"):
                for operation in (("mode", mode), ("sort", sort), ("filter", text)):
                    operate(view, model, operation)
                assert_same(view, model)


# --- Rules ----------------------------------------------------------------------------------------


def tree_of(*layers: list[Member], layer: int | None = None, mode: Mode = Mode.UP_TO) -> TreeView:
    """A view of the topmost layer with all directories open."""
    view = TreeView(
        stack(layers).filesystem, layer=len(layers) - 1 if layer is None else layer, mode=mode
    )
    view.expand_all()
    return view


def seen(view: TreeView) -> list[str]:
    """The rows as text: indent, change, name."""
    glyphs = {
        None: " ",
        Change.UNCHANGED: " ",
        Change.ADDED: "+",
        Change.MODIFIED: "~",
        Change.METADATA: "±",
        Change.REMOVED: "-",
    }
    rows = [view.row(index) for index in range(len(view))]
    return [f"{'  ' * row.depth}{glyphs[row.change]} {row.name.decode()}" for row in rows]


def test_children_follow_their_parent() -> None:
    """`a/b` comes right below `a`, although `a-b` and `a.b` sort before it."""
    view = tree_of([file("a-b"), file("a.b"), directory("a"), file("a/b")], mode=Mode.LAYER)
    view.set_sort(Sort.NAME)
    assert seen(view) == ["+ a", "  + b", "+ a-b", "+ a.b"]


def test_rows_are_sorted_by_size_then_by_name() -> None:
    """The size of a directory is that of its contents."""
    view = tree_of([file("small", b"1"), file("d/e/f", b"333"), file("c", b"22"), file("b", b"22")])
    assert seen(view) == ["+ d", "  + e", "    + f", "+ b", "+ c", "+ small"]


def test_a_layer_shows_removed_paths_with_their_former_size() -> None:
    """Removed paths count in no total, and are sorted by their former size."""
    view = tree_of(
        [file("old/big", b"x" * 9), file("old/small", b"x"), file("kept")],
        [whiteout("old/big"), file("new", b"x" * 5)],
        mode=Mode.LAYER,
    )
    assert seen(view) == ["+ new", "  old", "  - big"]
    new, old, big = (view.row(index) for index in range(3))
    assert (new.own_bytes, new.total_bytes, new.share) == (5, 5, 1.0)
    assert (old.own_bytes, old.total_bytes, old.removed_bytes, old.context) == (0, 0, 9, True)
    assert (big.own_bytes, big.total_bytes, big.removed_bytes, big.removed) == (9, 0, 9, True)


def test_a_replaced_directory_is_listed_below_the_file() -> None:
    """The file counts as modified, and the contents of the directory as removed."""
    view = tree_of([file("a/b", b"xx")], [file("a", b"y")], mode=Mode.LAYER)
    assert seen(view) == ["~ a", "  - b"]
    assert not view.row(0).is_directory
    assert view.row(0).has_children


def test_hard_links_count_once_in_totals() -> None:
    """Each name shows the size; only the first one in path order counts in the total."""
    view = tree_of([directory("d"), file("d/b", b"xxx"), hardlink("d/a", "d/b")])
    directory_row, a, b = (view.row(index) for index in range(3))
    assert (directory_row.total_bytes, directory_row.total_files) == (3, 2)
    assert (a.own_bytes, a.total_bytes) == (3, 3)
    assert (b.own_bytes, b.total_bytes) == (3, 0)


def test_open_directories_survive_other_layers_and_filters() -> None:
    """After returning, the same rows are shown as before."""
    view = TreeView(stack([[file("a/b/c"), file("d/e")], [file("x")]]).filesystem)
    view.set_sort(Sort.NAME)
    view.expand(0)
    before = seen(view)
    assert before == ["+ a", "  + b", "+ d"]
    view.set_layer(1)
    assert seen(view) == ["+ x"]
    view.set_layer(0)
    view.set_filter(parse_filter("c"))
    assert seen(view) == ["+ a", "  + b", "    + c"]
    view.collapse(1)
    assert seen(view) == ["+ a", "  + b"]
    view.set_filter(parse_filter("e"))
    assert seen(view) == ["+ d", "  + e"]
    view.set_filter(parse_filter(""))
    assert seen(view) == before


def test_a_flat_list_shows_whole_paths() -> None:
    """It has only files, the largest first."""
    view = tree_of([file("a/b", b"x"), file("c", b"xx"), symlink("d", "c"), directory("e")])
    view.set_flat(True)
    rows = [view.row(index) for index in range(len(view))]
    assert [row.name for row in rows] == [b"c", b"a/b", b"d"]
    assert [row.share for row in rows] == [2 / 3, 1 / 3, 0]
    assert rows[2].target == b"c"
    assert not any(row.has_children or row.depth for row in rows)


def test_the_nearest_row_is_the_path_or_its_innermost_parent() -> None:
    view = TreeView(stack([[file("a/b/c")], [file("a/d")]]).filesystem)
    table = view.filesystem.table
    hidden = table.find(b"a/b/c")
    assert hidden is not None
    assert view.index_of(hidden) is None
    assert view.nearest(hidden) == 0
    assert view.reveal(hidden) == 2
    assert view.nearest(hidden) == 2
    view.set_layer(1)
    assert view.reveal(hidden) is None
    assert view.nearest(hidden) == 0
    assert view.nearest(0) is None


def test_a_range_compares_contents_that_no_layer_compared() -> None:
    """A file that changed and changed back does not differ, once its contents have been read."""
    layers = [[file("a", b"xx")], [file("a", b"yyy")], [file("a", b"xx")]]
    stacked = stack(layers, hash_all=False)
    stacked.filesystem.inodes.hashed[:] = False
    view = TreeView(stacked.filesystem)
    view.set_range(0, 2)
    assert seen(view) == ["~ a"]
    hash_contents(
        stacked.filesystem.inodes, view.unread, stacked.contents, NullProgress(), "Comparing"
    )
    view.refresh()
    assert seen(view) == []
    assert not len(view.unread)
    view.set_range(0, 1)
    assert seen(view) == ["~ a"]
    assert not len(view.unread)


def test_the_tree_before_the_first_layer_is_empty() -> None:
    """This holds in every mode; a range from there shows everything as added."""
    view = tree_of([file("a/b", b"x")], layer=-1)
    for mode in Mode:
        view.set_mode(mode)
        assert (len(view), view.present, sum(view.counts.values())) == (0, 0, 0)
    view.set_range(-1, 0)
    assert seen(view) == ["+ a", "  + b"]
    with pytest.raises(IndexError):
        view.set_layer(1)


@pytest.mark.parametrize("layers", [[], [[]], [[opaque()]]], ids=["none", "empty", "marker"])
def test_an_image_without_files_has_no_rows(layers: Layers) -> None:
    """It has no layers, an empty one, or one with only a whiteout."""
    view = TreeView(stack(layers).filesystem)
    for mode in Mode:
        view.set_mode(mode)
        for sort in Sort:
            view.set_sort(sort)
            view.expand_all()
            for flat in (False, True):
                view.set_flat(flat)
                for text in ("", "a", "a/b", "*", "**/a", "/a/", "size>1", "layer:0", "!a"):
                    view.set_filter(parse_filter(text))
                    assert (len(view), view.present, view.matching) == (0, 0, 0)


def test_a_tree_can_have_two_thousand_levels() -> None:
    """There is no recursion, and no level is left out."""
    levels = 2000
    name = "/".join("d" * levels)
    view = tree_of([file(f"{name}/f", b"xx"), file("e", b"x")], [file(f"{name}/g", b"xxx")])
    assert len(view) == levels + 3
    assert view.depth(levels + 1) == levels
    assert [view.row(row).name for row in (levels, levels + 1, levels + 2)] == [b"g", b"f", b"e"]
    assert view.row(0).total_bytes == 5
    path = int(view.rows[levels])
    view.collapse(0)
    assert len(view) == 2
    view.collapse_all()
    assert view.reveal(path) == levels
    for text in ("g", "d/g", "/d/g$/", "**/g", "size>2"):
        view.set_filter(parse_filter(text))
        assert (len(view), view.matching) == (levels + 1, 1)
    view.set_filter(None)
    view.set_mode(Mode.LAYER)
    assert seen(view)[-1] == "  " * levels + "+ g"


@pytest.mark.parametrize("bits", [10, 46, 55])
def test_sizes_of_any_magnitude_are_sorted(bits: int) -> None:
    """Some are too large for the fast sort, or to be sorted together with positions."""
    names = [f"d{max(number - 60, 0)}/f{number}" for number in range(120)]
    stacked = stack([[file(name) for name in names]])
    columns = stacked.indexes[0].columns
    sizes = np.random.default_rng(1).integers(0, 1 << bits, len(columns.stored))
    sizes[::3] = 1 << bits - 1
    columns.stored[columns.kinds == Kind.FILE] = sizes
    filesystem = Filesystem.stack(stacked.indexes)
    view = TreeView(filesystem, mode=Mode.UP_TO)
    view.expand_all()
    rows = [view.row(row) for row in range(len(view))]
    assert len({row.total_bytes for row in rows}) > 50
    for depth in (0, 1):
        shown: dict[int, list[tuple[int, int]]] = {}
        for row in rows:
            if row.depth == depth:
                parent = int(filesystem.table.parents[row.path])
                shown.setdefault(parent, []).append((-row.total_bytes, row.path))
        assert all(keys == sorted(keys) for keys in shown.values())
    view.set_flat(True)
    keys = [(-view.row(row).own_bytes, view.row(row).path) for row in range(len(view))]
    assert keys == sorted(keys)
