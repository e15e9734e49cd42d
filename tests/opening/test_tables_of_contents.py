"""Layers with tables of contents: the expected tree, warnings, and precedence of the tar."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings

from layerscope.filesystem.model import Filesystem
from layerscope.layers.store import Store
from layerscope.limits import Limits
from layerscope.opening.open import Options, analyse
from layerscope.sources import Request, open_source
from tests.expected_tree import BASE, TOP, EarlyListener, listen
from tests.images import Member
from tests.sources.image_files import codes, open_path
from tests.strategies import wild_layers
from tests.toc_images import (
    TYPES,
    TocLayer,
    changed,
    estargz,
    plain_layer,
    toc_json,
    write_image,
    zstd_chunked,
)

Make = Callable[..., TocLayer]
in_both_formats = pytest.mark.parametrize("make", [estargz, zstd_chunked])


def tree(filesystem: Filesystem) -> list[tuple[object, ...]]:
    """All versions of all paths, with the metadata that a table of contents has."""
    columns = filesystem.inodes.columns
    return [
        (
            filesystem.table.full(int(path)),
            int(filesystem.kinds[row]),
            int(filesystem.stored[row]),
            int(filesystem.born[row]),
            int(filesystem.died[row]),
            int(columns.modes[filesystem.inode_of[row]]),
            filesystem.inodes.xattrs[int(columns.xattrs[filesystem.inode_of[row]])],
        )
        for row, path in enumerate(filesystem.paths)
    ]


# --- early ----------------------------------------------------------------------------------------


@in_both_formats
def test_the_tree_is_expected_before_the_layers_are_read(tmp_path: Path, make: Make) -> None:
    """It equals the tree from the layers, and there are no warnings."""
    path = write_image(tmp_path, [make(BASE), make(TOP)])
    early = listen(path)
    assert early.heard == ["expected", "layer 0", "layer 1", "stacked"]
    assert tree(early.filesystems[0]) == tree(early.filesystems[1])
    assert codes(open_path(path)) == []


def test_layers_without_a_table_are_read_first(tmp_path: Path) -> None:
    """After that, every layer has been read or has a table, so the tree is known."""
    path = write_image(tmp_path, [zstd_chunked(BASE), plain_layer(TOP), estargz(TOP)])
    early = listen(path)
    assert early.heard[0] == "expected"
    assert tree(early.filesystems[0]) == tree(early.filesystems[1])
    path = write_image(tmp_path, [plain_layer(BASE), estargz(TOP)])
    early = listen(path)
    assert early.heard == ["layer 0", "expected", "layer 1", "stacked"]
    assert tree(early.filesystems[0]) == tree(early.filesystems[1])


def test_a_repeated_blob_is_expected_at_both_places(tmp_path: Path) -> None:
    early = listen(write_image(tmp_path, [estargz(TOP), estargz(BASE), estargz(TOP)]))
    assert early.heard == ["expected", "layer 0", "layer 1", "layer 2", "stacked"]
    assert tree(early.filesystems[0]) == tree(early.filesystems[1])


def test_nothing_is_expected_without_tables(tmp_path: Path) -> None:
    """Nor is anything expected unless the listener asks for it."""
    assert "expected" not in listen(write_image(tmp_path, [plain_layer(BASE)])).heard
    early = EarlyListener()
    early.wants_expected = False
    request = Request(str(write_image(tmp_path, [estargz(BASE)])))
    analyse(request, open_source(request), Options(), early)
    assert early.heard == ["layer 0", "stacked"]


def test_tables_of_small_layers_are_ignored(tmp_path: Path) -> None:
    """Small layers are read sooner than their tables would help."""
    path = write_image(tmp_path, [estargz(BASE)])
    assert "expected" not in listen(path, wait=False, worthwhile=1_000_000).heard


@in_both_formats
def test_cached_layers_need_no_table(tmp_path: Path, make: Make) -> None:
    """Opening from the cache needs no expected tree, and the warnings are the same."""
    wrong = changed(BASE, "etc/passwd", size=7)
    path = write_image(tmp_path, [make(BASE, toc=toc_json(wrong)), make(TOP)])
    first = open_path(path)
    time.sleep(0.03)  # a file that was written just now has no identity yet
    store = Store(tmp_path / "cache")
    assert "expected" in listen(path, cache=store).heard
    assert "expected" not in listen(path, wait=False, cache=store).heard
    again = open_path(path, options=Options(cache=store))
    assert again.indexes[0].toc == first.indexes[0].toc
    assert again.warnings == first.warnings
    assert codes(again) == ["toc-mismatch"]


def test_tables_beyond_the_limits_are_ignored(tmp_path: Path) -> None:
    """A hostile table neither stops the analysis nor changes its result."""
    entries = [{"type": "reg", "name": f"f{number}"} for number in range(298)]
    layers = [zstd_chunked(members, toc=toc_json(entries)) for members in (BASE, TOP)]
    path = write_image(tmp_path, layers)
    early = listen(path, Limits(entries=300), wait=False)
    assert early.heard == ["layer 0", "layer 1", "stacked"]
    right = listen(write_image(tmp_path, [zstd_chunked(BASE), zstd_chunked(TOP)]))
    assert tree(early.filesystems[-1]) == tree(right.filesystems[-1])


@given(layers=wild_layers())
@settings(max_examples=40, deadline=None)
def test_the_expected_tree_is_the_real_one(
    tmp_path_factory: pytest.TempPathFactory, layers: Sequence[Sequence[Member]]
) -> None:
    """This includes repeated paths, whiteouts, links across layers and names that are not UTF-8."""
    folder = tmp_path_factory.mktemp("image")
    stored = [
        (estargz, zstd_chunked)[number % 2]([member for member in members if member.type in TYPES])
        for number, members in enumerate(layers)
    ]
    path = write_image(folder, stored)
    early = listen(path)
    codes_found = codes(open_path(path))
    assert "toc-mismatch" not in codes_found
    assert "toc-unusable" not in codes_found
    if not any(b"\xff" in layer.tar for layer in stored):
        assert tree(early.filesystems[0]) == tree(early.filesystems[1])
