"""Layers indexed by a second process are the same as those indexed here, whatever they hold."""

from __future__ import annotations

import dataclasses
import gzip
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

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
    """Layers behind each other in one file."""
    path.write_bytes(b"".join(tars))
    whole = OpenFile.open(path).blob("image")
    offsets = np.cumsum([0, *map(len, tars)]).tolist()
    return [
        BlobRange(whole, f"layer {number}", offsets[number], len(tar))
        for number, tar in enumerate(tars)
    ]


def same(one: LayerIndex, other: LayerIndex) -> bool:
    """Whether two indexes hold the same."""
    a, b = pack_fields(one), pack_fields(other)
    return a.values == b.values and all(
        np.array_equal(a.arrays[name], b.arrays[name]) for name in a.arrays
    )


def process_for(blob: Blob, limits: Limits | None = None) -> IndexProcess:
    """A process for the file that a blob lies in."""
    place = blob.place()
    assert place is not None
    return IndexProcess(place[0], limits or Limits(), NullProgress())


def test_it_answers_like_this_process(tmp_path: Path) -> None:
    """Several layers, one after another."""
    blobs = layers_in(tmp_path / "image", TARS)
    with process_for(blobs[0]) as process:
        for blob in blobs:
            found = process.index(blob)
            assert found is not None
            assert same(found, index_layer(blob, Limits(), NullProgress()))


def test_broken_layers_are_left_to_the_caller(tmp_path: Path) -> None:
    """So that damage and limits are told as ever; the next layer is answered all the same."""
    blobs = layers_in(tmp_path / "image", [TARS[0][:1000], TARS[1]])
    with process_for(blobs[0]) as process:
        assert process.index(blobs[0]) is None
        assert process.index(blobs[1]) is not None
    with process_for(blobs[1], Limits(path_bytes=2)) as process:
        assert process.index(blobs[1]) is None


def test_a_process_that_dies_is_no_error(tmp_path: Path) -> None:
    """Nothing is answered any more, and nothing is waited for."""
    blobs = layers_in(tmp_path / "image", TARS)
    with process_for(blobs[0]) as process:
        assert process.index(blobs[0]) is not None
        running = process.child.process
        assert running is not None
        running.kill()
        running.wait()
        assert process.index(blobs[1]) is None
        assert process.index(blobs[2]) is None


def test_it_stops_when_cancelled(tmp_path: Path) -> None:
    """Also while an answer is awaited."""
    blobs = layers_in(tmp_path / "image", TARS)

    class Stopped(NullProgress):
        def cancelled(self) -> bool:
            return True

    place = blobs[0].place()
    assert place is not None
    with pytest.raises(CancelledError), IndexProcess(place[0], Limits(), Stopped()) as process:
        process.index(blobs[0])


@pytest.mark.parametrize("aside", [True, False])
def test_layers_come_in_order_with_and_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, aside: bool
) -> None:
    """Whoever indexes them; damage and repeated blobs among them."""
    monkeypatch.setattr(reading, "SECOND_PROCESS_BYTES", 0 if aside else 1 << 60)
    blobs = layers_in(tmp_path / "image", [*TARS, TARS[0][:1000], *TARS])
    blobs.append(blobs[0])
    heard: list[int] = []
    layers = reading.read_layers(
        blobs,
        [[] for _ in blobs],
        Limits(),
        NullProgress(),
        hash_all=False,
        cache=None,
        on_layer=lambda number, _: heard.append(number),
    )
    assert heard == list(range(len(blobs)))
    assert [layer.index.broken is not None for layer in layers].count(True) == 1
    for blob, layer in zip(blobs, layers, strict=True):
        if layer.index.broken is None:
            assert same(layer.index, index_layer(blob, Limits(), NullProgress()))


def test_limits_apply_as_without_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error is the same with the other process."""
    monkeypatch.setattr(reading, "SECOND_PROCESS_BYTES", 0)
    blobs = layers_in(tmp_path / "image", TARS)
    limits = dataclasses.replace(Limits(), path_bytes=2)
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


class Names:
    """Collects all contents, in this process or the other."""

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
def test_contents_are_collected_there_as_they_are_here(tmp_path: Path, hash_all: bool) -> None:
    """Of layers that are read completely; progress comes to the size of the layer."""

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
            there, here = Names(), Names()
            found = process.index(blob, hash_all=hash_all, collector=there)
            expected = index_layer(
                blob, Limits(), NullProgress(), hash_all=hash_all, collector=here
            )
            assert found is not None
            assert same(found, expected)
            assert there.found == here.found
            assert here.found
    assert progress.done == sum(blob.size for blob in blobs)
