"""zTOCs and SOCI indexes, as soci-snapshotter writes them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import flatbuffers

from tests.images import Member, digest
from tests.sources.registry.server import MANIFEST, Repository
from tests.toc_images import TYPES

SOCI = "application/vnd.amazon.soci.index.v1+json"


def ztoc(members: Sequence[Member], size: int) -> bytes:
    """The table of a layer of `size` bytes."""
    builder = flatbuffers.Builder()
    entries = [_entry(builder, member) for member in members]
    metadata = _vector(builder, entries)
    builder.StartObject(1)
    builder.PrependUOffsetTRelativeSlot(0, metadata, 0)
    toc = builder.EndObject()
    version = builder.CreateString("0.9")
    builder.StartObject(6)
    builder.PrependUOffsetTRelativeSlot(0, version, 0)
    builder.PrependInt64Slot(2, size, 0)
    builder.PrependUOffsetTRelativeSlot(4, toc, 0)
    builder.Finish(builder.EndObject())
    return bytes(builder.Output())


def _entry(builder: Any, member: Member) -> int:
    texts = {
        0: builder.CreateString(member.name),
        1: builder.CreateString(TYPES[member.type]),
        4: builder.CreateString(member.link),
        10: builder.CreateString(
            (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=member.mtime)).isoformat()
        ),
    }
    records = {b"SCHILY.xattr." + key: value for key, value in member.xattrs.items()}
    xattrs = _vector(
        builder, [_record(builder, *item) for item in {**records, b"mtime": b"1"}.items()]
    )
    builder.StartObject(14)
    for slot, text in texts.items():
        builder.PrependUOffsetTRelativeSlot(slot, text, 0)
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
