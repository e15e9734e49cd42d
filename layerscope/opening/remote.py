"""The explorer's side of the worker: an image that a second process opens and reads."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from layerscope import signals, text
from layerscope.channel import ChannelError, RequestFailedError, SecondProcess
from layerscope.errors import CancelledError, LayerscopeError
from layerscope.faults import InternalError, as_user_error
from layerscope.layers.blob import Blob
from layerscope.layers.file_identity import FileChangedError
from layerscope.opening import messages
from layerscope.opening.loading import Loading, Watcher, WorkerError
from layerscope.opening.remote_blob import remote_blob
from layerscope.sources.base import STDIN, Candidate, Chooser, ImageParts, Request, SourceImage

if TYPE_CHECKING:
    from layerscope.opening.options import Options
    from layerscope.progress import Progress

HEARTBEAT_TIMEOUT = 30.0
"""Seconds without a heartbeat after which the worker counts as failed."""
WORKER = "layerscope.opening.worker"
_POLL_SECONDS = 0.05
"""Interval of checks whether the user cancelled."""


class RemoteImage:
    """An image that a second process opens. Leaving the context ends the process and removes what it wrote."""

    def __init__(self, request: Request, options: Options, *, worker: str = WORKER) -> None:
        """Start opening it; `worker` is the module to run."""
        self.request = request
        self.options = options
        self._events: SimpleQueue[messages.Event | LayerscopeError] = SimpleQueue()
        self._blobs: Sequence[Blob] = ()
        self._source: SourceImage | None = None
        self._stdin = _copy_of_stdin() if request.reference == STDIN else None
        self.private = _private_folder()
        """The folder for results that must not be cached; the worker creates it when needed."""
        self._remove_private = partial(shutil.rmtree, self.private, ignore_errors=True)
        self._unregister = signals.at_end(self._remove_private)
        descriptors = [] if self._stdin is None else [self._stdin]
        self.process = SecondProcess(worker, descriptors=descriptors)
        self._progress_lock = threading.Lock()
        self._progress: Progress = request.progress
        self._last_progress = messages.StageProgress("", None, 0)
        threading.Thread(target=self._listen, name="worker", daemon=True).start()

    def __enter__(self) -> RemoteImage:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Kill the worker and wake all threads that wait for it."""
        self.process.kill()
        self._remove_private()
        self._unregister()
        self._events.put(LayerscopeError("closed"))

    # opening

    def find(self, ask: Chooser) -> SourceImage:
        """Wait for the description of the image, and return it. `ask` chooses one of several images.

        Raises `LayerscopeError` and `CancelledError`.
        """
        while True:
            event = self._next(lambda: False)
            if isinstance(event, messages.ChoiceNeeded):
                self._choose(event.candidates, ask)
            elif isinstance(event, messages.Described):
                return self._described(event)
            elif isinstance(event, messages.Done):
                raise WorkerError("it found no image")

    def begin(self) -> None:
        """Let the worker start on the layers, once the image is shown."""
        with suppress(WorkerError):  # `_next` raises it again
            self._ask(messages.Begin())

    def load(self, watcher: Watcher, cancelled: Callable[[], bool]) -> None:
        """Wait until everything is known, reporting each part to `watcher`. Raises `LayerscopeError` and `CancelledError`."""
        self.begin()
        loading = Loading(
            self.request.limits,
            self.options,
            Path(self.private),
            self._source,
            watcher,
        )
        last = False
        while not last:
            event = self._next(cancelled)
            try:
                if isinstance(event, messages.Described):
                    loading.fetched(self._described(event))
                else:
                    last = loading.take(event)
            except (KeyError, IndexError, TypeError, ValueError) as error:
                raise WorkerError("its results contradict each other") from error

    def _next(self, cancelled: Callable[[], bool]) -> messages.Event:
        """The next event except progress. Raises the error that arrives instead, and `CancelledError`."""
        while True:
            try:
                event = self._events.get(timeout=_POLL_SECONDS)
            except Empty:
                if cancelled():
                    raise CancelledError from None
                continue
            if cancelled():
                raise CancelledError
            if isinstance(event, LayerscopeError):
                raise event
            if isinstance(event, messages.Failed):
                self._note_cache_problem(event.problem)
                raise _error(event)
            if isinstance(event, messages.Done | messages.Stacked):
                self._note_cache_problem(event.problem)
            return event

    def _note_cache_problem(self, problem: str | None) -> None:
        """Note why the worker cannot use the cache."""
        cache = self.options.cache
        if cache is not None and problem is not None:
            cache.problem = cache.problem or problem

    def _choose(
        self,
        offers: Sequence[messages.Offer],
        ask: Chooser,
    ) -> None:
        candidates = [
            Candidate(one.tags, one.platform, _not_loaded, one.digests, one.groups)
            for one in offers
        ]
        chosen = ask(candidates)
        number = next((at for at, one in enumerate(candidates) if one is chosen), None)
        self._ask(messages.Choose(number))

    def _described(self, event: messages.Described) -> SourceImage:
        if len(event.blobs) != len(event.image.layers):
            raise WorkerError("it described layers that are not those of the image")
        self._blobs = [remote_blob(self, number, facts) for number, facts in enumerate(event.blobs)]
        kind = _Awaited if event.awaiting else SourceImage
        self._source = kind(event.image, self._blobs, event.damage)
        return self._source

    # the worker

    def _listen(self) -> None:
        """Request the image, and receive all events. Runs in a thread."""
        request = _open_message(self.request, self.options, self.private, self._stdin)
        try:
            try:
                last = self.process.ask(
                    [messages.encode(request)], progress=self._receive, timeout=HEARTBEAT_TIMEOUT
                )
            finally:
                if self._stdin is not None:
                    os.close(self._stdin)
            self._receive(last)
        except (ChannelError, RequestFailedError) as error:
            self._events.put(WorkerError(error))
        except Exception as error:  # another thread waits for an event
            self._events.put(as_user_error(error))

    def _receive(self, body: bytearray) -> None:
        if not body:  # a heartbeat
            return
        event = _decoded(body, messages.Event)
        if isinstance(event, messages.StageProgress):
            self._report(event)
        else:
            self._events.put(event)

    def report_to(self, progress: Progress) -> None:
        """From now on, report the worker's progress to `progress`."""
        with self._progress_lock:
            self._progress = progress
            if self._last_progress.stage:
                progress.stage(self._last_progress.stage, self._last_progress.total)
                progress.advance(self._last_progress.done)

    def _report(self, now: messages.StageProgress) -> None:
        with self._progress_lock:
            self._report_since(self._last_progress, now)
            self._last_progress = now

    def _report_since(self, before: messages.StageProgress, now: messages.StageProgress) -> None:
        if (now.stage, now.total) == (before.stage, before.total) and now.done >= before.done:
            self._progress.advance(now.done - before.done)
            return
        self._progress.stage(now.stage, now.total)
        if now.done:
            self._progress.advance(now.done)

    def _ask(self, message: messages.AnyRequest) -> bytearray:
        """The answer to a request. Raises `WorkerError`."""
        try:
            return self.process.ask(
                [messages.encode(message)], progress=self._receive, timeout=HEARTBEAT_TIMEOUT
            )
        except (ChannelError, RequestFailedError) as error:
            raise WorkerError(error) from error

    def read(self, layer: int, length: int, offset: int) -> bytes:
        """Bytes of a layer. Raises OSError."""
        return self._bytes(messages.Read(layer, length, offset)) or b""

    def read_part(self, layer: int, length: int, offset: int) -> bytes:
        """Bytes of a ranged layer, without fetching any others. Raises OSError."""
        return self._bytes(messages.Read(layer, length, offset, alone=True)) or b""

    def read_ztoc(self, layer: int, most: int) -> bytes | None:
        """The table of contents beside a layer; None without one of at most `most` bytes. Raises OSError."""
        return self._bytes(messages.ReadZtoc(layer, most))

    def _bytes(self, request: messages.AnyRequest) -> bytes | None:
        """The requested bytes; None if the answer is empty. Raises OSError."""
        try:
            answer = self._ask(request)
            if not answer:
                return None
            if answer[:1] == b"\0":
                return bytes(memoryview(answer)[1:])
            failure = _decoded(answer[1:], messages.ReadFailed)
        except (WorkerError, ChannelError) as error:
            raise OSError(errno.EIO, str(error)) from error
        if failure.changed:
            raise FileChangedError(failure.name)
        raise OSError(failure.errno, failure.why, failure.name)


class _Awaited(SourceImage):
    """An image whose layers an engine is still exporting."""

    @property
    def awaits_export(self) -> bool:
        return True


def _decoded(body: bytes | bytearray, kind: Any) -> Any:
    try:
        return messages.decode(body, kind)
    except ValueError:
        raise ChannelError("it sent an invalid message") from None


def _error(failed: messages.Failed) -> Exception:
    """The error that the worker reported."""
    if failed.cancelled:
        return CancelledError()
    if failed.report is not None:
        error: LayerscopeError = InternalError.from_process(
            failed.message, failed.place, failed.report
        )
    else:
        error = LayerscopeError(failed.message)
    error.hint, error.title, error.exit_code = failed.hint, failed.title, failed.exit_code
    error.registry_reference = failed.registry_reference
    return error


def _not_loaded() -> ImageParts:
    """Never called: only the worker loads candidates."""
    raise NotImplementedError


def _copy_of_stdin() -> int | None:
    with suppress(OSError):
        return os.dup(0)
    return None


def _private_folder() -> str:
    try:
        parent = tempfile.gettempdir()
    except OSError:  # no writable folder: an error only if one is needed
        parent = "/tmp"  # noqa: S108
    return str(Path(parent) / f"layerscope-{os.urandom(16).hex()}")


def _open_message(
    request: Request, options: Options, private: str, stdin: int | None
) -> messages.Open:
    cache = options.cache
    return messages.Open(
        reference=request.reference,
        image=request.image,
        platform=request.platform,
        limits=request.limits,
        store_root=None if request.store_root is None else str(request.store_root),
        pull=request.pull,
        remote=request.remote,
        max_download=request.max_download,
        verify=options.verify,
        verify_small=options.verify_small,
        duplicates=options.duplicates,
        rules=messages.rules_or_none(options.rules),
        dockerfile=messages.DockerfileText.of(options.dockerfile),
        base_steps=options.base_steps,
        cache=None if cache is None else messages.Cache(str(cache.folder), cache.size),
        private=private,
        stdin=stdin,
        binary=text.uses_binary_sizes(),
    )
