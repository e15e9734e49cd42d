"""The channel to a second process: whole frames in both directions, through pipes that may be stopped, cut or fed nonsense.

A frame is a head (mark, kind, number of the request, bytes of the body), the body, and an end mark. Nothing is taken for a frame
that does not have all of it, and a frame that was begun is written to its end, however often the writer is interrupted.

A second process runs `main(*arguments)` of a module, which calls `serve` or `serve_at_once`. It ends when its input does, when it is
killed, and soon after the process that started it is gone. Signals of the terminal never reach it.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import struct
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from enum import IntEnum
from pathlib import Path
from queue import Empty, SimpleQueue
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
_CANCEL_PATIENCE = 2.0
"""Seconds in which a process that others ask as well has to take note that a request was cancelled."""
_END_OF_HEARING = 1.0
"""Seconds in which the pipe of a process that was killed comes to its end, unless others hold it open."""
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

    def __init__(
        self, incoming: int, outgoing: int, most: int = MOST, *, alone: bool = True
    ) -> None:
        """Takes over both descriptors. A body of more than `most` bytes is a `ChannelError`.

        If not `alone`, another thread receives while this one sends; otherwise sending has to listen, too.
        """
        self._incoming = incoming
        self._outgoing = outgoing
        self._most = most
        self._alone = alone
        self._early = bytearray()
        self.whole = True
        """Whether no frame was left half written."""
        self._between = True
        """Whether no frame was left half read."""
        self.heard = 0
        """Bytes that were read."""
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
        self._between = False
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
        self._between = True
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
                silent += self._wait(check, endless=check is None and patience is None)
                if patience is not None and silent >= patience:
                    raise ChannelError(f"it is silent for {patience:g} s") from None
                continue
            except OSError as error:
                raise ChannelError(f"it cannot be heard: {error.strerror}") from error
            if not count:
                if self._between:
                    return False
                raise ChannelError("it ends in the middle of a frame")
            view, silent = view[count:], 0.0
            self.heard += count
        return True

    def _wait(self, check: Check | None, *, writing: bool = False, endless: bool = False) -> float:
        """Wait until it may go on, `_LOOK_EVERY` seconds at most; how long that took, not counting time in which this process was stopped."""
        if check is not None:
            check()
        began = time.monotonic()
        waiting = select.poll()
        if self._alone or not writing:
            waiting.register(self._incoming, select.POLLIN)
        if writing:
            waiting.register(self._outgoing, select.POLLOUT)
        found = dict(waiting.poll(None if endless else _LOOK_EVERY * 1000))
        if writing and self._incoming in found:  # it may be waiting for us to listen
            with contextlib.suppress(BlockingIOError):
                early = os.read(self._incoming, _AT_ONCE)
                self._early += early
                if not early or len(self._early) > _MOST_EARLY:
                    raise ChannelError("it does not listen")
        return min(time.monotonic() - began, 2 * _LOOK_EVERY)


class _Asked:
    """A request that was sent, or is being sent."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.frames: SimpleQueue[Frame | None] = SimpleQueue()
        """What came for it; None after the last frame of all."""
        self.answered = False


class SecondProcess:
    """A process that answers requests. The first request starts it; leaving this kills it.

    Several threads may ask at once: one more thread hears the process, and hands them their frames.
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
        """Held to change anything of the above."""
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
        """The answer to a request; `progress` is given the bodies of frames that come before it.

        Raises `RequestFailedError`, and `ChannelError`, as does every later request then. What `check` raises cancels the request.
        `patience` is how many seconds the process may be silent, also about the requests of others.
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
            self._fault = self._fault or why or ChannelError("it was ended")
            wire, self._wire = self._wire, None
        if self.process is not None:
            stop(self.process, patience=0)
        if wire is None or self._hearing is None:
            return
        self._hearing.join(_END_OF_HEARING)
        if not self._hearing.is_alive():
            with self._sending:  # a descriptor must not be closed while somebody uses it
                wire.close()

    def _begin(self) -> tuple[Wire, _Asked]:
        """Start the process if there is none yet, and take a number."""
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
                except RuntimeError as error:  # no memory for one
                    self._hearing = None
                    raise ChannelError(f"it cannot be heard: {error}") from error
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
        """Hand every frame to whoever waits for it, until there are no more."""
        why: Exception = ChannelError("it ends without an answer")
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
            raise ChannelError("it answers what nobody asked")
        if asked is not None:  # else it belongs to a request that was cancelled
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
            if asked.answered:  # before it was asked
                raise ChannelError("it does not listen")

        while not self._sending.acquire(timeout=_LOOK_EVERY):
            look()
        try:
            if not wire.whole:
                raise ChannelError("a frame was left in the middle")
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
                frame = asked.frames.get(timeout=_LOOK_EVERY)
            except Empty:
                if wire.heard != heard:
                    silent, heard = 0.0, wire.heard
                    continue
                silent += min(time.monotonic() - began, 2 * _LOOK_EVERY)
                if patience is not None and silent >= patience:
                    raise ChannelError(f"it is silent for {patience:g} s") from None
                if self._fault is not None and asked.frames.empty():
                    raise self._fault from None
                continue
            silent = 0.0
            if frame is None:
                raise self._fault or ChannelError("it was ended")
            if frame.kind is Kind.ANSWER:
                return frame.body
            if frame.kind is Kind.FAILED:
                raise RequestFailedError(frame.body.decode(errors="replace"))
            if frame.kind is Kind.PROGRESS and progress is not None:
                progress(frame.body)

    def _cancel(self, wire: Wire, asked: _Asked) -> None:
        """Tell the process that the answer is not wanted; end it where it cannot be told at once."""
        waited = _CANCEL_PATIENCE if self._asked.keys() - {asked.number} else 0.0

        def wait_no_longer() -> None:
            nonlocal waited
            waited -= _LOOK_EVERY
            if waited < 0:
                raise ChannelError("it does not listen")

        try:
            asked.answered = False
            self._send(wire, asked, Kind.CANCEL, (), wait_no_longer)
        except Exception as error:
            self.kill(error if isinstance(error, ChannelError) else None)


class Task:
    """A request that is being answered, in the second process."""

    def __init__(
        self,
        frame: Frame,
        send: Callable[[Kind, int, Iterable[Piece]], None],
        look: Callable[[], None],
    ) -> None:
        """`look` notes in `unwanted` what came meanwhile."""
        self.body = frame.body
        self.number = frame.number
        self.unwanted = False
        self._send = send
        self._look = look

    def progress(self, *pieces: Piece) -> None:
        """Send a sign of life."""
        self._send(Kind.PROGRESS, self.number, pieces)

    def cancelled(self) -> bool:
        """Whether the answer is no longer wanted."""
        if not self.unwanted:
            self._look()
        return self.unwanted


Answer = Callable[[Task], Iterable[Piece]]
"""Answers a request. What it raises fails this request alone."""


def serve(answer: Answer) -> None:
    """Answer requests one after another in the main thread, until there are no more: what the `main` of a second process does."""
    wire = Wire(_taken(0, os.O_RDONLY), _taken(1, os.O_WRONLY))
    waiting: deque[Frame] = deque()

    def look() -> None:
        while not task.unwanted and wire.ready():
            frame = wire.receive()
            if frame is None or (frame.kind is Kind.CANCEL and frame.number == task.number):
                task.unwanted = True
            elif frame.kind is Kind.REQUEST:
                waiting.append(frame)

    with contextlib.suppress(ChannelError):  # nobody is left to hear of it
        while (frame := waiting.popleft() if waiting else wire.receive()) is not None:
            if frame.kind is Kind.REQUEST:
                task = Task(frame, wire.send, look)
                _run(task, answer, wire.send)


def serve_at_once(answer: Answer) -> None:
    """Answer requests each in a thread of its own, until there are no more. The threads are left behind then: end the process."""
    wire = Wire(_taken(0, os.O_RDONLY), _taken(1, os.O_WRONLY), alone=False)
    tasks: dict[int, Task] = {}
    sending = threading.Lock()

    def send(kind: Kind, number: int, pieces: Iterable[Piece]) -> None:
        with sending:
            wire.send(kind, number, pieces)

    def run(task: Task) -> None:
        with contextlib.suppress(ChannelError):
            _run(task, answer, send)
        tasks.pop(task.number, None)

    with contextlib.suppress(ChannelError):
        while (frame := wire.receive()) is not None:
            if frame.kind is Kind.REQUEST:
                task = tasks[frame.number] = Task(frame, send, lambda: None)
                try:
                    threading.Thread(target=run, args=(task,), daemon=True).start()
                except RuntimeError as error:
                    send(Kind.FAILED, frame.number, [str(error).encode()])
            elif frame.kind is Kind.CANCEL and frame.number in tasks:
                tasks[frame.number].unwanted = True
    for task in list(tasks.values()):
        task.unwanted = True


def _run(task: Task, answer: Answer, send: Callable[[Kind, int, Iterable[Piece]], None]) -> None:
    """Answer a request, or say why that failed. Raises `ChannelError`."""
    try:
        kind, pieces = Kind.ANSWER, list(answer(task))
    except ChannelError:
        raise
    except Exception as error:
        words = f"{type(error).__name__}: {error}".encode("utf-8", "replace")
        kind, pieces = Kind.FAILED, [words]
    send(kind, task.number, pieces)


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
            signals.end_now(1)

    signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, _PARENT_EVERY, _PARENT_EVERY)
