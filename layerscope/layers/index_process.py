"""A second process that indexes plain layers of one file, beside this one: going from header to header is work of the interpreter,
which has one lock.

It is given the file as an open descriptor. A request is JSON: where a layer lies in it, and the limits. The answer is the index as
the cache packs it. A layer that is broken, or whose index cannot be packed, fails: the caller reads it, and meets whatever is wrong.
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
"""Seconds without a sign of life after which the layer is read here."""
_HEARTBEAT_INTERVAL = 0.2
"""Seconds between two signs of life."""


class IndexProcess:
    """Indexes layers one at a time. It is started by the first, and ended when this is left.

    Whatever goes wrong with it, the answer is None, and the caller reads the layer itself.
    """

    def __init__(self, descriptor: int, limits: Limits, check: Callable[[], None]) -> None:
        """`descriptor` is the open file that all layers lie in."""
        self._descriptor = descriptor
        self._limits = limits
        self._check = check
        self.child = SecondProcess(__name__, [str(descriptor)], descriptors=[descriptor])

    def __enter__(self) -> IndexProcess:
        return self

    def __exit__(self, *error: object) -> None:
        self.child.__exit__(*error)

    def index(self, blob: Blob) -> LayerIndex | None:
        """The index of a plain layer in the file; None if it cannot be had here. Raises what `check` does."""
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
    """One layer to be indexed."""

    name: str
    """What errors call it."""
    offset: int
    """Where it begins in the file, in bytes."""
    size: int
    limits: Limits


class _Heartbeat(NullProgress):
    """Turns progress into signs of life."""

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
    """The second process."""
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
