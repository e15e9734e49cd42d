"""Fetches single contents of a layer from the positions in its table of contents.

Every content is checked before its last bytes are returned, and small ones before their first, against the digest in the table, or
the one that was computed when the layer was read. If a content is not at its position, the complete layer is fetched and used from
then on. If it was not read before, the content is found by its digest. A table without digests of contents has those of the
compressed bytes; the content is then found by its path.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import groupby
from threading import Lock

import numpy as np
from msgspec import field
from numpy.typing import NDArray

from layerscope.layers.blob import Blob, zeros
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
"""Maximum bytes of a part that are withheld until its digest is checked; for a larger part, only its last bytes."""


class ListedContents(LayerContents, frozen=True):
    """Contents of a layer whose index comes from its table of contents or from its tar."""

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
        """As `LayerContents.pieces`, in the order of their positions."""
        nonempty = [entry for entry in entries if self.index.columns.stored[entry]]
        if self.layer.loaded is not None:
            yield from self._from_layer(nonempty, progress)
            return
        parts = {entry: self.places.of(entry) for entry in nonempty}
        placed = sorted(
            (entry for entry in nonempty if parts[entry]), key=lambda entry: _start(parts[entry])
        )
        missing = [entry for entry in nonempty if not parts[entry]]
        runs = _fetch_ranges([part for entry in placed for part in parts[entry]], self.blob.size)
        if runs is None:
            yield from self._from_layer(nonempty, progress)
            return
        members = _MemberReader(self.blob, self.places, self.limits, runs)
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
                for _, piece in _skip_bytes(self._from_layer([entry], progress), content.yielded):
                    yield entry, piece
        if missing:
            yield from self._from_layer(missing, progress)

    def digests(self, entries: NDArray[np.int64]) -> Iterator[bytes | None]:
        """As `LayerContents.digests`, but in one pass, as reading each content separately would take a request."""
        stored = self.index.columns.stored
        digests = {
            entry: hashlib.sha256().digest() for entry in entries[stored[entries] == 0].tolist()
        }
        with suppress(DamagedStreamError, OSError):
            pieces = self.pieces(entries.tolist(), NullProgress())
            for entry, entry_pieces in groupby(pieces, lambda piece: piece[0]):
                digest, size = hashlib.sha256(), 0
                for _, piece in entry_pieces:
                    digest.update(piece)
                    size += len(piece)
                if size == stored[entry]:
                    digests[entry] = digest.digest()
        yield from map(digests.get, entries.tolist())

    def _digest_of(self, entry: int) -> bytes | None:
        """SHA-256 of a content; None if unknown."""
        return None if self.index.digests is None else self.index.digests[entry].tobytes()

    def _from_layer(
        self, entries: Sequence[int], progress: Progress
    ) -> Iterator[tuple[int, bytes]]:
        """The same contents from the complete layer, which is fetched.

        Raises `DamagedStreamError` at the end if a content is missing.
        """
        if not entries:
            return
        contents = self.layer.contents(self, progress)
        if contents.index is self.index:
            entry_of = {entry: entry for entry in entries}
        else:
            find = _with_paths if self.index.digests is None else _with_digests
            entry_of = find(self.index, contents.index, entries)
        for number, piece in contents.pieces(sorted(entry_of), QuietProgress(progress)):
            yield entry_of[number], piece
            progress.advance(len(piece))
        if len(entry_of) < len(entries):
            raise DamagedStreamError(_WRONG)


def _with_digests(listed: LayerIndex, whole: LayerIndex, entries: Sequence[int]) -> dict[int, int]:
    """Maps entries of the complete layer to listed entries with the same content."""
    if listed.digests is None or whole.digests is None:
        return {}
    entries_by_content: dict[tuple[bytes, int], list[int]] = {}
    for entry in entries:
        key = listed.digests[entry].tobytes(), int(listed.columns.stored[entry])
        entries_by_content.setdefault(key, []).append(entry)
    entry_of: dict[int, int] = {}
    files = (whole.columns.kinds == Kind.FILE) & (whole.columns.stored > 0)
    for number in np.flatnonzero(files).tolist():
        key = whole.digests[number].tobytes(), int(whole.columns.stored[number])
        if number not in whole.sparse and (matching := entries_by_content.get(key)):
            entry_of[number] = matching.pop(0)
    return entry_of


def _with_paths(listed: LayerIndex, whole: LayerIndex, entries: Sequence[int]) -> dict[int, int]:
    """The same for a table without digests: entries with the same number, path and size."""
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
    """The complete layer, once it was needed."""

    def __init__(self) -> None:
        self.loaded: LayerContents | None = None
        self._lock = Lock()

    def contents(self, listed: LayerContents, progress: Progress) -> LayerContents:
        """The contents of the complete layer. Raises `LimitExceededError`, `CancelledError` and exceptions of fetching it."""
        blob, index, limits = listed.blob, listed.index, listed.limits
        with self._lock:
            if self.loaded is None:
                if index.extent is Extent.LISTED:
                    blob.pread(1, blob.size - 1)  # keeps a copy, because it is read twice
                    index = index_layer(blob, limits, QuietProgress(progress), hash_all=True)
                else:
                    blob.keep()
                self.loaded = LayerContents(blob, index, limits)
            return self.loaded

    def distrust(self, listed: LayerContents) -> None:
        """Use the complete layer from now on, if it was read before: the table of contents is wrong."""
        if listed.index.extent is Extent.READ:
            self.contents(listed, NullProgress())


def _start(parts: Iterable[Part]) -> tuple[int, int]:
    """The start of the first part that has to be read."""
    return next(((part.offset, part.skip) for part in parts if not part.zeros), (0, 0))


def _skip_bytes(pieces: Iterable[tuple[int, bytes]], count: int) -> Iterator[tuple[int, bytes]]:
    """All but the first `count` bytes."""
    for entry, piece in pieces:
        rest = piece[count:]
        count -= len(piece) - len(rest)
        if rest:
            yield entry, rest


def _fetch_ranges(parts: Sequence[Part], size: int) -> list[tuple[int, int]] | None:
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


class _MemberReader:
    """Reads decompressed bytes of gzip members, zstd frames or spans of a layer, moving forwards."""

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
        self._packed: Iterator[bytes] = iter(())
        self._packed_rest = b""
        self._packed_position = 0
        """Offset of `_packed_rest` in the layer."""
        self._packed_last = b""
        """The byte before it, which two spans may share."""
        self._run = -1

    def read(self, part: Part, progress: Progress) -> Iterator[bytes]:
        """The bytes of a part. Raises `NotAsListedError`, `DamagedStreamError`, and errors of reading the blob."""
        if part.offset != self._offset or part.skip < self._position:
            packed = self._bytes(part.offset, part.end)
            self._stream = self._places.unpacked(part, packed, self._blob.name, self._limits)
            self._offset, self._position, self._rest = part.offset, 0, b""
        for _ in self._take(part.skip - self._position, progress):
            pass
        yield from self._take(part.size, progress)

    def _take(self, count: int, progress: Progress) -> Iterator[bytes]:
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
        if run == self._run and start == self._packed_position - len(self._packed_last):
            self._packed_rest, self._packed_position = self._packed_last + self._packed_rest, start
            self._packed_last = b""
        if run != self._run or start < self._packed_position:
            self._run, self._packed_position = run, start
            self._packed_rest, self._packed_last = b"", b""
            self._packed = self._blob.chunks(start, self._ends[run])
        while self._packed_position < end:
            piece = self._packed_rest or next(self._packed, b"")
            if not piece:
                return
            skipped = min(max(start - self._packed_position, 0), len(piece))
            stop = min(len(piece), end - self._packed_position)
            self._packed_last, self._packed_rest = piece[stop - 1 : stop], piece[stop:]
            self._packed_position += stop
            if stop > skipped:
                yield piece[skipped:stop]


class _Content:
    """Reads one content part by part, and checks it."""

    def __init__(self, parts: Sequence[Part], digest: bytes | None) -> None:
        """`digest` is its SHA-256, if known."""
        self.yielded = 0
        """Bytes returned so far."""
        self.unchecked = False
        """Whether some of these bytes were not checked."""
        self._parts = parts
        self._digest = digest

    def pieces(self, members: _MemberReader, progress: Progress) -> Iterator[bytes]:
        """The content in pieces. Raises as `_MemberReader.read` does."""
        content_hash = hashlib.sha256()
        for number, part in enumerate(self._parts):
            last = number + 1 == len(self._parts)
            part_hash, withheld, size = hashlib.sha256(), list[bytes](), 0
            for piece in zeros(part.size) if part.zeros else members.read(part, progress):
                check(progress)
                content_hash.update(piece)
                part_hash.update(piece)
                withheld.append(piece)
                size += len(piece)
                while size > HELD and len(withheld) > 1:
                    self.unchecked = True
                    size -= len(withheld[0])
                    yield self._counted(withheld.pop(0))
            if part.digest not in (None, part_hash.digest()):
                raise NotAsListedError
            if last and self._digest not in (None, content_hash.digest()):
                raise NotAsListedError
            self.unchecked |= part.digest is None and not last
            for piece in withheld:
                yield self._counted(piece)

    def _counted(self, piece: bytes) -> bytes:
        self.yielded += len(piece)
        return piece
