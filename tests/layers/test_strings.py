"""Merging tables of strings, and numbers that compare as their bytes do."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from layerscope.layers.strings import Eights, StringTable, holds_start, merge_strings

PREFIXES = st.sampled_from([b"", b"a", b"lib", b"x" * 7, b"x" * 8, b"x" * 9, b"y" * 64, b"y" * 200])
STRINGS = st.tuples(PREFIXES, st.binary(max_size=10)).map(b"".join)
"""Many that are equal for long: shorter and longer than the bytes that are compared at once."""


@given(st.lists(st.lists(STRINGS, unique=True, max_size=30), max_size=4))
@example([[b"a", b"a\0", b"a\0\0b"], [b"a\0\0", b""]])
@example([[b"x" * 8, b"x" * 16], [b"x" * 16, b"x" * 17, b"x" * 8]])
@settings(deadline=None)
def test_merged_strings_are_sorted_and_distinct(tables: list[list[bytes]]) -> None:
    """The ranks lead from each string to its place among them."""
    merged, ranks = merge_strings([StringTable.of(strings) for strings in tables])
    expected = sorted({string for strings in tables for string in strings})
    assert list(merged) == expected
    assert [[expected[rank] for rank in own] for own in ranks] == tables


@given(st.lists(STRINGS, max_size=20), STRINGS)
@settings(deadline=None)
def test_numbers_hold_the_first_and_last_bytes(strings: list[bytes], text: bytes) -> None:
    """A text of eight bytes or fewer is found by them alone."""
    table = StringTable.of(strings)
    eights, lengths = Eights(table.data), np.diff(table.offsets)
    heads = eights.after(table.offsets[:-1], lengths)
    tails = eights.before(table.offsets[1:], lengths)
    padded = [string[:8].ljust(8, b"\0") for string in strings]
    assert [int(head).to_bytes(8, "big") for head in heads] == padded
    backwards = [string[::-1][:8].ljust(8, b"\0") for string in strings]
    assert [int(tail).to_bytes(8, "big") for tail in tails] == backwards
    assert holds_start(heads, text).tolist() == [head.startswith(text[:8]) for head in padded]
