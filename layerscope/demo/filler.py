"""Contents that nobody reads: machine code, compressed data, pictures, compiled files.

Each begins as the real thing does, and follows from its name alone.
"""

from __future__ import annotations

import struct
from binascii import crc32
from functools import lru_cache
from zlib import adler32

from layerscope.demo.dice import Dice, noise, words

_INSTRUCTIONS = tuple(
    bytes.fromhex(code)
    for code in words(
        "55 4889e5 4157 4156 4155 4154 53 4883ec18 4883c418 5b 5d 415c 415d c3 90 31c0 4885c0 "
        "0f84b8000000 0f8576010000 7408 7512 eb0a e8c4f3ffff e85b0b0000 488b4508 488b5310 "
        "488d3d 488d3511 48894424 4c89e7 4889df be01000000 ba10000000 660f1f440000 f30f1efa "
        "ff2502 83f801 4839d8 0fb607 0fb64c24 c1e004 4c8b6f20 ffd0 4531e4 00000000 4c8d05"
    )
)


@lru_cache(maxsize=1)
def _machine_code() -> bytes:
    """A stretch of code that every program shows a part of."""
    order = noise("machine code", 1 << 16)
    return b"".join([_INSTRUCTIONS[byte % len(_INSTRUCTIONS)] for byte in order])


def _code(name: str, size: int) -> bytes:
    """`size` bytes of machine code, from a place that `name` decides."""
    pool = _machine_code()
    start = Dice(name).below(1 << 16)
    turned = pool[start:] + pool[:start]
    return (turned * (size // len(turned) + 1))[:size]


_LOADER = b"/lib64/ld-linux-x86-64.so.2\0".ljust(64, b"\0")
_ENDING = b"GCC: (Debian 12.2.0-14) 12.2.0\0\0.shstrtab\0.interp\0.dynsym\0.dynstr\0.text\0"
_SYMBOLS = b"\0__libc_start_main\0__cxa_finalize\0memcpy\0strlen\0malloc\0free\0__errno_location\0"


def elf(name: str, size: int, type_: int = 3) -> bytes:
    """A program or a shared library (type 3), or an object file (type 1)."""
    head = b"\x7fELF\x02\x01\x01" + bytes(9)
    head += struct.pack(
        "<HHIQQQIHHHHHH", type_, 62, 1, 0x1060, 64, max(size - 1856, 0), 0, 64, 56, 13, 64, 29, 28
    )
    base = name.rpartition("/")[2].encode()
    intro = head + _LOADER + noise(name, 20) + _SYMBOLS + b"\0" + base + b"\0"
    return intro + _code(name, max(size - len(intro) - len(_ENDING), 0)) + _ENDING


def static_library(name: str, size: int) -> bytes:
    """An `ar` archive of object files."""
    parts, left, number = [b"!<arch>\n"], size, 0
    while left > 0:
        part = min(left, 6000 + Dice(f"{name}{number}").below(26_000))
        parts.append(_ar_member(f"part{number}.o", elf(f"{name}.{number}", part, 1)))
        left, number = left - part, number + 1
    return b"".join(parts)


def _ar_member(name: str, data: bytes) -> bytes:
    head = f"{name + '/':<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(data):<10}`\n".encode()
    return head + data + b"\n" * (len(data) % 2)


def deb(name: str, size: int) -> bytes:
    """A Debian package file."""
    xz = b"\xfd7zXZ\x00\x00\x04"
    return (
        b"!<arch>\n"
        + _ar_member("debian-binary", b"2.0\n")
        + _ar_member("control.tar.xz", xz + noise(f"{name} control", 1400))
        + _ar_member("data.tar.xz", xz + noise(name, size))
    )


def wheel(name: str, size: int) -> bytes:
    """A Python wheel, which is a zip file."""
    file = name.partition("-")[0].encode() + b"/__init__.py"
    head = b"PK\x03\x04\x14\x00\x00\x00\x08\x00\x00\x00!X" + noise(name, 12)
    return head + struct.pack("<HH", len(file), 0) + file + noise(f"{name} data", size)


def stored_deflate(data: bytes) -> bytes:
    """`data` as a deflate stream that compresses nothing: the same bytes with every zlib."""
    parts = []
    for start in range(0, len(data), 65535) or (0,):
        piece = data[start : start + 65535]
        last = start + 65535 >= len(data)
        parts += [struct.pack("<BHH", last, len(piece), len(piece) ^ 0xFFFF), piece]
    return b"".join(parts)


def stored_zlib(data: bytes) -> bytes:
    """`data` as a zlib stream."""
    return b"\x78\x01" + stored_deflate(data) + struct.pack(">I", adler32(data))


def stored_gzip(data: bytes) -> bytes:
    """`data` as a gzip file."""
    head = b"\x1f\x8b\x08\0\0\0\0\0\x02\x03"
    return head + stored_deflate(data) + struct.pack("<II", crc32(data), len(data))


def png(name: str, width: int, height: int) -> bytes:
    """A picture: a slope between two colours, with a grain."""
    red, green, blue, *_ = noise(name, 8)
    grain = noise(f"{name} grain", width)
    rows = []
    for y in range(height):
        shade = y * 96 // height
        row = [((red + shade + g % 9) & 255, (green + shade) & 255, blue) for g in grain]
        rows.append(b"\0" + bytes([channel for pixel in row for channel in pixel]))
    size = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", size), (b"IDAT", stored_zlib(b"".join(rows))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", crc32(kind + body))
        for kind, body in chunks
    )


def font(name: str, size: int) -> bytes:
    """A web font."""
    return b"wOF2\x00\x01\x00\x00" + struct.pack(">I", size + 12) + noise(name, size)


def compiled(source: bytes, name: str, mtime: int) -> bytes:
    """What Python 3.11 keeps of a module in `__pycache__`."""
    head = b"\xa7\r\r\n" + struct.pack("<III", 0, mtime, len(source)) + b"\xe3" + bytes(16)
    body = _code(name, len(source) * 3 // 5)
    return head + b"\xda\x08__name__\xda\x07__doc__" + body + b"\xfa" + name.encode()


def sqlite(name: str, pages: int) -> bytes:
    """A small database."""
    head = b"SQLite format 3\0\x10\0\x01\x01\0@  " + struct.pack(">IIII", 12, pages, 0, 0)
    table = b"CREATE TABLE session (id TEXT PRIMARY KEY, cart TEXT, seen INTEGER)"
    first = head.ljust(100, b"\0") + b"\x0d" + bytes(3988 - len(table)) + table
    return first.ljust(4096, b"\0") + noise(name, 4096 * (pages - 1))


def terminfo(name: str, size: int) -> bytes:
    """A compiled description of a terminal."""
    names = name.rpartition("/")[2].encode() + b"|terminal emulator\0"
    return struct.pack("<HHHHHH", 0o432, len(names), 38, 15, 413, size) + names + noise(name, size)


def timezone(name: str) -> bytes:
    """The rules of a time zone."""
    dice = Dice(name)
    count, zone = 20 + dice.below(150), dice.pick(("CET-1CEST,M3.5.0,M10.5.0/3", "<+03>-3", "UTC0"))
    moments, kinds, moment = [], [], -2_840_140_800
    for turn in range(count):
        moment += 15_724_800 + dice.below(604_800)
        moments.append(moment)
        kinds.append(turn % 2)
    counts = struct.pack(">IIIIII", 0, 0, 0, count, 2, 8)
    types = struct.pack(">iBBiBB", 3600, 0, 0, 7200, 1, 4)
    body = struct.pack(f">{count}q", *moments) + bytes(kinds) + types + b"LMT\0STD\0"
    return b"TZif2" + bytes(39) + b"TZif2" + bytes(15) + counts + body + f"\n{zone}\n".encode()
