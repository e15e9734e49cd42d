"""Tasks that are under way elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Future
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, Protocol, TypeVar

from layerscope.fleet.messages import Failure
from layerscope.progress import Progress, check

ATTEMPTS = 3
"""How many times a task may end its process until it is given up."""
_GLANCE = 0.2
"""Seconds between checks for cancellation."""

_Result = TypeVar("_Result")


class TaskExecutor(Protocol):
    """Runs tasks elsewhere: an `Executor` of `concurrent.futures`, such as `Processes`, or that of a cluster."""

    def submit(self, fn: Callable[..., _Result], /, *args: Any) -> Future[_Result]:
        """Run a task. Its future raises `BrokenExecutor` if what ran it is gone."""


@dataclass(frozen=True, slots=True)
class Workers:
    """Who runs tasks."""

    executor: TaskExecutor
    at_once: int
    """How many tasks they are given at a time: some more than there are processes, so that none waits for its next one."""


class Pending:
    """Tasks that are under way. One whose process ends is done again."""

    def __init__(self, workers: Workers, progress: Progress) -> None:
        self._workers = workers
        self._progress = progress
        self._ended: SimpleQueue[tuple[Future[Any], _Pending]] = SimpleQueue()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def full(self) -> bool:
        """Whether as many are under way as may be."""
        return self._count >= self._workers.at_once

    def submit(self, about: Any, function: Callable[..., Any], *args: Any) -> None:
        """Begin a task; `about` comes back with its result."""
        self._count += 1
        self._begin(_Pending(about, function, args))

    def next(self) -> tuple[Any, Any]:
        """What a task is about that has ended, and its result; a `Failure` if it ends processes. Raises `CancelledError`."""
        while True:
            check(self._progress)
            try:
                future, task = self._ended.get(timeout=_GLANCE)
            except Empty:
                continue
            try:
                result = future.result()
            except BrokenExecutor:
                task.attempts += 1
                if task.attempts < ATTEMPTS:
                    self._begin(task)
                    continue
                result = Failure(
                    f"given up: it ended the process that read it {ATTEMPTS} times",
                    "is memory short? --jobs 1 needs the least",
                )
            except Exception as error:
                result = Failure.of(error)
            self._count -= 1
            return task.about, result

    def _begin(self, task: _Pending) -> None:
        future = self._workers.executor.submit(task.function, *task.args)
        future.add_done_callback(lambda future: self._ended.put((future, task)))


@dataclass(slots=True)
class _Pending:
    about: Any
    function: Callable[..., Any]
    args: tuple[Any, ...]
    attempts: int = 0
    """How many times it ended its process."""


def run_all(
    workers: Workers,
    function: Callable[..., _Result],
    tasks: Iterable[tuple[Any, ...]],
    progress: Progress,
) -> Iterator[tuple[Any, _Result | Failure]]:
    """Run a function of a message, and perhaps of more, for each of `tasks`; each message with its result, as they end.

    Raises `CancelledError`.
    """
    pending, coming = Pending(workers, progress), iter(tasks)
    while True:
        while not pending.full and (task := next(coming, None)) is not None:
            pending.submit(task[0], function, *task)
        if not len(pending):
            return
        yield pending.next()
