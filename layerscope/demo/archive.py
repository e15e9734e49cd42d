"""Tar members, and the archive that `docker save` makes of layers and a config.

The headers are written here and not by `tarfile`, which is slower and may change its mind between
two versions of Python.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, BinaryIO, NamedTuple

DEMO_REFERENCE = "flask-demo:latest"

BLOCK = 512
END = bytes(2 * BLOCK)


class Header(NamedTuple):
    """What a tar header says about a member."""

    name: str
    size: int
    mode: int
    mtime: int
    type: bytes = b"0"
    uid: int = 0
    gid: int = 0
    link: str = ""
    xattrs: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of the history: an instruction, and the layer that it wrote, if any."""

    created: str
    created_by: str
    layer: bytes | None = None
    comment: str = ""
    config: dict[str, Any] = field(default_factory=dict)
    """What the instruction sets in the image's config."""


def member(header: Header, data: bytes) -> list[bytes]:
    """The blocks of one member: header, content, padding."""
    records = [("SCHILY.xattr." + name, value) for name, value in header.xattrs]
    name, link = header.name.encode(), header.link.encode()
    prefix, short = _split(name)
    if short is None or not header.name.isascii():
        records.append(("path", name))
        prefix, short = b"", name[:100]
    if len(link) > 100 or not header.link.isascii():
        records.append(("linkpath", link))
        link = link[:100]
    parts = []
    if records:
        pax = b"".join(_record(key, value) for key, value in records)
        base = name.rstrip(b"/").rpartition(b"/")[2][:80]
        plain = Header("", len(pax), 0o644, header.mtime, b"x")
        parts += [_block(plain, b"PaxHeaders.0/" + base, b"", b""), pax, _padding(len(pax))]
    parts.append(_block(header, short, prefix, link))
    if data:
        parts += [data, _padding(len(data))]
    return parts


def _split(name: bytes) -> tuple[bytes, bytes | None]:
    """A name as prefix and rest, the way ustar stores it; None when it does not fit."""
    if len(name) <= 100:
        return b"", name
    cut = name.find(b"/", len(name) - 101)
    if 0 < cut <= 155 and cut < len(name) - 1:
        return name[:cut], name[cut + 1 :]
    return b"", None


def _record(key: str, value: bytes) -> bytes:
    """A PAX record, which begins with its own length."""
    body = b" " + key.encode() + b"=" + value + b"\n"
    length = len(body) + 1
    while length != len(body) + len(str(length)):
        length = len(body) + len(str(length))
    return str(length).encode() + body


def _block(header: Header, name: bytes, prefix: bytes, link: bytes) -> bytes:
    """One ustar header."""
    numbers = (header.mode, header.uid, header.gid, header.size, header.mtime)
    start = name.ljust(100, b"\0") + b"%07o\0%07o\0%07o\0%011o\0%011o\0" % numbers
    rest = header.type + link.ljust(100, b"\0") + b"ustar\x0000" + bytes(64)
    rest += b"0000000\x000000000\0" + prefix.ljust(167, b"\0")
    return start + b"%06o\0 " % (sum(start) + sum(rest) + 8 * 32) + rest


def _padding(size: int) -> bytes:
    return bytes(-size % BLOCK)


def write_archive(stream: BinaryIO, steps: Iterable[Step]) -> None:
    """Write the image of `steps`, one layer at a time; its config and manifest come last."""
    identity, layers, done = "", [], []
    for step in steps:
        done.append(step)
        if step.layer is None:
            continue
        diff_id = sha256(step.layer).hexdigest()
        identity = sha256(f"{identity} {diff_id}".encode()).hexdigest()
        layers.append((identity, diff_id))
        _write_directory(stream, identity)
        _write_file(stream, f"{identity}/VERSION", b"1.0")
        _write_file(stream, f"{identity}/layer.tar", step.layer)
    config = _json(_config(done, [diff_id for _, diff_id in layers]))
    config_name = sha256(config).hexdigest() + ".json"
    _write_file(stream, config_name, config)
    manifest = {
        "Config": config_name,
        "RepoTags": [DEMO_REFERENCE],
        "Layers": [f"{each}/layer.tar" for each, _ in layers],
    }
    _write_file(stream, "manifest.json", _json([manifest]))
    repository, _, tag = DEMO_REFERENCE.partition(":")
    _write_file(stream, "repositories", _json({repository: {tag: identity}}))
    stream.write(END)


def _config(steps: list[Step], diff_ids: list[str]) -> dict[str, Any]:
    """The image config: what the steps set, and what they were."""
    settings: dict[str, Any] = {}
    history = []
    for step in steps:
        settings.update(step.config)
        entry: dict[str, Any] = {"created": step.created, "created_by": step.created_by}
        if step.comment:
            entry["comment"] = step.comment
        if step.layer is None:
            entry["empty_layer"] = True
        history.append(entry)
    return {
        "architecture": "amd64",
        "config": settings,
        "created": steps[-1].created,
        "history": history,
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{each}" for each in diff_ids]},
    }


def _json(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def _write_directory(stream: BinaryIO, name: str) -> None:
    stream.write(b"".join(member(Header(f"{name}/", 0, 0o755, _EPOCH, b"5"), b"")))


def _write_file(stream: BinaryIO, name: str, data: bytes) -> None:
    for part in member(Header(name, len(data), 0o644, _EPOCH), data):
        stream.write(part)


_EPOCH = 0
"""`docker save` dates its own files to the start of 1970."""
