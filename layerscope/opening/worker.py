"""The process that opens an image for the explorer, which only draws.

One request opens the image: its progress is `Event`s, and arrays travel through entries of the cache, or of a private folder
where the cache may not have them. Further requests read layers, at the same time and afterwards.
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
from dataclasses import replace
from functools import partial
from pathlib import Path
from queue import SimpleQueue

from layerscope import signals, text
from layerscope.analysis.cache import ACCOUNTING, DUPLICATES, FILESYSTEM, FINDINGS, ImageCache
from layerscope.channel import ChannelError, Piece, Task, serve_at_once
from layerscope.errors import CancelledError, LayerscopeError
from layerscope.faults import InternalError, as_user_error
from layerscope.filesystem.model import Filesystem
from layerscope.layers.blob import Blob, MissingBlob
from layerscope.layers.cache import IndexCache, Indexed
from layerscope.layers.contents import LayerContents
from layerscope.layers.file_identity import FileChangedError
from layerscope.layers.packing import Packed
from layerscope.layers.store import PrivateStore, Store
from layerscope.opening import messages
from layerscope.opening.allocator import limit_freed_memory, return_freed_memory
from layerscope.opening.cache_lookup import read_cached_image
from layerscope.opening.open import Listener, Opened, Options, analyse
from layerscope.opening.opened import check_digests
from layerscope.opening.run_rules import key_words
from layerscope.progress import NullProgress
from layerscope.sources import Candidate, Request, SourceImage, open_source
from layerscope.sources.base import naming

BEAT_EVERY = 1.0
"""Seconds between two signs of life."""
_REPORT_EVERY = 0.1
"""Seconds between two events of progress."""
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def main() -> None:
    """Run the worker."""
    limit_freed_memory()
    worker = _Worker()
    threading.Thread(target=worker.beat, daemon=True).start()
    serve_at_once(worker.answer)
    signals.end_now(0)  # whatever is still being done


class _Worker:
    """Answers the requests of one explorer."""

    def __init__(self) -> None:
        self._tasks: dict[int, tuple[Task, float]] = {}
        """Those that are being answered, and since when."""
        self._choices: SimpleQueue[int | None] = SimpleQueue()
        self._blobs: Sequence[Blob] = ()
        self._progress = _Progress()

    def beat(self) -> None:
        """Tell those who wait that the process lives."""
        while True:
            time.sleep(BEAT_EVERY)
            began = time.monotonic() - BEAT_EVERY
            for task, since in list(self._tasks.values()):
                if since < began:
                    with suppress(ChannelError):
                        task.progress()

    def answer(self, task: Task) -> list[Piece]:
        """Answer a request."""
        self._tasks[task.number] = (task, time.monotonic())
        try:
            request = messages.decode(task.body, messages.Asking)
            if isinstance(request, messages.Choose):
                self._choices.put(request.number)
                return []
            if isinstance(request, messages.Read):
                return self._read(task, request)
            return self._open(task, request)
        finally:
            self._tasks.pop(task.number, None)

    def _read(self, task: Task, request: messages.Read) -> list[Piece]:
        """Bytes of a layer after a zero, or why they cannot be read."""
        blob = self._blobs[request.layer]
        if blob.digest is not None:
            self._progress.task = task  # fetching it may take long
        try:
            return [b"\0", blob.pread(request.length, request.offset)]
        except CancelledError:
            error = OSError(errno.EINTR, "cancelled")
        except OSError as raised:
            error = raised
        name = error.filename if isinstance(error.filename, str) else None
        changed = isinstance(error, FileChangedError)
        failed = messages.ReadFailed(error.errno, str(error.strerror or error), name, changed)
        return [b"\1", messages.encode(failed)]

    def _open(self, task: Task, asked: messages.Open) -> list[Piece]:
        """The last event; the others are progress."""
        self._progress.task = task
        cache = None if asked.cache is None else Store(Path(asked.cache.folder), asked.cache.size)
        try:
            text.use_binary_sizes(asked.binary)
            if asked.stdin is not None:
                os.dup2(asked.stdin, 0)
                os.close(asked.stdin)
            self._run(task, asked, cache)
            last: messages.Event = messages.Done(None if cache is None else cache.problem)
        except ChannelError:
            raise
        except BaseException as error:
            last = _failure(error, cache)
        gc.collect()
        return_freed_memory()
        return [messages.encode(last)]

    def _run(self, task: Task, asked: messages.Open, cache: Store | None) -> None:
        """Open the image. Raises `LayerscopeError` and `CancelledError`."""
        request, options = _request(asked, self._progress), _options(asked, cache)
        private = Path(asked.private)
        signals.at_end(partial(shutil.rmtree, private, ignore_errors=True))
        sender = _Sender(task, request, options, _Private(private))
        source = open_source(request, partial(self._ask, task))
        self._take(sender, source)
        sender.on_fetched = partial(self._take, sender)
        with naming(request):
            cached = read_cached_image(request, source, options)
            opened = analyse(request, source, options, sender, cached)
            del cached
            if opened.findings is not None:
                sender.judged(opened, options)
        try:
            for number, right in check_digests(opened, self._progress):
                sender.send(messages.Checked(number, right))
        except OSError as error:
            why = error.strerror or error
            raise LayerscopeError(f"{asked.reference}: {why}") from error

    def _take(self, sender: _Sender, source: SourceImage) -> None:
        self._blobs = source.blobs
        sender.describe(source)

    def _ask(self, task: Task, candidates: Sequence[Candidate]) -> Candidate | None:
        """Have the user choose."""
        task.progress(messages.encode(messages.Asked(messages.offers(candidates))))
        number = self._choices.get()
        return None if number is None else candidates[number]


class _Progress(NullProgress):
    """Sends progress as events, a few a second."""

    def __init__(self) -> None:
        self.task: Task | None = None
        """Whoever waits for it."""
        self._moved = messages.Moved("", None, 0)
        self._reported = 0.0

    def stage(self, name: str, total: int | None = None) -> None:
        self._moved = messages.Moved(name, total, 0)
        self._report()

    def advance(self, done: int) -> None:
        self._moved.done += done
        if time.monotonic() - self._reported >= _REPORT_EVERY:
            self._report()

    def cancelled(self) -> bool:
        return self.task is not None and self.task.cancelled()

    def _report(self) -> None:
        self._reported = time.monotonic()
        if self.task is not None:
            self.task.progress(messages.encode(self._moved))


class _Sender(Listener):
    """Sends the results of `analyse`, and sees to it that their entries are where the explorer finds them."""

    wants_expected = True

    def __init__(self, task: Task, request: Request, options: Options, private: _Private) -> None:
        self._task = task
        self._limits = request.limits
        self._private = private
        self._private_indexes = IndexCache(private, request.limits)
        self._indexes = None if options.cache is None else IndexCache(options.cache, request.limits)
        self._options = options
        self._keys: list[str] = []
        self._known: dict[int, tuple[str, bool]] = {}
        """Key of each index by its `id`, and whether it is in the private store."""
        self._kept: list[object] = []
        """Indexes of these, so that the `id`s stay theirs."""
        self._cache: ImageCache | None = None
        self._shelf: ImageCache | None = None
        self.on_fetched = self.describe

    def send(self, event: messages.Event) -> None:
        """Send an event."""
        self._task.progress(messages.encode(event))

    def describe(self, source: SourceImage) -> None:
        """Send what is known before a layer is read."""
        self.send(
            messages.Described(
                source.image,
                [_facts(blob) for blob in source.blobs],
                source.damage,
                source.awaits_export,
            )
        )

    def fetched(self, source: SourceImage) -> None:
        self.on_fetched(source)

    def expected(self, filesystem: Filesystem) -> None:
        shelf = self._on_shelf(["expected"])
        shelf.keep_filesystem(filesystem)
        self.send(messages.Expected("expected"))

    def layer_indexed(self, number: int, indexed: Indexed) -> None:
        index, key = indexed.index, indexed.key
        if id(index) not in self._known:
            held = key is not None and self._indexes is not None and self._indexes.holds(key)
            own = key if key is not None else f"{number:064x}"
            if not held:
                self._private_indexes.write(own, index)
            self._known[id(index)] = (own, not held)
            self._kept.append(index)
        own, private = self._known[id(index)]
        self._keys.append(own)
        self.send(messages.Indexed(number, own, private))

    def stacked(self, opened: Opened, cache: ImageCache) -> Opened:
        self._kept.clear()
        self._cache, self._shelf = cache, self._on_shelf(self._keys)
        filesystem = opened.filesystem
        private = not cache.holds(FILESYSTEM)
        if private:
            self._shelf.keep_filesystem(filesystem)
        accounting_private = not cache.holds(ACCOUNTING)
        if accounting_private:
            self._shelf.keep_accounting(opened.accounting, filesystem)
        overwritten = [
            number for number, layer in enumerate(opened.contents) if layer.blob.overwritten
        ]
        self.send(
            messages.Stacked(
                self._keys, private, accounting_private, list(opened.warnings), overwritten
            )
        )
        mapped = (self._shelf if private else cache).filesystem(opened.indexes)
        return opened if mapped is None else _over(opened, mapped, self._options)

    def compared(self, opened: Opened) -> None:
        assert self._cache is not None  # noqa: S101  # for the types: it is stacked before
        assert self._shelf is not None  # noqa: S101
        private = not self._cache.holds(DUPLICATES)
        if private:
            self._shelf.keep_duplicates(opened.duplicates or (), opened.filesystem)
        self.send(messages.Compared(private))

    def judged(self, opened: Opened, options: Options) -> None:
        """Send the findings."""
        assert self._cache is not None  # noqa: S101
        assert self._shelf is not None  # noqa: S101
        assert opened.findings is not None  # noqa: S101
        words = key_words(opened, options.rules, options.base_steps)
        private = not self._cache.holds(FINDINGS, words)
        if private:
            self._shelf.keep_findings(opened.findings, words, opened.filesystem)
        self.send(messages.Judged(words, private))

    def _on_shelf(self, keys: Sequence[str]) -> ImageCache:
        return ImageCache(self._private, keys, (), self._limits, passing=True)


def _over(opened: Opened, filesystem: Filesystem, options: Options) -> Opened:
    """The same image over the same filesystem as it was stored: its arrays lie in a file, which the explorer maps, too."""
    indexes = filesystem.inodes.shared_with(opened.indexes, names=options.names)
    contents = [
        LayerContents(old.blob, index, old.limits)
        for old, index in zip(opened.contents, indexes, strict=True)
    ]
    return replace(opened, filesystem=filesystem, indexes=indexes, contents=contents)


def _facts(blob: Blob) -> messages.BlobFacts:
    missing = blob.why if isinstance(blob, MissingBlob) else None
    return messages.BlobFacts(blob.name, blob.size, blob.is_tar, blob.digest, missing)


def _request(asked: messages.Open, progress: _Progress) -> Request:
    return Request(
        asked.reference,
        asked.image,
        asked.platform,
        asked.limits,
        progress,
        messages.path_or_none(asked.store_root),
        asked.pull,
    )


def _options(asked: messages.Open, cache: Store | None) -> Options:
    return Options(
        verify=asked.verify,
        verify_small=asked.verify_small,
        duplicates=asked.duplicates,
        rules=asked.rules,
        names=False,
        dockerfile=asked.dockerfile,
        base_steps=asked.base_steps,
        cache=cache,
    )


class _Private(PrivateStore):
    """Raises `LayerscopeError` for what cannot be written."""

    def write(self, kind: str, key: str, packed: Packed) -> None:
        """Write an entry."""
        try:
            super().write(kind, key, packed)
        except OSError as error:
            place = self.folder.parent
            full = error.errno in _FULL
            why = (
                f"no space left in {place}"
                if full
                else f"cannot write in {place}: {error.strerror or error}"
            )
            raise LayerscopeError(
                f"{why} for what the explorer shows",
                hint="set TMPDIR to a folder with enough space",
            ) from error


def _failure(error: BaseException, cache: Store | None) -> messages.Failed:
    """An error as it is sent."""
    problem = None if cache is None else cache.problem
    if isinstance(error, CancelledError):
        return messages.Failed("cancelled", None, "", 130, problem, cancelled=True)
    said = as_user_error(error)
    return messages.Failed(
        said.message,
        said.hint,
        said.title,
        int(said.exit_code),
        problem,
        said.report if isinstance(said, InternalError) else None,
        said.place if isinstance(said, InternalError) else "",
    )
