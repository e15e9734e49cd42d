"""The code that runs inside a second process: it answers requests until its input ends."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable

from layerscope import signals
from layerscope.channel.wire import ChannelError, Frame, Kind, Piece, Wire

_PARENT_POLL_SECONDS = 0.5
"""Seconds between two checks whether the parent is still running."""


class Task:
    """A request that is being answered, in the second process."""

    def __init__(
        self,
        frame: Frame,
        send: Callable[[Kind, int, Iterable[Piece]], None],
        poll: Callable[[], None],
    ) -> None:
        """`poll` reads frames that arrived in the meantime, and sets `unwanted` if one of them cancels this request."""
        self.body = frame.body
        self.number = frame.number
        self.unwanted = False
        self._send = send
        self._poll = poll

    def progress(self, *pieces: Piece) -> None:
        """Send a heartbeat, or the body of a progress frame."""
        self._send(Kind.PROGRESS, self.number, pieces)

    def cancelled(self) -> bool:
        """Whether the answer is no longer wanted."""
        if not self.unwanted:
            self._poll()
        return self.unwanted


Answer = Callable[[Task], Iterable[Piece]]
"""Answers a request. An exception fails only this request."""


def serve(answer: Answer) -> None:
    """Answer requests one after another in the main thread, until there are no more. Call it in `main` of a second process."""
    wire = Wire(_take_over(0, os.O_RDONLY), _take_over(1, os.O_WRONLY))
    waiting: deque[Frame] = deque()

    def poll() -> None:
        while not task.unwanted and wire.ready():
            frame = wire.receive()
            if frame is None or (frame.kind is Kind.CANCEL and frame.number == task.number):
                task.unwanted = True
            elif frame.kind is Kind.REQUEST:
                waiting.append(frame)

    with contextlib.suppress(ChannelError):  # no process is left to receive it
        while (frame := waiting.popleft() if waiting else wire.receive()) is not None:
            if frame.kind is Kind.REQUEST:
                task = Task(frame, wire.send, poll)
                _run(task, answer, wire.send)


def serve_concurrently(answer: Answer) -> None:
    """Answer each request in its own thread, until there are no more. Threads may still be running: end the process then."""
    wire = Wire(_take_over(0, os.O_RDONLY), _take_over(1, os.O_WRONLY), single_threaded=False)
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
    """Answer a request, or send why that failed. Raises `ChannelError`."""
    try:
        kind, pieces = Kind.ANSWER, list(answer(task))
    except ChannelError:
        raise
    except Exception as error:
        message = f"{type(error).__name__}: {error}".encode("utf-8", "replace")
        kind, pieces = Kind.FAILED, [message]
    send(kind, task.number, pieces)


def _take_over(descriptor: int, flags: int) -> int:
    """A duplicate of a standard stream, for frames only; the stream itself becomes /dev/null."""
    duplicate = os.dup(descriptor)
    null = os.open(os.devnull, flags)
    os.dup2(null, descriptor)
    os.close(null)
    return duplicate


def end_with_parent(parent: int) -> None:
    """End this process soon after its parent, even during work that never checks its input.

    It uses a signal, because a running regular expression is interrupted by signals but blocks other threads.
    """

    def poll(*_: object) -> None:
        if os.getppid() != parent:
            signals.end_now(1)

    signal.signal(signal.SIGALRM, poll)
    signal.setitimer(signal.ITIMER_REAL, _PARENT_POLL_SECONDS, _PARENT_POLL_SECONDS)
