"""A second process that indexes plain layers of one file, beside this one."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np

from layerscope.layers import index_child
from layerscope.layers.blob import Blob
from layerscope.layers.child_process import ChildProcess
from layerscope.layers.index import LayerIndex
from layerscope.layers.index_child import LENGTH, Request
from layerscope.layers.packing import DamagedEntryError, unpack, unpack_fields
from layerscope.limits import Limits

_MOST = 1 << 32
"""Bytes of an index that are believed."""


class IndexProcess:
    """Indexes layers one at a time. It is started by the first, and ended when this is left.

    Whatever goes wrong with it, the answer is None, and the caller reads the layer itself.
    """

    def __init__(self, descriptor: int, limits: Limits, check: Callable[[], None]) -> None:
        """`descriptor` is the open file that all layers lie in."""
        self._descriptor = descriptor
        self._limits = limits
        self._usable = True
        self.child = ChildProcess(
            [sys.executable, "-P", "-m", index_child.__name__, str(descriptor)],
            check,
            descriptors=[descriptor],
            environment={"PYTHONPATH": str(Path(index_child.__file__).parents[2])},
            apart=True,  # Ctrl-C is for this process, which ends the other one
        )

    def __enter__(self) -> IndexProcess:
        return self

    def __exit__(self, *error: object) -> None:
        self.child.__exit__(*error)

    def index(self, blob: Blob) -> LayerIndex | None:
        """The index of a plain layer in the file; None if it cannot be had here. Raises what `check` does."""
        place = blob.place()
        if not self._usable or place is None or place[0] != self._descriptor:
            return None
        try:
            request = Request(blob.name, place[1], blob.size, self._limits)
            self.child.send(msgspec.json.encode(request) + b"\n")
            (size,) = LENGTH.unpack(self.child.read(LENGTH.size))
            if not 0 < size <= _MOST:
                return None
            return unpack_fields(LayerIndex, unpack(np.frombuffer(self.child.read(size), np.uint8)))
        except (OSError, UnicodeError, DamagedEntryError, KeyError, ValueError):
            self._usable = False
            return None
