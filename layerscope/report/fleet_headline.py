"""The figures of all images of a fleet, in words."""

from __future__ import annotations

from enum import StrEnum

from layerscope.fleet.answers.model import FleetTotals
from layerscope.text import count_of, percent, size


class Role(StrEnum):
    """What a figure of the headline stands for; reports style it accordingly."""

    COUNT = "count"
    STORED = "stored"
    AVOIDABLE = "avoidable"
    GOOD = "good"
    WASTED = "wasted"
    PLAIN = "plain"
    FAILED = "failed"


def headline(totals: FleetTotals, *, binary: bool) -> list[tuple[str, str, Role]]:
    """The figures of all images, most important first: text, shorter text, and role."""
    once = totals.stored_once_bytes

    def amount(count: int) -> str:
        return size(count, binary=binary) if count else "0"

    def share(count: int, word: str) -> tuple[str, str]:
        return f"{amount(count)} {word} ({percent(count, once)})", f"{amount(count)} {word}"

    images, layers = count_of(totals.images, "image"), totals.distinct_layers
    all_bytes = amount(totals.stored_bytes)
    failed, damaged = f"{totals.failed_images:,}", f"{totals.damaged_images:,} damaged"
    parts = [
        (images, images, Role.COUNT),
        (count_of(layers, "distinct layer"), count_of(layers, "layer"), Role.COUNT),
        (f"{amount(once)} stored once", f"{amount(once)} once", Role.COUNT),
        (f"{all_bytes} if no layer were shared", f"{all_bytes} in all", Role.STORED),
    ]
    if totals.failed_images:
        parts.append((f"{failed} could not be read", f"{failed} failed", Role.FAILED))
    if totals.damaged_images:
        parts.append((damaged, damaged, Role.FAILED))
    avoidable, wasted = totals.avoidable_once_bytes, totals.wasted_once_bytes
    blobs = f"{amount(totals.blob_once_bytes)} as blobs"
    return [
        *parts,
        (*share(avoidable, "avoidable"), Role.AVOIDABLE if avoidable else Role.GOOD),
        (*share(wasted, "wasted"), Role.WASTED if wasted else Role.PLAIN),
        (blobs, blobs, Role.PLAIN),
    ]
