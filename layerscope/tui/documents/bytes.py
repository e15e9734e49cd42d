"""A content as bytes: offset, sixteen bytes in hexadecimal, and as printable characters."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable

from layerscope.tui.documents.base import MAX_MATCHES, Piece

BYTES_PER_ROW = 16
"""Bytes per row."""
_READABLE = "".join(chr(code) if 32 <= code < 127 else "." for code in range(256))
_HEX_WORDS = re.compile(r"(?:[0-9a-f]{2}[ ]?)+", re.IGNORECASE)


class BytesDocument:
    """Rows of sixteen bytes."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __len__(self) -> int:
        return -(-len(self._data) // BYTES_PER_ROW)

    def label(self, row: int) -> str:
        return f"{row * BYTES_PER_ROW:08x}"

    def pieces(self, row: int) -> list[Piece]:
        data = self._data[row * BYTES_PER_ROW : (row + 1) * BYTES_PER_ROW]
        left = data[:8].hex(" ")
        right = data[8:].hex(" ")
        readable = data.decode("latin-1").translate(_TABLE)
        return [(f"{left:<24} {right:<24} ", ""), (readable, "string")]

    def matching(self, pattern: re.Pattern[str], cancelled: Callable[[], bool]) -> list[int]:
        """Rows where a match starts: text, ignoring case, or bytes if the pattern is hexadecimal."""
        text = pattern.pattern.replace("\\", "")
        wanted = re.escape(text.encode(errors="surrogateescape"))
        if _HEX_WORDS.fullmatch(text) and len(text.replace(" ", "")) >= 4:
            wanted += b"|" + re.escape(bytes.fromhex(text.replace(" ", "")))
        rows: list[int] = []
        for match in re.finditer(wanted, self._data, re.IGNORECASE):
            row = match.start() // BYTES_PER_ROW
            at = bisect_left(rows, row)
            if at == len(rows):
                rows.append(row)
            if len(rows) >= MAX_MATCHES or (len(rows) % 1024 == 0 and cancelled()):
                break
        return rows


_TABLE = {code: _READABLE[code] for code in range(256)}
