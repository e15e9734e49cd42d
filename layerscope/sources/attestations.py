"""Attestations of an image, in its index or as referrers (OCI image-spec, distribution-spec "Referrers").

BuildKit puts in-toto statements into manifests beside the image's (moby/buildkit, docs/attestations/attestation-storage.md).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from layerscope.errors import CorruptImageError, LayerscopeError
from layerscope.image.documents import Lenient, lowercase_keys
from layerscope.image.model import Beside
from layerscope.sources.oci_blobs import OciBlobs
from layerscope.sources.oci_descriptor import REFERENCE_TYPE, Descriptor

ATTESTATION = "attestation-manifest"
SUBJECT_DIGEST = "vnd.docker.reference.digest"
PREDICATE = "in-toto.io/predicate-type"
COSIGN_PREDICATE = "predicateType"
_ENVELOPE = "application/vnd.dsse.envelope"
"""Media type of a signed statement (secure-systems-lab/dsse, envelope.md)."""
PROVENANCE = "https://slsa.dev/provenance/"
_SBOM_PREDICATES = ("https://spdx.dev/Document", "https://cyclonedx.org/bom")
_SBOM_TYPES = ("application/spdx+json", "text/spdx+json", "application/vnd.cyclonedx+json")
MAX_SBOMS = 8
"""Maximum number of SBOMs that are read for one image."""


def subject_of(descriptor: Descriptor) -> str | None:
    """The digest of the image that an attestation manifest describes; None for other descriptors."""
    if descriptor.annotations.get(REFERENCE_TYPE) != ATTESTATION:
        return None
    subject = descriptor.annotations.get(SUBJECT_DIGEST)
    return subject if isinstance(subject, str) else None


def is_sbom(descriptor: Descriptor) -> bool:
    """Whether a referrer is an SBOM, going by its types."""
    return descriptor.artifact_type.startswith(_SBOM_TYPES) or descriptor.media_type.startswith(
        _SBOM_TYPES
    )


def read_beside(blobs: OciBlobs, manifest: Descriptor | None) -> Beside:
    """Provenance and SBOMs of an attestation manifest or a referrer, without missing and unreadable ones."""
    provenance: bytes | None = None
    sboms: list[bytes] = []
    if manifest is not None:
        with suppress(LayerscopeError):
            for layer, kind in documents_of(blobs.document(manifest)):
                with suppress(LayerscopeError):
                    if kind.startswith(PROVENANCE) and provenance is None:
                        provenance = _statement(blobs, layer, "the provenance")
                    elif (
                        kind.startswith((*_SBOM_PREDICATES, *_SBOM_TYPES))
                        and len(sboms) < MAX_SBOMS
                    ):
                        sboms.append(_statement(blobs, layer, "an SBOM"))
    return Beside(provenance, tuple(sboms))


def documents_of(manifest: dict[str, Any]) -> Iterator[tuple[Descriptor, str]]:
    """The documents of a manifest, each with its type: that of the statement, or its media type."""
    for value in Lenient(lowercase_keys(manifest), "attestation").items("layers"):
        layer = Descriptor.read(value)
        if layer is not None:
            stated = (layer.annotations.get(key) for key in (PREDICATE, COSIGN_PREDICATE))
            yield layer, str(next(filter(None, stated), layer.media_type))


def _statement(blobs: OciBlobs, layer: Descriptor, role: str) -> bytes:
    """The bytes of a document; for a signed one, its payload. Raises `LayerscopeError`."""
    if not layer.media_type.startswith(_ENVELOPE):
        return blobs.read(layer, role)
    envelope = Lenient(blobs.document(layer), role)
    try:
        return base64.b64decode(envelope.text("payload") or "", validate=True)
    except (binascii.Error, ValueError):
        raise CorruptImageError(f"{role} is not base64") from None
