"""Many short pieces of a blob by few reads: what lies near each other is read together."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from layerscope.layers.blob import Blob

RUN = 1 << 20
"""Bytes that are read at once, and one piece more at most."""
GAP = 1 << 13
"""Bytes between two pieces that cost less to read than to jump over."""


def read_together(
    blob: Blob, starts: NDArray[np.int64], lengths: NDArray[np.int64]
) -> Iterator[bytes | memoryview | None]:
    """Each piece, in this order; shorter where the blob ends, None where the system does not read it.

    Those of rising places save the most. Lengths should be small: a run of them is held in memory.
    """
    ends = starts + lengths
    gaps = starts[1:] - ends[:-1]
    apart = (gaps < 0) | (gaps > GAP) | (np.diff(starts // RUN) != 0)
    bounds = [0, *(np.flatnonzero(apart) + 1).tolist(), len(starts)]
    for first, last in pairwise(bounds):
        if first == last:
            return
        base = int(starts[first])
        try:
            data = memoryview(blob.pread(int(ends[last - 1]) - base, base))
        except OSError:
            for start, length in zip(
                starts[first:last].tolist(), lengths[first:last].tolist(), strict=True
            ):
                yield _alone(blob, start, length)
            continue
        places = (starts[first:last] - base).tolist()
        for place, end in zip(places, (ends[first:last] - base).tolist(), strict=True):
            yield data[place:end]


def _alone(blob: Blob, start: int, length: int) -> bytes | None:
    """One piece; its neighbours may be what cannot be read."""
    try:
        return blob.pread(length, start)
    except OSError:
        return None
