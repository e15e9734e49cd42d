"""Rust crates of a program, which cargo-auditable stores in a section as JSON compressed by zlib (cargo-auditable's PARSING.md
and cargo-auditable.schema.json)."""

from __future__ import annotations

import zlib

import msgspec

from layerscope.analysis.packages.executables import Executable
from layerscope.analysis.packages.model import Contained, UnreadableContentError

KIND = "rust"
_SECTION = b".dep-v0"
_MAX_BYTES = 8 << 20
"""Maximum bytes of the JSON."""


class _Crate(msgspec.Struct):
    name: str
    version: str = ""
    kind: str = "runtime"
    root: bool = False


class _Audit(msgspec.Struct):
    packages: list[_Crate]


def rust_packages(program: Executable) -> list[Contained]:
    """The crate that owns the program and those that it depends on at run time; empty for a program without audit data.

    Raises `UnreadableContentError`, and as `ContentFile.at` does.
    """
    data = program.section(_SECTION)
    if not data:
        return []
    stream = zlib.decompressobj()
    try:
        text = stream.decompress(data, _MAX_BYTES)
        if not stream.eof:
            raise UnreadableContentError(
                f"its list of crates is damaged, or larger than {_MAX_BYTES:,} bytes"
            )
        audit = msgspec.json.decode(text, type=_Audit)
    except (zlib.error, msgspec.MsgspecError, UnicodeError, RecursionError):
        raise UnreadableContentError("its list of crates is damaged") from None
    roots = [crate for crate in audit.packages if crate.root][:1]
    return [
        Contained(KIND, crate.name, crate.version, owner=crate in roots)
        for crate in audit.packages
        if crate.root or crate.kind != "build"
    ]
