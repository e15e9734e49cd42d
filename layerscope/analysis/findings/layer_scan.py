"""Scans the small files of one layer for rules while the layer is read; the result is cached with its index."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from layerscope.analysis.cache import check_range
from layerscope.analysis.findings.secrets.files import (
    ENVIRONMENT,
    KEYRINGS,
    PATTERNS,
    SAMPLES,
    Formats,
)
from layerscope.analysis.findings.secrets.known_files import KNOWN_FILES
from layerscope.analysis.findings.secrets.reading import (
    MAX_SMALL_BYTES,
    MAX_SUGGESTIVE_BYTES,
    PUBLIC_PLACES,
    SUGGESTIVE,
    TEXT_FILES,
)
from layerscope.analysis.findings.secrets.texts import kinds_in, may_hold_secrets
from layerscope.analysis.marks import Content
from layerscope.analysis.packages import manager_files, managers
from layerscope.analysis.path_patterns import PathPatterns, PatternTable
from layerscope.layers.names import AUFS_LINKS, clean
from layerscope.layers.packing import Packed

_KNOWN = PatternTable((file.patterns, file) for file in KNOWN_FILES)
_ENVIRONMENT, _SAMPLES = PathPatterns(ENVIRONMENT), PathPatterns(SAMPLES)
_KEYRINGS = PathPatterns(KEYRINGS)
_NAMED = PathPatterns(PATTERNS)
"""Files that are searched whatever they contain."""
_MANAGER_PATTERNS = (
    *managers.PATTERNS, *manager_files.PATTERNS, *manager_files.RELEASE, manager_files.MANIFEST
)  # fmt: skip
_MANAGER_FILES = PathPatterns(_MANAGER_PATTERNS)
"""Files of package managers."""
_NAMED_OR_MANAGER = PathPatterns([*PATTERNS, *_MANAGER_PATTERNS])
"""Files in either set."""
_SUGGESTIVE, _TEXT_FILES, _PUBLIC_PLACES = (
    PathPatterns(SUGGESTIVE),
    PathPatterns(TEXT_FILES),
    PathPatterns(PUBLIC_PLACES),
)
_MAX_KEPT_BYTES = 16 << 20
"""Maximum bytes of a content that is kept."""
_MAX_KEPT_TOTAL = 64 << 20
"""Maximum bytes of all contents that are kept per layer; others are read when they are needed."""


class LayerScan:
    """Secrets and files of package managers in one layer, by entry. A `Collector`.

    Only the path of an entry in its tar is considered. `SecretScan` knows all names of a file and searches those with several again.
    """

    small = MAX_SMALL_BYTES
    largest = _MAX_KEPT_BYTES

    def __init__(self) -> None:
        self._searched: list[NDArray[np.int64]] = []
        self.secrets: dict[int, frozenset[str]] = {}
        """The kinds of secrets in each entry that holds any; never the secrets."""
        self.kept: dict[int, bytes] = {}
        """Contents of files of package managers."""
        self._room = _MAX_KEPT_TOTAL
        self.changed = False
        """Whether anything was added since it was created or unpacked."""

    @property
    def searched(self) -> NDArray[np.int64]:
        """The entries that were searched for secrets, ascending."""
        return np.unique(np.concatenate([np.zeros(0, np.int64), *self._searched]))

    def wants(self, name: bytes, size: int) -> bool:
        path = clean(name)[0]
        return (_MANAGER_FILES.may_match(path) and _MANAGER_FILES.match(path)) or (
            size <= MAX_SUGGESTIVE_BYTES
            and _SUGGESTIVE.cover(path)
            and not _PUBLIC_PLACES.cover(path)
        )

    def take(
        self, entries: Sequence[int], names: Sequence[bytes], contents: Sequence[Content]
    ) -> None:
        with_marks = may_hold_secrets(contents)
        candidates = [
            number for number, name in enumerate(names) if _NAMED_OR_MANAGER.may_match(name)
        ]
        with_formats = {number for number in candidates if _NAMED.may_match(names[number])}
        for number in candidates:
            if _MANAGER_FILES.may_match(names[number]) and _MANAGER_FILES.match(
                clean(names[number])[0]
            ):
                self.keep(entries[number], contents[number])
        # AUFS stores hard-linked files there; their real names are those of their links.
        unsearched = {number for number, name in enumerate(names) if AUFS_LINKS in name}
        for number in (with_marks | with_formats) - unsearched:
            path = clean(names[number])[0]
            if _PUBLIC_PLACES.cover(path) or not (
                _TEXT_FILES.cover(path) or _SUGGESTIVE.cover(path)
            ):
                unsearched.add(number)  # searched later if another of its names calls for it
                continue
            formats = _formats_of(path) if number in with_formats else None
            if number not in with_marks and formats is None:
                continue
            self.add_kinds(entries[number], kinds_in(bytes(contents[number]), formats))
        self.mark_searched(
            np.array(
                [entry for number, entry in enumerate(entries) if number not in unsearched],
                np.int64,
            )
        )

    def mark_searched(self, entries: NDArray[np.int64]) -> None:
        """Note that these entries were searched for secrets."""
        self._searched.append(entries)
        self.changed = True

    def add_kinds(self, entry: int, kinds: frozenset[str]) -> None:
        """Note the kinds of secrets in an entry, if there are any."""
        if kinds:
            self.secrets[entry] = kinds

    def keep(self, entry: int, content: Content) -> None:
        """Keep the content of a file of a package manager, if there is room."""
        if entry not in self.kept and len(content) <= min(_MAX_KEPT_BYTES, self._room):
            self.kept[entry] = bytes(content)
            self._room -= len(content)
            self.changed = True

    def pack(self) -> Packed:
        """As a cache entry."""
        secrets, kept = sorted(self.secrets), sorted(self.kept)
        contents = b"".join(self.kept[entry] for entry in kept)
        return Packed(
            {"kinds": [sorted(self.secrets[entry]) for entry in secrets]},
            {
                "searched": self.searched,
                "secrets": np.array(secrets, np.int64),
                "kept": np.array(kept, np.int64),
                "sizes": np.array([len(self.kept[entry]) for entry in kept], np.int64),
                "contents": np.frombuffer(isal_zlib.compress(contents, 1), np.uint8),
            },
        )

    @classmethod
    def unpack(cls, packed: Packed, entries: int) -> LayerScan:
        """The inverse of `pack`, for a layer of that many entries. Raises KeyError, TypeError or ValueError for invalid values."""
        for name in ("searched", "secrets", "kept"):
            check_range(packed.arrays[name], entries)
        scan = cls()
        scan.load(packed)
        scan.changed = False
        return scan

    def load(self, packed: Packed) -> None:
        arrays = packed.arrays
        self.mark_searched(arrays["searched"])
        self.secrets |= {
            entry: frozenset(map(str, kinds))
            for entry, kinds in zip(arrays["secrets"].tolist(), packed.values["kinds"], strict=True)
        }
        sizes = arrays["sizes"].tolist()
        total = sum(sizes)
        if min(sizes, default=0) < 0 or total > _MAX_KEPT_TOTAL:
            raise ValueError("invalid sizes of kept contents")
        stream = isal_zlib.decompressobj()
        contents = stream.decompress(arrays["contents"].tobytes(), total + 1)
        if len(contents) != total:
            raise ValueError("kept contents do not match their sizes")
        bounds = pairwise(accumulate(sizes, initial=0))
        for entry, (start, end) in zip(arrays["kept"].tolist(), bounds, strict=True):
            self.keep(entry, contents[start:end])


def _formats_of(path: bytes) -> Formats | None:
    """The format of a file according to its path; None if it is not known."""
    known = _KNOWN.first(path)
    environment = _ENVIRONMENT.match(path) and not _SAMPLES.match(path)
    keyring = _KEYRINGS.match(path)
    if known is None and not environment and not keyring:
        return None
    return Formats(known, environment, keyring)
