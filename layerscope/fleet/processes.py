"""Runs tasks in processes of this machine."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from layerscope.channel import ChannelError, Piece, SecondProcess, Task, serve

_P = ParamSpec("_P")
_R = TypeVar("_R")


class ProcessLostError(BrokenExecutor):
    """The process of a task ended before it had a result."""


class Processes(Executor):
    """An executor with a process for each job. If a process is lost, only its own task fails, with
    `ProcessLostError`, and the next task gets a new process.
    """

    def __init__(self, jobs: int) -> None:
        self._threads = ThreadPoolExecutor(jobs, "job")
        self._local = threading.local()
        self._running: set[SecondProcess] = set()
        self._cancelled = threading.Event()

    def __exit__(self, *error: object) -> None:
        self.shutdown(cancel_futures=error[0] is not None)

    def submit(self, fn: Callable[_P, _R], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_R]:
        return self._threads.submit(self._run, fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End all processes: at once with `cancel_futures`, otherwise after their current tasks."""
        if cancel_futures:
            self._cancelled.set()
        self._threads.shutdown(wait=wait, cancel_futures=cancel_futures)
        for process in list(self._running):
            process.kill()

    def _run(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Run a task in the process of this thread."""
        process: SecondProcess | None = getattr(self._local, "process", None)
        if process is None:
            process = self._local.process = SecondProcess(__name__)
            self._running.add(process)
        try:
            answer = process.ask([pickle.dumps((fn, args, kwargs))], self._check)
        except ChannelError as error:
            self._running.discard(process)
            process.kill()
            self._local.process = None
            raise ProcessLostError(str(error)) from error
        return pickle.loads(answer)  # noqa: S301  # of a process of this program

    def _check(self) -> None:
        if self._cancelled.is_set():
            raise ChannelError("it was ended")


def main() -> None:
    """Run tasks until there are no more."""
    from layerscope.opening.allocator import limit_freed_memory

    limit_freed_memory()
    serve(_answer)


def _answer(task: Task) -> Iterable[Piece]:
    function, args, kwargs = pickle.loads(task.body)  # noqa: S301  # of the process that started this one
    return [pickle.dumps(function(*args, **kwargs))]
