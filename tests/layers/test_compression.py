"""Compressed layers: detected by content and read in limited memory; truncation and flipped bits are detected by checksums."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import random
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from layerscope.errors import LimitExceededError
from layerscope.layers.blob import MemoryBlob
from layerscope.layers.compression import (
    COMPRESSIONS,
    MAGIC_BYTES,
    OUTPUT,
    DamagedStreamError,
    DecompressedStream,
    sniff,
    zstd_window,
)
from layerscope.layers.indexing import index_layer, layer_compression, looks_like_tar
from layerscope.limits import DEFAULT_LIMITS, Limits
from layerscope.progress import NullProgress
from tests.layers.reading import END, entry, names, read, read_both, rows

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

DATA = random.Random(1).randbytes(3000) * 3
SKIPPABLE = b"\x50\x2a\x4d\x18" + struct.pack("<I", 10) + b"0123456789"


def _zstd(data: bytes) -> bytes:
    options = {int(zstd.CompressionParameter.checksum_flag): 1}
    return bytes(zstd.compress(data, options=options))


PACKERS = {
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "zstd": _zstd,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}
HOW = pytest.mark.parametrize("how", list(PACKERS))


def _pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def _unpack(
    data: bytes, piece: int = 1 << 18, limits: Limits = DEFAULT_LIMITS
) -> tuple[bytes, int]:
    """The decompressed bytes, and the number of bytes after the stream."""
    kind = sniff(data[:MAGIC_BYTES])
    assert kind is not None
    stream = DecompressedStream(kind, _pieces(data, piece), "layer", limits)
    unpacked = b"".join(stream)
    assert stream.produced == len(unpacked)
    return unpacked, stream.trailing


@HOW
@pytest.mark.parametrize("piece", [1, 7, 4096, 1 << 18])
def test_a_stream_is_read_in_pieces_of_any_size(how: str, piece: int) -> None:
    """Concatenated streams are read as one, in any pieces."""
    packed = PACKERS[how](DATA) + PACKERS[how](b"") + PACKERS[how](b"more")
    assert _unpack(packed, piece) == (DATA + b"more", 0)


@HOW
def test_a_truncated_stream_is_damaged(how: str) -> None:
    """It may be truncated in its header, data or checksum."""
    packed = PACKERS[how](DATA)
    head = packed[:MAGIC_BYTES]
    kind = sniff(head)
    assert kind is not None
    for cut in {*range(6, 60), *range(len(packed) - 40, len(packed)), *range(60, len(packed), 97)}:
        stream = DecompressedStream(kind, _pieces(packed[:cut], 1000), "layer", DEFAULT_LIMITS)
        with pytest.raises(DamagedStreamError, match=how):
            list(stream)


@HOW
def test_a_truncated_second_stream_is_damaged(how: str) -> None:
    """The first stream is complete."""
    packed = PACKERS[how](DATA)
    with pytest.raises(DamagedStreamError, match="truncated"):
        _unpack(packed + packed[:-1])


@HOW
def test_flipped_bits_are_detected(how: str) -> None:
    """The result is the original data or damage; a few bits are not covered by checksums."""
    packed = PACKERS[how](DATA)
    rng = random.Random(2)
    found = 0
    for _ in range(200):
        flipped = bytearray(packed)
        place = rng.randrange(MAGIC_BYTES, len(packed))
        flipped[place] ^= 1 << rng.randrange(8)
        try:
            assert _unpack(bytes(flipped))[0] == DATA
        except DamagedStreamError:
            found += 1
    assert found > 190


@HOW
def test_zeros_after_a_stream_are_padding(how: str) -> None:
    """Other bytes are counted, but not decompressed."""
    packed = PACKERS[how](DATA)
    assert _unpack(packed + bytes(1000)) == (DATA, 0)
    assert _unpack(packed + b"x") == (DATA, 1)
    assert _unpack(packed + b"junk" + bytes(300) + b"junk" * 100, 50) == (DATA, 404)
    other = gzip.compress(b"hidden") if how != "gzip" else bz2.compress(b"hidden")
    assert _unpack(packed + other)[0] == DATA


def test_a_wrong_checksum_of_gzip_is_damage() -> None:
    """So is a wrong length; both are at the end of a member."""
    for place in (-6, -2):
        packed = bytearray(gzip.compress(DATA))
        packed[place] ^= 1
        with pytest.raises(DamagedStreamError, match="gzip"):
            _unpack(bytes(packed))
        with pytest.raises(DamagedStreamError, match="gzip"):
            _unpack(bytes(packed) + gzip.compress(b"more"))


def _member(flags: int, data: bytes) -> bytes:
    """A gzip member with the optional fields in `flags` (RFC 1952 §2.3)."""
    head = b"\x1f\x8b\x08" + bytes([flags]) + bytes(6)
    if flags & 4:
        head += struct.pack("<H", 5) + b"extra"
    if flags & 8:
        head += b"name\0"
    if flags & 16:
        head += b"comment\0"
    if flags & 2:
        head += struct.pack("<H", zlib.crc32(head) & 0xFFFF)
    deflate = zlib.compressobj(wbits=-15)
    body = deflate.compress(data) + deflate.flush()
    return head + body + struct.pack("<II", zlib.crc32(data), len(data))


@pytest.mark.parametrize("flags", range(32))
def test_a_gzip_header_may_have_any_fields_in_any_pieces(flags: int) -> None:
    """Names, comments, extra fields and checksums may span pieces."""
    packed = _member(flags, DATA)
    for piece in (1, 2, 3, 5, 11, 13, 17, 23):
        assert _unpack(packed, piece) == (DATA, 0)
    # The header of a second member, cut by the pieces at each of its bytes.
    for first in range(len(gzip.compress(b"")), 60):
        assert _unpack(gzip.compress(b"") + packed, first) == (DATA, 0)


def test_a_gzip_header_without_end_is_damage() -> None:
    """An endless name is read for at most about a megabyte."""
    with pytest.raises(DamagedStreamError):
        _unpack(b"\x1f\x8b\x08\x08" + bytes(6) + b"n" * (3 << 20))


def test_zstd_may_start_with_a_skippable_frame() -> None:
    """Skippable frames may also be in between and at the end, as in zstd:chunked."""
    packed = _zstd(DATA)
    assert _unpack(SKIPPABLE + packed + SKIPPABLE + packed + SKIPPABLE, 9) == (DATA + DATA, 0)
    with pytest.raises(DamagedStreamError, match="truncated"):
        _unpack((SKIPPABLE + packed)[:12])


def _zstd_frame(window: int, data: bytes = DATA) -> bytes:
    """A frame of one raw block, with this window byte in its header (RFC 8878 §3.1.1.1.2)."""
    block = struct.pack("<I", len(data) << 3 | 1)[:3] + data
    return b"\x28\xb5\x2f\xfd\x00" + bytes([window]) + block


def _zstd_segment(size: int) -> bytes:
    """The start of a single-segment frame of this size."""
    return b"\x28\xb5\x2f\xfd\xe0" + struct.pack("<Q", size) + b"\x00" * 20


LARGEST = (31 - 10) << 3
"""The window byte for 2 GiB."""


@pytest.mark.parametrize(
    ("head", "window"),
    [
        (_zstd_frame(0), 1 << 10),
        (_zstd_frame(7), (1 << 10) + 7 * (1 << 7)),
        (_zstd_frame(LARGEST), 2 << 30),
        (_zstd_frame(0xFF), (1 << 41) + 7 * (1 << 38)),
        (_zstd_segment(5), 5),
        (_zstd_segment(1 << 40), 1 << 40),
        (b"\x28\xb5\x2f\xfd\x20\x07", 7),
        (b"\x28\xb5\x2f\xfd\x61\xff\x07\x01", 256 + 0x107),
        (b"\x28\xb5\x2f\xfd\xa2\xff\xff\x07\x00\x01\x00", 0x10007),
        (b"\x28\xb5\x2f\xfd\x23\xff\xff\xff\xff\x09", 9),
        (SKIPPABLE, 0),
        (b"\x28\xb5\x2f\xfd", 0),
        (b"", 0),
    ],
    ids=range(13),
)
def test_the_window_of_a_zstd_frame_is_known_from_its_header(head: bytes, window: int) -> None:
    assert zstd_window(head[:18]) == window


@pytest.mark.parametrize("piece", [1, 5, 1 << 20])
def test_zstd_windows_up_to_the_limit_are_read(piece: int) -> None:
    """They may have 2 GiB, as from `zstd --long=31`; by default, the library refuses more than 128 MiB."""
    packer = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 30})
    long = packer.compress(DATA) + packer.flush()
    assert _unpack(SKIPPABLE + _zstd_frame(LARGEST) + long, piece) == (DATA + DATA, 0)


@pytest.mark.parametrize(
    ("packed", "limits", "found"),
    [
        (_zstd_frame(LARGEST + 1), DEFAULT_LIMITS, (2 << 30) + (1 << 28)),
        (_zstd_frame(0xFF), Limits(zstd_window_bytes=1 << 50), (1 << 41) + 7 * (1 << 38)),
        (_zstd_segment((2 << 30) + 1), DEFAULT_LIMITS, (2 << 30) + 1),
        (_zstd(DATA) + _zstd_frame(8, b"small"), Limits(zstd_window_bytes=2047), 9000),
        (_zstd_frame(8, b"small"), Limits(zstd_window_bytes=2047), 2048),
        (_zstd_frame(7, b"small") + _zstd_frame(8), Limits(zstd_window_bytes=2047), 2048),
    ],
    ids=["2.25 GiB", "3.75 TiB", "one segment", "first", "only", "second"],
)
@pytest.mark.parametrize("piece", [3, 1 << 20])
def test_a_zstd_window_above_the_limit_is_not_damage(
    packed: bytes, limits: Limits, found: int, piece: int
) -> None:
    """The error names the limit, the size and the remedy, for any frame."""
    with pytest.raises(LimitExceededError) as caught:
        _unpack(packed, piece, limits)
    assert "zstd_window_bytes" in caught.value.message
    assert f"{found:,} found" in caught.value.message
    assert caught.value.hint is not None
    hint = "--long=31" if found > 2 << 30 else "--limit zstd_window_bytes="
    assert hint in caught.value.hint


def test_the_unused_part_of_a_large_window_takes_no_memory() -> None:
    """A process reads a thousand small frames with windows of 2 GiB, and reports its memory."""
    script = (
        "import resource\n"
        "from layerscope.layers.compression import COMPRESSIONS, DecompressedStream\n"
        "from layerscope.limits import Limits\n"
        f"frames = {_zstd_frame(LARGEST, b'small')!r} * 1000\n"
        "kind = next(kind for kind in COMPRESSIONS if kind.name == 'zstd')\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "stream = DecompressedStream(kind, iter([frames]), 'layer', Limits())\n"
        "assert b''.join(stream) == b'small' * 1000\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    unit = 1 if sys.platform == "darwin" else 1 << 10
    assert int(run.stdout) * unit < 16 << 20


@pytest.mark.parametrize("how", ["zstd", "xz"])
def test_lack_of_memory_is_not_damage(how: str) -> None:
    """A process without enough memory for a window or dictionary reports that."""
    packed = _zstd_frame(LARGEST) if how == "zstd" else lzma.compress(DATA, preset=9)
    script = (
        "import resource\n"
        "from layerscope.errors import LimitExceededError\n"
        "from layerscope.layers.compression import DecompressedStream, sniff\n"
        "from layerscope.limits import Limits\n"
        f"packed = {packed!r}\n"
        "stream = DecompressedStream(sniff(packed), iter([packed]), 'layer', Limits())\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + (16 << 20),) * 2)\n"
        "try:\n    list(stream)\n"
        "except LimitExceededError as error:\n    print(error.message)\n"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert f"layer: not enough memory to decompress its {how} stream" in run.stdout


def test_xz_above_the_memory_limit_is_refused() -> None:
    """The size of the dictionary is in the header of a block, which has a checksum."""
    packed = bytearray(lzma.compress(DATA, check=lzma.CHECK_CRC32))
    # Stream header of 12 bytes; block header: size, flags, filter ID, its size, its property, padding, CRC.
    assert packed[12:16] == b"\x02\x00\x21\x01"
    packed[16] = 39  # 3.5 GiB
    packed[20:24] = struct.pack("<I", zlib.crc32(packed[12:20]))
    with pytest.raises(LimitExceededError, match=r"xz_memory_bytes"):
        _unpack(bytes(packed))


def test_zeros_may_separate_two_xz_streams() -> None:
    """The format allows it; `xz` reads them as one."""
    assert _unpack(lzma.compress(DATA) + bytes(8) + lzma.compress(b"more"), 5) == (
        DATA + b"more",
        0,
    )


def test_nothing_else_looks_compressed() -> None:
    """Partial magic numbers do not match."""
    for head in (b"", b"\x1f\x8b", b"\x1f\x8b\x07", b"BZh9", b"BZhx1AY&SY", b"\xfd7zXZ", b"PK\3\4"):
        assert sniff(head) is None
    assert [kind.name for kind in COMPRESSIONS] == list(PACKERS)


# --- Layers ---------------------------------------------------------------------------------------

TAR = entry(b"a", DATA) + entry(b"b", b"x" * 700) + END


@HOW
def test_a_compressed_layer_has_the_index_of_its_tar(how: str) -> None:
    """Blob and tar are hashed while it is read."""
    packed = PACKERS[how](TAR)
    index = read(packed)
    assert rows(index) == rows(read_both(TAR))
    assert index.diff_id == "sha256:" + hashlib.sha256(TAR).hexdigest()
    assert index.blob_digest == "sha256:" + hashlib.sha256(packed).hexdigest()
    assert (index.compressed_bytes, index.tar_bytes) == (len(packed), len(TAR))


@pytest.mark.parametrize("name", [b"BZh91AY&SY", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ"])
def test_a_name_like_a_magic_number_is_not_compression(name: bytes) -> None:
    """Tar headers are checked before magic numbers."""
    tar = entry(name, b"data") + END
    assert layer_compression(MemoryBlob("layer", tar)) is None
    assert names(read_both(tar)) == [name]


@HOW
def test_layers_are_shown_up_to_the_damage(how: str) -> None:
    """The offset is that in the tar, and digests of incomplete layers are unknown."""
    tar = b"".join(entry(b"f%d" % n, random.Random(n).randbytes(5000)) for n in range(200)) + END
    packed = PACKERS[how](tar)
    index = read(packed[: len(packed) // 2])
    assert index.broken is not None
    assert "truncated" in index.broken.message
    assert index.broken.offset == index.tar_bytes
    assert (index.diff_id, index.blob_digest) == (None, None)
    # bzip2 decompresses blocks of 900 KB, so that half a stream gives nothing.
    assert 50 < len(index) < 150 or how == "bzip2"
    assert rows(index) == rows(read_both(tar))[: len(index)]


def test_a_wrong_checksum_hides_no_entries() -> None:
    """The checksum follows the data: all entries are shown, and the layer is damaged."""
    packed = bytearray(gzip.compress(TAR))
    packed[-6] ^= 1
    index = read(bytes(packed))
    assert rows(index) == rows(read_both(TAR))
    assert index.broken is not None
    assert (index.broken.offset, index.diff_id) == (len(TAR), None)
    assert "checksum" in index.broken.message


def test_damage_of_the_tar_is_reported_before_damage_of_the_stream() -> None:
    """The first problem is reported."""
    tar = entry(b"a") + entry(b"b", checksum=b"1") + entry(b"c", DATA * 100) + END
    packed = bytearray(gzip.compress(tar))
    for damaged in (packed[:-4], packed[:-8] + b"12345678"):
        index = read(bytes(damaged))
        assert index.broken is not None
        assert (index.broken.offset, index.broken.message) == (
            512,
            "the checksum of a header is wrong",
        )


def test_bytes_after_a_stream_are_counted() -> None:
    """They may be in the tar or after the stream."""
    assert read(gzip.compress(TAR + b"junk") + b"more").trailing == len(b"junkmore")


def test_a_tar_in_small_members_is_recognised() -> None:
    """The first block may be spread over several members."""
    packed = b"".join(gzip.compress(TAR[at : at + 100], 1) for at in range(0, len(TAR), 100))
    assert looks_like_tar(MemoryBlob("layer", packed))
    assert looks_like_tar(MemoryBlob("layer", SKIPPABLE + _zstd(TAR)))
    assert looks_like_tar(MemoryBlob("layer", TAR))
    assert looks_like_tar(MemoryBlob("layer", b""))
    assert looks_like_tar(MemoryBlob("layer", gzip.compress(bytes(1024))))
    for other in (b"{}", gzip.compress(b"{}" * 1000), gzip.compress(TAR)[:20], DATA):
        assert not looks_like_tar(MemoryBlob("layer", other))


# --- Bombs ----------------------------------------------------------------------------------------


def _bomb(how: str, mebibytes: int) -> bytes:
    if how == "zstd":
        packer = zstd.ZstdCompressor()
        zeros = bytes(1 << 20)
        return b"".join(packer.compress(zeros) for _ in range(mebibytes)) + packer.flush()
    return PACKERS[how](entry(b"zeros", b"") + bytes(mebibytes << 20))


@pytest.mark.parametrize("how", ["gzip", "zstd", "xz"])
def test_pieces_are_limited_in_size(how: str) -> None:
    """This limits memory, whatever the compression ratio."""
    packed = _bomb(how, 16)
    kind = sniff(packed[:MAGIC_BYTES])
    assert kind is not None
    stream = DecompressedStream(kind, iter([packed]), "layer", DEFAULT_LIMITS)
    assert max(map(len, stream)) <= OUTPUT
    assert stream.produced >= 16 << 20


def test_a_bomb_is_read_in_limited_memory() -> None:
    """A process reads a layer with a gigabyte of zeros, and reports its memory."""
    script = (
        "import gzip, io, resource, tarfile, zlib\n"
        "from layerscope.layers.blob import MemoryBlob\n"
        "from layerscope.layers.indexing import index_layer\n"
        "from layerscope.limits import Limits\n"
        "from layerscope.progress import NullProgress\n"
        "info = tarfile.TarInfo('zeros'); info.size = 1 << 30\n"
        "pack = zlib.compressobj(1, wbits=31); zeros = bytes(1 << 20)\n"
        "packed = pack.compress(info.tobuf())\n"
        "packed += b''.join(pack.compress(zeros) for _ in range(1024)) + pack.flush()\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "index = index_layer(MemoryBlob('layer', packed), Limits(), NullProgress())\n"
        "assert index.tar_bytes == (1 << 30) + 512 and index.broken is None\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    unit = 1 if sys.platform == "darwin" else 1 << 10
    assert int(run.stdout) * unit < 64 << 20


@HOW
def test_a_layer_that_unpacks_beyond_the_limit_is_refused(how: str) -> None:
    """The error names limit and layer, and raising the limit helps."""
    packed = PACKERS[how](TAR)
    limits = Limits(layer_bytes=len(TAR) - 1)
    with pytest.raises(
        LimitExceededError, match=r"layer: limit layer_bytes exceeded: more than .*"
    ) as caught:
        index_layer(MemoryBlob("layer", packed), limits, NullProgress())
    assert caught.value.hint is not None
    assert "--limit layer_bytes=" in caught.value.hint
    raised = replace(limits, layer_bytes=len(TAR))
    assert index_layer(MemoryBlob("layer", packed), raised, NullProgress()).broken is None
