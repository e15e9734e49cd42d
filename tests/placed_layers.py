"""Layers whose table of contents has the position of each content, as stargz-snapshotter and containers/storage write them."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from tests.images import Member, digest, file, layer_tar
from tests.toc_images import (
    CHUNKED,
    STARGZ_DIGEST,
    ZSTD_LAYER,
    Entry,
    TocLayer,
    entries_of,
    estargz_footer,
    skippable,
    toc_json,
    zstd_footer,
)

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Change = Callable[[list[Entry]], Any]
"""Changes a table before it is written, which then has the digest that the manifest claims."""


def _nothing(_: list[Entry]) -> None:
    pass


class _Writer:
    """Writes members one after another, each content into its own stream."""

    def __init__(self, compress: Callable[[bytes], bytes], chunk: int, shared: int) -> None:
        """Contents are split every `chunk` bytes; those smaller than `shared` bytes are added to the previous stream."""
        self.body = bytearray()
        self.tar = bytearray()
        self._compress = compress
        self._chunk = chunk
        self._shared = shared
        self._pending = b""

    def flush(self) -> None:
        """End the current stream."""
        if self._pending:
            self.body += self._compress(self._pending)
        self._pending = b""

    def add(self, member: Member, entry: Entry, zeros: bool) -> list[Entry]:
        """Write a member; returns its entry with places, and those of its chunks."""
        written = layer_tar([member], end=False)
        self.tar += written
        if entry["type"] != "reg" or not member.data:
            self._pending += written
            return [entry]
        start = len(written) - len(member.data) - -len(member.data) % 512
        self._pending += written[:start]
        if self.body and len(member.data) < self._shared:
            place = {"offset": len(self.body), "innerOffset": len(self._pending)}
            self._pending += written[start:]
            return [entry | place]
        self.flush()
        found: list[Entry] = []
        for at in range(0, len(member.data), self._chunk):
            data = member.data[at : at + self._chunk]
            part: Entry = {"offset": len(self.body)}
            if len(member.data) > self._chunk:
                part |= {"chunkSize": len(data), "chunkDigest": digest(data)}
                part |= {"chunkOffset": at} if at else {}
                if zeros and not any(data):
                    part["chunkType"] = "zeros"
            chunk = {"type": "chunk", "name": entry["name"]}
            found.append((chunk if at else entry) | part)
            self.body += self._compress(data)
        found[0]["endOffset"] = len(self.body)
        self._pending += written[start + len(member.data) :]
        return found


@lru_cache(maxsize=256)
def _gzipped(data: bytes) -> bytes:
    """Most tests write layers of the same files."""
    return gzip.compress(data, 1, mtime=0)


@lru_cache(maxsize=256)
def _zstd(data: bytes) -> bytes:
    return bytes(zstd.compress(data))


def _entries(
    writer: _Writer, members: Sequence[Member], change: Change, zeros: bool
) -> list[Entry]:
    plain = [entry for entry in entries_of(members) if entry["type"] != "chunk"]
    found = []
    for member, entry in zip(members, plain, strict=True):
        entry.pop("chunkSize", None)
        found += writer.add(member, entry, zeros)
    writer.flush()
    change(found)
    return found


def placed_estargz(
    members: Sequence[Member], change: Change = _nothing, *, chunk: int = 4 << 20, shared: int = 0
) -> TocLayer:
    """An eStargz layer."""
    writer = _Writer(_gzipped, chunk, shared)
    entries = _entries(writer, members, change, zeros=False)
    for entry in entries:
        entry.pop("endOffset", None)
    toc = toc_json(entries)
    last = layer_tar([file("stargz.index.json", toc, mode=0)])
    blob = bytes(writer.body) + gzip.compress(last, mtime=0) + estargz_footer(len(writer.body))
    return TocLayer(bytes(writer.tar) + last, blob, {STARGZ_DIGEST: digest(toc)})


def placed_chunked(
    members: Sequence[Member],
    change: Change = _nothing,
    *,
    chunk: int = 64 << 10,
    place: bool = True,
) -> TocLayer:
    """A zstd:chunked layer; with `place`, the manifest says where its table is."""
    writer = _Writer(_zstd, chunk, 0)
    toc = toc_json(_entries(writer, members, change, zeros=True))
    end = layer_tar([])
    packed = zstd.compress(toc)
    body = bytes(writer.body) + zstd.compress(end) + skippable(packed)
    where = (len(body) - len(packed), len(packed), len(toc), 1)
    annotations = {CHUNKED + "manifest-checksum": digest(packed)}
    if place:
        annotations[CHUNKED + "manifest-position"] = ":".join(map(str, where))
    return TocLayer(
        bytes(writer.tar) + end, body + zstd_footer(body, where), annotations, ZSTD_LAYER
    )
