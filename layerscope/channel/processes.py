"""Starts programs in their own sessions; they end with this program."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from layerscope import signals

if TYPE_CHECKING:
    import subprocess


def start(command: Sequence[str], **options: object) -> subprocess.Popen[bytes]:
    """Start a program in its own session, so that signals from the terminal do not reach it. It ends with this program.

    `options` are passed to `subprocess.Popen`. The caller must call `stop` in the end. Raises OSError.
    """
    import subprocess

    process: subprocess.Popen[bytes] = subprocess.Popen(command, start_new_session=True, **options)  # type: ignore[call-overload]
    _unregister[process.pid] = signals.at_end(process.kill)
    return process


def stop(process: subprocess.Popen[bytes], *, timeout: float = 1.0) -> None:
    """End a program that `start` started; after `timeout` seconds it is killed."""
    import subprocess

    if timeout:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout)
    process.kill()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
    process.wait()
    _unregister.pop(process.pid, lambda: None)()


_unregister: dict[int, Callable[[], None]] = {}
"""Functions that cancel killing a process at exit, by process ID."""
