"""Positions of contents in a layer that was read, by the entries of its tar.

They come from a table of contents, which is read for the first content. It need not be trusted: contents are checked against the
digests that were computed when the layer was read.
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
    """The positions of a layer's contents. Its table is read once, for the first position. Thread-safe."""

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

        With `beside`, a table beside the layer may be used, which costs requests.
        """
        self._blob = blob
        self._index = index
        self._claims = claims
        self._limits = limits
        self._beside = beside
        self._lock = Lock()
        self._places: Places | None = None
        self._is_read = False

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
        """The positions in the table; None without a usable one. Raises errors of fetching it."""
        with self._lock:
            if not self._is_read:
                self._places = self._read()
                self._is_read = True
            return self._places

    def _read(self) -> Places | None:
        check = self._index.toc
        if check is None or check.kind == SOCI:
            return read_ztoc_places(self._blob, self._index, self._limits) if self._beside else None
        if not check.readable:
            return None
        toc = read_toc(self._blob, self._limits, self._claims, places=True, kind=check.kind)
        if toc is None or toc.expected is None or toc.places is None:
            return None
        return _MatchedPlaces.matched(toc.places, toc.expected, self._index)


@dataclass(frozen=True, slots=True)
class _MatchedPlaces(Places):
    """Positions from a table, by the entries of the tar."""

    places: Places
    entries: NDArray[np.int64]
    """For each entry of the tar, an entry of the table with the same content; -1 if there is none."""

    @classmethod
    def matched(
        cls, places: Places, listed: LayerIndex, index: LayerIndex
    ) -> _MatchedPlaces | None:
        """The positions of the entries of `index`, matched by digests of contents; None if table or tar has no digests."""
        if listed.digests is None or index.digests is None or not len(listed):
            return None
        listed_digests, tar_digests = (
            np.ascontiguousarray(digests).view(_DIGEST).ravel()
            for digests in (listed.digests, index.digests)
        )
        order = np.argsort(listed_digests, kind="stable")
        at = order[
            np.minimum(np.searchsorted(listed_digests, tar_digests, sorter=order), len(order) - 1)
        ]
        stored = index.columns.stored
        same = (
            (listed_digests[at] == tar_digests)
            & (listed.columns.stored[at] == stored)
            & (stored > 0)
        )
        return cls(places, np.where(same, at, -1))

    def of(self, entry: int) -> list[Part]:
        match = int(self.entries[entry])
        return [] if match < 0 else self.places.of(match)

    def unpacked(
        self, part: Part, packed: Iterator[bytes], name: str, limits: Limits
    ) -> Iterator[bytes]:
        return self.places.unpacked(part, packed, name, limits)
