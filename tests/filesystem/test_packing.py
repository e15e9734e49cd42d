"""Packed filesystems are restored exactly."""

from __future__ import annotations

import pytest
from msgspec import structs

from layerscope.filesystem.packing import pack_filesystem, unpack_filesystem
from layerscope.layers.packing import unpack
from tests.filesystem.stacking import stack
from tests.layers.caching import assert_same
from tests.layers.test_packing import joined
from tests.strategies import random_layers


@pytest.mark.parametrize("hash_all", [True, False])
def test_random_filesystems_can_be_restored(hash_all: bool) -> None:
    """This compares every column of ordinary and unusual images, and derived properties."""
    for seed in range(150):
        stacked = stack(random_layers(seed, wild=seed % 2 == 1), hash_all=hash_all)
        original = stacked.filesystem
        packed = unpack(joined(pack_filesystem(original)))
        restored = unpack_filesystem(packed, stacked.indexes)
        hashed = original.inodes.hashed
        for either in (original, restored):
            either.inodes.digests[~hashed] = (
                0  # of inodes without content, or with an unknown digest
            )
        for name, value in vars(original).items():
            if name in ("kinds", "stored", "pairs", "changes", "_shared"):
                continue  # computed on demand
            other = getattr(restored, name)
            if name == "events":  # which keep their stored type
                other = other.astype(value.dtype)
            if name not in ("table", "inodes"):
                assert_same(value, other, name)
                continue
            for field, own in structs.asdict(value).items():
                assert_same(own, getattr(other, field), f"{name}.{field}")
        for part in original.changes.__struct_fields__:
            column = getattr(original.changes, part)
            assert_same(column, getattr(restored.changes, part).astype(column.dtype), part)
