"""One walk over a tar, header by header, in batches.

The loop reads type and size and moves on; fields are parsed by numpy, a batch at a time. Order of precedence, and what
is damage, follow Go's archive/tar: the last of several PAX headers counts alone, GNU long names win over PAX, global
headers mean nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

from layerscope.layers.compression import DamagedStreamError
from layerscope.layers.cursor import Cursor
from layerscope.layers.extensions import (
    Extension,
    parse_pax,
    sparse_from_gnu_header,
    sparse_from_records,
)
from layerscope.layers.tarheader import (
    BLOCK,
    ZERO_BLOCK,
    HeaderColumns,
    HeaderError,
    checksum_matches,
    parse_headers,
    parse_number,
)
from layerscope.limits import Limits
from layerscope.progress import Progress, check

BATCH = 4096
"""Headers parsed at a time."""

_REGULAR = frozenset(b"0\x007S")
_WITHOUT_DATA = frozenset(b"123456")
_EXTENSIONS = frozenset(b"xgLK")


@dataclass(frozen=True, slots=True)
class Damage:
    """Where an archive stops making sense."""

    offset: int
    """Bytes from the start of the uncompressed tar."""
    message: str


@dataclass(slots=True)
class Batch:
    """Consecutive entries of a tar."""

    columns: HeaderColumns
    blocks: list[bytes]
    offsets: list[int]
    """Where each payload begins in the uncompressed tar."""
    digests: list[bytes | None]
    """SHA-256 of each regular file's content, where the walk hashed it."""
    extensions: dict[int, Extension]
    """Overrides by index in the batch; those of names and numbers are already in the columns."""


@dataclass(slots=True)
class WalkResult:
    """How a walk ended."""

    broken: Damage | None
    trailing: int
    """Bytes after the end of the archive that are not zero."""


@dataclass(slots=True)
class _Pending:
    """Entries walked over and not parsed yet."""

    blocks: list[bytes] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    digests: list[bytes | None] = field(default_factory=list)
    extensions: dict[int, Extension] = field(default_factory=dict)


class TarWalk:
    """Walks over the tar that `cursor` moves through and hands batches to `sink`."""

    def __init__(
        self, cursor: Cursor, sink: Callable[[Batch], None], limits: Limits, progress: Progress
    ) -> None:
        self._cursor = cursor
        self._sink = sink
        self._limits = limits
        self._progress = progress
        self._pending = _Pending()

    def run(self) -> WalkResult:
        """Walk to the end or to the damage. Raises `DamagedStreamError` from below, after handing over what was read."""
        try:
            damage = self._entries()
        except DamagedStreamError:
            self._flush()
            raise
        damage = self._flush() or damage
        return WalkResult(damage, 0 if damage else self._cursor.drain())

    def _entries(self) -> Damage | None:
        cursor = self._cursor
        take, skip, pad, hashes = cursor.take, cursor.skip, cursor.pad, cursor.hashes
        pending = self._pending
        extension: Extension | None = None
        start = cursor.position
        try:
            while True:
                if len(pending.blocks) >= BATCH:
                    if damage := self._flush():
                        return damage
                    pending = self._pending
                start = cursor.position
                block = take(BLOCK)
                if len(block) < BLOCK or block == ZERO_BLOCK:
                    return self._end(start, block, extension)
                kind = block[156]
                if kind in _EXTENSIONS:
                    extension = self._extension(kind, block, extension)
                    continue
                size = 0 if kind in _WITHOUT_DATA else _size(block)
                if extension is not None or kind == 0x53:
                    extension = self._extended(kind, block, extension or Extension())
                    if extension.size is not None and kind not in _WITHOUT_DATA:
                        size = extension.size
                    pending.extensions[len(pending.blocks)] = extension
                if size < 0:
                    return Damage(start, "the size of an entry is negative")
                if size and kind == 0 and _is_old_directory(block, extension):
                    size = 0
                sparse = extension.sparse if extension is not None else None
                if sparse is not None:
                    size -= sparse.skip
                    if size < sparse.stored:
                        return Damage(start, "the map of a sparse file contradicts its size")
                pending.starts.append(start)
                pending.offsets.append(cursor.position)
                digest = None
                if size:
                    digest = skip(size)
                    pad(-(size + (sparse.skip if sparse else 0)) % BLOCK)
                elif hashes:
                    digest = _EMPTY
                pending.blocks.append(block)
                pending.digests.append(
                    sparse.digest(digest) if sparse is not None and digest is not None else digest
                )
                extension = None
        except HeaderError as error:
            return Damage(start, str(error))
        except EOFError:
            del pending.starts[len(pending.blocks) :], pending.offsets[len(pending.blocks) :]
            pending.extensions.pop(len(pending.blocks), None)
            return Damage(start, f"the archive is cut short inside the entry at byte {start:,}")

    def _end(self, start: int, block: bytes, extension: Extension | None) -> Damage | None:
        """What the end of the entries is: two zero blocks, or nothing more; anything else is damage."""
        if block == ZERO_BLOCK:
            second = self._cursor.take(BLOCK)
            if second and second != ZERO_BLOCK:
                return Damage(start, "a single zero block stands between entries")
        elif block:
            return Damage(start, "the archive is cut short inside a header")
        if extension is not None:
            return Damage(start, "an extension header has no entry after it")
        return None

    def _extension(self, kind: int, block: bytes, extension: Extension | None) -> Extension | None:
        """Read the extension header `block`; what is known of the next entry now."""
        if not checksum_matches(block):
            raise HeaderError("the checksum of a header is wrong")
        size = parse_number(block[124:136])
        if not 0 <= size <= self._limits.header_bytes:
            raise HeaderError(
                f"an extension header of {size:,} bytes (the limit is {self._limits.header_bytes:,}: --limit header_bytes=NUMBER)"
            )
        payload = self._cursor.take(size)
        if len(payload) < size:
            raise EOFError
        self._cursor.pad(-size % BLOCK)
        if kind == 0x67:  # g: Go hands global headers out and engines skip them
            return extension
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

    def _extended(self, kind: int, block: bytes, extension: Extension) -> Extension:
        """The finished overrides of the entry `block`."""
        if not checksum_matches(block):
            raise HeaderError("the checksum of a header is wrong")
        if kind == 0x53:  # S
            extension.sparse = sparse_from_gnu_header(block, self._read_block, self._limits)
        elif extension.sparse_records and kind in _REGULAR:
            extension.sparse = sparse_from_records(extension, self._read_block, self._limits)
        if extension.long_name:
            extension.name = extension.long_name
        if extension.long_link:
            extension.link = extension.long_link
        return extension

    def _read_block(self) -> bytes:
        block = self._cursor.take(BLOCK)
        if len(block) < BLOCK:
            raise EOFError
        return block

    def _flush(self) -> Damage | None:
        """Parse what is pending and hand it over; the damage if one of its headers is bad."""
        check(self._progress)
        pending, self._pending = self._pending, _Pending()
        if not pending.blocks:
            return None
        columns, good, problem = parse_headers(pending.blocks)
        damage = Damage(pending.starts[good], problem) if good < len(pending.blocks) else None
        for index, extension in pending.extensions.items():
            if index < good:
                _override(columns, index, extension)
        for limit_check in (columns.names, columns.links):
            if (longest := max(map(len, limit_check), default=0)) > self._limits.path_bytes:
                raise self._limits.exceeded("path_bytes", "an entry's name", longest)
        self._sink(
            Batch(
                columns,
                pending.blocks[:good],
                pending.offsets[:good],
                pending.digests[:good],
                {
                    index: extension
                    for index, extension in pending.extensions.items()
                    if index < good
                },
            )
        )
        return damage


_EMPTY = hashlib.sha256().digest()


def _size(block: bytes) -> int:
    """The size field; the common form is told apart first, for speed."""
    text = block[124:135]
    if text.isdigit() and block[135] in b"\0 ":
        try:
            return int(text, 8)
        except ValueError as error:
            raise HeaderError("a size is not octal") from error
    return parse_number(block[124:136])


def _is_old_directory(block: bytes, extension: Extension | None) -> bool:
    """A regular file of before POSIX whose name ends in a slash: a directory, without data."""
    name = (
        extension.name
        if extension is not None and extension.name
        else block[:100].split(b"\0", 1)[0]
    )
    return name.endswith(b"/")


def _override(columns: HeaderColumns, index: int, extension: Extension) -> None:
    """Put an entry's overrides into the columns."""
    if extension.name is not None:
        columns.names[index] = extension.name
    if extension.link is not None:
        columns.links[index] = extension.link
    if extension.size is not None:
        columns.sizes[index] = extension.size
    if extension.uid is not None:
        columns.uids[index] = extension.uid
    if extension.gid is not None:
        columns.gids[index] = extension.gid
    if extension.mtime is not None:
        columns.mtimes[index] = extension.mtime
