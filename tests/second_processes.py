"""Second processes for tests: a correct one, and misbehaving ones by name."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

from layerscope.channel import Task, serve, serve_concurrently

FRAME = b"lsf1" + bytes([2, 0, 0, 0, 1, 0, 0, 0]) + (3).to_bytes(8, "little") + b"abc1fsl"
"""The frame that answers the first request with abc."""


def _answer(task: Task) -> list[bytes]:
    """The answer to a request, by its first word."""
    word, _, rest = bytes(task.body).partition(b" ")
    if word == b"repeat":
        count, _, what = rest.partition(b" ")
        return [what] * int(count)
    if word == b"progress":
        for part in rest.split():
            task.progress(part)
        return [b"done"]
    if word == b"print":
        os.write(1, b"stray words")
        return [os.read(0, 10)]
    if word == b"fail":
        raise ValueError(rest.decode())
    if word == b"memory":
        raise MemoryError
    if word == b"stop":
        os.kill(os.getpid(), signal.SIGSTOP)  # other threads may run on for a moment
    if word == b"beat":
        while not task.cancelled():
            task.progress(rest)
            time.sleep(0.01)
    while not task.cancelled():
        time.sleep(0.01)
    return [b"cancelled"]


def _write(data: bytes, *, ends: bool = True) -> None:
    """Read a little of the request, write `data`, and exit if `ends`."""
    os.read(0, 10)
    os.write(1, data)
    if not ends:
        time.sleep(60)


def _close(descriptor: int) -> None:
    """Close a pipe and keep running."""
    os.close(descriptor)
    time.sleep(60)


def _flood() -> None:
    """Write frames forever, and read nothing."""
    while True:
        os.write(1, FRAME * 1000)


BAD: dict[str, Callable[[], None]] = {
    "ends at once": lambda: os._exit(0),
    "ends without an answer": lambda: _write(b""),
    "ends within the head": lambda: _write(FRAME[:10]),
    "ends within the body": lambda: _write(FRAME[:21]),
    "ends before the end mark": lambda: _write(FRAME[:-4]),
    "ends within the end mark": lambda: _write(FRAME[:-1]),
    "sends another end mark": lambda: _write(FRAME[:-1] + b"L", ends=False),
    "sends too short a length": lambda: _write(FRAME.replace(b"\3", b"\2", 1), ends=False),
    "sends too long a length": lambda: _write(FRAME.replace(b"\3", b"\4", 1)),
    "sends an impossible length": lambda: _write(FRAME[:12] + b"\xff" * 8, ends=False),
    "sends an unknown kind": lambda: _write(FRAME.replace(b"\2", b"\x63", 1), ends=False),
    "sends text": lambda: _write(b"Traceback (most recent call last):\n", ends=False),
    "sends zeros": lambda: _write(bytes(100), ends=False),
    "closes its output": lambda: _close(1),
    "closes its input and ends": lambda: _write(b"", ends=True),
    "raises": lambda: _write(b"x" * (1 // 0)),
}
"""Peers that misbehave after they were sent a request."""
NOT_READING: dict[str, Callable[[], None]] = {
    "floods": _flood,
    "closes its input": lambda: _close(0),
    "closes its output": lambda: _close(1),
    "ends": lambda: os._exit(3),
}
"""Peers that do not read a long request."""
GOOD: dict[str, Callable[[], None]] = {
    "": lambda: serve(_answer),
    "at once": lambda: serve_concurrently(_answer),
}
"""Peers that answer one request after another, or several at once."""


def main(name: str = "") -> None:
    """Run the peer of this name."""
    {**BAD, **NOT_READING, **GOOD}[name]()
