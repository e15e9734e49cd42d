"""The file that `layerscope save` writes: a header, then all results for an image, compressed.

The header has 32 bytes: the magic number, the format (4 bytes) and the decompressed length of the rest (8 bytes), all
little-endian. The rest is one zstd frame with the output of `packing.pack`: a checksum, a JSON document, arrays. Such files come
from other machines and are hostile, even if the checksum matches.
"""

from __future__ import annotations

import struct
import sys
from typing import BinaryIO

import numpy as np

from layerscope.errors import CorruptImageError, LayerscopeError
from layerscope.image.documents import check_size
from layerscope.layers.blob import Blob
from layerscope.layers.packing import SAVED, DamagedEntryError, Packed, TooLargeError, pack, unpack
from layerscope.limits import Limits

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

FORMAT = 1
"""Increase it when earlier versions would misread a file of this one: see `tests/opening/test_saved_format.py`."""
OLDEST = 1
"""The oldest format that can still be read."""
_HEADER = struct.Struct("<17s3sIQ")
_PADDING = bytes(3)
_LEVEL = 3
"""Compression level of zstd: higher ones take much longer and save a few percent."""
_HINT = "the file is damaged or incomplete; save the image again"


def write_saved(stream: BinaryIO, packed: Packed) -> None:
    """Write a file. Raises OSError."""
    pieces = pack(packed, any_values=True)
    stream.write(_HEADER.pack(SAVED, _PADDING, FORMAT, sum(map(len, pieces))))
    compressor = zstd.ZstdCompressor(level=_LEVEL)
    for piece in pieces:
        stream.write(compressor.compress(piece))
    stream.write(compressor.flush())


def read_saved(blob: Blob, limits: Limits) -> Packed:
    """The content of a file, which may still be inconsistent. Raises `LayerscopeError` for other formats, damage and exceeded limits."""
    head = blob.pread(_HEADER.size, 0)
    if len(head) < _HEADER.size:
        raise damaged(blob.name, "it ends within its header")
    _, padding, number, size = _HEADER.unpack(head)
    _check_format(blob.name, number)
    if padding != _PADDING:
        raise damaged(blob.name, "its header is not as it was written")
    for length in (size, blob.size):
        if length > limits.metadata_bytes:
            raise limits.exceeded("metadata_bytes", blob.name, length)
    compressed = b"".join(blob.chunks(_HEADER.size))
    decompressor = zstd.ZstdDecompressor()
    try:
        data = decompressor.decompress(compressed, size + 1)
    except (zstd.ZstdError, EOFError) as error:
        raise damaged(blob.name, str(error)) from error
    if len(data) != size or not decompressor.eof or decompressor.unused_data:
        raise damaged(blob.name, "its length is not the one in its header")
    try:
        return unpack(
            np.frombuffer(data, np.uint8),
            at_most=limits.metadata_bytes,
            check=lambda document: check_size(document, blob.name, limits),
        )
    except TooLargeError as error:
        raise limits.exceeded("metadata_bytes", blob.name, error.size) from error
    except DamagedEntryError as error:
        raise damaged(blob.name, "its checksum is wrong") from error


def damaged(name: str, why: str) -> CorruptImageError:
    """The error for a damaged file."""
    return CorruptImageError(f"{name}: this file of layerscope save is damaged: {why}", hint=_HINT)


def _check_format(name: str, number: int) -> None:
    if number > FORMAT:
        raise LayerscopeError(
            f"{name} was written by a newer layerscope (format {number}); this one reads up to {FORMAT}",
            hint="update layerscope, or save the image again with this version",
        )
    if number < OLDEST:
        raise LayerscopeError(
            f"{name} was written by an older layerscope (format {number}); this one reads from {OLDEST}",
            hint="save the image again with this version",
        )
