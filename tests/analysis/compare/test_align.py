"""Alignment of sequences: equal ends first, then in order, in bounded time."""

from __future__ import annotations

import time
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from layerscope.analysis.compare.aligning import align, gaps

ITEMS = st.lists(st.sampled_from(["a", "b", "c", None]), max_size=12)


@given(ITEMS, ITEMS)
def test_pairs_are_equal_and_ascending(old: list[str | None], new: list[str | None]) -> None:
    """No item is used twice, no pairs cross, and nothing equals None."""
    pairs = align(old, new)
    assert all(old[mine] is not None and old[mine] == new[other] for mine, other in pairs)
    for (mine, other), (next_mine, next_other) in pairwise(pairs):
        assert mine < next_mine
        assert other < next_other


@given(ITEMS, ITEMS)
def test_gaps_contain_all_unpaired_items(old: list[str | None], new: list[str | None]) -> None:
    """Together with the pairs, each item occurs once."""
    pairs = align(old, new)
    mine = [place for before, _ in gaps(pairs, len(old), len(new)) for place in before]
    other = [place for _, after in gaps(pairs, len(old), len(new)) for place in after]
    assert sorted([*mine, *(pair[0] for pair in pairs)]) == list(range(len(old)))
    assert sorted([*other, *(pair[1] for pair in pairs)]) == list(range(len(new)))


def test_insertions_leave_the_rest_aligned() -> None:
    """This holds even if a text is repeated many times."""
    assert align("aabaa", "aabcaa") == [(0, 0), (1, 1), (2, 2), (3, 4), (4, 5)]
    assert align("abc", "xaybzc") == [(0, 1), (1, 3), (2, 5)]
    assert align("abcd", "bcda") == [(1, 0), (2, 1), (3, 2)]


def test_long_histories_are_aligned_quickly() -> None:
    """A hundred thousand steps are in the opposite order, or all the same."""
    count = 100_000
    started = time.process_time()
    assert len(align(range(count), range(count)[::-1])) == 1
    assert len(align(["b", *"a" * count], ["c", *"a" * count, "d"])) == count
    assert time.process_time() - started < 5
