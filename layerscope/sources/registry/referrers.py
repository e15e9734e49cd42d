"""Attestations and referrers of an image in a registry: signatures, SBOMs, tables of contents.

Sources: OCI distribution-spec, "Listing Referrers"; sigstore/cosign, specs/SIGNATURE_SPEC.md and pkg/oci/remote (tags made of a
digest, before it used referrers).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial

from msgspec.structs import replace

from layerscope.errors import LayerscopeError
from layerscope.image.model import Image, Referrer
from layerscope.image.warnings import ImageWarning
from layerscope.layers.blob import Blob
from layerscope.sources.artifacts import artifact_of_type
from layerscope.sources.attestations import MAX_SBOMS, documents_of, is_sbom, read_beside
from layerscope.sources.base import Request, in_thread
from layerscope.sources.oci_blobs import OciBlobs
from layerscope.sources.oci_descriptor import Descriptor
from layerscope.sources.registry.documents import Documents
from layerscope.sources.registry.layer import Budget

_SIGNATURE, _DOCUMENTS = ".sig", (".att", ".sbom")
"""Suffixes of cosign's tags."""
_COSIGN = ("application/vnd.dev.cosign.", "application/vnd.dev.sigstore.")
"""Artifact types of cosign versions that store referrers instead of tags."""


class RegistryFollowUp:
    """The steps for an image of a registry after it is described, see `ImageFollowUp`."""

    def __init__(
        self,
        documents: Documents,
        blobs: OciBlobs,
        budget: Budget,
        digest: str,
        index: str | None,
        attestation: Descriptor | None,
    ) -> None:
        """`digest` is that of the image's manifest, `index` that of the index that lists it; `attestation` is in the same index."""
        self._documents = documents
        self._blobs = blobs
        self._budget = budget
        self._digest = digest
        self._index = index
        self._attestation = attestation

    def check(self, request: Request, layers: Sequence[Blob]) -> None:
        """Raise `LimitExceededError` if these layers exceed the download limit."""
        wanted = {blob.name: blob.size for blob in layers}
        self._budget.check(sum(wanted.values()), request.reference)

    def with_beside(self, image: Image) -> Image:
        """The image with its attestations and referrers; a warning says if they cannot be read."""
        beside = read_beside(self._blobs, self._attestation)
        of_manifest = self._documents.referrers(self._digest)
        of_index = self._documents.referrers(self._index) if self._index is not None else []
        sboms = [one for one in of_manifest if is_sbom(one)][:MAX_SBOMS]
        named = [
            _referrer(one.artifact_type or one.media_type, one) for one in (*of_manifest, *of_index)
        ]
        signed = any(one.artifact_type.startswith(_COSIGN) for one in (*of_manifest, *of_index))
        if not signed and self._documents.problem is None:
            tagged, others = self._cosign_manifests()
            sboms += tagged
            named += [one for each in (*tagged, *others) for one in self._parts(each)]
        for one in sboms:
            content = read_beside(self._blobs, one)
            beside = replace(
                beside,
                provenance=beside.provenance or content.provenance,
                sboms=(*beside.sboms, *content.sboms)[:MAX_SBOMS],
            )
        image = replace(image, beside=replace(beside, referrers=tuple(dict.fromkeys(named))))
        if self._documents.problem is None:
            return image
        message = f"signatures and SBOMs are not known: {self._documents.problem}"
        warning = ImageWarning("referrers-unknown", None, message)
        return replace(image, warnings=(*image.warnings, warning))

    def _cosign_manifests(self) -> tuple[list[Descriptor], list[Descriptor]]:
        """Manifests that older versions of cosign tagged: those with documents about the image, and others."""
        tags = [(self._digest, suffix) for suffix in (*_DOCUMENTS, _SIGNATURE)]
        if self._index is not None:  # documents about an index may be about other platforms
            tags += [(self._index, _DOCUMENTS[0]), (self._index, _SIGNATURE)]
        waiting = [
            in_thread(partial(self._documents.tagged, digest.replace(":", "-") + suffix))
            for digest, suffix in tags
        ]
        manifests = [wait() for wait in waiting]
        count = len(_DOCUMENTS)
        return list(filter(None, manifests[:count])), list(filter(None, manifests[count:]))

    def _parts(self, manifest: Descriptor) -> Iterator[Referrer]:
        """The documents of a manifest that cosign tagged, as referrers."""
        with suppress(LayerscopeError):
            types = (part.media_type for part, _ in documents_of(self._blobs.document(manifest)))
            for media_type in list(dict.fromkeys(types))[:MAX_SBOMS]:
                yield _referrer(media_type, manifest)


def _referrer(media_type: str, descriptor: Descriptor) -> Referrer:
    artifact = artifact_of_type(media_type)
    return Referrer(artifact.name or str(artifact), artifact.media_type, descriptor.digest)
