"""Sums by layer are exact, however many bytes they are."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from layerscope.analysis.accounting import sums_by_layer

LAYERS = 5
SIZES = st.sampled_from([1, 2**53 - 1, 2**53, 2**53 + 1, 2**58 + 1]) | st.integers(0, 2**58)


@given(st.lists(st.tuples(st.integers(0, LAYERS - 1), SIZES), max_size=16))
def test_sums_are_exact_above_2_to_the_53(values: list[tuple[int, int]]) -> None:
    """This includes layers without values."""
    sums = [0] * LAYERS
    for layer, size in values:
        sums[layer] += size
    layers = np.array([layer for layer, _ in values], np.int32)
    assert sums_by_layer(layers, np.array([size for _, size in values], np.int64), LAYERS) == sums
