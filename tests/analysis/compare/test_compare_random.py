"""Differences between two random images equal those of the naive model."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from layerscope.analysis.compare.comparison import compare
from layerscope.analysis.compare.directories import group_by_directory
from layerscope.words import Change
from tests.analysis.compare.comparing import (
    Layers,
    by_path,
    changes_of,
    live_bytes,
    naive_changes,
    side,
)
from tests.strategies import orderly_layers, random_layers, wild_layers

ANY_LAYERS = st.one_of(wild_layers(), orderly_layers())


def assert_equals_naive(old: Layers, new: Layers, *, hash_all: bool, claim: bool) -> None:
    """Paths, kinds, reasons, bytes and growth equal those of the naive model, with and without times."""
    first = side(old, hash_all=hash_all, claim=claim)
    second = side(new, hash_all=hash_all, claim=claim)
    for mtime in (False, True):
        changes = changes_of(first, second, mtime=mtime)
        found, expected = by_path(changes), naive_changes(old, new, mtime=mtime)
        assert found == expected
        assert list(found) == list(expected)
        groups = group_by_directory(changes)
        for change in (Change.ADDED, Change.REMOVED, Change.MODIFIED, Change.METADATA):
            assert sum(group.counts[change] for group in groups) == changes.counts()[change]
        growth = live_bytes(new)[b""] - live_bytes(old)[b""]
        assert changes.total_growth == growth == sum(group.growth for group in groups)


@given(ANY_LAYERS, ANY_LAYERS, st.booleans(), st.booleans())
@settings(max_examples=80, deadline=None)
def test_images_that_have_little_in_common(
    old: Layers, new: Layers, hash_all: bool, claim: bool
) -> None:
    """Contents are known from the start, or must be read."""
    assert_equals_naive(old, new, hash_all=hash_all, claim=claim)


@given(ANY_LAYERS, ANY_LAYERS, st.integers(0, 4), st.booleans())
@settings(max_examples=80, deadline=None)
def test_images_on_the_same_base(old: Layers, rest: Layers, kept: int, hash_all: bool) -> None:
    """Contents of shared layers are equal without being read."""
    new = [*old[:kept], *rest]
    assert_equals_naive(old, new, hash_all=hash_all, claim=True)


def test_many_seeds() -> None:
    """Hundreds of seeds are tested, as fewer paths collide more often."""
    for seed in range(200):
        old, rest = random_layers(seed, seed % 2 == 0), random_layers(seed + 10_000, True)
        new = [*old[: seed % 4], *rest]
        try:
            assert_equals_naive(old, new, hash_all=seed % 3 == 0, claim=True)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error


@given(ANY_LAYERS, st.booleans(), st.booleans())
@settings(max_examples=50, deadline=None)
def test_no_image_differs_from_itself(layers: Layers, hash_all: bool, claim: bool) -> None:
    """Not even times differ, whether digests are known or not."""
    first = side(layers, hash_all=hash_all, claim=claim)
    second = side(layers, hash_all=hash_all, claim=claim)
    assert not compare(first, second, mtime=True).differ
