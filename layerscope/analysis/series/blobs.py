"""The layers of a release as sent by a registry, and which of them hosts with another release do not have.

Clients request a layer by the digest of its blob (OCI distribution-spec, "Pulling blobs"). containers-storage and containerd skip
blobs with a digest that they have, at any position. A layer that is stored uncompressed is known by its diff ID only.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from layerscope.analysis.compare.side import Side


class SentLayer(Struct, frozen=True):
    """A layer as a client sees it."""

    digest: str | None
    """Digest of the compressed blob; None if the layer is not compressed, or damaged."""
    diff_id: str | None
    """Digest of the tar; None if the layer is damaged, or the digest is unknown."""
    bytes: int
    """Bytes of the compressed blob, otherwise of the tar."""
    compressed: bool

    @property
    def name(self) -> str | None:
        """The digest that a client requests."""
        return self.digest or self.diff_id


def sent_layers(side: Side) -> list[SentLayer]:
    """The layers of an image, bottom first."""
    result = []
    for layer, index in zip(side.image.layers, side.indexes, strict=True):
        compressed_bytes = index.compressed_bytes
        is_intact = index.broken is None
        result.append(
            SentLayer(
                (index.blob_digest or layer.digest)
                if is_intact and compressed_bytes is not None
                else None,
                (index.diff_id or layer.diff_id) if is_intact else None,
                index.tar_bytes if compressed_bytes is None else compressed_bytes,
                compressed_bytes is not None,
            )
        )
    return result


def missing_layers(old: Sequence[SentLayer], new: Sequence[SentLayer]) -> list[bool]:
    """For each layer of `new`, whether hosts with `old` lack it. Blobs are compared by digest; if one of the two is not compressed,
    layers are compared by diff ID."""
    blobs = {layer.digest for layer in old} - {None}
    tars = {layer.diff_id for layer in old} - {None}
    plain = {layer.diff_id for layer in old if layer.digest is None} - {None}
    return [
        layer.digest not in blobs and layer.diff_id not in (tars if layer.digest is None else plain)
        for layer in new
    ]


def fetched_layers(is_missing: Sequence[bool], new: Sequence[SentLayer]) -> list[int]:
    """The missing layers; one that an image lists several times is fetched once."""
    numbers: dict[object, int] = {}
    for number, layer in enumerate(new):
        if is_missing[number]:
            numbers.setdefault(layer.name or number, number)
    return list(numbers.values())
