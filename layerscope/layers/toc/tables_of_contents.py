"""Tables of contents of layers: the tree expected before layers are read, and the check against the tar afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from threading import Lock

from layerscope.errors import LimitExceededError
from layerscope.layers.blob import Blob
from layerscope.layers.cache import IndexCache
from layerscope.layers.index import LayerIndex
from layerscope.layers.reading import ExpectedIndexes
from layerscope.layers.toc.claims import claims_toc, is_as_claimed
from layerscope.layers.toc.differences import compare_with_tar
from layerscope.layers.toc.reading import Toc, has_toc, read_toc
from layerscope.limits import Limits

WORTHWHILE = 4 << 20
"""Minimum size of a layer in bytes: smaller layers are read as fast as a user could look at the expected tree."""


class TablesOfContents:
    """Tables by layer number. Each is read once. Thread-safe."""

    def __init__(
        self, blobs: Sequence[Blob], annotations: Sequence[Mapping[str, str]], limits: Limits
    ) -> None:
        """`annotations` are those of each layer in the manifest."""
        self._blobs = blobs
        self._annotations = annotations
        self._limits = limits
        self._locks = [Lock() for _ in blobs]
        self._read: dict[int, Toc | None] = {}
        self._keeps_tables = False

    def may_have_toc(self, number: int) -> bool:
        """Whether a layer seems to have a table, judging by its footer; if it has to be fetched, by what the manifest says."""
        blob = self._blobs[number]
        return (blob.digest is None or claims_toc(self._annotations[number])) and has_toc(blob)

    def expected_index(self, number: int) -> LayerIndex | None:
        """The index of a layer according to its table; None if the table is unreadable or contradicts the manifest."""
        toc = self._toc(number)
        if toc is None or not is_as_claimed(toc.check, self._annotations[number]):
            return None
        return toc.expected

    def with_check(self, number: int, index: LayerIndex) -> LayerIndex:
        """The index of a layer that was read, with the result of checking its table."""
        if index.compressed_bytes is None:
            return index
        toc = self._toc(number)
        if toc is None:
            return index
        check = toc.check
        if toc.expected is not None and index.broken is None:
            try:
                check = compare_with_tar(check, toc.expected, index, self._limits)
            except LimitExceededError as error:
                check = replace(check, problem=error.message)
        if not self._keeps_tables:
            del self._read[number]  # as large as the index itself, and no longer needed
        return replace(index, toc=check)

    def expected_indexes(
        self,
        cached: IndexCache | None,
        show: Callable[[Sequence[LayerIndex]], None],
    ) -> ExpectedIndexes | None:
        """The expected indexes for `read_layers`; `show` gets those of all layers, long before they are certain.

        None if that is not faster: if no layer has a table, or those with one are small or cached.
        """
        numbers = {
            number
            for number, blob in enumerate(self._blobs)
            if not (cached is not None and cached.has_compressed(blob))
            and self.may_have_toc(number)
        }
        if sum(self._blobs[number].size for number in numbers) < WORTHWHILE:
            return None
        self._keeps_tables = True
        return ExpectedIndexes(numbers, self.expected_index, show)

    def _toc(self, number: int) -> Toc | None:
        with self._locks[number]:
            if number not in self._read:
                self._read[number] = read_toc(self._blobs[number], self._limits)
            return self._read[number]
