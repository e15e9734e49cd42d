"""What is odd about an image, though it could be opened."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ImageWarning:
    """One oddity: a stable `code`, the layer it concerns (index from 0, None for the image), a sentence."""

    code: str
    layer: int | None
    message: str


def one_each(warnings: Iterable[ImageWarning]) -> list[ImageWarning]:
    """One warning a code and layer: what several of them say, in one sentence."""
    said: dict[tuple[str, int | None], dict[str, None]] = {}
    for warning in warnings:
        said.setdefault((warning.code, warning.layer), {})[warning.message] = None
    return [ImageWarning(code, layer, "; ".join(words)) for (code, layer), words in said.items()]
