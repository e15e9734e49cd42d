"""Places of the contents of a layer that was read, by the entries of its tar.

A table of contents lists them, which is read for the first content. It need not be trusted: contents have the digests that
were computed when the layer was read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from layerscope.layers.blob import Blob
from layerscope.layers.index import LayerIndex
from layerscope.layers.toc.check import SOCI
from layerscope.layers.toc.places import NotAsListedError, Part, Places
from layerscope.layers.toc.reading import read_toc, read_ztoc_places
from layerscope.limits import Limits

_DIGEST = np.dtype("S32")


class TarPlaces(Places):
    """The places of a layer's contents. Its table is read once, when the first place is asked for. Thread-safe."""

    def __init__(
        self,
        blob: Blob,
        index: LayerIndex,
        claims: Mapping[str, str],
        limits: Limits,
        *,
        beside: bool,
    ) -> None:
        """`index` is that of the tar, with digests; `claims` are the annotations of the layer.

        `beside` allows to look for a table beside the layer, which costs requests.
        """
        self._blob = blob
        self._index = index
        self._claims = claims
        self._limits = limits
        self._beside = beside
        self._lock = Lock()
        self._known: Places | None = None
        self._looked = False

    def of(self, entry: int) -> list[Part]:
        table = None if entry in self._index.sparse else self._table()
        return [] if table is None else table.of(entry)

    def unpacked(
        self, part: Part, packed: Iterator[bytes], name: str, limits: Limits
    ) -> Iterator[bytes]:
        table = self._table()
        if table is None:
            raise NotAsListedError
        return table.unpacked(part, packed, name, limits)

    def _table(self) -> Places | None:
        """The places that a table lists; None if there is none that can be used. Raises what fetching it raises."""
        with self._lock:
            if not self._looked:
                self._known = self._read()
                self._looked = True
            return self._known

    def _read(self) -> Places | None:
        check = self._index.toc
        if check is None or check.kind == SOCI:
            return read_ztoc_places(self._blob, self._index, self._limits) if self._beside else None
        if not check.readable:
            return None
        toc = read_toc(self._blob, self._limits, self._claims, places=True, kind=check.kind)
        if toc is None or toc.expected is None or toc.places is None:
            return None
        return _Matched.matched(toc.places, toc.expected, self._index)


@dataclass(frozen=True, slots=True)
class _Matched(Places):
    """Places of a table, by the entries of the tar."""

    places: Places
    entries: NDArray[np.int64]
    """For each entry of the tar, an entry of the table with the same content; -1 if there is none."""

    @classmethod
    def matched(cls, places: Places, listed: LayerIndex, index: LayerIndex) -> _Matched | None:
        """The places of the entries of `index`, by the digests of their contents; None if one side has none."""
        if listed.digests is None or index.digests is None or not len(listed):
            return None
        known, wanted = (
            np.ascontiguousarray(digests).view(_DIGEST).ravel()
            for digests in (listed.digests, index.digests)
        )
        order = np.argsort(known, kind="stable")
        at = order[np.minimum(np.searchsorted(known, wanted, sorter=order), len(order) - 1)]
        stored = index.columns.stored
        same = (known[at] == wanted) & (listed.columns.stored[at] == stored) & (stored > 0)
        return cls(places, np.where(same, at, -1))

    def of(self, entry: int) -> list[Part]:
        found = int(self.entries[entry])
        return [] if found < 0 else self.places.of(found)

    def unpacked(
        self, part: Part, packed: Iterator[bytes], name: str, limits: Limits
    ) -> Iterator[bytes]:
        return self.places.unpacked(part, packed, name, limits)
