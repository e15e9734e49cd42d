"""Indexes layers of one file in a second process, because parsing headers holds the interpreter lock.

The process inherits the file as an open descriptor. A request is JSON with the range of a layer, options and limits; the answer
is the index and the results of its collector, packed as for the cache. For damaged layers, and those whose index cannot be packed,
the request fails: the caller reads them itself and reports the problem.
"""

from __future__ import annotations

import os
import time
from importlib import import_module

import msgspec
import numpy as np

from layerscope.channel import ChannelError, RequestFailedError, SecondProcess, Task, serve
from layerscope.layers.blob import Blob, BlobRange, OpenFile
from layerscope.layers.index import LayerIndex
from layerscope.layers.indexing import index_layer
from layerscope.layers.packing import DamagedEntryError, pack, pack_fields, unpack, unpack_fields
from layerscope.layers.walk import Collector
from layerscope.limits import Limits
from layerscope.progress import NullProgress, Progress, check

HEARTBEAT_TIMEOUT = 30.0
"""Seconds without a heartbeat after which the layer is read in this process."""
_HEARTBEAT_INTERVAL = 0.2
"""Seconds between two heartbeats."""
_LENGTH = 8
"""Size of a number in bytes."""


class IndexProcess:
    """Indexes layers one at a time. The process starts with the first layer and ends with the context.

    If it fails in any way, the result is None, and the caller reads the layer itself.
    """

    def __init__(self, descriptor: int, limits: Limits, progress: Progress) -> None:
        """`descriptor` is the open file with all layers."""
        self._descriptor = descriptor
        self._limits = limits
        self._progress = progress
        self.child = SecondProcess(__name__, [str(descriptor)], descriptors=[descriptor])

    def __enter__(self) -> IndexProcess:
        return self

    def __exit__(self, *error: object) -> None:
        self.child.__exit__(*error)

    def index(
        self, blob: Blob, *, hash_all: bool = False, collector: Collector | None = None
    ) -> LayerIndex | None:
        """The index of a layer in the file, as from `index_layer`; None if the process fails. Raises `CancelledError`."""
        place = blob.place()
        if place is None or place[0] != self._descriptor:
            return None
        collector_type = (
            "" if collector is None else f"{type(collector).__module__}:{type(collector).__name__}"
        )
        request = _Request(blob.name, place[1], blob.size, self._limits, hash_all, collector_type)
        advanced = 0

        def advance(body: bytearray) -> None:
            nonlocal advanced
            step = min(int.from_bytes(body, "little"), blob.size - advanced)
            advanced += step
            self._progress.advance(step)

        try:
            answer = self.child.ask(
                [msgspec.json.encode(request)],
                lambda: check(self._progress),
                progress=advance,
                timeout=HEARTBEAT_TIMEOUT,
            )
            data = np.frombuffer(answer, np.uint8)
            split = int.from_bytes(answer[-_LENGTH:], "little")
            index = unpack_fields(LayerIndex, unpack(data[:split]))
            if collector is not None:
                collector.load(unpack(data[split:-_LENGTH]))
        except (ChannelError, RequestFailedError):
            index = None
        except (UnicodeError, DamagedEntryError, KeyError, TypeError, ValueError):
            self.child.kill()
            index = None
        self._progress.advance(-advanced if index is None else blob.size - advanced)
        return index


class _Request(msgspec.Struct):
    """A layer to index."""

    name: str
    """Its name in errors."""
    offset: int
    """Its offset in the file, in bytes."""
    size: int
    limits: Limits
    hash_all: bool
    collector: str
    """The type of its collector, as `MODULE:NAME`; empty for none."""


class _Heartbeat(NullProgress):
    """Turns progress into heartbeats with the number of bytes read since the last one."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._next = 0.0
        self._read = 0

    def advance(self, done: int) -> None:
        self._read += done
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _HEARTBEAT_INTERVAL
            self._task.progress(max(self._read, 0).to_bytes(_LENGTH, "little"))
            self._read = 0

    def cancelled(self) -> bool:
        return self._task.cancelled()


def main(descriptor: str) -> None:
    """Run the second process."""
    file = OpenFile(os.dup(int(descriptor)), "layer")

    def answer(task: Task) -> list[bytes | memoryview]:
        request = msgspec.json.decode(task.body, type=_Request)
        parent = file.blob(request.name)
        blob = BlobRange(parent, request.name, request.offset, request.size)
        collector = _new_collector(request.collector) if request.collector else None
        index = index_layer(
            blob,
            request.limits,
            _Heartbeat(task),
            hash_all=request.hash_all,
            collector=collector,
        )
        if index.broken is not None:
            raise ValueError(index.broken)
        first = pack(pack_fields(index))
        second = [] if collector is None else pack(collector.pack())
        split = sum(memoryview(piece).nbytes for piece in first)
        return [*first, *second, split.to_bytes(_LENGTH, "little")]

    serve(answer)


def _new_collector(name: str) -> Collector:
    """Create a collector by the name of its type; the parent is trusted."""
    module, _, kind = name.partition(":")
    collector: Collector = getattr(import_module(module), kind)()
    return collector
