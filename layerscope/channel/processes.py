"""Starts programs in sessions of their own, which end with this program."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from layerscope import signals

if TYPE_CHECKING:
    import subprocess


def start(command: Sequence[str], **how: object) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own, which signals of the terminal do not reach and which ends with this program.
    Raises OSError.

    `how` is passed to `subprocess.Popen`. The caller has to call `stop` in the end.
    """
    import subprocess

    process: subprocess.Popen[bytes] = subprocess.Popen(command, start_new_session=True, **how)  # type: ignore[call-overload]
    _forget[process.pid] = signals.at_end(process.kill)
    return process


def stop(process: subprocess.Popen[bytes], *, patience: float = 1.0) -> None:
    """End a program that `start` started; after `patience` seconds it is killed."""
    import subprocess

    if patience:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)
    process.kill()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
    process.wait()
    _forget.pop(process.pid, lambda: None)()


_forget: dict[int, Callable[[], None]] = {}
"""Functions that cancel killing a process at the end, by its ID."""
