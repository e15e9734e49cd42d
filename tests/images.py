"""Tiny images built in code: layers, docker archives and OCI layouts, the same bytes every time."""

from __future__ import annotations

import gzip
import hashlib
import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Literal, TypedDict, Unpack

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Compression = Literal["gzip", "zstd"]
"""The compression of a layer; None for a plain tar."""

CREATED = "2024-01-01T00:00:00Z"
"""The creation time of every image and step."""

BLOCK = 512
"""Bytes of a tar block."""


# --- Members of a layer ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Member:
    """A member of a layer's tar, exactly as it is written."""

    name: bytes
    type: bytes = b"0"
    data: bytes = b""
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    mtime: int | float = 0
    link: bytes = b""
    xattrs: Mapping[bytes, bytes] = field(default_factory=dict)
    device: tuple[int, int] = (0, 0)
    pax: Mapping[bytes, bytes] = field(default_factory=dict)
    """Additional PAX records; they override those that the writer makes."""

    @property
    def has_payload(self) -> bool:
        """Whether readers expect data after the header; if not, `data` sets the size field only."""
        if self.type == b"\0":
            # The oldest tars know no type for directories, only the slash.
            return not self.name.endswith(b"/")
        return self.type not in (b"1", b"2", b"3", b"4", b"5", b"6")


class Attributes(TypedDict, total=False):
    """Attributes of any kind of member."""

    mode: int
    uid: int
    gid: int
    mtime: int | float
    xattrs: Mapping[bytes, bytes]
    pax: Mapping[bytes, bytes]


def raw(name: str | bytes) -> bytes:
    """The bytes of a name."""
    return name if isinstance(name, bytes) else name.encode("utf-8", "surrogateescape")


def file(name: str | bytes, data: bytes = b"", **attributes: Unpack[Attributes]) -> Member:
    """A regular file."""
    return Member(raw(name), data=data, **attributes)


def directory(name: str | bytes, **attributes: Unpack[Attributes]) -> Member:
    """A directory; its name gets the trailing slash that tar writers add."""
    attributes.setdefault("mode", 0o755)
    return Member(raw(name).removesuffix(b"/") + b"/", b"5", **attributes)


def symlink(name: str | bytes, target: str | bytes, **attributes: Unpack[Attributes]) -> Member:
    """A symbolic link."""
    attributes.setdefault("mode", 0o777)
    return Member(raw(name), b"2", link=raw(target), **attributes)


def hardlink(name: str | bytes, target: str | bytes, **attributes: Unpack[Attributes]) -> Member:
    """A hard link to another path."""
    return Member(raw(name), b"1", link=raw(target), **attributes)


def device(
    name: str | bytes,
    major: int,
    minor: int,
    *,
    block: bool = False,
    **attributes: Unpack[Attributes],
) -> Member:
    """A character device, or a block device."""
    kind = b"4" if block else b"3"
    return Member(raw(name), kind, device=(major, minor), **attributes)


def fifo(name: str | bytes, **attributes: Unpack[Attributes]) -> Member:
    """A named pipe."""
    return Member(raw(name), b"6", **attributes)


def unknown(name: str | bytes, data: bytes = b"", **attributes: Unpack[Attributes]) -> Member:
    """A member of an unknown type."""
    return Member(raw(name), b"Z", data, **attributes)


def whiteout(path: str | bytes, **attributes: Unpack[Attributes]) -> Member:
    """The marker that removes a path of the layers below."""
    parent, slash, name = raw(path).rpartition(b"/")
    attributes.setdefault("mode", 0)
    return Member(parent + slash + b".wh." + name, **attributes)


def opaque(path: str | bytes = b"", **attributes: Unpack[Attributes]) -> Member:
    """The marker that hides all contents of a directory in lower layers; the root by default."""
    prefix = raw(path) + b"/" if path else b""
    attributes.setdefault("mode", 0)
    return Member(prefix + b".wh..wh..opq", **attributes)


def global_header(**records: bytes) -> Member:
    """A global PAX header: it is not an entry, and container engines skip it."""
    return Member(b"pax_global_header", b"g", pax={raw(key): records[key] for key in records})


# --- Layers ---------------------------------------------------------------------------------------


def layer_tar(members: Sequence[Member], *, end: bool = True) -> bytes:
    """The tar of a layer; without its end marker it stops after the last member."""
    written = b"".join(_written(member) for member in members)
    return written + bytes(2 * BLOCK) if end else written


def _written(member: Member) -> bytes:
    """The bytes of a member in a tar: PAX header if needed, header, data."""
    if member.type == b"g":
        return _extension(member.name, b"g", member.pax)
    records = _pax_records(member)
    extension = _extension(b"././@PaxHeader", b"x", records) if records else b""
    payload = _padded(member.data) if member.has_payload else b""
    return extension + _header(member) + payload


def _pax_records(member: Member) -> dict[bytes, bytes]:
    """The PAX records for values that a plain header cannot hold."""
    records: dict[bytes, bytes] = {}
    if len(member.name) > 100:
        records[b"path"] = member.name
    if len(member.link) > 100:
        records[b"linkpath"] = member.link
    for key, number in ((b"uid", member.uid), (b"gid", member.gid)):
        if not 0 <= number < 8**7:
            records[key] = b"%d" % number
    if member.mtime != int(member.mtime) or not 0 <= member.mtime < 8**11:
        # Never 1e-07: PAX knows no exponents.
        records[b"mtime"] = format(Decimal(repr(member.mtime)), "f").encode()
    for name, value in member.xattrs.items():
        records[b"SCHILY.xattr." + name] = value
    return records | dict(member.pax)


def _extension(name: bytes, kind: bytes, records: Mapping[bytes, bytes]) -> bytes:
    """A PAX header with its records."""
    payload = b"".join(_pax_record(key, value) for key, value in records.items())
    return _header(Member(name, kind, payload)) + _padded(payload)


def _pax_record(key: bytes, value: bytes) -> bytes:
    """`LENGTH KEY=VALUE`, where the length counts its own digits too."""
    rest = b" " + key + b"=" + value + b"\n"
    length = len(rest)
    while length != len(rest) + len(b"%d" % length):
        length = len(rest) + len(b"%d" % length)
    return b"%d" % length + rest


def _header(member: Member) -> bytes:
    """The header block of a member; values that do not fit are in its PAX header."""
    mtime = math.floor(member.mtime)
    fields = [
        member.name[:100].ljust(100, b"\0"),
        _octal(member.mode, 8),
        _octal(member.uid if 0 <= member.uid < 8**7 else 0, 8),
        _octal(member.gid if 0 <= member.gid < 8**7 else 0, 8),
        _octal(len(member.data), 12),
        _octal(mtime if 0 <= mtime < 8**11 else 0, 12),
        b" " * 8,  # the checksum counts itself as spaces
        member.type,
        member.link[:100].ljust(100, b"\0"),
        b"ustar\x0000",
        bytes(64),
        _octal(member.device[0], 8),
        _octal(member.device[1], 8),
    ]
    block = b"".join(fields).ljust(BLOCK, b"\0")
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def _octal(number: int, width: int) -> bytes:
    """A number field of a header."""
    if not 0 <= number < 8 ** (width - 1):
        raise ValueError(f"{number} does not fit a tar header")
    return b"%0*o\0" % (width - 1, number)


def _padded(data: bytes) -> bytes:
    """Data padded to whole blocks."""
    return data + bytes(-len(data) % BLOCK)


# --- Images ---------------------------------------------------------------------------------------


def digest(data: bytes) -> str:
    """The digest of some bytes, as images write it."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def compressed(data: bytes, how: Compression | None) -> bytes:
    """A layer as an image stores it."""
    if how == "gzip":
        return gzip.compress(data, mtime=0)
    if how == "zstd":
        return bytes(zstd.compress(data))
    return data


def image_config(
    layers: Sequence[bytes],
    *,
    history: Sequence[Mapping[str, object]] | None = None,
    config: Mapping[str, object] | None = None,
) -> bytes:
    """The config of an image of these layer tars.

    `history` is one COPY a layer unless given; `config` holds keys that replace the default ones.
    """
    if history is None:
        history = [
            {"created": CREATED, "created_by": f"COPY layer{index} /"}
            for index in range(len(layers))
        ]
    document: dict[str, object] = {
        "architecture": "amd64",
        "os": "linux",
        "created": CREATED,
        "config": {"Env": ["PATH=/usr/bin:/bin"], "Cmd": ["sh"], "WorkingDir": "/"},
        "rootfs": {"type": "layers", "diff_ids": [digest(layer) for layer in layers]},
    }
    if history:
        document["history"] = list(history)
    return _json(document | dict(config or {}))


def docker_files(
    layers: Sequence[bytes],
    *,
    history: Sequence[Mapping[str, object]] | None = None,
    config: Mapping[str, object] | None = None,
    tags: Sequence[str] = ("demo:latest",),
    compress: Compression | None = None,
) -> dict[str, bytes]:
    """The files of a docker archive, by their names in it."""
    files: dict[str, bytes] = {}
    paths: list[str] = []
    identifier = ""
    for layer in layers:
        # As in a chain ID, the layers below count: the same layer listed twice has two directories.
        identifier = hashlib.sha256(f"{identifier} {digest(layer)}".encode()).hexdigest()
        paths.append(f"{identifier}/layer.tar")
        files[f"{identifier}/VERSION"] = b"1.0"
        files[f"{identifier}/json"] = _json({"id": identifier, "created": CREATED})
        files[f"{identifier}/layer.tar"] = compressed(layer, compress)
    document = image_config(layers, history=history, config=config)
    name = digest(document).removeprefix("sha256:") + ".json"
    files[name] = document
    item = {"Config": name, "RepoTags": list(tags) or None, "Layers": paths}
    files["manifest.json"] = _json([item])
    if tags and layers:
        repositories: dict[str, dict[str, str]] = {}
        for tag in tags:
            repository, _, version = tag.rpartition(":")
            repositories.setdefault(repository, {})[version] = identifier
        files["repositories"] = _json(repositories)
    return files


def docker_archive(
    layers: Sequence[bytes],
    *,
    history: Sequence[Mapping[str, object]] | None = None,
    config: Mapping[str, object] | None = None,
    tags: Sequence[str] = ("demo:latest",),
    compress: Compression | None = None,
    link_repeats: bool = False,
) -> bytes:
    """An image as `docker save` wrote it up to Docker 24.

    With `link_repeats`, a layer that is listed again is a symlink to its first listing.
    """
    files = docker_files(layers, history=history, config=config, tags=tags, compress=compress)
    links: dict[str, str] = {}
    if link_repeats:
        first: dict[bytes, str] = {}
        for name, data in files.items():
            if name.endswith("/layer.tar") and first.setdefault(data, name) != name:
                links[name] = "../" + first[data]
    return archive(files, links=links)


def oci_files(
    layers: Sequence[bytes],
    *,
    compress: Compression | None = "gzip",
    history: Sequence[Mapping[str, object]] | None = None,
    config: Mapping[str, object] | None = None,
    tags: Sequence[str] = ("demo:latest",),
) -> dict[str, bytes]:
    """The files of an OCI layout, by their paths in it."""
    blobs: dict[str, bytes] = {}

    def descriptor(media_type: str, data: bytes) -> dict[str, object]:
        """Store a blob and describe it."""
        blobs["blobs/" + digest(data).replace(":", "/")] = data
        return {"mediaType": media_type, "digest": digest(data), "size": len(data)}

    layer_type = "application/vnd.oci.image.layer.v1.tar" + (f"+{compress}" if compress else "")
    config_type = "application/vnd.oci.image.config.v1+json"
    manifest_type = "application/vnd.oci.image.manifest.v1+json"
    document = image_config(layers, history=history, config=config)
    manifest = {
        "schemaVersion": 2,
        "mediaType": manifest_type,
        "config": descriptor(config_type, document),
        "layers": [descriptor(layer_type, compressed(layer, compress)) for layer in layers],
    }
    image = descriptor(manifest_type, _json(manifest))
    index = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [image | {"annotations": _annotations(tag)} for tag in tags] or [image],
    }
    return dict(sorted(blobs.items())) | {
        "index.json": _json(index),
        "oci-layout": _json({"imageLayoutVersion": "1.0.0"}),
    }


def _annotations(tag: str) -> dict[str, str]:
    """How an OCI index names an image."""
    repository, _, version = tag.rpartition(":")
    full = tag if "/" in repository else f"docker.io/library/{tag}"
    return {"io.containerd.image.name": full, "org.opencontainers.image.ref.name": version}


def oci_archive(
    layers: Sequence[bytes],
    *,
    compress: Compression | None = "gzip",
    history: Sequence[Mapping[str, object]] | None = None,
    config: Mapping[str, object] | None = None,
    tags: Sequence[str] = ("demo:latest",),
) -> bytes:
    """An OCI layout in a tar."""
    return archive(oci_files(layers, compress=compress, history=history, config=config, tags=tags))


def oci_directory(
    path: Path,
    layers: Sequence[bytes],
    *,
    compress: Compression | None = "gzip",
    history: Sequence[Mapping[str, object]] | None = None,
    config: Mapping[str, object] | None = None,
    tags: Sequence[str] = ("demo:latest",),
) -> Path:
    """An OCI layout in a directory."""
    files = oci_files(layers, compress=compress, history=history, config=config, tags=tags)
    for name, data in files.items():
        write(path / name, data)
    return path


def archive(files: Mapping[str, bytes], *, links: Mapping[str, str] | None = None) -> bytes:
    """A tar of files, with their directories first; those in `links` are symlinks."""
    members: list[Member] = []
    made: set[Path] = set()
    for name, data in files.items():
        for parent in reversed(Path(name).parents[:-1]):
            if parent not in made:
                made.add(parent)
                members.append(directory(str(parent)))
        target = (links or {}).get(name)
        members.append(file(name, data) if target is None else symlink(name, target))
    return layer_tar(members)


def write(path: Path, data: bytes) -> Path:
    """Write bytes to a file; its directory is created."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def _json(document: object) -> bytes:
    """A document as images hold it."""
    return json.dumps(document, separators=(",", ":"), sort_keys=True).encode()
