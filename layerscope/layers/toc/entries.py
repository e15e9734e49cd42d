"""Builds an index from the JSON of a table of contents. Both formats use the same keys (crfs, estargz/types.go).

A table contains neither tar overhead nor maps of sparse files, and offsets in the tar only if it is SOCI's.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec
import numpy as np

from layerscope.layers.blob import Blob
from layerscope.layers.extensions import Extension, pack_xattrs
from layerscope.layers.index import Kind, LayerIndex
from layerscope.layers.index_builder import IndexBuilder
from layerscope.layers.tarheader import HeaderColumns
from layerscope.layers.toc.document import TocDocument, TocError, stated_sha256
from layerscope.layers.walk import WalkResult
from layerscope.limits import Limits

_KINDS = {
    "reg": Kind.FILE,
    "dir": Kind.DIRECTORY,
    "symlink": Kind.SYMLINK,
    "hardlink": Kind.HARDLINK,
    "char": Kind.CHARACTER,
    "block": Kind.BLOCK,
    "fifo": Kind.FIFO,
}
_CHUNK = "chunk"
"""A further part of the preceding file."""
ENTRY_COST = 240
"""Memory in bytes of an entry while it is read."""
_USUAL_MEMBERS = 25
"""Maximum number of colons in an entry without extended attributes."""
MEMBER_COST = 160
"""Memory in bytes of an extended attribute."""
_EMPTY = bytes.fromhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_INT64 = 1 << 63


_Size = Annotated[int, msgspec.Meta(ge=0, le=_INT64 - 1)]
_Number = Annotated[int, msgspec.Meta(ge=-_INT64, le=_INT64 - 1)]


class Entry(msgspec.Struct, gc=False):
    """The fields of an entry that describe the layer."""

    type: str
    name: str
    linkName: str = ""  # noqa: N815  # as the format spells it
    size: _Size = 0
    mode: _Number = 0
    uid: _Number = 0
    gid: _Number = 0
    modtime: str | None = None
    devMajor: _Number = 0  # noqa: N815
    devMinor: _Number = 0  # noqa: N815
    xattrs: dict[str, str | None] | None = None
    digest: str = ""


class _Toc(msgspec.Struct):
    version: int
    entries: list[Entry] | None = None


def index_of(document: TocDocument, blob: Blob, limits: Limits) -> LayerIndex:
    """The index of a layer according to its table of contents. Raises `TocError`, `LimitExceededError`."""
    entries = [entry for entry in _decode(document.json, limits) if entry.type != _CHUNK]
    return index_of_entries(entries, blob, limits, document)


def index_of_entries(
    entries: Sequence[Entry],
    blob: Blob,
    limits: Limits,
    document: TocDocument | None = None,
    *,
    offsets: Sequence[int] | None = None,
) -> LayerIndex:
    """The index of a layer with these entries; `document` is the table, which is an entry itself. Raises as `index_of` does.

    `offsets` are those of their contents in the tar, if the table has them.
    """
    names = [entry.name.encode(errors="surrogateescape") for entry in entries]
    links = [entry.linkName.encode(errors="surrogateescape") for entry in entries]
    sizes = [entry.size for entry in entries]
    _check(names + links, sizes, limits)
    try:
        kinds = np.array([_KINDS[entry.type] for entry in entries], np.uint8)
    except KeyError as error:
        raise TocError("an entry has an unknown type") from error
    columns = HeaderColumns(
        names=names,
        links=links,
        types=np.zeros(len(entries), np.uint8),  # see `kinds`
        modes=np.array([entry.mode & 0o7777 for entry in entries], np.uint16),
        uids=np.array([entry.uid for entry in entries], np.int64),
        gids=np.array([entry.gid for entry in entries], np.int64),
        mtimes=np.array([_seconds(entry.modtime) for entry in entries], np.int64),
        sizes=np.array(sizes, np.int64),
    )
    devices = np.array([_device(entry) for entry in entries], np.int64)
    digests = [_digest(entry) for entry in entries]
    has_all_digests = all(digests)
    extensions = {
        number: Extension(xattrs=_xattrs(entry.xattrs))
        for number, entry in enumerate(entries)
        if entry.xattrs
    }
    builder = IndexBuilder(limits, blob.name)
    builder.take(
        columns,
        kinds,
        devices,
        offsets or [0] * len(entries),
        digests if has_all_digests else [None] * len(entries),
        extensions,
    )
    if document is not None and document.own_header is not None:
        own_digest = [bytes.fromhex(document.digest.partition(":")[2]) if has_all_digests else None]
        builder.take(
            document.own_header, np.zeros(1, np.uint8), np.zeros(1, np.int64), [0], own_digest, {}
        )
    return builder.finish(WalkResult(None, 0), tar_bytes=0, compressed_bytes=blob.size)


def _decode(json: bytes, limits: Limits) -> list[Entry]:
    # Each entry is an object: counting them first bounds the memory before decoding.
    entries = json.count(b"{")
    members = max(json.count(b":") - _USUAL_MEMBERS * entries, 0)
    if entries * ENTRY_COST + members * MEMBER_COST > limits.metadata_bytes:
        raise limits.exceeded("metadata_bytes", "the table of contents")
    try:
        toc = msgspec.json.decode(json, type=_Toc)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise TocError(f"it cannot be read ({error})") from error
    if toc.version != 1:
        raise TocError(f"it is of the unknown version {toc.version}")
    return toc.entries or []


def _check(names: list[bytes], sizes: list[int], limits: Limits) -> None:
    """Raise `TocError` for names and sizes that no tar can contain."""
    total = sum(sizes)
    if total > limits.layer_bytes:
        raise TocError(f"it claims to list {total:,} bytes, more than {limits.layer_bytes:,}")
    if max(map(len, names), default=0) > limits.path_bytes:
        raise TocError(f"a name has more than {limits.path_bytes:,} bytes")
    if any(b"\0" in name for name in names):
        raise TocError("a name holds a NUL")


def _digest(entry: Entry) -> bytes | None:
    """SHA-256 of a file's content; of empty content for other entries, None if missing."""
    if entry.type != "reg" or not entry.size:
        return _EMPTY
    return stated_sha256(entry.digest)


def _device(entry: Entry) -> int:
    """The device number, major × 2³² + minor; 0 for other types."""
    if entry.type not in ("char", "block"):
        return 0
    return (entry.devMajor & 0x7FFFFFFF) << 32 | (entry.devMinor & 0xFFFFFFFF)


def _seconds(text: str | None) -> int:
    """Whole seconds since 1970; 0 if missing, which is also the meaning of Go's zero time."""
    try:
        time = datetime.fromisoformat(text or "")
        return 0 if time.year == 1 else (time - _EPOCH) // _SECOND
    except (TypeError, ValueError, OverflowError):  # not a time, without a zone, or out of range
        return 0


def _xattrs(values: dict[str, str | None] | None) -> bytes:
    """Extended attributes, packed. Raises `TocError`."""
    try:
        return pack_xattrs(
            {
                key.encode(errors="surrogateescape"): base64.b64decode(value or "", validate=True)
                for key, value in (values or {}).items()
            }
        )
    except (binascii.Error, ValueError) as error:
        raise TocError("an extended attribute is malformed") from error
