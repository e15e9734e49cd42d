"""Contents fetched from their positions are correct or an error, whatever the table says."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layerscope.layers.blob import MemoryBlob
from layerscope.layers.compression import DamagedStreamError
from layerscope.layers.toc.tables_of_contents import TablesOfContents
from layerscope.limits import DEFAULT_LIMITS
from layerscope.progress import NullProgress
from tests.images import directory, file, hardlink
from tests.placed_layers import placed_chunked, placed_estargz
from tests.toc_images import Entry, TocLayer

MEMBERS = [
    directory("d"),
    file("d/a", b"a" * 3000),
    file("d/b", bytes(range(256)) * 20),
    file("d/c", b"c"),
    file("zeros", bytes(5000) + b"1"),
    hardlink("same", "d/a"),
    file("empty"),
]
BY_DIGEST = {hashlib.sha256(member.data).digest(): member.data for member in MEMBERS}
WRITERS: list[Callable[..., TocLayer]] = [
    lambda change: placed_estargz(MEMBERS, change, chunk=1000),
    lambda change: placed_estargz(MEMBERS, change, shared=100),
    lambda change: placed_chunked(MEMBERS, change, chunk=1000),
]
KEYS = ("offset", "endOffset", "innerOffset", "chunkOffset", "chunkSize", "chunkDigest", "chunkType", "size", "name", "type")  # fmt: skip
VALUES: st.SearchStrategy[Any] = st.one_of(
    st.integers(0, 20_000),
    st.sampled_from(
        [0, 1, 1 << 31, (1 << 63) - 1, "zeros", "chunk", "reg", "d/a", "sha256:" + "0" * 64]
    ),
)


class Ranged(MemoryBlob):
    """A ranged blob, which counts reads."""

    ranges = 0

    @property
    def ranged(self) -> bool:
        return True

    def chunks(self, start: int = 0, end: int | None = None) -> Any:
        self.ranges += 1
        return super().chunks(start, end)


def contents_of(layer: TocLayer, entries: list[int] | None = None) -> dict[int, bytes] | None:
    """Contents by entry; None if the table is not used."""
    tables = TablesOfContents(
        [Ranged("layer", layer.blob)], [layer.annotations], DEFAULT_LIMITS, places=True
    )
    index = tables.listed_index(0)
    if index is None:
        return None
    contents = tables.contents(0, index)
    requested = [entry for entry in entries or range(len(index)) if entry < len(index)]
    data_of = dict.fromkeys(requested, b"")
    assert index.digests is not None
    for entry, piece in contents.pieces(requested, NullProgress()):
        data_of[entry] += piece
    for entry, data in data_of.items():
        stored = int(index.columns.stored[entry])
        assert len(data) == stored
        assert not stored or hashlib.sha256(data).digest() == index.digests[entry].tobytes()
    return data_of


@pytest.mark.parametrize("make", WRITERS)
def test_all_contents_can_be_fetched(make: Callable[..., TocLayer]) -> None:
    """They can be fetched in one pass and one by one."""
    layer = make(lambda _: None)
    all_contents = contents_of(layer)
    assert all_contents is not None
    assert [all_contents[number] for number in range(len(MEMBERS))] == [
        member.data for member in MEMBERS
    ]
    for number, member in enumerate(MEMBERS):
        assert contents_of(layer, [number]) == {number: member.data}


@settings(max_examples=100, deadline=None)
@given(
    make=st.sampled_from(WRITERS),
    changes=st.lists(
        st.tuples(st.integers(0, 30), st.sampled_from(KEYS), VALUES), min_size=1, max_size=4
    ),
)
def test_wrong_entries_are_detected(
    make: Callable[..., TocLayer], changes: list[tuple[int, str, Any]]
) -> None:
    """No complete content is returned unless it has the digest in the table."""

    def change(entries: list[Entry]) -> None:
        for at, key, value in changes:
            entries[at % len(entries)][key] = value

    layer = make(change)
    for entries in (None, [1], [2], [4]):
        with suppress(DamagedStreamError):
            contents_of(layer, entries)
