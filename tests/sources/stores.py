"""Stores as engines keep them, built in code: headers as tar-split, contents as files."""

from __future__ import annotations

import base64
import gzip
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from layerscope.image.digest import chain_ids
from layerscope.sources.containers_storage import file_name
from tests.images import digest, image_config, write
from tests.sources.image_files import dump


def split(tar: bytes) -> tuple[bytes, dict[str, bytes]]:
    """Split a layer as tar-split does; returns its headers, and the files with content."""
    lines: list[dict[str, Any]] = []
    files: dict[str, bytes] = {}
    position = 0

    def segment(end: int) -> None:
        lines.append({"type": 2, "payload": base64.b64encode(tar[position:end]).decode()})

    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        for member in archive:
            segment(member.offset_data)
            position = member.offset_data
            size = member.size if member.isreg() else 0
            lines.append({"type": 1, "name": member.name, "size": size})
            if size:
                files[member.name] = tar[position : position + size]
                position += size
    segment(len(tar))
    for number, line in enumerate(lines):
        line["position"] = number
    return gzip.compress("".join(json.dumps(line) + "\n" for line in lines).encode()), files


def hexadecimal(text: str) -> str:
    """The digits of the digest of a text."""
    return digest(text.encode()).removeprefix("sha256:")


def as_objects(folder: Path, files: Mapping[str, bytes]) -> dict[str, Any]:
    """Store files by their digests, as composefs does; returns the table of contents."""
    entries = []
    for name, data in files.items():
        name_digest = digest(data)
        write(folder / name_digest[7:9] / name_digest[9:], data)
        entries.append(
            {
                "type": "reg",
                "name": name.removeprefix("./"),
                "size": len(data),
                "digest": name_digest,
            }
        )
    return {"version": 1, "entries": [{"type": "dir", "name": "etc/"}, *entries]}


def podman_store(
    root: Path,
    layers: Sequence[bytes],
    *,
    names: Sequence[str] = ("localhost/demo:latest",),
    driver: str = "overlay",
    config: bytes | None = None,
    composefs: bool = False,
) -> str:
    """A store of containers-storage with one image; returns its ID."""
    config = config or image_config(layers)
    image_id = digest(config).removeprefix("sha256:")
    listed, parent = [], ""
    for layer in layers:
        layer_id = hexadecimal(parent + digest(layer))
        headers, files = split(layer)
        write(root / f"{driver}-layers" / f"{layer_id}.tar-split.gz", headers)
        folder = (
            root / "vfs/dir" / layer_id if driver == "vfs" else root / driver / layer_id / "diff"
        )
        folder.mkdir(parents=True)
        if composefs:
            write(folder.parent / "composefs-data" / "composefs.blob", b"")
            table = root / f"{driver}-layers" / layer_id / file_name("zstd-chunked-manifest")
            write(table, dump(as_objects(folder, files)))
        else:
            for name, data in files.items():
                write(folder / name, data)
        listed.append(
            {
                "id": layer_id,
                "parent": parent,
                "diff-digest": digest(layer),
                "diff-size": len(layer),
            }
        )
        parent = layer_id
    write(root / f"{driver}-layers" / "layers.json", dump(listed))
    manifest = dump({"schemaVersion": 2, "config": {"digest": digest(config)}, "layers": []})
    folder = root / f"{driver}-images" / image_id
    write(folder / "manifest", manifest)
    write(folder / file_name(digest(config)), config)
    image = {
        "id": image_id, "digest": digest(manifest), "names": list(names), "layer": parent or None,
        "big-data-names": ["manifest", digest(config)],
    }  # fmt: skip
    write(root / f"{driver}-images" / "images.json", dump([image]))
    return image_id


def docker_store(
    root: Path,
    layers: Sequence[bytes],
    *,
    names: Sequence[str] = ("demo:latest",),
    driver: str = "overlay2",
) -> str:
    """A classic store of Docker with one image; returns its ID."""
    config = image_config(layers)
    image_id = digest(config).removeprefix("sha256:")
    image = root / "image" / driver
    write(image / "imagedb/content/sha256" / image_id, config)
    listed = {name.rpartition(":")[0]: {name: digest(config)} for name in names}
    write(image / "repositories.json", dump({"Repositories": listed}))
    parent = ""
    for layer, chain in zip(layers, chain_ids([digest(layer) for layer in layers]), strict=True):
        assert chain is not None
        folder, cache = image / "layerdb/sha256" / chain[7:], hexadecimal("cache" + chain)
        headers, files = split(layer)
        write(folder / "tar-split.json.gz", headers)
        write(folder / "diff", digest(layer).encode())
        write(folder / "size", str(len(layer)).encode())
        write(folder / "cache-id", cache.encode())
        if parent:
            write(folder / "parent", parent.encode())
        diff = root / "vfs/dir" / cache if driver == "vfs" else root / driver / cache / "diff"
        diff.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            write(diff / name, data)
        parent = chain
    return image_id
