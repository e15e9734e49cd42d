"""The tree of two images equals a naive one."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from layerscope.browse.compared_tree import ComparedTree
from layerscope.words import Change
from tests.analysis.compare.comparing import Layers, changes_of, live_bytes, naive_changes, side
from tests.images import file
from tests.strategies import orderly_layers, wild_layers

ANY_LAYERS = st.one_of(wild_layers(), orderly_layers())


def tree_of(old: Layers, new: Layers) -> ComparedTree:
    """The tree of two images."""
    changes = changes_of(side(old), side(new))
    return ComparedTree(changes.table, changes.paths, changes.kinds, changes.before, changes.growth)


@given(ANY_LAYERS, ANY_LAYERS)
@settings(max_examples=60, deadline=None)
def test_rows_are_the_differing_paths_with_both_sizes(old: Layers, new: Layers) -> None:
    """With all directories open, the rows are the paths that differ and the directories above them."""
    tree = tree_of(old, new)
    tree.open_all(True)
    differs = naive_changes(old, new, mtime=False)
    above = {
        b"/".join(parts[:depth])
        for parts in (path.split(b"/") for path in differs)
        for depth in range(1, len(parts))
    }
    rows = [tree.row(row) for row in range(len(tree))]
    assert {tree.table.full(row.path) for row in rows} == differs.keys() | above
    sizes = live_bytes(old), live_bytes(new)
    for row in rows:
        path = tree.table.full(row.path)
        kind = None if row.change is None else row.change.json_name
        assert kind == (differs[path][0] if path in differs else None)
        for known, size in zip(sizes, (row.old, row.new), strict=True):
            if path in known:
                assert size == known[path]
        below = [other for other in differs if other == path or other.startswith(path + b"/")]
        assert row.differing == len(below)


@given(ANY_LAYERS, ANY_LAYERS)
@settings(max_examples=30, deadline=None)
def test_the_largest_changes_come_first(old: Layers, new: Layers) -> None:
    """Siblings are sorted by the absolute amount, or by name on request."""
    tree = tree_of(old, new)
    top = [tree.row(row) for row in range(len(tree))]
    assert all(row.depth == 0 for row in top)
    amounts = [abs(row.new - row.old) for row in top]
    assert amounts == sorted(amounts, reverse=True)
    tree.sort_by_name(True)
    names = [tree.row(row).name for row in range(len(tree))]
    assert names == sorted(names)


def test_a_search_opens_directories_of_matches() -> None:
    old = [[file("usr/lib/a.so", b"1"), file("etc/b", b"1")]]
    new = [[file("usr/lib/a.so", b"22"), file("etc/b", b"22")]]
    tree = tree_of(old, new)
    assert [tree.row(row).name for row in range(len(tree))] == [b"etc", b"usr"]
    tree.search("a.SO")
    assert [tree.row(row).name for row in range(len(tree))] == [b"usr", b"lib", b"a.so"]
    last = tree.row(2)
    assert (last.change, last.old, last.new) == (Change.MODIFIED, 1, 2)
    tree.search("")
    tree.open(tree.row(1).path, True)
    assert [tree.row(row).name for row in range(len(tree))] == [b"etc", b"usr", b"lib"]
    assert tree.row_of(tree.row(2).path) == 2
