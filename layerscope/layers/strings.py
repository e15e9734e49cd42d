"""Many byte strings in one buffer, so that a million names are not a million objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray


class StringTable(Sequence[bytes]):
    """Byte strings, joined in `data`; string i is `data[offsets[i]:offsets[i + 1]]`."""

    __slots__ = ("data", "offsets")

    def __init__(self, data: bytes, offsets: NDArray[np.int64]) -> None:
        self.data = data
        self.offsets = offsets

    @classmethod
    def of(cls, strings: Iterable[bytes]) -> StringTable:
        """A table of these strings, in this order."""
        items = strings if isinstance(strings, list) else list(strings)
        offsets = np.zeros(len(items) + 1, np.int64)
        np.cumsum(np.fromiter(map(len, items), np.int64, len(items)), out=offsets[1:])
        return cls(b"".join(items), offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, index: int) -> bytes:  # type: ignore[override]  # no slices: never needed
        return self.data[self.offsets[index] : self.offsets[index + 1]]

    def __iter__(self) -> Iterator[bytes]:
        bounds = self.offsets.tolist()
        data = self.data
        return (data[start:end] for start, end in pairwise(bounds))
