"""bbolt databases, read without their lock (go.etcd.io/bbolt, internal/common: page.go, meta.go, bucket.go).

Pages are copied on write: everything reachable from a valid meta page stays intact until its pages are reused. So all of
the file is read at once, the valid meta page of the latest transaction counts, and any inconsistency is a `BoltError`, after
which the caller reads again. Nothing in the file is trusted: every offset and count is checked.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

MAGIC, VERSION = 0xED0CDAED, 2
_HEADER = struct.Struct("<QHHI")
"""Number of the page, flags, count of elements, number of overflow pages."""
_META = struct.Struct("<IIIIQQQQQQ")
"""Magic, version, page size, flags, root page, its sequence, free list, first unused page, transaction, checksum."""
_LEAF = struct.Struct("<IIII")
"""Flags, position from here, bytes of the key, bytes of the value."""
_BRANCH = struct.Struct("<IIQ")
"""Position from here, bytes of the key, page."""
_BUCKET = struct.Struct("<QQ")
"""Root page, or 0 where a page follows inline; sequence."""
_IS_BRANCH, _IS_LEAF = 1, 2
_BUCKET_LEAF = 1
_PAGE_SIZES = tuple(1 << power for power in range(9, 17))
MAX_DEPTH = 64


class BoltError(ValueError):
    """Not a bbolt database, or one that changed while it was read."""


class Bolt:
    """A database in memory."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        metas = [meta for size in _PAGE_SIZES for meta in (self._meta(0, size), self._meta(size, size)) if meta]  # fmt: skip
        if not metas:
            raise BoltError("no valid meta page")
        self.transaction, self._root, self.page_size = max(metas)

    def root(self) -> Bucket:
        """The bucket of all buckets."""
        return Bucket(self, self._root, b"")

    def page(self, number: int) -> tuple[int, int, memoryview]:
        """Flags, number of elements and bytes of a page, overflow pages included."""
        start = number * self.page_size
        if not 0 < start <= len(self._data) - self.page_size:
            raise BoltError(f"page {number} is outside the file")
        stored, flags, count, overflow = _HEADER.unpack_from(self._data, start)
        end = start + (overflow + 1) * self.page_size
        if stored != number or end > len(self._data):
            raise BoltError(f"page {number} is damaged")
        return flags, count, memoryview(self._data)[start:end]

    def _meta(self, start: int, page_size: int) -> tuple[int, int, int] | None:
        """Transaction, root page and page size of the meta page at `start`; None if it is not valid."""
        start += _HEADER.size
        if start + _META.size > len(self._data):
            return None
        magic, version, size, _, root, _, _, _, transaction, checksum = _META.unpack_from(
            self._data, start
        )
        if (magic, version, size) != (MAGIC, VERSION, page_size):
            return None
        if checksum != fnv1a(self._data[start : start + _META.size - 8]):
            return None
        return transaction, root, page_size


class Bucket:
    """Keys in order, each with a value or a bucket."""

    def __init__(self, bolt: Bolt, page: int, inline: bytes) -> None:
        self._bolt = bolt
        self._page = page
        self._inline = inline

    def items(self) -> Iterator[tuple[bytes, bytes | Bucket]]:
        """All keys. Raises `BoltError`."""
        if self._page == 0:
            if len(self._inline) < _HEADER.size:
                raise BoltError("an inline bucket is truncated")
            _, flags, count, _ = _HEADER.unpack_from(self._inline)
            yield from self._leaf(flags, count, memoryview(self._inline))
            return
        seen: set[int] = set()
        waiting = [(self._page, 0)]
        while waiting:
            number, depth = waiting.pop()
            if number in seen or depth > MAX_DEPTH:
                raise BoltError("its pages form a loop")
            seen.add(number)
            flags, count, data = self._bolt.page(number)
            if flags & _IS_BRANCH:
                children = [(child, depth + 1) for child in self._branch(count, data)]
                waiting += reversed(children)
            else:
                yield from self._leaf(flags, count, data)

    def get(self, key: bytes) -> bytes | None:
        """The value of a key; None if missing."""
        return next(
            (value for name, value in self.items() if name == key and isinstance(value, bytes)),
            None,
        )

    def bucket(self, key: bytes) -> Bucket | None:
        """The bucket of a key; None if missing."""
        return next(
            (value for name, value in self.items() if name == key and isinstance(value, Bucket)),
            None,
        )

    def _branch(self, count: int, data: memoryview) -> Iterator[int]:
        for number in range(count):
            at = _HEADER.size + number * _BRANCH.size
            if at + _BRANCH.size > len(data):
                raise BoltError("a branch page is truncated")
            _, _, page = _BRANCH.unpack_from(data, at)
            yield page

    def _leaf(
        self, flags: int, count: int, data: memoryview
    ) -> Iterator[tuple[bytes, bytes | Bucket]]:
        if not flags & _IS_LEAF:
            raise BoltError("a page is neither branch nor leaf")
        for number in range(count):
            at = _HEADER.size + number * _LEAF.size
            if at + _LEAF.size > len(data):
                raise BoltError("a leaf page is truncated")
            kind, position, key_size, value_size = _LEAF.unpack_from(data, at)
            start = at + position
            middle, end = start + key_size, start + key_size + value_size
            if end > len(data):
                raise BoltError("an element points outside its page")
            key, value = bytes(data[start:middle]), bytes(data[middle:end])
            yield key, self._nested(value) if kind & _BUCKET_LEAF else value

    def _nested(self, value: bytes) -> Bucket:
        if len(value) < _BUCKET.size:
            raise BoltError("a bucket is truncated")
        page, _ = _BUCKET.unpack_from(value)
        return Bucket(self._bolt, page, value[_BUCKET.size :])


def fnv1a(data: bytes) -> int:
    """The 64-bit FNV-1a hash, the checksum of meta pages."""
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value
