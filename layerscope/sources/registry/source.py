"""Finds an image in a registry: manifest and config are fetched immediately, layers when they are read."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from layerscope.errors import CorruptImageError
from layerscope.image.documents import decode_object
from layerscope.image.model import Beside
from layerscope.sources.artifacts import INDEX_TYPES, MANIFEST_TYPES, not_an_image
from layerscope.sources.attestations import subject_of
from layerscope.sources.base import (
    Candidate,
    FoundImages,
    ImageParts,
    Request,
    artifact_candidate,
)
from layerscope.sources.oci_descriptor import Descriptor
from layerscope.sources.oci_image import read_image
from layerscope.sources.oci_node import Node, node_of
from layerscope.sources.registry.client import Client, Document
from layerscope.sources.registry.documents import Documents, RegistryBlobs
from layerscope.sources.registry.layer import Budget, RegistryLayer
from layerscope.sources.registry.referrers import RegistryFollowUp
from layerscope.sources.registry.repository import SCHEME, Reference
from layerscope.sources.registry.soci import SociTables

MAX_NESTING = 8
"""Maximum depth of nested indexes."""
MAX_NESTED = 64
"""Maximum number of indexes in an index: each is a request."""
MAX_LISTED = 10_000
"""Maximum number of manifests in an index and those nested in it."""


def find(request: Request, reference: str, kinds: tuple[str, ...] = ()) -> FoundImages:  # noqa: ARG001  # a single kind
    """The image of a reference, for each platform. Raises `LayerscopeError`."""
    parsed = Reference.parse(reference)
    return find_with(Client(parsed, request.limits, request.progress), request)


def find_with(client: Client, request: Request) -> FoundImages:
    """The image of a client's reference, for each platform. Raises `LayerscopeError`."""
    return _ImageFinder(request, client).find()


class _Leaf(Struct, frozen=True):
    """An image of an index, or a single one."""

    descriptor: Descriptor
    node: Node | None
    """Its manifest; None if it is not read yet."""


class _ImageFinder:
    """Finds the images of a reference."""

    def __init__(self, request: Request, client: Client) -> None:
        self._reference = client.reference
        self._client = client
        self._budget = Budget(request.max_download)
        self._documents = Documents(self._client, request.cache)
        self._blobs = RegistryBlobs(self._documents, self._budget)
        self._attestations: dict[str, Descriptor] = {}
        self._artifacts: dict[str, Candidate] = {}
        self._listed = self._nested = 0

    def find(self) -> FoundImages:
        top = self._documents.top()
        descriptor = _descriptor_of(top)
        leaves = list(self._leaves(descriptor, top.data, 0))
        if not leaves and self._artifacts:
            next(iter(self._artifacts.values())).load()
        if not leaves:
            raise CorruptImageError("the index lists no images")
        return FoundImages(
            SCHEME,
            [self._candidate(leaf, descriptor.digest) for leaf in leaves],
            location=self._reference.repository,
            artifacts=list(self._artifacts.values()),
        )

    def _leaves(self, descriptor: Descriptor, data: bytes, depth: int) -> Iterator[_Leaf]:
        """The images below a manifest or index; manifests in an index are not read yet."""
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
            follow_up=RegistryFollowUp(
                self._documents,
                self._blobs,
                self._budget,
                descriptor.digest,
                top if top != descriptor.digest else None,
                self._attestations.get(descriptor.digest),
            ),
        )

    def _parts(self, leaf: _Leaf) -> ImageParts:
        """Config and layers of an image. Raises `LayerscopeError`."""
        descriptor, node = leaf.descriptor, leaf.node
        if descriptor.media_type not in MANIFEST_TYPES:  # missing or wrong
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


def _descriptor_of(document: Document) -> Descriptor:
    return Descriptor(document.digest, document.media_type, len(document.data), {}, None, None)
