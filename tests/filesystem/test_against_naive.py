"""The product and the naive model agree on random images, orderly and wild, in every mode."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, settings

from tests import naive
from tests.filesystem.stacking import assert_equals_naive, stack
from tests.strategies import Layers, orderly_layers, random_layers, wild_layers

MODES = [
    pytest.param(True, False, id="vector"),
    pytest.param(True, True, id="one_by_one"),
    pytest.param(False, False, id="contents-read-later"),
]
SEEDS = 300
"""Number of seeds for which every mode is compared."""


@cache
def seeded(seed: int, wild: bool) -> tuple[Layers, naive.Truth]:
    """The image of a seed, and the model's figures of it."""
    layers = random_layers(seed, wild)
    return layers, naive.measure(layers)


@pytest.mark.parametrize(("hash_all", "one_by_one"), MODES)
@pytest.mark.parametrize("wild", [False, True], ids=["orderly", "wild"])
def test_many_seeds(wild: bool, hash_all: bool, one_by_one: bool) -> None:
    """Totals, waste, trees, changes and duplicates equal those of the naive model, for hundreds of seeds."""
    for seed in range(SEEDS):
        layers, truth = seeded(seed, wild)
        try:
            assert_equals_naive(
                layers, stack(layers, hash_all=hash_all, one_by_one=one_by_one), truth
            )
        except AssertionError as error:
            raise AssertionError(f"seed {seed}, wild={wild}: {error}") from error


@given(orderly_layers())
@settings(max_examples=100, deadline=None)
def test_orderly_images(layers: Layers) -> None:
    """Random images as builders write them."""
    assert_equals_naive(layers, stack(layers, one_by_one=False), naive.measure(layers))


@given(wild_layers())
@settings(max_examples=200, deadline=None)
def test_wild_images(layers: Layers) -> None:
    """Random images with unusual and invalid entries."""
    truth = naive.measure(layers)
    for one_by_one in (False, True, None):
        assert_equals_naive(layers, stack(layers, one_by_one=one_by_one), truth)
