"""Warnings about an image that could be opened."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct


class ImageWarning(Struct, frozen=True):
    """One warning: a stable `code`, its layer (index from 0, None for the image), a sentence."""

    code: str
    layer: int | None
    message: str


def one_each(warnings: Iterable[ImageWarning]) -> list[ImageWarning]:
    """One warning per code and layer, with the texts joined."""
    messages: dict[tuple[str, int | None], dict[str, None]] = {}
    for warning in warnings:
        messages.setdefault((warning.code, warning.layer), {})[warning.message] = None
    return [
        ImageWarning(code, layer, "; ".join(texts)) for (code, layer), texts in messages.items()
    ]
