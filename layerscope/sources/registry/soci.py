"""Finds the zTOCs of an image's layers: a SOCI index that its manifest names (v2), or that refers to it (v1).

Source: soci-snapshotter, soci/soci_index.go; OCI distribution-spec, "Listing Referrers".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from threading import Lock

from layerscope.errors import LayerscopeError
from layerscope.image.documents import Lenient, decode_object
from layerscope.limits import Limits

_INDEX_DIGEST = "com.amazon.soci.index-digest"
"""Annotation of a manifest: the digest of its SOCI index."""
_LAYER_DIGEST = "com.amazon.soci.image-layer-digest"
"""Annotation of a zTOC: the digest of its layer."""
_TYPES = (
    "application/vnd.amazon.soci.index.v1+json",
    "application/vnd.amazon.soci.index.v2+json",
)
_TRIED = 3
"""SOCI indexes that are looked at."""

Read = Callable[[str, str], bytes]
"""Reads a document by its digest; the second argument names it in errors."""


class SociTables:
    """The zTOCs of one image. Nothing is asked before the first is needed; whatever fails, there are none."""

    def __init__(
        self,
        annotations: Mapping[str, str],
        manifest: Read,
        blob: Read,
        referrers: Callable[[], bytes],
        limits: Limits,
    ) -> None:
        """`annotations` are those of the image's manifest; `referrers` asks for what refers to it."""
        self._annotations = annotations
        self._manifest = manifest
        self._blob = blob
        self._referrers = referrers
        self._limits = limits
        self._lock = Lock()
        self._digests: dict[str, str] | None = None
        """Digest of each layer's zTOC, by that of the layer."""

    def has(self, layer: str) -> bool:
        """Whether there is a zTOC of the layer with this digest."""
        return layer in self._found()

    def read(self, layer: str) -> bytes | None:
        """The zTOC of a layer; None if there is none that can be read."""
        digest = self._found().get(layer)
        try:
            return None if digest is None else self._blob(digest, "a table of contents")
        except LayerscopeError:
            return None

    def _found(self) -> dict[str, str]:
        with self._lock:
            if self._digests is None:
                self._digests = {}
                try:
                    for index in self._indexes():
                        self._digests = dict(self._tables(index))
                        if self._digests:
                            break
                except LayerscopeError:
                    pass
            return self._digests

    def _indexes(self) -> Iterator[str]:
        """Digests of SOCI indexes."""
        named = self._annotations.get(_INDEX_DIGEST)
        if named is not None:
            yield named
            return
        listed = Lenient(decode_object(self._referrers(), "its referrers", self._limits), "it")
        found = [
            Lenient(item, "it").text("digest") or ""
            for item in listed.items("manifests")
            if Lenient(item, "it").text("artifactType") in _TYPES
        ]
        yield from found[:_TRIED]

    def _tables(self, index: str) -> Iterator[tuple[str, str]]:
        """Digests of layers, each with that of its zTOC."""
        if not index.startswith("sha256:"):
            return  # nothing else is checked
        data = self._manifest(index, "a SOCI index")
        document = Lenient(decode_object(data, "a SOCI index", self._limits), "it")
        for item in (*document.items("layers"), *document.items("blobs")):
            described = Lenient(item, "it")
            digest = described.text("digest") or ""
            layer = described.mapping("annotations").get(_LAYER_DIGEST)
            if isinstance(layer, str) and digest.startswith("sha256:"):
                yield layer, digest
