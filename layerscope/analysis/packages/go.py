"""Go modules of a program, which the linker stores for `go version -m` (Go's debug/buildinfo and cmd/go/internal/modload,
"infoStart")."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from layerscope.analysis.packages.executables import Executable
from layerscope.analysis.packages.model import Contained

KIND = "go"
_MAGIC = b"\xff Go buildinf:"
_ALIGNMENT = 16
_HEADER = 32
_INLINE = 2
"""The flag of Go 1.18 and later: both strings follow the header, instead of pointers to them."""
_MAX_SEARCHED = 1 << 20
"""Maximum bytes of the data that are searched: the build info is at its beginning, or in a separate section."""
_MAX_LENGTH = 4 << 20
"""Maximum bytes of both strings: a line for each module and each build setting."""
_FRAME = 16
"""Bytes before and after the lines."""


def go_packages(program: Executable) -> list[Contained]:
    """The main module, which owns the program, Go's standard library and the modules that it depends on; empty for a program
    without them. Raises as `ContentFile.at` does."""
    version, text = _build_info(program)
    if not version.startswith("go") and not text:
        return []
    modules = list(_modules(text))
    library = version.removeprefix("go").partition(" ")[0]
    if library:
        modules.append(Contained(KIND, "stdlib", library))
    return modules


def _build_info(program: Executable) -> tuple[str, str]:
    """Go's version, and the lines about modules; empty if missing."""
    address = program.data_address(b".go.buildinfo", b"__go_buildinfo")
    if address is None:
        return "", ""
    data = program.loaded(address, _MAX_SEARCHED)
    at = data.find(_MAGIC)
    while at % _ALIGNMENT and at >= 0:
        at = data.find(_MAGIC, at + 1)
    header = data[at : at + _HEADER] if at >= 0 else b""
    if len(header) < _HEADER:
        return "", ""
    width, flags = header[14], header[15]
    if flags & _INLINE:
        both = program.loaded(address + at + _HEADER, _MAX_LENGTH)
        version, after = _string_after_length(both, 0)
        lines, _ = _string_after_length(both, after)
    else:
        pointer = (">" if flags else "<") + ("I" if width == 4 else "Q")
        size = struct.calcsize(pointer)
        version, lines = (
            _string_at(program, pointer, struct.unpack_from(pointer, header, 16 + place)[0])
            for place in (0, size)
        )
    framed = len(lines) > 2 * _FRAME and lines[-_FRAME - 1 : -_FRAME] == b"\n"
    return _text(version), _text(lines[_FRAME:-_FRAME] if framed else b"")


def _string_after_length(data: bytes, at: int) -> tuple[bytes, int]:
    """The string after its length as a varint, and the position of its end; empty if it is truncated."""
    length = shift = 0
    for place in range(at, min(at + 10, len(data))):
        length |= (data[place] & 0x7F) << shift
        shift += 7
        if data[place] < 0x80:
            end = place + 1 + length
            return (data[place + 1 : end], end) if end <= len(data) else (b"", len(data))
    return b"", len(data)


def _string_at(program: Executable, pointer: str, address: int) -> bytes:
    """The Go string whose header is at an address."""
    header = program.loaded(address, 2 * struct.calcsize(pointer))
    if len(header) < 2 * struct.calcsize(pointer):
        return b""
    start, length = struct.unpack(pointer[0] + 2 * pointer[1], header)
    return program.loaded(start, length) if length <= _MAX_LENGTH else b""


def _modules(text: str) -> Iterator[Contained]:
    """The modules of the lines, the main one first. A replacement (`=>`) takes the place of the module before it."""
    path, main = "", None
    modules: list[tuple[str, str]] = []
    for line in text.split("\n"):
        word, _, fields = line.partition("\t")
        name, _, after = fields.partition("\t")
        module = name, after.partition("\t")[0].replace("(devel)", "")
        if word == "path":
            path = fields
        elif word == "mod":
            main = module
        elif word == "dep":
            modules.append(module)
        elif word == "=>" and modules:
            # Replaced by a directory, which has no version, the module keeps its name.
            modules[-1] = module if module[1] else modules[-1]
    main = main or ((path, "") if path else None)
    if main is not None:
        yield Contained(KIND, *main, owner=True)
    for name, version in modules:
        yield Contained(KIND, name, version)


def _text(data: bytes) -> str:
    return data.decode(errors="surrogateescape")
