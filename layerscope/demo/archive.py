"""Builds layers, and the archive that `docker save` would write.

Tar headers are written here, because those of `tarfile` differ between versions of Python.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, BinaryIO, NamedTuple

from msgspec import Struct, field

DEMO_REFERENCE = "flask-demo:latest"
FILE, HARD_LINK, SYMLINK, DIRECTORY, EXTENDED = b"0", b"1", b"2", b"5", b"x"
_BLOCK = 512


class Entry(NamedTuple):
    """A member of a layer, without its path."""

    data: bytes = b""
    mode: int = 0o644
    mtime: int = 0
    type: bytes = FILE
    link: str = ""
    uid: int = 0
    gid: int = 0
    xattrs: tuple[tuple[str, bytes], ...] = ()


class Layer(Struct):
    """A layer that is being built: its entries by path.

    `directories` has the state of each directory after all layers so far: adding a file also adds its parents in that state, because
    an overlay copies them up.
    """

    mtime: int
    directories: dict[str, Entry]
    entries: dict[str, Entry] = field(default_factory=dict)

    def file(self, path: str, data: bytes | str, mode: int = 0o644, **attributes: Any) -> None:
        """Write a regular file; `attributes` are those of `Entry`."""
        content = data.encode() if isinstance(data, str) else data
        self.add(path, Entry(content, mode, **{"mtime": self.mtime, **attributes}))

    def directory(self, path: str, mode: int = 0o755, **attributes: Any) -> None:
        """Create a directory, or change its attributes."""
        self.add(path, Entry(b"", mode, self.mtime, DIRECTORY, **attributes))

    def symlink(self, path: str, target: str, mtime: int | None = None) -> None:
        """Create a symlink at `path` to `target`."""
        self.add(path, Entry(b"", 0o777, mtime or self.mtime, SYMLINK, target))

    def add(self, path: str, entry: Entry) -> None:
        """Add an entry and the directories above it."""
        self.entries[path] = entry
        if entry.type == DIRECTORY:
            self.directories[path] = entry
        while (path := path.rpartition("/")[0]) and path not in self.entries:
            default = Entry(b"", 0o755, self.mtime, DIRECTORY)
            self.entries[path] = self.directories.setdefault(path, default)

    def tar(self) -> bytes:
        """The layer as a tar file, parents before children."""
        parts: list[bytes] = []
        for path in sorted(self.entries, key=lambda path: path.replace("/", "\0")):
            entry = self.entries[path]
            parts += _member(f"{path}/" if entry.type == DIRECTORY else path, entry)
        return b"".join([*parts, bytes(2 * _BLOCK)])


class Step(NamedTuple):
    """An entry of the history: when it ran (seconds since 1970), its instruction, its layer if it has one, and
    what it sets in the image's config."""

    seconds: int
    created_by: str
    layer: Layer | None = None
    config: dict[str, Any] | None = None
    comment: str = "buildkit.dockerfile.v0"


def write_archive(stream: BinaryIO, steps: Iterable[Step]) -> None:
    """Write the image of `steps`, one layer at a time, then its config and manifest."""
    config: dict[str, Any] = {}
    history: list[dict[str, Any]] = []
    identity, names, diff_ids, created = "", [], [], ""
    for step in steps:
        config |= step.config or {}
        created = f"{datetime.fromtimestamp(step.seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
        entry = {"created": created, "created_by": step.created_by, "comment": step.comment}
        history.append({name: value for name, value in entry.items() if value})
        if step.layer is None:
            history[-1]["empty_layer"] = True
            continue
        data = step.layer.tar()
        diff_ids.append(f"sha256:{sha256(data).hexdigest()}")
        identity = sha256(f"{identity} {diff_ids[-1]}".encode()).hexdigest()
        names.append(f"{identity}/layer.tar")
        _write(stream, f"{identity}/", Entry(b"", 0o755, type=DIRECTORY))
        _write(stream, f"{identity}/VERSION", Entry(b"1.0"))
        _write(stream, names[-1], Entry(data))
    document = {
        "architecture": "amd64",
        "config": config,
        "created": created,
        "history": history,
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    }
    text = json.dumps(document, separators=(",", ":")).encode()
    name = f"{sha256(text).hexdigest()}.json"
    _write(stream, name, Entry(text))
    manifest = [{"Config": name, "RepoTags": [DEMO_REFERENCE], "Layers": names}]
    _write(stream, "manifest.json", Entry(json.dumps(manifest).encode()))
    stream.write(bytes(2 * _BLOCK))


def _write(stream: BinaryIO, name: str, entry: Entry) -> None:
    for part in _member(name, entry):
        stream.write(part)


def _member(name: str, entry: Entry) -> list[bytes]:
    """The blocks of one member: headers, content, padding (ustar, and pax for what does not fit)."""
    path, link = name.encode(), entry.link.encode()
    records = [(f"SCHILY.xattr.{key}", value) for key, value in entry.xattrs]
    if len(path) > 100 or not name.isascii():
        records.append(("path", path))
    parts = []
    if records:
        pax = b"".join(_record(key.encode(), value) for key, value in records)
        head = Entry(pax, mtime=entry.mtime, type=EXTENDED)
        parts = [_header(b"PaxHeaders.0/" + path[-80:], b"", head), pax, bytes(-len(pax) % _BLOCK)]
    return [*parts, _header(path[:100], link, entry), entry.data, bytes(-len(entry.data) % _BLOCK)]


def _record(key: bytes, value: bytes) -> bytes:
    """A pax record: its length in bytes, which counts its own digits, then `key=value`."""
    body = b" %s=%s\n" % (key, value)
    length = len(body) + len(str(len(body)))
    return b"%d%s" % (len(body) + len(str(length)), body)


def _header(name: bytes, link: bytes, entry: Entry) -> bytes:
    """A ustar header (POSIX.1-2017, pax)."""
    numbers = (entry.mode, entry.uid, entry.gid, len(entry.data), entry.mtime)
    start = name.ljust(100, b"\0") + b"%07o\0%07o\0%07o\0%011o\0%011o\0" % numbers
    rest = entry.type + link.ljust(100, b"\0") + b"ustar\x0000" + bytes(64)
    rest += b"0000000\x000000000\0" + bytes(167)
    return start + b"%06o\0 " % (sum(start) + sum(rest) + 8 * 32) + rest
