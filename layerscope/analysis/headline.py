"""The headline of an image: the figures that the first line of a report and the header of the explorer show."""

from __future__ import annotations

from enum import StrEnum

from layerscope.text import count_of, size

BETWEEN = " · "
"""Separates the parts."""


class Role(StrEnum):
    """The subject of a part of the headline, which determines its style."""

    STORED = "stored"
    AVOIDABLE = "avoidable"
    """Avoidable bytes, at least some of them outside the base image."""
    BASE = "base"
    """Avoidable bytes, all in the base image."""
    NOTHING = "nothing"
    """No finding avoids a byte."""
    RISK = "risk"
    """Secrets."""


def headline(
    stored: int,
    avoidable: int | None = None,
    own: int | None = None,
    secrets: int | None = None,
    *,
    short: bool = False,
    binary: bool | None = None,
) -> list[tuple[str, Role]]:
    """The parts of the headline: 202.5 MB stored, 29.9 MB avoidable, 1 secret.

    Unknown values are None and left out. `avoidable` are the bytes that all findings save together, `own` those outside the base
    image, which the reader can avoid. `short` drops words for narrow terminals.
    """
    amount = size(stored, binary=binary)
    parts = [(amount if short else f"{amount} stored", Role.STORED)]
    if avoidable == 0:
        parts.append(("nothing avoidable", Role.NOTHING))
    elif avoidable is not None:
        own_bytes = avoidable if own is None else own
        suffix = "yours" if short else "of it yours"
        total, part = size(avoidable, binary=binary), size(own_bytes, binary=binary)
        note = (
            f", none {suffix}" if not own_bytes else f", {part} {suffix}" if part != total else ""
        )
        parts.append((f"{total} avoidable{note}", Role.AVOIDABLE if own_bytes else Role.BASE))
    if secrets:
        parts.append((count_of(secrets, "secret"), Role.RISK))
    return parts
