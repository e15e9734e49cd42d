"""Whether the bytes of layers are those that an image claims."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from layerscope.image.model import Layer
from layerscope.layers.index import LayerIndex
from layerscope.progress import Progress, check

if TYPE_CHECKING:
    from layerscope.opening import Opened


def claims_of(layer: Layer) -> set[str]:
    """The digests that a layer is claimed to have and that can be checked."""
    return {
        claim
        for claim in (layer.digest, layer.diff_id)
        if claim is not None and claim.startswith("sha256:")
    }


def verified(layer: Layer, index: LayerIndex) -> bool | None:
    """Whether what was read hashes to what is claimed; None if nothing was claimed or hashed."""
    checks = [
        claimed == found
        for claimed, found in ((layer.digest, index.blob_digest), (layer.diff_id, index.diff_id))
        if claimed is not None and found is not None and claimed.startswith("sha256:")
    ]
    return all(checks) if checks else None


def check_digests(opened: Opened, progress: Progress) -> Iterator[tuple[int, bool]]:
    """Hash the plain layers whose bytes nobody has read through yet; for each, whether it is what is claimed."""
    unchecked = [
        (layer.index, claims_of(layer))
        for layer in opened.image.layers
        if opened.verified(layer.index) is None
        and opened.contents[layer.index].seekable
        and opened.contents[layer.index].blob.size
    ]
    unchecked = [(number, claims) for number, claims in unchecked if claims]
    progress.stage(
        "Checking digests", sum(opened.contents[number].blob.size for number, _ in unchecked)
    )
    for number, claims in unchecked:
        found = hashlib.sha256()
        for piece in opened.contents[number].blob.chunks():
            check(progress)
            found.update(piece)
            progress.advance(len(piece))
        yield number, claims == {f"sha256:{found.hexdigest()}"}
