"""An image of about a million entries in ten layers, written in a minute: the explorer must stay responsive on it."""

from __future__ import annotations

import hashlib
import io
import json
import random
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

LAYERS, FILES, REWRITTEN, DELETED = 10, 95_000, 30_000, 300


def make(path: Path) -> None:
    """Write the image, as `docker save` would; the same bytes each time."""
    names: list[str] = []
    layers: list[bytes] = []
    for number in range(LAYERS):
        rng = random.Random(number)
        rewritten = rng.sample(names, REWRITTEN) if number else []
        deleted = rng.sample(names, DELETED) if number >= LAYERS // 2 else []
        tar, stored = _layer(number, rng, rewritten, deleted)
        layers.append(tar)
        names = sorted({*names, *stored})
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {},
        "rootfs": {
            "type": "layers",
            "diff_ids": [f"sha256:{hashlib.sha256(tar).hexdigest()}" for tar in layers],
        },
        "history": [{"created_by": f"RUN step {number} # buildkit"} for number in range(LAYERS)],
    }
    files = [f"{number}/layer.tar" for number in range(LAYERS)]
    manifest = [{"Config": "config.json", "RepoTags": ["million:latest"], "Layers": files}]
    part = path.with_suffix(".part")
    with tarfile.open(part, "w") as archive:
        for name, data in (
            ("config.json", json.dumps(config).encode()),
            *zip(files, layers, strict=True),
            ("manifest.json", json.dumps(manifest).encode()),
        ):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    part.replace(path)


def _layer(
    number: int, rng: random.Random, rewritten: Sequence[str], deleted: Sequence[str]
) -> tuple[bytes, list[str]]:
    """A layer's tar, and the files that it stores."""
    buffer = io.BytesIO()
    directories: set[str] = set()
    stored: list[str] = []
    for name in deleted:
        directory, _, last = name.rpartition("/")
        buffer.write(_header(f"{directory}/.wh.{last}", 0, number, directory=False))
    for index, name in enumerate(_names(number, rng, rewritten)):
        for parent in _parents(name):
            if parent not in directories:
                directories.add(parent)
                buffer.write(_header(parent, 0, number, directory=True))
        size = index % 700
        buffer.write(_header(name, size, number, directory=False))
        buffer.write(b"x" * size + b"\0" * (-size % 512))
        stored.append(name)
    buffer.write(bytes(1024))
    return buffer.getvalue(), stored


def _names(number: int, rng: random.Random, rewritten: Sequence[str]) -> Iterator[str]:
    """Names of a layer's files: first those rewritten from lower layers, then new ones."""
    yield from rewritten
    for index in range(FILES - len(rewritten)):
        yield f"usr/lib/mod{rng.randrange(300):03d}/pkg{rng.randrange(40):02d}/f{number}_{index:06d}.py"


def _parents(name: str) -> Iterator[str]:
    parts = name.split("/")
    return ("/".join(parts[:depth]) for depth in range(1, len(parts)))


def _header(name: str, size: int, mtime: int, *, directory: bool) -> bytes:
    member = tarfile.TarInfo(name)
    member.size, member.mtime = size, 1_700_000_000 + mtime
    member.type, member.mode = (tarfile.DIRTYPE, 0o755) if directory else (tarfile.REGTYPE, 0o644)
    return member.tobuf(tarfile.GNU_FORMAT)
