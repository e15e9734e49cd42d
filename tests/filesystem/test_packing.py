"""Stacked filesystems come back as they went in."""

from __future__ import annotations

from dataclasses import fields

import pytest

from layerscope.filesystem.packing import pack_filesystem, unpack_filesystem
from layerscope.layers.packing import unpack
from tests.filesystem.stacking import stack
from tests.layers.caching import assert_same
from tests.layers.test_packing import joined
from tests.strategies import random_layers


@pytest.mark.parametrize("hash_all", [True, False])
def test_random_filesystems_come_back(hash_all: bool) -> None:
    """Every column of orderly and wild images, and all that is derived from them."""
    for seed in range(150):
        stacked = stack(random_layers(seed, wild=seed % 2 == 1), hash_all=hash_all)
        found = stacked.filesystem
        packed = unpack(joined(pack_filesystem(found)))
        again = unpack_filesystem(packed, stacked.indexes)
        known = found.inodes.hashed
        for each in (found, again):
            each.inodes.digests[~known] = 0  # of what has no content, or is not known
        for name, value in vars(found).items():
            if name in ("kinds", "stored", "pairs", "changes", "_shared"):
                continue  # derived when they are asked for
            other = getattr(again, name)
            if name == "events":  # which stay narrow
                other = other.astype(value.dtype)
            if name not in ("table", "inodes"):
                assert_same(value, other, name)
                continue
            for field in fields(value):
                assert_same(
                    getattr(value, field.name), getattr(other, field.name), f"{name}.{field.name}"
                )
        for part in found.changes.__slots__:
            own = getattr(found.changes, part)
            assert_same(own, getattr(again.changes, part).astype(own.dtype), part)
