"""Reads many short pieces of a blob with few reads: adjacent ones are read together."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from layerscope.layers.blob import Blob

RUN = 1 << 20
"""Maximum bytes per read, plus one piece."""
GAP = 1 << 15
"""Largest gap in bytes that is cheaper to read than to skip."""


def read_batch(
    blob: Blob, starts: NDArray[np.int64], lengths: NDArray[np.int64]
) -> Iterator[bytes | memoryview | None]:
    """Read pieces in this order; shorter at the end of the blob, None after a read error.

    Works best with ascending offsets and small lengths: adjacent pieces are kept in memory together.
    """
    ends = starts + lengths
    gaps = starts[1:] - ends[:-1]
    apart = (gaps < 0) | (gaps > (0 if blob.scattered else GAP)) | (np.diff(starts // RUN) != 0)
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
    """Read a single piece, after an error that may concern only its neighbours."""
    try:
        return blob.pread(length, start)
    except OSError:
        return None
