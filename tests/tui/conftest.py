"""Set-up for tests of the explorer."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _forked_workers(forked_workers: None) -> None:
    """Each test starts a worker or two, most of whose work would be imports."""
