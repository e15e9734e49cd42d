"""Images with random damage: each one opens or is refused with a readable error."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from layerscope.errors import LayerscopeError
from layerscope.limits import Limits
from layerscope.opening.open import Opened, Options, open_image
from layerscope.sources import Request
from tests.images import archive, docker_archive, docker_files, layer_tar, oci_archive, oci_files
from tests.sources.test_other_forms import _containers_dir, _legacy
from tests.strategies import random_layers

WILD = [layer_tar(members) for members in random_layers(5, wild=True)]

GOOD: dict[str, bytes] = {
    "docker": docker_archive(WILD),
    "docker, packed layers": docker_archive(WILD, compress="gzip"),
    "oci": oci_archive(WILD, compress="zstd"),
    "oci, plain": oci_archive(WILD, compress=None),
    "old docker": archive(_legacy()),
    "dir": archive(_containers_dir()),
    "packed": gzip.compress(docker_archive(WILD)),
    "root filesystem": WILD[0],
}
LIMITS = Limits(layer_bytes=64 << 20)


def _flip(data: bytearray, rng: random.Random) -> None:
    for _ in range(rng.choice((1, 1, 3, 30))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _overwrite(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(data))
    size = rng.choice((1, 8, 100, 600))
    data[at : at + size] = rng.choice(
        (rng.randbytes(size), bytes(size), b"\xff" * size, b"7" * size)
    )


def _cut(data: bytearray, rng: random.Random) -> None:
    del data[rng.randrange(len(data)) :]


def _drop(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(data))
    del data[at : at + rng.choice((1, 13, 512, 4096))]


def _insert(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(data))
    data[at:at] = rng.choice((rng.randbytes(rng.randrange(1, 700)), bytes(512), data[:1024]))


def _shuffle(data: bytearray, rng: random.Random) -> None:
    """Swap two blocks."""
    blocks = len(data) // 512
    one, other = (512 * rng.randrange(max(blocks, 1)) for _ in range(2))
    data[one : one + 512], data[other : other + 512] = (
        data[other : other + 512],
        data[one : one + 512],
    )


DAMAGES: tuple[Callable[[bytearray, random.Random], None], ...] = (
    _flip,
    _overwrite,
    _cut,
    _drop,
    _insert,
    _shuffle,
)


def _open(path: Path, verify: bool) -> Opened | None:
    """The image as a command opens it; None if it is refused with a readable error."""
    options = Options(verify=verify, verify_small=False)
    try:
        opened = open_image(Request(str(path), limits=LIMITS), options)
    except LayerscopeError as error:
        message = str(error)
        assert path.name in message
        assert len(message) < 1000
        assert "Traceback" not in message
        assert "object at 0x" not in message
        return None
    assert len(opened.indexes) == len(opened.image.layers) == len(opened.contents)
    assert opened.accounting is not None
    for warning in opened.warnings:
        assert warning.message
    assert len({(warning.code, warning.layer) for warning in opened.warnings}) == len(
        opened.warnings
    )
    return opened


@pytest.mark.parametrize("what", list(GOOD))
def test_damaged_bytes(tmp_path: Path, what: str) -> None:
    """Each archive is damaged in forty ways, with the number as the seed."""
    path = tmp_path / "image.tar"
    path.write_bytes(GOOD[what])
    assert _open(path, verify=True) is not None
    opened = 0
    for seed in range(40):
        rng = random.Random(f"{what} {seed}")
        data = bytearray(GOOD[what])
        for _ in range(rng.choice((1, 1, 2, 4))):
            if data:
                rng.choice(DAMAGES)(data, rng)
        path.write_bytes(data)
        opened += _open(path, verify=bool(seed % 2)) is not None
    assert what == "packed" or opened


JUNK: tuple[Any, ...] = (
    None, True, 0, -1, 1 << 70, 1.5, "", "x", "../../etc/passwd", "/etc/passwd", "sha256:" + "0" * 64,
    [], {}, [[]], [None], {"": None}, "\0", "\ud800", "é" * 3000, "0001-01-01T00:00:00Z",
)  # fmt: skip


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every container and key in a document."""
    keys = (
        value.keys()
        if isinstance(value, dict)
        else range(len(value))
        if isinstance(value, list)
        else ()
    )
    return [place for key in keys for place in ((value, key), *_places(value[key]))]


def _meddle(files: dict[str, bytes], rng: random.Random) -> None:
    """Change one value, or key, of one document."""
    name = rng.choice([name for name, data in files.items() if data[:1] in (b"{", b"[")])
    document = json.loads(files[name])
    places = _places(document)
    if not places:
        return
    container, key = rng.choice(places)
    value = container[key]
    how = rng.randrange(4)
    if how == 0:
        del container[key]
    elif how == 1 and isinstance(container, dict):
        container[key.swapcase()] = container.pop(key)
    elif how == 2:
        container[key] = [value, value] if rng.random() < 0.5 else {"x": value}
    else:
        container[key] = rng.choice(JUNK)
    files[name] = json.dumps(document).encode()


DOCUMENTS: dict[str, dict[str, bytes]] = {
    "docker": docker_files(WILD),
    "oci": oci_files(WILD, compress=None),
    "old docker": _legacy(),
    "dir": _containers_dir(),
}


@pytest.mark.parametrize("what", list(DOCUMENTS))
def test_damaged_documents(tmp_path: Path, what: str) -> None:
    """Values are deleted, replaced or nested, and keys change case."""
    path = tmp_path / "image.tar"
    opened = 0
    for seed in range(80):
        rng = random.Random(f"{what} {seed}")
        files = dict(DOCUMENTS[what])
        for _ in range(rng.choice((1, 1, 2))):
            _meddle(files, rng)
        path.write_bytes(archive(files))
        opened += _open(path, verify=True) is not None
    assert opened > 10
