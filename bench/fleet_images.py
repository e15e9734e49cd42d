"""Fifty images over six bases; every run makes the same bytes."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import random
import tarfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

IMAGES = 50
_DAY = 86_400
_BASES = (("debian", 0), ("debian", 1), ("python", 0), ("python", 1), ("node", 0), ("alpine", 0))
"""Names and versions of the bases."""
_FIRST_BUILD = 1_700_000_000
"""When the first base was made, in seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a build, and the layer that it stores; b"" for none."""

    created_by: str
    tar: bytes = b""
    created: int = _FIRST_BUILD


@dataclass(frozen=True, slots=True)
class FleetImage:
    """An image of the fleet."""

    name: str
    steps: tuple[Step, ...]
    base: str
    base_layers: int
    """Number of its layers that belong to its base."""

    @property
    def layers(self) -> list[bytes]:
        """The tars of its layers."""
        return [step.tar for step in self.steps if step.tar]


def images(count: int = IMAGES, scale: float = 1.0) -> Iterator[FleetImage]:
    """The images: each is built on one of six bases, some of which are versions of one image. With a `scale` of 1, a base has about
    20 MB."""
    bases = _bases(scale)
    for number in range(count):
        base, steps = bases[number % len(bases)]
        built = _FIRST_BUILD + (30 + number) * _DAY
        rng = random.Random(number)
        app_steps = [
            Step("RUN /bin/sh -c apt-get update && apt-get install -y curl # buildkit", _curl(number // 12, scale), built),
            Step("COPY requirements.txt /srv/ # buildkit", _tar({"srv/requirements.txt": b"flask==%d\n" % (number // 6)}, built), built),
            Step("RUN /bin/sh -c pip install -r /srv/requirements.txt # buildkit", _site(number // 6, scale), built),
            Step("COPY . /srv/app # buildkit", _source(number, rng, scale, built), built),
            Step("RUN /bin/sh -c rm -rf /srv/app/tests && date > /srv/built # buildkit", _tar({"srv/app/.wh.tests": b"", "srv/built": b"%d\n" % built}, built), built),
            Step('CMD ["python" "-m" "app"]', created=built),
        ]  # fmt: skip
        layers = sum(bool(step.tar) for step in steps)
        yield FleetImage(f"team-{number % 4}/app-{number:03}:1.{number}", (*steps, *app_steps), base, layers)  # fmt: skip


@lru_cache(2)
def _bases(scale: float) -> tuple[tuple[str, tuple[Step, ...]], ...]:
    """Name and steps of each base."""
    bases = []
    for name, version in _BASES:
        built = _FIRST_BUILD + version * 20 * _DAY
        root = _files(f"{name} {version}", int(2500 * scale) + 3, "usr/lib")
        root |= {"var/lib/dpkg/status": _status(name, version), "etc/os-release": f"ID={name}\n".encode()}  # fmt: skip
        tools = _files(f"{name} {version} tools", int(900 * scale) + 2, "opt") | _lists()
        steps = [
            Step(f"ADD rootfs-{name}.tar.xz / # buildkit", _tar(root, built), built),
            Step(f"RUN /bin/sh -c apt-get install -y {name}-tools # buildkit", _tar(tools, built), built + 60),
            Step(f'CMD ["{name}"]', created=built + 60),
        ]  # fmt: skip
        bases.append((f"{name}:{version}", tuple(steps)))
    return tuple(bases)


def _status(name: str, version: int) -> bytes:
    return "".join(
        f"Package: lib{name}{number}\nStatus: install ok installed\nVersion: 1.{version}\n\n"
        for number in range(5)
    ).encode()


def _lists() -> dict[str, bytes]:
    """Package lists that were left in a layer."""
    return {
        f"var/lib/apt/lists/deb_{number}_Packages": b"Package: x\n" * 12_000 for number in range(2)
    }


@lru_cache(64)
def _curl(version: int, scale: float) -> bytes:
    return _tar(_files(f"curl {version}", int(60 * scale) + 1, "usr/bin") | _lists(), _FIRST_BUILD)


@lru_cache(64)
def _site(version: int, scale: float) -> bytes:
    return _tar(
        _files(f"site {version}", int(800 * scale) + 2, "usr/lib/python3/site-packages"),
        _FIRST_BUILD,
    )


def _source(number: int, rng: random.Random, scale: float, built: int) -> bytes:
    """The source of an application, which is different for each."""
    files = _files(f"app {number}", int(40 * scale) + 2, "srv/app")
    files |= {"srv/app/tests/data.bin": rng.randbytes(20_000), "srv/app/shared.js": b"x" * 70_000}
    return _tar(files, built)


def _files(seed: str, count: int, folder: str) -> dict[str, bytes]:
    """Files of some kilobytes that compress like real ones."""
    rng = random.Random(seed)
    return {
        f"{folder}/{seed.replace(' ', '-')}/d{number % 40}/f{number}.so": rng.randbytes(1500)
        + b"line of text\n" * rng.randrange(20, 900)
        for number in range(count)
    }


def _tar(files: dict[str, bytes], mtime: int) -> bytes:
    """A layer of these files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, data in sorted(files.items()):
            member = tarfile.TarInfo(name)
            member.size, member.mtime, member.mode = len(data), mtime, 0o644
            tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def write_image(image: FleetImage, path: Path) -> Path:
    """Write an image as an OCI archive with gzip layers."""
    blobs: dict[str, bytes] = {}

    def add_blob(media_type: str, data: bytes) -> dict[str, object]:
        digest = hashlib.sha256(data).hexdigest()
        blobs[f"blobs/sha256/{digest}"] = data
        kind = f"application/vnd.oci.image.{media_type}"
        return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(data)}

    history = [
        {
            "created": _time(step.created),
            "created_by": step.created_by,
            **({} if step.tar else {"empty_layer": True}),
            "comment": "buildkit.dockerfile.v0",
        }
        for step in image.steps
    ]
    diff_ids = [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in image.layers]
    config = {
        "architecture": "amd64",
        "os": "linux",
        "created": _time(image.steps[-1].created),
        "config": {"Cmd": ["python", "-m", "app"]},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": history,
    }
    manifest = {
        "schemaVersion": 2,
        "config": add_blob("config.v1+json", json.dumps(config).encode()),
        "layers": [add_blob("layer.v1.tar+gzip", _gzip(layer)) for layer in image.layers],
    }
    manifest_descriptor = add_blob("manifest.v1+json", json.dumps(manifest).encode())
    manifest_descriptor["annotations"] = {"io.containerd.image.name": image.name}
    files = {
        **blobs,
        "index.json": json.dumps({"schemaVersion": 2, "manifests": [manifest_descriptor]}).encode(),
        "oci-layout": b'{"imageLayoutVersion": "1.0.0"}',
    }
    path.write_bytes(_tar(files, 0))
    return path


@lru_cache(256)
def _gzip(layer: bytes) -> bytes:
    return gzip.compress(layer, 1, mtime=0)


def _time(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
