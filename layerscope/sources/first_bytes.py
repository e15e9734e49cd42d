"""Early check of a file or stream: rejects what is not an image before anything is copied or unpacked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain

from layerscope.errors import NotAnImageError
from layerscope.layers.compression import MAGIC_BYTES, first_bytes, sniff
from layerscope.layers.packing import is_saved
from layerscope.layers.tarheader import BLOCK, looks_like_header
from layerscope.limits import Limits


def check_start(
    pieces: Iterator[bytes], name: str, limits: Limits, ready: Callable[[], bool] = lambda: True
) -> None:
    """Raise `NotAnImageError` with what it is instead, unless `pieces` start like a tar or a saved image, compressed or not.

    No more pieces are read than necessary; after the first block only while they are `ready`. A compressed stream that is
    damaged too early passes: decompressing it reports where.
    """
    start = b""
    while len(start) < BLOCK and (piece := next(pieces, b"")):
        start += piece
    if not start:
        raise NotAnImageError(
            f"{name}: the file is empty", hint="check that the image was saved completely"
        )
    if looks_like_header(start[:BLOCK]) or is_saved(start):
        return
    from layerscope.sources.kinds.files import DESCRIBED, describe  # not needed for images

    kind = sniff(start[:MAGIC_BYTES])
    if kind is not None:
        start, damaged = first_bytes(kind, chain([start], pieces), name, limits, DESCRIBED)
        if damaged or looks_like_header(start[:BLOCK]) or is_saved(start):
            return
        whole = len(start) < DESCRIBED
    else:
        whole = False
        while len(start) < DESCRIBED and ready():
            if not (piece := next(pieces, b"")):
                whole = True
                break
            start += piece
    what, hint = describe(start[:DESCRIBED], whole=whole, inside=kind.name if kind else None)
    raise NotAnImageError(f"{name}: {what}", hint=hint)
