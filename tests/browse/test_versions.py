"""Filters over the versions of all layers, compared with a naive model."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from layerscope.browse.filters import parse_filter
from layerscope.browse.marks import Marks
from layerscope.browse.package_files import PackageFiles
from layerscope.browse.search import Order, PathSearch, SearchResult
from layerscope.browse.version_states import State, layer_to_show, state_of
from layerscope.filesystem.model import Filesystem
from layerscope.layers.index import KIND_NAMES, Kind
from layerscope.tui import filter_marks
from tests import naive
from tests.filesystem.stacking import Stacked, stack
from tests.images import directory, file, hardlink, symlink, whiteout
from tests.strategies import Layers, orderly_layers, wild_layers

# --- A naive model of versions --------------------------------------------------------------------


@dataclass(eq=False)
class Version:
    """The node at a path from one layer to another."""

    path: bytes
    inode: naive.Inode
    born: int
    died: int | None = None


class Row(NamedTuple):
    """A match, in terms that both implementations have."""

    path: bytes
    kind: str
    size: int
    layer: int
    died: int | None
    """None if it is live; for directories always, as only their newest version is listed."""


class History(naive.Filesystem):
    """All versions of all paths."""

    def __init__(self, layers: Layers) -> None:
        super().__init__()
        self.versions: list[Version] = []
        self.trees: list[dict[bytes, naive.Inode]] = [{}]
        for members in layers:
            self.apply([member for member in members if member.type != b"g"])
            self.trees.append(dict(self.tree))
        self.truth = naive.measure(layers)
        self.count = len(layers)

    def _bury(self, before: dict[bytes, naive.Inode], *, deleted: bool) -> None:
        super()._bury(before, deleted=deleted)
        for version in self.versions:
            if version.died is None and self.tree.get(version.path) is not version.inode:
                version.died = self.layer
        self.versions += [
            Version(path, inode, self.layer)
            for path, inode in self.tree.items()
            if before.get(path) is not inode
        ]

    def rows(self, fits: Callable[[History, Version], bool]) -> set[Row]:
        """The versions that match."""
        return {self._row(version) for version in self.versions if fits(self, version)}

    @staticmethod
    def _row(version: Version) -> Row:
        inode = version.inode
        if inode.kind == naive.DIRECTORY:
            return Row(version.path, inode.kind, 0, 0, None)
        size = len(inode.content)
        return Row(version.path, inode.kind, size, inode.stored_in, version.died)

    def names(self, inode: naive.Inode) -> set[bytes]:
        """All names that a file ever had."""
        return {version.path for version in self.versions if version.inode is inode}

    def changed(self, version: Version, *names: str) -> bool:
        """Whether a version is the result of one of these changes of its path, or was removed by a layer."""
        for layer, (before, after) in enumerate(zip(self.trees, self.trees[1:], strict=False)):
            change = self.truth.layers[layer].changes.get(version.path)
            if change is not None and change.name in names:
                stood = before if change.name == "removed" else after
                if stood.get(version.path) is version.inode:
                    return (version.died if change.name == "removed" else version.born) == layer
        return False

    def below(self, path: bytes) -> dict[int, int]:
        """Bytes that each layer stores at and below a path; an inode counts at the first of all its names."""
        first: dict[naive.Inode, bytes] = {}
        for version in self.versions:
            known = first.get(version.inode, version.path)
            first[version.inode] = min(known, version.path, key=naive.path_order)
        sizes: dict[int, int] = {}
        for inode, name in first.items():
            if inode.content and (name == path or name.startswith(path + b"/")):
                sizes[inode.stored_in] = sizes.get(inode.stored_in, 0) + len(inode.content)
        return sizes


def _is_file(version: Version) -> bool:
    return version.inode.kind == naive.FILE


def _duplicate(history: History, version: Version) -> bool:
    paths = {path for duplicate in history.truth.duplicates for path in duplicate.paths}
    inodes = [history.tree[path] for path in paths]
    return version.died is None and any(inode is version.inode for inode in inodes)


FILTERS: dict[str, Callable[[History, Version], bool]] = {
    "size>1": lambda _, version: _is_file(version) and len(version.inode.content) > 1,
    "!size>1": lambda _, version: not (_is_file(version) and len(version.inode.content) > 1),
    "setuid": lambda _, version: bool(version.inode.mode & 0o4000),
    "!setuid type:file": lambda _, version: _is_file(version) and not version.inode.mode & 0o4000,
    "owner:1000": lambda _, version: version.inode.known and version.inode.uid == 1000,
    "owner::1000": lambda _, version: version.inode.known and version.inode.gid == 1000,
    "layer:1 !type:dir": lambda _, version: (
        version.inode.stored_in == 1 and version.inode.kind != naive.DIRECTORY
    ),
    "layer<2 type:file": lambda _, version: version.inode.stored_in < 2 and _is_file(version),
    "type:dir": lambda _, version: version.inode.kind == naive.DIRECTORY,
    "type:symlink,fifo": lambda _, version: version.inode.kind in (naive.SYMLINK, naive.FIFO),
    "type:hardlink": lambda history, version: (
        _is_file(version) and len(history.names(version.inode)) > 1
    ),
    "change:+ type:file": lambda history, version: (
        _is_file(version) and history.changed(version, "added")
    ),
    "change:~,± type:file": lambda history, version: (
        _is_file(version) and history.changed(version, "modified", "metadata")
    ),
    "change:removed": lambda history, version: history.changed(version, "removed"),
    "b*": lambda _, version: version.path.rpartition(b"/")[2].startswith(b"b"),
    "/[.-]./ size>0": lambda _, version: (
        re.search(b"[.-].", version.path) is not None
        and _is_file(version)
        and bool(version.inode.content)
    ),
    '"a/b"': lambda _, version: b"a/b" in b"/" + version.path,
    "!b": lambda _, version: b"b" not in version.path,
    "ab size=0": lambda _, version: (
        re.search(b"a.*b", version.path) is not None
        and _is_file(version)
        and not version.inode.content
    ),
    "wasted": lambda history, version: version.inode in history.dead and _is_file(version),
    "duplicate": _duplicate,
    "package:p*": lambda _, version: version.path.startswith(b"a"),
    "package:p1 wasted": lambda history, version: (
        version.path == b"a" and version.inode in history.dead
    ),
}


def marks_of(stacked: Stacked) -> Marks:
    """All results of the analysis; `p1` has the path `a`, `p2` all other paths that start with it."""
    filesystem, table = stacked.filesystem, stacked.filesystem.table
    paths = [path for path in range(1, len(table)) if table.full(path).startswith(b"a")]
    paths.sort(key=lambda path: table.full(path) != b"a")
    alone = int(bool(paths) and table.full(paths[0]) == b"a")
    return Marks(
        wasted=filter_marks.wasted(filesystem, stacked.accounting),
        duplicate=filter_marks.duplicate(filesystem, stacked.duplicates),
        secret=np.zeros(len(filesystem.paths), bool),
        package=PackageFiles(
            ["P1", "p2"], np.array([alone, len(paths) - alone]), np.array(paths, np.int32)
        ),
    )


def go_on() -> None:
    """A check that never cancels."""


def rows_of(filesystem: Filesystem, result: SearchResult) -> list[Row]:
    """The matches, in order."""
    inodes, rows = filesystem.inodes, []
    for row in result.rows.tolist():
        path = filesystem.table.full(int(filesystem.paths[row]))
        kind = KIND_NAMES[Kind(int(filesystem.kinds[row]))]
        died = int(filesystem.died[row])
        if kind == naive.DIRECTORY:
            rows.append(Row(path, kind, 0, 0, None))
            continue
        layer = inodes.layer(int(filesystem.inode_of[row]))
        live = died == filesystem.layer_count
        rows.append(Row(path, kind, int(filesystem.stored[row]), layer, None if live else died))
    return rows


def _sure(rows: Iterable[Row]) -> set[Row]:
    """Whether an image has no broken hard links: a file that a later layer links to itself may be one version of the path, or two."""
    return {row for row in rows if row.kind != "broken-link"}


LINKED_AGAIN = [[file("b", b"x")], [hardlink("a", "b")], [hardlink("a", "b")]]
"""A layer that gives a path the inode that it has already."""


@given(st.one_of(orderly_layers(), wild_layers()))
@example(LINKED_AGAIN)
@settings(max_examples=150, deadline=None)
def test_terms_match_every_version(layers: Layers) -> None:
    """Each stored version of a file is listed once; a directory is listed once if any of its versions matches."""
    stacked, history = stack(layers), History(layers)
    search, marks = PathSearch(stacked.filesystem), marks_of(stacked)
    for text, fits in FILTERS.items():
        result = search.find(parse_filter(text), go_on, marks=marks)
        rows, expected = rows_of(stacked.filesystem, result), history.rows(fits)
        assert _sure(rows) == _sure(expected), text
        held = {
            version.inode
            for version in history.versions
            if fits(history, version) and _is_file(version)
        }
        assert result.files == sum(row.kind == naive.FILE for row in rows)
        assert result.bytes == sum(len(inode.content) for inode in held)
        folders = [row for row in rows if row.kind == naive.DIRECTORY]
        assert len(folders) == len(set(folders))


@given(st.one_of(orderly_layers(), wild_layers()))
@settings(max_examples=100, deadline=None)
def test_orders_have_the_same_versions(layers: Layers) -> None:
    """The versions are those of the default order, sorted; those of one path are newest first."""
    filesystem = stack(layers).filesystem
    search, history = PathSearch(filesystem), History(layers)
    query = parse_filter("a")
    best = search.find(query, go_on).rows.tolist()
    sizes = {row: search.size(row) for row in best}
    for row in best:
        path = filesystem.table.full(int(filesystem.paths[row]))
        if KIND_NAMES[Kind(int(filesystem.kinds[row]))] == naive.DIRECTORY:
            stored = history.below(path)
            assert search.below.by_layer(int(filesystem.paths[row])) == sorted(stored.items())
            assert sizes[row] == sum(stored.values())
    paths = filesystem.paths
    keys: dict[Order, Callable[[int], tuple[int, ...]]] = {
        Order.NAME: lambda row: (int(paths[row]), -row),
        Order.SIZE: lambda row: (-sizes[row], int(paths[row]), -row),
        Order.LAYER: lambda row: (-filesystem.layer_of(row), int(paths[row]), -row),
    }
    for order, key in keys.items():
        assert search.find(query, go_on, order=order).rows.tolist() == sorted(best, key=key)
    places: dict[int, list[int]] = {}
    for row in best:
        places.setdefault(int(paths[row]), []).append(row)
    assert all(rows == sorted(rows, reverse=True) for rows in places.values())


# --- States ---------------------------------------------------------------------------------------


def test_each_version_has_a_state_and_a_layer_that_shows_it() -> None:
    """Removed versions are shown by the layer that removed them, others by the one that added or changed them."""
    filesystem = stack(
        [
            [
                file("a", b"1"),
                file("b", b"22"),
                file("c", b"333"),
                directory("d"),
                file("d/e", b"1"),
            ],
            [file("a", b"2"), file("b", b"22"), file("twice", b"1"), file("twice", b"2")],
            [whiteout("c"), whiteout("d"), file("b", b"22", mode=0o600)],
            [file("c", b"4")],
        ]
    ).filesystem

    def of(name: bytes) -> list[tuple[State, int, int]]:
        path = filesystem.table.find(name)
        assert path is not None
        rows = filesystem.rows_of(path)
        return [
            (state_of(filesystem, row), int(filesystem.died[row]), layer_to_show(filesystem, row))
            for row in range(rows.start, rows.stop)
        ]

    assert of(b"a") == [(State.REPLACED, 1, 0), (State.LIVE, 4, 1)]
    assert of(b"b") == [(State.REPLACED, 1, 0), (State.REPLACED, 2, 0), (State.LIVE, 4, 2)]
    assert of(b"c") == [(State.REMOVED, 2, 2), (State.LIVE, 4, 3)]
    assert of(b"d") == [(State.REMOVED, 2, 2)]
    assert of(b"twice") == [(State.REPLACED, 1, 1), (State.LIVE, 4, 1)]


# --- Packages and what is not known yet -----------------------------------------------------------


def test_unavailable_terms_match_nothing_and_say_when_they_will() -> None:
    """This holds for negated terms, too."""
    search = PathSearch(stack([[file("a", b"1")]]).filesystem)
    for text, when in {
        "wasted": "`wasted` is available once all layers are read.",
        "!duplicate": "`duplicate` is available once duplicates are known.",
        "secret a": "`secret` is available once findings are known.",
        "package:li*": "`package:li*` is available once findings are known.",
    }.items():
        assert parse_filter(text).unavailable(Marks()) == when
        assert not len(search.find(parse_filter(text), go_on).rows)
    off = Marks(off={"duplicate": "is off; do this"})
    assert parse_filter("wasted").unavailable(off) == parse_filter("wasted").unavailable(Marks())
    assert parse_filter("duplicate").unavailable(off) == "`duplicate` is off; do this."
    known = replace(Marks(), wasted=np.zeros(2, bool))
    assert parse_filter("wasted").unavailable(known) == ""


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("curl", [1]),
        ("CURL", [1]),
        ("lib*", [2, 3, 4]),
        ("*@x/*", [5]),
        ("cur", []),
        ("*", [1, 2, 3, 4, 5]),
        ("lib?s[lm]", [2, 3]),
    ],
)
def test_packages_match_by_name_or_glob(name: str, expected: list[int]) -> None:
    """A name must match in full, ignoring case; several packages may have the same name."""
    files = PackageFiles(
        ["curl", "libssl", "LibSSM", "libc", "@x/y", "empty", "\ud800"],
        np.array([1, 1, 1, 1, 1, 0, 0]),
        np.arange(1, 6, dtype=np.int32),
    )
    assert files.of(name).tolist() == expected


def test_hard_links_are_files_with_several_names() -> None:
    """The other names may have been deleted."""
    search = PathSearch(
        stack(
            [[file("a", b"1"), hardlink("b", "a"), symlink("c", "a")], [whiteout("a")]]
        ).filesystem
    )
    rows = rows_of(search.filesystem, search.find(parse_filter("type:hardlink"), go_on))
    assert [(row.path, row.died) for row in rows] == [(b"a", 1), (b"b", None)]
