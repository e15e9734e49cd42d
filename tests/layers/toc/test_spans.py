"""Contents in spans of a gzip stream."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layerscope.layers.compression import DamagedStreamError
from layerscope.layers.toc import spans as module
from layerscope.layers.toc.document import TocError
from layerscope.layers.toc.places import NotAsListedError
from layerscope.layers.toc.spans import Spans
from tests.checkpoints import Checkpoint, checkpoints, packed
from tests.images import digest

RANDOM = random.Random(7)
WORDS = [bytes(RANDOM.choices(range(97, 123), k=RANDOM.randrange(2, 9))) for _ in range(500)]


def text(count: int, seed: int = 1) -> bytes:
    """Random words, which are compressed to dynamic blocks that end at any bit."""
    chosen = random.Random(seed)
    return b" ".join(chosen.choice(WORDS) for _ in range(count))


TEXT = text(30_000)
_SMALL_BLOCKS = zlib.compressobj(6, zlib.DEFLATED, 31, 1)
STREAM = _SMALL_BLOCKS.compress(TEXT) + _SMALL_BLOCKS.flush()
CHECKPOINTS = list(checkpoints(STREAM, 4000))


def digests_of(stream: bytes, found: Sequence[Checkpoint]) -> list[str]:
    """The digests of the spans, as soci-snapshotter computes them."""
    starts = [one.offset - (one.bits > 0) for one in found]
    ends = [*(one.offset for one in found[1:]), len(stream)]
    return [digest(stream[start:end]) for start, end in zip(starts, ends, strict=True)]


def spans_of(stream: bytes, tar: bytes, span: int, *, version: int = 2) -> Spans:
    """The spans of a stream."""
    found = list(checkpoints(stream, span))
    data = packed(found, tar, span, version=version)
    return Spans.read(data, digests_of(stream, found), len(stream), len(tar))


def read_range(spans: Spans, stream: bytes, start: int, size: int) -> bytes:
    """Bytes of the tar, read only from their spans."""
    data = b""
    for part in spans.parts(start, size):
        pieces = (stream[at : min(at + 999, part.end)] for at in range(part.offset, part.end, 999))
        data += b"".join(spans.unpacked(part.offset, pieces))[part.skip : part.skip + part.size]
    return data


def test_spans_begin_at_any_bit() -> None:
    """The stream has spans at each bit of a byte, and each is decompressed to its part of the tar."""
    assert {one.bits for one in CHECKPOINTS} == set(range(8))
    spans = spans_of(STREAM, TEXT, 4000)
    for row in range(len(spans.offsets)):
        start, end = spans.positions[row], spans.positions[row + 1]
        assert read_range(spans, STREAM, int(start), int(end - start)) == TEXT[start:end]


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 9),
    st.integers(1, 9),
    st.lists(st.integers(0, 3000), min_size=1, max_size=9),
    st.integers(1, 30_000),
    st.booleans(),
    st.data(),
)
def test_any_range_of_any_stream(
    level: int, memory: int, runs: list[int], span: int, flushed: bool, data: st.DataObject
) -> None:
    """The stream has dynamic, fixed, stored and empty blocks."""
    tar, stream = b"", b""
    packer = zlib.compressobj(level, zlib.DEFLATED, 31, memory)
    for number, count in enumerate(runs):
        kinds = (text(count, number), RANDOM.randbytes(count), bytes(count))
        tar += kinds[number % 3]
        stream += packer.compress(kinds[number % 3])
        stream += packer.flush(zlib.Z_FULL_FLUSH) if flushed else b""
    stream += packer.flush()
    spans = spans_of(stream, tar, span)
    start = data.draw(st.integers(0, max(len(tar) - 1, 0)))
    size = data.draw(st.integers(0, len(tar) - start))
    assert read_range(spans, stream, start, size) == tar[start : start + size]


def test_the_first_version_leaves_out_the_first_checkpoint() -> None:
    """That version assumes a header without a name."""
    spans = spans_of(STREAM, TEXT, 10_000, version=1)
    assert read_range(spans, STREAM, 5, 100_000) == TEXT[5:100_005]


@pytest.mark.parametrize(("start", "size"), [(-1, 2), (0, 0), (len(TEXT), 1), (1, len(TEXT))])
def test_ranges_outside_the_tar_have_no_position(start: int, size: int) -> None:
    """Nor have empty ranges."""
    assert spans_of(STREAM, TEXT, 10_000).parts(start, size) == []


def test_contents_in_large_spans_have_no_position(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such a span cannot be checked before its bytes are returned."""
    spans = spans_of(STREAM, TEXT, 10_000)
    assert spans.parts(0, 9)
    monkeypatch.setattr(module, "LARGEST", 1000)
    assert spans.parts(0, 9) == []


def test_bytes_with_a_wrong_digest_are_not_decompressed() -> None:
    """They may differ anywhere."""
    spans = spans_of(STREAM, TEXT, 10_000)
    (part,) = spans.parts(50_000, 10)
    data = STREAM[part.offset : part.end]
    for wrong in (data[:-1], data[:-1] + bytes((data[-1] ^ 1,)), data + b"\0", b""):
        with pytest.raises(NotAsListedError):
            next(spans.unpacked(part.offset, iter([wrong])))


def test_a_span_that_is_not_a_deflate_stream_is_damage() -> None:
    """Its digest is correct."""
    stream, found = STREAM[:10] + b"\xff" * 200, [Checkpoint(10, 0, 0)]
    spans = Spans.read(packed(found, b"", 1), digests_of(stream, found), len(stream), 1000)
    with pytest.raises(DamagedStreamError):
        next(spans.unpacked(10, iter([stream[10:]])))


HUGE = (1 << 63) - 1
MANY = struct.pack("<I", 0xFFFFFFFF)


@pytest.mark.parametrize(
    "change",
    [
        lambda _, digests: (b"", digests),
        lambda data, digests: (data[:11], digests),
        lambda data, digests: (data[:-1], digests),
        lambda data, digests: (MANY + data[4:], digests),
        lambda data, _: (bytes(4) + data[4:12], []),
        lambda data, digests: (data, digests[1:]),
        lambda data, digests: (data, ["sha512:" + "0" * 128, *digests[1:]]),
        lambda data, digests: (data, ["", *digests[1:]]),
    ],
)
def test_truncated_checkpoints_are_refused(change: object) -> None:
    """Checkpoints or their digests are incomplete."""
    assert callable(change)
    data, digests = change(packed(CHECKPOINTS, TEXT, 1), digests_of(STREAM, CHECKPOINTS))
    with pytest.raises(TocError):
        Spans.read(data, digests, len(STREAM), len(TEXT))


@pytest.mark.parametrize(
    "wrong",
    [
        Checkpoint(0, 0, 0),
        Checkpoint(-1, 0, 0),
        Checkpoint(10, 1, 0),
        Checkpoint(10, -5, 0),
        Checkpoint(10, 0, 8),
        Checkpoint(HUGE, 0, 0),
        Checkpoint(CHECKPOINTS[1].offset, 0, 0),
    ],
)
def test_contradictory_checkpoints_are_refused(wrong: Checkpoint) -> None:
    """They must be in order, within layer and tar, and have at most 7 bits."""
    digests = digests_of(STREAM, CHECKPOINTS)
    for place in (0, 3):
        found = list(CHECKPOINTS)
        found[place] = wrong
        data = struct.pack("<IQ", len(found), 1)
        for one in found:
            data += struct.pack("<qqB", one.offset, one.position, one.bits) + bytes(1 << 15)
        with pytest.raises(TocError):
            Spans.read(data, digests, len(STREAM), len(TEXT))
    with pytest.raises(TocError):
        Spans.read(packed(CHECKPOINTS, TEXT, 1), digests, CHECKPOINTS[-1].offset, len(TEXT))
    with pytest.raises(TocError):
        Spans.read(packed(CHECKPOINTS, TEXT, 1), digests, len(STREAM), CHECKPOINTS[-1].position - 1)
