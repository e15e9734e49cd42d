"""The kind of a manifest: an index, an image, or an artifact (OCI image-spec manifest.md, image-index.md)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct, field

from layerscope.errors import CorruptImageError, LayerscopeError, NotAnImageError
from layerscope.image.documents import lowercase_keys
from layerscope.sources.artifacts import (
    MANIFEST_TYPES,
    SCHEMA_1,
    Artifact,
    artifact_of_descriptor,
    artifact_of_index,
    artifact_of_manifest,
    artifact_of_type,
)
from layerscope.sources.oci_descriptor import Descriptor


class Node(Struct):
    """The content of one digest: an index, an image, an artifact, or a problem."""

    listed: Sequence[Descriptor] = ()
    """All entries of an index, attestations and other artifacts too."""
    artifacts: dict[str, Artifact] = field(default_factory=dict)
    """The entries that are not images, by digest."""
    manifest: dict[str, Any] | None = None
    """The manifest of an image, or of an artifact that may open as one; keys in lower case."""
    config: Descriptor | None = None
    """The config of a manifest."""
    artifact: Artifact | None = None
    problem: LayerscopeError | None = None

    @property
    def children(self) -> list[Descriptor]:
        """The entries of an index that may be images."""
        return [child for child in self.listed if child.digest not in self.artifacts]


def node_of(document: dict[str, Any], descriptor: Descriptor) -> Node:
    """The content of a descriptor's document. Raises `CorruptImageError`, `NotAnImageError`."""
    document = lowercase_keys(document)
    manifests, layers = document.get("manifests"), document.get("layers")
    short = descriptor.digest[:19]
    if manifests is not None and (layers is not None or document.get("config") is not None):
        raise CorruptImageError(f"manifest {short} is both an index and an image")
    if manifests is not None:
        values = manifests if isinstance(manifests, list) else []
        children = [child for value in values if (child := Descriptor.read(value))]
        if (artifact := artifact_of_index(document, children)) is not None:
            return Node(artifact=artifact)
        known = {child.digest: artifact_of_descriptor(child) for child in children}
        return Node(children, {digest: one for digest, one in known.items() if one is not None})
    if document.get("schemaversion") == 1 or descriptor.media_type.startswith(SCHEMA_1):
        raise NotAnImageError(
            "the manifest uses the obsolete schema 1, which has no diff IDs",
            hint="pull or convert the image with a current tool",
        )
    config = Descriptor.read(document.get("config"))
    has_config = isinstance(document.get("config"), dict)
    artifact = artifact_of_manifest(document, descriptor)
    if artifact is not None:
        may_open = artifact.name is None and has_config
        return Node(manifest=document if may_open else None, config=config, artifact=artifact)
    if has_config:
        return Node(manifest=document, config=config)
    kinds = (document.get("mediatype"), descriptor.media_type)
    kind = next((kind for kind in kinds if isinstance(kind, str) and kind), "unknown")
    if kind == "unknown" or kind in MANIFEST_TYPES:
        raise NotAnImageError(f"manifest {short} has no config (type {kind})")
    return Node(artifact=artifact_of_type(kind))
