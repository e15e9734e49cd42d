"""Contents of the files of benchmark images: slices of three pools that compress like real files."""

from __future__ import annotations

import random
import string
from collections.abc import Iterator
from itertools import accumulate
from typing import NamedTuple

POOL_BYTES = 8 << 20
PIECE_BYTES = 256 << 10
"""Longer contents consist of pieces of this size from all over their pool."""
STEP = 2_654_435_761
"""Bytes from one piece to the next, modulo the pool."""

TEXT, BINARY, RANDOM = "text", "binary", "random"


class Content(NamedTuple):
    """A recipe for a file's content: the same recipe gives the same bytes."""

    pool: str
    start: int
    size: int


class Pools:
    """The pools: text compresses about 1:3.7 (gzip level 1), binary about 1:2, random not at all."""

    def __init__(self) -> None:
        rng = random.Random(20_130)
        self._pools = {
            TEXT: _mixture(_phrases(rng), rng),
            BINARY: _mixture(_instructions(rng), rng),
            RANDOM: memoryview(rng.randbytes(POOL_BYTES)),
        }

    def pieces(self, content: Content) -> Iterator[memoryview]:
        """The bytes of a content, as slices of its pool."""
        pool = self._pools[content.pool]
        start, left = content.start, content.size
        while left > 0:
            start %= POOL_BYTES - PIECE_BYTES
            length = min(left, PIECE_BYTES)
            yield pool[start : start + length]
            start += STEP
            left -= length


def skewed(count: int) -> list[float]:
    """Cumulative weights of `count` items, of which the first ones are by far the most frequent."""
    return list(accumulate(1 / (rank + 4) for rank in range(count)))


def _mixture(tokens: list[bytes], rng: random.Random) -> memoryview:
    """A pool full of tokens, the first ones the most often."""
    mean = sum(map(len, tokens)) / len(tokens)
    weights = skewed(len(tokens))
    pool = bytearray()
    while len(pool) < POOL_BYTES:
        pool += b"".join(rng.choices(tokens, cum_weights=weights, k=int(POOL_BYTES / mean / 8)))
    return memoryview(bytes(pool[:POOL_BYTES]))


def _phrases(rng: random.Random) -> list[bytes]:
    """Phrases of made-up words, with the punctuation of source code."""
    words = [
        "".join(rng.choices(string.ascii_lowercase, k=rng.randrange(2, 11))) for _ in range(3000)
    ]
    weights = skewed(len(words))
    ends = (" ", "\n", "\n    ", ": ", "(", ", ", ' = "', '",\n')
    phrases = (
        " ".join(rng.choices(words, cum_weights=weights, k=rng.randrange(2, 7))) + rng.choice(ends)
        for _ in range(6000)
    )
    return [phrase.encode() for phrase in phrases]


def _instructions(rng: random.Random) -> list[bytes]:
    """Short strings of bytes, as machine code and tables repeat them."""
    short = [bytes(length) for length in (1, 2, 3, 4, 8, 16)]
    return short + [rng.randbytes(rng.randrange(2, 12)) for _ in range(1500)]
