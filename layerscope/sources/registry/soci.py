"""Finds the zTOCs of an image's layers: a SOCI index that its manifest names (v2), or that refers to it (v1).

Anyone who can write to the repository can add an index that refers to an image, so it is trusted as much as a tag.

Source: soci-snapshotter, soci/soci_index.go; OCI distribution-spec, "Listing Referrers".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from threading import Lock

from layerscope.errors import LayerscopeError
from layerscope.image.digest import is_digest
from layerscope.image.documents import Lenient
from layerscope.sources.artifacts import MANIFEST_TYPES
from layerscope.sources.oci_blobs import OciBlobs
from layerscope.sources.oci_descriptor import Descriptor

_INDEX_DIGEST = "com.amazon.soci.index-digest"
"""Annotation of a manifest: the digest of its SOCI index."""
_LAYER_DIGEST = "com.amazon.soci.image-layer-digest"
"""Annotation of a zTOC: the digest of its layer."""
_TYPES = (
    "application/vnd.amazon.soci.index.v1+json",
    "application/vnd.amazon.soci.index.v2+json",
)
_MAX_INDEXES = 3
"""Maximum number of SOCI indexes to read."""


class SociTables:
    """The zTOCs of one image. Nothing is requested before the first use; after any error, there are none."""

    def __init__(
        self,
        annotations: Mapping[str, str],
        blobs: OciBlobs,
        referrers: Callable[[], Iterable[Descriptor]],
        *,
        pinned: bool,
    ) -> None:
        """`annotations` are those of the image's manifest; `referrers` fetches its referrers.

        `pinned` is whether the image was requested by its digest.
        """
        named = annotations.get(_INDEX_DIGEST)
        self._named = named if named is not None and is_digest(named) else None
        self._pinned = pinned
        self._blobs = blobs
        self._referrers = referrers
        self._lock = Lock()
        self._tables: dict[str, Descriptor] | None = None
        """Each layer's zTOC, by the digest of the layer."""

    def has(self, layer: str, *, vouched_for: bool) -> bool:
        """Whether there is a zTOC of the layer with this digest; with `vouched_for`, one as trusted as the layer itself."""
        if vouched_for and self._pinned and self._named is None:
            return False
        return layer in self._tables_by_layer()

    def read(self, layer: str, max_bytes: int) -> bytes | None:
        """The zTOC of a layer; None if there is none of at most `max_bytes` bytes that can be read."""
        table = self._tables_by_layer().get(layer)
        if table is None or (table.size or 0) > max_bytes:
            return None
        try:
            return self._blobs.blob(table, "a table of contents").read()
        except LayerscopeError:
            return None

    def _tables_by_layer(self) -> dict[str, Descriptor]:
        with self._lock:
            if self._tables is None:
                self._tables = {}
                try:
                    for index in self._indexes():
                        self._tables = dict(self._listed(index))
                        if self._tables:
                            break
                except LayerscopeError:
                    pass
            return self._tables

    def _indexes(self) -> Iterable[Descriptor]:
        """The SOCI indexes to try."""
        if self._named is not None:
            return [Descriptor(self._named, MANIFEST_TYPES[0], None, {}, None, None)]
        indexes = [one for one in self._referrers() if one.artifact_type in _TYPES]
        return indexes[:_MAX_INDEXES]

    def _listed(self, index: Descriptor) -> Iterator[tuple[str, Descriptor]]:
        """Digests of layers, each with its zTOC."""
        if not index.digest.startswith("sha256:"):
            return  # other digests are not checked
        document = Lenient(self._blobs.document(index), "a SOCI index")
        for item in (*document.items("layers"), *document.items("blobs")):
            table = Descriptor.read(item)
            layer = None if table is None else table.annotations.get(_LAYER_DIGEST)
            if table is not None and isinstance(layer, str) and table.digest.startswith("sha256:"):
                yield layer, table
