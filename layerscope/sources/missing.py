"""Explains missing blobs, with a reason that only the source knows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from layerscope.errors import CorruptImageError
from layerscope.layers.blob import MissingBlob
from layerscope.sources.base import Candidate, Found, ImageParts, LayerPart
from layerscope.sources.oci_blobs import LACKING


def explained(found: Found, place: str, hint: str) -> Found:
    """The same images; errors about missing blobs name the place and the remedy."""
    return replace(
        found, candidates=[_explained(candidate, place, hint) for candidate in found.candidates]
    )


@contextmanager
def explaining(place: str, hint: str) -> Iterator[None]:
    """Do the same for errors raised inside."""
    try:
        yield
    except CorruptImageError as error:
        if LACKING in error.message:
            error.message = error.message.replace(LACKING, f"is not in {place}")
            error.args = (error.message,)
            error.hint = hint
        raise


def _explained(candidate: Candidate, place: str, hint: str) -> Candidate:
    def load() -> ImageParts:
        with explaining(place, hint):
            parts = candidate.load()
        return replace(parts, layers=[_with_reason(part, place, hint) for part in parts.layers])

    return replace(candidate, load=load)


def _with_reason(part: LayerPart, place: str, hint: str) -> LayerPart:
    blob = part.blob
    if not isinstance(blob, MissingBlob) or LACKING not in blob.why:
        return part
    why = f"{blob.why.replace(LACKING, f'is not in {place}')}: {hint}"
    return replace(part, blob=MissingBlob(blob.name, why))
