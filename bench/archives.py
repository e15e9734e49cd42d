"""Writes images as archives, layer by layer, with one small buffer in memory."""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from typing import BinaryIO

from isal import isal_zlib

from bench.contents import Pools
from bench.trees import Entry

BLOCK = 512
BUFFER_BYTES = 1 << 20
CREATED = "2025-06-15T12:00:00Z"
END_OF_TAR = bytes(2 * BLOCK)
OCI_TYPE = "application/vnd.oci.image"


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer that was written, and its figures. Sizes are bytes."""

    instruction: str
    diff_id: str
    digest: str
    size: int
    entries: int
    content_bytes: int
    deletions: int


class ImageArchive:
    """Writes an image as a Docker archive with plain layers, or an OCI archive with gzip layers."""

    def __init__(self, file: BinaryIO, pools: Pools, *, oci: bool) -> None:
        self._file = file
        self._pools = pools
        self._oci = oci
        self.layers: list[Layer] = []

    def add_layer(self, instruction: str, entries: Iterable[Entry]) -> None:
        """Write one layer. Its header, with name and size, is written last into the space left for it."""
        header_at = self._file.tell()
        self._file.write(bytes(BLOCK))
        blob = _Blob(self._file, compress=self._oci)
        count = content_bytes = deletions = 0
        for header, content in entries:
            blob.write(header.tobuf(tarfile.PAX_FORMAT))
            if content is not None:
                for piece in self._pools.pieces(content):
                    blob.write(piece)
                blob.write(_padding(content.size))
                content_bytes += content.size
            count += 1
            deletions += header.name.rpartition("/")[2].startswith(".wh.")
        blob.write(END_OF_TAR)
        diff_id, digest, size = blob.close()
        self._file.write(_padding(size))
        end = self._file.tell()
        self._file.seek(header_at)
        self._file.write(_header(self._path(digest), size))
        self._file.seek(end)
        layer = Layer(instruction, diff_id, digest, size, count, content_bytes, deletions)
        self.layers.append(layer)

    def close(self, tag: str) -> None:
        """Write config and manifests, and the end of the archive."""
        config = _json(self._config())
        if self._oci:
            self._add_oci_manifest(config, tag)
        else:
            name = f"{hashlib.sha256(config).hexdigest()}.json"
            paths = [self._path(layer.digest) for layer in self.layers]
            manifest = [{"Config": name, "RepoTags": [tag], "Layers": paths}]
            self._add(name, config)
            self._add("manifest.json", _json(manifest))
        self._file.write(END_OF_TAR)

    def _config(self) -> object:
        steps = [{"created": CREATED, "created_by": layer.instruction} for layer in self.layers]
        diff_ids = [f"sha256:{layer.diff_id}" for layer in self.layers]
        return {
            "architecture": "amd64",
            "os": "linux",
            "created": CREATED,
            "config": {"Env": ["PATH=/usr/bin:/bin"], "Cmd": ["sh"]},
            "history": steps,
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        }

    def _add_oci_manifest(self, config: bytes, tag: str) -> None:
        manifest = _json(
            {
                "schemaVersion": 2,
                "mediaType": f"{OCI_TYPE}.manifest.v1+json",
                "config": self._add_blob(config, "config.v1+json"),
                "layers": [
                    _descriptor(layer.digest, layer.size, "layer.v1.tar+gzip")
                    for layer in self.layers
                ],
            }
        )
        descriptor = self._add_blob(manifest, "manifest.v1+json")
        descriptor["annotations"] = {"org.opencontainers.image.ref.name": tag}
        self._add("index.json", _json({"schemaVersion": 2, "manifests": [descriptor]}))
        self._add("oci-layout", _json({"imageLayoutVersion": "1.0.0"}))

    def _add_blob(self, data: bytes, kind: str) -> dict[str, object]:
        digest = hashlib.sha256(data).hexdigest()
        self._add(self._path(digest), data)
        return _descriptor(digest, len(data), kind)

    def _add(self, name: str, data: bytes) -> None:
        self._file.write(_header(name, len(data)) + data + _padding(len(data)))

    def _path(self, digest: str) -> str:
        return f"blobs/sha256/{digest}" if self._oci else f"{digest}/layer.tar"


class _Blob:
    """Buffers, hashes and, with `compress`, compresses a layer while it is written to the archive."""

    def __init__(self, file: BinaryIO, *, compress: bool) -> None:
        self._file = file
        self._buffer = bytearray()
        self._tar_hash = hashlib.sha256()
        self._blob_hash = hashlib.sha256() if compress else self._tar_hash
        window = 16 + isal_zlib.MAX_WBITS
        self._gzip = isal_zlib.compressobj(level=1, wbits=window) if compress else None
        self._size = 0

    def write(self, data: bytes | memoryview) -> None:
        """Write bytes of the tar."""
        self._buffer += data
        if len(self._buffer) >= BUFFER_BYTES:
            self._flush()

    def close(self) -> tuple[str, str, int]:
        """Finish the blob; returns its diff ID, digest and size in bytes."""
        self._flush()
        if self._gzip is not None:
            self._store(self._gzip.flush())
        return self._tar_hash.hexdigest(), self._blob_hash.hexdigest(), self._size

    def _flush(self) -> None:
        self._tar_hash.update(self._buffer)
        if self._gzip is None:
            self._file.write(self._buffer)
            self._size += len(self._buffer)
        else:
            self._store(self._gzip.compress(self._buffer))
        self._buffer.clear()

    def _store(self, compressed: bytes) -> None:
        self._blob_hash.update(compressed)
        self._file.write(compressed)
        self._size += len(compressed)


def _descriptor(digest: str, size: int, kind: str) -> dict[str, object]:
    return {"mediaType": f"{OCI_TYPE}.{kind}", "digest": f"sha256:{digest}", "size": size}


def _header(name: str, size: int) -> bytes:
    member = tarfile.TarInfo(name)
    member.size = size
    return member.tobuf(tarfile.USTAR_FORMAT)


def _padding(size: int) -> bytes:
    return bytes(-size % BLOCK)


def _json(document: object) -> bytes:
    return json.dumps(document, indent=1).encode()
