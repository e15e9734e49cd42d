"""The channel to a second process: whole frames in both directions, through pipes that may be stopped, cut or fed nonsense.

A frame is a head (mark, kind, number of the request, bytes of the body), the body, and an end mark. Nothing is taken for a frame
that does not have all of it, and a frame that was begun is written to its end, however often the writer is interrupted.

A second process runs `main(*arguments)` of a module, which calls `serve`. It ends when its input does, when it is killed, and soon
after the process that started it is gone. Signals of the terminal never reach it.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import struct
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from layerscope import signals

if TYPE_CHECKING:
    import subprocess

Piece = bytes | bytearray | memoryview
Check = Callable[[], object]
"""Called often while something is waited for; ends that by raising."""

MOST = 1 << 32
"""Bytes of a body that are believed."""
_MOST_EARLY = 1 << 26
"""Bytes that are kept of a peer that talks while it is talked to."""
_HEAD = struct.Struct("<4sIIQ")
_MARK, _END = b"lsf1", b"1fsl"
_LOOK_EVERY = 0.05
"""Seconds between two calls of a check."""
_AT_ONCE = 1 << 20
"""Bytes that are read or written at once."""
_RUN = """
import sys
parent, module, count, *rest = sys.argv[1:]
sys.path[:] = rest[int(count):]
from layerscope.channel import end_with
end_with(int(parent))
__import__(module, fromlist=["main"]).main(*rest[:int(count)])
"""
"""Runs a module: the ID of this process, its name, the number of its arguments, these, and where modules are found."""
_PARENT_EVERY = 0.5
"""Seconds between two looks at whether the parent is still there."""


class ChannelError(Exception):
    """The peer is gone, silent for too long, or sends invalid frames; the channel cannot be used any more."""


class RequestFailedError(Exception):
    """The peer could not answer this request; it answers others."""


class Kind(IntEnum):
    """What a frame is."""

    REQUEST = 1
    ANSWER = 2
    FAILED = 3
    """Instead of an answer; the body says why."""
    PROGRESS = 4
    """Before an answer: a heartbeat, with a body agreed on by both sides."""
    CANCEL = 5
    """The request is cancelled."""


class Frame(NamedTuple):
    """One message."""

    kind: Kind
    number: int
    """The request that it belongs to."""
    body: bytearray


class Wire:
    """One end of a channel: two pipes, and what frames are made of."""

    def __init__(self, incoming: int, outgoing: int, most: int = MOST) -> None:
        """Takes over both descriptors. A body of more than `most` bytes is a `ChannelError`."""
        self._incoming = incoming
        self._outgoing = outgoing
        self._most = most
        self._early = bytearray()
        self.whole = True
        """Whether no frame was left half read or half written."""
        os.set_blocking(incoming, False)
        os.set_blocking(outgoing, False)

    def close(self) -> None:
        """Close both pipes."""
        for descriptor in {self._incoming, self._outgoing}:
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def send(
        self, kind: Kind, number: int, pieces: Iterable[Piece] = (), check: Check | None = None
    ) -> None:
        """Write a frame. Raises `ChannelError` and what `check` does."""
        views = [memoryview(piece).cast("B") for piece in pieces]
        head = _HEAD.pack(_MARK, kind, number, sum(map(len, views)))
        self.whole = False
        for view in (memoryview(head), *views, memoryview(_END)):
            left = view
            while left:
                try:
                    left = left[os.write(self._outgoing, left[:_AT_ONCE]) :]
                except BlockingIOError:
                    self._wait(check, writing=True)
                except OSError as error:
                    raise ChannelError(f"it takes nothing: {error.strerror}") from error
        self.whole = True

    def receive(self, check: Check | None = None, patience: float | None = None) -> Frame | None:
        """The next frame; None if the peer has closed its end after a whole one.

        Raises `ChannelError`, also if the peer is silent for `patience` seconds, and what `check` does.
        """
        head = bytearray(_HEAD.size)
        if not self._fill(memoryview(head)[:1], check, patience):
            return None
        self.whole = False
        self._fill(memoryview(head)[1:], check, patience)
        mark, kind, number, length = _HEAD.unpack(head)
        if mark != _MARK or kind not in list(Kind):
            raise ChannelError("it sends what is no frame")
        if length > self._most:
            raise ChannelError(f"it announces {length:,} bytes; {self._most:,} are the most")
        body, end = bytearray(length), bytearray(len(_END))
        self._fill(memoryview(body), check, patience)
        self._fill(memoryview(end), check, patience)
        if end != _END:
            raise ChannelError("it sends a frame without its end")
        self.whole = True
        return Frame(Kind(kind), number, body)

    def ready(self) -> bool:
        """Whether the peer has sent something, or closed its end."""
        return bool(self._early) or bool(select.select([self._incoming], [], [], 0)[0])

    def _fill(self, view: memoryview, check: Check | None, patience: float | None) -> bool:
        """Read as many bytes as `view` has. False if the peer has closed its end, where that may be: between two frames."""
        silent = 0.0
        while view:
            try:
                if self._early:
                    count = min(len(view), len(self._early))
                    view[:count] = self._early[:count]
                    del self._early[:count]
                else:
                    count = os.readv(self._incoming, [view[:_AT_ONCE]])
            except BlockingIOError:
                silent += self._wait(check)
                if patience is not None and silent >= patience:
                    raise ChannelError(f"it is silent for {patience:g} s") from None
                continue
            except OSError as error:
                raise ChannelError(f"it cannot be heard: {error.strerror}") from error
            if not count:
                if self.whole:
                    return False
                raise ChannelError("it ends in the middle of a frame")
            view, silent = view[count:], 0.0
        return True

    def _wait(self, check: Check | None, *, writing: bool = False) -> float:
        """Wait until it may go on, `_LOOK_EVERY` seconds at most; how long that took, not counting time in which this process was stopped."""
        if check is not None:
            check()
        began = time.monotonic()
        waiting = select.poll()
        waiting.register(self._incoming, select.POLLIN)
        if writing:
            waiting.register(self._outgoing, select.POLLOUT)
        found = dict(waiting.poll(_LOOK_EVERY * 1000))
        if writing and self._incoming in found:  # it may be waiting for us to listen
            with contextlib.suppress(BlockingIOError):
                early = os.read(self._incoming, _AT_ONCE)
                self._early += early
                if not early or len(self._early) > _MOST_EARLY:
                    raise ChannelError("it does not listen")
        return min(time.monotonic() - began, 2 * _LOOK_EVERY)


class SecondProcess:
    """A process that answers requests, one at a time. The first request starts it; leaving this kills it."""

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
        self._number = 0
        self._fault: ChannelError | None = None
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
        """The answer to a request; `progress` is given the bodies of frames that come before it.

        Raises `RequestFailedError`, and `ChannelError`, as does every later request then. What `check` raises cancels the request.
        """
        if self._fault is not None:
            raise self._fault
        try:
            wire = self._wire or self._start()
            self._number += 1
            try:
                wire.send(Kind.REQUEST, self._number, pieces, check)
                return self._answer(wire, check, progress, patience)
            except (ChannelError, RequestFailedError):
                raise
            except BaseException:
                self._cancel(wire)
                raise
        except ChannelError as error:
            self.kill(error)
            raise

    def kill(self, why: ChannelError | None = None) -> None:
        """End the process at once; every later request is a `ChannelError`."""
        self._fault = self._fault or why or ChannelError("it was ended")
        if self.process is not None:
            stop(self.process, patience=0)
        if self._wire is not None:
            self._wire.close()
            self._wire = None

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
        self._wire = Wire(os.dup(stdout.fileno()), os.dup(stdin.fileno()), self._most)
        stdin.close()
        stdout.close()
        return self._wire

    def _answer(
        self,
        wire: Wire,
        check: Check | None,
        progress: Callable[[bytearray], object] | None,
        patience: float | None,
    ) -> bytearray:
        while (frame := wire.receive(check, patience)) is not None:
            if frame.number != self._number:
                continue  # it belongs to a request that was cancelled
            if frame.kind is Kind.ANSWER:
                return frame.body
            if frame.kind is Kind.FAILED:
                raise RequestFailedError(frame.body.decode(errors="replace"))
            if frame.kind is Kind.PROGRESS and progress is not None:
                progress(frame.body)
        raise ChannelError("it ends without an answer")

    def _cancel(self, wire: Wire) -> None:
        """Cancel the request; end the process if it cannot be notified immediately."""

        def wait_no_longer() -> None:
            raise ChannelError("it does not listen")

        try:
            if not wire.whole:
                raise ChannelError("a frame was left in the middle")
            wire.send(Kind.CANCEL, self._number, (), wait_no_longer)
        except ChannelError as error:
            self.kill(error)


class Task:
    """A request that is being answered, in the second process."""

    def __init__(self, wire: Wire, frame: Frame, waiting: deque[Frame]) -> None:
        self.body = frame.body
        self._wire = wire
        self._number = frame.number
        self._waiting = waiting
        self._cancelled = False

    def progress(self, body: Piece = b"") -> None:
        """Send a sign of life."""
        self._wire.send(Kind.PROGRESS, self._number, (body,))

    def cancelled(self) -> bool:
        """Whether the request was cancelled."""
        while not self._cancelled and self._wire.ready():
            frame = self._wire.receive()
            if frame is None or (frame.kind is Kind.CANCEL and frame.number == self._number):
                self._cancelled = True
            elif frame.kind is Kind.REQUEST:
                self._waiting.append(frame)
        return self._cancelled


def serve(answer: Callable[[Task], Iterable[Piece]]) -> None:
    """Answer requests until there are no more: what the `main` of a second process does. What `answer` raises fails the request alone."""
    wire = Wire(_taken(0, os.O_RDONLY), _taken(1, os.O_WRONLY))
    waiting: deque[Frame] = deque()
    with contextlib.suppress(ChannelError):  # the peer is gone
        while (frame := waiting.popleft() if waiting else wire.receive()) is not None:
            if frame.kind is not Kind.REQUEST:
                continue
            task = Task(wire, frame, waiting)
            try:
                kind, pieces = Kind.ANSWER, list(answer(task))
            except ChannelError:
                return
            except Exception as error:
                kind, pieces = (
                    Kind.FAILED,
                    [f"{type(error).__name__}: {error}".encode("utf-8", "replace")],
                )
            wire.send(kind, frame.number, pieces)


def start(command: Sequence[str], **how: object) -> subprocess.Popen[bytes]:
    """A program in a session of its own, which signals of the terminal do not reach; ended with this one. Raises OSError.

    `how` is what `subprocess.Popen` takes. Whoever starts one calls `stop` in the end.
    """
    import subprocess

    process: subprocess.Popen[bytes] = subprocess.Popen(command, start_new_session=True, **how)  # type: ignore[call-overload]
    _forget[process.pid] = signals.at_end(process.kill)
    return process


def stop(process: subprocess.Popen[bytes], *, patience: float = 1.0) -> None:
    """End a program that `start` began: it may take `patience` seconds for it before it is killed."""
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
"""How to take back that a process is killed at the end, by its ID."""


def _taken(descriptor: int, flags: int) -> int:
    """A standard stream for frames alone: what else is read or printed goes to /dev/null."""
    own = os.dup(descriptor)
    null = os.open(os.devnull, flags)
    os.dup2(null, descriptor)
    os.close(null)
    return own


def end_with(parent: int) -> None:
    """End this process soon after that which started it, even in the midst of work that never looks at its input: regular
    expressions let signals in, while they keep all threads out."""

    def look(*_: object) -> None:
        if os.getppid() != parent:
            os._exit(1)

    signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, _PARENT_EVERY, _PARENT_EVERY)
