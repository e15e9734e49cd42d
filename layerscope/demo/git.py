"""A Git repository with a real history, laid out the way `git clone` leaves it."""

from __future__ import annotations

import struct
from binascii import crc32
from hashlib import sha1
from typing import NamedTuple

from layerscope.demo.dates import CHECKOUT_TIME
from layerscope.demo.filler import stored_zlib
from layerscope.demo.shop_texts import GIT_CONFIG

_AUTHOR = "Robin Example <robin@example.com>"
_DAY = 86_400
_KINDS = {"commit": 1, "tree": 2, "blob": 3}

Objects = dict[bytes, tuple[str, bytes]]
"""Objects by their digests: what kind each is, and what it holds."""


class Commit(NamedTuple):
    """A commit: its message, and every file as it stood then."""

    message: str
    files: dict[str, bytes]


def repository(commits: list[Commit]) -> dict[str, bytes]:
    """The files of `.git` after `commits`."""
    objects: Objects = {}
    log, parent = [], ""
    for number, commit in enumerate(commits):
        when = CHECKOUT_TIME - (len(commits) - number) * 3 * _DAY
        tree = _tree(objects, commit.files).hex()
        lines = [f"tree {tree}", *([f"parent {parent}"] if parent else [])]
        lines += [f"author {_AUTHOR} {when} +0000", f"committer {_AUTHOR} {when} +0000"]
        text = "\n".join([*lines, "", commit.message, ""])
        before, parent = parent or "0" * 40, _store(objects, "commit", text.encode()).hex()
        log.append(f"{before} {parent} {_AUTHOR} {when} +0000\tcommit: {commit.message}\n")
    pack, index = _pack(objects)
    name = f"objects/pack/pack-{pack[-20:].hex()}"
    texts = {
        "HEAD": "ref: refs/heads/main\n",
        "config": GIT_CONFIG,
        "description": "Unnamed repository; edit this file to name the repository.\n",
        "hooks/pre-commit": "#!/bin/sh\nexec ruff check --quiet\n",
        "info/exclude": "# Paths that Git ignores here only.\n",
        "logs/HEAD": "".join(log),
        "logs/refs/heads/main": "".join(log[1:]),
        "packed-refs": f"# pack-refs with: peeled fully-peeled sorted\n{parent} refs/tags/v1.4.2\n",
        "refs/heads/main": f"{parent}\n",
    }
    files = {path: text.encode() for path, text in texts.items()}
    return files | {f"{name}.pack": pack, f"{name}.idx": index}


def _store(objects: Objects, kind: str, body: bytes) -> bytes:
    """Add an object; return its digest."""
    data = f"{kind} {len(body)}\0".encode() + body
    digest = sha1(data, usedforsecurity=False).digest()
    objects[digest] = (kind, body)
    return digest


def _tree(objects: Objects, files: dict[str, bytes]) -> bytes:
    """Add the tree of a directory and of all below it; return its digest."""
    below: dict[str, dict[str, bytes]] = {}
    rows: list[tuple[str, bytes]] = []
    for path, data in files.items():
        first, slash, rest = path.partition("/")
        if slash:
            below.setdefault(first, {})[rest] = data
        else:
            digest = _store(objects, "blob", data)
            rows.append((first, f"100644 {first}\0".encode() + digest))
    for first, inside in below.items():
        digest = _tree(objects, inside)
        rows.append((f"{first}/", f"40000 {first}\0".encode() + digest))
    return _store(objects, "tree", b"".join(row for _, row in sorted(rows)))


def _pack(objects: Objects) -> tuple[bytes, bytes]:
    """All objects in one pack, and the index that finds them in it."""
    parts, at = [struct.pack(">4sII", b"PACK", 2, len(objects))], 12
    found = []
    for digest, (kind, body) in objects.items():
        packed = _packed_head(_KINDS[kind], len(body)) + stored_zlib(body)
        found.append((digest, crc32(packed), at))
        parts.append(packed)
        at += len(packed)
    parts.append(_sum(parts))
    found.sort()
    fan = [sum(digest[0] <= first for digest, _, _ in found) for first in range(256)]
    index = [
        b"\xfftOc" + struct.pack(">I256I", 2, *fan),
        *(digest for digest, _, _ in found),
        *(struct.pack(">I", check) for _, check, _ in found),
        *(struct.pack(">I", place) for _, _, place in found),
        parts[-1],
    ]
    return b"".join(parts), b"".join([*index, _sum(index)])


def _packed_head(kind: int, size: int) -> bytes:
    """The kind and size of an object in a pack: seven bits a byte, four in the first."""
    head, size = [kind << 4 | size & 15], size >> 4
    while size:
        head[-1] |= 128
        head.append(size & 127)
        size >>= 7
    return bytes(head)


def _sum(parts: list[bytes]) -> bytes:
    return sha1(b"".join(parts), usedforsecurity=False).digest()
