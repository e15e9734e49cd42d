"""Walks over a tar header by header, and parses headers in batches.

The loop only reads type and size; numpy parses the fields of a batch. Precedence and damage follow Go's archive/tar: only the
last of several PAX headers counts, GNU long names take precedence over PAX, and global headers are ignored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec import Struct, field

from layerscope.layers.compression import DamagedStreamError
from layerscope.layers.cursor import Cursor
from layerscope.layers.extensions import (
    Extension,
    parse_pax,
    sparse_from_gnu_header,
    sparse_from_records,
)
from layerscope.layers.packing import Packed
from layerscope.layers.tarheader import (
    BAD_CHECKSUM,
    BLOCK,
    ZERO_BLOCK,
    HeaderColumns,
    HeaderError,
    checksum_matches,
    count_headers_without_data,
    full_name,
    parse_headers,
    parse_number,
    parse_size,
)
from layerscope.limits import Limits
from layerscope.progress import Progress, check

BATCH = 4096
"""Headers parsed at a time."""
BATCH_BYTES = 16 << 20
"""Maximum bytes of extension headers in a batch."""

_RUN = 8
"""Number of entries without data in a row after which more are expected."""
_REGULAR = frozenset(b"0\x007S")
_WITHOUT_DATA = frozenset(b"123456")
_EXTENSIONS = frozenset(b"xgLK")


_TRUNCATED = "the archive is truncated inside the entry"


class Damage(Struct, frozen=True):
    """The point from which an archive cannot be read."""

    offset: int
    """Bytes from the start of the uncompressed tar."""
    message: str

    @property
    def truncated(self) -> bool:
        """Whether the archive ends inside an entry."""
        return self.message.startswith(_TRUNCATED)


class Collector(Protocol):
    """Takes contents of regular files while a layer is read, so that it need not be read again."""

    small: int
    """Size in bytes up to which every content is taken."""
    largest: int
    """Size in bytes up to which a content may be taken; `wants` decides."""

    def wants(self, name: bytes, size: int) -> bool:
        """Whether to take a content that is not small."""

    def take(
        self, entries: Sequence[int], names: Sequence[bytes], contents: Sequence[bytes]
    ) -> None:
        """Take the contents of these entries of the tar. Names are as in the tar."""

    def pack(self) -> Packed:
        """The results, for another process."""

    def load(self, packed: Packed) -> None:
        """Load the results that a collector of the same type packed. Raises KeyError, TypeError or ValueError for invalid values."""


class Batch(Struct):
    """Consecutive entries of a tar."""

    columns: HeaderColumns
    headers: bytes
    """Their headers, `BLOCK` bytes each; more may follow."""
    offsets: list[int]
    """Offset of each payload in the uncompressed tar."""
    digests: list[bytes | None]
    """SHA-256 of each regular file's content; None if not hashed."""
    extensions: dict[int, Extension]
    """Overrides, by index in the batch. Names and numbers are already applied to the columns."""
    contents: dict[int, bytes]
    """Contents that the collector takes, by index in the batch."""


class WalkResult(Struct):
    """The result of a walk."""

    broken: Damage | None
    trailing: int
    """Number of non-zero bytes after the end of the archive."""
    ended: bool = False
    """Whether the archive has an end marker, which is optional in layers."""


class _Pending(Struct):
    """Entries that are not parsed yet."""

    size: int = 0
    """Memory in bytes of their extension headers and collected contents."""
    headers: list[bytes] = field(default_factory=list)
    """Their headers, one or several in each piece."""
    starts: dict[int, int] = field(default_factory=dict)
    """Offsets of headers, by index, that may not be directly before their payloads."""
    offsets: list[int] = field(default_factory=list)
    digests: list[bytes | None] = field(default_factory=list)
    extensions: dict[int, Extension] = field(default_factory=dict)
    contents: dict[int, bytes] = field(default_factory=dict)


class TarWalk:
    """Walks over the tar of a cursor and passes batches to `sink`; `where` names the tar in errors."""

    def __init__(
        self,
        cursor: Cursor,
        sink: Callable[[Batch], None],
        where: str,
        limits: Limits,
        progress: Progress,
        collector: Collector | None = None,
    ) -> None:
        """Contents can be collected only from a cursor that hashes."""
        self.damage: Damage | None = None
        """The first damage found."""
        self._cursor = cursor
        self._sink = sink
        self._where = where
        self._limits = limits
        self._progress = progress
        self._collector = collector
        self._pending = _Pending()
        self._extension_bytes = 0
        self._ended = False

    def run(self) -> WalkResult:
        """Walk to the end or to the first damage.

        Raises `DamagedStreamError` and OSError of the cursor, after passing on the entries read, and `LimitExceededError`.
        """
        try:
            damage = self._entries()
        except (DamagedStreamError, OSError):
            self.damage = self._flush()
            raise
        self.damage = self._flush() or damage
        if self.damage == Damage(0, BAD_CHECKSUM):
            self.damage = Damage(0, "it is not a tar archive (bad checksum in the first header)")
        if self.damage is not None:
            return WalkResult(self.damage, 0)
        return WalkResult(None, self._cursor.drain(self._progress), self._ended)

    def _entries(self) -> Damage | None:
        cursor = self._cursor
        take, skip, hashes = cursor.take, cursor.skip, cursor.hashes
        skip_padded, pad = cursor.skip_padded, cursor.pad
        collector = self._collector
        small, largest = (0, 0) if collector is None else (collector.small, collector.largest)
        pending = self._pending
        extension: Extension | None = None
        empty = _EMPTY if hashes else None
        start, block = cursor.position, b""
        without_data = 0
        try:
            while True:
                count = len(pending.digests)
                if count >= BATCH or pending.size > BATCH_BYTES:
                    if damage := self._flush():
                        return damage
                    pending = self._pending
                    count = 0
                start = cursor.position
                if without_data >= _RUN:
                    # Many entries without data in a row: find more at once.
                    run = min(count_headers_without_data(cursor.buffered()), BATCH - count)
                    pending.headers.append(take(run * BLOCK))
                    pending.offsets.extend(range(start + BLOCK, cursor.position + BLOCK, BLOCK))
                    pending.digests.extend([empty] * run)
                    if run < _RUN:
                        without_data = 0
                    continue
                block = take(BLOCK)
                if len(block) < BLOCK or block == ZERO_BLOCK:
                    return self._end(start, block, extension)
                kind = block[156]
                if kind in _EXTENSIONS:
                    without_data = 0
                    extension = self._extension(kind, block, extension)
                    continue
                size = 0 if kind in _WITHOUT_DATA else parse_size(block)
                if extension is not None or kind == 0x53:
                    extension = extension or Extension()
                    if extension.size is not None and kind not in _WITHOUT_DATA:
                        size = extension.size
                    self._complete_extension(kind, block, size, extension)
                    pending.extensions[count] = extension
                    pending.starts[count] = start
                    pending.size += extension.cost
                if size < 0:
                    raise HeaderError("the size of an entry is negative")
                if size and kind == 0 and _is_old_directory(block, extension):
                    size = 0
                sparse = extension.sparse if extension is not None else None
                if sparse is not None and size < sparse.skip + sparse.stored:
                    raise HeaderError("the map of a sparse file contradicts its size")
                pending.offsets.append(cursor.position)
                digest = empty
                if sparse is not None:
                    digest = skip(sparse.stored)
                    digest = None if digest is None else sparse.digest(digest)
                    # Engines do not read bytes outside segments.
                    skip(size - sparse.skip - sparse.stored)
                    pad(-size % BLOCK)
                elif 0 < size <= small or (
                    collector is not None
                    and small < size <= largest
                    and collector.wants(_name(block, extension), size)
                ):
                    content = take(size)
                    if len(content) < size:
                        raise EOFError
                    pad(-size % BLOCK)
                    digest = hashlib.sha256(content).digest()
                    pending.contents[count] = content
                    pending.size += size
                elif size:
                    digest = skip_padded(size)
                without_data = 0 if size else without_data + 1
                pending.headers.append(block)
                pending.digests.append(digest)
                extension = None
        except (HeaderError, EOFError) as error:
            del pending.offsets[count:]
            pending.extensions.pop(count, None)
            if not checksum_matches(block):
                # Its fields cannot be trusted.
                return Damage(start, BAD_CHECKSUM)
            if isinstance(error, EOFError):
                return Damage(start, f"{_TRUNCATED} at byte {start:,}")
            return Damage(start, str(error))

    def _end(self, start: int, block: bytes, extension: Extension | None) -> Damage | None:
        """Check the end of the entries: two zero blocks, or no more bytes; anything else is damage."""
        if block == ZERO_BLOCK:
            self._ended = True
            second = self._cursor.take(BLOCK)
            if second.strip(b"\0"):
                return Damage(start, "a single zero block stands between entries")
            if 0 < len(second) < BLOCK:
                return Damage(start, "the archive is truncated inside its end marker")
        elif block:
            return Damage(start, "the archive is truncated inside a header")
        if extension is not None:
            return Damage(start, "an extension header has no entry after it")
        return None

    def _extension(self, kind: int, block: bytes, extension: Extension | None) -> Extension | None:
        """Read the extension header `block`; returns the overrides for the next entry so far. Raises `HeaderError`."""
        if not checksum_matches(block):
            raise HeaderError(BAD_CHECKSUM)
        size = parse_number(block[124:136])
        if size < 0:
            raise HeaderError("the size of an extension header is negative")
        if size > self._limits.header_bytes:
            raise HeaderError(
                f"an extension header has {size:,} bytes, more than {self._limits.header_bytes:,} (raise the limit: --limit header_bytes=NUMBER)"
            )
        payload = self._cursor.take(size)
        if len(payload) < size:
            raise EOFError
        self._cursor.pad(-size % BLOCK)
        if (
            kind == 0x67
        ):  # g: Go returns it as an entry, together with the extensions before it, and engines skip that entry
            parse_pax(payload)
            return None
        text = payload.split(b"\0", 1)[0]
        if kind == 0x78:  # x
            pax = parse_pax(payload)
            if extension is not None:
                pax.long_name, pax.long_link = extension.long_name, extension.long_link
            return pax
        extension = extension or Extension()
        if kind == 0x4C:  # L
            extension.long_name = text
        else:
            extension.long_link = text
        return extension

    def _complete_extension(self, kind: int, block: bytes, size: int, extension: Extension) -> None:
        """Complete the overrides for the entry with header `block` and `size` bytes."""
        if not checksum_matches(block):
            raise HeaderError(BAD_CHECKSUM)
        if extension.long_name:
            extension.name = extension.long_name
        if extension.long_link:
            extension.link = extension.long_link
        if kind == 0x53:  # S
            extension.sparse = sparse_from_gnu_header(block, self._read_block, self._limits)
        elif extension.sparse_records and kind in _REGULAR:
            extension.sparse = sparse_from_records(extension, size, self._read_block, self._limits)
        # The records may take a megabyte, and are no longer needed.
        extension.sparse_records = {}
        self._extension_bytes += extension.cost
        if self._extension_bytes > self._limits.metadata_bytes:
            raise self._limits.exceeded("metadata_bytes", self._where)

    def _read_block(self) -> bytes:
        block = self._cursor.take(BLOCK)
        if len(block) < BLOCK:
            raise EOFError
        return block

    def _flush(self) -> Damage | None:
        """Parse pending entries and pass them on. Returns the damage if one of the headers is bad."""
        check(self._progress)
        pending, self._pending = self._pending, _Pending()
        count = len(pending.digests)
        if not count:
            return None
        headers = b"".join(pending.headers)
        columns, good, problem = parse_headers(headers)
        damage = None
        if good < count:
            start = pending.starts.get(good, pending.offsets[good] - BLOCK)
            damage = Damage(start, problem)
        for index, extension in pending.extensions.items():
            if index < good:
                extension.override(columns, index)
        for names in (columns.names, columns.links):
            if (longest := max(map(len, names), default=0)) > self._limits.path_bytes:
                raise self._limits.exceeded(
                    "path_bytes", f"{self._where}: the name of an entry", longest
                )
        self._sink(
            Batch(
                columns,
                headers,
                pending.offsets[:good],
                pending.digests[:good],
                {
                    index: extension
                    for index, extension in pending.extensions.items()
                    if index < good
                },
                {index: data for index, data in pending.contents.items() if index < good},
            )
        )
        return damage


_EMPTY = hashlib.sha256().digest()


def _name(block: bytes, extension: Extension | None) -> bytes:
    """The name of an entry."""
    return (extension is not None and extension.name) or full_name(block)


def _is_old_directory(block: bytes, extension: Extension | None) -> bool:
    """Whether it is a pre-POSIX regular file whose name ends in a slash, which is a directory without data."""
    name = extension.name if extension is not None else None
    if not name:
        name = block[:100].split(b"\0", 1)[0] or full_name(block)
    return name.endswith(b"/")
