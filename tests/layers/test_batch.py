"""Short pieces of a blob are read together: the same bytes as one by one, with fewer reads."""

from __future__ import annotations

import errno
import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from layerscope.layers.batch import MAX_GAP, MAX_READ, read_batch
from layerscope.layers.blob import MemoryBlob
from layerscope.layers.contents import LayerContents
from layerscope.limits import DEFAULT_LIMITS
from tests.images import file, layer_tar
from tests.layers.reading import read

DATA = random.Random(5).randbytes(3 * MAX_READ)
OFFSETS = st.one_of(st.integers(0, 200), st.integers(0, len(DATA) + 100))
SPANS = st.lists(st.tuples(OFFSETS, st.integers(0, 3 * MAX_GAP)), max_size=20)


@given(SPANS, st.booleans())
def test_pieces_equal_the_bytes_of_the_blob(spans: list[tuple[int, int]], ordered: bool) -> None:
    """Pieces may be adjacent, distant, nested or behind the end, in any order."""
    spans = sorted(spans) if ordered else spans
    starts, lengths = (np.array([span[side] for span in spans], np.int64) for side in (0, 1))
    pieces = list(read_batch(MemoryBlob("blob", DATA), starts, lengths))
    assert pieces == [DATA[start : start + length] for start, length in spans]


class _BadBlock(MemoryBlob):
    """Raises OSError for one byte, and counts reads."""

    reads = 0

    def pread(self, length: int, offset: int) -> bytes:
        self.reads += 1
        if offset <= 5000 < offset + length:
            raise OSError(errno.EIO, "Input/output error")
        return super().pread(length, offset)


def test_an_unreadable_piece_does_not_affect_others() -> None:
    """Pieces next to a bad block are read separately."""
    starts = np.arange(0, 20_000, 1000)
    pieces = list(read_batch(_BadBlock("disk", DATA), starts, np.full(20, 1000)))
    assert pieces[5] is None
    assert pieces[:5] + pieces[6:] == [
        DATA[start : start + 1000] for start in starts.tolist() if start != 5000
    ]


def test_many_small_files_take_few_reads() -> None:
    """A thousand adjacent small files are hashed with one read per megabyte."""
    tar = layer_tar([file(f"{number}", b"%d" % number) for number in range(1000)])
    blob = _BadBlock("layer", tar)
    layer = LayerContents(blob, read(tar), DEFAULT_LIMITS)
    entries = np.arange(100, 1000)
    assert list(layer.digests(entries)) == [layer.digest(entry) for entry in entries.tolist()]
    blob.reads = 0
    assert len(list(layer.digests(entries))) == 900
    assert blob.reads <= len(tar) // MAX_READ + 2
