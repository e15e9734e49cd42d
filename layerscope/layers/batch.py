"""Reads many short pieces of a blob with few reads: adjacent ones are read together."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from layerscope.layers.blob import Blob

MAX_READ = 1 << 20
"""Maximum bytes per read, plus one piece."""
MAX_GAP = 1 << 15
"""Largest gap in bytes that is cheaper to read than to skip."""


def read_batch(
    blob: Blob, starts: NDArray[np.int64], lengths: NDArray[np.int64]
) -> Iterator[bytes | memoryview | None]:
    """Read pieces in the given order: shorter at the end of the blob, None after a read error.

    Works best with ascending offsets and small lengths: adjacent pieces are kept in memory together.
    """
    ends = starts + lengths
    gaps = starts[1:] - ends[:-1]
    breaks = (
        (gaps < 0)
        | (gaps > (0 if blob.scattered else MAX_GAP))
        | (np.diff(starts // MAX_READ) != 0)
    )
    bounds = [0, *(np.flatnonzero(breaks) + 1).tolist(), len(starts)]
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
                yield _read_one(blob, start, length)
            continue
        offsets = (starts[first:last] - base).tolist()
        for begin, end in zip(offsets, (ends[first:last] - base).tolist(), strict=True):
            yield data[begin:end]


def _read_one(blob: Blob, start: int, length: int) -> bytes | None:
    """Read a single piece, after an error that may affect only its neighbours."""
    try:
        return blob.pread(length, start)
    except OSError:
        return None
