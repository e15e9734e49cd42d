"""Descriptors: references to blobs in manifests (OCI image-spec descriptor.md, and the annotations of engines)."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from layerscope.image.digest import is_digest
from layerscope.image.documents import Lenient
from layerscope.image.platform import Platform, platform_in_document
from layerscope.image.warnings import ImageWarning

REFERENCE_NAME = "org.opencontainers.image.ref.name"
CONTAINERD_NAME = "io.containerd.image.name"
REFERENCE_TYPE = "vnd.docker.reference.type"
SUBJECT = "io.containerd.manifest.subject"

_FOREIGN = (".nondistributable.", ".foreign.")
"""Part of the media types of layers that registries need not store, mostly those of Windows."""


class Descriptor(Struct, frozen=True):
    """An entry for one blob in a manifest or index."""

    digest: str
    media_type: str
    size: int | None
    annotations: Mapping[str, Any]
    platform: Platform | None
    data: str | None
    artifact_type: str = ""

    @classmethod
    def read(cls, value: object) -> Descriptor | None:
        """The descriptor; None without a valid digest."""
        fields = Lenient(value, "descriptor")
        digest = fields.text("digest")
        if digest is None or not is_digest(digest):
            return None
        return cls(
            digest=digest,
            media_type=fields.text("mediaType") or "",
            size=fields.number("size"),
            annotations=fields.mapping("annotations"),
            platform=platform_in_document(fields.child("platform")),
            data=fields.text("data"),
            artifact_type=fields.text("artifactType") or "",
        )

    @property
    def is_foreign(self) -> bool:
        """Whether the blob may be missing from a stored image."""
        return any(word in self.media_type for word in _FOREIGN)

    @property
    def is_encrypted(self) -> bool:
        """Whether the blob is a layer that ocicrypt encrypted."""
        return self.media_type.endswith("+encrypted")

    def tags(self) -> list[str]:
        """Names from the annotations of the top-level index, the full one first."""
        full, name = self.annotations.get(CONTAINERD_NAME), self.annotations.get(REFERENCE_NAME)
        if isinstance(full, str) and full:
            return [full]
        return [name] if isinstance(name, str) and name else []

    def texts(self) -> dict[str, str]:
        """The annotations with text values."""
        return {key: value for key, value in self.annotations.items() if isinstance(value, str)}

    def inline(self) -> bytes | None:
        """The embedded blob, if present and matching the digest."""
        if self.data is None:
            return None
        try:
            data = base64.b64decode(self.data, validate=True)
        except (binascii.Error, ValueError):
            return None
        algorithm, _, encoded = self.digest.partition(":")
        known = algorithm in hashlib.algorithms_available
        return data if known and hashlib.new(algorithm, data).hexdigest() == encoded else None

    def size_warning(self, actual: int, layer: int) -> list[ImageWarning]:
        """The warning for layer `layer` if its blob has another size than in the manifest."""
        if self.size is None or self.size == actual:
            return []
        message = f"size mismatch: the blob has {actual:,} bytes, the manifest says {self.size:,}"
        return [ImageWarning("digest-mismatch", layer, message)]


def annotations_of(manifest: Lenient) -> dict[str, str]:
    """The annotations of a manifest with text values."""
    annotations = manifest.mapping("annotations")
    return {key: value for key, value in annotations.items() if isinstance(value, str)}
