"""zTOCs and SOCI indexes, as soci-snapshotter writes them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import flatbuffers

from tests.checkpoints import Checkpoint, checkpoints, packed
from tests.images import BLOCK, Member, digest, layer_tar
from tests.sources.registry.server import MANIFEST, Repository
from tests.toc_images import TYPES, TocLayer

SOCI = "application/vnd.amazon.soci.index.v1+json"


SPAN = 4 << 20
"""Unpacked bytes between two checkpoints, by default in soci-snapshotter."""


def ztoc(
    members: Sequence[Member],
    layer: TocLayer,
    *,
    span: int = SPAN,
    version: int = 2,
    size: int | None = None,
    change: Callable[[list[Checkpoint]], None] = lambda _: None,
) -> bytes:
    """The table of a gzip layer; `size` replaces that of its blob, and `change` the checkpoints, whose digests stay."""
    builder = flatbuffers.Builder()
    metadata = _vector(builder, list(_entries(builder, members)))
    builder.StartObject(1)
    builder.PrependUOffsetTRelativeSlot(0, metadata, 0)
    toc = builder.EndObject()
    compression = _compression(builder, layer, span, version, change)
    release = builder.CreateString("0.9")
    builder.StartObject(6)
    builder.PrependUOffsetTRelativeSlot(0, release, 0)
    builder.PrependInt64Slot(2, len(layer.blob) if size is None else size, 0)
    builder.PrependInt64Slot(3, len(layer.tar), 0)
    builder.PrependUOffsetTRelativeSlot(4, toc, 0)
    builder.PrependUOffsetTRelativeSlot(5, compression, 0)
    builder.Finish(builder.EndObject())
    return bytes(builder.Output())


def _compression(
    builder: Any,
    layer: TocLayer,
    span: int,
    version: int,
    change: Callable[[list[Checkpoint]], None],
) -> int:
    found = list(checkpoints(layer.blob, span))
    starts = [one.offset - (one.bits > 0) for one in found]
    ends = [one.offset for one in found[1:]] + [len(layer.blob)]
    digests = [
        builder.CreateString(digest(layer.blob[start:end]))
        for start, end in zip(starts, ends, strict=True)
    ]
    change(found)
    data = builder.CreateByteVector(packed(found, layer.tar, span, version=version))
    spans = _vector(builder, digests)
    builder.StartObject(4)
    builder.PrependInt32Slot(1, len(found) - 1, 0)
    builder.PrependUOffsetTRelativeSlot(2, spans, 0)
    builder.PrependUOffsetTRelativeSlot(3, data, 0)
    return int(builder.EndObject())


def _entries(builder: Any, members: Sequence[Member]) -> Iterator[int]:
    end = 0
    for member in members:
        end += len(layer_tar([member], end=False))
        yield _entry(builder, member, end - len(member.data) - -len(member.data) % BLOCK)


def _entry(builder: Any, member: Member, offset: int) -> int:
    texts = {
        0: builder.CreateString(member.name),
        1: builder.CreateString(TYPES[member.type]),
        4: builder.CreateString(member.link),
        10: builder.CreateString(
            (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=member.mtime)).isoformat()
        ),
    }
    records = {b"SCHILY.xattr." + key: value for key, value in member.xattrs.items()}
    records.update(member.pax)
    xattrs = _vector(
        builder, [_record(builder, *item) for item in {**records, b"mtime": b"1"}.items()]
    )
    builder.StartObject(14)
    for slot, text in texts.items():
        builder.PrependUOffsetTRelativeSlot(slot, text, 0)
    builder.PrependInt64Slot(2, offset, 0)
    builder.PrependInt64Slot(3, len(member.data), 0)
    builder.PrependInt64Slot(5, member.mode, 0)
    builder.PrependUint32Slot(6, member.uid, 0)
    builder.PrependUint32Slot(7, member.gid, 0)
    builder.PrependInt64Slot(11, member.device[0], 0)
    builder.PrependInt64Slot(12, member.device[1], 0)
    builder.PrependUOffsetTRelativeSlot(13, xattrs, 0)
    return int(builder.EndObject())


def _record(builder: Any, key: bytes, value: bytes) -> int:
    texts = (builder.CreateString(key), builder.CreateString(value))
    builder.StartObject(2)
    for slot, text in enumerate(texts):
        builder.PrependUOffsetTRelativeSlot(slot, text, 0)
    return int(builder.EndObject())


def _vector(builder: Any, tables: Sequence[int]) -> int:
    builder.StartVector(4, len(tables), 4)
    for table in reversed(tables):
        builder.PrependUOffsetTRelative(table)
    return int(builder.EndVector())


def push_soci(repository: Repository, subject: str, tables: Mapping[str, bytes]) -> str:
    """Store zTOCs by the digests of their layers, and the index that refers to an image; returns its digest."""
    listed = []
    for layer, data in tables.items():
        repository.blobs[digest(data)] = data
        annotations = {"com.amazon.soci.image-layer-digest": layer}
        listed.append({"mediaType": "application/octet-stream", "digest": digest(data), "size": len(data), "annotations": annotations})  # fmt: skip
    index = json.dumps(
        {"schemaVersion": 2, "config": {"mediaType": SOCI}, "layers": listed}
    ).encode()
    repository.manifests[digest(index)] = (MANIFEST, index)
    described = {
        "mediaType": MANIFEST,
        "digest": digest(index),
        "size": len(index),
        "artifactType": SOCI,
    }
    repository.referrers.setdefault(subject, []).append(described)
    return digest(index)
