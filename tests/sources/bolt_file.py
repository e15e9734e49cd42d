"""bbolt databases, written in code: every bucket inline, or on pages of its own."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import TypeAlias

from layerscope.sources.bbolt import MAGIC, VERSION, fnv1a

Values: TypeAlias = Mapping[bytes, "bytes | Values"]
PAGE = 4096


class BoltFile:
    """A database of one transaction."""

    def __init__(self, values: Values, *, paged: bool = False, page: int = PAGE) -> None:
        """With `paged`, each bucket is a branch over leaf pages of two keys."""
        self._page = page
        self._paged = paged
        self._pages: list[bytes] = []
        root = self._tree(values)
        body = b"".join(self._pages)
        self.data = self._meta(0, root, 1) + self._meta(1, root, 2) + body

    def _meta(self, number: int, root: int, transaction: int) -> bytes:
        unused = 2 + len(self._pages)
        fields = struct.pack(
            "<IIIIQQQQQ", MAGIC, VERSION, self._page, 0, root, 0, 2, unused, transaction
        )
        header = struct.pack("<QHHI", number, 4, 0, 0)
        return (header + fields + struct.pack("<Q", fnv1a(fields))).ljust(self._page, b"\0")

    def _tree(self, values: Values) -> int:
        """Store a bucket on pages; returns the number of its root page."""
        items = [(key, values[key]) for key in sorted(values)]
        step = 2 if self._paged else max(len(items), 1)
        parts = [items[at : at + step] for at in range(0, len(items), step)] or [[]]
        leaves = [self._store(2, *self._leaf(dict(part))) for part in parts]
        if len(leaves) == 1:
            return leaves[0]
        elements, keys = b"", b""
        for number, (part, leaf) in enumerate(zip(parts, leaves, strict=True)):
            position = 16 * (len(leaves) - number) + len(keys)
            elements += struct.pack("<IIQ", position, len(part[0][0]), leaf)
            keys += part[0][0]
        return self._store(1, len(leaves), elements + keys)

    def _leaf(self, values: Values) -> tuple[int, bytes]:
        """Count and body of a leaf page."""
        elements, data = b"", b""
        for number, key in enumerate(sorted(values)):
            value = values[key]
            stored = value if isinstance(value, bytes) else self._bucket(value)
            position = 16 * (len(values) - number) + len(data)
            kind = 0 if isinstance(value, bytes) else 1
            elements += struct.pack("<IIII", kind, position, len(key), len(stored))
            data += key + stored
        return len(values), elements + data

    def _bucket(self, values: Values) -> bytes:
        if self._paged:
            return struct.pack("<QQ", self._tree(values), 0)
        count, body = self._leaf(values)
        return struct.pack("<QQ", 0, 0) + struct.pack("<QHHI", 0, 2, count, 0) + body

    def _store(self, flags: int, count: int, body: bytes) -> int:
        """Add a page to the file; returns its number."""
        number = 2 + len(self._pages)
        size = 16 + len(body)
        overflow = (size - 1) // self._page
        page = struct.pack("<QHHI", number, flags, count, overflow) + body
        page = page.ljust((overflow + 1) * self._page, b"\0")
        self._pages += [page[at : at + self._page] for at in range(0, len(page), self._page)]
        return number
