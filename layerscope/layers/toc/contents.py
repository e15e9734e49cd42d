"""Contents of a layer that was not read: each is fetched alone, from the place that the table of contents lists.

Every content is checked against the digests in the table before its last bytes are given out, and small ones before their
first. Where a content is not at its place, the layer is fetched and the content found by its digest.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from threading import Lock

import numpy as np

from layerscope.layers.blob import CHUNK, Blob
from layerscope.layers.compression import Compression, DamagedStreamError, DecompressedStream
from layerscope.layers.contents import LayerContents
from layerscope.layers.index import Kind
from layerscope.layers.indexing import index_layer
from layerscope.layers.toc.places import Part, Places
from layerscope.limits import Limits
from layerscope.progress import Progress, Quiet, check

GAP = 1 << 16
"""Bytes between two places that are rather fetched than asked for in two requests."""
HELD = 16 << 20
"""Maximum bytes of a part that are held until its digest is checked; of a larger one, the last ones are."""
_ZEROS = bytes(CHUNK)


class _NotAsListedError(Exception):
    """A content is not where the table of contents says."""


@dataclass(frozen=True, slots=True)
class ListedContents(LayerContents):
    """The contents of a layer whose index is its table of contents."""

    places: Places
    layer: _WholeLayer = field(default_factory=lambda: _WholeLayer())

    @property
    def seekable(self) -> bool:
        return False

    def fetch(self) -> None:
        """Nothing is fetched before it is needed."""

    def bytes_to_pass(self, entries: Sequence[int]) -> int:
        return int(self.index.columns.stored[list(entries)].sum()) if len(entries) else 0

    def pieces(self, entries: Sequence[int], progress: Progress) -> Iterator[tuple[int, bytes]]:
        """As `LayerContents.pieces`, in the order of their places."""
        wanted = [entry for entry in entries if self.index.columns.stored[entry]]
        parts = {entry: self.places.of(entry) for entry in wanted}
        placed = sorted(
            (entry for entry in wanted if parts[entry]), key=lambda entry: _start(parts[entry])
        )
        missing = [entry for entry in wanted if not parts[entry]]
        runs = _runs([part for entry in placed for part in parts[entry]], self.blob.size)
        if self.layer.known is not None or runs is None:
            yield from self._from_layer(wanted, progress)
            return
        members = _Members(self.blob, self.places.compression, self.limits, runs)
        for entry in placed:
            content = _Content(parts[entry], self._digest_of(entry))
            try:
                for piece in content.pieces(members, progress):
                    yield entry, piece
                    progress.advance(len(piece))
            except (_NotAsListedError, DamagedStreamError):
                if content.unchecked:
                    raise DamagedStreamError(_WRONG) from None
                for _, piece in _without(self._from_layer([entry], progress), content.given):
                    yield entry, piece
        if missing:
            yield from self._from_layer(missing, progress)

    def _digest_of(self, entry: int) -> bytes:
        assert self.index.digests is not None  # noqa: S101  # such tables are not used
        digest: bytes = self.index.digests[entry].tobytes()
        return digest

    def _from_layer(
        self, entries: Sequence[int], progress: Progress
    ) -> Iterator[tuple[int, bytes]]:
        """The same contents from the layer itself, which is fetched, found by their digests.

        Raises `DamagedStreamError` in the end if one is not there.
        """
        if not entries:
            return
        whole = self.layer.contents(self.blob, self.limits, progress)
        stored = self.index.columns.stored
        wanted: dict[tuple[bytes, int], list[int]] = {}
        for entry in entries:
            wanted.setdefault((self._digest_of(entry), int(stored[entry])), []).append(entry)
        found: dict[int, int] = {}
        files = np.flatnonzero(
            (whole.index.columns.kinds == Kind.FILE) & (whole.index.columns.stored > 0)
        )
        digests = whole.index.digests
        for number in () if digests is None else files.tolist():
            assert digests is not None  # noqa: S101  # for the types
            size = int(whole.index.columns.stored[number])
            others = wanted.get((digests[number].tobytes(), size))
            if others and number not in whole.index.sparse:
                found[number] = others.pop(0)
        for number, piece in whole.pieces(sorted(found), Quiet(progress)):
            yield found[number], piece
            progress.advance(len(piece))
        if any(wanted.values()):
            raise DamagedStreamError(_WRONG)


_WRONG = "the table of contents of its layer is wrong: the content that it lists is not there"


class _WholeLayer:
    """The layer itself, once it was fetched."""

    def __init__(self) -> None:
        self.known: LayerContents | None = None
        self._lock = Lock()

    def contents(self, blob: Blob, limits: Limits, progress: Progress) -> LayerContents:
        """Its contents. Raises `LimitExceededError`, `CancelledError` and whatever fetching it raises."""
        with self._lock:
            if self.known is None:
                blob.pread(1, blob.size - 1)  # keeps a copy: it is read twice
                index = index_layer(blob, limits, Quiet(progress), hash_all=True)
                self.known = LayerContents(blob, index, limits)
            return self.known


def _start(parts: Iterable[Part]) -> tuple[int, int]:
    """Where the first part that has to be read begins."""
    return next(((part.offset, part.skip) for part in parts if not part.zeros), (0, 0))


def _without(pieces: Iterable[tuple[int, bytes]], count: int) -> Iterator[tuple[int, bytes]]:
    """All but the first `count` bytes."""
    for entry, piece in pieces:
        rest = piece[count:]
        count -= len(piece) - len(rest)
        if rest:
            yield entry, rest


def _runs(parts: Sequence[Part], size: int) -> list[tuple[int, int]] | None:
    """Start and end of the ranges to fetch for these parts; None if the whole layer costs no more, or if they overlap."""
    runs: list[tuple[int, int]] = []
    last = (0, 0)
    members = 0
    for part in parts:
        if part.zeros:
            continue
        if (part.offset, part.skip) < last:
            return None
        if part.offset > last[0]:
            members += part.end - part.offset
        last = (part.offset, part.skip)
        if runs and part.offset - runs[-1][1] <= GAP:
            runs[-1] = (runs[-1][0], max(runs[-1][1], part.end))
        else:
            runs.append((part.offset, part.end))
    cost = sum(end - start for start, end in runs) + GAP * len(runs)
    if members > size or (len(runs) > 1 and cost > size):
        return None
    return runs


class _Members:
    """What gzip members or zstd frames of a layer unpack to, read forwards."""

    def __init__(
        self,
        blob: Blob,
        compression: Compression,
        limits: Limits,
        runs: Sequence[tuple[int, int]],
    ) -> None:
        """`runs` are the ranges to fetch, ascending."""
        self._blob = blob
        self._compression = compression
        self._limits = limits
        self._starts = [start for start, _ in runs]
        self._ends = [end for _, end in runs]
        self._offset = -1
        """Of the member that is being read."""
        self._position = 0
        """In what it unpacks to."""
        self._stream: Iterator[bytes] = iter(())
        self._rest = b""
        self._raw: Iterator[bytes] = iter(())
        self._raw_rest = b""
        self._raw_position = 0
        """Where `_raw_rest` begins in the layer."""
        self._run = -1

    def read(self, part: Part, progress: Progress) -> Iterator[bytes]:
        """The bytes of a part. Raises `_NotAsListedError`, `DamagedStreamError`, and what reading the blob raises."""
        if part.offset != self._offset or part.skip < self._position:
            source = self._bytes(part.offset, part.end)
            self._stream = iter(
                DecompressedStream(self._compression, source, self._blob.name, self._limits)
            )
            self._offset, self._position, self._rest = part.offset, 0, b""
        for _ in self._taken(part.skip - self._position, progress):
            pass
        yield from self._taken(part.size, progress)

    def _taken(self, count: int, progress: Progress) -> Iterator[bytes]:
        while count:
            check(progress)
            piece = self._rest or next(self._stream, b"")
            if not piece:
                raise _NotAsListedError
            taken, self._rest = piece[:count], piece[count:]
            self._position += len(taken)
            count -= len(taken)
            yield taken

    def _bytes(self, start: int, end: int) -> Iterator[bytes]:
        """The bytes of the layer from `start` to `end`."""
        run = bisect_right(self._starts, start) - 1
        if run != self._run or start < self._raw_position:
            self._run, self._raw_position, self._raw_rest = run, start, b""
            self._raw = self._blob.chunks(start, self._ends[run])
        while self._raw_position < end:
            piece = self._raw_rest or next(self._raw, b"")
            if not piece:
                return
            skipped = min(max(start - self._raw_position, 0), len(piece))
            stop = min(len(piece), end - self._raw_position)
            self._raw_rest = piece[stop:]
            self._raw_position += stop
            if stop > skipped:
                yield piece[skipped:stop]


class _Content:
    """One content, read part by part and checked."""

    def __init__(self, parts: Sequence[Part], digest: bytes) -> None:
        self.given = 0
        """Bytes given out."""
        self.unchecked = False
        """Whether some of them were not checked."""
        self._parts = parts
        self._digest = digest

    def pieces(self, members: _Members, progress: Progress) -> Iterator[bytes]:
        """The content in pieces. Raises as `_Members.read` does."""
        whole = hashlib.sha256()
        for number, part in enumerate(self._parts):
            last = number + 1 == len(self._parts)
            found, held, size = hashlib.sha256(), list[bytes](), 0
            for piece in _zeros(part.size) if part.zeros else members.read(part, progress):
                check(progress)
                whole.update(piece)
                found.update(piece)
                held.append(piece)
                size += len(piece)
                while size > HELD and len(held) > 1:
                    self.unchecked = True
                    size -= len(held[0])
                    yield self._given(held.pop(0))
            if part.digest not in (None, found.digest()):
                raise _NotAsListedError
            if last and whole.digest() != self._digest:
                raise _NotAsListedError
            self.unchecked |= part.digest is None and not last
            for piece in held:
                yield self._given(piece)

    def _given(self, piece: bytes) -> bytes:
        self.given += len(piece)
        return piece


def _zeros(count: int) -> Iterator[bytes]:
    while count > 0:
        yield _ZEROS[: min(count, CHUNK)]
        count -= CHUNK
