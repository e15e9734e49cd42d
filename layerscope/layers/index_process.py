"""A second process that indexes plain layers of one file, beside this one."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np

from layerscope.layers import index_child
from layerscope.layers.blob import Blob
from layerscope.layers.index import LayerIndex
from layerscope.layers.index_child import LENGTH, Request
from layerscope.layers.index_packing import unpack_index
from layerscope.layers.packing import DamagedEntryError, unpack
from layerscope.limits import Limits

_PATIENCE = 0.05
"""Seconds between two looks at whether the index is still wanted."""
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
        self._check = check
        self._process: subprocess.Popen[bytes] | None = None
        self._usable = True

    def __enter__(self) -> IndexProcess:
        return self

    def __exit__(self, *_: object) -> None:
        process = self._process
        if process is not None:
            process.kill()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    with contextlib.suppress(OSError):
                        stream.close()
            process.wait()

    def index(self, blob: Blob) -> LayerIndex | None:
        """The index of a plain layer in the file; None if it cannot be had here. Raises what `check` does."""
        place = blob.place()
        if not self._usable or place is None or place[0] != self._descriptor:
            return None
        try:
            process = self._process or self._start()
            if process.stdin is None or process.stdout is None:
                raise BrokenPipeError
            request = Request(blob.name, place[1], blob.size, self._limits)
            process.stdin.write(msgspec.json.encode(request) + b"\n")
            process.stdin.flush()
            (size,) = LENGTH.unpack(self._read(process.stdout.fileno(), LENGTH.size))
            if not 0 < size <= _MOST:
                return None
            return unpack_index(
                unpack(np.frombuffer(self._read(process.stdout.fileno(), size), np.uint8))
            )
        except (OSError, UnicodeError, DamagedEntryError, KeyError, ValueError):
            self._usable = False
            return None

    def _start(self) -> subprocess.Popen[bytes]:
        package = Path(index_child.__file__).parents[2]
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", index_child.__name__, str(self._descriptor)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=[self._descriptor],
            env={**os.environ, "PYTHONPATH": str(package)},
            start_new_session=True,  # Ctrl-C is for this process, which ends the other one
        )
        return self._process

    def _read(self, place: int, size: int) -> bytearray:
        """So many bytes of the answer. Raises `BrokenPipeError` if there are fewer."""
        data = bytearray(size)
        view = memoryview(data)
        while view:
            self._check()
            if select.select([place], [], [], _PATIENCE)[0]:
                count = os.readv(place, [view[: 1 << 20]])
                if not count:
                    raise BrokenPipeError
                view = view[count:]
        return data
