"""The process that opens an image for the explorer, which only draws.

One request opens the image: results are sent as `Event`s, with arrays in cache entries, or in a private folder if they must not
be cached. Further requests read layers, during that and afterwards.
"""

from __future__ import annotations

import errno
import gc
import os
import shutil
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from queue import SimpleQueue

from msgspec.structs import replace

from layerscope import signals, text
from layerscope.channel import ChannelError, Piece, Task, serve_concurrently
from layerscope.errors import CancelledError, LayerscopeError
from layerscope.faults import InternalError, as_user_error
from layerscope.layers.blob import Blob, MissingBlob, UnsavedBlob
from layerscope.layers.file_identity import FileChangedError
from layerscope.layers.store import Store
from layerscope.opening import messages
from layerscope.opening.allocator import limit_freed_memory, return_freed_memory
from layerscope.opening.options import Options
from layerscope.progress import NullProgress
from layerscope.sources.base import Candidate, Request, SourceImage
from layerscope.sources.search import open_source

_HEARTBEAT_SECONDS = 1.0
"""Seconds between two heartbeats."""
_NICE = 5
"""Niceness of work on layers, so that the explorer and other interactive programs respond immediately."""
_PROGRESS_SECONDS = 0.1
"""Seconds between two events of progress."""


def main() -> None:
    """Run the worker."""
    limit_freed_memory()
    worker = _Worker()
    threading.Thread(target=worker.beat, daemon=True).start()
    serve_concurrently(worker.answer)
    signals.end_now(0)  # even if threads are still working


class _Worker:
    """Answers the requests of one explorer."""

    def __init__(self) -> None:
        self._tasks: dict[int, tuple[Task, float]] = {}
        """Requests being answered, and when each arrived."""
        self._choices: SimpleQueue[int | None] = SimpleQueue()
        self._may_read_layers = threading.Event()
        self._blobs: Sequence[Blob] = ()
        self._progress = _Progress()

    def beat(self) -> None:
        """Send a heartbeat to all waiting requests."""
        while True:
            time.sleep(_HEARTBEAT_SECONDS)
            latest = time.monotonic() - _HEARTBEAT_SECONDS
            for task, arrived in list(self._tasks.values()):
                if arrived < latest:
                    with suppress(ChannelError):
                        task.progress()

    def answer(self, task: Task) -> list[Piece]:
        """Answer a request."""
        self._tasks[task.number] = (task, time.monotonic())
        try:
            request = messages.decode(task.body, messages.AnyRequest)
            if isinstance(request, messages.Choose):
                self._choices.put(request.number)
                return []
            if isinstance(request, messages.Begin):
                self._may_read_layers.set()
                return []
            if isinstance(request, messages.Read | messages.ReadZtoc):
                return self._read(task, request)
            return self._open(task, request)
        finally:
            self._tasks.pop(task.number, None)

    def _read(self, task: Task, request: messages.Read | messages.ReadZtoc) -> list[Piece]:
        """A zero byte and bytes of a layer, or a byte 1 and why they cannot be read; empty if there is no zTOC."""
        blob = self._blobs[request.layer]
        if blob.digest is not None:
            self._progress.task = task  # fetching it may take long
        try:
            if isinstance(request, messages.ReadZtoc):
                ztoc = blob.ztoc(request.most)
                return [] if ztoc is None else [b"\0", ztoc]
            if request.alone:
                end = request.offset + request.length
                return [b"\0", *blob.chunks(request.offset, end)]
            return [b"\0", blob.pread(request.length, request.offset)]
        except CancelledError:
            error = OSError(errno.EINTR, "cancelled")
        except LayerscopeError as raised:
            error = OSError(errno.EIO, raised.message)
        except OSError as raised:
            error = raised
        name = error.filename if isinstance(error.filename, str) else None
        changed = isinstance(error, FileChangedError)
        failure = messages.ReadFailed(error.errno, str(error.strerror or error), name, changed)
        return [b"\1", messages.encode(failure)]

    def _open(self, task: Task, message: messages.Open) -> list[Piece]:
        """Open the image; returns the last event, the others are sent as progress."""
        self._progress.task = task
        cache = (
            None if message.cache is None else Store(Path(message.cache.folder), message.cache.size)
        )
        try:
            text.use_binary_sizes(message.binary)
            if message.stdin is not None:
                os.dup2(message.stdin, 0)
                os.close(message.stdin)
            self._run(task, message, cache)
            last: messages.Event = messages.Done(None if cache is None else cache.problem)
        except ChannelError:
            raise
        except BaseException as error:
            last = _failure(error, cache)
        gc.collect()
        return_freed_memory()
        return [messages.encode(last)]

    def _run(self, task: Task, message: messages.Open, cache: Store | None) -> None:
        """Open the image. Raises `LayerscopeError` and `CancelledError`."""
        request, options = _request(message, self._progress, cache), _options(message, cache)
        private = Path(message.private)
        signals.at_end(partial(_remove, private))
        describe = partial(self._describe, task)
        source = open_source(request, partial(self._ask, task))
        describe(source)
        self._may_read_layers.wait()
        os.nice(_NICE)
        from layerscope.opening.sending import open_described  # not needed for the description

        open_described(task, request, options, source, private, describe)

    def _describe(self, task: Task, source: SourceImage) -> None:
        """Send the description, which is known before any layer is read."""
        self._blobs = source.blobs
        described = messages.Described(
            replace(
                source.image, beside=replace(source.image.beside, sboms=())
            ),  # only the rules need them
            [_facts(blob) for blob in source.blobs],
            source.damage,
            source.awaits_export,
        )
        task.progress(messages.encode(described))

    def _ask(self, task: Task, candidates: Sequence[Candidate]) -> Candidate | None:
        """Ask the user to choose."""
        task.progress(messages.encode(messages.ChoiceNeeded(messages.offers(candidates))))
        number = self._choices.get()
        return None if number is None else candidates[number]


class _Progress(NullProgress):
    """Sends progress as events, a few a second."""

    def __init__(self) -> None:
        self.task: Task | None = None
        """The request that waits for it."""
        self._stage_progress = messages.StageProgress("", None, 0)
        self._reported = 0.0

    def stage(self, name: str, total: int | None = None) -> None:
        self._stage_progress = messages.StageProgress(name, total, 0)
        self._report()

    def advance(self, done: int) -> None:
        self._stage_progress.done += done
        if time.monotonic() - self._reported >= _PROGRESS_SECONDS:
            self._report()

    def cancelled(self) -> bool:
        return self.task is not None and self.task.cancelled()

    def _report(self) -> None:
        self._reported = time.monotonic()
        if self.task is not None:
            self.task.progress(messages.encode(self._stage_progress))


def _remove(folder: Path) -> None:
    """Remove a folder to which threads may still write."""
    for _ in range(9):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return


def _facts(blob: Blob) -> messages.BlobFacts:
    missing = blob.why if isinstance(blob, MissingBlob) else None
    saved = blob.file if isinstance(blob, UnsavedBlob) else None
    return messages.BlobFacts(
        blob.name, blob.size, blob.is_tar, blob.digest, missing, saved, blob.ranged
    )


def _request(message: messages.Open, progress: _Progress, cache: Store | None) -> Request:
    return Request(
        message.reference,
        message.image,
        message.platform,
        message.limits,
        progress,
        messages.path_or_none(message.store_root),
        message.pull,
        message.remote,
        message.max_download,
        cache,
    )


def _options(message: messages.Open, cache: Store | None) -> Options:
    return Options(
        verify=message.verify,
        verify_small=message.verify_small,
        duplicates=message.duplicates,
        rules=message.rules,
        dockerfile=None if message.dockerfile is None else message.dockerfile.parse(),
        base_steps=message.base_steps,
        cache=cache,
    )


def _failure(error: BaseException, cache: Store | None) -> messages.Failed:
    """An error as sent in an event."""
    problem = None if cache is None else cache.problem
    if isinstance(error, CancelledError):
        return messages.Failed("cancelled", None, "", 130, problem, cancelled=True)
    shown = as_user_error(error)
    return messages.Failed(
        shown.message,
        shown.hint,
        shown.title,
        int(shown.exit_code),
        problem,
        shown.report if isinstance(shown, InternalError) else None,
        shown.place if isinstance(shown, InternalError) else "",
        registry_reference=shown.registry_reference,
    )
