"""Contents of a layer that are fetched alone, each from the place that the table of contents lists.

Every content is checked against its digest before its last bytes are given out, and small ones before their first: the digest
in the table, or the one computed when the layer was read. Where a content is not at its place, the layer is fetched, and from
then on read. If it was never read, the content is found by its digest. A table without digests of contents has those of the
compressed bytes; the content is then found by its path.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import groupby
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from layerscope.layers.blob import CHUNK, Blob
from layerscope.layers.compression import DamagedStreamError
from layerscope.layers.contents import LayerContents
from layerscope.layers.index import Kind, LayerIndex
from layerscope.layers.indexing import index_layer
from layerscope.layers.toc.places import NotAsListedError, Part, Places
from layerscope.limits import Limits
from layerscope.progress import NullProgress, Progress, QuietProgress, check
from layerscope.words import Extent

GAP = 1 << 16
"""Maximum gap in bytes between two positions that is fetched to save a request."""
HELD = 16 << 20
"""Maximum bytes of a part that are held back until its digest is checked; for a larger part, its last bytes."""
_ZEROS = bytes(CHUNK)


@dataclass(frozen=True, slots=True)
class ListedContents(LayerContents):
    """The contents of a layer whose index is its table of contents, or that of its tar."""

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
        if self.layer.known is not None:
            yield from self._from_layer(wanted, progress)
            return
        parts = {entry: self.places.of(entry) for entry in wanted}
        placed = sorted(
            (entry for entry in wanted if parts[entry]), key=lambda entry: _start(parts[entry])
        )
        missing = [entry for entry in wanted if not parts[entry]]
        runs = _runs([part for entry in placed for part in parts[entry]], self.blob.size)
        if runs is None:
            yield from self._from_layer(wanted, progress)
            return
        members = _Members(self.blob, self.places, self.limits, runs)
        for entry in placed:
            content = _Content(parts[entry], self._digest_of(entry))
            try:
                for piece in content.pieces(members, progress):
                    yield entry, piece
                    progress.advance(len(piece))
            except (NotAsListedError, DamagedStreamError):
                self.layer.distrust(self)
                if content.unchecked:
                    raise DamagedStreamError(_WRONG) from None
                for _, piece in _without(self._from_layer([entry], progress), content.given):
                    yield entry, piece
        if missing:
            yield from self._from_layer(missing, progress)

    def digests(self, entries: NDArray[np.int64]) -> Iterator[bytes | None]:
        """As `LayerContents.digests`, but in one pass: each content alone would be a request."""
        stored = self.index.columns.stored
        found = {
            entry: hashlib.sha256().digest() for entry in entries[stored[entries] == 0].tolist()
        }
        with suppress(DamagedStreamError, OSError):
            pieces = self.pieces(entries.tolist(), NullProgress())
            for entry, own in groupby(pieces, lambda piece: piece[0]):
                digest, size = hashlib.sha256(), 0
                for _, piece in own:
                    digest.update(piece)
                    size += len(piece)
                if size == stored[entry]:
                    found[entry] = digest.digest()
        yield from map(found.get, entries.tolist())

    def _digest_of(self, entry: int) -> bytes | None:
        """SHA-256 of a content according to the table; None if it has none."""
        return None if self.index.digests is None else self.index.digests[entry].tobytes()

    def _from_layer(
        self, entries: Sequence[int], progress: Progress
    ) -> Iterator[tuple[int, bytes]]:
        """The same contents from the layer itself, which is fetched.

        Raises `DamagedStreamError` in the end if one is not there.
        """
        if not entries:
            return
        whole = self.layer.contents(self, progress)
        if whole.index is self.index:
            found = {entry: entry for entry in entries}
        else:
            find = _with_paths if self.index.digests is None else _with_digests
            found = find(self.index, whole.index, entries)
        for number, piece in whole.pieces(sorted(found), QuietProgress(progress)):
            yield found[number], piece
            progress.advance(len(piece))
        if len(found) < len(entries):
            raise DamagedStreamError(_WRONG)


def _with_digests(listed: LayerIndex, whole: LayerIndex, entries: Sequence[int]) -> dict[int, int]:
    """Entries of the whole layer with the contents of listed ones, each with the one whose content it has."""
    if listed.digests is None or whole.digests is None:
        return {}
    wanted: dict[tuple[bytes, int], list[int]] = {}
    for entry in entries:
        key = listed.digests[entry].tobytes(), int(listed.columns.stored[entry])
        wanted.setdefault(key, []).append(entry)
    found: dict[int, int] = {}
    files = (whole.columns.kinds == Kind.FILE) & (whole.columns.stored > 0)
    for number in np.flatnonzero(files).tolist():
        key = whole.digests[number].tobytes(), int(whole.columns.stored[number])
        if number not in whole.sparse and (others := wanted.get(key)):
            found[number] = others.pop(0)
    return found


def _with_paths(listed: LayerIndex, whole: LayerIndex, entries: Sequence[int]) -> dict[int, int]:
    """The same for a table without digests: entries at the same place of the tar, with the same path and size."""
    return {
        entry: entry
        for entry in entries
        if entry < len(whole)
        and entry not in whole.sparse
        and whole.columns.stored[entry] == listed.columns.stored[entry]
        and _path(whole, entry) == _path(listed, entry)
    }


def _path(index: LayerIndex, entry: int) -> bytes:
    return index.tree.path(int(index.nodes[entry]))


_WRONG = "the table of contents of its layer is wrong: the content that it lists is not there"


class _WholeLayer:
    """The layer itself, once it was needed."""

    def __init__(self) -> None:
        self.known: LayerContents | None = None
        self._lock = Lock()

    def contents(self, listed: LayerContents, progress: Progress) -> LayerContents:
        """Its contents. Raises `LimitExceededError`, `CancelledError` and exceptions of fetching it."""
        blob, index, limits = listed.blob, listed.index, listed.limits
        with self._lock:
            if self.known is None:
                if index.extent is Extent.LISTED:
                    blob.pread(1, blob.size - 1)  # keeps a copy, because it is read twice
                    index = index_layer(blob, limits, QuietProgress(progress), hash_all=True)
                else:
                    blob.keep()
                self.known = LayerContents(blob, index, limits)
            return self.known

    def distrust(self, listed: LayerContents) -> None:
        """Read the layer from now on, if it has an index of its own: the table of contents is wrong."""
        if listed.index.extent is Extent.READ:
            self.contents(listed, NullProgress())


def _start(parts: Iterable[Part]) -> tuple[int, int]:
    """The start of the first part that has to be read."""
    return next(((part.offset, part.skip) for part in parts if not part.zeros), (0, 0))


def _without(pieces: Iterable[tuple[int, bytes]], count: int) -> Iterator[tuple[int, bytes]]:
    """All but the first `count` bytes."""
    for entry, piece in pieces:
        rest = piece[count:]
        count -= len(piece) - len(rest)
        if rest:
            yield entry, rest


def _runs(parts: Sequence[Part], size: int) -> list[tuple[int, int]] | None:
    """Start and end of the ranges to fetch for these parts; None if the whole layer costs no more, or if parts overlap."""
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
    if members > size + GAP or (len(runs) > 1 and cost > size):
        return None
    return runs


class _Members:
    """What gzip members, zstd frames or spans of a layer unpack to, read forwards."""

    def __init__(
        self,
        blob: Blob,
        places: Places,
        limits: Limits,
        runs: Sequence[tuple[int, int]],
    ) -> None:
        """`runs` are the ranges to fetch, ascending."""
        self._blob = blob
        self._places = places
        self._limits = limits
        self._starts = [start for start, _ in runs]
        self._ends = [end for _, end in runs]
        self._offset = -1
        """Offset of the current member."""
        self._position = 0
        """Position in its decompressed bytes."""
        self._stream: Iterator[bytes] = iter(())
        self._rest = b""
        self._raw: Iterator[bytes] = iter(())
        self._raw_rest = b""
        self._raw_position = 0
        """Where `_raw_rest` begins in the layer."""
        self._raw_last = b""
        """The byte before it: two spans may have it in common."""
        self._run = -1

    def read(self, part: Part, progress: Progress) -> Iterator[bytes]:
        """The bytes of a part. Raises `NotAsListedError`, `DamagedStreamError`, and what reading the blob raises."""
        if part.offset != self._offset or part.skip < self._position:
            packed = self._bytes(part.offset, part.end)
            self._stream = self._places.unpacked(part, packed, self._blob.name, self._limits)
            self._offset, self._position, self._rest = part.offset, 0, b""
        for _ in self._taken(part.skip - self._position, progress):
            pass
        yield from self._taken(part.size, progress)

    def _taken(self, count: int, progress: Progress) -> Iterator[bytes]:
        while count:
            check(progress)
            piece = self._rest or next(self._stream, b"")
            if not piece:
                raise NotAsListedError
            taken, self._rest = piece[:count], piece[count:]
            self._position += len(taken)
            count -= len(taken)
            yield taken

    def _bytes(self, start: int, end: int) -> Iterator[bytes]:
        """The bytes of the layer from `start` to `end`."""
        run = bisect_right(self._starts, start) - 1
        if run == self._run and start == self._raw_position - len(self._raw_last):
            self._raw_rest, self._raw_position = self._raw_last + self._raw_rest, start
            self._raw_last = b""
        if run != self._run or start < self._raw_position:
            self._run, self._raw_position, self._raw_rest, self._raw_last = run, start, b"", b""
            self._raw = self._blob.chunks(start, self._ends[run])
        while self._raw_position < end:
            piece = self._raw_rest or next(self._raw, b"")
            if not piece:
                return
            skipped = min(max(start - self._raw_position, 0), len(piece))
            stop = min(len(piece), end - self._raw_position)
            self._raw_last, self._raw_rest = piece[stop - 1 : stop], piece[stop:]
            self._raw_position += stop
            if stop > skipped:
                yield piece[skipped:stop]


class _Content:
    """One content, read part by part and checked."""

    def __init__(self, parts: Sequence[Part], digest: bytes | None) -> None:
        """`digest` is its SHA-256, if known."""
        self.given = 0
        """Bytes returned so far."""
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
                raise NotAsListedError
            if last and self._digest not in (None, whole.digest()):
                raise NotAsListedError
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
