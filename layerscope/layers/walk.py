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
    BAD_CHECKSUM,
    BLOCK,
    ZERO_BLOCK,
    HeaderColumns,
    HeaderError,
    checksum_matches,
    parse_headers,
    parse_number,
    whole_name,
)
from layerscope.limits import Limits
from layerscope.progress import Progress, check

BATCH = 4096
"""Headers parsed at a time."""
BATCH_BYTES = 16 << 20
"""Bytes that extension headers may add to a batch before it is handed over."""

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
    ended: bool = False
    """Whether the archive says itself where it ends; layers need not."""


@dataclass(slots=True)
class _Pending:
    """Entries walked over and not parsed yet."""

    size: int = 0
    """Bytes of memory that their extension headers take up."""
    blocks: list[bytes] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    digests: list[bytes | None] = field(default_factory=list)
    extensions: dict[int, Extension] = field(default_factory=dict)


class TarWalk:
    """Walks over the tar that `cursor` moves through and hands batches to `sink`; errors call the tar `where`."""

    def __init__(
        self,
        cursor: Cursor,
        sink: Callable[[Batch], None],
        where: str,
        limits: Limits,
        progress: Progress,
    ) -> None:
        self.damage: Damage | None = None
        """The first damage that the walk met."""
        self._cursor = cursor
        self._sink = sink
        self._where = where
        self._limits = limits
        self._progress = progress
        self._pending = _Pending()
        self._kept = 0
        self._ended = False

    def run(self) -> WalkResult:
        """Walk to the end or to the damage.

        Raises `DamagedStreamError` and OSError from below, after handing over what was read.
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
        pending = self._pending
        extension: Extension | None = None
        start, block = cursor.position, b""
        try:
            while True:
                if len(pending.blocks) >= BATCH or pending.size > BATCH_BYTES:
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
                    extension = extension or Extension()
                    if extension.size is not None and kind not in _WITHOUT_DATA:
                        size = extension.size
                    self._extended(kind, block, size, extension)
                    pending.extensions[len(pending.blocks)] = extension
                    pending.size += extension.cost
                if size < 0:
                    raise HeaderError("the size of an entry is negative")
                if size and kind == 0 and _is_old_directory(block, extension):
                    size = 0
                sparse = extension.sparse if extension is not None else None
                if sparse is not None and size < sparse.skip + sparse.stored:
                    raise HeaderError("the map of a sparse file contradicts its size")
                pending.starts.append(start)
                pending.offsets.append(cursor.position)
                digest = _EMPTY if hashes else None
                if sparse is not None:
                    digest = skip(sparse.stored)
                    digest = None if digest is None else sparse.digest(digest)
                    # No engine reads what no segment refers to.
                    skip(size - sparse.skip - sparse.stored)
                    pad(-size % BLOCK)
                elif size:
                    digest = skip_padded(size)
                pending.blocks.append(block)
                pending.digests.append(digest)
                extension = None
        except (HeaderError, EOFError) as error:
            del pending.starts[len(pending.blocks) :], pending.offsets[len(pending.blocks) :]
            pending.extensions.pop(len(pending.blocks), None)
            if not checksum_matches(block):
                # Whatever its fields seem to say: they are not what was written.
                return Damage(start, BAD_CHECKSUM)
            if isinstance(error, EOFError):
                return Damage(start, f"the archive is truncated inside the entry at byte {start:,}")
            return Damage(start, str(error))

    def _end(self, start: int, block: bytes, extension: Extension | None) -> Damage | None:
        """What the end of the entries is: two zero blocks, or nothing more; anything else is damage."""
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
        """Read the extension header `block`; what is known of the next entry now."""
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
        ):  # g: Go hands it out like an entry, with all that stood before it; engines skip it
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

    def _extended(self, kind: int, block: bytes, size: int, extension: Extension) -> None:
        """Complete the overrides of the entry `block` of `size` bytes."""
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
        # The records may be a megabyte, and are needed no more.
        extension.sparse_records = {}
        self._kept += extension.cost
        if self._kept > self._limits.metadata_bytes:
            raise self._limits.exceeded("metadata_bytes", self._where)

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
                raise self._limits.exceeded(
                    "path_bytes", f"{self._where}: the name of an entry", longest
                )
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
    name = extension.name if extension is not None else None
    if not name:
        name = block[:100].split(b"\0", 1)[0] or whole_name(block)
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
