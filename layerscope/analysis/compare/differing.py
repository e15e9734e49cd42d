"""Compares contents of two images in batches, so that memory does not grow."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from layerscope.analysis.compare.layers import diff_ids
from layerscope.analysis.compare.side import Side
from layerscope.filesystem.compare_contents import hash_contents
from layerscope.filesystem.inodes import Inodes, merge_strings
from layerscope.layers.extensions import SparseMap
from layerscope.layers.index import Columns, Kind
from layerscope.progress import Progress, check

Numbers = NDArray[np.int32]

BATCH = 1 << 18
"""Pairs per batch."""


class Differences:
    """Compares pairs of inodes, one of the old and one of the new image."""

    def __init__(self, old: Side, new: Side) -> None:
        self._sides = (old, new)
        self._old, self._new = old.filesystem.inodes, new.filesystem.inodes
        self._layers = _layer_numbers(diff_ids(old), diff_ids(new))
        self._links, self._link_maps = merge_strings([self._old.links, self._new.links])
        self._xattrs, self._xattr_maps = merge_strings([self._old.xattrs, self._new.xattrs])

    def read_contents(self, old: Numbers, new: Numbers, progress: Progress) -> None:
        """Read the contents of pairs that cannot be compared without. Raises `CancelledError`."""
        unknown = np.flatnonzero(self._may_equal(old, new) & ~self.same_entry(old, new))
        for side, inodes in zip(self._sides, (old[unknown], new[unknown]), strict=True):
            hash_contents(
                side.filesystem.inodes,
                np.unique(inodes),
                side.contents,
                progress,
                "Comparing contents",
            )

    def compare(self, old: Numbers, new: Numbers, progress: Progress) -> NDArray[np.uint8]:
        """`Why` bits of each pair, as from `Inodes.differences`. Contents must be known, see `read_contents`."""
        why = np.zeros(len(old), np.uint8)
        for start in range(0, len(old), BATCH):
            check(progress)
            span = slice(start, start + BATCH)
            why[span] = self._compare_batch(old[span], new[span])
        return why

    def same_entry(self, old: Numbers, new: Numbers) -> NDArray[np.bool_]:
        """Pairs that are the same entry of the same layer."""
        explicit = (old != self._old.implicit) & (new != self._new.implicit)
        old_layers, new_layers = self._old.layers(old), self._new.layers(new)
        same_layer = self._layers[0][old_layers] == self._layers[1][new_layers]
        same_index = old - self._old.first[old_layers] == new - self._new.first[new_layers]
        same: NDArray[np.bool_] = explicit & same_layer & same_index
        return same

    def _may_equal(self, old: Numbers, new: Numbers) -> NDArray[np.bool_]:
        """Pairs of files with the same number of stored bytes, more than 0."""
        old_columns, new_columns = self._old.columns, self._new.columns
        same: NDArray[np.bool_] = (
            (old_columns.kinds[old] == Kind.FILE)
            & (new_columns.kinds[new] == Kind.FILE)
            & (old_columns.stored[old] == new_columns.stored[new])
            & (old_columns.stored[old] > 0)
        )
        return same

    def _compare_batch(self, old: Numbers, new: Numbers) -> NDArray[np.uint8]:
        """`compare` for a batch, whose inodes are treated as those of a single image."""
        count = len(old)
        columns = Columns.joined(
            [
                self._columns(0, old),
                self._columns(1, new),
                self._columns(0, np.array([self._old.implicit], np.int32)),
            ]
        )
        digests = np.zeros((2 * count + 1, 32), np.uint8)
        hashed = np.zeros(2 * count + 1, bool)
        for start, inodes, rows in ((0, self._old, old), (count, self._new, new)):
            digests[start : start + count] = inodes.digests[rows]
            hashed[start : start + count] = inodes.hashed[rows]
        numbers = np.arange(count, dtype=np.int32)
        # The same entry of the same layer is equal, even if its content was not read.
        alike = numbers[self.same_entry(old, new) & ~(hashed[:count] & hashed[count:-1])]
        digests[alike] = digests[alike + count] = 0
        hashed[alike] = hashed[alike + count] = True
        pairs = Inodes(
            columns,
            np.array([0, 2 * count], np.int64),
            self._links,
            self._xattrs,
            {**_sparse_maps(self._old, old, 0), **_sparse_maps(self._new, new, count)},
            digests,
            hashed,
        )
        return pairs.differences(
            np.where(old == self._old.implicit, 2 * count, numbers),
            np.where(new == self._new.implicit, 2 * count, numbers + count),
        )

    def _columns(self, side: int, rows: Numbers) -> Columns:
        """Some inodes of one side, with link and attribute numbers that both sides share."""
        columns = (self._old, self._new)[side].columns
        selected = Columns(*(getattr(columns, name)[rows] for name in Columns.__struct_fields__))
        # The merged numbers may not fit into the types of one side.
        return replace(
            selected,
            links=self._link_maps[side][selected.links],
            xattrs=self._xattr_maps[side][selected.xattrs],
        )


def _layer_numbers(old: Sequence[str | None], new: Sequence[str | None]) -> tuple[Numbers, Numbers]:
    """A number for each layer of both images, the same for the same layer; one more for implicit directories."""
    numbers: dict[object, int] = {}
    old_numbers = [
        numbers.setdefault(("old", place) if diff_id is None else diff_id, len(numbers))
        for place, diff_id in enumerate([*old, None])
    ]
    new_numbers = [
        numbers.setdefault(("new", place) if diff_id is None else diff_id, len(numbers))
        for place, diff_id in enumerate([*new, None])
    ]
    return np.array(old_numbers, np.int32), np.array(new_numbers, np.int32)


def _sparse_maps(inodes: Inodes, rows: Numbers, start: int) -> dict[int, SparseMap]:
    """The maps of the sparse files among these, by their position after `start`."""
    if not inodes.sparse:
        return {}
    sparse = np.isin(rows, np.fromiter(inodes.sparse, np.int32, len(inodes.sparse)))
    places = np.flatnonzero(sparse).tolist()
    return {start + place: inodes.sparse[int(rows[place])] for place in places}
