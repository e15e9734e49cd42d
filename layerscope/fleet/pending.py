"""Tasks that run in other processes or on other machines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Future
from queue import Empty, SimpleQueue
from typing import Any, Protocol, TypeVar

from msgspec import Struct

from layerscope.fleet.messages import Failure
from layerscope.progress import Progress, check

ATTEMPTS = 3
"""Number of times a task may kill its process before it is given up."""
_CHECK_SECONDS = 0.2
"""Seconds between checks for cancellation."""

_Result = TypeVar("_Result")


class TaskExecutor(Protocol):
    """Runs tasks elsewhere: an `Executor` of `concurrent.futures`, such as `Processes`, or that of a cluster."""

    def submit(self, fn: Callable[..., _Result], /, *args: Any) -> Future[_Result]:
        """Run a task. Its future raises `BrokenExecutor` if its process or worker was lost."""


class Workers(Struct, frozen=True):
    """An executor, and how many tasks it is given."""

    executor: TaskExecutor
    max_pending: int
    """Maximum number of submitted tasks: more than there are processes, so that none waits for its next one."""


class Pending:
    """Tasks that were submitted and have not ended. A task whose process is lost is repeated."""

    def __init__(self, workers: Workers, progress: Progress) -> None:
        self._workers = workers
        self._progress = progress
        self._ended: SimpleQueue[tuple[Future[Any], _Pending]] = SimpleQueue()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def full(self) -> bool:
        """Whether no more tasks may be submitted."""
        return self._count >= self._workers.max_pending

    def submit(self, subject: Any, function: Callable[..., Any], *args: Any) -> None:
        """Submit a task; `next` returns `subject` with its result."""
        self._count += 1
        self._start(_Pending(subject, function, args))

    def next(self) -> tuple[Any, Any]:
        """The subject and the result of the next task that ends; a `Failure` if it kills processes. Raises `CancelledError`."""
        while True:
            check(self._progress)
            try:
                future, task = self._ended.get(timeout=_CHECK_SECONDS)
            except Empty:
                continue
            try:
                result = future.result()
            except BrokenExecutor:
                task.attempts += 1
                if task.attempts < ATTEMPTS:
                    self._start(task)
                    continue
                result = Failure(
                    f"given up: it ended the process that read it {ATTEMPTS} times",
                    "is memory short? --jobs 1 needs the least",
                )
            except Exception as error:
                result = Failure.of(error)
            self._count -= 1
            return task.subject, result

    def _start(self, task: _Pending) -> None:
        future = self._workers.executor.submit(task.function, *task.args)
        future.add_done_callback(lambda future: self._ended.put((future, task)))


class _Pending(Struct):
    subject: Any
    function: Callable[..., Any]
    args: tuple[Any, ...]
    attempts: int = 0
    """Number of times its process was lost."""


def run_all(
    workers: Workers,
    function: Callable[..., _Result],
    tasks: Iterable[tuple[Any, ...]],
    progress: Progress,
) -> Iterator[tuple[Any, _Result | Failure]]:
    """Run `function` with the arguments of each of `tasks`; yields the first argument, a message, with the result, as tasks end.

    Raises `CancelledError`.
    """
    pending, remaining = Pending(workers, progress), iter(tasks)
    while True:
        while not pending.full and (task := next(remaining, None)) is not None:
            pending.submit(task[0], function, *task)
        if not len(pending):
            return
        yield pending.next()
