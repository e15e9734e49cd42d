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
    LARGEST,
    LARGEST_TELLING,
    OTHERS,
    TELLING,
    TEXTS,
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
_OF_MANAGERS = (
    *managers.PATTERNS, *manager_files.PATTERNS, *manager_files.RELEASE, manager_files.MANIFEST
)  # fmt: skip
_KEPT = PathPatterns(_OF_MANAGERS)
"""Files of package managers."""
_LOOKED_AT = PathPatterns([*PATTERNS, *_OF_MANAGERS])
"""Both."""
_TELLING, _TEXTS, _OTHERS = PathPatterns(TELLING), PathPatterns(TEXTS), PathPatterns(OTHERS)
_LARGEST_KEPT = 16 << 20
"""Maximum bytes of a content that is kept."""
_MOST_KEPT = 64 << 20
"""Maximum bytes of all contents that are kept per layer; others are read when they are needed."""


class LayerScan:
    """Secrets and files of package managers in one layer, by entry. A `Collector`.

    Only the path of an entry in its tar is considered; files with further names are handled by code that knows all names.
    """

    small = LARGEST
    largest = _LARGEST_KEPT

    def __init__(self) -> None:
        self._searched: list[NDArray[np.int64]] = []
        self.secrets: dict[int, frozenset[str]] = {}
        """The kinds of secrets in each entry that holds any; never the secrets."""
        self.kept: dict[int, bytes] = {}
        """Contents of files of package managers."""
        self._room = _MOST_KEPT
        self.changed = False
        """Whether anything was added since it was created or unpacked."""

    @property
    def searched(self) -> NDArray[np.int64]:
        """The entries that were searched for secrets, ascending."""
        return np.unique(np.concatenate([np.zeros(0, np.int64), *self._searched]))

    def wants(self, name: bytes, size: int) -> bool:
        path = clean(name)[0]
        return (_KEPT.may_match(path) and _KEPT.match(path)) or (
            size <= LARGEST_TELLING and _TELLING.cover(path) and not _OTHERS.cover(path)
        )

    def take(
        self, entries: Sequence[int], names: Sequence[bytes], contents: Sequence[Content]
    ) -> None:
        some = may_hold_secrets(contents)
        looked = [place for place, name in enumerate(names) if _LOOKED_AT.may_match(name)]
        named = {place for place in looked if _NAMED.may_match(names[place])}
        for place in looked:
            if _KEPT.may_match(names[place]) and _KEPT.match(clean(names[place])[0]):
                self.keep(entries[place], contents[place])
        # Files there have the names that links give them.
        left = {place for place, name in enumerate(names) if AUFS_LINKS in name}
        for place in (some | named) - left:
            path = clean(names[place])[0]
            if _OTHERS.cover(path) or not (_TEXTS.cover(path) or _TELLING.cover(path)):
                left.add(place)  # searched if another of its names asks for it
                continue
            formats = _formats_of(path) if place in named else None
            if place not in some and formats is None:
                continue
            self.found(entries[place], kinds_in(bytes(contents[place]), formats))
        self.search(
            np.array([entry for place, entry in enumerate(entries) if place not in left], np.int64)
        )

    def search(self, entries: NDArray[np.int64]) -> None:
        """Note that these entries were searched for secrets."""
        self._searched.append(entries)
        self.changed = True

    def found(self, entry: int, kinds: frozenset[str]) -> None:
        """Note the kinds of secrets in an entry, if there are any."""
        if kinds:
            self.secrets[entry] = kinds

    def keep(self, entry: int, content: Content) -> None:
        """Keep the content of a file of a package manager, if there is room."""
        if entry not in self.kept and len(content) <= min(_LARGEST_KEPT, self._room):
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
        self.search(arrays["searched"])
        self.secrets |= {
            entry: frozenset(map(str, kinds))
            for entry, kinds in zip(arrays["secrets"].tolist(), packed.values["kinds"], strict=True)
        }
        sizes = arrays["sizes"].tolist()
        total = sum(sizes)
        if min(sizes, default=0) < 0 or total > _MOST_KEPT:
            raise ValueError("sizes of contents that are not kept")
        stream = isal_zlib.decompressobj()
        contents = stream.decompress(arrays["contents"].tobytes(), total + 1)
        if len(contents) != total:
            raise ValueError("other contents than were kept")
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
