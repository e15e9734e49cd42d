"""The slow model and the product against answers computed by hand, rule by rule of the accounting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given

from tests import naive
from tests.filesystem.stacking import assert_equals_naive, stack
from tests.filesystem.test_against_naive import SEEDS
from tests.images import (
    Member,
    device,
    directory,
    fifo,
    file,
    global_header,
    hardlink,
    opaque,
    symlink,
    unknown,
    whiteout,
)
from tests.naive import (
    BROKEN,
    DELETED,
    DIRECTORY,
    FILE,
    IDENTICAL,
    METADATA_ONLY,
    OVERWRITTEN,
    REASONS,
    SYMLINK,
    TYPE_CHANGED,
    LayerTruth,
    Truth,
    Waste,
    in_path_order,
    normal,
    parents_of,
    role,
    whited_out,
)
from tests.strategies import Layers, orderly_layers, random_layers, wild_layers

M = 1000
"""One megabyte, small enough to be compared a thousand times."""


def of(size: int, seed: bytes = b"x") -> bytes:
    """A content of a size."""
    return seed * size


def measure(layers: Sequence[Sequence[Member]]) -> Truth:
    """The model's figures of an image, which must equal the product's in both modes."""
    truth = naive.measure(layers)
    for one_by_one in (False, True):
        assert_equals_naive(layers, stack(layers, one_by_one=one_by_one), truth)
    return truth


def after(*layers: Sequence[Member]) -> LayerTruth:
    """The topmost layer."""
    return measure(layers).layers[-1]


def kinds(layer: LayerTruth) -> dict[bytes, str]:
    """The visible paths after a layer, with their types."""
    return {path: row.kind for path, row in layer.tree.items()}


def changed(layer: LayerTruth) -> dict[bytes, str]:
    """The changes of a layer, as path and word."""
    return {path: change.name for path, change in layer.changes.items()}


def why(*layers: Sequence[Member]) -> tuple[str, list[str]]:
    """The change of the path `a` by the topmost layer."""
    return after(*layers).changes[b"a"]


# --- Names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "path"),
    [
        (b"a/b", b"a/b"),
        (b"./a/b", b"a/b"),
        (b"/a/b", b"a/b"),
        (b"//a///b", b"a/b"),
        (b"a/./b/", b"a/b"),
        (b"../../a", b"a"),
        (b"a/../b", b"b"),
        (b"a/../../../b/..", b""),
        (b"./", b""),
        (b"/", b""),
        (b"..", b""),
        (b"...", b"..."),
        (b"\xff/ \n", b"\xff/ \n"),
        (b"a\0b/c", b"a"),
    ],
)
def test_paths(name: bytes, path: bytes) -> None:
    """Names are read lexically and stay inside the root."""
    assert normal(name) == path


def test_path_order() -> None:
    """A directory comes right before its contents; plain byte order would not do."""
    paths = [b"a", b"a-b", b"a.b", b"a/b"]
    assert sorted(paths) == paths
    assert in_path_order(paths) == [b"a", b"a/b", b"a-b", b"a.b"]
    assert list(after([file("a-b"), file("a/b")]).tree) == [b"a", b"a/b", b"a-b"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (b"", "root"),
        (b"a/.wh.b", "whiteout"),
        (b".wh.x/y", "plain"),
        (b".wh.x/.wh.y", "whiteout"),
        (b".wh..wh", "whiteout"),
        (b".whx", "plain"),
        (b".wh..x", "whiteout"),
        (b".wh....", "whiteout"),
        (b".wh..wh..opq", "opaque"),
        (b"a/.wh..wh..opq", "opaque"),
        (b".wh..wh..opq/x", "ignored"),
        (b".wh..wh..opqx", "ignored"),
        (b".wh..wh.aufs", "ignored"),
        (b".wh..wh.plnk/1.2", "ignored"),
        (b"a/.wh..wh.orph/.wh.b", "ignored"),
        (b".wh..wh.", "ignored"),
        (b".wh.", "ignored"),
        (b"a/.wh..", "ignored"),
        (b"a/.wh...", "ignored"),
    ],
)
def test_roles(path: bytes, expected: str) -> None:
    """The last component tells whiteouts, any component tells AUFS metadata."""
    assert role(path) == expected


# --- Entries and their bytes ----------------------------------------------------------------------


def test_nothing() -> None:
    """An image without layers stores and wastes nothing."""
    truth = measure([])
    assert (truth.entries, truth.paths, truth.stored_bytes, truth.efficiency) == (0, 0, 0, 1.0)


def test_entries() -> None:
    """`./` and markers are entries; global headers are not."""
    truth = measure(
        [[global_header(comment=b"c"), directory("."), file("a"), opaque(), whiteout("x")]]
    )
    assert (truth.entries, truth.paths, truth.layers[0].whiteouts) == (4, 1, 1)


def test_whiteouts_are_counted_but_not_other_markers() -> None:
    """Useless whiteouts count; opaque markers, AUFS metadata and whiteouts of nothing do not."""
    names = [b".wh.x", b".wh.x", b"a/.wh.y/", b".wh..wh..opq", b".wh..wh.aufs", b".wh.", b".wh.."]
    layer = after([Member(name) for name in names])
    assert (layer.entries, layer.whiteouts, layer.kind) == (7, 3, "unchanged")
    assert layer.tree == {}


@pytest.mark.parametrize("kind", [b"0", b"\0", b"7"])
def test_regular_files(kind: bytes) -> None:
    """Every type of regular file is a file."""
    layer = after([Member(b"a", kind, b"12")])
    assert (layer.tree[b"a"].kind, layer.stored_bytes) == (FILE, 2)


def test_slashes_after_files() -> None:
    """A trailing slash makes a directory only for types of old tars."""
    layer = after([Member(b"a/", b"0", b"1"), Member(b"b/", b"\0", b"1")])
    assert kinds(layer) == {b"a": FILE, b"b": DIRECTORY}
    assert layer.stored_bytes == 1


@pytest.mark.parametrize(
    "member",
    [
        Member(b"./", b"0", b"123"),
        Member(b"a/..", b"5"),
        Member(b"..", b"1", link=b"x"),
        Member(b"/", b"2", link=b"x"),
    ],
)
def test_root(member: Member) -> None:
    """An entry for the root is an entry without content, and not a path."""
    truth = measure([[file("x", b"1")], [member]])
    assert (truth.entries, truth.paths, truth.stored_bytes) == (2, 1, 1)
    assert truth.layers[1].kind == "unchanged"
    assert truth.layers[1].changes == {}


@pytest.mark.parametrize("kind", [b"1", b"2", b"3", b"4", b"5", b"6", b"Z"])
def test_only_regular_files_have_content(kind: bytes) -> None:
    """Other types with data store no content and are not files."""
    truth = measure([[Member(b"a", kind, b"123", link=b"nowhere")]])
    assert (truth.stored_bytes, truth.files, truth.paths) == (0, 0, 1)
    assert truth.layers[0].tree[b"a"].size == 0


@pytest.mark.parametrize("name", [b".wh.x", b".wh..wh..opq", b".wh..wh.aufs", b".wh."])
def test_markers_have_no_content(name: bytes) -> None:
    """Data of a marker does not count as content."""
    truth = measure([[Member(name, data=b"123")]])
    assert (truth.entries, truth.stored_bytes, truth.wasted_bytes, truth.paths) == (1, 0, 0, 0)


def test_markers_of_any_type() -> None:
    """A marker is recognized by its name; it can be a directory."""
    layer = after(
        [file("c", b"1"), file("d/e", b"1")], [directory(".wh.c"), directory("d/.wh..wh..opq")]
    )
    assert kinds(layer) == {b"d": DIRECTORY}


def test_shown_attributes() -> None:
    """The mode has no type bits, and the mtime is in whole seconds, rounded down."""
    layer = after(
        [file("a", b"1", mode=0o104755, uid=1, gid=2, mtime=-0.5), file("d/b", mtime=1.9)]
    )
    assert layer.tree[b"a"] == (FILE, 1, 0o4755, 1, 2, -1, None, b"1")
    assert layer.tree[b"d"] == (DIRECTORY, 0, None, None, None, None, None, b"")
    assert layer.tree[b"d/b"].mtime == 1


def test_files_and_paths() -> None:
    """Every name of a hard link is a file; every visible name below the root is a path."""
    truth = measure([[file("d/a", b"1"), hardlink("d/b", "d/a"), symlink("s", "d"), fifo("p")]])
    assert (truth.files, truth.paths, truth.stored_bytes, truth.live_bytes) == (2, 5, 1, 1)


# --- Markers --------------------------------------------------------------------------------------


def test_markers_never_touch_their_own_layer() -> None:
    """Entries of the same layer stay, in any order of the tar."""
    base = [file("d/old", b"1"), file("e", b"2")]
    markers = [opaque("d"), whiteout("e")]
    own = [file("d/new", b"3"), file("e", b"4")]
    for upper in (markers + own, own + markers, [own[0], *markers, own[1]]):
        truth = measure([base, upper])
        assert [path for path in truth.layers[1].tree if b"/" in path] == [b"d/new"]
        assert truth.waste == [(b"d/old", 1, DELETED, 0, 1), (b"e", 1, DELETED, 0, 1)]


def test_markers_make_no_parents() -> None:
    """A marker does not create the directory above it."""
    assert after([whiteout("zz/q"), opaque("yy"), Member(b".wh..wh.plnk/1")]).tree == {}


def test_opaque_directory_stays() -> None:
    """An opaque marker empties a directory at all depths but keeps it."""
    layer = after([file("d/e/f", b"1"), file("d-e", b"1")], [opaque("d")])
    assert kinds(layer) == {b"d": DIRECTORY, b"d-e": FILE}
    assert changed(layer) == {b"d/e": "removed", b"d/e/f": "removed"}


def test_opaque_root() -> None:
    """An opaque marker in the root hides everything in lower layers."""
    layer = after([file("d/e", b"1"), file("f", b"1")], [file("g"), opaque()])
    assert kinds(layer) == {b"g": FILE}


def test_markers_under_files() -> None:
    """A file has no contents to remove."""
    layer = after([file("a", b"1"), symlink("s", "a")], [whiteout("a/b"), opaque("a"), opaque("s")])
    assert (kinds(layer), layer.kind) == ({b"a": FILE, b"s": SYMLINK}, "unchanged")


def test_whiteouts_of_names_that_look_like_markers() -> None:
    """A directory may be named like a whiteout if it has contents."""
    base = [file(".wh.x/y", b"1"), file("x", b"2")]
    assert kinds(after(base)) == {b".wh.x": DIRECTORY, b".wh.x/y": FILE, b"x": FILE}
    truth = measure([base, [whiteout("x")]])
    assert truth.waste == [(b"x", 1, DELETED, 0, 1)]
    assert b".wh.x" not in truth.layers[1].changes


def test_markers_apply_opaque_first() -> None:
    """Opaque markers come before whiteouts, so that the whiteout removes the last name."""
    base = [file("d/a", b"1"), hardlink("e", "d/a")]
    assert measure([base, [whiteout("e"), opaque("d")]]).waste == [(b"e", 1, DELETED, 0, 1)]


def test_markers_apply_in_tar_order() -> None:
    """The later whiteout removes the last name."""
    base = [file("a", b"1"), hardlink("b", "a")]
    assert measure([base, [whiteout("b"), whiteout("a")]]).waste == [(b"a", 1, DELETED, 0, 1)]
    assert measure([base, [whiteout("a"), whiteout("b")]]).waste == [(b"b", 1, DELETED, 0, 1)]


# --- Stacking -------------------------------------------------------------------------------------


def test_directory_over_directory() -> None:
    """The children stay and the attributes are the new ones, even if the directory comes after its children."""
    layer = after([file("d/a", b"1"), directory("d", mode=0o700)], [directory("d", mode=0o711)])
    assert kinds(layer) == {b"d": DIRECTORY, b"d/a": FILE}
    assert layer.tree[b"d"].mode == 0o711
    assert changed(layer) == {b"d": "metadata"}


@pytest.mark.parametrize(
    "over",
    [file("p"), symlink("p", "x"), device("p", 1, 3), fifo("p"), unknown("p"), hardlink("p", "x")],
)
def test_anything_over_directory(over: Member) -> None:
    """Anything that replaces a directory replaces its contents, too."""
    truth = measure([[file("p/q/r", b"1"), file("p-q", b"2")], [over]])
    assert set(truth.layers[1].tree) == {b"p", b"p-q"}
    assert changed(truth.layers[1]) == {b"p": "modified", b"p/q": "removed", b"p/q/r": "removed"}
    assert truth.waste == [(b"p/q/r", 1, TYPE_CHANGED, 0, 1)]


def test_directory_over_file() -> None:
    """A directory replaces a file."""
    truth = measure([[file("p", b"1")], [directory("p")]])
    assert kinds(truth.layers[1]) == {b"p": DIRECTORY}
    assert truth.waste == [(b"p", 1, TYPE_CHANGED, 0, 1)]


def test_implicit_parents() -> None:
    """Missing parents appear with unknown attributes, and get those of a later entry."""
    assert kinds(after([file("a/b/c")])) == {b"a": DIRECTORY, b"a/b": DIRECTORY, b"a/b/c": FILE}
    layer = after([file("a/b")], [directory("a", mode=0o700, uid=5)])
    assert layer.tree[b"a"].mode == 0o700
    assert changed(layer) == {b"a": "unchanged"}


def test_implicit_parent_keeps_known_attributes() -> None:
    """An existing parent directory is unchanged."""
    layer = after([directory("a", mode=0o700)], [file("a/b")])
    assert layer.tree[b"a"].mode == 0o700
    assert changed(layer) == {b"a/b": "added"}


@pytest.mark.parametrize(
    "standing", [file("a", b"1"), symlink("a", "d"), fifo("a"), hardlink("a", "x")]
)
def test_parent_that_is_not_a_directory(standing: Member) -> None:
    """It is replaced; symlinks are never followed."""
    base = [directory("d"), standing]
    layer = after(base, [file("a/b/c")])
    assert kinds(layer) == {b"a": DIRECTORY, b"a/b": DIRECTORY, b"a/b/c": FILE, b"d": DIRECTORY}
    assert changed(layer) == {b"a": "modified", b"a/b": "added", b"a/b/c": "added"}


def test_parent_that_is_a_file_is_replaced() -> None:
    """The reason is its type, even in its own layer."""
    assert measure([[file("a", b"1")], [file("a/b")]]).waste == [(b"a", 1, TYPE_CHANGED, 0, 1)]
    assert measure([[file("a", b"1"), file("a/b")]]).waste == [(b"a", 1, TYPE_CHANGED, 0, 0)]


def test_last_entry_of_a_path_wins() -> None:
    """Earlier entries of a path in the same layer are removed by it."""
    truth = measure([[file("a", b"1"), file("./a", b"22"), file("/a", b"333")]])
    assert truth.layers[0].tree[b"a"].content == b"333"
    assert truth.waste == [(b"a", 1, OVERWRITTEN, 0, 0), (b"a", 2, OVERWRITTEN, 0, 0)]
    layer = truth.layers[0]
    assert (layer.stored_bytes, layer.net_bytes, layer.wasted_bytes, layer.hides_bytes) == (
        6,
        3,
        3,
        0,
    )


# --- Hard links -----------------------------------------------------------------------------------


def test_link_shows_its_inode() -> None:
    """The header of a hard link does not matter."""
    layer = after([file("a", b"1", uid=7, mtime=3), hardlink("b", "a", mode=0, uid=9, mtime=4)])
    assert layer.tree[b"b"] == layer.tree[b"a"]
    assert layer.inodes[b"b"] == layer.inodes[b"a"]


@pytest.mark.parametrize("target", ["a", "/a", "./a", "x/../a", "../a"])
def test_link_targets_are_paths(target: str) -> None:
    """The target of a link is normalized like any path."""
    layer = after([file("a", b"1"), hardlink("b", target)])
    assert layer.inodes[b"b"] == layer.inodes[b"a"]


def test_inode_is_wasted_with_its_last_name() -> None:
    """Until then, no byte is wasted."""
    base = [file("a", b"1"), hardlink("b", "a"), hardlink("c", "b")]
    assert measure([base, [whiteout("a")]]).waste == []
    truth = measure([base, [whiteout("a")], [file("c", b"2")], [whiteout("b")]])
    assert truth.waste == [(b"b", 1, DELETED, 0, 3)]
    assert [layer.net_bytes for layer in truth.layers] == [1, 0, 1, -1]
    assert [layer.hides_bytes for layer in truth.layers] == [0, 0, 0, 1]


def test_link_to_lower_layer() -> None:
    """A link may refer to a lower layer, whose content stays live."""
    truth = measure([[file("a", b"1")], [hardlink("b", "a")], [whiteout("a")]])
    assert (truth.stored_bytes, truth.live_bytes) == (1, 1)
    assert truth.layers[2].tree[b"b"].content == b"1"
    assert truth.layers[1].stored_bytes == 0


def test_link_to_a_path_that_this_layer_removed() -> None:
    """It is no target, wherever the marker is in the layer."""
    base = [file("a", b"1"), file("d/c", b"2")]
    for upper in (
        [whiteout("a"), hardlink("b", "a"), opaque("d"), hardlink("e", "d/c")],
        [hardlink("b", "a"), hardlink("e", "d/c"), opaque("d"), whiteout("a")],
    ):
        truth = measure([base, upper])
        assert kinds(truth.layers[1]) == {b"b": BROKEN, b"d": DIRECTORY, b"e": BROKEN}
        assert truth.by_reason[DELETED] == truth.wasted_bytes == 2


def test_link_to_a_path_that_was_put_back() -> None:
    """If this layer removed a target and put it back, the link refers to the new one."""
    truth = measure([[file("a", b"1")], [file("a", b"2"), whiteout("a"), hardlink("b", "a")]])
    assert truth.layers[1].tree[b"b"].content == b"2"
    assert truth.waste == [(b"a", 1, DELETED, 0, 1)]


@pytest.mark.parametrize(
    "target",
    ["nowhere", "d", "", "/", "d/..", "b", ".wh..wh.plnk/2", ".wh..wh.plnk/d", ".wh..wh.orph/1"],
)
def test_broken_links(target: str) -> None:
    """A link to nothing, to a directory, to the root or to itself is a path, but not a file."""
    metadata = [directory(".wh..wh.plnk/d"), Member(b".wh..wh.orph/1")]
    truth = measure([[directory("d"), *metadata, hardlink("b", target, mode=0o600)]])
    row = truth.layers[0].tree[b"b"]
    assert (row.kind, row.size, row.mode, row.target) == (BROKEN, 0, 0o600, target.encode())
    assert (truth.files, truth.paths) == (0, 2)


@pytest.mark.parametrize("kept", [".wh..wh.plnk/1", "d/.wh..wh.plnk/1"])
def test_links_to_files_that_aufs_keeps(kept: str) -> None:
    """They are one inode with the attributes of the file kept, which is no path; no link, nothing stored."""
    links = [hardlink("a", kept), hardlink("b", "/" + kept, mode=0o600)]
    for layer in (
        [file(kept, of(M), mode=0o4755), *links],
        [*links, file(kept, of(M), mode=0o4755)],
        [file(kept, of(M), mode=0o4755), file(".wh..wh.plnk/2", of(M)), *links],
    ):
        truth = measure([layer])
        assert (truth.stored_bytes, truth.live_bytes, truth.files) == (M, M, 2)
        tree = truth.layers[0].tree
        assert list(tree) == [b"a", b"b"]
        assert {row.mode for row in tree.values()} == {0o4755}
        assert len(set(truth.layers[0].inodes.values())) == 1
        assert truth.duplicates == []


def test_links_to_files_that_aufs_keeps_in_another_layer() -> None:
    """They are broken, and the kept file stores nothing."""
    truth = measure([[file(".wh..wh.plnk/1", of(M))], [hardlink("a", ".wh..wh.plnk/1")]])
    assert truth.stored_bytes == 0
    assert kinds(truth.layers[1]) == {b"a": BROKEN}


def test_link_to_the_last_file_of_a_name_that_aufs_kept_before() -> None:
    """It behaves like a link to any path that a layer lists twice."""
    kept = ".wh..wh.plnk/1"
    layer = after([file(kept, b"1"), hardlink("a", kept), file(kept, b"22"), hardlink("b", kept)])
    assert [row.content for row in layer.tree.values()] == [b"1", b"22"]


def test_link_to_later_entry() -> None:
    """A link before its target is broken, or refers to the lower layer's file."""
    assert kinds(after([hardlink("b", "a"), file("a", b"1")])) == {b"a": FILE, b"b": BROKEN}
    layer = after([file("a", b"1")], [hardlink("b", "a"), file("a", b"2")])
    assert (layer.tree[b"a"].content, layer.tree[b"b"].content) == (b"2", b"1")


def test_broken_link_over_file() -> None:
    """A broken link replaces the file."""
    truth = measure([[file("b", b"1")], [hardlink("b", "nowhere")]])
    assert truth.waste == [(b"b", 1, TYPE_CHANGED, 0, 1)]
    assert truth.layers[1].changes[b"b"] == ("modified", ["type"])


def test_broken_link_over_its_target_directory() -> None:
    """A directory is no target, not even of a link at its own path."""
    truth = measure([[file("d/a", b"1")], [hardlink("d", "d")]])
    assert kinds(truth.layers[1]) == {b"d": BROKEN}
    assert truth.waste == [(b"d/a", 1, TYPE_CHANGED, 0, 1)]


def test_link_to_other_kinds() -> None:
    """A hard link to a symlink is a symlink; devices, pipes and broken links are shared, too."""
    members = [
        symlink("s", "x"),
        device("c", 1, 3),
        fifo("p"),
        unknown("u"),
        hardlink("l", "nowhere"),
    ]
    layer = after(members, [hardlink(b"2" + member.name, member.name) for member in members])
    for member in members:
        assert layer.tree[b"2" + member.name] == layer.tree[member.name]
        assert layer.inodes[b"2" + member.name] == layer.inodes[member.name]


def test_link_to_its_own_inode() -> None:
    """A path that already has the inode is unchanged."""
    base = [file("a", b"1"), hardlink("b", "a")]
    truth = measure([base, [hardlink("a", "a"), hardlink("a", "b"), hardlink("b", "./a")]])
    assert (truth.waste, truth.layers[1].kind) == ([], "unchanged")
    assert changed(truth.layers[1]) == {b"a": "unchanged", b"b": "unchanged"}


def test_link_over_another_file() -> None:
    """The replaced file is compared with the inode of the link."""
    base = [file("a", b"1", mode=0o600), file("b", b"1"), file("c", b"2"), file("d", b"1")]
    upper = [hardlink("b", "a"), hardlink("c", "a", mode=0o600), hardlink("d", "b")]
    truth = measure([base, upper])
    assert truth.waste == [
        (b"b", 1, METADATA_ONLY, 0, 1),
        (b"c", 1, OVERWRITTEN, 0, 1),
        (b"d", 1, METADATA_ONLY, 0, 1),
    ]
    assert measure([[file("a", b"1"), file("b", b"1")], [hardlink("b", "a")]]).waste == [
        (b"b", 1, IDENTICAL, 0, 1)
    ]


def test_link_finds_its_target_before_it_replaces_it() -> None:
    """The target is looked up first, and stays live if the link is its only name in the end."""
    under_itself = measure([[file("a", b"1")], [hardlink("a/b", "a")]])
    assert kinds(under_itself.layers[1]) == {b"a": DIRECTORY, b"a/b": FILE}
    assert under_itself.waste == []
    over_its_directory = measure([[file("d/x", b"1"), file("d/y", b"2")], [hardlink("d", "d/x")]])
    assert over_its_directory.layers[1].tree[b"d"].content == b"1"
    assert over_its_directory.waste == [(b"d/y", 1, TYPE_CHANGED, 0, 1)]


# --- Waste ----------------------------------------------------------------------------------------


def test_reasons() -> None:
    """The reason depends on what replaced a file."""
    base = [file(name, b"1") for name in ("a", "b", "c", "d", "e")]
    upper = [
        file("a", b"2"),
        file("b", b"1", mtime=1),
        file("c", b"1"),
        symlink("d", "a"),
        whiteout("e"),
    ]
    truth = measure([base, upper])
    assert {record.path: record.reason for record in truth.waste} == {
        b"a": OVERWRITTEN,
        b"b": METADATA_ONLY,
        b"c": IDENTICAL,
        b"d": TYPE_CHANGED,
        b"e": DELETED,
    }
    assert truth.by_reason == dict.fromkeys(REASONS, 1)


def test_deleted_and_put_back() -> None:
    """A file that a marker removes was deleted, even if the same layer puts the same file back."""
    base = [directory("d"), file("d/a", b"1")]
    truth = measure([base, [whiteout("d/a"), file("d/a", b"1")]])
    assert truth.waste == [(b"d/a", 1, DELETED, 0, 1)]
    assert changed(truth.layers[1]) == {b"d/a": "unchanged"}
    truth = measure([base, [opaque("d"), file("d/a", b"1", mode=0o600)]])
    assert truth.waste == [(b"d/a", 1, DELETED, 0, 1)]
    assert changed(truth.layers[1]) == {b"d/a": "metadata"}


def test_several_names_in_one_subtree() -> None:
    """If one removal removes several names, the record has the last one in path order."""
    base = [file("d-x", b"2"), file("d/b", b"1"), hardlink("d/b-a", "d/b"), hardlink("d/b.", "d/b")]
    base += [directory("d/a"), hardlink("d/a/z", "d/b")]
    for upper in ([whiteout("d")], [opaque("d")]):
        assert measure([base, upper]).waste == [(b"d/b.", 1, DELETED, 0, 1)]
    assert measure([base, [file("d")]]).waste == [(b"d/b.", 1, TYPE_CHANGED, 0, 1)]


def test_order_of_the_last_name() -> None:
    """This is path order, not byte order: contents of a directory come before its longer siblings."""
    base = [file("d/a/z", b"1"), hardlink("d/a-z", "d/a/z")]
    assert measure([base, [whiteout("d")]]).waste == [(b"d/a-z", 1, DELETED, 0, 1)]


def test_empty_files_waste_nothing() -> None:
    """An empty inode has no record."""
    assert measure([[file("a")], [whiteout("a")]]).waste == []


def test_layer_figures() -> None:
    """These are stored, hidden and wasted bytes; net bytes add up to live."""
    layers = [
        [file("a", of(10)), file("b", of(20))],
        [file("a", of(3)), file("a", of(5)), file("c", of(40))],
        [whiteout("c"), whiteout("b")],
    ]
    truth = measure(layers)
    assert [layer.stored_bytes for layer in truth.layers] == [30, 48, 0]
    assert [layer.wasted_bytes for layer in truth.layers] == [30, 43, 0]
    assert [layer.hides_bytes for layer in truth.layers] == [0, 10, 60]
    assert [layer.net_bytes for layer in truth.layers] == [30, 35, -60]
    assert (truth.stored_bytes, truth.live_bytes, truth.wasted_bytes) == (78, 5, 73)


# --- Changes --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (file("a", b"1"), file("a", b"2"), ("modified", ["content"])),
        (file("a", b"1"), file("a", b"1", mode=0o100644, mtime=0.9), ("unchanged", [])),
        (file("a", b"1"), file("a", b"1", mode=0o600), ("metadata", ["mode"])),
        (file("a", b"1"), file("a", b"1", uid=1), ("metadata", ["owner"])),
        (file("a", b"1"), file("a", b"1", gid=1), ("metadata", ["owner"])),
        (file("a", b"1"), file("a", b"1", mtime=1), ("metadata", ["mtime"])),
        (file("a", b"1"), file("a", b"1", mtime=-0.1), ("metadata", ["mtime"])),
        (file("a", b"1"), file("a", b"1", xattrs={b"user.x": b"1"}), ("metadata", ["xattrs"])),
        (file("a", b"1"), file("a", b"1", pax={b"atime": b"7", b"uname": b"n"}), ("unchanged", [])),
        (
            file("a", b"1"),
            file("a", b"2", mode=0, mtime=1),
            ("modified", ["content", "mode", "mtime"]),
        ),
        (symlink("a", "x"), symlink("a", "y"), ("modified", ["target"])),
        (device("a", 1, 3), device("a", 1, 5), ("modified", ["device"])),
        (device("a", 1, 3), device("a", 1, 3, block=True), ("modified", ["type"])),
        (file("a", b"1"), symlink("a", "x", mode=0o644), ("modified", ["type"])),
        (file("a", b"1"), directory("a", uid=1), ("modified", ["mode", "owner", "type"])),
        (directory("a"), directory("a", mtime=1), ("unchanged", [])),
        (directory("a"), directory("a", mtime=1, mode=0o700), ("metadata", ["mode", "mtime"])),
        (file("a/b"), directory("a", mode=0, mtime=9), ("unchanged", [])),
        (directory("a", mode=0), file("a/b"), None),
        (file("a", mode=0o600), file("a/b"), ("modified", ["type"])),
    ],
)
def test_changes_name_what_differs(
    old: Member, new: Member, expected: tuple[str, list[str]] | None
) -> None:
    """A change compares the visible trees, and names what differs."""
    assert after([old], [new]).changes.get(b"a") == expected


def test_change_of_a_directory_that_was_put_back() -> None:
    """A directory that returns implicitly has no entry and no known difference."""
    layer = after(
        [directory("d", mode=0o700), file("d/a", b"1")], [whiteout("d"), file("d/b", b"2")]
    )
    assert changed(layer) == {b"d/a": "removed", b"d/b": "added"}
    assert layer.tree[b"d"].mode is None


def test_change_of_a_path_in_no_tree() -> None:
    """A path that is in no visible tree is no change."""
    layer = after([file("d/a", b"1"), file("d", b"2")])
    assert changed(layer) == {b"d": "added"}
    assert layer.counts == {"added": 1, "modified": 0, "metadata": 0, "removed": 0}


def test_counts() -> None:
    """Implicit directories and all removed descendants count."""
    base = [file("d/e/f", b"1"), file("g", b"1"), file("h", b"1"), file("i", b"1")]
    upper = [
        whiteout("d"),
        file("x/y", b"1"),
        file("g", b"2"),
        file("h", b"1", uid=1),
        file("i", b"1"),
    ]
    assert after(base, upper).counts == {"added": 2, "modified": 1, "metadata": 1, "removed": 3}


@pytest.mark.parametrize(
    ("members", "kind"),
    [
        ([], "empty"),
        ([global_header(comment=b"c")], "empty"),
        ([directory(".")], "unchanged"),
        ([whiteout("nothing")], "unchanged"),
        ([file("a", b"1")], "unchanged"),
        ([directory("d", mtime=5)], "unchanged"),
        ([file("a", b"1", mode=0)], "attributes"),
        ([file("a", b"1", mode=0), file("b")], "files"),
        ([file("a", b"2")], "files"),
        ([whiteout("a")], "files"),
    ],
)
def test_kinds_of_steps(members: Sequence[Member], kind: str) -> None:
    """The kind of a layer is that of its most significant change."""
    assert after([file("a", b"1"), directory("d")], members).kind == kind


# --- Totals and duplicates ------------------------------------------------------------------------


def test_directory_totals() -> None:
    """An inode counts at its first visible name; the total of the root is the live bytes."""
    members = [
        file("b/x", b"111"),
        hardlink("a/y", "b/x"),
        file("a-b", b"22"),
        file("a/e/z", b"4444"),
    ]
    truth = measure([members, [whiteout("a/y")]])
    assert truth.layers[0].directories == {b"": (9, 3), b"a": (7, 2), b"a/e": (4, 1), b"b": (0, 0)}
    assert truth.layers[1].directories == {b"": (9, 3), b"a": (4, 1), b"a/e": (4, 1), b"b": (3, 1)}


def test_directory_totals_in_path_order() -> None:
    """Contents of a directory come before the siblings that byte order puts first."""
    layer = after([file("a-b/x", b"1"), hardlink("a/x", "a-b/x")])
    assert (layer.directories[b"a"], layer.directories[b"a-b"]) == ((1, 1), (0, 0))


def test_duplicates() -> None:
    """Equal contents at different paths count, except hard links and empty files."""
    members = [
        file("c", b"11"),
        file("b", b"11"),
        hardlink("a", "c"),
        file("d", b"22"),
        hardlink("e", "d"),
        file("f"),
        file("g"),
        file("h", b"333"),
        symlink("i", "h"),
        file("j", b"333"),
        file("k", b"333"),
    ]
    truth = measure([members])
    assert truth.duplicates == [(2, 2, [b"a", b"b"]), (3, 6, [b"h", b"j", b"k"])]
    assert (truth.duplicate_bytes, truth.wasted_bytes, truth.efficiency) == (8, 0, 1.0)


def test_duplicates_of_the_final_tree() -> None:
    """Only visible files of the final image can be duplicates."""
    assert measure([[file("a", b"1"), file("b", b"1")], [whiteout("b")]]).duplicates == []
    assert measure([[file("a", b"1")], [file("b", b"1")]]).duplicates == [(1, 1, [b"a", b"b"])]


# --- Where other explorers go wrong ---------------------------------------------------------------


def wasted(*layers: Sequence[Member]) -> tuple[int, float]:
    """Wasted bytes and efficiency of an image."""
    truth = measure(layers)
    return truth.wasted_bytes, truth.efficiency


class TestWaste:
    """Images whose waste is easy to get wrong."""

    def test_deleted_directory(self) -> None:
        """All contents of a deleted directory are wasted."""
        layers = [[file("d/a", of(M)), file("d/b", of(M)), file("keep", of(M))], [whiteout("d")]]
        assert wasted(*layers) == (2 * M, 1 / 3)

    def test_opaque_directory(self) -> None:
        """An opaque marker wastes and removes all contents of the directory."""
        layers = [[file("d/a", of(M)), file("d/b", of(M))], [opaque("d"), file("d/c", of(10))]]
        assert wasted(*layers) == (2 * M, 10 / (2 * M + 10))
        assert changed(after(*layers)) == {b"d/a": "removed", b"d/b": "removed", b"d/c": "added"}

    def test_rewritten_once(self) -> None:
        """The remaining copy is not wasted."""
        assert wasted([file("a", of(M))], [file("a", of(M, b"y"))]) == (M, 0.5)

    def test_three_times(self) -> None:
        """Two of three copies are wasted."""
        layers = [[file("a", of(M, seed))] for seed in (b"x", b"y", b"z")]
        assert wasted(*layers) == (2 * M, 1 / 3)

    def test_small_then_large(self) -> None:
        """The hidden copy is wasted, not the smallest one."""
        assert wasted([file("a", of(1))], [file("a", of(M))]) == (1, M / (M + 1))

    def test_added_deleted_added(self) -> None:
        """The copy that was added again is live."""
        assert wasted([file("a", of(M))], [whiteout("a")], [file("a", of(M))]) == (M, 0.5)

    def test_one_of_two_hard_links_deleted(self) -> None:
        """The other name keeps the content."""
        assert wasted([file("a", of(M)), hardlink("b", "a")], [whiteout("a")]) == (0, 1.0)

    def test_useless_whiteout(self) -> None:
        """A whiteout without a target does not stop the accounting of its layer."""
        base = [file("x", of(M)), file("y", of(M))]
        upper = [whiteout("b"), file("x", of(M, b"y")), file("y", of(M, b"y"))]
        assert wasted(base, upper) == (2 * M, 0.5)

    def test_file_becomes_directory(self) -> None:
        """The file is wasted."""
        assert wasted([file("p", of(M))], [directory("p")]) == (M, 0.0)

    def test_directory_becomes_file(self) -> None:
        """The contents of the directory are wasted and removed."""
        layers = [[file("p/q", of(M))], [file("p", of(M))]]
        assert wasted(*layers) == (M, 0.5)
        assert kinds(after(*layers)) == {b"p": FILE}

    def test_chmod(self) -> None:
        """A copy with another mode is metadata-only."""
        layers = [[file("a", of(M))], [file("a", of(M), mode=0o755)]]
        assert measure(layers).waste == [(b"a", M, METADATA_ONLY, 0, 1)]

    @pytest.mark.parametrize(
        ("copy", "word"),
        [
            (file("a", of(M), mtime=9), "mtime"),
            (file("a", of(M), xattrs={b"security.capability": b"\x01"}), "xattrs"),
        ],
        ids=["touch", "setcap"],
    )
    def test_touch_and_setcap(self, copy: Member, word: str) -> None:
        """A copy with another time or other capabilities is a change, and wastes bytes."""
        layers = [[file("a", of(M))], [copy]]
        assert why(*layers) == ("metadata", [word])
        assert wasted(*layers) == (M, 0.5)

    def test_symlink_retargeted(self) -> None:
        """A symlink with another target is modified."""
        assert why([symlink("a", "x")], [symlink("a", "y")]) == ("modified", ["target"])

    def test_single_layer(self) -> None:
        """One layer wastes nothing and has an efficiency of 1."""
        assert wasted([file("a", of(M))]) == (0, 1.0)
        assert wasted([]) == (0, 1.0)

    def test_base_rewritten(self) -> None:
        """A layer never hides more bytes than the lower layers store."""
        truth = measure([[file("a", of(M))], [file("a", of(M, b"y"))]])
        assert (truth.layers[1].hides_bytes, truth.layers[1].wasted_bytes) == (M, 0)
        assert truth.layers[0].wasted_bytes == M

    def test_directory_removed_and_recreated(self) -> None:
        """Only the removed contents are wasted."""
        base = [directory("d"), file("d/a", of(M))]
        assert wasted(base, [whiteout("d")], base) == (M, 0.5)
        assert wasted(base, [directory("d"), opaque("d"), file("d/a", of(M))]) == (M, 0.5)

    def test_layer_listed_twice(self) -> None:
        """The second listing hides the first, byte for byte."""
        layer = [directory("d"), file("d/a", of(M))]
        truth = measure([layer, layer])
        assert truth.waste == [(b"d/a", M, IDENTICAL, 0, 1)]
        assert (truth.efficiency, truth.layers[1].kind) == (0.5, "unchanged")


# --- What holds for every image -------------------------------------------------------------------


def check(truth: Truth) -> None:
    """Assert that the figures of an image agree with each other."""
    assert truth.stored_bytes == truth.live_bytes + truth.wasted_bytes
    assert truth.wasted_bytes == sum(record.size for record in truth.waste)
    assert truth.wasted_bytes == sum(truth.by_reason.values())
    assert truth.wasted_bytes == sum(layer.wasted_bytes for layer in truth.layers)
    assert truth.live_bytes == sum(layer.net_bytes for layer in truth.layers)
    assert truth.stored_bytes == sum(layer.stored_bytes for layer in truth.layers)
    assert truth.entries == sum(layer.entries for layer in truth.layers)
    assert truth.files <= truth.paths == len(truth.layers[-1].tree)
    assert truth.duplicate_bytes <= truth.live_bytes
    live = 0
    paths = 0
    for layer in truth.layers:
        live += layer.net_bytes
        paths += layer.counts["added"] - layer.counts["removed"]
        assert layer.directories[b""].size == live
        assert len(layer.tree) == paths
        assert list(layer.tree) == in_path_order(layer.tree)
        for path in layer.tree:
            assert all(layer.tree[parent].kind == DIRECTORY for parent in parents_of(path))


@given(orderly_layers())
def test_orderly_images_add_up(layers: Layers) -> None:
    """Stored is live plus wasted, whatever the layers are."""
    check(measure(layers))


@given(wild_layers())
def test_wild_images_add_up(layers: Layers) -> None:
    """The same holds for tars with invalid contents."""
    check(measure(layers))


@pytest.mark.parametrize("wild", [False, True], ids=["orderly", "wild"])
def test_seeded_images_add_up(wild: bool) -> None:
    """The same holds for the plain generator, which is deterministic for a seed."""
    for seed in range(SEEDS):
        layers = random_layers(seed, wild)
        assert layers == random_layers(seed, wild)
        assert 1 <= len(layers) <= 5
        check(seeded(seed, wild))


@cache
def seeded(seed: int, wild: bool) -> Truth:
    """The model's figures of a seed's image, which equal the product's: of the first seeds, `test_against_naive.py` compares them."""
    layers = random_layers(seed, wild)
    return naive.measure(layers) if seed < SEEDS else measure(layers)


# --- What the generators make ---------------------------------------------------------------------


def test_orderly_layers_are_orderly() -> None:
    """Parents come first, no path occurs twice, and links refer to earlier files of the layer."""
    links = 0
    for seed in range(300):
        for layer in random_layers(seed, wild=False):
            seen: dict[bytes, bytes] = {b"": b"5"}
            for member in layer:
                path = normal(member.name)
                assert path not in seen
                assert seen[path.rpartition(b"/")[0]] == b"5"
                if member.type == b"1":
                    assert seen[member.link] == b"0"
                    links += 1
                seen[path] = member.type
    assert links > 50


WILD_CASES = {
    "path twice in a layer",
    "link to a lower layer",
    "link to a whited-out target",
    "link to what an opaque marker hid",
    "link to symlink",
    "link to directory",
    "link to nothing",
    "link to its own path",
    "link to a later entry",
    "link to its own inode",
    "link under its target",
    "link over a directory that holds its target",
    "link over another file",
    "names dying in different layers",
    "names dying in one removal",
    "opaque and put back",
    "whited out and put back",
    "file becomes directory",
    "file becomes symlink",
    "directory becomes file",
    "directory becomes symlink",
    "symlink becomes directory",
    "symlink becomes file",
    "implicit directory",
    "implicit directory gets attributes",
    "entry under a lower file",
    "entry under a file of its layer",
    "layer listed twice",
    "spelled ./",
    "spelled /",
    "spelled ..",
    "spelled //",
    "root",
    "AUFS metadata",
    "whiteout of nothing",
    "marker with data",
    "path that looks like a whiteout",
    "character-device",
    "block-device",
    "fifo",
    "unknown",
    "broken-link",
    "step files",
    "step attributes",
    "step unchanged",
    "step empty",
    *(f"waste {reason}" for reason in REASONS),
    *(f"waste {reason} in its own layer" for reason in REASONS if reason != DELETED),
    *(f"why {word}" for word in ("type", "content", "target", "device")),
    *(f"why {word}" for word in ("mode", "owner", "mtime", "xattrs")),
    "duplicate",
}
"""All that wild layers must hold now and then."""


def test_wild_layers_have_every_case() -> None:
    """A few hundred seeds contain each case of the rules."""
    counted: Counter[str] = Counter()
    for seed in range(400):
        counted.update(set(cases(random_layers(seed, wild=True), seeded(seed, wild=True))))
    assert set(counted) == WILD_CASES


def cases(layers: Layers, truth: Truth) -> Iterator[str]:
    """The cases in an image."""
    nothing = naive.measure([[]]).layers[0]
    yield from cases_of_names(layers)
    yield from cases_of_waste(truth)
    for index, layer in enumerate(layers):
        if any(layer and layer == earlier for earlier in layers[:index]):
            yield "layer listed twice"
        below = truth.layers[index - 1] if index else nothing
        yield from cases_of_links(layer, below, truth.layers[index])
        yield from cases_of_changes(layer, below, truth.layers[index])
    if truth.duplicates:
        yield "duplicate"


def cases_of_names(layers: Layers) -> Iterator[str]:
    """Cases that depend on a name alone."""
    for member in (member for layer in layers for member in layer):
        path = normal(member.name)
        if member.name.startswith(b"./"):
            yield "spelled ./"
        if member.name.startswith(b"/"):
            yield "spelled /"
        if b".." in member.name.split(b"/"):
            yield "spelled .."
        if b"//" in member.name:
            yield "spelled //"
        if role(path) == "root":
            yield "root"
        if role(path) == "ignored":
            yield "AUFS metadata" if b".wh..wh." in path else "whiteout of nothing"
        if role(path) in ("whiteout", "opaque") and member.data:
            yield "marker with data"
        if role(path) == "plain" and b".wh." in path:
            yield "path that looks like a whiteout"


def cases_of_waste(truth: Truth) -> Iterator[str]:
    """Cases of how inodes and names are removed."""
    for record in truth.waste:
        yield f"waste {record.reason}"
        if record.stored_in == record.hidden_by:
            yield f"waste {record.reason} in its own layer"
    names = [names_of(layer) for layer in truth.layers]
    for before, now in pairwise(names):
        for inode, paths in before.items():
            left = now.get(inode, set())
            if len(paths) > 1 and not left:
                yield "names dying in one removal"
            if left and paths - left and inode not in names[-1]:
                yield "names dying in different layers"


def names_of(layer: LayerTruth) -> dict[int, set[bytes]]:
    """All names of every regular file that is visible."""
    names: dict[int, set[bytes]] = {}
    for path, inode in layer.inodes.items():
        if layer.tree[path].kind == FILE:
            names.setdefault(inode, set()).add(path)
    return names


def cases_of_links(
    members: Sequence[Member], below: LayerTruth, above: LayerTruth
) -> Iterator[str]:
    """Cases of the targets of hard links, as far as two trees show them."""
    paths = [normal(member.name) for member in members]
    whiteouts = {whited_out(path) for path in paths if role(path) == "whiteout"}
    opaques = {path.rpartition(b"/")[0] for path in paths if role(path) == "opaque"}
    for index, (path, member) in enumerate(zip(paths, members, strict=True)):
        if member.type != b"1" or role(path) != "plain":
            continue
        target = normal(member.link)
        earlier = target in paths[:index]
        kind = above.tree[path].kind if path in above.tree else None
        shared = above.inodes.get(path) == below.inodes.get(target, -1)
        if kind == SYMLINK:
            yield "link to symlink"
        if kind == FILE and path not in paths[index + 1 :]:
            if target in parents_of(path):
                yield "link under its target"
            if path in parents_of(target):
                yield "link over a directory that holds its target"
        if target == path:
            yield "link to its own path"
        if target in paths[index + 1 :] and not earlier:
            yield "link to a later entry"
        if kind == BROKEN and not earlier:
            if target in whiteouts & set(below.tree):
                yield "link to a whited-out target"
            elif target in below.tree and opaques & {b"", *parents_of(target)}:
                yield "link to what an opaque marker hid"
            elif below.tree.get(target, above.tree[path]).kind == DIRECTORY:
                yield "link to directory"
            elif target not in below.tree:
                yield "link to nothing"
        if shared and not earlier and kind == FILE:
            yield from cases_of_shared(path, target, below)


def cases_of_shared(path: bytes, target: bytes, below: LayerTruth) -> Iterator[str]:
    """Cases of links that keep a file of a lower layer."""
    yield "link to a lower layer"
    if below.inodes.get(path) == below.inodes[target]:
        yield "link to its own inode"
    elif path in below.tree and below.tree[path].kind == FILE:
        yield "link over another file"


def cases_of_changes(
    members: Sequence[Member], below: LayerTruth, above: LayerTruth
) -> Iterator[str]:
    """Cases of a layer's changes to the tree."""
    yield f"step {above.kind}"
    plain_names = [
        normal(member.name) for member in members if role(normal(member.name)) == "plain"
    ]
    made = dict(
        zip(plain_names, (m for m in members if role(normal(m.name)) == "plain"), strict=False)
    )
    if any(count > 1 for count in Counter(plain_names).values()):
        yield "path twice in a layer"
    for path, row in above.tree.items():
        old = below.tree.get(path)
        if row.kind not in (FILE, DIRECTORY, SYMLINK):
            yield row.kind
        if row.kind == DIRECTORY and row.mode is None:
            yield "implicit directory"
        elif old and old.kind == DIRECTORY == row.kind and old.mode is None:
            yield "implicit directory gets attributes"
        if old and old.kind != row.kind and {old.kind, row.kind} <= {FILE, DIRECTORY, SYMLINK}:
            yield f"{old.kind} becomes {row.kind}"
        if row.mode is None and old and old.kind == FILE:
            yield "entry under a lower file"
        if row.mode is None and path in made and made[path].type == b"0":
            yield "entry under a file of its layer"
    for path, change in above.changes.items():
        yield from (f"why {word}" for word in change.why)
        assert path in below.tree or path in above.tree
    for member in members:
        path = normal(member.name)
        if role(path) == "whiteout" and whited_out(path) in below.tree.keys() & above.tree.keys():
            yield "whited out and put back"
        if role(path) == "opaque" and put_back(path.rpartition(b"/")[0], below.tree, above.tree):
            yield "opaque and put back"


def put_back(directory: bytes, old: Mapping[bytes, object], new: Mapping[bytes, object]) -> bool:
    """Whether a path in a directory is in both trees."""
    return any(
        directory in (b"", *parents_of(path)) and directory != path for path in old.keys() & new
    )


def test_records_sort_as_they_are_compared() -> None:
    """Records are in the order of their tuples."""
    truth = measure([[file("b", b"1"), file("a", b"22")], [whiteout("a"), whiteout("b")]])
    assert truth.waste == sorted(truth.waste)
    assert truth.waste[0] == Waste(b"a", 2, DELETED, 0, 1)
