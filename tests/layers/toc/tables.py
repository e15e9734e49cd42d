"""Layers with all kinds of entries, and their tables of contents."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from layerscope.layers.blob import MemoryBlob
from layerscope.layers.index import LayerIndex
from layerscope.layers.indexing import index_layer
from layerscope.layers.toc.reading import Toc, read_toc
from layerscope.limits import DEFAULT_LIMITS, Limits
from layerscope.progress import NullProgress
from tests.images import (
    device,
    directory,
    fifo,
    file,
    hardlink,
    opaque,
    symlink,
    whiteout,
)
from tests.layers.reading import names
from tests.toc_images import (
    TocLayer,
    estargz,
    zstd_chunked,
)

Make = Callable[..., TocLayer]
MEMBERS = [
    directory("etc"),
    file("etc/passwd", b"root\n", mode=0o100644, mtime=1.25),
    file("large", b"x" * 600, uid=1000, gid=1001, mtime=-1, xattrs={b"user.a": b"\0\xff"}),
    symlink("link", "etc/passwd"),
    hardlink("same", "large"),
    device("null", 1, 3),
    device("disk", 8, 0, block=True),
    fifo("pipe"),
    whiteout("gone"),
    opaque("etc"),
]
WRITERS = {
    "estargz": estargz,
    "stargz": lambda members, **how: estargz(members, legacy=True, **how),
    "zstd:chunked": zstd_chunked,
    "zstd:chunked-2022": lambda members, **how: zstd_chunked(members, old=True, **how),
}
every_writer = pytest.mark.parametrize("make", WRITERS.values(), ids=WRITERS)
both_formats = pytest.mark.parametrize("make", [estargz, zstd_chunked])


def toc_of(blob: bytes, limits: Limits = DEFAULT_LIMITS) -> Toc | None:
    """The table of a layer."""
    return read_toc(MemoryBlob("layer 0", blob), limits)


def expected_index(blob: bytes) -> LayerIndex:
    """The index expected from the table of a layer."""
    toc = toc_of(blob)
    assert toc is not None
    assert toc.check.problem is None
    assert toc.expected is not None
    return toc.expected


def problem(blob: bytes, limits: Limits = DEFAULT_LIMITS) -> str:
    """Why the table of a layer is unusable."""
    toc = toc_of(blob, limits)
    assert toc is not None
    assert toc.expected is None
    assert not toc.check.readable
    return str(toc.check.problem)


def read(blob: bytes) -> LayerIndex:
    """The index of a layer from its tar."""
    return index_layer(MemoryBlob("layer 0", blob), DEFAULT_LIMITS, NullProgress())


def assert_same_tree(one: LayerIndex, other: LayerIndex, *, times: bool = True) -> None:
    """Assert that both have the same entries and metadata."""
    assert names(one) == names(other)
    assert one.roles.tolist() == other.roles.tolist()
    for column in ("kinds", "stored", "modes", "uids", "gids", "devices"):
        assert getattr(one.columns, column).tolist() == getattr(other.columns, column).tolist()
    assert times is False or one.columns.mtimes.tolist() == other.columns.mtimes.tolist()
    for table, column in (("links", "links"), ("xattrs", "xattrs")):
        strings = [
            [getattr(index, table)[at] for at in getattr(index.columns, column).tolist()]
            for index in (one, other)
        ]
        assert strings[0] == strings[1]
