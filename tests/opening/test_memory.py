"""Metadata of layers is stored once, in the smallest possible types."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from layerscope.layers import reading
from layerscope.layers.blob import Blob
from layerscope.layers.index import LayerIndex
from layerscope.layers.indexing import index_layer
from layerscope.limits import Limits
from layerscope.opening.open import Options, open_image
from layerscope.progress import Progress
from layerscope.sources import Request
from tests.images import docker_archive, file, hardlink, layer_tar, write

BASE = layer_tar([file("a", b"one", uid=70_000, mtime=1_700_000_000), hardlink("b", "a")])
TOP = layer_tar([file("a", b"two"), file("c", b"three")])


@pytest.fixture
def image(tmp_path: Path) -> Request:
    data = docker_archive([BASE, TOP, BASE], link_repeats=True)
    return Request(reference=str(write(tmp_path / "i.tar", data)))


def test_metadata_is_stored_once(image: Request) -> None:
    """The indexes of layers share the columns of the stacked filesystem."""
    opened = open_image(image)
    columns = opened.filesystem.inodes.columns
    for name in ("stored", "modes", "uids", "gids", "mtimes", "devices", "offsets"):
        for index in opened.indexes:
            assert np.shares_memory(getattr(index.columns, name), getattr(columns, name)), name
    assert opened.indexes[0] is opened.indexes[2]
    assert opened.indexes[0].columns.uids.tolist() == [70_000, 0]


def test_small_numbers_take_little_memory(image: Request) -> None:
    """Devices of 0 take one byte each, times four."""
    first, second, _ = open_image(image).indexes
    sizes = [first.columns.mtimes.itemsize, second.columns.devices.itemsize]
    assert sizes == [4, 1]


def test_paths_of_single_layers_are_released(image: Request) -> None:
    """Nothing needs them after the layers are stacked."""
    opened = open_image(image)
    assert len(opened.indexes[1].tree.names) == len(opened.indexes[1].nodes) == 0


def test_plain_layers_are_walked_one_at_a_time(
    image: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two threads that read headers would only wait for each other."""
    active: list[str] = []
    concurrent: list[int] = []

    def watched(blob: Blob, limits: Limits, progress: Progress, **how: Any) -> LayerIndex:
        active.append(blob.name)
        time.sleep(0.02)
        concurrent.append(len(active))
        index = index_layer(blob, limits, progress, **how)
        active.remove(blob.name)
        return index

    monkeypatch.setattr(reading, "index_layer", watched)
    open_image(image, Options(verify_small=False))
    assert concurrent == [1, 1]
