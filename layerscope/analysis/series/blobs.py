"""The layers of a release as they are sent, and which of them those who have another release need not fetch.

Pullers ask for a layer by the digest of its blob (OCI distribution-spec, "Pulling blobs"). containers-storage and containerd skip what
they have by that digest, wherever in the image it stands. What is stored uncompressed has no other name than its diff ID.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from layerscope.analysis.compare.side import Side


@dataclass(frozen=True, slots=True)
class SentLayer:
    """A layer as a puller sees it."""

    digest: str | None
    """Digest of the compressed blob; None if it is not compressed, or damaged."""
    diff_id: str | None
    """Digest of the tar; None if it is damaged, or unknown."""
    bytes: int
    """Bytes of the blob; of the tar if it is not compressed."""
    compressed: bool

    @property
    def name(self) -> str | None:
        """The digest that a puller asks for."""
        return self.digest or self.diff_id


def sent_layers(side: Side) -> list[SentLayer]:
    """The layers of an image, bottom first."""
    found = []
    for layer, index in zip(side.image.layers, side.indexes, strict=True):
        sent = index.compressed_bytes
        whole = index.broken is None
        found.append(
            SentLayer(
                (index.blob_digest or layer.digest) if whole and sent is not None else None,
                (index.diff_id or layer.diff_id) if whole else None,
                index.tar_bytes if sent is None else sent,
                sent is not None,
            )
        )
    return found


def missing(old: Sequence[SentLayer], new: Sequence[SentLayer]) -> list[bool]:
    """For each layer of `new`, whether those who have `old` lack it. Blobs are the same by their digests; where one of the two is
    not compressed, layers are the same by their diff IDs."""
    blobs = {layer.digest for layer in old} - {None}
    tars = {layer.diff_id for layer in old} - {None}
    plain = {layer.diff_id for layer in old if layer.digest is None} - {None}
    return [
        layer.digest not in blobs and layer.diff_id not in (tars if layer.digest is None else plain)
        for layer in new
    ]


def fetched(lacking: Sequence[bool], new: Sequence[SentLayer]) -> list[int]:
    """The layers that are fetched, of all that are missing: one that an image lists several times is fetched once."""
    found: dict[object, int] = {}
    for number, layer in enumerate(new):
        if lacking[number]:
            found.setdefault(layer.name or number, number)
    return list(found.values())
