"""Reads tables of eStargz: a tar in many gzip members, with the table as the last entry, then an empty member with its offset.

Source: stargz-snapshotter, docs/estargz.md and estargz/gzip.go.
"""

from __future__ import annotations

import re

from layerscope.layers.blob import Blob
from layerscope.layers.compression import (
    COMPRESSIONS,
    DamagedStreamError,
    DecompressedStream,
)
from layerscope.layers.index import Kind, kinds_of
from layerscope.layers.tarheader import BLOCK, HeaderColumns, parse_headers
from layerscope.layers.toc.check import ESTARGZ
from layerscope.layers.toc.document import (
    TocDocument,
    TocElsewhereError,
    TocError,
    join_at_most,
    read_range,
    too_long,
)
from layerscope.limits import MIB, Limits

TOC_NAME = b"stargz.index.json"
_GZIP = next(kind for kind in COMPRESSIONS if kind.name == "gzip")
_START = re.compile(rb"\x1f\x8b\x08\x04.{6}", re.DOTALL)
_FOOTERS = (
    # length, extra field
    (51, re.compile(rb"\x1a\x00SG\x16\x00([0-9a-fA-F]{16})STARGZ")),
    (47, re.compile(rb"\x16\x00([0-9a-fA-F]{16})STARGZ")),
)
"""Current footers, and those of the first stargz."""
_ELSEWHERE = (46, re.compile(rb"\x15\x00SG\x11\x00STARGZEXTERNALTOC"))
_OVERHEAD = MIB
"""Maximum bytes of tar around the JSON: header, padding and end marker."""


def read(blob: Blob, limits: Limits) -> TocDocument | None:
    """The table of contents of a gzip layer; None if it has none. Raises `TocError`, `TocElsewhereError`, OSError."""
    place = _place(blob)
    if place is None:
        return None
    offset, end = place
    if offset >= end:
        raise TocError("its place is not in the layer")
    if end - offset > limits.toc_bytes:
        raise too_long(end - offset, limits)
    try:
        # Only the JSON has an exact limit; decompression stops shortly after it.
        stream = DecompressedStream(_GZIP, blob.chunks(offset, end), blob.name, limits)
        tar = join_at_most(stream, limits.toc_bytes + _OVERHEAD, limits)
    except DamagedStreamError as error:
        raise TocError(str(error)) from error
    columns = _header(tar)
    size = int(columns.sizes[0])
    if size > limits.toc_bytes:
        raise too_long(size, limits)
    if size < 0:
        raise TocError("its size is negative")
    json = tar[BLOCK : BLOCK + size]
    if len(json) < size:
        raise TocError("it is truncated")
    return TocDocument(ESTARGZ, json, offset, own_header=columns)


def has_footer(blob: Blob) -> bool:
    """Whether a gzip layer has the footer of a table. Raises OSError."""
    try:
        return _place(blob) is not None
    except TocElsewhereError:
        return False


def _place(blob: Blob) -> tuple[int, int] | None:
    """Offsets of the member with the table and of the footer; None without a footer."""
    for length, extra in (*_FOOTERS, _ELSEWHERE):
        if blob.size <= length:
            continue
        footer = read_range(blob, blob.size - length, length)
        match = extra.match(footer, 10) if _START.match(footer) else None
        if match is not None:
            if extra is _ELSEWHERE[1]:
                raise TocElsewhereError
            return int(match[1], 16), blob.size - length
    return None


def _header(tar: bytes) -> HeaderColumns:
    """The header of the entry with the table. Raises `TocError`."""
    if len(tar) < BLOCK:
        raise TocError("it is truncated")
    columns, good, problem = parse_headers(tar[:BLOCK])
    if not good:
        raise TocError(problem)
    if columns.names[0] != TOC_NAME or kinds_of(columns)[0] != Kind.FILE:
        raise TocError("something else stands in its place")
    return columns
