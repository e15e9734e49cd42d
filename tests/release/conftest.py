"""Wheel and sdist, and a clean environment with the wheel: made once in a run of the tests."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.release.building import ROOT, Clean, build, once


@pytest.fixture(scope="session")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory with wheel and sdist."""
    return once(tmp_path_factory, "dist", lambda folder: build(ROOT, folder))


@pytest.fixture(scope="session")
def wheel(dist: Path) -> Path:
    """The wheel."""
    return next(dist.glob("*.whl"))


@pytest.fixture(scope="session")
def sdist(dist: Path) -> Path:
    """The sdist."""
    return next(dist.glob("*.tar.gz"))


@pytest.fixture(scope="session")
def clean(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Clean:
    """An environment of this Python that holds the wheel."""

    def make(folder: Path) -> None:
        Clean.make(folder, Path(sys.executable), wheel)

    return Clean(once(tmp_path_factory, "clean", make))
