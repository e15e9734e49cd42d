"""Finds an image in a registry: its manifest and config at once, its layers when they are read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from layerscope.errors import CorruptImageError, ImageNotFoundError, LayerscopeError
from layerscope.image.documents import Lenient, decode_object
from layerscope.image.model import Beside, Referrer
from layerscope.image.warnings import ImageWarning
from layerscope.layers.blob import Blob, MemoryBlob
from layerscope.layers.packing import Packed
from layerscope.layers.store import Store
from layerscope.sources.artifacts import INDEX_TYPES, MANIFEST_TYPES, not_an_image, of_type
from layerscope.sources.attestations import MAX_SBOMS, is_sbom, read_beside, subject_of
from layerscope.sources.base import (
    Candidate,
    Found,
    ImageParts,
    Request,
    SourceImage,
    artifact_candidate,
)
from layerscope.sources.oci_blobs import OciBlobs
from layerscope.sources.oci_descriptor import Descriptor
from layerscope.sources.oci_image import read_image
from layerscope.sources.oci_node import Node, node_of
from layerscope.sources.registry.client import Client, Document, check_algorithm, matches
from layerscope.sources.registry.layer import Budget, RegistryLayer
from layerscope.sources.registry.repository import SCHEME, Reference
from layerscope.sources.registry.soci import SociTables

MAX_NESTING = 8
"""Maximum depth of nested indexes."""
MAX_REFERRERS = 100
"""Maximum number of referrers of an image that are named."""
MAX_NESTED = 64
"""Maximum number of indexes in an index: each is a request."""
MAX_LISTED = 10_000
"""Maximum number of manifests in an index and those nested in it."""
_DOCUMENT = "document"
"""Kind of cache entries with a manifest or config, by digest."""
_TAG = "tag"
"""Kind of cache entries with the digest that a tag named last."""


def find(request: Request, reference: str, kinds: tuple[str, ...] = ()) -> Found:  # noqa: ARG001  # of one kind
    """The image of a reference, for each platform. Raises `LayerscopeError`."""
    return _Images(request, Reference.parse(reference)).found()


class Documents:
    """Manifests and configs of a repository; those that were read before come from the cache."""

    def __init__(self, client: Client, cache: Store | None) -> None:
        self.client = client
        self._cache = cache
        self._read: dict[str, Document] = {}
        self._referrers: dict[str, list[Descriptor]] = {}
        self.problem: str | None = None
        """Why referrers are not known."""

    def top(self) -> Document:
        """The manifest or index of the reference. A tag that is known is only asked for its digest."""
        reference = self.client.reference
        if reference.digest is not None:
            return self.manifest(reference.digest)
        key = Store.key(_TAG, reference.host, reference.path, reference.target)
        packed = None if self._cache is None else self._cache.read(_TAG, key)
        digest = None if packed is None else packed.values.get("digest")
        if isinstance(digest, str) and (held := self._cached(digest)) is not None:
            with suppress(LayerscopeError):  # whatever it is, asking for the manifest tells
                if self.client.digest_of(reference.target) == digest:
                    return held
        document = self.client.manifest(reference.target)
        self._keep(document)
        if self._cache is not None:
            self._cache.write(_TAG, key, Packed({"digest": document.digest}, {}))
        return document

    def manifest(self, digest: str) -> Document:
        """The manifest or index with this digest."""
        document = self._cached(digest)
        if document is None:
            document = self.client.manifest(digest)
            self._keep(document)
        return document

    def blob(self, digest: str, what: str) -> bytes:
        """A document that is stored as a blob, called `what` in errors."""
        document = self._cached(digest)
        if document is None:
            document = Document(self.client.blob(digest, what), digest, "")
            self._keep(document)
        return document.data

    def referrers(self, digest: str) -> list[Descriptor]:
        """What refers to a manifest, as far as the registry lists it: signatures, SBOMs, tables of contents.

        Registries without the API have an index with a tag made of the digest instead (distribution-spec, "Referrers Tag Schema").
        """
        if digest not in self._referrers:
            self._referrers[digest] = list(self._asked_referrers(digest))
        return self._referrers[digest]

    def _asked_referrers(self, digest: str) -> Iterable[Descriptor]:
        name, limits = "list of referrers", self.client.limits
        asked: tuple[Callable[[], bytes], ...] = (
            lambda: self.client.json(f"referrers/{digest}", name, once=True).body,
            lambda: self.client.json(f"manifests/{digest.replace(':', '-')}", name, once=True).body,
        )
        for ask in asked:
            try:
                listed = Lenient(decode_object(ask(), name, limits), name).items("manifests")
            except ImageNotFoundError:
                continue
            except LayerscopeError as error:
                self.problem = error.message  # the image can be read without them
                break
            found = [one for value in listed[:MAX_REFERRERS] if (one := Descriptor.read(value))]
            return {one.digest: one for one in found}.values()
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

    def _keep(self, document: Document) -> None:
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


@dataclass(frozen=True, slots=True)
class _Leaf:
    """An image of an index, or one that stands alone."""

    descriptor: Descriptor
    node: Node | None
    """Its manifest; None if it is not read yet."""


class _Images:
    """The images that a reference leads to."""

    def __init__(self, request: Request, reference: Reference) -> None:
        self._reference = reference
        self._client = Client(reference, request.limits, request.progress)
        self._budget = Budget(request.max_download)
        self._documents = Documents(self._client, request.cache)
        self._blobs = RegistryBlobs(self._documents, self._budget)
        self._attestations: dict[str, Descriptor] = {}
        self._artifacts: dict[str, Candidate] = {}
        self._listed = self._nested = 0

    def found(self) -> Found:
        top = self._documents.top()
        descriptor = _descriptor_of(top)
        leaves = list(self._leaves(descriptor, top.data, 0))
        if not leaves and self._artifacts:
            next(iter(self._artifacts.values())).load()
        if not leaves:
            raise CorruptImageError("the index lists no images")
        return Found(
            SCHEME,
            [self._candidate(leaf, descriptor.digest) for leaf in leaves],
            location=self._reference.repository,
            artifacts=list(self._artifacts.values()),
        )

    def _leaves(self, descriptor: Descriptor, data: bytes, depth: int) -> Iterator[_Leaf]:
        """The images below a manifest or index, which is read only where it has to be."""
        name = f"manifest {descriptor.digest[:19]}"
        node = node_of(decode_object(data, name, self._client.limits), descriptor)
        if node.manifest is not None:
            yield _Leaf(descriptor, node)
            return
        if node.artifact is not None:
            raise not_an_image([node.artifact], "it is")
        if depth > MAX_NESTING:
            raise CorruptImageError(f"indexes are nested more than {MAX_NESTING} deep")
        for child in node.listed:
            if (subject := subject_of(child)) is not None:
                self._attestations.setdefault(subject, child)
        for digest, artifact in node.artifacts.items():
            self._artifacts[digest] = artifact_candidate(artifact, (), [digest])
        self._listed += len(node.children)
        if self._listed > MAX_LISTED:
            raise CorruptImageError(f"the index lists more than {MAX_LISTED:,} manifests")
        for child in node.children:
            if child.media_type in INDEX_TYPES:
                self._nested += 1
                if self._nested > MAX_NESTED:
                    raise CorruptImageError(f"the index lists more than {MAX_NESTED} other indexes")
                yield from self._leaves(child, self._blobs.read(child, "an index"), depth + 1)
            else:
                yield _Leaf(child, None)

    def _candidate(self, leaf: _Leaf, top: str) -> Candidate:
        descriptor, node = leaf.descriptor, leaf.node
        digests = [descriptor.digest, top]
        if node is not None and node.config is not None:
            digests.append(node.config.digest)
        return Candidate(
            [str(self._reference)],
            descriptor.platform,
            partial(self._parts, leaf),
            list(dict.fromkeys(digests)),
            is_image=node is None or node.artifact is None,
            also=partial(self._complete, descriptor),
        )

    def _parts(self, leaf: _Leaf) -> ImageParts:
        """Config and layers of an image. Raises `LayerscopeError`."""
        descriptor, node = leaf.descriptor, leaf.node
        if descriptor.media_type not in MANIFEST_TYPES:  # missing, or made up
            descriptor = replace(descriptor, media_type=MANIFEST_TYPES[0])
        if node is None:
            node = node_of(self._blobs.document(descriptor), descriptor)
        if node.manifest is None:
            if node.artifact is not None:
                raise node.artifact.error()
            raise CorruptImageError(
                f"manifest {descriptor.digest[:19]} is an index where an image should be"
            )
        parts = read_image(self._blobs, descriptor, node.manifest, Beside(), node.artifact)
        soci = SociTables(
            parts.annotations,
            self._blobs,
            lambda: self._documents.referrers(descriptor.digest),
            pinned=self._reference.digest is not None,
        )
        for layer in parts.layers:
            if isinstance(layer.blob, RegistryLayer):
                layer.blob.soci = soci
        return parts

    def _complete(
        self,
        descriptor: Descriptor,
        request: Request,
        source: SourceImage,
        missing: Callable[[Blob], bool],
        beside: bool,
    ) -> SourceImage:
        """The image with what is stored beside it if that is wanted, once it is certain that its layers may be fetched."""
        if request.max_download is not None:  # some have to be asked for
            wanted = {blob.name: blob.size for blob in source.blobs if missing(blob)}
            self._budget.check(sum(wanted.values()), request.reference)
        if not beside:
            return source
        found = read_beside(self._blobs, self._attestations.get(descriptor.digest))
        referrers = self._documents.referrers(descriptor.digest)
        for one in [one for one in referrers if is_sbom(one)][:MAX_SBOMS]:
            more = read_beside(self._blobs, one)
            sboms = (*found.sboms, *more.sboms)[:MAX_SBOMS]
            found = replace(found, provenance=found.provenance or more.provenance, sboms=sboms)
        named = [_referrer(one) for one in referrers]
        found = replace(found, referrers=tuple(dict.fromkeys(named)))
        image = replace(source.image, beside=found)
        if self._documents.problem is not None:
            said = f"signatures and SBOMs are not known: {self._documents.problem}"
            image = replace(
                image, warnings=(*image.warnings, ImageWarning("referrers-unknown", None, said))
            )
        return replace(source, image=image, also=None)


def _referrer(descriptor: Descriptor) -> Referrer:
    kind = descriptor.artifact_type or descriptor.media_type
    artifact = of_type(kind)
    return Referrer(artifact.name or str(artifact), artifact.media_type, descriptor.digest)


def _descriptor_of(document: Document) -> Descriptor:
    return Descriptor(document.digest, document.media_type, len(document.data), {}, None, None)
