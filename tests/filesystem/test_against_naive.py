"""The product and the naive model agree on random images, orderly and wild, in every mode."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from tests import naive
from tests.filesystem.stacking import assert_equals_naive, stack
from tests.strategies import Layers, orderly_layers, random_layers, wild_layers

ROADS = [
    pytest.param(True, False, id="vector"),
    pytest.param(True, True, id="plain"),
    pytest.param(False, False, id="contents-read-later"),
]


@pytest.mark.parametrize(("hash_all", "plain"), ROADS)
@pytest.mark.parametrize("wild", [False, True], ids=["orderly", "wild"])
def test_many_seeds(wild: bool, hash_all: bool, plain: bool) -> None:
    """Totals, waste, trees, changes and duplicates are the naive model's, for hundreds of seeds."""
    for seed in range(300):
        layers = random_layers(seed, wild)
        try:
            assert_equals_naive(
                layers, stack(layers, hash_all=hash_all, plain=plain), naive.measure(layers)
            )
        except AssertionError as error:
            raise AssertionError(f"seed {seed}, wild={wild}: {error}") from error


@given(orderly_layers())
@settings(max_examples=100, deadline=None)
def test_orderly_images(layers: Layers) -> None:
    """Images as builders write them."""
    assert_equals_naive(layers, stack(layers, plain=False), naive.measure(layers))


@given(wild_layers())
@settings(max_examples=200, deadline=None)
def test_wild_images(layers: Layers) -> None:
    """Images as nobody should write them."""
    truth = naive.measure(layers)
    for plain in (False, True, None):
        assert_equals_naive(layers, stack(layers, plain=plain), truth)
