"""Snapshots of the file tree; the baselines are in `snapshots/test_tree_screens/`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.tui.explorer import explorer, loaded

Compare = Callable[..., bool]


@pytest.mark.parametrize(
    ("size", "keys"),
    [
        pytest.param((160, 48), ["j", "j", "j", "j", "slash", *"size>10k *.py"], id="filter-wide"),
        pytest.param((80, 24), ["slash", *"py type:foo"], id="wrong-small"),
        pytest.param(
            (160, 48), ["j", "j", "j", "j", "x", "G", "k", "k", "k", "k", "k", "k", "tab", "plus"],
            id="compare-wide",
        ),
        pytest.param((80, 24), ["j", "j", "j", "j", "c"], id="columns-small"),
        pytest.param((80, 24), ["j", "j", "j", "j", "f"], id="largest-small"),
    ],
)  # fmt: skip
def test_tree(
    snap_compare: Compare, demo_image: Path, size: tuple[int, int], keys: list[str]
) -> None:
    """A filter, an invalid one, a comparison, the columns, and the largest files."""

    async def prepare(pilot: Pilot[Any]) -> None:
        await loaded(pilot)
        await pilot.press(*keys)
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()
        await pilot.pause()

    assert snap_compare(explorer(demo_image), terminal_size=size, run_before=prepare)
