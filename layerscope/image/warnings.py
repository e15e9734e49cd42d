"""What is odd about an image, though it could be opened."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ImageWarning:
    """One oddity: a stable `code`, the layer it concerns (index from 0, None for the image), a sentence."""

    code: str
    layer: int | None
    message: str
