"""What a registry has beside an image: its attestations, and what refers to it.

Sources: OCI distribution-spec, "Listing Referrers"; sigstore/cosign, specs/SIGNATURE_SPEC.md and pkg/oci/remote (tags made of a
digest, before it used referrers).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

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
"""Ends of cosign's tags."""
_COSIGN = ("application/vnd.dev.cosign.", "application/vnd.dev.sigstore.")
"""Types of what cosign stores as referrers, since it tags nothing."""


class RegistryFollowUp:
    """Goes on with an image of a registry once it is described, see `Rest`."""

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
        """Raise `LimitExceededError` if these layers are more than may be fetched."""
        wanted = {blob.name: blob.size for blob in layers}
        self._budget.check(sum(wanted.values()), request.reference)

    def with_beside(self, image: Image) -> Image:
        """The image with what is stored beside it. What cannot be read is missing, with a warning."""
        found = read_beside(self._blobs, self._attestation)
        own = self._documents.referrers(self._digest)
        artifact_of_index = (
            self._documents.referrers(self._index) if self._index is not None else []
        )
        sboms = [one for one in own if is_sbom(one)][:MAX_SBOMS]
        named = [
            _named(one.artifact_type or one.media_type, one) for one in (*own, *artifact_of_index)
        ]
        signed = any(one.artifact_type.startswith(_COSIGN) for one in (*own, *artifact_of_index))
        if not signed and self._documents.problem is None:
            tagged, others = self._tagged()
            sboms += tagged
            named += [one for each in (*tagged, *others) for one in self._parts(each)]
        for one in sboms:
            more = read_beside(self._blobs, one)
            found = replace(
                found,
                provenance=found.provenance or more.provenance,
                sboms=(*found.sboms, *more.sboms)[:MAX_SBOMS],
            )
        image = replace(image, beside=replace(found, referrers=tuple(dict.fromkeys(named))))
        if self._documents.problem is None:
            return image
        said = f"signatures and SBOMs are not known: {self._documents.problem}"
        warning = ImageWarning("referrers-unknown", None, said)
        return replace(image, warnings=(*image.warnings, warning))

    def _tagged(self) -> tuple[list[Descriptor], list[Descriptor]]:
        """What older versions of cosign tagged: what has documents about the image, and the rest."""
        asked = [(self._digest, suffix) for suffix in (*_DOCUMENTS, _SIGNATURE)]
        if self._index is not None:  # documents about it are about images of other platforms, too
            asked += [(self._index, _DOCUMENTS[0]), (self._index, _SIGNATURE)]
        waiting = [
            in_thread(partial(self._documents.tagged, digest.replace(":", "-") + suffix))
            for digest, suffix in asked
        ]
        found = [wait() for wait in waiting]
        count = len(_DOCUMENTS)
        return list(filter(None, found[:count])), list(filter(None, found[count:]))

    def _parts(self, manifest: Descriptor) -> Iterator[Referrer]:
        """What a manifest that cosign tagged consists of."""
        with suppress(LayerscopeError):
            types = (part.media_type for part, _ in documents_of(self._blobs.document(manifest)))
            for media_type in list(dict.fromkeys(types))[:MAX_SBOMS]:
                yield _named(media_type, manifest)


def _named(media_type: str, descriptor: Descriptor) -> Referrer:
    artifact = artifact_of_type(media_type)
    return Referrer(artifact.name or str(artifact), artifact.media_type, descriptor.digest)
