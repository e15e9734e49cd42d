"""Checkpoints of gzip streams, found by the machine's zlib as soci-snapshotter finds them (ztoc/compression/gzip_zinfo.c)."""

from __future__ import annotations

import ctypes
import ctypes.util
import struct
from collections.abc import Iterator
from dataclasses import dataclass

WINDOW = 1 << 15
_AUTOMATIC = 47
"""The window size, with the flag to read a gzip header."""
_BLOCK, _STREAM_END = 5, 1


class _Stream(ctypes.Structure):
    """`z_stream` of zlib.h."""

    _fields_ = (
        ("next_in", ctypes.c_void_p),
        ("avail_in", ctypes.c_uint),
        ("total_in", ctypes.c_ulong),
        ("next_out", ctypes.c_void_p),
        ("avail_out", ctypes.c_uint),
        ("total_out", ctypes.c_ulong),
        ("msg", ctypes.c_char_p),
        ("state", ctypes.c_void_p),
        ("zalloc", ctypes.c_void_p),
        ("zfree", ctypes.c_void_p),
        ("opaque", ctypes.c_void_p),
        ("data_type", ctypes.c_int),
        ("adler", ctypes.c_ulong),
        ("reserved", ctypes.c_ulong),
    )


@dataclass(frozen=True)
class Checkpoint:
    """The start of a deflate block."""

    offset: int
    """The first complete byte in the stream."""
    position: int
    """The offset in the unpacked data."""
    bits: int
    """Number of bits of the previous byte that belong to the block."""


def checkpoints(stream: bytes, span: int) -> Iterator[Checkpoint]:
    """The first one, and the next after each `span` unpacked bytes."""
    zlib = ctypes.CDLL(ctypes.util.find_library("z"))
    state = _Stream()
    packed = ctypes.create_string_buffer(stream, len(stream))
    window = ctypes.create_string_buffer(WINDOW)
    assert zlib.inflateInit2_(ctypes.byref(state), _AUTOMATIC, b"1", ctypes.sizeof(state)) == 0
    state.next_in, state.avail_in = ctypes.addressof(packed), len(stream)
    last = 0
    while True:
        if not state.avail_out:
            state.next_out, state.avail_out = ctypes.addressof(window), WINDOW
        result = zlib.inflate(ctypes.byref(state), _BLOCK)
        if result == _STREAM_END:
            break
        assert result == 0
        at_block = state.data_type & 128 and not state.data_type & 64
        if at_block and (state.total_out == 0 or state.total_out - last > span):
            yield Checkpoint(state.total_in, state.total_out, state.data_type & 7)
            last = state.total_out
    zlib.inflateEnd(ctypes.byref(state))


def packed(checkpoints: list[Checkpoint], tar: bytes, span: int, *, version: int = 2) -> bytes:
    """Checkpoints as a zTOC stores them; the first version leaves out the first one."""
    data = struct.pack("<IQ", len(checkpoints), span)
    for one in checkpoints[2 - version :]:
        window = tar[max(one.position - WINDOW, 0) : one.position].rjust(WINDOW, b"\0")
        data += struct.pack("<QQB", one.offset, one.position, one.bits) + window
    return data
