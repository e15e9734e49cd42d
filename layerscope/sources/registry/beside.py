"""What a registry has beside an image: its attestations, and what refers to it (OCI distribution-spec, "Listing Referrers")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from layerscope.image.model import Image, Referrer
from layerscope.image.warnings import ImageWarning
from layerscope.layers.blob import Blob
from layerscope.sources.artifacts import of_type
from layerscope.sources.attestations import MAX_SBOMS, is_sbom, read_beside
from layerscope.sources.base import Request
from layerscope.sources.oci_blobs import OciBlobs
from layerscope.sources.oci_descriptor import Descriptor
from layerscope.sources.registry.documents import Documents
from layerscope.sources.registry.layer import Budget


class RegistryRest:
    """Goes on with an image of a registry once it is described, see `Rest`."""

    def __init__(
        self,
        documents: Documents,
        blobs: OciBlobs,
        budget: Budget,
        digest: str,
        attestation: Descriptor | None,
    ) -> None:
        """`digest` is that of the image's manifest; `attestation` describes it in the same index."""
        self._documents = documents
        self._blobs = blobs
        self._budget = budget
        self._digest = digest
        self._attestation = attestation

    def check(self, request: Request, layers: Sequence[Blob]) -> None:
        """Raise `LimitExceededError` if these layers are more than may be fetched."""
        wanted = {blob.name: blob.size for blob in layers}
        self._budget.check(sum(wanted.values()), request.reference)

    def with_beside(self, image: Image) -> Image:
        """The image with what is stored beside it. What cannot be read is missing, with a warning."""
        found = read_beside(self._blobs, self._attestation)
        referrers = self._documents.referrers(self._digest)
        for one in [one for one in referrers if is_sbom(one)][:MAX_SBOMS]:
            more = read_beside(self._blobs, one)
            sboms = (*found.sboms, *more.sboms)[:MAX_SBOMS]
            found = replace(found, provenance=found.provenance or more.provenance, sboms=sboms)
        named = dict.fromkeys(map(_referrer, referrers))
        image = replace(image, beside=replace(found, referrers=tuple(named)))
        if self._documents.problem is None:
            return image
        said = f"signatures and SBOMs are not known: {self._documents.problem}"
        warning = ImageWarning("referrers-unknown", None, said)
        return replace(image, warnings=(*image.warnings, warning))


def _referrer(descriptor: Descriptor) -> Referrer:
    artifact = of_type(descriptor.artifact_type or descriptor.media_type)
    return Referrer(artifact.name or str(artifact), artifact.media_type, descriptor.digest)
