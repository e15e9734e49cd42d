"""Images of engines and stores as plain data: schema 1.0, stable names, every key always present, unknown values None."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from layerscope.sources.listing import SourceListing
from layerscope.sources.sharing import Share, SharedLayer, sharing
from layerscope.sources.store_image import StoreImage

SCHEMA_VERSION = "1.0"


def document(answers: Sequence[SourceListing]) -> dict[str, Any]:
    """All sources, unreachable ones included. Sizes are bytes."""
    return {"schemaVersion": SCHEMA_VERSION, "sources": [_source(answer) for answer in answers]}


def _source(answer: SourceListing) -> dict[str, Any]:
    images = [image for image in answer.images if not image.intermediate]
    shared_bytes = sharing(images)
    recorded = answer.source.stored and answer.refusal is None
    return {
        "source": answer.source.name,
        "reachable": answer.refusal is None,
        "reason": None if answer.refusal is None else answer.refusal.message,
        "storedBytes": shared_bytes.stored if recorded else None,
        "sharedBytes": shared_bytes.shared if recorded else None,
        "danglingBytes": shared_bytes.dangling if recorded else None,
        "images": [
            _image(image, share) for image, share in zip(images, shared_bytes.shares, strict=True)
        ],
        "sharedLayers": [_layer(shared) for shared in shared_bytes.layers],
    }


def _image(image: StoreImage, share: Share) -> dict[str, Any]:
    chain_ids = None if image.layers is None else [layer.chain_id for layer in image.layers]
    return {
        "reference": image.reference,
        "tags": list(image.tags),
        "id": image.id,
        "created": image.created,
        "platform": None if image.platform is None else str(image.platform),
        "location": image.location,
        "dangling": image.dangling,
        "bytes": image.size,
        "sharedBytes": share.shared,
        "uniqueBytes": share.unique,
        "chainIds": None if chain_ids is None or None in chain_ids else chain_ids,
    }


def _layer(shared: SharedLayer) -> dict[str, Any]:
    layer = shared.layer
    return {
        "key": layer.key,
        "chainId": layer.chain_id,
        "diffId": layer.diff_id,
        "bytes": layer.size,
        "images": shared.images,
    }
