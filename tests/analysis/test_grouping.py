"""Waste records in groups: every record is in one group, and the largest group comes first."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from layerscope.analysis.accounting import Waste
from layerscope.analysis.grouping import GroupBy, group_waste
from layerscope.filesystem.paths import PathTable
from layerscope.layers.strings import StringTable
from layerscope.opening.open import Opened, Options, open_image
from layerscope.sources import Request
from layerscope.words import REASONS, Reason
from tests.images import docker_archive, file, layer_tar, whiteout, write


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Opened:
    """An image that wastes bytes for several reasons, in several steps and directories."""
    layers = [
        layer_tar(
            [
                file("big/one/a", b"a" * 5000),
                file("big/one/b", b"b" * 4000),
                file("big/two/c", b"c" * 3000),
                file("log/x", b"x" * 9),
                file("etc/conf", b"1" * 700),
                file("etc/same", b"s" * 600),
            ]
        ),
        layer_tar([whiteout("big"), file("etc/conf", b"22" * 300), file("log/x", b"xx")]),
        layer_tar([file("etc/same", b"s" * 600, mode=0o600)]),
    ]
    path = write(tmp_path_factory.mktemp("grouping") / "image.tar", docker_archive(layers))
    return open_image(Request(str(path)), Options())


@pytest.mark.parametrize("by", list(GroupBy))
def test_groups_hold_every_record_once(demo: Opened, by: GroupBy) -> None:
    """Bytes and records of all groups add up to the waste; the group with most bytes comes first."""
    waste = demo.accounting.waste
    groups = group_waste(waste, demo.filesystem.table, by)
    assert sorted(groups.order.tolist()) == list(range(len(waste)))
    assert int(groups.bytes.sum()) == int(groups.by_reason.sum()) == demo.accounting.wasted
    assert groups.bytes.tolist() == sorted(groups.bytes.tolist(), reverse=True)
    for group in range(len(groups)):
        rows = [groups.record(group, item) for item in range(int(groups.counts[group]))]
        sizes = waste.bytes[rows].tolist()
        assert sizes == sorted(sizes, reverse=True)
        assert sum(sizes) == int(groups.bytes[group])
        assert [groups.place(row) for row in rows] == [(group, item) for item in range(len(rows))]


def test_reasons_are_those_of_the_accounting(demo: Opened) -> None:
    """Groups by reason equal the sums by reason in the report."""
    groups = group_waste(demo.accounting.waste, demo.filesystem.table, GroupBy.REASON)
    found = {
        REASONS[key]: size
        for key, size in zip(groups.keys.tolist(), groups.bytes.tolist(), strict=True)
    }
    assert found == demo.accounting.waste.by_reason()
    assert groups.reasons(0) == [(Reason.DELETED, 12000)]


def test_steps_are_those_that_hide(demo: Opened) -> None:
    """Grouped by step, a record belongs to the step that hides it, not to the one that stored it."""
    groups = group_waste(demo.accounting.waste, demo.filesystem.table, GroupBy.STEP)
    assert dict(zip(groups.keys.tolist(), groups.counts.tolist(), strict=True)) == {1: 5, 2: 1}


def test_groups_are_the_deepest_directories_with_a_notable_share(demo: Opened) -> None:
    """Small directories belong to the group of a parent."""
    table = demo.filesystem.table
    groups = group_waste(demo.accounting.waste, table, GroupBy.DIRECTORY)
    found = {
        table.full(key).decode(): size
        for key, size in zip(groups.keys.tolist(), groups.bytes.tolist(), strict=True)
    }
    assert found == {"big/one": 9000, "big/two": 3000, "etc": 1300, "": 9}


def test_an_image_without_waste_has_no_groups(tmp_path: Path) -> None:
    """Without records there are no groups."""
    path = write(tmp_path / "clean.tar", docker_archive([layer_tar([file("a", b"a")])]))
    opened = open_image(Request(str(path)), Options())
    for by in GroupBy:
        assert len(group_waste(opened.accounting.waste, opened.filesystem.table, by)) == 0


def test_a_deep_path_takes_no_longer_than_a_shallow_one() -> None:
    """A hostile path with many components is grouped in few passes."""
    depth = 100_000
    numbers = np.arange(depth, dtype=np.int32)
    table = PathTable(
        parents=np.maximum(numbers - 1, 0),
        ends=np.full(depth, depth, np.int32),
        depths=numbers,
        components=np.where(numbers, 0, -1).astype(np.int32),
        names=StringTable.of([b"d"]),
    )
    rows = numbers[-1000:]
    waste = Waste(
        paths=rows,
        bytes=np.ones(1000, np.int64),
        reasons=np.zeros(1000, np.uint8),
        stored_in=np.zeros(1000, np.int32),
        hidden_by=np.ones(1000, np.int32),
        inodes=rows,
    )
    began = time.process_time()
    groups = group_waste(waste, table, GroupBy.DIRECTORY)
    assert time.process_time() - began < 2
    assert int(groups.bytes.sum()) == 1000
