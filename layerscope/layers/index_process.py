"""Indexes the plain layers of one file in a second process, because walking headers holds the interpreter lock.

The process gets the file as an open descriptor. A request is JSON with the range of a layer and the limits; the answer is the
index as packed for the cache. Damaged layers, and those whose index cannot be packed, fail: the caller reads them and reports
the problem.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import msgspec
import numpy as np

from layerscope.channel import ChannelError, RequestFailedError, SecondProcess, Task, serve
from layerscope.layers.blob import Blob, BlobRange, OpenFile
from layerscope.layers.index import LayerIndex
from layerscope.layers.indexing import index_layer
from layerscope.layers.packing import DamagedEntryError, pack, pack_fields, unpack, unpack_fields
from layerscope.limits import Limits
from layerscope.progress import NullProgress

HEARTBEAT_TIMEOUT = 30.0
"""Seconds without a heartbeat after which the layer is read in this process."""
_HEARTBEAT_INTERVAL = 0.2
"""Seconds between two heartbeats."""


class IndexProcess:
    """Indexes layers one at a time. The process starts with the first layer and ends with the context.

    If it fails in any way, the result is None, and the caller reads the layer itself.
    """

    def __init__(self, descriptor: int, limits: Limits, check: Callable[[], None]) -> None:
        """`descriptor` is the open file with all layers."""
        self._descriptor = descriptor
        self._limits = limits
        self._check = check
        self.child = SecondProcess(__name__, [str(descriptor)], descriptors=[descriptor])

    def __enter__(self) -> IndexProcess:
        return self

    def __exit__(self, *error: object) -> None:
        self.child.__exit__(*error)

    def index(self, blob: Blob) -> LayerIndex | None:
        """The index of a plain layer in the file; None if the process fails. Raises anything `check` raises."""
        place = blob.place()
        if place is None or place[0] != self._descriptor:
            return None
        request = msgspec.json.encode(_Request(blob.name, place[1], blob.size, self._limits))
        try:
            answer = self.child.ask([request], self._check, patience=HEARTBEAT_TIMEOUT)
            return unpack_fields(LayerIndex, unpack(np.frombuffer(answer, np.uint8)))
        except (ChannelError, RequestFailedError):
            return None
        except (UnicodeError, DamagedEntryError, KeyError, ValueError):
            self.child.kill()
            return None


class _Request(msgspec.Struct):
    """A layer to index."""

    name: str
    """Its name in errors."""
    offset: int
    """Its offset in the file, in bytes."""
    size: int
    limits: Limits


class _Heartbeat(NullProgress):
    """Turns progress into heartbeats."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._next = 0.0

    def advance(self, _: int) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _HEARTBEAT_INTERVAL
            self._task.progress()

    def cancelled(self) -> bool:
        return self._task.cancelled()


def main(descriptor: str) -> None:
    """Run the second process."""
    file = OpenFile(os.dup(int(descriptor)), "layer")

    def answer(task: Task) -> list[bytes | memoryview]:
        request = msgspec.json.decode(task.body, type=_Request)
        whole = file.blob(request.name)
        blob = BlobRange(whole, request.name, request.offset, request.size)
        index = index_layer(blob, request.limits, _Heartbeat(task))
        if index.broken is not None:
            raise ValueError(index.broken)
        return pack(pack_fields(index))

    serve(answer)
