"""A worker for tests that waits in one function until it is released."""

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
    """Makes workers that start from now on wait when they call the function `place`: `module:name`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path, place: str) -> None:
        self._file = folder / "gate"
        monkeypatch.setenv(_PLACE, place)
        monkeypatch.setenv(_GATE, str(self._file))

    def set(self) -> None:
        """Release the waiting workers."""
        self._file.touch()

    @property
    def reached(self) -> int:
        """Number of processes that wait or have waited."""
        return len(list(self._file.parent.glob("gate-*")))


def main() -> None:
    """Run the worker."""
    tables_of_contents.WORTHWHILE = 1
    module, _, name = os.environ[_PLACE].partition(":")
    gate = Path(os.environ[_GATE])
    held: Callable[..., Any] = getattr(importlib.import_module(module), name)

    def wait(*args: Any, **how: Any) -> Any:
        gate.with_name(f"gate-{os.getpid()}").touch()
        while not gate.exists():
            time.sleep(0.01)
        return held(*args, **how)

    setattr(importlib.import_module(module), name, wait)
    worker.main()
