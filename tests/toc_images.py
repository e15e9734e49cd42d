"""Layers that end with a table of contents, written as stargz-snapshotter and containers/storage write them."""

from __future__ import annotations

import base64
import gzip
import json
import struct
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.images import Member, archive, digest, file, image_config, layer_tar, write

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Entry = dict[str, Any]

TYPES = {
    b"0": "reg",
    b"\0": "reg",
    b"1": "hardlink",
    b"2": "symlink",
    b"3": "char",
    b"4": "block",
    b"5": "dir",
    b"6": "fifo",
}
STARGZ_DIGEST = "containerd.io/snapshot/stargz/toc.digest"
CHUNKED = "io.github.containers.zstd-chunked."
OLD_CHUNKED = "io.containers.zstd-chunked."
GZIP_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
ZSTD_LAYER = "application/vnd.oci.image.layer.v1.tar+zstd"


@dataclass
class TocLayer:
    """A layer as a registry stores it."""

    tar: bytes
    """The uncompressed tar."""
    blob: bytes
    annotations: dict[str, str] = field(default_factory=dict)
    media_type: str = GZIP_LAYER


def entries_of(members: Sequence[Member]) -> list[Entry]:
    """The entries of a table, made from the members and not from the tar."""
    entries: list[Entry] = []
    for member in members:
        kind = TYPES[member.type]
        if member.type == b"\0" and member.name.endswith(b"/"):
            kind = "dir"
        entry: Entry = {"type": kind, "name": _text(member.name)}
        entry |= {"linkName": _text(member.link)} if kind in ("hardlink", "symlink") else {}
        if kind == "reg" and member.data:
            entry |= {"size": len(member.data), "digest": digest(member.data)}
        if kind in ("char", "block"):
            entry |= {"devMajor": member.device[0], "devMinor": member.device[1]}
        numbers = {"mode": member.mode, "uid": member.uid, "gid": member.gid}
        entry |= {key: number for key, number in numbers.items() if number}
        if member.mtime:
            time = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=member.mtime)
            entry["modtime"] = time.isoformat().replace("+00:00", "Z")
        if member.xattrs:
            entry["xattrs"] = {
                _text(key): base64.b64encode(value).decode() for key, value in member.xattrs.items()
            }
        entries.append(entry)
        if kind == "reg" and len(member.data) > 500:  # a file in two parts
            entry["chunkSize"] = 400
            entries.append({"type": "chunk", "name": _text(member.name), "chunkOffset": 400})
    return entries


def changed(members: Sequence[Member], path: str, **keys: object) -> list[Entry]:
    """The table of these members with one entry changed."""
    return [entry | (keys if entry["name"] == path else {}) for entry in entries_of(members)]


def _text(name: bytes) -> str:
    return name.decode(errors="replace")


def toc_json(entries: Sequence[Any], **keys: object) -> bytes:
    """A table of contents."""
    return json.dumps({"version": 1, "entries": list(entries), **keys}, indent="\t").encode()


def estargz(
    members: Sequence[Member],
    *,
    toc: bytes | None = None,
    offset: int | None = None,
    legacy: bool = False,
    name: str = "stargz.index.json",
) -> TocLayer:
    """An eStargz layer with a gzip member for each entry; `toc` and `offset` replace the right values."""
    toc = toc_json(entries_of(members)) if toc is None else toc
    parts = [layer_tar([member], end=False) for member in members]
    last = layer_tar([file(name, toc, mode=0)])
    body = b"".join(gzip.compress(part, mtime=0) for part in parts)
    place = len(body) if offset is None else offset
    blob = body + gzip.compress(last, mtime=0) + estargz_footer(place, legacy=legacy)
    return TocLayer(b"".join(parts) + last, blob, {STARGZ_DIGEST: digest(toc)})


def estargz_footer(offset: int, *, legacy: bool = False) -> bytes:
    """The empty gzip member with the offset of the table."""
    value = b"%016xSTARGZ" % (offset & (1 << 64) - 1)
    return _empty_member(value if legacy else b"SG" + struct.pack("<H", len(value)) + value)


def external_footer() -> bytes:
    """The footer of a layer whose table is kept in another image."""
    return _empty_member(b"SG" + struct.pack("<H", 17) + b"STARGZEXTERNALTOC")


def _empty_member(extra: bytes) -> bytes:
    header = b"\x1f\x8b\x08\x04" + bytes(5) + b"\xff" + struct.pack("<H", len(extra)) + extra
    return header + b"\x01\x00\x00\xff\xff" + bytes(8)


def zstd_chunked(
    members: Sequence[Member],
    *,
    toc: bytes | None = None,
    place: tuple[int, int, int, int] | None = None,
    old: bool = False,
    prefix: str | None = None,
) -> TocLayer:
    """A zstd:chunked layer, as written today or (`old`) before 2024; `toc` and `place` replace the right values."""
    toc = toc_json(entries_of(members)) if toc is None else toc
    tar = layer_tar(members)
    body = b"".join(zstd.compress(tar[at : at + 512]) for at in range(0, len(tar), 512))
    packed = zstd.compress(toc)
    body += skippable(packed)
    place = place or (len(body) - len(packed), len(packed), len(toc), 1)
    if old:
        blob = body + skippable(struct.pack("<4Q", *place) + b"GnUlInUx")
    else:
        blob = body + zstd_footer(body, place)
    prefix = prefix or (OLD_CHUNKED if old else CHUNKED)
    annotations = {
        prefix + "manifest-checksum": digest(packed),
        prefix + "manifest-position": ":".join(map(str, place)),
    }
    return TocLayer(tar, blob, annotations, ZSTD_LAYER)


def zstd_footer(body: bytes, place: tuple[int, int, int, int]) -> bytes:
    """The part after the table: a tar-split, and the footer with the positions of both."""
    split = skippable(packed := zstd.compress(b'{"type":2}\n'))
    more = (len(body) + len(split) - len(packed), len(packed), 11)
    return split + skippable(struct.pack("<7Q", *place, *more) + b"GNUlInUx")


def skippable(data: bytes) -> bytes:
    """A zstd frame that decompressors skip."""
    return b"\x50\x2a\x4d\x18" + struct.pack("<I", len(data)) + data


def plain_layer(members: Sequence[Member]) -> TocLayer:
    """A gzip layer without a table."""
    tar = layer_tar(members)
    return TocLayer(tar, gzip.compress(tar, mtime=0))


def toc_image(layers: Sequence[TocLayer], *, annotated: bool = True) -> bytes:
    """An OCI archive of such layers."""
    return archive(toc_files(layers, annotated=annotated))


def toc_files(layers: Sequence[TocLayer], *, annotated: bool = True) -> dict[str, bytes]:
    """The files of an OCI layout of such layers."""
    blobs: dict[str, bytes] = {}

    def descriptor(media_type: str, data: bytes, annotations: Mapping[str, str]) -> Entry:
        blobs["blobs/" + digest(data).replace(":", "/")] = data
        described = {"mediaType": media_type, "digest": digest(data), "size": len(data)}
        return described | ({"annotations": dict(annotations)} if annotations else {})

    config = image_config([layer.tar for layer in layers])
    manifest = {
        "schemaVersion": 2,
        "config": descriptor("application/vnd.oci.image.config.v1+json", config, {}),
        "layers": [
            descriptor(layer.media_type, layer.blob, layer.annotations if annotated else {})
            for layer in layers
        ],
    }
    data = json.dumps(manifest).encode()
    top = [descriptor("application/vnd.oci.image.manifest.v1+json", data, {})]
    index = {"schemaVersion": 2, "manifests": top}
    return blobs | {
        "index.json": json.dumps(index).encode(),
        "oci-layout": b'{"imageLayoutVersion": "1.0.0"}',
    }


def write_image(folder: Path, layers: Sequence[TocLayer], *, annotated: bool = True) -> Path:
    """Write the OCI archive of such layers to a file."""
    return write(folder / "image.tar", toc_image(layers, annotated=annotated))
