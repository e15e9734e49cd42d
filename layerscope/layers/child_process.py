"""A second process that answers requests: it can be ended at any time, and nothing waits for it longer than it is wanted."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
from collections.abc import Callable, Mapping, Sequence

_PATIENCE = 0.05
"""Seconds between two looks at whether the answer is still wanted."""
_PIECE = 1 << 20
"""Bytes of an answer that are taken at once."""


class ChildProcess:
    """A program that is started by the first request, and killed when this is left."""

    def __init__(
        self,
        command: Sequence[str],
        check: Callable[[], None],
        *,
        descriptors: Sequence[int] = (),
        environment: Mapping[str, str] | None = None,
        apart: bool = False,
    ) -> None:
        """`check` is called often while an answer is waited for, and ends that by raising. The program is given the open
        `descriptors`, and `environment` on top of that of this process. `apart`, signals of the terminal do not reach it: that is for
        one that soon ends by itself when this process is gone."""
        self._command = command
        self._check = check
        self._descriptors = descriptors
        self._environment = environment or {}
        self._apart = apart
        self.process: subprocess.Popen[bytes] | None = None
        """None until the first request."""

    def __enter__(self) -> ChildProcess:
        return self

    def __exit__(self, *_: object) -> None:
        process = self.process
        if process is not None:
            process.kill()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    with contextlib.suppress(OSError):
                        stream.close()
            process.wait()

    def send(self, *pieces: bytes) -> None:
        """Write a request. Raises OSError if the program does not start or has ended."""
        process = self.process or self._start()
        if process.stdin is None:
            raise BrokenPipeError
        for piece in pieces:
            process.stdin.write(piece)
        process.stdin.flush()

    def read(self, size: int) -> bytearray:
        """So many bytes of the answer. Raises `BrokenPipeError` if there are fewer, and what `check` does."""
        if self.process is None or self.process.stdout is None:
            raise BrokenPipeError
        place = self.process.stdout.fileno()
        data = bytearray(size)
        view = memoryview(data)
        while view:
            self._check()
            if select.select([place], [], [], _PATIENCE)[0]:
                count = os.readv(place, [view[:_PIECE]])
                if not count:
                    raise BrokenPipeError
                view = view[count:]
        return data

    def _start(self) -> subprocess.Popen[bytes]:
        self.process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=self._descriptors,
            env={**os.environ, **self._environment},
            start_new_session=self._apart,
        )
        return self.process
