"""Indexes from the second process equal those from this process."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

from layerscope.errors import CancelledError, LimitExceededError
from layerscope.layers import reading
from layerscope.layers.blob import Blob, BlobRange, OpenFile
from layerscope.layers.index import LayerIndex
from layerscope.layers.index_process import IndexProcess
from layerscope.layers.indexing import index_layer
from layerscope.layers.packing import Packed, pack_fields
from layerscope.limits import Limits
from layerscope.progress import NullProgress
from tests.images import directory, file, hardlink, layer_tar, whiteout

TARS = [
    layer_tar([directory("etc"), file("etc/a", b"a" * 700, xattrs={b"user.x": b"\xff\0"})]),
    layer_tar([file("etc/b", b"b"), hardlink("etc/c", "etc/b"), whiteout("etc/a")]),
    layer_tar([file(f"many/{number}", b"%d" % number) for number in range(300)]),
]


def layers_in(path: Path, tars: list[bytes]) -> list[Blob]:
    """Concatenated layers in one file."""
    path.write_bytes(b"".join(tars))
    parent = OpenFile.open(path).blob("image")
    offsets = np.cumsum([0, *map(len, tars)]).tolist()
    return [
        BlobRange(parent, f"layer {number}", offsets[number], len(tar))
        for number, tar in enumerate(tars)
    ]


def same(one: LayerIndex, other: LayerIndex) -> bool:
    """Whether two indexes are equal."""
    a, b = pack_fields(one), pack_fields(other)
    return a.values == b.values and all(
        np.array_equal(a.arrays[name], b.arrays[name]) for name in a.arrays
    )


def process_for(blob: Blob, limits: Limits | None = None) -> IndexProcess:
    """A process for the file that contains a blob."""
    place = blob.place()
    assert place is not None
    return IndexProcess(place[0], limits or Limits(), NullProgress())


def test_indexes_equal_those_of_this_process(tmp_path: Path) -> None:
    """The process indexes several layers, one after another."""
    blobs = layers_in(tmp_path / "image", TARS)
    with process_for(blobs[0]) as process:
        for blob in blobs:
            index = process.index(blob)
            assert index is not None
            assert same(index, index_layer(blob, Limits(), NullProgress()))


def test_broken_layers_are_left_to_the_caller(tmp_path: Path) -> None:
    """The caller reports damage and limits; the process can still index the next layer."""
    blobs = layers_in(tmp_path / "image", [TARS[0][:1000], TARS[1]])
    with process_for(blobs[0]) as process:
        assert process.index(blobs[0]) is None
        assert process.index(blobs[1]) is not None
    with process_for(blobs[1], Limits(path_bytes=2)) as process:
        assert process.index(blobs[1]) is None


def test_a_process_that_dies_is_not_an_error(tmp_path: Path) -> None:
    """Later requests return None, without waiting."""
    blobs = layers_in(tmp_path / "image", TARS)
    with process_for(blobs[0]) as process:
        assert process.index(blobs[0]) is not None
        running = process.child.process
        assert running is not None
        running.kill()
        running.wait()
        assert process.index(blobs[1]) is None
        assert process.index(blobs[2]) is None


def test_indexing_can_be_cancelled(tmp_path: Path) -> None:
    """This works while waiting for an answer."""
    blobs = layers_in(tmp_path / "image", TARS)

    class Stopped(NullProgress):
        def cancelled(self) -> bool:
            return True

    place = blobs[0].place()
    assert place is not None
    with pytest.raises(CancelledError), IndexProcess(place[0], Limits(), Stopped()) as process:
        process.index(blobs[0])


@pytest.mark.parametrize("use_process", [True, False])
def test_layers_arrive_in_order_with_and_without_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, use_process: bool
) -> None:
    """This includes damaged and repeated blobs."""
    monkeypatch.setattr(reading, "SECOND_PROCESS_BYTES", 0 if use_process else 1 << 60)
    blobs = layers_in(tmp_path / "image", [*TARS, TARS[0][:1000], *TARS])
    blobs.append(blobs[0])
    numbers: list[int] = []
    layers = reading.read_layers(
        blobs,
        [[] for _ in blobs],
        Limits(),
        NullProgress(),
        hash_all=False,
        cache=None,
        on_layer=lambda number, _: numbers.append(number),
    )
    assert numbers == list(range(len(blobs)))
    assert [layer.index.broken is not None for layer in layers].count(True) == 1
    for blob, layer in zip(blobs, layers, strict=True):
        if layer.index.broken is None:
            assert same(layer.index, index_layer(blob, Limits(), NullProgress()))


def test_limits_apply_in_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "SECOND_PROCESS_BYTES", 0)
    blobs = layers_in(tmp_path / "image", TARS)
    limits = structs.replace(Limits(), path_bytes=2)
    with pytest.raises(LimitExceededError, match="path"):
        reading.read_layers(
            blobs,
            [[] for _ in blobs],
            limits,
            NullProgress(),
            hash_all=False,
            cache=None,
            on_layer=lambda *_: None,
        )


class NameCollector:
    """Collects the name and size of all contents."""

    small = largest = 1 << 20

    def __init__(self) -> None:
        self.found: dict[int, str] = {}

    def wants(self, _name: bytes, _size: int) -> bool:
        return True

    def take(
        self, entries: Sequence[int], names: Sequence[bytes], contents: Sequence[bytes]
    ) -> None:
        for entry, name, content in zip(entries, names, contents, strict=True):
            self.found[entry] = f"{name.decode()}: {len(content)}"

    def pack(self) -> Packed:
        return Packed({str(entry): text for entry, text in self.found.items()}, {})

    def load(self, packed: Packed) -> None:
        self.found |= {int(entry): str(text) for entry, text in packed.values.items()}


@pytest.mark.parametrize("hash_all", [True, False])
def test_collectors_have_the_same_results_as_in_this_process(
    tmp_path: Path, hash_all: bool
) -> None:
    """This applies to layers that are read completely; progress adds up to their size."""

    class Counted(NullProgress):
        done = 0

        def advance(self, done: int) -> None:
            self.done += done

    blobs = layers_in(tmp_path / "image", [gzip.compress(tar) for tar in TARS])
    if hash_all:
        blobs = layers_in(tmp_path / "plain", TARS)
    place = blobs[0].place()
    assert place is not None
    progress = Counted()
    with IndexProcess(place[0], Limits(), progress) as process:
        for blob in blobs:
            remote, local = NameCollector(), NameCollector()
            index = process.index(blob, hash_all=hash_all, collector=remote)
            expected = index_layer(
                blob, Limits(), NullProgress(), hash_all=hash_all, collector=local
            )
            assert index is not None
            assert same(index, expected)
            assert remote.found == local.found
            assert local.found
    assert progress.done == sum(blob.size for blob in blobs)
