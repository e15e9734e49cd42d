"""rpm's databases, built with the layouts of rpm and Berkeley DB; `test_packages.py` has the SQLite one."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Mapping, Sequence

from tests.analysis.packages.test_packages import database

PAGE_HEADER = 26


def ndb(*blobs: bytes, pages: int = 1, gap: int = 1) -> bytes:
    """`Packages.db`: pages of slots, then the blobs; `gap` slots are free between two used ones."""
    slots = pages * 4096 // 16
    table = bytearray(struct.pack("<4sIIIIIII", b"RpmP", 0, 7, pages, len(blobs) + 1, 0, 0, 0))
    table += struct.pack("<4sIII", b"Slot", 0, 0, 0) * (slots - 2)
    stored = b""
    for number, blob in enumerate(blobs):
        package, block = number + 1, slots + len(stored) // 16
        head = struct.pack("<4sIII", b"BlbS", package, 1_700_000_000, len(blob)) + blob
        head += bytes(-(len(head) + 12) % 16)
        whole = head + struct.pack("<II4s", zlib.adler32(head), len(blob), b"BlbE")
        slot = 2 + number * (1 + gap)
        table[16 * slot : 16 * slot + 16] = struct.pack(
            "<4sIII", b"Slot", package, block, len(whole) // 16
        )
        stored += whole
    return bytes(table) + stored


def bdb(*blobs: bytes, size: int = 4096, order: str = "<", unsorted: bool = False) -> bytes:
    """`Packages`: a hash whose pages hold as many pairs as fit; large values are on separate pages."""
    pages: list[bytearray] = []
    overflow: list[bytearray] = []
    kind = 2 if unsorted else 13
    items = [(0, struct.pack(f"{order}I", len(blobs))), *enumerate(blobs, 1)]
    spilled: list[tuple[bytearray, int, bytes]] = []

    def new(kind: int) -> bytearray:
        return bytearray(bytes(25) + bytes([kind]) + bytes(size - PAGE_HEADER))

    page, count, end = new(kind), 0, size
    for key, value in items:
        large = len(value) > size // 4
        stored = bytes(12) if large else b"\x01" + value
        if end - 5 - len(stored) < PAGE_HEADER + 2 * (count + 2):
            pages.append(page)
            page, count, end = new(kind), 0, size
        at_key = end - 5
        at_value = at_key - len(stored)
        page[at_key:end] = b"\x01" + struct.pack(f"{order}I", key)
        page[at_value:at_key] = stored
        struct.pack_into(f"{order}HH", page, PAGE_HEADER + 2 * count, at_key, at_value)
        count, end = count + 2, at_value
        struct.pack_into(f"{order}HH", page, 20, count, end)
        if large:
            spilled.append((page, at_value, value))
    pages.append(page)
    room = size - PAGE_HEADER
    for page, at_value, value in spilled:
        first = 1 + len(pages) + len(overflow)
        struct.pack_into(f"{order}BxxxII", page, at_value, 3, first, len(value))
        for start in range(0, len(value), room):
            piece = value[start : start + room]
            more = new(7)
            more[PAGE_HEADER : PAGE_HEADER + len(piece)] = piece
            following = first + start // room + 1 if start + room < len(value) else 0
            struct.pack_into(f"{order}IHH", more, 16, following, 1, len(piece))
            overflow.append(more)
    meta = new(8)
    struct.pack_into(f"{order}III", meta, 12, 0x061561, 9, size)
    struct.pack_into(f"{order}I", meta, 32, len(pages) + len(overflow))
    whole = [meta, *pages, *overflow]
    for number, each in enumerate(whole):
        struct.pack_into(f"{order}I", each, 8, number)
    return b"".join(whole)


DATABASES: Mapping[str, Callable[..., bytes]] = {
    "rpmdb.sqlite": database,
    "Packages.db": ndb,
    "Packages": bdb,
}
"""What makes each, by the name of its file."""


def dumped(blobs: Sequence[bytes], size: int, order: str) -> bytes:
    """The input for `db_load`, which creates `Packages`."""
    number = {"<": 1234, ">": 4321}[order]
    head = f"VERSION=3\nformat=bytevalue\ntype=hash\ndb_pagesize={size}\ndb_lorder={number}\nHEADER=END\n"
    items = [(0, struct.pack(f"{order}I", len(blobs))), *enumerate(blobs, 1)]
    lines = (f" {struct.pack(f'{order}I', key).hex()}\n {value.hex()}\n" for key, value in items)
    return (head + "".join(lines) + "DATA=END\n").encode()
