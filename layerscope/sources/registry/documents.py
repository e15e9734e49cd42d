"""Manifests, configs and blobs of a repository (OCI distribution-spec, "Pull", "Listing Referrers")."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from threading import Lock
from typing import Any

import numpy as np

from layerscope.errors import CorruptImageError, ImageNotFoundError, LayerscopeError
from layerscope.image.documents import Lenient, decode_object
from layerscope.layers.blob import Blob, MemoryBlob
from layerscope.layers.packing import Packed
from layerscope.layers.store import Store
from layerscope.sources.artifacts import INDEX_TYPES, MANIFEST_TYPES
from layerscope.sources.oci_blobs import OciBlobs
from layerscope.sources.oci_descriptor import Descriptor
from layerscope.sources.registry.client import Client, Document, check_algorithm, matches
from layerscope.sources.registry.layer import Budget, RegistryLayer

MAX_REFERRERS = 100
"""Maximum number of referrers that are read for one manifest."""
_DOCUMENT = "document"
"""Kind of cache entries with a manifest or config, by digest."""
_TAG = "tag"
"""Kind of cache entries with the last known digest of a tag."""


class Documents:
    """Manifests and configs of a repository, cached."""

    def __init__(self, client: Client, cache: Store | None) -> None:
        self.client = client
        self._cache = cache
        self._read: dict[str, Document] = {}
        self._referrers: dict[str, list[Descriptor]] = {}
        self._referrers_lock = Lock()
        """Held while referrers are fetched."""
        self.problem: str | None = None
        """Why referrers are not known."""

    def top(self) -> Document:
        """The manifest or index of the reference. For a cached tag, only its digest is requested."""
        reference = self.client.reference
        if reference.digest is not None:
            return self.manifest(reference.digest)
        key = Store.key(_TAG, reference.host, reference.path, reference.target)
        packed = None if self._cache is None else self._cache.read(_TAG, key)
        digest = None if packed is None else packed.values.get("digest")
        if isinstance(digest, str) and (cached := self._cached(digest)) is not None:
            with suppress(LayerscopeError):  # the request for the manifest reports the error
                if self.client.digest_of(reference.target) == digest:
                    return cached
        document = self.client.manifest(reference.target)
        self._remember(document)
        if self._cache is not None:
            self._cache.write(_TAG, key, Packed({"digest": document.digest}, {}))
        return document

    def manifest(self, digest: str) -> Document:
        """The manifest or index with this digest."""
        document = self._cached(digest)
        if document is None:
            document = self.client.manifest(digest)
            self._remember(document)
        return document

    def blob(self, digest: str, what: str) -> bytes:
        """A document that is stored as a blob, called `what` in errors."""
        document = self._cached(digest)
        if document is None:
            document = Document(self.client.blob(digest, what), digest, "")
            self._remember(document)
        return document.data

    def referrers(self, digest: str) -> list[Descriptor]:
        """The referrers of a manifest that the registry lists: signatures, SBOMs, tables of contents.

        Registries without the API have an index with a tag made of the digest instead (distribution-spec, "Referrers Tag Schema").
        """
        with self._referrers_lock:
            if digest not in self._referrers:
                self._referrers[digest] = list(self._fetch_referrers(digest))
            return self._referrers[digest]

    def tagged(self, tag: str) -> Descriptor | None:
        """The manifest of a tag, such as cosign's; None if missing or unreadable."""
        try:
            document = self.client.manifest(tag, once=True)
        except ImageNotFoundError:
            return None
        except LayerscopeError as error:
            self.problem = error.message
            return None
        self._remember(document)
        return Descriptor(document.digest, MANIFEST_TYPES[0], None, {}, None, None)

    def _fetch_referrers(self, digest: str) -> Iterable[Descriptor]:
        name, limits = "list of referrers", self.client.limits
        requests: tuple[Callable[[], bytes], ...] = (
            lambda: self.client.json(f"referrers/{digest}", name, once=True).body,
            lambda: self.client.json(f"manifests/{digest.replace(':', '-')}", name, once=True).body,
        )
        for send in requests:
            try:
                listed = Lenient(decode_object(send(), name, limits), name).items("manifests")
            except ImageNotFoundError:
                continue
            except LayerscopeError as error:
                self.problem = error.message  # the image can be read without them
                break
            referrers = [one for value in listed[:MAX_REFERRERS] if (one := Descriptor.read(value))]
            return {one.digest: one for one in referrers}.values()
        return ()

    def _cached(self, digest: str) -> Document | None:
        if digest in self._read:
            return self._read[digest]
        packed = (
            None
            if self._cache is None
            else self._cache.read(_DOCUMENT, Store.key(_DOCUMENT, digest))
        )
        if packed is None:
            return None
        kind, data = packed.values.get("mediaType"), packed.arrays.get("data")
        if not isinstance(kind, str) or data is None:
            return None
        document = Document(data.tobytes(), digest, kind)
        return document if matches(document.data, digest) else None

    def _remember(self, document: Document) -> None:
        self._read[document.digest] = document
        if self._cache is not None:
            data = np.frombuffer(document.data, np.uint8)
            key = Store.key(_DOCUMENT, document.digest)
            self._cache.write(
                _DOCUMENT, key, Packed({"mediaType": document.media_type}, {"data": data})
            )


class RegistryBlobs(OciBlobs):
    """The blobs of a repository, by descriptor."""

    def __init__(self, documents: Documents, budget: Budget) -> None:
        self._documents = documents
        self._budget = budget

    def document(self, descriptor: Descriptor) -> dict[str, Any]:
        name = f"manifest {descriptor.digest[:19]}"
        return decode_object(self.read(descriptor, name), name, self._documents.client.limits)

    def read(self, descriptor: Descriptor, role: str) -> bytes:
        limits = self._documents.client.limits
        if descriptor.size is not None and descriptor.size > limits.json_bytes:
            raise limits.exceeded("json_bytes", role, descriptor.size)
        if (data := descriptor.inline()) is not None:
            return data
        if descriptor.media_type in (*MANIFEST_TYPES, *INDEX_TYPES):
            return self._documents.manifest(descriptor.digest).data
        return self._documents.blob(
            descriptor.digest, role.removeprefix("the ").removeprefix("an ")
        )

    def find(self, descriptor: Descriptor, role: str) -> Blob | None:
        if (data := descriptor.inline()) is not None:
            return MemoryBlob(role or descriptor.digest, data)
        if descriptor.is_foreign:
            return None
        limits = self._documents.client.limits
        check_algorithm(descriptor.digest)
        if descriptor.size is None or descriptor.size < 0:
            raise CorruptImageError(f"{role} has no valid size in the manifest")
        if descriptor.size > limits.layer_bytes:
            raise limits.exceeded("layer_bytes", role)
        return RegistryLayer(
            self._documents.client, descriptor.digest, descriptor.size, self._budget
        )
