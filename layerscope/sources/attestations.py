"""Attestations of an OCI index: the image each belongs to, and its provenance statement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layerscope.image.documents import Lenient
from layerscope.sources.oci_descriptor import REFERENCE_TYPE, Descriptor

ATTESTATION = "attestation-manifest"
ABOUT = "vnd.docker.reference.digest"
PREDICATE = "in-toto.io/predicate-type"
PROVENANCE = "https://slsa.dev/provenance/"


def subject_of(descriptor: Descriptor) -> str | None:
    """The digest of the image that an attestation manifest describes; None for other descriptors."""
    if descriptor.annotations.get(REFERENCE_TYPE) != ATTESTATION:
        return None
    about = descriptor.annotations.get(ABOUT)
    return about if isinstance(about, str) else None


def provenance_of(manifest: Mapping[str, Any]) -> Descriptor | None:
    """The descriptor of the provenance statement in an attestation manifest."""
    for value in Lenient(dict(manifest), "attestation").items("layers"):
        layer = Descriptor.read(value)
        if layer is not None and str(layer.annotations.get(PREDICATE)).startswith(PROVENANCE):
            return layer
    return None
