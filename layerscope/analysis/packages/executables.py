"""Sections and loaded bytes of executables: ELF (System V ABI, "Object Files"), PE (Microsoft's "PE Format") and Mach-O
(Apple's mach-o/loader.h).

Existing libraries for all three formats are native and large; those for one format parse far more than is needed here.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from layerscope.analysis.seekable import ContentFile

_ELF, _PE = b"\x7fELF", b"MZ"
_MACH_O = {
    b"\xfe\xed\xfa\xce": (">", False),
    b"\xfe\xed\xfa\xcf": (">", True),
    b"\xce\xfa\xed\xfe": ("<", False),
    b"\xcf\xfa\xed\xfe": ("<", True),
}
"""Byte order, and whether it is 64-bit."""
_MAX_NAMES = 1 << 20
"""Maximum bytes of the names of sections."""
_NAME_LENGTH = 32
"""Bytes of a name that are compared."""
_MAX_COMMANDS = 1 << 20
"""Maximum bytes of load commands."""
_LOAD, _EXECUTE, _WRITE = 1, 1, 2
_INITIALIZED_READ_WRITE = 0xC0000040
_ALIGNMENT = 0xF00000


def is_executable(head: bytes) -> bool:
    """Whether a file with these first bytes is an executable or a shared library."""
    return head[:4] == _ELF or head[:2] == _PE or head[:4] in _MACH_O


class _Part(Struct, frozen=True):
    """A section or segment. The file may end before it does."""

    name: bytes
    address: int
    offset: int
    size: int
    data: bool = False
    """Whether it is loaded as writable data."""


class Executable:
    """An executable with its sections and segments."""

    def __init__(self, file: ContentFile) -> None:
        """Raises ValueError or struct.error if it is not an executable, or damaged, and as `ContentFile.at` does."""
        self._file = file
        head = file.at(0, 4)
        self._segments: list[_Part] = []
        self._sections: list[_Part] = []
        if head == _ELF:
            self._read_elf()
        elif head[:2] == _PE:
            self._read_pe()
        elif head in _MACH_O:
            self._read_mach_o(*_MACH_O[head])
        else:
            raise ValueError("no executable")

    def section(self, name: bytes) -> bytes | None:
        """The content of a section; None if there is none of this name. Raises as `ContentFile.at` does."""
        for part in self._sections:
            if part.name == name:
                return self._file.at(part.offset, part.size)
        return None

    def data_address(self, *names: bytes) -> int | None:
        """The address of the first section with one of these names, otherwise of the first writable data."""
        named = (part.address for part in self._sections if part.name in names)
        data = (part.address for part in self._segments if part.data)
        return next(named, None) or next(data, None)

    def loaded(self, address: int, length: int) -> bytes:
        """The bytes of the file at an address in memory, fewer at the end of a segment. Raises as `ContentFile.at` does."""
        for part in self._segments:
            if part.address <= address < part.address + part.size:
                start = address - part.address
                return self._file.at(part.offset + start, min(length, part.size - start))
        return b""

    def _rows(self, form: str, offset: int, count: int, step: int) -> Iterator[tuple[Any, ...]]:
        """The rows of a table; fewer if the file ends before."""
        size = struct.calcsize(form)
        table = self._file.at(offset, count * step)
        if step < size:
            return
        for start in range(0, len(table) - size + 1, step):
            yield struct.unpack_from(form, table, start)

    def _read_elf(self) -> None:
        kind, order = self._file.at(4, 2)
        wide, end = kind == 2, "<" if order == 1 else ">"
        header = self._file.at(16, 48)
        _, _, _, _, programs, sections, _, _, *counts = struct.unpack_from(
            end + ("HHIQQQIHHHHHH" if wide else "HHIIIIIHHHHHH"), header
        )
        program_size, program_count, section_size, section_count, name_section = counts
        form = end + ("IIQQQQQQ" if wide else "IIIIIIII")
        for row in self._rows(form, programs, program_count, program_size):
            if wide:
                kind, flags, offset, address, _, size, _, _ = row
            else:
                kind, offset, address, _, size, _, flags, _ = row
            if kind == _LOAD:
                data = flags & (_EXECUTE | _WRITE) == _WRITE
                self._segments.append(_Part(b"", address, offset, size, data))
        form = end + ("IIQQQQ" if wide else "IIIIII")
        rows = list(self._rows(form, sections, section_count, section_size))
        if name_section >= len(rows):
            return
        names = self._file.at(rows[name_section][4], min(rows[name_section][5], _MAX_NAMES))
        for start, _, _, address, offset, size in rows:
            name = names[start : start + _NAME_LENGTH].partition(b"\0")[0]
            self._sections.append(_Part(name, address, offset, size))

    def _read_pe(self) -> None:
        (start,) = struct.unpack("<I", self._file.at(0x3C, 4))
        header = self._file.at(start, 24 + 112)
        if header[:4] != b"PE\0\0":
            raise ValueError("no executable")
        (count,) = struct.unpack_from("<H", header, 6)
        (optional,) = struct.unpack_from("<H", header, 20)
        base = 0
        if optional >= 32:
            wide = header[24:26] == b"\x0b\x02"
            (base,) = struct.unpack_from("<Q" if wide else "<I", header, 24 + (24 if wide else 28))
        for name, _, address, size, offset, _, _, _, _, flags in self._rows(
            "<8sIIIIIIHHI", start + 24 + optional, count, 40
        ):
            data = bool(address and size) and flags & ~_ALIGNMENT == _INITIALIZED_READ_WRITE
            part = _Part(name.rstrip(b"\0"), base + address, offset, size, data)
            self._segments.append(part)
            self._sections.append(part)

    def _read_mach_o(self, end: str, wide: bool) -> None:
        header = self._file.at(16, 8)
        count, size = struct.unpack(end + "II", header)
        commands = self._file.at(32 if wide else 28, min(size, _MAX_COMMANDS))
        segment = struct.Struct(end + ("16sQQQQIIII" if wide else "16sIIIIIIII"))
        section = struct.Struct(end + ("16s16sQQI" if wide else "16s16sIII"))
        step = 80 if wide else 68
        at = 0
        for _ in range(count):
            if at + 8 > len(commands):
                return
            kind, length = struct.unpack_from(end + "II", commands, at)
            if length < 8:
                return
            if kind == (0x19 if wide else 1):
                name, address, _, offset, stored, most, first, sections, _ = segment.unpack_from(
                    commands, at + 8
                )
                data = bool(address and stored) and most == first == 3
                self._segments.append(_Part(b"", address, offset, stored, data))
                start = at + 8 + segment.size
                inner = min(sections, (at + length - start) // step)
                for place in range(start, start + inner * step, step):
                    name, _, address, size, offset = section.unpack_from(commands, place)
                    self._sections.append(_Part(name.rstrip(b"\0"), address, offset, size))
            at += length
