"""A worker for tests that waits at one function until the gate opens."""

from __future__ import annotations

import importlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from layerscope.layers.toc import tables_of_contents
from layerscope.opening import worker

MODULE = "tests.held_worker"
_PLACE, _GATE = "LAYERSCOPE_TEST_HOLD", "LAYERSCOPE_TEST_GATE"


class Gate:
    """Makes workers started from now on wait where they call `place`, a function as `module:name`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path, place: str) -> None:
        self._file = folder / "gate"
        monkeypatch.setenv(_PLACE, place)
        monkeypatch.setenv(_GATE, str(self._file))

    def open(self) -> None:
        """Let all workers continue."""
        self._file.touch()

    @property
    def reached(self) -> int:
        """Number of processes that have reached the gate."""
        return len(list(self._file.parent.glob("gate-*")))


def main() -> None:
    """Run the worker."""
    tables_of_contents.WORTHWHILE = 1
    module, _, name = os.environ[_PLACE].partition(":")
    gate = Path(os.environ[_GATE])
    function: Callable[..., Any] = getattr(importlib.import_module(module), name)

    def wait(*args: Any, **how: Any) -> Any:
        gate.with_name(f"gate-{os.getpid()}").touch()
        while not gate.exists():
            time.sleep(0.01)
        return function(*args, **how)

    setattr(importlib.import_module(module), name, wait)
    worker.main()
