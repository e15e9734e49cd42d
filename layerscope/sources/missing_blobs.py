"""Explains missing blobs, with a reason that only the source knows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from msgspec.structs import replace

from layerscope.errors import CorruptImageError
from layerscope.layers.blob import MissingBlob
from layerscope.sources.base import Candidate, FoundImages, ImageParts, LayerPart
from layerscope.sources.oci_blobs import NOT_IN_LAYOUT


def explain_missing_blobs(found: FoundImages, place: str, hint: str) -> FoundImages:
    """The images of `found` with errors about missing blobs that name the place and the remedy."""
    return replace(
        found,
        candidates=[_with_explanation(candidate, place, hint) for candidate in found.candidates],
    )


@contextmanager
def explaining_missing_blobs(place: str, hint: str) -> Iterator[None]:
    """Make errors about missing blobs that are raised inside name the place and the remedy."""
    try:
        yield
    except CorruptImageError as error:
        if NOT_IN_LAYOUT in error.message:
            error.message = error.message.replace(NOT_IN_LAYOUT, f"is not in {place}")
            error.args = (error.message,)
            error.hint = hint
        raise


def _with_explanation(candidate: Candidate, place: str, hint: str) -> Candidate:
    def load() -> ImageParts:
        with explaining_missing_blobs(place, hint):
            parts = candidate.load()
        return replace(parts, layers=[_with_reason(part, place, hint) for part in parts.layers])

    return replace(candidate, load=load)


def _with_reason(part: LayerPart, place: str, hint: str) -> LayerPart:
    blob = part.blob
    if not isinstance(blob, MissingBlob) or NOT_IN_LAYOUT not in blob.why:
        return part
    reason = f"{blob.why.replace(NOT_IN_LAYOUT, f'is not in {place}')}: {hint}"
    return replace(part, blob=MissingBlob(blob.name, reason))
