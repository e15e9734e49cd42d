"""Converts OCI archives to Docker archives: dive reads only those, and no zstd."""

from __future__ import annotations

import json
import posixpath
import tarfile
import tempfile
from pathlib import Path
from typing import Any, BinaryIO

from layerscope.layers.compression import DecompressedStream, sniff
from layerscope.limits import Limits

PIECE = 1 << 20


def docker_archive(image: Path, folder: Path) -> Path:
    """The image itself if it is a Docker archive, otherwise one converted from it in `folder`. Raises OSError and ValueError."""
    with tarfile.open(image) as tar:
        members = {posixpath.normpath(member.name): member for member in tar}
        if "manifest.json" in members:
            return image
        converted = folder / f"{image.name.partition('.')[0]}.tar"
        with tarfile.open(converted, "w") as archive:
            _convert(_Blobs(tar, members), archive)
    return converted


class _Blobs:
    """The blobs of an OCI archive."""

    def __init__(self, tar: tarfile.TarFile, members: dict[str, tarfile.TarInfo]) -> None:
        self._tar = tar
        self._members = members

    def open(self, name: str) -> BinaryIO:
        """A member of the archive."""
        member = self._members.get(name)
        file = None if member is None else self._tar.extractfile(member)
        if file is None:
            raise ValueError(f"the archive has no {name}")
        return file  # type: ignore[return-value]  # it reads bytes

    def document(self, name: str) -> Any:
        return json.loads(self.open(name).read())


def _convert(blobs: _Blobs, archive: tarfile.TarFile) -> None:
    index = blobs.document("index.json")
    manifest = blobs.document(_path(index["manifests"][0]))
    config = f"{manifest['config']['digest'].partition(':')[2]}.json"
    layers = [f"{number}/layer.tar" for number in range(len(manifest["layers"]))]
    docker_manifest = [{"Config": config, "RepoTags": ["image:latest"], "Layers": layers}]
    for name, layer in zip(layers, manifest["layers"], strict=True):
        _add_layer(archive, name, blobs.open(_path(layer)))
    _add(archive, config, blobs.open(_path(manifest["config"])).read())
    _add(archive, "manifest.json", json.dumps(docker_manifest).encode())


def _add_layer(archive: tarfile.TarFile, name: str, blob: BinaryIO) -> None:
    """Add a layer, decompressed."""
    kind = sniff(blob.read(16))
    blob.seek(0)
    pieces = iter(lambda: blob.read(PIECE), b"")
    with tempfile.TemporaryFile() as plain:
        for piece in pieces if kind is None else DecompressedStream(kind, pieces, name, Limits()):
            plain.write(piece)
        member = tarfile.TarInfo(name)
        member.size = plain.tell()
        plain.seek(0)
        archive.addfile(member, plain)


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        member = tarfile.TarInfo(name)
        member.size = len(data)
        archive.addfile(member, file)


def _path(descriptor: dict[str, str]) -> str:
    return f"blobs/{descriptor['digest'].replace(':', '/')}"
