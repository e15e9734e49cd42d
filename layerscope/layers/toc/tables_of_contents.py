"""Tables of contents of layers: the tree expected before layers are read, and the check against the tar afterwards."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from threading import Lock

from msgspec.structs import replace

from layerscope.errors import LimitExceededError
from layerscope.layers.blob import Blob
from layerscope.layers.cache import IndexCache
from layerscope.layers.contents import LayerContents
from layerscope.layers.index import LayerIndex
from layerscope.layers.index_builder import IndexBuilder
from layerscope.layers.reading import ExpectedIndexes
from layerscope.layers.toc.claims import claims_toc, is_as_claimed, is_vouched_for
from layerscope.layers.toc.differences import compare_with_tar
from layerscope.layers.toc.reading import Toc, has_toc, read_toc, read_ztoc
from layerscope.layers.walk import WalkResult
from layerscope.limits import Limits
from layerscope.words import Extent

WORTHWHILE = 4 << 20
"""Minimum size of a layer in bytes for showing an expected tree; smaller layers are read too fast for that to be useful."""
SMALL = 1 << 16
"""Size in bytes up to which fetching a layer costs no more than fetching its table: this is how much is fetched for a footer."""


class TablesOfContents:
    """Tables by layer number. Each is read once. Thread-safe."""

    def __init__(
        self,
        blobs: Sequence[Blob],
        annotations: Sequence[Mapping[str, str]],
        limits: Limits,
        *,
        places: bool = False,
    ) -> None:
        """`annotations` are those of each layer in the manifest; with `places`, `contents` reads contents by range."""
        self._blobs = blobs
        self._annotations = annotations
        self._limits = limits
        self._places = places
        first_by_name: dict[str, int] = {}
        self._first = [
            first_by_name.setdefault(blob.name, number) if blob.ranged else number
            for number, blob in enumerate(blobs)
        ]
        """For each ranged layer, the first one with the same blob: only that one is read."""
        self._locks = [Lock() for _ in blobs]
        self._tocs: dict[int, Toc | None] = {}
        self._keeps_tables = False
        self._tocs_beside: dict[int, Toc | None] = {}
        """Tables that are stored beside layers; None for unusable ones."""
        self._expected_beside: Collection[int] = ()
        """Layers whose expected index comes from such a table."""

    def may_have_toc(self, number: int) -> bool:
        """Whether a layer seems to have a table, judging by its footer, or by its annotations if reading costs a request."""
        if self._blobs[number].ranged:
            return claims_toc(self._annotations[number])
        return has_toc(self._blobs[number])

    def expected_index(self, number: int) -> LayerIndex | None:
        """The index of a layer according to its table; None if the table is unreadable or contradicts the manifest."""
        if number in self._expected_beside:
            toc = self._toc_beside(number)
            return None if toc is None else toc.expected
        toc = self._toc(number)
        if toc is None or not is_as_claimed(toc.check, self._annotations[number]):
            return None
        return toc.expected

    def listed_index(self, number: int, *, beside: bool = True) -> LayerIndex | None:
        """The index of a ranged layer according to its table, if that is as trustworthy as the layer; otherwise None.

        This requires that the manifest has the digest of the table, and the table has those of all contents; or, with `beside`,
        that there is a table beside the layer, which has no digests of contents.
        """
        if not self._blobs[number].ranged:
            return None
        if not claims_toc(self._annotations[number]):
            return self._listed_index_beside(number) if beside else None
        toc = self._toc(number)
        if toc is None or not is_vouched_for(toc.check, self._annotations[number]):
            return None
        if toc.expected is None or toc.expected.digests is None:
            return None
        return replace(toc.expected, toc=toc.check, extent=Extent.LISTED)

    def _listed_index_beside(self, number: int) -> LayerIndex | None:
        blob = self._blobs[number]
        if blob.size < WORTHWHILE or not blob.has_ztoc(vouched_for=True):
            return None
        toc = self._toc_beside(number)
        if toc is None or toc.expected is None:
            return None
        return replace(toc.expected, toc=toc.check, extent=Extent.LISTED)

    def unknown_index(self, number: int, media_type: str | None) -> LayerIndex:
        """The index of a layer that was not read, with only its size."""
        blob = self._blobs[number]
        toc = self._tocs.get(number)
        packed = media_type is not None and media_type.endswith(("gzip", "zstd"))
        builder = IndexBuilder(self._limits, blob.name)
        index = builder.finish(
            WalkResult(None, 0), tar_bytes=0, compressed_bytes=blob.size if packed else None
        )
        return replace(index, toc=None if toc is None else toc.check, extent=Extent.UNKNOWN)

    def contents(self, number: int, index: LayerIndex) -> LayerContents:
        """The contents of a layer with this index, which may share the memory of others."""
        if index.extent is Extent.LISTED:
            number = self._first[number]
        blob, toc = self._blobs[number], self._tocs.get(number) or self._tocs_beside.get(number)
        listed = toc.places if index.extent is Extent.LISTED and toc is not None else None
        if listed is None and not (self._places and _may_be_placed(blob, index)):
            return LayerContents(blob, index, self._limits)
        from layerscope.layers.toc.contents import ListedContents  # few images have them
        from layerscope.layers.toc.tar_places import TarPlaces

        if listed is None:
            claims, beside = self._annotations[number], blob.size >= WORTHWHILE
            listed = TarPlaces(blob, index, claims, self._limits, beside=beside)
        return ListedContents(blob, index, self._limits, listed)

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
            del self._tocs[number]  # as large as the index itself, and no longer needed
        return replace(index, toc=check)

    def expected_indexes(
        self,
        cached: IndexCache | None,
        show: Callable[[Sequence[LayerIndex]], None],
    ) -> ExpectedIndexes | None:
        """The expected indexes for `read_layers`; `show` is called with those of all layers before they are read.

        None if that is not faster, because no layer has a table, or all those with one are small or cached.
        """
        numbers = {
            number
            for number, blob in enumerate(self._blobs)
            if not (cached is not None and cached.has_compressed(blob))
            and self.may_have_toc(number)
        }
        numbers |= self._with_tables_beside(cached, numbers)
        if sum(self._blobs[number].size for number in numbers) < WORTHWHILE:
            return None
        self._keeps_tables = True
        return ExpectedIndexes(numbers, self.expected_index, show)

    def _with_tables_beside(self, cached: IndexCache | None, others: Collection[int]) -> set[int]:
        """Layers whose table is stored beside them; a registry is only asked if these layers are large enough."""
        fetched = [
            number
            for number, blob in enumerate(self._blobs)
            if blob.ranged
            and number not in others
            and not (cached is not None and cached.has_compressed(blob))
        ]
        if sum(self._blobs[number].size for number in fetched) >= WORTHWHILE:
            self._expected_beside = {number for number in fetched if self._blobs[number].has_ztoc()}
        return set(self._expected_beside)

    def _toc_beside(self, number: int) -> Toc | None:
        with self._locks[number]:
            if number not in self._tocs_beside:
                self._tocs_beside[number] = read_ztoc(
                    self._blobs[number], self._limits, places=self._places
                )
            return self._tocs_beside[number]

    def _toc(self, number: int) -> Toc | None:
        with self._locks[number]:
            if number not in self._tocs:
                self._tocs[number] = read_toc(
                    self._blobs[number],
                    self._limits,
                    self._annotations[number],
                    places=self._places,
                )
            return self._tocs[number]


def _may_be_placed(blob: Blob, index: LayerIndex) -> bool:
    """Whether single contents of a layer that was read may be fetched and checked."""
    return (
        blob.ranged
        and blob.size > SMALL
        and index.extent is Extent.READ
        and index.compressed_bytes is not None
        and index.digests is not None
    )
