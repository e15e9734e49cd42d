"""Checks layers against the digests that the image claims."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from layerscope.image.model import Layer
from layerscope.words import DigestState

if TYPE_CHECKING:
    from layerscope.layers.index import LayerIndex


def claims_of(layer: Layer) -> set[str]:
    """The claimed digests of a layer that can be checked."""
    return {
        claim
        for claim in (layer.digest, layer.diff_id)
        if claim is not None and claim.startswith("sha256:")
    }


def verified(layer: Layer, index: LayerIndex) -> bool | None:
    """Whether a layer matches its claimed digests; None if none were claimed or hashed."""
    checks = [
        claimed == computed
        for claimed, computed in ((layer.digest, index.blob_digest), (layer.diff_id, index.diff_id))
        if claimed is not None and computed is not None and claimed.startswith("sha256:")
    ]
    return all(checks) if checks else None


def state_of(layers: Sequence[Layer], verified: Sequence[bool | None]) -> DigestState:
    """The state of several undamaged layers, given the result of `verified` for each."""
    if False in verified:
        return DigestState.MISMATCH
    results = [
        result
        for layer, result in zip(layers, verified, strict=True)
        if layer.digest or layer.diff_id
    ]
    if not results:
        return DigestState.NONE
    return DigestState.OK if all(results) else DigestState.UNCHECKED
