"""Aligns two sequences in less than quadratic time."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence

Pair = tuple[int, int]
"""Positions in the old and in the new sequence."""


def align(old: Sequence[Hashable | None], new: Sequence[Hashable | None]) -> list[Pair]:
    """Pairs of positions of equal items, ascending in both sequences; None equals nothing.

    Equal beginnings and ends are paired; between them, the n-th of several equal items is paired with the n-th.
    """
    start, shorter = 0, min(len(old), len(new))
    while start < shorter and old[start] is not None and old[start] == new[start]:
        start += 1
    end = 0
    while end < shorter - start and old[-1 - end] is not None and old[-1 - end] == new[-1 - end]:
        end += 1
    first = [(place, place) for place in range(start)]
    last = [(len(old) - place, len(new) - place) for place in range(end, 0, -1)]
    places = {item: place for place, item in _numbered(old, start, len(old) - end)}
    matches = [
        (places[item], place)
        for place, item in _numbered(new, start, len(new) - end)
        if item in places
    ]
    return [*first, *_longest_ascending(matches), *last]


def gaps(pairs: Sequence[Pair], old: int, new: int) -> Iterator[tuple[range, range]]:
    """The gaps before, between and after pairs, in sequences of these lengths."""
    old_start = new_start = 0
    for pair in (*pairs, (old, new)):
        yield range(old_start, pair[0]), range(new_start, pair[1])
        old_start, new_start = pair[0] + 1, pair[1] + 1


def _numbered(
    items: Sequence[Hashable | None], start: int, end: int
) -> Iterator[tuple[int, tuple[Hashable, int]]]:
    """Each item of a part with its position, and how many equal items came before it."""
    seen: Counter[Hashable] = Counter()
    for place in range(start, end):
        item = items[place]
        if item is not None:
            yield place, (item, seen[item])
            seen[item] += 1


def _longest_ascending(pairs: Sequence[Pair]) -> list[Pair]:
    """The longest subsequence of pairs whose first positions ascend; the second ones already do."""
    ends: list[int] = []
    """For each length, the smallest first position at the end of such a subsequence."""
    last: list[int] = []
    before: list[int] = []
    for number, (place, _) in enumerate(pairs):
        length = bisect_left(ends, place)
        before.append(last[length - 1] if length else -1)
        ends[length : length + 1] = [place]
        last[length : length + 1] = [number]
    ascending: list[Pair] = []
    number = last[-1] if last else -1
    while number >= 0:
        ascending.append(pairs[number])
        number = before[number]
    return ascending[::-1]
