"""Reads many short pieces of a blob with few reads: neighbours are read together."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from layerscope.layers.blob import Blob

RUN = 1 << 20
"""Bytes per read, plus one piece at most."""
GAP = 1 << 13
"""Largest gap in bytes that is cheaper to read than to skip."""


def read_batch(
    blob: Blob, starts: NDArray[np.int64], lengths: NDArray[np.int64]
) -> Iterator[bytes | memoryview | None]:
    """Each piece, in this order; shorter at the end of the blob, None for a read error.

    Rising
    offsets save the most. Lengths should be small: a run of pieces is held in memory.
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
    """A single piece, after an error that may concern only its neighbours."""
    try:
        return blob.pread(length, start)
    except OSError:
        return None
