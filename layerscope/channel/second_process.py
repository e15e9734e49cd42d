"""A second process, as seen by the process that sends requests."""

from __future__ import annotations

import gc
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
    MAX_BODY,
    POLL_SECONDS,
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

_CANCEL_SECONDS = 2.0
"""Seconds to wait for a process with other requests to read that one was cancelled."""
_RECEIVER_JOIN_SECONDS = 1.0
"""Seconds after which the pipe of a killed process has ended, unless other processes hold it open."""
_RUN = """
import gc, sys
parent, garbage, module, count, *rest = sys.argv[1:]
gc.set_threshold(int(garbage))
sys.path[:] = rest[int(count):]
from layerscope.channel.serving import end_with_parent
end_with_parent(int(parent))
__import__(module, fromlist=["main"]).main(*rest[:int(count)])
"""
"""Runs a module. Arguments: ID and garbage collection threshold of this process, module, number of its arguments, these, and the
module search path."""


class _PendingRequest:
    """A request that was sent or is being sent."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.frames: SimpleQueue[Frame | None] = SimpleQueue()
        """Received frames; None after the last frame of the process."""
        self.answered = False


class SecondProcess:
    """A process that answers requests. The first request starts it; leaving the context kills it.

    Several threads may send requests at once: a further thread receives frames and passes them to the thread that waits.
    """

    def __init__(
        self,
        module: str,
        arguments: Sequence[str] = (),
        *,
        descriptors: Sequence[int] = (),
        max_body: int = MAX_BODY,
    ) -> None:
        """Prepare to run `main(*arguments)` of `module`, which inherits the open `descriptors`."""
        self._module = module
        self._arguments = arguments
        self._descriptors = descriptors
        self._max_body = max_body
        self._wire: Wire | None = None
        self._receiver: threading.Thread | None = None
        self._number = 0
        self._pending: dict[int, _PendingRequest] = {}
        self._fault: Exception | None = None
        self._state_lock = threading.Lock()
        """Held while one of the attributes above changes."""
        self._send_lock = threading.Lock()
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
        timeout: float | None = None,
    ) -> bytearray:
        """The answer to a request; `progress` is called with the bodies of frames that arrive before it.

        `timeout` is how many seconds the process may send nothing, including for other requests. An exception from `check`
        cancels the request. Raises `RequestFailedError`, and `ChannelError`, after which every later request raises it, too.
        """
        try:
            wire, request = self._register()
            try:
                self._send(wire, request, Kind.REQUEST, pieces, check)
                return self._answer(wire, request, check, progress, timeout)
            except (ChannelError, RequestFailedError):
                raise
            except BaseException:
                self._cancel(wire, request)
                raise
            finally:
                self._pending.pop(request.number, None)
        except ChannelError as error:
            self.kill(error)
            raise

    def kill(self, why: ChannelError | None = None) -> None:
        """Kill the process; every later request raises `ChannelError`."""
        with self._state_lock:
            self._fault = self._fault or why or ChannelError("it was stopped")
            wire, self._wire = self._wire, None
        if self.process is not None:
            stop(self.process, timeout=0)
        if wire is None or self._receiver is None:
            return
        self._receiver.join(_RECEIVER_JOIN_SECONDS)
        if not self._receiver.is_alive():
            with self._send_lock:  # a descriptor must not be closed while a thread uses it
                wire.close()

    def _register(self) -> tuple[Wire, _PendingRequest]:
        """Start the process if there is none yet, and register a request."""
        with self._state_lock:
            if self._fault is not None:
                raise self._fault
            wire = self._wire = self._wire or self._start()
            self._number += 1
            request = self._pending[self._number] = _PendingRequest(self._number)
            if self._receiver is None:
                self._receiver = threading.Thread(
                    target=self._receive_frames, args=(wire,), name="second process", daemon=True
                )
                try:
                    self._receiver.start()
                except RuntimeError as error:  # no memory for a thread
                    self._receiver = None
                    raise ChannelError(f"its output cannot be read: {error}") from error
            return wire, request

    def _start(self) -> Wire:
        import subprocess

        options = ["-P", "-S", *(["-B"] if sys.dont_write_bytecode else [])]
        of_this_process = [str(os.getpid()), str(gc.get_threshold()[0])]
        arguments = [*of_this_process, self._module, str(len(self._arguments)), *self._arguments]
        paths = [*filter(None, sys.path), str(Path(__file__).parents[1])]
        try:
            self.process = start(
                [sys.executable, *options, "-c", _RUN, *arguments, *paths],
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
        wire = Wire(
            os.dup(stdout.fileno()), os.dup(stdin.fileno()), self._max_body, single_threaded=False
        )
        stdin.close()
        stdout.close()
        return wire

    def _receive_frames(self, wire: Wire) -> None:
        """Pass every frame to the thread that waits for it, until there are no more."""
        why: Exception = ChannelError("it ended without an answer")
        try:
            while (frame := wire.receive()) is not None:
                self._deliver(frame)
        except (ChannelError, MemoryError) as error:
            why = error
        with self._state_lock:
            self._fault = self._fault or why
            waiting = list(self._pending.values())
        for request in waiting:
            request.frames.put(None)

    def _deliver(self, frame: Frame) -> None:
        with self._state_lock:
            request, was_sent = self._pending.get(frame.number), frame.number <= self._number
        if not was_sent:
            raise ChannelError("it answered a request that was never sent")
        if request is not None:  # otherwise it belongs to a cancelled request
            request.answered = request.answered or frame.kind in (Kind.ANSWER, Kind.FAILED)
            request.frames.put(frame)

    def _send(
        self,
        wire: Wire,
        request: _PendingRequest,
        kind: Kind,
        pieces: Iterable[Piece],
        check: Check | None,
    ) -> None:
        def check_all() -> None:
            if check is not None:
                check()
            if self._fault is not None:
                raise self._fault
            if request.answered:  # before the request was complete
                raise ChannelError("it does not read its input")

        while not self._send_lock.acquire(timeout=POLL_SECONDS):
            check_all()
        try:
            if not wire.intact:
                raise ChannelError("a frame was cut in the middle")
            wire.send(kind, request.number, pieces, check_all)
        finally:
            self._send_lock.release()

    def _answer(
        self,
        wire: Wire,
        request: _PendingRequest,
        check: Check | None,
        progress: Callable[[bytearray], object] | None,
        timeout: float | None,
    ) -> bytearray:
        silent, received = 0.0, wire.bytes_received
        while True:
            if check is not None:
                check()
            began = time.monotonic()
            try:
                frame = request.frames.get(timeout=POLL_SECONDS)
            except Empty:
                if wire.bytes_received != received:
                    silent, received = 0.0, wire.bytes_received
                    continue
                silent += min(time.monotonic() - began, 2 * POLL_SECONDS)
                if timeout is not None and silent >= timeout:
                    raise ChannelError(f"no answer for {timeout:g} s") from None
                if self._fault is not None and request.frames.empty():
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

    def _cancel(self, wire: Wire, request: _PendingRequest) -> None:
        """Tell the process that the answer is no longer wanted; kill it if the message cannot be sent immediately."""
        remaining = _CANCEL_SECONDS if self._pending.keys() - {request.number} else 0.0

        def check_remaining() -> None:
            nonlocal remaining
            remaining -= POLL_SECONDS
            if remaining < 0:
                raise ChannelError("it does not read its input")

        try:
            request.answered = False
            self._send(wire, request, Kind.CANCEL, (), check_remaining)
        except Exception as error:
            self.kill(error if isinstance(error, ChannelError) else None)
