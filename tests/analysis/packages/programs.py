"""Tiny programs and Java archives built in code, with only the parts that package readers use."""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from typing import Literal

ADDRESS = 0x500000
"""Where the data of every program is loaded."""
_DATA = 0x200
"""Where they lie in the file."""
_FRAMES = (
    bytes.fromhex("3077af0c9274080241e1c107e6d618e6"),
    bytes.fromhex("f932433186182072008242104116d8f2"),
)
"""What Go puts around the lines about modules."""
MODULES = """path\texample.com/app/cmd/server
mod\texample.com/app\tv1.2.3\th1:x=
dep\tgithub.com/pkg/errors\tv0.9.1\th1:y=
dep\texample.com/old\tv0.1.0
=>\texample.com/fork\tv0.2.0\th1:z=
dep\texample.com/local\tv0.3.0
=>\t../local\t
build\tCGO_ENABLED=0
"""
PADDING = 8192
"""Bytes after each program: real ones are not tiny."""

Form = Literal["elf64", "elf32", "elf64-big", "pe32", "pe64", "macho32", "macho64"]
FORMS: tuple[Form, ...] = ("elf64", "elf32", "elf64-big", "pe32", "pe64", "macho32", "macho64")


def program(
    data: bytes = b"",
    sections: Mapping[str, bytes] | None = None,
    *,
    form: Form = "elf64",
    named: str = "",
) -> bytes:
    """A program with this writable data, and with sections that are not loaded; `named` is a section that contains the data."""
    parts = [(named, _DATA, len(data), ADDRESS)] if named else []
    body = data
    for name, content in (sections or {}).items():
        parts.append((name, _DATA + len(body), len(content), 0))
        body += content
    build = _elf if form.startswith("elf") else _pe if form.startswith("pe") else _mach_o
    return build(form, body, len(data), parts) + bytes(PADDING)


_Parts = Sequence[tuple[str, int, int, int]]
"""Name, offset, size, address."""


def _elf(form: Form, body: bytes, loaded: int, parts: _Parts) -> bytes:
    end, wide = (">" if "big" in form else "<"), "64" in form
    names = b"\0" + b"".join(name.encode() + b"\0" for name, *_ in parts) + b".shstrtab\0"
    table = _DATA + len(body) + len(names)
    rows = [
        (0, 0, 0, 0),
        *(
            (names.index(b"\0" + name.encode() + b"\0") + 1, at, size, address)
            for name, at, size, address in parts
        ),
    ]
    rows.append((names.index(b".shstrtab"), _DATA + len(body), len(names), 0))
    ident = b"\x7fELF" + bytes([2 if wide else 1, 2 if end == ">" else 1, 1]) + bytes(9)
    start = 64 if wide else 52
    sizes = (start, 56 if wide else 32, 1, 64 if wide else 40, len(rows), len(rows) - 1)
    header = struct.pack(
        end + ("HHIQQQIHHHHHH" if wide else "HHIIIIIHHHHHH"),
        2,
        62,
        1,
        ADDRESS,
        start,
        table,
        0,
        *sizes,
    )
    if wide:
        segment = struct.pack(end + "IIQQQQQQ", 1, 6, _DATA, ADDRESS, ADDRESS, loaded, loaded, 16)
    else:
        segment = struct.pack(end + "IIIIIIII", 1, _DATA, ADDRESS, ADDRESS, loaded, loaded, 6, 16)
    form_of_row = end + ("IIQQQQIIQQ" if wide else "IIIIIIIIII")
    sections = b"".join(
        struct.pack(form_of_row, name, 1, 0, address, at, size, 0, 0, 1, 0)
        for name, at, size, address in rows
    )
    return (ident + header + segment).ljust(_DATA, b"\0") + body + names + sections


def _pe(form: Form, body: bytes, loaded: int, parts: _Parts) -> bytes:
    wide = form == "pe64"
    rows = [
        (b".data", _DATA, loaded, 0xC0000040),
        *((name.encode(), at, size, 0x42000000) for name, at, size, _ in parts if name != ".data"),
    ]
    optional = (
        struct.pack("<H22xQ", 0x20B, ADDRESS - 0x1000)
        if wide
        else struct.pack("<H26xI", 0x10B, ADDRESS - 0x1000)
    )
    header = b"PE\0\0" + struct.pack("<HHIIIHH", 0x8664, len(rows), 0, 0, 0, len(optional), 0)
    table = b"".join(
        struct.pack("<8sIIIIIIHHI", name, size, 0x1000 * number, size, at, 0, 0, 0, 0, flags)
        for number, (name, at, size, flags) in enumerate(rows, 1)
    )
    return (b"MZ".ljust(0x3C, b"\0") + struct.pack("<I", 64) + header + optional + table).ljust(
        _DATA, b"\0"
    ) + body


def _mach_o(form: Form, body: bytes, loaded: int, parts: _Parts) -> bytes:
    wide = form == "macho64"
    rows = b""
    for name, at, size, address in parts:
        row = struct.pack(
            "<16s16sQQI" if wide else "<16s16sIII", name.encode(), b"__DATA", address, size, at
        )
        rows += row.ljust(80 if wide else 68, b"\0")
    segment = struct.pack(
        "<16sQQQQIIII" if wide else "<16sIIIIIIII",
        b"__DATA",
        ADDRESS,
        loaded,
        _DATA,
        loaded,
        3,
        3,
        len(parts),
        0,
    )
    command = struct.pack("<II", 0x19 if wide else 1, 8 + len(segment) + len(rows)) + segment + rows
    magic = b"\xcf\xfa\xed\xfe" if wide else b"\xce\xfa\xed\xfe"
    header = (
        magic + struct.pack("<IIIIII", 7, 3, 2, 1, len(command), 0) + (bytes(4) if wide else b"")
    )
    return (header + command).ljust(_DATA, b"\0") + body


def go_data(modules: str = MODULES, version: str = "go1.22.1") -> bytes:
    """Data with build information as Go 1.18 and later write it."""
    lines = framed(modules)
    strings = b"".join(_varint(len(text)) + text for text in (version.encode(), lines))
    return b"\xff Go buildinf:\x08\x02" + bytes(16) + strings


def old_go_data(
    modules: str = MODULES, version: str = "go1.16.7", *, width: int = 8, big: bool = False
) -> bytes:
    """Data with build information of older Go versions: pointers to string headers."""
    end = (">" if big else "<") + ("Q" if width == 8 else "I")
    texts = (version.encode(), framed(modules))
    headers = ADDRESS + 32
    first = headers + 4 * width
    header = b"\xff Go buildinf:" + bytes([width, big])
    header += struct.pack(end[0] + 2 * end[1], headers, headers + 2 * width)
    strings = struct.pack(
        end[0] + 4 * end[1], first, len(texts[0]), first + len(texts[0]), len(texts[1])
    )
    return header.ljust(32, b"\0") + strings + b"".join(texts)


def framed(modules: str) -> bytes:
    """Lines about modules between Go's frame bytes."""
    return _FRAMES[0] + modules.encode(errors="surrogateescape") + _FRAMES[1]


def _varint(number: int) -> bytes:
    found = b""
    while number > 0x7F:
        found += bytes([number & 0x7F | 0x80])
        number >>= 7
    return found + bytes([number])


CRATES: list[dict[str, object]] = [
    {"name": "libc", "version": "0.2.150", "source": "crates.io"},
    {"name": "cc", "version": "1.0.83", "source": "crates.io", "kind": "build"},
    {"name": "tool", "version": "0.5.0", "source": "local", "root": True, "dependencies": [0, 1]},
]


def rust_section(crates: Sequence[Mapping[str, object]] = CRATES) -> dict[str, bytes]:
    """The section that cargo-auditable adds."""
    return {".dep-v0": zlib.compress(json.dumps({"packages": crates}).encode())}


def jar(members: Mapping[str, bytes | str], *, stored: bool = False) -> bytes:
    """A Java archive of these members."""
    out = io.BytesIO()
    with zipfile.ZipFile(
        out, "w", zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
    ) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, archive.compression)
    return out.getvalue()


def pom(group: str, artifact: str, version: str) -> dict[str, bytes | str]:
    """The member in which Maven names an artifact."""
    text = f"#Generated\ngroupId={group}\nartifactId={artifact}\nversion={version}\n"
    return {f"META-INF/maven/{group}/{artifact}/pom.properties": text}
