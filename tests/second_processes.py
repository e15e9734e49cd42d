"""Second processes for tests: a correct one, and misbehaving ones by name."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

from layerscope.channel import Task, serve, serve_at_once

WHOLE = b"lsf1" + bytes([2, 0, 0, 0, 1, 0, 0, 0]) + (3).to_bytes(8, "little") + b"abc1fsl"
"""The frame that answers the first request with abc."""


def _answer(task: Task) -> list[bytes]:
    """The answer to the first word of a request."""
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


def _say(data: bytes, *, ends: bool = True) -> None:
    """Read part of the request and write `data`; then end, unless `ends` is false."""
    os.read(0, 10)
    os.write(1, data)
    if not ends:
        time.sleep(60)


def _close(descriptor: int) -> None:
    """Close a pipe and continue."""
    os.close(descriptor)
    time.sleep(60)


def _flood() -> None:
    """Write as long as the peer reads, and read nothing."""
    while True:
        os.write(1, WHOLE * 1000)


BAD: dict[str, Callable[[], None]] = {
    "ends at once": lambda: os._exit(0),
    "ends without an answer": lambda: _say(b""),
    "ends within the head": lambda: _say(WHOLE[:10]),
    "ends within the body": lambda: _say(WHOLE[:21]),
    "ends before the end mark": lambda: _say(WHOLE[:-4]),
    "ends within the end mark": lambda: _say(WHOLE[:-1]),
    "sends another end mark": lambda: _say(WHOLE[:-1] + b"L", ends=False),
    "sends too short a length": lambda: _say(WHOLE.replace(b"\3", b"\2", 1), ends=False),
    "sends too long a length": lambda: _say(WHOLE.replace(b"\3", b"\4", 1)),
    "sends an impossible length": lambda: _say(WHOLE[:12] + b"\xff" * 8, ends=False),
    "sends an unknown kind": lambda: _say(WHOLE.replace(b"\2", b"\x63", 1), ends=False),
    "sends text": lambda: _say(b"Traceback (most recent call last):\n", ends=False),
    "sends zeros": lambda: _say(bytes(100), ends=False),
    "closes its output": lambda: _close(1),
    "closes its input and ends": lambda: _say(b"", ends=True),
    "raises": lambda: _say(b"x" * (1 // 0)),
}
"""Misbehaviour of a peer after a request."""
DEAF: dict[str, Callable[[], None]] = {
    "floods": _flood,
    "closes its input": lambda: _close(0),
    "closes its output": lambda: _close(1),
    "ends": lambda: os._exit(3),
}
"""Misbehaviour of a peer while a long request is written."""
GOOD: dict[str, Callable[[], None]] = {
    "": lambda: serve(_answer),
    "at once": lambda: serve_at_once(_answer),
}
"""Peers that answer one request after another, or several at once."""


def main(name: str = "") -> None:
    """Answer requests, or misbehave in the way of this name."""
    {**BAD, **DEAF, **GOOD}[name]()
