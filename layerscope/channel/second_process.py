"""A second process, as seen by the process that sends requests."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from layerscope.channel.processes import start, stop
from layerscope.channel.wire import (
    CHECK_SECONDS,
    MOST,
    ChannelError,
    Check,
    Frame,
    Kind,
    Piece,
    RequestFailedError,
    Wire,
)

if TYPE_CHECKING:
    import subprocess

_CANCEL_PATIENCE = 2.0
"""Seconds in which a process with other requests has to acknowledge that one was cancelled."""
_END_OF_HEARING = 1.0
"""Seconds after which the pipe of a killed process has reached its end, unless others hold it open."""
_RUN = """
import sys
parent, module, count, *rest = sys.argv[1:]
sys.path[:] = rest[int(count):]
from layerscope.channel.serving import end_with
end_with(int(parent))
__import__(module, fromlist=["main"]).main(*rest[:int(count)])
"""
"""Runs a module. Arguments: ID of this process, module, number of its arguments, these, and the module search path."""


class _Asked:
    """A request that was sent or is being sent."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.frames: SimpleQueue[Frame | None] = SimpleQueue()
        """Received frames; None after the last one of the process."""
        self.answered = False


class SecondProcess:
    """A process that answers requests. The first request starts it; leaving the context kills it.

    Several threads may send requests at once: another thread receives frames and hands them over.
    """

    def __init__(
        self,
        module: str,
        arguments: Sequence[str] = (),
        *,
        descriptors: Sequence[int] = (),
        most: int = MOST,
    ) -> None:
        """It runs `main(*arguments)` of `module`, and is given the open `descriptors`."""
        self._module = module
        self._arguments = arguments
        self._descriptors = descriptors
        self._most = most
        self._wire: Wire | None = None
        self._hearing: threading.Thread | None = None
        self._number = 0
        self._asked: dict[int, _Asked] = {}
        self._fault: Exception | None = None
        self._state = threading.Lock()
        """Held while any of the above is changed."""
        self._sending = threading.Lock()
        """Held while a frame is written, and while the pipes are closed."""
        self.process: subprocess.Popen[bytes] | None = None
        """None until the first request."""

    def __enter__(self) -> SecondProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def ask(
        self,
        pieces: Iterable[Piece],
        check: Check | None = None,
        *,
        progress: Callable[[bytearray], object] | None = None,
        patience: float | None = None,
    ) -> bytearray:
        """The answer to a request; `progress` gets the bodies of frames that come before it.

        Raises `RequestFailedError`, and `ChannelError`, in which case every later request does, too. An exception from `check`
        cancels the request. `patience` is how many seconds the process may be silent, including about other requests.
        """
        try:
            wire, asked = self._begin()
            try:
                self._send(wire, asked, Kind.REQUEST, pieces, check)
                return self._answer(wire, asked, check, progress, patience)
            except (ChannelError, RequestFailedError):
                raise
            except BaseException:
                self._cancel(wire, asked)
                raise
            finally:
                self._asked.pop(asked.number, None)
        except ChannelError as error:
            self.kill(error)
            raise

    def kill(self, why: ChannelError | None = None) -> None:
        """End the process at once; every later request is a `ChannelError`."""
        with self._state:
            self._fault = self._fault or why or ChannelError("it was stopped")
            wire, self._wire = self._wire, None
        if self.process is not None:
            stop(self.process, patience=0)
        if wire is None or self._hearing is None:
            return
        self._hearing.join(_END_OF_HEARING)
        if not self._hearing.is_alive():
            with self._sending:  # a descriptor must not be closed while a thread uses it
                wire.close()

    def _begin(self) -> tuple[Wire, _Asked]:
        """Start the process if there is none yet, and register a request."""
        with self._state:
            if self._fault is not None:
                raise self._fault
            wire = self._wire = self._wire or self._start()
            self._number += 1
            asked = self._asked[self._number] = _Asked(self._number)
            if self._hearing is None:
                self._hearing = threading.Thread(
                    target=self._hear, args=(wire,), name="second process", daemon=True
                )
                try:
                    self._hearing.start()
                except RuntimeError as error:  # no memory for a thread
                    self._hearing = None
                    raise ChannelError(f"its output cannot be read: {error}") from error
            return wire, asked

    def _start(self) -> Wire:
        import subprocess

        options = ["-P", "-S", *(["-B"] if sys.dont_write_bytecode else [])]
        words = [str(os.getpid()), self._module, str(len(self._arguments)), *self._arguments]
        paths = [*filter(None, sys.path), str(Path(__file__).parents[1])]
        try:
            self.process = start(
                [sys.executable, *options, "-c", _RUN, *words, *paths],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                pass_fds=self._descriptors,
            )
        except OSError as error:
            raise ChannelError(f"it cannot be started: {error.strerror}") from error
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None  # noqa: S101  # for the types: they are pipes
        assert stdout is not None  # noqa: S101
        wire = Wire(os.dup(stdout.fileno()), os.dup(stdin.fileno()), self._most, alone=False)
        stdin.close()
        stdout.close()
        return wire

    def _hear(self, wire: Wire) -> None:
        """Hand every frame to the thread that waits for it, until there are no more."""
        why: Exception = ChannelError("it ended without an answer")
        try:
            while (frame := wire.receive()) is not None:
                self._hand(frame)
        except (ChannelError, MemoryError) as error:
            why = error
        with self._state:
            self._fault = self._fault or why
            waiting = list(self._asked.values())
        for asked in waiting:
            asked.frames.put(None)

    def _hand(self, frame: Frame) -> None:
        with self._state:
            asked, known = self._asked.get(frame.number), frame.number <= self._number
        if not known:
            raise ChannelError("it answered a request that was never sent")
        if asked is not None:  # otherwise it belongs to a cancelled request
            asked.answered = asked.answered or frame.kind in (Kind.ANSWER, Kind.FAILED)
            asked.frames.put(frame)

    def _send(
        self,
        wire: Wire,
        asked: _Asked,
        kind: Kind,
        pieces: Iterable[Piece],
        check: Check | None,
    ) -> None:
        def look() -> None:
            if check is not None:
                check()
            if self._fault is not None:
                raise self._fault
            if asked.answered:  # before it got a request
                raise ChannelError("it does not read its input")

        while not self._sending.acquire(timeout=CHECK_SECONDS):
            look()
        try:
            if not wire.whole:
                raise ChannelError("a frame was cut in the middle")
            wire.send(kind, asked.number, pieces, look)
        finally:
            self._sending.release()

    def _answer(
        self,
        wire: Wire,
        asked: _Asked,
        check: Check | None,
        progress: Callable[[bytearray], object] | None,
        patience: float | None,
    ) -> bytearray:
        silent, heard = 0.0, wire.heard
        while True:
            if check is not None:
                check()
            began = time.monotonic()
            try:
                frame = asked.frames.get(timeout=CHECK_SECONDS)
            except Empty:
                if wire.heard != heard:
                    silent, heard = 0.0, wire.heard
                    continue
                silent += min(time.monotonic() - began, 2 * CHECK_SECONDS)
                if patience is not None and silent >= patience:
                    raise ChannelError(f"no answer for {patience:g} s") from None
                if self._fault is not None and asked.frames.empty():
                    raise self._fault from None
                continue
            silent = 0.0
            if frame is None:
                raise self._fault or ChannelError("it was stopped")
            if frame.kind is Kind.ANSWER:
                return frame.body
            if frame.kind is Kind.FAILED:
                raise RequestFailedError(frame.body.decode(errors="replace"))
            if frame.kind is Kind.PROGRESS and progress is not None:
                progress(frame.body)

    def _cancel(self, wire: Wire, asked: _Asked) -> None:
        """Tell the process that the answer is no longer wanted; kill it if it cannot be told immediately."""
        waited = _CANCEL_PATIENCE if self._asked.keys() - {asked.number} else 0.0

        def wait_no_longer() -> None:
            nonlocal waited
            waited -= CHECK_SECONDS
            if waited < 0:
                raise ChannelError("it does not read its input")

        try:
            asked.answered = False
            self._send(wire, asked, Kind.CANCEL, (), wait_no_longer)
        except Exception as error:
            self.kill(error if isinstance(error, ChannelError) else None)
